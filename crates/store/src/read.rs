//! Reading: a consistent snapshot of the state.

use std::ops::ControlFlow;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use strongroom_journal::Record;
use strongroom_kmip::{AttributeName, Tag, Value};
use strongroom_model::{Lifecycle, ManagedObject, ObjectId};

use crate::error::StoreError;
use crate::index::{attribute_key, value_key};
use crate::keys::StoreKeys;

/// In which order a scan visits objects. Creation order is stable: it is the same for every page
/// of one Locate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    Oldest,
    /// Newest first.
    Newest,
}

/// Where a scan begins: every object, or only those that an index names.
#[derive(Clone, Debug)]
pub enum Candidates {
    /// Every object of the store.
    All,
    /// These objects.
    Ids(Vec<ObjectId>),
    /// Objects that have this value of an indexed attribute ([`Candidates::indexed`] tells which
    /// attributes are).
    WithValue(AttributeName, Value),
}

impl Candidates {
    /// Whether [`Candidates::WithValue`] may be used for an attribute.
    pub fn indexed(name: &AttributeName) -> bool {
        // It follows from the identifier: only what an import brought is in the index.
        let short = *name == AttributeName::Standard(Tag::SHORT_UNIQUE_IDENTIFIER);
        attribute_key(name).is_some() && !short
    }
}

/// A snapshot of the store.
pub struct ReadTx<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) keys: Arc<StoreKeys>,
    /// The site whose chain this store writes.
    pub(crate) site: u32,
}

impl ReadTx<'_> {
    /// The object with this id.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its row does not match its authentication code.
    pub fn object(&self, id: &ObjectId) -> Result<Option<ManagedObject>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT row, mac FROM objects WHERE id = ?1")?;
        let found: Option<(Vec<u8>, Vec<u8>)> =
            statement.query_row(params![id.as_str()], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        found.map(|(row, mac)| self.open_row(id.as_str(), &row, &mac)).transpose()
    }

    /// Visits candidates in order until `visit` breaks.
    ///
    /// # Errors
    /// As [`ReadTx::object`].
    pub fn scan(
        &self,
        candidates: &Candidates,
        order: Order,
        visit: impl FnMut(ManagedObject) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        match candidates {
            Candidates::All => {
                let sql = match order {
                    Order::Oldest => "SELECT id, row, mac FROM objects ORDER BY created, id",
                    Order::Newest => {
                        "SELECT id, row, mac FROM objects ORDER BY created DESC, id DESC"
                    }
                };
                let mut statement = self.connection.prepare_cached(sql)?;
                self.visit_rows(statement.query([])?, visit)
            }
            Candidates::Ids(ids) => self.visit_ids(ids, order, visit),
            Candidates::WithValue(name, value) => {
                let Some(attribute) = attribute_key(name) else {
                    return self.scan(&Candidates::All, order, visit);
                };
                let mut statement = self.connection.prepare_cached(
                    "SELECT id FROM attribute_values WHERE attribute = ?1 AND value = ?2",
                )?;
                let ids: Vec<ObjectId> = statement
                    .query_map(params![attribute, value_key(name, value)], |r| {
                        Ok(ObjectId(r.get(0)?))
                    })?
                    .collect::<Result<_, _>>()?;
                self.visit_ids(&ids, order, visit)
            }
        }
    }

    /// Visits objects in the order of creation, those behind the object `after` only if it is
    /// given, until `visit` breaks. An `after` that is not there has nothing behind it.
    ///
    /// # Errors
    /// As [`ReadTx::object`].
    pub fn scan_after(
        &self,
        after: Option<&ObjectId>,
        visit: impl FnMut(ManagedObject) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let Some(after) = after else { return self.scan(&Candidates::All, Order::Oldest, visit) };
        let mut statement = self.connection.prepare_cached(
            "SELECT id, row, mac FROM objects \
             WHERE (created, id) > (SELECT created, id FROM objects WHERE id = ?1) \
             ORDER BY created, id",
        )?;
        self.visit_rows(statement.query(params![after.as_str()])?, visit)
    }

    fn visit_rows(
        &self,
        mut rows: rusqlite::Rows<'_>,
        mut visit: impl FnMut(ManagedObject) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        while let Some(row) = rows.next()? {
            let id = row.get_ref(0)?.as_str().map_err(bad_column)?;
            let bytes = row.get_ref(1)?.as_blob().map_err(bad_column)?;
            let mac = row.get_ref(2)?.as_blob().map_err(bad_column)?;
            if visit(self.open_row(id, bytes, mac)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit_ids(
        &self,
        ids: &[ObjectId],
        order: Order,
        mut visit: impl FnMut(ManagedObject) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut objects = Vec::with_capacity(ids.len());
        for id in ids {
            objects.extend(self.object(id)?);
        }
        // As `ORDER BY created, id`.
        let created = |o: &ManagedObject| o.creation.as_ref().map_or(0, |c| c.stamp.hlc);
        objects.sort_by(|a, b| (created(a), &a.id).cmp(&(created(b), &b.id)));
        objects.dedup_by(|a, b| a.id == b.id);
        if order == Order::Newest {
            objects.reverse();
        }
        for object in objects {
            if visit(object).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Objects of `owner` that carry `name` and are not destroyed.
    ///
    /// # Errors
    /// As [`ReadTx::object`].
    pub fn holders_of_name(
        &self,
        owner: &str,
        name: &Value,
    ) -> Result<Vec<ManagedObject>, StoreError> {
        let attribute = AttributeName::Standard(strongroom_kmip::Tag::NAME);
        let mut holders = Vec::new();
        self.scan(&Candidates::WithValue(attribute, name.clone()), Order::Oldest, |object| {
            if object.owner() == owner && object.lifecycle != Lifecycle::Destroyed {
                holders.push(object);
            }
            ControlFlow::Continue(())
        })?;
        Ok(holders)
    }

    /// Objects with a date that has come by `at` (POSIX seconds), at most `limit`.
    ///
    /// # Errors
    /// The database's.
    pub fn due(&self, at: i64, limit: u32) -> Result<Vec<ObjectId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM due WHERE at <= ?1 GROUP BY id ORDER BY MIN(at), id LIMIT ?2",
        )?;
        let ids = statement.query_map(params![at, limit], |r| Ok(ObjectId(r.get(0)?)))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// Objects whose material is sealed under an epoch other than `epoch`, at most `limit`.
    ///
    /// # Errors
    /// The database's.
    pub fn not_in_epoch(&self, epoch: u32, limit: u32) -> Result<Vec<ObjectId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM objects WHERE epoch IS NOT NULL AND epoch <> ?1 LIMIT ?2",
        )?;
        let ids = statement.query_map(params![epoch, limit], |r| Ok(ObjectId(r.get(0)?)))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// How many objects have material that is sealed under an epoch other than `epoch`.
    ///
    /// # Errors
    /// The database's.
    pub fn count_not_in_epoch(&self, epoch: u32) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT COUNT(*) FROM objects WHERE epoch IS NOT NULL AND epoch <> ?1",
        )?;
        Ok(statement.query_row(params![epoch], |r| r.get::<_, i64>(0))?.unsigned_abs())
    }

    /// How many objects there are by life-cycle code.
    ///
    /// # Errors
    /// The database's.
    pub fn counts(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT lifecycle, COUNT(*) FROM objects GROUP BY lifecycle ORDER BY lifecycle",
        )?;
        let counts = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(counts.collect::<Result<_, _>>()?)
    }

    /// Bytes that belong to this copy of the store ([`WriteTx::put_local`](crate::WriteTx::put_local)).
    ///
    /// # Errors
    /// The database's.
    pub fn local(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        let found = statement.query_row(params![format!("local:{key}")], |r| r.get(0));
        Ok(found.optional()?)
    }

    /// Records of the chain of changes of `site`, from sequence `from`, at most `limit`.
    ///
    /// # Errors
    /// The database's.
    pub fn journal(&self, site: u32, from: u64, limit: u32) -> Result<Vec<Record>, StoreError> {
        read_journal(self.connection, site, from, limit)
    }

    pub(crate) fn open_row(
        &self,
        id: &str,
        row: &[u8],
        mac: &[u8],
    ) -> Result<ManagedObject, StoreError> {
        open_row(&self.keys, id, row, mac)
    }
}

/// An object from its row, checked against its code.
pub(crate) fn open_row(
    keys: &StoreKeys,
    id: &str,
    row: &[u8],
    mac: &[u8],
) -> Result<ManagedObject, StoreError> {
    if keys.row_mac("objects", id, row) != mac {
        return Err(StoreError::Tampered(id.to_owned()));
    }
    ManagedObject::decode(row).map_err(|e| StoreError::Damaged(id.to_owned(), e.to_string()))
}

pub(crate) fn read_journal(
    connection: &Connection,
    site: u32,
    from: u64,
    limit: u32,
) -> Result<Vec<Record>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT site, seq, hlc, actor, kind, body, prev, hash, mac FROM journal \
         WHERE site = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3",
    )?;
    let rows = statement.query_map(params![site, from as i64, limit], record_of)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The record of a row that has all columns, in the table's order.
pub(crate) fn record_of(row: &rusqlite::Row<'_>) -> Result<Record, rusqlite::Error> {
    Ok(Record {
        site: row.get(0)?,
        seq: row.get::<_, i64>(1)? as u64,
        hlc: row.get::<_, i64>(2)? as u64,
        actor: row.get(3)?,
        kind: row.get(4)?,
        body: row.get(5)?,
        prev: row.get(6)?,
        hash: row.get(7)?,
        mac: row.get(8)?,
    })
}

pub(crate) fn bad_column(error: rusqlite::types::FromSqlError) -> StoreError {
    StoreError::Database(error.to_string())
}
