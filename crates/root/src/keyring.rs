//! The keys below the root key.
//!
//! ```text
//! root key ── HKDF "epoch" ── wraps, for each epoch, its two keys:
//!   ├─ key-encryption key of the epoch
//!   │    └─ HKDF "object", id, version ─ seals one object's material
//!   └─ service key, the same in every epoch
//!        ├─ HKDF "record"      ─ authenticates state rows
//!        ├─ HKDF "chain seal"  ─ seals the state of a journal chain
//!        ├─ HKDF "secret"      ─ seals the server's own small secrets (the CA's key ...)
//!        ├─ HKDF "cookie"      ─ signs sessions
//!        └─ HKDF "backup"      ─ seals backups
//! ```
//!
//! Every object's material is sealed under a key of its own, so that no nonce limit is ever near;
//! identity, version and epoch are bound to it twice: in the key and as associated data.
//!
//! Nothing but the wrapping hangs on the root key itself, so replacing it means wrapping a few
//! keys again and touches no row of the store.

use std::collections::BTreeMap;

use strongroom_crypto::{derive, random, seal};
use strongroom_kmip::HashingAlgorithm;
use strongroom_secmem::SecretBytes;

use crate::error::RootError;

/// Bytes of every symmetric key here.
pub const KEY_LEN: usize = 32;

/// Bytes of a check value.
pub const CHECK_LEN: usize = 16;

/// The root key: 32 random bytes that everything hangs on.
#[derive(Debug)]
pub struct RootKey(SecretBytes);

impl RootKey {
    /// A new random root key.
    ///
    /// # Errors
    /// The random generator, or locked memory.
    pub fn generate() -> Result<Self, RootError> {
        Ok(Self(random_key()?))
    }

    /// A root key that a slot opened.
    ///
    /// # Errors
    /// [`RootError::WrongLength`].
    pub fn from_secret(secret: SecretBytes) -> Result<Self, RootError> {
        if secret.len() != KEY_LEN {
            return Err(RootError::WrongLength { what: "root key", expected: KEY_LEN });
        }
        Ok(Self(secret))
    }

    /// The key's bytes, for slots to wrap.
    pub fn secret(&self) -> &SecretBytes {
        &self.0
    }

    /// A public value that tells a wrong root key from damaged data.
    ///
    /// # Errors
    /// Locked memory.
    pub fn check_value(&self) -> Result<[u8; CHECK_LEN], RootError> {
        check_value(&self.0, b"check value")
    }

    /// A copy in locked memory of its own.
    ///
    /// # Errors
    /// Locked memory.
    pub fn try_clone(&self) -> Result<Self, RootError> {
        Ok(Self(self.0.try_clone()?))
    }

    pub(crate) fn key(&self, label: &[u8]) -> Result<SecretBytes, RootError> {
        derive(&self.0, &[label])
    }
}

/// An object's sealed material and what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Epoch of the key-encryption key.
    pub epoch: u32,
    /// Version of the material.
    pub version: u32,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

impl Sealed {
    /// One string of bytes: epoch and version, big-endian, before the sealed bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.epoch.to_be_bytes(), &self.version.to_be_bytes(), self.bytes.as_slice()].concat()
    }

    /// Reads what [`Self::to_bytes`] wrote; nothing when it is too short.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (epoch, rest) = bytes.split_first_chunk()?;
        let (version, rest) = rest.split_first_chunk()?;
        Some(Self {
            epoch: u32::from_be_bytes(*epoch),
            version: u32::from_be_bytes(*version),
            bytes: rest.to_vec(),
        })
    }
}

/// The keys below an open root key.
#[derive(Debug)]
pub struct Keyring {
    root: RootKey,
    /// Missing until the first epoch.
    service: Option<SecretBytes>,
    epochs: BTreeMap<u32, SecretBytes>,
    current: u32,
}

impl Keyring {
    /// A keyring without epochs, for a new root key; [`Keyring::add_epoch`] comes next.
    pub fn new(root: RootKey) -> Self {
        Self { root, service: None, epochs: BTreeMap::new(), current: 0 }
    }

    /// Opens the wrapped keys of every epoch.
    ///
    /// # Errors
    /// [`RootError::WrongRoot`] when they were wrapped by another root key,
    /// [`RootError::Tampered`] when by this one and altered since.
    pub fn open<'a>(
        root: RootKey,
        wrapped: impl IntoIterator<Item = (u32, &'a [u8])>,
    ) -> Result<Self, RootError> {
        let check = root.check_value()?;
        let wrapping = root.key(b"epoch")?;
        let mut keyring = Self::new(root);
        for (epoch, bytes) in wrapped {
            let altered = || RootError::Tampered(format!("epoch {epoch}"));
            let (found, sealed) = bytes.split_first_chunk().ok_or_else(altered)?;
            if *found != check {
                return Err(RootError::WrongRoot { epoch });
            }
            let keys = seal::open(&wrapping, &epoch_aad(epoch), sealed).map_err(|_| altered())?;
            let (kek, service) = keys.as_slice().split_at_checked(KEY_LEN).ok_or_else(altered)?;
            match &keyring.service {
                None if service.len() == KEY_LEN => {
                    keyring.service = Some(SecretBytes::from_slice(service)?);
                }
                Some(known) if known.ct_eq(service) => {}
                _ => return Err(altered()),
            }
            keyring.epochs.insert(epoch, SecretBytes::from_slice(kek)?);
        }
        keyring.current = keyring.epochs.keys().next_back().copied().unwrap_or(0);
        Ok(keyring)
    }

    /// The root key.
    pub fn root(&self) -> &RootKey {
        &self.root
    }

    /// A copy in locked memory of its own.
    ///
    /// # Errors
    /// Locked memory.
    pub fn try_clone(&self) -> Result<Self, RootError> {
        let epochs = self.epochs.iter().map(|(epoch, kek)| Ok((*epoch, kek.try_clone()?)));
        Ok(Self {
            root: self.root.try_clone()?,
            service: self.service.as_ref().map(SecretBytes::try_clone).transpose()?,
            epochs: epochs.collect::<Result<_, RootError>>()?,
            current: self.current,
        })
    }

    /// The epoch that new material is sealed under; zero while there is none.
    pub fn current_epoch(&self) -> u32 {
        self.current
    }

    /// The epochs whose keys are here.
    pub fn epochs(&self) -> impl Iterator<Item = u32> {
        self.epochs.keys().copied()
    }

    /// Makes the key of the next epoch, and gives the epoch and the wrapped key to be stored. New
    /// material is sealed under it from then on.
    ///
    /// # Errors
    /// The random generator, or locked memory.
    pub fn add_epoch(&mut self) -> Result<(u32, Vec<u8>), RootError> {
        let epoch = self.current + 1;
        let kek = random_key()?;
        if self.service.is_none() {
            self.service = Some(random_key()?);
        }
        let wrapped = self.wrap_epoch(epoch, &kek)?;
        self.epochs.insert(epoch, kek);
        self.current = epoch;
        Ok((epoch, wrapped))
    }

    /// Takes back [`Keyring::add_epoch`], when its wrapped key could not be kept.
    pub fn drop_newest_epoch(&mut self, epoch: u32) {
        self.epochs.remove(&epoch);
        self.current = self.epochs.keys().next_back().copied().unwrap_or(0);
    }

    /// Forgets the key of an epoch that nothing is sealed under any more; the current one stays.
    /// The wrapped key is the caller's to erase.
    pub fn retire_epoch(&mut self, epoch: u32) {
        if epoch != self.current {
            self.epochs.remove(&epoch);
        }
    }

    /// Every epoch's keys wrapped under the root key: for a new root key over the same epochs.
    ///
    /// # Errors
    /// The random generator, or locked memory.
    pub fn wrapped_epochs(&self) -> Result<Vec<(u32, Vec<u8>)>, RootError> {
        self.epochs.iter().map(|(epoch, kek)| Ok((*epoch, self.wrap_epoch(*epoch, kek)?))).collect()
    }

    /// Puts the same epochs under another root key. [`Self::wrapped_epochs`] then gives what has
    /// to be stored; [`crate::SlotFile::rotate`] says in which order.
    pub fn with_root(self, root: RootKey) -> Self {
        Self { root, ..self }
    }

    fn wrap_epoch(&self, epoch: u32, kek: &SecretBytes) -> Result<Vec<u8>, RootError> {
        let service = self.service()?;
        let keys = SecretBytes::build(2 * KEY_LEN, |out| {
            let (first, second) = out.split_at_mut(KEY_LEN);
            first.copy_from_slice(kek.as_slice());
            second.copy_from_slice(service.as_slice());
        })?;
        let mut wrapped = self.root.check_value()?.to_vec();
        let wrapping = self.root.key(b"epoch")?;
        wrapped.extend(seal::seal(&wrapping, &epoch_aad(epoch), keys.as_slice())?);
        Ok(wrapped)
    }

    fn service(&self) -> Result<&SecretBytes, RootError> {
        self.service.as_ref().ok_or(RootError::NoEpoch { epoch: self.current })
    }

    fn service_key(&self, label: &[u8]) -> Result<SecretBytes, RootError> {
        derive(self.service()?, &[label])
    }

    /// Seals an object's material.
    ///
    /// # Errors
    /// [`RootError::NoEpoch`], the random generator, or locked memory.
    pub fn seal_object(&self, id: &str, version: u32, plain: &[u8]) -> Result<Sealed, RootError> {
        let epoch = self.current;
        let key = self.object_key(id, version, epoch)?;
        let bytes = seal::seal(&key, &object_aad(id, version, epoch), plain)?;
        Ok(Sealed { epoch, version, bytes })
    }

    /// Opens an object's material.
    ///
    /// # Errors
    /// [`RootError::NoEpoch`] when its epoch was retired; [`RootError::Tampered`] when it does not
    /// check.
    pub fn open_object(&self, id: &str, sealed: &Sealed) -> Result<SecretBytes, RootError> {
        let key = self.object_key(id, sealed.version, sealed.epoch)?;
        seal::open(&key, &object_aad(id, sealed.version, sealed.epoch), &sealed.bytes)
            .map_err(|_| RootError::Tampered(id.to_owned()))
    }

    fn object_key(&self, id: &str, version: u32, epoch: u32) -> Result<SecretBytes, RootError> {
        let kek = self.epochs.get(&epoch).ok_or(RootError::NoEpoch { epoch })?;
        derive(kek, &[b"object", id.as_bytes(), &version.to_be_bytes()])
    }

    /// Seals a small secret of the server's own, bound to its name.
    ///
    /// # Errors
    /// The random generator, or locked memory.
    pub fn seal_secret(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, RootError> {
        Ok(seal::seal(&self.service_key(b"secret")?, name.as_bytes(), plain)?)
    }

    /// Opens a small secret of the server's own.
    ///
    /// # Errors
    /// [`RootError::Tampered`] when it does not check.
    pub fn open_secret(&self, name: &str, sealed: &[u8]) -> Result<SecretBytes, RootError> {
        seal::open(&self.service_key(b"secret")?, name.as_bytes(), sealed)
            .map_err(|_| RootError::Tampered(name.to_owned()))
    }

    /// The key that authenticates state rows.
    ///
    /// # Errors
    /// Locked memory.
    pub fn record_key(&self) -> Result<SecretBytes, RootError> {
        self.service_key(b"record")
    }

    /// A seed for a chain that begins now, and the key that seals the state of the chain of that
    /// name. The seed is random, another one at every call: if it hung on a key that the server
    /// holds, whoever takes the server could work out the keys of all segments of the past.
    ///
    /// # Errors
    /// The random generator, or locked memory.
    pub fn chain_keys(&self, chain: &str) -> Result<(SecretBytes, SecretBytes), RootError> {
        Ok((random_key()?, derive(self.service()?, &[b"chain seal", chain.as_bytes()])?))
    }

    /// The key that signs the sessions of the console.
    ///
    /// # Errors
    /// Locked memory.
    pub fn cookie_key(&self) -> Result<SecretBytes, RootError> {
        self.service_key(b"cookie")
    }

    /// The key that seals backups.
    ///
    /// # Errors
    /// Locked memory.
    pub fn backup_key(&self) -> Result<SecretBytes, RootError> {
        self.service_key(b"backup")
    }
}

pub(crate) fn random_key() -> Result<SecretBytes, RootError> {
    let mut result = Ok(());
    let key = SecretBytes::build(KEY_LEN, |bytes| result = random(bytes))?;
    result?;
    Ok(key)
}

pub(crate) fn check_value(key: &SecretBytes, label: &[u8]) -> Result<[u8; CHECK_LEN], RootError> {
    let value = derive(key, &[label])?;
    let wrong = RootError::WrongLength { what: "check value", expected: CHECK_LEN };
    value.as_slice().first_chunk().copied().ok_or(wrong)
}

/// HKDF-SHA256 with an info that keeps its parts apart.
pub(crate) fn derive(key: &SecretBytes, parts: &[&[u8]]) -> Result<SecretBytes, RootError> {
    let mut info = b"strongroom 1".to_vec();
    for part in parts {
        info.extend_from_slice(&(part.len() as u32).to_be_bytes());
        info.extend_from_slice(part);
    }
    Ok(derive::hkdf(HashingAlgorithm::SHA_256, key, &[], &info, KEY_LEN)?)
}

fn epoch_aad(epoch: u32) -> Vec<u8> {
    [b"strongroom epoch 1".as_slice(), &epoch.to_be_bytes()].concat()
}

fn object_aad(id: &str, version: u32, epoch: u32) -> Vec<u8> {
    let mut aad = b"strongroom object 1".to_vec();
    aad.extend_from_slice(&(id.len() as u32).to_be_bytes());
    aad.extend_from_slice(id.as_bytes());
    aad.extend_from_slice(&version.to_be_bytes());
    aad.extend_from_slice(&epoch.to_be_bytes());
    aad
}
