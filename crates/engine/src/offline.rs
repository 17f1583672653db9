//! Verifying with what was kept elsewhere, also where there is no server and no secret: hashes show
//! every edit, and signed heads show a past that was cut or rebuilt.

use std::collections::BTreeMap;
use std::path::Path;

use strongroom_journal::{ChainName, Fault, Head, Record, SignedHead, Start, UseReader, Verifier};
use strongroom_model::Change;
use strongroom_store::JournalFile;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::retention::deleted_in;
use crate::trail::{AuditFault, uses_fault};
use crate::unsealed::USES_DIR;

/// Records read at once.
const PAGE: u32 = 4096;

/// What an anchor line begins with.
const TAG: &str = "strongroom-anchor-";

/// A signed head that the chain does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The head.
    pub anchor: SignedHead,
    /// What is there in its place.
    pub why: &'static str,
}

/// The heads of one chain that are still to be met.
pub(crate) struct Waiting<'a>(BTreeMap<u64, Vec<&'a SignedHead>>, Vec<Unmet>);

impl<'a> Waiting<'a> {
    pub(crate) fn new(anchors: &'a [SignedHead], chain: ChainName) -> Self {
        let mut waiting: BTreeMap<u64, Vec<&SignedHead>> = BTreeMap::new();
        for anchor in anchors.iter().filter(|a| a.chain == chain) {
            waiting.entry(anchor.head.seq).or_default().push(anchor);
        }
        Self(waiting, Vec::new())
    }

    pub(crate) fn meet(&mut self, record: Head) {
        for anchor in self.0.remove(&record.seq).unwrap_or_default() {
            if anchor.head.hash != record.hash {
                let why = "another record has its number: the past was rewritten";
                self.1.push(Unmet { anchor: anchor.clone(), why });
            }
        }
    }

    pub(crate) fn finish(mut self) -> Vec<Unmet> {
        let why = "no such record: the chain was cut";
        let missing = self.0.into_values().flatten();
        self.1.extend(missing.map(|anchor| Unmet { anchor: anchor.clone(), why }));
        self.1
    }
}

/// Every anchor line in a text, with the line's number. Lines may be those of an anchors file, or
/// whatever a collector made of the events: what stands around an anchor and the escapes of
/// syslog, CEF and JSON are passed over. A line that has the tag and cannot be read is an error.
pub fn anchors_in(text: &str) -> Vec<(usize, Result<SignedHead, String>)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(at) = line.find(TAG) else { continue };
        let plain: String = line.get(at..).unwrap_or_default().replace('\\', "");
        // LEEF has it in a URL.
        let plain = plain.replace("%20", " ").replace("%3D", "=");
        // Behind the 128 digits of the signature the line of the collector goes on.
        let end = plain.find(" sig=").map_or(plain.len(), |at| at + " sig=".len() + 128);
        let anchor = plain.get(..end.min(plain.len())).unwrap_or_default();
        found.push((number + 1, anchor.parse().map_err(|e| format!("{e}"))));
    }
    found
}

/// The site, records and ends that [`verify_files`] found.
#[derive(Clone, Debug)]
pub struct FilesReport {
    /// Whose chains these are.
    pub site: u32,
    /// Records of changes, and the last one.
    pub changes: (u64, Head),
    /// Records of uses, and the last one.
    pub uses: (u64, Head),
    /// Chains that do not verify.
    pub faults: Vec<AuditFault>,
    /// Anchors that are not met.
    pub unmet: Vec<Unmet>,
}

/// Verifies the chains in the files of a data directory, without a secret: every hash, every link,
/// and every anchor. Signatures are the caller's to check ([`SignedHead::verify`]).
///
/// # Errors
/// Files that are not there or cannot be read. What they say is in the report.
pub fn verify_files(dir: &Path, anchors: &[SignedHead]) -> Result<FilesReport, EngineError> {
    let journal = JournalFile::open(&dir.join("store.db"))?;
    let site = match anchors.first() {
        Some(anchor) => anchor.site,
        // A store that was a replica has chains of other sites in it, whose uses are not here.
        None => match journal.site()? {
            Some(site) => site,
            None => journal.sites()?.first().copied().unwrap_or(1),
        },
    };
    let mut faults = Vec::new();
    let mut waiting = Waiting::new(anchors, ChainName::Changes);
    let chain = ChainName::Changes;
    let mut verifier = Verifier::new(chain, site, Start::genesis(chain, site))
        .with_anchors(of(anchors, ChainName::Changes));
    let mut sound: Result<(), Fault> = Ok(());
    let (mut from, mut records) = (1, 0);
    let mut deleted = None;
    loop {
        let page = journal.records(site, from, PAGE)?;
        let Some(last) = page.last() else { break };
        from = last.seq + 1;
        for record in &page {
            waiting.meet(Head { seq: record.seq, hash: record.hash });
            records += 1;
            deleted = deletion(site, record).or(deleted);
            if sound.is_ok() {
                sound = verifier.check(&record.as_ref());
            }
        }
    }
    let mut end = verifier.head();
    match sound.and_then(|()| verifier.finish()) {
        Ok(report) => end = report.head,
        Err(fault) => faults.push(AuditFault::of("changes", &fault, 1)),
    }
    let mut unmet = waiting.finish();
    let changes = (records, end);

    let reader = UseReader::open(&dir.join(USES_DIR));
    let uses = match reader.verify_behind(site, deleted, None, of(anchors, ChainName::Uses)) {
        Ok(report) => (report.records, report.head),
        Err(error) => {
            faults.push(uses_fault(&error, deleted));
            (0, ChainName::Uses.genesis(site))
        }
    };
    unmet.append(&mut unmet_uses(&reader, deleted, anchors));
    Ok(FilesReport { site, changes, uses, faults, unmet })
}

fn of(anchors: &[SignedHead], chain: ChainName) -> impl Iterator<Item = Head> {
    anchors.iter().filter(move |a| a.chain == chain).map(|a| a.head)
}

/// The end of what was deleted of the uses, if the record is one of a deletion.
fn deletion(site: u32, record: &Record) -> Option<Head> {
    let (_, change) = Change::decode(record.kind, &record.body).ok()?;
    let head = deleted_in(&change)?;
    (head.chain == ChainName::Uses && head.site == site).then_some(head.head)
}

/// Reads as far as the chain can be read. What lies before the end of what was `deleted` on purpose
/// is not there to be met.
fn unmet_uses(reader: &UseReader, deleted: Option<Head>, anchors: &[SignedHead]) -> Vec<Unmet> {
    let mut waiting = Waiting::new(anchors, ChainName::Uses);
    if let Some(deleted) = deleted {
        waiting.meet(deleted);
    }
    if let Ok(records) = reader.records(1) {
        for record in records.map_while(Result::ok) {
            waiting.meet(Head { seq: record.seq, hash: record.hash });
        }
    }
    let from = deleted.map_or(0, |head| head.seq);
    let mut unmet = waiting.finish();
    unmet.retain(|one| one.anchor.head.seq >= from);
    unmet
}

impl Engine {
    /// Those of the anchors that the chains do not meet.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or the store's.
    pub fn unmet_anchors(&self, anchors: &[SignedHead]) -> Result<Vec<Unmet>, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        self.unmet_anchors_of(self.inner.config.site, &unsealed.uses().reader(), anchors)
    }

    /// Those that the chains of `site` do not meet, whose uses `uses` reads.
    pub(crate) fn unmet_anchors_of(
        &self,
        site: u32,
        uses: &UseReader,
        anchors: &[SignedHead],
    ) -> Result<Vec<Unmet>, EngineError> {
        let mut waiting = Waiting::new(anchors, ChainName::Changes);
        let mut from = 1;
        loop {
            let page = self.inner.store.read(|tx| tx.journal(site, from, PAGE))?;
            let Some(last) = page.last() else { break };
            from = last.seq + 1;
            page.iter().for_each(|r| waiting.meet(Head { seq: r.seq, hash: r.hash }));
        }
        let mut unmet = waiting.finish();
        unmet.append(&mut unmet_uses(uses, self.uses_deleted(site), anchors));
        Ok(unmet)
    }
}
