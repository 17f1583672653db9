//! Reading a backup. Nothing of it is believed before it is authenticated, but for the header,
//! which says what could open it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use strongroom_crypto::digest::Hasher;
use strongroom_crypto::{seal, sha256};
use strongroom_kmip::HashingAlgorithm;
use strongroom_root::Keyring;
use strongroom_secmem::SecretBytes;

use super::{
    END, Ends, FILE, MAGIC, MAX_HEADER, PIECE, RootCheck, backup_key, binding, broken, hex, unhex,
};
use crate::error::EngineError;

/// The longest name of a file in it.
const MAX_NAME: u32 = 200;

/// The longest manifest taken.
const MAX_MANIFEST: u32 = 64 << 20;

/// What a backup says of itself to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupHeader {
    /// The version that made it.
    pub version: String,
    /// Whose store it is.
    pub site: u32,
    /// When it was begun, milliseconds since the Unix epoch.
    pub created_ms: i64,
    pub(super) root_check: RootCheck,
    pub(super) salt: Vec<u8>,
    pub(super) epochs: Vec<(u32, Vec<u8>)>,
    pub(super) digest: [u8; 32],
}

/// A file that was in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extracted {
    pub(super) name: String,
    pub(super) size: u64,
}

/// A backup that is being read.
pub(super) struct BackupFile {
    pub(super) header: BackupHeader,
    input: BufReader<File>,
}

impl BackupFile {
    pub(super) fn open(path: &Path) -> Result<Self, EngineError> {
        let file = File::open(path).map_err(|e| EngineError::io(path, &e))?;
        let mut input = BufReader::new(file);
        let mut text = String::new();
        loop {
            let before = text.len();
            let mut line = (&mut input).take(MAX_HEADER.saturating_sub(before as u64));
            let read = line.read_line(&mut text);
            let line = text.get(before..).unwrap_or_default();
            if before == 0 && line.trim_end() != MAGIC {
                return Err(broken("it is no backup of a format that this version knows"));
            }
            match read {
                Ok(_) if line == "\n" => break,
                Ok(_) if line.ends_with('\n') => {}
                _ => return Err(broken("its header cannot be read")),
            }
        }
        let header = parse(&text).ok_or_else(|| broken("its header cannot be read"))?;
        Ok(Self { header, input })
    }

    /// Writes every file but those `without` into `dir`, which is made, and gives what it holds. Each
    /// piece is authenticated before any of it is written.
    pub(super) fn extract(
        self,
        keyring: &Keyring,
        dir: &Path,
        without: &[&str],
    ) -> Result<(Vec<Extracted>, Ends), EngineError> {
        make_dir(dir)?;
        let mut pieces = Pieces {
            key: backup_key(keyring, &self.header.salt)?,
            digest: self.header.digest,
            input: self.input,
            index: 0,
            piece: None,
            at: 0,
            last: false,
        };
        let mut found = String::new();
        let mut files = Vec::new();
        loop {
            match pieces.array()? {
                [FILE] => {}
                [END] => break,
                _ => return Err(broken("it holds what this version does not know")),
            }
            let length = u32::from_be_bytes(pieces.array()?);
            if length > MAX_NAME {
                return Err(broken("a name in it is too long"));
            }
            let name = String::from_utf8(pieces.bytes(length as usize)?)
                .ok()
                .filter(|name| is_known(name))
                .ok_or_else(|| broken("a name in it is not one of a backup's"))?;
            let size = u64::from_be_bytes(pieces.array()?);
            let kept = !without.contains(&name.as_str());
            let digest = write_file(&mut pieces, dir, &name, size, kept)?;
            found.push_str(&format!("file {name} {size} {digest}\n"));
            files.push(Extracted { name, size });
        }
        let length = u32::from_be_bytes(pieces.array()?);
        if length > MAX_MANIFEST {
            return Err(broken("its manifest is too long"));
        }
        let manifest = String::from_utf8(pieces.bytes(length as usize)?)
            .map_err(|_| broken("its manifest cannot be read"))?;
        pieces.finish()?;
        let told: String =
            manifest.split_inclusive('\n').filter(|line| line.starts_with("file ")).collect();
        if told != found {
            return Err(broken("its files are not those of its manifest"));
        }
        let ends = Ends::from_text(&manifest).ok_or_else(|| broken("its manifest lacks ends"))?;
        let sync = |path: &Path| {
            File::open(path).and_then(|d| d.sync_all()).map_err(|e| EngineError::io(path, &e))
        };
        for name in &files {
            if let Some(parent) = dir.join(&name.name).parent() {
                sync(parent)?;
            }
        }
        Ok((files, ends))
    }
}

/// Only names that a backup has, and none that leads elsewhere.
fn is_known(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    };
    match name.split_once('/') {
        None => name == "store.db",
        Some((dir, file)) => matches!(dir, "audit" | "tls") && plain(file),
    }
}

fn write_file(
    pieces: &mut Pieces,
    dir: &Path,
    name: &str,
    size: u64,
    kept: bool,
) -> Result<String, EngineError> {
    let path = dir.join(name);
    let failed = |e: std::io::Error| EngineError::io(&path, &e);
    if let Some(parent) = path.parent() {
        make_dir(parent)?;
    }
    let mut new = File::options();
    new.write(true).create_new(true).mode(0o600);
    let mut file = if kept { Some(new.open(&path).map_err(failed)?) } else { None };
    let mut hasher = Hasher::new(HashingAlgorithm::SHA_256)?;
    let mut left = size;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(PIECE);
        left -= pieces.some(most, |bytes| {
            hasher.update(bytes)?;
            file.as_mut().map_or(Ok(()), |file| file.write_all(bytes)).map_err(failed)
        })? as u64;
    }
    if let Some(file) = file {
        file.sync_all().map_err(failed)?;
    }
    Ok(hex(&hasher.finish()?))
}

pub(super) fn make_dir(path: &Path) -> Result<(), EngineError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|e| EngineError::io(path, &e))
}

fn parse(text: &str) -> Option<BackupHeader> {
    let mut header = BackupHeader {
        version: String::new(),
        site: 0,
        created_ms: 0,
        root_check: RootCheck::default(),
        salt: Vec::new(),
        epochs: Vec::new(),
        digest: sha256(&[text.as_bytes()]),
    };
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(' ')?;
        match name {
            "version" => header.version = value.to_owned(),
            "site" => header.site = value.parse().ok()?,
            "created" => header.created_ms = value.parse().ok()?,
            "root" => header.root_check = unhex(value)?.try_into().ok()?,
            "salt" => header.salt = unhex(value)?,
            "epoch" => {
                let (epoch, wrapped) = value.split_once(' ')?;
                header.epochs.push((epoch.parse().ok()?, unhex(wrapped)?));
            }
            _ => return None,
        }
    }
    (header.site > 0 && !header.salt.is_empty() && !header.epochs.is_empty()).then_some(header)
}

/// The plaintext of the pieces, one after the other.
struct Pieces {
    key: SecretBytes,
    digest: [u8; 32],
    input: BufReader<File>,
    index: u64,
    piece: Option<SecretBytes>,
    /// How much of the piece was taken.
    at: usize,
    last: bool,
}

impl Pieces {
    /// Gives at least one byte and at most `most` to `sink`; tells how many.
    fn some(
        &mut self,
        most: usize,
        sink: impl FnOnce(&[u8]) -> Result<(), EngineError>,
    ) -> Result<usize, EngineError> {
        while self.rest().is_empty() {
            self.next()?;
        }
        let rest = self.rest();
        let taken = rest.get(..most.min(rest.len())).unwrap_or_default();
        sink(taken)?;
        let count = taken.len();
        self.at += count;
        Ok(count)
    }

    fn rest(&self) -> &[u8] {
        self.piece.as_ref().and_then(|piece| piece.as_slice().get(self.at..)).unwrap_or_default()
    }

    /// Opens the next piece.
    fn next(&mut self) -> Result<(), EngineError> {
        if self.last {
            return Err(broken("it ends before its manifest"));
        }
        let mut length = [0; 4];
        let cut = |_| broken("it is cut off");
        self.input.read_exact(&mut length).map_err(cut)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > PIECE + seal::OVERHEAD {
            return Err(broken(format!("piece {} is damaged", self.index)));
        }
        let mut sealed = vec![0; length];
        self.input.read_exact(&mut sealed).map_err(cut)?;
        self.last = self
            .input
            .fill_buf()
            .map_err(|e| broken(format!("it cannot be read: {e}")))?
            .is_empty();
        let open = |last| seal::open(&self.key, &binding(&self.digest, self.index, last), &sealed);
        let piece = match open(self.last) {
            Ok(piece) => piece,
            Err(_) if self.last && open(false).is_ok() => return Err(broken("it is cut off")),
            Err(_) if open(true).is_ok() => return Err(broken("there is more behind its end")),
            Err(_) => {
                let index = self.index;
                return Err(broken(format!("piece {index} does not authenticate: it was altered")));
            }
        };
        self.piece = Some(piece);
        self.at = 0;
        self.index += 1;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], EngineError> {
        let bytes = self.bytes(N)?;
        bytes.try_into().map_err(|_| broken("it cannot be read"))
    }

    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, EngineError> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            self.some(count - bytes.len(), |more| {
                bytes.extend_from_slice(more);
                Ok(())
            })?;
        }
        Ok(bytes)
    }

    fn finish(self) -> Result<(), EngineError> {
        if self.last && self.rest().is_empty() {
            return Ok(());
        }
        Err(broken("there is more behind its manifest"))
    }
}
