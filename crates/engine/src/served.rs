//! Fresh: whether an object was ever given out (KMIP 2.1 section 4.23).
//!
//! The first Get makes an object no longer fresh, for everybody, at once. The change is journalled
//! right after the reply rather than before it, so that reading keys stays a use; if the machine
//! stops in between, the record of the Get itself tells.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_kmip::{Tag, Value};
use strongroom_model::{AttributeKey, Change, ChangeKind, ManagedObject, ObjectId, Origin};

use crate::context::Ctx;
use crate::refusal::Refusal;

/// More than so many unwritten marks, and a Get waits for the writer like a change.
const MAX_PENDING: usize = 65_536;

/// How long a written mark is still remembered, milliseconds: a reader may look at a snapshot that
/// is older than the mark.
const KEEP_MS: i64 = 10_000;

/// Objects that were given out and whose mark is on its way to the journal, or just arrived there:
/// then with the time of that.
#[derive(Default)]
pub(crate) struct Served(Mutex<HashMap<ObjectId, Option<i64>>>);

impl Served {
    pub(crate) fn contains(&self, id: &ObjectId) -> bool {
        self.0.lock().contains_key(id)
    }

    /// Forgets everything: what a replica was about to remember is not written by whoever takes
    /// over.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    /// Forgets marks that every reader sees by now.
    pub(crate) fn prune(&self, now_ms: i64) {
        self.0.lock().retain(|_, written| written.is_none_or(|at| now_ms - at < KEEP_MS));
    }
}

fn stored_fresh(object: &ManagedObject) -> bool {
    object.value(Tag::FRESH).and_then(Value::as_boolean) == Some(true)
}

fn mark(id: &ObjectId) -> Change {
    Change::Changed {
        kind: ChangeKind::Attributes,
        id: id.clone(),
        lifecycle: None,
        compromised: false,
        sets: vec![(AttributeKey::single(Tag::FRESH), Some(Value::Boolean(false)))],
    }
}

impl Ctx<'_, '_> {
    /// Whether an object was never given out.
    pub(crate) fn is_fresh(&self, object: &ManagedObject) -> bool {
        stored_fresh(object) && !self.engine.served.contains(&object.id)
    }

    /// Notes that an object is given out.
    pub(crate) fn served(&mut self, object: &ManagedObject) -> Result<(), Refusal> {
        if !stored_fresh(object) {
            return Ok(());
        }
        if self.tx.is_some() && !self.engine.is_replica() {
            let changed = self.trail.changed;
            self.change(&mark(&object.id))?;
            // The Get itself still belongs into the chain of uses.
            self.trail.changed = changed;
            return Ok(());
        }
        let replica = self.engine.is_replica();
        let mut marks = self.engine.served.0.lock();
        if marks.contains_key(&object.id) {
            return Ok(());
        }
        if replica {
            // It writes nothing down, and remembers as much as it may.
            if marks.len() < MAX_PENDING {
                marks.insert(object.id.clone(), None);
            }
            return Ok(());
        }
        if marks.len() >= MAX_PENDING {
            return Err(Refusal::needs_writer());
        }
        marks.insert(object.id.clone(), None);
        drop(marks);
        let origin = self.caller.origin(self.operation.name(), &self.trail.rule);
        self.served_later(object.id.clone(), origin);
        Ok(())
    }

    fn served_later(&self, id: ObjectId, origin: Origin) {
        let Some(engine) = self.engine.this.upgrade() else { return };
        let now_ms = engine.stamp_ms();
        let store = Arc::clone(&engine);
        store.store.submit(Box::new(move |tx| {
            let marked = tx.and_then(|tx| {
                tx.nested(|tx| match tx.object(&id)? {
                    Some(object) if stored_fresh(&object) => {
                        tx.append(&origin, &mark(&id), now_ms).map(|_| ())
                    }
                    _ => Ok(()),
                })
            });
            Box::new(move |committed| {
                if let Err(error) = committed.and(marked) {
                    tracing::warn!(%error, object = %id, "the Fresh attribute was not updated");
                }
                engine.served.0.lock().insert(id, Some(engine.mono_ms()));
            })
        }));
    }
}
