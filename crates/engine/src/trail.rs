//! Reading the audit: both chains as one list, and their verification.

use std::ops::ControlFlow;

use strongroom_journal::kind::Gap;
use strongroom_journal::{
    ChainName, Fault, Head, Record, Report, SignedHead, Start, Verifier, kind,
};
use strongroom_kmip::{AttributeName, ResultReason, ResultStatus};
use strongroom_model::{Change, ChangeKind};
use strongroom_siem::catalog::fold;

use crate::audit::UseRecord;
use crate::engine::Engine;
use crate::error::EngineError;

/// Journal records read at once.
const PAGE: u32 = 4096;

/// One line of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// `"changes"` or `"uses"`.
    pub chain: &'static str,
    /// Its number in the chain.
    pub seq: u64,
    /// When, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Who.
    pub user: String,
    /// `"use"`, `"refusal"`, `"event"`, or the kind of change.
    pub kind: String,
    /// What was asked: the operation or the event.
    pub action: String,
    /// About which object.
    pub object: Option<String>,
    /// What came of it: `"success"`, or the reason of a refusal.
    pub result: String,
    /// Particulars in words: the parameters and the message.
    pub detail: String,
    /// Parameters, names and values.
    pub parameters: Vec<(String, String)>,
    /// What else there is to say.
    pub message: String,
    /// SHA-256 of the client's certificate, hexadecimal.
    pub fingerprint: String,
    /// The client's address.
    pub address: String,
    /// The rule that decided.
    pub rule: String,
    /// How long it took, microseconds; zero where it is not recorded.
    pub micros: i64,
    /// The record's hash.
    pub hash: [u8; 32],
}

/// Which entries are wanted. All given conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only of this user.
    pub user: Option<String>,
    /// Only about this object.
    pub object: Option<String>,
    /// Only of this operation, in any spelling of its name.
    pub action: Option<String>,
    /// Only from this time on, milliseconds since the Unix epoch.
    pub since_ms: Option<i64>,
    /// Only before this time, milliseconds since the Unix epoch.
    pub until_ms: Option<i64>,
}

impl AuditFilter {
    /// Whether the entry passes.
    pub fn wants(&self, entry: &AuditEntry) -> bool {
        self.user.as_ref().is_none_or(|user| *user == entry.user)
            && self.object.as_ref().is_none_or(|object| entry.object.as_ref() == Some(object))
            && self.action.as_ref().is_none_or(|a| fold(a) == fold(&entry.action))
            && self.since_ms.is_none_or(|since| entry.time_ms >= since)
            && self.until_ms.is_none_or(|until| entry.time_ms < until)
    }
}

/// What verifying the audit found sound.
#[derive(Clone, Debug)]
pub struct AuditReport {
    /// Records of changes checked, and the last one.
    pub changes: (u64, Head),
    /// Records of uses checked, and the last one.
    pub uses: (u64, Head),
    /// Records whose authentication codes were checked too.
    pub codes: u64,
    /// Records that say a crash cut off the end of the chain of uses.
    pub gaps: usize,
}

/// Which chain does not verify, and where.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the chain of {chain} does not verify: {fault}")]
pub struct AuditFault {
    /// `"changes"` or `"uses"`.
    pub chain: &'static str,
    /// Where and what.
    pub fault: String,
    /// The sequence number, when the fault has one.
    pub seq: Option<u64>,
    /// The records that were read and hold, first and last; none if nothing is known to.
    pub held: Option<(u64, u64)>,
}

impl AuditFault {
    /// A fault at a place of a chain that begins with record `first`: what is before it holds.
    pub(crate) fn of(chain: &'static str, fault: &Fault, first: u64) -> Self {
        let held = Some((first, fault.seq.saturating_sub(1))).filter(|(from, to)| from <= to);
        Self { chain, fault: fault.to_string(), seq: Some(fault.seq), held }
    }

    /// A fault that has no place: the chain cannot be read, say.
    pub(crate) fn somewhere(chain: &'static str, fault: impl std::fmt::Display) -> Self {
        Self { chain, fault: fault.to_string(), seq: None, held: None }
    }
}

impl Engine {
    /// The last `count` entries that the filter wants, oldest first.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or chains that cannot be read.
    pub fn audit_tail(
        &self,
        count: usize,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, EngineError> {
        let mut entries = self.uses_tail(count, filter)?;
        entries.append(&mut self.changes_tail(count, filter)?);
        entries.sort_by_key(|e| (e.time_ms, e.chain, e.seq));
        let skip = entries.len().saturating_sub(count);
        Ok(entries.split_off(skip))
    }

    fn uses_tail(
        &self,
        count: usize,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let reader = unsealed.uses().reader();
        // Ask for more until enough are wanted or there are no more.
        let mut ask = count.saturating_mul(2).max(64);
        loop {
            let records = reader.tail(ask).map_err(|e| EngineError::Audit(e.to_string()))?;
            let exhausted = records.len() < ask;
            let mut wanted: Vec<AuditEntry> =
                records.iter().map(use_entry).filter(|e| filter.wants(e)).collect();
            if wanted.len() >= count || exhausted {
                let skip = wanted.len().saturating_sub(count);
                return Ok(wanted.split_off(skip));
            }
            ask = ask.saturating_mul(8);
        }
    }

    fn changes_tail(
        &self,
        count: usize,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, EngineError> {
        let site = self.inner.config.site;
        let mut wanted = Vec::new();
        let mut end = self.inner.store.head().seq + 1;
        while end > 1 && wanted.len() < count {
            let from = end.saturating_sub(u64::from(PAGE)).max(1);
            let page = self.inner.store.read(|tx| tx.journal(site, from, (end - from) as u32))?;
            let mut entries: Vec<AuditEntry> =
                page.iter().map(change_entry).filter(|e| filter.wants(e)).collect();
            entries.append(&mut wanted);
            wanted = entries;
            end = from;
        }
        let skip = wanted.len().saturating_sub(count);
        Ok(wanted.split_off(skip))
    }

    /// Checks both chains from their beginnings: every hash, and the authentication codes of the
    /// segments whose keys are still known; and that the state is what the changes come to.
    ///
    /// # Errors
    /// The first [`AuditFault`], with the chain and the place.
    pub fn audit_verify(&self) -> Result<AuditReport, AuditFault> {
        self.audit_verify_against(&[])
    }

    /// As [`Engine::audit_verify`], and every signed head of `anchors` must be met: what was kept
    /// elsewhere shows a past that was cut or rebuilt here. Their signatures are the caller's to
    /// check ([`SignedHead::verify`]).
    ///
    /// # Errors
    /// The first [`AuditFault`].
    pub fn audit_verify_against(&self, anchors: &[SignedHead]) -> Result<AuditReport, AuditFault> {
        let (changes, uses) = self.audit_verify_chains(anchors);
        let (changes, uses) = (changes?, uses?);
        Ok(AuditReport {
            changes: (changes.records, changes.head),
            uses: (uses.records, uses.head),
            codes: changes.macs + uses.macs,
            gaps: uses.gaps.len(),
        })
    }

    /// As [`Engine::audit_verify_against`], each chain for itself: that of changes, then that of
    /// uses. One that is broken does not keep the other from being checked.
    pub fn audit_verify_chains(
        &self,
        anchors: &[SignedHead],
    ) -> (Result<Report, AuditFault>, Result<Report, AuditFault>) {
        let changes = self.verify_changes(anchors).and_then(|report| {
            let beside = self.verify_other_sites().and_then(|()| self.verify_state());
            // The chain itself was read to its end.
            let held = Some((1, report.head.seq)).filter(|(from, to)| from <= to);
            beside.map_err(|fault| AuditFault { held, ..fault }).map(|()| report)
        });
        (changes, self.verify_uses(anchors))
    }

    fn verify_uses(&self, anchors: &[SignedHead]) -> Result<Report, AuditFault> {
        let failed = |e: &dyn std::fmt::Display| AuditFault::somewhere("uses", e);
        let unsealed = self.inner.unsealed().ok_or_else(|| failed(&EngineError::Sealed))?;
        let uses = unsealed.uses();
        let state = uses.state().map_err(|e| failed(&e))?;
        let site = self.inner.config.site;
        let deleted = self.uses_deleted(site);
        let ends = anchored(anchors, ChainName::Uses, uses.status().written);
        let verified = uses.reader().verify_behind(site, deleted, Some(&state), ends);
        verified.map_err(|error| uses_fault(&error, deleted))
    }

    /// The chains of other sites that a replica, or what was one, came from.
    fn verify_other_sites(&self) -> Result<(), AuditFault> {
        self.inner
            .store
            .read(|tx| tx.verify_others())
            .map_err(|e: strongroom_store::StoreError| AuditFault::somewhere("changes", e))?
            // Its number is one of another chain than this site's.
            .map_err(|found| {
                let what = format!("in the changes of another site, {found}");
                AuditFault::somewhere("changes", what)
            })
    }

    /// Folds the journal and compares the state with it: that finds rows that were deleted,
    /// swapped or put back, and a journal that lost its end while the state kept it.
    fn verify_state(&self) -> Result<(), AuditFault> {
        let fault = |fault: String| AuditFault::somewhere("changes", fault);
        let found = self
            .inner
            .store
            .read(|tx| tx.refold())
            .map_err(|e: strongroom_store::StoreError| fault(e.to_string()))?;
        let Some(first) = found.first() else { return Ok(()) };
        let more = match found.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Err(fault(format!("the state is not what the journal says: {first}{more}")))
    }

    fn verify_changes(&self, anchors: &[SignedHead]) -> Result<Report, AuditFault> {
        let chain = ChainName::Changes;
        let site = self.inner.config.site;
        let failed = |fault: String| AuditFault::somewhere("changes", fault);
        let state = self.inner.store.chain_state().map_err(|e| failed(e.to_string()))?;
        let anchor = self.inner.store.head();
        let mut verifier = Verifier::new(chain, site, Start::genesis(chain, site))
            .with_anchors(anchored(anchors, chain, anchor))
            .with_state(&state)
            .map_err(|e| failed(e.to_string()))?;
        let mut from = 1;
        loop {
            let page = self
                .inner
                .store
                .read(|tx| tx.journal(site, from, PAGE))
                .map_err(|e: strongroom_store::StoreError| failed(e.to_string()))?;
            let Some(last) = page.last() else { break };
            from = last.seq + 1;
            for record in page.iter().take_while(|r| r.seq <= anchor.seq) {
                verifier
                    .check(&record.as_ref())
                    .map_err(|fault| AuditFault::of("changes", &fault, 1))?;
            }
            if from > anchor.seq {
                break;
            }
        }
        verifier.finish().map_err(|fault| AuditFault::of("changes", &fault, 1))
    }

    /// One entry by its chain (`"changes"` or `"uses"`) and its number there; none when there is
    /// no such record.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or a chain that cannot be read.
    pub fn audit_entry(&self, chain: &str, seq: u64) -> Result<Option<AuditEntry>, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        if chain == "changes" {
            let site = self.inner.config.site;
            let found = self.inner.store.read(|tx| tx.journal(site, seq, 1))?;
            return Ok(found.first().filter(|record| record.seq == seq).map(change_entry));
        }
        let audit = |e: strongroom_journal::ReadError| EngineError::Audit(e.to_string());
        // The segment is found by its name; nothing before it is read.
        let first = unsealed.uses().reader().records(seq).map_err(audit)?.next();
        let record = first.transpose().map_err(audit)?;
        Ok(record.filter(|record| chain == "uses" && record.seq == seq).as_ref().map(use_entry))
    }

    /// Visits every entry of the chain of uses from `seq` on, oldest first.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or a chain that cannot be read.
    pub fn uses_from(
        &self,
        seq: u64,
        mut visit: impl FnMut(AuditEntry) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let audit = |e: strongroom_journal::ReadError| EngineError::Audit(e.to_string());
        for record in unsealed.uses().reader().records(seq).map_err(audit)? {
            if visit(use_entry(&record.map_err(audit)?)).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// What is wrong with the chain of uses, of which the records up to `deleted` are gone on purpose.
pub(crate) fn uses_fault(
    error: &strongroom_journal::ReadError,
    deleted: Option<Head>,
) -> AuditFault {
    match error.fault() {
        Some(fault) => AuditFault::of("uses", fault, deleted.map_or(0, |head| head.seq) + 1),
        None => AuditFault::somewhere("uses", error),
    }
}

/// The heads of one chain that verifying must meet: those kept elsewhere, and its own end.
fn anchored(anchors: &[SignedHead], chain: ChainName, end: Head) -> Vec<Head> {
    let kept = anchors.iter().filter(|a| a.chain == chain).map(|a| a.head);
    kept.chain([end]).collect()
}

pub(crate) fn use_entry(record: &Record) -> AuditEntry {
    let mut entry = blank("uses", record);
    entry.kind = match record.kind {
        kind::USE => "use",
        kind::REFUSAL => "refusal",
        kind::SERVER_EVENT => "event",
        other => kind::name(other).unwrap_or("unknown"),
    }
    .to_owned();
    let Some(body) = UseRecord::decode(&record.body) else { return about_the_chain(entry, record) };
    entry.result = match (body.status, body.reason) {
        (None | Some(ResultStatus::SUCCESS), None) => "success".to_owned(),
        (_, reason) => reason.map_or("failed", ResultReason::name).to_owned(),
    };
    let mut words: Vec<String> =
        body.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !body.message.is_empty() {
        words.push(body.message.clone());
    }
    entry.detail = words.join(" ");
    entry.parameters = body.parameters;
    entry.message = body.message;
    entry.action = body.action;
    entry.object = body.object;
    entry.fingerprint = body.fingerprint;
    entry.address = body.address;
    entry.rule = body.rule;
    entry.micros = body.micros;
    entry
}

/// What the chain says about itself.
fn about_the_chain(mut entry: AuditEntry, record: &Record) -> AuditEntry {
    let said = match record.kind {
        kind::SIGNED_HEAD => SignedHead::decode(&record.body).map(|h| ("anchor", h.to_string())),
        kind::GAP => Gap::decode(&record.body).map(|gap| ("gap", cut_off(&gap))),
        kind::SEGMENT_END => Ok(("segment-end", String::new())),
        _ => return entry,
    };
    // A body that cannot be read says nothing, and no success either.
    let Ok((action, text)) = said else { return entry };
    entry.action = action.to_owned();
    entry.result = "success".to_owned();
    entry.detail.clone_from(&text);
    if action == "anchor" {
        entry.parameters = vec![("anchor".to_owned(), text)];
    } else {
        entry.message = text;
    }
    entry
}

fn cut_off(gap: &Gap) -> String {
    let seen = match gap.last_seen {
        Some(last) => format!("records up to {last} were there"),
        None => "no whole record was there".to_owned(),
    };
    format!("a crash cut off {} bytes after record {}; {seen}", gap.bytes, gap.after)
}

pub(crate) fn change_entry(record: &Record) -> AuditEntry {
    let mut entry = blank("changes", record);
    entry.result = "success".to_owned();
    let Ok((origin, change)) = Change::decode(record.kind, &record.body) else {
        entry.kind = kind::name(record.kind).unwrap_or("unknown").to_owned();
        return entry;
    };
    entry.kind = kind_name(change.kind()).to_owned();
    entry.object = match &change {
        Change::ApprovalRequested(new) => new.object.clone(),
        _ => change.object().map(|id| id.as_str().to_owned()),
    };
    entry.detail = describe(&change);
    entry.message.clone_from(&entry.detail);
    entry.action = origin.operation;
    entry.fingerprint = origin.fingerprint;
    entry.address = origin.address;
    entry.rule = origin.rule;
    entry
}

fn blank(chain: &'static str, record: &Record) -> AuditEntry {
    AuditEntry {
        chain,
        seq: record.seq,
        time_ms: (record.hlc >> 16) as i64,
        user: record.actor.clone(),
        kind: String::new(),
        action: String::new(),
        object: None,
        result: String::new(),
        detail: String::new(),
        parameters: Vec::new(),
        message: String::new(),
        fingerprint: String::new(),
        address: String::new(),
        rule: String::new(),
        micros: 0,
        hash: record.hash,
    }
}

/// The stable word for a kind of change.
fn kind_name(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Created => "created",
        ChangeKind::Attributes => "attributes",
        ChangeKind::Activated => "activated",
        ChangeKind::Deactivated => "deactivated",
        ChangeKind::Compromised => "compromised",
        ChangeKind::Destroyed => "destroyed",
        ChangeKind::DestroyScheduled => "destroy-scheduled",
        ChangeKind::Rewrapped => "rewrapped",
        ChangeKind::Reserved => "reserved",
        ChangeKind::Granted => "granted",
        ChangeKind::GrantRevoked => "grant-revoked",
        ChangeKind::GroupGranted => "group-granted",
        ChangeKind::GroupGrantRevoked => "group-grant-revoked",
        ChangeKind::RoleGranted => "role-granted",
        ChangeKind::RoleRevoked => "role-revoked",
        ChangeKind::CertificateIssued => "certificate-issued",
        ChangeKind::CertificateRevoked => "certificate-revoked",
        ChangeKind::Setting => "setting",
        ChangeKind::Noted => "noted",
        ChangeKind::Archived => "archived",
        ChangeKind::Recovered => "recovered",
        ChangeKind::ApprovalRequired => "approval-required",
        ChangeKind::ApprovalWaived => "approval-waived",
        ChangeKind::ApprovalRequested => "approval-requested",
        ChangeKind::ApprovalGiven => "approval-given",
        ChangeKind::ApprovalExecuted => "approval-executed",
        ChangeKind::ApprovalRejected => "approval-rejected",
        ChangeKind::ApprovalWithdrawn => "approval-withdrawn",
        ChangeKind::ApprovalExpired => "approval-expired",
        ChangeKind::ApprovalsDropped => "approvals-dropped",
    }
}

/// A change in words, without values: they may be secret.
fn describe(change: &Change) -> String {
    match change {
        Change::Created(new) => new.object_type.name().to_owned(),
        Change::Changed { sets, .. } => {
            let names: Vec<String> = sets
                .iter()
                .map(|(key, _)| &key.name)
                .filter(|name| {
                    **name != AttributeName::Standard(strongroom_kmip::Tag::LAST_CHANGE_DATE)
                })
                .map(ToString::to_string)
                .collect();
            names.join(", ")
        }
        Change::Rewrapped { material, .. } => format!("epoch {}", material.epoch),
        Change::Reserved { counter, upto, .. } => format!("{counter:?} up to {upto}"),
        Change::Granted { subject, operation, .. }
        | Change::GrantRevoked { subject, operation, .. } => {
            format!("{subject} {}", strongroom_kmip::Operation(*operation).name())
        }
        Change::GroupGranted { key_group, subject, operation, .. }
        | Change::GroupGrantRevoked { key_group, subject, operation } => {
            let operation = strongroom_kmip::Operation(*operation).name();
            format!("key group {key_group}: {subject} {operation}")
        }
        Change::RoleGranted { user, role, .. } | Change::RoleRevoked { user, role } => {
            format!("{user} {}", role.name())
        }
        Change::CertificateIssued(info) => format!("{} {}", info.purpose, info.user),
        Change::CertificateRevoked { fingerprint, reason } => format!("{fingerprint} {reason}"),
        Change::ApprovalRequired { rule, .. } => crate::approvals::rule_in_words(rule),
        Change::ApprovalWaived { name, .. } => format!("rule {name}"),
        Change::ApprovalRequested(new) => crate::approvals::request_in_words(new),
        Change::ApprovalGiven { id, user, digest, .. } => {
            format!("approval {id} by {user}, digest {}", crate::approvals::hex(digest))
        }
        Change::ApprovalEnded { id, how, user, reason } => {
            if *how == strongroom_model::Ending::Expired {
                return format!("approval {id} expired");
            }
            let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            format!("approval {id} {} by {user}{because}", how.name())
        }
        Change::ApprovalsDropped { site, upto, but } => {
            let but = match but.len() {
                0 => String::new(),
                n => format!(", but {n} that stay"),
            };
            format!("approvals of site {site} up to number {upto} have left the list{but}")
        }
        Change::Setting(setting) => format!("{} {}", setting.namespace, setting.key),
        Change::Noted { what, text } => format!("{what} {text}"),
    }
}
