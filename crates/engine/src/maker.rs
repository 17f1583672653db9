//! Key pairs that take long to make, made off the store's writer.
//!
//! Whether a pair is needed, and of what kind, often shows only on the writer: the object to be
//! replaced may have been found by the item before. An operation that finds that it needs one says
//! so ([`Needs::Pair`](crate::refusal::Needs)); what it did is undone, the pair is made, and it is
//! run again. One thread makes them, one after the other: they take a processor each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};

use parking_lot::Mutex;

/// Something that takes long.
type Job = Box<dyn FnOnce() + Send>;

/// The thread that makes them; begun with the first job.
#[derive(Default)]
pub(crate) struct Maker(Mutex<Option<Sender<Job>>>);

impl Maker {
    /// Does a job later, in order.
    pub(crate) fn later(&self, job: Job) {
        let mut thread = self.0.lock();
        let left = match &*thread {
            Some(jobs) => jobs.send(job).err().map(|unsent| unsent.0),
            None => Some(job),
        };
        let Some(job) = left else { return };
        match begin() {
            Some(jobs) => {
                // Its receiver lives as long as the thread does.
                let _ = jobs.send(job);
                *thread = Some(jobs);
            }
            // Late is better than never.
            None => job(),
        }
    }
}

fn begin() -> Option<Sender<Job>> {
    let (jobs, inbox) = channel::<Job>();
    std::thread::Builder::new()
        .name("key-maker".to_owned())
        .spawn(move || {
            for job in inbox {
                // A bug in one job must not end the thread for all.
                if catch_unwind(AssertUnwindSafe(job)).is_err() {
                    tracing::error!("a key pair could not be made: an internal error");
                }
            }
        })
        .map_err(|error| tracing::error!(%error, "no thread for making key pairs"))
        .ok()?;
    Some(jobs)
}
