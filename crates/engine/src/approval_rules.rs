//! Approval rules: required, waived, and never so that nobody could meet or lift them.

use strongroom_kmip::Operation;
use strongroom_model::{ApprovalRule, Change, RuleVersions, ServerState};
use strongroom_policy::approval::{self, Asked, check_rule, rules_for, too_few};

use crate::access::{check_name, key_groups};
use crate::approvals::DIGEST_KEY;
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::rules::Question;

impl Engine {
    /// The rules in force, by name. A name stands twice where two sites gave it a meaning without
    /// knowing of each other: both hold until one of them is set again.
    pub fn approval_rules(&self) -> Vec<ApprovalRule> {
        approval::rules(&self.inner.store.server_state()).cloned().collect()
    }

    /// Whether any rule is in force.
    pub fn has_approval_rules(&self) -> bool {
        approval::rules(&self.inner.store.server_state()).next().is_some()
    }

    /// What a request with these actions, about these key groups, would wait for.
    pub fn would_wait(&self, actions: &[String], key_groups: &[String]) -> Vec<String> {
        let state = self.inner.store.server_state();
        let asked = Asked { actions, key_groups, user: "", now: self.inner.time().latest() };
        rules_for(&state, asked).iter().map(|rule| approval::asks_for(rule)).collect()
    }

    /// Puts a rule in force, from the next request on, if the rules are still what the author
    /// believes: `still` is asked for them. False if not, and nothing was changed.
    ///
    /// # Errors
    /// [`EngineError::Refused`] for a rule that cannot be one; [`EngineError::NoApprovers`] when too
    /// few could approve for its author, who could then not take it back either;
    /// [`EngineError::Sealed`], or the store's.
    pub fn require_approval(
        &self,
        by: &Caller,
        rule: ApprovalRule,
        still: impl FnOnce(&[ApprovalRule]) -> bool + Send + 'static,
    ) -> Result<bool, EngineError> {
        self.usable_approval_rule(by, &rule)?;
        self.have_digest_key(by)?;
        self.change_approval_rules(by, "Require Approval", still, move |state| {
            let seen = state.approval_rules.get(&rule.name).map(RuleVersions::seen);
            Some(Change::ApprovalRequired { rule, seen: seen.unwrap_or_default() })
        })
    }

    /// Lifts a rule, from the next request on. As [`Engine::require_approval`] else.
    ///
    /// # Errors
    /// [`EngineError::NoApproval`] when there is no such rule; [`EngineError::Sealed`], or the
    /// store's.
    pub fn waive_approval(
        &self,
        by: &Caller,
        name: &str,
        still: impl FnOnce(&[ApprovalRule]) -> bool + Send + 'static,
    ) -> Result<bool, EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        if !self.approval_rules().iter().any(|rule| rule.name == name) {
            return Err(EngineError::NoApproval(name.to_owned()));
        }
        let name = name.to_owned();
        self.change_approval_rules(by, "Waive Approval", still, move |state| {
            let seen = state.approval_rules.get(&name).map(RuleVersions::seen)?;
            Some(Change::ApprovalWaived { name, seen })
        })
    }

    /// Whether a rule could be put in force by this officer.
    ///
    /// # Errors
    /// As [`Engine::require_approval`].
    pub fn usable_approval_rule(
        &self,
        by: &Caller,
        rule: &ApprovalRule,
    ) -> Result<(), EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        check_rule(rule)
            .map_err(|why| EngineError::Refused(why.trim_end_matches('.').to_owned()))?;
        if let Some(group) = &rule.key_group {
            check_name("a key group", group)?;
        }
        if let strongroom_model::Approvers::Group(group) = &rule.from {
            check_name("a group", group)?;
        }
        if !self.has_quorum()? {
            return Err(EngineError::NoApprovers(
                "no slot of the root key has shares that count as a quorum's: should approvers be \
                 lost, custodians could recover no officer; add such a slot, and let an officer \
                 vouch for it first"
                    .to_owned(),
            ));
        }
        let state = self.inner.store.server_state();
        match too_few(&state, rule, &by.user, self.inner.time().latest()) {
            None => Ok(()),
            Some(others) => Err(EngineError::NoApprovers(format!(
                "the rule asks for {}, and beside {} there are {others} with a certificate that \
                 counts: nobody could lift it again; give more people the role or group first",
                approval::asks_for(rule),
                by.user
            ))),
        }
    }

    /// What a question's request would wait for, beside being allowed.
    ///
    /// # Errors
    /// [`EngineError::NoObject`], or the store's.
    pub fn approvals_needed(&self, question: &Question) -> Result<Vec<String>, EngineError> {
        let groups = match &question.object {
            None => Vec::new(),
            Some(id) => {
                let object = self.stored(id)?.ok_or_else(|| EngineError::NoObject(id.clone()))?;
                key_groups(&object)
            }
        };
        Ok(self.would_wait(&[question.action.name().to_owned()], &groups))
    }

    fn change_approval_rules(
        &self,
        by: &Caller,
        operation: &str,
        still: impl FnOnce(&[ApprovalRule]) -> bool + Send + 'static,
        change: impl FnOnce(&ServerState) -> Option<Change> + Send + 'static,
    ) -> Result<bool, EngineError> {
        let (origin, now_ms) = (by.origin(operation, ""), self.inner.stamp_ms());
        self.commit(move |tx| {
            let state = tx.server_state().clone();
            let rules: Vec<ApprovalRule> = approval::rules(&state).cloned().collect();
            if !still(&rules) {
                return Ok(false);
            }
            if let Some(change) = change(&state) {
                tx.append(&origin, &change, now_ms)?;
            }
            Ok(true)
        })
    }

    /// Makes the secret that digests are made with, once for all.
    fn have_digest_key(&self, by: &Caller) -> Result<(), EngineError> {
        let _one_at_a_time = self.inner.rule_changes.lock();
        if self.secret(DIGEST_KEY)?.is_some() {
            return Ok(());
        }
        let mut key = zeroize::Zeroizing::new([0; 32]);
        strongroom_crypto::random(key.as_mut_slice())?;
        self.put_secret(by, DIGEST_KEY, key.as_slice())
    }
}

/// Whether an operation is one that a rule can name.
pub(crate) fn can_wait(operation: Operation) -> bool {
    approval::OPERATIONS.contains(&operation)
}
