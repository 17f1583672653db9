//! Unsealing: one passphrase, one key at hand, or shares given one after the other by people who
//! need not be in one place.
//!
//! Whoever holds any certificate may give shares, so a wrong one must not spoil the work of the
//! others more than it has to. What a share says about itself (checksum, set, number) refuses it
//! alone. That its content is wrong shows only when enough are joined, and not which one it is:
//! then all are forgotten, and that is recorded.

use std::sync::atomic::Ordering;

use strongroom_root::{Opened, RootError, Share, SlotError, SlotFile, SlotKind};
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::event::Event;

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
    /// Shares needed; zero where no slot opens by shares.
    pub needed: u8,
}

/// What whoever wants to unseal has to know; nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsealing {
    /// Shares given.
    pub given: u8,
    /// Shares needed; zero where no slot opens by shares.
    pub needed: u8,
    /// The kinds of slot there are, each once ([`SlotKind::name`]).
    pub kinds: Vec<&'static str>,
}

impl Engine {
    /// Gives one thing that opens.
    ///
    /// # Errors
    /// [`EngineError::NotInitialised`], [`EngineError::NotSealed`], or what is wrong with it.
    pub fn unseal(&self, by: &Caller, with: Unlock) -> Result<UnsealProgress, EngineError> {
        let result = self.try_unseal(by, with);
        if let Err(error @ (EngineError::Root(_) | EngineError::SharesForgotten { .. })) = &result {
            // Sealed, nothing can be journalled: the attempt is in the log, and counted for the
            // record that the next unsealing writes.
            self.inner.refused_unseals.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(user = %by.user, address = %by.address, %error, "unsealing refused");
        }
        result
    }

    /// How far it is, and what opens.
    ///
    /// # Errors
    /// [`EngineError::NotInitialised`], or a slot file that cannot be read.
    pub fn unsealing(&self) -> Result<Unsealing, EngineError> {
        if !self.is_initialised() {
            return Err(EngineError::NotInitialised);
        }
        let file = SlotFile::load(&self.inner.config.slots_path)?;
        let mut kinds: Vec<_> = file.slots().iter().map(|slot| slot.kind.name()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let given = self.inner.shares.lock();
        Ok(Unsealing { given: count(&given), needed: needed(&file, &given), kinds })
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
                let given = std::mem::take(&mut *self.inner.shares.lock());
                if !given.is_empty() {
                    self.record_forgotten(by, given.len(), "somebody asked for it")?;
                }
                let needed = needed(&file, &[]);
                return Ok(UnsealProgress { unsealed: false, given: 0, needed });
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
            Unlock::Share(text) => match self.collect(by, &file, &text)? {
                Ok(opened) => opened,
                Err(progress) => return Ok(progress),
            },
        };
        // Two that come at once must not open the store and the audit twice.
        let _one = self.inner.opening.lock();
        if !self.is_sealed() {
            return Err(EngineError::NotSealed);
        }
        self.inner.shares.lock().clear();
        self.open_by_slot(by, Some(opened.slot), opened.root)?;
        Ok(UnsealProgress { unsealed: true, given: 0, needed: 0 })
    }

    /// Takes one more share; opens when there are enough. A share that shows by itself that it
    /// does not belong to those given before is refused, and the others stay.
    fn collect(
        &self,
        by: &Caller,
        file: &SlotFile,
        text: &str,
    ) -> Result<Result<Opened, UnsealProgress>, EngineError> {
        let share = Share::parse(text).map_err(RootError::from)?;
        let mut given = self.inner.shares.lock();
        let threshold = belongs(file, &given, &share).map_err(RootError::from)?;
        given.push(share);
        if given.len() < usize::from(threshold) {
            let given = count(&given);
            return Ok(Err(UnsealProgress { unsealed: false, given, needed: threshold }));
        }
        match file.open_with_shares(&given) {
            Ok(opened) => Ok(Ok(opened)),
            Err(error) => {
                // One of them is wrong, and nobody can tell which: begin again.
                let count = std::mem::take(&mut *given).len();
                drop(given);
                self.record_forgotten(by, count, &error.to_string())?;
                Err(EngineError::SharesForgotten { count, error })
            }
        }
    }

    fn record_forgotten(&self, by: &Caller, count: usize, why: &str) -> Result<(), EngineError> {
        let count = count.to_string();
        let parameters = [("count", count.as_str()), ("why", why)];
        self.record(by, &Event { parameters: &parameters, ..Event::new("shares-forgotten") })
    }
}

/// How many shares of its slot open, if this one can be one of them.
fn belongs(file: &SlotFile, given: &[Share], share: &Share) -> Result<u8, SlotError> {
    let index = share.index();
    let mut sets = sets(file);
    let newest = sets.clone().next_back().ok_or(SlotError::NoSlotOfKind("shamir"))?;
    // Those given before say which set it is to be. Whose first share counts is for the slots to
    // say: otherwise a stranger's would shut out all others.
    let wanted = given.first().map(Share::set);
    let known = sets.find(|s| s.0 == share.set() && wanted.is_none_or(|wanted| wanted == s.0));
    let Some((_, threshold, shares)) = known else {
        let expected = wanted.unwrap_or(newest.0);
        let known = self::sets(file).any(|(set, ..)| set == share.set());
        return Err(SlotError::OtherSet { index, set: share.set(), expected, known });
    };
    if (share.threshold(), share.shares()) != (threshold, shares) {
        return Err(SlotError::OtherSplit { index, threshold, shares });
    }
    match given.iter().find(|other| other.index() == index) {
        None => Ok(threshold),
        Some(other) if other.same_as(share) => Err(SlotError::DuplicateShare(index)),
        Some(_) => Err(SlotError::RivalShare(index)),
    }
}

/// Set, threshold and number of shares of each slot that shares open, oldest first.
fn sets(
    file: &SlotFile,
) -> impl DoubleEndedIterator<Item = (strongroom_root::SetId, u8, u8)> + Clone {
    file.slots().iter().filter_map(|slot| match slot.kind {
        SlotKind::Shamir { threshold, shares, set } => Some((set, threshold, shares)),
        _ => None,
    })
}

/// Shares needed: of the set that those given are of, or of the newest.
fn needed(file: &SlotFile, given: &[Share]) -> u8 {
    let begun = given.first().map(Share::set);
    let slot = sets(file).rfind(|(set, _, _)| begun.is_none_or(|begun| begun == *set));
    slot.map_or(0, |(_, threshold, _)| threshold)
}

fn count(given: &[Share]) -> u8 {
    u8::try_from(given.len()).unwrap_or(u8::MAX)
}
