//! Which attribute values are indexed for Locate, and how a value becomes an index key.

use rusqlite::{Connection, TransactionBehavior, params};
use strongroom_crypto::sha256;
use strongroom_kmip::{AttributeName, Encoder, ObjectType, Tag, Value};
use strongroom_model::{Lifecycle, ManagedObject};

use crate::error::StoreError;
use crate::keys::StoreKeys;
use crate::open::read_meta;
use crate::read::open_row;

/// Longest value kept in the index as it is; longer ones are hashed.
const PLAIN_LIMIT: usize = 64;

/// The index spelling of an attribute, if it is one that is indexed.
pub(crate) fn attribute_key(name: &AttributeName) -> Option<String> {
    match name {
        AttributeName::Standard(
            tag @ (Tag::NAME
            | Tag::ALTERNATIVE_NAME
            | Tag::OBJECT_GROUP
            | Tag::APPLICATION_SPECIFIC_INFORMATION
            | Tag::LINK
            | Tag::CONTACT_INFORMATION
            | Tag::X_509_CERTIFICATE_IDENTIFIER
            | Tag::SHORT_UNIQUE_IDENTIFIER),
        ) => Some(format!("{:06x}", tag.0)),
        AttributeName::Standard(_) => None,
        AttributeName::Vendor { vendor, name } => Some(format!("{vendor}\u{0}{name}")),
    }
}

/// The index key of a value. A Name is found by its Name Value alone, whatever its type.
pub(crate) fn value_key(name: &AttributeName, value: &Value) -> Vec<u8> {
    if *name == AttributeName::Standard(Tag::NAME)
        && let Some(text) = value.find(Tag::NAME_VALUE).and_then(|n| n.value.as_text())
    {
        return shorten(text.as_bytes());
    }
    match value {
        Value::TextString(text) => shorten(text.as_bytes()),
        other => {
            let mut e = Encoder::ungated();
            e.value(Tag::ATTRIBUTE_VALUE, other);
            shorten(&e.into_bytes())
        }
    }
}

fn shorten(bytes: &[u8]) -> Vec<u8> {
    if bytes.len() <= PLAIN_LIMIT { bytes.to_vec() } else { sha256(&[bytes]).to_vec() }
}

/// Every index entry of an object.
pub(crate) fn entries(object: &ManagedObject) -> Vec<(String, Vec<u8>)> {
    let mut entries: Vec<_> = object
        .attributes()
        .filter_map(|(name, _, value)| Some((attribute_key(name)?, value_key(name, value))))
        .collect();
    entries.sort();
    entries.dedup();
    entries
}

/// Names the rules of [`due_dates`]: rows that a store has from others are made anew.
const DUE_RULES: &[u8] = b"2";

/// Where a store keeps the rules that its due dates were written by.
const DUE_META: &str = "due-rules";

/// The dates at which the object moves on by itself, POSIX seconds. One that moves nothing when it
/// comes would stay due for ever, and in the way of others.
pub(crate) fn due_dates(object: &ManagedObject) -> Vec<i64> {
    let mut dates = Vec::new();
    match object.lifecycle {
        // What is not activated is not deactivated either.
        Lifecycle::PreActive => dates.extend(object.date(Tag::ACTIVATION_DATE)),
        Lifecycle::Active => dates.extend(object.date(Tag::DEACTIVATION_DATE)),
        Lifecycle::Deactivated | Lifecycle::Destroyed => {}
    }
    if object.lifecycle < Lifecycle::Destroyed {
        dates.extend(object.value_of(&scheduled_destruction()).and_then(Value::as_date_time));
    }
    dates.extend(archival_due(object));
    dates.extend(rotation_due(object));
    dates.sort_unstable();
    dates.dedup();
    dates
}

/// When a key, or the pair that it belongs to, is to be replaced by itself (Rotate Automatic,
/// Rotate Interval; KMIP 2.1 section 4.48), POSIX seconds; none when it is not, or this was done: then it is not
/// the latest, whoever replaced it.
pub fn rotation_due(object: &ManagedObject) -> Option<i64> {
    let flag = |tag| object.value(tag).and_then(Value::as_boolean);
    let replaceable = matches!(
        object.object_type(),
        ObjectType::SYMMETRIC_KEY | ObjectType::PRIVATE_KEY | ObjectType::PUBLIC_KEY
    );
    if !replaceable
        || object.lifecycle >= Lifecycle::Deactivated
        || object.compromised
        || object.is_archived()
        || flag(Tag::ROTATE_AUTOMATIC) != Some(true)
        || flag(Tag::ROTATE_LATEST) == Some(false)
    {
        return None;
    }
    let interval = object.value(Tag::ROTATE_INTERVAL).and_then(Value::as_interval)?;
    let since = object.date(Tag::ROTATE_DATE).or_else(|| object.date(Tag::INITIAL_DATE))?;
    (interval > 0).then(|| since.saturating_add(i64::from(interval)))
}

/// When an object that has ended goes to archival storage, POSIX seconds; none when it is not to,
/// is there already, or is destroyed.
pub fn archival_due(object: &ManagedObject) -> Option<i64> {
    let on_line = object.lifecycle < Lifecycle::Destroyed && !object.is_archived();
    let at = object.value_of(&scheduled_archival()).and_then(Value::as_date_time);
    at.filter(|_| on_line)
}

/// The server's own attribute that holds the time at which an ended object is archived.
pub fn scheduled_archival() -> AttributeName {
    AttributeName::Vendor { vendor: "strongroom".to_owned(), name: "Archive At".to_owned() }
}

/// The server's own attribute that holds the time of a delayed destruction.
pub fn scheduled_destruction() -> AttributeName {
    AttributeName::Vendor { vendor: "strongroom".to_owned(), name: "Destroy At".to_owned() }
}

/// Writes the due dates of every object anew where an earlier version wrote them by other rules.
pub(crate) fn renew_due_dates(
    connection: &mut Connection,
    keys: &StoreKeys,
) -> Result<(), StoreError> {
    if read_meta(connection, DUE_META)?.as_deref() == Some(DUE_RULES) {
        return Ok(());
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("DELETE FROM due", [])?;
    write_due_dates(&tx, keys)?;
    tx.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![DUE_META, DUE_RULES],
    )?;
    Ok(tx.commit()?)
}

fn write_due_dates(tx: &Connection, keys: &StoreKeys) -> Result<(), StoreError> {
    let mut insert = tx.prepare("INSERT INTO due (at, id) VALUES (?1, ?2)")?;
    let mut objects = tx.prepare("SELECT id, row, mac FROM objects")?;
    let mut rows = objects.query([])?;
    while let Some(row) = rows.next()? {
        let (id, row, mac): (String, Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        match open_row(keys, &id, &row, &mac) {
            Ok(object) => {
                for at in due_dates(&object) {
                    insert.execute(params![at, id])?;
                }
            }
            // Whoever asks for it is told; no date moves it on.
            Err(error) => tracing::warn!(%error, "an object has no due dates any more"),
        }
    }
    Ok(())
}
