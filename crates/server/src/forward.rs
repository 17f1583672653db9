//! The audit on its way to collectors: started when the root key is open, stopped when it closes,
//! watched in between.
//!
//! Nothing here is on the way of a request: workers read the chains from the disk, and what they
//! find about their destinations is told to the audit once a second.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
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
    /// What the file of what was told has.
    kept: Mutex<BTreeMap<String, Told>>,
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
    /// Whether what is remembered is of an earlier run, and nothing was seen of this one yet.
    of_before: bool,
    /// Whether the cursor of this run was seen.
    begun: bool,
}

/// What was told of a destination and holds: kept over a restart, so that it is not told again
/// though nothing changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    address: String,
    down: bool,
    late: bool,
    /// How far it had confirmed then: more than that is progress.
    confirmed: u64,
}

/// The file of the directory that has what was told, by destination.
const TOLD: &str = "told.json";

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
        // How old what waits is shows only when it is read again after a start.
        if self.of_before && state.lag_records > 0 && state.lag_seconds < LATE_SECONDS {
            return None;
        }
        self.of_before = false;
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
        let confirmed: u64 = state.confirmed.values().sum();
        // A cursor that is not read yet is at nothing; one that begins anew is no progress either.
        if confirmed < self.confirmed && !state.confirmed.is_empty() {
            self.confirmed = confirmed;
        }
        if confirmed > self.confirmed {
            // The first time it may be only the cursor of an earlier run that was read.
            self.of_before &= !core::mem::replace(&mut self.begun, true);
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

/// Writes a private file in the place of what is there.
fn write_over(path: &Path, told: &BTreeMap<String, Told>) -> std::io::Result<()> {
    let part = path.with_extension("part");
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(&serde_json::to_vec_pretty(told)?)?;
    std::fs::rename(&part, path)
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
            kept: Mutex::default(),
        }
    }

    /// Takes up what an earlier run told of the destinations that are still the same.
    fn recall(&self) {
        let kept = std::fs::read(self.dir.join(TOLD)).ok();
        // Without it, or if it is broken, the worst is that something is told twice.
        let kept: BTreeMap<String, Told> =
            kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let mut watched = locked(&self.watched);
        for destination in &self.destinations {
            let Some(told) = kept.get(&destination.name) else { continue };
            if told.address == destination.address && !watched.contains_key(&destination.name) {
                let Told { down, late, confirmed, .. } = *told;
                let of_before = true;
                let one = Watched { down, late, confirmed, of_before, ..Watched::default() };
                watched.insert(destination.name.clone(), one);
            }
        }
        *locked(&self.kept) = kept;
    }

    /// Keeps what was told, if that changed.
    fn remember(&self, watched: &HashMap<String, Watched>) {
        let told = |destination: &Destination| {
            let one = watched.get(&destination.name).filter(|w| w.down || w.late)?;
            let Watched { down, late, confirmed, .. } = *one;
            let told = Told { address: destination.address.clone(), down, late, confirmed };
            Some((destination.name.clone(), told))
        };
        let now: BTreeMap<String, Told> = self.destinations.iter().filter_map(told).collect();
        let mut kept = locked(&self.kept);
        let is_new = |name: &String, told: &Told| {
            // How far a slow one got is no news, and would be written every second.
            kept.get(name).is_none_or(|old| (old.down, old.late) != (told.down, told.late))
        };
        if now.len() == kept.len() && !now.iter().any(|(name, told)| is_new(name, told)) {
            return;
        }
        if let Err(error) = write_over(&self.dir.join(TOLD), &now) {
            tracing::warn!(%error, "what was told of the destinations of the audit is not kept");
        }
        *kept = now;
    }

    /// Begins to forward, if there is anywhere to. A destination that cannot be reached is tried
    /// again and again; what keeps all of them from starting is told as a warning.
    pub fn start(&self, engine: &Engine) {
        let mut running = locked(&self.running);
        if running.is_some() || self.destinations.is_empty() {
            return;
        }
        self.recall();
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
        let changes = states.iter().flat_map(look).collect();
        if !states.is_empty() {
            self.remember(&watched);
        }
        changes
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

    /// Destinations of which nothing runs.
    fn forwarding(dir: &Path, address: &str) -> Forwarding {
        let text = format!(
            "[data]\ndir = \"{}\"\n[[forward]]\nname = \"siem\"\ntransport = \"tcp\"\n\
             address = \"{address}\"\n",
            dir.display()
        );
        let forwarding = Forwarding::new(&Config::from_text(&text).unwrap());
        crate::pki::private_dir(&forwarding.dir).unwrap();
        forwarding.recall();
        forwarding
    }

    fn look(of: &Forwarding, state: &DestinationState, now_ms: i64) -> Vec<&'static str> {
        let mut watched = locked(&of.watched);
        let told = watched.entry("siem".to_owned()).or_default().look(state, now_ms);
        of.remember(&watched);
        told.into_iter().map(|change| change.kind).collect()
    }

    #[test]
    fn what_was_told_is_not_told_again_after_a_restart_and_its_end_is() {
        let dir = tempfile::tempdir().unwrap();
        let late = |confirmed, error, lag_seconds| DestinationState {
            lag_records: 9,
            lag_seconds,
            ..state(confirmed, error)
        };
        let before = forwarding(dir.path(), "siem:1");
        assert_eq!(look(&before, &late(5, None, 0), 1_000), [""; 0]);
        assert_eq!(look(&before, &late(5, Some(2_000), 400), 2_000), ["forwarder-late"]);
        assert_eq!(look(&before, &late(5, Some(6_500), 400), 8_000), ["forwarder-failing"]);

        let after = forwarding(dir.path(), "siem:1");
        // Before the cursor is read, and the oldest record that waits.
        let mut fresh = late(0, None, 0);
        fresh.confirmed.clear();
        assert_eq!(look(&after, &fresh, 20_000), [""; 0]);
        for second in 21..200 {
            let now = second * 1_000;
            assert_eq!(look(&after, &late(5, Some(now), 400 + second as u64), now), [""; 0]);
        }
        assert!(after.status()[0].failing);
        let ended = ["forwarder-connected", "forwarder-caught-up"];
        assert_eq!(look(&after, &late(14, None, 0), 200_000), ended);
        assert_eq!(look(&after, &late(20, None, 0), 201_000), [""; 0]);

        // Once more: nothing is left of it.
        let third = forwarding(dir.path(), "siem:1");
        assert_eq!(look(&third, &late(20, None, 0), 202_000), [""; 0]);
        // Another receiver under the name is another one.
        look(&third, &late(20, Some(203_000), 0), 203_000);
        assert_eq!(look(&third, &late(20, Some(207_000), 0), 209_000), ["forwarder-failing"]);
        let other = forwarding(dir.path(), "siem:2");
        assert!(!other.status()[0].failing);
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
