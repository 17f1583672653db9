//! The operations on files that the journal depends on, as a trait, so that tests can make each
//! of them fail: a promise about full disks and failing flushes is worth what its test is worth.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// What the journal asks of the file system when it writes. Reading goes the ordinary way.
pub trait FileOps: Send + Sync {
    /// Creates a file for appending, mode 0600; fails when it exists.
    ///
    /// # Errors
    /// As the operating system says; the same for all methods.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogFile>>;

    /// Opens an existing file for appending.
    ///
    /// # Errors
    /// See [`Self::create`].
    fn open(&self, path: &Path) -> io::Result<Arc<dyn LogFile>>;

    /// Renames within a directory.
    ///
    /// # Errors
    /// See [`Self::create`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file; it is no error if there is none.
    ///
    /// # Errors
    /// See [`Self::create`].
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the directory's entries durable.
    ///
    /// # Errors
    /// See [`Self::create`].
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// A file being appended to.
pub trait LogFile: Send + Sync {
    /// One `write(2)` at the end; may be short.
    ///
    /// # Errors
    /// As the operating system says; the same for all methods.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// `fdatasync(2)`.
    ///
    /// # Errors
    /// See [`Self::write`].
    fn sync_data(&self) -> io::Result<()>;

    /// Cuts the file to `len` bytes.
    ///
    /// # Errors
    /// See [`Self::write`].
    fn set_len(&self, len: u64) -> io::Result<()>;
}

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsFiles;

impl FileOps for OsFiles {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        Ok(Arc::new(OsFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        Ok(Arc::new(OsFile(OpenOptions::new().append(true).open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

struct OsFile(File);

impl LogFile for OsFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}

/// Writes all bytes, with one `write(2)` unless the system makes it short.
pub(crate) fn write_all(file: &dyn LogFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Replaces `dir/name` so that after a crash either the old or the new content is there.
pub(crate) fn replace(ops: &dyn FileOps, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let tmp = dir.join(format!("{name}.tmp"));
    ops.remove(&tmp)?;
    let file = ops.create(&tmp)?;
    write_all(&*file, bytes)?;
    file.sync_data()?;
    ops.rename(&tmp, &dir.join(name))?;
    ops.sync_dir(dir)
}

/// Creates a directory that only its owner may look into.
pub(crate) fn private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
