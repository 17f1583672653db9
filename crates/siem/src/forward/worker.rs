//! The thread of one destination.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::{Event, Outcome};

use super::cursor::Cursor;
use super::link::{Link, LinkError};
use super::{Begin, Confirmation, Destination, Shared, Slot, Source, SourceError};

/// Bytes collected before they are handed to the kernel.
const BATCH: usize = 64 * 1024;

/// How often progress that needs no confirmation is written to the cursor.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// How long a chain that could not be read is left alone.
const SOURCE_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Worker {
    destination: Destination,
    cursor: Cursor,
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    lanes: Vec<Lane>,
    backoff: Backoff,
    /// Number of messages sent, for `sequenceId`.
    sequence: u32,
    unconfirmed: Unconfirmed,
    saved: Instant,
}

/// One chain on its way to this destination.
struct Lane {
    source: Arc<dyn Source>,
    /// The next record to take; none until the first is seen.
    next: Option<u64>,
    /// The furthest ever taken.
    furthest: u64,
    events: Option<Box<dyn Iterator<Item = Result<Event, SourceError>> + Send>>,
    /// Taken from the chain, not sent yet.
    pending: Option<Event>,
    paused: Option<Instant>,
    /// Why the chain could not be read, to be shown.
    error: Option<String>,
    /// Where the cursor is to be put before anything else.
    rebase: Option<u64>,
}

/// What was sent and is not known to be read.
#[derive(Default)]
struct Unconfirmed {
    since: Option<Instant>,
    bytes: usize,
    /// Places at a time, to be confirmed when the connection outlives it by long enough.
    mark: Option<(Instant, Vec<Option<u64>>)>,
}

enum Turn {
    /// All is confirmed; connect anew.
    Again,
    Stopped,
}

/// What goes out in one write.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    events: u64,
    repeated: u64,
    oldest_ms: Option<i64>,
}

impl Worker {
    pub(super) fn new(
        destination: Destination,
        cursor: Cursor,
        shared: Arc<Shared>,
        slot: Arc<Slot>,
    ) -> Self {
        let lane = |source: &Arc<dyn Source>| Lane {
            source: source.clone(),
            next: cursor.next(source.chain()),
            furthest: 0,
            events: None,
            pending: None,
            paused: None,
            error: None,
            rebase: None,
        };
        let lanes = shared.sources.iter().map(lane).collect();
        let (min, max) = (destination.timing.backoff_min, destination.timing.backoff_max);
        Self {
            backoff: Backoff { min, max, failures: 0 },
            destination,
            cursor,
            shared,
            slot,
            lanes,
            sequence: 0,
            unconfirmed: Unconfirmed::default(),
            saved: Instant::now(),
        }
    }

    pub(super) fn run(mut self) {
        self.show_places();
        let shared = self.shared.clone();
        loop {
            // Once it is to stop, one more attempt is made to send what is there.
            let last = shared.stop().is_some();
            let begun = Instant::now();
            match self.session(&shared) {
                Ok(Turn::Again) => {}
                Ok(Turn::Stopped) => break,
                Err(error) => {
                    self.disconnected();
                    if !matches!(error, LinkError::Stopped) {
                        self.failed(error.to_string());
                    }
                    self.rewind();
                    if last || matches!(error, LinkError::Stopped) {
                        break;
                    }
                    if begun.elapsed() > self.backoff.max {
                        self.backoff.failures = 0;
                    }
                    // What waits meanwhile shows how far behind we are.
                    self.fill();
                    shared.wait(None, self.backoff.next(random()));
                }
            }
        }
        self.disconnected();
    }

    /// One connection from its beginning to its end.
    fn session(&mut self, shared: &Shared) -> Result<Turn, LinkError> {
        let mut link = Link::connect(&self.destination, shared)?;
        self.connected();
        loop {
            let seen = shared.nudges();
            let stopping = shared.stop().is_some();
            link.check()?;
            self.fill();
            let batch = self.collect(&link);
            if !batch.bytes.is_empty() {
                link.send(&batch.bytes)?;
                self.sent(&batch);
            }
            self.show_places();
            if link.is_datagram() {
                self.confirm();
            }
            if self.is_due(stopping && batch.bytes.is_empty()) {
                link.finish(self.destination.timing.confirm_wait)?;
                self.confirm();
                self.backoff.failures = 0;
                return Ok(if stopping { Turn::Stopped } else { Turn::Again });
            }
            self.settle(&mut link)?;
            if stopping && batch.bytes.is_empty() {
                self.last_settle(&mut link)?;
                return Ok(Turn::Stopped);
            }
            if batch.bytes.is_empty() {
                self.save_idle();
                shared.wait(Some(seen), self.destination.timing.poll);
            }
        }
    }

    /// Has the next event of each chain ready, where there is one.
    fn fill(&mut self) {
        let begin = self.destination.begin;
        let mut errors = Vec::new();
        for lane in &mut self.lanes {
            lane.fill(begin);
            errors.extend(lane.error.take());
        }
        self.rebase();
        *self.slot.oldest_ms.lock() =
            self.lanes.iter().filter_map(|l| l.pending.as_ref()).map(|e| e.time_ms).min();
        for error in errors {
            self.failed(error);
        }
    }

    /// Puts the cursor where chains began anew.
    fn rebase(&mut self) {
        for lane in &mut self.lanes {
            if let Some(next) = lane.rebase.take()
                && let Err(error) = self.cursor.advance([(lane.source.chain(), next)])
            {
                lane.error = Some(error.to_string());
            }
        }
    }

    /// Takes events in the order of their times until the batch is full or there are none.
    fn collect(&mut self, link: &Link<'_>) -> Batch {
        let mut batch = Batch::default();
        let mut filtered = 0;
        let begin = self.destination.begin;
        while batch.bytes.len() < BATCH {
            let earliest = self
                .lanes
                .iter()
                .enumerate()
                .filter_map(|(i, lane)| Some((lane.pending.as_ref()?.time_ms, i)))
                .min();
            let Some(lane) = earliest.and_then(|(_, i)| self.lanes.get_mut(i)) else { break };
            let Some(event) = lane.pending.take() else { break };
            let missing = lane.missing_before(&event);
            lane.next = Some(event.seq.saturating_add(1));
            let repeated = event.seq <= lane.furthest;
            lane.furthest = lane.furthest.max(event.seq);
            lane.fill(begin);
            if let Some((notice, count)) = missing {
                self.slot.state.lock().missing += count;
                self.push(link, &mut batch, &notice, false);
            }
            if self.destination.filter.wants(&event) {
                self.push(link, &mut batch, &event, repeated);
            } else {
                filtered += 1;
            }
        }
        if filtered > 0 {
            self.slot.state.lock().filtered += filtered;
        }
        if batch.oldest_ms.is_some() {
            *self.slot.oldest_ms.lock() = batch.oldest_ms;
        }
        batch
    }

    fn push(&mut self, link: &Link<'_>, batch: &mut Batch, event: &Event, repeated: bool) {
        // RFC 5424 section 7.3.1: from 1 to 2147483647 and around.
        self.sequence = self.sequence % 0x7fff_ffff + 1;
        let line = self.destination.style.render(event, Some(self.sequence));
        link.frame(&line, &mut batch.bytes);
        batch.events += 1;
        batch.repeated += u64::from(repeated);
        batch.oldest_ms.get_or_insert(event.time_ms);
    }

    fn sent(&mut self, batch: &Batch) {
        self.unconfirmed.since.get_or_insert_with(Instant::now);
        self.unconfirmed.bytes += batch.bytes.len();
        let mut state = self.slot.state.lock();
        state.sent += batch.events;
        state.repeated += batch.repeated;
        state.last_sent_ms = Some(self.shared.now_ms());
        drop(state);
        *self.slot.oldest_ms.lock() =
            self.lanes.iter().filter_map(|l| l.pending.as_ref()).map(|e| e.time_ms).min();
    }

    /// Whether the connection is to be ended, so that the peer confirms.
    fn is_due(&self, at_end: bool) -> bool {
        let timing = &self.destination.timing;
        if self.destination.confirmation != Confirmation::Close {
            return false;
        }
        let Some(since) = self.unconfirmed.since else { return at_end };
        at_end
            || self.unconfirmed.bytes >= timing.confirm_bytes
            || since.elapsed() >= timing.confirm_every
    }

    /// Confirms what the connection outlived by long enough.
    fn settle(&mut self, link: &mut Link<'_>) -> Result<(), LinkError> {
        let Confirmation::Settle(time) = self.destination.confirmation else { return Ok(()) };
        match self.unconfirmed.mark.take() {
            Some((at, places)) if at.elapsed() >= time => {
                link.check()?;
                self.advance(&places);
                self.backoff.failures = 0;
                if self.places() == places {
                    self.unconfirmed = Unconfirmed::default();
                }
            }
            Some(mark) => self.unconfirmed.mark = Some(mark),
            None if self.unconfirmed.since.is_some() => {
                self.unconfirmed.mark = Some((Instant::now(), self.places()));
            }
            None => {}
        }
        Ok(())
    }

    /// Gives the last events their time to settle, as far as the stop allows.
    fn last_settle(&mut self, link: &mut Link<'_>) -> Result<(), LinkError> {
        while self.unconfirmed.since.is_some()
            && self.shared.stop().is_some_and(|stop| Instant::now() < stop)
        {
            std::thread::sleep(Duration::from_millis(20));
            self.settle(link)?;
        }
        Ok(())
    }

    /// Writes progress over events that were filtered out, now and then.
    fn save_idle(&mut self) {
        if self.unconfirmed.since.is_none() && self.saved.elapsed() >= SAVE_EVERY {
            self.confirm();
        }
    }

    /// Everything taken so far is confirmed.
    fn confirm(&mut self) {
        self.unconfirmed = Unconfirmed::default();
        let places = self.places();
        self.advance(&places);
    }

    fn advance(&mut self, places: &[Option<u64>]) {
        self.saved = Instant::now();
        let next = self
            .lanes
            .iter()
            .zip(places)
            .filter_map(|(lane, next)| next.map(|next| (lane.source.chain(), next)));
        if let Err(error) = self.cursor.advance(next) {
            self.failed(format!("the cursor: {error}"));
        }
        self.show_places();
    }

    /// After a failure: back to what is confirmed.
    fn rewind(&mut self) {
        self.rebase();
        for lane in &mut self.lanes {
            lane.next = self.cursor.next(lane.source.chain());
            lane.events = None;
            lane.pending = None;
        }
        self.unconfirmed = Unconfirmed::default();
        self.show_places();
    }

    fn places(&self) -> Vec<Option<u64>> {
        self.lanes.iter().map(|lane| lane.next).collect()
    }

    fn show_places(&self) {
        *self.slot.places.lock() = self
            .lanes
            .iter()
            .map(|lane| (lane.next, self.cursor.next(lane.source.chain())))
            .collect();
    }

    fn connected(&self) {
        let mut state = self.slot.state.lock();
        state.connections += 1;
        if !state.connected {
            state.connected = true;
            state.since_ms = self.shared.now_ms();
        }
    }

    fn disconnected(&self) {
        let mut state = self.slot.state.lock();
        if state.connected {
            state.connected = false;
            state.since_ms = self.shared.now_ms();
        }
    }

    fn failed(&self, why: String) {
        self.slot.state.lock().last_error = Some((self.shared.now_ms(), why));
    }
}

impl Lane {
    /// Has the next event ready, if there is one.
    fn fill(&mut self, begin: Begin) {
        if self.paused.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.paused = None;
        if let Err(error) = self.try_fill(begin) {
            self.error = Some(format!("the chain \"{}\": {error}", self.source.chain()));
            self.events = None;
            self.paused = Some(Instant::now() + SOURCE_PAUSE);
        }
    }

    fn try_fill(&mut self, begin: Begin) -> Result<(), SourceError> {
        if self.pending.is_some() {
            return Ok(());
        }
        let mut events = match self.events.take() {
            Some(events) => events,
            None => self.open(begin)?,
        };
        self.pending = loop {
            match events.next().transpose()? {
                // What was taken already.
                Some(event) if self.next.is_some_and(|next| event.seq < next) => {}
                other => break other,
            }
        };
        self.events = Some(events);
        Ok(())
    }

    fn open(
        &mut self,
        begin: Begin,
    ) -> Result<Box<dyn Iterator<Item = Result<Event, SourceError>> + Send>, SourceError> {
        let head = self.source.head()?;
        let end = head.saturating_add(1);
        match self.next {
            None if begin == Begin::Newest => self.begin_at(end),
            // The chain is shorter than it was: a restored copy, or a crash cut its end. What
            // takes the lost numbers is news.
            Some(next) if next > end => {
                let chain = self.source.chain();
                self.error = Some(format!(
                    "the chain \"{chain}\" ends with {head}, before the cursor at {next}: going on there"
                ));
                self.furthest = self.furthest.min(head);
                self.begin_at(end);
            }
            _ => {}
        }
        self.source.events(self.next.unwrap_or_default())
    }

    /// Goes on at this record, also after a failure or a restart.
    fn begin_at(&mut self, next: u64) {
        self.next = Some(next);
        self.rebase = Some(next);
    }

    /// If records are missing before this event: an event that says so, and how many they are.
    fn missing_before(&self, event: &Event) -> Option<(Event, u64)> {
        let expected = self.next.filter(|_| self.source.is_gapless())?;
        let count = event.seq.checked_sub(expected).filter(|count| *count > 0)?;
        let chain = self.source.chain();
        let mut notice = Event::new(&event.device, chain, expected, event.time_ms, [0; 32]);
        notice.kind = "event".to_owned();
        notice.user = "forwarder".to_owned();
        notice.action = "records-missing".to_owned();
        notice.outcome = Outcome::Failure;
        notice.detail = vec![
            ("from".to_owned(), expected.to_string()),
            ("through".to_owned(), (event.seq - 1).to_string()),
            ("count".to_owned(), count.to_string()),
        ];
        Some((notice, count))
    }
}

/// Growing waits.
struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// The next wait: doubled with each failure up to the longest, of which a random part between
    /// half and all, so that many senders do not come back at once.
    fn next(&mut self, random: u32) -> Duration {
        let full = self.min.saturating_mul(1 << self.failures.min(20)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        full / 2 + (full / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

fn random() -> u32 {
    let mut bytes = [0; 4];
    // Without randomness the waits are the shortest of their kind, which is no harm.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_vary_by_half() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut backoff = Backoff { min, max, failures: 0 };
        let waits: Vec<u128> = (0..6).map(|_| backoff.next(u32::MAX).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        backoff.failures = 0;
        assert_eq!(backoff.next(0), Duration::from_millis(50));
        backoff.failures = u32::MAX;
        assert_eq!(backoff.next(0), Duration::from_millis(500));
    }
}
