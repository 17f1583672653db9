//! Segment files: their names, headers and frames.
//!
//! A file `uses-<first sequence number, 20 digits>.seg` holds a header and then frames, each a
//! record between two copies of its length, so that it can be walked from both ends:
//!
//! ```text
//! header: "SRUSES1\n" ‖ site u32 ‖ segment u64 ‖ first u64 ‖ prev 32 ‖ SHA-256 of these 32
//! frame:  length u32 ‖ flushed u64 ‖ row ‖ !flushed u64 ‖ length u32
//! ```
//!
//! `length` counts the row. There is no CRC: the row's own hash is its check. `flushed` is the
//! last record known to be on disk when this one was written. It tells a crash from damage: bytes
//! lost in a crash lie after the flush mark of every later frame; if a later frame says that a
//! record was on disk and it is not there now, something else took it.

use std::io;
use std::path::{Path, PathBuf};

use strongroom_crypto::sha256;

use crate::codec::{BadBytes, Reader, put_u32, put_u64};
use crate::packed::SegmentFile;
use crate::record::{ChainName, Head, MAX_ACTOR, MAX_BODY, RecordRef};

const MAGIC: &[u8; 8] = b"SRUSES1\n";

/// Bytes of a file's header.
pub(crate) const HEADER_LEN: usize = 8 + 4 + 8 + 8 + 32 + 32;

/// Bytes of a frame around its row.
pub(crate) const FRAME_EXTRA: usize = 4 + 8 + 8 + 4;

/// Longest row that a frame may hold, in bytes.
const MAX_ROW: usize = 124 + MAX_ACTOR + MAX_BODY;

const CHUNK: usize = 256 << 10;

/// First lines of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) site: u32,
    pub(crate) segment: u64,
    pub(crate) first: u64,
    pub(crate) prev: [u8; 32],
}

impl Header {
    /// The head that the file's first record follows.
    pub(crate) fn follows(&self) -> Head {
        Head { seq: self.first.saturating_sub(1), hash: self.prev }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put_u32(&mut out, self.site);
        put_u64(&mut out, self.segment);
        put_u64(&mut out, self.first);
        out.extend_from_slice(&self.prev);
        let check = sha256(&[&out]);
        out.extend_from_slice(&check);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BadBytes> {
        let mut r = Reader::new(bytes);
        if r.take(8)? != MAGIC {
            return Err(BadBytes);
        }
        let header =
            Header { site: r.u32()?, segment: r.u64()?, first: r.u64()?, prev: *r.hash()? };
        let check = sha256(&[bytes.get(..HEADER_LEN - 32).ok_or(BadBytes)?]);
        if *r.hash()? != check || header.first == 0 {
            return Err(BadBytes);
        }
        r.end().map(|()| header)
    }

    pub(crate) fn read(file: &SegmentFile) -> io::Result<Result<Self, BadBytes>> {
        let mut bytes = [0; HEADER_LEN];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(Header::decode(&bytes)),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(Err(BadBytes)),
            Err(e) => Err(e),
        }
    }
}

/// Name of the file whose first record is `first`.
pub(crate) fn file_name(first: u64) -> String {
    format!("uses-{first:020}.seg")
}

/// First sequence numbers of the segment files in `dir`, ascending.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut firsts = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let first: Option<u64> = name
            .to_str()
            .and_then(|n| n.strip_prefix("uses-"))
            .and_then(|n| n.strip_suffix(".seg").or_else(|| n.strip_suffix(".segz")))
            .filter(|n| n.len() == 20)
            .and_then(|n| n.parse().ok());
        firsts.extend(first);
    }
    firsts.sort_unstable();
    // One that is being compressed is there twice for a moment.
    firsts.dedup();
    Ok(firsts)
}

pub(crate) fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(file_name(first))
}

/// Appends the frame of a row.
pub(crate) fn put_frame(out: &mut Vec<u8>, flushed: u64, row: &RecordRef<'_>) {
    let len = row.encoded_len() as u32;
    put_u32(out, len);
    put_u64(out, flushed);
    row.encode(out);
    put_u64(out, !flushed);
    put_u32(out, len);
}

/// A frame found at the front of some bytes.
pub(crate) struct Frame<'a> {
    pub(crate) flushed: u64,
    pub(crate) row: RecordRef<'a>,
}

/// What stands at the front of some bytes.
pub(crate) enum Found<'a> {
    /// A frame and its length in bytes. Its row's hash is not checked yet.
    Frame(Frame<'a>, usize),
    /// The bytes may be the beginning of a frame of this length.
    Partial(usize),
    /// No frame.
    Bad,
}

/// Reads the frame at the front of `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Found<'_> {
    let Some((len, _)) = bytes.split_first_chunk::<4>() else { return Found::Partial(FRAME_EXTRA) };
    let row_len = u32::from_be_bytes(*len) as usize;
    if !(124..=MAX_ROW).contains(&row_len) {
        return Found::Bad;
    }
    let total = row_len + FRAME_EXTRA;
    let Some(frame) = bytes.get(..total) else { return Found::Partial(total) };
    match whole(frame, row_len) {
        Ok(frame) => Found::Frame(frame, total),
        Err(BadBytes) => Found::Bad,
    }
}

fn whole(frame: &[u8], row_len: usize) -> Result<Frame<'_>, BadBytes> {
    let mut r = Reader::new(frame);
    r.u32()?;
    let flushed = r.u64()?;
    let row = r.take(row_len)?;
    if r.u64()? != !flushed || r.u32()? as usize != row_len {
        return Err(BadBytes);
    }
    Ok(Frame { flushed, row: RecordRef::decode(row)? })
}

/// The self-consistent frames anywhere in `bytes`: (sequence number, flush mark) of each.
pub(crate) fn salvage(chain: ChainName, bytes: &[u8]) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let step = match parse(rest) {
            Found::Frame(f, total) if f.row.compute_hash(chain) == *f.row.hash => {
                found.push((f.row.seq, f.flushed));
                total
            }
            _ => 1,
        };
        rest = rest.get(step..).unwrap_or_default();
    }
    found
}

/// Walks the frames of one file forward through a bounded buffer.
pub(crate) struct Frames {
    file: SegmentFile,
    /// Bytes read and not yet given out: `buf[start..]`, which begin at `offset` in the file.
    buf: Vec<u8>,
    start: usize,
    offset: u64,
}

/// What a step gave.
pub(crate) enum Step<'a> {
    /// The next frame.
    Frame(Frame<'a>),
    /// The end of the file, or of what may be read of it.
    End,
    /// Bytes that begin a frame and end too soon.
    Partial,
    /// Bytes that are no frame.
    Bad,
}

impl Frames {
    /// Frames after the header.
    pub(crate) fn new(file: SegmentFile) -> Self {
        Frames { file, buf: Vec::new(), start: 0, offset: HEADER_LEN as u64 }
    }

    /// Where the next frame begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next frame that ends at or before `limit`.
    pub(crate) fn step(&mut self, limit: u64) -> io::Result<Step<'_>> {
        let mut want = FRAME_EXTRA;
        let total = loop {
            let have = self.buf.get(self.start..).unwrap_or_default();
            if have.len() < want {
                match self.fill(want, limit) {
                    Ok(true) => continue,
                    Ok(false) => {}
                    // A block of a compressed file.
                    Err(e) if e.kind() == io::ErrorKind::InvalidData => return Ok(Step::Bad),
                    Err(e) => return Err(e),
                }
            }
            let have = self.buf.get(self.start..).unwrap_or_default();
            match parse(have) {
                Found::Frame(_, total) => break total,
                Found::Partial(total) if have.len() >= want && total > want => want = total,
                Found::Partial(_) if have.is_empty() => return Ok(Step::End),
                Found::Partial(_) => return Ok(Step::Partial),
                Found::Bad => return Ok(Step::Bad),
            }
        };
        let from = self.start;
        self.start += total;
        self.offset += total as u64;
        match parse(self.buf.get(from..).unwrap_or_default()) {
            Found::Frame(frame, _) => Ok(Step::Frame(frame)),
            _ => Ok(Step::Bad),
        }
    }

    /// Reads more, at least so that `want` bytes are there; false when the file has no more.
    fn fill(&mut self, want: usize, limit: u64) -> io::Result<bool> {
        self.buf.drain(..self.start);
        self.start = 0;
        let have = self.buf.len();
        let at = self.offset + have as u64;
        let more =
            limit.saturating_sub(at).min(want.max(CHUNK).saturating_sub(have) as u64) as usize;
        self.buf.resize(have + more, 0);
        let mut got = 0;
        while got < more {
            let space = self.buf.get_mut(have + got..).unwrap_or_default();
            match self.file.read_at(space, at + got as u64) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // What came before it is given out first.
                Err(_) if got > 0 => break,
                Err(e) => {
                    self.buf.truncate(have);
                    return Err(e);
                }
            }
        }
        self.buf.truncate(have + got);
        Ok(got > 0)
    }
}

/// The frame that ends at `end`: its bytes, or nothing when there is no whole frame.
pub(crate) fn frame_before(file: &SegmentFile, end: u64) -> io::Result<Option<Vec<u8>>> {
    let room = end.saturating_sub(HEADER_LEN as u64);
    if room < FRAME_EXTRA as u64 {
        return Ok(None);
    }
    let mut len = [0; 4];
    file.read_exact_at(&mut len, end - 4)?;
    let total = u32::from_be_bytes(len) as u64 + FRAME_EXTRA as u64;
    if total > room || total > (MAX_ROW + FRAME_EXTRA) as u64 {
        return Ok(None);
    }
    let mut bytes = vec![0; total as usize];
    file.read_exact_at(&mut bytes, end - total)?;
    Ok(matches!(parse(&bytes), Found::Frame(_, n) if n as u64 == total).then_some(bytes))
}
