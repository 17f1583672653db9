//! KMIP items that wait for approval.
//!
//! An item is run first, in its own part of the transaction, and asked about afterwards: what would
//! fail anyway fails and bothers nobody. Then it is let through, with the mark that it was carried
//! out in the same transaction; or its part is rolled back and a request stands open in its place.
//!
//! Without a rule this costs one look at an empty map; with rules, a look at each of them, in
//! memory.

use std::collections::BTreeSet;

use strongroom_kmip::message::BatchItem;
use strongroom_kmip::{Operation, ResultReason, Tag, Value};
use strongroom_model::{Change, ManagedObject};
use strongroom_policy::approval::any_holds;
use strongroom_policy::{Class, class_of};

use crate::approval_list;
use crate::approval_rules::can_wait;
use crate::approvals::{self, Ask, Canonical, Verdict};
use crate::context::Ctx;
use crate::refusal::Refusal;

/// What of an item waits for approval.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    actions: BTreeSet<&'static str>,
    key_groups: BTreeSet<String>,
    /// What approvers see of each object: if it changes, it is not what was approved.
    facts: Vec<[String; 6]>,
}

impl Ctx<'_, '_> {
    /// Notes that an item waits if a rule holds for this operation, on this object.
    pub(crate) fn guard(
        &mut self,
        operation: Operation,
        object: Option<(&ManagedObject, &[String])>,
    ) -> Result<(), Refusal> {
        if self.server.approval_rules.is_empty() || !can_wait(operation) {
            return Ok(());
        }
        let groups = object.map_or(&[][..], |(_, groups)| groups);
        let noted = self.guard.is_some();
        if !noted && !any_holds(self.server, operation.name(), groups) {
            return Ok(());
        }
        if self.tx.is_none() {
            return Err(Refusal::needs_writer());
        }
        let guard = self.guard.get_or_insert_default();
        guard.actions.insert(operation.name());
        guard.key_groups.extend(groups.iter().cloned());
        if let Some((object, groups)) = object {
            guard.facts.push(facts(object, groups));
        }
        Ok(())
    }

    /// Decides, when the item has run, whether what it did may stand.
    pub(crate) fn settle(&mut self, item: &BatchItem<'_>) -> Result<(), Refusal> {
        let Some(guard) = self.guard.take() else { return Ok(()) };
        // A request that waits is a change, and so is the mark that it was carried out.
        if let Some(refusal) = self.engine.refuse_on_replica() {
            return Err(refusal);
        }
        let (site, time) = (self.engine.config.site, self.time);
        let origin = self.caller.origin(approvals::EXECUTED, &self.trail.rule);
        let Some(tx) = &self.tx else { return Err(Refusal::needs_writer()) };
        let state = tx.server_state().clone();
        let ask = self.ask(&guard, item, &state)?;
        let verdict = approvals::decide(&state, &ask, site, &self.engine.judge(time));
        // Held on to, it would be copied for the change.
        drop(state);
        let change = match verdict {
            Verdict::Free => return Ok(()),
            Verdict::Passes(pass) => {
                self.note("approval", pass.id());
                self.note("approved-by", pass.approvers().join(", "));
                approvals::executed(&pass, &ask.user)
            }
            Verdict::Waits { id, opening, missing } => {
                let message = approvals::waits(&id, &missing);
                self.note("approval", id);
                return Err(Refusal { opens: opening.map(Box::new), ..Refusal::denied(message) });
            }
            Verdict::Refused(why) => return Err(Refusal::denied(why)),
        };
        let Some(tx) = &mut self.tx else { return Err(Refusal::needs_writer()) };
        // A use stays one, and belongs into that chain.
        approval_list::append(tx, &origin, &change, time)?;
        Ok(())
    }

    fn ask(
        &self,
        guard: &Guard,
        item: &BatchItem<'_>,
        state: &strongroom_model::ServerState,
    ) -> Result<Ask, Refusal> {
        // What makes an object has a new identifier each time: it is the request that is the same.
        let names_object = class_of(self.operation) == Class::OnObjects;
        let object = self.trail.object.clone().filter(|_| names_object);
        let mut canonical = Canonical::new("kmip", &self.caller.user);
        canonical
            .part(&self.version.major.to_be_bytes())
            .part(&self.version.minor.to_be_bytes())
            .part(self.operation.name().as_bytes())
            .part(object.as_deref().unwrap_or_default().as_bytes())
            .part(item.payload.raw());
        for fact in guard.facts.iter().flatten() {
            canonical.part(fact.as_bytes());
        }
        let digest = canonical
            .digest(self.unsealed, state)
            .map_err(|e| Refusal::new(ResultReason::GENERAL_FAILURE, e.to_string()))?;
        let mut plan = vec![("Operation".to_owned(), self.operation.name().to_owned())];
        plan.extend(object.iter().map(|id| ("Key".to_owned(), id.clone())));
        if let Some(facts) = guard.facts.first() {
            let named = FACTS.iter().zip(facts).filter(|(_, value)| !value.is_empty());
            plan.extend(
                named.map(|(name, value)| {
                    ((*name).to_owned(), crate::audit::clip(value).to_owned())
                }),
            );
        }
        for (name, value) in &self.trail.parameters {
            plan.push(((*name).to_owned(), crate::audit::clip(value).to_owned()));
        }
        plan.push(("Protocol".to_owned(), format!("KMIP {}", self.version)));
        plan.push(("From".to_owned(), self.caller.address.clone()));
        Ok(Ask {
            user: self.caller.user.clone(),
            fingerprint: self.caller.fingerprint.clone(),
            actions: guard.actions.iter().map(|action| (*action).to_owned()).collect(),
            object,
            key_groups: guard.key_groups.iter().cloned().collect(),
            digest,
            plan,
        })
    }
}

/// What the facts are called.
const FACTS: [&str; 6] = ["Type", "Name", "Owner", "Key groups", "State", "Archived"];

fn facts(object: &ManagedObject, key_groups: &[String]) -> [String; 6] {
    let names: Vec<String> = object
        .instances(&Tag::NAME.into())
        .filter_map(|(_, value)| value.find(Tag::NAME_VALUE))
        .filter_map(|node| Value::as_text(&node.value).map(str::to_owned))
        .collect();
    let compromised = if object.compromised { ", compromised" } else { "" };
    [
        object.object_type().name().to_owned(),
        names.join(", "),
        object.owner().to_owned(),
        key_groups.join(", "),
        format!("{:?}{compromised}", object.lifecycle),
        if object.is_archived() { "yes".to_owned() } else { String::new() },
    ]
}

/// Why a request is not opened from within a batch that is undone as a whole.
pub(crate) fn not_in_this_batch() -> Refusal {
    Refusal::denied(format!(
        "an item of this batch waits for approval (error {}), and a batch that is undone as a \
         whole cannot wait: send the item by itself first, and the batch when it is approved",
        approvals::NEEDS_APPROVAL
    ))
}

/// What a refused item leaves open: the request, in the place of what it did.
pub(crate) fn opening(refusal: &mut Refusal) -> Option<Change> {
    refusal.opens.take().map(|change| *change)
}
