//! The KMIP port: TLS, frames, order, limits in time and space.
//!
//! One task serves one connection and answers its requests in order. A request is read with as
//! few system calls as it came in packets, handed to the engine, and its reply goes out in one
//! write. Nothing is spawned and no timer is armed for a request whose bytes are all there.
//!
//! What a peer can do to this file: be slow (every wait has a bound), announce a huge message
//! (memory grows with the bytes received, not with the length announced), open many connections
//! (see [`crate::admission`]), or not take its replies (bounded, and one reply at a time).

use core::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use strongroom_kmip::Limits;
use strongroom_kmip::ttlv::{HEADER_LEN, frame_len};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroize;

use crate::admission::{Gate, Tally};
use crate::config;
use crate::identity::Identity;
use crate::service::Handler;
use crate::tls::Live;

/// Bytes that a connection reads for first: most requests fit.
const FIRST_READ: usize = 4096;

/// A frame may take the frame timeout and one second more for every so many bytes that came.
const BYTES_PER_SECOND: usize = 64 << 10;

/// What all connections of the port share.
pub struct Port {
    /// The key manager.
    pub handler: Arc<dyn Handler>,
    /// The TLS side.
    pub tls: Arc<Live>,
    /// Bounds.
    pub bounds: Bounds,
    /// The cap on connections.
    pub gate: Arc<Gate>,
    /// Failed handshakes.
    pub strangers: Tally,
    /// Connections refused by the cap.
    pub refused: Tally,
}

/// The bounds of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// On the TLS handshake.
    pub handshake: Duration,
    /// On finishing a frame, or taking a reply.
    pub frame: Duration,
    /// On silence between frames.
    pub idle: Duration,
    /// On requests under way at stop.
    pub drain: Duration,
    /// On a frame's bytes.
    pub limits: Limits,
}

impl Port {
    /// A port as configured.
    pub fn new(handler: Arc<dyn Handler>, tls: Arc<Live>, kmip: &config::Kmip) -> Arc<Self> {
        Arc::new(Self {
            handler,
            tls,
            bounds: Bounds {
                handshake: kmip.handshake_timeout,
                frame: kmip.frame_timeout,
                idle: kmip.idle_timeout,
                drain: kmip.drain_timeout,
                limits: kmip.limits(),
            },
            gate: Gate::new(kmip.max_connections),
            strangers: Tally::new(Duration::from_secs(10)),
            refused: Tally::new(Duration::from_secs(10)),
        })
    }

    /// Accepts until `stop` says true, then lets the requests under way finish.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        let mut tick = tokio::time::interval(Duration::from_secs(10));
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((tcp, peer)) => match self.gate.enter(peer.ip()) {
                        Some(place) => {
                            let (port, stop) = (self.clone(), stop.clone());
                            connections.spawn(async move {
                                port.connection(tcp, peer, stop).await;
                                drop(place);
                            });
                        }
                        None => self.refuse(peer),
                    },
                    Err(e) => {
                        // Out of file descriptors, most likely: closing connections help, a
                        // busy loop does not.
                        tracing::warn!(error = %e, "accepting a KMIP connection failed");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(ended) = connections.join_next(), if !connections.is_empty() => {
                    if let Err(e) = ended {
                        tracing::error!(error = %e, "a KMIP connection's task ended badly");
                    }
                }
                _ = tick.tick() => self.report(false),
                () = stopped(&mut stop) => break,
            }
        }
        drop(listener);
        let drained =
            timeout(self.bounds.drain, async { while connections.join_next().await.is_some() {} });
        if drained.await.is_err() {
            tracing::warn!(left = connections.len(), "KMIP requests did not finish in time");
            connections.shutdown().await;
        }
        self.report(true);
    }

    fn refuse(&self, peer: SocketAddr) {
        if let Some(line) =
            self.refused.count(Instant::now().into(), "refused by the cap", &peer.to_string())
        {
            tracing::warn!("{line}");
            self.handler.refused("connections-refused", &line);
        }
    }

    fn stranger(&self, peer: SocketAddr, reason: &'static str) {
        tracing::debug!(%peer, reason, "handshake failed");
        if let Some(line) = self.strangers.count(Instant::now().into(), reason, &peer.to_string()) {
            self.handler.refused("handshakes-failed", &line);
        }
    }

    fn report(&self, at_end: bool) {
        let now = Instant::now().into();
        if let Some(line) = self.strangers.flush(now, at_end) {
            self.handler.refused("handshakes-failed", &line);
        }
        if let Some(line) = self.refused.flush(now, at_end) {
            self.handler.refused("connections-refused", &line);
        }
    }

    async fn connection(&self, tcp: TcpStream, peer: SocketAddr, stop: watch::Receiver<bool>) {
        // A reply is one segment; waiting to fill it up costs 40 ms with a peer that delays its
        // acknowledgements.
        if tcp.set_nodelay(true).is_err() {
            return;
        }
        let handshake = TlsAcceptor::from(self.tls.current()).accept(tcp);
        let mut stream = match timeout(self.bounds.handshake, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) => return self.stranger(peer, handshake_failure(&e)),
            Err(_) => return self.stranger(peer, "the handshake took too long"),
        };
        let identity = match stream.get_ref().1.peer_certificates().and_then(<[_]>::first) {
            Some(certificate) => Identity::of_certificate(certificate, peer),
            None => return self.stranger(peer, "no client certificate"),
        };
        let identity = match identity {
            Ok(identity) if !identity.counts_at(now()) => {
                return self.stranger(peer, "a resumed session of a certificate out of its dates");
            }
            Ok(identity) if self.handler.is_revoked(&identity.caller.fingerprint) => {
                return self.stranger(peer, "a revoked certificate");
            }
            Ok(identity) if self.tls.refuses(&identity, now()).is_some() => {
                let why = self.tls.refuses(&identity, now()).unwrap_or("a revoked certificate");
                return self.stranger(peer, why);
            }
            Ok(identity) => identity,
            Err(unusable) => return self.stranger(peer, unusable.0),
        };
        let end = self.converse(&mut stream, &identity, stop).await;
        if !matches!(end, End::Closed | End::Stopping) {
            tracing::debug!(%peer, user = identity.caller.user, ?end, "KMIP connection ended");
        }
        if matches!(end, End::FrameTooSlow | End::ReplyTooSlow) {
            return; // A peer that slow would make us wait for it to take the alert, too.
        }
        let _ = timeout(Duration::from_secs(1), stream.shutdown()).await;
    }

    /// Serves requests until one side has enough.
    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        identity: &Identity,
        mut stop: watch::Receiver<bool>,
    ) -> End {
        let mut frames = Frames::new(self.bounds);
        let mut stopping = pin!(stopped(&mut stop));
        loop {
            let (frame, last) = match frames.next(stream, stopping.as_mut()).await {
                Next::Frame(frame) => (frame, None),
                // The engine words the refusal, and the audit has it.
                Next::Unacceptable(header) => (header, Some(End::Unacceptable)),
                Next::End(end) => return end,
            };
            // Between two requests the world may have changed.
            if self.handler.is_revoked(&identity.caller.fingerprint) {
                self.handler.refused(
                    "certificate-refused",
                    &format!(
                        "{} used a revoked certificate on an open connection",
                        identity.caller.user
                    ),
                );
                return End::Revoked;
            }
            if let Some(why) = self.tls.refuses(identity, now()) {
                let user = &identity.caller.user;
                let text = format!("{user} used {why}, on an open connection");
                self.handler.refused("certificate-refused", &text);
                return End::Revoked;
            }
            if !identity.counts_at(now()) {
                return End::Expired;
            }
            let (sender, receiver) = oneshot::channel();
            self.handler.handle(
                &identity.caller,
                frame,
                Box::new(move |reply| {
                    // The peer may be gone; then nobody wants the answer.
                    let _ = sender.send(reply);
                }),
            );
            let Ok(mut reply) = receiver.await else { return End::NoReply };
            let written = timeout(self.bounds.frame, async {
                stream.write_all(&reply.bytes).await?;
                stream.flush().await
            })
            .await;
            reply.bytes.zeroize();
            match written {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return End::Closed,
                Err(_) => return End::ReplyTooSlow,
            }
            if let Some(end) = last {
                return end;
            }
            if reply.close {
                return End::ClosedByEngine;
            }
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    ClosedByEngine,
    Expired,
    FrameTooSlow,
    Idle,
    NoReply,
    ReplyTooSlow,
    Revoked,
    Stopping,
    Unacceptable,
}

enum Next {
    Frame(Vec<u8>),
    Unacceptable(Vec<u8>),
    End(End),
}

/// Cuts a stream of bytes into frames. Bytes of further requests wait in the buffer.
struct Frames {
    bounds: Bounds,
    buffer: Vec<u8>,
    /// When the frame that is being read began, or the silence.
    since: Instant,
    /// One timer for the whole connection: it is set anew only when it must ring earlier, or has
    /// rung too early.
    alarm: Pin<Box<Sleep>>,
}

impl Frames {
    fn new(bounds: Bounds) -> Self {
        let since = Instant::now();
        let alarm = Box::pin(sleep_until(since + bounds.idle));
        Self { bounds, buffer: Vec::new(), since, alarm }
    }

    /// The next frame; or [`End::Stopping`] if `stopping` is ready while no byte of a frame is
    /// there.
    async fn next(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        mut stopping: Pin<&mut impl Future<Output = ()>>,
    ) -> Next {
        loop {
            let mut wanted = HEADER_LEN;
            if let Some(header) = self.buffer.first_chunk::<HEADER_LEN>() {
                match frame_len(header, &self.bounds.limits) {
                    Ok(length) if self.buffer.len() >= length => {
                        let rest = self.buffer.split_off(length);
                        let frame = core::mem::replace(&mut self.buffer, rest);
                        self.since = Instant::now();
                        return Next::Frame(frame);
                    }
                    Ok(length) => wanted = length,
                    Err(_) => return Next::Unacceptable(header.to_vec()),
                }
            }
            self.make_room(wanted);
            let between = self.buffer.is_empty();
            let deadline = self.deadline();
            if deadline < self.alarm.deadline() {
                self.alarm.as_mut().reset(deadline);
            }
            let read = tokio::select! {
                biased;
                read = stream.read_buf(&mut self.buffer) => read,
                () = stopping.as_mut(), if between => return Next::End(End::Stopping),
                () = self.alarm.as_mut() => {
                    if Instant::now() >= deadline {
                        return Next::End(if between { End::Idle } else { End::FrameTooSlow });
                    }
                    self.alarm.as_mut().reset(deadline);
                    continue;
                }
            };
            match read {
                Ok(0) | Err(_) => return Next::End(End::Closed),
                Ok(_) if between => self.since = Instant::now(),
                Ok(_) => {}
            }
        }
    }

    /// When patience ends: with silence, or with a frame that does not get finished.
    fn deadline(&self) -> Instant {
        if self.buffer.is_empty() {
            return self.since + self.bounds.idle;
        }
        let earned = (self.buffer.len() / BYTES_PER_SECOND) as u64;
        self.since + self.bounds.frame + Duration::from_secs(earned)
    }

    /// Room for some more of a frame of `wanted` bytes: at most twice what has come so far. The
    /// old buffer is wiped, since a request may carry key material.
    fn make_room(&mut self, wanted: usize) {
        let length = self.buffer.len();
        if self.buffer.capacity() - length >= wanted.saturating_sub(length).clamp(1, FIRST_READ / 4)
        {
            return;
        }
        let target = wanted.min(length * 2).max(FIRST_READ);
        let mut larger = Vec::with_capacity(target.max(length + 1));
        larger.extend_from_slice(&self.buffer);
        self.buffer.zeroize();
        self.buffer = larger;
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.buffer.zeroize();
    }
}

/// Returns once `stop` says true (or nobody is left to say it).
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A few words for the audit; never the peer's own bytes.
pub(crate) fn handshake_failure(e: &std::io::Error) -> &'static str {
    use rustls::{AlertDescription, CertificateError, Error};
    let Some(inner) = e.get_ref().and_then(|e| e.downcast_ref::<Error>()) else {
        return "the connection broke in the handshake";
    };
    match inner {
        Error::NoCertificatesPresented => "no client certificate",
        Error::InvalidCertificate(why) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "an expired certificate"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "a certificate that does not count yet"
            }
            CertificateError::UnknownIssuer => "a certificate of an unknown authority",
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                "a certificate that is not for clients"
            }
            CertificateError::Revoked => "a revoked certificate",
            _ => "an invalid certificate",
        },
        Error::PeerIncompatible(_) => "no TLS version or cipher suite in common",
        Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown,
        ) => "the peer does not trust this server's certificate",
        Error::AlertReceived(_) => "the peer gave up the handshake",
        Error::InvalidMessage(_) => "not TLS",
        _ => "a TLS error",
    }
}

/// POSIX seconds.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::io::duplex;

    use super::*;
    use crate::service::{Caller, Reply};

    /// Answers every frame with itself; `later` frames from another thread.
    #[derive(Default)]
    struct Echo {
        revoked: std::sync::atomic::AtomicBool,
        events: Mutex<Vec<String>>,
    }

    impl Handler for Echo {
        fn handle(&self, _: &Arc<Caller>, frame: Vec<u8>, reply: Box<dyn FnOnce(Reply) + Send>) {
            let close = frame.get(3) != Some(&1);
            let later = frame.first() == Some(&0x43);
            let answer = move || reply(Reply { bytes: frame, close });
            if later {
                std::thread::spawn(answer);
            } else {
                answer();
            }
        }
        fn is_revoked(&self, _: &str) -> bool {
            self.revoked.load(std::sync::atomic::Ordering::Relaxed)
        }
        fn refused(&self, kind: &'static str, text: &str) {
            self.event(kind, text);
        }
        fn event(&self, kind: &'static str, text: &str) {
            self.events.lock().unwrap().push(format!("{kind}: {text}"));
        }
    }

    fn port(echo: Arc<Echo>) -> Port {
        let dir = tempfile::tempdir().unwrap();
        let ca = crate::pki::Authority::create("ca", now()).unwrap();
        let issued = ca.issue_server(&["localhost".into()], 5, now()).unwrap();
        issued.write_bundle(dir.path()).unwrap();
        let tls = config::Tls {
            certificate: dir.path().join("cert.pem"),
            key: dir.path().join("key.pem"),
            client_ca: dir.path().join("ca.pem"),
            only_1_3: false,
            sessions: 8,
            crl: None,
            refuse_expired_crl: false,
        };
        Port {
            handler: echo,
            tls: Arc::new(Live::new(crate::tls::server_config(&tls, &[]).unwrap())),
            bounds: Bounds {
                handshake: Duration::from_secs(10),
                frame: Duration::from_secs(30),
                idle: Duration::from_secs(3600),
                drain: Duration::from_secs(10),
                limits: Limits::default(),
            },
            gate: Gate::new(8),
            strangers: Tally::new(Duration::from_secs(10)),
            refused: Tally::new(Duration::from_secs(10)),
        }
    }

    fn identity(not_after: i64) -> Identity {
        Identity {
            caller: Arc::new(Caller {
                user: "u".into(),
                groups: vec![],
                sans: vec![],
                fingerprint: "07".into(),
                address: "test".into(),
                ..Caller::default()
            }),
            not_before: 0,
            not_after,
            issuer: String::new(),
            issuer_der: Vec::new(),
            serial: Vec::new(),
        }
    }

    fn frame(first: u8, body: usize) -> Vec<u8> {
        let mut f = vec![first, 0, 0x78, 1];
        f.extend_from_slice(&u32::try_from(body).unwrap().to_be_bytes());
        f.resize(8 + body, 0xAA);
        f
    }

    #[tokio::test]
    async fn pipelined_requests_are_answered_in_order_from_both_kinds_of_thread() {
        let port = port(Arc::default());
        let (mut near, mut far) = duplex(1 << 16);
        let (_tx, rx) = watch::channel(false);
        let sent: Vec<u8> =
            [frame(0x42, 8), frame(0x43, 16), frame(0x42, 0), frame(0x43, 9000)].concat();
        let client = async {
            near.write_all(&sent).await.unwrap();
            let mut got = vec![0; sent.len()];
            near.read_exact(&mut got).await.unwrap();
            assert_eq!(got, sent);
            drop(near);
        };
        let id = identity(i64::MAX);
        let (end, ()) = tokio::join!(port.converse(&mut far, &id, rx), client);
        assert_eq!(end, End::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn one_byte_a_second_runs_into_the_frame_timeout() {
        let port = port(Arc::default());
        let (mut near, mut far) = duplex(64);
        let (_tx, rx) = watch::channel(false);
        let drip = async {
            for byte in frame(0x42, 1024) {
                if near.write_all(&[byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let begun = Instant::now();
        let id = identity(i64::MAX);
        let end = tokio::select! {
            end = port.converse(&mut far, &id, rx) => end,
            () = drip => panic!("the whole frame was taken"),
        };
        assert_eq!(end, End::FrameTooSlow);
        assert!(begun.elapsed() <= Duration::from_secs(31));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_take_its_reply_is_left() {
        let port = port(Arc::default());
        let (mut near, mut far) = duplex(64);
        let (_tx, rx) = watch::channel(false);
        let id = identity(i64::MAX);
        let request = frame(0x42, 1024);
        let client = async {
            near.write_all(&request).await.unwrap();
            std::future::pending::<()>().await;
        };
        let end = tokio::select! {
            end = port.converse(&mut far, &id, rx) => end,
            () = client => unreachable!(),
        };
        assert_eq!(end, End::ReplyTooSlow);
    }

    #[tokio::test]
    async fn a_huge_length_is_refused_and_a_large_one_costs_no_memory_in_advance() {
        let port = port(Arc::default());
        let (mut near, mut far) = duplex(64);
        let (_tx, rx) = watch::channel(false);
        near.write_all(&[0x42, 0, 0x78, 1, 0xFF, 0xFF, 0xFF, 0xF8]).await.unwrap();
        let end = port.converse(&mut far, &identity(i64::MAX), rx).await;
        assert_eq!(end, End::Unacceptable);

        let mut frames = Frames::new(port.bounds);
        let mut header: &[u8] = &frame(0x42, (1 << 20) - 8)[..8];
        let never = pin!(std::future::pending());
        assert!(matches!(frames.next(&mut header, never).await, Next::End(End::Closed)));
        assert!(frames.buffer.capacity() <= 2 * FIRST_READ);
    }

    #[tokio::test]
    async fn revocation_and_expiry_bite_on_an_open_connection() {
        let echo = Arc::<Echo>::default();
        let port = port(echo.clone());
        let (mut near, mut far) = duplex(4096);
        let (_tx, rx) = watch::channel(false);
        let client = async {
            near.write_all(&frame(0x42, 8)).await.unwrap();
            near.read_exact(&mut [0; 16]).await.unwrap();
            echo.revoked.store(true, std::sync::atomic::Ordering::Relaxed);
            near.write_all(&frame(0x42, 8)).await.unwrap();
        };
        let id = identity(i64::MAX);
        let (end, ()) = tokio::join!(port.converse(&mut far, &id, rx.clone()), client);
        assert_eq!(end, End::Revoked);
        assert!(echo.events.lock().unwrap()[0].starts_with("certificate-refused"));

        echo.revoked.store(false, std::sync::atomic::Ordering::Relaxed);
        let (mut near, mut far) = duplex(4096);
        near.write_all(&frame(0x42, 8)).await.unwrap();
        let end = port.converse(&mut far, &identity(now() - 1), rx).await;
        assert_eq!(end, End::Expired);
    }

    #[tokio::test]
    async fn at_stop_a_request_under_way_is_finished_and_an_idle_connection_closed() {
        let port = port(Arc::default());
        let (mut near, mut far) = duplex(4096);
        let (tx, rx) = watch::channel(false);
        let whole = frame(0x42, 64);
        let client = async {
            near.write_all(&whole[..20]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
            tx.send(true).unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
            near.write_all(&whole[20..]).await.unwrap();
            near.read_exact(&mut [0; 72]).await.unwrap();
        };
        let id = identity(i64::MAX);
        let (end, ()) = tokio::join!(port.converse(&mut far, &id, rx), client);
        assert_eq!(end, End::Stopping);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_has_a_bound() {
        let port = port(Arc::default());
        let (_near, mut far) = duplex(64);
        let (_tx, rx) = watch::channel(false);
        let end = port.converse(&mut far, &identity(i64::MAX), rx).await;
        assert_eq!(end, End::Idle);
    }
}
