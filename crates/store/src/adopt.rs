//! Making the copy of a store another site's.
//!
//! A second server over a copy must not continue the chain of the first: the same numbers would then
//! stand for two histories. So the copy keeps the records of the other site as they are, and begins a
//! chain of its own, or goes on with the one that an earlier copy began: those records are brought
//! over, with what they say of objects and of the server. That is the merge that stamps are made for.
//!
//! What ends the other site's chain in this store is kept among the server's own rows, in the
//! namespace [`ENDS`], and [`ReadTx::verify_others`] compares with it: nobody can take away or rewrite
//! what the store came from.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use strongroom_journal::{Chain, ChainName, Fault, Head, Start, Verifier, What};
use strongroom_model::{Change, HybridClock, Origin, Setting};
use strongroom_secmem::SecretBytes;

use crate::error::StoreError;
use crate::keys::StoreKeys;
use crate::open::{
    CHAIN_META, connect, journal_missing, last_record, lock_file, read_chain_state,
    write_chain_state,
};
use crate::read::{ReadTx, read_journal, record_of};
use crate::seal::{self, Seal};
use crate::server_rows;
use crate::write::{WriteTx, journal_fault};

/// Namespace of the settings that say where the chains of other sites end, by their number.
const ENDS: &str = "site";

/// The row of `meta` that says whose store this is, where it is not the configuration alone.
const OWN_SITE: &str = "local:site";

/// Records brought over at a time.
const PAGE: u32 = 1024;

/// What a copy is to become.
pub struct Adoption<'a> {
    /// Whose store it is.
    pub from: u32,
    /// Whose it is to be.
    pub site: u32,
    /// The keys of the store.
    pub keys: StoreKeys,
    /// For a chain that begins.
    pub chain_seed: SecretBytes,
    /// Another copy, stopped, whose chain of `site` goes on here.
    pub earlier: Option<&'a Path>,
    /// Who does it, and by what.
    pub origin: &'a Origin,
    /// What the site's chain is to say of it.
    pub changes: &'a [Change],
    /// Milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// Makes the store at `path`, which no server uses, another site's. One transaction: it is done or
/// not.
///
/// # Errors
/// The database's; a store that does not check; [`StoreError::InUse`].
pub fn adopt(path: &Path, adoption: Adoption<'_>) -> Result<(), StoreError> {
    let _lock = lock_file(path)?;
    let connection = connect(path, Some(true))?;
    let Adoption { from, site, keys, chain_seed, earlier, origin, changes, now_ms } = adoption;
    let keys = Arc::new(keys);
    let seal = Seal::read(&connection, &keys)?.ok_or_else(seal::missing)?;
    seal.check(&connection, from)?;
    let state = Arc::new(server_rows::read(&connection, Some(&keys))?);
    let head = last_record(&connection, from)?.ok_or_else(|| journal_missing("every record"))?;
    let newest: i64 = connection.query_row("SELECT MAX(hlc) FROM journal", [], |row| row.get(0))?;

    let earlier = earlier.map(|path| connect(path, None)).transpose()?;
    let (mut chain, uses) = match &earlier {
        None => (
            Chain::new(ChainName::Changes, site, chain_seed).map_err(journal_fault)?,
            ChainName::Uses.genesis(site),
        ),
        Some(earlier) => {
            let seal = Seal::read(earlier, &keys)?.ok_or_else(seal::missing)?;
            let (state, _) = read_chain_state(earlier, site, &keys)?
                .ok_or_else(|| journal_missing("its sealed state"))?;
            let last = last_record(earlier, site)?;
            let chain = Chain::resume(&state, last.as_ref().map(|r| r.as_ref()).as_ref());
            (chain.map_err(journal_fault)?, seal.uses)
        }
    };
    let mut clock = HybridClock::after(newest as u64);

    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.execute("DELETE FROM meta WHERE key = ?1", params![CHAIN_META])?;
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![OWN_SITE, site.to_string().into_bytes()],
    )?;
    {
        let read = ReadTx { connection: &connection, keys: keys.clone(), site };
        let mut tx = WriteTx::new(read, &mut chain, &mut clock, state);
        if let Some(earlier) = &earlier {
            bring_over(earlier, site, &mut tx)?;
        }
        let end = Setting {
            namespace: ENDS.to_owned(),
            key: from.to_string(),
            value: Some(end_text(&Head { seq: head.seq, hash: head.hash }).into_bytes()),
        };
        tx.append(origin, &Change::Setting(end), now_ms)?;
        for change in changes {
            tx.append(origin, change, now_ms)?;
        }
        let left = tx.finish();
        if let Some(error) = left.lost.or(left.poison) {
            return Err(error);
        }
    }
    write_chain_state(&connection, &chain, &keys)?;
    Seal::write(&connection, &keys, chain.head(), uses)?;
    connection.execute_batch("COMMIT")?;
    write_back(&connection)
}

/// Writes back what lies beside the database at `path`, which no server uses, so that the file holds
/// everything by itself, and nothing is left that another file in its place would be read with.
///
/// # Errors
/// The database's.
pub fn settle(path: &Path) -> Result<(), StoreError> {
    write_back(&connect(path, Some(true))?)
}

fn write_back(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;")?;
    Ok(())
}

/// Brings the records of `site` over from an earlier copy, with what they say.
fn bring_over(earlier: &Connection, site: u32, tx: &mut WriteTx<'_>) -> Result<(), StoreError> {
    let mut from = 1;
    loop {
        let page = read_journal(earlier, site, from, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        from = last.seq + 1;
        for record in &page {
            tx.bring_over(record)?;
        }
    }
}

/// `SEQ HASH`.
fn end_text(head: &Head) -> String {
    let hash: String = head.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} {hash}", head.seq)
}

/// The site that a store was made for, if it says so.
pub(crate) fn own_site(connection: &Connection) -> Result<Option<u32>, StoreError> {
    let found: Option<Vec<u8>> = connection
        .query_row("SELECT value FROM meta WHERE key = ?1", params![OWN_SITE], |r| r.get(0))
        .optional()?;
    Ok(found.and_then(|text| String::from_utf8(text).ok()?.parse().ok()))
}

impl ReadTx<'_> {
    /// Verifies the chains of other sites that this store holds: link by link from the first record
    /// on, to the end that the server's own rows tell. Their keys are not here, and need not be: the
    /// end is under this store's seal.
    ///
    /// # Errors
    /// The database's. What is wrong with a chain is the inner error.
    pub fn verify_others(&self) -> Result<Result<(), Fault>, StoreError> {
        let state = match server_rows::read(self.connection, Some(&self.keys)) {
            Ok(state) => state,
            // For the comparison of the state with the journal to tell.
            Err(StoreError::Tampered(_) | StoreError::Damaged(..)) => return Ok(Ok(())),
            Err(error) => return Err(error),
        };
        let mut sites = self.connection.prepare("SELECT DISTINCT site FROM journal")?;
        let found: Vec<u32> =
            sites.query_map([], |row| row.get(0))?.collect::<Result<_, rusqlite::Error>>()?;
        let told = state.settings.iter().filter(|((namespace, _), _)| namespace == ENDS);
        let told = told.filter_map(|((_, site), _)| site.parse().ok());
        let mut all: Vec<u32> = found.into_iter().chain(told).filter(|s| *s != self.site).collect();
        all.sort_unstable();
        all.dedup();
        for site in all {
            let end = state.setting(ENDS, &site.to_string()).unwrap_or_default();
            if let Err(fault) = self.verify_other(site, &String::from_utf8_lossy(end))? {
                return Ok(Err(fault));
            }
        }
        Ok(Ok(()))
    }

    fn verify_other(&self, site: u32, end: &str) -> Result<Result<(), Fault>, StoreError> {
        let start = Start::genesis(ChainName::Changes, site);
        let mut verifier = Verifier::new(ChainName::Changes, site, start);
        let mut statement = self.connection.prepare_cached(
            "SELECT site, seq, hlc, actor, kind, body, prev, hash, mac FROM journal \
             WHERE site = ?1 ORDER BY seq",
        )?;
        let mut rows = statement.query(params![site])?;
        while let Some(row) = rows.next()? {
            if let Err(fault) = verifier.check(&record_of(row)?.as_ref()) {
                return Ok(Err(fault));
            }
        }
        let head = verifier.head();
        if end_text(&head) != end {
            let what = format!("the records of site {site} do not end where this store says");
            return Ok(Err(Fault { seq: head.seq, what: What::Unreadable(what) }));
        }
        Ok(verifier.finish().map(drop))
    }
}
