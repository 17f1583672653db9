//! What exists only while the root key is open: the keyring and the audit of uses.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use strongroom_journal::{AppendError, Options, Status, UseJournal, kind};
use strongroom_kmip::ResultReason;
use strongroom_model::{ObjectId, SealedMaterial};
use strongroom_root::{Keyring, RootError, Sealed};
use strongroom_secmem::SecretBytes;

use crate::caller::SERVER;
use crate::config::EngineConfig;
use crate::disk::Disk;
use crate::engine::Inner;
use crate::error::EngineError;
use crate::refusal::Refusal;

/// The directory of the audit of uses, inside the data directory.
pub(crate) const USES_DIR: &str = "audit";

pub(crate) struct Unsealed {
    pub(crate) keyring: RwLock<Keyring>,
    uses: UseJournal,
    /// Hybrid clock of the chain of uses.
    hlc: AtomicU64,
    disk: Arc<Disk>,
}

impl Unsealed {
    pub(crate) fn open(inner: &Inner, keyring: Keyring, now_ms: i64) -> Result<Self, EngineError> {
        let config = &inner.config;
        let (_, vault) = keyring.chain_keys("uses")?;
        let options = Options {
            durability: config.audit_uses,
            window: config.flush_window,
            segment_bytes: config.segment_bytes,
            files: inner.machine.files.clone(),
            ..Options::new(config.site)
        };
        let first = (now_ms.max(0) as u64) << 16;
        let uses = UseJournal::open(&uses_dir(config), options, Box::new(vault), first)
            .map_err(|e| EngineError::Audit(e.to_string()))?;
        let last = uses
            .reader()
            .tail(1)
            .ok()
            .and_then(|records| records.last().map(|r| r.hlc))
            .unwrap_or(0);
        Ok(Self {
            keyring: RwLock::new(keyring),
            uses,
            hlc: AtomicU64::new(last),
            disk: inner.disk.clone(),
        })
    }

    /// Appends a record of a use, a refusal or an event. When this returns, the record is with
    /// the operating system, or on disk where the configuration asks for that.
    pub(crate) fn append_use(
        &self,
        now_ms: i64,
        user: &str,
        kind: u16,
        body: Vec<u8>,
    ) -> Result<(), Refusal> {
        let hlc = self.tick(now_ms);
        let mut appended = self.uses.append(hlc, user, kind, &body);
        if let Err(AppendError::Full(_)) = appended
            && self.disk.met_full(user == SERVER)
            && !matches!(kind, kind::USE | kind::REFUSAL)
        {
            appended = self.uses.append(hlc, user, kind, &body);
        }
        appended.map(|_| ()).map_err(|error| {
            if let AppendError::Full(_) = error {
                return self.disk.refusal();
            }
            Refusal::new(
                ResultReason::GENERAL_FAILURE,
                format!("the audit could not be written, so nothing is answered: {error}"),
            )
        })
    }

    /// The time of the chain's newest record, milliseconds since the Unix epoch; zero when it has
    /// none.
    pub(crate) fn last_ms(&self) -> i64 {
        (self.hlc.load(Ordering::Relaxed) >> 16) as i64
    }

    fn tick(&self, now_ms: i64) -> u64 {
        let wall = (now_ms.max(0) as u64) << 16;
        let mut last = self.hlc.load(Ordering::Relaxed);
        loop {
            let next = wall.max(last + 1);
            match self.hlc.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return next,
                Err(seen) => last = seen,
            }
        }
    }

    pub(crate) fn uses(&self) -> &UseJournal {
        &self.uses
    }

    pub(crate) fn uses_status(&self) -> Status {
        self.uses.status()
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.keyring.read().current_epoch()
    }

    pub(crate) fn seal_material(
        &self,
        id: &ObjectId,
        version: u32,
        plain: &SecretBytes,
    ) -> Result<SealedMaterial, Refusal> {
        let sealed = self
            .keyring
            .read()
            .seal_object(id.as_str(), version, plain.as_slice())
            .map_err(refused)?;
        Ok(SealedMaterial {
            epoch: sealed.epoch,
            version: sealed.version,
            digest: strongroom_crypto::sha256(&[&sealed.bytes]),
            bytes: sealed.bytes,
        })
    }

    pub(crate) fn open_material(
        &self,
        id: &ObjectId,
        sealed: &SealedMaterial,
    ) -> Result<SecretBytes, Refusal> {
        let sealed =
            Sealed { epoch: sealed.epoch, version: sealed.version, bytes: sealed.bytes.clone() };
        self.keyring.read().open_object(id.as_str(), &sealed).map_err(refused)
    }

    pub(crate) fn seal_secret(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, EngineError> {
        Ok(self.keyring.read().seal_secret(name, plain)?)
    }

    pub(crate) fn open_secret(
        &self,
        name: &str,
        sealed: &[u8],
    ) -> Result<SecretBytes, EngineError> {
        Ok(self.keyring.read().open_secret(name, sealed)?)
    }
}

fn refused(error: RootError) -> Refusal {
    Refusal::new(ResultReason::GENERAL_FAILURE, error.to_string())
}

/// Where the audit of uses of another site lies, whose place this one may take.
pub(crate) fn past_uses_dir(data_dir: &Path, site: u32) -> PathBuf {
    data_dir.join(format!("{USES_DIR}-site-{site}"))
}

pub(crate) fn uses_dir(config: &EngineConfig) -> PathBuf {
    Path::new(&config.data_dir).join(USES_DIR)
}
