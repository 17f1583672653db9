//! `strongroom root rotate --root-key`: a new root key in every slot.
//!
//! The server prepares it and deals the shares; only when these are in files or written down is it
//! told to go on. Whatever breaks off before leaves the old root key and its shares.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use crate::admin::types::{
    NewRootKey, PreparedRootKey, ReplaceRootKey, RootKeyReplaced, SecretText, Slot, SlotAdded,
};
use crate::cli::client::Client;
use crate::cli::init::show_shares;
use crate::cli::prompt::{Terminal, secret_from_fd, secret_from_file};
use crate::errors::{self, Fault};

/// What the slots of a new root key need.
#[derive(Args)]
pub struct ForRootKey {
    /// With --root-key: a file with the passphrase of a slot. The slot may be left out where only
    /// one has a passphrase.
    #[arg(long, value_name = "[SLOT=]FILE", requires = "root_key")]
    passphrase_file: Vec<OfSlot>,
    /// With --root-key: an open file descriptor with the passphrase of a slot.
    #[arg(long, value_name = "[SLOT=]N", requires = "root_key")]
    passphrase_fd: Vec<OfSlot>,
    /// With --root-key: a custodian's age public key for a slot of shares; give it once for each
    /// share, or not at all.
    #[arg(long, value_name = "[SLOT=]AGE1...", requires = "root_key")]
    recipient: Vec<OfSlot>,
    /// With --root-key: write the new shares to new files in this directory, which must be empty
    /// or not there, instead of the terminal.
    #[arg(long, value_name = "DIR", requires = "root_key")]
    shares_dir: Option<PathBuf>,
}

/// A value for one slot; the slot may be left out where there is no choice.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OfSlot {
    slot: Option<u32>,
    value: String,
}

impl FromStr for OfSlot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let split =
            text.split_once('=').and_then(|(slot, value)| Some((slot.parse().ok()?, value)));
        Ok(match split {
            Some((slot, value)) => Self { slot: Some(slot), value: value.to_owned() },
            None => Self { slot: None, value: text.to_owned() },
        })
    }
}

impl ForRootKey {
    /// Replaces the root key.
    ///
    /// # Errors
    /// What the server answers, or input that cannot be used.
    pub fn replace(&self, client: &Client) -> Result<RootKeyReplaced, Fault> {
        let slots: Vec<Slot> = client.get("/v1/root/slots")?;
        let shamir = of_kind(&slots, "shamir");
        self.check_way_out(&shamir)?;
        let with = NewRootKey {
            passphrases: self.passphrases(&of_kind(&slots, "passphrase"))?,
            recipients: self.recipients(&shamir)?,
        };
        let prepared: PreparedRootKey = client.post("/v1/root/key", &with)?;
        self.hand_out(&prepared.slots, &with)?;
        let token = ReplaceRootKey { token: prepared.token };
        client.put("/v1/root/key", &token).map_err(|fault: Fault| {
            let detail = format!(
                "{} Keep the old and the new shares and passphrases until `strongroom root \
                 verify-shares` has shown which of them open.",
                fault.detail
            );
            Fault::new(fault.info, detail.trim_start())
        })
    }

    /// Before anything is made: shares that cannot be shown would be lost.
    fn check_way_out(&self, shamir: &[u32]) -> Result<(), Fault> {
        if shamir.is_empty() {
            return Ok(());
        }
        let Some(dir) = &self.shares_dir else {
            let people = Terminal::of_output().is_some() && Terminal::of_input().is_some();
            return people.then_some(()).ok_or_else(|| {
                input("There is no terminal to show shares on; give --shares-dir DIR.".to_owned())
            });
        };
        // Beside others nobody could tell later which ones count.
        match std::fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(Fault::new(errors::FILE_EXISTS, format!("{} is not empty.", dir.display())))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(input(format!("{}: {e}.", dir.display()))),
        }
    }

    fn passphrases(&self, slots: &[u32]) -> Result<BTreeMap<u32, SecretText>, Fault> {
        let mut found = BTreeMap::new();
        for given in &self.passphrase_file {
            let slot = slot_of(given, slots, "--passphrase-file")?;
            found.insert(slot, secret_from_file(Path::new(&given.value))?);
        }
        for given in &self.passphrase_fd {
            let slot = slot_of(given, slots, "--passphrase-fd")?;
            let fd = given.value.parse();
            let fd = fd.map_err(|_| input("--passphrase-fd needs a number.".to_owned()))?;
            found.insert(slot, secret_from_fd(fd)?);
        }
        for slot in slots.iter().filter(|slot| !self.given(**slot, slots)) {
            let mut terminal = Terminal::of_input().ok_or_else(|| {
                input(format!(
                    "Slot {slot} opens by a passphrase, and nobody sits at a terminal; give \
                     --passphrase-file {slot}=FILE or --passphrase-fd {slot}=N."
                ))
            })?;
            found.insert(*slot, terminal.ask_secret(&format!("Passphrase of slot {slot}: "))?);
        }
        Ok(found)
    }

    fn given(&self, slot: u32, slots: &[u32]) -> bool {
        let mut all = self.passphrase_file.iter().chain(&self.passphrase_fd);
        all.any(|given| given.slot == Some(slot) || (given.slot.is_none() && slots == [slot]))
    }

    fn recipients(&self, slots: &[u32]) -> Result<BTreeMap<u32, Vec<String>>, Fault> {
        let mut found: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for given in &self.recipient {
            let slot = slot_of(given, slots, "--recipient")?;
            found.entry(slot).or_default().push(given.value.clone());
        }
        Ok(found)
    }

    /// Shows or writes the shares. When this returns they do not get lost any more.
    fn hand_out(&self, slots: &[SlotAdded], with: &NewRootKey) -> Result<(), Fault> {
        for slot in slots {
            let encrypted = with.recipients.contains_key(&slot.id);
            // Files of two slots would have the same names.
            let dir = self.shares_dir.as_ref().map(|dir| match slots {
                [_] => dir.clone(),
                _ => dir.join(format!("slot-{}", slot.id)),
            });
            if let Some(dir) = &self.shares_dir {
                crate::pki::private_dir(dir)?;
            } else if let Some(mut terminal) = Terminal::of_output() {
                terminal.show(&format!("\nNew shares of slot {}\n", slot.id))?;
            }
            show_shares(&slot.shares, dir.as_deref(), encrypted)?;
            for dir in dir.iter().chain(&self.shares_dir) {
                flush(dir)?;
            }
        }
        Ok(())
    }
}

/// Makes a directory's new names durable, and its own.
fn flush(dir: &Path) -> Result<(), Fault> {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    for dir in [dir, parent.unwrap_or(Path::new("."))] {
        let flushed = File::open(dir).and_then(|dir| dir.sync_all());
        flushed.map_err(|e| input(format!("{}: {e}.", dir.display())))?;
    }
    Ok(())
}

fn of_kind(slots: &[Slot], kind: &str) -> Vec<u32> {
    slots.iter().filter(|slot| slot.kind == kind).map(|slot| slot.id).collect()
}

/// The slot that a value is for.
fn slot_of(given: &OfSlot, slots: &[u32], option: &str) -> Result<u32, Fault> {
    match (given.slot, slots) {
        (Some(slot), _) => Ok(slot),
        (None, [only]) => Ok(*only),
        (None, []) => Err(input(format!("{option}: no slot needs it."))),
        (None, _) => Err(input(format!("{option}: say for which slot, as in SLOT=..."))),
    }
}

fn input(detail: String) -> Fault {
    Fault::new(errors::INPUT, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_name_its_slot_and_a_path_with_a_sign_of_equality_is_a_path() {
        let of = |text: &str| text.parse::<OfSlot>().unwrap();
        assert_eq!(of("12=/a/b"), OfSlot { slot: Some(12), value: "/a/b".into() });
        assert_eq!(of("/a/k=v"), OfSlot { slot: None, value: "/a/k=v".into() });
        assert_eq!(slot_of(&of("f"), &[4], "--x").unwrap(), 4);
        assert_eq!(slot_of(&of("7=f"), &[4, 5], "--x").unwrap(), 7);
        assert!(slot_of(&of("f"), &[4, 5], "--x").is_err());
        assert!(slot_of(&of("f"), &[], "--x").is_err());
    }
}
