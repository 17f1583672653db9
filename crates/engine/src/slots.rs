//! Root slots: first set-up, and changing what opens the root key.

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
        self.vouch_first(by, &file)?;
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
        let stamp = self.inner.stamp_ms();
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
            match self.rehearses() {
                Some(_) => self.try_slot(&mut file, keyring.root(), slot)?,
                None => self.make_slot(&mut file, keyring.root(), slot)?,
            }
        };
        self.note(by, "add slot", "slot added", &made.id.to_string())?;
        if self.rehearses().is_some() {
            return Ok(made);
        }
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
        }
        let key_file = file.slots().iter().find(|s| s.id == id).and_then(|s| match &s.kind {
            SlotKind::File { path } => Some(path.clone()),
            _ => None,
        });
        file.remove(unsealed.keyring.read().root(), id)?;
        self.note(by, "remove slot", "slot removed", &id.to_string())?;
        if self.rehearses().is_some() {
            return Ok(());
        }
        file.save(path)?;
        // The key file opens nothing any more, but would together with an old slot file.
        if let Some(key_file) = key_file
            && let Err(error) = std::fs::remove_file(&key_file)
        {
            tracing::warn!(file = %key_file.display(), %error, "the slot's key file was not removed");
        }
        Ok(())
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

    /// As [`Engine::make_slot`] in memory alone, and no share leaves.
    fn try_slot(
        &self,
        file: &mut SlotFile,
        root: &RootKey,
        slot: NewSlot,
    ) -> Result<MadeSlot, EngineError> {
        if let NewSlot::File { path, .. } = &slot {
            // Making the slot would make the file.
            if path.exists() {
                return Err(EngineError::Occupied(path.display().to_string()));
            }
            let id = file.slots().iter().map(|slot| slot.id).max().unwrap_or(0) + 1;
            return Ok(MadeSlot { id, shares: Vec::new() });
        }
        let made = self.make_slot(file, root, slot)?;
        Ok(MadeSlot { shares: Vec::new(), ..made })
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

    pub(crate) fn note(
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

pub(crate) fn deal(
    shares: &[Share],
    recipients: &[String],
) -> Result<Vec<DealtShare>, EngineError> {
    if recipients.is_empty() {
        return Ok(shares.iter().map(|s| DealtShare::Text(s.to_text())).collect());
    }
    shares
        .iter()
        .zip(recipients)
        .map(|(share, recipient)| Ok(DealtShare::Encrypted(share.encrypt_to(recipient)?)))
        .collect()
}
