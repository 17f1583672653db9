//! Approvals as the admin API has them.

use std::sync::Arc;

use strongroom_engine::{AdminAsk, Approval, EngineError, RevocationLists};
use strongroom_model::{ApprovalRule, Approvers, Role};
use strongroom_policy::approval::{self, word_named};

use super::Caller;
use super::engine::EngineManager;
use crate::admin::approvals::{
    ApprovalEnd, ApprovalNeed, ApprovalRuleView, ApprovalRules, ApprovalView, ApprovalsWaiting,
    NewApprovalRule,
};
use crate::admin::types::Fact;
use crate::errors::{self, Fault};
use crate::pki::{hex, unhex};

/// What the admin API needs of a key manager about approvals.
pub trait Approvals {
    /// Has the approvals that count judged by these lists of revoked certificates, too.
    fn judge_by(&self, lists: Arc<dyn RevocationLists>);
    /// Whether there is any rule. Asked with every change, so it must be cheap.
    fn has_approval_rules(&self) -> bool;
    /// Lets a request through, or has it wait: then with the approval that it waits for.
    fn pass(
        &self,
        caller: &Caller,
        ask: &AdminAsk,
    ) -> Result<Option<String>, (Fault, Option<String>)>;
    /// What a request would wait for.
    fn would_wait(&self, ask: &AdminAsk) -> Vec<String>;
    /// The roles that a user was given and not lost.
    fn roles_of(&self, user: &str) -> Vec<Role>;
    /// The key groups of an object.
    fn key_groups_of(&self, id: &str) -> Result<Vec<String>, Fault>;
    /// How much waits.
    fn approvals_waiting(&self) -> ApprovalsWaiting;
    /// Every request that the caller may see, the newest first.
    fn approvals(&self, caller: &Caller) -> Result<Vec<ApprovalView>, Fault>;
    /// One of them.
    fn approval(&self, caller: &Caller, id: &str) -> Result<ApprovalView, Fault>;
    /// Approves what has this digest.
    fn approve(&self, caller: &Caller, id: &str, digest: &str) -> Result<ApprovalView, Fault>;
    /// Rejects a request.
    fn approval_reject(
        &self,
        caller: &Caller,
        id: &str,
        reason: &str,
    ) -> Result<ApprovalView, Fault>;
    /// Takes a request back.
    fn approval_withdraw(
        &self,
        caller: &Caller,
        id: &str,
        reason: &str,
    ) -> Result<ApprovalView, Fault>;
    /// The rules in force.
    fn approval_rules(&self) -> Result<ApprovalRules, Fault>;
    /// Puts a rule in force, if the rules are those with this ETag.
    fn approval_require(
        &self,
        caller: &Caller,
        rule: ApprovalRuleView,
        etag: &str,
    ) -> Result<ApprovalRules, Fault>;
    /// Lifts a rule.
    fn approval_waive(
        &self,
        caller: &Caller,
        name: &str,
        etag: &str,
    ) -> Result<ApprovalRules, Fault>;
}

impl Approvals for EngineManager {
    fn judge_by(&self, lists: Arc<dyn RevocationLists>) {
        self.engine.judge_by(lists);
    }

    fn has_approval_rules(&self) -> bool {
        self.engine.has_approval_rules()
    }

    fn pass(
        &self,
        caller: &Caller,
        ask: &AdminAsk,
    ) -> Result<Option<String>, (Fault, Option<String>)> {
        self.engine.pass(caller, ask).map_err(|error| {
            let id = match &error {
                EngineError::NeedsApproval { id, .. } => Some(id.clone()),
                _ => None,
            };
            (Fault::from(error), id)
        })
    }

    fn would_wait(&self, ask: &AdminAsk) -> Vec<String> {
        self.engine.would_wait(&ask.actions, &ask.key_groups)
    }

    fn roles_of(&self, user: &str) -> Vec<Role> {
        let held = self.engine.roles().into_iter().filter(|(name, _)| name == user);
        held.map(|(_, role)| role).collect()
    }

    fn key_groups_of(&self, id: &str) -> Result<Vec<String>, Fault> {
        Ok(self.engine.key_groups_of(id)?)
    }

    fn approvals_waiting(&self) -> ApprovalsWaiting {
        let (waiting, oldest) = self.engine.approvals_waiting();
        ApprovalsWaiting { waiting, oldest }
    }

    fn approvals(&self, caller: &Caller) -> Result<Vec<ApprovalView>, Fault> {
        Ok(self.engine.approvals(caller).into_iter().map(shown).collect())
    }

    fn approval(&self, caller: &Caller, id: &str) -> Result<ApprovalView, Fault> {
        Ok(shown(self.engine.approval(caller, id)?))
    }

    fn approve(&self, caller: &Caller, id: &str, digest: &str) -> Result<ApprovalView, Fault> {
        let digest = unhex(digest).filter(|digest| digest.len() == 32).ok_or_else(|| {
            Fault::bad_request("A digest has 64 hexadecimal digits; `approval show` has it.")
        })?;
        Ok(shown(self.engine.approve(caller, id, &digest)?))
    }

    fn approval_reject(
        &self,
        caller: &Caller,
        id: &str,
        reason: &str,
    ) -> Result<ApprovalView, Fault> {
        Ok(shown(self.engine.reject(caller, id, reason)?))
    }

    fn approval_withdraw(
        &self,
        caller: &Caller,
        id: &str,
        reason: &str,
    ) -> Result<ApprovalView, Fault> {
        Ok(shown(self.engine.withdraw(caller, id, reason)?))
    }

    fn approval_rules(&self) -> Result<ApprovalRules, Fault> {
        Ok(rules(&self.engine.approval_rules()))
    }

    fn approval_require(
        &self,
        caller: &Caller,
        view: ApprovalRuleView,
        etag: &str,
    ) -> Result<ApprovalRules, Fault> {
        let rule = read(view)?;
        let etag = etag.to_owned();
        let still = move |current: &[ApprovalRule]| rules(current).etag == etag;
        match self.engine.require_approval(caller, rule, still)? {
            true => self.approval_rules(),
            false => Err(errors::PRECONDITION_FAILED.into()),
        }
    }

    fn approval_waive(
        &self,
        caller: &Caller,
        name: &str,
        etag: &str,
    ) -> Result<ApprovalRules, Fault> {
        let etag = etag.to_owned();
        let still = move |current: &[ApprovalRule]| rules(current).etag == etag;
        match self.engine.waive_approval(caller, name, still)? {
            true => self.approval_rules(),
            false => Err(errors::PRECONDITION_FAILED.into()),
        }
    }
}

fn shown(of: Approval) -> ApprovalView {
    let fact = |(name, value)| Fact { name, value };
    ApprovalView {
        state: of.state.name().to_owned(),
        opened: of.opened_ms,
        needs: of
            .needs
            .into_iter()
            .map(|(asks, approved_by)| ApprovalNeed { asks, approved_by })
            .collect(),
        discounted: of.discounted.into_iter().map(fact).collect(),
        ended: of.ended.map(|(by, reason, at)| ApprovalEnd { by, reason, at }),
        id: of.new.id,
        user: of.new.user,
        actions: of.new.actions,
        key: of.new.object,
        key_groups: of.new.key_groups,
        plan: of.new.plan.into_iter().map(fact).collect(),
        digest: hex(&of.new.digest),
        expires: of.new.expires,
    }
}

/// A rule as it is shown.
pub fn rule_view(rule: &ApprovalRule) -> ApprovalRuleView {
    ApprovalRuleView {
        name: rule.name.clone(),
        rule: NewApprovalRule {
            actions: rule.actions.clone(),
            key_group: rule.key_group.clone(),
            approvers: rule.approvers,
            from: rule.from.spelled(),
            open_for: rule.open_for,
        },
    }
}

fn rules(current: &[ApprovalRule]) -> ApprovalRules {
    let rules: Vec<ApprovalRuleView> = current.iter().map(rule_view).collect();
    let text = serde_json::to_vec(&rules).unwrap_or_default();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text);
    let mut etag = hex(digest.as_ref());
    etag.truncate(32);
    ApprovalRules { rules, etag }
}

fn read(view: ApprovalRuleView) -> Result<ApprovalRule, Fault> {
    let NewApprovalRule { actions, key_group, approvers, from, open_for } = view.rule;
    let from = Approvers::read(&from).ok_or_else(|| {
        Fault::bad_request(format!(
            "`{from}` says not who may approve: it is role:ROLE or group:GROUP, such as \
             role:officer."
        ))
    })?;
    let named = actions.iter().map(|word| {
        let word = word_named(word).ok_or_else(|| {
            Fault::bad_request(format!("`{word}` is no action that can wait for approval."))
        })?;
        Ok(word.to_owned())
    });
    let mut actions = named.collect::<Result<Vec<_>, Fault>>()?;
    actions.sort_unstable();
    actions.dedup();
    Ok(ApprovalRule { name: view.name, actions, key_group, approvers, from, open_for })
}

/// The preset of this name.
pub fn preset(name: &str) -> Option<ApprovalRuleView> {
    (name == "two-officers").then(|| rule_view(&approval::two_officers()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_that_the_engine_gives_is_that_of_the_table() {
        assert_eq!(strongroom_engine::NEEDS_APPROVAL, errors::NEEDS_APPROVAL.number);
    }

    #[test]
    fn a_rule_is_read_in_any_spelling_and_shown_in_one() {
        let mut view = preset("two-officers").unwrap();
        view.rule.actions = vec!["destroy".into(), "RE-KEY".into(), "Destroy".into()];
        assert_eq!(read(view.clone()).unwrap().actions, ["Destroy", "Re-key"]);
        view.rule.from = "everybody".into();
        assert!(read(view.clone()).is_err());
        view.rule.from = "group:security".into();
        view.rule.actions = vec!["Locate".into()];
        assert!(read(view).unwrap_err().detail.contains("Locate"));
    }
}
