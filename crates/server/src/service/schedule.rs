//! Backups that the server takes by itself: every so often, verified, and the oldest thrown away once
//! a newer one is known to open.
//!
//! Nothing here is on the way of a request: each backup has a thread of its own, and one that fails
//! is told, in the audit and in `status`, and tried again.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strongroom_engine::{Caller, Engine, Event};
use strongroom_kmip::ResultReason;

use crate::cli::output::{span, time};
use crate::config;
use crate::errors::{self, Fault};
use crate::kmip_listener::now;

/// The longest wait after a failure, seconds.
const RETRY: i64 = 600;

/// What the two halves of a backup end in.
const DATA: &str = ".backup";
const SLOTS: &str = ".slots.json";

/// What a half ends in before it is verified.
const PART: &str = ".part";

/// How the backups are that the server takes by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleView {
    /// Where the data's backups go.
    pub dir: String,
    /// Seconds between two.
    pub every: i64,
    /// How many are kept.
    pub keep: u64,
    /// When the newest was taken that is verified, POSIX milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<i64>,
    /// How long ago that was, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<i64>,
    /// Why the last attempt failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl ScheduleView {
    /// In one line.
    pub fn text(&self) -> String {
        let last = match (self.last, self.age_seconds) {
            (Some(last), Some(age)) => format!("newest of {}, {} old", time(last), span(age)),
            _ => "none yet".to_owned(),
        };
        let failed = self.failed.as_ref().map(|why| format!("; the last attempt failed: {why}"));
        format!("in {}, {last}{}", self.dir, failed.unwrap_or_default())
    }

    /// What somebody has to look at, if anything.
    pub fn warning(&self) -> Option<String> {
        if let Some(why) = &self.failed {
            return Some(format!("The scheduled backup failed: {why}"));
        }
        let late = self.age_seconds.is_some_and(|age| age > self.every.saturating_mul(2));
        late.then(|| format!("The scheduled backup is late: {}.", self.text()))
    }
}

/// What is known of the schedule.
#[derive(Default)]
struct State {
    /// POSIX seconds.
    last: Option<i64>,
    next: i64,
    failed: Option<String>,
    running: bool,
}

/// The schedule.
pub struct Schedule {
    plan: Option<config::Backup>,
    state: Arc<Mutex<State>>,
}

impl Schedule {
    /// By the configuration; what was taken before counts.
    pub fn new(plan: Option<config::Backup>, site: u32) -> Self {
        let mut state = State::default();
        if let Some(plan) = &plan {
            state.last = taken(&plan.dir, site).pop().map(|(at, _)| at);
            state.next = state.last.map_or(0, |last| last.saturating_add(every(plan)));
        }
        Self { plan, state: Arc::new(Mutex::new(state)) }
    }

    /// Begins a backup when one is due. `beside` goes into it as with any other.
    pub fn tick(&self, engine: &Engine, beside: &[(String, PathBuf)]) {
        let Some(plan) = &self.plan else { return };
        let due = {
            let mut state = lock(&self.state);
            let due = !state.running && now() >= state.next;
            // Sealed there is no key to seal it with, and in quarantine nothing new to keep.
            let due = due && !engine.is_sealed() && !engine.is_quarantined();
            state.running |= due;
            due
        };
        if !due {
            return;
        }
        let (plan, engine, beside) = (plan.clone(), engine.clone(), beside.to_vec());
        let state = self.state.clone();
        let work = move || {
            let taken = run(&plan, &engine, &beside);
            tell(&engine, &plan, &taken);
            let mut state = lock(&state);
            state.running = false;
            match taken {
                Ok(Taken { at, .. }) => {
                    state.last = Some(at);
                    state.next = at.saturating_add(every(&plan));
                    state.failed = None;
                }
                Err(fault) => {
                    state.next = now().saturating_add(every(&plan).min(RETRY));
                    state.failed = Some(fault.to_string());
                }
            }
        };
        let thread = std::thread::Builder::new().name("strongroom-backup".to_owned()).spawn(work);
        if let Err(error) = thread {
            let mut state = lock(&self.state);
            state.running = false;
            state.next = now().saturating_add(RETRY);
            state.failed = Some(format!("no thread for it: {error}"));
        }
    }

    /// How it is; none where nothing is scheduled.
    pub fn view(&self) -> Option<ScheduleView> {
        let plan = self.plan.as_ref()?;
        let state = lock(&self.state);
        Some(ScheduleView {
            dir: plan.dir.display().to_string(),
            every: every(plan),
            keep: plan.keep,
            last: state.last.map(|last| last.saturating_mul(1000)),
            age_seconds: state.last.map(|last| now().saturating_sub(last).max(0)),
            failed: state.failed.clone(),
        })
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn every(plan: &config::Backup) -> i64 {
    i64::try_from(plan.every.as_secs()).unwrap_or(i64::MAX).max(1)
}

/// A backup that is there and verified.
struct Taken {
    at: i64,
    file: PathBuf,
    objects: u64,
    thrown_away: usize,
}

fn run(
    plan: &config::Backup,
    engine: &Engine,
    beside: &[(String, PathBuf)],
) -> Result<Taken, Fault> {
    let site = engine.config().site;
    for dir in [&plan.dir, &plan.slots_dir] {
        crate::pki::private_dir(dir)?;
        forget_parts(dir, site);
    }
    let at = now();
    let name = format!("{}{}", prefix(site), stamp(at));
    let (file, slots) =
        (plan.dir.join(format!("{name}{DATA}")), plan.slots_dir.join(format!("{name}{SLOTS}")));
    let [file_part, slots_part] = [&file, &slots].map(|path| with(path, PART));
    write(&slots_part, core::iter::once(Ok(engine.slots_backup()?.into_bytes())))?;
    let pieces = engine.backup(&Caller::server(), beside)?;
    write(&file_part, pieces.map(|piece| piece.map_err(Fault::from)))?;
    let scratch = plan.dir.join(format!("{}scratch{PART}", prefix(site)));
    crate::pki::private_dir(&scratch)?;
    let verified = engine.verify_own_backup(&file_part, &slots_part, &scratch)?;
    fs::remove_dir_all(&scratch).map_err(|e| failed(&scratch, &e))?;
    for (part, whole) in [(&slots_part, &slots), (&file_part, &file)] {
        fs::rename(part, whole).map_err(|e| failed(whole, &e))?;
    }
    for dir in [&plan.dir, &plan.slots_dir] {
        File::open(dir).and_then(|d| d.sync_all()).map_err(|e| failed(dir, &e))?;
    }
    let thrown_away = throw_away(plan, site)?;
    Ok(Taken { at, file, objects: verified.objects, thrown_away })
}

/// Throws away all but the newest. Only now: a newer one is verified.
fn throw_away(plan: &config::Backup, site: u32) -> Result<usize, Fault> {
    let mut all = taken(&plan.dir, site);
    let keep = usize::try_from(plan.keep).unwrap_or(usize::MAX).max(1);
    let old = all.drain(..all.len().saturating_sub(keep)).map(|(_, name)| name);
    let mut count = 0;
    for name in old {
        for path in
            [plan.dir.join(format!("{name}{DATA}")), plan.slots_dir.join(format!("{name}{SLOTS}"))]
        {
            match fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed(&path, &e));
                }
                _ => {}
            }
        }
        count += 1;
    }
    Ok(count)
}

/// What there is of this site, oldest first: when, and the name without its end.
fn taken(dir: &Path, site: u32) -> Vec<(i64, String)> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut all: Vec<(i64, String)> = names
        .filter_map(|name| {
            let name = name.strip_suffix(DATA)?;
            Some((unstamp(name.strip_prefix(&prefix(site))?)?, name.to_owned()))
        })
        .collect();
    all.sort_unstable();
    all
}

/// What a stop in the middle left.
fn forget_parts(dir: &Path, site: u32) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&prefix(site)) && name.ends_with(PART) {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

fn prefix(site: u32) -> String {
    format!("strongroom-{site}-")
}

fn stamp(seconds: i64) -> String {
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn unstamp(text: &str) -> Option<i64> {
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_timestamp(at).ok()?.as_second())
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn write(path: &Path, pieces: impl Iterator<Item = Result<Vec<u8>, Fault>>) -> Result<(), Fault> {
    let opened = File::options().write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|e| failed(path, &e))?;
    for piece in pieces {
        file.write_all(&piece?).map_err(|e| failed(path, &e))?;
    }
    file.sync_all().map_err(|e| failed(path, &e))
}

fn failed(path: &Path, e: &std::io::Error) -> Fault {
    Fault::new(errors::BACKUP_FAILED, format!("{}: {e}.", path.display()))
}

fn tell(engine: &Engine, plan: &config::Backup, taken: &Result<Taken, Fault>) {
    let recorded = match taken {
        Ok(Taken { file, objects, thrown_away, .. }) => {
            tracing::info!(file = %file.display(), objects, thrown_away, "backup-verified");
            let (file, objects) = (file.display().to_string(), objects.to_string());
            let thrown = thrown_away.to_string();
            let parameters = [("file", &*file), ("objects", &*objects), ("thrown-away", &*thrown)];
            let event = Event { parameters: &parameters, ..Event::new("backup-verified") };
            engine.record(&Caller::server(), &event)
        }
        Err(fault) => {
            tracing::error!(dir = %plan.dir.display(), "the scheduled backup failed: {fault}");
            let why = fault.to_string();
            let outcome = Err((ResultReason::GENERAL_FAILURE, why.as_str()));
            engine.record(&Caller::server(), &Event { outcome, ..Event::new("backup-failed") })
        }
    };
    if let Err(error) = recorded {
        tracing::error!(%error, "an event was not recorded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_whose_it_is_and_when_it_was_taken_and_strangers_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str| fs::write(dir.path().join(name), "x").unwrap();
        for at in [1_800_000_000, 1_800_003_600, 1_799_990_000] {
            put(&format!("strongroom-1-{}{DATA}", stamp(at)));
        }
        put("strongroom-2-20270115T080000Z.backup");
        put("strongroom-1-yesterday.backup");
        put("strongroom-1-20270115T080000Z.backup.part");
        put("accounts.backup");
        let found: Vec<i64> = taken(dir.path(), 1).into_iter().map(|(at, _)| at).collect();
        assert_eq!(found, [1_799_990_000, 1_800_000_000, 1_800_003_600]);
        let plan = config::Backup {
            dir: dir.path().to_owned(),
            slots_dir: dir.path().to_owned(),
            every: core::time::Duration::from_secs(60),
            keep: 2,
        };
        assert_eq!(throw_away(&plan, 1).unwrap(), 1);
        assert_eq!(taken(dir.path(), 1).len(), 2);
        forget_parts(dir.path(), 1);
        // Two of this site, one of another, two that are no backups of the schedule.
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5);
        // A restart counts from the newest.
        let schedule = Schedule::new(Some(plan), 1);
        assert_eq!(schedule.view().unwrap().last, Some(1_800_003_600_000));
        assert_eq!(lock(&schedule.state).next, 1_800_003_660);
    }
}
