//! A quorum of custodians, proved by their shares: what gives a house without administrators a new
//! one, and what nothing else can.

use strongroom_root::{RootError, Share, SlotFile};
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
        let (slot, count) = (verified.slot.to_string(), shares.len().to_string());
        let parameters = [("slot", &*slot), ("shares", &*count), ("for", purpose)];
        let event = Event { parameters: &parameters, ..Event::new("quorum-proved") };
        self.record(by, &event)?;
        tracing::warn!(user = %by.user, purpose, "a quorum of custodians was proved");
        Ok(verified.slot)
    }
}
