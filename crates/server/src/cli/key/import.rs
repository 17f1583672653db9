//! `strongroom key import`: keys in bulk, from a file.
//!
//! Everything is tried first, batch by batch, and only when all of it would be taken is anything
//! imported. Each batch is imported as a whole or not at all; should a run break off between two of
//! them, the same command again finds what is there and goes on. Key bytes are wiped when they are
//! not needed any more, and stand in no message: errors name lines.

mod file;
mod row;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use self::file::Source;
use self::row::Row;
use super::{OFFICER, identify};
use crate::admin::types::{ImportKey, ImportKeys, ImportedRow};
use crate::cli::blast::Blast;
use crate::cli::change::{Ask, Outcome, Try};
use crate::cli::client::Client;
use crate::cli::output::show;
use crate::cli::{Done, Output, Reach};
use crate::errors::{self, Exit, Fault};

/// Import symmetric keys from a file, clear or wrapped by a key that is here.
///
/// CSV has a first line with the names of its columns; JSON is a list of objects, or one object
/// after the other. Names, of which a row needs those that apply: name, id, owner, algorithm,
/// length, usage, groups, activate, rotate_every, deactivate_in, uses, sensitive, extractable,
/// key_hex or key_base64, wrapped_by, wrap, iv_hex or iv_base64, hash.
#[derive(Args)]
pub struct Import {
    /// The file. Nobody but its owner may read it.
    file: PathBuf,
    /// What it is. Default: what the end of its name says.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The owner of keys that name none. Default: yourself.
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// A key group for every key; may be given several times.
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// The algorithm of keys that name none.
    #[arg(long, default_value = "AES")]
    algorithm: String,
    /// Let every key be active at once.
    #[arg(long)]
    activate: bool,
    /// The key that unwraps those that name none: its identifier, or its name if no other key has
    /// that.
    #[arg(long, value_name = "ID_OR_NAME", requires = "wrap")]
    wrapped_by: Option<String>,
    /// How those are wrapped: kw, kwp, gcm or rsa-oaep.
    #[arg(long, value_name = "HOW")]
    wrap: Option<String>,
    /// Keys of one batch.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch: u16,
    /// Do not ask after the trial.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// The kinds of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A first line with the columns' names, then a line for each key.
    Csv,
    /// A list of objects, or one object after the other.
    Json,
}

/// What was imported.
#[derive(Serialize)]
struct Imported {
    /// Whether it was only tried.
    dry_run: bool,
    /// How many keys are new, or would be.
    imported: usize,
    /// How many were there already.
    already: usize,
    /// The keys, once they are imported.
    keys: Vec<ImportedRow>,
}

impl Import {
    pub fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let keys = self.read(&client)?;
        let batches = self.batches(keys);
        let total: usize = batches.iter().map(|batch| batch.keys.len()).sum();
        let new = self.try_all(&client, &batches, total)?;
        if self.how.dry_run {
            let tried =
                Imported { dry_run: true, imported: new, already: total - new, keys: Vec::new() };
            show(self.reach.output, &tried, |tried| {
                format!("Nothing was changed. It would be: {}\n", counted(tried))
            })?;
            return Ok(Exit::Ok);
        }
        if !self.yes {
            let name = self.file.display().to_string();
            Blast::new(format!("{new} keys of {name} are imported, in batches of {}.", self.batch))
                .and(format!("{} of them are there already and stay as they are.", total - new))
                .ask("import")?;
        }
        let mut keys = Vec::with_capacity(total);
        for batch in &batches {
            let done = client.change(Ask::post("/v1/import", self.how), batch);
            match done.map_err(|fault| broke_off(fault, &keys))? {
                Outcome::Done(rows) => keys.extend::<Vec<ImportedRow>>(rows),
                Outcome::Planned(_) => return Err(errors::INTERNAL.into()),
            }
            self.progress(keys.len(), total, "imported");
        }
        let already = keys.iter().filter(|row| row.already).count();
        let done = Imported { dry_run: false, imported: keys.len() - already, already, keys };
        show(self.reach.output, &done, |done| format!("{}\n", counted(done)))?;
        Ok(Exit::Ok)
    }

    /// Every key of the file.
    fn read(&self, client: &Client) -> Result<Vec<ImportKey>, Fault> {
        let by_name = self.file.extension().and_then(|end| end.to_str()).map(str::to_lowercase);
        let format = match (self.format, by_name.as_deref()) {
            (Some(format), _) => format,
            (None, Some("csv")) => Format::Csv,
            (None, Some("json" | "jsonl" | "ndjson")) => Format::Json,
            _ => return Err(Fault::new(errors::INPUT, "Say --format csv or --format json.")),
        };
        let source = Source::open(&self.file)?;
        let rows = match format {
            Format::Csv => source.csv()?,
            Format::Json => source.json()?,
        };
        drop(source);
        if rows.is_empty() {
            let what = format!("{} has no keys in it.", self.file.display());
            return Err(Fault::new(errors::INPUT, what));
        }
        unique(&rows, self.owner.as_deref())?;
        let mut known = HashMap::new();
        rows.into_iter().map(|row| self.key(client, row, &mut known)).collect()
    }

    /// A row as the API takes it.
    fn key(
        &self,
        client: &Client,
        row: Row,
        known: &mut HashMap<String, String>,
    ) -> Result<ImportKey, Fault> {
        let line = row.line;
        let named = row.wrapped_by.clone().or_else(|| {
            // A row that says how it is wrapped, and by nothing, is wrapped by what the command says.
            self.wrapped_by.clone()
        });
        let by = match named {
            None => None,
            Some(name) => Some(match known.get(&name) {
                Some(id) => id.clone(),
                None => {
                    let id = identify(client, &name).map_err(|fault| row::at(line, fault))?;
                    known.insert(name, id.clone());
                    id
                }
            }),
        };
        let mut key = row.into_key(by, self.wrap.as_deref())?;
        if key.spec.algorithm.is_empty() {
            key.spec.algorithm.clone_from(&self.algorithm);
        }
        key.spec.owner = key.spec.owner.or_else(|| self.owner.clone());
        key.spec.activate |= self.activate;
        for group in &self.group {
            if !key.spec.key_groups.contains(group) {
                key.spec.key_groups.push(group.clone());
            }
        }
        Ok(key)
    }

    fn batches(&self, keys: Vec<ImportKey>) -> Vec<ImportKeys> {
        let mut keys = keys.into_iter().peekable();
        let mut batches = Vec::new();
        while keys.peek().is_some() {
            let keys = keys.by_ref().take(usize::from(self.batch)).collect();
            batches.push(ImportKeys { keys });
        }
        batches
    }

    /// Tries every batch, and gives how many keys are new.
    fn try_all(
        &self,
        client: &Client,
        batches: &[ImportKeys],
        total: usize,
    ) -> Result<usize, Fault> {
        let (mut tried, mut new) = (0, 0);
        for batch in batches {
            let ask = Ask::post("/v1/import", Try { dry_run: true });
            let Outcome::Planned(plan) = client.change::<Vec<ImportedRow>>(ask, batch)? else {
                return Err(errors::INTERNAL.into());
            };
            new += usize::try_from(plan.created).unwrap_or(usize::MAX);
            tried += batch.keys.len();
            self.progress(tried, total, "tried");
        }
        Ok(new)
    }

    /// For whoever sits there.
    fn progress(&self, done: usize, total: usize, verb: &str) {
        if self.reach.output == Output::Table && std::io::stderr().is_terminal() {
            let end = if done == total { "\n" } else { "" };
            eprint!("\r{done} of {total} keys {verb}{end}");
        }
    }
}

/// The fault that ended a run, with what was done before it.
fn broke_off(fault: Fault, done: &[ImportedRow]) -> Fault {
    let detail = format!(
        "{} {} keys were imported before that and stay; the same command again goes on.",
        fault.detail,
        done.iter().filter(|row| !row.already).count()
    );
    Fault { detail: detail.trim_start().to_owned(), ..fault }
}

/// Two rows for one key are a mistake: the second would be taken for the first, or refused.
fn unique(rows: &[Row], owner: Option<&str>) -> Result<(), Fault> {
    let mut seen: HashMap<(&str, &str), u64> = HashMap::new();
    for row in rows {
        let named = row.name.as_deref().map(|n| (row.owner.as_deref().or(owner).unwrap_or(""), n));
        // No user's name is empty and begins like this.
        let by_id = row.id.as_deref().map(|id| ("\0id", id));
        for of in [named, by_id].into_iter().flatten() {
            if let Some(first) = seen.insert(of, row.line) {
                let what = format!("it has the name or the id of the key in line {first}");
                return Err(row::wrong(row.line, &what));
            }
        }
    }
    Ok(())
}

fn counted(done: &Imported) -> String {
    let there = match done.already {
        0 => String::new(),
        1 => "; 1 was there already".to_owned(),
        count => format!("; {count} were there already"),
    };
    let keys = if done.imported == 1 { "1 key" } else { &format!("{} keys", done.imported) };
    format!("{keys} imported{there}.")
}
