//! `strongroom root`: the root key and its slots.

mod key;

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use strongroom_engine::BackupUnlock;
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use self::key::ForRootKey;

use super::blast::Blast;
use super::change::{Ask, Outcome, Try, plan_text, table_or};
use super::client::Client;
use super::init::{RootInit, show_shares};
use super::output::show;
use super::prompt::{Terminal, secret_from_fd, secret_from_file};
use super::recover::Recover;
use super::{Done, Output, Reach};
use crate::admin::types::{
    Health, NewSlot, Plan, PlanStep, Rotate as RotateRequest, Rotation, SecretText, SharesVerified,
    Slot, SlotAdded, State, Status, Unseal as UnsealRequest, UnsealProgress, VerifyShares,
};
use crate::errors::{self, Exit, Fault};

/// The root key and its slots.
#[derive(Subcommand)]
pub enum Root {
    /// Make the root key and its first slots. Runs on the server's machine.
    Init(RootInit),
    /// Open the root key with shares or a passphrase.
    Unseal(Unseal),
    /// Forget the root key: nothing is answered until it is opened again.
    Seal(Seal),
    /// The slots, any of which opens the root key.
    #[command(subcommand)]
    Slot(SlotCommand),
    /// Check that shares would open the root key, without opening it.
    VerifyShares(Verify),
    /// Issue a certificate to a new officer when none is left: takes a quorum of shares.
    RecoverOfficer(Recover),
    /// Begin a new key epoch and wrap every object anew, or replace the root key, while serving.
    Rotate(Rotate),
}

/// The slots, any of which opens the root key.
#[derive(Subcommand)]
pub enum SlotCommand {
    /// Add one.
    Add(SlotAdd),
    /// Remove one.
    Remove(SlotRemove),
    /// List them.
    List(SlotList),
    /// Vouch, as an officer, that custodians hold its shares: only then they can give the house a
    /// new officer.
    Vouch(SlotVouch),
}

/// Where secrets come from.
#[derive(Args, Default)]
pub struct Secrets {
    /// A file with a share; give it once for each share.
    #[arg(long, value_name = "FILE")]
    share_file: Vec<PathBuf>,
    /// A file with the passphrase.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// An open file descriptor with the passphrase.
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

impl Secrets {
    /// What opens a slot file where no server runs.
    pub(super) fn unlock(&self, automatic: bool) -> Result<BackupUnlock, Fault> {
        if automatic {
            return Ok(BackupUnlock::Unattended);
        }
        if self.passphrase_file.is_some() || self.passphrase_fd.is_some() {
            let text = passphrase(self.passphrase_file.as_ref(), self.passphrase_fd, false)?;
            let secret = SecretBytes::from_slice(text.reveal().as_bytes())
                .map_err(|e| Fault::new(errors::INTERNAL, format!("{e}.")))?;
            return Ok(BackupUnlock::Passphrase(secret));
        }
        let texts = shares(self)?;
        let texts = texts.iter().map(|share| Zeroizing::new(share.reveal().to_owned()));
        Ok(BackupUnlock::Shares(texts.collect()))
    }
}

/// Open the root key with shares or a passphrase.
#[derive(Args)]
pub struct Unseal {
    #[command(flatten)]
    secrets: Secrets,
    /// Ask for a passphrase instead of shares.
    #[arg(long)]
    passphrase: bool,
    /// Open with a slot that needs nobody: a file or a systemd credential.
    #[arg(long)]
    automatic: bool,
    /// Forget the shares given so far.
    #[arg(long)]
    reset: bool,
    #[command(flatten)]
    reach: Reach,
}

/// Forget the root key.
#[derive(Args)]
pub struct Seal {
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// Add a slot.
#[derive(Args)]
pub struct SlotAdd {
    #[command(subcommand)]
    kind: SlotKind,
    /// Change nothing; say what would be done. It is decided and checked like the real thing, and
    /// recorded as a dry run.
    #[arg(long, global = true)]
    dry_run: bool,
    #[command(flatten)]
    reach: Reach,
}

/// The kinds of slot.
#[derive(Subcommand)]
pub enum SlotKind {
    /// A passphrase.
    Passphrase {
        /// A file with it.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// An open file descriptor with it.
        #[arg(long, value_name = "N")]
        passphrase_fd: Option<u32>,
    },
    /// Shares for custodians.
    Shamir {
        /// How many open.
        #[arg(long, value_name = "N")]
        threshold: u8,
        /// How many there are.
        #[arg(long, value_name = "N")]
        shares: u8,
        /// A custodian's age public key; give it once for each share, or not at all.
        #[arg(long, value_name = "AGE1...")]
        recipient: Vec<String>,
        /// Write the shares to new files in this directory instead of the terminal.
        #[arg(long, value_name = "DIR")]
        shares_dir: Option<PathBuf>,
    },
    /// A key file on this machine.
    File,
    /// A systemd credential.
    SystemdCredential {
        /// Its name in the unit.
        #[arg(long, default_value = "strongroom-root")]
        name: String,
    },
}

/// Remove a slot.
#[derive(Args)]
pub struct SlotRemove {
    /// Its number, as `root slot list` shows it.
    id: u32,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// Vouch for a slot's shares.
#[derive(Args)]
pub struct SlotVouch {
    /// Its number, as `root slot list` shows it.
    id: u32,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// List the slots.
#[derive(Args)]
pub struct SlotList {
    #[command(flatten)]
    reach: Reach,
}

/// Check shares.
#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    secrets: Secrets,
    #[command(flatten)]
    reach: Reach,
}

/// Begin a new key epoch, or replace the root key.
#[derive(Args)]
pub struct Rotate {
    /// Replace the root key itself, in every slot: passphrases are asked for, key files and systemd
    /// credentials are read again, and new shares are dealt. No new epoch begins, unless with
    /// --shred.
    #[arg(long)]
    root_key: bool,
    #[command(flatten)]
    slots: ForRootKey,
    /// Erase the old epochs' keys from this store afterwards: what the disk may still hold of
    /// destroyed keys opens no more. A full copy made before (a backup) opens as before.
    #[arg(long)]
    shred: bool,
    /// Do not ask before shredding or replacing the root key.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

const SYSADMIN: &[&str] = &["sysadmin"];
const ANYBODY: &[&str] = &["sysadmin", "custodian", "officer", "auditor"];

impl Root {
    pub fn run(self) -> Done {
        match self {
            Self::Init(c) => c.run(),
            Self::Unseal(c) => c.run(),
            Self::Seal(c) => c.run(),
            Self::Slot(SlotCommand::Add(c)) => c.run(),
            Self::Slot(SlotCommand::Remove(c)) => c.run(),
            Self::Slot(SlotCommand::List(c)) => c.run(),
            Self::Slot(SlotCommand::Vouch(c)) => c.run(),
            Self::VerifyShares(c) => c.run(),
            Self::RecoverOfficer(c) => c.run(),
            Self::Rotate(c) => c.run(),
        }
    }
}

impl Unseal {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, ANYBODY)?;
        let give = |with: &UnsealRequest| client.post("/v1/root/unseal", with);
        let mut progress: Option<UnsealProgress> = None;
        if self.reset {
            progress = Some(give(&UnsealRequest::Reset)?);
        } else if self.automatic {
            progress = Some(give(&UnsealRequest::Automatic)?);
        } else if self.passphrase
            || self.secrets.passphrase_file.is_some()
            || self.secrets.passphrase_fd.is_some()
        {
            let secret = passphrase(
                self.secrets.passphrase_file.as_ref(),
                self.secrets.passphrase_fd,
                false,
            )?;
            progress = Some(give(&UnsealRequest::Passphrase(secret))?);
        } else if self.secrets.share_file.is_empty() {
            progress = shares_by_hand(&client)?;
        } else {
            for file in &self.secrets.share_file {
                progress = Some(give(&UnsealRequest::Share(secret_from_file(file)?))?);
            }
        }
        let progress = progress.ok_or_else(no_secret)?;
        show(self.reach.output, &progress, |p| {
            if p.unsealed {
                "Unsealed.\n".into()
            } else if p.given == 0 {
                "Sealed; no share is given.\n".into()
            } else {
                format!("Sealed; {} of {} shares given.\n", p.given, p.needed)
            }
        })?;
        Ok(Exit::Ok)
    }
}

/// Asks for one share after the other, until it is open or somebody enters nothing. A share that is
/// refused alone is asked for again: those given before stay.
fn shares_by_hand(client: &Client) -> Result<Option<UnsealProgress>, Fault> {
    let mut terminal = Terminal::of_input().ok_or_else(no_secret)?;
    let health: Health = client.get("/health")?;
    match health.state {
        // Nobody is asked for a secret that is of no use.
        State::Serving => return Err(errors::NOT_SEALED.into()),
        State::Uninitialised => return Err(errors::NOT_INITIALISED.into()),
        State::Sealed => {}
    }
    if let Some(unsealing) = &health.unsealing {
        let (given, needed) = (unsealing.given, unsealing.needed);
        let slots = unsealing.slots.join(", ");
        terminal.show(&format!("Opens by {slots}; {given} of {needed} shares given.\n"))?;
    }
    let mut progress = None;
    loop {
        let share = terminal.ask_secret("Share (it is not shown): ")?;
        if share.reveal().is_empty() {
            return Ok(progress);
        }
        match client.post::<UnsealProgress>("/v1/root/unseal", &UnsealRequest::Share(share)) {
            Ok(now) if now.unsealed => return Ok(Some(now)),
            Ok(now) => {
                terminal.show(&format!("{} of {} given.\n", now.given, now.needed))?;
                progress = Some(now);
            }
            Err(fault) if is_refused_alone(&fault) => {
                terminal.show(&format!("{fault}\n"))?;
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// Whether one share was refused, and those given before stay.
fn is_refused_alone(fault: &Fault) -> bool {
    [errors::WRONG_SHARE, errors::OLD_SHARE].iter().any(|row| row.number == fault.info.number)
}

impl Seal {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, SYSADMIN)?;
        if !self.yes && !self.how.dry_run {
            let status: Status = client.get("/v1/status")?;
            let objects = status.objects.map_or("all".into(), |n| n.to_string());
            let slots = status.slots.iter().map(slot_words).collect::<Vec<_>>().join("; ");
            Blast::new("Nothing but health and unsealing is answered until it is unsealed again.")
                .and(format!(
                    "{} connections to the KMIP port are open, and {objects} objects are served.",
                    status.kmip.connections
                ))
                .and(format!("It opens again by {slots}."))
                .ask("seal")?;
        }
        let ask = Ask::post("/v1/root/seal", self.how);
        let answer = client.change::<serde_json::Value>(ask, &serde_json::json!({}))?;
        answer.show(self.reach.output, |_| "Sealed.\n".into())?;
        Ok(Exit::Ok)
    }
}

impl SlotAdd {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, SYSADMIN)?;
        let mut shares_dir = None;
        let mut encrypted = false;
        let slot = match self.kind {
            SlotKind::Passphrase { passphrase_file, passphrase_fd } => NewSlot::Passphrase {
                passphrase: passphrase(passphrase_file.as_ref(), passphrase_fd, true)?,
            },
            SlotKind::Shamir { threshold, shares, recipient, shares_dir: dir } => {
                encrypted = !recipient.is_empty();
                shares_dir = dir;
                NewSlot::Shamir { threshold, shares, recipients: recipient }
            }
            SlotKind::File => NewSlot::File {},
            SlotKind::SystemdCredential { name } => NewSlot::SystemdCredential { name },
        };
        if self.dry_run {
            let ask = Ask::post("/v1/root/slots", Try { dry_run: true });
            let plan = client.change::<SlotAdded>(ask, &slot)?;
            plan.show(self.reach.output, |_| String::new())?;
            return Ok(Exit::Ok);
        }
        // Before the slot is made: shares that cannot be shown would be lost.
        if matches!(slot, NewSlot::Shamir { .. })
            && shares_dir.is_none()
            && Terminal::of_output().is_none()
        {
            return Err(Fault::new(
                errors::INPUT,
                "There is no terminal to show shares on; give --shares-dir DIR.",
            ));
        }
        let added: SlotAdded = client.post("/v1/root/slots", &slot)?;
        if !added.shares.is_empty() {
            show_shares(&added.shares, shares_dir.as_deref(), encrypted)?;
        }
        let id = added.id;
        show(self.reach.output, &serde_json::json!({ "id": id }), |_| {
            format!("Slot {id} opens the root key from now on.\n")
        })?;
        Ok(Exit::Ok)
    }
}

impl SlotRemove {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, SYSADMIN)?;
        let path = format!("/v1/root/slots/{}", self.id);
        let ask = Ask::delete(&path, self.how);
        let slots: Vec<Slot> = client.looked(client.get("/v1/root/slots"), ask)?;
        let Some(slot) = slots.iter().find(|s| s.id == self.id) else {
            return Err(Fault::new(errors::NOT_FOUND, format!("There is no slot {}.", self.id)));
        };
        let what = slot_words(slot);
        if !self.yes && !self.how.dry_run {
            let left = slots.iter().filter(|s| s.id != self.id).map(slot_words);
            let left = left.collect::<Vec<_>>().join("; ");
            let left = if left.is_empty() { "nothing".to_owned() } else { left };
            Blast::new(format!("{what} will not open the root key any more."))
                .and(format!("What still opens it: {left}."))
                .ask(&self.id.to_string())?;
        }
        let answer = client.change::<serde_json::Value>(ask, &serde_json::json!({}))?;
        answer.show(self.reach.output, |_| format!("Removed {what}.\n"))?;
        Ok(Exit::Ok)
    }
}

impl SlotVouch {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, &["officer"])?;
        let what = format!(
            "You vouch that the shares of slot {} are held by custodians, and not by whoever dealt \
             them.",
            self.id
        );
        if !self.yes && !self.how.dry_run {
            Blast::new(what).ask(&self.id.to_string())?;
        }
        let path = format!("/v1/root/slots/{}/vouch", self.id);
        let ask = Ask::post(&path, self.how);
        let answer = client.change::<serde_json::Value>(ask, &serde_json::json!({}))?;
        answer.show(self.reach.output, |_| format!("Slot {} counts as a quorum.\n", self.id))?;
        Ok(Exit::Ok)
    }
}

impl SlotList {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, ANYBODY)?;
        let slots: Vec<Slot> = client.get("/v1/root/slots")?;
        show(self.reach.output, &slots, |slots| {
            let rows: Vec<Vec<String>> = slots
                .iter()
                .map(|s| vec![s.id.to_string(), s.kind.clone(), s.detail.clone(), s.label.clone()])
                .collect();
            let none =
                "No slots: nothing opens the root key. Add one with `strongroom root slot add`.";
            table_or(&["Slot", "Kind", "Detail", "Label"], &rows, none)
        })?;
        Ok(Exit::Ok)
    }
}

/// Shares from files, or from the terminal until one is empty.
pub(super) fn shares(secrets: &Secrets) -> Result<Vec<SecretText>, Fault> {
    if !secrets.share_file.is_empty() {
        return secrets.share_file.iter().map(|file| secret_from_file(file)).collect();
    }
    let mut terminal = Terminal::of_input().ok_or_else(no_secret)?;
    let mut shares = Vec::new();
    loop {
        let share = terminal.ask_secret("Share (empty when that was the last): ")?;
        if share.reveal().is_empty() {
            return Ok(shares);
        }
        shares.push(share);
    }
}

impl Verify {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, ANYBODY)?;
        let shares = shares(&self.secrets)?;
        let answer: SharesVerified =
            client.post("/v1/root/verify-shares", &VerifyShares { shares })?;
        show(self.reach.output, &answer, |a| {
            if a.open {
                format!("These shares open slot {}.\n", a.slot)
            } else {
                "These shares do not open the root key.\n".into()
            }
        })?;
        Ok(if answer.open { Exit::Ok } else { Exit::Denied })
    }
}

impl Rotate {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, SYSADMIN)?;
        if self.how.dry_run {
            return self.plan(&client);
        }
        if (self.shred || self.root_key) && !self.yes {
            self.blast(&client)?.ask(if self.shred { "shred" } else { "replace" })?;
        }
        let root_key = match self.root_key {
            true => Some(self.slots.replace(&client)?.rotation),
            false => None,
        };
        if root_key.is_some() && self.shred {
            // What follows may fail, and this stays done.
            eprintln!("The root key is replaced.");
        }
        let epoch = match root_key.is_none() || self.shred {
            true => Some(self.begin_epoch(&client)?),
            false => None,
        };
        show(self.reach.output, &Rotated { root_key, epoch }, people)?;
        Ok(Exit::Ok)
    }

    /// What cannot be taken back of it.
    fn blast(&self, client: &Client) -> Result<Blast, Fault> {
        let status: Status = client.get("/v1/status")?;
        let objects = status.objects.map_or("all".into(), |n| n.to_string());
        let mut blast = Blast::default();
        if self.root_key {
            let slots = status.slots.iter().map(slot_words).collect::<Vec<_>>().join("; ");
            blast = blast.and(format!(
                "The root key is replaced in every slot: {slots}. Shares of before open nothing \
                 any more, and the new ones have to be handed out now. {objects} objects are \
                 served all the while."
            ));
        }
        if self.shred {
            blast = blast.and(format!(
                "{objects} objects are wrapped anew; then the old epochs' keys are erased from \
                 this store, and what the disk may still hold of destroyed keys opens no more. \
                 Backups and other full copies made before hold the old epochs' keys wrapped by \
                 the root key of then: they open as before."
            ));
        }
        Ok(blast)
    }

    /// What it would do. A new root key is not even prepared: nobody is asked for a secret.
    fn plan(&self, client: &Client) -> Done {
        let mut steps = Vec::new();
        if self.root_key {
            let slots: Vec<Slot> = client.get("/v1/root/slots")?;
            steps.extend(slots.iter().map(|slot| PlanStep {
                what: "root key replaced".to_owned(),
                object: None,
                detail: format!("in {}", slot_words(slot)),
            }));
        }
        if !self.root_key || self.shred {
            let ask = Ask::post("/v1/root/rotate", self.how);
            let body = RotateRequest { shred: self.shred };
            if let Outcome::Planned(plan) = client.change::<Rotation>(ask, &body)? {
                steps.extend(plan.steps);
            }
        }
        let plan = Plan { dry_run: true, operation: "Rotate Root".to_owned(), steps, created: 0 };
        show(self.reach.output, &plan, plan_text)?;
        Ok(Exit::Ok)
    }

    fn begin_epoch(&self, client: &Client) -> Result<Rotation, Fault> {
        // Progress is for whoever sits there.
        let people = self.reach.output == Output::Table && std::io::stderr().is_terminal();
        std::thread::scope(|scope| {
            let asking = scope
                .spawn(|| client.post("/v1/root/rotate", &RotateRequest { shred: self.shred }));
            // Progress comes over a connection of its own.
            if people && let Ok(watcher) = Client::new(&self.reach, SYSADMIN) {
                while !asking.is_finished() {
                    std::thread::sleep(std::time::Duration::from_millis(500));
                    if let Ok(at) = watcher.get::<Rotation>("/v1/root/rotate")
                        && at.running
                    {
                        eprint!("\r{} of {} objects", at.done, at.total);
                    }
                }
                eprint!("\r                                        \r");
            }
            asking.join().unwrap_or_else(|_| Err(errors::INTERNAL.into()))
        })
    }
}

/// A slot in words.
fn slot_words(slot: &Slot) -> String {
    format!("slot {} ({} {})", slot.id, slot.kind, slot.detail).replace(" )", ")")
}

/// What `root rotate` did.
#[derive(Serialize)]
struct Rotated {
    /// How often the root key was replaced, if it was now.
    #[serde(skip_serializing_if = "Option::is_none")]
    root_key: Option<u64>,
    #[serde(flatten)]
    epoch: Option<Rotation>,
}

fn people(done: &Rotated) -> String {
    let mut out = String::new();
    if done.root_key.is_some() {
        out.push_str(
            "The root key is replaced. The old shares open nothing here any more; destroy them, \
             and every copy of the old slot file.\n",
        );
    }
    if let Some(d) = &done.epoch {
        let tail = if d.shredded { " The old epoch is erased." } else { "" };
        out.push_str(&format!(
            "{} objects are wrapped under epoch {} now.{tail}\n",
            d.done, d.epoch
        ));
    }
    out
}

/// A passphrase from a file, a descriptor or the terminal; a new one is asked for twice.
pub fn passphrase(file: Option<&PathBuf>, fd: Option<u32>, new: bool) -> Result<SecretText, Fault> {
    if let Some(file) = file {
        return secret_from_file(file);
    }
    if let Some(fd) = fd {
        return secret_from_fd(fd);
    }
    let mut terminal = Terminal::of_input().ok_or_else(no_secret)?;
    let first = terminal.ask_secret("Passphrase: ")?;
    if new && first != terminal.ask_secret("The same again: ")? {
        return Err(Fault::new(errors::INPUT, "The two differ."));
    }
    Ok(first)
}

/// Asks for a word before something that cannot be taken back.
pub fn confirm(yes: bool, what: &str, word: &str) -> Result<(), Fault> {
    if yes {
        return Ok(());
    }
    let mut terminal = Terminal::of_input()
        .ok_or_else(|| Fault::new(errors::INPUT, "Nobody is here to confirm it; say --yes."))?;
    let answer = terminal.ask(&format!("{what}\nType {word} to go on: "))?;
    if answer == word { Ok(()) } else { Err(Fault::new(errors::INPUT, "Not confirmed.")) }
}

fn no_secret() -> Fault {
    Fault::new(
        errors::INPUT,
        "Nobody sits at a terminal; give --share-file, --passphrase-file or --passphrase-fd.",
    )
}
