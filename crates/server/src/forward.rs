//! The audit on its way to collectors: started when the root key is open, stopped when it closes,
//! watched in between.
//!
//! Nothing here is on the way of a request: workers read the chains from the disk, and what they
//! find about their destinations is told to the audit once a second.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strongroom_engine::{Engine, Forwarded};
use strongroom_siem::{Destination, DestinationState, Device, Forwarder};

use crate::admin::types::ForwardState;
use crate::config::Config;

/// How long errors without progress last before a destination counts as down, milliseconds: a
/// receiver that restarts is no event.
const GRACE_MS: i64 = 5_000;

/// Between two reports that the same destination is down, milliseconds.
const QUIET_MS: i64 = 60_000;

/// From what age of the oldest waiting record on a warning is given, seconds.
const LATE_SECONDS: u64 = 300;

/// All destinations.
pub struct Forwarding {
    dir: PathBuf,
    destinations: Vec<Destination>,
    device: Arc<Device>,
    running: Mutex<Option<Forwarder>>,
    watched: Mutex<HashMap<String, Watched>>,
    /// Why the forwarder did not start.
    failed: Mutex<Option<String>>,
}

/// What is remembered of a destination between two looks.
#[derive(Default)]
struct Watched {
    confirmed: u64,
    moved_ms: i64,
    trouble_since: Option<i64>,
    down: bool,
    reported_ms: Option<i64>,
    /// Whether it was told that records wait for long.
    late: bool,
}

/// A destination that went down or came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The event's name.
    pub kind: &'static str,
    /// Particulars.
    pub text: String,
}

impl Watched {
    /// Takes a look. The receiver's own end of a connection is the only sign that it reads; that a
    /// connection exists is none, since the system takes bytes for one that hangs.
    fn look(&mut self, state: &DestinationState, now_ms: i64) -> Vec<Change> {
        self.connection(state, now_ms).into_iter().chain(self.lag(state)).collect()
    }

    /// Whether records wait longer than they should, also where none is refused: a receiver that is
    /// slow.
    fn lag(&mut self, state: &DestinationState) -> Option<Change> {
        let late = state.lag_seconds >= LATE_SECONDS;
        let caught_up = state.lag_seconds < LATE_SECONDS / 2;
        if self.late == late || (self.late && !caught_up) {
            return None;
        }
        self.late = late;
        let kind = if late { "forwarder-late" } else { "forwarder-caught-up" };
        let text = format!(
            "{} at {}: {} records wait, the oldest for {} s",
            state.name, state.address, state.lag_records, state.lag_seconds
        );
        Some(Change { kind, text })
    }

    fn connection(&mut self, state: &DestinationState, now_ms: i64) -> Option<Change> {
        let confirmed = state.confirmed.values().sum();
        if confirmed != self.confirmed {
            (self.confirmed, self.moved_ms, self.trouble_since) = (confirmed, now_ms, None);
            let was_down = std::mem::take(&mut self.down);
            let text = format!("{} at {} takes events again", state.name, state.address);
            return was_down.then_some(Change { kind: "forwarder-connected", text });
        }
        let (at, why) = state.last_error.as_ref()?;
        if *at <= self.moved_ms {
            return None;
        }
        let since = *self.trouble_since.get_or_insert(*at);
        let quiet = self.reported_ms.is_some_and(|last| now_ms - last < QUIET_MS);
        if self.down || quiet || now_ms - since < GRACE_MS {
            return None;
        }
        (self.down, self.reported_ms) = (true, Some(now_ms));
        let text = format!(
            "{} at {}: {why}; {} records wait",
            state.name, state.address, state.lag_records
        );
        Some(Change { kind: "forwarder-failing", text })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The program on this machine, as collectors are told of it.
pub fn device() -> Arc<Device> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Arc::new(Device::new(&host, "Strongroom", "Key Manager", env!("CARGO_PKG_VERSION")))
}

fn wall_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

impl Forwarding {
    /// The configured destinations; nothing runs yet.
    pub fn new(config: &Config) -> Self {
        Self {
            dir: config.data.dir.join("forward"),
            destinations: config.forward.clone(),
            device: device(),
            running: Mutex::default(),
            watched: Mutex::default(),
            failed: Mutex::default(),
        }
    }

    /// Begins to forward, if there is anywhere to. A destination that cannot be reached is tried
    /// again and again; what keeps all of them from starting is told as a warning.
    pub fn start(&self, engine: &Engine) {
        let mut running = locked(&self.running);
        if running.is_some() || self.destinations.is_empty() {
            return;
        }
        let sources = engine.audit_sources(&self.device);
        let begun = crate::pki::private_dir(&self.dir).map_err(|e| e.to_string()).and_then(|()| {
            let destinations = self.destinations.clone();
            Forwarder::start(&self.dir, sources, destinations, Arc::new(wall_ms))
                .map_err(|e| e.to_string())
        });
        let mut failed = locked(&self.failed);
        match begun {
            Ok(forwarder) => (*running, *failed) = (Some(forwarder), None),
            Err(why) => {
                tracing::error!("the audit is not forwarded: {why}");
                *failed = Some(why);
            }
        }
    }

    /// Stops: what is there is sent as far as `within` allows.
    pub fn stop(&self, within: Duration) {
        let forwarder = locked(&self.running).take();
        if let Some(forwarder) = forwarder
            && !forwarder.stop(within)
        {
            tracing::warn!("a destination of the audit did not stop in time");
        }
    }

    /// How far every destination has confirmed the chain of uses.
    pub fn confirmed_uses(&self) -> Forwarded {
        if self.destinations.is_empty() {
            return Forwarded::Nowhere;
        }
        let confirmed = locked(&self.running).as_ref().and_then(|f| f.confirmed("uses"));
        Forwarded::UpTo(confirmed.unwrap_or(0))
    }

    fn states(&self) -> Vec<DestinationState> {
        locked(&self.running).as_ref().map(Forwarder::states).unwrap_or_default()
    }

    /// Which destinations went down or came back since the last look.
    pub fn changes(&self) -> Vec<Change> {
        let states = self.states();
        let mut watched = locked(&self.watched);
        let look = |state: &DestinationState| {
            watched.entry(state.name.clone()).or_default().look(state, wall_ms())
        };
        states.iter().flat_map(look).collect()
    }

    /// How it stands with each destination.
    pub fn status(&self) -> Vec<ForwardState> {
        let states = self.states();
        let watched = locked(&self.watched);
        let shown = |destination: &Destination| {
            let state = states.iter().find(|s| s.name == destination.name);
            let state = state.cloned().unwrap_or_else(|| DestinationState {
                name: destination.name.clone(),
                address: destination.address.clone(),
                ..DestinationState::default()
            });
            ForwardState {
                failing: watched.get(&state.name).is_some_and(|w| w.down),
                name: state.name,
                address: state.address,
                connected: state.connected,
                lag_records: state.lag_records,
                lag_seconds: state.lag_seconds,
                unconfirmed: state.unconfirmed,
                sent: state.sent,
                repeated: state.repeated,
                filtered: state.filtered,
                missing: state.missing,
                confirmed: state.confirmed,
                last_sent: state.last_sent_ms,
                last_error: state.last_error.as_ref().map(|(_, why)| why.clone()),
                last_error_time: state.last_error.map(|(at, _)| at),
            }
        };
        self.destinations.iter().map(shown).collect()
    }

    /// What needs somebody's attention.
    pub fn warnings(&self) -> Vec<String> {
        let failed = locked(&self.failed).clone();
        let mut warnings: Vec<String> =
            failed.map(|why| format!("The audit is not forwarded: {why}.")).into_iter().collect();
        for state in self.status() {
            let wait = format!(
                "{} records wait, the oldest for {} s.",
                state.lag_records, state.lag_seconds
            );
            if state.failing {
                let why = state.last_error.unwrap_or_default();
                warnings.push(format!("Forwarding to {} fails: {why}. {wait}", state.name));
            } else if state.lag_seconds >= LATE_SECONDS {
                warnings.push(format!("Forwarding to {} is late: {wait}", state.name));
            }
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(confirmed: u64, error_ms: Option<i64>) -> DestinationState {
        DestinationState {
            name: "siem".into(),
            address: "siem:1".into(),
            confirmed: [("uses".to_owned(), confirmed)].into(),
            last_error: error_ms.map(|at| (at, "reset".to_owned())),
            ..DestinationState::default()
        }
    }

    #[test]
    fn a_destination_that_goes_down_is_told_of_once_and_when_it_is_back() {
        let mut watched = Watched::default();
        assert_eq!(watched.connection(&state(5, None), 1_000), None);
        assert_eq!(watched.connection(&state(5, Some(2_000)), 2_000), None);
        let told = watched.connection(&state(5, Some(6_500)), 7_000).unwrap();
        assert_eq!(told.kind, "forwarder-failing");
        assert!(told.text.contains("reset"));
        assert_eq!(watched.connection(&state(5, Some(7_500)), 8_000), None);
        let told = watched.connection(&state(6, Some(7_500)), 9_000).unwrap();
        assert_eq!(told.kind, "forwarder-connected");
        assert_eq!(watched.connection(&state(6, Some(7_500)), 10_000), None);
    }

    #[test]
    fn one_that_flaps_is_told_of_once_a_minute() {
        let mut watched = Watched::default();
        let mut told = 0;
        for second in 1..=120 {
            let now = second * 1000;
            // Every ten seconds something gets through; errors in between.
            let confirmed = (second / 10) as u64 + 1;
            told += i32::from(watched.connection(&state(confirmed, Some(now)), now).is_some());
        }
        assert!((2..=6).contains(&told), "{told}");
    }

    #[test]
    fn a_short_break_is_no_event() {
        let mut watched = Watched::default();
        watched.connection(&state(1, None), 0);
        assert_eq!(watched.connection(&state(1, Some(1_000)), 1_000), None);
        assert_eq!(watched.connection(&state(2, Some(1_000)), 4_000), None);
        assert_eq!(watched.connection(&state(2, Some(1_000)), 60_000), None);
    }

    #[test]
    fn records_that_wait_long_are_told_of_once_and_when_they_are_gone() {
        let mut watched = Watched::default();
        let mut told = Vec::new();
        for lag_seconds in [0, 299, 300, 900, 200, 301, 150, 149, 0] {
            let state = DestinationState { lag_seconds, ..state(1, None) };
            let kinds = watched.look(&state, 1_000).into_iter().map(|change| change.kind);
            told.extend(kinds.map(|kind| (lag_seconds, kind)));
        }
        assert_eq!(told, [(300, "forwarder-late"), (149, "forwarder-caught-up")]);
    }
}
