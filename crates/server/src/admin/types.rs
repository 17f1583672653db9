//! The JSON of the admin API, the same types on both of its sides. Times are POSIX milliseconds
//! unless a name says otherwise; byte strings are lower-case hexadecimal.

use core::fmt;

pub use super::access::{
    Changed, Fact, GrantChange, GrantRow, GrantTarget, KeyGroupRow, PolicyAnswer, PolicyDiff,
    PolicyDifference, PolicyQuestion, PolicyText, PolicyView, RoleGrant, RoleRow,
};

pub use super::certificates::{
    AuthorityRow, CertificatesView, ClientIssued, ClientRow, NewClient, RecoverOfficer,
    RenewServer, RevokeClient, ServerCertificate, SignedList,
};
pub use super::disk::{Disk, Room};
pub use super::dry_run::{Plan, PlanStep};
pub use super::keys::{
    CreateKey, DestroyKey, ExpiringRow, ImportKey, ImportKeys, ImportedRow, KeyCreated,
    KeyDestroyed, RevokeKey, UsedBy, UsesTarget, UsesView, WrappedKey,
};
pub use super::pages::Page;
pub use super::replica::{PromoteReplica, ReplicaReport, ReplicaView, ReplicasAllowed};
pub use super::retention::{RetentionDone, RetentionView, SegmentRow, SegmentState};
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strongroom_engine::AuditEntry;
use zeroize::Zeroize;

use crate::errors;
use crate::service::ScheduleView;

/// Text that must not be shown: a share, a passphrase. Wiped when dropped.
#[derive(Clone, Serialize, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// Whether the key manager answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// There is no root key yet.
    Uninitialised,
    /// There is one, and it is not open.
    Sealed,
    /// Requests are answered.
    Serving,
}

impl State {
    /// The word of the JSON.
    pub fn word(self) -> &'static str {
        match self {
            State::Uninitialised => "uninitialised",
            State::Sealed => "sealed",
            State::Serving => "serving",
        }
    }

    /// What has to be done before requests are answered.
    pub fn next(self) -> &'static str {
        match self {
            State::Uninitialised => errors::NOT_INITIALISED.next,
            State::Sealed => errors::SEALED.next,
            State::Serving => "",
        }
    }
}

/// `GET /health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// What it does.
    pub state: State,
    /// Why this installation is not for production; empty if nothing speaks against it.
    pub not_for_production: Vec<String>,
    /// What it is a replica of, in words, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<String>,
    /// Whether there is room on the disk; without any, changes and uses are refused.
    #[serde(default, skip_serializing_if = "Room::is_enough")]
    pub disk: Room,
    /// What it takes to unseal, while it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsealing: Option<Unsealing>,
}

/// What it takes to unseal. Anybody with a certificate may see it: no more than an attempt tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unsealing {
    /// The kinds of slot that there are, as in [`Slot::kind`].
    pub slots: Vec<String>,
    /// Shares given so far.
    pub given: u8,
    /// Shares needed; zero if there are none.
    pub needed: u8,
}

/// `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The product's version.
    pub version: String,
    /// What it does.
    pub state: State,
    /// Why this installation is not for production.
    pub not_for_production: Vec<String>,
    /// What needs somebody's attention.
    pub warnings: Vec<String>,
    /// The site number.
    pub site: u32,
    /// What it is a replica of, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<ReplicaView>,
    /// The backups that the server takes by itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<ScheduleView>,
    /// When the process started.
    pub started: i64,
    /// Managed objects that are not destroyed, if known.
    pub objects: Option<u64>,
    /// The KEK's epoch, if unsealed.
    pub epoch: Option<u32>,
    /// Root slots.
    pub slots: Vec<Slot>,
    /// The chains' heads.
    pub chains: Vec<ChainHead>,
    /// Where the audit is sent.
    #[serde(default)]
    pub forward: Vec<ForwardState>,
    /// The filesystems that are written to.
    #[serde(default)]
    pub disks: Vec<Disk>,
    /// Requests refused since the start because one of them was full.
    #[serde(default)]
    pub refused_on_full_disk: u64,
    /// The KMIP port.
    pub kmip: PortStatus,
    /// The admin port.
    pub admin: PortStatus,
    /// Memory for keys.
    pub memory: Memory,
    /// When the server's own certificate ends, POSIX seconds.
    pub certificate_ends: Option<i64>,
    /// Requests that wait for approval.
    #[serde(default)]
    pub approvals: super::approvals::ApprovalsWaiting,
}

/// The head of an audit chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainHead {
    /// `changes` or `uses`.
    pub chain: String,
    /// The last record's number.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// How it stands with a destination of the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForwardState {
    /// Its name.
    pub name: String,
    /// Its host and port.
    pub address: String,
    /// Whether there is a connection.
    pub connected: bool,
    /// Whether it has taken nothing for a while, with errors.
    pub failing: bool,
    /// Records not sent yet.
    pub lag_records: u64,
    /// Age of the oldest of them, seconds.
    pub lag_seconds: u64,
    /// Records sent and not yet known to be received.
    pub unconfirmed: u64,
    /// Events sent since the start.
    pub sent: u64,
    /// Of these, how many were sent before.
    pub repeated: u64,
    /// Events that the filter held back.
    pub filtered: u64,
    /// Records that the chains no longer had.
    pub missing: u64,
    /// For each chain, the last record that is known to be received.
    pub confirmed: BTreeMap<String, u64>,
    /// When the last event was sent.
    pub last_sent: Option<i64>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_time: Option<i64>,
}

/// A listening port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PortStatus {
    /// Where it listens.
    pub listen: String,
    /// Connections now.
    pub connections: u64,
    /// Failed handshakes since the start.
    pub handshakes_failed: u64,
    /// Connections refused by the cap since the start.
    pub refused: u64,
}

/// Locked memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Whether all other memory of the process is locked too, so that none is swapped.
    #[serde(default)]
    pub all_locked: bool,
    /// How it is protected: `memfd_secret`, `mlock`, or `none yet`.
    pub backing: String,
    /// Bytes locked.
    pub bytes_locked: u64,
    /// Secrets held.
    pub secrets: u64,
}

/// A root slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Slot {
    /// Its number.
    pub id: u32,
    /// `file`, `systemd-credential`, `passphrase` or `shamir`.
    pub kind: String,
    /// What people call it.
    pub label: String,
    /// What is particular, such as `3 of 5`.
    pub detail: String,
}

/// `POST /v1/root/unseal`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Unseal {
    /// One share.
    Share(SecretText),
    /// A passphrase.
    Passphrase(SecretText),
    /// Whatever opens without anybody: file, systemd credential.
    Automatic,
    /// Forget the shares given so far.
    Reset,
}

/// The answer to [`Unseal`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnsealProgress {
    /// Whether it is open now.
    pub unsealed: bool,
    /// Shares given.
    pub given: u8,
    /// Shares needed.
    pub needed: u8,
}

/// A slot to be made: `POST /v1/root/slots`, and in `init --from`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum NewSlot {
    // With braces, so that a field that does not exist is refused.
    /// A key file that opens without anybody.
    File {},
    /// A systemd credential that opens without anybody.
    SystemdCredential {
        /// The credential's name.
        name: String,
    },
    /// A passphrase.
    Passphrase {
        /// It.
        passphrase: SecretText,
    },
    /// Shares for custodians.
    Shamir {
        /// How many open.
        threshold: u8,
        /// How many there are.
        shares: u8,
        /// The custodians' age public keys, in order; none, or as many as shares.
        #[serde(default)]
        recipients: Vec<String>,
    },
}

/// The answer to a new slot.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SlotAdded {
    /// Its number.
    pub id: u32,
    /// Its shares, if it has any: shown this once.
    pub shares: Vec<SecretText>,
}

/// `POST /v1/root/verify-shares`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyShares {
    /// The shares.
    pub shares: Vec<SecretText>,
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SharesVerified {
    /// Whether these shares would open the root key.
    pub open: bool,
    /// The slot that they belong to.
    pub slot: u32,
}

/// `POST /v1/root/rotate`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Erase the old epoch afterwards.
    #[serde(default)]
    pub shred: bool,
}

/// `POST /v1/root/key`: prepare a new root key.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRootKey {
    /// The passphrase of each passphrase slot, by the slot's number.
    #[serde(default)]
    pub passphrases: BTreeMap<u32, SecretText>,
    /// The custodians' age public keys of a slot of shares, by the slot's number: one for each
    /// share, in order. Shares of a slot that is not named come in clear.
    #[serde(default)]
    pub recipients: BTreeMap<u32, Vec<String>>,
}

/// Its answer. Nothing has changed so far.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PreparedRootKey {
    /// Names the new root key to [`ReplaceRootKey`].
    pub token: String,
    /// The new shares of each slot that has some: shown this once.
    pub slots: Vec<SlotAdded>,
}

/// `PUT /v1/root/key`: the shares are handed out, the new root key takes the place of the old one.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceRootKey {
    /// [`PreparedRootKey::token`].
    pub token: String,
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootKeyReplaced {
    /// How often the root key was replaced.
    pub rotation: u64,
}

/// `GET /v1/root/rotate`, and the answer to [`Rotate`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rotation {
    /// Whether one is under way.
    pub running: bool,
    /// The epoch that objects are wrapped under afterwards.
    pub epoch: u32,
    /// Objects wrapped anew.
    pub done: u64,
    /// Objects in all.
    pub total: u64,
    /// Whether the old epoch was erased.
    pub shredded: bool,
}

/// One audit record, for people and programs: [`AuditEntry`] as JSON. What each field means, and the
/// words in it, are the engine's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditRecord {
    /// [`AuditEntry::chain`].
    pub chain: String,
    /// [`AuditEntry::seq`].
    pub seq: u64,
    /// [`AuditEntry::time_ms`].
    pub time: i64,
    /// [`AuditEntry::kind`].
    pub kind: String,
    /// [`AuditEntry::user`].
    pub actor: String,
    /// [`AuditEntry::fingerprint`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
    /// [`AuditEntry::address`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// [`AuditEntry::action`].
    pub operation: String,
    /// [`AuditEntry::object`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// [`AuditEntry::detail`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// [`AuditEntry::rule`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// [`AuditEntry::result`].
    pub result: String,
    /// [`AuditEntry::micros`].
    #[serde(default)]
    pub duration_us: u64,
    /// [`AuditEntry::hash`].
    pub hash: String,
}

impl From<AuditEntry> for AuditRecord {
    fn from(e: AuditEntry) -> Self {
        Self {
            chain: e.chain.to_owned(),
            seq: e.seq,
            time: e.time_ms,
            kind: e.kind,
            actor: e.user,
            fingerprint: e.fingerprint,
            address: e.address,
            operation: e.action,
            object: e.object.unwrap_or_default(),
            detail: e.detail,
            rule: e.rule,
            result: e.result,
            duration_us: u64::try_from(e.micros).unwrap_or(0),
            hash: crate::pki::hex(&e.hash),
        }
    }
}

/// `GET /v1/audit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditPage {
    /// Records, oldest first.
    pub records: Vec<AuditRecord>,
    /// Give this as `before` to see the page before; absent when there is none.
    pub before: Option<String>,
    /// How many signed heads were left out between the first record and the last, or the newest.
    #[serde(default)]
    pub left_out: u64,
}

/// `GET /v1/audit/verify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditVerdict {
    /// Whether every chain holds.
    pub intact: bool,
    /// The chains.
    pub chains: Vec<ChainVerdict>,
    /// Anchors that were given.
    #[serde(default)]
    pub anchors: u64,
    /// Those of them that are not met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmet: Vec<UnmetAnchor>,
}

/// `POST /v1/audit/verify`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyAnchors {
    /// Anchor lines.
    pub anchors: Vec<String>,
}

/// `POST /v1/backup/confirm`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRestore {
    /// Anchor lines.
    #[serde(default)]
    pub anchors: Vec<String>,
    /// Identifiers of what was destroyed after the backup.
    #[serde(default)]
    pub destroyed: Vec<String>,
    /// That no anchor is later than the backup.
    #[serde(default)]
    pub without_anchor: bool,
}

/// What the confirmation of a restored store came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreConfirmed {
    /// Objects that were destroyed between the backup and the newest anchor.
    pub destroyed_since: Option<u64>,
    /// Those that are destroyed in the restored store now.
    pub destroyed: Vec<String>,
    /// Those that the backup does not have.
    pub absent: Vec<String>,
}

/// A signed head that is not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnmetAnchor {
    /// Its chain and number, such as `uses:17`, or the line where it stands.
    pub head: String,
    /// Why.
    pub why: String,
}

/// `GET /v1/audit/key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditKey {
    /// The Ed25519 public key that heads are signed with; none before the first was signed.
    pub key: Option<String>,
}

/// The verdict on one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainVerdict {
    /// `changes` or `uses`.
    pub chain: String,
    /// The first record that was read and holds; zero if none is known to.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// The head's hash; empty where the chain is broken.
    pub head: String,
    /// What is wrong and where, if anything is. What comes after it was not checked.
    pub fault: Option<String>,
    /// The record at which the chain stops being whole, if the fault has a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<u64>,
}

/// A managed object in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyRow {
    /// The Unique Identifier.
    pub id: String,
    /// The first name, if it has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The object type.
    #[serde(rename = "type")]
    pub object_type: String,
    /// The algorithm, if it has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub algorithm: String,
    /// The length in bits, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<i32>,
    /// The state.
    pub state: String,
    /// The user that owns it.
    pub owner: String,
    /// When it was made.
    pub created: i64,
    /// When a delayed destruction comes, POSIX seconds, if one is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destruction: Option<i64>,
}

/// `GET /v1/keys`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyPage {
    /// Objects, oldest first.
    pub keys: Vec<KeyRow>,
    /// Give this as `after` to see the page behind; absent when there is none.
    pub after: Option<String>,
}

/// `GET /v1/keys/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyView {
    /// In a few words.
    #[serde(flatten)]
    pub key: KeyRow,
    /// Its attributes, apart from links.
    pub attributes: Vec<KeyAttribute>,
    /// What it is linked to.
    pub links: Vec<KeyLink>,
    /// Its newest use, if it is among the last few thousand records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_use: Option<AuditRecord>,
    /// The key groups that it is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_groups: Vec<String>,
    /// Names this version of it, for If-Match.
    #[serde(default)]
    pub etag: String,
}

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyAttribute {
    /// Its name.
    pub name: String,
    /// Which instance.
    pub index: u32,
    /// Its value as KMIP's JSON encoding has it.
    pub value: serde_json::Value,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyLink {
    /// What the other object is to this one.
    pub kind: String,
    /// The other object.
    pub id: String,
}

/// The answer to `POST /v1/keys/{id}/rotate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyRotated {
    /// The key that was replaced.
    pub id: String,
    /// The key that replaces it.
    pub replacement: String,
}

/// An RFC 9457 problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `urn:strongroom:error:NAME`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is particular to this occurrence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The error's number.
    pub code: u16,
    /// What to do next.
    pub next: String,
}
