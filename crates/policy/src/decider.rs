//! Decisions that are remembered. A decision depends on nothing but the facts of the request and
//! the rules, so one that was made holds until the rules change.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use strongroom_kmip::ObjectType;
use strongroom_model::Role;

use crate::decision::Decision;
use crate::duty::duty;
use crate::facts::{Action, Request};
use crate::rules::{Rules, RulesError};

/// Enough that two threads seldom meet.
const SHARDS: usize = 16;

/// Most decisions that one shard remembers. When it is full it begins anew: whoever invents facts
/// (groups are in the certificate) can make decisions slow, and fills nothing.
const PER_SHARD: usize = 4096;

/// Decides by the rules in force, and remembers.
pub struct Decider {
    rules: RwLock<Arc<Rules>>,
    /// Counts changes of the rules. A decision is remembered under the number that stood when it
    /// was begun.
    version: AtomicU64,
    hasher: RandomState,
    shards: [Mutex<HashMap<u64, Known>>; SHARDS],
}

/// One decision, with all of the facts it rests on: two requests may share a hash.
struct Known {
    version: u64,
    user: Box<str>,
    groups: Box<[String]>,
    role: Option<Role>,
    action: Action,
    object: Option<KnownFacts>,
    decision: Decision,
}

struct KnownFacts {
    object_type: ObjectType,
    ties: (bool, bool, bool),
    key_groups: Box<[String]>,
}

impl Decider {
    /// Decides by the built-in rules, until others are given.
    ///
    /// # Errors
    /// [`RulesError::Builtin`]: a fault of this program.
    pub fn new() -> Result<Self, RulesError> {
        Ok(Self {
            rules: RwLock::new(Arc::new(Rules::builtin()?)),
            version: AtomicU64::new(0),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::new(HashMap::new())),
        })
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.read().clone()
    }

    /// Puts other rules in force, from the next decision on.
    pub fn replace(&self, rules: Rules) {
        let mut current = self.rules.write();
        *current = Arc::new(rules);
        self.version.fetch_add(1, Ordering::AcqRel);
        drop(current);
        for shard in &self.shards {
            shard.lock().clear();
        }
    }

    /// Decides. A decision with the same facts under the same rules is not made again.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        if let Some(decision) = duty(request) {
            return decision;
        }
        let hash = self.hash(request);
        let Some(shard) = self.shards.get(hash as usize % SHARDS) else {
            return self.rules().decide(request);
        };
        let version = self.version.load(Ordering::Acquire);
        if let Some(known) = shard.lock().get(&hash)
            && known.version == version
            && known.is_about(request)
        {
            return known.decision.clone();
        }
        let rules = self.rules.read();
        // Read again under the lock: these rules are those of this number.
        let version = self.version.load(Ordering::Acquire);
        let decision = rules.decide(request);
        drop(rules);
        let mut shard = shard.lock();
        if shard.len() >= PER_SHARD {
            shard.clear();
        }
        shard.insert(hash, Known::of(request, version, decision.clone()));
        decision
    }

    fn hash(&self, request: &Request<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        request.who.user.hash(&mut hasher);
        request.who.groups.hash(&mut hasher);
        request.who.role.hash(&mut hasher);
        request.action.hash(&mut hasher);
        if let Some(facts) = &request.object {
            facts.object_type.hash(&mut hasher);
            (facts.owned, facts.user_grant, facts.group_grant).hash(&mut hasher);
            facts.key_groups.hash(&mut hasher);
        }
        hasher.finish()
    }
}

impl Known {
    fn of(request: &Request<'_>, version: u64, decision: Decision) -> Self {
        Self {
            version,
            user: request.who.user.into(),
            groups: request.who.groups.into(),
            role: request.who.role,
            action: request.action,
            object: request.object.map(|facts| KnownFacts {
                object_type: facts.object_type,
                ties: (facts.owned, facts.user_grant, facts.group_grant),
                key_groups: facts.key_groups.into(),
            }),
            decision,
        }
    }

    fn is_about(&self, request: &Request<'_>) -> bool {
        let same_object = match (&self.object, &request.object) {
            (None, None) => true,
            (Some(mine), Some(facts)) => {
                mine.object_type == facts.object_type
                    && mine.ties == (facts.owned, facts.user_grant, facts.group_grant)
                    && *mine.key_groups == *facts.key_groups
            }
            _ => false,
        };
        same_object
            && *self.user == *request.who.user
            && *self.groups == *request.who.groups
            && self.role == request.who.role
            && self.action == request.action
    }
}
