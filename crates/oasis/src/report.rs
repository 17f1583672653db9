//! Results as a table for people and as a file for machines.

use serde::Serialize;

use crate::replay::{CaseResult, Outcome};

/// Columns of a terminal.
const WIDTH: usize = 80;

/// What became of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Passed, facts included.
    pub passed: usize,
    /// Failed in a set that must pass.
    pub failed: usize,
    /// Skipped, or failed in a set that need not pass yet.
    pub skipped: usize,
}

/// Sums up. `required` tells which sets must pass.
pub fn totals(results: &[CaseResult], required: impl Fn(&str) -> bool) -> Totals {
    let mut totals = Totals::default();
    for result in results {
        match result.outcome {
            Outcome::Passed | Outcome::ServerFacts => totals.passed += 1,
            Outcome::Failed if required(&result.set) => totals.failed += 1,
            Outcome::Failed | Outcome::Skipped => totals.skipped += 1,
        }
    }
    totals
}

/// The table by set, then a line or two for each case that did not pass plainly.
pub fn table(results: &[CaseResult], required: impl Fn(&str) -> bool) -> String {
    let mut sets: Vec<&str> = results.iter().map(|r| r.set.as_str()).collect();
    sets.dedup();
    let mut out = format!(
        "{:<24} {:>5} {:>7} {:>13} {:>7} {:>8} {:>7}\n",
        "set", "cases", "passed", "server-facts", "failed", "skipped", "status"
    );
    for set in &sets {
        let of = |outcome| results.iter().filter(|r| r.set == *set && r.outcome == outcome).count();
        let status = results
            .iter()
            .filter(|r| r.set == *set && r.outcome == Outcome::Failed && r.status_matches)
            .count();
        let cases = results.iter().filter(|r| r.set == *set).count();
        let mark = if required(set) { "" } else { " *" };
        out.push_str(&format!(
            "{:<24} {cases:>5} {:>7} {:>13} {:>7} {:>8} {status:>7}\n",
            format!("{set}{mark}"),
            of(Outcome::Passed),
            of(Outcome::ServerFacts),
            of(Outcome::Failed),
            of(Outcome::Skipped),
        ));
    }
    out.push_str("status: failed, but every operation, status and reason was as expected\n");
    if sets.iter().any(|set| !required(set)) {
        out.push_str("*: need not pass; failures are counted as skipped in the last line\n");
    }
    for (outcome, title) in [
        (Outcome::ServerFacts, "server-facts"),
        (Outcome::Failed, "failed"),
        (Outcome::Skipped, "skipped"),
    ] {
        for result in results.iter().filter(|r| r.outcome == outcome) {
            out.push_str(&format!("\n{title}: {}/{}\n", result.set, result.case));
            let mut reasons: Vec<String> = Vec::new();
            if !result.reason.is_empty() {
                reasons.push(result.reason.clone());
            }
            // One line for each fact, not for each difference that it covers.
            for (_, fact) in &result.facts {
                let line = format!("{}: {}", fact.field, fact.reason);
                if !reasons.contains(&line) {
                    reasons.push(line);
                }
            }
            for reason in reasons {
                out.push_str(&wrap(&reason));
            }
        }
    }
    out
}

/// A line indented and broken at blanks, or inside of words that are too long.
fn wrap(text: &str) -> String {
    const INDENT: &str = "    ";
    let mut out = String::new();
    let mut line = String::new();
    let room = WIDTH - INDENT.len();
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        words.extend(letters.chunks(room).map(|part| part.iter().collect()));
    }
    for word in words {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            out.push_str(&format!("{INDENT}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() {
        out.push_str(&format!("{INDENT}{line}\n"));
    }
    out
}

#[derive(Serialize)]
struct File<'a> {
    server: &'a str,
    cases: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    set: &'a str,
    case: &'a str,
    result: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    first_difference: &'a str,
    status_matches: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facts: Vec<FactEntry<'a>>,
}

#[derive(Serialize)]
struct FactEntry<'a> {
    field: &'a str,
    reason: &'a str,
    expected: &'a str,
    actual: &'a str,
}

/// The report file, JSON.
///
/// # Errors
/// Never in practice: the structures hold nothing that JSON cannot.
pub fn json(server: &str, results: &[CaseResult]) -> Result<String, serde_json::Error> {
    let cases = results
        .iter()
        .map(|r| Entry {
            set: &r.set,
            case: &r.case,
            result: match r.outcome {
                Outcome::Passed => "passed",
                Outcome::ServerFacts => "server-facts",
                Outcome::Failed => "failed",
                Outcome::Skipped => "skipped",
            },
            first_difference: &r.reason,
            status_matches: r.status_matches
                || matches!(r.outcome, Outcome::Passed | Outcome::ServerFacts),
            facts: r
                .facts
                .iter()
                .map(|(difference, fact)| FactEntry {
                    field: &fact.field,
                    reason: &fact.reason,
                    expected: &difference.expected,
                    actual: &difference.actual,
                })
                .collect(),
        })
        .collect();
    serde_json::to_string_pretty(&File { server, cases })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(set: &str, outcome: Outcome, reason: &str) -> CaseResult {
        CaseResult {
            case: "CASE-M-1-14".to_owned(),
            set: set.to_owned(),
            outcome,
            reason: reason.to_owned(),
            facts: Vec::new(),
            status_matches: true,
            details: String::new(),
        }
    }

    #[test]
    fn the_table_fits_eighty_columns() {
        let long = format!("reply 1: expected {} got nothing", "ab".repeat(90));
        let results = [
            result("v1.4/profile-mandatory", Outcome::Passed, ""),
            result("v1.4/profile-mandatory", Outcome::Failed, &long),
        ];
        let text = table(&results, |_| false);
        assert!(text.lines().all(|l| l.chars().count() <= WIDTH), "{text}");
        assert!(text.contains("failed: v1.4/profile-mandatory/CASE-M-1-14"));
    }

    #[test]
    fn only_required_sets_count_as_failed() {
        let results = [
            result("a", Outcome::Failed, "x"),
            result("b", Outcome::Failed, "x"),
            result("b", Outcome::ServerFacts, ""),
            result("b", Outcome::Skipped, "x"),
        ];
        let totals = totals(&results, |set| set == "a");
        assert_eq!(totals, Totals { passed: 1, failed: 1, skipped: 2 });
    }

    #[test]
    fn the_report_is_json_with_a_line_for_each_case() {
        let text = json("here", &[result("a", Outcome::Failed, "why")]).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["cases"][0]["result"], "failed");
        assert_eq!(value["cases"][0]["first_difference"], "why");
    }
}
