//! `strongroom role`.

use clap::{Args, Subcommand};

use super::blast::{Blast, used};
use super::change::{Ask, Try, table_or};
use super::client::{Client, encode};
use super::output::{cut, show};
use super::policy::role_path;
use super::{Done, Reach};
use crate::admin::types::{Changed, RoleGrant, RoleRow, UsesView};
use crate::errors::{Exit, Fault};

/// Roles: who is officer, sysadmin, auditor, client or custodian. One person has one at most.
#[derive(Subcommand)]
pub enum Role {
    /// Every user with a role.
    List(List),
    /// Give a user a role.
    Grant(Grant),
    /// Take a user's role. It bites on the next request.
    Revoke(Revoke),
}

/// Every user with a role.
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    reach: Reach,
}

/// Give a user a role.
#[derive(Args)]
pub struct Grant {
    /// The user: CN of the certificate.
    user: String,
    /// officer, sysadmin, auditor, client or custodian.
    role: String,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// Take a user's role.
#[derive(Args)]
pub struct Revoke {
    /// The user: CN of the certificate.
    user: String,
    #[command(flatten)]
    how: Try,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

const OFFICER: &[&str] = &["officer"];
const READERS: &[&str] = &["officer", "auditor"];

impl Role {
    pub fn run(self) -> Done {
        match self {
            Self::List(c) => c.run(),
            Self::Grant(c) => c.run(),
            Self::Revoke(c) => c.run(),
        }
    }
}

impl List {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, READERS)?;
        let rows: Vec<RoleRow> = client.all("/v1/roles")?;
        show(self.reach.output, &rows, |rows| {
            let cells: Vec<_> =
                rows.iter().map(|r| vec![cut(&r.user, 60), r.role.clone()]).collect();
            let none = "Nobody has a role. Give one with `strongroom role grant USER ROLE`.";
            table_or(&["User", "Role"], &cells, none)
        })?;
        Ok(Exit::Ok)
    }
}

/// What became of a change, for people.
pub(super) fn told(changed: &Changed, done: &str, already: &str) -> String {
    let text = if changed.changed { done } else { already };
    format!("{}\n", crate::config::table::fold(text, 80).join("\n"))
}

impl Grant {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let (path, body) = (role_path(&self.user), RoleGrant { role: self.role.clone() });
        let changed = client.change::<Changed>(Ask::put(&path, self.how), &body)?;
        changed.show(self.reach.output, |changed| {
            let done = format!("{} is {}.", self.user, self.role);
            told(changed, &done, &format!("{} is {} already.", self.user, self.role))
        })?;
        Ok(Exit::Ok)
    }
}

impl Revoke {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        if !self.how.dry_run && !self.yes {
            self.blast(&client)?.ask(&self.user)?;
        }
        let path = role_path(&self.user);
        let changed =
            client.change::<Changed>(Ask::delete(&path, self.how), &serde_json::json!({}))?;
        changed.show(self.reach.output, |changed| {
            let done = format!("{} has no role.", self.user);
            told(changed, &done, &format!("{} has no role already.", self.user))
        })?;
        Ok(Exit::Ok)
    }

    /// What the user does with the role.
    fn blast(&self, client: &Client) -> Result<Blast, Fault> {
        let path = role_path(&self.user);
        let ask = Ask::delete(&path, self.how);
        let rows: Vec<RoleRow> = client.looked(client.all("/v1/roles"), ask)?;
        let user = &self.user;
        let held: Vec<&RoleRow> = rows.iter().filter(|row| row.user == *user).collect();
        let names = held.iter().map(|row| row.role.as_str()).collect::<Vec<_>>().join(", ");
        let names = if names.is_empty() { "no role".to_owned() } else { names };
        let others = rows.iter().filter(|r| held.iter().any(|h| h.role == r.role)).count();
        let others = others.saturating_sub(held.len());
        let uses: UsesView = client.get(&format!("/v1/uses?user={}", encode(user)))?;
        Ok(Blast::new(format!("{user} loses the role ({names}), from the next request on."))
            .and(format!("{others} others have it."))
            .and(used(&uses, "A key")))
    }
}
