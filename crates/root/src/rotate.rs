//! Replacing the root key.

use std::path::Path;

use strongroom_secmem::SecretBytes;

use crate::error::{RootError, SlotError};
use crate::keyfile;
use crate::keyring::{RootKey, random_key};
use crate::passphrase;
use crate::shamir;
use crate::share::Share;
use crate::slots::{SlotFile, SlotKind};

/// The secret of a slot that cannot be had without its keeper.
#[derive(Debug)]
pub enum SlotSecret<'a> {
    /// A passphrase.
    Passphrase(&'a SecretBytes),
    /// The key of a raw slot, or of a file or credential that is not at hand here.
    Key(&'a SecretBytes),
}

/// The slots of a new root key.
#[derive(Debug)]
pub struct Rotated {
    /// To be saved in the place of the old ones.
    pub slots: SlotFile,
    /// New shares for each Shamir slot, by slot; the old shares open nothing any more.
    pub shares: Vec<(u32, Vec<Share>)>,
}

impl SlotFile {
    /// Puts a new root key into every slot. Key files and systemd credentials are read again and
    /// stay as they are; passphrases (and keys that are not at hand) have to be given; shares are
    /// dealt anew, since old ones that leaked are a reason to rotate.
    ///
    /// No slot may be left out: one that still opens the old root key would look usable.
    ///
    /// The order that survives a crash at any point:
    /// 1. hand out the new shares: until the next steps they are void, and later they may be needed;
    /// 2. store [`Keyring::with_root`](crate::Keyring::with_root)'s wrapped epochs *beside* the
    ///    old ones, in one transaction;
    /// 3. [`save`](SlotFile::save) the new slots;
    /// 4. remove the old wrapped epochs.
    ///
    /// Whoever opens in between tries both sets of wrapped epochs: the one of another root key
    /// says so ([`RootError::WrongRoot`]).
    ///
    /// # Errors
    /// [`SlotError::SecretNeeded`] for a slot whose secret is neither at hand nor given;
    /// [`SlotError::OtherRoot`] when `old` is not the root key of these slots.
    pub fn rotate(
        &self,
        old: &RootKey,
        new: &RootKey,
        credentials: Option<&Path>,
        secrets: &[(u32, SlotSecret<'_>)],
    ) -> Result<Rotated, RootError> {
        self.verify(old)?;
        let mut slots = SlotFile {
            rotation: self.rotation + 1,
            root_check: new.check_value()?,
            slots: Vec::new(),
            ..self.clone()
        };
        let mut dealt = Vec::new();
        for slot in &self.slots {
            let given = secrets.iter().find(|(id, _)| *id == slot.id).map(|(_, secret)| secret);
            let needed = |kind| RootError::from(SlotError::SecretNeeded { slot: slot.id, kind });
            let mut kind = slot.kind.clone();
            let secret = match (&mut kind, given) {
                (SlotKind::Passphrase { cost, salt }, Some(SlotSecret::Passphrase(phrase))) => {
                    passphrase::stretch(phrase, salt, *cost)?
                }
                (SlotKind::Passphrase { .. }, _) => return Err(needed("passphrase")),
                (SlotKind::Shamir { threshold, shares, set }, _) => {
                    let secret = random_key()?;
                    *set = crate::slots::random_set()?;
                    dealt.push((slot.id, shamir::split(&secret, *set, *threshold, *shares)?));
                    secret
                }
                (_, Some(SlotSecret::Key(key))) => key.try_clone()?,
                (SlotKind::File { path }, _) => keyfile::read(path)?,
                (SlotKind::SystemdCredential { name }, _) => {
                    keyfile::credential(credentials, name)?
                }
                (SlotKind::Raw, _) => return Err(needed("key")),
            };
            // Shares are new; every other secret must be the one that opens the slot now, or a
            // typing error would lock its keeper out.
            if !matches!(kind, SlotKind::Shamir { .. }) && !self.fits(slot, &secret)? {
                return Err(match kind {
                    SlotKind::Passphrase { .. } => SlotError::WrongPassphrase.into(),
                    _ => SlotError::WrongKey(slot.id).into(),
                });
            }
            let slot = slots.wrap(new, slot.id, &slot.label, kind, &secret)?;
            slots.slots.push(slot);
        }
        slots.mac = slots.authenticate(new)?;
        Ok(Rotated { slots, shares: dealt })
    }
}
