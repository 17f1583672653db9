//! `strongroom audit retention`.

use clap::{Args, Subcommand};

use super::super::change::{Ask, Try};
use super::super::client::Client;
use super::super::output::{say, show, table, time};
use super::super::root::confirm;
use super::super::{Done, Output, Reach};
use crate::admin::types::{RetentionDone, RetentionView, SegmentState};
use crate::errors::Exit;

/// How long the audit of uses is kept.
///
/// The rules are in the configuration: audit.compress, audit.keep_days, audit.keep_size.
#[derive(Subcommand)]
pub enum Retention {
    /// The files there are, and what the next round does with each.
    Show(Show),
    /// Compress and delete now what the rules say; by itself that is done every minute.
    Run(Run),
}

/// The files there are, and what the next round does with each.
#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    reach: Reach,
}

/// Compress and delete now what the rules say.
#[derive(Args)]
pub struct Run {
    #[command(flatten)]
    how: Try,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Retention {
    pub fn run(self) -> Done {
        match self {
            Self::Show(c) => {
                let client = Client::new(&c.reach, &["sysadmin", "auditor", "officer"])?;
                let view: RetentionView = client.get("/v1/audit/retention")?;
                show(c.reach.output, &view, text)?;
                Ok(Exit::Ok)
            }
            Self::Run(c) => c.run(),
        }
    }
}

impl Run {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, &["sysadmin"])?;
        let view: RetentionView = client.get("/v1/audit/retention")?;
        let (files, _) = doomed(&view);
        if self.how.dry_run && self.reach.output == Output::Table {
            say(&format!("{}\n", text(&view)));
        }
        if files > 0 && !self.how.dry_run {
            confirm(self.yes, &format!("{files} files of the audit will be deleted."), "delete")?;
        }
        let ask = Ask::post("/v1/audit/retention", self.how);
        client.change::<RetentionDone>(ask, &())?.show(self.reach.output, done_text)?;
        Ok(Exit::Ok)
    }
}

fn doomed(view: &RetentionView) -> (usize, u64) {
    let doomed = view.segments.iter().filter(|s| s.state == SegmentState::Deleted);
    doomed.fold((0, 0), |(files, bytes), s| (files + 1, bytes + s.bytes))
}

fn text(view: &RetentionView) -> String {
    let keep = match (view.keep_days, view.keep_bytes) {
        (0, 0) => "for ever".to_owned(),
        (days, 0) => format!("{days} days"),
        (0, bytes) => format!("at most {}", amount(bytes)),
        (days, bytes) => format!("{days} days, at most {}", amount(bytes)),
    };
    let compressed = if view.compress { "compressed" } else { "as they are" };
    let mut out = format!("Files of uses are kept {keep}, {compressed}.\n");
    if let Some(last) = view.deleted_through {
        out.push_str(&format!("Records up to {last} were deleted.\n"));
    }
    if view.segments.is_empty() {
        out.push_str("No file is full yet.\n");
        return out;
    }
    let rows: Vec<Vec<String>> = view
        .segments
        .iter()
        .map(|s| {
            let state = match s.state {
                SegmentState::Kept => "kept",
                SegmentState::Deleted => "to be deleted",
                SegmentState::Waits => "waits",
            };
            let size = amount(s.bytes) + if s.compressed { " packed" } else { "" };
            let records = format!("{} to {}", s.first, s.last);
            vec![records, time(s.ended), size, state.to_owned()]
        })
        .collect();
    out.push_str(&table(&["Records", "Ended", "Size", "Next round"], &rows));
    if let Some(waits) = view.segments.iter().find(|s| s.state == SegmentState::Waits) {
        out.push_str(&format!("The first that waits: {}.\n", waits.why));
    }
    let (files, bytes) = doomed(view);
    if files > 0 {
        out.push_str(&format!("{files} to be deleted, {}.\n", amount(bytes)));
    }
    out
}

fn done_text(done: &RetentionDone) -> String {
    let deleted = match (done.first, done.last) {
        (Some(first), Some(last)) => {
            format!("{} files deleted: records {first} to {last}.", done.deleted)
        }
        _ => "Nothing deleted.".to_owned(),
    };
    format!("{deleted} {} compressed, {} freed.\n", done.compressed, amount(done.freed_bytes))
}

fn amount(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..10_737_418_240 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}
