//! Rules, grants, key groups and roles as the admin API has them.

use strongroom_engine::{Grant, GrantOn, Question, Subject};
use strongroom_kmip::Operation;
use strongroom_model::Role;
use strongroom_policy::{Action, AdminAction, rule};

use super::Caller;
use super::engine::EngineManager;
use crate::admin::types::{
    Changed, Fact, GrantChange, GrantRow, GrantTarget, KeyGroupRow, PolicyAnswer, PolicyDiff,
    PolicyDifference, PolicyQuestion, PolicyView, RoleRow,
};
use crate::errors::{self, Fault};
use crate::kmip_listener::now;
use crate::pki::hex;

/// What the admin API needs of a key manager about who may do what.
pub trait Access {
    /// The rules in force.
    fn policy(&self) -> Result<PolicyView, Fault>;
    /// Replaces the installation's own rules, if they are those with this ETag.
    fn policy_set(&self, caller: &Caller, text: &str, etag: &str) -> Result<PolicyView, Fault>;
    /// What would be decided, and why.
    fn policy_test(&self, question: &PolicyQuestion) -> Result<PolicyAnswer, Fault>;
    /// What other rules would have decided otherwise.
    fn policy_diff(&self, caller: &Caller, text: &str, hours: u32) -> Result<PolicyDiff, Fault>;
    /// The grants that hold on it, and on a key those through its key groups too.
    fn grants(&self, target: &GrantTarget) -> Result<Vec<GrantRow>, Fault>;
    /// Gives or withdraws grants.
    fn grant(&self, caller: &Caller, change: &GrantChange, give: bool) -> Result<Changed, Fault>;
    /// Every key group.
    fn key_groups(&self) -> Result<Vec<KeyGroupRow>, Fault>;
    /// Puts a key into a key group or takes it out.
    fn key_group(
        &self,
        caller: &Caller,
        group: &str,
        id: &str,
        member: bool,
    ) -> Result<Changed, Fault>;
    /// Every user with a role.
    fn roles(&self) -> Result<Vec<RoleRow>, Fault>;
    /// Gives a user a role, or takes the one that is held.
    fn role_set(&self, caller: &Caller, user: &str, role: Option<&str>) -> Result<Changed, Fault>;
}

impl Access for EngineManager {
    fn policy(&self) -> Result<PolicyView, Fault> {
        let rules = self.engine.rules();
        Ok(view(rules.text(), rules.own()))
    }

    fn policy_set(&self, caller: &Caller, text: &str, etag: &str) -> Result<PolicyView, Fault> {
        let still = |current: &str| view(current, &[]).etag == etag;
        match self.engine.replace_rules(caller, text, still)? {
            true => self.policy(),
            false => Err(errors::PRECONDITION_FAILED.into()),
        }
    }

    fn policy_test(&self, question: &PolicyQuestion) -> Result<PolicyAnswer, Fault> {
        let action = match AdminAction::ALL.iter().find(|a| a.name() == question.operation) {
            Some(action) => Action::Admin(*action),
            None => Action::Kmip(operation(&question.operation)?),
        };
        let asked = Question {
            user: question.user.clone(),
            groups: question.groups.clone(),
            action,
            object: question.key.clone(),
        };
        let told = self.engine.explain(&asked)?;
        let approvals = match told.decision.allowed {
            true => self.engine.approvals_needed(&asked)?,
            false => Vec::new(),
        };
        let decided = told.decision.rule().to_owned();
        let meaning = match rule::ALL.iter().find(|(name, _, _)| *name == decided) {
            Some((_, _, meaning)) => (*meaning).to_owned(),
            None => format!(
                "A rule of this installation {} it.",
                if told.decision.allowed { "permits" } else { "forbids" }
            ),
        };
        Ok(PolicyAnswer {
            allowed: told.decision.allowed,
            rule: decided,
            meaning,
            by_duty: told.by_duty,
            rules: told.rules,
            approvals,
            facts: told
                .facts
                .into_iter()
                .map(|(name, value)| Fact { name: name.to_owned(), value })
                .collect(),
        })
    }

    fn policy_diff(&self, caller: &Caller, text: &str, hours: u32) -> Result<PolicyDiff, Fault> {
        let since_ms = now().saturating_sub(i64::from(hours) * 3600).saturating_mul(1000);
        let diff = self.engine.compare_rules(caller, text, since_ms)?;
        let differences = diff.differences.into_iter().map(|d| PolicyDifference {
            user: d.user,
            operation: d.operation.name().to_owned(),
            key: d.object,
            requests: d.requests,
            allowed_now: d.now.0,
            rule_now: d.now.1,
            allowed_then: d.then.0,
            rule_then: d.then.1,
        });
        Ok(PolicyDiff {
            requests: diff.requests,
            left_out: diff.left_out,
            differences: differences.collect(),
            cut: diff.cut,
        })
    }

    fn grants(&self, target: &GrantTarget) -> Result<Vec<GrantRow>, Fault> {
        let on = on(target.key.as_deref(), target.key_group.as_deref())?;
        let mut rows: Vec<GrantRow> = self.engine.grants(&on)?.into_iter().map(row).collect();
        if let GrantOn::Object(id) = &on {
            let through = self.engine.grants_through_groups(id)?.into_iter();
            rows.extend(
                through.map(|(group, grant)| GrantRow { key_group: Some(group), ..row(grant) }),
            );
        }
        Ok(rows)
    }

    fn grant(&self, caller: &Caller, change: &GrantChange, give: bool) -> Result<Changed, Fault> {
        let on = on(change.key.as_deref(), change.key_group.as_deref())?;
        let subject = match (&change.user, &change.group) {
            (Some(user), None) => Subject::User(user.clone()),
            (None, Some(group)) => Subject::Group(group.clone()),
            _ => {
                return Err(Fault::bad_request(
                    "A grant is to a user or to a group, to one of them.",
                ));
            }
        };
        if change.operations.is_empty() {
            return Err(Fault::bad_request("A grant names the operations that it allows."));
        }
        let operations =
            change.operations.iter().map(|o| operation(o)).collect::<Result<Vec<_>, _>>()?;
        match &on {
            GrantOn::Object(id) => self.engine.authorise_on(caller, AdminAction::ManageKeys, id)?,
            GrantOn::KeyGroup(group) => {
                self.engine.authorise_on_group(caller, AdminAction::ManageKeys, group)?;
            }
        }
        let held = self.engine.grants(&on)?;
        let changed = operations.iter().any(|operation| {
            held.contains(&Grant { subject: subject.clone(), operation: *operation }) != give
        });
        match give {
            true => self.engine.grant(caller, &on, &subject, &operations)?,
            false => self.engine.withdraw_grant(caller, &on, &subject, &operations)?,
        }
        Ok(Changed { changed })
    }

    fn key_groups(&self) -> Result<Vec<KeyGroupRow>, Fault> {
        let groups = self.engine.key_groups()?.into_iter().map(|group| KeyGroupRow {
            name: group.name,
            keys: group.objects,
            grants: group.grants.into_iter().map(row).collect(),
        });
        Ok(groups.collect())
    }

    fn key_group(
        &self,
        caller: &Caller,
        group: &str,
        id: &str,
        member: bool,
    ) -> Result<Changed, Fault> {
        self.engine.authorise_on(caller, AdminAction::ManageKeys, id)?;
        self.engine.authorise_on_group(caller, AdminAction::ManageKeys, group)?;
        Ok(Changed { changed: self.engine.set_key_group(caller, id, group, member)? })
    }

    fn roles(&self) -> Result<Vec<RoleRow>, Fault> {
        let roles = self.engine.roles().into_iter();
        Ok(roles.map(|(user, role)| RoleRow { user, role: role.name().to_owned() }).collect())
    }

    fn role_set(&self, caller: &Caller, user: &str, role: Option<&str>) -> Result<Changed, Fault> {
        let Some(word) = role else {
            return Ok(Changed { changed: self.engine.revoke_roles(caller, user)? });
        };
        let role = Role::from_name(word).ok_or_else(|| {
            let names: Vec<_> = Role::ALL.iter().map(|r| r.name()).collect();
            Fault::bad_request(format!("A role is one of {}.", names.join(", ")))
        })?;
        crate::identity::check_user(user)?;
        Ok(Changed { changed: self.engine.grant_role(caller, user, role)? })
    }
}

fn view(text: &str, rules: &[String]) -> PolicyView {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let mut etag = hex(digest.as_ref());
    etag.truncate(32);
    PolicyView {
        text: text.to_owned(),
        rules: rules.to_vec(),
        etag,
        builtin: strongroom_policy::BUILTIN.to_owned(),
        schema: strongroom_policy::schema(),
    }
}

fn on(key: Option<&str>, key_group: Option<&str>) -> Result<GrantOn, Fault> {
    match (key, key_group) {
        (Some(id), None) => Ok(GrantOn::Object(id.to_owned())),
        (None, Some(group)) => Ok(GrantOn::KeyGroup(group.to_owned())),
        _ => Err(Fault::bad_request("A grant is on a key or on a key group, on one of them.")),
    }
}

fn row(grant: Grant) -> GrantRow {
    let (user, group) = match grant.subject {
        Subject::User(name) => (Some(name), None),
        Subject::Group(name) => (None, Some(name)),
    };
    GrantRow { user, group, operation: grant.operation.name().to_owned(), key_group: None }
}

/// A KMIP operation by its name; people write `get-attributes` or `Get Attributes`.
fn operation(word: &str) -> Result<Operation, Fault> {
    let plain = |text: &str| {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|c| c.to_ascii_lowercase()).collect::<String>()
    };
    let wanted = plain(word);
    let found = Operation::TABLE.values.iter().find(|row| plain(row.name) == wanted);
    found.map(|row| Operation(row.code)).ok_or_else(|| {
        Fault::bad_request(format!(
            "`{word}` is no KMIP operation; they are spelled as in the specification, such as Get \
             or Encrypt."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_known_however_people_write_them() {
        for word in ["Get Attributes", "get-attributes", "GetAttributes", "GET ATTRIBUTES"] {
            assert_eq!(operation(word).unwrap(), Operation::GET_ATTRIBUTES);
        }
        assert!(operation("fetch").unwrap_err().detail.contains("fetch"));
    }
}
