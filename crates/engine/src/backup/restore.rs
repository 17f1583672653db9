//! Verifying, restoring and trying a backup, where no server runs: with the slot file and what opens
//! one of its slots.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use strongroom_journal::Head;
use strongroom_root::{Keyring, Opened, RootKey, Share, SlotError, SlotFile};
use strongroom_secmem::SecretBytes;
use strongroom_store::{Candidates, Order};
use zeroize::Zeroizing;

use super::read::{BackupFile, make_dir};
use super::{BackupHeader, Ends, broken, hex};
use crate::caller::Caller;
use crate::config::EngineConfig;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::offline::verify_files;

/// What opens the root key, where no server runs.
#[derive(Debug)]
pub enum BackupUnlock {
    /// Enough shares.
    Shares(Vec<Zeroizing<String>>),
    /// A passphrase.
    Passphrase(SecretBytes),
    /// Key files and systemd credentials at hand.
    Unattended,
}

/// What was proved of a backup.
#[derive(Clone, Debug)]
pub struct VerifiedBackup {
    /// What it says of itself.
    pub header: BackupHeader,
    /// The slot that opened.
    pub slot: u32,
    /// Files in it.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Records of changes, and the last one.
    pub changes: (u64, Head),
    /// Records of uses, and the last one.
    pub uses: (u64, Head),
    /// Records of both chains whose authentication code was checked.
    pub codes: u64,
    /// Objects that are not destroyed.
    pub objects: u64,
    /// Objects that are.
    pub destroyed: u64,
    /// Whether replicas were allowed when it was taken.
    pub replicas: bool,
    /// Why no replica can be of it, if none can.
    pub(crate) no_primary: Option<&'static str>,
}

/// A store that was restored, and waits in quarantine.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What was proved of the backup on the way.
    pub backup: VerifiedBackup,
}

/// What a drill found.
#[derive(Clone, Debug)]
pub struct Drill {
    /// What was proved of the backup on the way.
    pub backup: VerifiedBackup,
    /// Objects whose material was opened.
    pub opened: u64,
}

/// What the names of scratch directories begin with.
const SCRATCH: &str = "strongroom-scratch-";

/// A scratch directory that nobody holds is left alone for so long: its maker may be about to.
const NEW: Duration = Duration::from_secs(60);

/// A directory that goes when this does. Whoever is killed leaves it behind, with a copy of a store
/// in it, and keys that are destroyed by and by: the next one below the same directory takes it away.
pub(super) struct Scratch(pub(super) PathBuf, #[expect(dead_code, reason = "held")] File);

impl Scratch {
    /// A new one below `parent`.
    pub(super) fn new(parent: &Path) -> Result<Self, EngineError> {
        sweep(parent);
        let mut name = [0; 8];
        strongroom_crypto::random(&mut name)?;
        let path = parent.join(format!("{SCRATCH}{}", hex(&name)));
        make_dir(&path)?;
        let failed = |e: std::io::Error| EngineError::io(&path, &e);
        let held = File::open(&path).map_err(failed)?;
        held.lock_shared().map_err(failed)?;
        Ok(Self(path, held))
    }
}

/// Takes away what was left below a directory by whoever was killed.
fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let named = entry.file_name().to_str().is_some_and(|name| name.starts_with(SCRATCH));
        if !named || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let path = entry.path();
        let Ok(dir) = File::open(&path) else { continue };
        let age = dir.metadata().and_then(|m| m.modified()).ok().and_then(|m| m.elapsed().ok());
        if age.is_some_and(|age| age >= NEW) && dir.try_lock().is_ok() {
            match std::fs::remove_dir_all(&path) {
                Ok(()) => tracing::warn!(path = %path.display(), "left by a crash: removed"),
                Err(error) => tracing::warn!(path = %path.display(), %error, "left by a crash"),
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Proves that a backup can be opened with these slots and this secret, and that it is whole: every
/// piece authenticates, every file has its digest, both chains hold and end where the manifest says,
/// and the state is what the journal folds to. Needs as much room below `scratch` as the backup is
/// large; what lies there meanwhile is sealed as in the store.
///
/// # Errors
/// [`EngineError::Backup`] or another that says what does not hold.
pub fn verify_backup(
    file: &Path,
    slots: &Path,
    with: &BackupUnlock,
    scratch: &Path,
) -> Result<VerifiedBackup, EngineError> {
    let scratch = Scratch::new(scratch)?;
    let source = Source::open(file, slots, with)?;
    let data = scratch.0.join("data");
    let (engine, verified) = source.unpack(&data, &Caller::server(), &IN_CLEAR)?;
    engine.stop();
    Ok(verified)
}

/// What is not sealed in a backup's files: no copy of it is made where nobody needs one.
const IN_CLEAR: [&str; 1] = ["tls/server-key.pem"];

/// Restores a backup into `dir`, which must be empty or absent, after all that [`verify_backup`]
/// proves. The store is quarantined until it is confirmed ([`Engine::confirm_restore`]). Stopped in
/// the middle it leaves no `dir`.
///
/// # Errors
/// As [`verify_backup`]; something is in `dir`.
pub fn restore(
    file: &Path,
    slots: &Path,
    with: &BackupUnlock,
    dir: &Path,
    by: &Caller,
) -> Result<Restored, EngineError> {
    restore_without(file, slots, with, dir, by, &[])
}

fn restore_without(
    file: &Path,
    slots: &Path,
    with: &BackupUnlock,
    dir: &Path,
    by: &Caller,
    without: &[&str],
) -> Result<Restored, EngineError> {
    let failed = |e: std::io::Error| EngineError::io(dir, &e);
    match std::fs::read_dir(dir).map(|mut entries| entries.next().is_some()) {
        Ok(true) => return Err(EngineError::Occupied(dir.display().to_string())),
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    let parent = parent_of(dir);
    let source = Source::open(file, slots, with)?;
    // On the same file system, so that it appears whole.
    let staging = Scratch::new(parent)?;
    let data = staging.0.join("data");
    let (engine, backup) = source.unpack(&data, by, without)?;
    engine.begin_quarantine(by, &backup)?;
    engine.stop();
    drop(engine);
    std::fs::rename(&data, dir).map_err(failed)?;
    std::fs::File::open(parent).and_then(|d| d.sync_all()).map_err(failed)?;
    Ok(Restored { backup })
}

/// The directory that `dir` lies in.
pub(super) fn parent_of(dir: &Path) -> &Path {
    match dir.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Restores a backup below `scratch` as [`restore`] does, starts a key manager over it, checks its
/// audit and its fold, opens the material of every key, and throws it all away.
///
/// # Errors
/// As [`verify_backup`]; what cannot be opened.
pub fn drill(
    file: &Path,
    slots: &Path,
    with: &BackupUnlock,
    scratch: &Path,
) -> Result<Drill, EngineError> {
    let scratch = Scratch::new(scratch)?;
    let dir = scratch.0.join("restored");
    let by = Caller::server();
    let Restored { backup } = restore_without(file, slots, with, &dir, &by, &IN_CLEAR)?;
    let opened = open_slots(slots, with)?;
    let engine = Engine::open(config(&dir, slots, backup.header.site))?;
    engine.open_by_slot(&by, Some(opened.slot), opened.root)?;
    sound(&engine)?;
    if !engine.is_quarantined() {
        return Err(broken("restored from it, the store is not quarantined"));
    }
    let opened = engine.open_all_material()?;
    engine.stop();
    Ok(Drill { backup, opened })
}

/// A backup with what opens it.
pub(super) struct Source {
    file: BackupFile,
    slots: PathBuf,
    pub(super) slot: u32,
    root: RootKey,
}

impl Source {
    pub(super) fn open(
        file: &Path,
        slots: &Path,
        with: &BackupUnlock,
    ) -> Result<Self, EngineError> {
        let file = BackupFile::open(file)?;
        // Before anybody is asked for more: whether it can be these slots at all.
        if SlotFile::load(slots)?.root_check() != file.header.root_check {
            return Err(EngineError::OtherRoot);
        }
        let Opened { root, slot } = open_slots(slots, with)?;
        Ok(Self { file, slots: slots.to_owned(), slot, root })
    }

    /// What the backup says of itself.
    pub(super) fn header(&self) -> &BackupHeader {
        &self.file.header
    }

    /// The root key, once more.
    pub(super) fn root(&self) -> Result<RootKey, EngineError> {
        Ok(self.root.try_clone()?)
    }

    /// The keys of the store in it.
    pub(super) fn keyring(&self) -> Result<Keyring, EngineError> {
        let epochs = self.file.header.epochs.iter();
        let epochs = epochs.map(|(epoch, wrapped)| (*epoch, wrapped.as_slice()));
        Ok(Keyring::open(self.root()?, epochs)?)
    }

    /// Unpacks it into `dir`, which must not be there, but for the files `without`, and opens
    /// nothing.
    pub(super) fn extract(self, dir: &Path, without: &[&str]) -> Result<Ends, EngineError> {
        let keyring = self.keyring()?;
        Ok(self.file.extract(&keyring, dir, without)?.1)
    }

    /// Unpacks it into `dir`, which must not be there, but for the files `without`, and opens what
    /// was in it.
    pub(super) fn unpack(
        self,
        dir: &Path,
        by: &Caller,
        without: &[&str],
    ) -> Result<(Engine, VerifiedBackup), EngineError> {
        let header = self.file.header.clone();
        let keyring = self.keyring()?;
        let (files, ends) = self.file.extract(&keyring, dir, without)?;
        let report = verify_files(dir, &[])?;
        if let Some(fault) = report.faults.first() {
            return Err(broken(format!("the chain of {}: {}", fault.chain, fault.fault)));
        }
        let found = (report.changes.1, report.uses.1);
        if report.site != header.site || found != (ends.changes, ends.uses) {
            return Err(broken("its chains do not end where its manifest says"));
        }
        let engine = Engine::open(config(dir, &self.slots, header.site))?;
        engine.open_by_slot(by, Some(self.slot), self.root)?;
        let codes = sound(&engine)?;
        if let Some(why) = engine.inner.uses_missing.lock().clone() {
            return Err(broken(why));
        }
        let [pre, active, deactivated, destroyed] = engine.status().objects.unwrap_or_default();
        if destroyed != ends.destroyed {
            return Err(broken("it does not have as many destroyed objects as its manifest says"));
        }
        let verified = VerifiedBackup {
            header,
            slot: self.slot,
            files: files.len(),
            bytes: files.iter().map(|file| file.size).sum(),
            changes: report.changes,
            uses: report.uses,
            codes,
            objects: pre + active + deactivated,
            destroyed,
            replicas: engine.allows_replicas(),
            no_primary: no_primary(&engine),
        };
        Ok((engine, verified))
    }
}

pub(super) fn config(dir: &Path, slots: &Path, site: u32) -> EngineConfig {
    EngineConfig { slots_path: slots.to_owned(), site, ..EngineConfig::new(dir) }
}

/// Why a store is none that a replica can be of: what it does not know itself, no anchor of its own
/// could tell when the replica is promoted.
fn no_primary(engine: &Engine) -> Option<&'static str> {
    if engine.is_quarantined() {
        return Some(
            "the backup is of a store in quarantine: confirm that first, and take another",
        );
    }
    let what = "the backup is of a replica: take one of its primary, or promote it first";
    engine.is_replica().then_some(what)
}

fn open_slots(slots: &Path, with: &BackupUnlock) -> Result<Opened, EngineError> {
    let file = SlotFile::load(slots)?;
    Ok(match with {
        BackupUnlock::Shares(texts) => {
            let shares = texts
                .iter()
                .map(|text| Share::parse(text).map_err(strongroom_root::RootError::from))
                .collect::<Result<Vec<_>, _>>()?;
            file.open_with_shares(&shares)?
        }
        BackupUnlock::Passphrase(passphrase) => file.open_with_passphrase(passphrase)?,
        BackupUnlock::Unattended => {
            let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
            file.open_unattended(credentials.as_deref()).map_err(|mut failures| {
                match failures.pop() {
                    Some((_, error)) => error,
                    None => SlotError::NoSlotOfKind("file or systemd-credential").into(),
                }
            })?
        }
    })
}

/// Checks both chains with their codes, and the fold. Gives how many codes were checked.
pub(super) fn sound(engine: &Engine) -> Result<u64, EngineError> {
    match engine.audit_verify() {
        Ok(report) => Ok(report.codes),
        Err(fault) => Err(broken(format!("the chain of {}: {}", fault.chain, fault.fault))),
    }
}

impl Engine {
    /// As [`verify_backup`], for a backup of this key manager that was just taken: the root key is
    /// the one that is open.
    ///
    /// # Errors
    /// As [`verify_backup`]; [`EngineError::Sealed`].
    pub fn verify_own_backup(
        &self,
        file: &Path,
        slots: &Path,
        scratch: &Path,
    ) -> Result<VerifiedBackup, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let root = unsealed.keyring.read().root().try_clone()?;
        let file = BackupFile::open(file)?;
        if SlotFile::load(slots)?.root_check() != file.header.root_check {
            return Err(EngineError::OtherRoot);
        }
        let scratch = Scratch::new(scratch)?;
        let source = Source { file, slots: slots.to_owned(), slot: 0, root };
        let data = scratch.0.join("data");
        let (engine, verified) = source.unpack(&data, &Caller::server(), &IN_CLEAR)?;
        engine.stop();
        Ok(verified)
    }

    /// Opens the material of every object that has some. Gives how many those are.
    fn open_all_material(&self) -> Result<u64, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let mut opened = 0;
        let mut failed = None;
        self.inner.store.read(|tx| {
            tx.scan(&Candidates::All, Order::Oldest, |object| {
                let Some(material) = &object.material else { return ControlFlow::Continue(()) };
                match unsealed.open_material(&object.id, material) {
                    Ok(_) => {
                        opened += 1;
                        ControlFlow::Continue(())
                    }
                    Err(refusal) => {
                        failed = Some(format!("object {}: {}", object.id, refusal.message));
                        ControlFlow::Break(())
                    }
                }
            })
        })?;
        failed.map_or(Ok(opened), |why| Err(broken(why)))
    }
}

impl VerifiedBackup {
    /// Where both chains ended, for the quarantine.
    pub(crate) fn ends(&self) -> Ends {
        Ends { changes: self.changes.1, uses: self.uses.1, destroyed: self.destroyed }
    }
}
