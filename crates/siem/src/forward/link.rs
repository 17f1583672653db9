//! A connection to a receiver. Every call ends in bounded time, and early when the forwarder stops.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use rustls::ClientConnection;

use super::{Destination, Framing, Shared, Transport};

/// Longest wait inside the kernel, so that a stop is seen.
const SLICE: Duration = Duration::from_millis(100);

/// Datagrams of this size pass any path.
const MAX_DATAGRAM: usize = 65_507;

#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("no address for {0}: {1}")]
    Resolve(String, io::Error),
    #[error("no connection to {0}: {1}")]
    Connect(String, io::Error),
    #[error("TLS files: {0}")]
    Material(String),
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the receiver took too long {0}")]
    Slow(&'static str),
    #[error("the receiver closed the connection")]
    Closed,
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("stopped")]
    Stopped,
}

pub(super) struct Link<'a> {
    wire: Wire,
    framing: Option<Framing>,
    /// How long connecting took: at least one way there and back.
    round_trip: Duration,
    limits: Limits<'a>,
}

enum Wire {
    Tcp(TcpStream),
    Tls(Box<ClientConnection>, TcpStream),
    Udp(UdpSocket),
}

struct Limits<'a> {
    shared: &'a Shared,
    write: Duration,
}

impl Limits<'_> {
    /// Whether waiting since `since` must end.
    fn check(&self, since: Instant, most: Duration, what: &'static str) -> Result<(), LinkError> {
        let now = Instant::now();
        if self.shared.stop().is_some_and(|stop| now >= stop) {
            return Err(LinkError::Stopped);
        }
        if now.duration_since(since) >= most { Err(LinkError::Slow(what)) } else { Ok(()) }
    }
}

impl<'a> Link<'a> {
    pub(super) fn connect(to: &Destination, shared: &'a Shared) -> Result<Self, LinkError> {
        let limits = Limits { shared, write: to.timing.write };
        let begun = Instant::now();
        let (wire, framing) = match &to.transport {
            Transport::Udp => (Wire::Udp(datagram(&to.address)?), None),
            Transport::Tcp(framing) => (Wire::Tcp(stream(to)?), Some(*framing)),
            Transport::Tls(options) => {
                let config = options.config().map_err(LinkError::Material)?;
                let name = options.server_name(&to.address).map_err(LinkError::Material)?;
                let connection = Box::new(ClientConnection::new(config, name)?);
                (Wire::Tls(connection, stream(to)?), Some(Framing::OctetCounting))
            }
        };
        let round_trip = begun.elapsed();
        let mut link = Self { wire, framing, round_trip, limits };
        link.handshake(begun, to.timing.connect)?;
        Ok(link)
    }

    fn handshake(&mut self, begun: Instant, most: Duration) -> Result<(), LinkError> {
        let Wire::Tls(connection, stream) = &mut self.wire else { return Ok(()) };
        // Our last flight goes out here too: the receiver waits for it, and may wait long for an event.
        while connection.is_handshaking() || connection.wants_write() {
            let step = if connection.wants_write() {
                connection.write_tls(stream).map(|_| true)
            } else {
                connection.read_tls(stream).map(|count| count > 0)
            };
            match step {
                Ok(true) => {
                    if let Err(error) = connection.process_new_packets() {
                        // The alert that says why.
                        let _ = connection.write_tls(stream);
                        return Err(error.into());
                    }
                }
                Ok(false) => return Err(LinkError::Closed),
                Err(e) if is_wait(&e) => {}
                Err(e) => return Err(LinkError::Broken(e)),
            }
            self.limits.check(begun, most, "to shake hands")?;
        }
        Ok(())
    }

    /// Puts a message into its frame.
    pub(super) fn frame(&self, message: &str, buffer: &mut Vec<u8>) {
        match self.framing {
            // A datagram is its own frame; the length here only parts them in the buffer.
            None | Some(Framing::OctetCounting) => {
                buffer.extend_from_slice(message.len().to_string().as_bytes());
                buffer.push(b' ');
                buffer.extend_from_slice(message.as_bytes());
            }
            Some(Framing::LineFeed) => {
                buffer.extend_from_slice(message.as_bytes());
                buffer.push(b'\n');
            }
        }
    }

    /// Whether what was sent needs no confirmation.
    pub(super) fn is_datagram(&self) -> bool {
        matches!(self.wire, Wire::Udp(_))
    }

    /// Hands framed messages to the kernel.
    pub(super) fn send(&mut self, mut bytes: &[u8]) -> Result<(), LinkError> {
        let mut since = Instant::now();
        match &mut self.wire {
            Wire::Udp(socket) => send_datagrams(socket, bytes),
            Wire::Tcp(stream) => {
                while !bytes.is_empty() {
                    match stream.write(bytes) {
                        Ok(count) if count > 0 => {
                            bytes = bytes.get(count..).unwrap_or_default();
                            since = Instant::now();
                        }
                        Ok(_) => return Err(LinkError::Closed),
                        Err(e) if is_wait(&e) => {}
                        Err(e) => return Err(LinkError::Broken(e)),
                    }
                    self.limits.check(since, self.limits.write, "to take bytes")?;
                }
                Ok(())
            }
            Wire::Tls(connection, stream) => {
                while !bytes.is_empty() || connection.wants_write() {
                    let count = connection.writer().write(bytes).map_err(LinkError::Broken)?;
                    bytes = bytes.get(count..).unwrap_or_default();
                    if count > 0 {
                        since = Instant::now();
                    }
                    match connection.write_tls(stream) {
                        Ok(count) if count > 0 => since = Instant::now(),
                        Ok(_) if !connection.wants_write() => {}
                        Ok(_) => return Err(LinkError::Closed),
                        Err(e) if is_wait(&e) => {}
                        Err(e) => return Err(LinkError::Broken(e)),
                    }
                    self.limits.check(since, self.limits.write, "to take bytes")?;
                }
                Ok(())
            }
        }
    }

    /// Whether the peer still keeps its side of the connection. What it says is read and dropped.
    pub(super) fn check(&mut self) -> Result<(), LinkError> {
        let stream = match &self.wire {
            Wire::Udp(_) => return Ok(()),
            Wire::Tcp(stream) | Wire::Tls(_, stream) => stream,
        };
        stream.set_nonblocking(true).map_err(LinkError::Broken)?;
        let result = self.drain();
        if let Wire::Tcp(stream) | Wire::Tls(_, stream) = &self.wire {
            stream.set_nonblocking(false).map_err(LinkError::Broken)?;
        }
        match result {
            Ok(()) => Err(LinkError::Closed),
            Err(LinkError::Broken(e)) if is_wait(&e) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Ends our side and waits for the peer to end its own: then it has read all we sent.
    pub(super) fn finish(mut self, most: Duration) -> Result<(), LinkError> {
        // An end that came before ours would confirm nothing.
        self.check()?;
        if let Wire::Tls(connection, _) = &mut self.wire {
            connection.send_close_notify();
            self.send(&[])?;
        }
        let stream = match &self.wire {
            Wire::Udp(_) => return Ok(()),
            Wire::Tcp(stream) | Wire::Tls(_, stream) => stream,
        };
        stream.shutdown(Shutdown::Write).map_err(LinkError::Broken)?;
        let since = Instant::now();
        loop {
            match self.drain() {
                Ok(()) => break,
                Err(LinkError::Broken(e)) if is_wait(&e) => {}
                Err(e) => return Err(e),
            }
            self.limits.check(since, most, "to end the connection")?;
        }
        // If the peer had ended its side by itself at the same moment, our last bytes met a closed
        // socket, and the reset that answers them is on its way.
        let pause = (self.round_trip * 4).clamp(SLICE / 2, SLICE * 5);
        std::thread::sleep(pause);
        let (Wire::Tcp(stream) | Wire::Tls(_, stream)) = &self.wire else { return Ok(()) };
        match stream.take_error() {
            Ok(None) => Ok(()),
            Ok(Some(e)) | Err(e) => Err(LinkError::Broken(e)),
        }
    }

    /// Reads until the peer's end, which is `Ok`; having to wait is an error like others.
    fn drain(&mut self) -> Result<(), LinkError> {
        let mut scratch = [0; 4096];
        loop {
            let count = match &mut self.wire {
                Wire::Udp(_) => 0,
                Wire::Tcp(stream) => stream.read(&mut scratch).map_err(LinkError::Broken)?,
                Wire::Tls(connection, stream) => {
                    let count = connection.read_tls(stream).map_err(LinkError::Broken)?;
                    let state = connection.process_new_packets()?;
                    let mut left = state.plaintext_bytes_to_read();
                    while left > 0 {
                        let read = connection.reader().read(&mut scratch);
                        left = left.saturating_sub(read.map_err(LinkError::Broken)?.max(1));
                    }
                    count
                }
            };
            if count == 0 {
                return Ok(());
            }
        }
    }
}

/// Whether an error only says that the time slice is over.
fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn stream(to: &Destination) -> Result<TcpStream, LinkError> {
    let resolve = |e| LinkError::Resolve(to.address.clone(), e);
    let mut last = ErrorKind::NotFound.into();
    for address in to.address.to_socket_addrs().map_err(resolve)? {
        match TcpStream::connect_timeout(&address, to.timing.connect) {
            Ok(stream) => {
                prepare(&stream).map_err(LinkError::Broken)?;
                return Ok(stream);
            }
            Err(e) => last = e,
        }
    }
    Err(LinkError::Connect(to.address.clone(), last))
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SLICE))?;
    stream.set_write_timeout(Some(SLICE))?;
    // A peer that lost its power says nothing more: ask.
    rustix::net::sockopt::set_socket_keepalive(stream, true)?;
    #[cfg(target_os = "linux")]
    {
        use rustix::net::sockopt;
        sockopt::set_tcp_keepidle(stream, Duration::from_secs(30))?;
        sockopt::set_tcp_keepintvl(stream, Duration::from_secs(10))?;
        sockopt::set_tcp_keepcnt(stream, 3)?;
    }
    Ok(())
}

fn datagram(address: &str) -> Result<UdpSocket, LinkError> {
    let resolve = |e| LinkError::Resolve(address.to_owned(), e);
    let to = address.to_socket_addrs().map_err(resolve)?.next();
    let to = to.ok_or_else(|| resolve(ErrorKind::NotFound.into()))?;
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let connect = |e| LinkError::Connect(address.to_owned(), e);
    let socket = UdpSocket::bind(any).map_err(connect)?;
    socket.connect(to).map_err(connect)?;
    Ok(socket)
}

/// One datagram for each `LENGTH SP MESSAGE` of the buffer.
fn send_datagrams(socket: &UdpSocket, mut bytes: &[u8]) -> Result<(), LinkError> {
    while let Some(space) = bytes.iter().position(|b| *b == b' ') {
        let (length, rest) = bytes.split_at(space);
        let length = std::str::from_utf8(length).ok().and_then(|l| l.parse::<usize>().ok());
        let end = 1 + length.unwrap_or_default().min(MAX_DATAGRAM);
        match socket.send(rest.get(1..end).unwrap_or_default()) {
            // Refused: somebody answered that nobody listens. That is no reason to wait.
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => {}
            Err(e) => return Err(LinkError::Broken(e)),
        }
        bytes = rest.get(end..).unwrap_or_default();
    }
    Ok(())
}
