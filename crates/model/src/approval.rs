//! Approvals: what asks for more than one person, and the requests that wait for them.
//!
//! An *approval rule* says that some actions wait until so many others have agreed. A rule is a
//! restriction, so at two sites that do not hear of each other adding wins: a definition holds
//! until somebody who had seen it replaces or waives it, and should two definitions of one name
//! meet, both hold.
//!
//! A *request* is opened once, at one site, and carried out there and nowhere else, so that no
//! merge can carry it out twice. Approvals come from anywhere; of each user the first stands. What
//! ended a request never leaves it again: executed before rejected before withdrawn before expired.
//! That its time is over follows from the time alone; the record of it is for those who read, and
//! for taking it out of the list ([`Approvals`](crate::Approvals)).

use std::collections::BTreeMap;

use crate::contest::Seen;
use crate::server::Role;
use crate::stamp::Stamp;

/// Who may approve.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Approvers {
    /// Whoever holds this role.
    Role(Role),
    /// Whoever's certificate names this group (OU).
    Group(String),
}

impl Approvers {
    /// The word used in commands and records: `role:officer`, `group:security`.
    pub fn spelled(&self) -> String {
        match self {
            Self::Role(role) => format!("role:{}", role.name()),
            Self::Group(name) => format!("group:{name}"),
        }
    }

    /// The approvers that are spelled like that.
    pub fn read(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("role", name) => Role::from_name(name).map(Self::Role),
            ("group", name) if !name.is_empty() => Some(Self::Group(name.to_owned())),
            _ => None,
        }
    }
}

/// A rule: these actions wait for so many approvals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApprovalRule {
    /// Its name, by which it is replaced and waived.
    pub name: String,
    /// The actions, as the policy names them: `Destroy`, `change-policy`. In order, none twice.
    pub actions: Vec<String>,
    /// Only for keys of this key group; for all, and for what is about no key, if there is none.
    pub key_group: Option<String>,
    /// How many must approve. Who asked is not one of them.
    pub approvers: u32,
    /// Who may.
    pub from: Approvers,
    /// How long a request stays open, seconds.
    pub open_for: u32,
}

/// What is known of the rules of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleVersions {
    versions: BTreeMap<Stamp, ApprovalRule>,
    gone: Seen,
}

impl RuleVersions {
    /// The definitions that hold: one, or several that did not know of each other, or none.
    pub fn holding(&self) -> impl Iterator<Item = &ApprovalRule> {
        self.versions.values()
    }

    /// What whoever replaces or waives the rule has seen.
    pub fn seen(&self) -> Seen {
        let mut seen = self.gone.clone();
        for stamp in self.versions.keys() {
            seen.note(stamp.site, stamp.hlc);
        }
        seen
    }

    pub(crate) fn require(&mut self, stamp: Stamp, rule: &ApprovalRule, seen: &Seen) {
        self.waive(seen);
        // Equal stamps do not occur; were there any, every site must choose alike.
        let mine = self.versions.entry(stamp).or_insert_with(|| rule.clone());
        if rule > mine {
            *mine = rule.clone();
        }
        self.prune();
    }

    pub(crate) fn waive(&mut self, seen: &Seen) {
        for (site, hlc) in &seen.0 {
            self.gone.note(*site, *hlc);
        }
        self.prune();
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (stamp, rule) in &other.versions {
            self.require(*stamp, rule, &Seen::default());
        }
        self.waive(&other.gone);
    }

    pub(crate) fn parts(&self) -> (&BTreeMap<Stamp, ApprovalRule>, &Seen) {
        (&self.versions, &self.gone)
    }

    fn prune(&mut self) {
        let gone = &self.gone.0;
        self.versions.retain(|stamp, _| gone.get(&stamp.site).is_none_or(|hlc| *hlc < stamp.hlc));
    }
}

/// A request that somebody opens.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewApproval {
    /// Its identifier, short enough to be typed.
    pub id: String,
    /// The user who asks, and alone may have it carried out.
    pub user: String,
    /// SHA-256 of the certificate that asked, hexadecimal.
    pub fingerprint: String,
    /// The actions, as the policy names them: that of the request, and what it brings with it.
    pub actions: Vec<String>,
    /// The object, if it is about one.
    pub object: Option<String>,
    /// The key groups that the object is in, or that the request is about.
    pub key_groups: Vec<String>,
    /// The digest of the canonical request. This is what approvals are given to.
    pub digest: Vec<u8>,
    /// What is asked for, for people: name and value. Nothing secret.
    pub plan: Vec<(String, String)>,
    /// Until when it can be approved and carried out, POSIX seconds.
    pub expires: i64,
}

/// An approval that was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Given {
    /// When and where.
    pub stamp: Stamp,
    /// SHA-256 of the approver's certificate, hexadecimal.
    pub fingerprint: String,
    /// The groups that it names.
    pub groups: Vec<String>,
    /// Who signed it: the issuer's name, DER. By that and the serial number an authority's list
    /// names it. Empty in records of earlier builds.
    pub issuer: Vec<u8>,
    /// Its serial number, hexadecimal.
    pub serial: String,
    /// The digest that was approved.
    pub digest: Vec<u8>,
}

/// What ends a request. The greater wins, should several meet: what was done was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Ending {
    /// Nobody ended it in its time.
    Expired = 0,
    /// Who asked took it back.
    Withdrawn = 1,
    /// Somebody who might have approved said no.
    Rejected = 2,
    /// It was carried out, or an attempt at it was made.
    Executed = 3,
}

impl Ending {
    /// Every ending.
    pub const ALL: [Self; 4] = [Self::Expired, Self::Withdrawn, Self::Rejected, Self::Executed];

    /// The ending with this code.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|e| *e as i32 == code)
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Rejected => "rejected",
            Self::Executed => "executed",
        }
    }
}

/// Who ended a request, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndedBy {
    /// When and where.
    pub stamp: Stamp,
    /// The user.
    pub user: String,
    /// Why, in words; empty if nothing was said.
    pub reason: String,
}

/// What is known of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalRequest {
    /// What was asked, and when; none while only an answer to it has arrived.
    pub opened: Option<(Stamp, NewApproval)>,
    /// The first approval of each user.
    pub given: BTreeMap<String, Given>,
    /// What ended it.
    pub ends: BTreeMap<Ending, EndedBy>,
}

impl ApprovalRequest {
    /// What ended it, if anything did.
    pub fn ended(&self) -> Option<(Ending, &EndedBy)> {
        self.ends.last_key_value().map(|(ending, by)| (*ending, by))
    }

    /// Whether it waits at this time, POSIX seconds: it was asked, nothing ended it, and it did
    /// not expire.
    pub fn is_open(&self, now: i64) -> bool {
        self.ends.is_empty() && self.opened.as_ref().is_some_and(|(_, new)| now < new.expires)
    }

    /// Whether this site may carry it out at this time, POSIX seconds: the site that opened it, as
    /// long as it is open. No other does, so that no two can.
    pub fn is_executable_at(&self, site: u32, now: i64) -> bool {
        self.is_open(now) && self.opened.as_ref().is_some_and(|(stamp, _)| stamp.site == site)
    }

    pub(crate) fn open(&mut self, stamp: Stamp, new: &NewApproval) {
        let theirs = (stamp, new.clone());
        if self.opened.as_ref().is_none_or(|mine| theirs < *mine) {
            self.opened = Some(theirs);
        }
    }

    pub(crate) fn give(&mut self, user: &str, given: Given) {
        match self.given.get_mut(user) {
            Some(mine) if *mine <= given => {}
            Some(mine) => *mine = given,
            None => {
                self.given.insert(user.to_owned(), given);
            }
        }
    }

    pub(crate) fn end(&mut self, ending: Ending, by: EndedBy) {
        match self.ends.get_mut(&ending) {
            Some(mine) if *mine <= by => {}
            Some(mine) => *mine = by,
            None => {
                self.ends.insert(ending, by);
            }
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        if let Some((stamp, new)) = &other.opened {
            self.open(*stamp, new);
        }
        for (user, given) in &other.given {
            self.give(user, given.clone());
        }
        for (ending, by) in &other.ends {
            self.end(*ending, by.clone());
        }
    }
}
