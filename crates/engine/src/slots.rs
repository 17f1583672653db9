//! Root slots: first set-up, unsealing, and changing what opens the root key.

use std::sync::atomic::Ordering;

use strongroom_model::Change;
use strongroom_root::{
    Argon2Cost, RootError, RootKey, Share, SlotError, SlotFile, SlotKind, VerifiedShares,
};
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::event::Event;

/// A slot to be made.
#[derive(Debug)]
pub enum NewSlot {
    /// A new random key file opens it.
    File {
        /// What people call it.
        label: String,
        /// Where the file is made; it must not exist yet.
        path: std::path::PathBuf,
    },
    /// A systemd credential opens it.
    SystemdCredential {
        /// What people call it.
        label: String,
        /// The credential's name.
        name: String,
    },
    /// A passphrase opens it.
    Passphrase {
        /// What people call it.
        label: String,
        /// It.
        passphrase: SecretBytes,
    },
    /// Any `threshold` of `shares` open it.
    Shamir {
        /// What people call it.
        label: String,
        /// How many shares open.
        threshold: u8,
        /// How many there are.
        shares: u8,
        /// The custodians' age public keys, in order: none, or one for each share.
        recipients: Vec<String>,
    },
}

/// A share on its way to its custodian.
#[derive(Debug)]
pub enum DealtShare {
    /// In clear, to be shown once.
    Text(Zeroizing<String>),
    /// An age file that its custodian alone opens.
    Encrypted(Vec<u8>),
}

/// A slot that was made.
#[derive(Debug)]
pub struct MadeSlot {
    /// Its number.
    pub id: u32,
    /// Its shares, if it has any: they are nowhere else.
    pub shares: Vec<DealtShare>,
}

/// One thing that opens.
#[derive(Debug)]
pub enum Unlock {
    /// Whatever is at hand without people: key files and systemd credentials.
    Unattended,
    /// A passphrase.
    Passphrase(SecretBytes),
    /// One share.
    Share(Zeroizing<String>),
    /// Forget the shares given so far.
    Reset,
}

/// How far an unsealing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsealProgress {
    /// Whether it is open now.
    pub unsealed: bool,
    /// Shares given.
    pub given: u8,
    /// Shares needed.
    pub needed: u8,
}

/// A slot, as anybody with an office may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// Its number.
    pub id: u32,
    /// What people call it.
    pub label: String,
    /// Its kind and what is particular about it.
    pub kind: SlotKind,
}

impl Engine {
    /// Makes the root key with these slots, and opens the key manager with it.
    ///
    /// # Errors
    /// [`EngineError::AlreadyInitialised`]; a set of slots that breaks the rule (two at least,
    /// one of them offline); a slot that cannot be made.
    pub fn initialise(
        &self,
        by: &Caller,
        slots: Vec<NewSlot>,
    ) -> Result<Vec<MadeSlot>, EngineError> {
        if self.is_initialised() {
            return Err(EngineError::AlreadyInitialised);
        }
        self.set_aside_older_slots(&slots)?;
        let root = RootKey::generate()?;
        let mut file = SlotFile::new(&root)?;
        let mut made = Vec::new();
        for slot in slots {
            made.push(self.make_slot(&mut file, &root, slot)?);
        }
        file.check_rule().map_err(|rule| RootError::from(SlotError::Rule(rule)))?;
        // Slots first: a store whose root key nothing opens would be lost.
        file.save(&self.inner.config.slots_path)?;
        self.open_with(by, root)?;
        Ok(made)
    }

    /// A set-up that ended between its slot file and its store left files behind that stand in
    /// the way. They are moved aside and never removed: an empty store may also mean that the
    /// data's disk is not mounted, and then these are the only way to its keys.
    fn set_aside_older_slots(&self, slots: &[NewSlot]) -> Result<(), EngineError> {
        let keys = slots.iter().filter_map(|slot| match slot {
            NewSlot::File { path, .. } => Some(path),
            _ => None,
        });
        let stamp = self.inner.wall_ms();
        for path in keys.chain([&self.inner.config.slots_path]) {
            let mut aside = path.clone().into_os_string();
            aside.push(format!(".before-{stamp}"));
            match std::fs::rename(path, &aside) {
                Ok(()) => tracing::warn!(
                    path = %path.display(),
                    aside = %std::path::Path::new(&aside).display(),
                    "a root slot was there without a store that it opens: it is kept aside"
                ),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(EngineError::io(path, &error)),
            }
        }
        Ok(())
    }

    /// Gives one thing that opens.
    ///
    /// # Errors
    /// [`EngineError::NotInitialised`], [`EngineError::NotSealed`], or what is wrong with it.
    pub fn unseal(&self, by: &Caller, with: Unlock) -> Result<UnsealProgress, EngineError> {
        let result = self.try_unseal(by, with);
        if let Err(EngineError::Root(error)) = &result {
            // Sealed, nothing can be journalled: the attempt is in the log, and counted for the
            // record that the next unsealing writes.
            self.inner.refused_unseals.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(user = %by.user, address = %by.address, %error, "unsealing refused");
        }
        result
    }

    fn try_unseal(&self, by: &Caller, with: Unlock) -> Result<UnsealProgress, EngineError> {
        if !self.is_initialised() {
            return Err(EngineError::NotInitialised);
        }
        if !self.is_sealed() {
            return Err(EngineError::NotSealed);
        }
        let file = SlotFile::load(&self.inner.config.slots_path)?;
        let opened = match with {
            Unlock::Reset => {
                self.inner.shares.lock().clear();
                return Ok(UnsealProgress { unsealed: false, given: 0, needed: 0 });
            }
            Unlock::Unattended => {
                let credentials = self.inner.config.credentials_dir.as_deref();
                file.open_unattended(credentials).map_err(|mut failures| match failures.pop() {
                    Some((_, error)) => error,
                    None => SlotError::NoSlotOfKind("file or systemd-credential").into(),
                })?
            }
            Unlock::Passphrase(passphrase) => {
                // One guess at a time: each takes much memory, and anybody with a certificate may
                // send as many as there are connections.
                let _one = self.inner.slot_changes.lock();
                if !self.is_sealed() {
                    return Err(EngineError::NotSealed);
                }
                file.open_with_passphrase(&passphrase)?
            }
            Unlock::Share(text) => match self.collect(&file, &text)? {
                Ok(opened) => opened,
                Err(progress) => return Ok(progress),
            },
        };
        self.inner.shares.lock().clear();
        self.open_by_slot(by, Some(opened.slot), opened.root)?;
        Ok(UnsealProgress { unsealed: true, given: 0, needed: 0 })
    }

    /// Takes one more share; opens when there are enough. A share that does not belong to those
    /// given before is refused and the others stay.
    fn collect(
        &self,
        file: &SlotFile,
        text: &str,
    ) -> Result<Result<strongroom_root::Opened, UnsealProgress>, EngineError> {
        let share = Share::parse(text).map_err(RootError::from)?;
        let mut given = self.inner.shares.lock();
        // A share of another set is told apart at once, and those given before stay. Whose first
        // share counts is for the slots to say: otherwise a stranger's would shut out all others.
        let sets = || {
            file.slots().iter().filter_map(|slot| match slot.kind {
                SlotKind::Shamir { threshold, set, .. } => Some((set, threshold)),
                _ => None,
            })
        };
        let newest = sets().next_back().map(|(set, _)| set);
        let wanted = given.first().map(Share::set);
        let known = sets().find(|(set, _)| *set == share.set() && wanted.is_none_or(|w| w == *set));
        let Some((_, threshold)) = known else {
            let none = || SlotError::NoSlotOfKind("shamir");
            let expected = wanted.or(newest).ok_or_else(none).map_err(RootError::from)?;
            let wrong = SlotError::OtherSet { index: share.index(), set: share.set(), expected };
            return Err(RootError::from(wrong).into());
        };
        if !given.iter().any(|s| s.index() == share.index()) {
            given.push(share);
        }
        let count = u8::try_from(given.len()).unwrap_or(u8::MAX);
        if count < threshold {
            return Ok(Err(UnsealProgress { unsealed: false, given: count, needed: threshold }));
        }
        let opened = file.open_with_shares(&given);
        if opened.is_err() {
            // One of them is wrong, and nobody can tell which: begin again.
            given.clear();
        }
        Ok(Ok(opened?))
    }

    /// The slots.
    ///
    /// # Errors
    /// [`EngineError::NotInitialised`], or a slot file that cannot be read.
    pub fn slots(&self) -> Result<Vec<SlotInfo>, EngineError> {
        if !self.is_initialised() {
            return Err(EngineError::NotInitialised);
        }
        let file = SlotFile::load(&self.inner.config.slots_path)?;
        Ok(file
            .slots()
            .iter()
            .map(|s| SlotInfo { id: s.id, label: s.label.clone(), kind: s.kind.clone() })
            .collect())
    }

    /// Adds a slot.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or a slot that cannot be made.
    pub fn add_slot(&self, by: &Caller, slot: NewSlot) -> Result<MadeSlot, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let _one_at_a_time = self.inner.slot_changes.lock();
        let path = &self.inner.config.slots_path;
        let mut file = SlotFile::load(path)?;
        let made = {
            let keyring = unsealed.keyring.read();
            file.verify(keyring.root())?;
            self.make_slot(&mut file, keyring.root(), slot)?
        };
        self.note(by, "add slot", "slot added", &made.id.to_string())?;
        file.save(path)?;
        Ok(made)
    }

    /// Removes a slot.
    ///
    /// # Errors
    /// [`EngineError::Sealed`]; no such slot; the rest would break the rule.
    pub fn remove_slot(&self, by: &Caller, id: u32) -> Result<(), EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let _one_at_a_time = self.inner.slot_changes.lock();
        let path = &self.inner.config.slots_path;
        let mut file = SlotFile::load(path)?;
        {
            let keyring = unsealed.keyring.read();
            file.verify(keyring.root())?;
            file.remove(keyring.root(), id)?;
        }
        self.note(by, "remove slot", "slot removed", &id.to_string())?;
        Ok(file.save(path)?)
    }

    /// Proves that shares would open their slot, without opening it.
    ///
    /// # Errors
    /// [`EngineError::NotInitialised`], or what is wrong with a share.
    pub fn verify_shares(
        &self,
        by: &Caller,
        texts: &[Zeroizing<String>],
    ) -> Result<VerifiedShares, EngineError> {
        if !self.is_initialised() {
            return Err(EngineError::NotInitialised);
        }
        let file = SlotFile::load(&self.inner.config.slots_path)?;
        let shares = texts
            .iter()
            .map(|text| Share::parse(text))
            .collect::<Result<Vec<_>, _>>()
            .map_err(RootError::from)?;
        let verified = file.verify_shares(&shares)?;
        let slot = verified.slot.to_string();
        let event = Event { parameters: &[("slot", &slot)], ..Event::new("verify shares") };
        self.record(by, &event)?;
        Ok(verified)
    }

    fn make_slot(
        &self,
        file: &mut SlotFile,
        root: &RootKey,
        slot: NewSlot,
    ) -> Result<MadeSlot, EngineError> {
        let credentials = self.inner.config.credentials_dir.as_deref();
        let (id, shares) = match slot {
            NewSlot::File { label, path } => (file.add_file(root, &label, &path)?, Vec::new()),
            NewSlot::SystemdCredential { label, name } => {
                (file.add_credential(root, &label, &name, credentials)?, Vec::new())
            }
            NewSlot::Passphrase { label, passphrase } => {
                let cost = Argon2Cost::default();
                (file.add_passphrase(root, &label, &passphrase, cost)?, Vec::new())
            }
            NewSlot::Shamir { label, threshold, shares, recipients } => {
                if !recipients.is_empty() && recipients.len() != usize::from(shares) {
                    return Err(EngineError::Refused(format!(
                        "{shares} shares need {shares} custodians' keys or none, not {}",
                        recipients.len()
                    )));
                }
                let (id, dealt) = file.add_shamir(root, &label, threshold, shares)?;
                (id, deal(&dealt, &recipients)?)
            }
        };
        Ok(MadeSlot { id, shares })
    }

    fn note(
        &self,
        by: &Caller,
        operation: &str,
        what: &str,
        text: &str,
    ) -> Result<(), EngineError> {
        let change = Change::Noted { what: what.to_owned(), text: text.to_owned() };
        self.append(by, operation, change)
    }
}

fn deal(shares: &[Share], recipients: &[String]) -> Result<Vec<DealtShare>, EngineError> {
    if recipients.is_empty() {
        return Ok(shares.iter().map(|s| DealtShare::Text(s.to_text())).collect());
    }
    shares
        .iter()
        .zip(recipients)
        .map(|(share, recipient)| Ok(DealtShare::Encrypted(share.encrypt_to(recipient)?)))
        .collect()
}
