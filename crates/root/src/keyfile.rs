//! Files that hold keys: made for their owner alone, and refused when others may read them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use strongroom_secmem::SecretBytes;

use crate::error::{RootError, SlotError};
use crate::keyring::KEY_LEN;

pub(crate) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> SlotError {
    let path = path.to_owned();
    move |error| SlotError::Io { path, error }
}

/// Makes a key file, which must not exist, and makes it durable.
pub(crate) fn create(path: &Path, secret: &SecretBytes) -> Result<(), SlotError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(secret.as_slice())?;
        file.sync_all()?;
        sync_parent(path)
    };
    write().map_err(io_error(path))
}

/// Reads a key file of 32 bytes.
pub(crate) fn read(path: &Path) -> Result<SecretBytes, RootError> {
    let mut file = open_private(path)?;
    let len = file.metadata().map_err(io_error(path))?.len();
    check_len(path, len)?;
    let mut outcome = Ok(());
    let secret = SecretBytes::build(KEY_LEN, |out| outcome = file.read_exact(out))?;
    outcome.map_err(io_error(path))?;
    Ok(secret)
}

/// Reads a systemd credential of 32 bytes.
pub(crate) fn credential(directory: Option<&Path>, name: &str) -> Result<SecretBytes, RootError> {
    let path = credential_path(directory, name)?;
    read(&path)
}

fn credential_path(directory: Option<&Path>, name: &str) -> Result<PathBuf, SlotError> {
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err(SlotError::BadCredentialName(name.to_owned()));
    }
    Ok(directory.ok_or(SlotError::NoCredentials)?.join(name))
}

pub(crate) fn check_len(path: &Path, found: u64) -> Result<(), SlotError> {
    if found == KEY_LEN as u64 {
        Ok(())
    } else {
        Err(SlotError::WrongKeySize { path: path.to_owned(), found })
    }
}

/// Opens a file that only its owner may read and write.
pub(crate) fn open_private(path: &Path) -> Result<File, SlotError> {
    let file = File::open(path).map_err(io_error(path))?;
    // Of the opened file, so that nothing can be exchanged between looking and reading.
    let mode = file.metadata().map_err(io_error(path))?.permissions().mode() & 0o7777;
    if mode & 0o177 != 0 {
        return Err(SlotError::Exposed { path: path.to_owned(), mode });
    }
    Ok(file)
}

/// Replaces a file so that after a crash either the old or the new content is there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), SlotError> {
    let mut tmp = path.as_os_str().to_owned();
    tmp.push(".tmp");
    let tmp = PathBuf::from(tmp);
    let write = || {
        match fs::remove_file(&tmp) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&tmp)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&tmp, path)?;
        sync_parent(path)
    };
    write().map_err(io_error(path))
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}
