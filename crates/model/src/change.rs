//! Changes: what the journal records and the state is folded from.

use strongroom_kmip::{Node, ObjectType, Value};

use crate::approval::{ApprovalRule, EndedBy, Ending, Given, NewApproval};
use crate::approvals::Gone;
use crate::contest::Seen;
use crate::lifecycle::Lifecycle;
use crate::object::{
    AttributeKey, Creation, KeyBlock, ManagedObject, ObjectId, Register, SealedMaterial,
};
use crate::server::{CertificateInfo, Role, ServerState};
use crate::stamp::Stamp;

/// Who caused a change, and by what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// User name of the certificate, or `"server"` for what the server does by itself.
    pub user: String,
    /// SHA-256 of the certificate, hexadecimal; empty for the server itself.
    pub fingerprint: String,
    /// The peer's address; empty for the server itself.
    pub address: String,
    /// The operation, as KMIP or the admin interface names it.
    pub operation: String,
    /// The rule that allowed it.
    pub rule: String,
}

/// A change with its stamp and its origin: one journal record's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When and where.
    pub stamp: Stamp,
    /// Who and by what.
    pub origin: Origin,
    /// What.
    pub change: Change,
}

/// A new object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewObject {
    /// Its identity.
    pub id: ObjectId,
    /// The kind of object.
    pub object_type: ObjectType,
    /// The user that owns it.
    pub owner: String,
    /// See [`Creation::fields`].
    pub fields: Vec<Node>,
    /// See [`Creation::block`].
    pub block: Option<KeyBlock>,
    /// Its attributes.
    pub attributes: Vec<(AttributeKey, Value)>,
    /// Its place in the life cycle.
    pub lifecycle: Lifecycle,
    /// Its sealed material.
    pub material: Option<SealedMaterial>,
}

/// A durable counter of an object. Blocks are reserved before they are used, so that a crash may
/// lose allowance but never grants it twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Counter {
    /// Encryptions with a random IV under a GCM key (limit 2^32, NIST SP 800-38D section 8.3).
    RandomIv = 1,
    /// Usage Limits, in the unit of the attribute.
    Usage = 2,
}

impl Counter {
    /// The counter with this code.
    pub fn from_code(code: i32) -> Option<Self> {
        match code {
            1 => Some(Self::RandomIv),
            2 => Some(Self::Usage),
            _ => None,
        }
    }
}

/// A last-writer-wins entry of the server's own: sealed secrets, wrapped epochs, configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What family: `"secret"`, `"epoch"`, `"config"` ...
    pub namespace: String,
    /// Which one.
    pub key: String,
    /// Its bytes (secrets are sealed), or its deletion.
    pub value: Option<Vec<u8>>,
}

/// One change. The numbers of [`ChangeKind`] are stored and never reused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An object is made.
    Created(Box<NewObject>),
    /// An object changes: attributes, life cycle, or both.
    Changed {
        /// The kind: attributes, activation, revocation, destruction ...
        kind: ChangeKind,
        /// The object.
        id: ObjectId,
        /// Its new place in the life cycle.
        lifecycle: Option<Lifecycle>,
        /// Whether it becomes compromised.
        compromised: bool,
        /// Attribute instances set, or deleted where there is no value.
        sets: Vec<(AttributeKey, Option<Value>)>,
    },
    /// Material is sealed anew under another epoch.
    Rewrapped {
        /// The object.
        id: ObjectId,
        /// The new seal.
        material: SealedMaterial,
    },
    /// A block of a counter is reserved.
    Reserved {
        /// The object.
        id: ObjectId,
        /// Which counter.
        counter: Counter,
        /// The new upper end of this site's reservation.
        upto: u64,
    },
    /// A user or group may use an object.
    Granted {
        /// The object.
        id: ObjectId,
        /// The user or group, as the policy spells subjects.
        subject: String,
        /// The operation's code.
        operation: u32,
        /// The revocations that the author had seen.
        seen: Seen,
    },
    /// A grant is withdrawn.
    GrantRevoked {
        /// The object.
        id: ObjectId,
        /// The user or group.
        subject: String,
        /// The operation's code.
        operation: u32,
    },
    /// A user or group may use every object of a key group.
    GroupGranted {
        /// The key group.
        key_group: String,
        /// The user or group, as the policy spells subjects.
        subject: String,
        /// The operation's code.
        operation: u32,
        /// The revocations that the author had seen.
        seen: Seen,
    },
    /// A grant on a key group is withdrawn.
    GroupGrantRevoked {
        /// The key group.
        key_group: String,
        /// The user or group.
        subject: String,
        /// The operation's code.
        operation: u32,
    },
    /// A user gets a role.
    RoleGranted {
        /// The user.
        user: String,
        /// The role.
        role: Role,
        /// The revocations that the author had seen.
        seen: Seen,
    },
    /// A user loses a role.
    RoleRevoked {
        /// The user.
        user: String,
        /// The role.
        role: Role,
    },
    /// A certificate is issued or becomes known.
    CertificateIssued(CertificateInfo),
    /// A certificate is revoked, for good.
    CertificateRevoked {
        /// SHA-256 of the certificate, hexadecimal.
        fingerprint: String,
        /// Why, in words.
        reason: String,
    },
    /// Actions wait for approval from now on.
    ApprovalRequired {
        /// Which, and whose approval. It takes the place of what its author had seen of that name.
        rule: ApprovalRule,
        /// What the author had seen of that name.
        seen: Seen,
    },
    /// An approval rule holds no longer.
    ApprovalWaived {
        /// The rule's name.
        name: String,
        /// What the author had seen of that name.
        seen: Seen,
    },
    /// Somebody asks for something that waits for approval.
    ApprovalRequested(Box<NewApproval>),
    /// Somebody approves a request.
    ApprovalGiven {
        /// The request.
        id: String,
        /// The approver.
        user: String,
        /// SHA-256 of the approver's certificate, hexadecimal.
        fingerprint: String,
        /// The groups that it names.
        groups: Vec<String>,
        /// The name of who signed it, DER; empty where that is not known.
        issuer: Vec<u8>,
        /// Its serial number, hexadecimal.
        serial: String,
        /// The digest that is approved, and nothing else.
        digest: Vec<u8>,
    },
    /// A request is carried out, rejected or withdrawn, or its time is over.
    ApprovalEnded {
        /// The request.
        id: String,
        /// Which of these.
        how: Ending,
        /// Who did it.
        user: String,
        /// Why, in words; empty if nothing was said.
        reason: String,
    },
    /// Requests that are over leave the list, for good.
    ApprovalsDropped {
        /// The site that opened them.
        site: u32,
        /// Up to which number.
        upto: u64,
        /// Those of them that stay.
        but: Vec<String>,
    },
    /// An entry of the server's own changes.
    Setting(Setting),
    /// Something is worth recording that changes no state.
    Noted {
        /// What, in one word or two: `"initialised"`, `"clock-confirmed"`.
        what: String,
        /// The particulars.
        text: String,
    },
}

/// The stored number of a change's kind. The same number space holds the record kinds of uses,
/// which begin at 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum ChangeKind {
    /// [`Change::Created`].
    Created = 1,
    /// Attributes changed.
    Attributes = 2,
    /// Activated.
    Activated = 3,
    /// Deactivated: by Revoke or by date.
    Deactivated = 4,
    /// Revoked as compromised.
    Compromised = 5,
    /// Destroyed.
    Destroyed = 6,
    /// Destruction set for a later time, or called back.
    DestroyScheduled = 7,
    /// [`Change::Rewrapped`].
    Rewrapped = 8,
    /// [`Change::Reserved`].
    Reserved = 9,
    /// [`Change::Granted`].
    Granted = 10,
    /// [`Change::GrantRevoked`].
    GrantRevoked = 11,
    /// [`Change::RoleGranted`].
    RoleGranted = 12,
    /// [`Change::RoleRevoked`].
    RoleRevoked = 13,
    /// [`Change::CertificateIssued`].
    CertificateIssued = 14,
    /// [`Change::CertificateRevoked`].
    CertificateRevoked = 15,
    /// [`Change::Setting`].
    Setting = 16,
    /// [`Change::Noted`].
    Noted = 17,
    /// Moved to archival storage: by Archive or by date.
    Archived = 18,
    /// Brought back from archival storage.
    Recovered = 19,
    /// [`Change::GroupGranted`].
    GroupGranted = 20,
    /// [`Change::GroupGrantRevoked`].
    GroupGrantRevoked = 21,
    /// [`Change::ApprovalRequired`].
    ApprovalRequired = 22,
    /// [`Change::ApprovalWaived`].
    ApprovalWaived = 23,
    /// [`Change::ApprovalRequested`].
    ApprovalRequested = 24,
    /// [`Change::ApprovalGiven`].
    ApprovalGiven = 25,
    /// [`Change::ApprovalEnded`] as carried out.
    ApprovalExecuted = 26,
    /// [`Change::ApprovalEnded`] as rejected.
    ApprovalRejected = 27,
    /// [`Change::ApprovalEnded`] as withdrawn.
    ApprovalWithdrawn = 28,
    /// [`Change::ApprovalEnded`] as expired.
    ApprovalExpired = 29,
    /// [`Change::ApprovalsDropped`].
    ApprovalsDropped = 30,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 30] = [
        Self::Created,
        Self::Attributes,
        Self::Activated,
        Self::Deactivated,
        Self::Compromised,
        Self::Destroyed,
        Self::DestroyScheduled,
        Self::Rewrapped,
        Self::Reserved,
        Self::Granted,
        Self::GrantRevoked,
        Self::RoleGranted,
        Self::RoleRevoked,
        Self::CertificateIssued,
        Self::CertificateRevoked,
        Self::Setting,
        Self::Noted,
        Self::Archived,
        Self::Recovered,
        Self::GroupGranted,
        Self::GroupGrantRevoked,
        Self::ApprovalRequired,
        Self::ApprovalWaived,
        Self::ApprovalRequested,
        Self::ApprovalGiven,
        Self::ApprovalExecuted,
        Self::ApprovalRejected,
        Self::ApprovalWithdrawn,
        Self::ApprovalExpired,
        Self::ApprovalsDropped,
    ];

    /// The kind with this number.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|k| *k as u16 == code)
    }
}

impl Change {
    /// The kind, whose number is stored with the record.
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Created(_) => ChangeKind::Created,
            Self::Changed { kind, .. } => *kind,
            Self::Rewrapped { .. } => ChangeKind::Rewrapped,
            Self::Reserved { .. } => ChangeKind::Reserved,
            Self::Granted { .. } => ChangeKind::Granted,
            Self::GrantRevoked { .. } => ChangeKind::GrantRevoked,
            Self::GroupGranted { .. } => ChangeKind::GroupGranted,
            Self::GroupGrantRevoked { .. } => ChangeKind::GroupGrantRevoked,
            Self::RoleGranted { .. } => ChangeKind::RoleGranted,
            Self::RoleRevoked { .. } => ChangeKind::RoleRevoked,
            Self::CertificateIssued(_) => ChangeKind::CertificateIssued,
            Self::CertificateRevoked { .. } => ChangeKind::CertificateRevoked,
            Self::ApprovalRequired { .. } => ChangeKind::ApprovalRequired,
            Self::ApprovalWaived { .. } => ChangeKind::ApprovalWaived,
            Self::ApprovalRequested(_) => ChangeKind::ApprovalRequested,
            Self::ApprovalGiven { .. } => ChangeKind::ApprovalGiven,
            Self::ApprovalEnded { how: Ending::Executed, .. } => ChangeKind::ApprovalExecuted,
            Self::ApprovalEnded { how: Ending::Rejected, .. } => ChangeKind::ApprovalRejected,
            Self::ApprovalEnded { how: Ending::Withdrawn, .. } => ChangeKind::ApprovalWithdrawn,
            Self::ApprovalEnded { how: Ending::Expired, .. } => ChangeKind::ApprovalExpired,
            Self::ApprovalsDropped { .. } => ChangeKind::ApprovalsDropped,
            Self::Setting(_) => ChangeKind::Setting,
            Self::Noted { .. } => ChangeKind::Noted,
        }
    }

    /// As the journal keeps it: material by its digest alone.
    pub fn as_journalled(&self) -> Self {
        let mut change = self.clone();
        match &mut change {
            Self::Created(new) => new.material = new.material.as_ref().map(|m| m.as_journalled()),
            Self::Rewrapped { material, .. } => *material = material.as_journalled(),
            _ => {}
        }
        change
    }

    /// The object that the change is about, if it is about one.
    pub fn object(&self) -> Option<&ObjectId> {
        match self {
            Self::Created(new) => Some(&new.id),
            Self::Changed { id, .. }
            | Self::Rewrapped { id, .. }
            | Self::Reserved { id, .. }
            | Self::Granted { id, .. }
            | Self::GrantRevoked { id, .. } => Some(id),
            _ => None,
        }
    }
}

impl ManagedObject {
    /// Joins in what `change` says, if it is about this object. The fold of the journal.
    pub fn apply(&mut self, stamp: Stamp, change: &Change) {
        if change.object() != Some(&self.id) {
            return;
        }
        match change {
            Change::Created(new) => self.apply_creation(stamp, new),
            Change::Changed { lifecycle, compromised, sets, .. } => {
                if let Some(lifecycle) = lifecycle {
                    self.lifecycle = self.lifecycle.max(*lifecycle);
                }
                self.compromised |= compromised;
                for (key, value) in sets {
                    self.set(key, &Register { value: value.clone(), stamp });
                }
            }
            Change::Rewrapped { material, .. } => self.join_material(material),
            Change::Reserved { counter, upto, .. } => {
                let mine = self.counters.entry((*counter as u8, stamp.site)).or_insert(*upto);
                *mine = (*mine).max(*upto);
            }
            Change::Granted { subject, operation, seen, .. } => {
                self.grants.entry((subject.clone(), *operation)).or_default().weak(seen.clone());
            }
            Change::GrantRevoked { subject, operation, .. } => {
                self.grants
                    .entry((subject.clone(), *operation))
                    .or_default()
                    .strong(stamp.site, stamp.hlc);
            }
            _ => {}
        }
        self.drop_material_if_destroyed();
    }

    fn apply_creation(&mut self, stamp: Stamp, new: &NewObject) {
        let creation = Creation {
            stamp,
            object_type: new.object_type,
            owner: new.owner.clone(),
            fields: new.fields.clone(),
            block: new.block.clone(),
        };
        if self.creation.as_ref().is_none_or(|mine| creation < *mine) {
            self.creation = Some(creation);
        }
        self.lifecycle = self.lifecycle.max(new.lifecycle);
        for (key, value) in &new.attributes {
            self.set(key, &Register { value: Some(value.clone()), stamp });
        }
        if let Some(material) = &new.material {
            self.join_material(material);
        }
    }

    fn join_material(&mut self, material: &SealedMaterial) {
        if self.material.as_ref().is_none_or(|mine| mine < material) {
            self.material = Some(material.clone());
        }
    }
}

impl ServerState {
    /// Joins in what `change` says, if it is about the server's own state.
    pub fn apply(&mut self, stamp: Stamp, change: &Change) {
        match change {
            Change::RoleGranted { user, role, seen } => {
                self.roles.entry((user.clone(), *role)).or_default().weak(seen.clone());
            }
            Change::RoleRevoked { user, role } => {
                self.roles.entry((user.clone(), *role)).or_default().strong(stamp.site, stamp.hlc);
            }
            Change::GroupGranted { key_group, subject, operation, seen } => {
                let key = (key_group.clone(), subject.clone(), *operation);
                self.group_grants.entry(key).or_default().weak(seen.clone());
            }
            Change::GroupGrantRevoked { key_group, subject, operation } => {
                let key = (key_group.clone(), subject.clone(), *operation);
                self.group_grants.entry(key).or_default().strong(stamp.site, stamp.hlc);
            }
            Change::CertificateIssued(info) => self.note_certificate(stamp, info),
            Change::CertificateRevoked { fingerprint, reason } => {
                self.revoke_certificate(stamp, fingerprint, reason);
            }
            Change::ApprovalRequired { rule, seen } => {
                self.approval_rules
                    .entry(rule.name.clone())
                    .or_default()
                    .require(stamp, rule, seen);
            }
            Change::ApprovalWaived { name, seen } => {
                self.approval_rules.entry(name.clone()).or_default().waive(seen);
            }
            Change::ApprovalRequested(new) => {
                self.approvals.touch(&new.id, |request| request.open(stamp, new));
            }
            Change::ApprovalGiven { id, user, fingerprint, groups, issuer, serial, digest } => {
                let given = Given {
                    stamp,
                    fingerprint: fingerprint.clone(),
                    groups: groups.clone(),
                    issuer: issuer.clone(),
                    serial: serial.clone(),
                    digest: digest.clone(),
                };
                self.approvals.touch(id, |request| request.give(user, given));
            }
            Change::ApprovalEnded { id, how, user, reason } => {
                let by = EndedBy { stamp, user: user.clone(), reason: reason.clone() };
                self.approvals.touch(id, |request| request.end(*how, by));
            }
            Change::ApprovalsDropped { site, upto, but } => {
                let gone = Gone::new(*site, *upto, but.iter().map(String::as_str));
                self.approvals.drop_of(*site, &gone);
            }
            Change::Setting(setting) => self.put_setting(stamp, setting),
            _ => {}
        }
    }
}
