//! The schema, and what SQLite adds to it.

use rusqlite::Connection;

use crate::error::StoreError;

/// The version of the schema that this build writes.
pub(crate) const VERSION: i64 = 1;

/// Marks the file as ours for `file(1)` and for people: "SRKM".
const APPLICATION_ID: i64 = 0x5352_4B4D;

/// What every engine runs.
const SHARED: &str = include_str!("schema.sql");

/// The tables that SQLite keeps in the order of their key, without a row number: one tree instead
/// of two. Not `objects`: its rows are too long for the inner pages of such a tree.
const WITHOUT_ROWID: &[&str] = &["journal", "attribute_values", "due", "server_state", "meta"];

/// Makes the tables in an empty database, and refuses one of a later version.
pub(crate) fn migrate(connection: &Connection) -> Result<(), StoreError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    match found {
        0 => {
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; {} PRAGMA application_id = {APPLICATION_ID}; \
                 PRAGMA user_version = {VERSION}; COMMIT;",
                for_sqlite()?,
            ))?;
            Ok(())
        }
        VERSION => Ok(()),
        found => Err(StoreError::Newer { found, known: VERSION }),
    }
}

/// The shared text with SQLite's storage options behind its tables.
fn for_sqlite() -> Result<String, StoreError> {
    const END: &str = "\n);";
    let mut text = SHARED.to_owned();
    for table in WITHOUT_ROWID {
        let begin = text.find(&format!("CREATE TABLE {table} ("));
        let end = begin.and_then(|begin| Some(begin + text.get(begin..)?.find(END)?));
        let missing = || StoreError::Database(format!("the schema has no table {table}"));
        let end = end.ok_or_else(missing)?;
        text.replace_range(end..end + END.len(), "\n) WITHOUT ROWID;");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table by table, what SQLite has to say about it.
    fn tables(connection: &Connection) -> Vec<(String, bool)> {
        let sql = "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' \
                   AND name NOT LIKE 'sqlite_%' ORDER BY name";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn the_schema_runs_unmodified_and_with_sqlites_own_storage_options() {
        let plain = Connection::open_in_memory().unwrap();
        plain.execute_batch(SHARED).unwrap();
        assert_eq!(tables(&plain).len(), 6);
        assert!(tables(&plain).iter().all(|(_, without_rowid)| !without_rowid));
        let ours = Connection::open_in_memory().unwrap();
        migrate(&ours).unwrap();
        let names = |connection| tables(connection).into_iter().map(|t| t.0).collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&plain));
        for (name, without_rowid) in tables(&ours) {
            assert_eq!(without_rowid, name != "objects", "{name}");
        }
    }

    /// SQLite takes the type of a column for a wish. It must not touch bytes, whatever they look
    /// like, nor cut numbers.
    #[test]
    fn bytes_and_numbers_come_back_as_they_were_written() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection).unwrap();
        for bytes in [&b"123"[..], b"1e3", b"0x10", b"", b" 7 ", b"\0\xFF", b"-0.0"] {
            connection
                .execute("INSERT INTO attribute_values VALUES ('a', ?1, 'i')", [bytes])
                .unwrap();
            let found: (Vec<u8>, String) = connection
                .query_row(
                    "SELECT value, typeof(value) FROM attribute_values WHERE value = ?1",
                    [bytes],
                    |r| Ok((r.get(0)?, r.get(1)?)),
                )
                .unwrap();
            assert_eq!(found, (bytes.to_vec(), "blob".to_owned()));
        }
        for number in [i64::MAX, i64::MIN, i64::from(u32::MAX), 0] {
            connection.execute("INSERT INTO due VALUES (?1, 'i')", [number]).unwrap();
            let found: i64 = connection
                .query_row("SELECT at FROM due WHERE at = ?1", [number], |r| r.get(0))
                .unwrap();
            assert_eq!(found, number);
        }
        // The key is the row's, and no number of SQLite's own.
        let refused = connection.execute("INSERT INTO meta (value) VALUES (x'00')", []);
        assert!(refused.is_err());
    }
}
