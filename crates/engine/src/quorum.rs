//! A quorum of custodians, proved by their shares: what gives a house without administrators a new
//! one, and what nothing else can.

use strongroom_root::{RootError, Share, Slot, SlotFile, SlotKind};
use zeroize::Zeroizing;

use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::event::Event;

impl Engine {
    /// Checks that these shares open the root key that is open here, and records that so many
    /// custodians ask for `purpose`. Gives the slot that the shares belong to.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or what is wrong with the shares or the slot file.
    pub fn prove_quorum(
        &self,
        by: &Caller,
        texts: &[Zeroizing<String>],
        purpose: &str,
    ) -> Result<u32, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let file = SlotFile::load(&self.inner.config.slots_path)?;
        // Whoever can write a slot file could write one with shares of his own.
        file.verify(unsealed.keyring.read().root())?;
        let shares = texts
            .iter()
            .map(|text| Share::parse(text))
            .collect::<Result<Vec<_>, _>>()
            .map_err(RootError::from)?;
        let verified = file.verify_shares(&shares)?;
        // Whoever deals shares could keep them all. Those dealt since the first set-up count when
        // somebody else has vouched that custodians hold them.
        let set = file.slots().iter().find(|s| s.id == verified.slot).and_then(set_of);
        if set.is_none_or(|set| !self.quorum_sets().contains(&set)) {
            return Err(EngineError::NotVouched(verified.slot));
        }
        let (slot, count) = (verified.slot.to_string(), shares.len().to_string());
        let parameters = [("slot", &*slot), ("shares", &*count), ("for", purpose)];
        let event = Event { parameters: &parameters, ..Event::new("quorum-proved") };
        self.record(by, &event)?;
        tracing::warn!(user = %by.user, purpose, "a quorum of custodians was proved");
        Ok(verified.slot)
    }

    /// An officer vouches that custodians hold the shares of a slot. Shares that were dealt at the
    /// first set-up need that not.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], [`EngineError::Refused`] for a slot that has no shares, or the
    /// store's.
    pub fn vouch_slot(&self, by: &Caller, id: u32) -> Result<(), EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let _one_at_a_time = self.inner.slot_changes.lock();
        let file = SlotFile::load(&self.inner.config.slots_path)?;
        file.verify(unsealed.keyring.read().root())?;
        let set = file.slots().iter().find(|slot| slot.id == id).and_then(set_of);
        let set = set.ok_or_else(|| {
            EngineError::Refused(format!("slot {id} is not one of this root key's with shares"))
        })?;
        let mut sets = self.quorum_sets();
        if !sets.contains(&set) {
            sets.push(set);
        }
        // What no slot has any more is forgotten.
        sets.retain(|set| file.slots().iter().filter_map(set_of).any(|held| held == *set));
        self.keep_quorum_sets(by, &sets)
    }

    /// Whether the shares of a slot count as a quorum's.
    pub fn is_vouched(&self, slot: &SlotKind) -> bool {
        set_in(slot).is_some_and(|set| self.quorum_sets().contains(&set))
    }

    /// Whether any slot has shares that count as a quorum's.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or what is wrong with the slot file.
    pub(crate) fn has_quorum(&self) -> Result<bool, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let path = &self.inner.config.slots_path;
        if !path.exists() {
            return Ok(false);
        }
        let file = SlotFile::load(path)?;
        file.verify(unsealed.keyring.read().root())?;
        Ok(file.slots().iter().any(|slot| self.is_vouched(&slot.kind)))
    }

    /// Vouches for the shares that the first set-up dealt.
    pub(crate) fn vouch_first(&self, by: &Caller, file: &SlotFile) -> Result<(), EngineError> {
        let sets: Vec<String> = file.slots().iter().filter_map(set_of).collect();
        self.keep_quorum_sets(by, &sets)
    }

    fn keep_quorum_sets(&self, by: &Caller, sets: &[String]) -> Result<(), EngineError> {
        self.put_setting(by, QUORUM_SETS, sets.join("\n").as_bytes())
    }

    fn quorum_sets(&self) -> Vec<String> {
        let kept = self.setting(QUORUM_SETS).unwrap_or_default();
        String::from_utf8_lossy(&kept).lines().map(str::to_owned).collect()
    }
}

/// The setting that names the sets of shares that count as a quorum's, one in each line.
const QUORUM_SETS: &str = "quorum-sets";

fn set_of(slot: &Slot) -> Option<String> {
    set_in(&slot.kind)
}

fn set_in(kind: &SlotKind) -> Option<String> {
    match kind {
        SlotKind::Shamir { set, .. } => Some(set.to_string()),
        _ => None,
    }
}
