//! Sealed segments: what there are, compressing them, deleting them.
//!
//! When and why is for others to decide. What is done here leaves, at whatever step it is
//! interrupted, a chain that opens and verifies: a compressed file takes the place of the plain one
//! only when it is on disk, and files are deleted from the oldest on.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Shared, UseJournal};
use crate::packed::{self, SegmentFile};
use crate::record::Head;
use crate::segment::{self, Found, Header};

/// A segment that is written to no more, and on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSegment {
    /// Its first record.
    pub first: u64,
    /// Its last record.
    pub last: Head,
    /// Bytes that it takes on the disk.
    pub bytes: u64,
    /// Whether it is compressed.
    pub compressed: bool,
}

/// While it lives, no segment is compressed or deleted: for those who copy the files.
pub struct Hold(Arc<Shared>);

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hold")
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        *self.0.holds.lock() -= 1;
    }
}

impl UseJournal {
    /// The sealed segments whose successor's key is kept too, oldest first.
    ///
    /// # Errors
    /// The directory or a header cannot be read.
    pub fn sealed(&self) -> io::Result<Vec<SealedSegment>> {
        let current = self.shared.inner.lock().kept;
        let dir = &self.shared.dir;
        let firsts = segment::list(dir)?;
        let mut sealed = Vec::new();
        for (first, next) in firsts.iter().zip(firsts.iter().skip(1)) {
            if *next > current {
                break;
            }
            let file = SegmentFile::open(dir, *next)?;
            let Ok(header) = Header::read(&file)? else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a header is damaged"));
            };
            let compressed = !segment::path(dir, *first).exists();
            let bytes = std::fs::metadata(self.path_of(*first))?.len();
            sealed.push(SealedSegment { first: *first, last: header.follows(), bytes, compressed });
        }
        Ok(sealed)
    }

    /// The hybrid clock of a segment's last record: when it ended.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn ended(&self, segment: &SealedSegment) -> io::Result<u64> {
        let file = SegmentFile::open(&self.shared.dir, segment.first)?;
        let bytes = segment::frame_before(&file, file.len()?)?.unwrap_or_default();
        match segment::parse(&bytes) {
            Found::Frame(frame, _) => Ok(frame.row.hlc),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the last record is damaged")),
        }
    }

    /// Where a segment lies.
    pub(super) fn path_of(&self, first: u64) -> PathBuf {
        let plain = segment::path(&self.shared.dir, first);
        if plain.exists() { plain } else { packed::path(&self.shared.dir, first) }
    }

    /// Keeps the segments as they are until the hold is dropped.
    pub fn hold(&self) -> Hold {
        *self.shared.holds.lock() += 1;
        Hold(Arc::clone(&self.shared))
    }

    /// Compresses a sealed segment. False when somebody holds the files.
    ///
    /// # Errors
    /// The file system's; the plain file is there then, or the compressed one, or both.
    pub fn compress(&self, segment: &SealedSegment) -> io::Result<bool> {
        let holds = self.shared.holds.lock();
        if *holds > 0 || segment.compressed {
            return Ok(false);
        }
        packed::pack(&*self.shared.options.files, &self.shared.dir, segment.first)?;
        Ok(true)
    }

    /// Deletes the sealed segments up to the one that ends with `last`, oldest first, and gives how
    /// many. None are deleted while somebody holds the files.
    ///
    /// # Errors
    /// The file system's; those that are left are the newest.
    pub fn delete_through(&self, last: u64) -> io::Result<usize> {
        let holds = self.shared.holds.lock();
        if *holds > 0 {
            return Ok(0);
        }
        let (ops, dir) = (&self.shared.options.files, &self.shared.dir);
        let mut deleted = 0;
        for old in self.sealed()?.into_iter().take_while(|s| s.last.seq <= last) {
            for path in [
                packed::temporary(dir, old.first),
                packed::path(dir, old.first),
                segment::path(dir, old.first),
            ] {
                ops.remove(&path)?;
            }
            // Each by itself: what a crash leaves is the end of the chain, and not a piece of it.
            ops.sync_dir(dir)?;
            deleted += 1;
        }
        Ok(deleted)
    }
}
