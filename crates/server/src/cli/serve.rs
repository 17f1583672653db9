//! `strongroom serve`.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::prompt::Terminal;
use super::{Done, start_log};
use crate::admin::types::{State, Unseal};
use crate::config::Config;
use crate::errors::{self, Exit, Fault};
use crate::serve::{HangUp, Running};
use crate::service::{self, Manager, console};

/// Serve as the configuration says.
///
/// SIGINT and SIGTERM stop it. SIGHUP reads certificate, key and client CA again; in a terminal it
/// stops, since that is what closing the terminal sends.
#[derive(Args)]
pub struct Serve {
    /// The configuration.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_CONFIG")]
    config: PathBuf,
}

impl Serve {
    pub fn run(self) -> Done {
        let config = Config::load(Some(&self.config), std::env::vars())?;
        start_log(&config.log.level, config.log.json);
        let manager = service::open(&config, None)?;
        if manager.state() == State::Uninitialised {
            let what = format!("Its data directory is {}.", config.data.dir.display());
            return Err(Fault::new(errors::NOT_INITIALISED, what));
        }
        refuse_slot_beside_data(&config, manager.as_ref())?;
        manager.event("configuration-loaded", &self.config.display().to_string());
        manager.configured(Config::values(Some(&self.config), std::env::vars())?);
        match unseal_automatically(&manager) {
            Ok(true) => {}
            Ok(false) => tracing::warn!("sealed: {}", errors::SEALED.next),
            Err(fault) => tracing::error!("sealed: {fault}"),
        }
        let mut running = Running::start(&config, manager.clone(), || {})?;
        for why in manager.not_for_production() {
            tracing::warn!("NOT FOR PRODUCTION: {why}");
        }
        tracing::info!(kmip = %running.kmip, admin = %running.admin, state = manager.state().word(), "serving");
        let hang_up = if Terminal::controls() { HangUp::Stop } else { HangUp::Reload };
        let signal = running.wait_for_signal(hang_up);
        tracing::info!(signal, "stopping");
        running.stop(signal);
        Ok(Exit::Ok)
    }
}

/// Opens with a slot that needs nobody; false if there is none.
pub fn unseal_automatically(manager: &Arc<dyn Manager>) -> Result<bool, Fault> {
    let automatic =
        manager.slots()?.iter().any(|s| matches!(s.kind.as_str(), "file" | "systemd-credential"));
    if !automatic {
        return Ok(false);
    }
    Ok(manager.unseal(&console(), Unseal::Automatic)?.unsealed)
}

/// A root key beside the data protects nothing: whoever copies the disk has both.
///
/// # Errors
/// [`errors::SLOT_BESIDE_DATA`] unless the configuration accepts it in words.
pub fn refuse_slot_beside_data(config: &Config, manager: &dyn Manager) -> Result<(), Fault> {
    if manager.slots()?.iter().any(|s| s.kind == "file") {
        refuse_file_slot(config)?;
    }
    Ok(())
}

/// As [`refuse_slot_beside_data`], for a slot that is to be made.
///
/// # Errors
/// [`errors::SLOT_BESIDE_DATA`] unless the configuration accepts it in words.
pub fn refuse_file_slot(config: &Config) -> Result<(), Fault> {
    if !config.root.accept_beside && same_filesystem(&config.root.file_key_path, &config.data.dir) {
        return Err(Fault::new(
            errors::SLOT_BESIDE_DATA,
            format!(
                "{} and {}. The words are: root.accept_file_slot_beside_data = \"{}\".",
                config.root.file_key_path.display(),
                config.data.dir.display(),
                crate::config::table::ACCEPT_BESIDE
            ),
        ));
    }
    Ok(())
}

/// Whether two paths, or where they will be, lie on one filesystem. What cannot be found out
/// counts as yes.
pub fn same_filesystem(a: &Path, b: &Path) -> bool {
    match (device(a), device(b)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

fn device(path: &Path) -> Option<u64> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find_map(|p| std::fs::metadata(p).ok()).map(|m| m.dev())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_do_not_exist_yet_are_judged_by_their_nearest_parent() {
        let dir = tempfile::tempdir().unwrap();
        assert!(same_filesystem(&dir.path().join("a/b/c"), dir.path()));
        assert!(!same_filesystem(Path::new("/proc/none"), dir.path()));
    }
}
