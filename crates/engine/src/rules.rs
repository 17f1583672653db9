//! The installation's own rules: kept in the store, put in force, explained and compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_kmip::Operation;
use strongroom_model::{Change, ObjectId, ServerState, Setting};
use strongroom_policy::{self as policy, Action, AdminAction, Decision, Explanation, Facts, Rules};
use strongroom_store::StoreError;

use crate::access::{Granted, key_groups, who, who_is};
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::operations::{Kind, kind_of};
use crate::trail::AuditEntry;

/// Where the rules lie in the store's settings.
const NAMESPACE: &str = "policy";
const KEY: &str = "rules";

/// In force when the stored rules cannot be read (a newer build wrote them, say): no keys are
/// made or used, and officers can put it right.
const UNREADABLE: &str = r#"
@id("stored-rules-unreadable")
forbid (
    principal,
    action in [Action::"creating operations", Action::"operations on objects"],
    resource
);
"#;

/// A question about what would be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The user.
    pub user: String,
    /// The user's groups. None: those of the user's newest certificate that is known.
    pub groups: Option<Vec<String>>,
    /// What is asked for.
    pub action: Action,
    /// The object it is asked on, by its Unique Identifier.
    pub object: Option<String>,
}

/// Requests of the past that other rules would have decided otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesDiff {
    /// Requests looked at.
    pub requests: u64,
    /// Requests about objects or users that are not known any more, which were left out.
    pub left_out: u64,
    /// What would have been otherwise, most frequent first.
    pub differences: Vec<Difference>,
    /// Whether the time has more records than are looked at, so that its beginning is left out.
    pub cut: bool,
}

/// Requests with the same facts, decided otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The user.
    pub user: String,
    /// The operation.
    pub operation: Operation,
    /// The object.
    pub object: Option<String>,
    /// How many requests.
    pub requests: u64,
    /// Whether the rules in force allow it, and which rule says so.
    pub now: (bool, String),
    /// The same with the other rules.
    pub then: (bool, String),
}

impl Engine {
    /// The installation's own rules.
    pub fn rules(&self) -> Arc<Rules> {
        self.inner.policy.rules()
    }

    /// Puts the stored rules in force; at unsealing.
    pub(crate) fn load_rules(&self) -> Result<(), EngineError> {
        let state = self.inner.store.server_state();
        let stored = state.setting(NAMESPACE, KEY).unwrap_or_default();
        let read = std::str::from_utf8(stored).map_err(|e| e.to_string());
        let rules = match read.and_then(|text| Rules::with(text).map_err(|e| e.to_string())) {
            Ok(rules) => rules,
            Err(error) => {
                tracing::error!(%error, "the stored rules cannot be read: no key is used");
                Rules::with(UNREADABLE).map_err(|e| EngineError::Damaged(e.to_string()))?
            }
        };
        self.inner.policy.replace(rules);
        Ok(())
    }

    /// Decides an administrative request as such.
    pub fn decide_admin(&self, by: &Caller, action: AdminAction) -> Decision {
        let state = self.inner.store.server_state();
        let action = Action::Admin(action);
        self.inner.policy.decide(&policy::Request { who: who(by, &state), action, object: None })
    }

    /// Checks that an administrative request may be made about this object: rules may narrow an
    /// officer's work to key groups.
    ///
    /// # Errors
    /// [`EngineError::Denied`], [`EngineError::NoObject`], or the store's.
    pub fn authorise_on(
        &self,
        by: &Caller,
        action: AdminAction,
        id: &str,
    ) -> Result<(), EngineError> {
        let object = self.stored(id)?.ok_or_else(|| EngineError::NoObject(id.to_owned()))?;
        let state = self.inner.store.server_state();
        let (who, in_groups) = (who(by, &state), key_groups(&object));
        // Nothing of that code is ever granted.
        let facts = Facts::of(&who, Operation(0), &object, &in_groups, &Granted(&state));
        let action = Action::Admin(action);
        let decision =
            self.inner.policy.decide(&policy::Request { who, action, object: Some(facts) });
        if decision.allowed {
            return Ok(());
        }
        Err(EngineError::Denied {
            user: by.user.clone(),
            object: id.to_owned(),
            rule: decision.rule().to_owned(),
        })
    }

    /// Checks that an administrative request may be made about the keys of a group.
    ///
    /// # Errors
    /// [`EngineError::Denied`].
    pub fn authorise_on_group(
        &self,
        by: &Caller,
        action: AdminAction,
        group: &str,
    ) -> Result<(), EngineError> {
        let state = self.inner.store.server_state();
        let facts = Facts {
            object_type: strongroom_kmip::ObjectType::SYMMETRIC_KEY,
            owned: false,
            user_grant: false,
            group_grant: false,
            key_groups: &[group.to_owned()],
        };
        let who = who(by, &state);
        let action = Action::Admin(action);
        let decision =
            self.inner.policy.decide(&policy::Request { who, action, object: Some(facts) });
        if decision.allowed {
            return Ok(());
        }
        Err(EngineError::Denied {
            user: by.user.clone(),
            object: format!("of key group {group}"),
            rule: decision.rule().to_owned(),
        })
    }

    /// Replaces the installation's own rules. They bite on the next request.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when they cannot be used, or would keep their author from
    /// changing them back; [`EngineError::Sealed`], or the store's.
    pub fn set_rules(&self, by: &Caller, text: &str) -> Result<(), EngineError> {
        self.replace_rules(by, text, |_| true)?;
        Ok(())
    }

    /// As [`Engine::set_rules`], if those in force are still what the author believes: `still` is
    /// asked for their text. False if not, and nothing was changed.
    ///
    /// # Errors
    /// As [`Engine::set_rules`].
    pub fn replace_rules(
        &self,
        by: &Caller,
        text: &str,
        still: impl FnOnce(&str) -> bool,
    ) -> Result<bool, EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let rules = self.usable_rules(by, text)?;
        // What is stored and what is in force change together, one author after the other.
        let _one_at_a_time = self.inner.rule_changes.lock();
        if !still(self.rules().text()) {
            return Ok(false);
        }
        let setting = Setting {
            namespace: NAMESPACE.to_owned(),
            key: KEY.to_owned(),
            value: Some(text.as_bytes().to_vec()),
        };
        self.append(by, "set policy", Change::Setting(setting))?;
        match self.rehearses() {
            Some(rehearsal) => rehearsal.note("policy", counted(rules.own())),
            None => self.inner.policy.replace(rules),
        }
        Ok(true)
    }

    /// The rules that a text would be, if they could be put in force by this officer.
    ///
    /// # Errors
    /// [`EngineError::Refused`].
    pub fn usable_rules(&self, by: &Caller, text: &str) -> Result<Rules, EngineError> {
        let rules = Rules::with(text).map_err(|e| EngineError::Refused(e.to_string()))?;
        let state = self.inner.store.server_state();
        let decision = rules.decide(&policy::Request {
            who: who(by, &state),
            action: Action::Admin(AdminAction::ChangePolicy),
            object: None,
        });
        // The server's own console stands above roles.
        if !decision.allowed && decision.rule() != policy::rule::ROLE_LACKS {
            return Err(EngineError::Refused(format!(
                "rule {} would keep {} from ever changing the rules again",
                decision.rule(),
                by.user
            )));
        }
        Ok(rules)
    }

    /// What would be decided, and why.
    ///
    /// # Errors
    /// [`EngineError::NoObject`], [`EngineError::Sealed`], or the store's.
    pub fn explain(&self, question: &Question) -> Result<Explanation, EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let state = self.inner.store.server_state();
        let known = groups_of(&state, &question.user);
        let groups = question.groups.clone().or(known).unwrap_or_default();
        let who = who_is(&question.user, &groups, &state);
        let object = match &question.object {
            None => None,
            Some(id) => Some(self.stored(id)?.ok_or_else(|| EngineError::NoObject(id.clone()))?),
        };
        // An action that is never asked about a key is explained as it is asked.
        let object = object.filter(|_| match question.action {
            Action::Admin(action) => action.is_about_keys(),
            Action::Kmip(_) => true,
        });
        let in_groups = object.as_ref().map(key_groups).unwrap_or_default();
        let operation = match question.action {
            Action::Kmip(operation) => operation,
            // Nothing of that code is ever granted.
            Action::Admin(_) => Operation(0),
        };
        let granted = Granted(&state);
        let facts = object.as_ref().map(|o| Facts::of(&who, operation, o, &in_groups, &granted));
        let request = policy::Request { who, action: question.action, object: facts };
        Ok(self.rules().explain(&request))
    }

    /// Which KMIP requests since `since_ms` (milliseconds since the Unix epoch) other rules would
    /// decide otherwise than those in force now. Roles, grants and key groups are taken as they
    /// are now.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when the rules cannot be used; [`EngineError::Sealed`], or an
    /// audit that cannot be read.
    pub fn compare_rules(
        &self,
        by: &Caller,
        text: &str,
        since_ms: i64,
    ) -> Result<RulesDiff, EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let then = self.usable_rules(by, text)?;
        let now = self.rules();
        let state = self.inner.store.server_state();
        let granted = Granted(&state);
        let asked = self.asked_since(since_ms, MOST_ASKED)?;
        let mut diff = RulesDiff { cut: asked.cut, ..RulesDiff::default() };
        for ((user, fingerprint, operation, object), requests) in asked.requests {
            diff.requests += requests;
            let groups = state
                .certificates
                .get(&fingerprint)
                .and_then(|c| c.info.as_ref())
                .map(|(_, info)| info.groups.clone())
                .or_else(|| groups_of(&state, &user));
            let stored = match &object {
                Some(id) => self.stored(id)?,
                None => None,
            };
            let Some(groups) = groups.filter(|_| object.is_none() || stored.is_some()) else {
                diff.left_out += requests;
                continue;
            };
            let who = who_is(&user, &groups, &state);
            let in_groups = stored.as_ref().map(key_groups).unwrap_or_default();
            let facts =
                stored.as_ref().map(|o| Facts::of(&who, operation, o, &in_groups, &granted));
            let request = policy::Request { who, action: Action::Kmip(operation), object: facts };
            let (before, after) = (now.decide(&request), then.decide(&request));
            if before.allowed != after.allowed {
                diff.differences.push(Difference {
                    user,
                    operation,
                    object,
                    requests,
                    now: (before.allowed, before.rule().to_owned()),
                    then: (after.allowed, after.rule().to_owned()),
                });
            }
        }
        diff.differences.sort_by(|a, b| {
            b.requests
                .cmp(&a.requests)
                .then_with(|| a.user.cmp(&b.user))
                .then_with(|| (a.operation.name(), &a.object).cmp(&(b.operation.name(), &b.object)))
        });
        Ok(diff)
    }

    /// The KMIP requests since a time among the newest `most` records of each chain. They are
    /// counted while they are read: the records themselves are never in memory together.
    pub(crate) fn asked_since(&self, since_ms: i64, most: u64) -> Result<AskedSince, EngineError> {
        let mut asked = AskedSince::default();
        let (entries, firsts) = self.newest_entries(crate::AuditFilter::default(), most)?;
        for entry in entries {
            let entry = entry?;
            if entry.time_ms < since_ms {
                continue;
            }
            let [change, first_use] = firsts;
            let first = if entry.chain == "changes" { change } else { first_use };
            asked.cut |= first > 1 && entry.seq == first;
            asked.count(entry);
        }
        Ok(asked)
    }

    pub(crate) fn stored(
        &self,
        id: &str,
    ) -> Result<Option<strongroom_model::ManagedObject>, EngineError> {
        let wanted = ObjectId::from(id);
        Ok(self.inner.store.read::<_, StoreError>(|tx| tx.object(&wanted))?)
    }
}

/// The rules of an installation in words.
fn counted(rules: &[String]) -> String {
    match rules {
        [] => "no rules of its own; the built-in ones hold".to_owned(),
        [one] => format!("1 rule: {one}"),
        several => format!("{} rules: {}", several.len(), several.join(", ")),
    }
}

/// Most records of each chain of the audit that a comparison looks at, the newest: reading takes
/// time, and no memory.
const MOST_ASKED: u64 = 5_000_000;

/// What was asked for in a time.
#[derive(Debug, Default)]
pub(crate) struct AskedSince {
    /// How many requests there were by user, certificate, operation and object.
    pub(crate) requests: BTreeMap<(String, String, Operation, Option<String>), u64>,
    /// Whether records at the beginning of the time were not looked at.
    pub(crate) cut: bool,
}

impl AskedSince {
    fn count(&mut self, entry: AuditEntry) {
        let operation = Operation::TABLE.by_name(&entry.action).map(|row| Operation(row.code));
        // What the server does by itself is no request.
        let Some(operation) = operation.filter(|_| !entry.fingerprint.is_empty()) else { return };
        // A use that left a change behind is in the chain of uses already.
        if entry.chain == "changes" && kind_of(operation) == Kind::Use {
            return;
        }
        let of = (entry.user, entry.fingerprint, operation, entry.object);
        *self.requests.entry(of).or_insert(0) += 1;
    }
}

/// The groups of a user by the newest certificate that is known and not revoked.
pub(crate) fn groups_of(state: &ServerState, user: &str) -> Option<Vec<String>> {
    state
        .certificates
        .values()
        .filter(|c| c.revoked.is_none())
        .filter_map(|c| c.info.as_ref())
        .filter(|(_, info)| info.user == user)
        .max_by_key(|(stamp, _)| *stamp)
        .map(|(_, info)| info.groups.clone())
}
