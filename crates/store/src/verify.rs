//! Verifying: the chain is whole, and the state is what the journal folds to.
//!
//! The journal is the truth. The state tables are written beside it so that nobody has to replay
//! it; here it is replayed, and every row, column and index entry that does not follow from it is
//! named. That also finds what a row's own authentication code cannot: rows that were deleted,
//! and older rows that were put back.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use rusqlite::params;
use strongroom_crypto::sha256;
use strongroom_journal::{ChainName, Fault, Head, Report, Start, Verifier, What};
use strongroom_model::{
    ApprovalRequest, Change, ChangeKind, Gone, ManagedObject, ObjectId, ServerState, Stamp,
};

use crate::error::StoreError;
use crate::index::{due_dates, entries};
use crate::open::{journal_missing, read_chain_state};
use crate::read::{ReadTx, bad_column, record_of};
use crate::server_rows;

/// Objects folded at a time: bounds the memory, at the price of reading the journal once for each
/// so many objects.
const OBJECTS_A_PASS: i64 = 100_000;

/// A place where the state is not what the journal folds to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The journal tells of it and the state has no row.
    Missing(String),
    /// The state has a row and the journal does not tell of it.
    Unexplained(String),
    /// The row says something else than the journal.
    Altered(String),
    /// The row does not match its authentication code.
    Tampered(String),
    /// The row cannot be read.
    Unreadable(String),
    /// A column or an index entry is not what the row beside it says.
    Index(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => write!(f, "{what}: in the journal, missing in the state"),
            Self::Unexplained(what) => write!(f, "{what}: in the state, not in the journal"),
            Self::Altered(what) => write!(f, "{what}: differs from what the journal says"),
            Self::Tampered(what) => write!(f, "{what}: does not match its authentication code"),
            Self::Unreadable(what) => write!(f, "{what}: cannot be read"),
            Self::Index(what) => write!(f, "{what}: its index does not match it"),
        }
    }
}

/// What a verification found.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The chain of changes: what was checked, or the first fault in it.
    pub chain: Result<Report, Fault>,
    /// Where the state is not what the journal folds to.
    pub differences: Vec<Difference>,
}

impl Verification {
    /// Whether everything is as it should be.
    pub fn is_sound(&self) -> bool {
        self.chain.is_ok() && self.differences.is_empty()
    }
}

impl ReadTx<'_> {
    /// Verifies chain and state in this snapshot. `anchors` are heads known from elsewhere.
    ///
    /// # Errors
    /// The database's, or a chain state that cannot be opened.
    pub fn verify(&self, anchors: Vec<Head>) -> Result<Verification, StoreError> {
        let chain = match self.verify_chain(anchors)? {
            Ok(report) => self.verify_others()?.map(|()| report),
            Err(fault) => Err(fault),
        };
        Ok(Verification { chain, differences: self.refold()? })
    }

    /// Verifies this site's chain of changes.
    ///
    /// # Errors
    /// The database's, or a chain state that cannot be opened. What is wrong with the chain is
    /// the inner error.
    pub fn verify_chain(&self, anchors: Vec<Head>) -> Result<Result<Report, Fault>, StoreError> {
        let state = read_chain_state(self.connection, self.site, &self.keys)?
            .map(|(state, _)| state)
            .ok_or_else(|| journal_missing("its sealed state"))?;
        let start = Start::genesis(ChainName::Changes, self.site);
        let mut verifier = Verifier::new(ChainName::Changes, self.site, start)
            .with_state(&state)
            .map_err(|e| StoreError::Damaged("the journal".to_owned(), e.to_string()))?
            .with_anchors(anchors);
        let mut statement = self.connection.prepare_cached(
            "SELECT site, seq, hlc, actor, kind, body, prev, hash, mac FROM journal \
             WHERE site = ?1 ORDER BY seq",
        )?;
        let mut rows = statement.query(params![self.site])?;
        while let Some(row) = rows.next()? {
            let checked = match record_of(row) {
                Ok(record) => verifier.check(&record.as_ref()),
                Err(why) => Err(Fault {
                    seq: verifier.head().seq + 1,
                    what: What::Unreadable(why.to_string()),
                }),
            };
            if let Err(fault) = checked {
                return Ok(Err(fault));
            }
        }
        Ok(verifier.finish())
    }

    /// Folds the whole journal, of every site, and compares the state with it.
    ///
    /// # Errors
    /// The database's; [`StoreError::Damaged`] when a journal record cannot be read.
    pub fn refold(&self) -> Result<Vec<Difference>, StoreError> {
        let objects: i64 =
            self.connection.query_row("SELECT COUNT(*) FROM objects", [], |r| r.get(0))?;
        let passes = 1 + (objects / OBJECTS_A_PASS) as u64;
        let mut found = Vec::new();
        let mut expected = Expected::default();
        for pass in 0..passes {
            let in_pass = |id: &str| shard(id, passes) == pass;
            let (folded, server) = self.fold(in_pass)?;
            if pass == 0 {
                self.compare_server(&server, &mut found)?;
            }
            self.compare_objects(folded, in_pass, &mut expected, &mut found)?;
        }
        self.find_stray_entries(&expected, &mut found)?;
        Ok(found)
    }

    /// Folds the journal for the objects of one pass, and the server's own state.
    fn fold(
        &self,
        in_pass: impl Fn(&str) -> bool,
    ) -> Result<(BTreeMap<ObjectId, ManagedObject>, ServerState), StoreError> {
        let mut objects: BTreeMap<ObjectId, ManagedObject> = BTreeMap::new();
        let mut server = ServerState::default();
        let mut statement = self
            .connection
            .prepare_cached("SELECT site, seq, hlc, kind, body FROM journal ORDER BY site, seq")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (site, seq): (u32, i64) = (row.get(0)?, row.get(1)?);
            let kind: u16 = row.get(3)?;
            // What the chain keeps about itself is no part of the state.
            if ChangeKind::from_code(kind).is_none() && kind >= FIRST_OTHER_KIND {
                continue;
            }
            let body = row.get_ref(4)?.as_blob().map_err(bad_column)?;
            let (_, change) = Change::decode(kind, body).map_err(|e| {
                StoreError::Damaged(format!("journal record {seq} of site {site}"), e.to_string())
            })?;
            let stamp = Stamp { hlc: row.get::<_, i64>(2)? as u64, site };
            match change.object() {
                Some(id) if in_pass(id.as_str()) => objects
                    .entry(id.clone())
                    .or_insert_with(|| ManagedObject::unknown(id.clone()))
                    .apply(stamp, &change),
                Some(_) => {}
                None => server.apply(stamp, &change),
            }
        }
        Ok((objects, server))
    }

    fn compare_objects(
        &self,
        mut folded: BTreeMap<ObjectId, ManagedObject>,
        in_pass: impl Fn(&str) -> bool,
        expected: &mut Expected,
        found: &mut Vec<Difference>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, object_type, owner, lifecycle, created, epoch, row, mac FROM objects",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get_ref(0)?.as_str().map_err(bad_column)?;
            if !in_pass(id) {
                continue;
            }
            let what = || format!("object {id}");
            let truth = folded.remove(&ObjectId::from(id));
            let bytes = row.get_ref(6)?.as_blob().map_err(bad_column)?;
            let mac = row.get_ref(7)?.as_blob().map_err(bad_column)?;
            let object = match (self.open_row(id, bytes, mac), truth) {
                (Err(StoreError::Tampered(_)), _) => {
                    found.push(Difference::Tampered(what()));
                    continue;
                }
                (Err(_), _) => {
                    found.push(Difference::Unreadable(what()));
                    continue;
                }
                (Ok(_), None) => {
                    found.push(Difference::Unexplained(what()));
                    continue;
                }
                (Ok(object), Some(truth)) if !follows(&object, &truth) => {
                    found.push(Difference::Altered(what()));
                    continue;
                }
                (Ok(object), Some(_)) => object,
            };
            let columns = (
                row.get::<_, u32>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, i64>(3)?,
                row.get::<_, i64>(4)?,
                row.get::<_, Option<u32>>(5)?,
            );
            let should = (
                object.object_type().0,
                object.owner().to_owned(),
                object.lifecycle as i64,
                object.creation.as_ref().map_or(0, |c| c.stamp.hlc as i64),
                object.material.as_ref().map(|m| m.epoch),
            );
            if columns != should || !self.has_entries(&object, expected)? {
                found.push(Difference::Index(what()));
            }
        }
        found.extend(folded.keys().map(|id| Difference::Missing(format!("object {id}"))));
        Ok(())
    }

    /// Whether every index entry and due date of the object is there; counts them.
    fn has_entries(
        &self,
        object: &ManagedObject,
        expected: &mut Expected,
    ) -> Result<bool, StoreError> {
        let id = object.id.as_str();
        let mut whole = true;
        let mut value = self.connection.prepare_cached(
            "SELECT 1 FROM attribute_values WHERE attribute = ?1 AND value = ?2 AND id = ?3",
        )?;
        for (attribute, key) in entries(object) {
            let there = value.exists(params![attribute, key, id])?;
            expected.values += i64::from(there);
            whole &= there;
        }
        let mut due =
            self.connection.prepare_cached("SELECT 1 FROM due WHERE at = ?1 AND id = ?2")?;
        for at in due_dates(object) {
            let there = due.exists(params![at, id])?;
            expected.dates += i64::from(there);
            whole &= there;
        }
        Ok(whole)
    }

    /// Index entries that no object accounts for. Looked for only when there are more entries
    /// than were met.
    fn find_stray_entries(
        &self,
        expected: &Expected,
        found: &mut Vec<Difference>,
    ) -> Result<(), StoreError> {
        let count = |table: &str| -> Result<i64, StoreError> {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            Ok(self.connection.query_row(&sql, [], |r| r.get(0))?)
        };
        if count("attribute_values")? != expected.values {
            let mut statement =
                self.connection.prepare("SELECT attribute, value, id FROM attribute_values")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let entry: (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
                let id: String = row.get(2)?;
                self.stray(&id, found, |object| entries(object).contains(&entry))?;
            }
        }
        if count("due")? != expected.dates {
            let mut statement = self.connection.prepare("SELECT at, id FROM due")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let at: i64 = row.get(0)?;
                let id: String = row.get(1)?;
                self.stray(&id, found, |object| due_dates(object).contains(&at))?;
            }
        }
        Ok(())
    }

    fn stray(
        &self,
        id: &str,
        found: &mut Vec<Difference>,
        accounts: impl FnOnce(&ManagedObject) -> bool,
    ) -> Result<(), StoreError> {
        let accounted = match self.object(&ObjectId::from(id)) {
            Ok(object) => object.is_some_and(|object| accounts(&object)),
            // The row itself is named already.
            Err(StoreError::Tampered(_) | StoreError::Damaged(..)) => true,
            Err(error) => return Err(error),
        };
        let difference = Difference::Index(format!("object {id}"));
        if !accounted && !found.contains(&difference) {
            found.push(difference);
        }
        Ok(())
    }

    fn compare_server(
        &self,
        truth: &ServerState,
        found: &mut Vec<Difference>,
    ) -> Result<(), StoreError> {
        let state = match server_rows::read(self.connection, Some(&self.keys)) {
            Ok(state) => state,
            Err(StoreError::Tampered(what)) => {
                found.push(Difference::Tampered(what));
                return Ok(());
            }
            Err(StoreError::Damaged(what, _)) => {
                found.push(Difference::Unreadable(what));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let role = |(user, role): &(String, strongroom_model::Role)| {
            format!("role {} of {user}", role.name())
        };
        compare(&truth.roles, &state.roles, role, found);
        let grant = |(key_group, subject, operation): &(String, String, u32)| {
            format!("grant of operation {operation} on key group {key_group} to {subject}")
        };
        compare(&truth.group_grants, &state.group_grants, grant, found);
        compare(
            &truth.certificates,
            &state.certificates,
            |fingerprint| format!("certificate {fingerprint}"),
            found,
        );
        let rule = |name: &String| format!("approval rule {name}");
        compare(&truth.approval_rules, &state.approval_rules, rule, found);
        let requests = |of: &ServerState| -> BTreeMap<String, ApprovalRequest> {
            of.approvals.iter().map(|(id, request)| (id.to_owned(), request.clone())).collect()
        };
        let request = |id: &String| format!("approval {id}");
        compare(&requests(truth), &requests(&state), request, found);
        let gone = |of: &ServerState| -> BTreeMap<u32, Gone> {
            of.approvals.gone().map(|(site, gone)| (site, gone.clone())).collect()
        };
        let which = |site: &u32| format!("which approvals of site {site} left the list");
        compare(&gone(truth), &gone(&state), which, found);
        let setting = |(namespace, key): &(String, String)| format!("setting {key} of {namespace}");
        compare(&truth.settings, &state.settings, setting, found);
        Ok(())
    }
}

/// Kinds of records from here on are not changes: uses, and what chains keep about themselves.
pub(crate) const FIRST_OTHER_KIND: u16 = 100;

/// Entries of the indexes that were met and accounted for.
#[derive(Default)]
struct Expected {
    values: i64,
    dates: i64,
}

fn shard(id: &str, passes: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish() % passes
}

fn compare<K: Ord, V: PartialEq>(
    truth: &BTreeMap<K, V>,
    state: &BTreeMap<K, V>,
    name: impl Fn(&K) -> String,
    found: &mut Vec<Difference>,
) {
    for (key, value) in truth {
        match state.get(key) {
            Some(there) if there == value => {}
            Some(_) => found.push(Difference::Altered(name(key))),
            None => found.push(Difference::Missing(name(key))),
        }
    }
    for key in state.keys().filter(|k| !truth.contains_key(k)) {
        found.push(Difference::Unexplained(name(key)));
    }
}

/// Whether a row is what the journal folds to. The journal knows material by its digest alone.
fn follows(object: &ManagedObject, truth: &ManagedObject) -> bool {
    let mut known = object.clone();
    if let Some(material) = &mut known.material {
        if sha256(&[&material.bytes]) != material.digest {
            return false;
        }
        *material = material.as_journalled();
    }
    known == *truth
}
