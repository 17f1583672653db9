//! Slots: independent ways to open the root key, in the manner of LUKS.
//!
//! Each slot has a secret of its own (a key file, a stretched passphrase, a joined set of shares)
//! and holds the root key sealed under a key from that secret, bound to the set of slots, the
//! slot's number and the rotation. Any one opens. A check value tells a wrong secret from a
//! damaged slot. Changing slots needs the open root key, which also authenticates the whole file.

use std::path::{Path, PathBuf};

use strongroom_crypto::{hmac256, seal};
use strongroom_secmem::SecretBytes;

use crate::error::{RootError, RuleError, SlotError};
use crate::keyfile;
use crate::keyring::{CHECK_LEN, RootKey, check_value, derive, random_key};
use crate::passphrase::{self, Argon2Cost};
use crate::shamir;
use crate::share::{SetId, Share};

/// How a slot opens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotKind {
    /// A file of 32 bytes, mode 0600 or narrower.
    File {
        /// Where.
        path: PathBuf,
    },
    /// 32 bytes that the caller brings: an HSM's, a neighbour's.
    Raw,
    /// A systemd credential of 32 bytes.
    SystemdCredential {
        /// Its name under `$CREDENTIALS_DIRECTORY`.
        name: String,
    },
    /// A passphrase, stretched by Argon2id.
    Passphrase {
        /// The work of a guess.
        cost: Argon2Cost,
        /// The salt.
        salt: Vec<u8>,
    },
    /// Any `threshold` of `shares`.
    Shamir {
        /// Shares needed.
        threshold: u8,
        /// Shares handed out.
        shares: u8,
        /// Tells these shares from others.
        set: SetId,
    },
}

impl SlotKind {
    /// A word for it.
    pub fn name(&self) -> &'static str {
        match self {
            SlotKind::File { .. } => "file",
            SlotKind::Raw => "raw",
            SlotKind::SystemdCredential { .. } => "systemd-credential",
            SlotKind::Passphrase { .. } => "passphrase",
            SlotKind::Shamir { .. } => "shamir",
        }
    }

    /// Whether it opens without this machine: kept in people's heads and safes.
    pub fn is_offline(&self) -> bool {
        matches!(self, SlotKind::Passphrase { .. } | SlotKind::Shamir { .. })
    }
}

/// One slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its number; never given twice.
    pub id: u32,
    /// A word from whoever made it.
    pub label: String,
    /// How it opens.
    pub kind: SlotKind,
    pub(crate) check: [u8; CHECK_LEN],
    pub(crate) wrapped: Vec<u8>,
}

/// What a slot gave.
#[derive(Debug)]
pub struct Opened {
    /// The root key.
    pub root: RootKey,
    /// The slot that opened.
    pub slot: u32,
}

/// Shares that were found to open their slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedShares {
    /// The slot.
    pub slot: u32,
    /// Shares that are needed.
    pub threshold: u8,
    /// The numbers of the shares that were verified.
    pub indexes: Vec<u8>,
}

/// A set of slots: the content of a slot file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotFile {
    pub(crate) set: SetId,
    pub(crate) rotation: u64,
    pub(crate) root_check: [u8; CHECK_LEN],
    pub(crate) next: u32,
    pub(crate) slots: Vec<Slot>,
    pub(crate) mac: [u8; 32],
}

impl SlotFile {
    /// A set without slots for a root key.
    ///
    /// # Errors
    /// The random generator, or locked memory.
    pub fn new(root: &RootKey) -> Result<Self, RootError> {
        let root_check = root.check_value()?;
        let mut file = SlotFile {
            set: random_set()?,
            rotation: 0,
            root_check,
            next: 1,
            slots: Vec::new(),
            mac: [0; 32],
        };
        file.mac = file.authenticate(root)?;
        Ok(file)
    }

    /// The slots.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// How often the root key was replaced.
    pub fn rotation(&self) -> u64 {
        self.rotation
    }

    /// Check value of the root key that the slots hold; see [`RootKey::check_value`].
    pub fn root_check(&self) -> [u8; CHECK_LEN] {
        self.root_check
    }

    /// The rule that every installation keeps: two slots at least, one of them offline.
    ///
    /// # Errors
    /// How it falls short.
    pub fn check_rule(&self) -> Result<(), RuleError> {
        rule(&self.slots)
    }

    /// Adds a slot that a new random key file opens; the file must not exist yet.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn add_file(&mut self, root: &RootKey, label: &str, path: &Path) -> Result<u32, RootError> {
        let secret = random_key()?;
        keyfile::create(path, &secret)?;
        self.add(root, label, SlotKind::File { path: path.to_owned() }, &secret)
    }

    /// Adds a slot that 32 bytes open which the caller keeps.
    ///
    /// # Errors
    /// When there are not 32.
    pub fn add_raw(
        &mut self,
        root: &RootKey,
        label: &str,
        secret: &SecretBytes,
    ) -> Result<u32, RootError> {
        keyfile::check_len(Path::new("the raw key"), secret.len() as u64)?;
        self.add(root, label, SlotKind::Raw, secret)
    }

    /// Adds a slot that a systemd credential opens, which is there now (in `credentials`, the
    /// value of `$CREDENTIALS_DIRECTORY`).
    ///
    /// # Errors
    /// When the credential is not there or not of 32 bytes.
    pub fn add_credential(
        &mut self,
        root: &RootKey,
        label: &str,
        name: &str,
        credentials: Option<&Path>,
    ) -> Result<u32, RootError> {
        let secret = keyfile::credential(credentials, name)?;
        self.add(root, label, SlotKind::SystemdCredential { name: name.to_owned() }, &secret)
    }

    /// Adds a slot that a passphrase opens.
    ///
    /// # Errors
    /// When the passphrase is too short or the cost is out of range.
    pub fn add_passphrase(
        &mut self,
        root: &RootKey,
        label: &str,
        passphrase: &SecretBytes,
        cost: Argon2Cost,
    ) -> Result<u32, RootError> {
        passphrase::check(passphrase)?;
        let salt = random_key()?.as_slice().to_vec();
        let secret = passphrase::stretch(passphrase, &salt, cost)?;
        self.add(root, label, SlotKind::Passphrase { cost, salt }, &secret)
    }

    /// Adds a slot that any `threshold` of `shares` open, and gives the shares: they are nowhere
    /// else.
    ///
    /// # Errors
    /// Unless 2 ≤ threshold ≤ shares.
    pub fn add_shamir(
        &mut self,
        root: &RootKey,
        label: &str,
        threshold: u8,
        shares: u8,
    ) -> Result<(u32, Vec<Share>), RootError> {
        let (secret, set) = (random_key()?, random_set()?);
        let dealt = shamir::split(&secret, set, threshold, shares)?;
        let slot = self.add(root, label, SlotKind::Shamir { threshold, shares, set }, &secret)?;
        Ok((slot, dealt))
    }

    /// Removes a slot, unless the rest would not keep the rule: add its successor first.
    ///
    /// # Errors
    /// When there is no such slot, the rule would be broken, or `root` is another root key.
    pub fn remove(&mut self, root: &RootKey, id: u32) -> Result<(), RootError> {
        self.check_root(root)?;
        let rest: Vec<Slot> = self.slots.iter().filter(|slot| slot.id != id).cloned().collect();
        if rest.len() == self.slots.len() {
            return Err(SlotError::NoSlot(id).into());
        }
        rule(&rest).map_err(SlotError::Rule)?;
        self.slots = rest;
        self.mac = self.authenticate(root)?;
        Ok(())
    }

    /// Opens with whatever is at hand without people: key files and systemd credentials, the
    /// latter in `credentials`, the value of `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// The reason of each slot that was tried; empty when there is none of these kinds.
    pub fn open_unattended(
        &self,
        credentials: Option<&Path>,
    ) -> Result<Opened, Vec<(u32, RootError)>> {
        let mut failures = Vec::new();
        for slot in &self.slots {
            let secret = match &slot.kind {
                SlotKind::File { path } => keyfile::read(path),
                SlotKind::SystemdCredential { name } => keyfile::credential(credentials, name),
                _ => continue,
            };
            match secret.and_then(|secret| self.open_slot(slot, &secret)) {
                Ok(opened) => return Ok(opened),
                Err(error) => failures.push((slot.id, error)),
            }
        }
        Err(failures)
    }

    /// Opens with 32 bytes: of a key file that lies elsewhere now, a credential, or a raw slot.
    ///
    /// # Errors
    /// When no such slot opens.
    pub fn open_with_key(&self, secret: &SecretBytes) -> Result<Opened, RootError> {
        keyfile::check_len(Path::new("the key"), secret.len() as u64)?;
        let keyed = |slot: &&Slot| !slot.kind.is_offline();
        self.open_any(self.slots.iter().filter(keyed), "file", |_| {
            secret.try_clone().map_err(RootError::from)
        })
    }

    /// Opens with a passphrase.
    ///
    /// # Errors
    /// [`SlotError::WrongPassphrase`] when it opens none of the passphrase slots.
    pub fn open_with_passphrase(&self, passphrase: &SecretBytes) -> Result<Opened, RootError> {
        let slots =
            self.slots.iter().filter(|slot| matches!(slot.kind, SlotKind::Passphrase { .. }));
        self.open_any(slots, "passphrase", |slot| match &slot.kind {
            SlotKind::Passphrase { cost, salt } => passphrase::stretch(passphrase, salt, *cost),
            _ => Err(SlotError::WrongPassphrase.into()),
        })
        .map_err(|error| match error {
            RootError::Slot(SlotError::WrongKey(_)) => SlotError::WrongPassphrase.into(),
            other => other,
        })
    }

    /// Opens with shares.
    ///
    /// # Errors
    /// Says which share is wrong, or how many are still needed.
    pub fn open_with_shares(&self, shares: &[Share]) -> Result<Opened, RootError> {
        let (slot, secret) = self.join(shares)?;
        self.open_slot(slot, &secret)
    }

    /// Proves that the shares open their slot, without opening it: the root key does not appear.
    ///
    /// # Errors
    /// As [`Self::open_with_shares`].
    pub fn verify_shares(&self, shares: &[Share]) -> Result<VerifiedShares, RootError> {
        let (slot, _) = self.join(shares)?;
        let threshold = shares.first().map_or(0, Share::threshold);
        Ok(VerifiedShares {
            slot: slot.id,
            threshold,
            indexes: shares.iter().map(Share::index).collect(),
        })
    }

    /// Checks that the file is as it was last written with the root key open. The opening
    /// functions have done it.
    ///
    /// # Errors
    /// [`SlotError::Altered`], or [`SlotError::OtherRoot`].
    pub fn verify(&self, root: &RootKey) -> Result<(), RootError> {
        self.check_root(root)?;
        if self.mac_key(root)?.verify(&[&self.covered()], &self.mac) {
            Ok(())
        } else {
            Err(SlotError::Altered.into())
        }
    }

    fn add(
        &mut self,
        root: &RootKey,
        label: &str,
        kind: SlotKind,
        secret: &SecretBytes,
    ) -> Result<u32, RootError> {
        self.check_root(root)?;
        let id = self.next;
        let slot = self.wrap(root, id, label, kind, secret)?;
        self.next += 1;
        self.slots.push(slot);
        self.mac = self.authenticate(root)?;
        Ok(id)
    }

    pub(crate) fn wrap(
        &self,
        root: &RootKey,
        id: u32,
        label: &str,
        kind: SlotKind,
        secret: &SecretBytes,
    ) -> Result<Slot, RootError> {
        let wrapped = seal::seal(
            &self.slot_key(id, secret)?,
            &self.slot_aad(id, &kind),
            root.secret().as_slice(),
        )?;
        let check = self.slot_check(id, secret)?;
        Ok(Slot { id, label: label.to_owned(), kind, check, wrapped })
    }

    /// Whether the secret is the slot's.
    pub(crate) fn fits(&self, slot: &Slot, secret: &SecretBytes) -> Result<bool, RootError> {
        Ok(self.slot_check(slot.id, secret)? == slot.check)
    }

    fn open_slot(&self, slot: &Slot, secret: &SecretBytes) -> Result<Opened, RootError> {
        if !self.fits(slot, secret)? {
            return Err(SlotError::WrongKey(slot.id).into());
        }
        let key = self.slot_key(slot.id, secret)?;
        let damaged = || SlotError::Damaged(slot.id);
        let root = seal::open(&key, &self.slot_aad(slot.id, &slot.kind), &slot.wrapped)
            .map_err(|_| damaged())?;
        let root = RootKey::from_secret(root).map_err(|_| damaged())?;
        self.verify(&root)?;
        Ok(Opened { root, slot: slot.id })
    }

    fn open_any<'a>(
        &self,
        slots: impl Iterator<Item = &'a Slot>,
        kind: &'static str,
        secret: impl Fn(&Slot) -> Result<SecretBytes, RootError>,
    ) -> Result<Opened, RootError> {
        let mut failure = RootError::from(SlotError::NoSlotOfKind(kind));
        for slot in slots {
            match secret(slot).and_then(|secret| self.open_slot(slot, &secret)) {
                // Nothing else will say anything better than "damaged" about the right key.
                Err(error @ RootError::Slot(SlotError::WrongKey(_))) => failure = error,
                other => return other,
            }
        }
        Err(failure)
    }

    /// The slot that the shares belong to, and its secret, which is proved to be right.
    fn join(&self, shares: &[Share]) -> Result<(&Slot, SecretBytes), RootError> {
        let sets: Vec<(&Slot, SetId, u8)> = self
            .slots
            .iter()
            .filter_map(|slot| match slot.kind {
                SlotKind::Shamir { threshold, set, .. } => Some((slot, set, threshold)),
                _ => None,
            })
            .collect();
        let Some((_, newest, newest_threshold)) = sets.last().copied() else {
            return Err(SlotError::NoSlotOfKind("shamir").into());
        };
        let Some(first) = shares.first() else {
            return Err(
                SlotError::TooFewShares { have: 0, need: usize::from(newest_threshold) }.into()
            );
        };
        let Some((slot, set, threshold)) =
            sets.iter().find(|(_, set, _)| *set == first.set()).copied()
        else {
            return Err(SlotError::OtherSet {
                index: first.index(),
                set: first.set(),
                expected: newest,
                known: false,
            }
            .into());
        };
        let mut seen: Vec<&Share> = Vec::with_capacity(shares.len());
        for share in shares {
            if share.set() != set {
                return Err(SlotError::OtherSet {
                    index: share.index(),
                    set: share.set(),
                    expected: set,
                    known: sets.iter().any(|(_, set, _)| *set == share.set()),
                }
                .into());
            }
            if seen.iter().any(|other| other.index() == share.index()) {
                return Err(SlotError::DuplicateShare(share.index()).into());
            }
            seen.push(share);
        }
        let need = usize::from(threshold);
        let Some((used, more)) = seen.split_at_checked(need) else {
            return Err(SlotError::TooFewShares { have: seen.len(), need }.into());
        };
        let secret = shamir::join(used)?;
        if !self.fits(slot, &secret)? {
            return Err(SlotError::SharesDoNotFit.into());
        }
        // Each further share is tried in the place of the last one used.
        for share in more {
            let mut others = used.to_vec();
            others.pop();
            others.push(share);
            if !self.fits(slot, &shamir::join(&others)?)? {
                return Err(SlotError::ShareDoesNotFit(share.index()).into());
            }
        }
        Ok((slot, secret))
    }

    pub(crate) fn check_root(&self, root: &RootKey) -> Result<(), RootError> {
        if root.check_value()? == self.root_check {
            Ok(())
        } else {
            Err(SlotError::OtherRoot.into())
        }
    }

    fn slot_key(&self, id: u32, secret: &SecretBytes) -> Result<SecretBytes, RootError> {
        derive(secret, &[b"slot key", &self.set.0, &id.to_be_bytes()])
    }

    fn slot_check(&self, id: u32, secret: &SecretBytes) -> Result<[u8; CHECK_LEN], RootError> {
        // Bound to set and number through a key of its own, so that the same key file in two
        // installations shows no common value.
        let bound = derive(secret, &[b"slot check", &self.set.0, &id.to_be_bytes()])?;
        check_value(&bound, b"check value")
    }

    fn slot_aad(&self, id: u32, kind: &SlotKind) -> Vec<u8> {
        let mut aad = b"strongroom root slot 1".to_vec();
        aad.extend_from_slice(&self.set.0);
        aad.extend_from_slice(&self.rotation.to_be_bytes());
        aad.extend_from_slice(&id.to_be_bytes());
        aad.extend_from_slice(kind.name().as_bytes());
        aad
    }

    fn mac_key(&self, root: &RootKey) -> Result<hmac256::Key, RootError> {
        Ok(hmac256::Key::new(&root.key(b"slot file")?)?)
    }

    pub(crate) fn authenticate(&self, root: &RootKey) -> Result<[u8; 32], RootError> {
        Ok(self.mac_key(root)?.sign(&[&self.covered()]))
    }
}

fn rule(slots: &[Slot]) -> Result<(), RuleError> {
    match slots {
        [] | [_] => Err(RuleError::TooFew(slots.len())),
        slots if !slots.iter().any(|slot| slot.kind.is_offline()) => Err(RuleError::NoneOffline),
        _ => Ok(()),
    }
}

pub(crate) fn random_set() -> Result<SetId, RootError> {
    let mut id = [0; 8];
    strongroom_crypto::random(&mut id)?;
    Ok(SetId(id))
}
