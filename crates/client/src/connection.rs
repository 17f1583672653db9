//! One connection: frames out, frames in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom_kmip::ttlv::{HEADER_LEN, frame_len};
use strongroom_kmip::{Encoder, Operation, ProtocolVersion, RequestBuilder};
use zeroize::Zeroizing;

use crate::config::{Config, Connector};
use crate::error::Error;
use crate::message::Reply;
use crate::stream::Stream;

/// A connection to one server. Requests go one after the other.
pub struct Connection {
    stream: Stream,
    config: Arc<Config>,
    version: ProtocolVersion,
    usable: bool,
}

impl Connection {
    /// A connection to the first server of the list that accepts one. To open several, keep a
    /// [`Connector`].
    ///
    /// # Errors
    /// As [`Connector::new`] and [`Connector::open`].
    pub fn open(config: &Config) -> Result<Self, Error> {
        Connector::new(config)?.open()
    }

    pub(crate) fn new(stream: Stream, config: Arc<Config>) -> Self {
        Self { stream, version: config.version, config, usable: true }
    }

    /// The address that this connection leads to.
    pub fn address(&self) -> &str {
        self.stream.address()
    }

    /// The version that requests are written in.
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// Changes the version of further requests; each message may use another.
    pub fn set_version(&mut self, version: ProtocolVersion) {
        self.version = version;
    }

    /// False after a failure that leaves the stream at an unknown place.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Sends one encoded request message and returns the reply message, within the configured
    /// request timeout. The bytes are not looked into beyond the reply's length.
    ///
    /// # Errors
    /// [`Error::Timeout`], [`Error::Closed`], [`Error::Lost`], [`Error::Certificate`] (a server
    /// that speaks TLS 1.3 refuses late), [`Error::BadReply`] for a reply over the limits. After
    /// each of them the connection is unusable.
    pub fn roundtrip(&mut self, request: &[u8]) -> Result<Vec<u8>, Error> {
        self.roundtrip_within(request, self.config.request_timeout)
    }

    /// [`roundtrip`](Self::roundtrip) with a timeout of its own.
    ///
    /// # Errors
    /// As [`roundtrip`](Self::roundtrip).
    pub fn roundtrip_within(
        &mut self,
        request: &[u8],
        timeout: Duration,
    ) -> Result<Vec<u8>, Error> {
        if !self.usable {
            return Err(Error::Unusable);
        }
        self.stream.set_deadline(Instant::now() + timeout);
        let reply = self.exchange(request);
        self.usable = reply.is_ok();
        reply
    }

    /// Sends bytes without waiting for anything: for tests of what a server does with half a
    /// frame.
    ///
    /// # Errors
    /// As [`roundtrip`](Self::roundtrip).
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.set_deadline(Instant::now() + self.config.request_timeout);
        self.stream.send(bytes)
    }

    /// Reads one reply frame that is due.
    ///
    /// # Errors
    /// As [`roundtrip`](Self::roundtrip).
    pub fn receive_raw(&mut self) -> Result<Vec<u8>, Error> {
        self.stream.set_deadline(Instant::now() + self.config.request_timeout);
        self.read_frame()
    }

    /// Sends a request of one batch item and returns its reply.
    ///
    /// # Errors
    /// As [`roundtrip`](Self::roundtrip), and [`Error::Refused`] when the server refused the
    /// operation, after which the connection stays usable.
    pub fn call(
        &mut self,
        operation: Operation,
        payload: impl FnOnce(&mut Encoder),
    ) -> Result<Reply, Error> {
        let request = RequestBuilder::new(self.version).item(operation, payload);
        let bytes = Zeroizing::new(request.finish());
        let reply = self.roundtrip(&bytes)?;
        Reply::read(reply, operation, &self.config.limits)
    }

    /// Ends TLS properly and closes. Dropping does the same.
    pub fn close(self) {}

    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, Error> {
        self.stream.send(request)?;
        self.read_frame()
    }

    fn read_frame(&mut self) -> Result<Vec<u8>, Error> {
        let mut header = [0; HEADER_LEN];
        self.stream.receive(&mut header)?;
        let length =
            frame_len(&header, &self.config.limits).map_err(|e| Error::BadReply(e.to_string()))?;
        let mut frame = vec![0; length.max(HEADER_LEN)];
        let (head, body) = frame.split_at_mut(HEADER_LEN);
        head.copy_from_slice(&header);
        self.stream.receive(body)?;
        Ok(frame)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stream.close();
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("address", &self.address())
            .field("version", &self.version)
            .field("usable", &self.usable)
            .finish_non_exhaustive()
    }
}
