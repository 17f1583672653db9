//! What is printed: tables of at most 80 columns, and JSON.

use serde::Serialize;

use crate::compare::Claim;
use crate::load::Measured;
use crate::stats::{Ratio, median, spread};

/// All repetitions of one scenario on one server.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The scenario.
    pub scenario: String,
    /// Connections.
    pub connections: usize,
    /// The server.
    pub server: String,
    /// Successes in a second: the median of the repetitions.
    pub rate: f64,
    /// Half of the distance between the fastest and the slowest, as a share of the median.
    pub spread: f64,
    /// Each repetition.
    pub rates: Vec<f64>,
    /// Microseconds, over all repetitions.
    pub p50: f64,
    /// Microseconds.
    pub p99: f64,
    /// Microseconds.
    pub p999: f64,
    /// Failed requests.
    pub failures: u64,
    /// The first failure's words.
    pub first_failure: Option<String>,
    /// Microseconds of the server's processor time for one success, where it can be known.
    pub cpu_micros: Option<f64>,
}

impl Row {
    /// Sums repetitions up.
    pub fn of(scenario: String, connections: usize, server: String, all: &[Measured]) -> Self {
        let mut latencies = crate::stats::Histogram::default();
        all.iter().for_each(|m| latencies.merge(&m.latencies));
        let micros = |share| latencies.quantile(share) as f64 / 1_000.0;
        let rates: Vec<f64> = all.iter().map(Measured::rate).collect();
        let cpu: Vec<f64> = all.iter().filter_map(Measured::cpu_micros).collect();
        Self {
            scenario,
            connections,
            server,
            rate: median(&rates),
            spread: spread(&rates),
            rates,
            p50: micros(0.5),
            p99: micros(0.99),
            p999: micros(0.999),
            failures: all.iter().map(|m| m.failures).sum(),
            first_failure: all.iter().find_map(|m| m.first_failure.clone()),
            cpu_micros: (!cpu.is_empty()).then(|| median(&cpu)),
        }
    }
}

/// The heading of [`row`]s.
pub fn heading() -> String {
    format!(
        "{:<8}{:>4} {:<18}{:>8}{:>4}{:>8}{:>8}{:>8}{:>5}{:>7}",
        "", "conn", "server", "ops/s", "+-%", "p50", "p99", "p99.9", "fail", "cpu us"
    )
}

/// A row in 80 columns.
pub fn row(row: &Row) -> String {
    format!(
        "{:<8}{:>4} {:<18.18}{:>8.0}{:>4.0}{:>8}{:>8}{:>8}{:>5}{:>7}",
        row.scenario,
        row.connections,
        row.server,
        row.rate,
        row.spread * 100.0,
        duration(row.p50),
        duration(row.p99),
        duration(row.p999),
        row.failures,
        row.cpu_micros.map_or("-".to_owned(), |c| format!("{c:.1}")),
    )
}

/// Microseconds in at most seven characters.
fn duration(micros: f64) -> String {
    match micros {
        m if m < 999.5 => format!("{m:.0}us"),
        m if (99_995.0..999_500.0).contains(&m) => format!("{:.0}ms", m / 1_000.0),
        m if m < 99_995.0 => format!("{:.2}ms", m / 1_000.0),
        m => format!("{:.2}s", m / 1_000_000.0),
    }
}

/// The ratio of two servers.
#[derive(Debug, Serialize)]
pub struct RatioRow {
    /// The scenario.
    pub scenario: String,
    /// Connections.
    pub connections: usize,
    /// Ratio of the rates, first server to second; none where it cannot be told.
    pub ratio: Option<Ratio>,
    /// Failed requests of both.
    pub failures: u64,
}

/// A ratio in 80 columns.
pub fn ratio(row: &RatioRow) -> String {
    let told = row.ratio.map_or("cannot be told".to_owned(), |r| {
        format!("{:.3}   95 % between {:.3} and {:.3}", r.value, r.low, r.high)
    });
    format!("{:<8}{:>4}  {told}   {} failures", row.scenario, row.connections, row.failures)
}

/// A claim and whether it holds.
pub fn verdict(claim: &Claim, holds: bool) -> String {
    format!("{} {claim}", if holds { "holds:        " } else { "DOES NOT HOLD:" })
}

/// Everything, for machines.
pub fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_large_numbers_fits_eighty_columns() {
        let wide = Row {
            scenario: "encrypt".to_owned(),
            connections: 1024,
            server: "strongroom:flushed:memory".to_owned(),
            rate: 123_456.7,
            spread: 0.42,
            rates: Vec::new(),
            p50: 999_499.9,
            p99: 99_994.0,
            p999: 29_999_999.0,
            failures: 9_999,
            first_failure: None,
            cpu_micros: Some(9_999.9),
        };
        assert!(row(&wide).chars().count() <= 80, "{}", row(&wide));
        assert!(heading().len() <= 80);
        assert!(row(&wide).contains(" 999ms 99.99ms  30.00s "), "{}", row(&wide));
    }
}
