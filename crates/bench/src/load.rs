//! The load: a closed loop on each of so many connections, a blocking thread for each.

use std::sync::Barrier;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crate::cpu::Meter;
use crate::failure::{Failure, Outcome};
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::stats::Histogram;
use crate::wire::{Endpoint, Wire};

const WARM: u8 = 0;
const COUNT: u8 = 1;
const STOP: u8 = 2;

/// A connection that fails so often in a row is given up.
const PATIENCE: u32 = 20;

/// How long a measurement runs.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Not counted, at the beginning.
    pub warm_up: Duration,
    /// Counted.
    pub time: Duration,
    /// Counted at most so many.
    pub count: Option<u64>,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// What.
    pub scenario: Scenario,
    /// On how many connections.
    pub connections: usize,
    /// For how long.
    pub bounds: Bounds,
    /// Where the choice of keys begins.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Latencies of what succeeded.
    pub latencies: Histogram,
    /// How many failed.
    pub failures: u64,
    /// The first failure's words.
    pub first_failure: Option<String>,
    /// How long it was counted.
    pub time: Duration,
    /// Processor time of the server meanwhile.
    pub cpu: Option<Duration>,
}

impl Measured {
    /// Successes in a second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64().max(1e-9)
    }

    /// Microseconds of the server's processor time for one success.
    pub fn cpu_micros(&self) -> Option<f64> {
        let done = self.latencies.len().max(1) as f64;
        self.cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / done)
    }
}

/// What all connections share.
struct Shared<'a> {
    endpoint: &'a Endpoint,
    plan: &'a Plan,
    cell: &'a Cell,
    phase: AtomicU8,
    left: AtomicI64,
    ready: Barrier,
}

/// Measures.
pub fn run(endpoint: &Endpoint, plan: &Plan, cell: &Cell, meter: Meter) -> Outcome<Measured> {
    if plan.len() == 0 {
        return Err(Failure(format!("no keys for {}", cell.scenario)));
    }
    let count = cell.bounds.count.map_or(i64::MAX, |c| i64::try_from(c).unwrap_or(i64::MAX));
    let shared = &Shared {
        endpoint,
        plan,
        cell,
        phase: AtomicU8::new(WARM),
        left: AtomicI64::new(count),
        ready: Barrier::new(cell.connections + 1),
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cell.connections)
            .map(|number| scope.spawn(move || Worker::new(shared, number as u64).work()))
            .collect();
        shared.ready.wait();
        std::thread::sleep(cell.bounds.warm_up);
        let before = meter.read();
        let began = Instant::now();
        shared.phase.store(COUNT, Ordering::Release);
        while began.elapsed() < cell.bounds.time && shared.left.load(Ordering::Relaxed) > 0 {
            let left = cell.bounds.time.saturating_sub(began.elapsed());
            let nap =
                if cell.bounds.count.is_some() { left.min(Duration::from_millis(2)) } else { left };
            std::thread::sleep(nap);
        }
        let time = began.elapsed();
        let after = meter.read();
        shared.phase.store(STOP, Ordering::Release);
        let mut all = Measured { time, ..Measured::default() };
        for worker in workers {
            let one = worker.join().map_err(|_| Failure("a load thread panicked".to_owned()))?;
            all.latencies.merge(&one.latencies);
            all.failures += one.failures;
            all.first_failure = all.first_failure.or(one.first_failure);
        }
        all.cpu = before.zip(after).map(|(before, after)| after.saturating_sub(before));
        Ok(all)
    })
}

struct Worker<'a> {
    shared: &'a Shared<'a>,
    random: Random,
    wire: Option<Wire>,
    measured: Measured,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>, number: u64) -> Self {
        let random = Random(shared.cell.seed.wrapping_add(number.wrapping_mul(0x9E37_79B9)));
        Self { shared, random, wire: None, measured: Measured::default() }
    }

    fn work(mut self) -> Measured {
        let scenario = self.shared.cell.scenario;
        let mut scratch = self.shared.plan.scratch();
        if !scenario.connects() {
            // A refused connection shows in the loop.
            self.wire = Wire::open(self.shared.endpoint, true).ok();
        }
        self.shared.ready.wait();
        let mut in_a_row = 0;
        while in_a_row < PATIENCE {
            let counted = match self.shared.phase.load(Ordering::Acquire) {
                STOP => break,
                phase => phase == COUNT,
            };
            if counted && self.shared.left.fetch_sub(1, Ordering::Relaxed) <= 0 {
                break;
            }
            let key = self.random.below(self.shared.plan.len());
            let request = self.shared.plan.request(key, &mut scratch);
            let began = Instant::now();
            let done = one(self.shared.endpoint, scenario, &mut self.wire, request);
            let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            match done {
                // What ends after the bell does not count.
                Ok(()) if counted && self.shared.phase.load(Ordering::Relaxed) == COUNT => {
                    self.measured.latencies.record(nanos);
                    in_a_row = 0;
                }
                Ok(()) => in_a_row = 0,
                Err(failure) => {
                    in_a_row += 1;
                    self.measured.failures += u64::from(counted);
                    self.measured.first_failure.get_or_insert(failure.0);
                }
            }
        }
        if let Some(wire) = self.wire.take() {
            wire.close();
        }
        self.measured
    }
}

/// One request on the connection at hand, or on one of its own.
fn one(
    endpoint: &Endpoint,
    scenario: Scenario,
    wire: &mut Option<Wire>,
    request: &[u8],
) -> Outcome<()> {
    let mut open = match wire.take() {
        Some(open) => open,
        None => Wire::open(endpoint, scenario != Scenario::Connect)?,
    };
    open.exchange(request)?;
    let succeeded = open.succeeded();
    let refusal = if succeeded { None } else { Some(refusal(open.reply())) };
    if scenario.connects() {
        open.close();
    } else {
        *wire = Some(open);
    }
    refusal.map_or(Ok(()), |words| Err(Failure(words)))
}

/// The server's own words.
fn refusal(reply: &[u8]) -> String {
    use strongroom_kmip::{Limits, ResponseView, ResultReason};
    match ResponseView::parse(reply, &Limits::default()) {
        Ok(view) => view.items.iter().next().map_or_else(
            || "a reply without items".to_owned(),
            |item| {
                let reason = item.reason.unwrap_or(ResultReason::GENERAL_FAILURE);
                format!("refused: {reason}: {}", item.message.unwrap_or_default())
            },
        ),
        Err(e) => format!("a reply that is none: {e}"),
    }
}

/// SplitMix64: small, fast, and the same from the same seed.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_chosen_uniformly_and_the_same_from_the_same_seed() {
        let mut counts = [0_u32; 10];
        let (mut a, mut b) = (Random(7), Random(7));
        for _ in 0..100_000 {
            let key = a.below(10);
            assert_eq!(key, b.below(10));
            counts[key] += 1;
        }
        assert!(counts.iter().all(|c| (9_500..10_500).contains(c)), "{counts:?}");
    }
}
