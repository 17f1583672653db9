//! Reading the chain of uses while it is written: forward, backward, filtered, and verifying.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::chain::ChainState;
use crate::kind::SEGMENT_END;
use crate::packed::{self, SegmentFile};
use crate::record::{ChainName, Head, Record, RecordRef};
use crate::recover;
use crate::segment::{self, Found, Frames, Header, Step};
use crate::uses::{OpenError, Shared, is_live};
use crate::verify::{Fault, Report, Start, Verifier, What};

const CHAIN: ChainName = ChainName::Uses;

/// Why records could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file system failed.
    #[error("{path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// The chain is damaged here.
    #[error("the chain of uses is damaged: {0}")]
    Damaged(#[from] Fault),
    /// The state to verify with cannot be used.
    #[error(transparent)]
    Crypto(#[from] strongroom_crypto::CryptoError),
}

impl ReadError {
    fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ReadError {
        move |error| ReadError::Io { path: path.into(), error }
    }

    /// The damage, if that is what it is.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            ReadError::Damaged(fault) => Some(fault),
            _ => None,
        }
    }
}

/// Which records to give out.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this actor.
    pub actor: Option<String>,
    /// Only of these kinds; empty means all.
    pub kinds: Vec<u16>,
    /// Only with a clock from this one on.
    pub since: Option<u64>,
    /// Only with a clock before this one.
    pub until: Option<u64>,
}

impl Filter {
    /// Whether the record is wanted.
    pub fn wants(&self, record: &RecordRef<'_>) -> bool {
        self.actor.as_deref().is_none_or(|a| a == record.actor)
            && (self.kinds.is_empty() || self.kinds.contains(&record.kind))
            && self.since.is_none_or(|since| record.hlc >= since)
            && self.until.is_none_or(|until| record.hlc < until)
    }
}

/// Reads the chain of uses; cheap to make.
#[derive(Clone)]
pub struct UseReader {
    dir: PathBuf,
    live: Option<(Arc<Shared>, bool)>,
}

impl std::fmt::Debug for UseReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UseReader").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// How far one file may be read.
#[derive(Clone, Copy)]
enum Limit {
    /// Up to this byte, all of which are whole records.
    Known(u64),
    /// Up to the file's end, which a writer in another process may be moving.
    Open,
}

impl Limit {
    fn bytes(self) -> u64 {
        match self {
            Limit::Known(bytes) => bytes,
            Limit::Open => u64::MAX,
        }
    }
}

impl UseReader {
    /// A reader of a directory that another process, or nobody, writes.
    pub fn open(dir: &Path) -> Self {
        UseReader { dir: dir.to_owned(), live: None }
    }

    pub(crate) fn live(shared: Arc<Shared>, flushed: bool) -> Self {
        UseReader { dir: shared.dir.clone(), live: Some((shared, flushed)) }
    }

    /// The records from sequence number `from` on. At the end of what is written the iterator
    /// gives `None`, and goes on when there is more: asking it again follows the chain.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn records(&self, from: u64) -> Result<Records, ReadError> {
        let files = self.files()?;
        let file = files.iter().rev().find(|first| **first <= from).or(files.first());
        Ok(Records {
            reader: self.clone(),
            from,
            filter: Filter::default(),
            at: file.map_or(At::Nowhere, |first| At::Before(*first)),
        })
    }

    /// The last `n` records, oldest first.
    ///
    /// # Errors
    /// When the files cannot be read or are damaged there.
    pub fn tail(&self, n: usize) -> Result<Vec<Record>, ReadError> {
        let mut found = Vec::new();
        for first in self.files()?.into_iter().rev() {
            if found.len() >= n {
                break;
            }
            let path = segment::path(&self.dir, first);
            let Some(limit) = self.limit(first) else { continue };
            let file = SegmentFile::open(&self.dir, first).map_err(ReadError::io(&path))?;
            let mut end = match limit {
                Limit::Known(end) => end,
                Limit::Open => self.whole_end(first, &file)?,
            };
            while found.len() < n {
                let frame = segment::frame_before(&file, end).map_err(ReadError::io(&path))?;
                let Some(bytes) = frame else { break };
                let Found::Frame(frame, total) = segment::parse(&bytes) else { break };
                if frame.row.compute_hash(CHAIN) != *frame.row.hash {
                    return Err(Fault::new(frame.row.seq, What::Edited).into());
                }
                found.push(frame.row.to_record());
                end -= total as u64;
            }
            if found.len() < n && end > segment::HEADER_LEN as u64 {
                let seq = found.last().map_or(first, |r| r.seq - 1);
                return Err(
                    Fault::new(seq, What::Unreadable("no whole record ends here".into())).into()
                );
            }
        }
        found.reverse();
        Ok(found)
    }

    /// Checks the whole chain from its first record. MACs are checked from the segment of `state` on,
    /// if one is given; every anchor must be met.
    ///
    /// # Errors
    /// The first fault.
    pub fn verify(
        &self,
        site: u32,
        state: Option<&ChainState>,
        anchors: impl IntoIterator<Item = Head>,
    ) -> Result<Report, ReadError> {
        self.verify_behind(site, None, state, anchors)
    }

    /// As [`Self::verify`], of a chain whose records up to `deleted` were deleted on purpose: it must
    /// go on right behind that record. If what was to be deleted is still there, whole or in part,
    /// it must lead to that record. Anchors of what was deleted are passed over.
    ///
    /// # Errors
    /// The first fault.
    pub fn verify_behind(
        &self,
        site: u32,
        deleted: Option<Head>,
        state: Option<&ChainState>,
        anchors: impl IntoIterator<Item = Head>,
    ) -> Result<Report, ReadError> {
        self.verify_files(self.files()?, site, deleted, state, anchors)
    }

    /// As [`Self::verify_behind`], of the files up to the one that ends with the record `last` alone:
    /// before they are deleted, lest a loss among them be taken for a deletion.
    ///
    /// # Errors
    /// The first fault.
    pub fn verify_through(
        &self,
        site: u32,
        deleted: Option<Head>,
        last: Head,
    ) -> Result<Report, ReadError> {
        let mut files = self.files()?;
        files.retain(|first| *first <= last.seq);
        self.verify_files(files, site, deleted, None, [last])
    }

    fn verify_files(
        &self,
        files: Vec<u64>,
        site: u32,
        deleted: Option<Head>,
        state: Option<&ChainState>,
        anchors: impl IntoIterator<Item = Head>,
    ) -> Result<Report, ReadError> {
        let genesis = Start::genesis(CHAIN, site);
        let kept = deleted.unwrap_or(genesis.head);
        let start = match files.first() {
            None | Some(1) => genesis,
            Some(first) if *first > kept.seq + 1 => {
                let what = What::Missing { through: first - 1 };
                return Err(Fault::new(kept.seq + 1, what).into());
            }
            Some(first) => {
                let header = self.header(*first)?.ok_or_else(|| bad_header(*first))?;
                let follows = header.follows();
                if *first == kept.seq + 1 && follows != kept {
                    return Err(Fault::new(*first, What::DoesNotFollow).into());
                }
                Start { head: follows, segment: Some((header.segment, header.first)) }
            }
        };
        let from = start.head.seq;
        let anchors = anchors.into_iter().chain(deleted).filter(move |head| head.seq > from);
        let mut verifier = Verifier::new(CHAIN, site, start).with_anchors(anchors);
        if let Some(state) = state {
            verifier = verifier.with_state(state)?;
        }
        let mut files = files.into_iter();
        while let Some(first) = files.next() {
            let last = files.len() == 0;
            if let Err(error) = self.verify_file(&mut verifier, first, last) {
                return Err(match error {
                    ReadError::Damaged(fault) => {
                        let rest = std::iter::once(first)
                            .chain(files)
                            .flat_map(|f| self.sequence_numbers(f));
                        ReadError::Damaged(fault.refine(rest))
                    }
                    other => other,
                });
            }
        }
        Ok(verifier.finish()?)
    }

    fn verify_file(
        &self,
        verifier: &mut Verifier,
        first: u64,
        last: bool,
    ) -> Result<(), ReadError> {
        let expected = verifier.head().seq + 1;
        let Some(limit) = self.limit(first) else { return Ok(()) };
        match self.header(first)? {
            None if last && self.is_being_written() => return Ok(()),
            None => return Err(bad_header(expected).into()),
            Some(header) if header.first != first => return Err(bad_header(expected).into()),
            Some(header) if header.first > expected => {
                return Err(
                    Fault::new(expected, What::Missing { through: header.first - 1 }).into()
                );
            }
            Some(header) if header.follows() != verifier.head() => {
                return Err(Fault::new(expected, What::DoesNotFollow).into());
            }
            Some(_) => {}
        }
        let path = segment::path(&self.dir, first);
        let file = SegmentFile::open(&self.dir, first).map_err(ReadError::io(&path))?;
        let mut frames = Frames::new(file);
        loop {
            let expected = verifier.head().seq + 1;
            match frames.step(limit.bytes()).map_err(ReadError::io(&path))? {
                Step::End => return Ok(()),
                Step::Frame(frame) => verifier.check(&frame.row)?,
                Step::Partial if last && self.is_being_written() => return Ok(()),
                Step::Partial | Step::Bad => return Err(no_record(expected).into()),
            }
        }
    }

    /// Sequence numbers that can still be read in a file, for telling what kind of damage it is.
    fn sequence_numbers(&self, first: u64) -> Vec<u64> {
        let file = SegmentFile::open(&self.dir, first);
        let bytes = file.map(|file| file.salvage()).unwrap_or_default();
        let rows = bytes.get(segment::HEADER_LEN..).unwrap_or_default();
        segment::salvage(CHAIN, rows).into_iter().map(|(seq, _)| seq).collect()
    }

    /// Opens the sealed state beside the files.
    ///
    /// # Errors
    /// When it is not there or the vault does not open it.
    pub fn state(&self, site: u32, vault: &dyn crate::Vault) -> Result<ChainState, OpenError> {
        recover::load_state(&self.dir, site, vault)?.ok_or(OpenError::StateMissing)
    }

    fn has(&self, first: u64) -> bool {
        segment::path(&self.dir, first).exists() || packed::path(&self.dir, first).exists()
    }

    fn files(&self) -> Result<Vec<u64>, ReadError> {
        segment::list(&self.dir).map_err(ReadError::io(&self.dir))
    }

    fn header(&self, first: u64) -> Result<Option<Header>, ReadError> {
        let path = segment::path(&self.dir, first);
        let file = SegmentFile::open(&self.dir, first).map_err(ReadError::io(&path))?;
        Ok(Header::read(&file).map_err(ReadError::io(&path))?.ok())
    }

    /// How far this file may be read; nothing when it lies beyond what may be read.
    fn limit(&self, first: u64) -> Option<Limit> {
        let Some((shared, flushed)) = &self.live else { return Some(Limit::Open) };
        let extent = shared.extent(*flushed);
        match first.cmp(&extent.first) {
            std::cmp::Ordering::Less => Some(Limit::Open),
            std::cmp::Ordering::Equal => Some(Limit::Known(extent.offset)),
            std::cmp::Ordering::Greater => None,
        }
    }

    fn is_being_written(&self) -> bool {
        self.live.is_some() || is_live(&self.dir)
    }

    /// End of the last whole frame of a file whose end may be moving.
    fn whole_end(&self, first: u64, file: &SegmentFile) -> Result<u64, ReadError> {
        let path = segment::path(&self.dir, first);
        let end = file.len().map_err(ReadError::io(&path))?;
        if segment::frame_before(file, end).map_err(ReadError::io(&path))?.is_some() {
            return Ok(end);
        }
        let again = SegmentFile::open(&self.dir, first).map_err(ReadError::io(&path))?;
        let mut frames = Frames::new(again);
        loop {
            match frames.step(end).map_err(ReadError::io(&path))? {
                Step::Frame(_) => {}
                _ => return Ok(frames.offset().min(end.max(segment::HEADER_LEN as u64))),
            }
        }
    }
}

fn bad_header(seq: u64) -> Fault {
    Fault::new(seq, What::Unreadable("the segment file's header is damaged".into()))
}

fn no_record(seq: u64) -> Fault {
    Fault::new(seq, What::Unreadable("the bytes here are no whole record".into()))
}

/// Walks records forward; see [`UseReader::records`].
pub struct Records {
    reader: UseReader,
    from: u64,
    filter: Filter,
    at: At,
}

enum At {
    /// No file exists yet.
    Nowhere,
    /// This file is to be opened next.
    Before(u64),
    /// Inside a file, behind record `last`, which may be the one that ends the file.
    In { first: u64, frames: Box<Frames>, last: u64, ended: bool, limit: u64 },
    /// Damage was reported; nothing more comes.
    Ended,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records")
            .field("from", &self.from)
            .field("filter", &self.filter)
            .finish_non_exhaustive()
    }
}

impl Records {
    /// Gives out only the records that the filter wants.
    pub fn matching(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Gives each further record to `each` without copying it, until the end of what is written
    /// or until `each` returns false.
    ///
    /// # Errors
    /// When the files cannot be read or are damaged.
    pub fn for_each_ref(
        &mut self,
        mut each: impl FnMut(&RecordRef<'_>) -> bool,
    ) -> Result<(), ReadError> {
        while let Some(more) = self.step(&mut each)? {
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Moves on by one record; `None` at the end of what is written.
    fn step(
        &mut self,
        each: &mut dyn FnMut(&RecordRef<'_>) -> bool,
    ) -> Result<Option<bool>, ReadError> {
        let result = self.try_step(each);
        if result.is_err() {
            self.at = At::Ended;
        }
        result
    }

    fn try_step(
        &mut self,
        each: &mut dyn FnMut(&RecordRef<'_>) -> bool,
    ) -> Result<Option<bool>, ReadError> {
        loop {
            match &mut self.at {
                At::Ended => return Ok(None),
                At::Nowhere => match self.reader.files()?.first() {
                    Some(first) => self.at = At::Before(*first),
                    None => return Ok(None),
                },
                At::Before(first) => {
                    let first = *first;
                    let Some(limit) = self.reader.limit(first) else { return Ok(None) };
                    if !self.reader.has(first) {
                        // Not made yet, unless there are later ones.
                        return match self.reader.files()?.iter().find(|f| **f > first) {
                            None => Ok(None),
                            Some(f) => {
                                Err(Fault::new(first, What::Missing { through: f - 1 }).into())
                            }
                        };
                    }
                    match self.reader.header(first)? {
                        Some(header) if header.first == first => {}
                        None if self.reader.is_being_written() => return Ok(None),
                        _ => return Err(bad_header(first).into()),
                    }
                    let path = segment::path(&self.reader.dir, first);
                    let file = SegmentFile::open(&self.reader.dir, first);
                    let file = file.map_err(ReadError::io(&path))?;
                    self.at = At::In {
                        first,
                        frames: Box::new(Frames::new(file)),
                        last: first.saturating_sub(1),
                        ended: false,
                        limit: limit.bytes(),
                    };
                }
                At::In { first: _, last, ended: true, .. } => self.at = At::Before(*last + 1),
                At::In { first, frames, last, ended, limit } => {
                    let dir = &self.reader.dir;
                    let step = frames.step(*limit);
                    match step.map_err(|e| ReadError::io(segment::path(dir, *first))(e))? {
                        Step::Frame(frame) => {
                            let row = frame.row;
                            if row.compute_hash(CHAIN) != *row.hash {
                                return Err(Fault::new(*last + 1, What::Edited).into());
                            }
                            *last = row.seq;
                            *ended = row.kind == SEGMENT_END;
                            if row.seq >= self.from && self.filter.wants(&row) {
                                return Ok(Some(each(&row)));
                            }
                        }
                        // Asked only here: the answer costs the writer's lock.
                        Step::End => match self.reader.limit(*first).map(Limit::bytes) {
                            Some(bytes) if bytes > *limit => *limit = bytes,
                            _ => return Ok(None),
                        },
                        Step::Partial if self.reader.is_being_written() => return Ok(None),
                        Step::Partial | Step::Bad => return Err(no_record(*last + 1).into()),
                    }
                }
            }
        }
    }
}

impl Iterator for Records {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut found = None;
        let mut keep = |row: &RecordRef<'_>| {
            found = Some(row.to_record());
            true
        };
        match self.step(&mut keep) {
            Ok(_) => found.map(Ok),
            Err(e) => Some(Err(e)),
        }
    }
}
