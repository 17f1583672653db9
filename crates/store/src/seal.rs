//! The seal of the store: what single rows cannot say about themselves.
//!
//! A row's authentication code shows that it was edited, and nothing shows that it was deleted: a
//! revocation that is gone is a certificate that counts again. So one row holds, under a code of its
//! own, a digest over all rows of the server's own state, and how far the two chains had come when
//! it was written. It is written in the transaction of every change that is about no object, at the
//! end of every segment, and whenever the engine tells the end of the chain of uses.
//!
//! So the records after the end that a seal names are all about objects. A seal of another day, put
//! back together with the rows of that day, shows by a record after it that is not; and these
//! records are checked in full, so that nobody hides it by editing or taking out what follows.
//!
//! That a store has a seal is told by the state of its chain, which is sealed for stores that have
//! one; without that, deleting the seal would be all it takes. A store of an earlier build gets its
//! seal when it is first unlocked.

use rusqlite::{Connection, OptionalExtension, params};
use strongroom_crypto::sha256;
use strongroom_journal::kind::SEGMENT_END;
use strongroom_journal::{ChainName, ChainState, Head, Record, Start, Vault, Verifier};
use strongroom_model::{Change, ChangeKind};
use strongroom_secmem::SecretBytes;

use crate::error::StoreError;
use crate::keys::StoreKeys;
use crate::read::{read_journal, record_of};
use crate::server_rows::APPROVAL_ENDED;

const KEY: &str = "seal";
const FORMAT: u8 = 1;
const LEN: usize = 1 + 32 + 2 * (8 + 32);

/// What the seal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    /// Digest of the server's own rows.
    pub(crate) server: [u8; 32],
    /// The end of the chain of changes when it was written.
    pub(crate) changes: Head,
    /// The end of the chain of uses that was told last.
    pub(crate) uses: Head,
}

impl Seal {
    /// Reads the seal; none where there is none.
    pub(crate) fn read(
        connection: &Connection,
        keys: &StoreKeys,
    ) -> Result<Option<Self>, StoreError> {
        let found: Option<Vec<u8>> = connection
            .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
            .query_row(params![KEY], |r| r.get(0))
            .optional()?;
        let Some(found) = found else { return Ok(None) };
        let (bytes, mac) = found.split_at_checked(LEN).ok_or_else(broken)?;
        if keys.row_mac("meta", KEY, bytes) != mac {
            return Err(broken());
        }
        Self::decode(bytes).map(Some).ok_or_else(broken)
    }

    /// Writes the seal over what is there now.
    pub(crate) fn write(
        connection: &Connection,
        keys: &StoreKeys,
        changes: Head,
        uses: Head,
    ) -> Result<(), StoreError> {
        let server = digest(connection)?;
        let mut bytes = Self { server, changes, uses }.encode();
        let mac = keys.row_mac("meta", KEY, &bytes);
        bytes.extend_from_slice(&mac);
        connection
            .prepare_cached(
                "INSERT INTO meta (key, value) VALUES (?1, ?2) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )?
            .execute(params![KEY, bytes])?;
        Ok(())
    }

    /// Compares with what is there.
    pub(crate) fn check(&self, connection: &Connection, site: u32) -> Result<(), StoreError> {
        if digest(connection)? != self.server {
            return Err(StoreError::Incomplete(
                "of the server's own rows (roles, certificates, settings) some are gone, or some \
                 of another day are back",
            ));
        }
        let Head { seq, hash } = self.changes;
        let there = read_journal(connection, site, seq, 1)?;
        if seq > 0 && there.first().is_none_or(|r| (r.seq, r.hash) != (seq, hash)) {
            let why = format!("record {seq} is not the one that was there: its end was cut");
            return Err(StoreError::Damaged("the journal".to_owned(), why));
        }
        Ok(())
    }

    /// Compares with the segment that the chain is in. Its key, the record that ends the segment before
    /// and a seal are written in one transaction: a seal from before that, or a chain that ends with
    /// that record and still has the key of before, is of another day. Without this a journal that
    /// was cut right there would go on as if nothing had been behind it.
    pub(crate) fn check_segment(
        &self,
        state: &ChainState,
        last: Option<&Record>,
    ) -> Result<(), StoreError> {
        let ends = |r: &Record| r.kind == SEGMENT_END && r.seq >= state.first();
        if self.changes.seq + 1 < state.first() || last.is_some_and(ends) {
            return Err(StoreError::Incomplete(
                "its seal, or the state of its chain, is of another segment than its journal: the \
                 end of the journal was cut, or they were put back",
            ));
        }
        Ok(())
    }

    /// Checks the journal from the end that the seal names to today's: that it is whole, and that
    /// no change would have written a newer seal. These are few, since signing the heads writes one.
    pub(crate) fn check_since(
        &self,
        connection: &Connection,
        site: u32,
        state: &ChainState,
    ) -> Result<(), StoreError> {
        let damaged = |why: String| StoreError::Damaged("the journal".to_owned(), why);
        // Of the current segment alone there is a key.
        let segment =
            (self.changes.seq + 1 >= state.first()).then(|| (state.segment(), state.first()));
        let start = Start { head: self.changes, segment };
        let mut verifier = Verifier::new(ChainName::Changes, site, start)
            .with_state(state)
            .map_err(|e| damaged(e.to_string()))?;
        let mut statement = connection.prepare_cached(
            "SELECT site, seq, hlc, actor, kind, body, prev, hash, mac FROM journal \
             WHERE site = ?1 AND seq > ?2 ORDER BY seq",
        )?;
        let mut rows = statement.query(params![site, self.changes.seq as i64])?;
        while let Some(row) = rows.next()? {
            let record = record_of(row)?;
            verifier.check(&record.as_ref()).map_err(|fault| damaged(fault.to_string()))?;
            if ChangeKind::from_code(record.kind).is_none() {
                continue;
            }
            let (_, change) = Change::decode(record.kind, &record.body)
                .map_err(|e| damaged(format!("record {}: {e}", record.seq)))?;
            if change.object().is_none() {
                return Err(StoreError::Incomplete(
                    "its seal is older than changes of the server's own rows, or than an end of \
                     the audit of uses, that its journal tells of: it was put back",
                ));
            }
        }
        verifier.finish().map(drop).map_err(|fault| damaged(fault.to_string()))
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&self.server);
        for head in [self.changes, self.uses] {
            bytes.extend_from_slice(&head.seq.to_be_bytes());
            bytes.extend_from_slice(&head.hash);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        let (server, rest) = rest.split_first_chunk()?;
        let head = |rest| -> Option<(Head, &[u8])> {
            let (seq, rest) = <[u8]>::split_first_chunk(rest)?;
            let (hash, rest) = rest.split_first_chunk()?;
            Some((Head { seq: u64::from_be_bytes(*seq), hash: *hash }, rest))
        };
        let (changes, rest) = head(rest)?;
        let (uses, rest) = head(rest)?;
        (*format == FORMAT && rest.is_empty()).then_some(Self { server: *server, changes, uses })
    }
}

/// That a store must have a seal, and has none.
pub(crate) fn missing() -> StoreError {
    StoreError::Incomplete("its seal is gone")
}

fn broken() -> StoreError {
    StoreError::Incomplete("its seal was altered")
}

const WALKS: [&str; 2] = [
    "SELECT family, key, mac FROM server_state WHERE family < ?1 ORDER BY family, key",
    "SELECT family, key, mac FROM server_state WHERE family > ?1 ORDER BY family, key",
];

/// A digest of the server's own rows: which there are, and by their codes what they hold. Requests
/// for approval that are over are left out ([`APPROVAL_ENDED`]), in two walks, so that however many
/// there are costs nothing.
fn digest(connection: &Connection) -> Result<[u8; 32], StoreError> {
    let mut bytes = b"strongroom server rows 1".to_vec();
    for sql in WALKS {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![APPROVAL_ENDED])?;
        while let Some(row) = rows.next()? {
            let (family, key): (String, String) = (row.get(0)?, row.get(1)?);
            let mac: Vec<u8> = row.get(2)?;
            for part in [family.as_bytes(), key.as_bytes(), &mac] {
                bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
                bytes.extend_from_slice(part);
            }
        }
    }
    Ok(sha256(&[&bytes]))
}

/// Seals the chain's state of a store that has a seal. What is sealed by the bare key is of an
/// earlier build.
pub(crate) struct Sealed<'a>(pub(crate) &'a SecretBytes);

impl Sealed<'_> {
    fn context(context: &[u8]) -> Vec<u8> {
        [context, b" of a store with a seal"].concat()
    }
}

impl Vault for Sealed<'_> {
    fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, String> {
        self.0.seal(&Self::context(context), plain)
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<SecretBytes, String> {
        self.0.open(&Self::context(context), sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::migrate;

    fn put(connection: &Connection, family: &str, key: &str) {
        let row = params![family, key, vec![0u8; 2000], key.as_bytes()];
        connection.execute("INSERT INTO server_state VALUES (?1, ?2, ?3, ?4)", row).unwrap();
    }

    #[test]
    fn requests_that_are_over_are_neither_sealed_nor_walked_through() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection).unwrap();
        for family in ["approval", "approval-rule", "approvals-gone", "certificate", "setting"] {
            put(&connection, family, "k");
        }
        let before = digest(&connection).unwrap();
        for n in 0..2000 {
            put(&connection, APPROVAL_ENDED, &n.to_string());
        }
        assert_eq!(digest(&connection).unwrap(), before);
        for sql in WALKS {
            let plan: String = connection
                .query_row(&format!("EXPLAIN QUERY PLAN {sql}"), params![APPROVAL_ENDED], |r| {
                    r.get(3)
                })
                .unwrap();
            assert!(plan.starts_with("SEARCH server_state USING PRIMARY KEY"), "{plan}");
        }
        // Every other row is.
        for family in ["approval", "approval-rule", "approvals-gone", "certificate", "setting"] {
            connection.execute("DELETE FROM server_state WHERE family = ?1", [family]).unwrap();
            let after = digest(&connection).unwrap();
            assert_ne!(after, before, "{family}");
            put(&connection, family, "k");
        }
    }
}
