//! `strongroom audit`.

use clap::{Args, Subcommand};

mod out;
mod retention;
mod verify;

use super::client::{Client, encode};
use super::output::{pairs, show, table, time};
use super::{Done, Reach};
use crate::admin::types::{AuditPage, AuditRecord, AuditVerdict, ChainVerdict};
use crate::errors::{self, Exit, Fault};

/// Read and check the audit.
#[derive(Subcommand)]
pub enum Audit {
    /// The newest records.
    Tail(Tail),
    /// Records that match, the newest ones.
    Search(out::Search),
    /// One record in full.
    Show(Show),
    /// Write records as lines, in a format that a SIEM reads.
    Export(out::Export),
    /// Check that no record was edited, removed, reordered or cut off.
    Verify(verify::Verify),
    /// How long the audit of uses is kept.
    #[command(subcommand)]
    Retention(retention::Retention),
    /// The public key that the chains' ends are signed with. Note it while all is well.
    Key(verify::Key),
}

/// The newest records.
#[derive(Args)]
pub struct Tail {
    /// How many.
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    lines: u16,
    /// Only of this user.
    #[arg(long)]
    actor: Option<String>,
    /// Only of this operation.
    #[arg(long)]
    operation: Option<String>,
    /// Only about this object.
    #[arg(long)]
    object: Option<String>,
    /// The signed heads of the chains too, of which there is one pair every ten busy seconds.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    reach: Reach,
}

/// One record in full.
#[derive(Args)]
pub struct Show {
    /// The chain and the number in it, as `tail` shows them: uses:17 or changes:3.
    record: String,
    #[command(flatten)]
    reach: Reach,
}

const ROLES: &[&str] = &["auditor", "officer"];

impl Audit {
    pub fn run(self) -> Done {
        match self {
            Self::Tail(c) => c.run(),
            Self::Search(c) => c.run(),
            Self::Show(c) => c.run(),
            Self::Export(c) => c.run(),
            Self::Verify(c) => c.run(),
            Self::Retention(c) => c.run(),
            Self::Key(c) => c.run(),
        }
    }
}

impl Tail {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, ROLES)?;
        let mut path = format!("/v1/audit?limit={}", self.lines);
        for (name, value) in
            [("actor", &self.actor), ("operation", &self.operation), ("object", &self.object)]
        {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", encode(value)));
            }
        }
        // Who asks for them by name means them.
        if !self.all && self.operation.as_deref() != Some("anchor") {
            path.push_str("&heads=false");
        }
        let page: AuditPage = client.get(&path)?;
        show(self.reach.output, &page, |p| {
            let sought = [
                ("of user", self.actor.clone()),
                ("of operation", self.operation.clone()),
                ("about object", self.object.clone()),
            ];
            format!("{}{}", records(&p.records, sought), left_out(p.left_out))
        })?;
        Ok(Exit::Ok)
    }
}

impl Show {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, ROLES)?;
        let known = self.record.split_once(':').filter(|(chain, seq)| {
            matches!(*chain, "uses" | "changes") && seq.parse::<u64>().is_ok()
        });
        let Some((chain, seq)) = known else {
            return Err(Fault::new(errors::INPUT, "A record is uses:NUMBER or changes:NUMBER."));
        };
        let record: AuditRecord = client.get(&format!("/v1/audit/{chain}/{seq}"))?;
        show(self.reach.output, &record, full)?;
        Ok(Exit::Ok)
    }
}

/// Records as a table; where there are none, what was looked for.
pub fn records<'a>(
    records: &[AuditRecord],
    sought: impl IntoIterator<Item = (&'a str, Option<String>)>,
) -> String {
    if records.is_empty() {
        return none(sought);
    }
    let rows: Vec<Vec<String>> = records
        .iter()
        .map(|r| {
            vec![
                format!("{}:{}", r.chain, r.seq),
                time(r.time).chars().skip(5).take(14).collect(),
                short(&r.actor, 10),
                short(&operation(r), 16),
                short(&r.result, 12),
                if r.object.is_empty() { r.detail.clone() } else { r.object.clone() },
            ]
        })
        .collect();
    table(&["Record", "Time (UTC)", "Who", "Operation", "Result", "Object"], &rows)
}

/// That no record is what was looked for.
pub fn none<'a>(sought: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let given = sought.into_iter().filter_map(|(what, value)| Some(format!("{what} {}", value?)));
    let given: Vec<String> = given.collect();
    if given.is_empty() {
        return "There are no records in the audit.\n".to_owned();
    }
    let text = format!("There is no record {}.", given.join(", "));
    format!("{}\n", crate::config::table::fold(&text, 80).join("\n"))
}

fn left_out(heads: u64) -> String {
    match heads {
        0 => String::new(),
        1 => "One signed head is left out; --all shows it.\n".into(),
        n => format!("{n} signed heads are left out; --all shows them.\n"),
    }
}

/// What was asked for. What a use changed on the way, such as a counter or the mark that a key was
/// handed out, is told apart from the use itself by parentheses.
fn operation(r: &AuditRecord) -> String {
    let mut uses = strongroom_engine::offered_operations().filter(|(_, changes, _)| !changes);
    if r.chain == "changes" && uses.any(|(operation, ..)| operation.name() == r.operation) {
        return format!("({})", r.operation);
    }
    r.operation.clone()
}

fn full(r: &AuditRecord) -> String {
    let rows = [
        ("Record", format!("{}:{}", r.chain, r.seq)),
        ("Time", time(r.time)),
        ("Who", r.actor.clone()),
        ("Certificate", r.fingerprint.clone()),
        ("From", r.address.clone()),
        ("Kind", r.kind.clone()),
        ("Operation", r.operation.clone()),
        ("Object", r.object.clone()),
        ("Detail", r.detail.clone()),
        ("Rule", r.rule.clone()),
        ("Result", r.result.clone()),
        ("Took", if r.duration_us == 0 { String::new() } else { format!("{} µs", r.duration_us) }),
        ("Hash", r.hash.clone()),
    ];
    let there: Vec<_> = rows.into_iter().filter(|(_, v)| !v.is_empty()).collect();
    pairs(&there)
}

/// A verdict in sentences.
pub fn verdict_text(v: &AuditVerdict) -> String {
    let mut out = String::new();
    for c in &v.chains {
        match &c.fault {
            None => {
                let head: String = c.head.chars().take(32).collect();
                out.push_str(&format!(
                    "{:<8} records {} to {}, intact\n         head {head}\n",
                    c.chain, c.first, c.last
                ));
            }
            Some(fault) => {
                let broken = format!("BROKEN: {fault}. {}", held(c));
                for (i, line) in crate::config::table::fold(&broken, 71).iter().enumerate() {
                    let name = if i == 0 { c.chain.as_str() } else { "" };
                    out.push_str(&format!("{name:<8} {line}\n"));
                }
            }
        }
    }
    for unmet in &v.unmet {
        out.push_str(&format!("anchor   {}: NOT MET: {}\n", unmet.head, unmet.why));
    }
    if v.anchors > 0 {
        let met = v.anchors.saturating_sub(v.unmet.len() as u64);
        out.push_str(&format!("{met} of {} anchors are met.\n", v.anchors));
    }
    out.push_str(if v.intact { "The audit is intact.\n" } else { "THE AUDIT IS NOT INTACT.\n" });
    out
}

/// What was read of a broken chain and holds.
fn held(c: &ChainVerdict) -> String {
    match (c.first, c.broken_at) {
        (0, Some(_)) => "Nothing before it was read; what comes after it was not checked.".into(),
        (0, None) => "How far its records hold is not known.".into(),
        (first, Some(_)) => format!(
            "Records {first} to {} before it were read and hold; what comes after it was not \
             checked.",
            c.last
        ),
        (first, None) => format!("Records {first} to {} were read and hold as a chain.", c.last),
    }
}

fn short(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        text.to_owned()
    } else {
        text.chars().take(width - 1).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_chain_is_told_with_what_was_read_and_where_it_broke() {
        let broken = |first, last, broken_at| AuditVerdict {
            intact: false,
            chains: vec![ChainVerdict {
                chain: "uses".into(),
                first,
                last,
                head: String::new(),
                fault: Some("record 42: its hash does not fit its content: it was edited".into()),
                broken_at,
            }],
            ..AuditVerdict::default()
        };
        let text = verdict_text(&broken(7, 41, Some(42)));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.starts_with("uses BROKEN: record 42: its hash"), "{words}");
        assert!(words.contains("edited. Records 7 to 41 before it were read and hold;"), "{words}");
        let first = verdict_text(&broken(0, 0, Some(1)));
        assert!(
            first.contains("Nothing before it was read;") && !first.contains("to 0"),
            "{first}"
        );
        assert!(!verdict_text(&broken(0, 0, None)).contains("to 0"));
    }

    #[test]
    fn where_there_is_no_record_it_is_said_what_was_looked_for() {
        let sought = |user: &str| [("of user", Some(user.to_owned())), ("since", None)];
        assert_eq!(records(&[], sought("bob")), "There is no record of user bob.\n");
        assert_eq!(records(&[], []), "There are no records in the audit.\n");
        let long = records(&[], sought(&"long name ".repeat(30)));
        assert!(long.lines().all(|line| line.chars().count() <= 80), "{long}");
        let one = [AuditRecord { actor: "bob".into(), ..AuditRecord::default() }];
        assert!(records(&one, sought("bob")).starts_with("Record "));
    }

    #[test]
    fn what_a_use_changes_on_the_way_stands_in_parentheses() {
        let record = |chain: &str, kind: &str, operation: &str| AuditRecord {
            chain: chain.into(),
            kind: kind.into(),
            operation: operation.into(),
            ..AuditRecord::default()
        };
        for (chain, kind, name, shown) in [
            ("changes", "attributes", "Get", "(Get)"),
            ("changes", "reserved", "Encrypt", "(Encrypt)"),
            ("uses", "use", "Get", "Get"),
            ("changes", "attributes", "Modify Attribute", "Modify Attribute"),
            ("changes", "created", "Create", "Create"),
        ] {
            assert_eq!(operation(&record(chain, kind, name)), shown, "{chain} {kind} {name}");
        }
    }
}
