//! `strongroom backup`: `create`, `slots` and `confirm` ask a running server; `verify`, `drill` and
//! `restore` work on files, where no server needs to run.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use strongroom_crypto::digest::Hasher;
use strongroom_engine::{VerifiedBackup, anchors_in, drill, restore, verify_backup};
use strongroom_kmip::HashingAlgorithm;

use super::change::{Ask, Try as How};
use super::client::Client;
use super::output::{counted, pairs, say, show, time};
use super::replica::{Allow, AsReplica, Promote};
use super::root::{Secrets, confirm};
use super::{Done, Output, Reach};
use crate::admin::types::{ConfirmRestore, RestoreConfirmed};
use crate::config::table::fold;
use crate::errors::{self, Exit, Fault};
use crate::pki::hex;
use crate::service::console;

/// Anchors sent with a confirmation: the newest ones.
const MOST_ANCHORS: usize = 20_000;

/// What an officer types where no later anchor exists.
const NO_ANCHOR: &str = "no later anchor exists";

/// Backups: take, prove, try, restore.
#[derive(Subcommand)]
pub enum Backup {
    /// Take a backup of the data, online. The slots are not in it: see `backup slots`.
    Create(Create),
    /// Copy the slot file, to be kept apart from the data's backups.
    Slots(Slots),
    /// Prove that a backup is whole and opens with these shares. Needs no server.
    Verify(Verify),
    /// Restore a backup into a scratch directory, open every key, and throw it away.
    Drill(Try),
    /// Set random IVs of each key aside for replicas, so that backups from now on may become some.
    AllowReplicas(Allow),
    /// Restore a backup into an empty directory. The store is quarantined until it is confirmed.
    /// With --replica it is a second server, which serves uses at once.
    Restore(Restore),
    /// Confirm a restored store, so that it serves again. An officer's.
    Confirm(Confirm),
    /// Let a replica take the place of its primary, so that it takes changes. An officer's.
    Promote(Promote),
}

/// Take a backup of the data, online.
#[derive(Args)]
pub struct Create {
    /// The new file, mode 0600.
    #[arg(long = "to", value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    reach: Reach,
}

/// Copy the slot file.
#[derive(Args)]
pub struct Slots {
    /// The new file, mode 0600. Not where the data's backups are.
    #[arg(long = "to", value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    reach: Reach,
}

/// A backup and what opens it.
#[derive(Args)]
pub struct Opening {
    /// The backup.
    file: PathBuf,
    /// The copy of the slot file that was kept apart from it.
    #[arg(long, value_name = "FILE")]
    slots: PathBuf,
    #[command(flatten)]
    secrets: Secrets,
    /// Open with a slot that needs nobody: a key file or a systemd credential.
    #[arg(long, conflicts_with_all = ["share_file", "passphrase_file", "passphrase_fd"])]
    automatic: bool,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Prove that a backup is whole and opens.
#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    opening: Opening,
    #[command(flatten)]
    scratch: Scratch,
}

/// Restore a backup into a scratch directory and throw it away.
#[derive(Args)]
pub struct Try {
    #[command(flatten)]
    opening: Opening,
    #[command(flatten)]
    scratch: Scratch,
}

/// Where there is room for a copy.
#[derive(Args)]
pub struct Scratch {
    /// A directory with room for the data, which is sealed there too. Default: the system's for
    /// temporary files.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// Restore a backup into an empty directory.
#[derive(Args)]
pub struct Restore {
    #[command(flatten)]
    opening: Opening,
    /// The data directory to be: empty, or not there.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    replica: AsReplica,
}

/// Confirm a restored store.
#[derive(Args)]
pub struct Confirm {
    #[command(flatten)]
    given: Given,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    reach: Reach,
}

/// What is known of the time after a backup.
#[derive(Args)]
pub struct Given {
    /// A file with anchor lines that were kept elsewhere, and are later than the backup.
    #[arg(long, value_name = "FILE", required_unless_present = "without_anchor")]
    anchors: Option<PathBuf>,
    /// A file with the identifiers of what was destroyed since the backup, one a line.
    #[arg(long, value_name = "FILE")]
    destroyed: Option<PathBuf>,
    /// No later anchor exists: whatever was destroyed since, and is not named, is back.
    #[arg(long, conflicts_with = "anchors")]
    pub without_anchor: bool,
}

/// What a confirmation sends.
pub fn given(given: &Given) -> Result<ConfirmRestore, Fault> {
    Ok(ConfirmRestore {
        anchors: given.anchors.as_deref().map_or(Ok(Vec::new()), anchor_lines)?,
        destroyed: given.destroyed.as_deref().map_or(Ok(Vec::new()), identifiers)?,
        without_anchor: given.without_anchor,
    })
}

/// What was proved of a backup.
#[derive(Serialize)]
pub struct Proof {
    version: String,
    site: u32,
    created: i64,
    slot: u32,
    files: usize,
    bytes: u64,
    changes: u64,
    uses: u64,
    codes: u64,
    objects: u64,
    destroyed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened: Option<u64>,
    /// The site of the replica that was made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    replica: Option<u32>,
}

impl Proof {
    fn of(backup: &VerifiedBackup, opened: Option<u64>) -> Self {
        Self {
            version: backup.header.version.clone(),
            site: backup.header.site,
            created: backup.header.created_ms,
            slot: backup.slot,
            files: backup.files,
            bytes: backup.bytes,
            changes: backup.changes.0,
            uses: backup.uses.0,
            codes: backup.codes,
            objects: backup.objects,
            destroyed: backup.destroyed,
            opened,
            replica: None,
        }
    }

    pub fn of_replica(backup: &VerifiedBackup, site: u32) -> Self {
        Self { replica: Some(site), ..Self::of(backup, None) }
    }

    pub fn text(&self) -> String {
        let mut rows = vec![
            ("Taken", time(self.created)),
            ("By", format!("strongroom {}, site {}", self.version, self.site)),
            ("Opens", format!("with slot {}", self.slot)),
            (
                "Whole",
                format!(
                    "{} files, {} bytes; every piece authenticates, every file has its digest",
                    self.files, self.bytes
                ),
            ),
            (
                "Chains",
                format!(
                    "{} changes and {} uses, each follows the one before; they end where the \
                     manifest says; {} authentication codes checked",
                    self.changes, self.uses, self.codes
                ),
            ),
            (
                "State",
                format!(
                    "{}, {} more destroyed: what the journal of changes folds to",
                    counted(self.objects, "object"),
                    self.destroyed
                ),
            ),
        ];
        if let Some(opened) = self.opened {
            rows.push((
                "Restored",
                format!("and opened again; {} opened; thrown away", counted(opened, "key")),
            ));
        }
        pairs(&rows)
    }
}

impl Backup {
    pub fn run(self) -> Done {
        match self {
            Self::Create(c) => c.run(),
            Self::Slots(c) => c.run(),
            Self::Verify(c) => c.run(),
            Self::Drill(c) => c.run(),
            Self::AllowReplicas(c) => c.run(),
            Self::Restore(c) => c.run(),
            Self::Confirm(c) => c.run(),
            Self::Promote(c) => c.run(),
        }
    }
}

/// What was written.
#[derive(Serialize)]
struct Written {
    file: String,
    bytes: u64,
    sha256: String,
}

impl Create {
    fn run(self) -> Done {
        let written = download(&self.reach, "/v1/backup", &self.to)?;
        show(self.reach.output, &written, |w| {
            format!(
                "{} bytes in {}\nSHA-256 {}\nThe slots are not in it: keep a copy of them \
                 elsewhere\n(`strongroom backup slots`).\n",
                w.bytes, w.file, w.sha256
            )
        })?;
        Ok(Exit::Ok)
    }
}

impl Slots {
    fn run(self) -> Done {
        let written = download(&self.reach, "/v1/backup/slots", &self.to)?;
        show(self.reach.output, &written, |w| {
            format!("The slots are in {}. Keep them apart from the backups.\n", w.file)
        })?;
        Ok(Exit::Ok)
    }
}

/// Writes an answer into a new file; one that breaks off leaves none.
fn download(reach: &Reach, path: &str, to: &Path) -> Result<Written, Fault> {
    let client = Client::new(reach, &["sysadmin"])?;
    let failed = |e: std::io::Error| Fault::new(errors::INPUT, format!("{}: {e}.", to.display()));
    let file = File::options().write(true).create_new(true).mode(0o600).open(to).map_err(|e| {
        match e.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Fault::new(errors::FILE_EXISTS, format!("It is {}.", to.display()))
            }
            _ => failed(e),
        }
    })?;
    let written = receive(&client, path, file, failed);
    if written.is_err() {
        let _ = std::fs::remove_file(to);
    }
    let (bytes, digest) = written?;
    Ok(Written { file: to.display().to_string(), bytes, sha256: hex(&digest) })
}

fn receive(
    client: &Client,
    path: &str,
    file: File,
    failed: impl Fn(std::io::Error) -> Fault + Copy,
) -> Result<(u64, Vec<u8>), Fault> {
    let internal =
        |e: strongroom_crypto::CryptoError| Fault::new(errors::INTERNAL, format!("{e}."));
    let mut out = BufWriter::new(file);
    let mut hasher = Hasher::new(HashingAlgorithm::SHA_256).map_err(internal)?;
    let mut count = 0;
    client.download(path, |bytes| {
        count += bytes.len() as u64;
        hasher.update(bytes).map_err(internal)?;
        out.write_all(bytes).map_err(failed)
    })?;
    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(failed)?;
    Ok((count, hasher.finish().map_err(internal)?))
}

impl Scratch {
    fn dir(&self) -> PathBuf {
        self.scratch.clone().unwrap_or_else(std::env::temp_dir)
    }
}

impl Verify {
    fn run(self) -> Done {
        let Opening { file, slots, secrets, automatic, output } = self.opening;
        let with = secrets.unlock(automatic)?;
        let backup = verify_backup(&file, &slots, &with, &self.scratch.dir())?;
        show(output, &Proof::of(&backup, None), |proof| {
            format!("{}The backup is whole and opens.\n", proof.text())
        })?;
        Ok(Exit::Ok)
    }
}

impl Try {
    fn run(self) -> Done {
        let Opening { file, slots, secrets, automatic, output } = self.opening;
        let with = secrets.unlock(automatic)?;
        let tried = drill(&file, &slots, &with, &self.scratch.dir())?;
        show(output, &Proof::of(&tried.backup, Some(tried.opened)), |proof| {
            format!("{}The drill succeeded.\n", proof.text())
        })?;
        Ok(Exit::Ok)
    }
}

impl Restore {
    fn run(self) -> Done {
        let Opening { file, slots, secrets, automatic, output } = self.opening;
        let with = secrets.unlock(automatic)?;
        if self.replica.is_wanted() {
            return self.replica.run(&file, &slots, &with, &self.data, output);
        }
        let restored = restore(&file, &slots, &with, &self.data, &console())?;
        show(output, &Proof::of(&restored.backup, None), |proof| {
            let next = format!(
                "Restored into {}. It is quarantined: put the slot file where the configuration \
                 says (`root.slots_path`), start the server, unseal it, and let an officer confirm \
                 it with `strongroom backup confirm`.",
                self.data.display()
            );
            format!("{}{}\n", proof.text(), fold(&next, 80).join("\n"))
        })?;
        Ok(Exit::Ok)
    }
}

impl Confirm {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, &["officer"])?;
        let with = given(&self.given)?;
        if self.given.without_anchor && !self.how.dry_run {
            confirm(
                self.yes,
                "Whatever was destroyed or revoked after the backup, and is not named, will be \
                 back, and usage limits count as of the backup.",
                NO_ANCHOR,
            )?;
        }
        let ask = Ask::post("/v1/backup/confirm", self.how);
        client.change::<RestoreConfirmed>(ask, &with)?.show(self.reach.output, |c| {
            format!("{}Confirmed. The store serves again.\n", confirmed_text(c))
        })?;
        if self.reach.output == Output::Table && !self.how.dry_run {
            say("Certificates, roles and grants are those of the backup: take back what was \
                 taken\nback since.\n");
        }
        Ok(Exit::Ok)
    }
}

pub fn confirmed_text(c: &RestoreConfirmed) -> String {
    let mut text = String::new();
    if let Some(since) = c.destroyed_since {
        text.push_str(&format!("Destroyed between the backup and the newest anchor: {since}\n"));
    }
    for id in &c.destroyed {
        text.push_str(&format!("  {id}  destroyed here too\n"));
    }
    for id in &c.absent {
        text.push_str(&format!("  {id}  not in the backup\n"));
    }
    text
}

fn read(path: &Path) -> Result<String, Fault> {
    let bytes = std::fs::read(path)
        .map_err(|e| Fault::new(errors::INPUT, format!("{}: {e}.", path.display())))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The newest anchors of a file. One that cannot be read is an error: it might be the one that
/// counts.
fn anchor_lines(path: &Path) -> Result<Vec<String>, Fault> {
    let mut lines = Vec::new();
    for (line, anchor) in anchors_in(&read(path)?) {
        let anchor = anchor.map_err(|e| {
            Fault::new(errors::INPUT, format!("{}, line {line}: {e}.", path.display()))
        })?;
        lines.push(anchor.to_string());
    }
    if lines.is_empty() {
        return Err(Fault::new(errors::INPUT, format!("{}: no anchor in it.", path.display())));
    }
    Ok(lines.split_off(lines.len().saturating_sub(MOST_ANCHORS)))
}

fn identifiers(path: &Path) -> Result<Vec<String>, Fault> {
    let text = read(path)?;
    let ids: Vec<String> =
        text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    match ids.iter().find(|id| id.contains(char::is_whitespace)) {
        Some(line) => Err(Fault::new(
            errors::INPUT,
            format!("{}: \"{line}\" is no identifier.", path.display()),
        )),
        None => Ok(ids),
    }
}
