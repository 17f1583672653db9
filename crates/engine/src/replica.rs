//! Replicas: a second server over a backup, with a site number and chains of its own, that serves
//! uses and takes no changes until an officer promotes it (`doc/adr/0016-replicas.md`).
//!
//! As with the quarantine, the mark is a row of the server's own state: journalled in the replica's
//! own chain, authenticated and under the seal.
//!
//! What a replica does write: the audit of its uses, signed heads, marks of the clock, how many random
//! IVs it made, and what its own administration needs (its certificate, a certificate that is
//! revoked, an officer whom a quorum makes). None of that is a change of a key.

use std::sync::LazyLock;

use strongroom_journal::UseReader;
use strongroom_kmip::ResultReason;
use strongroom_model::{Change, Setting};

use crate::allowance;
use crate::backup::{Ends, VerifiedBackup};
use crate::caller::Caller;
use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::event::Event;
use crate::refusal::Refusal;
use crate::takeover::{Confirmation, Confirmed, Ending, Past};
use crate::unsealed::past_uses_dir;

/// The largest number that the site of a replica may have: those up to it have a share of the random
/// IVs of every key.
pub const MOST_REPLICA_SITE: u32 = allowance::SHARING_SITES;

const NAMESPACE: &str = "backup";
const KEY: &str = "replica";

/// The mark that replicas are allowed.
const ALLOWED: &str = "replicas";

/// Asked for whenever a random IV is made.
static ALLOWED_PLACE: LazyLock<(String, String)> =
    LazyLock::new(|| (NAMESPACE.to_owned(), ALLOWED.to_owned()));

/// Asked for with every request.
static PLACE: LazyLock<(String, String)> = LazyLock::new(|| (NAMESPACE.to_owned(), KEY.to_owned()));

/// What a replica came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The site that it is a replica of.
    pub of: u32,
    /// When the backup was taken, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// Where changes go, in words of whoever made the replica; empty where nothing was said.
    pub primary: String,
    /// Records of changes in the backup.
    pub changes: u64,
    /// Objects that were destroyed in it.
    pub destroyed: u64,
}

/// The mark as it is kept, and what it says.
struct Mark {
    replica: Replica,
    ends: Ends,
}

impl Mark {
    fn to_text(&self) -> String {
        let Replica { of, created_ms, primary, .. } = &self.replica;
        let ends = self.ends.to_text();
        format!("of {of}\ncreated {created_ms}\nprimary {primary}\n{ends}")
    }

    fn from_text(text: &str) -> Option<Self> {
        let line = |name: &str| text.lines().find_map(|l| l.strip_prefix(name));
        let ends = Ends::from_text(text)?;
        let replica = Replica {
            of: line("of ")?.parse().ok()?,
            created_ms: line("created ")?.parse().ok()?,
            primary: line("primary ").unwrap_or_default().to_owned(),
            changes: ends.changes.seq,
            destroyed: ends.destroyed,
        };
        Some(Self { replica, ends })
    }
}

/// The change that makes a store a replica of what a backup held.
pub(crate) fn mark(backup: &VerifiedBackup, primary: &str) -> Change {
    let ends = backup.ends();
    // One line: the mark has one for each thing that it says.
    let primary = primary.split_whitespace().collect::<Vec<_>>().join(" ");
    let replica = Replica {
        of: backup.header.site,
        created_ms: backup.header.created_ms,
        primary,
        changes: ends.changes.seq,
        destroyed: ends.destroyed,
    };
    setting(Some(Mark { replica, ends }.to_text().into_bytes()))
}

impl Inner {
    /// Whether this is a replica. Asked for with every request.
    pub(crate) fn is_replica(&self) -> bool {
        let state = self.store.server_state();
        state.settings.get(&*PLACE).is_some_and(|(_, mark)| mark.is_some())
    }

    /// Whether a replica may be made of a backup: whether a share of each key's random IVs is set
    /// aside for replicas.
    pub(crate) fn allows_replicas(&self) -> bool {
        let state = self.store.server_state();
        state.settings.get(&*ALLOWED_PLACE).is_some_and(|(_, mark)| mark.is_some())
    }

    fn replica_mark(&self) -> Option<Mark> {
        let state = self.store.server_state();
        Mark::from_text(std::str::from_utf8(state.setting(NAMESPACE, KEY)?).ok()?)
    }

    /// The refusal of a change, on a replica.
    pub(crate) fn refuse_on_replica(&self) -> Option<Refusal> {
        if !self.is_replica() {
            return None;
        }
        // The number of the table of errors; a mark that cannot be read is a mark.
        let which = match self.replica_mark().map(|mark| mark.replica) {
            Some(Replica { of, primary, .. }) if primary.is_empty() => format!("of site {of}"),
            Some(Replica { of, primary, .. }) => format!("of site {of}, which is {primary}"),
            None => "of another site".to_owned(),
        };
        Some(Refusal::new(
            ResultReason::OPERATION_NOT_SUPPORTED,
            format!(
                "error 3015: this server is a replica {which}: it serves uses and takes no \
                 changes; send them there, or let an officer promote this one with `strongroom \
                 backup promote`"
            ),
        ))
    }
}

impl Engine {
    /// Whether this is a replica.
    pub fn is_replica(&self) -> bool {
        self.inner.is_replica()
    }

    /// Whether replicas may be made of backups that are taken from now on.
    pub fn allows_replicas(&self) -> bool {
        self.inner.allows_replicas()
    }

    /// Sets a share of each key's random IVs aside for replicas, for good, so that they may be made
    /// of backups that are taken from now on. False if it was so already.
    ///
    /// # Errors
    /// [`EngineError::Sealed`]; the store's.
    pub fn allow_replicas(&self, by: &Caller) -> Result<bool, EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        if self.inner.allows_replicas() {
            return Ok(false);
        }
        let mark = Setting {
            namespace: NAMESPACE.to_owned(),
            key: ALLOWED.to_owned(),
            value: Some(b"allowed".to_vec()),
        };
        self.append(by, "Allow Replicas", Change::Setting(mark))?;
        Ok(true)
    }

    /// What it is a replica of, if it is one.
    pub fn replica(&self) -> Option<Replica> {
        self.inner.replica_mark().map(|mark| mark.replica)
    }

    /// Where the primary's chains ended in the backup that a replica is of.
    pub(crate) fn replica_ends(&self) -> Option<Ends> {
        self.inner.replica_mark().map(|mark| mark.ends)
    }

    /// Records that a replica was made or refreshed.
    pub(crate) fn record_replica(
        &self,
        by: &Caller,
        backup: &VerifiedBackup,
    ) -> Result<(), EngineError> {
        let (of, changes) = (backup.header.site.to_string(), backup.changes.0.to_string());
        let parameters = [("of", of.as_str()), ("changes", changes.as_str())];
        self.record(by, &Event { parameters: &parameters, ..Event::new("replica-restored") })
    }

    /// Makes a replica a server that takes changes, under its own site number. The primary is
    /// taken for lost: its heads are judged as those of a restored store are
    /// ([`Engine::confirm_restore`]), and what was destroyed since the backup stays destroyed.
    ///
    /// # Errors
    /// [`EngineError::WrongState`] when it is no replica; [`EngineError::Unconfirmed`], which says
    /// what is missing.
    pub fn promote(&self, by: &Caller, with: Confirmation<'_>) -> Result<Confirmed, EngineError> {
        let inner = &self.inner;
        inner.unsealed().ok_or(EngineError::Sealed)?;
        if !inner.is_replica() {
            return Err(EngineError::WrongState("the store is no replica".to_owned()));
        }
        let Some(Mark { replica, ends }) = inner.replica_mark() else {
            return Err(EngineError::Damaged("the mark of the replica cannot be read".to_owned()));
        };
        let uses = UseReader::open(&past_uses_dir(&inner.config.data_dir, replica.of));
        let confirmed = self.judge(&with, &Past { site: replica.of, ends, uses: &uses })?;
        let (site, of) = (inner.config.site.to_string(), replica.of.to_string());
        let parameters = [("site", site.as_str()), ("of", of.as_str())];
        // Before it is done: whoever watches hears of it also when the rest fails.
        self.record(by, &Event { parameters: &parameters, ..Event::new("replica-promoted") })?;
        let end = Ending {
            operation: "Promote Replica",
            what: "replica promoted",
            more: format!("; site {site} takes the place of site {of}"),
            change: setting(None),
        };
        self.end(by, &confirmed, end)?;
        if self.rehearses().is_some() {
            return Ok(confirmed);
        }
        inner.served.clear();
        tracing::warn!(site, of, "this replica was promoted and takes changes");
        Ok(confirmed)
    }
}

fn setting(value: Option<Vec<u8>>) -> Change {
    Change::Setting(Setting { namespace: NAMESPACE.to_owned(), key: KEY.to_owned(), value })
}
