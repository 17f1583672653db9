//! What the engine runs on: a clock, files, free space. Tests make each of them do as they need.

use std::sync::Arc;

use strongroom_journal::files::{FileOps, OsFiles};

use crate::clock::WallClock;
use crate::disk::Space;

/// The machine.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) wall: WallClock,
    /// What the chain of uses is written through.
    pub(crate) files: Arc<dyn FileOps>,
    pub(crate) space: Space,
}

impl Default for Machine {
    fn default() -> Self {
        WallClock::default().into()
    }
}

impl From<WallClock> for Machine {
    fn from(wall: WallClock) -> Self {
        Self { wall, files: Arc::new(OsFiles), space: Space::default() }
    }
}
