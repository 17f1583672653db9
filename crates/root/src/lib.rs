//! The root key, its slots, and the keys derived from it.
//!
//! The root key opens the [`Keyring`], from which every other key follows. It is never stored in
//! the clear: a [`SlotFile`] holds it once for each [`SlotKind`] of way to open it, in the manner
//! of LUKS. Any slot opens; there must be two, one of them offline.
//!
//! It does no database I/O: wrapped keys are handed in and out as bytes. Who may change slots, and
//! with whose consent, is for others to say.
//!
//! ```
//! use strongroom_root::{Keyring, RootKey, Share, SlotFile};
//! # use strongroom_root::RootError;
//!
//! // First set-up: a root key, its slots, the first epoch.
//! let root = RootKey::generate()?;
//! let mut slots = SlotFile::new(&root)?;
//! let (_, shares) = slots.add_shamir(&root, "custodians", 2, 3)?;
//! let papers: Vec<_> = shares.iter().map(Share::to_text).collect();
//! let mut keyring = Keyring::new(root);
//! let (epoch, wrapped) = keyring.add_epoch()?;
//! let sealed = keyring.seal_object("key-1", 1, b"material")?;
//!
//! // Later: two custodians open it.
//! let given = [Share::parse(&papers[2])?, Share::parse(&papers[0].to_uppercase())?];
//! let opened = slots.open_with_shares(&given)?;
//! let keyring = Keyring::open(opened.root, [(epoch, wrapped.as_slice())])?;
//! assert_eq!(keyring.open_object("key-1", &sealed)?.as_slice(), b"material");
//! # Ok::<(), RootError>(())
//! ```
#![forbid(unsafe_code)]

pub mod age;
mod error;
mod keyfile;
mod keyring;
mod passphrase;
mod rotate;
mod shamir;
mod share;
mod slotfile;
mod slots;

pub use error::{RootError, RuleError, SlotError};
pub use keyring::{CHECK_LEN, KEY_LEN, Keyring, RootKey, Sealed};
pub use passphrase::{Argon2Cost, MIN_CHARACTERS};
pub use rotate::{Rotated, SlotSecret};
pub use share::{SetId, Share, ShareError};
pub use slots::{Opened, Slot, SlotFile, SlotKind, VerifiedShares};
