//! Questions about the audit: pages, verdicts, lines for collectors.

use strongroom_engine::{AuditEntry, AuditFault, AuditFilter, Engine, KEEP_USES};
use strongroom_journal::{Head, SignedHead};
use strongroom_siem::Style;

use super::{AuditQuery, Lines};
use crate::admin::types::{AuditPage, AuditVerdict, ChainVerdict, UnmetAnchor};
use crate::errors::Fault;
use crate::forward;
use crate::pki::hex;

/// A page of the audit, the newest that `query` asks for.
pub fn page(engine: &Engine, query: &AuditQuery) -> Result<AuditPage, Fault> {
    let before = match &query.before {
        Some(text) => Some(Cursor::parse(text).ok_or_else(|| {
            Fault::bad_request("`before` is a cursor that an earlier answer gave.")
        })?),
        None => None,
    };
    let filter = filter(query);
    // One more than asked for tells whether there is a page before.
    let (mut entries, heads) = entries(engine, query.limit + 1, &filter, |entry| {
        if before.as_ref().is_some_and(|before| Cursor::of(entry) >= *before) {
            Wanted::No
        } else if query.without_heads && entry.kind == "signed-head" {
            Wanted::Counted
        } else if query.without_heads && query.operation.is_none() && entry.action == KEEP_USES {
            // One goes with each signing, which is counted.
            Wanted::No
        } else {
            Wanted::Yes
        }
    })?;
    let more = entries.len() > query.limit;
    if more {
        entries.remove(0);
    }
    let first = entries.first().filter(|_| more).map(Cursor::of);
    let left_out = heads.iter().filter(|head| first.as_ref().is_none_or(|f| *head > f)).count();
    Ok(AuditPage {
        records: entries.into_iter().map(Into::into).collect(),
        before: first.map(|cursor| cursor.text()),
        left_out: left_out as u64,
    })
}

/// What a page does with an entry.
enum Wanted {
    Yes,
    No,
    /// Left out, and said to be.
    Counted,
}

/// Reads both chains whole, and says whether they hold and meet `anchors`.
pub fn verify(engine: &Engine, anchors: &[SignedHead]) -> Result<AuditVerdict, Fault> {
    let unmet: Vec<UnmetAnchor> = engine.unmet_anchors(anchors)?.iter().map(unmet_anchor).collect();
    let (changes, uses) = engine.audit_verify_chains(anchors);
    let chains = [("changes", changes), ("uses", uses)].map(|(name, found)| match found {
        Ok(report) => chain_verdict(name, (report.records, report.head)),
        Err(fault) => broken_chain(&fault),
    });
    let chains: Vec<ChainVerdict> = chains.into();
    let intact = unmet.is_empty() && chains.iter().all(|chain| chain.fault.is_none());
    Ok(AuditVerdict { intact, chains, anchors: anchors.len() as u64, unmet })
}

/// A chain that holds: how many records there are, and the last one.
pub fn chain_verdict(name: &str, (records, head): (u64, Head)) -> ChainVerdict {
    ChainVerdict {
        chain: name.to_owned(),
        first: (head.seq + 1).saturating_sub(records),
        last: head.seq,
        head: hex(&head.hash),
        fault: None,
        broken_at: None,
    }
}

/// A chain that does not hold: what of it does, and where it breaks.
pub fn broken_chain(fault: &AuditFault) -> ChainVerdict {
    let (first, last) = fault.held.unwrap_or_default();
    ChainVerdict {
        chain: fault.chain.to_owned(),
        first,
        last,
        head: String::new(),
        fault: Some(fault.fault.clone()),
        broken_at: fault.seq,
    }
}

/// What `query` asks for as lines for a collector, oldest first.
pub fn export(engine: &Engine, query: &AuditQuery, style: Style) -> Result<Lines, Fault> {
    let device = forward::device();
    let entries = engine.audit_entries(filter(query))?;
    Ok(Box::new(
        entries.map(move |entry| {
            Ok(style.render(&strongroom_engine::siem_event(&device, entry?), None))
        }),
    ))
}

/// Entries that pass `wanted`, the newest `count`, oldest first, and the places of those that it
/// counts. The engine filters by user and object; what it does not filter by is looked for in ever
/// larger parts of the audit.
fn entries(
    engine: &Engine,
    count: usize,
    filter: &AuditFilter,
    wanted: impl Fn(&AuditEntry) -> Wanted,
) -> Result<(Vec<AuditEntry>, Vec<Cursor>), Fault> {
    let mut ask = count;
    loop {
        let all = engine.audit_tail(ask, filter)?;
        let exhausted = all.len() < ask;
        let (mut found, mut counted) = (Vec::new(), Vec::new());
        for entry in all {
            match wanted(&entry) {
                Wanted::Yes => found.push(entry),
                Wanted::Counted => counted.push(Cursor::of(&entry)),
                Wanted::No => {}
            }
        }
        if found.len() >= count || exhausted {
            let skip = found.len().saturating_sub(count);
            return Ok((found.split_off(skip), counted));
        }
        ask = ask.saturating_mul(8);
    }
}

fn filter(query: &AuditQuery) -> AuditFilter {
    AuditFilter {
        user: query.actor.clone(),
        object: query.object.clone(),
        action: query.operation.clone(),
        since_ms: query.since,
        until_ms: query.until,
    }
}

/// A head that is not met, for people and programs.
pub fn unmet_anchor(unmet: &strongroom_engine::Unmet) -> UnmetAnchor {
    let head = &unmet.anchor;
    UnmetAnchor {
        head: format!("{}:{}", head.chain.as_str(), head.head.seq),
        why: unmet.why.to_owned(),
    }
}

/// A place in the audit's order: time, chain, number.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cursor(i64, String, u64);

impl Cursor {
    fn of(entry: &AuditEntry) -> Self {
        Self(entry.time_ms, entry.chain.to_owned(), entry.seq)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (time, chain, seq) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next().is_none().then_some(Self(time.parse().ok()?, chain.into(), seq.parse().ok()?))
    }

    fn text(&self) -> String {
        format!("{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_orders_as_the_audit_does() {
        let a = Cursor(5, "changes".into(), 9);
        assert_eq!(Cursor::parse(&a.text()), Some(Cursor(5, "changes".into(), 9)));
        assert!(a < Cursor(5, "uses".into(), 1));
        assert!(Cursor(4, "uses".into(), 99) < a);
        assert_eq!(Cursor::parse("1.x"), None);
        assert_eq!(Cursor::parse("1.x.2.3"), None);
    }
}
