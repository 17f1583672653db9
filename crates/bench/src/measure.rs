//! Whole measurements: several servers, scenarios and numbers of connections, each repeated, and
//! what belongs together one right after the other.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::disk::flushes;
use crate::failure::{Failure, Outcome};
use crate::load::{self, Bounds, Cell, Measured};
use crate::prepare::{Prepared, prepare};
use crate::report::{self, RatioRow, Row};
use crate::scenario::Scenario;
use crate::server::{Places, Running, Spec};
use crate::stats::{median, ratio_of_pairs, spread};
use crate::wire::Endpoint;

/// What every measurement is told.
#[derive(Clone, Debug, clap::Args)]
pub struct Work {
    /// What to measure. Default: everything but resume.
    #[arg(long, value_enum, value_delimiter = ',')]
    scenarios: Vec<Scenario>,
    /// Connections.
    #[arg(long, value_delimiter = ',', default_value = "1,4,16,64", value_name = "N,...")]
    connections: Vec<usize>,
    /// Keys, of which each request uses one, chosen uniformly.
    #[arg(long, default_value_t = 10_000)]
    keys: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Requests of each measurement at most.
    #[arg(long)]
    count: Option<u64>,
    /// Seconds before it counts.
    #[arg(long, default_value_t = 0.5)]
    warm_up: f64,
    /// Where the choice of keys begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to write the result for machines.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    places: Places,
}

/// The result for machines.
#[derive(Serialize)]
struct Written<'a> {
    keys: usize,
    seconds: f64,
    warm_up: f64,
    seed: u64,
    cores: usize,
    rows: &'a [Row],
    ratios: &'a [RatioRow],
}

impl Work {
    fn check(&self) -> Outcome<()> {
        let positive = |seconds: f64| seconds.is_finite() && (0.0..=86_400.0).contains(&seconds);
        if !positive(self.seconds) || self.seconds == 0.0 || !positive(self.warm_up) {
            return Err(Failure("--seconds and --warm-up are seconds up to a day".to_owned()));
        }
        if self.keys == 0 || self.connections.is_empty() || self.connections.contains(&0) {
            return Err(Failure("--keys and --connections are at least one".to_owned()));
        }
        Ok(())
    }

    fn scenarios(&self) -> Vec<Scenario> {
        if !self.scenarios.is_empty() {
            return self.scenarios.clone();
        }
        Scenario::ALL.into_iter().filter(|s| *s != Scenario::Resume).collect()
    }

    fn cell(&self, scenario: Scenario, connections: usize, repetition: usize) -> Cell {
        Cell {
            scenario,
            connections,
            bounds: Bounds {
                warm_up: Duration::from_secs_f64(self.warm_up),
                time: Duration::from_secs_f64(self.seconds),
                count: self.count,
            },
            seed: self.seed.wrapping_add((repetition as u64) << 32),
        }
    }

    fn write(&self, rows: &[Row], ratios: &[RatioRow]) -> Outcome<()> {
        let Some(path) = &self.json else { return Ok(()) };
        let written = Written {
            keys: self.keys,
            seconds: self.seconds,
            warm_up: self.warm_up,
            seed: self.seed,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            rows,
            ratios,
        };
        std::fs::write(path, report::json(&written)).map_err(Failure::about(path.display()))
    }
}

/// A server with its keys made.
struct Ready {
    spec: Spec,
    running: Running,
    prepared: Prepared,
}

/// All servers of a measurement.
struct Field {
    ready: Vec<Ready>,
}

impl Field {
    fn start(specs: &[Spec], work: &Work) -> Outcome<Self> {
        work.check()?;
        let scenarios = work.scenarios();
        let mut ready = Vec::new();
        for spec in specs {
            let running = Running::start(spec, &work.places)?;
            let prepared = match spec {
                Spec::Echo => Prepared::default(),
                _ => {
                    eprintln!("{spec}: making {} keys", work.keys);
                    prepare(&running.config, work.keys, &scenarios)?
                }
            };
            for (scenario, words) in &prepared.refused {
                eprintln!("{spec}: no {scenario}: {words}");
            }
            ready.push(Ready { spec: spec.clone(), running, prepared });
        }
        if !ready.iter().any(|r| r.spec != Spec::Echo) {
            return Err(Failure(
                "an echo takes the sizes of its messages from a server: name one, too".to_owned(),
            ));
        }
        Ok(Self { ready })
    }

    /// The first server that does `scenario`: whose messages the echo takes.
    fn model(&self, scenario: Scenario) -> Option<&Ready> {
        self.ready.iter().find(|r| r.prepared.plan(scenario).is_some())
    }

    /// Measures a server; none when it does not do the scenario.
    fn measure(&self, at: usize, cell: &Cell) -> Outcome<Option<Measured>> {
        let ready = &self.ready[at];
        let model = match ready.spec {
            Spec::Echo => self.model(cell.scenario),
            _ => Some(ready),
        };
        let found = model.and_then(|m| {
            Some((m.prepared.plan(cell.scenario)?, m.prepared.reply(cell.scenario)?))
        });
        let Some((plan, reply)) = found else { return Ok(None) };
        if ready.spec == Spec::Echo {
            let echo = Running::echo(reply.to_vec())?;
            let endpoint = Endpoint::new(&echo.config)?;
            let mut measured = load::run(&endpoint, plan, cell, echo.meter)?;
            if cell.scenario.connects() {
                // Its threads end with their connections, and take the count with them.
                measured.cpu = None;
            }
            return Ok(Some(measured));
        }
        let endpoint = Endpoint::new(&ready.running.config)?;
        load::run(&endpoint, plan, cell, ready.running.meter).map(Some)
    }
}

/// `run`: tables of rates and latencies. True when nothing failed.
pub fn run(specs: &[Spec], repeats: usize, work: &Work) -> Outcome<bool> {
    let field = Field::start(specs, work)?;
    println!("{}", report::heading());
    let mut rows = Vec::new();
    for scenario in work.scenarios() {
        for &connections in &work.connections {
            let mut all: BTreeMap<usize, Vec<Measured>> = BTreeMap::new();
            for repetition in 0..repeats.max(1) {
                let cell = work.cell(scenario, connections, repetition);
                for at in 0..field.ready.len() {
                    if let Some(measured) = field.measure(at, &cell)? {
                        all.entry(at).or_default().push(measured);
                    }
                }
            }
            for (at, all) in all {
                let server = field.ready[at].spec.to_string();
                let row = Row::of(scenario.name().to_owned(), connections, server, &all);
                println!("{}", report::row(&row));
                if let Some(words) = &row.first_failure {
                    println!("{:12} first failure: {words:.60}", "");
                }
                rows.push(row);
            }
        }
    }
    for ready in &field.ready {
        if let Some(bytes) = ready.running.meter.resident() {
            println!("{}: {} MB resident", ready.spec, bytes >> 20);
        }
    }
    work.write(&rows, &[])?;
    Ok(rows.iter().all(|r| r.failures == 0))
}

/// `compare`: the ratio of two servers in pairs. The ratios, for claims.
pub fn compare(a: &Spec, b: &Spec, pairs: usize, work: &Work) -> Outcome<Vec<RatioRow>> {
    let field = Field::start(&[a.clone(), b.clone()], work)?;
    println!("{a} to {b}, {pairs} pairs");
    let (mut rows, mut ratios) = (Vec::new(), Vec::new());
    for scenario in work.scenarios() {
        for &connections in &work.connections {
            let mut both: [Vec<Measured>; 2] = [Vec::new(), Vec::new()];
            for pair in 0..pairs.max(2) {
                let cell = work.cell(scenario, connections, pair);
                // Who goes first alternates: the second may find a warmer machine.
                for at in if pair % 2 == 0 { [0, 1] } else { [1, 0] } {
                    both[at].extend(field.measure(at, &cell)?);
                }
            }
            let rates: Vec<(f64, f64)> =
                both[0].iter().zip(&both[1]).map(|(a, b)| (a.rate(), b.rate())).collect();
            let row = RatioRow {
                scenario: scenario.name().to_owned(),
                connections,
                ratio: ratio_of_pairs(&rates),
                failures: both.iter().flatten().map(|m| m.failures).sum(),
            };
            println!("{}", report::ratio(&row));
            for (spec, all) in [a, b].into_iter().zip(&both).filter(|(_, all)| !all.is_empty()) {
                let name = scenario.name().to_owned();
                rows.push(Row::of(name, connections, spec.to_string(), all));
            }
            ratios.push(row);
        }
    }
    println!("\n{}", report::heading());
    rows.iter().for_each(|r| println!("{}", report::row(r)));
    work.write(&rows, &ratios)?;
    Ok(ratios)
}

/// One line of `durable`.
#[derive(Serialize)]
struct DurableRow {
    connections: usize,
    durable: f64,
    unflushed: f64,
    flushes: f64,
    bound: f64,
    share: f64,
}

/// `durable`: Create against what the disk's flushes and the code without them allow. With F
/// flushes a second and N creates a second of the same code on a disk that need not flush, C
/// connections cannot create more than min(C F, N) a second.
pub fn durable(rounds: usize, work: &Work) -> Outcome<()> {
    let specs = [false, true].map(|memory| Spec::Strongroom { flushed: false, memory });
    let work = Work { scenarios: vec![Scenario::Create], keys: 1, ..work.clone() };
    let field = Field::start(&specs, &work)?;
    let dir = work.places.directory()?;
    let meter = field.ready[0].running.meter;
    let before = meter.written();
    let one = field.measure(0, &work.cell(Scenario::Create, 1, 0))?.unwrap_or_default();
    let warmed = one.latencies.len() as f64 * (1.0 + work.warm_up / work.seconds);
    let bytes = match (before, meter.written()) {
        (Some(before), Some(after)) => ((after - before) as f64 / warmed.max(1.0)) as usize,
        _ => 4096,
    };
    println!(
        "One connection: {:.0} creates/s, {bytes} bytes written for each; F flushes an append of \
         as many.",
        one.rate()
    );
    println!(
        "{:>4}{:>12}{:>12}{:>10}{:>14}{:>14}",
        "conn", "create/s", "N: no flush", "F", "min(C F, N)", "share"
    );
    let mut rows = Vec::new();
    for &connections in &work.connections {
        let (mut disk, mut memory, mut flush) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds.max(1) {
            let cell = work.cell(Scenario::Create, connections, round);
            flush.push(flushes(dir.path(), bytes.max(1), cell.bounds.time)?.rate);
            disk.extend(field.measure(0, &cell)?.map(|m| m.rate()));
            memory.extend(field.measure(1, &cell)?.map(|m| m.rate()));
        }
        let (durable, unflushed, each) = (median(&disk), median(&memory), median(&flush));
        let bound = (connections as f64 * each).min(unflushed);
        println!(
            "{connections:>4}{durable:>9.0}+-{:<2.0}{unflushed:>9.0}+-{:<2.0}{each:>7.0}+-{:<2.0}\
             {bound:>13.0}{:>14.2}",
            spread(&disk) * 100.0,
            spread(&memory) * 100.0,
            spread(&flush) * 100.0,
            durable / bound
        );
        let share = durable / bound;
        rows.push(DurableRow { connections, durable, unflushed, flushes: each, bound, share });
    }
    if let Some(path) = &work.json {
        std::fs::write(path, report::json(&rows)).map_err(Failure::about(path.display()))?;
    }
    Ok(())
}
