//! The quarantine of a restored store.
//!
//! A backup knows nothing of what came after it. A key that was destroyed since would be back, and a
//! counted allowance would be given out a second time. So a restored store answers no use and makes
//! no change until an officer confirms it: against a signed head that was kept elsewhere and is later
//! than the backup, which says how many objects were destroyed by then, and with their identifiers;
//! or in so many words that there is none.
//!
//! The mark is a row of the server's own state: journalled, authenticated and under the seal, so that
//! deleting it from the disk locks the store instead of opening it.

use std::sync::LazyLock;

use strongroom_journal::ChainName;
use strongroom_kmip::Operation;
use strongroom_model::{Change, Setting};

use crate::backup::{Ends, VerifiedBackup};
use crate::caller::Caller;
use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::event::Event;
use crate::takeover::{Confirmation, Confirmed, Ending, Past};

const NAMESPACE: &str = "backup";
const KEY: &str = "quarantine";

/// Asked for with every request.
static PLACE: LazyLock<(String, String)> = LazyLock::new(|| (NAMESPACE.to_owned(), KEY.to_owned()));

/// What a quarantined store came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// When the backup was taken, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// Records of changes in it.
    pub changes: u64,
    /// Objects that were destroyed in it.
    pub destroyed: u64,
}

impl Inner {
    fn restored_from(&self) -> Option<(Quarantine, Ends)> {
        let state = self.store.server_state();
        let text = std::str::from_utf8(state.setting(NAMESPACE, KEY)?).unwrap_or_default();
        let created = text.lines().find_map(|line| line.strip_prefix("created "));
        // A mark that cannot be read is a mark.
        let nothing = || Ends {
            changes: ChainName::Changes.genesis(self.config.site),
            uses: ChainName::Uses.genesis(self.config.site),
            destroyed: 0,
        };
        let ends = Ends::from_text(text).unwrap_or_else(nothing);
        let quarantine = Quarantine {
            created_ms: created.and_then(|ms| ms.parse().ok()).unwrap_or(0),
            changes: ends.changes.seq,
            destroyed: ends.destroyed,
        };
        Some((quarantine, ends))
    }

    /// Whether this operation is refused because the store is quarantined.
    pub(crate) fn quarantines(&self, operations: impl IntoIterator<Item = Operation>) -> bool {
        let answered = |o| matches!(o, Operation::QUERY | Operation::DISCOVER_VERSIONS);
        let state = self.store.server_state();
        state.settings.get(&*PLACE).is_some_and(|(_, mark)| mark.is_some())
            && !operations.into_iter().all(answered)
    }
}

impl Engine {
    /// Whether the store was restored and nobody has confirmed it yet.
    pub fn is_quarantined(&self) -> bool {
        self.inner.store.server_state().setting(NAMESPACE, KEY).is_some()
    }

    /// What it came from, if it is quarantined.
    pub fn quarantine(&self) -> Option<Quarantine> {
        self.inner.restored_from().map(|(quarantine, _)| quarantine)
    }

    /// Marks a store that was restored just now.
    pub(crate) fn begin_quarantine(
        &self,
        by: &Caller,
        backup: &VerifiedBackup,
    ) -> Result<(), EngineError> {
        let text = format!("created {}\n{}", backup.header.created_ms, backup.ends().to_text());
        self.append(by, "Restore Backup", mark(Some(text.into_bytes())))?;
        let changes = backup.changes.0.to_string();
        let parameters = [("changes", changes.as_str())];
        self.record(by, &Event { parameters: &parameters, ..Event::new("quarantined") })
    }

    /// Ends the quarantine of a restored store. The heads' signatures are checked with the store's
    /// own key; those that are not later than the backup must be met by it. What was destroyed since
    /// is destroyed here too, in the same transaction that ends the quarantine.
    ///
    /// # Errors
    /// [`EngineError::WrongState`] when it is not quarantined; [`EngineError::Unconfirmed`], which
    /// says what is missing.
    pub fn confirm_restore(
        &self,
        by: &Caller,
        with: Confirmation<'_>,
    ) -> Result<Confirmed, EngineError> {
        let Some((_, ends)) = self.inner.restored_from() else {
            return Err(EngineError::WrongState("the store is not quarantined".to_owned()));
        };
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let uses = unsealed.uses().reader();
        let past = Past { site: self.inner.config.site, ends, uses: &uses };
        let confirmed = self.judge(&with, &past)?;
        let end = Ending {
            operation: "Confirm Restore",
            what: "restore confirmed",
            more: String::new(),
            change: mark(None),
        };
        self.end(by, &confirmed, end)?;
        Ok(confirmed)
    }
}

fn mark(value: Option<Vec<u8>>) -> Change {
    Change::Setting(Setting { namespace: NAMESPACE.to_owned(), key: KEY.to_owned(), value })
}
