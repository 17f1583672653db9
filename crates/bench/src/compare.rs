//! Two servers in interleaved pairs: what disturbs the machine disturbs both.

use std::str::FromStr;

use clap::ValueEnum;

use crate::report::RatioRow;
use crate::scenario::Scenario;

/// A claim about a ratio, such as `get>=0.5` or `create@64<=1.2`.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    scenario: Scenario,
    /// Only with so many connections; else with each number that was measured.
    connections: Option<usize>,
    at_least: bool,
    bound: f64,
}

impl FromStr for Claim {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not SCENARIO[@CONNECTIONS]>=RATIO, or with <=");
        let (left, at_least, right) = match (text.split_once(">="), text.split_once("<=")) {
            (Some((left, right)), None) => (left, true, right),
            (None, Some((left, right))) => (left, false, right),
            _ => return Err(wrong()),
        };
        let (name, connections) = match left.trim().split_once('@') {
            Some((name, number)) => (name, Some(number.parse().map_err(|_| wrong())?)),
            None => (left.trim(), None),
        };
        let bound: f64 = right.trim().parse().map_err(|_| wrong())?;
        if !bound.is_finite() || bound < 0.0 {
            return Err(wrong());
        }
        let scenario = Scenario::from_str(name, false).map_err(|_| wrong())?;
        Ok(Self { scenario, connections, at_least, bound })
    }
}

impl core::fmt::Display for Claim {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.scenario.name())?;
        if let Some(connections) = self.connections {
            write!(f, "@{connections}")?;
        }
        write!(f, "{}{}", if self.at_least { ">=" } else { "<=" }, self.bound)
    }
}

impl Claim {
    /// Whether it holds for every ratio that it is about: with the whole 95 % interval, and
    /// without a failed request. A claim about nothing that was measured does not hold.
    pub fn holds(&self, rows: &[RatioRow]) -> bool {
        let mut about = rows
            .iter()
            .filter(|r| r.scenario == self.scenario.name())
            .filter(|r| self.connections.is_none_or(|c| c == r.connections))
            .peekable();
        about.peek().is_some()
            && about.all(|row| {
                row.failures == 0
                    && row.ratio.is_some_and(|r| match self.at_least {
                        true => r.low >= self.bound,
                        false => r.high <= self.bound,
                    })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Ratio;

    fn measured(connections: usize, low: f64, failures: u64) -> RatioRow {
        let ratio = Some(Ratio { value: low + 0.05, low, high: low + 0.1 });
        RatioRow { scenario: "get".to_owned(), connections, ratio, failures }
    }

    fn claim(text: &str) -> Claim {
        text.parse().unwrap()
    }

    #[test]
    fn a_claim_is_read_and_written_the_same() {
        for text in ["get>=0.5", "create@64<=1.25", "new"] {
            match text.parse::<Claim>() {
                Ok(claim) => assert_eq!(claim.to_string(), text),
                Err(e) => assert!(text == "new" && e.contains("SCENARIO"), "{text}: {e}"),
            }
        }
    }

    #[test]
    fn what_is_no_claim_is_refused() {
        for text in
            ["get", "get>0.5", "got>=0.5", "get>=", "get>=x", "get@x>=1", "get>=-1", "get>=inf"]
        {
            assert!(text.parse::<Claim>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_claim_holds_only_with_the_whole_interval_and_for_every_number_of_connections() {
        let rows = [measured(16, 0.55, 0), measured(64, 0.45, 0)];
        assert!(claim("get@16>=0.5").holds(&rows));
        assert!(!claim("get>=0.5").holds(&rows));
        assert!(claim("get>=0.45").holds(&rows));
        assert!(claim("get@16<=0.65").holds(&rows));
        assert!(!claim("get@16<=0.6").holds(&rows));
    }

    #[test]
    fn failures_and_absence_break_a_claim() {
        assert!(!claim("get>=0.5").holds(&[measured(16, 0.9, 1)]));
        assert!(!claim("create>=0.5").holds(&[measured(16, 0.9, 0)]));
        let untold = RatioRow { ratio: None, ..measured(16, 0.9, 0) };
        assert!(!claim("get>=0.5").holds(&[untold]));
    }
}
