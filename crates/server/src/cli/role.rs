//! `strongroom role`.

use clap::{Args, Subcommand};

use super::client::Client;
use super::output::{cut, show, table};
use super::policy::role_path;
use super::root::confirm;
use super::{Done, Reach};
use crate::admin::types::{Changed, RoleGrant, RoleRow};
use crate::errors::Exit;

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
    /// Change nothing; say whether it could be done.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    reach: Reach,
}

/// Take a user's role.
#[derive(Args)]
pub struct Revoke {
    /// The user: CN of the certificate.
    user: String,
    /// Change nothing; say whether it could be done.
    #[arg(long)]
    dry_run: bool,
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
            table(&["User", "Role"], &cells)
        })?;
        Ok(Exit::Ok)
    }
}

/// The query of a change that may be only tried.
pub(super) fn query(dry_run: bool) -> &'static str {
    if dry_run { "?dry_run=true" } else { "" }
}

/// What became of a change, for people.
pub(super) fn told(changed: &Changed, done: &str, already: &str) -> String {
    let text = match (changed.dry_run, changed.changed) {
        (false, true) => done.to_owned(),
        (true, true) => format!("Nothing was changed. It would be: {done}"),
        (_, false) => already.to_owned(),
    };
    format!("{}\n", crate::config::table::fold(&text, 80).join("\n"))
}

impl Grant {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let path = format!("{}{}", role_path(&self.user), query(self.dry_run));
        let changed: Changed = client.put(&path, &RoleGrant { role: self.role.clone() })?;
        show(self.reach.output, &changed, |changed| {
            let done = format!("{} is {}.", self.user, self.role);
            told(changed, &done, &format!("{} is {} already.", self.user, self.role))
        })?;
        Ok(Exit::Ok)
    }
}

impl Revoke {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        if !self.dry_run {
            let what = format!("{} loses the role, from the next request on.", self.user);
            confirm(self.yes, &what, &self.user)?;
        }
        let path = format!("{}{}", role_path(&self.user), query(self.dry_run));
        let changed: Changed = client.delete(&path)?;
        show(self.reach.output, &changed, |changed| {
            let done = format!("{} has no role.", self.user);
            told(changed, &done, &format!("{} has no role already.", self.user))
        })?;
        Ok(Exit::Ok)
    }
}
