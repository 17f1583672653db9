//! Taking a set-up back that did not come to its end: what it made is removed, so that the next
//! one begins where this one did.

use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::super::output::complain;
use crate::config::Config;
use crate::errors::{self, Exit, Fault};
use crate::serve::outlives_terminal;

/// What a set-up makes. While this is held, SIGINT, SIGTERM and SIGHUP end the process, and take
/// the set-up back if it is not kept yet.
pub struct Undo {
    made: Arc<Mutex<Option<Made>>>,
    /// Dropped, it ends the watch.
    _watch: oneshot::Sender<()>,
}

/// Paths that were not there before, and are the set-up's to remove.
#[derive(Default)]
struct Made {
    /// Files, and directories with all that is in them.
    whole: Vec<PathBuf>,
    /// Directories that are removed if nothing else is in them, inner ones first.
    shells: Vec<PathBuf>,
}

impl Undo {
    /// Notes which paths of a set-up with this configuration, and of `others`, are not there yet.
    ///
    /// # Errors
    /// [`errors::INTERNAL`] when signals cannot be caught.
    pub fn begin(config: &Config, others: &[PathBuf]) -> Result<Self, Fault> {
        let data = &config.data.dir;
        let mut paths = vec![data.join("audit"), data.join("forward")];
        paths.extend(
            [&config.tls.certificate, &config.tls.key, &config.tls.client_ca].map(PathBuf::from),
        );
        paths.extend([&config.root.slots_path, &config.root.file_key_path].map(PathBuf::from));
        paths.extend(config.audit.anchors_path.clone());
        paths.extend(store_files(config));
        paths.extend_from_slice(others);
        let made = Arc::new(Mutex::new(Some(Made::of(&paths))));
        let (_watch, end) = oneshot::channel();
        watch(made.clone(), end)?;
        Ok(Self { made, _watch })
    }

    /// The store was found without a root key, and is this process's alone: whatever set-up left
    /// it, nothing is in it.
    pub fn claim_store(&self, config: &Config) {
        if let Some(made) = self.lock().as_mut() {
            for file in store_files(config) {
                if !made.whole.contains(&file) {
                    made.whole.push(file);
                }
            }
        }
    }

    /// The set-up has come to its end, and stays.
    pub fn keep(&self) {
        self.lock().take();
    }

    /// Removes what came since the beginning.
    pub fn run(&self) {
        if let Some(made) = self.lock().take() {
            made.remove();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a signal in a thread of its own, until `end` is dropped.
fn watch(made: Arc<Mutex<Option<Made>>>, mut end: oneshot::Receiver<()>) -> Result<(), Fault> {
    let fault = |e: std::io::Error| Fault::new(errors::INTERNAL, format!("signals: {e}."));
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
    if !outlives_terminal() {
        kinds.push(SignalKind::hangup());
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
    let mut signals = {
        let _inside = runtime.enter();
        kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>().map_err(fault)?
    };
    let wait = move || {
        let came = runtime.block_on(poll_fn(|context| {
            if Pin::new(&mut end).poll(context).is_ready() {
                return Poll::Ready(false);
            }
            let came = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if came { Poll::Ready(true) } else { Poll::Pending }
        }));
        if !came {
            return;
        }
        let made = made.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(made) = made {
            complain("\n");
            made.remove();
        }
        std::process::exit(Exit::Usage as i32);
    };
    std::thread::Builder::new().name("strongroom-undo".into()).spawn(wait).map(drop).map_err(fault)
}

impl Made {
    fn of(paths: &[PathBuf]) -> Self {
        let mut made = Self::default();
        for path in paths {
            let Ok(path) = std::path::absolute(path) else { continue };
            if !is_there(&path) {
                made.whole.push(path.clone());
            }
            let missing = path.ancestors().skip(1).take_while(|dir| !is_there(dir));
            for dir in missing {
                if !made.shells.iter().any(|other| other == dir) {
                    made.shells.push(dir.to_owned());
                }
            }
        }
        made.shells.sort_by_key(|dir| core::cmp::Reverse(dir.components().count()));
        made
    }

    fn remove(self) {
        let mut left = Vec::new();
        for path in self.whole.into_iter().filter(|path| is_there(path)) {
            let removed = if path.is_dir() {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
            if removed.is_err() {
                left.push(path.display().to_string());
            }
        }
        for dir in self.shells {
            // Somebody else may have put something there.
            let _ = std::fs::remove_dir(dir);
        }
        complain(&if left.is_empty() {
            "Nothing of this set-up is left. Shares that it showed are void: destroy them.".into()
        } else {
            format!("Remove what is left of this set-up before the next one: {}.", left.join(", "))
        });
    }
}

/// Also if it is a link that leads nowhere.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn store_files(config: &Config) -> [PathBuf; 4] {
    ["store.db", "store.db-wal", "store.db-shm", "store.db.lock"]
        .map(|name| std::path::absolute(config.data.dir.join(name)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_stays_and_what_came_goes() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("old"), "x").unwrap();
        std::fs::create_dir(at("shared")).unwrap();
        let paths = [at("old"), at("new"), at("a/b/file"), at("shared/mine"), at("c/tree")];
        let made = Made::of(&paths);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::create_dir_all(at("c/tree/deep")).unwrap();
        for file in ["old", "new", "a/b/file", "shared/mine", "shared/other", "c/tree/deep/x"] {
            std::fs::write(at(file), "y").unwrap();
        }
        made.remove();
        for gone in ["new", "a", "shared/mine", "c"] {
            assert!(!at(gone).exists(), "{gone}");
        }
        assert!(at("old").exists() && at("shared/other").exists());
    }
}
