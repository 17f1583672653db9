//! Putting records into the files: linking, writing, and going on in a new file.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::{AppendError, Entry, Extent, Inner, Shared};
use crate::chain::{ChainError, Snapshot};
use crate::files::{FileOps, LogFile, write_all};
use crate::kind;
use crate::record::{Head, RecordRef};
use crate::recover;
use crate::segment::{self, HEADER_LEN, Header};

/// Why bytes did not get into a file.
enum WriteFault {
    /// The disk is full. Everything is as it was before.
    Full(String),
    /// Anything else: nobody knows what the file holds now.
    Failed(String),
}

impl Inner {
    pub(super) fn check(&self) -> Result<(), AppendError> {
        self.failed.clone().map_or(Ok(()), |why| Err(AppendError::Failed(why)))
    }

    pub(super) fn oldest(&self) -> Option<Instant> {
        self.flushing_since.or(self.dirty_since)
    }

    /// Links the entries and puts their frames into the buffer; all or none.
    pub(super) fn link(&mut self, entries: &[Entry<'_>]) -> Result<(), AppendError> {
        self.buf.clear();
        let before = self.chain.snapshot();
        let (site, flushed) = (self.chain.site(), self.flushed.head.seq);
        for e in entries {
            let linked = match e.kind {
                kind::SEGMENT_END => Err(ChainError::ReservedKind(e.kind)),
                _ => self.chain.link(e.hlc, e.actor, e.kind, e.body),
            };
            match linked {
                Ok(l) => {
                    let row = RecordRef {
                        site,
                        seq: l.seq,
                        hlc: e.hlc,
                        actor: e.actor,
                        kind: e.kind,
                        body: e.body,
                        prev: &l.prev,
                        hash: &l.hash,
                        mac: &l.mac,
                    };
                    segment::put_frame(&mut self.buf, flushed, &row);
                }
                Err(e) => {
                    // Within one segment, hence it cannot fail.
                    let _ = self.chain.restore(before);
                    return Err(AppendError::Refused(e.to_string()));
                }
            }
        }
        Ok(())
    }
}

impl Shared {
    /// How far the files may be read: what is written, or what is flushed.
    pub(crate) fn extent(&self, flushed: bool) -> Extent {
        let inner = self.inner.lock();
        if flushed { inner.flushed } else { inner.written }
    }

    /// Writes the buffer, whose records were linked behind `before`; begins a new segment when the
    /// file is full.
    pub(super) fn write(
        &self,
        inner: &mut Inner,
        before: Snapshot,
        hlc: u64,
    ) -> Result<(), AppendError> {
        let mut written = self.write_buffer(inner, before);
        if written.is_ok() && inner.written.offset >= self.options.segment_bytes {
            written = match self.end_segment(inner, hlc) {
                // The records are written. The segment ends when there is room for the next one.
                Err(WriteFault::Full(_)) => Ok(()),
                other => other,
            };
        }
        written.map_err(|fault| match fault {
            WriteFault::Full(why) => AppendError::Full(why),
            WriteFault::Failed(why) => self.fail(inner, &format!("write: {why}")),
        })
    }

    fn write_buffer(&self, inner: &mut Inner, before: Snapshot) -> Result<(), WriteFault> {
        self.put_buffer(inner, before)?;
        inner.written.offset += inner.buf.len() as u64;
        inner.written.head = inner.chain.head();
        // A rare giant must not keep its memory for ever.
        if inner.buf.capacity() > 1 << 20 {
            inner.buf = Vec::new();
        }
        if inner.dirty_since.is_none() {
            inner.dirty_since = Some(Instant::now());
            self.work.notify_one();
        }
        Ok(())
    }

    /// Writes the buffer behind what is written, or leaves file and chain as they were.
    fn put_buffer(&self, inner: &mut Inner, before: Snapshot) -> Result<(), WriteFault> {
        match write_all(&*inner.file, &inner.buf) {
            Ok(()) => Ok(()),
            Err(e) if is_full(&e) => Err(undo(inner, before, &e)),
            Err(e) => Err(WriteFault::Failed(e.to_string())),
        }
    }

    /// Closes the segment and goes on in a new file. Only system calls that do not wait for the
    /// disk; making it all durable is the flusher's work. The key moves on last: until then a full
    /// disk can be answered by staying in the old file.
    fn end_segment(&self, inner: &mut Inner, hlc: u64) -> Result<(), WriteFault> {
        let failed = |e: ChainError| WriteFault::Failed(e.to_string());
        let flushed = inner.flushed.head.seq;
        let before = inner.chain.snapshot();
        let end = inner.chain.link_end(hlc, "strongroom").map_err(failed)?;
        inner.buf.clear();
        segment::put_frame(&mut inner.buf, flushed, &end.as_ref());
        self.put_buffer(inner, before)?;
        let ops = &*self.options.files;
        let (site, next, head) =
            (inner.chain.site(), inner.chain.segment() + 1, inner.chain.head());
        let (file, at) = match next_file(ops, &self.dir, site, next, head) {
            Ok(made) => made,
            Err(e) if is_full(&e) => {
                let removed = ops.remove(&segment::path(&self.dir, head.seq + 1));
                return Err(match removed {
                    Ok(()) => undo(inner, before, &e),
                    Err(e) => WriteFault::Failed(e.to_string()),
                });
            }
            Err(e) => return Err(WriteFault::Failed(e.to_string())),
        };
        inner.chain.begin_next().map_err(failed)?;
        inner.retired.push(std::mem::replace(&mut inner.file, file));
        inner.written = at;
        inner.unsaved = Some(inner.chain.state().map_err(failed)?);
        if inner.dirty_since.is_none() {
            inner.dirty_since = Some(Instant::now());
            self.work.notify_one();
        }
        Ok(())
    }
}

/// Takes back what did not fit: bytes of the file, records of the chain.
fn undo(inner: &mut Inner, before: Snapshot, why: &io::Error) -> WriteFault {
    let cut = inner.file.set_len(inner.written.offset);
    match cut
        .map_err(|e| e.to_string())
        .and_then(|()| inner.chain.restore(before).map_err(|e| e.to_string()))
    {
        Ok(()) => WriteFault::Full(why.to_string()),
        Err(e) => WriteFault::Failed(e),
    }
}

/// Whether a write failed for want of room alone: of the disk, or of a quota.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Makes the file of segment number `segment`, which follows `head`.
pub(super) fn next_file(
    ops: &dyn FileOps,
    dir: &Path,
    site: u32,
    segment: u64,
    head: Head,
) -> io::Result<(Arc<dyn LogFile>, Extent)> {
    let header = Header { site, segment, first: head.seq + 1, prev: head.hash };
    let file = recover::create_segment(ops, dir, &header)?;
    Ok((file, Extent { first: header.first, offset: HEADER_LEN as u64, head }))
}
