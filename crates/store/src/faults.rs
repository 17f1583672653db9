//! Points where tests make the disk fail. In production none is ever armed; the cost is one
//! relaxed load for each commit.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::error::StoreError;

/// Faults that are waiting to happen.
#[derive(Debug, Default)]
pub struct Faults {
    commits: AtomicU32,
    full_commits: AtomicU32,
    pages: AtomicU32,
    armed: AtomicBool,
}

impl Faults {
    /// Makes the next `count` commits fail before they reach the disk.
    pub fn fail_commits(&self, count: u32) {
        self.commits.store(count, Ordering::Relaxed);
    }

    /// Makes the next `count` commits find the disk full.
    pub fn fill_disk_at_commit(&self, count: u32) {
        self.full_commits.store(count, Ordering::Relaxed);
    }

    /// From the next transaction on the database file may have no more than `pages` pages, and
    /// writing beyond that finds the disk full. `u32::MAX` lifts the limit.
    pub fn limit_pages(&self, pages: u32) {
        self.pages.store(pages, Ordering::Relaxed);
        self.armed.store(true, Ordering::Release);
    }

    /// A new limit of pages, once.
    pub(crate) fn page_limit(&self) -> Option<u32> {
        if !self.armed.load(Ordering::Acquire) {
            return None;
        }
        self.armed.store(false, Ordering::Relaxed);
        Some(self.pages.load(Ordering::Relaxed))
    }

    pub(crate) fn before_commit(&self) -> Result<(), StoreError> {
        if take(&self.full_commits) {
            return Err(StoreError::Full);
        }
        if take(&self.commits) {
            return Err(StoreError::Database("injected fault".to_owned()));
        }
        Ok(())
    }
}

fn take(count: &AtomicU32) -> bool {
    if count.load(Ordering::Relaxed) == 0 {
        return false;
    }
    count.fetch_sub(1, Ordering::Relaxed);
    true
}
