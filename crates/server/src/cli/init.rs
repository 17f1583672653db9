//! `strongroom init` and `strongroom root init`: first set-up on the server's machine, asked for
//! on a terminal or told by a file.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use strongroom_model::Role;

use super::output::{complain, say};
use super::prompt::{Terminal, secret_from_file};
use super::root::passphrase;
use super::{Done, start_log};
use crate::admin::types::{NewSlot, SecretText, State};
use crate::config::Config;
use crate::errors::{self, Exit, Fault};
use crate::identity::{Unusable, check_user};
use crate::kmip_listener::now;
use crate::pki;
use crate::service;
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

/// The answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The private CA's name.
    #[serde(default = "default_authority")]
    authority: String,
    /// DNS names and addresses by which clients reach the server.
    server_names: Vec<String>,
    /// Where the bundles go, one directory for each name.
    #[serde(default = "default_bundles")]
    bundles: PathBuf,
    /// Where shares go; without it, to the terminal.
    shares: Option<PathBuf>,
    /// Root slots.
    slot: Vec<PlannedSlot>,
    /// People and programs.
    person: Vec<PlannedPerson>,
}

fn default_authority() -> String {
    "Strongroom CA".into()
}

fn default_bundles() -> PathBuf {
    "strongroom-bundles".into()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
enum PlannedSlot {
    File,
    SystemdCredential {
        name: String,
    },
    Passphrase {
        passphrase_file: PathBuf,
    },
    Shamir {
        threshold: u8,
        shares: u8,
        #[serde(default)]
        recipients: Vec<String>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlannedPerson {
    name: String,
    role: String,
    group: Option<String>,
}

/// An example of the answers, which is tested to be one.
const EXAMPLE: &str = r#"# Answers for `strongroom init --from`.
authority = "Example Corp key manager CA"
server_names = ["kms.example.com", "10.0.0.5"]
bundles = "strongroom-bundles"   # one directory for each name below
shares = "recovery-shares"       # leave out to show them on the terminal

[[slot]]                         # the custodians' shares: always
kind = "shamir"
threshold = 3
shares = 5
# recipients = ["age1...", ...]  # one for each share, to hand them out encrypted

[[slot]]                         # so that a restart needs nobody
kind = "systemd-credential"
name = "strongroom-root"

[[person]]
name = "olga"
role = "officer"                 # keys and policies
[[person]]
name = "sam"
role = "sysadmin"                # the server; no keys
[[person]]
name = "aude"
role = "auditor"                 # reads everything, changes nothing
[[person]]
name = "db-01"
role = "client"                  # uses keys over KMIP
group = "databases"
"#;

impl Init {
    pub fn run(self) -> Done {
        if self.example {
            say(EXAMPLE);
            return Ok(Exit::Ok);
        }
        let config = Config::load(Some(&self.config), std::env::vars())?;
        start_log(&config.log.level, config.log.json);
        let mut terminal = None;
        let plan = match &self.from {
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|e| Fault::new(errors::INPUT, format!("{}: {e}.", file.display())))?;
                toml::from_str(&text)
                    .map_err(|e| Fault::new(errors::INPUT, format!("{}: {e}", file.display())))?
            }
            None => {
                let asked = terminal.insert(Terminal::of_input().ok_or_else(|| {
                    Fault::new(
                        errors::INPUT,
                        "Nobody sits at a terminal; give --from FILE (see --example).",
                    )
                })?);
                ask(asked)?
            }
        };
        let (slots, people) = check(&plan)?;
        if plan.shares.is_none() && Terminal::of_output().is_none() {
            return Err(Fault::new(
                errors::INPUT,
                "There is no terminal to show shares on; say `shares = \"DIR\"` in the file.",
            ));
        }
        carry_out(&config, &plan, slots, &people)?;
        say(&format!(
            "\nDone. The bundles are in {}: hand each to its owner, then delete it here.\n\
             Now: strongroom serve --config {}\n",
            plan.bundles.display(),
            self.config.display()
        ));
        Ok(Exit::Ok)
    }
}

/// Everything that is wrong with a plan is found before anything is made.
fn check(plan: &Plan) -> Result<(Vec<NewSlot>, Vec<Person>), Fault> {
    let wrong = |what: String| Fault::new(errors::INPUT, what);
    if plan.server_names.is_empty() {
        return Err(wrong("The server needs a name or an address.".into()));
    }
    let mut slots = Vec::new();
    for slot in &plan.slot {
        slots.push(match slot {
            PlannedSlot::File => NewSlot::File,
            PlannedSlot::SystemdCredential { name } => {
                NewSlot::SystemdCredential { name: name.clone() }
            }
            PlannedSlot::Passphrase { passphrase_file } => {
                NewSlot::Passphrase { passphrase: secret_from_file(passphrase_file)? }
            }
            PlannedSlot::Shamir { threshold, shares, recipients } => {
                check_shamir(*threshold, *shares, recipients)?;
                NewSlot::Shamir {
                    threshold: *threshold,
                    shares: *shares,
                    recipients: recipients.clone(),
                }
            }
        });
    }
    if !slots.iter().any(|s| matches!(s, NewSlot::Shamir { .. })) {
        return Err(wrong(
            "One slot must be shamir: shares are what opens the root key when all else is lost."
                .into(),
        ));
    }
    if slots.len() < 2 {
        return Err(wrong(
            "There must be two slots, so that losing one loses nothing: add a passphrase or a \
             systemd credential."
                .into(),
        ));
    }
    let mut people: Vec<Person> = Vec::new();
    for person in &plan.person {
        let role = Role::from_name(&person.role).ok_or_else(|| {
            let known: Vec<_> = Role::ALL.iter().map(|r| r.name()).collect();
            wrong(format!("`{}` is not a role; they are {}.", person.role, known.join(", ")))
        })?;
        let plain = person.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@ ".contains(&b));
        if person.name.is_empty() || person.name.starts_with('.') || !plain {
            return Err(wrong(format!("`{}` cannot be a bundle's directory.", person.name)));
        }
        check_user(&person.name)
            .map_err(|Unusable(why)| wrong(format!("`{}` would make {why}.", person.name)))?;
        if people.iter().any(|p| p.name == person.name) {
            return Err(Fault::new(
                errors::ROLE_EXCLUDED,
                format!("{} is named twice.", person.name),
            ));
        }
        people.push(Person { name: person.name.clone(), group: person.group.clone(), role });
    }
    for role in [Role::CryptoOfficer, Role::SystemAdministrator, Role::Auditor] {
        if !people.iter().any(|p| p.role == role) {
            return Err(wrong(format!("Somebody must be {}.", role.name())));
        }
    }
    Ok((slots, people))
}

fn check_shamir(threshold: u8, shares: u8, recipients: &[String]) -> Result<(), Fault> {
    if threshold < 2 || shares < threshold {
        return Err(Fault::new(
            errors::SLOT_UNUSABLE,
            "At least two shares must be needed, and not more than there are.",
        ));
    }
    if !recipients.is_empty() && recipients.len() != usize::from(shares) {
        return Err(Fault::new(
            errors::SLOT_UNUSABLE,
            "Give one recipient for each share, or none.",
        ));
    }
    Ok(())
}

fn carry_out(
    config: &Config,
    plan: &Plan,
    slots: Vec<NewSlot>,
    people: &[Person],
) -> Result<(), Fault> {
    let step = |text: &str| say(&format!("  {text}\n"));
    let encrypted: Vec<bool> = slots.iter().map(has_recipients).collect();
    let manager = service::open(config, None)?;
    if manager.state() != State::Uninitialised {
        return Err(errors::ALREADY_INITIALISED.into());
    }
    if slots.iter().any(|s| matches!(s, NewSlot::File)) {
        super::serve::refuse_file_slot(config)?;
    }
    let made = manager.initialise(slots)?;
    step(&format!("root key with {} slots", made.len()));
    for (slot, encrypted) in made.iter().zip(encrypted) {
        if !slot.shares.is_empty() {
            show_shares(&slot.shares, plan.shares.as_deref(), encrypted)?;
        }
    }
    let authority = make_authority(manager.as_ref(), &config.tls, &plan.authority, now())?;
    step(&format!("private CA \"{}\"", plan.authority));
    let names = certificate_names(&plan.server_names, &[config.kmip.listen, config.admin.listen]);
    make_server_certificate(manager.as_ref(), &authority, &config.tls, &names, now())?;
    step(&format!("server certificate for {}", names.join(", ")));
    let admin = reachable(plan, config);
    for person in people {
        let dir = plan.bundles.join(&person.name);
        enrol(manager.as_ref(), &authority, person, &dir, &admin, now())?;
        step(&format!("{} ({}): {}", person.name, person.role.name(), dir.display()));
    }
    manager.stop();
    Ok(())
}

fn has_recipients(slot: &NewSlot) -> bool {
    matches!(slot, NewSlot::Shamir { recipients, .. } if !recipients.is_empty())
}

/// The admin port's address for the bundles: where it listens, or under the server's first name
/// if it listens everywhere.
fn reachable(plan: &Plan, config: &Config) -> String {
    let listen = config.admin.listen;
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
        let manager = service::open(&config, None)?;
        if manager.state() != State::Uninitialised {
            return Err(errors::ALREADY_INITIALISED.into());
        }
        for slot in manager.initialise(slots)? {
            if !slot.shares.is_empty() {
                show_shares(&slot.shares, self.shares_dir.as_deref(), encrypted)?;
            }
        }
        manager.stop();
        say("The root key is made.\n");
        Ok(Exit::Ok)
    }
}

/// Hands shares out: to new private files in `dir`, or one after the other on the terminal.
/// Never to a pipe or a log.
pub fn show_shares(
    shares: &[SecretText],
    dir: Option<&Path>,
    encrypted: bool,
) -> Result<(), Fault> {
    if let Some(dir) = dir {
        return write_shares(shares, dir, encrypted);
    }
    let mut terminal = Terminal::of_output()
        .ok_or_else(|| Fault::new(errors::INPUT, "There is no terminal to show shares on."))?;
    let asks = Terminal::of_input().is_some();
    for (i, share) in shares.iter().enumerate() {
        terminal.show(&format!(
            "\nShare {} of {}:\n\n{}\n\n",
            i + 1,
            shares.len(),
            share.reveal()
        ))?;
        if asks {
            terminal.ask("Press Enter when its custodian has written it down. ")?;
            // Clear the screen and what can be scrolled back to.
            terminal.show("\x1b[2J\x1b[3J\x1b[H")?;
        }
    }
    Ok(())
}

/// Writes shares to new private files.
pub fn write_shares(shares: &[SecretText], dir: &Path, encrypted: bool) -> Result<(), Fault> {
    pki::private_dir(dir)?;
    for (i, share) in shares.iter().enumerate() {
        let name = if encrypted { "age" } else { "txt" };
        let path = dir.join(format!("share-{}-of-{}.{name}", i + 1, shares.len()));
        let text = zeroize::Zeroizing::new(format!("{}\n", share.reveal()));
        pki::write_private(&path, text.as_bytes())?;
    }
    shares_lie_in(dir);
    Ok(())
}

/// Warns of the shares that are in a directory, if there are any.
pub fn shares_lie_in(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let is_share = |name: &str| {
        let name = name.strip_prefix("share-").unwrap_or_default();
        name.ends_with(".txt") || name.ends_with(".age")
    };
    let count = entries.flatten().filter(|e| e.file_name().to_str().is_some_and(is_share)).count();
    if count == 0 {
        return;
    }
    let (these, are) = if count == 1 { ("share", "is") } else { ("shares", "are") };
    complain(&format!(
        "WARNING: {count} recovery {these} {are} in {}. Move each to another person's keeping, \
         off this machine, and delete them here.",
        dir.display()
    ));
}

/// The walk-through.
fn ask(t: &mut Terminal) -> Result<Plan, Fault> {
    t.show(
        "First set-up. Nothing is made before the last question; Ctrl-C leaves\n\
         everything as it was.\n\n1. The server\n",
    )?;
    let names = t.ask("   DNS names and addresses by which clients reach it (by spaces): ")?;
    let authority = t.ask("   Name of the private CA [Strongroom CA]: ")?;
    t.show("\n2. Custodians: shares that open the root key when all else is lost\n")?;
    let shares = number(t, "   How many custodians [5]: ", 5)?;
    let threshold = number(t, "   How many of them open together [3]: ", 3)?;
    let mut recipients = Vec::new();
    let encrypt = t.ask("   Encrypt each share to its custodian's age key? [y/N]: ")?;
    if encrypt.eq_ignore_ascii_case("y") {
        for i in 1..=shares {
            recipients.push(t.ask(&format!("   age public key of custodian {i}: "))?);
        }
    }
    let mut slot = vec![PlannedSlot::Shamir { threshold, shares, recipients }];
    t.show(
        "\n3. Restarts\n   Without a slot that opens by itself, custodians must come after every\n\
         \x20  restart.\n",
    )?;
    let credential = t.ask("   Let a systemd credential open it? Its name, or nothing: ")?;
    if credential.is_empty() {
        t.show("   Then a passphrase is the other way in.\n")?;
        let file = t.ask("   File with the passphrase (12 characters or more, mode 0600): ")?;
        slot.push(PlannedSlot::Passphrase { passphrase_file: file.into() });
    } else {
        slot.push(PlannedSlot::SystemdCredential { name: credential });
    }
    t.show("\n4. People. One person has one role; names by spaces\n")?;
    let mut person = Vec::new();
    for (role, question) in [
        ("officer", "   Officers (keys and policies): "),
        ("sysadmin", "   System administrators (the server; no keys): "),
        ("auditor", "   Auditors (read everything, change nothing): "),
        ("client", "   First clients (programs that use keys): "),
    ] {
        for name in t.ask(question)?.split_whitespace() {
            person.push(PlannedPerson { name: name.into(), role: role.into(), group: None });
        }
    }
    let bundles = t.ask("\n5. Directory for their bundles [strongroom-bundles]: ")?;
    let plan = Plan {
        authority: if authority.is_empty() { default_authority() } else { authority },
        server_names: names.split_whitespace().map(str::to_owned).collect(),
        bundles: if bundles.is_empty() { default_bundles() } else { bundles.into() },
        shares: None,
        slot,
        person,
    };
    check(&plan)?;
    let go = t.ask(&format!(
        "\n{threshold} of {shares} shares, {} people and programs, server {}. Make it? [y/N]: ",
        plan.person.len(),
        plan.server_names.join(", ")
    ))?;
    if go.eq_ignore_ascii_case("y") {
        Ok(plan)
    } else {
        Err(Fault::new(errors::INPUT, "Nothing was made."))
    }
}

fn number(t: &mut Terminal, question: &str, default: u8) -> Result<u8, Fault> {
    let answer = t.ask(question)?;
    if answer.is_empty() {
        return Ok(default);
    }
    answer.parse().map_err(|_| Fault::new(errors::INPUT, format!("`{answer}` is not a number.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_example_is_a_plan() {
        let plan = plan(EXAMPLE);
        let (slots, people) = check(&plan).unwrap();
        assert_eq!((slots.len(), people.len()), (2, 4));
        assert_eq!(people[3].group.as_deref(), Some("databases"));
    }

    #[test]
    fn a_plan_without_shares_or_with_a_role_missing_is_refused() {
        let without =
            EXAMPLE.replace("kind = \"shamir\"\nthreshold = 3\nshares = 5", "kind = \"file\"");
        assert!(check(&plan(&without)).unwrap_err().to_string().contains("shamir"));
        let without = EXAMPLE.replace("role = \"auditor\"", "role = \"client\"");
        assert!(check(&plan(&without)).unwrap_err().to_string().contains("auditor"));
        let without = EXAMPLE.replace("threshold = 3", "threshold = 1");
        assert_eq!(check(&plan(&without)).unwrap_err().info.name, "slot-unusable");
    }

    #[test]
    fn nobody_gets_two_roles_and_no_name_leaves_the_directory() {
        let twice = EXAMPLE.replace("\"aude\"", "\"olga\"");
        assert_eq!(check(&plan(&twice)).unwrap_err().info.name, "role-excluded");
        for name in ["../x", "a/b", ".ssh", "", "Server", "console"] {
            let bad = EXAMPLE.replace("\"aude\"", &format!("\"{name}\""));
            assert!(check(&plan(&bad)).is_err(), "{name}");
        }
    }

    #[test]
    fn shares_go_to_private_files() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let shares = [SecretText::new("a".into()), SecretText::new("b".into())];
        let target = dir.path().join("shares");
        write_shares(&shares, &target, false).unwrap();
        let file = target.join("share-2-of-2.txt");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "b\n");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_shares(&shares, &target, false).is_err());
    }
}
