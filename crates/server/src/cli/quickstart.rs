//! `strongroom quickstart`: a whole key manager in one command, with everything on one disk, for
//! looking at. It says what that means wherever it is asked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use strongroom_model::Role;

use super::init::{Undo, shares_lie_in, write_shares};
use super::output::{folded, say, to_copy};
use super::prompt::Terminal;
use super::proof::Proof;
use super::recipes::recipes;
use super::serve::unseal_automatically;
use super::{Done, start_log};
use crate::admin::types::{NewSlot, SecretText, State};
use crate::config::{Config, table};
use crate::errors::{self, Exit, Fault};
use crate::kmip_listener::now;
use crate::pki::private_dir;
use crate::serve::{HangUp, Running, reachable};
use crate::service::{self, Manager};
use crate::setup::{Person, certificate_names, enrol, make_authority, make_server_certificate};

/// Shares that open the root key, and shares in all.
const THRESHOLD: u8 = 3;
const SHARES: u8 = 5;

/// Where the shares go when there is no terminal to show them on.
const SHARES_DIR: &str = "recovery-shares";

/// What speaks against using this in earnest.
const WHY_NOT: &str = "This is a quickstart: the root key's file slot lies beside the data, so \
                       whoever copies the directory has every key.";

/// Set up a demonstration and serve it. NOT FOR PRODUCTION.
///
/// Makes, in DIR: a store with its root key, a private CA, a server certificate, and client
/// bundles in DIR/bundles/{officer,sysadmin,auditor,client}. Run again, it serves the same keys.
#[derive(Args)]
pub struct Quickstart {
    /// Where everything goes.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "strongroom-data",
        env = "STRONGROOM_DATA__DIR",
        hide_env_values = true
    )]
    data: PathBuf,
    /// Where to serve KMIP.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:5696",
        env = "STRONGROOM_KMIP__LISTEN",
        hide_env_values = true
    )]
    kmip: SocketAddr,
    /// Where to serve administration.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:8443",
        env = "STRONGROOM_ADMIN__LISTEN",
        hide_env_values = true
    )]
    admin: SocketAddr,
    /// One more name or address for the server's certificate. Counts when it is first made.
    #[arg(long, value_name = "NAME_OR_IP")]
    san: Vec<String>,
    /// Stop after the proof; the exit code tells how it went.
    #[arg(long)]
    once: bool,
    /// Answer the Interop operation, for conformance runs. It changes nothing else.
    #[arg(long, env = "STRONGROOM_KMIP__INTEROP", hide_env_values = true)]
    interop: bool,
    /// The file that the proof encrypts. Default: README.md, if it is here.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Serve at once, without the proof.
    #[arg(long, conflicts_with_all = ["once", "file"])]
    skip_proof: bool,
}

impl Quickstart {
    pub fn run(self) -> Done {
        if let Some(file) = &self.file
            && let Err(e) = std::fs::File::open(file)
        {
            return Err(Fault::new(errors::INPUT, format!("{}: {e}.", file.display())));
        }
        // Before anything is made: a port in use is the likeliest thing to go wrong.
        crate::serve::probe(self.kmip)?;
        crate::serve::probe(self.admin)?;
        say(&format!(
            "Strongroom {} quickstart. NOT FOR PRODUCTION.\n{}\n\n",
            env!("CARGO_PKG_VERSION"),
            table::fold(WHY_NOT, 78).join("\n")
        ));
        private_dir(&self.data)?;
        let config = self.config()?;
        start_log(&config.log.level, config.log.json);
        let undo = Undo::begin(&config, &[self.bundles(), self.data.join(SHARES_DIR)])?;
        let opened = service::open(&config, Some(WHY_NOT.to_owned()));
        let new = opened.as_ref().is_ok_and(|manager| manager.state() == State::Uninitialised);
        if !new {
            undo.keep();
        } else {
            undo.claim_store(&config);
        }
        let manager = opened?;
        if new {
            if let Err(fault) = self.set_up(&config, manager.as_ref()) {
                manager.stop();
                undo.run();
                return Err(fault);
            }
            undo.keep();
        } else {
            say(&format!("Data directory {}: it is set up already.\n", self.data.display()));
            // Whoever reads the directory has the shares: said until they are elsewhere.
            shares_lie_in(&self.data.join(SHARES_DIR));
            if !unseal_automatically(&manager)? {
                return Err(errors::SEALED.into());
            }
        }
        manager.event("configuration-loaded", "quickstart");
        // From then on it is the running server that signals stop.
        let running = Running::start(&config, manager.clone(), || drop(undo))?;
        if !self.skip_proof {
            let Running { kmip, admin, .. } = &running;
            say(&format!("Serving KMIP on {kmip}, administration on {admin}.\n\n"));
            if let Err(fault) = self.prove(&running) {
                running.stop("the proof failed");
                return Err(fault);
            }
            say(&format!(
                "\n{}\n",
                recipes(&running.kmip.to_string(), &self.bundles().join("client"))
            ));
            if self.once {
                running.stop("the proof is over");
                say("The proof succeeded. Stopped, as --once asks.\n");
                return Ok(Exit::Ok);
            }
        }
        self.settle(running)
    }

    fn settle(&self, mut running: Running) -> Done {
        say(&format!(
            "Serving KMIP on {}, administration on {}. In another terminal:\n{}Ctrl-C stops.\n",
            running.kmip,
            running.admin,
            to_copy([
                std::env::args().next().as_deref().unwrap_or("strongroom"),
                "status",
                "--bundle",
                &self.bundles().display().to_string(),
            ])
        ));
        let signal = running.wait_for_signal(HangUp::Stop);
        say("\nStopping.\n");
        running.stop(signal);
        say("Stopped. The keys are kept; the same command serves them again.\n");
        Ok(Exit::Ok)
    }

    fn bundles(&self) -> PathBuf {
        self.data.join("bundles")
    }

    /// The configuration, written down for `doctor` and `config check`.
    fn config(&self) -> Result<Config, Fault> {
        let dir = std::path::absolute(&self.data)
            .map_err(|e| Fault::new(errors::DATA_UNUSABLE, format!("{e}.")))?;
        let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
        let text = format!(
            "# Written by `strongroom quickstart` at each start. NOT FOR PRODUCTION.\n\
             [data]\ndir = {}\n\
             [kmip]\nlisten = \"{}\"\ninterop = {}\n\
             [admin]\nlisten = \"{}\"\n\
             [root]\nslots_path = {}\naccept_file_slot_beside_data = \"{}\"\n\
             [log]\nlevel = \"warn\"\n",
            quoted(&dir),
            self.kmip,
            self.interop,
            self.admin,
            quoted(&dir.join("root").join("slots.json")),
            table::ACCEPT_BESIDE,
        );
        let path = dir.join("strongroom.toml");
        let written = std::fs::write(&path, text);
        written
            .map_err(|e| Fault::new(errors::DATA_UNUSABLE, format!("{}: {e}.", path.display())))?;
        // What the environment says of these was asked by the options already, which win over it.
        let options = ["DATA__DIR", "KMIP__LISTEN", "KMIP__INTEROP", "ADMIN__LISTEN"];
        let ours =
            |name: &str| name.strip_prefix("STRONGROOM_").is_some_and(|n| options.contains(&n));
        Config::load(Some(&path), std::env::vars().filter(|(name, _)| !ours(name)))
    }

    fn set_up(&self, config: &Config, manager: &dyn Manager) -> Result<(), Fault> {
        say(&format!("Setting up in {}:\n", self.data.display()));
        if let Some(dir) = config.root.slots_path.parent() {
            private_dir(dir)?;
        }
        let shamir =
            NewSlot::Shamir { threshold: THRESHOLD, shares: SHARES, recipients: Vec::new() };
        let made = manager.initialise(vec![NewSlot::File {}, shamir])?;
        say("  root key, a file slot that opens it at each start\n");
        let shares: Vec<SecretText> = made.into_iter().flat_map(|slot| slot.shares).collect();
        self.hand_out(&shares)?;
        let authority = make_authority(manager, &config.tls, "Strongroom quickstart CA", now())?;
        say("  private CA, its key sealed in the store\n");
        let names = certificate_names(&self.san, &[self.kmip, self.admin]);
        make_server_certificate(manager, &authority, &config.tls, &names, now())?;
        say(&folded(&format!("  server certificate for {}", names.join(", "))));
        let [admin, kmip] = [self.admin, self.kmip].map(|a| a.to_string());
        for role in [Role::CryptoOfficer, Role::SystemAdministrator, Role::Auditor, Role::KeyUser] {
            let person =
                Person { name: role.name().to_owned(), group: Some("quickstart".to_owned()), role };
            let dir = self.bundles().join(role.name());
            enrol(manager, &authority, &person, &dir, [&admin, &kmip], now())?;
        }
        say(&format!(
            "  bundles {}/{{officer,sysadmin,auditor,client}}\n\n",
            self.bundles().display()
        ));
        Ok(())
    }

    /// Shares go to the terminal, or else to private files; never to a pipe or a log.
    fn hand_out(&self, shares: &[SecretText]) -> Result<(), Fault> {
        let Some(mut terminal) = Terminal::of_output() else {
            let dir = self.data.join(SHARES_DIR);
            write_shares(shares, &dir, false)?;
            say(&format!(
                "  {SHARES} recovery shares, {THRESHOLD} of which open it: {}\n",
                dir.display()
            ));
            return Ok(());
        };
        terminal.show(&format!(
            "\n  {SHARES} recovery shares, {THRESHOLD} of which open the root key when the file is \
             lost. They\n  are shown this once and kept nowhere:\n\n"
        ))?;
        for share in shares {
            terminal.show(&format!("    {}\n", share.reveal()))?;
        }
        terminal.show("\n")
    }

    fn prove(&self, running: &Running) -> Result<(), Fault> {
        say("Proof:\n");
        Proof {
            kmip: reachable(running.kmip).to_string(),
            admin: reachable(running.admin).to_string(),
            bundles: &self.bundles(),
            dir: &self.data.join("proof"),
            file: self.file.clone(),
        }
        .run()
    }
}
