//! The disk that the store and the audit of uses write to: how much room it has, and what becomes
//! of requests when it has none.
//!
//! No answer leaves unrecorded, so a full disk ends all answers: when a write found no room, or less
//! than the **floor** is free, changes and uses are refused. What must still be possible then needs
//! room too: recording that and why it stopped, reading and verifying the audit, freeing space. So a
//! **reserve**, a file of a configured size, lies on each of these filesystems. Whenever such a
//! record finds no room, a slice of it is given up and the record written in its place at once:
//! whoever else fills the disk would take more than that. The last slice is for what the server
//! itself has to say. Refusals are counted instead of recorded one by one, or they would fill it.
//! When there is room for the whole reserve again it is made anew, and requests are answered as
//! before.
//!
//! A flush that fails is another thing: nobody knows what the disk holds then, and nothing is taken
//! until a restart.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use rustix::fs::FallocateFlags;
use strongroom_errors::DISK_FULL;
use strongroom_kmip::ResultReason;
use strongroom_store::StoreError;

use crate::caller::Caller;
use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::event::Event;
use crate::refusal::Refusal;

/// Name of the reserve's file.
const RESERVE: &str = "disk-reserve";

/// Slices that the reserve is given up in.
const SLICES: u64 = 4;

/// How long a disk that had no room for a write counts as full at least, milliseconds: where
/// something else than bytes is short (a quota, inodes), free bytes say nothing.
const LEAST_MS: i64 = 10_000;

/// Between two records of how many requests were refused, milliseconds.
const TELL_EVERY_MS: i64 = 60_000;

/// When a disk is low or full, and how much is kept in reserve; bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskLimits {
    /// The reserve; 0 for none.
    pub reserve: u64,
    /// With less free than this, beside the reserve, the disk is full.
    pub floor: u64,
    /// With less free than this it is low.
    pub low: u64,
}

impl DiskLimits {
    /// What is given up at once.
    fn slice(&self) -> u64 {
        self.reserve.div_ceil(SLICES)
    }

    /// No reserve, and nothing is looked at: only a write that finds no room makes a disk full.
    pub const NONE: Self = Self { reserve: 0, floor: 0, low: 0 };
}

/// How a disk is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskState {
    /// There is room.
    #[default]
    Ok,
    /// There is little, and requests are answered.
    Low,
    /// There is none, and changes and uses are refused.
    Full,
}

impl DiskState {
    /// `ok`, `low` or `full`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Low => "low",
            Self::Full => "full",
        }
    }
}

/// A filesystem that is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskStatus {
    /// `data`, or `audit` where that is another filesystem.
    pub name: &'static str,
    /// The directory on it.
    pub path: PathBuf,
    /// How it is doing.
    pub state: DiskState,
    /// Bytes free, beside the reserve.
    pub free: u64,
    /// Bytes of the reserve that are held.
    pub reserve: u64,
}

/// What state a disk is in, from what it was in and what is free.
///
/// To be answered again takes more than to be refused, so that a disk at the border does not go to
/// and fro: room for what is missing of the reserve, and twice the floor.
fn judge(was: DiskState, free: u64, missing: u64, limits: &DiskLimits) -> DiskState {
    let enough = missing.saturating_add(limits.floor.saturating_mul(2));
    if free < limits.floor || (was == DiskState::Full && free < enough) {
        return DiskState::Full;
    }
    let left = free.saturating_sub(missing);
    let low = if was == DiskState::Ok { limits.low } else { limits.low / 8 * 9 };
    if left < low { DiskState::Low } else { DiskState::Ok }
}

/// Bytes free on the filesystem of a directory. Tests say how many.
#[derive(Clone, Default)]
pub(crate) struct Space {
    #[cfg(test)]
    pub(crate) said: std::sync::Arc<Mutex<Option<u64>>>,
}

impl Space {
    fn free(&self, dir: &Path) -> io::Result<u64> {
        #[cfg(test)]
        if let Some(said) = *self.said.lock() {
            return Ok(said);
        }
        let found = rustix::fs::statvfs(dir)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

/// Watches the filesystems that the store and the audit of uses lie on.
pub(crate) struct Disk {
    limits: DiskLimits,
    space: Space,
    /// Whether changes and uses are refused. Asked for every request.
    full: AtomicBool,
    /// Requests refused since the start.
    refused: AtomicU64,
    watch: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    places: Vec<Place>,
    /// What the audit is not told yet.
    news: Vec<News>,
    /// Refusals that the audit was told of, and when it was last, by the monotonic clock.
    told: u64,
    told_ms: i64,
}

struct Place {
    status: DiskStatus,
    /// Until when it counts as full whatever is free, by the monotonic clock.
    hold_ms: Option<i64>,
    /// Whether a write found no room since the last look.
    met: bool,
}

/// A disk that came into another state.
#[derive(Clone, Debug, PartialEq, Eq)]
struct News {
    kind: &'static str,
    path: String,
    free: u64,
}

impl Disk {
    /// Begins to watch. The reserves are made with the first look: a command that opens the store and
    /// goes again leaves none behind. A disk without room for its reserve is full from the
    /// beginning; without any room, a slice of it is given up, or not even a store could be opened.
    pub(crate) fn start(limits: DiskLimits, space: Space, data: &Path, audit: &Path) -> Self {
        let mut dirs = vec![("data", data)];
        if device(audit).is_some_and(|of_audit| device(data) != Some(of_audit)) {
            dirs.push(("audit", audit));
        }
        let places = dirs.into_iter().map(|(name, dir)| {
            let reserve = held(dir);
            let free = space.free(dir).unwrap_or(u64::MAX);
            let missing = limits.reserve.saturating_sub(reserve);
            // What would not be enough to be answered again is not enough to begin with.
            let was = if missing > 0 { DiskState::Full } else { DiskState::Ok };
            let state = match judge(was, free, missing, &limits) {
                DiskState::Full => DiskState::Full,
                _ => DiskState::Ok,
            };
            let status = DiskStatus { name, path: dir.to_owned(), state, free, reserve };
            Place { status, hold_ms: None, met: false }
        });
        let watch = Watched { places: places.collect(), ..Watched::default() };
        let disk = Self {
            limits,
            space,
            full: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            watch: Mutex::new(watch),
        };
        disk.look(0, false);
        let mut watch = disk.watch.lock();
        let Watched { places, news, .. } = &mut *watch;
        for place in places.iter_mut().filter(|p| p.status.state == DiskState::Full) {
            news.push(place.enter_full());
            let slice = limits.slice();
            if place.status.free < slice {
                place.give_up(slice);
            }
        }
        drop(watch);
        disk
    }

    /// Whether changes and uses are refused.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Counts a refusal that is not recorded by itself.
    pub(crate) fn count(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn status(&self) -> Vec<DiskStatus> {
        self.watch.lock().places.iter().map(|place| place.status.clone()).collect()
    }

    /// What whoever asks is told.
    pub(crate) fn words(&self) -> String {
        let watch = self.watch.lock();
        let worst = watch.places.iter().max_by_key(|place| place.status.state);
        let place = worst.map_or_else(String::new, |place| {
            let DiskStatus { path, free, .. } = &place.status;
            format!(" of {} ({} left)", path.display(), amount(*free))
        });
        format!(
            "the filesystem{place} is full, so nothing can be recorded and nothing is answered: \
             free space on it, then requests are answered again by themselves"
        )
    }

    /// What a KMIP client is told, with the number of the error table.
    pub(crate) fn refusal(&self) -> Refusal {
        let text = format!("error {}: {}", DISK_FULL.number, self.words());
        Refusal::new(DISK_FULL.reason, text)
    }

    /// A write found no room: the disk is full from now on. Gives a slice of the reserve up, and
    /// says whether there was one; the last one only for the server's `own` records.
    pub(crate) fn met_full(&self, own: bool) -> bool {
        let mut watch = self.watch.lock();
        for place in &mut watch.places {
            place.status.free = self.space.free(&place.status.path).unwrap_or(0);
        }
        let slice = self.limits.slice();
        let Some(place) = watch.places.iter_mut().min_by_key(|place| place.status.free) else {
            return false;
        };
        place.met = true;
        let news = (place.status.state != DiskState::Full).then(|| place.enter_full());
        let last = place.status.reserve <= slice;
        let given = (own || !last) && place.give_up(slice);
        watch.news.extend(news);
        self.full.store(true, Ordering::SeqCst);
        given
    }

    /// Takes a look at what is free, at `now_ms` of the monotonic clock.
    fn look(&self, now_ms: i64, make: bool) {
        let mut watch = self.watch.lock();
        let Watched { places, news, .. } = &mut *watch;
        for place in &mut *places {
            news.extend(place.look(&self.space, &self.limits, now_ms, make));
        }
        let full = places.iter().any(|p| p.status.state == DiskState::Full);
        self.full.store(full, Ordering::SeqCst);
    }

    /// What the audit is not told yet; what it could not be told is to be given back.
    fn news(&self) -> Vec<News> {
        std::mem::take(&mut self.watch.lock().news)
    }

    /// How many refusals the audit is to be told of now, if it is time.
    fn untold(&self, now_ms: i64) -> Option<u64> {
        let watch = self.watch.lock();
        let untold = self.refused().saturating_sub(watch.told);
        let due = !self.is_full() || now_ms.saturating_sub(watch.told_ms) >= TELL_EVERY_MS;
        (untold > 0 && due).then_some(untold)
    }

    fn told(&self, count: u64, now_ms: i64) {
        let mut watch = self.watch.lock();
        watch.told += count;
        watch.told_ms = now_ms;
    }
}

impl Place {
    fn look(
        &mut self,
        space: &Space,
        limits: &DiskLimits,
        now_ms: i64,
        makes: bool,
    ) -> Option<News> {
        let status = &mut self.status;
        if std::mem::take(&mut self.met) {
            self.hold_ms = Some(now_ms.saturating_add(LEAST_MS));
        }
        match space.free(&status.path) {
            Ok(free) => status.free = free,
            Err(error) => {
                tracing::warn!(path = %status.path.display(), %error, "free space is not known");
                return None;
            }
        }
        if self.hold_ms.is_some_and(|until| now_ms < until) {
            return None;
        }
        self.hold_ms = None;
        let missing = limits.reserve.saturating_sub(status.reserve);
        let was = status.state;
        let mut now = judge(was, status.free, missing, limits);
        if now != DiskState::Full && missing > 0 && makes {
            match make(&status.path, limits.reserve) {
                Ok(()) => {
                    status.reserve = limits.reserve;
                    status.free = space.free(&status.path).unwrap_or(status.free);
                }
                // Somebody was faster.
                Err(error) => {
                    tracing::warn!(path = %status.path.display(), %error, "no disk reserve");
                    now = DiskState::Full;
                }
            }
        }
        if now == was {
            return None;
        }
        if now == DiskState::Full {
            return Some(self.enter_full());
        }
        status.state = now;
        let kind = if now == DiskState::Low && was == DiskState::Ok {
            tracing::warn!(path = %status.path.display(), free = status.free, "the disk is low");
            "disk-low"
        } else {
            tracing::warn!(path = %status.path.display(), free = status.free, "the disk recovered");
            "disk-recovered"
        };
        Some(self.news(kind))
    }

    fn enter_full(&mut self) -> News {
        let news = self.news("disk-full");
        tracing::error!(path = news.path, free = news.free, "the disk is full");
        self.status.state = DiskState::Full;
        news
    }

    /// Makes the reserve smaller by a slice, if there is any.
    fn give_up(&mut self, slice: u64) -> bool {
        let left = self.status.reserve.saturating_sub(slice);
        if self.status.reserve == 0 {
            return false;
        }
        let path = self.status.path.join(RESERVE);
        let cut = OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(left));
        if let Err(error) = &cut {
            tracing::error!(path = %path.display(), %error, "the disk reserve was not given up");
        }
        self.status.reserve = left;
        cut.is_ok()
    }

    fn news(&self, kind: &'static str) -> News {
        News { kind, path: self.status.path.display().to_string(), free: self.status.free }
    }
}

/// Bytes of the reserve that are on the disk. A file with holes reserves nothing.
fn held(dir: &Path) -> u64 {
    std::fs::metadata(dir.join(RESERVE)).map_or(0, |m| m.len().min(m.blocks().saturating_mul(512)))
}

/// Makes the reserve as large as it is to be, on the disk.
fn make(dir: &Path, bytes: u64) -> io::Result<()> {
    let path = dir.join(RESERVE);
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        Err(rustix::io::Errno::OPNOTSUPP) => fill(&file, bytes)?,
        other => other?,
    }
    file.set_len(bytes)?;
    file.sync_all()
}

/// For filesystems that cannot reserve: bytes that are really written.
fn fill(mut file: &File, bytes: u64) -> io::Result<()> {
    use std::io::Write;
    let zeros = [0; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all(zeros.get(..part).unwrap_or(&zeros))?;
        left -= part as u64;
    }
    Ok(())
}

fn device(dir: &Path) -> Option<u64> {
    std::fs::metadata(dir).map(|m| m.dev()).ok()
}

/// Bytes for people.
fn amount(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

impl Engine {
    /// Looks at the disk, and tells the audit what changed. Part of the sweep, and to be called
    /// where space was freed.
    pub(crate) fn watch_disk(&self) {
        self.watch_disk_at(self.inner.mono_ms());
    }

    pub(crate) fn watch_disk_at(&self, now_ms: i64) {
        let disk = &self.inner.disk;
        disk.look(now_ms, true);
        let server = Caller::server();
        let mut news = disk.news().into_iter();
        let mut ended = false;
        while let Some(one) = news.next() {
            let free = amount(one.free);
            let parameters = [("path", one.path.as_str()), ("free", free.as_str())];
            let event = Event { parameters: &parameters, ..Event::new(one.kind) };
            if let Err(error) = self.record(&server, &event) {
                tracing::error!(%error, kind = one.kind, "an event was not recorded yet");
                let mut watch = disk.watch.lock();
                let rest: Vec<News> = std::iter::once(one).chain(news).collect();
                watch.news.splice(0..0, rest);
                break;
            }
            ended |= one.kind == "disk-full";
        }
        self.tell_refused(now_ms);
        if ended {
            self.make_an_end();
        }
    }

    fn tell_refused(&self, now_ms: i64) {
        let disk = &self.inner.disk;
        let Some(count) = disk.untold(now_ms) else { return };
        let text = count.to_string();
        // An event, and no refusal: those are counted at this time.
        let event = Event { parameters: &[("count", &text)], ..Event::new("refused-while-full") };
        match self.record(&Caller::server(), &event) {
            Ok(()) => disk.told(count, now_ms),
            Err(error) => tracing::error!(%error, "refusals were not recorded yet"),
        }
    }

    /// What was answered so far is signed, since signing rests while the disk is full; and the
    /// write-ahead log gives its space back.
    fn make_an_end(&self) {
        if self.is_sealed() {
            return;
        }
        if let Err(error) = self.sign_heads() {
            tracing::warn!(%error, "the ends of the audit chains were not signed");
        }
        if let Err(error) = self.inner.store.checkpoint() {
            tracing::warn!(%error, "the write-ahead log was not emptied");
        }
    }

    /// The filesystems that are written to.
    pub fn disks(&self) -> Vec<DiskStatus> {
        self.inner.disk.status()
    }

    /// Whether changes and uses are refused because the disk is full.
    pub fn is_disk_full(&self) -> bool {
        self.inner.disk.is_full()
    }

    /// The error of a request that is refused because the disk is full.
    pub fn disk_full(&self) -> EngineError {
        EngineError::DiskFull(self.inner.disk.words())
    }
}

impl Inner {
    /// Why the store did not take a change, for a client.
    pub(crate) fn refusal_of(&self, error: StoreError) -> Refusal {
        if matches!(error, StoreError::Full) {
            self.disk.met_full(false);
            return self.disk.refusal();
        }
        Refusal::from(error)
    }
}

/// Whether a refusal is one of a full disk.
pub(crate) fn is_of_full_disk(reason: ResultReason) -> bool {
    reason == DISK_FULL.reason
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const LIMITS: DiskLimits = DiskLimits { reserve: 64 * MIB, floor: 16 * MIB, low: 1024 * MIB };

    #[test]
    fn a_disk_is_full_below_the_floor_and_again_usable_with_room_for_the_reserve() {
        use DiskState::{Full, Low, Ok};
        for (was, free, missing, is) in [
            (Ok, 2048, 0, Ok),
            (Ok, 1023, 0, Low),
            // At the border it does not go to and fro.
            (Low, 1100, 0, Low),
            (Low, 1200, 0, Ok),
            (Ok, 16, 0, Low),
            (Ok, 15, 0, Full),
            (Low, 15, 0, Full),
            (Full, 15, 64, Full),
            (Full, 64, 64, Full),
            (Full, 95, 64, Full),
            (Full, 96, 64, Low),
            (Full, 2048, 64, Ok),
            // A reserve that could not be given up.
            (Full, 31, 0, Full),
            (Full, 32, 0, Low),
        ] {
            let found = judge(was, free * MIB, missing * MIB, &LIMITS);
            assert_eq!(found, is, "{was:?}, {free} MiB free, {missing} MiB missing");
        }
    }

    #[test]
    fn without_limits_no_disk_is_ever_short() {
        assert_eq!(judge(DiskState::Ok, 0, 0, &DiskLimits::NONE), DiskState::Ok);
        assert_eq!(judge(DiskState::Full, 0, 0, &DiskLimits::NONE), DiskState::Ok);
    }

    #[test]
    fn a_reserve_is_on_the_disk_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(held(dir.path()), 0);
        make(dir.path(), 3 * MIB).unwrap();
        assert_eq!(held(dir.path()), 3 * MIB);
        let mode = std::fs::metadata(dir.path().join(RESERVE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // One with holes reserves nothing.
        let sparse = File::create(dir.path().join(RESERVE)).unwrap();
        sparse.set_len(3 * MIB).unwrap();
        assert!(held(dir.path()) < MIB);
        // A smaller one takes its place.
        make(dir.path(), MIB).unwrap();
        assert_eq!(held(dir.path()), MIB);
    }
}
