//! Points where tests make the disk fail. In production none is ever armed; the cost is one
//! relaxed load for each commit.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::StoreError;

/// Faults that are waiting to happen.
#[derive(Debug, Default)]
pub struct Faults {
    commits: AtomicU32,
}

impl Faults {
    /// Makes the next `count` commits fail before they reach the disk.
    pub fn fail_commits(&self, count: u32) {
        self.commits.store(count, Ordering::Relaxed);
    }

    pub(crate) fn before_commit(&self) -> Result<(), StoreError> {
        if self.commits.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        self.commits.fetch_sub(1, Ordering::Relaxed);
        Err(StoreError::Database("injected fault".to_owned()))
    }
}
