//! What goes around a change: trying it, remembering that it was done, and making it only if its
//! object is still what somebody saw.
//!
//! An [`Engine`] that carries one of these does everything as any other does, by the same code. The
//! difference is made where changes are committed, in the same transaction:
//!
//! - A **rehearsal** runs the change on the writer, notes the records that it would have left, and
//!   takes it back. So it is decided, checked and refused like the real thing, and nothing remains.
//!   What is done beside the store (a file, the memory) cannot be taken back, and whoever does such
//!   a thing asks [`Engine::rehearses`] first. Nothing is recorded either: that somebody tried is
//!   for the caller to record.
//! - A **mark** is written with the first change, so that a request that comes again finds that it
//!   was carried out, whatever happened to its answer.
//! - A **condition** names an object and the version of it that was seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use strongroom_crypto::sha256;
use strongroom_model::{ManagedObject, ObjectId};
use strongroom_store::{StoreError, WriteTx};

use crate::engine::Engine;
use crate::trail::change_entry;

/// Most records that a rehearsal tells one by one.
const MOST_TOLD: usize = 1000;

/// Records read at once.
const PAGE: u32 = 1000;

/// One thing that would be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What, as the audit calls it: `created`, `destroyed`, `role-granted`.
    pub what: String,
    /// The object that it would be done to.
    pub object: Option<String>,
    /// The particulars, without values that may be secret.
    pub detail: String,
}

/// What a tried change would do, in order.
#[derive(Debug, Default)]
pub struct Rehearsal(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    steps: Vec<Step>,
    /// How many objects would be made, with those that are not told one by one.
    created: u64,
    /// How many steps are not told.
    more: u64,
}

impl Noted {
    fn push(&mut self, step: Step) {
        self.created += u64::from(step.what == "created");
        match self.steps.len() < MOST_TOLD {
            true => self.steps.push(step),
            false => self.more += 1,
        }
    }
}

impl Rehearsal {
    /// Notes something that would be done beside the store.
    pub fn note(&self, what: &str, detail: impl Into<String>) {
        let step = Step { what: what.to_owned(), object: None, detail: detail.into() };
        self.0.lock().push(step);
    }

    /// What would be done; of a great many steps the first ones, and how many more.
    pub fn steps(&self) -> Vec<Step> {
        let noted = self.0.lock();
        let mut steps = noted.steps.clone();
        if noted.more > 0 {
            let detail = format!("and {} more", noted.more);
            steps.push(Step { what: "more".to_owned(), object: None, detail });
        }
        steps
    }

    /// How many objects would be made.
    pub fn created(&self) -> u64 {
        self.0.lock().created
    }
}

/// Bytes that are kept in this copy of the store with the first change that is made.
#[derive(Debug)]
pub struct Mark {
    name: String,
    value: Vec<u8>,
    kept: AtomicBool,
}

impl Mark {
    /// A mark under this name.
    pub fn new(name: String, value: Vec<u8>) -> Self {
        Self { name, value, kept: AtomicBool::new(false) }
    }

    /// Whether a change was made with it.
    pub fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Acquire)
    }
}

/// What goes around the changes of an [`Engine`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Around {
    rehearsal: Option<Arc<Rehearsal>>,
    mark: Option<Arc<Mark>>,
    condition: Option<Arc<(ObjectId, String)>>,
}

impl Engine {
    /// This engine, for trying changes: everything is decided and checked, and nothing is done.
    pub fn rehearsal(&self) -> (Self, Arc<Rehearsal>) {
        let rehearsal = Arc::<Rehearsal>::default();
        let around = Around { rehearsal: Some(rehearsal.clone()), ..self.around.clone() };
        (Self { inner: self.inner.clone(), around }, rehearsal)
    }

    /// The notes of the rehearsal that this engine is for, if it is for one.
    pub fn rehearses(&self) -> Option<&Rehearsal> {
        self.around.rehearsal.as_deref()
    }

    /// This engine, keeping a mark with the first change that it makes.
    pub fn marking(&self, mark: Arc<Mark>) -> Self {
        let around = Around { mark: Some(mark), ..self.around.clone() };
        Self { inner: self.inner.clone(), around }
    }

    /// This engine, changing nothing unless this object is the version with this
    /// [tag](object_tag).
    pub fn only_if(&self, id: &str, tag: &str) -> Self {
        let condition = Some(Arc::new((ObjectId::from(id), tag.to_owned())));
        let around = Around { condition, ..self.around.clone() };
        Self { inner: self.inner.clone(), around }
    }
}

impl Around {
    /// Runs a change with all that goes around it. The inner error names the object that is not
    /// what it was.
    pub(crate) fn run<R>(
        &self,
        tx: &mut WriteTx<'_>,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<R, StoreError>,
    ) -> Result<Result<R, String>, StoreError> {
        if let Some(condition) = &self.condition {
            let (id, tag) = condition.as_ref();
            if tx.object(id)?.is_none_or(|object| object_tag(&object) != *tag) {
                return Ok(Err(id.0.clone()));
            }
        }
        if let Some(rehearsal) = &self.rehearsal {
            return rehearse(tx, rehearsal, work).map(Ok);
        }
        let before = tx.head();
        let value = tx.nested(|tx| {
            let value = work(tx)?;
            // What was refused left no record, and may be asked for again.
            if let Some(mark) = &self.mark
                && tx.head() != before
                && !mark.is_kept()
            {
                tx.put_local(&mark.name, Some(&mark.value))?;
                mark.kept.store(true, Ordering::Release);
            }
            Ok::<_, StoreError>(value)
        })?;
        Ok(Ok(value))
    }
}

/// Runs a change, notes what it would leave, and takes it back.
fn rehearse<R>(
    tx: &mut WriteTx<'_>,
    rehearsal: &Rehearsal,
    work: impl FnOnce(&mut WriteTx<'_>) -> Result<R, StoreError>,
) -> Result<R, StoreError> {
    let (site, first) = (tx.site(), tx.head().seq + 1);
    let mut done = None;
    let undone: Result<(), StoreError> = tx.nested(|tx| {
        let value = work(tx)?;
        let mut steps = Vec::new();
        let mut from = first;
        loop {
            let page = tx.journal(site, from, PAGE)?;
            steps.extend(page.iter().map(|record| {
                let entry = change_entry(record);
                Step { what: entry.kind, object: entry.object, detail: entry.detail }
            }));
            match page.last() {
                Some(last) => from = last.seq + 1,
                None => break,
            }
        }
        done = Some((value, steps));
        // Any error takes it back.
        Err(StoreError::Stopping)
    });
    match (done, undone) {
        (Some((value, steps)), Err(StoreError::Stopping)) => {
            let mut noted = rehearsal.0.lock();
            steps.into_iter().for_each(|step| noted.push(step));
            Ok(value)
        }
        (_, undone) => Err(undone.err().unwrap_or(StoreError::Stopping)),
    }
}

/// Names a version of an object: its attributes, its place in the life cycle, its value and its
/// grants. How often it was used is no part of it.
pub(crate) fn object_tag(object: &ManagedObject) -> String {
    let mut object = object.clone();
    object.counters.clear();
    let digest = sha256(&[&object.encode()]);
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
