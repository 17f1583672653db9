//! Objects in memory, so that a use costs no database read.
//!
//! An entry is dropped when a commit changes its object. A reader may have read the row before
//! that commit and bring it after: it names the commit count it saw before reading, and its entry
//! is taken only if no commit came between.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use lru::LruCache;
use parking_lot::Mutex;
use strongroom_kmip::Value;
use strongroom_model::{Lifecycle, ManagedObject, ObjectId};
use strongroom_secmem::SecretBytes;
use strongroom_store::scheduled_destruction;

use crate::access::key_groups;

/// Enough that two threads seldom meet.
const SHARDS: usize = 16;

/// An object, and its material once somebody needed it.
#[derive(Debug)]
pub(crate) struct Cached {
    pub(crate) object: ManagedObject,
    /// The key groups that it is in.
    pub(crate) key_groups: Vec<String>,
    pub(crate) material: OnceLock<SecretBytes>,
    /// When a delayed destruction comes, POSIX seconds.
    doomed: Option<i64>,
}

impl Cached {
    pub(crate) fn new(object: ManagedObject) -> Self {
        let key_groups = key_groups(&object);
        let doomed = object.value_of(&scheduled_destruction()).and_then(Value::as_date_time);
        Self { object, key_groups, material: OnceLock::new(), doomed }
    }

    /// Whether its value is gone at `now`, POSIX seconds: destroyed, or to be destroyed by then.
    /// Acting on the date may come later, on a busy server, or never, on a replica.
    pub(crate) fn is_gone(&self, now: i64) -> bool {
        self.object.lifecycle == Lifecycle::Destroyed || self.doomed.is_some_and(|at| at <= now)
    }
}

pub(crate) struct Cache {
    commits: AtomicU64,
    shards: [Mutex<LruCache<ObjectId, Arc<Cached>>>; SHARDS],
}

/// Which commits a reader had seen before it read.
#[derive(Clone, Copy)]
pub(crate) struct Sight(u64);

impl Cache {
    /// A cache for so many objects.
    pub(crate) fn new(capacity: usize) -> Self {
        let each = NonZeroUsize::new(capacity / SHARDS).unwrap_or(NonZeroUsize::MIN);
        Self {
            commits: AtomicU64::new(0),
            shards: std::array::from_fn(|_| Mutex::new(LruCache::new(each))),
        }
    }

    pub(crate) fn get(&self, id: &ObjectId) -> Option<Arc<Cached>> {
        self.shard(id).lock().get(id).cloned()
    }

    /// To be called before the row is read.
    pub(crate) fn sight(&self) -> Sight {
        Sight(self.commits.load(Ordering::Acquire))
    }

    /// Keeps what was read, unless a commit came since `sight`.
    pub(crate) fn put(&self, sight: Sight, cached: &Arc<Cached>) {
        let id = &cached.object.id;
        let mut shard = self.shard(id).lock();
        if self.commits.load(Ordering::Acquire) == sight.0 {
            shard.put(id.clone(), cached.clone());
        }
    }

    /// After a commit: forgets the objects that it changed.
    pub(crate) fn forget(&self, ids: &[ObjectId]) {
        self.commits.fetch_add(1, Ordering::AcqRel);
        for id in ids {
            self.shard(id).lock().pop(id);
        }
    }

    /// Forgets everything: at sealing.
    pub(crate) fn clear(&self) {
        self.commits.fetch_add(1, Ordering::AcqRel);
        for shard in &self.shards {
            shard.lock().clear();
        }
    }

    fn shard(&self, id: &ObjectId) -> &Mutex<LruCache<ObjectId, Arc<Cached>>> {
        // The last characters of a UUID are the random ones.
        let hash = id
            .as_str()
            .bytes()
            .rev()
            .take(4)
            .fold(0usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
        &self.shards[hash % SHARDS]
    }
}
