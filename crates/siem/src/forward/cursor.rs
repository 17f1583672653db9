//! How far a receiver has got, on disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A cursor's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}")]
pub struct CursorError {
    /// The file.
    pub path: PathBuf,
    /// What happened.
    pub error: io::Error,
}

/// For each chain the number of the next record to send: everything before it is confirmed. Kept
/// in a small file that is replaced as a whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Cursor {
    path: PathBuf,
    next: BTreeMap<String, u64>,
    /// Whether the file lags behind, because it could not be written.
    behind: bool,
}

impl Cursor {
    /// Reads the file, or begins without one; its directory is made. A file that is no cursor is
    /// renamed to `*.damaged`, and the second part says so.
    ///
    /// # Errors
    /// The file or its directory cannot be used.
    pub fn open(path: &Path) -> Result<(Self, Option<String>), CursorError> {
        let failed = |error| CursorError { path: path.to_owned(), error };
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(failed)?;
        }
        let mut cursor = Self { path: path.to_owned(), next: BTreeMap::new(), behind: false };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((cursor, None)),
            Err(e) if e.kind() == io::ErrorKind::InvalidData => String::new(),
            Err(e) => return Err(failed(e)),
        };
        match parse(&text) {
            Some(next) => {
                cursor.next = next;
                Ok((cursor, None))
            }
            None => {
                let aside = path.with_extension("cursor.damaged");
                fs::rename(path, &aside).map_err(failed)?;
                let why = format!(
                    "the cursor was unreadable; it is now {}, and everything is sent again",
                    aside.display()
                );
                Ok((cursor, Some(why)))
            }
        }
    }

    /// The number of the next record of a chain; none when the chain was never confirmed.
    pub fn next(&self, chain: &str) -> Option<u64> {
        self.next.get(chain).copied()
    }

    /// Moves to these numbers and writes the file: a new one, flushed, in the place of the old,
    /// and the directory flushed. Does nothing when nothing moves and the file is as it should be.
    ///
    /// # Errors
    /// The file cannot be written. In memory the cursor has moved; on disk it lags behind until a
    /// later call, which repeats events after a restart and loses none.
    pub fn advance<'a>(
        &mut self,
        next: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Result<(), CursorError> {
        for (chain, next) in next {
            self.behind |= self.next.insert(chain.to_owned(), next) != Some(next);
        }
        if self.behind {
            self.write()?;
            self.behind = false;
        }
        Ok(())
    }

    fn write(&self) -> Result<(), CursorError> {
        let failed = |error| CursorError { path: self.path.clone(), error };
        let text = format!("{}\n", json!({ "version": 1, "next": self.next }));
        let temporary = self.path.with_extension("cursor.new");
        let mut file = File::create(&temporary).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        drop(file);
        fs::rename(&temporary, &self.path).map_err(failed)?;
        let dir = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
        File::open(dir.unwrap_or(Path::new("."))).and_then(|dir| dir.sync_all()).map_err(failed)
    }
}

fn parse(text: &str) -> Option<BTreeMap<String, u64>> {
    let value: Value = serde_json::from_str(text).ok()?;
    if value.get("version")?.as_u64()? != 1 {
        return None;
    }
    let next = value.get("next")?.as_object()?;
    next.iter().map(|(chain, next)| Some((chain.clone(), next.as_u64()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made/siem.cursor");
        let (mut cursor, damage) = Cursor::open(&path).unwrap();
        assert_eq!((cursor.next("uses"), damage), (None, None));
        cursor.advance([("uses", 17), ("changes", u64::MAX)]).unwrap();
        cursor.advance([("uses", 18)]).unwrap();
        let (read, _) = Cursor::open(&path).unwrap();
        assert_eq!(read, cursor);
        assert_eq!((read.next("uses"), read.next("changes")), (Some(18), Some(u64::MAX)));
    }

    #[test]
    fn a_damaged_cursor_is_set_aside_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("siem.cursor");
        for garbage in [&b""[..], b"{\"version\":1,\"next\":{\"uses\":-1}}", b"\xff\xfe", b"{}"] {
            fs::write(&path, garbage).unwrap();
            let (cursor, damage) = Cursor::open(&path).unwrap();
            assert_eq!(cursor.next("uses"), None);
            assert!(damage.unwrap().contains("siem.cursor.damaged"));
            assert!(!path.exists());
        }
    }

    #[test]
    fn a_cursor_that_could_not_be_written_is_written_once_it_can_though_nothing_moves() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("siem.cursor");
        let (mut cursor, _) = Cursor::open(&path).unwrap();
        cursor.advance([("uses", 5)]).unwrap();
        let in_the_way = path.with_extension("cursor.new");
        fs::create_dir(&in_the_way).unwrap();
        assert!(cursor.advance([("uses", 9)]).is_err());
        assert!(cursor.advance([("uses", 9)]).is_err());
        assert_eq!(Cursor::open(&path).unwrap().0.next("uses"), Some(5));
        fs::remove_dir(&in_the_way).unwrap();
        cursor.advance([("uses", 9)]).unwrap();
        assert_eq!(Cursor::open(&path).unwrap().0.next("uses"), Some(9));
    }

    #[test]
    fn a_half_written_successor_does_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("siem.cursor");
        Cursor::open(&path).unwrap().0.advance([("uses", 5)]).unwrap();
        fs::write(path.with_extension("cursor.new"), "{\"vers").unwrap();
        assert_eq!(Cursor::open(&path).unwrap().0.next("uses"), Some(5));
    }
}
