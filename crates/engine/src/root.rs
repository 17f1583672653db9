//! The root key: first set-up, opening and closing.

use std::sync::Arc;

use strongroom_journal::kind;
use strongroom_model::Change;
use strongroom_root::{Keyring, RootKey};
use strongroom_store::StoreKeys;

use crate::audit::UseRecord;
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::unsealed::Unsealed;

/// Where the wrapped key-encryption keys lie, by epoch. Not in the journal: an epoch must be
/// erasable.
const EPOCHS: &str = "epoch/";

impl Engine {
    /// Whether there is a root key.
    pub fn is_initialised(&self) -> bool {
        self.wrapped_epochs().is_ok_and(|epochs| !epochs.is_empty())
    }

    /// Whether the root key is closed.
    pub fn is_sealed(&self) -> bool {
        self.inner.unsealed().is_none()
    }

    /// Opens the key manager with a root key that a slot gave, or begins it with a new one.
    pub(crate) fn open_with(&self, by: &Caller, root: RootKey) -> Result<(), EngineError> {
        let wrapped = self.wrapped_epochs()?;
        let first = wrapped.is_empty();
        let mut keyring =
            Keyring::open(root, wrapped.iter().map(|(epoch, bytes)| (*epoch, bytes.as_slice())))?;
        let new_epoch = if first { Some(keyring.add_epoch()?) } else { None };
        let (seed, seal) = keyring.chain_keys("changes")?;
        let keys = StoreKeys::new(&keyring.record_key()?, seal)?;
        self.inner.store.unlock(keys, seed)?;
        if let Some((epoch, wrapped)) = new_epoch {
            self.keep_epoch(by, "initialise", epoch, Some(wrapped))?;
        }
        let now_ms = self.inner.wall_ms();
        let unsealed = Unsealed::open(&self.inner.config, keyring, now_ms)?;
        let record = UseRecord {
            fingerprint: by.fingerprint.clone(),
            address: by.address.clone(),
            action: if first { "initialise" } else { "unseal" }.to_owned(),
            ..UseRecord::default()
        };
        unsealed
            .append_use(now_ms, &by.user, kind::SERVER_EVENT, record.encode())
            .map_err(|refusal| EngineError::Audit(refusal.message))?;
        self.inner.set_unsealed(Some(Arc::new(unsealed)));
        Ok(())
    }

    /// Closes the root key: keys are wiped from memory, and nothing but health and unsealing is
    /// answered.
    ///
    /// # Errors
    /// [`EngineError::Sealed`] when it is closed already.
    pub fn seal(&self, by: &Caller) -> Result<(), EngineError> {
        if self.is_sealed() {
            return Err(EngineError::Sealed);
        }
        self.server_event(by, "seal", &[])?;
        self.inner.set_unsealed(None);
        self.inner.store.lock()?;
        self.inner.cache.clear();
        self.inner.allowances.clear();
        self.inner.streams.clear();
        Ok(())
    }

    /// The wrapped key-encryption keys by epoch; readable while sealed.
    pub(crate) fn wrapped_epochs(&self) -> Result<Vec<(u32, Vec<u8>)>, EngineError> {
        let mut epochs: Vec<(u32, Vec<u8>)> = self
            .inner
            .store
            .locals(EPOCHS)?
            .into_iter()
            .filter_map(|(key, wrapped)| Some((key.parse().ok()?, wrapped)))
            .collect();
        epochs.sort();
        Ok(epochs)
    }

    /// Keeps or erases an epoch's wrapped key, and journals that it was done.
    pub(crate) fn keep_epoch(
        &self,
        by: &Caller,
        operation: &str,
        epoch: u32,
        wrapped: Option<Vec<u8>>,
    ) -> Result<(), EngineError> {
        let what = if wrapped.is_some() { "epoch begun" } else { "epoch erased" };
        let change = Change::Noted { what: what.to_owned(), text: epoch.to_string() };
        let origin = by.origin(operation, "");
        let now_ms = self.inner.wall_ms();
        self.commit(move |tx| {
            tx.put_local(&format!("{EPOCHS}{epoch}"), wrapped.as_deref())?;
            tx.append(&origin, &change, now_ms).map(|_| ())
        })
    }
}
