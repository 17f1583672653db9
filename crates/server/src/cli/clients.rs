//! `strongroom client`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;
use zeroize::Zeroizing;

use super::blast::{Blast, used};
use super::change::{Ask, Try, table_or};
use super::client::{Client, encode};
use super::crl::Crl;
use super::output::{complain, cut, date, pairs, show};
use super::recipes::recipes;
use super::{Done, Reach};
use crate::admin::types::{ClientIssued, ClientRow, NewClient, RevokeClient, UsesView};
use crate::errors::{self, Exit, Fault};
use crate::kmip_listener::now;
use crate::pki::{self, Wish};
use crate::setup::{ADMIN_ADDRESS, KMIP_ADDRESS};

/// Certificates of clients and people: issue, list, revoke, and what to do with a bundle.
#[derive(Subcommand)]
pub enum Clients {
    /// Issue a certificate: a bundle with a new key, or for a request that somebody sent.
    Issue(Issue),
    /// Every certificate that is known.
    List(List),
    /// Revoke a certificate, for good. It bites on the next request.
    Revoke(Revoke),
    /// Sign a list of the revoked certificates, for replicas and others.
    Crl(Crl),
    /// How to connect products with a bundle.
    Bundle(Bundle),
}

/// Issue a certificate.
#[derive(Args)]
pub struct Issue {
    /// The user: CN of the certificate.
    user: String,
    /// The group: OU of the certificate.
    #[arg(long)]
    group: Option<String>,
    /// The role that the user gets: officer, sysadmin, auditor, client or custodian.
    #[arg(long)]
    role: Option<String>,
    /// Days that it counts.
    #[arg(long, default_value_t = 730, value_parser = clap::value_parser!(u16).range(1..=7305))]
    days: u16,
    /// A certificate signing request (PKCS #10, PEM) instead of a new key; - reads it from standard
    /// input. Only its key is taken.
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,
    /// Where the bundle goes: cert.pem, ca.pem and, without --csr, key.pem. Default: the user's
    /// name.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// Every certificate that is known.
#[derive(Args)]
pub struct List {
    /// Show expired and revoked ones too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    reach: Reach,
}

/// Revoke a certificate.
#[derive(Args)]
pub struct Revoke {
    /// The user, if there is one certificate of that name that counts; else the certificate's
    /// fingerprint, or as much of its beginning as no other has.
    #[arg(value_name = "USER_OR_FINGERPRINT")]
    which: String,
    /// Why, for the record.
    #[arg(long, default_value = "revoked by an officer")]
    reason: String,
    #[command(flatten)]
    how: Try,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

/// How to connect products with a bundle.
#[derive(Args)]
pub struct Bundle {
    /// The bundle: a directory with cert.pem, key.pem and ca.pem.
    dir: PathBuf,
    /// Where KMIP is served, HOST:PORT. Default: what the bundle says.
    #[arg(long, value_name = "HOST:PORT")]
    kmip: Option<String>,
}

const NEEDS_APPROVAL: u16 = errors::NEEDS_APPROVAL.number;

const OFFICER: &[&str] = &["officer"];
const READERS: &[&str] = &["officer", "auditor"];

impl Clients {
    pub fn run(self) -> Done {
        match self {
            Self::Issue(c) => c.run(),
            Self::List(c) => c.run(),
            Self::Revoke(c) => c.run(),
            Self::Crl(c) => c.run(),
            Self::Bundle(c) => c.run(),
        }
    }
}

impl Issue {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let new = |csr: &str| NewClient {
            user: self.user.clone(),
            group: self.group.clone(),
            role: self.role.clone(),
            days: Some(self.days),
            csr: csr.to_owned(),
        };
        let ask = Ask::post("/v1/clients", self.how);
        // Whoever may not look is told nothing of it; whether he may issue is another thing.
        if self.group.is_none()
            && let Ok(rows) = client.all::<ClientRow>("/v1/clients")
            && let Some(lost) = groups_lost(&self.user, &rows, now())
        {
            complain(&lost);
        }
        if self.how.dry_run {
            // No directory is made either.
            let csr = match self.csr.as_deref() {
                Some(path) => read(path)?,
                None => Wish::create()?.csr,
            };
            let plan = client.change::<ClientIssued>(ask, &new(&csr))?;
            plan.show(self.reach.output, |_| String::new())?;
            return Ok(Exit::Ok);
        }
        let place = Place::prepare(self.out.as_deref(), &self.user, self.csr.as_deref())?;
        let issued: ClientIssued =
            client.post("/v1/clients", &new(place.csr())).map_err(|fault| place.kept(fault))?;
        place.put_down(&issued, client.server())?;
        let (group, role) = (self.group.as_deref(), self.role.as_deref());
        place.show(self.reach.output, &issued, &self.user, group, role)?;
        Ok(Exit::Ok)
    }
}

/// What a user's new certificate without a group loses, if the newest one that counts has one.
fn groups_lost(user: &str, rows: &[ClientRow], at: i64) -> Option<String> {
    let held = rows.iter().filter(|row| row.user == user && row.purpose == "client");
    let held = held.filter(|row| row.revoked.is_none() && row.not_after > at);
    let groups = &held.max_by_key(|row| row.issued)?.groups;
    let first = groups.first()?;
    Some(format!(
        "NOTE: {user}'s certificate before has the group {}, and grants to it. This one has no \
         group; --group {first} gives it.",
        groups.join(", ")
    ))
}

/// The key and the request of a certificate that waits for approval.
const WAITING_KEY: &str = "waiting-key.pem";
const WAITING_CSR: &str = "waiting.csr";

/// Where a bundle goes, and the request for its certificate.
pub(super) struct Place {
    dir: PathBuf,
    csr: String,
    key: Option<Zeroizing<String>>,
}

impl Place {
    /// Makes the directory, and a key unless somebody sent a request. Nothing is issued that could
    /// not be put down.
    pub(super) fn prepare(
        out: Option<&Path>,
        user: &str,
        csr: Option<&Path>,
    ) -> Result<Self, Fault> {
        let dir = out.map_or_else(|| file_name(user).into(), Path::to_owned);
        for name in ["cert.pem", "key.pem", "ca.pem"] {
            if dir.join(name).exists() {
                let what = format!("It is {}.", dir.join(name).display());
                return Err(Fault::new(errors::FILE_EXISTS, what));
            }
        }
        pki::private_dir(&dir)?;
        Ok(match csr {
            Some(path) => Self { dir, csr: read(path)?, key: None },
            // What waits for approval is asked for with the same key again.
            None if dir.join(WAITING_KEY).exists() && dir.join(WAITING_CSR).exists() => {
                let key = Zeroizing::new(read(&dir.join(WAITING_KEY))?);
                Self { csr: read(&dir.join(WAITING_CSR))?, key: Some(key), dir }
            }
            None => {
                let wish = Wish::create()?;
                Self { dir, csr: wish.csr, key: Some(wish.key) }
            }
        })
    }

    pub(super) fn csr(&self) -> &str {
        &self.csr
    }

    /// Keeps the key and the request where they wait for approval: another key would be another
    /// request.
    fn kept(&self, fault: Fault) -> Fault {
        let Some(key) = self.key.as_ref().filter(|_| fault.info.number == NEEDS_APPROVAL) else {
            return fault;
        };
        if self.dir.join(WAITING_KEY).exists() {
            return fault;
        }
        let written = pki::write_private(&self.dir.join(WAITING_KEY), key.as_bytes())
            .and_then(|()| pki::write_private(&self.dir.join(WAITING_CSR), self.csr.as_bytes()));
        written.err().unwrap_or(fault)
    }

    /// Writes the bundle.
    pub(super) fn put_down(&self, issued: &ClientIssued, server: &str) -> Result<(), Fault> {
        if let Some(key) = &self.key {
            pki::write_private(&self.dir.join("key.pem"), key.as_bytes())?;
        }
        for waiting in [WAITING_KEY, WAITING_CSR] {
            let _ = fs::remove_file(self.dir.join(waiting));
        }
        pki::write_private(&self.dir.join("cert.pem"), issued.certificate.as_bytes())?;
        pki::write_private(&self.dir.join("ca.pem"), issued.authority.as_bytes())?;
        let address = self.dir.join(ADMIN_ADDRESS);
        if !address.exists() {
            pki::write_private(&address, format!("{server}\n").as_bytes())?;
        }
        let kmip = self.dir.join(KMIP_ADDRESS);
        if issued.kmip_port != 0 && !kmip.exists() {
            let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
            pki::write_private(&kmip, format!("{host}:{}\n", issued.kmip_port).as_bytes())?;
        }
        Ok(())
    }

    /// Tells what was issued.
    pub(super) fn show(
        &self,
        output: super::Output,
        issued: &ClientIssued,
        user: &str,
        group: Option<&str>,
        role: Option<&str>,
    ) -> Result<(), Fault> {
        show(output, issued, |issued| {
            pairs(&[
                ("Bundle", self.dir.display().to_string()),
                ("User", user.to_owned()),
                ("Group", group.unwrap_or("none").to_owned()),
                ("Role", role.unwrap_or("none, which is a client's").to_owned()),
                ("Counts until", date(issued.not_after)),
                ("Fingerprint", issued.fingerprint.clone()),
                ("Next", format!("strongroom client bundle {}", self.dir.display())),
            ])
        })
    }
}

/// A user's name as the name of a directory.
fn file_name(user: &str) -> String {
    let plain: String = user
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.@".contains(c) { c } else { '_' })
        .collect();
    format!("bundle-{plain}")
}

fn read(path: &Path) -> Result<String, Fault> {
    let unusable = |why: String| Fault::new(errors::INPUT, format!("{}: {why}.", path.display()));
    if path.as_os_str() == "-" {
        let mut text = String::new();
        let read = std::io::stdin().take(1 << 16).read_to_string(&mut text);
        return read.map(|_| text).map_err(|e| unusable(e.to_string()));
    }
    fs::read_to_string(path).map_err(|e| unusable(e.to_string()))
}

impl List {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, READERS)?;
        let mut rows: Vec<ClientRow> = client.all("/v1/clients")?;
        let at = now();
        if !self.all {
            rows.retain(|row| counts(row, at));
        }
        show(self.reach.output, &rows, |rows| {
            let cells: Vec<_> = rows
                .iter()
                .map(|row| {
                    let state = match &row.revoked {
                        Some(why) => format!("revoked: {why}"),
                        None if row.not_after < at => "expired".to_owned(),
                        None if row.authority == "retired" => "authority retired".to_owned(),
                        None => row.purpose.clone(),
                    };
                    vec![
                        cut(&row.user, 24),
                        cut(&row.groups.join(","), 14),
                        date(row.not_after),
                        cut(&row.fingerprint, 12),
                        state,
                    ]
                })
                .collect();
            let none = "No certificate counts. Issue one with `strongroom client issue USER`; \
                        --all shows those that do not count any more.";
            table_or(&["User", "Group", "Until", "Fingerprint", "State"], &cells, none)
        })?;
        Ok(Exit::Ok)
    }
}

pub(super) fn counts(row: &ClientRow, at: i64) -> bool {
    row.revoked.is_none() && row.not_after >= at && row.authority != "retired"
}

impl Revoke {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let rows: Vec<ClientRow> = client.all("/v1/clients")?;
        let row = one_of(&self.which, rows)?;
        let until = match row.not_after {
            0 => String::new(),
            ends => format!(", until {}", date(ends)),
        };
        let what = format!("The certificate {} of {}{until}.", cut(&row.fingerprint, 12), row.user);
        if !self.yes && !self.how.dry_run {
            let print = encode(&row.fingerprint);
            let uses: UsesView = client.get(&format!("/v1/uses?certificate={print}"))?;
            Blast::new(what.clone())
                .and("It is refused from the next request on, for good.")
                .and(used(&uses, "A key"))
                .and(match uses.objects {
                    0 => String::new(),
                    objects => format!("{} uses of {objects} keys were with it.", uses.uses),
                })
                .ask(&row.user)?;
        }
        let path = format!("/v1/clients/{}/revoke", encode(&row.fingerprint));
        let body = RevokeClient { reason: self.reason };
        let done = client.change::<Value>(Ask::post(&path, self.how), &body)?;
        done.show(self.reach.output, |_| format!("Revoked: {what}\n"))?;
        Ok(Exit::Ok)
    }
}

/// The certificate that is meant: by its user's name among those that count, or by the beginning
/// of its fingerprint.
fn one_of(which: &str, rows: Vec<ClientRow>) -> Result<ClientRow, Fault> {
    let at = now();
    let named: Vec<_> = rows.iter().filter(|r| r.user == which && counts(r, at)).collect();
    let begins = which.to_ascii_lowercase();
    let by_print: Vec<_> =
        rows.iter().filter(|r| begins.len() >= 8 && r.fingerprint.starts_with(&begins)).collect();
    let meant = if named.is_empty() { by_print } else { named };
    match meant.as_slice() {
        [one] => Ok((*one).clone()),
        [] if begins.len() == 64 && begins.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Ok(ClientRow {
                user: "somebody whom this server does not know".to_owned(),
                groups: Vec::new(),
                purpose: "client".to_owned(),
                fingerprint: begins,
                serial: String::new(),
                not_after: 0,
                issued: 0,
                authority: String::new(),
                revoked: None,
                revoked_at: None,
            })
        }
        [] => Err(Fault::new(
            errors::NOT_FOUND,
            format!("No certificate that counts is of `{which}`, and no fingerprint begins so."),
        )),
        several => {
            let prints: Vec<_> =
                several.iter().map(|r| r.fingerprint.get(..16).unwrap_or_default()).collect();
            let what = format!("`{which}` has several: {}.", prints.join(", "));
            Err(Fault::new(errors::AMBIGUOUS, what))
        }
    }
}

impl Bundle {
    fn run(self) -> Done {
        for name in ["cert.pem", "ca.pem"] {
            if !self.dir.join(name).exists() {
                let what = format!("{} is missing.", self.dir.join(name).display());
                return Err(Fault::new(errors::NO_BUNDLE, what));
            }
        }
        let kmip = match self.kmip {
            Some(kmip) => kmip,
            None => address_of(&self.dir),
        };
        if kmip
            .rsplit_once(':')
            .is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
        {
            let what = format!("\"{kmip}\" is not HOST:PORT.");
            return Err(Fault::new(errors::INPUT, what));
        }
        if !self.dir.join("key.pem").exists() {
            super::output::say(&format!(
                "The private key is with whoever made the signing request. Where lines below say\n\
                 {}, give the key's own place.\n\n",
                self.dir.join("key.pem").display()
            ));
        }
        super::output::say(&recipes(&kmip, &self.dir));
        Ok(Exit::Ok)
    }
}

/// Where a bundle says that KMIP is served; in one of an earlier build, the host of the admin port.
fn address_of(dir: &Path) -> String {
    let read = |name: &str| fs::read_to_string(dir.join(name)).map(|t| t.trim().to_owned()).ok();
    read(KMIP_ADDRESS).unwrap_or_else(|| {
        let admin = read(ADMIN_ADDRESS).unwrap_or_default();
        let host = admin.rsplit_once(':').map_or("127.0.0.1", |(host, _)| host);
        format!("{host}:5696")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(user: &str, fingerprint: &str, revoked: bool) -> ClientRow {
        ClientRow {
            user: user.into(),
            groups: Vec::new(),
            purpose: "client".into(),
            fingerprint: fingerprint.into(),
            serial: "01".into(),
            not_after: i64::MAX,
            issued: 0,
            authority: String::new(),
            revoked_at: None,
            revoked: revoked.then(|| "lost".into()),
        }
    }

    #[test]
    fn a_new_certificate_without_the_group_of_the_one_before_is_told_of() {
        let mut old = row("db-01", "aa", false);
        old.groups = vec!["databases".to_owned()];
        let rows = [old.clone(), row("db-02", "bb", false)];
        let told = groups_lost("db-01", &rows, 0).unwrap();
        assert!(told.contains("--group databases"), "{told}");
        assert_eq!(groups_lost("db-02", &rows, 0), None);
        // What is revoked, or was followed by one without a group, is lost already.
        old.revoked = Some("lost".into());
        assert_eq!(groups_lost("db-01", &[old], 0), None);
        let mut newer = row("db-01", "cc", false);
        newer.issued = 5;
        assert_eq!(groups_lost("db-01", &[rows[0].clone(), newer], 0), None);
    }

    #[test]
    fn a_certificate_is_meant_by_its_user_or_the_beginning_of_its_fingerprint() {
        let rows = vec![
            row("db-07", "aaaaaaaa11", false),
            row("db-07", "bbbbbbbb22", true),
            row("web", "cccccccc33", false),
            row("web", "cccccccc44", false),
        ];
        let of = |which: &str| one_of(which, rows.clone()).map(|r| r.fingerprint);
        assert_eq!(of("db-07").unwrap(), "aaaaaaaa11");
        assert_eq!(of("BBBBBBBB").unwrap(), "bbbbbbbb22");
        assert_eq!(of("web").unwrap_err().info.number, errors::AMBIGUOUS.number);
        assert_eq!(of("cccccccc").unwrap_err().info.number, errors::AMBIGUOUS.number);
        assert_eq!(of("aaaa").unwrap_err().info.number, errors::NOT_FOUND.number);
    }

    #[test]
    fn a_users_name_becomes_a_harmless_directory() {
        assert_eq!(file_name("../../etc/x"), "bundle-.._.._etc_x");
    }
}
