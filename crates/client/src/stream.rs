//! A TLS stream whose every operation ends by a deadline.
//!
//! Socket timeouts bound one system call; a peer that sends a byte a second would stretch a reply
//! for ever. So the socket is wrapped: before each call the timeout is set to what is left.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::error::Error;

struct Socket {
    tcp: TcpStream,
    deadline: Instant,
}

impl Socket {
    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(Some(self.left()?))?;
        self.tcp.read(buf)
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(Some(self.left()?))?;
        self.tcp.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

pub(crate) struct Stream {
    tls: StreamOwned<ClientConnection, Socket>,
    address: String,
}

impl Stream {
    pub(crate) fn connect(
        address: &str,
        name: ServerName<'static>,
        config: Arc<ClientConfig>,
        deadline: Instant,
    ) -> Result<Self, Error> {
        let tcp = dial(address, deadline)?;
        let session =
            ClientConnection::new(config, name).map_err(|e| Error::from_tls(&e, address))?;
        let mut tls = StreamOwned::new(session, Socket { tcp, deadline });
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock).map_err(|e| {
                match Error::from_io(e, address, "making the TLS connection") {
                    Error::Closed => Error::Tls {
                        address: address.to_owned(),
                        reason: "the server closed the connection during the handshake".to_owned(),
                    },
                    other => other,
                }
            })?;
        }
        Ok(Self { tls, address: address.to_owned() })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn set_deadline(&mut self, deadline: Instant) {
        self.tls.sock.deadline = deadline;
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        const DOING: &str = "sending the request";
        let sent = self.tls.write_all(bytes).and_then(|()| self.tls.flush());
        match sent {
            Ok(()) => Ok(()),
            // The server may have refused the certificate and hung up: its alert says more than
            // the broken pipe.
            Err(e) if is_hang_up(&e) => {
                let mut byte = [0];
                match self.tls.read(&mut byte) {
                    Err(alert) if alert.get_ref().is_some_and(|e| e.is::<rustls::Error>()) => {
                        Err(Error::from_io(alert, &self.address, DOING))
                    }
                    _ => Err(Error::from_io(e, &self.address, DOING)),
                }
            }
            Err(e) => Err(Error::from_io(e, &self.address, DOING)),
        }
    }

    pub(crate) fn receive(&mut self, buf: &mut [u8]) -> Result<(), Error> {
        self.tls
            .read_exact(buf)
            .map_err(|e| Error::from_io(e, &self.address, "waiting for the reply"))
    }

    /// Says goodbye to TLS and closes, without waiting for the peer.
    pub(crate) fn close(&mut self) {
        self.tls.conn.send_close_notify();
        self.tls.sock.deadline = Instant::now() + Duration::from_millis(200);
        let _ = self.tls.conn.write_tls(&mut self.tls.sock);
        let _ = self.tls.sock.tcp.shutdown(Shutdown::Both);
    }
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
    )
}

/// Tries every address that the name stands for.
fn dial(address: &str, deadline: Instant) -> Result<TcpStream, Error> {
    let failed = |source| Error::Connect { address: address.to_owned(), source };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name stands for no address");
    for target in address.to_socket_addrs().map_err(failed)? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::Timeout { doing: "connecting" });
        }
        match TcpStream::connect_timeout(&target, left) {
            Ok(tcp) => {
                // Requests are single small writes: waiting to fill a packet only adds delay.
                tcp.set_nodelay(true).map_err(failed)?;
                return Ok(tcp);
            }
            Err(e) => last = e,
        }
    }
    match last.kind() {
        io::ErrorKind::TimedOut => Err(Error::Timeout { doing: "connecting" }),
        _ => Err(failed(last)),
    }
}
