//! The thread that flushes, and those who wait for it.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::MutexGuard;

use super::write::is_full;
use super::{AppendError, Inner, OpenError, Shared};
use crate::recover;

impl Shared {
    pub(super) fn fail(&self, inner: &mut Inner, why: &str) -> AppendError {
        let why = inner.failed.get_or_insert_with(|| why.to_owned()).clone();
        self.work.notify_all();
        self.done.notify_all();
        AppendError::Failed(why)
    }

    pub(super) fn wait_flushed(
        &self,
        inner: &mut MutexGuard<'_, Inner>,
        seq: u64,
    ) -> Result<(), AppendError> {
        inner.waiters += 1;
        while inner.flushed.head.seq < seq && inner.failed.is_none() {
            self.work.notify_one();
            self.done.wait(inner);
        }
        inner.waiters -= 1;
        if inner.flushed.head.seq >= seq { Ok(()) } else { inner.check() }
    }

    pub(super) fn wait_while_late(
        &self,
        inner: &mut MutexGuard<'_, Inner>,
    ) -> Result<(), AppendError> {
        while inner.failed.is_none()
            && inner.oldest().is_some_and(|since| since.elapsed() > self.options.window)
        {
            self.done.wait(inner);
        }
        inner.check()
    }

    pub(super) fn flush_until_stopped(&self) {
        let _guard = FailIfPanicking(self);
        let mut inner = self.inner.lock();
        while self.wait_for_work(&mut inner) {
            let began = Instant::now();
            let target = inner.written;
            let mut files = std::mem::take(&mut inner.retired);
            let new_file = !files.is_empty();
            files.push(Arc::clone(&inner.file));
            let unsaved = inner.unsaved.take();
            inner.flushing_since = inner.dirty_since.take();

            let flushed = MutexGuard::unlocked(&mut inner, || {
                files.iter().try_for_each(|f| f.sync_data())?;
                if new_file { self.options.files.sync_dir(&self.dir) } else { Ok(()) }
            });
            inner.flushing_since = None;
            if let Err(e) = flushed {
                self.fail(&mut inner, &format!("flush: {e}"));
                return;
            }
            inner.flushed = target;
            inner.flushes += 1;
            inner.last_flush = began.elapsed();
            self.done.notify_all();

            // Only now may the old key be forgotten: all that it sealed is on disk.
            if let Some(state) = unsaved {
                let saved = MutexGuard::unlocked(&mut inner, || {
                    let files = &*self.options.files;
                    recover::save_state(files, &self.dir, &state, &*self.vault)
                        .map(|()| state.first())
                        .map_err(|e| (state, e))
                });
                match saved {
                    Ok(first) => inner.kept = first,
                    // A state that is behind is caught up with at the next opening, and it is kept
                    // with the next flush, when there is room.
                    Err((state, OpenError::Io { error, .. })) if is_full(&error) => {
                        inner.unsaved.get_or_insert(state);
                    }
                    Err((_, e)) => {
                        self.fail(&mut inner, &e.to_string());
                        return;
                    }
                }
            }
        }
    }

    /// Waits until there is something to flush now; false when the flusher should end.
    fn wait_for_work(&self, inner: &mut MutexGuard<'_, Inner>) -> bool {
        loop {
            if inner.failed.is_some() {
                return false;
            }
            match inner.dirty_since {
                None if inner.stop => return false,
                None => self.work.wait(inner),
                // Half the window is left for the disk.
                Some(since) => {
                    let due = since + self.options.window / 2;
                    if inner.stop || inner.waiters > 0 || Instant::now() >= due {
                        return true;
                    }
                    self.work.wait_until(inner, due);
                }
            }
        }
    }
}

/// Without a flusher nothing may be answered any more.
struct FailIfPanicking<'a>(&'a Shared);

impl Drop for FailIfPanicking<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(&mut self.0.inner.lock(), "the flusher ended unexpectedly");
        }
    }
}
