//! `strongroom doctor`: everything that a working installation needs, looked at one by one.

use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use strongroom_root::SlotFile;

use super::client::Client;
use super::output::{date, show};
use super::serve::same_filesystem;
use super::{Done, Reach};
use crate::admin::types::{self, State, Status};
use crate::config::table::fold;
use crate::config::{Config, Data};
use crate::crl::Crls;
use crate::errors::{self, Exit, Fault};
use crate::kmip_listener::now;
use crate::tls;

/// Days before a certificate's end from which it is mentioned.
const SOON: i64 = 30;

/// Check everything that a working installation needs.
///
/// With --config (on the server's machine) it looks at files, slots, disk and memory, and whether
/// the server listens. With a bundle it asks the running server.
#[derive(Args)]
pub struct Doctor {
    /// The server's configuration.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Ok,
    Warning,
    Fault,
}

#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    health: Health,
    detail: String,
    next: String,
}

impl Doctor {
    pub fn run(self) -> Done {
        let mut checks = Vec::new();
        let mut here = None;
        if let Some(path) = &self.config {
            match Config::load(Some(path), std::env::vars()) {
                Ok(config) => {
                    good(&mut checks, "configuration", path.display().to_string());
                    if is_set_up(&config, path, &mut checks) {
                        local(&config, &mut checks);
                        here = Some(config);
                    }
                }
                Err(fault) => bad(&mut checks, "configuration", &fault),
            }
        }
        memory(&mut checks);
        self.server(here.as_ref(), &mut checks);
        let worst = checks.iter().any(|c| c.health == Health::Fault);
        show(self.reach.output, &checks, |checks| people(checks))?;
        Ok(if worst { Exit::Server } else { Exit::Ok })
    }

    fn server(&self, here: Option<&Config>, checks: &mut Vec<Check>) {
        let client = Client::new(&self.reach, &["sysadmin", "auditor", "officer"]);
        let client = match client {
            // Nobody has to have a bundle on the server's machine.
            Err(fault) if is_no_bundle(&fault) && self.reach.bundle.is_none() => {
                return self.without_bundle(here, checks);
            }
            client => client,
        };
        let health =
            client.and_then(|client| Ok((client.get::<types::Health>("/health")?, client)));
        let (health, client) = match health {
            Ok(asked) => asked,
            Err(fault) => return bad(checks, "server", &fault),
        };
        for why in &health.not_for_production {
            push(
                checks,
                "NOT FOR PRODUCTION",
                Health::Warning,
                why.clone(),
                "Set up with `strongroom init` and run with `strongroom serve`.",
            );
        }
        if health.state != State::Serving {
            // Nothing else is answered until it is open.
            let mut detail = health.state.word().to_owned();
            if let Some(unsealing) = &health.unsealing {
                detail.push_str(&format!(", opens by {}", unsealing.slots.join(", ")));
                if unsealing.given > 0 {
                    let (given, needed) = (unsealing.given, unsealing.needed);
                    detail.push_str(&format!("; {given} of {needed} shares given"));
                }
            }
            return push(checks, "server", Health::Fault, detail, health.state.next());
        }
        let status = match client.get::<Status>("/v1/status") {
            Ok(status) => status,
            Err(fault) => return bad(checks, "server", &fault),
        };
        good(checks, "server", format!("serving on {}", status.kmip.listen));
        for warning in &status.warnings {
            push(checks, "server", Health::Warning, warning.clone(), "");
        }
        if let Some(backup) = status.backup.as_ref().filter(|b| b.warning().is_none()) {
            good(checks, "scheduled backup", backup.text());
        }
        slots(checks, status.slots.iter().map(|slot| slot.kind.as_str()));
    }

    /// What can be seen from here of a server that cannot be asked.
    fn without_bundle(&self, here: Option<&Config>, checks: &mut Vec<Check>) {
        const ASK: &str = "Ask the server too: `strongroom doctor --bundle DIR`, with the bundle \
                           of a system administrator, an officer or an auditor.";
        let Some(config) = here else {
            // What is wrong on the machine was said already.
            if self.config.is_none() {
                let detail = "not asked, since there is no bundle at hand".to_owned();
                push(checks, "server", Health::Fault, detail, ASK);
            }
            return;
        };
        match SlotFile::load(&config.root.slots_path) {
            Ok(file) => slots(checks, file.slots().iter().map(|slot| slot.kind.name())),
            Err(error) => push(
                checks,
                "root slots",
                Health::Fault,
                format!("{error}."),
                "Without them the root key does not open: put the copy of the slot file there.",
            ),
        }
        let address = crate::serve::reachable(config.admin.listen);
        match TcpStream::connect_timeout(&address, Duration::from_secs(2)) {
            Ok(_) => push(
                checks,
                "server",
                Health::Warning,
                format!("{address} answers, and was not asked: there is no bundle at hand"),
                ASK,
            ),
            Err(_) => push(
                checks,
                "server",
                Health::Warning,
                format!("nothing listens on {address}"),
                "Start it with `strongroom serve`; then ask it with --bundle DIR.",
            ),
        }
    }
}

fn is_no_bundle(fault: &Fault) -> bool {
    fault.info.number == errors::NO_BUNDLE.number
}

/// Whether there is a root key. Before there is one, nothing else is worth a look.
fn is_set_up(config: &Config, path: &Path, checks: &mut Vec<Check>) -> bool {
    let there = [config.root.slots_path.clone(), config.data.dir.join("store.db")];
    if there.iter().any(|path| path.exists()) {
        return true;
    }
    push(
        checks,
        "set-up",
        Health::Fault,
        format!("There is no root key yet, and no store in {}.", config.data.dir.display()),
        &format!("Run `strongroom init --config {}`.", path.display()),
    );
    false
}

/// How many ways there are to open the root key.
fn slots<'a>(checks: &mut Vec<Check>, kinds: impl Iterator<Item = &'a str>) {
    let kinds: Vec<&str> = kinds.collect();
    let shares = kinds.contains(&"shamir");
    if kinds.len() < 2 || !shares {
        let count =
            if kinds.len() == 1 { "1 slot".into() } else { format!("{} slots", kinds.len()) };
        push(
            checks,
            "root slots",
            Health::Warning,
            format!("{count}, {}", if shares { "of shares" } else { "none of shares" }),
            "Keep two slots or more, one of them shares: `strongroom root slot add`.",
        );
    } else {
        good(checks, "root slots", format!("{}, shares among them", kinds.len()));
    }
}

fn local(config: &Config, checks: &mut Vec<Check>) {
    private(checks, "data directory", &config.data.dir);
    if let Some(dir) = config.root.slots_path.parent() {
        private(checks, "slot directory", dir);
    }
    disk(checks, &config.data);
    if same_filesystem(&config.root.slots_path, &config.data.dir) {
        push(
            checks,
            "slots and data",
            Health::Warning,
            "They lie on one filesystem: one copied disk has both.".into(),
            "Move root.slots_path to another one.",
        );
    } else {
        good(checks, "slots and data", "apart".into());
    }
    match tls::certificates(&config.tls.certificate) {
        Ok(chain) => certificate(checks, chain.first().map(|c| c.as_ref())),
        Err(fault) => bad(checks, "server certificate", &fault),
    }
    if let Some(path) = &config.tls.crl {
        match Crls::open(&config.tls) {
            Err(fault) => bad(checks, "revocation list", &fault),
            Ok(lists) => match lists.warnings(now()).pop() {
                Some(late) => push(checks, "revocation list", Health::Warning, late, ""),
                None => good(
                    checks,
                    "revocation list",
                    format!("{}: {}", path.display(), lists.current().text()),
                ),
            },
        }
    }
    match tls::server_config(&config.tls, &[]) {
        Ok(_) => good(checks, "TLS", "certificate, key and CA belong together".into()),
        Err(fault) => bad(checks, "TLS", &fault),
    }
}

fn private(checks: &mut Vec<Check>, what: &'static str, path: &Path) {
    match std::fs::metadata(path) {
        Ok(m) if m.permissions().mode() & 0o077 == 0 => {
            good(checks, what, format!("{} is private", path.display()));
        }
        Ok(m) => push(
            checks,
            what,
            Health::Fault,
            format!("{} has mode {:o}: others may enter.", path.display(), m.mode() & 0o777),
            "Run chmod 700 on it.",
        ),
        Err(e) => push(
            checks,
            what,
            Health::Fault,
            format!("{}: {e}.", path.display()),
            "Run `strongroom init`.",
        ),
    }
}

fn disk(checks: &mut Vec<Check>, data: &Data) {
    let Ok(fs) = rustix::fs::statvfs(&data.dir) else { return };
    let free = fs.f_bavail.saturating_mul(fs.f_frsize);
    let text = format!("{}: {} MiB free", data.dir.display(), free >> 20);
    if free < data.disk.floor {
        push(checks, "disk", Health::Fault, text, errors::DISK_FULL.next);
    } else if free < data.disk.low {
        push(checks, "disk", Health::Warning, text, "Free space: a full disk stops every answer.");
    } else {
        good(checks, "disk", text);
    }
}

fn certificate(checks: &mut Vec<Check>, der: Option<&[u8]>) {
    let parsed = der.map(x509_parser::parse_x509_certificate);
    let Some(Ok((_, certificate))) = parsed else {
        return push(checks, "server certificate", Health::Fault, "It is not X.509.".into(), "");
    };
    let (from, to) = (
        certificate.validity().not_before.timestamp(),
        certificate.validity().not_after.timestamp(),
    );
    let text = format!("counts from {} to {}", date(from), date(to));
    let health = match now() {
        t if t < from || t > to => Health::Fault,
        t if t > to - SOON * 86_400 => Health::Warning,
        _ => Health::Ok,
    };
    let next = if health == Health::Ok { "" } else { "Check the clock, or renew it." };
    push(checks, "server certificate", health, text, next);
}

fn memory(checks: &mut Vec<Check>) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Memlock).current;
    match limit {
        Some(bytes) if bytes < 4 << 20 => push(
            checks,
            "locked memory",
            Health::Warning,
            format!("{} KiB may be locked by this user here", bytes >> 10),
            "Raise it: LimitMEMLOCK=infinity in the unit, or ulimit -l.",
        ),
        Some(bytes) => good(checks, "locked memory", format!("{} KiB", bytes >> 10)),
        None => good(checks, "locked memory", "unlimited".into()),
    }
}

fn good(checks: &mut Vec<Check>, what: &'static str, detail: String) {
    push(checks, what, Health::Ok, detail, "");
}

fn bad(checks: &mut Vec<Check>, what: &'static str, fault: &Fault) {
    push(checks, what, Health::Fault, fault.to_string(), fault.info.next);
}

fn push(checks: &mut Vec<Check>, what: &'static str, health: Health, detail: String, next: &str) {
    checks.push(Check { what, health, detail, next: next.to_owned() });
}

fn people(checks: &[Check]) -> String {
    let mut out = String::new();
    for check in checks {
        let mark = match check.health {
            Health::Ok => "ok     ",
            Health::Warning => "WARNING",
            Health::Fault => "FAULT  ",
        };
        let text = format!("{}: {}", check.what, check.detail);
        for (i, line) in fold(&text, 71).iter().enumerate() {
            let head = if i == 0 { mark } else { "       " };
            out.push_str(&format!("{head}  {line}\n"));
        }
        for line in fold(&check.next, 69) {
            if !line.is_empty() {
                out.push_str(&format!("           {line}\n"));
            }
        }
    }
    out
}
