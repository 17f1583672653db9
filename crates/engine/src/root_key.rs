//! Replacing the root key, while requests go on.
//!
//! Nothing but wrapped epochs hangs on the root key, so no row of the store is touched. What has to
//! be got right is that at every moment there is a way in, also when the server is killed:
//!
//! 1. [`Engine::prepare_root_key`] makes the new key and its slots in memory, asks every keeper's
//!    secret and deals new shares. Nothing is written: whatever ends here leaves the old key.
//! 2. The shares are handed out. Only then [`Engine::replace_root_key`] is called, which
//!    1. stores the epochs wrapped by the new key *beside* those wrapped by the old one,
//!    2. puts the new slots in the place of the old ones: from here on the new secrets open,
//!    3. puts the new wrapped epochs in the place of the old ones.
//!
//! Who opens in between finds both sets of wrapped epochs, takes the one that is of the root key
//! which the slots gave, and [settles](Engine::settle_root_key) which remains.

use strongroom_model::Change;
use strongroom_root::{Keyring, RootError, RootKey, SlotError, SlotFile, SlotKind, SlotSecret};
use strongroom_secmem::SecretBytes;

use crate::around::Rehearsal;
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::root::EPOCHS;
use crate::slots::{MadeSlot, deal};

/// Where the epochs wrapped by a new root key lie until it has taken the place of the old one.
pub(crate) const NEXT_EPOCHS: &str = "next-epoch/";

/// What the journal calls it.
const OPERATION: &str = "replace root key";

/// What the new root key's slots need that is not at hand here.
#[derive(Debug, Default)]
pub struct NewRootKey {
    /// The passphrase of each passphrase slot, by slot.
    pub passphrases: Vec<(u32, SecretBytes)>,
    /// The custodians' age public keys of a slot of shares, by slot, one for each share. Shares of
    /// a slot that is not named here come in clear.
    pub recipients: Vec<(u32, Vec<String>)>,
}

/// A new root key that waits until its shares are handed out.
#[derive(Debug)]
pub struct PreparedRootKey {
    /// Names it to [`Engine::replace_root_key`].
    pub token: String,
    /// The new shares of each slot that has some: they are nowhere else.
    pub slots: Vec<MadeSlot>,
}

/// A prepared root key. Only one waits at a time.
pub(crate) struct Waiting {
    token: String,
    root: RootKey,
    /// The slots that it was made from: others may have come since.
    old: SlotFile,
    new: SlotFile,
}

/// What a test does between the steps.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Look(pub(crate) Option<Box<dyn FnMut(&'static str) + Send>>);

impl Engine {
    /// Makes a new root key and its slots, and deals its shares. Nothing changes until
    /// [`Engine::replace_root_key`]; a key prepared before is forgotten.
    ///
    /// # Errors
    /// [`EngineError::Sealed`]; a passphrase that is missing or wrong, a key file or credential that
    /// is not at hand; custodians' keys that do not fit the shares.
    pub fn prepare_root_key(&self, with: &NewRootKey) -> Result<PreparedRootKey, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let _one_at_a_time = self.inner.slot_changes.lock();
        let file = SlotFile::load(&self.inner.config.slots_path)?;
        check_named(&file, with)?;
        // A copy, so that passphrases are stretched while others use the keys.
        let old = unsealed.keyring.read().root().try_clone()?;
        let root = RootKey::generate()?;
        let secrets: Vec<_> = with
            .passphrases
            .iter()
            .map(|(slot, phrase)| (*slot, SlotSecret::Passphrase(phrase)))
            .collect();
        let credentials = self.inner.config.credentials_dir.as_deref();
        let rotated = file.rotate(&old, &root, credentials, &secrets)?;
        let mut slots = Vec::new();
        for (id, shares) in &rotated.shares {
            let recipients = with.recipients.iter().find(|(slot, _)| slot == id);
            let shares = deal(shares, recipients.map_or(&[], |(_, keys)| keys.as_slice()))?;
            slots.push(MadeSlot { id: *id, shares });
        }
        let mut token = [0; 16];
        strongroom_crypto::random(&mut token)?;
        let token: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
        let waiting = Waiting { token: token.clone(), root, old: file, new: rotated.slots };
        *self.inner.waiting_root_key.lock() = Some(waiting);
        Ok(PreparedRootKey { token, slots })
    }

    /// Puts a prepared root key in the place of the present one, now that its shares are handed
    /// out. Gives how often the root key was replaced.
    ///
    /// # Errors
    /// [`EngineError::WrongState`] when no such key waits, the slots were changed since, or epochs
    /// are being changed; the disk's. Whatever it is, either the old or the new secrets open.
    pub fn replace_root_key(&self, by: &Caller, token: &str) -> Result<u64, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let _epochs = self.inner.epoch_changes.try_lock().ok_or_else(under_way)?;
        let _slots = self.inner.slot_changes.lock();
        let path = &self.inner.config.slots_path;
        if let Some(rehearsal) = self.rehearses() {
            return self.try_root_key(rehearsal, token);
        }
        let waiting = {
            let mut slot = self.inner.waiting_root_key.lock();
            slot.take_if(|waiting| waiting.token == token)
        };
        let waiting = waiting.ok_or_else(|| wrong("no such root key waits: prepare it again"))?;
        if SlotFile::load(path)? != waiting.old {
            return Err(wrong("the slots were changed since: prepare the root key again"));
        }
        let present = unsealed.keyring.read().root().try_clone()?;
        self.settle_root_key(by, &present)?;
        let keyring = unsealed.keyring.read().try_clone()?.with_root(waiting.root);
        let wrapped = keyring.wrapped_epochs()?;
        let rotation = waiting.new.rotation();
        let root = keyring.root().try_clone()?;

        self.step("prepared");
        self.keep_next(by, &wrapped)?;
        self.step("wrapped beside");
        if let Err(error) = waiting.new.save(path) {
            // Both sets are here, so whichever slots are there now are worth something.
            if SlotFile::load(path).is_ok_and(|file| file == waiting.new) {
                *unsealed.keyring.write() = keyring;
            } else {
                self.settle_root_key(by, &present)?;
            }
            return Err(error.into());
        }
        self.step("slots saved");
        // From here on the file and the memory are of one root key, whatever becomes of the rest.
        *unsealed.keyring.write() = keyring;
        self.note(by, OPERATION, "root slots replaced", &rotation.to_string())?;
        self.step("slots noted");
        self.settle_root_key(by, &root)?;
        self.step("replaced");
        Ok(rotation)
    }

    /// What [`Engine::replace_root_key`] would do.
    fn try_root_key(&self, rehearsal: &Rehearsal, token: &str) -> Result<u64, EngineError> {
        let waiting = self.inner.waiting_root_key.lock();
        let waiting = waiting.as_ref().filter(|waiting| waiting.token == token);
        let waiting = waiting.ok_or_else(|| wrong("no such root key waits: prepare it again"))?;
        if SlotFile::load(&self.inner.config.slots_path)? != waiting.old {
            return Err(wrong("the slots were changed since: prepare the root key again"));
        }
        let detail = "every slot opens the new root key, and no secret of before opens it";
        rehearsal.note("root key replaced", detail);
        Ok(waiting.new.rotation())
    }

    /// Forgets a prepared root key.
    pub(crate) fn forget_prepared_root_key(&self) {
        *self.inner.waiting_root_key.lock() = None;
    }

    /// Opens the wrapped epochs with a root key: those in force, or those that wait to take their
    /// place if they are of this key.
    pub(crate) fn open_epochs(&self, root: RootKey) -> Result<Keyring, EngineError> {
        let next = self.wrapped_epochs(NEXT_EPOCHS)?;
        let other = if next.is_empty() { None } else { Some(root.try_clone()?) };
        match (open(root, &self.wrapped_epochs(EPOCHS)?), other) {
            (Err(RootError::WrongRoot { .. }), Some(root)) => Ok(open(root, &next)?),
            (opened, _) => Ok(opened?),
        }
    }

    /// Ends a replacement that was broken off: the set of wrapped epochs that is of this root key
    /// remains, and the other goes.
    pub(crate) fn settle_root_key(&self, by: &Caller, root: &RootKey) -> Result<(), EngineError> {
        let next = self.wrapped_epochs(NEXT_EPOCHS)?;
        if next.is_empty() {
            return Ok(());
        }
        let in_force = match open(root.try_clone()?, &next) {
            Ok(_) => {
                // It may be read from memory that no disk has seen. The old set must not go before
                // the slots are there for good.
                let path = &self.inner.config.slots_path;
                SlotFile::load(path)?.save(path)?;
                true
            }
            Err(RootError::WrongRoot { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        let what = if in_force { "root key replaced" } else { "root key not replaced" };
        let change = Change::Noted { what: what.to_owned(), text: next.len().to_string() };
        let origin = by.origin(OPERATION, "");
        let now_ms = self.inner.stamp_ms();
        self.commit(move |tx| {
            for (epoch, wrapped) in &next {
                if in_force {
                    tx.put_local(&format!("{EPOCHS}{epoch}"), Some(wrapped))?;
                }
                tx.put_local(&format!("{NEXT_EPOCHS}{epoch}"), None)?;
            }
            tx.append(&origin, &change, now_ms).map(|_| ())
        })?;
        // What the old root key opened remains in the write-ahead log no longer.
        Ok(self.inner.store.checkpoint()?)
    }

    fn keep_next(&self, by: &Caller, wrapped: &[(u32, Vec<u8>)]) -> Result<(), EngineError> {
        let wrapped = wrapped.to_vec();
        let what = "epochs wrapped by a new root key".to_owned();
        let change = Change::Noted { what, text: wrapped.len().to_string() };
        let origin = by.origin(OPERATION, "");
        let now_ms = self.inner.stamp_ms();
        self.commit(move |tx| {
            for (epoch, wrapped) in &wrapped {
                tx.put_local(&format!("{NEXT_EPOCHS}{epoch}"), Some(wrapped))?;
            }
            tx.append(&origin, &change, now_ms).map(|_| ())
        })
    }

    /// Where tests look at what a crash would leave.
    #[cfg(test)]
    fn step(&self, name: &'static str) {
        if let Some(look) = &mut self.inner.root_key_steps.lock().0 {
            look(name);
        }
    }

    #[cfg(not(test))]
    fn step(&self, _: &'static str) {}
}

fn open(root: RootKey, wrapped: &[(u32, Vec<u8>)]) -> Result<Keyring, RootError> {
    Keyring::open(root, wrapped.iter().map(|(epoch, bytes)| (*epoch, bytes.as_slice())))
}

fn wrong(why: &str) -> EngineError {
    EngineError::WrongState(why.to_owned())
}

/// Epochs are changed by somebody else at this moment.
pub(crate) fn under_way() -> EngineError {
    wrong("a rotation is under way: wait until it has ended")
}

/// Slots that are named and are not of the kind would be a mistake that nobody notices.
fn check_named(file: &SlotFile, with: &NewRootKey) -> Result<(), EngineError> {
    let kind = |id: u32| file.slots().iter().find(|slot| slot.id == id).map(|slot| &slot.kind);
    for (id, _) in &with.passphrases {
        match kind(*id) {
            Some(SlotKind::Passphrase { .. }) => {}
            Some(_) => return Err(refused(format!("slot {id} has no passphrase"))),
            None => return Err(RootError::from(SlotError::NoSlot(*id)).into()),
        }
    }
    for (id, keys) in &with.recipients {
        match kind(*id) {
            Some(SlotKind::Shamir { shares, .. }) if usize::from(*shares) == keys.len() => {}
            Some(SlotKind::Shamir { shares, .. }) => {
                return Err(refused(format!(
                    "the {shares} shares of slot {id} need {shares} custodians' keys or none, not {}",
                    keys.len()
                )));
            }
            Some(_) => return Err(refused(format!("slot {id} has no shares"))),
            None => return Err(RootError::from(SlotError::NoSlot(*id)).into()),
        }
    }
    Ok(())
}

fn refused(why: String) -> EngineError {
    EngineError::Refused(why)
}
