//! Fresh: whether an object was ever given out (KMIP 2.1 section 4.23).
//!
//! The first Get makes an object no longer fresh, for everybody, at once. The change is journalled
//! right after the reply rather than before it, so that reading keys stays a use; if the machine
//! stops in between, the record of the Get itself tells.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_kmip::{Tag, Value};
use strongroom_model::{AttributeKey, Change, ChangeKind, ManagedObject, ObjectId, Origin};

use crate::context::Ctx;
use crate::engine::Inner;
use crate::refusal::Refusal;

/// More than so many unwritten marks, and a Get waits for the writer like a change.
const MAX_PENDING: usize = 65_536;

/// Objects that were given out and whose mark is on its way to the journal.
#[derive(Default)]
pub(crate) struct Served(Mutex<HashSet<ObjectId>>);

impl Served {
    pub(crate) fn contains(&self, id: &ObjectId) -> bool {
        self.0.lock().contains(id)
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
        if self.tx.is_some() {
            let changed = self.trail.changed;
            self.change(&mark(&object.id))?;
            // The Get itself still belongs into the chain of uses.
            self.trail.changed = changed;
            return Ok(());
        }
        let mut pending = self.engine.served.0.lock();
        if pending.len() >= MAX_PENDING {
            return Err(Refusal::needs_writer());
        }
        if pending.insert(object.id.clone()) {
            let origin = self.caller.origin(self.operation.name(), &self.trail.rule);
            drop(pending);
            self.served_later(object.id.clone(), origin);
        }
        Ok(())
    }

    fn served_later(&self, id: ObjectId, origin: Origin) {
        let Some(engine) = self.engine.this.upgrade() else { return };
        let now_ms = engine.wall_ms();
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
                Inner::forget_served(&engine, &id);
            })
        }));
    }
}

impl Inner {
    fn forget_served(engine: &Arc<Self>, id: &ObjectId) {
        engine.served.0.lock().remove(id);
    }
}
