//! The root key: first set-up, opening and closing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use strongroom_model::{Change, ObjectId};
use strongroom_root::RootKey;
use strongroom_store::{StoreError, StoreKeys};

use crate::around::Rehearsal;
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::event::{self, Event};
use crate::refusal::Refusal;
use crate::root_key::under_way;
use crate::unsealed::Unsealed;

/// Where the wrapped key-encryption keys lie, by epoch. Not in the journal: an epoch must be
/// erasable.
pub(crate) const EPOCHS: &str = "epoch/";

/// Objects sealed anew in one transaction.
const ROTATE_BATCH: u32 = 256;

impl Engine {
    /// Whether there is a root key.
    pub fn is_initialised(&self) -> bool {
        // What cannot be read is no reason to begin anew over it.
        self.wrapped_epochs(EPOCHS).map_or(true, |epochs| !epochs.is_empty())
    }

    /// Whether the root key is closed.
    pub fn is_sealed(&self) -> bool {
        self.inner.unsealed().is_none()
    }

    /// Opens the key manager with its root key, or begins it with a new one.
    pub(crate) fn open_with(&self, by: &Caller, root: RootKey) -> Result<(), EngineError> {
        self.open_by_slot(by, None, root)
    }

    /// As [`Engine::open_with`], with the slot that gave the root key, for the record.
    pub(crate) fn open_by_slot(
        &self,
        by: &Caller,
        slot: Option<u32>,
        root: RootKey,
    ) -> Result<(), EngineError> {
        let mut keyring = self.open_epochs(root)?;
        let first = keyring.current_epoch() == 0;
        let new_epoch = if first { Some(keyring.add_epoch()?) } else { None };
        let (seed, seal) = keyring.chain_keys("changes")?;
        let keys = StoreKeys::new(&keyring.record_key()?, seal)?;
        self.inner.store.unlock(keys, seed)?;
        if let Some((epoch, wrapped)) = new_epoch {
            self.keep_epoch(by, "initialise", epoch, Some(wrapped))?;
        }
        let root = keyring.root().try_clone()?;
        self.load_rules()?;
        let unsealed = Unsealed::open(&self.inner, keyring, self.inner.stamp_ms())?;
        self.inner.compare_clock(&unsealed);
        self.settle_root_key(by, &root)?;
        self.compare_uses(&unsealed)?;
        let now_ms = self.inner.stamp_ms();
        // What happened while it was sealed comes first. The lock keeps whoever records
        // something at this moment waiting until it is open.
        let mut held = self.inner.held.lock();
        held.write(&unsealed, now_ms).map_err(EngineError::unrecorded)?;
        let refused = self.inner.refused_unseals.load(Ordering::Relaxed).to_string();
        let slot = slot.map_or_else(String::new, |slot| slot.to_string());
        let event = match first {
            true => Event::new("initialise"),
            false => Event {
                parameters: &[("slot", &slot), ("refused-before", &refused)],
                ..Event::new("unseal")
            },
        };
        let (kind, body) = event::encode(by, &event);
        unsealed.append_use(now_ms, &by.user, kind, body).map_err(EngineError::unrecorded)?;
        self.inner.refused_unseals.store(0, Ordering::Relaxed);
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
        if let Some(rehearsal) = self.rehearses() {
            rehearsal.note("seal", "the root key is forgotten until it is unsealed again");
            return Ok(());
        }
        if let Err(error) = self.keep_clock_mark(true) {
            tracing::warn!(%error, "the time was not kept for the next start");
        }
        self.record(by, &Event::new("seal"))?;
        if let Err(error) = self.sign_heads() {
            tracing::warn!(%error, "the ends of the audit chains were not signed");
        }
        let _ended = self.end_retaining();
        self.inner.set_unsealed(None);
        self.inner.store.lock()?;
        self.inner.cache.clear();
        self.inner.allowances.clear();
        self.inner.streams.clear();
        self.inner.pairs.clear();
        self.forget_prepared_root_key();
        Ok(())
    }

    /// Begins a new epoch and seals every object's material under it, while requests go on.
    /// `progress` is told how many are done, of how many in all. With `shred` the keys of the old
    /// epochs are erased at the end: what was sealed under them, and destroyed since, cannot be
    /// opened by anybody any more.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or the store's; what was done stays done, and a further call goes
    /// on with it.
    pub fn rotate(
        &self,
        by: &Caller,
        shred: bool,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<u32, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let _one_at_a_time = self.inner.epoch_changes.try_lock().ok_or_else(under_way)?;
        if let Some(rehearsal) = self.rehearses() {
            return self.try_rotation(rehearsal, &unsealed, shred);
        }
        // An epoch that is wrapped by one root key must not come beside those of another.
        let root = unsealed.keyring.read().root().try_clone()?;
        self.settle_root_key(by, &root)?;
        let (epoch, wrapped) = unsealed.keyring.write().add_epoch()?;
        if let Err(error) = self.keep_epoch(by, "rotate", epoch, Some(wrapped)) {
            // Nothing may be sealed under a key that is not kept.
            unsealed.keyring.write().drop_newest_epoch(epoch);
            return Err(error);
        }
        let total = self.inner.store.read(|tx| tx.count_not_in_epoch(epoch))?;
        let mut done = 0;
        loop {
            let ids = self.inner.store.read(|tx| tx.not_in_epoch(epoch, ROTATE_BATCH))?;
            if ids.is_empty() {
                break;
            }
            done += ids.len() as u64;
            self.reseal(by, &unsealed, epoch, ids)?;
            progress(done.min(total), total);
        }
        if shred {
            let old: Vec<u32> = unsealed.keyring.read().epochs().filter(|e| *e != epoch).collect();
            for old in old {
                self.keep_epoch(by, "shred", old, None)?;
                unsealed.keyring.write().retire_epoch(old);
            }
            // Remnants in the write-ahead log go too.
            self.inner.store.checkpoint()?;
        }
        Ok(epoch)
    }

    /// What [`Engine::rotate`] would do.
    fn try_rotation(
        &self,
        rehearsal: &Rehearsal,
        unsealed: &Unsealed,
        shred: bool,
    ) -> Result<u32, EngineError> {
        let keyring = unsealed.keyring.read();
        let epoch = keyring.current_epoch() + 1;
        let total = self.inner.store.read(|tx| tx.count_not_in_epoch(epoch))?;
        rehearsal.note("epoch begun", format!("epoch {epoch}"));
        rehearsal.note("rewrapped", format!("{total} objects under epoch {epoch}"));
        if shred {
            let old: Vec<String> = keyring.epochs().map(|epoch| epoch.to_string()).collect();
            rehearsal.note("epoch erased", format!("epochs {}", old.join(", ")));
        }
        Ok(epoch)
    }

    fn reseal(
        &self,
        by: &Caller,
        unsealed: &Arc<Unsealed>,
        epoch: u32,
        ids: Vec<ObjectId>,
    ) -> Result<(), EngineError> {
        let origin = by.origin("rotate", "");
        let now_ms = self.inner.stamp_ms();
        let unsealed = unsealed.clone();
        self.commit(move |tx| {
            for id in ids {
                let Some(object) = tx.object(&id)? else { continue };
                let Some(old) = object.material.filter(|m| m.epoch != epoch) else { continue };
                let damaged = |e: Refusal| StoreError::Damaged(format!("object {id}"), e.message);
                let plain = unsealed.open_material(&id, &old).map_err(damaged)?;
                let material = unsealed.seal_material(&id, old.version, &plain).map_err(damaged)?;
                let change = Change::Rewrapped { id: id.clone(), material };
                tx.append(&origin, &change, now_ms)?;
            }
            Ok(())
        })
    }

    /// The wrapped key-encryption keys by epoch, in force or not ([`EPOCHS`] and others); readable
    /// while sealed.
    pub(crate) fn wrapped_epochs(&self, set: &str) -> Result<Vec<(u32, Vec<u8>)>, EngineError> {
        let mut epochs: Vec<(u32, Vec<u8>)> = self
            .inner
            .store
            .locals(set)?
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
        let now_ms = self.inner.stamp_ms();
        self.commit(move |tx| {
            tx.put_local(&format!("{EPOCHS}{epoch}"), wrapped.as_deref())?;
            tx.append(&origin, &change, now_ms).map(|_| ())
        })
    }
}
