//! Commands that change something: done, or only tried.

use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Output;
use super::client::Client;
use super::output::{cut, show, table};
use crate::admin::types::Plan;
use crate::config::table::fold;
use crate::errors::{self, Fault};

/// Whether a change is only tried.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Try {
    /// Change nothing; say what would be done. It is decided and checked like the real thing, and
    /// recorded as a dry run.
    #[arg(long)]
    pub dry_run: bool,
}

/// A request that changes something.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// Only try it.
    pub dry_run: bool,
    /// Only if it is still the version with this ETag.
    pub etag: Option<&'a str>,
    /// The idempotency key.
    pub key: Option<&'a str>,
}

impl<'a> Ask<'a> {
    /// A POST.
    pub fn post(path: &'a str, how: Try) -> Self {
        Self { method: "POST", path, dry_run: how.dry_run, etag: None, key: None }
    }

    /// A PUT.
    pub fn put(path: &'a str, how: Try) -> Self {
        Self { method: "PUT", ..Self::post(path, how) }
    }

    /// A DELETE.
    pub fn delete(path: &'a str, how: Try) -> Self {
        Self { method: "DELETE", ..Self::post(path, how) }
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome<T> {
    /// It was done.
    Done(T),
    /// It was tried.
    Planned(Plan),
}

impl Client {
    /// Changes something, or tries to.
    ///
    /// # Errors
    /// What the server answered, or why it could not be asked.
    pub fn change<T: DeserializeOwned>(
        &self,
        ask: Ask<'_>,
        body: &impl Serialize,
    ) -> Result<Outcome<T>, Fault> {
        let tag = ask.etag.map(|etag| format!("\"{etag}\""));
        let headers = [("if-match", tag.as_deref()), ("idempotency-key", ask.key)];
        let headers = headers.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        let headers: Vec<_> = headers.collect();
        if ask.dry_run {
            let path = format!("{}?dry_run=true", ask.path);
            return Ok(Outcome::Planned(self.send_json(ask.method, &path, body, &headers)?));
        }
        Ok(Outcome::Done(self.send_json(ask.method, ask.path, body, &headers)?))
    }
}

impl Client {
    /// What a look before a change found. Who may not even look is refused what was asked for, and
    /// not the look on the way to it: the change is tried, so that the refusal and the audit name it.
    ///
    /// # Errors
    /// That of the look, or the refusal of the change.
    pub fn looked<T>(&self, look: Result<T, Fault>, ask: Ask<'_>) -> Result<T, Fault> {
        let is_denied = |fault: &Fault| fault.info.number == errors::DENIED.number;
        match look {
            Err(fault) if is_denied(&fault) => {
                let tried = Ask { dry_run: true, ..ask };
                let refused = self.change::<serde_json::Value>(tried, &serde_json::json!({})).err();
                Err(refused.filter(is_denied).unwrap_or(fault))
            }
            found => found,
        }
    }
}

impl<T: Serialize> Outcome<T> {
    /// Shows it: what was done in the words of `done`, a plan in its own.
    ///
    /// # Errors
    /// None that a caller could do anything about.
    pub fn show(&self, output: Output, done: impl FnOnce(&T) -> String) -> Result<(), Fault> {
        match self {
            Self::Done(answer) => show(output, answer, done),
            Self::Planned(plan) => show(output, plan, plan_text),
        }
    }
}

/// A plan for people.
pub fn plan_text(plan: &Plan) -> String {
    if plan.steps.is_empty() {
        return "Nothing was changed. There would be nothing to do.\n".to_owned();
    }
    let mut out = "Nothing was changed. It would be:\n".to_owned();
    let steps = plan.steps.iter();
    let rows: Vec<_> = steps.map(|s| (cut(&s.what, 26), s.object.clone(), &s.detail)).collect();
    let width = rows.iter().map(|(what, ..)| what.chars().count()).max().unwrap_or(0) + 4;
    for (what, object, detail) in rows {
        let words = [object.unwrap_or_default(), detail.clone()].join(" ");
        // What has no gap to fold at is cut; JSON has it whole.
        let words =
            words.split(' ').map(|word| cut(word, 80 - width)).collect::<Vec<_>>().join(" ");
        let lines = fold(&words, 80 - width);
        for (i, line) in lines.iter().enumerate() {
            let head = if i == 0 { format!("  {what}") } else { String::new() };
            out.push_str(format!("{head:<width$}{line}").trim_end());
            out.push('\n');
        }
    }
    out
}

/// A table, or a sentence where there is nothing to be in it: what there is not, and what to do.
pub fn table_or(header: &[&str], rows: &[Vec<String>], none: &str) -> String {
    if rows.is_empty() {
        return format!("{}\n", fold(none, 80).join("\n"));
    }
    table(header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::types::PlanStep;

    #[test]
    fn a_plan_fits_in_80_columns_with_whole_identifiers() {
        let id = "0192f3c4-5d6e-7f80-9123-456789abcdef";
        let step = PlanStep {
            what: "group-grant-revoked".into(),
            object: Some(id.into()),
            detail: "ab".repeat(40)
                + " a particular with a good many words that goes on for longer",
        };
        let plan = Plan {
            dry_run: true,
            operation: "x".into(),
            steps: vec![step.clone(), step],
            created: 0,
        };
        let text = plan_text(&plan);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.matches(id).count(), 2, "{text}");
        let none = Plan { steps: Vec::new(), ..plan };
        assert!(plan_text(&none).contains("nothing to do"));
    }
}
