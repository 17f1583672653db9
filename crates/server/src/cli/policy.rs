//! `strongroom policy`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::blast::Blast;
use super::change::{Ask, Outcome, Try, plan_text};
use super::client::{Client, encode};
use super::key::identify;
use super::output::{cut, pairs, show, table};
use super::{Done, Reach};
use crate::admin::types::{
    Plan, PolicyAnswer, PolicyDiff, PolicyDifference, PolicyQuestion, PolicyText, PolicyView,
};
use crate::errors::{self, Exit, Fault};

/// The rules that say who may do what with which keys.
#[derive(Subcommand)]
pub enum Policy {
    /// The installation's own rules, and on request the built-in ones and the schema.
    Show(Show),
    /// Put rules in force, from the next request on.
    Set(Set),
    /// What would be decided, and why.
    Test(Test),
    /// Which requests of the last hours other rules would have decided otherwise.
    Diff(Diff),
}

/// The rules in force.
#[derive(Args)]
pub struct Show {
    /// Show the built-in rules instead, which always hold.
    #[arg(long, conflicts_with = "schema")]
    builtin: bool,
    /// Show what rules may speak of instead.
    #[arg(long)]
    schema: bool,
    #[command(flatten)]
    reach: Reach,
}

/// Put rules in force.
#[derive(Args)]
pub struct Set {
    /// A file with all of the installation's own rules, in Cedar's language.
    file: PathBuf,
    #[command(flatten)]
    how: Try,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

/// Ask what would be decided.
#[derive(Args)]
pub struct Test {
    /// The user: CN of the certificate.
    #[arg(long)]
    user: String,
    /// A group of the user; may be given several times. Default: those of the user's newest
    /// certificate.
    #[arg(long)]
    group: Vec<String>,
    /// A KMIP operation, or an administrative action such as rotate-root.
    #[arg(long)]
    operation: String,
    /// The key it is asked on: its identifier, or its name if no other key has that.
    #[arg(long, value_name = "ID_OR_NAME")]
    key: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

/// Compare rules with those in force.
#[derive(Args)]
pub struct Diff {
    /// A file with the rules to compare.
    file: PathBuf,
    /// How far to look back.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
    hours: u32,
    #[command(flatten)]
    reach: Reach,
}

const OFFICER: &[&str] = &["officer"];
const READERS: &[&str] = &["officer", "auditor"];

impl Policy {
    pub fn run(self) -> Done {
        match self {
            Self::Show(c) => c.run(),
            Self::Set(c) => c.run(),
            Self::Test(c) => c.run(),
            Self::Diff(c) => c.run(),
        }
    }
}

fn read(file: &PathBuf) -> Result<String, Fault> {
    let unusable = |why: &str| Fault::new(errors::INPUT, format!("{}: {why}.", file.display()));
    let bytes = fs::read(file).map_err(|e| unusable(&e.to_string()))?;
    String::from_utf8(bytes).map_err(|_| unusable("it is not text in UTF-8"))
}

impl Show {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, READERS)?;
        let view: PolicyView = client.get("/v1/policy")?;
        show(self.reach.output, &view, |view| {
            if self.builtin {
                view.builtin.clone()
            } else if self.schema {
                view.schema.clone()
            } else if view.text.trim().is_empty() {
                "There are no rules of this installation's own: the built-in ones hold \
                 (--builtin).\n"
                    .to_owned()
            } else {
                view.text.clone()
            }
        })?;
        Ok(Exit::Ok)
    }
}

impl Set {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let body = PolicyText { text: read(&self.file)?, hours: None };
        let current: PolicyView =
            client.looked(client.get("/v1/policy"), Ask::put("/v1/policy", self.how))?;
        let ask = Ask { etag: Some(&current.etag), ..Ask::put("/v1/policy", self.how) };
        if self.how.dry_run {
            let plan = match client.change::<PolicyView>(ask, &body)? {
                Outcome::Planned(plan) => plan,
                Outcome::Done(_) => return Err(errors::INTERNAL.into()),
            };
            let diff: PolicyDiff = client.post("/v1/policy/diff", &body)?;
            show(self.reach.output, &Tried { plan, diff }, |tried| {
                format!("{}\n{}", plan_text(&tried.plan), diff_text(&tried.diff))
            })?;
            return Ok(Exit::Ok);
        }
        if !self.yes {
            let diff: PolicyDiff = client.post("/v1/policy/diff", &body)?;
            let what = "The rules of this installation are replaced, from the next request on.";
            Blast::new(what).and(diff_text(&diff)).ask("replace")?;
        }
        client.change::<PolicyView>(ask, &body)?.show(self.reach.output, counted)?;
        Ok(Exit::Ok)
    }
}

/// What a dry run of `policy set` shows.
#[derive(Serialize)]
struct Tried {
    #[serde(flatten)]
    plan: Plan,
    diff: PolicyDiff,
}

fn counted(view: &PolicyView) -> String {
    match view.rules.as_slice() {
        [] => "No rules of its own; the built-in ones hold.\n".to_owned(),
        [one] => format!("1 rule: {one}.\n"),
        several => format!("{} rules: {}.\n", several.len(), several.join(", ")),
    }
}

impl Test {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, READERS)?;
        let key = self.key.as_deref().map(|key| identify(&client, key)).transpose()?;
        let question = PolicyQuestion {
            user: self.user,
            groups: (!self.group.is_empty()).then_some(self.group),
            operation: self.operation,
            key,
        };
        let answer: PolicyAnswer = client.post("/v1/policy/test", &question)?;
        show(self.reach.output, &answer, answer_text)?;
        Ok(Exit::Ok)
    }
}

fn answer_text(answer: &PolicyAnswer) -> String {
    let decision = if answer.allowed { "allowed" } else { "denied" };
    let mut rows = vec![
        ("Decision", decision.to_owned()),
        ("Rule", format!("{}: {}", answer.rule, answer.meaning)),
    ];
    if answer.by_duty {
        rows.push(("", "It is a duty: no rule, owner or grant lifts it.".to_owned()));
    }
    for approval in &answer.approvals {
        rows.push(("Waits for", format!("{approval}, which nobody gives himself.")));
    }
    if answer.rules.len() > 1 {
        rows.push(("Held too", answer.rules.get(1..).unwrap_or_default().join(", ")));
    }
    let mut out = pairs(&rows);
    out.push_str("\nFacts\n");
    let facts: Vec<(&str, String)> = answer
        .facts
        .iter()
        .map(|f| {
            let value = if f.value.is_empty() { "none".to_owned() } else { f.value.clone() };
            (f.name.as_str(), value)
        })
        .collect();
    out.push_str(&pairs(&facts));
    out
}

impl Diff {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let body = PolicyText { text: read(&self.file)?, hours: Some(self.hours) };
        let diff: PolicyDiff = client.post("/v1/policy/diff", &body)?;
        show(self.reach.output, &diff, diff_text)?;
        Ok(Exit::Ok)
    }
}

fn diff_text(diff: &PolicyDiff) -> String {
    let mut left_out = match diff.left_out {
        0 => String::new(),
        n => format!("\n{n} about keys or users that are not known any more were left out."),
    };
    if diff.cut {
        left_out.push_str(
            " There are more records than are looked at: the oldest of that time were left out.",
        );
    }
    if diff.differences.is_empty() {
        return folded(&format!(
            "Of {} requests none would have been decided otherwise.{left_out}",
            diff.requests
        ));
    }
    let word = |allowed: bool| if allowed { "allowed" } else { "denied" };
    let row = |d: &PolicyDifference| {
        vec![
            cut(&d.user, 18),
            cut(&d.operation, 16),
            d.requests.to_string(),
            format!("{} → {} ({})", word(d.allowed_now), word(d.allowed_then), d.rule_then),
        ]
    };
    let rows: Vec<_> = diff.differences.iter().map(row).collect();
    let text = table(&["User", "Operation", "Requests", "Decision (rule)"], &rows);
    let mut lines = text.lines();
    let mut out = format!("{}\n", lines.next().unwrap_or_default());
    // Identifiers stand in lines of their own: they must be whole.
    for (line, d) in lines.zip(&diff.differences) {
        out.push_str(&format!("{line}\n"));
        if let Some(key) = &d.key {
            out.push_str(&format!("  {key}\n"));
        }
    }
    let requests: u64 = diff.differences.iter().map(|d| d.requests).sum();
    let sum = format!(
        "{requests} of {} requests would have been decided otherwise.{left_out}",
        diff.requests
    );
    out.push_str(&folded(&sum));
    out
}

fn folded(text: &str) -> String {
    format!("{}\n", crate::config::table::fold(text, 80).join("\n"))
}

/// The path of a user in the API.
pub(super) fn role_path(user: &str) -> String {
    format!("/v1/roles/{}", encode(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_fit_in_80_columns_with_whole_identifiers() {
        let one = PolicyDifference {
            user: "a user with a name that is rather long".into(),
            operation: "Get Attribute List".into(),
            key: Some("0192f3c4-5d6e-7f80-9123-456789abcdef".into()),
            requests: 123_456,
            allowed_now: true,
            rule_now: "owner".into(),
            allowed_then: false,
            rule_then: "policy:a-rule-with-a-name-that-is-rather-long-too".into(),
        };
        let diff = PolicyDiff {
            requests: 1_000_000,
            left_out: 2,
            differences: vec![one.clone(), one],
            cut: true,
        };
        let text = diff_text(&diff);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.matches("0192f3c4-5d6e-7f80-9123-456789abcdef").count(), 2, "{text}");
        assert!(text.contains("246912 of 1000000"), "{text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("more records than are looked at"), "{text}");
    }
}
