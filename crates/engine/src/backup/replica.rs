//! Restoring a backup as a replica: a second server beside the first.
//!
//! What [`verify_backup`] proves is proved on a copy that is thrown away: to open a store continues
//! its chains, and nobody but the primary may continue the primary's. The copy that becomes the
//! replica is written from the backup once more and adopted as it is.
//!
//! A replica that is there already is refreshed: the store is replaced in one step by one from the
//! newer backup, with the replica's own chain brought over; its own audit of uses stays where it is.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use strongroom_journal::Head;
use strongroom_store::{Adoption, JournalFile, StoreKeys, adopt, exclusive, settle};

use super::restore::{Scratch, Source, config, parent_of, sound};
use super::{BackupUnlock, Ends, VerifiedBackup, broken, verify_backup};
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::offline::verify_files;
use crate::replica::{self, MOST_REPLICA_SITE};
use crate::unsealed::{USES_DIR, past_uses_dir};

const STORE: &str = "store.db";

/// What of the primary's own is not for a replica: the key that the primary shows itself with.
const PRIMARYS_OWN: [&str; 2] = ["tls/server-key.pem", "tls/server-cert.pem"];

/// The authorities whose clients are accepted.
const AUTHORITIES: &str = "tls/ca.pem";

/// What a replica is to be.
#[derive(Clone, Debug, Default)]
pub struct ReplicaPlan {
    /// Its site, 1 to [`MOST_REPLICA_SITE`]; one that is refreshed keeps its own.
    pub site: Option<u32>,
    /// Where changes go, in words for whoever sends one here.
    pub primary: Option<String>,
}

/// A replica that was made or refreshed.
#[derive(Clone, Debug)]
pub struct ReplicaMade {
    /// What was proved of the backup on the way.
    pub backup: VerifiedBackup,
    /// The replica's site.
    pub site: u32,
    /// When the backup that it was of before was taken, milliseconds since the Unix epoch, if it
    /// was refreshed.
    pub before_ms: Option<i64>,
}

/// What a replica that is there came from.
struct Before {
    created_ms: i64,
    primary: String,
    ends: Ends,
    /// Where its own chain of changes ended when it was stopped again.
    head: Head,
}

/// Makes a replica in `dir`, which must be empty or absent, or refreshes the one that is there.
/// `finish` is given the open replica and the directory, to add what the server needs.
///
/// # Errors
/// As [`verify_backup`]; [`EngineError::Occupied`]; [`EngineError::Replica`], which says what does
/// not fit; what `finish` returns.
pub fn restore_replica<E: From<EngineError>>(
    file: &Path,
    slots: &Path,
    with: &BackupUnlock,
    dir: &Path,
    by: &Caller,
    plan: &ReplicaPlan,
    finish: impl FnOnce(&Engine, &Path) -> Result<(), E>,
) -> Result<ReplicaMade, E> {
    restore_replica_with(file, slots, with, dir, by, plan, || {}, finish)
}

/// As [`restore_replica`]; `meanwhile` is run while the replica that is there is held by nobody.
#[expect(clippy::too_many_arguments, reason = "one more than what is public, for tests")]
pub(crate) fn restore_replica_with<E: From<EngineError>>(
    file: &Path,
    slots: &Path,
    with: &BackupUnlock,
    dir: &Path,
    by: &Caller,
    plan: &ReplicaPlan,
    meanwhile: impl FnOnce(),
    finish: impl FnOnce(&Engine, &Path) -> Result<(), E>,
) -> Result<ReplicaMade, E> {
    let io = |path: &Path, e: &std::io::Error| E::from(EngineError::io(path, e));
    let source = Source::open(file, slots, with)?;
    let of = source.header().site;
    let there = dir.join(STORE).exists();
    if !there && fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(EngineError::Occupied(dir.display().to_string()).into());
    }
    let site = site(plan, of, if there { own_site(dir)? } else { None })?;
    let parent = if there { dir } else { parent_of(dir) };
    // On the same file system, so that it appears whole.
    let staging = Scratch::new(parent)?;
    let backup = verify_backup(file, slots, with, &staging.0)?;
    if let Some(why) = backup.no_primary {
        return Err(EngineError::Replica(why.to_owned()).into());
    }
    if !backup.replicas {
        let why = "nothing was set aside for replicas when the backup was taken: let a system \
                   administrator run `strongroom backup allow-replicas` at the primary, and take \
                   a backup after that";
        return Err(EngineError::Replica(why.to_owned()).into());
    }
    let before = there.then(|| before(&source, dir, slots, site, by)).transpose()?;
    if let Some(before) = &before
        && before.ends.changes.seq > backup.changes.0
    {
        let why = "the backup is older than the one that the replica is of";
        return Err(EngineError::Replica(why.to_owned()).into());
    }

    let data = staging.0.join("data");
    let (slot, root, keyring) = (source.slot, source.root()?, source.keyring()?);
    let ends = source.extract(&data, &PRIMARYS_OWN)?;
    let report = verify_files(&data, &[])?;
    if !report.faults.is_empty() || (report.changes.1, report.uses.1) != (ends.changes, ends.uses) {
        return Err(broken("it changed while it was read").into());
    }
    if let Some(before) = &before {
        continues(&data, of, before.ends.changes)?;
    }
    is_nobodys(&data, site)?;
    let past = past_uses_dir(&data, of);
    fs::rename(data.join(USES_DIR), &past).map_err(|e| io(&past, &e))?;
    meanwhile();
    // Until the new store is in the place of the old.
    let held = before.as_ref().map(|_| exclusive(&dir.join(STORE)).map_err(EngineError::from));
    let held = held.transpose()?;
    if let Some(before) = &before
        && own_head(dir, site)? != before.head
    {
        let why = "it was started meanwhile, and went on: stop it for as long as this takes";
        return Err(EngineError::Replica(why.to_owned()).into());
    }
    let (chain_seed, seal) = keyring.chain_keys("changes").map_err(EngineError::from)?;
    let record = keyring.record_key().map_err(EngineError::from)?;
    let primary = plan.primary.as_deref().or(before.as_ref().map(|b| b.primary.as_str()));
    let earlier = before.is_some().then(|| dir.join(STORE));
    let adoption = Adoption {
        from: of,
        site,
        keys: StoreKeys::new(&record, seal).map_err(EngineError::from)?,
        chain_seed,
        earlier: earlier.as_deref(),
        origin: &by.origin("Restore Replica", ""),
        changes: &[replica::mark(&backup, primary.unwrap_or_default())],
        now_ms: now_ms(),
    };
    adopt(&data.join(STORE), adoption).map_err(EngineError::from)?;

    let complete = |at: &Path| -> Result<(), E> {
        let engine = Engine::open(config(at, slots, site))?;
        engine.open_by_slot(by, Some(slot), root)?;
        engine.record_replica(by, &backup)?;
        finish(&engine, at)?;
        engine.stop();
        Ok(())
    };
    if before.is_some() {
        replace(&data, dir, &past_uses_dir(dir, of), &past)?;
        drop(held);
        complete(dir)?;
    } else {
        complete(&data)?;
        fs::rename(&data, dir).map_err(|e| io(dir, &e))?;
        sync(parent)?;
    }
    let before_ms = before.map(|before| before.created_ms);
    Ok(ReplicaMade { backup, site, before_ms })
}

/// The site that is asked for, if it can be one.
fn site(plan: &ReplicaPlan, of: u32, there: Option<u32>) -> Result<u32, EngineError> {
    let refuse = |why: String| Err(EngineError::Replica(why));
    let site = match (plan.site, there) {
        (Some(asked), Some(there)) if asked != there => {
            return refuse(format!("the replica that is there is site {there}, and not {asked}"));
        }
        (_, Some(there)) => there,
        (Some(asked), None) => asked,
        (None, None) => return refuse("a replica needs a site of its own".to_owned()),
    };
    if site == of {
        return refuse(format!("site {of} is the one that the backup is of"));
    }
    if !(1..=MOST_REPLICA_SITE).contains(&site) {
        return refuse(format!("the site of a replica is one of 1 to {MOST_REPLICA_SITE}"));
    }
    Ok(site)
}

fn own_site(dir: &Path) -> Result<Option<u32>, EngineError> {
    match JournalFile::open(&dir.join(STORE))?.site()? {
        Some(site) => Ok(Some(site)),
        None => Err(EngineError::Replica(format!("what is in {} is no replica", dir.display()))),
    }
}

/// Opens the replica that is there, checks it and stops it again.
fn before(
    source: &Source,
    dir: &Path,
    slots: &Path,
    site: u32,
    by: &Caller,
) -> Result<Before, EngineError> {
    let engine = Engine::open(config(dir, slots, site))?;
    engine.open_by_slot(by, Some(source.slot), source.root()?)?;
    sound(&engine)?;
    let (found, ends) = (engine.replica(), engine.replica_ends());
    engine.stop();
    let refuse = |why: &str| Err(EngineError::Replica(why.to_owned()));
    match (found, ends) {
        (Some(found), Some(_)) if found.of != source.header().site => {
            refuse("the replica that is there is of another site than the backup")
        }
        (Some(found), Some(ends)) => {
            let head = own_head(dir, site)?;
            Ok(Before { created_ms: found.created_ms, primary: found.primary, ends, head })
        }
        _ => refuse("what is there is no replica any more: it was promoted"),
    }
}

fn own_head(dir: &Path, site: u32) -> Result<Head, EngineError> {
    Ok(JournalFile::open(&dir.join(STORE))?.head(site)?)
}

/// Whether no server before had the replica's number: the chain of a site is begun once.
fn is_nobodys(data: &Path, site: u32) -> Result<(), EngineError> {
    if own_head(data, site)?.seq == 0 {
        return Ok(());
    }
    Err(EngineError::Replica(format!(
        "site {site} is one that the backup's past is of: give the replica a number that no server \
         of the house ever had"
    )))
}

/// Whether the backup's chain goes on from the end that the replica knows.
fn continues(data: &Path, of: u32, end: Head) -> Result<(), EngineError> {
    let journal = JournalFile::open(&data.join(STORE))?;
    let there = journal.records(of, end.seq, 1)?.pop();
    if end.seq == 0 || there.is_some_and(|r| (r.seq, r.hash) == (end.seq, end.hash)) {
        return Ok(());
    }
    Err(EngineError::Replica(
        "the backup does not continue the chain of changes that the replica knows: it is of another \
         continuation of that site"
            .to_owned(),
    ))
}

/// Puts the new store in the place of the old. The past's audit first: more of it than the store
/// tells of does no harm.
fn replace(data: &Path, dir: &Path, past: &Path, new_past: &Path) -> Result<(), EngineError> {
    let moved = |from: &Path, to: &Path| fs::rename(from, to).map_err(|e| EngineError::io(to, &e));
    settle(&dir.join(STORE))?;
    for left in ["store.db-wal", "store.db-shm"].map(|name| dir.join(name)) {
        if left.exists() {
            let what = left.display();
            return Err(EngineError::Replica(format!("{what} is in use, or was left by a crash")));
        }
    }
    if past.exists() {
        moved(past, &data.join("past"))?;
    }
    moved(new_past, past)?;
    // What the store tells of is there whenever the store is.
    sync(dir)?;
    let authorities = data.join(AUTHORITIES);
    if authorities.exists() && dir.join(AUTHORITIES).exists() {
        moved(&authorities, &dir.join(AUTHORITIES))?;
    }
    moved(&data.join(STORE), &dir.join(STORE))?;
    sync(dir)
}

fn sync(dir: &Path) -> Result<(), EngineError> {
    fs::File::open(dir).and_then(|d| d.sync_all()).map_err(|e| EngineError::io(dir, &e))
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
