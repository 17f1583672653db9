//! The engine: the store, the audit, the root key, and what lives between requests.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};
use strongroom_kmip::Operation;
use strongroom_policy::Decider;
use strongroom_root::Share;
use strongroom_store::{Options, Store};

use crate::allowance::Allowances;
use crate::around::Around;
use crate::cache::Cache;
use crate::caller::Caller;
use crate::clock::Watch;
use crate::config::EngineConfig;
use crate::counters::Counters;
use crate::disk::Disk;
use crate::error::EngineError;
use crate::event::{Event, Held};
use crate::heads::Signed;
use crate::judge::RevocationLists;
use crate::machine::Machine;
use crate::maker::Maker;
use crate::request::{self, ReplyFn};
use crate::root_key::Waiting;
use crate::rotation::{Pairs, Unrotated};
use crate::served::Served;
use crate::streams::Streams;
use crate::sweep::Upkeep;
pub(crate) use crate::unsealed::Unsealed;
use crate::unsealed::uses_dir;

/// The key manager: one request in, one reply out. It knows no sockets.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
    /// What goes with its changes.
    pub(crate) around: Around,
}

pub(crate) struct Inner {
    pub(crate) this: Weak<Inner>,
    pub(crate) config: EngineConfig,
    pub(crate) store: Store,
    pub(crate) cache: Arc<Cache>,
    pub(crate) allowances: Allowances,
    pub(crate) policy: Decider,
    pub(crate) counters: Counters,
    pub(crate) streams: Streams,
    pub(crate) served: Served,
    pub(crate) signed: Signed,
    pub(crate) upkeep: Upkeep,
    pub(crate) unrotated: Unrotated,
    pub(crate) pairs: Pairs,
    pub(crate) maker: Maker,
    /// Records of the time while sealed.
    pub(crate) held: Mutex<Held>,
    /// Custodians' shares given so far.
    pub(crate) shares: Mutex<Vec<Share>>,
    /// What of the audit of uses was found to be gone at the last unsealing.
    pub(crate) uses_missing: Mutex<Option<String>>,
    /// Held while the root key is being opened.
    pub(crate) opening: Mutex<()>,
    /// Refused attempts to unseal since the last unsealing.
    pub(crate) refused_unseals: AtomicU32,
    /// Whether the stop was recorded.
    finished: AtomicBool,
    /// Held while rules are replaced.
    pub(crate) rule_changes: Mutex<()>,
    /// Held while the slot file is changed. Taken after [`Self::epoch_changes`].
    pub(crate) slot_changes: Mutex<()>,
    /// Held while the wrapped epochs are changed.
    pub(crate) epoch_changes: Mutex<()>,
    /// A new root key whose shares are being handed out.
    pub(crate) waiting_root_key: Mutex<Option<Waiting>>,
    #[cfg(test)]
    pub(crate) root_key_steps: Mutex<crate::root_key::Look>,
    unsealed: RwLock<Option<Arc<Unsealed>>>,
    pub(crate) clock: Watch,
    /// Held while segments of the uses are compressed or deleted.
    pub(crate) retaining: Mutex<()>,
    /// Whether somebody waits for that to end.
    pub(crate) closing: AtomicBool,
    pub(crate) disk: Arc<Disk>,
    pub(crate) machine: Machine,
    /// Authorities' lists of revoked certificates, for judging approvals.
    pub(crate) lists: RwLock<Option<Arc<dyn RevocationLists>>>,
}

impl Inner {
    pub(crate) fn unsealed(&self) -> Option<Arc<Unsealed>> {
        self.unsealed.read().clone()
    }

    pub(crate) fn set_unsealed(&self, unsealed: Option<Arc<Unsealed>>) {
        *self.unsealed.write() = unsealed;
    }
}

impl Engine {
    /// Opens the data directory, makes it when absent, and starts sealed.
    ///
    /// # Errors
    /// [`EngineError`]: the directory is in use, cannot be written, or belongs to a newer version.
    pub fn open(config: EngineConfig) -> Result<Self, EngineError> {
        Self::open_at(config, Machine::default())
    }

    /// As [`Engine::open`], on this machine.
    pub(crate) fn open_at(
        config: EngineConfig,
        machine: impl Into<Machine>,
    ) -> Result<Self, EngineError> {
        let machine = machine.into();
        std::fs::create_dir_all(&config.data_dir)
            .map_err(|e| EngineError::io(&config.data_dir, &e))?;
        // Before the store: on a full disk it opens with what the reserve leaves.
        let space = machine.space.clone();
        let disk = Disk::start(config.disk, space, &config.data_dir, &uses_dir(&config));
        let cache = Arc::new(Cache::new(config.cache_objects));
        let options =
            Options { site: config.site, ..Options::new(config.data_dir.join("store.db")) };
        let hook = cache.clone();
        let store = Store::open(options, Box::new(move |ids| hook.forget(ids)))?;
        if let Some(store) = store.own_site()?.filter(|site| *site != config.site) {
            return Err(EngineError::OtherSite { store, configured: config.site });
        }
        let clock = Watch::start(machine.wall.clone(), &store, config.site);
        let policy = Decider::new().map_err(|e| EngineError::Damaged(e.to_string()))?;
        let inner = Arc::new_cyclic(|this| Inner {
            this: this.clone(),
            config,
            store,
            cache,
            allowances: Allowances::default(),
            policy,
            counters: Counters::default(),
            streams: Streams::default(),
            served: Served::default(),
            signed: Signed::default(),
            upkeep: Upkeep::default(),
            unrotated: Unrotated::default(),
            pairs: Pairs::default(),
            maker: Maker::default(),
            held: Mutex::default(),
            shares: Mutex::new(Vec::new()),
            uses_missing: Mutex::new(None),
            opening: Mutex::new(()),
            refused_unseals: AtomicU32::new(0),
            finished: AtomicBool::new(false),
            rule_changes: Mutex::new(()),
            slot_changes: Mutex::new(()),
            epoch_changes: Mutex::new(()),
            waiting_root_key: Mutex::new(None),
            #[cfg(test)]
            root_key_steps: Mutex::default(),
            unsealed: RwLock::new(None),
            clock,
            retaining: Mutex::new(()),
            closing: AtomicBool::new(false),
            disk: Arc::new(disk),
            machine,
            lists: RwLock::default(),
        });
        Ok(Self { inner, around: Around::default() })
    }

    /// Handles one KMIP request. For uses `reply` is called before this returns; for changes it
    /// is called from the writer thread, after the flush.
    pub fn handle(&self, caller: &Arc<Caller>, frame: Vec<u8>, reply: ReplyFn) {
        request::handle(&self.inner, caller, frame, reply);
    }

    /// Whether a frame asks for something that keeps a processor busy for long: making an
    /// asymmetric key, deriving a key. A guess from its bytes, for deciding where to run it.
    pub fn may_take_long(frame: &[u8]) -> bool {
        // Tag Operation, type Enumeration, length 4.
        const OPERATION: [u8; 8] = [0x42, 0x00, 0x5C, 0x05, 0, 0, 0, 4];
        const LONG: [Operation; 3] =
            [Operation::CREATE_KEY_PAIR, Operation::RE_KEY_KEY_PAIR, Operation::DERIVE_KEY];
        frame.chunks_exact(8).zip(frame.chunks_exact(8).skip(1)).any(|(header, value)| {
            header == OPERATION
                && value
                    .first_chunk()
                    .is_some_and(|code| LONG.contains(&Operation(u32::from_be_bytes(*code))))
        })
    }

    /// The configuration that the engine was opened with.
    pub fn config(&self) -> &EngineConfig {
        &self.inner.config
    }

    /// The last that is recorded: the stop, and the signed ends of both chains, flushed. Whoever
    /// forwards the audit can still read it, until [`Engine::stop`].
    pub fn finish(&self) {
        if self.inner.finished.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Err(error) = self.keep_clock_mark(true) {
            tracing::warn!(%error, "the time was not kept for the next start");
        }
        let _ = self.record(&Caller::server(), &Event::new("stop"));
        if let Err(error) = self.sign_heads()
            && !self.is_sealed()
        {
            tracing::warn!(%error, "the ends of the audit chains were not signed");
        }
        if let Some(unsealed) = self.inner.unsealed()
            && let Err(error) = unsealed.uses().flush()
        {
            tracing::warn!(%error, "the end of the audit of uses was not flushed");
        }
    }

    /// Flushes everything, signs the chains' heads and stops the writer. Requests that come later are refused.
    pub fn stop(&self) {
        self.finish();
        let _ended = self.end_retaining();
        self.inner.set_unsealed(None);
        self.inner.store.stop();
    }
}
