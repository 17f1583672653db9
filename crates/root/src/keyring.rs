//! The keys below the root key.
//!
//! ```text
//! root key ─┬─ HKDF "record"  ─ authenticates state rows
//!           ├─ HKDF "changes" ─ seeds and seals the chain of changes
//!           ├─ HKDF "uses"    ─ seeds and seals the chain of uses
//!           ├─ HKDF "secret"  ─ seals the server's own small secrets (the CA's key ...)
//!           ├─ HKDF "backup"  ─ seals backups
//!           └─ HKDF "epoch"   ─ wraps the key-encryption key of each epoch
//!                                  └─ HKDF "object", id, version ─ seals one object's material
//! ```
//!
//! Every object's material is sealed under a key of its own, so that no nonce limit is ever near;
//! identity, version and epoch are bound to it twice: in the key and as associated data.

use std::collections::BTreeMap;

use strongroom_crypto::{derive, random, seal};
use strongroom_kmip::HashingAlgorithm;
use strongroom_secmem::SecretBytes;

use crate::error::RootError;

/// Bytes of every symmetric key here.
pub const KEY_LEN: usize = 32;

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
    pub fn check_value(&self) -> Result<[u8; 16], RootError> {
        let value = derive(&self.0, &[b"check value"])?;
        value
            .as_slice()
            .first_chunk()
            .copied()
            .ok_or(RootError::WrongLength { what: "check value", expected: 16 })
    }

    fn key(&self, label: &[u8]) -> Result<SecretBytes, RootError> {
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

/// The keys below an open root key.
#[derive(Debug)]
pub struct Keyring {
    root: RootKey,
    epochs: BTreeMap<u32, SecretBytes>,
    current: u32,
}

impl Keyring {
    /// A keyring without epochs, for a new root key; [`Keyring::add_epoch`] comes next.
    pub fn new(root: RootKey) -> Self {
        Self { root, epochs: BTreeMap::new(), current: 0 }
    }

    /// Opens the wrapped key-encryption keys of every epoch.
    ///
    /// # Errors
    /// [`RootError::WrongRoot`] when they were wrapped by another root key, or altered.
    pub fn open<'a>(
        root: RootKey,
        wrapped: impl IntoIterator<Item = (u32, &'a [u8])>,
    ) -> Result<Self, RootError> {
        let wrapping = root.key(b"epoch")?;
        let mut epochs = BTreeMap::new();
        for (epoch, bytes) in wrapped {
            let kek = seal::open(&wrapping, &epoch_aad(epoch), bytes)
                .map_err(|_| RootError::WrongRoot { epoch })?;
            epochs.insert(epoch, kek);
        }
        let current = epochs.keys().next_back().copied().unwrap_or(0);
        Ok(Self { root, epochs, current })
    }

    /// The root key.
    pub fn root(&self) -> &RootKey {
        &self.root
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
        let wrapped = self.wrap_epoch(epoch, &kek)?;
        self.epochs.insert(epoch, kek);
        self.current = epoch;
        Ok((epoch, wrapped))
    }

    /// Forgets the key of an epoch that nothing is sealed under any more.
    pub fn retire_epoch(&mut self, epoch: u32) {
        if epoch != self.current {
            self.epochs.remove(&epoch);
        }
    }

    /// Every epoch's key wrapped under the root key: for a new root key over the same epochs.
    ///
    /// # Errors
    /// The random generator, or locked memory.
    pub fn wrapped_epochs(&self) -> Result<Vec<(u32, Vec<u8>)>, RootError> {
        self.epochs.iter().map(|(epoch, kek)| Ok((*epoch, self.wrap_epoch(*epoch, kek)?))).collect()
    }

    /// Puts the same epochs under another root key.
    pub fn with_root(self, root: RootKey) -> Self {
        Self { root, ..self }
    }

    fn wrap_epoch(&self, epoch: u32, kek: &SecretBytes) -> Result<Vec<u8>, RootError> {
        let wrapping = self.root.key(b"epoch")?;
        Ok(seal::seal(&wrapping, &epoch_aad(epoch), kek.as_slice())?)
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
        Ok(seal::seal(&self.root.key(b"secret")?, name.as_bytes(), plain)?)
    }

    /// Opens a small secret of the server's own.
    ///
    /// # Errors
    /// [`RootError::Tampered`] when it does not check.
    pub fn open_secret(&self, name: &str, sealed: &[u8]) -> Result<SecretBytes, RootError> {
        seal::open(&self.root.key(b"secret")?, name.as_bytes(), sealed)
            .map_err(|_| RootError::Tampered(name.to_owned()))
    }

    /// The key that authenticates state rows.
    ///
    /// # Errors
    /// Locked memory.
    pub fn record_key(&self) -> Result<SecretBytes, RootError> {
        self.root.key(b"record")
    }

    /// The seed and the sealing key of a journal chain, by the chain's name.
    ///
    /// # Errors
    /// Locked memory.
    pub fn chain_keys(&self, chain: &str) -> Result<(SecretBytes, SecretBytes), RootError> {
        Ok((
            derive(&self.root.0, &[b"chain seed", chain.as_bytes()])?,
            derive(&self.root.0, &[b"chain seal", chain.as_bytes()])?,
        ))
    }

    /// The key that seals backups.
    ///
    /// # Errors
    /// Locked memory.
    pub fn backup_key(&self) -> Result<SecretBytes, RootError> {
        self.root.key(b"backup")
    }
}

fn random_key() -> Result<SecretBytes, RootError> {
    let mut result = Ok(());
    let key = SecretBytes::build(KEY_LEN, |bytes| result = random(bytes))?;
    result?;
    Ok(key)
}

/// HKDF-SHA256 with an info that keeps its parts apart.
fn derive(key: &SecretBytes, parts: &[&[u8]]) -> Result<SecretBytes, RootError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        let mut keyring = Keyring::new(RootKey::generate().unwrap());
        keyring.add_epoch().unwrap();
        keyring
    }

    #[test]
    fn material_opens_only_under_its_own_identity_version_and_epoch() {
        let mut keyring = keyring();
        let sealed = keyring.seal_object("a", 1, b"material").unwrap();
        assert_eq!(keyring.open_object("a", &sealed).unwrap().as_slice(), b"material");
        assert!(keyring.open_object("b", &sealed).is_err());
        assert!(keyring.open_object("a", &Sealed { version: 2, ..sealed.clone() }).is_err());
        keyring.add_epoch().unwrap();
        assert!(keyring.open_object("a", &Sealed { epoch: 2, ..sealed.clone() }).is_err());
        assert_eq!(keyring.open_object("a", &sealed).unwrap().as_slice(), b"material");
    }

    #[test]
    fn a_retired_epoch_opens_nothing_any_more() {
        let mut keyring = keyring();
        let sealed = keyring.seal_object("a", 1, b"material").unwrap();
        keyring.add_epoch().unwrap();
        keyring.retire_epoch(1);
        assert!(matches!(keyring.open_object("a", &sealed), Err(RootError::NoEpoch { epoch: 1 })));
    }

    #[test]
    fn epochs_open_under_their_own_root_key_only() {
        let keyring = keyring();
        let wrapped = keyring.wrapped_epochs().unwrap();
        let refs = || wrapped.iter().map(|(e, b)| (*e, b.as_slice()));
        assert!(Keyring::open(RootKey::generate().unwrap(), refs()).is_err());
        let same = RootKey::from_secret(
            SecretBytes::from_slice(keyring.root().secret().as_slice()).unwrap(),
        )
        .unwrap();
        assert_eq!(Keyring::open(same, refs()).unwrap().current_epoch(), 1);
    }
}
