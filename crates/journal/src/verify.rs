//! The reading end of a chain: finds any edit, removal, reorder, duplicate and truncation, and
//! says where.
//!
//! What needs which secret: hashes and anchors need none. Hashes alone show every change of a
//! chain that was not rebuilt from that point to its end; anchors (heads kept elsewhere) show
//! rebuilding and truncation up to the newest anchor. MACs show rebuilding in the segments whose
//! key the verifier has, and the current state's segment number shows that whole segments were
//! cut off.

use crate::chain::{ChainState, SegmentKey};
use crate::kind::{self, Gap, SegmentEnd};
use crate::record::{ChainName, Head, Record, RecordRef};

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {seq}: {what}")]
pub struct Fault {
    /// The position at which the chain stops being whole: every record before it is sound.
    pub seq: u64,
    /// What is wrong there.
    pub what: What,
}

/// A kind of damage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum What {
    /// A field of the record was changed: its hash does not fit it.
    #[error("its hash does not fit its content: it was edited")]
    Edited,
    /// The record is sound in itself but names another predecessor.
    #[error("it does not follow the record before it: one of the two was replaced")]
    DoesNotFollow,
    /// Hash right, MAC wrong: written by someone without the segment's key.
    #[error("its MAC is wrong: it was not written by this server")]
    WrongMac,
    /// This record and all up to `through` are not there.
    #[error("missing, through {through}")]
    Missing {
        /// The last one missing.
        through: u64,
    },
    /// Another record stands here, and this one comes later.
    #[error("out of order: record {found} stands in its place")]
    OutOfOrder {
        /// The one that stands here.
        found: u64,
    },
    /// A record that was already there stands here again.
    #[error("a copy of record {of} stands in its place")]
    Duplicate {
        /// The one that is repeated.
        of: u64,
    },
    /// A record of another site.
    #[error("it belongs to site {0}")]
    OtherSite(u32),
    /// A segment end that does not count what it ends.
    #[error("the segment end does not fit the segment")]
    BadSegmentEnd,
    /// The chain ends before this record, which is known to have existed.
    #[error("the chain is cut off: it ends at {end}, and record {known} is known to have existed")]
    Truncated {
        /// The last record found.
        end: u64,
        /// A record known to have existed.
        known: u64,
    },
    /// The record differs from the one that was anchored: the past was rewritten.
    #[error("it is not the record that was anchored: the chain was rewritten")]
    NotAsAnchored,
    /// The bytes cannot be read as a record.
    #[error("unreadable: {0}")]
    Unreadable(String),
}

impl Fault {
    pub(crate) fn new(seq: u64, what: What) -> Self {
        Fault { seq, what }
    }

    /// Tells reordering from removal by the sequence numbers that follow the fault.
    pub fn refine(self, later: impl IntoIterator<Item = u64>) -> Self {
        match self.what {
            What::Missing { through } if later.into_iter().any(|seq| seq == self.seq) => {
                Fault::new(self.seq, What::OutOfOrder { found: through + 1 })
            }
            what => Fault { what, ..self },
        }
    }
}

/// Where verifying begins.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// The head that the first record must follow.
    pub head: Head,
    /// Number and first record of the segment that the first record is in, if known.
    pub segment: Option<(u64, u64)>,
}

impl Start {
    /// The beginning of a chain.
    pub fn genesis(chain: ChainName, site: u32) -> Self {
        Start { head: chain.genesis(site), segment: Some((0, 1)) }
    }
}

/// What a whole verification found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Records checked.
    pub records: u64,
    /// The last record.
    pub head: Head,
    /// Records whose MAC was checked; the others' keys are gone or were not given.
    pub macs: u64,
    /// Anchors that were met and fitted.
    pub anchors: usize,
    /// Anchors that lie before the start and could not be checked.
    pub anchors_before_start: usize,
    /// Cuts after crashes that the chain itself tells of: sequence number and particulars.
    pub gaps: Vec<(u64, Gap)>,
}

/// Checks records one by one.
#[derive(Debug)]
pub struct Verifier {
    chain: ChainName,
    site: u32,
    head: Head,
    segment: Option<(u64, u64)>,
    key: Option<Keyed>,
    /// Newest last, so that the next one to meet can be popped.
    anchors: Vec<Head>,
    report: Report,
}

#[derive(Debug)]
struct Keyed {
    segment: u64,
    first: u64,
    key: SegmentKey,
}

impl Verifier {
    /// A verifier that has seen nothing.
    pub fn new(chain: ChainName, site: u32, start: Start) -> Self {
        let report = Report {
            records: 0,
            head: start.head,
            macs: 0,
            anchors: 0,
            anchors_before_start: 0,
            gaps: Vec::new(),
        };
        Verifier {
            chain,
            site,
            head: start.head,
            segment: start.segment,
            key: None,
            anchors: Vec::new(),
            report,
        }
    }

    /// Also checks MACs, from the segment of `state` on; and that the chain reaches that segment.
    ///
    /// # Errors
    /// When memory is short.
    pub fn with_state(
        mut self,
        state: &ChainState,
    ) -> Result<Self, strongroom_crypto::CryptoError> {
        let mut keyed = Keyed { segment: state.segment(), first: state.first(), key: state.key()? };
        if self.segment.is_none() && self.head.seq + 1 == keyed.first {
            self.segment = Some((keyed.segment, keyed.first));
        }
        if let Some((segment, first)) = self.segment {
            // An older key than needed, such as an auditor's of segment 0.
            while keyed.segment < segment {
                keyed = Keyed { segment: keyed.segment + 1, first, key: keyed.key.ratchet()? };
            }
        }
        self.key = Some(keyed);
        Ok(self)
    }

    /// Also checks that these records, known from elsewhere, are in the chain.
    pub fn with_anchors(mut self, anchors: impl IntoIterator<Item = Head>) -> Self {
        self.anchors.extend(anchors);
        self.anchors.sort_unstable_by_key(|anchor| std::cmp::Reverse(anchor.seq));
        self
    }

    /// The last record found sound.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Checks the next record.
    ///
    /// # Errors
    /// The fault; verifying ends there.
    pub fn check(&mut self, record: &RecordRef<'_>) -> Result<(), Fault> {
        let expected = self.head.seq + 1;
        let fault = |what| Err(Fault::new(expected, what));
        self.meet_anchors_at_head()?;

        let digest = record.digest(self.chain);
        if crate::record::link_hash(&digest, record.mac) != *record.hash {
            return fault(What::Edited);
        }
        if record.site != self.site {
            return fault(What::OtherSite(record.site));
        }
        if record.seq > expected {
            return fault(What::Missing { through: record.seq - 1 });
        }
        if record.seq < expected {
            return fault(What::Duplicate { of: record.seq });
        }
        if *record.prev != self.head.hash {
            return fault(What::DoesNotFollow);
        }
        if let (Some(keyed), Some((segment, _))) = (&self.key, self.segment)
            && keyed.segment == segment
        {
            if !keyed.key.verifies(&digest, record.mac) {
                return fault(What::WrongMac);
            }
            self.report.macs += 1;
        }
        match record.kind {
            kind::SEGMENT_END => self.end_segment(record)?,
            kind::GAP => match Gap::decode(record.body) {
                Ok(gap) => self.report.gaps.push((record.seq, gap)),
                Err(e) => return fault(What::Unreadable(e.to_string())),
            },
            _ => {}
        }
        self.head = record.head();
        self.report.records += 1;
        Ok(())
    }

    /// Ends verifying: the chain has no further record.
    ///
    /// # Errors
    /// When records are known to have existed beyond the end.
    pub fn finish(mut self) -> Result<Report, Fault> {
        self.meet_anchors_at_head()?;
        let end = self.head.seq;
        let known = self.anchors.first().map(|newest| newest.seq);
        let known_by_key = self.key.as_ref().map(|k| k.first - 1);
        if let Some(known) = known.max(known_by_key).filter(|known| *known > end) {
            return Err(Fault::new(end + 1, What::Truncated { end, known }));
        }
        self.report.head = self.head;
        Ok(self.report)
    }

    fn meet_anchors_at_head(&mut self) -> Result<(), Fault> {
        while let Some(anchor) = self.anchors.last().copied() {
            if anchor.seq > self.head.seq {
                break;
            }
            self.anchors.pop();
            if anchor.seq < self.head.seq {
                self.report.anchors_before_start += 1;
            } else if anchor.hash != self.head.hash {
                return Err(Fault::new(anchor.seq, What::NotAsAnchored));
            } else {
                self.report.anchors += 1;
            }
        }
        Ok(())
    }

    fn end_segment(&mut self, record: &RecordRef<'_>) -> Result<(), Fault> {
        let bad = || Fault::new(record.seq, What::BadSegmentEnd);
        let end = SegmentEnd::decode(record.body).map_err(|_| bad())?;
        if let Some((number, first)) = self.segment
            && (end.segment != number || end.records != record.seq + 1 - first)
        {
            return Err(bad());
        }
        let (next, next_first) = (end.segment.checked_add(1).ok_or_else(bad)?, record.seq + 1);
        if let Some(keyed) = &mut self.key {
            if keyed.segment == end.segment {
                let key = keyed
                    .key
                    .ratchet()
                    .map_err(|e| Fault::new(record.seq, What::Unreadable(e.to_string())))?;
                *keyed = Keyed { segment: next, first: next_first, key };
            } else if keyed.segment == next && keyed.first != next_first {
                return Err(bad());
            }
        }
        self.segment = Some((next, next_first));
        Ok(())
    }
}

/// Checks a whole run of records.
///
/// # Errors
/// The first fault, with reordering told from removal.
pub fn verify(
    records: impl IntoIterator<Item = Record>,
    mut verifier: Verifier,
) -> Result<Report, Fault> {
    let mut records = records.into_iter();
    while let Some(record) = records.next() {
        if let Err(fault) = verifier.check(&record.as_ref()) {
            return Err(fault.refine(records.map(|r| r.seq)));
        }
    }
    verifier.finish()
}
