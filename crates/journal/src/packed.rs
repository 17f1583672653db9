//! Sealed segments, compressed: read as if they were not.
//!
//! A file `uses-<first>.segz` holds the header of the plain file as it was, and then what followed it
//! in blocks of 1 MiB, each compressed by itself (DEFLATE, RFC 1951), so that any place can be read
//! without the whole:
//!
//! ```text
//! block: plain length u32 ‖ packed length u32 ‖ packed bytes ‖ SHA-256 of these 32 ‖ packed length u32
//! ```
//!
//! The digest finds damage where it is; that nothing was altered is shown by the records' own
//! hashes, as in a plain file. Offsets are those of the plain file everywhere else.
//!
//! A plain file that is there counts, whatever lies beside it: the compressed one takes its place
//! only when it is whole and on disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use strongroom_crypto::sha256;

use crate::files::{FileOps, write_all};
use crate::segment::{self, HEADER_LEN};

/// Plain bytes of a block.
const BLOCK: usize = 1 << 20;

/// Most packed bytes of a block: what cannot be compressed grows by a little. Without a bound a
/// length in a forged file would be memory.
const LARGEST_PACKED: usize = BLOCK + BLOCK / 8;

/// Most plain bytes that are looked through for telling what damage it is. A forged file may unpack
/// to a thousand times its size.
const LARGEST_SALVAGE: u64 = 256 << 20;

/// Bytes of a block before and behind what is packed.
const BEFORE: usize = 8;
const BEHIND: usize = 32 + 4;

/// DEFLATE's own scale from 0 to 10: more costs much and gains little on hashes.
const LEVEL: u8 = 5;

/// Where the compressed segment lies.
pub(crate) fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{}z", segment::file_name(first)))
}

/// Where it is made.
pub(crate) fn temporary(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{}z.tmp", segment::file_name(first)))
}

/// A segment's file, plain or compressed, as a plain one.
pub(crate) enum SegmentFile {
    Plain(File),
    Packed(Packed),
}

impl SegmentFile {
    /// Opens the segment that begins with record `first`.
    pub(crate) fn open(dir: &Path, first: u64) -> io::Result<Self> {
        match File::open(segment::path(dir, first)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => match File::open(path(dir, first)) {
                Ok(file) => Ok(Self::Packed(Packed::open(file)?)),
                // The plain one is what is missed.
                Err(missing) if missing.kind() == io::ErrorKind::NotFound => Err(e),
                Err(other) => Err(other),
            },
            plain => Ok(Self::Plain(plain?)),
        }
    }

    /// Bytes of the plain file.
    pub(crate) fn len(&self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => Ok(file.metadata()?.len()),
            Self::Packed(packed) => Ok(packed.len),
        }
    }

    pub(crate) fn read_at(&self, out: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read_at(out, at),
            Self::Packed(packed) => packed.read_at(out, at),
        }
    }

    pub(crate) fn read_exact_at(&self, mut out: &mut [u8], mut at: u64) -> io::Result<()> {
        while !out.is_empty() {
            match self.read_at(out, at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    at += n as u64;
                    out = out.get_mut(n..).unwrap_or_default();
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// The plain file's bytes, as far as they can be read: for telling what damage it is.
    pub(crate) fn salvage(&self) -> Vec<u8> {
        self.salvage_up_to(LARGEST_SALVAGE)
    }

    fn salvage_up_to(&self, most: u64) -> Vec<u8> {
        let len = self.len().unwrap_or(0).min(most);
        let (mut found, mut at) = (Vec::new(), 0);
        while at < len {
            let mut part = vec![0; BLOCK.min((len - at) as usize)];
            match self.read_at(&mut part, at) {
                Ok(n) if n > 0 => {
                    found.extend_from_slice(part.get(..n).unwrap_or_default());
                    at += n as u64;
                }
                // On to the next block.
                _ => {
                    let whole = at.saturating_sub(HEADER_LEN as u64) / BLOCK as u64 + 1;
                    at = HEADER_LEN as u64 + whole * BLOCK as u64;
                }
            }
        }
        found
    }
}

#[derive(Clone, Copy)]
struct Block {
    /// Where its packed bytes begin in the file.
    at: u64,
    packed: usize,
    plain: usize,
}

/// A compressed segment's file.
pub(crate) struct Packed {
    file: File,
    blocks: Vec<Block>,
    /// Bytes of the plain file. What stands behind damage among the blocks' lengths is one byte
    /// more, which cannot be read.
    len: u64,
    /// The block that was read last.
    last: Mutex<Option<(usize, Vec<u8>)>>,
}

impl Packed {
    fn open(file: File) -> io::Result<Self> {
        let end = file.metadata()?.len();
        let mut blocks: Vec<Block> = Vec::new();
        let (mut at, mut len) = (HEADER_LEN as u64, HEADER_LEN as u64);
        while at < end {
            let Some(block) = block_at(&file, at, end)? else {
                len += 1;
                break;
            };
            // All but the last are whole, or no place could be found by counting.
            if blocks.last().is_some_and(|before| before.plain != BLOCK) {
                len += 1;
                break;
            }
            len += block.plain as u64;
            at = block.at + (block.packed + BEHIND) as u64;
            blocks.push(block);
        }
        Ok(Self { file, blocks, len, last: Mutex::new(None) })
    }

    fn read_at(&self, out: &mut [u8], at: u64) -> io::Result<usize> {
        if at < HEADER_LEN as u64 {
            let room = (HEADER_LEN as u64 - at) as usize;
            let n = out.len().min(room);
            return self.file.read_at(out.get_mut(..n).unwrap_or_default(), at);
        }
        if at >= self.len {
            return Ok(0);
        }
        let inside = at - HEADER_LEN as u64;
        let (index, from) = ((inside / BLOCK as u64) as usize, (inside % BLOCK as u64) as usize);
        let mut last = self.last.lock();
        if last.as_ref().is_none_or(|(of, _)| *of != index) {
            *last = Some((index, self.unpack(index)?));
        }
        let plain = last.as_ref().and_then(|(_, plain)| plain.get(from..)).unwrap_or_default();
        let n = out.len().min(plain.len());
        let (Some(to), Some(from)) = (out.get_mut(..n), plain.get(..n)) else {
            return Err(damaged());
        };
        to.copy_from_slice(from);
        if n == 0 { Err(damaged()) } else { Ok(n) }
    }

    fn unpack(&self, index: usize) -> io::Result<Vec<u8>> {
        let block = self.blocks.get(index).ok_or_else(damaged)?;
        let mut bytes = vec![0; BEFORE + block.packed + 32];
        self.file.read_exact_at(&mut bytes, block.at - BEFORE as u64)?;
        let (told, digest) = bytes.split_at(BEFORE + block.packed);
        if sha256(&[told]) != *digest {
            return Err(damaged());
        }
        let packed = told.get(BEFORE..).unwrap_or_default();
        let plain = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, block.plain)
            .map_err(|_| damaged())?;
        if plain.len() == block.plain { Ok(plain) } else { Err(damaged()) }
    }
}

/// The block whose lengths stand at `at`; nothing where they make no sense.
fn block_at(file: &File, at: u64, end: u64) -> io::Result<Option<Block>> {
    let number = |at| -> io::Result<usize> {
        let mut bytes = [0; 4];
        file.read_exact_at(&mut bytes, at)?;
        Ok(u32::from_be_bytes(bytes) as usize)
    };
    if end - at < (BEFORE + BEHIND) as u64 {
        return Ok(None);
    }
    let (plain, packed) = (number(at)?, number(at + 4)?);
    let behind = at + (BEFORE + packed) as u64 + 32;
    let fits = plain <= BLOCK && packed <= LARGEST_PACKED && behind + 4 <= end;
    if plain == 0 || !fits || number(behind)? != packed {
        return Ok(None);
    }
    Ok(Some(Block { at: at + BEFORE as u64, packed, plain }))
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a block of the compressed segment is damaged")
}

/// Compresses a sealed segment: whole and on disk before the plain file goes.
pub(crate) fn pack(ops: &dyn FileOps, dir: &Path, first: u64) -> io::Result<()> {
    let (plain, temporary) = (segment::path(dir, first), temporary(dir, first));
    let file = SegmentFile::Plain(File::open(&plain)?);
    ops.remove(&temporary)?;
    let out = ops.create(&temporary)?;
    let mut header = [0; HEADER_LEN];
    file.read_exact_at(&mut header, 0)?;
    write_all(&*out, &header)?;
    let (len, mut at) = (file.len()?, HEADER_LEN as u64);
    while at < len {
        let mut part = vec![0; BLOCK.min((len - at) as usize)];
        file.read_exact_at(&mut part, at)?;
        write_all(&*out, &block(&part))?;
        at += part.len() as u64;
    }
    out.sync_data()?;
    drop(out);
    if !same(&file, &SegmentFile::Packed(Packed::open(File::open(&temporary)?)?))? {
        return Err(damaged());
    }
    ops.rename(&temporary, &path(dir, first))?;
    ops.sync_dir(dir)?;
    ops.remove(&plain)?;
    ops.sync_dir(dir)
}

fn block(plain: &[u8]) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec(plain, LEVEL);
    let mut out = Vec::with_capacity(BEFORE + packed.len() + BEHIND);
    out.extend_from_slice(&(plain.len() as u32).to_be_bytes());
    out.extend_from_slice(&(packed.len() as u32).to_be_bytes());
    out.extend_from_slice(&packed);
    let digest = sha256(&[&out]);
    out.extend_from_slice(&digest);
    out.extend_from_slice(&(packed.len() as u32).to_be_bytes());
    out
}

/// Whether two files have the same plain bytes.
fn same(a: &SegmentFile, b: &SegmentFile) -> io::Result<bool> {
    let len = a.len()?;
    if b.len()? != len {
        return Ok(false);
    }
    let mut at = 0;
    while at < len {
        let room = BLOCK.min((len - at) as usize);
        let (mut of_a, mut of_b) = (vec![0; room], vec![0; room]);
        a.read_exact_at(&mut of_a, at)?;
        b.read_exact_at(&mut of_b, at)?;
        if of_a != of_b {
            return Ok(false);
        }
        at += room as u64;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_forged_file_takes_no_memory_beyond_what_a_real_one_would() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("forged");
        let open = || Packed::open(File::open(&at).unwrap()).unwrap();
        // A block that says it is a gibibyte, in a file that is as large and holds nothing.
        let packed: u32 = 1 << 30;
        let mut file = File::create(&at).unwrap();
        file.write_all(&[0; HEADER_LEN]).unwrap();
        file.write_all(&[&1_u32.to_be_bytes()[..], &packed.to_be_bytes()].concat()).unwrap();
        let behind = (HEADER_LEN + BEFORE + 32) as u64 + u64::from(packed);
        file.write_all_at(&packed.to_be_bytes(), behind).unwrap();
        let forged = open();
        assert!(forged.blocks.is_empty());
        assert!(forged.read_at(&mut [0; 8], HEADER_LEN as u64).is_err());
        // Blocks that unpack to a thousand times their size.
        let mut file = File::create(&at).unwrap();
        file.write_all(&[0; HEADER_LEN]).unwrap();
        let one = block(&vec![0; BLOCK]);
        assert!(one.len() < BLOCK / 500);
        for _ in 0..4 {
            file.write_all(&one).unwrap();
        }
        let bomb = SegmentFile::Packed(open());
        assert_eq!(bomb.len().unwrap(), (HEADER_LEN + 4 * BLOCK) as u64);
        let most = 2 * BLOCK as u64;
        assert!(bomb.salvage_up_to(most).len() as u64 <= most + BLOCK as u64);
        assert_eq!(bomb.salvage_up_to(u64::MAX).len(), HEADER_LEN + 4 * BLOCK);
    }
}
