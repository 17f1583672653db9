//! What the engine is told at start.

use std::path::PathBuf;
use std::time::Duration;

use strongroom_journal::Durability;
use strongroom_kmip::Limits;

use crate::disk::DiskLimits;
use crate::retention::Retention;

/// The engine's configuration.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Directory of the store and the audit.
    pub data_dir: PathBuf,
    /// The file that holds the root slots.
    pub slots_path: PathBuf,
    /// Directory of systemd credentials (`$CREDENTIALS_DIRECTORY`).
    pub credentials_dir: Option<PathBuf>,
    /// This site's number in the journal.
    pub site: u32,
    /// When a use counts as recorded.
    pub audit_uses: Durability,
    /// Longest time a record of a use may stay unflushed.
    pub flush_window: Duration,
    /// Bytes after which the audit of uses begins a new file.
    pub segment_bytes: u64,
    /// When the disk is low or full.
    pub disk: DiskLimits,
    /// How long the audit of uses is kept.
    pub retention: Retention,
    /// A file on a second path that signed heads are appended to.
    pub anchors_path: Option<PathBuf>,
    /// Offer the Interop operation, for conformance runs.
    pub interop: bool,
    /// Let an owner give several objects the same Name.
    pub duplicate_names: bool,
    /// Let 3DES, DES, RC4, MD5 and RSA below 2048 bits be used, not only stored.
    pub legacy_algorithms: bool,
    /// Take no IV from a caller in the modes that a repeated one breaks, whatever the key says.
    pub server_ivs_only: bool,
    /// Seconds between Destroy and the destruction, during which it can be called back.
    pub destroy_delay: i64,
    /// Seconds after which an object that was deactivated or compromised is archived; 0 for never.
    pub archive_after: i64,
    /// Objects kept in memory.
    pub cache_objects: usize,
    /// Limits for requests.
    pub limits: Limits,
    /// Why this set-up must not be used in production, if so.
    pub not_for_production: Option<String>,
}

impl EngineConfig {
    /// The defaults for a data directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        Self {
            slots_path: data_dir.join("root-slots.json"),
            data_dir,
            credentials_dir: None,
            site: 1,
            audit_uses: Durability::Written,
            flush_window: Duration::from_millis(100),
            segment_bytes: 64 << 20,
            disk: DiskLimits::NONE,
            retention: Retention::default(),
            anchors_path: None,
            interop: false,
            duplicate_names: false,
            legacy_algorithms: false,
            server_ivs_only: false,
            destroy_delay: 0,
            archive_after: 0,
            cache_objects: 100_000,
            limits: Limits::default(),
            not_for_production: None,
        }
    }
}
