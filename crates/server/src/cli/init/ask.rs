//! The walk-through: every answer is judged when it is given, and asked for again if it cannot be.

use std::path::Path;

use super::super::prompt::Terminal;
use super::plan::{
    Plan, PlannedPerson, PlannedSlot, check_credential, check_name, check_recipient,
    check_server_names, default_authority, default_bundles, slot_passphrase,
};
use crate::config::table::fold;
use crate::errors::{self, Fault};

/// Asks for everything that a set-up needs.
pub fn ask(t: &mut Terminal) -> Result<Plan, Fault> {
    t.show(
        "First set-up. Nothing is made before the last question; Ctrl-C leaves\n\
         everything as it was.\n\n1. The server\n",
    )?;
    let server_names =
        until(t, "   DNS names and addresses by which clients reach it (by spaces): ", |answer| {
            let names: Vec<String> = answer.split_whitespace().map(str::to_owned).collect();
            check_server_names(&names)?;
            Ok(names)
        })?;
    let authority = t.ask("   Name of the private CA [Strongroom CA]: ")?;
    let mut slot = vec![custodians(t)?];
    slot.push(restarts(t)?);
    let person = people(t)?;
    let bundles = until(t, "\n5. Directory for their bundles [strongroom-bundles]: ", |answer| {
        let dir = if answer.is_empty() { default_bundles() } else { answer.into() };
        let taken = person.iter().map(|p| dir.join(&p.name)).find(|path| path.exists());
        match taken {
            Some(path) => Err(wrong(format!("{} is there already.", path.display()))),
            None => Ok(dir),
        }
    })?;
    let plan = Plan {
        authority: if authority.is_empty() { default_authority() } else { authority },
        server_names,
        bundles,
        shares: None,
        slot,
        person,
    };
    if confirmed(t, &plan)? { Ok(plan) } else { Err(wrong("Nothing was made.".into())) }
}

fn custodians(t: &mut Terminal) -> Result<PlannedSlot, Fault> {
    t.show("\n2. Custodians: shares that open the root key when all else is lost\n")?;
    let shares = number(t, "   How many custodians [5]: ", 5, 2..=255)?;
    let few = shares.min(3);
    let question = format!("   How many of them open together [{few}]: ");
    let threshold = number(t, &question, few, 2..=shares)?;
    let mut recipients: Vec<String> = Vec::new();
    if yes(t, "   Encrypt each share to its custodian's age key? [y/N]: ")? {
        for i in 1..=shares {
            let question = format!("   age public key of custodian {i}: ");
            let key = until(t, &question, |answer| {
                check_recipient(answer)?;
                if recipients.iter().any(|other| other == answer) {
                    return Err(wrong("Another custodian has that key.".into()));
                }
                Ok(answer.to_owned())
            })?;
            recipients.push(key);
        }
    }
    Ok(PlannedSlot::Shamir { threshold, shares, recipients })
}

fn restarts(t: &mut Terminal) -> Result<PlannedSlot, Fault> {
    t.show(
        "\n3. Restarts\n   Without a slot that opens by itself, custodians must come after every\n\
         \x20  restart.\n",
    )?;
    let name = until(t, "   Let a systemd credential open it? Its name, or nothing: ", |answer| {
        if !answer.is_empty() {
            check_credential(answer)?;
        }
        Ok(answer.to_owned())
    })?;
    if !name.is_empty() {
        return Ok(PlannedSlot::SystemdCredential { name });
    }
    t.show("   Then a passphrase is the other way in.\n")?;
    let question = "   File with the passphrase (12 characters or more, mode 0600): ";
    let passphrase_file = until(t, question, |answer| {
        let file = Path::new(answer);
        slot_passphrase(file).map(|_| file.to_owned())
    })?;
    Ok(PlannedSlot::Passphrase { passphrase_file })
}

fn people(t: &mut Terminal) -> Result<Vec<PlannedPerson>, Fault> {
    t.show("\n4. People. One person has one role; names by spaces\n")?;
    let mut person: Vec<PlannedPerson> = Vec::new();
    for (role, needed, question) in [
        ("officer", true, "   Officers (keys and policies): "),
        ("sysadmin", true, "   System administrators (the server; no keys): "),
        ("auditor", true, "   Auditors (read everything, change nothing): "),
        ("client", false, "   First clients (programs that use keys): "),
    ] {
        let mut named = until(t, question, |answer| {
            let mut named: Vec<PlannedPerson> = Vec::new();
            for name in answer.split_whitespace() {
                let others = person.iter().chain(&named).map(|p| p.name.as_str());
                check_name(name, others)?;
                named.push(PlannedPerson { name: name.into(), role: role.into(), group: None });
            }
            if needed && named.is_empty() {
                return Err(wrong(format!("Somebody must be {role}.")));
            }
            Ok(named)
        })?;
        person.append(&mut named);
    }
    Ok(person)
}

fn confirmed(t: &mut Terminal, plan: &Plan) -> Result<bool, Fault> {
    let custodians = plan.slot.iter().find_map(|slot| match slot {
        PlannedSlot::Shamir { threshold, shares, .. } => Some((threshold, shares)),
        _ => None,
    });
    let (threshold, shares) = custodians.unwrap_or((&0, &0));
    let text = format!(
        "{threshold} of {shares} shares, {} people and programs, server {}.",
        plan.person.len(),
        plan.server_names.join(", ")
    );
    t.show(&format!("\n{}\n", fold(&text, 78).join("\n")))?;
    yes(t, "Make it? [y/N]: ")
}

/// Asks until the answer can be one.
fn until<T>(
    t: &mut Terminal,
    question: &str,
    judge: impl Fn(&str) -> Result<T, Fault>,
) -> Result<T, Fault> {
    loop {
        match judge(&t.ask(question)?) {
            Ok(answer) => return Ok(answer),
            Err(fault) => {
                let lines = fold(&fault.detail, 72);
                t.show(&format!("     {}\n", lines.join("\n     ")))?;
            }
        }
    }
}

fn yes(t: &mut Terminal, question: &str) -> Result<bool, Fault> {
    until(t, question, |answer| match answer.to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "" | "n" | "no" => Ok(false),
        _ => Err(wrong("y or n.".into())),
    })
}

fn number(
    t: &mut Terminal,
    question: &str,
    default: u8,
    range: core::ops::RangeInclusive<u8>,
) -> Result<u8, Fault> {
    until(t, question, |answer| {
        let number = if answer.is_empty() { Some(default) } else { answer.parse().ok() };
        number.filter(|n| range.contains(n)).ok_or_else(|| {
            wrong(format!("A whole number from {} to {}.", range.start(), range.end()))
        })
    })
}

fn wrong(what: String) -> Fault {
    Fault::new(errors::INPUT, what)
}
