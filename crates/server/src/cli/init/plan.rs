//! The answers that a first set-up needs, and what can be wrong with each.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use strongroom_model::Role;
use strongroom_root::{KEY_LEN, MIN_CHARACTERS, age};

use super::super::prompt::secret_from_file;
use crate::admin::types::{NewSlot, SecretText};
use crate::errors::{self, Fault};
use crate::identity::{Unusable, check_user};
use crate::pki;
use crate::setup::Person;

/// The answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The private CA's name.
    #[serde(default = "default_authority")]
    pub authority: String,
    /// DNS names and addresses by which clients reach the server.
    pub server_names: Vec<String>,
    /// Where the bundles go, one directory for each name.
    #[serde(default = "default_bundles")]
    pub bundles: PathBuf,
    /// Where shares go; without it, to the terminal.
    pub shares: Option<PathBuf>,
    /// Root slots.
    pub slot: Vec<PlannedSlot>,
    /// People and programs.
    pub person: Vec<PlannedPerson>,
}

pub fn default_authority() -> String {
    "Strongroom CA".into()
}

pub fn default_bundles() -> PathBuf {
    "strongroom-bundles".into()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum PlannedSlot {
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
pub struct PlannedPerson {
    pub name: String,
    pub role: String,
    pub group: Option<String>,
}

/// An example of the answers, which is tested to be one.
pub const EXAMPLE: &str = r#"# Answers for `strongroom init --from`.
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

/// Everything that is wrong with a plan is found before anything is made.
pub fn check(plan: &Plan) -> Result<(Vec<NewSlot>, Vec<Person>), Fault> {
    let wrong = |what: String| Fault::new(errors::INPUT, what);
    check_server_names(&plan.server_names)?;
    let mut slots = Vec::new();
    for slot in &plan.slot {
        slots.push(match slot {
            PlannedSlot::File => NewSlot::File {},
            PlannedSlot::SystemdCredential { name } => {
                NewSlot::SystemdCredential { name: name.clone() }
            }
            PlannedSlot::Passphrase { passphrase_file } => {
                NewSlot::Passphrase { passphrase: slot_passphrase(passphrase_file)? }
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
        check_name(&person.name, people.iter().map(|p| p.name.as_str()))?;
        person.group.iter().try_for_each(|group| pki::check_subject(group))?;
        people.push(Person { name: person.name.clone(), group: person.group.clone(), role });
    }
    for role in [Role::CryptoOfficer, Role::SystemAdministrator, Role::Auditor] {
        if !people.iter().any(|p| p.role == role) {
            return Err(wrong(format!("Somebody must be {}.", role.name())));
        }
    }
    Ok((slots, people))
}

pub fn check_shamir(threshold: u8, shares: u8, recipients: &[String]) -> Result<(), Fault> {
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
    recipients.iter().try_for_each(|recipient| check_recipient(recipient))
}

/// A custodian's age key that a share can be encrypted to.
pub fn check_recipient(recipient: &str) -> Result<(), Fault> {
    age::encrypt(recipient, &[])
        .map(drop)
        .map_err(|e| Fault::new(errors::SLOT_UNUSABLE, format!("`{recipient}`: {e}.")))
}

/// Names and addresses that can stand in the server's certificate.
pub fn check_server_names(names: &[String]) -> Result<(), Fault> {
    if names.is_empty() {
        return Err(Fault::new(errors::INPUT, "The server needs a name or an address."));
    }
    names.iter().try_for_each(|name| pki::check_server_name(name))
}

/// A name that a certificate and a directory can have, and that nobody else has.
pub fn check_name<'a>(name: &str, mut others: impl Iterator<Item = &'a str>) -> Result<(), Fault> {
    let wrong = |what: String| Fault::new(errors::INPUT, what);
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@ ".contains(&b));
    if name.is_empty() || name.starts_with('.') || !plain {
        return Err(wrong(format!("`{name}` cannot be a bundle's directory.")));
    }
    pki::check_subject(name)?;
    check_user(name).map_err(|Unusable(why)| wrong(format!("`{name}` would make {why}.")))?;
    if others.any(|other| other == name) {
        return Err(Fault::new(errors::ROLE_EXCLUDED, format!("{name} is named twice.")));
    }
    Ok(())
}

/// The passphrase in a file, if it can be a slot's.
pub fn slot_passphrase(file: &Path) -> Result<SecretText, Fault> {
    let secret = secret_from_file(file)?;
    if secret.reveal().chars().count() < MIN_CHARACTERS {
        return Err(Fault::new(
            errors::SLOT_UNUSABLE,
            format!("{}: a passphrase needs at least {MIN_CHARACTERS} characters.", file.display()),
        ));
    }
    Ok(secret)
}

/// A systemd credential that this process has.
pub fn check_credential(name: &str) -> Result<(), Fault> {
    let wrong = |what: String| Fault::new(errors::SLOT_UNUSABLE, what);
    if name.starts_with('.') || name.contains('/') {
        return Err(wrong(format!("`{name}` is not the name of a credential.")));
    }
    let Some(dir) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
        return Err(wrong(
            "systemd gave this process no credentials (CREDENTIALS_DIRECTORY is not set): run it \
             in a unit that has it."
                .into(),
        ));
    };
    let path = PathBuf::from(dir).join(name);
    match std::fs::metadata(&path) {
        Ok(data) if data.len() == KEY_LEN as u64 => Ok(()),
        Ok(data) => Err(wrong(format!(
            "{} has {} bytes; a slot's key has {KEY_LEN}.",
            path.display(),
            data.len()
        ))),
        Err(e) => Err(wrong(format!("{}: {e}.", path.display()))),
    }
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
}
