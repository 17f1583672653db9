//! Rules: the built-in ones and those of the installation, in Cedar's language, checked against
//! the schema.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision as Verdict, Entities, Entity, EntityId,
    EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, RestrictedExpression, Schema,
    ValidationMode, Validator,
};
use miette::Diagnostic;
use strongroom_kmip::{ObjectType, Operation};
use strongroom_model::Role;

use crate::admin::AdminAction;
use crate::decision::Decision;
use crate::duty::duty;
use crate::facts::{Action, Facts, Request, Who};
use crate::operations::class_of;
use crate::rule;
use crate::schema::{self, ADMINISTRATION};
use crate::text;

/// Most rules of an installation's own. A decision costs about a microsecond for each.
pub const MAX_RULES: usize = 50;

/// Longest text of an installation's own rules, bytes.
pub const MAX_TEXT: usize = 64 << 10;

/// The stack of the thread that reads rules, bytes.
const STACK: usize = 16 << 20;

/// What stands before the id of a rule of the installation's own in decisions and records.
pub const OWN_PREFIX: &str = "policy:";

/// The built-in rules, in Cedar's language.
pub const BUILTIN: &str = include_str!("builtin.cedar");

/// In this order a decision by several built-in rules is named: the narrowest first.
const BUILTIN_IDS: [&str; 7] = [
    rule::OWNER,
    rule::USER_GRANT,
    rule::GROUP_GRANT,
    rule::ROLE,
    rule::CREATE,
    rule::BY_OBJECT,
    rule::ANYONE,
];

static SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| {
    Schema::from_cedarschema_str(&schema::schema())
        .map(|(schema, _)| schema)
        .map_err(|e| e.to_string())
});

/// Why a text cannot be the installation's rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// It is longer than [`MAX_TEXT`].
    #[error("the rules have {0} bytes; at most {MAX_TEXT} are taken")]
    TooLong(usize),
    /// There are more than [`MAX_RULES`].
    #[error("there are {0} rules; at most {MAX_RULES} are taken: use groups and key groups")]
    TooMany(usize),
    /// It is not Cedar.
    #[error("line {line}, column {column}: {what}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in characters.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// A rule has no `@id`, a wrong one, or one that is taken.
    #[error("rule {number}: {what}")]
    Id {
        /// Which rule, from 1, in the order of the text.
        number: usize,
        /// What is wrong with its id.
        what: String,
    },
    /// A rule speaks of something that there is not.
    #[error("rule {id}: {what}")]
    Invalid {
        /// Its id.
        id: String,
        /// What is wrong.
        what: String,
    },
    /// A rule fails when it is asked.
    #[error("a rule cannot be evaluated for the action {0}: make it simpler")]
    Unevaluable(&'static str),
    /// The built-in rules or the schema cannot be read: a fault of this program.
    #[error("the built-in rules cannot be used: {0}")]
    Builtin(String),
}

/// A set of rules that can decide.
#[derive(Clone, Debug)]
pub struct Rules {
    /// For each action the rules whose scope lets them hold for it: the others need not be asked.
    by_action: HashMap<&'static str, PolicySet>,
    names: HashMap<PolicyId, Name>,
    own: Vec<String>,
    text: String,
    authorizer: Arc<Authorizer>,
}

#[derive(Clone, Debug)]
enum Name {
    Builtin(usize),
    Own(Arc<str>),
}

/// A decision with what led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// Whether a duty decided, which no rule can lift.
    pub by_duty: bool,
    /// Every rule that held and so decided, narrowest first.
    pub rules: Vec<String>,
    /// The facts that were looked at, as name and value.
    pub facts: Vec<(&'static str, String)>,
}

impl Rules {
    /// The built-in rules alone.
    ///
    /// # Errors
    /// [`RulesError::Builtin`]: a fault of this program, which a test rules out.
    pub fn builtin() -> Result<Self, RulesError> {
        Self::with("")
    }

    /// The built-in rules and these. Every one of these needs an `@id` of its own.
    ///
    /// # Errors
    /// [`RulesError`] when the text is not Cedar, does not fit the schema, or asks too much.
    pub fn with(own: &str) -> Result<Self, RulesError> {
        if own.len() > MAX_TEXT {
            return Err(RulesError::TooLong(own.len()));
        }
        text::check(own)?;
        // Reading is recursive. The limits keep it shallow; a stack of its own is for what they
        // did not think of.
        let own = own.to_owned();
        std::thread::Builder::new()
            .name("strongroom-rules".to_owned())
            .stack_size(STACK)
            .spawn(move || Self::read(&own))
            .map_err(|e| RulesError::Builtin(e.to_string()))?
            .join()
            .unwrap_or_else(|_| Err(RulesError::Builtin("reading them failed".to_owned())))
    }

    fn read(own: &str) -> Result<Self, RulesError> {
        let broken = |e: &dyn std::fmt::Display| RulesError::Builtin(e.to_string());
        let schema = SCHEMA.as_ref().map_err(|e| RulesError::Builtin(e.clone()))?;
        let mut set = PolicySet::new();
        let mut names = HashMap::new();
        for policy in PolicySet::from_str(BUILTIN).map_err(|e| broken(&e))?.policies() {
            let id = policy.annotation("id").unwrap_or_default();
            let place = BUILTIN_IDS
                .iter()
                .position(|known| *known == id)
                .ok_or_else(|| broken(&format!("{id:?} is not in the list")))?;
            let policy = policy.new_id(PolicyId::new(id));
            names.insert(policy.id().clone(), Name::Builtin(place));
            set.add(policy).map_err(|e| broken(&e))?;
        }
        let mut ids = Vec::new();
        for policy in read(own)? {
            let id = policy.id().to_string();
            names.insert(policy.id().clone(), Name::Own(format!("{OWN_PREFIX}{id}").into()));
            ids.push(id.clone());
            set.add(policy).map_err(|e| RulesError::Invalid { id, what: e.to_string() })?;
        }
        let found = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        if let Some(error) = found.validation_errors().next() {
            let id = error.policy_id().to_string();
            let mut what = error.to_string();
            if let Some(help) = error.help() {
                what = format!("{what} ({help})");
            }
            return Err(RulesError::Invalid { id, what });
        }
        // A rule that can never hold, or whose letters only look like others, is a mistake or
        // worse.
        if let Some(warning) = found.validation_warnings().next() {
            let id = warning.policy_id().to_string();
            return Err(RulesError::Invalid { id, what: warning.to_string() });
        }
        let rules = Self {
            by_action: by_action(&set)?,
            names,
            own: ids,
            text: own.to_owned(),
            authorizer: Arc::new(Authorizer::new()),
        };
        rules.try_out()?;
        Ok(rules)
    }

    /// Decides one request of each kind: a rule that cannot be evaluated is found now, not by
    /// those whom it would lock out.
    fn try_out(&self) -> Result<(), RulesError> {
        let groups = ["a group".to_owned()];
        let key_groups = ["a key group".to_owned()];
        let kmip = Operation::TABLE.values.iter().map(|row| Action::Kmip(Operation(row.code)));
        let admin = AdminAction::ALL.iter().map(|action| Action::Admin(*action));
        let facts = Facts {
            object_type: ObjectType::SYMMETRIC_KEY,
            owned: true,
            user_grant: true,
            group_grant: true,
            key_groups: &key_groups,
        };
        for action in kmip.chain(admin) {
            for role in [None, Some(Role::CryptoOfficer)] {
                for object in [None, Some(facts)] {
                    let who = Who { user: "somebody", groups: &groups, role, conflicting: false };
                    let request = Request { who, action, object };
                    if self.decide(&request).rule() == rule::POLICY_ERROR {
                        return Err(RulesError::Unevaluable(action.name()));
                    }
                }
            }
        }
        Ok(())
    }

    /// The text of the installation's own rules.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The ids of the installation's own rules, in the order of the text.
    pub fn own(&self) -> &[String] {
        &self.own
    }

    /// Decides a request: duties first, then the rules.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        duty(request).unwrap_or_else(|| self.by_rules(request).0)
    }

    /// Decides, and tells why.
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        let facts = facts_in_words(request);
        match duty(request) {
            Some(decision) => {
                let rules = vec![decision.rule().to_owned()];
                Explanation { decision, by_duty: true, rules, facts }
            }
            None => {
                let (decision, rules) = self.by_rules(request);
                Explanation { decision, by_duty: false, rules, facts }
            }
        }
    }

    /// The decision of the rules, and every rule that held.
    fn by_rules(&self, request: &Request<'_>) -> (Decision, Vec<String>) {
        let Some((question, entities)) = question(request) else {
            return (Decision::deny(rule::POLICY_ERROR), Vec::new());
        };
        let Some(set) = self.by_action.get(request.action.name()) else {
            return (Decision::deny(rule::DEFAULT_DENY), Vec::new());
        };
        let answer = self.authorizer.is_authorized(&question, set, &entities);
        // A rule that cannot be evaluated is left out by Cedar. Were it one that forbids, leaving
        // it out would open a door.
        if answer.diagnostics().errors().next().is_some() {
            // But what failed must be mended by somebody: for that the built-in rules are enough.
            let mends = [AdminAction::ReadPolicy, AdminAction::ChangePolicy];
            if mends.iter().any(|mend| request.action == Action::Admin(*mend)) {
                return (Decision::allow(rule::ROLE), vec![rule::ROLE.to_owned()]);
            }
            return (Decision::deny(rule::POLICY_ERROR), Vec::new());
        }
        let allowed = answer.decision() == Verdict::Allow;
        let mut held: Vec<&Name> =
            answer.diagnostics().reason().filter_map(|id| self.names.get(id)).collect();
        held.sort_by(|a, b| match (a, b) {
            (Name::Builtin(a), Name::Builtin(b)) => a.cmp(b),
            (Name::Own(a), Name::Own(b)) => a.cmp(b),
            (Name::Builtin(_), Name::Own(_)) => std::cmp::Ordering::Less,
            (Name::Own(_), Name::Builtin(_)) => std::cmp::Ordering::Greater,
        });
        let decision = match held.first() {
            Some(Name::Builtin(place)) => {
                let name = BUILTIN_IDS.get(*place).copied().unwrap_or(rule::DEFAULT_DENY);
                if allowed { Decision::allow(name) } else { Decision::deny(name) }
            }
            Some(Name::Own(name)) => Decision::by_own(allowed, name.clone()),
            None => Decision::deny(rule::DEFAULT_DENY),
        };
        let rules = held
            .iter()
            .map(|name| match name {
                Name::Builtin(place) => {
                    BUILTIN_IDS.get(*place).copied().unwrap_or_default().to_owned()
                }
                Name::Own(name) => name.to_string(),
            })
            .collect();
        (decision, rules)
    }
}

/// The rules whose scope lets them hold, for each action there is.
fn by_action(all: &PolicySet) -> Result<HashMap<&'static str, PolicySet>, RulesError> {
    let broken = |e: &dyn std::fmt::Display| RulesError::Builtin(e.to_string());
    let types = TYPES.as_ref().ok_or_else(|| broken(&"the types"))?;
    let kmip = Operation::TABLE
        .values
        .iter()
        .filter_map(|row| Some((row.name, schema::group_of(class_of(Operation(row.code)))?)));
    let admin = AdminAction::ALL.iter().map(|action| (action.name(), ADMINISTRATION));
    let mut sets = HashMap::new();
    for (name, group) in kmip.chain(admin) {
        let meant = [uid(&types.action, name), uid(&types.action, group)];
        let holds = |policy: &&Policy| match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(action) => action == meant[0],
            ActionConstraint::In(actions) => actions.iter().any(|a| meant.contains(a)),
        };
        let set = PolicySet::from_policies(all.policies().filter(holds).cloned());
        sets.insert(name, set.map_err(|e| broken(&e))?);
    }
    Ok(sets)
}

/// The installation's own rules, each under its id.
fn read(text: &str) -> Result<Vec<Policy>, RulesError> {
    let set = PolicySet::from_str(text).map_err(|e| syntax(text, &e))?;
    if let Some(template) = set.templates().next() {
        return Err(RulesError::Invalid {
            id: template.annotation("id").unwrap_or_default().to_owned(),
            what: "templates are not taken: write the rule out".to_owned(),
        });
    }
    let mut policies: Vec<&Policy> = set.policies().collect();
    if policies.len() > MAX_RULES {
        return Err(RulesError::TooMany(policies.len()));
    }
    // Cedar numbers them in the order of the text.
    policies.sort_by_key(|p| {
        let id = p.id().to_string();
        id.trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX)
    });
    let mut taken = HashSet::new();
    let mut read = Vec::new();
    for (at, policy) in policies.into_iter().enumerate() {
        let wrong = |what: String| RulesError::Id { number: at + 1, what };
        let id = policy.annotation("id").unwrap_or_default();
        if id.is_empty() {
            return Err(wrong("it has no id: write @id(\"a-name\") before it".to_owned()));
        }
        let sound = id.len() <= 64
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !sound {
            return Err(wrong(format!(
                "the id {id:?} must be at most 64 lower-case letters, digits and hyphens"
            )));
        }
        if rule::ALL.iter().any(|(name, _, _)| *name == id) {
            return Err(wrong(format!("the id {id} is that of a built-in rule")));
        }
        if !taken.insert(id.to_owned()) {
            return Err(wrong(format!("the id {id} stands on another rule already")));
        }
        read.push(policy.new_id(PolicyId::new(id)));
    }
    Ok(read)
}

fn syntax(text: &str, error: &cedar_policy::ParseErrors) -> RulesError {
    let first = error.iter().next();
    let offset = first
        .and_then(|e| e.labels().and_then(|mut labels| labels.next()))
        .map_or(0, |label| label.offset());
    let before = text.get(..offset.min(text.len())).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let what = first.map_or_else(|| error.to_string(), ToString::to_string);
    RulesError::Syntax { line, column, what }
}

static TYPES: LazyLock<Option<Types>> = LazyLock::new(|| {
    let name = |text: &str| EntityTypeName::from_str(text).ok();
    Some(Types {
        user: name("User")?,
        group: name("Group")?,
        key: name("Key")?,
        key_group: name("KeyGroup")?,
        server: name("Server")?,
        action: name("Action")?,
    })
});

struct Types {
    user: EntityTypeName,
    group: EntityTypeName,
    key: EntityTypeName,
    key_group: EntityTypeName,
    server: EntityTypeName,
    action: EntityTypeName,
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// The request as Cedar asks it: only the entities that this one needs.
fn question(request: &Request<'_>) -> Option<(cedar_policy::Request, Entities)> {
    let types = TYPES.as_ref()?;
    let who = &request.who;
    let user = uid(&types.user, who.user);
    let action = uid(&types.action, request.action.name());
    let group = match request.action {
        Action::Kmip(operation) => schema::group_of(class_of(operation))?,
        Action::Admin(_) => ADMINISTRATION,
    };
    let parent = uid(&types.action, group);
    let groups: HashSet<EntityUid> = who.groups.iter().map(|g| uid(&types.group, g)).collect();
    let role = RestrictedExpression::new_string(role_name(request).to_owned());
    // Groups have nothing but their names, so they need not be there to be belonged to.
    let mut entities = vec![
        Entity::new(user.clone(), HashMap::from([("role".to_owned(), role)]), groups).ok()?,
        Entity::new_no_attrs(action.clone(), HashSet::from([parent])),
    ];
    let resource = match &request.object {
        None => uid(&types.server, "strongroom"),
        Some(facts) => {
            let key = uid(&types.key, "the object");
            let groups: HashSet<EntityUid> =
                facts.key_groups.iter().map(|g| uid(&types.key_group, g)).collect();
            entities.push(Entity::new(key.clone(), key_attributes(facts)?, groups).ok()?);
            key
        }
    };
    let question =
        cedar_policy::Request::new(user, action, resource, Context::empty(), None).ok()?;
    Some((question, Entities::from_entities(entities, None).ok()?))
}

fn key_attributes(facts: &Facts<'_>) -> Option<HashMap<String, RestrictedExpression>> {
    let granted = RestrictedExpression::new_record([
        ("user".to_owned(), RestrictedExpression::new_bool(facts.user_grant)),
        ("group".to_owned(), RestrictedExpression::new_bool(facts.group_grant)),
    ])
    .ok()?;
    let kind = type_name(facts.object_type).to_owned();
    Some(HashMap::from([
        ("objectType".to_owned(), RestrictedExpression::new_string(kind)),
        ("owned".to_owned(), RestrictedExpression::new_bool(facts.owned)),
        ("granted".to_owned(), granted),
    ]))
}

fn role_name(request: &Request<'_>) -> &'static str {
    request.who.role.map_or("none", |role| role.name())
}

fn type_name(object_type: ObjectType) -> &'static str {
    object_type.name()
}

fn facts_in_words(request: &Request<'_>) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("user", request.who.user.to_owned()),
        ("groups", request.who.groups.join(", ")),
        ("role", role_name(request).to_owned()),
        ("action", request.action.name().to_owned()),
    ];
    if let Some(object) = &request.object {
        let yes = |fact: bool| if fact { "yes" } else { "no" }.to_owned();
        facts.push(("object type", type_name(object.object_type).to_owned()));
        facts.push(("key groups", object.key_groups.join(", ")));
        facts.push(("owned by the user", yes(object.owned)));
        facts.push(("granted to the user", yes(object.user_grant)));
        facts.push(("granted to a group of the user", yes(object.group_grant)));
    }
    facts
}
