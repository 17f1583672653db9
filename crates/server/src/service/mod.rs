//! The seam between the server and the engine: what listeners and the admin API need of a key
//! manager. The calls block; the server puts those that may take long on threads of their own.

mod access;
mod approvals;
mod audit;
mod backup;
mod configured;
mod engine;
mod faults;
mod keys;
mod manage;
mod replica;
mod retention;
mod schedule;
mod trial;

pub use access::Access;
pub use approvals::{Approvals, preset};
pub use audit::{broken_chain, chain_verdict, unmet_anchor};
pub use backup::{Backups, Pieces};
pub use manage::Keys;
pub use retention::Keeps;
pub use schedule::ScheduleView;
pub use trial::{Answered, Around, Trials};

use std::sync::Arc;

pub use strongroom_engine::{AdminAsk, Caller, Ending, Outcome, Reply};
use strongroom_journal::SignedHead;
use strongroom_kmip::Operation;
use strongroom_model::{CertificateInfo, Role};
use strongroom_policy::{AdminAction, Decision};
use strongroom_secmem::SecretBytes;
use strongroom_siem::Style;
use strongroom_store::Counts;

use crate::admin::types::{
    AuditPage, AuditRecord, AuditVerdict, ClientRow, KeyPage, KeyRotated, KeyView, NewRootKey,
    NewSlot, PreparedRootKey, Room, Rotation, SecretText, SharesVerified, Slot, SlotAdded, State,
    Status, Unseal, UnsealProgress, Unsealing,
};
use crate::config::Config;
use crate::errors::Fault;

/// The one who sets up: whoever runs commands on the server's machine as the server's user.
pub fn console() -> Caller {
    Caller { address: "console".to_owned(), ..Caller::server() }
}

/// What a KMIP listener needs.
pub trait Handler: Send + Sync + 'static {
    /// Answers one KMIP frame: `reply` is called exactly once, before the return for uses and
    /// from another thread for changes.
    fn handle(&self, caller: &Arc<Caller>, frame: Vec<u8>, reply: Box<dyn FnOnce(Reply) + Send>);

    /// Whether a certificate was revoked. Asked for every request, so it must be cheap.
    fn is_revoked(&self, fingerprint: &str) -> bool;

    /// Records what the server did or met, in the audit.
    fn event(&self, kind: &'static str, text: &str);

    /// Records what the server turned away before it became a request, in the audit.
    fn refused(&self, kind: &'static str, text: &str);
}

/// Which audit records are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// At most so many, the newest ones.
    pub limit: usize,
    /// Only those before this cursor.
    pub before: Option<String>,
    /// Only of this user.
    pub actor: Option<String>,
    /// Only of this operation.
    pub operation: Option<String>,
    /// Only about this object.
    pub object: Option<String>,
    /// Only from this time on, milliseconds since the Unix epoch.
    pub since: Option<i64>,
    /// Only before this time, milliseconds since the Unix epoch.
    pub until: Option<i64>,
    /// Leave out the signed heads, of which a busy hour has hundreds.
    pub without_heads: bool,
}

/// Numbers for monitoring.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    /// KMIP requests since the start.
    pub requests: Vec<(Operation, Outcome, u64)>,
    /// How long commits took, microseconds.
    pub commit_us: Counts,
    /// How many requests shared each.
    pub commit_jobs: Counts,
    /// Client certificates that end soon.
    pub certificates_soon: u64,
    /// Keys that a date moves on soon.
    pub keys_soon: u64,
}

/// Lines of an export, one after the other.
pub type Lines = Box<dyn Iterator<Item = Result<String, Fault>> + Send>;

/// Which managed objects are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyQuery {
    /// At most so many, the oldest ones.
    pub limit: usize,
    /// Only those behind this cursor.
    pub after: Option<String>,
    /// Only those with this name.
    pub name: Option<String>,
    /// Only those in this state.
    pub state: Option<String>,
}

/// An admin request that was carried out or refused, for its record.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    /// What was asked for.
    pub operation: &'a str,
    /// The object that it was about, if it was about one.
    pub object: Option<&'a str>,
    /// The rule that decided; empty if none was asked.
    pub rule: &'a str,
    /// How it ended.
    pub result: Result<(), &'a Fault>,
    /// How long it took, microseconds.
    pub micros: i64,
    /// What else matters: that it was only tried, say.
    pub parameters: &'a [(&'a str, &'a str)],
}

/// What the admin API needs.
pub trait Manager: Handler + Access + Approvals + Backups + Keeps + Keys + Trials {
    /// Whether requests are answered.
    fn state(&self) -> State;
    /// Why this installation is not for production; empty if nothing speaks against it.
    fn not_for_production(&self) -> Vec<String>;
    /// The role of a user, as far as it is known in this state.
    fn role_of(&self, user: &str) -> Option<Role>;
    /// Whether an administrative request may be made.
    fn decide(&self, caller: &Caller, action: AdminAction) -> Decision;
    /// Everything for `status` that the engine knows; the ports are filled in by the server.
    fn status(&self) -> Status;
    /// Whether there is room on the disk.
    fn room(&self) -> Room;
    /// Why changes and uses are refused, if the disk is full.
    fn disk_full(&self) -> Option<Fault>;
    /// Numbers for monitoring; `until`, POSIX seconds, is what counts as soon.
    fn measures(&self, until: i64) -> Measures;
    /// What it takes to unseal.
    fn unsealing(&self) -> Result<Unsealing, Fault>;
    /// Gives one thing that opens.
    fn unseal(&self, caller: &Caller, with: Unseal) -> Result<UnsealProgress, Fault>;
    /// Forgets the root key.
    fn seal(&self, caller: &Caller) -> Result<(), Fault>;
    /// The root slots.
    fn slots(&self) -> Result<Vec<Slot>, Fault>;
    /// Adds one.
    fn slot_add(&self, caller: &Caller, slot: NewSlot) -> Result<SlotAdded, Fault>;
    /// An officer vouches that custodians hold its shares.
    fn slot_vouch(&self, caller: &Caller, id: u32) -> Result<(), Fault>;
    /// Removes one.
    fn slot_remove(&self, caller: &Caller, id: u32) -> Result<(), Fault>;
    /// Whether these shares would open, without opening.
    fn verify_shares(
        &self,
        caller: &Caller,
        shares: &[SecretText],
    ) -> Result<SharesVerified, Fault>;
    /// Checks that these shares are a quorum's, and records what for.
    fn prove_quorum(
        &self,
        caller: &Caller,
        shares: &[SecretText],
        purpose: &str,
    ) -> Result<(), Fault>;
    /// Begins a new epoch and wraps every object anew; returns when it is done.
    fn rotate(&self, caller: &Caller, shred: bool) -> Result<Rotation, Fault>;
    /// How far a rotation is.
    fn rotation(&self) -> Rotation;
    /// Makes a new root key and deals its shares; nothing changes yet.
    fn prepare_root_key(&self, with: NewRootKey) -> Result<PreparedRootKey, Fault>;
    /// Puts it in the place of the present one. Gives how often that was done.
    fn replace_root_key(&self, caller: &Caller, token: &str) -> Result<u64, Fault>;
    /// Audit records.
    fn audit(&self, query: &AuditQuery) -> Result<AuditPage, Fault>;
    /// One record of a chain (`changes` or `uses`).
    fn audit_record(&self, chain: &str, seq: u64) -> Result<Option<AuditRecord>, Fault>;
    /// Checks the chains.
    fn audit_verify(&self) -> Result<AuditVerdict, Fault>;
    /// Checks the chains, and that they meet these signed heads.
    fn audit_verify_against(&self, anchors: &[SignedHead]) -> Result<AuditVerdict, Fault>;
    /// The public key that heads are signed with; none before the first was signed.
    fn audit_key(&self) -> Option<[u8; 32]>;
    /// Every record that is wanted, oldest first, as lines in this style. `limit` and `before`
    /// are for pages and are not looked at.
    fn audit_export(&self, query: &AuditQuery, style: Style) -> Result<Lines, Fault>;
    /// Managed objects.
    fn keys(&self, query: &KeyQuery) -> Result<KeyPage, Fault>;
    /// One of them, without its material.
    fn key(&self, id: &str) -> Result<KeyView, Fault>;
    /// Replaces a key now.
    fn rotate_key(&self, caller: &Caller, id: &str) -> Result<KeyRotated, Fault>;
    /// Calls a delayed destruction back.
    fn recall_key(&self, caller: &Caller, id: &str) -> Result<(), Fault>;
    /// Archives a key, or recovers it.
    fn move_key(&self, caller: &Caller, id: &str, to_archive: bool) -> Result<(), Fault>;
    /// An administrator vouches for the clock after a jump.
    fn confirm_clock(&self, caller: &Caller) -> Result<(), Fault>;
    /// What has to be done every second: dates that have come.
    fn tick(&self);
    /// Has the audit told what of the configuration is another than at the start before: every key
    /// with its value.
    fn configured(&self, _values: Vec<(String, String)>) {}
    /// What has to be done every minute or so: telling the audit what ends soon. `certificates` are
    /// the server's and the authorities'.
    fn tell_ahead(&self, certificates: Vec<Ending>);
    /// Records an admin request and how it ended, before it is answered.
    ///
    /// # Errors
    /// [`crate::errors::AUDIT_FAILED`]: then that is the answer.
    fn record(&self, caller: &Caller, done: &Done<'_>) -> Result<(), Fault>;

    /// Makes the root key with these slots. Answers one [`SlotAdded`] for each, in order.
    fn initialise(&self, slots: Vec<NewSlot>) -> Result<Vec<SlotAdded>, Fault>;
    /// Keeps a small secret of the server's own, sealed in the store.
    fn secret_put(&self, name: &str, secret: &SecretBytes) -> Result<(), Fault>;
    /// Gives it back.
    fn secret_get(&self, name: &str) -> Result<Option<SecretBytes>, Fault>;
    /// Makes a certificate known.
    fn certificate_register(&self, caller: &Caller, info: CertificateInfo) -> Result<(), Fault>;
    /// Every certificate that is known, by user.
    fn certificates(&self) -> Result<Vec<ClientRow>, Fault>;
    /// Revokes a certificate for good, by its fingerprint.
    fn certificate_revoke(
        &self,
        caller: &Caller,
        fingerprint: &str,
        reason: &str,
    ) -> Result<(), Fault>;
    /// Gives a role.
    fn role_grant(&self, caller: &Caller, user: &str, role: Role) -> Result<(), Fault>;
    /// Finishes what is under way, flushes and signs the chains' heads. Nothing is answered
    /// afterwards.
    fn stop(&self);
}

/// Opens the key manager over the data directory, sealed. `demo` says why it is not for
/// production, if it is not.
///
/// # Errors
/// [`crate::errors::DATA_UNUSABLE`] when the directory cannot be used, or another process uses it.
pub fn open(config: &Config, demo: Option<String>) -> Result<Arc<dyn Manager>, Fault> {
    Ok(Arc::new(engine::EngineManager::open(config, demo)?))
}
