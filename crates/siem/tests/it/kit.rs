//! Chains in memory, receivers that misbehave, certificates.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use strongroom_siem::{
    Destination, Device, Event, Format, Forwarder, Framing, Outcome, Source, SourceError, Style,
    Timing, Transport,
};

/// A chain in memory, from which the beginning can be deleted and the end cut.
#[derive(Clone)]
pub struct Chain {
    name: &'static str,
    device: Arc<Device>,
    records: Arc<Mutex<Vec<Event>>>,
    pub broken: Arc<Mutex<Option<String>>>,
}

impl Chain {
    pub fn new(name: &'static str) -> Self {
        let device = Device::new("km1.example.net", "Strongroom", "Key Manager", "1.0.0");
        Self {
            name,
            device: Arc::new(Device { process: 4711, ..device }),
            records: Arc::default(),
            broken: Arc::default(),
        }
    }

    pub fn event(&self, seq: u64) -> Event {
        let mut hash = [seq as u8; 32];
        hash[..8].copy_from_slice(&seq.to_be_bytes());
        let time_ms = 1_767_225_600_000 + seq as i64 * 1000;
        let mut event = Event::new(&self.device, self.name, seq, time_ms, hash);
        event.kind = "use".into();
        event.user = format!("db-{:02}", seq % 3);
        event.groups = vec!["databases".into()];
        event.address = "192.0.2.7:49152".into();
        event.action = if seq.is_multiple_of(2) { "Get" } else { "Destroy" }.into();
        event.object = Some(format!("object-{seq}"));
        event.outcome = Outcome::Success;
        event
    }

    pub fn push(&self, count: u64) {
        for _ in 0..count {
            let next = self.records.lock().last().map_or(1, |e| e.seq + 1);
            self.push_event(self.event(next));
        }
    }

    pub fn push_event(&self, event: Event) {
        self.records.lock().push(event);
    }

    pub fn delete_through(&self, seq: u64) {
        self.records.lock().retain(|e| e.seq > seq);
    }

    pub fn cut_after(&self, seq: u64) {
        self.records.lock().retain(|e| e.seq <= seq);
    }

    pub fn ids(&self) -> Vec<String> {
        self.records.lock().iter().map(|e| e.id.clone()).collect()
    }

    fn check(&self) -> Result<(), SourceError> {
        self.broken.lock().clone().map_or(Ok(()), |why| Err(SourceError(why)))
    }
}

impl Source for Chain {
    fn chain(&self) -> &str {
        self.name
    }

    fn head(&self) -> Result<u64, SourceError> {
        self.check()?;
        Ok(self.records.lock().last().map_or(0, |e| e.seq))
    }

    fn events(
        &self,
        from: u64,
    ) -> Result<Box<dyn Iterator<Item = Result<Event, SourceError>> + Send>, SourceError> {
        self.check()?;
        let chain = self.clone();
        let mut next = from;
        Ok(Box::new(std::iter::from_fn(move || {
            if let Err(error) = chain.check() {
                return Some(Err(error));
            }
            let event = chain.records.lock().iter().find(|e| e.seq >= next).cloned()?;
            next = event.seq + 1;
            Some(Ok(event))
        })))
    }
}

pub fn start(dir: &Path, chains: &[&Chain], destinations: Vec<Destination>) -> Forwarder {
    let sources = chains.iter().map(|c| Arc::new((*c).clone()) as Arc<dyn Source>).collect();
    // The last event of the longest chain in these tests is younger than this.
    let clock = Arc::new(|| 1_767_225_600_000 + 100_000_000);
    Forwarder::start(dir, sources, destinations, clock).unwrap()
}

/// A destination in a hurry.
pub fn destination(name: &str, address: SocketAddr) -> Destination {
    let transport = Transport::Tcp(Framing::OctetCounting);
    let style = Style::new(Format::Rfc5424);
    let mut destination = Destination::new(name, &address.to_string(), transport, style);
    destination.timing = Timing {
        connect: Duration::from_secs(5),
        write: Duration::from_millis(300),
        poll: Duration::from_millis(10),
        confirm_every: Duration::from_millis(200),
        confirm_bytes: 1 << 20,
        confirm_wait: Duration::from_secs(5),
        backoff_min: Duration::from_millis(10),
        backoff_max: Duration::from_millis(100),
    };
    destination
}

pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < until, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a receiver does with its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Reads everything and ends its side after the sender.
    Good,
    /// Line feeds instead of counts.
    Lines,
    /// Accepts and reads nothing.
    Hangs,
    /// Reads so many messages of a connection, then drops it with whatever is left unread.
    ResetsAfter(usize),
    /// Closes at once, in order.
    ClosesAtOnce,
    /// Reads everything and never ends its side.
    NeverEnds,
    /// Reads slowly.
    Slow,
}

pub struct Receiver {
    pub address: SocketAddr,
    pub manner: Arc<Mutex<Manner>>,
    pub messages: Arc<Mutex<Vec<String>>>,
    pub connections: Arc<AtomicUsize>,
    held: Arc<Mutex<HashMap<usize, TcpStream>>>,
    open: Arc<Mutex<bool>>,
}

impl Receiver {
    pub fn new(manner: Manner) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), manner)
    }

    pub fn on(listener: TcpListener, manner: Manner) -> Self {
        let this = Self {
            address: listener.local_addr().unwrap(),
            manner: Arc::new(Mutex::new(manner)),
            messages: Arc::default(),
            connections: Arc::default(),
            held: Arc::default(),
            open: Arc::new(Mutex::new(true)),
        };
        listener.set_nonblocking(true).unwrap();
        let (manner, messages) = (this.manner.clone(), this.messages.clone());
        let (connections, held) = (this.connections.clone(), this.held.clone());
        let open = this.open.clone();
        std::thread::spawn(move || {
            while *open.lock() {
                let Ok((stream, _)) = listener.accept() else {
                    std::thread::sleep(Duration::from_millis(2));
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                let number = connections.fetch_add(1, Ordering::SeqCst);
                held.lock().insert(number, stream.try_clone().unwrap());
                let (manner, messages, held) = (*manner.lock(), messages.clone(), held.clone());
                std::thread::spawn(move || {
                    serve(stream, manner, &messages);
                    // As long as a copy is held the connection stays open.
                    if !matches!(manner, Manner::Hangs | Manner::NeverEnds) {
                        held.lock().remove(&number);
                    }
                });
            }
        });
        this
    }

    pub fn ids(&self) -> Vec<String> {
        self.messages.lock().iter().map(|m| id_of(m)).collect()
    }

    /// Dies with all its connections.
    pub fn die(&self) {
        *self.open.lock() = false;
        std::thread::sleep(Duration::from_millis(20));
        for (_, stream) in self.held.lock().drain() {
            let _ = stream.shutdown(Shutdown::Read);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.die();
    }
}

fn serve(mut stream: TcpStream, manner: Manner, messages: &Mutex<Vec<String>>) {
    match manner {
        Manner::Hangs | Manner::ClosesAtOnce => {}
        Manner::Lines => {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                messages.lock().push(line);
            }
        }
        Manner::Good | Manner::NeverEnds | Manner::Slow | Manner::ResetsAfter(_) => {
            let most = if let Manner::ResetsAfter(most) = manner { most } else { usize::MAX };
            for _ in 0..most {
                let Some(message) = counted(&mut stream) else { break };
                messages.lock().push(message);
                if manner == Manner::Slow {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }
}

/// One message behind its count; strict. None at the end and after a reset.
pub fn counted(stream: &mut impl Read) -> Option<String> {
    let mut length = 0usize;
    for position in 0.. {
        let mut byte = [0];
        if stream.read_exact(&mut byte).is_err() {
            return None;
        }
        match byte[0] {
            b' ' if position > 0 => break,
            b'0' if position == 0 => panic!("a leading zero"),
            digit @ b'0'..=b'9' => length = length * 10 + usize::from(digit - b'0'),
            other => panic!("not a count: {other}"),
        }
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).ok()?;
    Some(String::from_utf8(message).unwrap())
}

pub fn id_of(message: &str) -> String {
    let (_, rest) = message.split_once(" id=\"").unwrap_or_else(|| panic!("no id: {message}"));
    rest.split('"').next().unwrap().to_owned()
}

/// Everything came, in order; repetitions only start over at something that came before.
pub fn check_at_least_once(sent: &[String], received: &[String]) {
    let mut firsts = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for id in received {
        if seen.insert(id) {
            firsts.push(id.clone());
        }
    }
    assert!(firsts == sent, "{} sent, {} came, order kept or not", sent.len(), firsts.len());
    let place = |id: &String| sent.iter().position(|s| s == id).unwrap();
    for pair in received.windows(2) {
        assert!(place(&pair[1]) <= place(&pair[0]) + 1, "a hole before {}", pair[1]);
    }
}

/// An authority that issues certificates for both sides, as files.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: PathBuf,
}

impl Authority {
    pub fn new(dir: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let this = Self { issuer, dir: dir.join(name) };
        std::fs::create_dir_all(&this.dir).unwrap();
        std::fs::write(this.ca(), this.issuer.pem()).unwrap();
        this
    }

    pub fn ca(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// Certificate and key for a name, which is also the only subject alternative name.
    pub fn issue(&self, name: &str) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (cert, pem) =
            (self.dir.join(format!("{name}.cert.pem")), self.dir.join(format!("{name}.key.pem")));
        std::fs::File::create(&cert).unwrap().write_all(certificate.pem().as_bytes()).unwrap();
        std::fs::write(&pem, key.serialize_pem()).unwrap();
        (cert, pem)
    }
}
