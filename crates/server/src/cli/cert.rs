//! `strongroom cert`.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};

use super::blast::Blast;
use super::change::{Ask, Try};
use super::client::Client;
use super::clients::counts;
use super::output::{cut, date, pairs, say, show, table};
use super::{Done, Output, Reach};
use crate::admin::types::{
    AuthorityRow, CertificatesView, ClientRow, RenewServer, ServerCertificate,
};
use crate::config::table::fold;
use crate::errors::{self, Exit, Fault};
use crate::kmip_listener::now;

/// The server's certificate and the authorities, renewed without a restart.
#[derive(Subcommand)]
pub enum Cert {
    /// What is in use, and until when.
    Show(Show),
    /// Make a new certificate for the server and put it in use.
    Renew(Renew),
    /// The authority that signs clients and the server.
    #[command(subcommand)]
    Ca(Ca),
}

/// The authority.
#[derive(Subcommand)]
pub enum Ca {
    /// Make a new one. Clients of the one before are accepted until it is retired.
    Renew(RenewCa),
    /// Accept no more clients of the ones before.
    Retire(Retire),
}

/// What is in use.
#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    reach: Reach,
}

/// A new certificate for the server.
#[derive(Args)]
pub struct Renew {
    /// A name or address that it bears; may be given several times. Default: those of the one
    /// before.
    #[arg(long, value_name = "NAME_OR_IP")]
    san: Vec<String>,
    /// Days that it counts.
    #[arg(long, default_value_t = 730, value_parser = clap::value_parser!(u16).range(1..=7305))]
    days: u16,
    #[command(flatten)]
    how: Try,
    /// Renew also if this bundle does not trust the authority that signs.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

/// A new authority.
#[derive(Args)]
pub struct RenewCa {
    #[command(flatten)]
    how: Try,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

/// No more clients of the authorities before.
#[derive(Args)]
pub struct Retire {
    #[command(flatten)]
    how: Try,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

const SYSADMIN: &[&str] = &["sysadmin"];
const OFFICER: &[&str] = &["officer"];
const STAFF: &[&str] = &["sysadmin", "officer", "auditor"];

impl Cert {
    pub fn run(self) -> Done {
        match self {
            Self::Show(c) => c.run(),
            Self::Renew(c) => c.run(),
            Self::Ca(Ca::Renew(c)) => c.run(),
            Self::Ca(Ca::Retire(c)) => c.run(),
        }
    }
}

impl Show {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, STAFF)?;
        let view: CertificatesView = client.get("/v1/certificates")?;
        show(self.reach.output, &view, view_text)?;
        Ok(Exit::Ok)
    }
}

fn view_text(view: &CertificatesView) -> String {
    let mut out = match &view.server {
        Some(server) => server_text(server),
        None => String::new(),
    };
    out.push('\n');
    out.push_str(&authorities_text(&view.authorities));
    if !view.lists.is_empty() {
        let cells: Vec<_> = view
            .lists
            .iter()
            .map(|l| vec![cut(&l.authority, 34), date(l.next_update), l.revoked.to_string()])
            .collect();
        out.push('\n');
        out.push_str(&table(&["List of", "Due", "Revoked"], &cells));
    }
    out
}

fn server_text(server: &ServerCertificate) -> String {
    pairs(&[
        ("Server", server.names.join(", ")),
        ("Counts until", date(server.not_after)),
        ("Fingerprint", server.fingerprint.clone()),
    ])
}

fn authorities_text(rows: &[AuthorityRow]) -> String {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let does = if row.signs { "signs" } else { "accepted" };
            let print = cut(&row.fingerprint, 16);
            vec![cut(&row.name, 34), date(row.not_after), print, does.to_owned()]
        })
        .collect();
    table(&["Authority", "Until", "Fingerprint", ""], &cells)
}

impl Renew {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, SYSADMIN)?;
        let body = RenewServer { names: self.san, days: Some(self.days) };
        let ask = Ask::post("/v1/certificates/server/renew", self.how);
        if !self.yes && !self.how.dry_run {
            let view: CertificatesView = client.looked(client.get("/v1/certificates"), ask)?;
            stays_known(&client, &view)?;
        }
        let renewed = client.change::<ServerCertificate>(ask, &body)?;
        renewed.show(self.reach.output, server_text)?;
        Ok(Exit::Ok)
    }
}

/// Whoever renews does not shut himself out: the bundle he comes with has the authority that signs.
fn stays_known(client: &Client, view: &CertificatesView) -> Result<(), Fault> {
    let Some(signs) = view.authorities.iter().find(|row| row.signs) else { return Ok(()) };
    if client.trusts(&signs.fingerprint)? {
        return Ok(());
    }
    let what = format!(
        "The new certificate would be of {}, which this bundle does not trust: it would be shut \
         out. Come with a bundle that an officer issued since that authority signs, or say --yes.",
        signs.name
    );
    Err(Fault::new(errors::CONFLICT, what))
}

/// What comes after a new authority.
const THEN: &str = "Next, in this order: `strongroom client issue` for everybody, yourself first, \
                    since the new ca.pem comes with it; `strongroom cert renew`, from which on \
                    whoever has only the old ca.pem is shut out; `strongroom cert ca retire`, \
                    from which on clients of the old authority are refused.";

impl RenewCa {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let what = "A new authority signs from now on. Clients that trust only the one before go \
                    on until the server's certificate is renewed: give them the new ca.pem before \
                    that. Afterwards, when all have certificates of the new one, retire the old.";
        if !self.yes && !self.how.dry_run {
            Blast::new(what).ask("renew")?;
        }
        let ask = Ask::post("/v1/certificates/ca/renew", self.how);
        let row = client.change::<AuthorityRow>(ask, &serde_json::json!({}))?;
        row.show(self.reach.output, |row| {
            let row = authorities_text(std::slice::from_ref(row));
            format!("{row}\n{}\n", fold(THEN, 80).join("\n"))
        })?;
        Ok(Exit::Ok)
    }
}

impl Retire {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let tried = self.how.dry_run;
        if !self.yes || tried {
            let blast = blast(&client)?;
            match tried {
                true if self.reach.output == Output::Table => say(&format!("{}\n\n", blast.text())),
                true => {}
                false => blast.ask("retire")?,
            }
        }
        let ask = Ask::post("/v1/certificates/ca/retire", self.how);
        let retired = client.change::<Vec<AuthorityRow>>(ask, &serde_json::json!({}))?;
        retired.show(self.reach.output, |rows| format!("Retired: {}.\n", rows.len()))?;
        Ok(Exit::Ok)
    }
}

/// Which authorities go, and who goes with them.
fn blast(client: &Client) -> Result<Blast, Fault> {
    let view: CertificatesView = client.get("/v1/certificates")?;
    let old: Vec<AuthorityRow> = view.authorities.into_iter().filter(|r| !r.signs).collect();
    let rows: Vec<ClientRow> = client.all("/v1/clients")?;
    if old.is_empty() {
        return Ok(Blast::new("There is one authority, and none to be retired."));
    }
    Ok(Blast::new("Every certificate of these is refused from the next connection on:")
        .and(authorities_text(&old))
        .and(cut_off(&rows, now())))
}

/// Who is cut off when the older authorities are retired: who has no certificate of the newest, and
/// whose certificates end while others go on.
fn cut_off(rows: &[ClientRow], at: i64) -> String {
    let counting: Vec<_> = rows.iter().filter(|row| counts(row, at)).collect();
    let new: BTreeSet<&str> =
        counting.iter().filter(|r| r.authority == "current").map(|r| r.user.as_str()).collect();
    let old: BTreeSet<&str> =
        counting.iter().filter(|r| r.authority == "older").map(|r| r.user.as_str()).collect();
    let alone: Vec<&str> = old.difference(&new).copied().collect();
    let both = old.intersection(&new).count();
    let mut text = match alone.as_slice() {
        [] => "Nobody whom this server knows is cut off.".to_owned(),
        users => format!("Cut off, without a certificate of the newest: {}.", users.join(", ")),
    };
    if both > 0 {
        let lose =
            if both == 1 { "loses a certificate and has" } else { "lose a certificate and have" };
        text.push_str(&format!(" {both} more {lose} a newer one."));
    }
    format!("{}\n", fold(&text, 80).join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_certificate_of_the_newest_authority_is_named() {
        let row = |user: &str, authority: &str, revoked: bool| ClientRow {
            user: user.into(),
            groups: Vec::new(),
            purpose: "client".into(),
            fingerprint: String::new(),
            serial: "01".into(),
            not_after: 100,
            issued: 1,
            authority: authority.into(),
            revoked: revoked.then(|| "lost".into()),
            revoked_at: None,
        };
        let rows = [
            row("new", "current", false),
            row("both", "current", false),
            row("both", "older", false),
            row("late", "older", false),
            row("gone", "older", true),
            row("past", "retired", false),
        ];
        let text = cut_off(&rows, 50);
        assert!(text.contains("newest: late. 1 more loses"), "{text}");
        assert!(cut_off(&rows, 101).contains("Nobody"));
    }
}
