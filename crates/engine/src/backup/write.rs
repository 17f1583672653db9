//! Making a backup while requests go on.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use strongroom_crypto::digest::Hasher;
use strongroom_crypto::{random, seal, sha256};
use strongroom_kmip::HashingAlgorithm;
use strongroom_root::SlotFile;
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use super::{END, Ends, FILE, MAGIC, PIECE, backup_key, binding, head_text, hex};
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::event::Event;
use crate::root::EPOCHS;
use crate::root_key::under_way;
use crate::unsealed::USES_DIR;

/// The copy of the store on its way into a backup. It loses its name as soon as it is open.
const COPY: &str = "store.db.backup";

/// A file that goes into a backup.
struct Part {
    name: String,
    size: u64,
    from: Box<dyn Read + Send>,
}

/// A backup that is being sent, piece by piece.
pub struct Backup {
    key: SecretBytes,
    /// Not sent yet.
    header: Option<Vec<u8>>,
    digest: [u8; 32],
    parts: VecDeque<Part>,
    current: Option<(Part, u64, Hasher)>,
    manifest: Option<String>,
    plain: Zeroizing<Vec<u8>>,
    index: u64,
    ended: bool,
}

impl Engine {
    /// Takes a backup of the store and the audit, and of `more` small files under names in a
    /// directory of their own (`tls/ca.pem`). It is recorded before the first byte is there to be
    /// sent. Requests go on meanwhile; root key and epochs do not change.
    ///
    /// # Errors
    /// [`EngineError::Sealed`]; a rotation is under way; the disk or the audit.
    pub fn backup(&self, by: &Caller, more: &[(String, PathBuf)]) -> Result<Backup, EngineError> {
        let inner = &self.inner;
        let unsealed = inner.unsealed().ok_or(EngineError::Sealed)?;
        // The epochs in the header must be those of the copy; and one copy at a time has its name.
        // And the files of the uses those that its record of a deletion leaves.
        let _held = unsealed.uses().hold();
        let one = inner.epoch_changes.try_lock().ok_or_else(under_way)?;
        let path = inner.config.data_dir.join(COPY);
        let store = self.copy_store(&path)?;
        let epochs = self.wrapped_epochs(EPOCHS)?;
        let (key, root_check, salt) = {
            let keyring = unsealed.keyring.read();
            let mut salt = [0; 32];
            random(&mut salt)?;
            (backup_key(&keyring, &salt)?, keyring.root().check_value()?, salt)
        };
        drop(one);
        let audit = |e: &dyn std::fmt::Display| EngineError::Audit(e.to_string());
        let state = read_small(&unsealed.uses().state_path())?;
        unsealed.uses().flush().map_err(|e| audit(&e))?;
        let (files, uses) = unsealed.uses().flushed_files().map_err(|e| audit(&e))?;

        let mut parts = VecDeque::from([store.part]);
        parts.push_back(small("audit/uses.state", state));
        for (path, size) in files {
            let file = File::open(&path).map_err(|e| EngineError::io(&path, &e))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            parts.push_back(Part {
                name: format!("{USES_DIR}/{name}"),
                size,
                from: Box::new(file.take(size)),
            });
        }
        for (name, path) in more {
            parts.push_back(small(name, read_small(path)?));
        }
        let size: u64 = parts.iter().map(|part| part.size).sum();
        let ends = Ends { changes: store.changes, uses, destroyed: store.destroyed };
        let header = header(inner.config.site, inner.stamp_ms(), &root_check, &salt, &epochs);
        let (changes, uses) = (head_text(&ends.changes), head_text(&ends.uses));
        let parameters =
            [("bytes", &*size.to_string()), ("changes", changes.as_str()), ("uses", uses.as_str())];
        self.record(by, &Event { parameters: &parameters, ..Event::new("backup-taken") })?;
        Ok(Backup {
            key,
            digest: sha256(&[&header]),
            header: Some(header),
            parts,
            current: None,
            manifest: Some(ends.to_text()),
            plain: Zeroizing::default(),
            index: 0,
            ended: false,
        })
    }

    /// The slot file's text, to be kept apart from the data.
    ///
    /// # Errors
    /// [`EngineError::Sealed`]; a slot file that cannot be read.
    pub fn slots_backup(&self) -> Result<String, EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let _unchanged = self.inner.slot_changes.lock();
        Ok(SlotFile::load(&self.inner.config.slots_path)?.to_json())
    }

    /// Copies the store, and looks into the copy for where its chain ends.
    fn copy_store(&self, path: &Path) -> Result<StoreCopy, EngineError> {
        let failed = |e: std::io::Error| EngineError::io(path, &e);
        // What a stop in the middle of this left.
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
            _ => {}
        }
        let copied = self.inner.store.copy_to(path).map_err(EngineError::from).and_then(|()| {
            let copy = strongroom_store::JournalFile::open(path)?;
            let changes = copy.head(self.inner.config.site)?;
            let destroyed = copy.destroyed()?;
            let file = File::open(path).map_err(failed)?;
            let size = file.metadata().map_err(failed)?.len();
            let part = Part { name: "store.db".to_owned(), size, from: Box::new(file.take(size)) };
            Ok(StoreCopy { part, changes, destroyed })
        });
        let _ = std::fs::remove_file(path);
        copied
    }
}

struct StoreCopy {
    part: Part,
    changes: strongroom_journal::Head,
    destroyed: u64,
}

fn small(name: &str, bytes: Vec<u8>) -> Part {
    let size = bytes.len() as u64;
    Part { name: name.to_owned(), size, from: Box::new(Cursor::new(bytes)) }
}

fn read_small(path: &Path) -> Result<Vec<u8>, EngineError> {
    std::fs::read(path).map_err(|e| EngineError::io(path, &e))
}

fn header(
    site: u32,
    now_ms: i64,
    root_check: &[u8],
    salt: &[u8],
    epochs: &[(u32, Vec<u8>)],
) -> Vec<u8> {
    let mut text = format!(
        "{MAGIC}\nversion {}\nsite {site}\ncreated {now_ms}\nroot {}\nsalt {}\n",
        env!("CARGO_PKG_VERSION"),
        hex(root_check),
        hex(salt),
    );
    for (epoch, wrapped) in epochs {
        text.push_str(&format!("epoch {epoch} {}\n", hex(wrapped)));
    }
    text.push('\n');
    text.into_bytes()
}

impl Backup {
    /// Adds more plaintext; false at the end.
    fn more(&mut self) -> Result<bool, EngineError> {
        let Some((mut part, left, mut hasher)) = self.current.take() else {
            return self.begin_next();
        };
        if left == 0 {
            let digest = hex(&hasher.finish()?);
            if let Some(manifest) = &mut self.manifest {
                manifest.push_str(&format!("file {} {} {digest}\n", part.name, part.size));
            }
            return Ok(true);
        }
        let mut bytes = Zeroizing::new(vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))]);
        part.from.read_exact(&mut bytes).map_err(|e| EngineError::Io {
            path: part.name.clone(),
            error: format!("it cannot be read to its end: {e}"),
        })?;
        hasher.update(&bytes)?;
        self.plain.extend_from_slice(&bytes);
        let left = left.saturating_sub(bytes.len() as u64);
        self.current = Some((part, left, hasher));
        Ok(true)
    }

    fn begin_next(&mut self) -> Result<bool, EngineError> {
        if let Some(part) = self.parts.pop_front() {
            self.plain.push(FILE);
            self.plain.extend_from_slice(&(part.name.len() as u32).to_be_bytes());
            self.plain.extend_from_slice(part.name.as_bytes());
            self.plain.extend_from_slice(&part.size.to_be_bytes());
            let left = part.size;
            self.current = Some((part, left, Hasher::new(HashingAlgorithm::SHA_256)?));
            return Ok(true);
        }
        let Some(manifest) = self.manifest.take() else { return Ok(false) };
        self.plain.push(END);
        self.plain.extend_from_slice(&(manifest.len() as u32).to_be_bytes());
        self.plain.extend_from_slice(manifest.as_bytes());
        Ok(true)
    }

    fn piece(&mut self) -> Result<Vec<u8>, EngineError> {
        // One byte more than a piece tells that it is not the last.
        while self.plain.len() <= PIECE && self.more()? {}
        let last = self.plain.len() <= PIECE;
        let count = self.plain.len().min(PIECE);
        let rest = self.plain.split_off(count);
        let plain = std::mem::replace(&mut self.plain, Zeroizing::new(rest));
        let sealed = seal::seal(&self.key, &binding(&self.digest, self.index, last), &plain)?;
        self.index += 1;
        self.ended = last;
        let mut framed = (sealed.len() as u32).to_be_bytes().to_vec();
        framed.extend(sealed);
        Ok(framed)
    }
}

impl Iterator for Backup {
    type Item = Result<Vec<u8>, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(header) = self.header.take() {
            return Some(Ok(header));
        }
        if self.ended {
            return None;
        }
        let piece = self.piece();
        self.ended |= piece.is_err();
        Some(piece)
    }
}
