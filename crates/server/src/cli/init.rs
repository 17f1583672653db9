//! `strongroom init` and `strongroom root init`: first set-up on the server's machine, asked for
//! on a terminal or told by a file.

mod ask;
mod plan;
mod shares;
mod undo;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

pub use shares::{shares_lie_in, show_shares, write_shares};
pub use undo::Undo;

use self::plan::{EXAMPLE, Plan, check, check_shamir};
use super::output::{folded, say, to_copy};
use super::prompt::Terminal;
use super::root::passphrase;
use super::{Done, start_log};
use crate::admin::types::{NewSlot, State};
use crate::config::Config;
use crate::config::table::fold;
use crate::errors::{self, Exit, Fault};
use crate::kmip_listener::now;
use crate::service::{self, Manager};
use crate::setup::{Person, certificate_names, enrol, make_authority, make_server_certificate};

/// First set-up: root key, custodians, certificates, people. Runs on the server's machine, as the
/// server's user, before the server first starts.
#[derive(Args)]
pub struct Init {
    /// The server's configuration.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_CONFIG")]
    config: PathBuf,
    /// Take the answers from this TOML file instead of asking.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Show an example of such a file.
    #[arg(long, conflicts_with = "from")]
    example: bool,
}

/// Make the root key and its first slots, and nothing else. Runs on the server's machine.
#[derive(Args)]
pub struct RootInit {
    /// The server's configuration.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_CONFIG")]
    config: PathBuf,
    /// Shares that open the root key.
    #[arg(long, default_value_t = 3)]
    threshold: u8,
    /// Shares in all.
    #[arg(long, default_value_t = 5)]
    shares: u8,
    /// A custodian's age public key; give it once for each share, or not at all.
    #[arg(long, value_name = "AGE1...")]
    recipient: Vec<String>,
    /// The other slot: a systemd credential of this name. Without it a passphrase is asked for.
    #[arg(long, value_name = "NAME")]
    systemd_credential: Option<String>,
    /// A file with the passphrase.
    #[arg(long, value_name = "FILE", conflicts_with = "systemd_credential")]
    passphrase_file: Option<PathBuf>,
    /// An open file descriptor with the passphrase.
    #[arg(long, value_name = "N", conflicts_with = "systemd_credential")]
    passphrase_fd: Option<u32>,
    /// Write the shares to new files in this directory instead of the terminal.
    #[arg(long, value_name = "DIR")]
    shares_dir: Option<PathBuf>,
}

impl Init {
    pub fn run(self) -> Done {
        if self.example {
            say(EXAMPLE);
            return Ok(Exit::Ok);
        }
        let config = Config::load(Some(&self.config), std::env::vars())?;
        start_log(&config.log.level, config.log.json);
        let plan = match &self.from {
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|e| Fault::new(errors::INPUT, format!("{}: {e}.", file.display())))?;
                toml::from_str(&text)
                    .map_err(|e| Fault::new(errors::INPUT, format!("{}: {e}", file.display())))?
            }
            None => {
                let mut terminal = Terminal::of_input().ok_or_else(|| {
                    Fault::new(
                        errors::INPUT,
                        "Nobody sits at a terminal; give --from FILE (see --example).",
                    )
                })?;
                ask::ask(&mut terminal)?
            }
        };
        let (slots, people) = check(&plan)?;
        if plan.shares.is_none() && Terminal::of_output().is_none() {
            return Err(Fault::new(
                errors::INPUT,
                "There is no terminal to show shares on; say `shares = \"DIR\"` in the file.",
            ));
        }
        let unattended =
            |s: &NewSlot| matches!(s, NewSlot::File {} | NewSlot::SystemdCredential { .. });
        let attended = !slots.iter().any(unattended);
        carry_out(&config, &plan, slots, &people)?;
        let done = format!(
            "Done. The bundles are in {}: hand each to its owner, then delete it here. Next:",
            plan.bundles.display()
        );
        say(&format!(
            "\n{}\n{}{}",
            fold(&done, 80).join("\n"),
            to_copy(["strongroom", "serve", "--config", &self.config.display().to_string()]),
            if attended {
                "It starts sealed; then, with any bundle:\n  strongroom root unseal --bundle DIR\n"
            } else {
                ""
            }
        ));
        Ok(Exit::Ok)
    }
}

fn carry_out(
    config: &Config,
    plan: &Plan,
    slots: Vec<NewSlot>,
    people: &[Person],
) -> Result<(), Fault> {
    if slots.iter().any(|s| matches!(s, NewSlot::File {})) {
        super::serve::refuse_file_slot(config)?;
    }
    let mut places: Vec<PathBuf> = people.iter().map(|p| plan.bundles.join(&p.name)).collect();
    places.extend(plan.shares.clone());
    // A share that was shown before something was in the way would be a share of nothing.
    let taken = places.iter().chain([&config.tls.certificate, &config.tls.client_ca]);
    if let Some(path) = taken.into_iter().find(|path| path.exists()) {
        not_done_already(config)?;
        return Err(Fault::new(errors::FILE_EXISTS, format!("It is {}.", path.display())));
    }
    with_new_store(config, &places, |manager| make(manager, config, plan, slots, people))
}

/// Runs a set-up over a store that has no root key yet. If it fails, or is broken off, what it made
/// is removed.
fn with_new_store(
    config: &Config,
    places: &[PathBuf],
    set_up: impl FnOnce(&dyn Manager) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let undo = Undo::begin(config, places)?;
    let manager = service::open(config, None).and_then(|manager| {
        let new = manager.state() == State::Uninitialised;
        if new { Ok(manager) } else { Err(already(config)) }
    });
    let manager: Arc<dyn Manager> = match manager {
        Ok(manager) => manager,
        Err(fault) => {
            // It is another set-up's, or another server's.
            undo.keep();
            return Err(fault);
        }
    };
    undo.claim_store(config);
    let done = set_up(manager.as_ref());
    manager.stop();
    match done {
        Ok(()) => undo.keep(),
        Err(_) => undo.run(),
    }
    done
}

fn make(
    manager: &dyn Manager,
    config: &Config,
    plan: &Plan,
    slots: Vec<NewSlot>,
    people: &[Person],
) -> Result<(), Fault> {
    let step = |text: &str| say(&folded(&format!("  {text}")));
    let encrypted: Vec<bool> = slots.iter().map(has_recipients).collect();
    let made = manager.initialise(slots)?;
    step(&format!("root key with {} slots", made.len()));
    for (slot, encrypted) in made.iter().zip(encrypted) {
        if !slot.shares.is_empty() {
            show_shares(&slot.shares, plan.shares.as_deref(), encrypted)?;
        }
    }
    let authority = make_authority(manager, &config.tls, &plan.authority, now())?;
    step(&format!("private CA \"{}\"", plan.authority));
    let names = certificate_names(&plan.server_names, &[config.kmip.listen, config.admin.listen]);
    make_server_certificate(manager, &authority, &config.tls, &names, now())?;
    step(&format!("server certificate for {}", names.join(", ")));
    let [admin, kmip] = [config.admin.listen, config.kmip.listen].map(|a| reachable(plan, a));
    for person in people {
        let dir = plan.bundles.join(&person.name);
        enrol(manager, &authority, person, &dir, [&admin, &kmip], now())?;
        step(&format!("{} ({}): {}", person.name, person.role.name(), dir.display()));
    }
    Ok(())
}

/// That there is a root key already, and how to go on if a set-up broke off after it had made one.
fn already(config: &Config) -> Fault {
    let data = config.data.dir.display();
    let detail = if config.tls.client_ca.exists() {
        format!("It is the one of {data}.")
    } else {
        format!(
            "It is the one of {data}, which has no CA: if a set-up broke off there, remove {data} \
             and {} and begin again.",
            config.root.slots_path.display()
        )
    };
    Fault::new(errors::ALREADY_INITIALISED, detail)
}

/// Refuses where there is a root key, without making anything.
fn not_done_already(config: &Config) -> Result<(), Fault> {
    let there = config.data.dir.join("store.db").exists();
    if there && service::open(config, None)?.state() != State::Uninitialised {
        return Err(already(config));
    }
    Ok(())
}

fn has_recipients(slot: &NewSlot) -> bool {
    matches!(slot, NewSlot::Shamir { recipients, .. } if !recipients.is_empty())
}

/// The admin port's address for the bundles: where it listens, or under the server's first name
/// if it listens everywhere.
fn reachable(plan: &Plan, listen: std::net::SocketAddr) -> String {
    match plan.server_names.first() {
        Some(name) if listen.ip().is_unspecified() => format!("{name}:{}", listen.port()),
        _ => listen.to_string(),
    }
}

impl RootInit {
    pub fn run(self) -> Done {
        let config = Config::load(Some(&self.config), std::env::vars())?;
        start_log(&config.log.level, config.log.json);
        check_shamir(self.threshold, self.shares, &self.recipient)?;
        if self.shares_dir.is_none() && Terminal::of_output().is_none() {
            return Err(Fault::new(
                errors::INPUT,
                "There is no terminal to show shares on; give --shares-dir DIR.",
            ));
        }
        let encrypted = !self.recipient.is_empty();
        let mut slots = vec![NewSlot::Shamir {
            threshold: self.threshold,
            shares: self.shares,
            recipients: self.recipient,
        }];
        slots.push(match self.systemd_credential {
            Some(name) => NewSlot::SystemdCredential { name },
            None => NewSlot::Passphrase {
                passphrase: passphrase(self.passphrase_file.as_ref(), self.passphrase_fd, true)?,
            },
        });
        let places: Vec<PathBuf> = self.shares_dir.iter().cloned().collect();
        with_new_store(&config, &places, |manager| {
            for slot in manager.initialise(slots)? {
                if !slot.shares.is_empty() {
                    show_shares(&slot.shares, self.shares_dir.as_deref(), encrypted)?;
                }
            }
            Ok(())
        })?;
        say("The root key is made.\n");
        Ok(Exit::Ok)
    }
}
