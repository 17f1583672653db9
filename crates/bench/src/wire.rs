//! One connection to a server: a frame out, a frame in, nothing else. Leaner than
//! [`strongroom_client::Connection`], which sets a deadline for each system call.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::{ClientConfig, ClientConnection, ConnectionCommon, SideData};
use rustls_pki_types::ServerName;
use strongroom_client::{Config, Connector};
use strongroom_kmip::ttlv::HEADER_LEN;

use crate::failure::{Failure, Outcome};

/// No reply takes longer, or it counts as a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// What stands at the front of a successful item: Result Status, Enumeration, four bytes, Success.
const SUCCESS: [u8; 12] = [0x42, 0x00, 0x7F, 0x05, 0, 0, 0, 4, 0, 0, 0, 0];

/// Where a server is and how to speak to it.
#[derive(Clone)]
pub struct Endpoint {
    /// Host and port.
    pub address: String,
    name: ServerName<'static>,
    /// Sessions are resumed, as clients do.
    resuming: Arc<ClientConfig>,
    /// Each handshake is a full one.
    fresh: Arc<ClientConfig>,
}

impl Endpoint {
    /// The endpoint of a client configuration.
    pub fn new(config: &Config) -> Outcome<Self> {
        let address = config.addresses.first().cloned().unwrap_or_default();
        let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
        let name = config.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.trim_matches(['[', ']']).to_owned())
            .map_err(|_| Failure(format!("'{name}' is no server name")))?;
        let resuming = Connector::new(config)?.tls();
        let mut fresh = ClientConfig::clone(&resuming);
        fresh.resumption = Resumption::disabled();
        Ok(Self { address, name, resuming, fresh: Arc::new(fresh) })
    }
}

/// A connection.
pub struct Wire {
    tls: ClientConnection,
    tcp: TcpStream,
    frame: Frame,
    status_at: usize,
}

impl Wire {
    /// Connects, with a full handshake or a resumed one.
    pub fn open(endpoint: &Endpoint, resume: bool) -> Outcome<Self> {
        let mut tcp = TcpStream::connect(&endpoint.address)
            .map_err(Failure::about(format_args!("connect to {}", endpoint.address)))?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let config = if resume { &endpoint.resuming } else { &endpoint.fresh };
        let mut tls = ClientConnection::new(config.clone(), endpoint.name.clone())?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp).map_err(Failure::about("handshake"))?;
        }
        Ok(Self { tls, tcp, frame: Frame::default(), status_at: 0 })
    }

    /// Sends a request and waits for its reply.
    pub fn exchange(&mut self, request: &[u8]) -> Outcome<&[u8]> {
        send(&mut self.tls, &mut self.tcp, request)?;
        match self.frame.receive(&mut self.tls, &mut self.tcp)? {
            true => Ok(self.frame.bytes()),
            false => Err(Failure("the server closed the connection".to_owned())),
        }
    }

    /// Whether the last reply says Success.
    pub fn succeeded(&mut self) -> bool {
        let frame = self.frame.bytes();
        if frame.get(self.status_at..).is_some_and(|at| at.starts_with(&SUCCESS)) {
            return true;
        }
        // Replies of one server have it at the same place; look for it where they do not.
        let found = frame.windows(SUCCESS.len()).position(|w| w == SUCCESS);
        self.status_at = found.unwrap_or(self.status_at);
        found.is_some()
    }

    /// The last reply.
    pub fn reply(&self) -> &[u8] {
        self.frame.bytes()
    }

    /// Says goodbye.
    pub fn close(mut self) {
        self.tls.send_close_notify();
        let _ = self.tls.write_tls(&mut self.tcp);
    }
}

/// Writes a frame.
pub fn send<D: SideData>(
    tls: &mut ConnectionCommon<D>,
    tcp: &mut TcpStream,
    frame: &[u8],
) -> Outcome<()> {
    tls.writer().write_all(frame)?;
    while tls.wants_write() {
        tls.write_tls(tcp).map_err(Failure::about("send"))?;
    }
    Ok(())
}

/// A buffer for one frame at a time.
#[derive(Default)]
pub struct Frame {
    buffer: Vec<u8>,
    length: usize,
}

impl Frame {
    /// The frame received last.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// Reads a whole frame; false when the peer has closed. The peer must not send more than one.
    pub fn receive<D: SideData>(
        &mut self,
        tls: &mut ConnectionCommon<D>,
        tcp: &mut TcpStream,
    ) -> Outcome<bool> {
        self.length = 0;
        let mut wanted = HEADER_LEN;
        loop {
            if self.buffer.len() < wanted.max(4096) {
                self.buffer.resize(wanted.max(4096), 0);
            }
            match tls.reader().read(&mut self.buffer[self.length..]) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    self.length += read;
                    if let Some(header) = self.buffer[..self.length].first_chunk::<HEADER_LEN>() {
                        let [.., a, b, c, d] = *header;
                        wanted = HEADER_LEN + u32::from_be_bytes([a, b, c, d]) as usize;
                    }
                    if self.length >= wanted {
                        return Ok(true);
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    if tls.read_tls(tcp).map_err(Failure::about("receive"))? == 0 {
                        return Ok(false);
                    }
                    let fresh = tls.process_new_packets().map(drop);
                    // What the handshake has to say, or the alert.
                    while tls.wants_write() {
                        tls.write_tls(tcp).map_err(Failure::about("send"))?;
                    }
                    fresh?;
                }
                // Closed without goodbye.
                Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(false),
                Err(e) => return Err(e.into()),
            }
        }
    }
}
