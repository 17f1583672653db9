//! Events on their way to the receivers.
//!
//! Each [`Destination`] has a thread, a connection and a durable cursor of its own. Nothing is
//! queued: a worker reads the chains themselves from its cursor on, so that memory is bounded and
//! a receiver that hangs costs nobody but its own thread anything.
//!
//! # What "at least once" means over syslog
//!
//! Syslog has no acknowledgement. That the kernel took the bytes says nothing: a socket's buffers
//! hold megabytes that a reset throws away. So the cursor moves only when it is known that the
//! peer has read everything:
//!
//! - With [`Confirmation::Close`] (the default) the worker ends the connection from time to time:
//!   TLS `close_notify`, then FIN, then it waits for the peer's own end. A peer ends its side in
//!   order only after it read to the end of ours; one that closes with unread bytes, or has died,
//!   sends a reset. After the peer's end the cursor moves and a new connection begins.
//! - With [`Confirmation::Settle`], for receivers and relays that do not end their side, bytes
//!   count as read when the connection was still whole that long after they were sent. What a
//!   peer held unread in its buffers when it died is lost then.
//! - UDP counts as read when it was sent.
//!
//! After a connection broke, everything since the cursor is sent again, in order, on the next one.
//! Receivers tell repeated events by [`Event::id`]. What a receiver loses after it read it (a
//! queue in memory, a full disk) is its own.
//!
//! Records that a chain no longer has are not passed over in silence: an event `records-missing`
//! says which they were.

mod cursor;
mod link;
mod tls;
mod worker;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::catalog;
use crate::event::{Event, Severity};
use crate::format::Style;

pub use cursor::{Cursor, CursorError};
pub use tls::TlsOptions;

/// The chain could not be read. The worker tries again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// Where events come from: a chain of records with rising numbers.
pub trait Source: Send + Sync {
    /// The chain's name. It names the cursor's entry and must stay the same.
    fn chain(&self) -> &str;

    /// The number of the last record there is; zero when there is none yet.
    ///
    /// # Errors
    /// When it cannot be known at the moment.
    fn head(&self) -> Result<u64, SourceError>;

    /// The events from number `from` on, oldest first; if that one is gone, from the next there
    /// is. When the iterator gives `None` there is nothing more *yet*: it is asked again. After
    /// an error it is dropped and a new one is asked for.
    ///
    /// # Errors
    /// When the chain cannot be read.
    fn events(
        &self,
        from: u64,
    ) -> Result<Box<dyn Iterator<Item = Result<Event, SourceError>> + Send>, SourceError>;

    /// Whether a number that is left out means a missing record.
    fn is_gapless(&self) -> bool {
        true
    }
}

/// How messages are told apart on a TCP connection (RFC 6587).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The number of bytes before each message (section 3.4.1).
    OctetCounting,
    /// A line feed after each message (section 3.4.2).
    LineFeed,
}

/// The way to a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Plain TCP.
    Tcp(Framing),
    /// TLS with octet counting (RFC 5425).
    Tls(TlsOptions),
    /// UDP, one message in a datagram, without any assurance.
    Udp,
}

/// When sent bytes count as read by the peer; see [the module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// When the peer ended the connection after we did.
    Close,
    /// When the connection was whole so long after they were sent.
    Settle(Duration),
}

/// Where a destination begins that has no cursor yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begin {
    /// At the oldest record there is.
    #[default]
    Oldest,
    /// Behind the newest.
    Newest,
}

/// The kind of record that holds a signed head. Only a chain itself writes it.
const SIGNED_HEAD: &str = "signed-head";

/// What tells which records were deleted on purpose, with the head behind them.
const SEGMENT_DELETED: &str = "segment-deleted";

/// Which events a destination gets. All conditions must hold; an empty list holds always.
///
/// Signed heads and recorded deletions go to every destination whatever it asks for: a collector
/// without them proves nothing about the past, and records are deleted here once a head behind them
/// is kept elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kinds of record.
    pub kinds: Vec<String>,
    /// Actions, in any spelling that the catalog takes for the same.
    pub actions: Vec<String>,
    /// Users.
    pub users: Vec<String>,
    /// At least as bad as this.
    pub severity: Option<Severity>,
}

impl Filter {
    /// Whether the event passes.
    pub fn wants(&self, event: &Event) -> bool {
        if event.kind == SIGNED_HEAD || event.action == SEGMENT_DELETED {
            return true;
        }
        let among = |list: &[String], value: &str| {
            list.is_empty() || list.iter().any(|wanted| wanted == value)
        };
        let action = catalog::fold(&event.action);
        among(&self.kinds, &event.kind)
            && among(&self.users, &event.user)
            && (self.actions.is_empty()
                || self.actions.iter().any(|wanted| catalog::fold(wanted) == action))
            && self.severity.is_none_or(|least| event.severity() <= least)
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For a connection and its handshake.
    pub connect: Duration,
    /// Without a byte taken by the kernel, before the receiver counts as hung.
    pub write: Duration,
    /// Between looks at the chains when nobody called [`Forwarder::nudge`].
    pub poll: Duration,
    /// Longest time that sent events stay unconfirmed ([`Confirmation::Close`]).
    pub confirm_every: Duration,
    /// Most bytes that stay unconfirmed: with `confirm_every` this bounds what is sent again.
    pub confirm_bytes: usize,
    /// For the peer's end of the connection after ours.
    pub confirm_wait: Duration,
    /// First wait after a failure; it doubles with each further one, with jitter.
    pub backoff_min: Duration,
    /// Longest wait after a failure.
    pub backoff_max: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            write: Duration::from_secs(10),
            poll: Duration::from_millis(250),
            confirm_every: Duration::from_secs(30),
            confirm_bytes: 4 << 20,
            confirm_wait: Duration::from_secs(10),
            backoff_min: Duration::from_millis(500),
            backoff_max: Duration::from_secs(60),
        }
    }
}

/// One receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its name, which names its cursor file: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Host and port.
    pub address: String,
    /// The way there.
    pub transport: Transport,
    /// What the lines look like.
    pub style: Style,
    /// Which events it gets.
    pub filter: Filter,
    /// When sent bytes count as read.
    pub confirmation: Confirmation,
    /// Where it begins at the first time.
    pub begin: Begin,
    /// How long things may take.
    pub timing: Timing,
}

impl Destination {
    /// A destination that gets everything from the oldest record on.
    pub fn new(name: &str, address: &str, transport: Transport, style: Style) -> Self {
        Self {
            name: name.to_owned(),
            address: address.to_owned(),
            transport,
            style,
            filter: Filter::default(),
            confirmation: Confirmation::Close,
            begin: Begin::Oldest,
            timing: Timing::default(),
        }
    }

    /// Whether its name, its address and its TLS files can be used; for checking configurations.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.starts_with('.') || !self.name.chars().all(fine) {
            return Err(format!("\"{}\" is no name of a destination", self.name));
        }
        let port = self.address.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
        if !matches!(port, Some((host, Ok(1..))) if !host.is_empty()) {
            return Err(format!("\"{}\" is no host and port", self.address));
        }
        match &self.transport {
            Transport::Tls(options) => {
                options.config().map(drop)?;
                options.server_name(&self.address).map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// How it stands with a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationState {
    /// Its name.
    pub name: String,
    /// Its host and port.
    pub address: String,
    /// Whether there is a connection.
    pub connected: bool,
    /// Since when that is so, milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// Records not sent yet, over all chains.
    pub lag_records: u64,
    /// Age of the oldest of them, seconds.
    pub lag_seconds: u64,
    /// Records sent and not confirmed yet.
    pub unconfirmed: u64,
    /// Events sent since the start, repeated ones counted again.
    pub sent: u64,
    /// Of these, how many were sent before.
    pub repeated: u64,
    /// Events that the filter held back.
    pub filtered: u64,
    /// Records that the chains no longer had.
    pub missing: u64,
    /// Connections made since the start.
    pub connections: u64,
    /// For each chain, the last record that is confirmed.
    pub confirmed: BTreeMap<String, u64>,
    /// When the last event was sent.
    pub last_sent_ms: Option<i64>,
    /// What went wrong last, and when.
    pub last_error: Option<(i64, String)>,
}

/// Why a forwarder did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A destination cannot be.
    #[error("destination \"{name}\": {why}")]
    Destination {
        /// Which one.
        name: String,
        /// Why.
        why: String,
    },
    /// A cursor cannot be kept.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The system gave no thread.
    #[error("no thread for a destination: {0}")]
    Thread(#[from] std::io::Error),
}

/// Tells the wall time, milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Carries events to all destinations until it is stopped or dropped.
pub struct Forwarder {
    shared: Arc<Shared>,
    slots: Vec<Arc<Slot>>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forwarder").field("destinations", &self.slots.len()).finish_non_exhaustive()
    }
}

/// What all workers share.
struct Shared {
    sources: Vec<Arc<dyn Source>>,
    clock: Clock,
    gate: Mutex<Gate>,
    wake: Condvar,
}

#[derive(Default)]
struct Gate {
    nudges: u64,
    stop: Option<Instant>,
    running: usize,
}

impl Shared {
    fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    /// Until when the workers must have stopped, once they shall.
    fn stop(&self) -> Option<Instant> {
        self.gate.lock().stop
    }

    fn nudges(&self) -> u64 {
        self.gate.lock().nudges
    }

    /// Waits for a nudge after the `seen`th, for the stop, or for the time to pass.
    fn wait(&self, seen: Option<u64>, time: Duration) {
        let until = Instant::now() + time;
        let mut gate = self.gate.lock();
        while gate.stop.is_none() && seen.is_none_or(|seen| gate.nudges == seen) {
            if self.wake.wait_until(&mut gate, until).timed_out() {
                break;
            }
        }
    }
}

/// What a worker shows.
struct Slot {
    state: Mutex<DestinationState>,
    /// Per source: number of the next record to send, and of the next to confirm.
    places: Mutex<Vec<(Option<u64>, Option<u64>)>>,
    /// Time of the oldest event that is known and not sent.
    oldest_ms: Mutex<Option<i64>>,
}

impl Forwarder {
    /// Starts a worker for each destination. Cursors are files `NAME.cursor` in `dir`, which is
    /// made when it is missing. An unreadable cursor is set aside and its destination begins at
    /// the oldest record.
    ///
    /// # Errors
    /// A destination's name or address is unusable or used twice, or `dir` cannot be used. Files
    /// for TLS are looked at by the worker, each time it connects.
    pub fn start(
        dir: &Path,
        sources: Vec<Arc<dyn Source>>,
        destinations: Vec<Destination>,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let mut names = HashSet::new();
        let mut prepared = Vec::new();
        for destination in destinations {
            let refuse =
                |why: String| StartError::Destination { name: destination.name.clone(), why };
            let plain = Destination { transport: Transport::Udp, ..destination.clone() };
            plain.check().map_err(refuse)?;
            if !names.insert(destination.name.clone()) {
                return Err(refuse("the name is used twice".to_owned()));
            }
            let path: PathBuf = dir.join(format!("{}.cursor", destination.name));
            let (cursor, damage) = Cursor::open(&path)?;
            let state = DestinationState {
                name: destination.name.clone(),
                address: destination.address.clone(),
                since_ms: clock(),
                last_error: damage.map(|why| (clock(), why)),
                ..DestinationState::default()
            };
            let slot = Arc::new(Slot {
                state: Mutex::new(state),
                places: Mutex::new(vec![(None, None); sources.len()]),
                oldest_ms: Mutex::new(None),
            });
            prepared.push((destination, cursor, slot));
        }
        let gate = Gate { running: prepared.len(), ..Gate::default() };
        let shared =
            Arc::new(Shared { sources, clock, gate: Mutex::new(gate), wake: Condvar::new() });
        let mut this = Self { shared, slots: Vec::new(), threads: Vec::new() };
        for (destination, cursor, slot) in prepared {
            this.slots.push(slot.clone());
            let shared = this.shared.clone();
            let thread = std::thread::Builder::new().name(format!("forward-{}", destination.name));
            this.threads.push(thread.spawn(move || {
                let done = Done(shared.clone());
                worker::Worker::new(destination, cursor, shared, slot).run();
                drop(done);
            })?);
        }
        Ok(this)
    }

    /// Says that there are new records. Cheap; without it they are found by polling.
    pub fn nudge(&self) {
        self.shared.gate.lock().nudges += 1;
        self.shared.wake.notify_all();
    }

    /// How it stands with each destination.
    pub fn states(&self) -> Vec<DestinationState> {
        let heads: Vec<Option<u64>> =
            self.shared.sources.iter().map(|source| source.head().ok()).collect();
        let now = self.shared.now_ms();
        self.slots.iter().map(|slot| self.state_of(slot, &heads, now)).collect()
    }

    fn state_of(&self, slot: &Slot, heads: &[Option<u64>], now: i64) -> DestinationState {
        let mut state = slot.state.lock().clone();
        for ((source, head), (sent, confirmed)) in
            self.shared.sources.iter().zip(heads).zip(slot.places.lock().iter())
        {
            // A destination without a cursor has the whole chain before it.
            let sent = sent.unwrap_or(1);
            state.lag_records += head.map_or(0, |head| (head + 1).saturating_sub(sent));
            state.unconfirmed += sent.saturating_sub(confirmed.unwrap_or(1));
            if let Some(next) = confirmed {
                state.confirmed.insert(source.chain().to_owned(), next.saturating_sub(1));
            }
        }
        let age = slot.oldest_ms.lock().map_or(0, |oldest| now.saturating_sub(oldest).max(0));
        state.lag_seconds = age.unsigned_abs() / 1000;
        state
    }

    /// The last record of a chain that every destination has confirmed: what retention may delete
    /// up to. None when there is no destination, or one that confirmed nothing yet.
    pub fn confirmed(&self, chain: &str) -> Option<u64> {
        let of = |slot: &Arc<Slot>| slot.state_confirmed(&self.shared, chain);
        self.slots.iter().map(of).min().flatten()
    }

    /// Stops: what is there is still sent and confirmed as far as `within` allows. Returns whether
    /// every worker ended in time; one that did not ends by itself, without effect.
    pub fn stop(mut self, within: Duration) -> bool {
        self.halt(within)
    }

    fn halt(&mut self, within: Duration) -> bool {
        let until = Instant::now() + within;
        let mut gate = self.shared.gate.lock();
        gate.stop.get_or_insert(until);
        self.shared.wake.notify_all();
        // A little more, for a worker that uses its time to the end.
        let until = until + Duration::from_millis(500);
        while gate.running > 0 {
            if self.shared.wake.wait_until(&mut gate, until).timed_out() {
                return false;
            }
        }
        drop(gate);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        true
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.shared.gate.lock().stop.get_or_insert(Instant::now());
        self.shared.wake.notify_all();
    }
}

impl Slot {
    fn state_confirmed(&self, shared: &Shared, chain: &str) -> Option<u64> {
        let index = shared.sources.iter().position(|source| source.chain() == chain)?;
        let places = self.places.lock();
        let (_, confirmed) = places.get(index)?;
        confirmed.map(|next| next.saturating_sub(1))
    }
}

/// Counts a worker out, also when it panics.
struct Done(Arc<Shared>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.gate.lock().running -= 1;
        self.0.wake.notify_all();
    }
}
