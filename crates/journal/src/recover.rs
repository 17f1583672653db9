//! Opening the chain of uses: finding its end, and cutting off what a crash left half written.
//!
//! Only the last segment is read. Bytes after its last whole record are a torn tail when nothing
//! shows that they had been flushed; they are cut, and a gap record says so. Everything else that
//! is wrong is an error: this server did not write it so, and nobody may be led to believe so.

use std::fs;
use std::io;
use std::path::Path;

use crate::chain::{Chain, ChainState, Vault};
use crate::files::{FileOps, replace, write_all};
use crate::kind::{GAP, Gap, SEGMENT_END};
use crate::packed::SegmentFile;
use crate::record::{ChainName, Head, Record};
use crate::segment::{self, Frames, Header, Step};
use crate::uses::OpenError;
use crate::verify::{Fault, Start, Verifier, What};

const CHAIN: ChainName = ChainName::Uses;
const STATE_FILE: &str = "uses.state";
const GAP_FILE: &str = "uses.gap";

/// An opened chain, ready to be appended to.
pub(crate) struct Opened {
    pub(crate) chain: Chain,
    /// The file to append to, or nothing when the next record begins a new one.
    pub(crate) file: Option<Last>,
    /// What was cut and is not recorded yet: now, or at an opening that did not come so far.
    pub(crate) gap: Option<Gap>,
    /// Whether the sealed state on disk is behind the chain.
    pub(crate) state_behind: bool,
    /// Files, by first record, that the last process may have left unflushed.
    pub(crate) unflushed: Vec<u64>,
}

pub(crate) struct Last {
    pub(crate) first: u64,
    pub(crate) len: u64,
}

/// Keeps the chain's state for the next opening.
pub(crate) fn save_state(
    ops: &dyn FileOps,
    dir: &Path,
    state: &ChainState,
    vault: &dyn Vault,
) -> Result<(), OpenError> {
    let sealed = state.seal(vault)?;
    replace(ops, dir, STATE_FILE, &sealed).map_err(OpenError::io(dir.join(STATE_FILE)))
}

/// Where the chain's state is kept.
pub(crate) fn state_path(dir: &Path) -> std::path::PathBuf {
    dir.join(STATE_FILE)
}

/// Reads the kept state, if there is one.
pub(crate) fn load_state(
    dir: &Path,
    site: u32,
    vault: &dyn Vault,
) -> Result<Option<ChainState>, OpenError> {
    match optional(dir, STATE_FILE)? {
        Some(sealed) => Ok(Some(ChainState::open(CHAIN, site, &sealed, vault)?)),
        None => Ok(None),
    }
}

/// Forgets the gap once its record is on disk.
pub(crate) fn gap_recorded(ops: &dyn FileOps, dir: &Path) -> Result<(), OpenError> {
    ops.remove(&dir.join(GAP_FILE)).map_err(OpenError::io(dir.join(GAP_FILE)))
}

/// Creates the file for records from `header.first` on. Not flushed.
pub(crate) fn create_segment(
    ops: &dyn FileOps,
    dir: &Path,
    header: &Header,
) -> io::Result<std::sync::Arc<dyn crate::files::LogFile>> {
    let file = ops.create(&segment::path(dir, header.first))?;
    write_all(&*file, &header.encode())?;
    Ok(file)
}

/// Opens or begins the chain in `dir`.
pub(crate) fn open(
    ops: &dyn FileOps,
    dir: &Path,
    site: u32,
    vault: &dyn Vault,
) -> Result<Opened, OpenError> {
    let files = segment::list(dir).map_err(OpenError::io(dir))?;
    match (load_state(dir, site, vault)?, files.as_slice()) {
        (Some(state), [.., last]) => {
            let before = files.len().checked_sub(2).and_then(|i| files.get(i)).copied();
            // The state is kept once all before its segment is on disk.
            let unflushed = files.iter().copied().filter(|first| *first >= state.first()).collect();
            let opened = Recovery { ops, dir, site, state }.run(before, *last, files.len())?;
            Ok(Opened { unflushed, ..opened })
        }
        (Some(state), []) => {
            Err(Fault::new(1, What::Missing { through: state.first().max(1) }).into())
        }
        (None, []) => begin(ops, dir, site, vault),
        // The first opening was interrupted between making the file and keeping the state.
        (None, [1]) if len(dir, 1)? <= segment::HEADER_LEN as u64 => {
            let path = segment::path(dir, 1);
            ops.remove(&path).map_err(OpenError::io(&path))?;
            begin(ops, dir, site, vault)
        }
        (None, _) => Err(OpenError::StateMissing),
    }
}

/// The file comes before the state: a state without files is always a loss, never a beginning.
fn begin(ops: &dyn FileOps, dir: &Path, site: u32, vault: &dyn Vault) -> Result<Opened, OpenError> {
    let chain = Chain::generate(CHAIN, site)?;
    let header = Header { site, segment: 0, first: 1, prev: chain.head().hash };
    let make = || {
        create_segment(ops, dir, &header)?.sync_data()?;
        ops.sync_dir(dir)
    };
    make().map_err(OpenError::io(segment::path(dir, 1)))?;
    save_state(ops, dir, &chain.state()?, vault)?;
    let file = Some(Last { first: 1, len: segment::HEADER_LEN as u64 });
    Ok(Opened { chain, file, gap: None, state_behind: false, unflushed: Vec::new() })
}

struct Recovery<'a> {
    ops: &'a dyn FileOps,
    dir: &'a Path,
    site: u32,
    state: ChainState,
}

impl Recovery<'_> {
    fn run(mut self, before: Option<u64>, last: u64, files: usize) -> Result<Opened, OpenError> {
        let end = match before {
            Some(before) => Some(self.segment_end(before, last)?),
            None => None,
        };
        let path = segment::path(self.dir, last);
        let file = SegmentFile::open(self.dir, last).map_err(OpenError::io(&path))?;
        let Ok(header) = Header::read(&file).map_err(OpenError::io(&path))? else {
            return self.torn_header(end, last);
        };
        let expected = match &end {
            Some(end) => Head { seq: end.seq, hash: end.hash },
            None if header.first == 1 => CHAIN.genesis(self.site),
            None => header.follows(),
        };
        if header.site != self.site {
            return Err(Fault::new(last, What::OtherSite(header.site)).into());
        }
        if header.first != last || header.follows() != expected {
            return Err(Fault::new(last, What::DoesNotFollow).into());
        }
        let state_behind = self.catch_up(&header, files)?;
        self.scan(file, &header, state_behind)
    }

    /// The record that ends the file before the last.
    fn segment_end(&self, first: u64, next: u64) -> Result<Record, OpenError> {
        let path = segment::path(self.dir, first);
        let read = || {
            let file = SegmentFile::open(self.dir, first)?;
            let end = file.len()?;
            segment::frame_before(&file, end)
        };
        let bytes = read().map_err(OpenError::io(&path))?.unwrap_or_default();
        let segment::Found::Frame(frame, _) = segment::parse(&bytes) else {
            let what =
                What::Unreadable("the segment before the last one does not end in a record".into());
            return Err(Fault::new(next - 1, what).into());
        };
        let row = frame.row;
        if row.compute_hash(CHAIN) != *row.hash {
            return Err(Fault::new(next - 1, What::Edited).into());
        }
        if row.seq + 1 != next || row.kind != SEGMENT_END {
            return Err(Fault::new(row.seq + 1, What::Missing { through: next - 1 }).into());
        }
        Ok(row.to_record())
    }

    /// Brings the kept state to the last file's segment: it is kept only after that file is
    /// durable, so it can be behind and never ahead.
    fn catch_up(&mut self, header: &Header, files: usize) -> Result<bool, OpenError> {
        let kept = self.state.segment();
        match header.segment.checked_sub(kept) {
            Some(0) if self.state.first() != header.first => {
                Err(Fault::new(header.first, What::BadSegmentEnd).into())
            }
            Some(0) => Ok(false),
            // One file for each step, or the header lies.
            Some(steps) if steps < files as u64 => {
                for _ in 0..steps {
                    self.state.advance(header.first)?;
                }
                Ok(true)
            }
            Some(_) => Err(Fault::new(header.first, What::BadSegmentEnd).into()),
            None => {
                let what = What::Unreadable("the segment file that begins here is missing".into());
                Err(Fault::new(self.state.first(), what).into())
            }
        }
    }

    fn scan(
        self,
        file: SegmentFile,
        header: &Header,
        state_behind: bool,
    ) -> Result<Opened, OpenError> {
        let path = segment::path(self.dir, header.first);
        let size = file.len().map_err(OpenError::io(&path))?;
        let start = Start { head: header.follows(), segment: Some((header.segment, header.first)) };
        let mut verifier = Verifier::new(CHAIN, self.site, start)
            .with_state(&self.state)
            .map_err(crate::chain::ChainError::from)?;
        let mut frames = Frames::new(file);
        let mut last: Option<Record> = None;
        // Where the whole records end, and whether what follows may be a crash's doing.
        let end = loop {
            let at = frames.offset();
            match frames.step(size).map_err(OpenError::io(&path))? {
                Step::End | Step::Partial | Step::Bad => break at,
                Step::Frame(frame) => match verifier.check(&frame.row) {
                    Ok(()) => {
                        let row = frame.row;
                        // Only the last one is needed; copying each would cost more than hashing.
                        if at + (row.encoded_len() + segment::FRAME_EXTRA) as u64 >= size
                            || row.kind == SEGMENT_END
                        {
                            last = Some(row.to_record());
                        } else {
                            last = None;
                        }
                    }
                    Err(Fault { what: What::Edited, .. }) => break at,
                    Err(fault) => return Err(fault.into()),
                },
            }
        };
        let head = verifier.head();
        let gap = self.cut(header.first, end, size, head.seq)?;
        let last = match last {
            Some(last) => Some(last),
            None if head.seq >= header.first => Some(self.record_before(header.first, end)?),
            None => None,
        };
        // The last opening recorded it and was interrupted before forgetting it.
        let gap = gap
            .filter(|gap| !last.as_ref().is_some_and(|r| r.kind == GAP && r.body == gap.encode()));
        let ended = last.as_ref().is_some_and(|r| r.kind == SEGMENT_END);
        let chain = match &last {
            Some(record) => Chain::resume(&self.state, Some(&record.as_ref()))?,
            None => Chain::begin_segment(&self.state, head)?,
        };
        let file = (!ended).then_some(Last { first: header.first, len: end });
        Ok(Opened { chain, file, gap, state_behind: state_behind || ended, unflushed: Vec::new() })
    }

    fn record_before(&self, first: u64, end: u64) -> Result<Record, OpenError> {
        let path = segment::path(self.dir, first);
        let bytes = SegmentFile::open(self.dir, first)
            .and_then(|f| segment::frame_before(&f, end))
            .map_err(OpenError::io(&path))?
            .unwrap_or_default();
        match segment::parse(&bytes) {
            segment::Found::Frame(frame, _) => Ok(frame.row.to_record()),
            _ => {
                Err(Fault::new(first, What::Unreadable("it changed while it was read".into()))
                    .into())
            }
        }
    }

    /// Cuts the file at `end` if it is longer, unless that would hide damage. The gap is kept in
    /// a file of its own first, so that a crash, or a full disk, between cutting and recording
    /// cannot lose it.
    fn cut(&self, first: u64, end: u64, size: u64, after: u64) -> Result<Option<Gap>, OpenError> {
        if size <= end {
            return self.pending_gap();
        }
        let path = segment::path(self.dir, first);
        let bytes = fs::read(&path).map_err(OpenError::io(&path))?;
        let gap = gap(bytes.get(end as usize..).unwrap_or_default(), after)?;
        self.keep_gap(&gap)?;
        let cut = || {
            let file = self.ops.open(&path)?;
            file.set_len(end)?;
            file.sync_data()
        };
        cut().map_err(OpenError::io(&path))?;
        Ok(Some(gap))
    }

    /// The last file was being made when the system crashed: its header is not whole.
    fn torn_header(self, end: Option<Record>, last: u64) -> Result<Opened, OpenError> {
        let path = segment::path(self.dir, last);
        let bytes = fs::read(&path).map_err(OpenError::io(&path))?;
        let unreadable =
            || Fault::new(last, What::Unreadable("the segment file's header is damaged".into()));
        let end = end.ok_or_else(unreadable)?;
        if self.state.first() > end.seq {
            // The state is kept after the header is durable.
            return Err(unreadable().into());
        }
        let gap = match bytes.len() > segment::HEADER_LEN {
            true => Some(gap(&bytes, end.seq).map_err(|_| unreadable())?),
            false => self.pending_gap()?,
        };
        if let Some(gap) = &gap {
            self.keep_gap(gap)?;
        }
        let remove = || {
            self.ops.remove(&path)?;
            self.ops.sync_dir(self.dir)
        };
        remove().map_err(OpenError::io(&path))?;
        let chain = Chain::resume(&self.state, Some(&end.as_ref()))?;
        Ok(Opened { chain, file: None, gap, state_behind: true, unflushed: Vec::new() })
    }

    fn keep_gap(&self, gap: &Gap) -> Result<(), OpenError> {
        replace(self.ops, self.dir, GAP_FILE, &gap.encode())
            .map_err(OpenError::io(self.dir.join(GAP_FILE)))
    }

    fn pending_gap(&self) -> Result<Option<Gap>, OpenError> {
        let bytes = optional(self.dir, GAP_FILE)?;
        // One that cannot be read was not written by us; its place in the chain still tells of it.
        Ok(bytes.map(|b| {
            Gap::decode(&b).unwrap_or(Gap {
                bytes: 0,
                after: 0,
                last_seen: None,
                digest: strongroom_crypto::sha256(&[&b]),
            })
        }))
    }
}

/// Describes cut bytes.
///
/// # Errors
/// When a whole frame among them says that the first lost record had been flushed.
fn gap(cut: &[u8], after: u64) -> Result<Gap, Fault> {
    let seen = segment::salvage(CHAIN, cut);
    if seen.iter().any(|(seq, flushed)| *seq > after && *flushed > after) {
        return Err(Fault::new(after + 1, What::Edited));
    }
    Ok(Gap {
        bytes: cut.len() as u64,
        after,
        last_seen: seen.iter().map(|(seq, _)| *seq).filter(|seq| *seq > after).max(),
        digest: strongroom_crypto::sha256(&[cut]),
    })
}

fn optional(dir: &Path, name: &str) -> Result<Option<Vec<u8>>, OpenError> {
    match fs::read(dir.join(name)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(OpenError::io(dir.join(name))(e)),
    }
}

fn len(dir: &Path, first: u64) -> Result<u64, OpenError> {
    let path = segment::path(dir, first);
    fs::metadata(&path).map(|m| m.len()).map_err(OpenError::io(path))
}
