//! `strongroom backup allow-replicas`, `backup restore --replica` and `backup promote`.

use std::fs;
use std::path::Path;

use clap::Args;
use strongroom_engine::{BackupUnlock, Engine, ReplicaPlan, restore_replica};

use super::backup::{Given, Proof, confirmed_text, given};
use super::change::{Ask, Try};
use super::client::Client;
use super::output::{pairs, say, show, span, time};
use super::root::confirm;
use super::{Done, Output, Reach};
use crate::admin::types::{PromoteReplica, ReplicaReport, ReplicasAllowed, RestoreConfirmed};
use crate::config::table::fold;
use crate::errors::{self, Exit, Fault};
use crate::kmip_listener::now;
use crate::pki::{self, Authority, LEAF_DAYS, Subject};
use crate::service::console;
use crate::setup;

/// A replica instead of a store in quarantine.
#[derive(Args)]
pub struct AsReplica {
    /// Make a second server with a site of its own, which serves uses and refuses changes until it
    /// is promoted; or refresh the one that is there.
    #[arg(long)]
    replica: bool,
    /// The replica's site: a number that no other server of this house has, 1 to 15.
    #[arg(long, value_name = "N", requires = "replica")]
    site: Option<u32>,
    /// A name or address of the replica, for its certificate; may be given several times.
    #[arg(long, value_name = "NAME_OR_IP", requires = "replica")]
    san: Vec<String>,
    /// Where changes go, told to whoever sends one to the replica: the primary's name.
    #[arg(long, value_name = "NAME", requires = "replica")]
    primary: Option<String>,
}

impl AsReplica {
    /// Whether that is what is wanted.
    pub fn is_wanted(&self) -> bool {
        self.replica
    }

    pub fn run(
        self,
        file: &Path,
        slots: &Path,
        with: &BackupUnlock,
        data: &Path,
        output: Output,
    ) -> Done {
        let plan = ReplicaPlan { site: self.site, primary: self.primary };
        let by = console();
        let made = restore_replica(file, slots, with, data, &by, &plan, |engine, at| {
            certify(engine, at, &self.san)
        })?;
        let site = made.site;
        show(output, &Proof::of_replica(&made.backup, site), |proof| {
            let next = match made.before_ms {
                Some(before) => format!(
                    "The replica, site {site}, was of the backup of {} and is of this one now. \
                     Start it again.",
                    time(before)
                ),
                None => format!(
                    "Restored into {} as a replica, site {site}. Say so in its configuration \
                     (`data.site = {site}`), put the slot file where that says \
                     (`root.slots_path`), start the server and unseal it. It serves uses, and \
                     takes changes once an officer promotes it with `strongroom backup promote`.",
                    data.display()
                ),
            };
            format!("{}{}\n", proof.text(), fold(&next, 80).join("\n"))
        })?;
        Ok(Exit::Ok)
    }
}

/// Makes the replica's own certificate: with the authority that the primary has, so that bundles
/// work with both.
fn certify(engine: &Engine, at: &Path, san: &[String]) -> Result<(), Fault> {
    let tls = at.join("tls");
    let [certificate, key, authorities] =
        ["server-cert.pem", "server-key.pem", "ca.pem"].map(|name| tls.join(name));
    if san.is_empty() && certificate.exists() {
        return Ok(());
    }
    let Some(secret) = engine.secret(setup::CA_KEY)? else {
        if san.is_empty() {
            // Another authority's, and that one's to issue.
            return Ok(());
        }
        let why = "The key manager has no authority of its own: leave --san out, and give the \
                   replica a certificate of your authority.";
        return Err(Fault::new(errors::TLS_MATERIAL, why));
    };
    if san.is_empty() {
        let why = "The replica needs a certificate of its own: name it with --san.";
        return Err(Fault::new(errors::INPUT, why));
    }
    let text = fs::read_to_string(&authorities).map_err(|e| {
        Fault::new(errors::TLS_MATERIAL, format!("{}: {e}.", authorities.display()))
    })?;
    let authority = Authority::load(&text, &secret)?;
    let names = setup::certificate_names(san, &[]);
    let issued = authority.issue_server(&names, LEAF_DAYS, now())?;
    let subject = Subject { user: names.first().cloned().unwrap_or_default(), group: None };
    engine.note_certificate(&console(), setup::info(&issued, &subject, "server"))?;
    let chain = format!("{}{}", issued.certificate, authority.own());
    for (path, bytes) in [(&key, issued.key.as_bytes()), (&certificate, chain.as_bytes())] {
        let _ = fs::remove_file(path);
        pki::write_private(path, bytes)?;
    }
    Ok(())
}

/// Set random IVs aside for replicas.
#[derive(Args)]
pub struct Allow {
    #[command(flatten)]
    how: Try,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Allow {
    pub fn run(self) -> Done {
        let client = Client::new(&self.reach, &["sysadmin"])?;
        if !self.how.dry_run {
            let words = "From now on this server makes at most 3 * 2^30 random IVs with each key \
                         instead of 2^32, and each replica 2^26. A key that has made more already \
                         goes on to 2^32 here, and encrypts at no replica. There is no way back.";
            confirm(self.yes, &fold(words, 80).join("\n"), "replicas")?;
        }
        let ask = Ask::post("/v1/replica/allow", self.how);
        let allowed = client.change::<ReplicasAllowed>(ask, &())?;
        allowed.show(self.reach.output, |a| {
            let words = if a.already {
                "Replicas were allowed already."
            } else {
                "Replicas are allowed. Take a backup now, and make one of it with `strongroom \
                 backup restore --replica`. Backups from before this do not become replicas."
            };
            format!("{}\n", fold(words, 80).join("\n"))
        })?;
        Ok(Exit::Ok)
    }
}

/// Let a replica take the place of its primary.
#[derive(Args)]
pub struct Promote {
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    how: Try,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Promote {
    pub fn run(self) -> Done {
        let client = Client::new(&self.reach, &["officer"])?;
        let with = given(&self.given)?;
        let report: ReplicaReport = client.get("/v1/replica")?;
        let site = report.replica.site;
        if self.how.dry_run {
            if self.reach.output == Output::Table {
                say(&format!("{}\n\n", blast(&report, self.given.without_anchor)));
            }
        } else {
            confirm(self.yes, &blast(&report, self.given.without_anchor), &format!("site {site}"))?;
        }
        let asked = PromoteReplica {
            site,
            anchors: with.anchors,
            destroyed: with.destroyed,
            without_anchor: with.without_anchor,
        };
        let ask = Ask::post("/v1/replica/promote", self.how);
        let promoted = client.change::<RestoreConfirmed>(ask, &asked)?;
        promoted.show(self.reach.output, |p| {
            let of = report.replica.of;
            let next = format!(
                "Promoted. Site {site} takes changes. Never let site {of} serve beside it: should \
                 it come back, its changes since the backup are not here, and those from here not \
                 there. Certificates, roles and grants are those of the backup: take back what was \
                 taken back since."
            );
            format!("{}{}\n", confirmed_text(p), fold(&next, 80).join("\n"))
        })?;
        Ok(Exit::Ok)
    }
}

/// What hangs on it.
fn blast(report: &ReplicaReport, without_anchor: bool) -> String {
    let r = &report.replica;
    let primary = if r.primary.is_empty() { "not said" } else { &r.primary };
    let facts = pairs(&[
        ("This server", format!("site {}, {} requests answered", r.site, report.answered)),
        ("Takes the place of", format!("site {}, {primary}", r.of)),
        ("As of", format!("the backup of {}, {} old", time(r.created), span(r.age_seconds))),
        ("Keys", report.objects.map_or("?".to_owned(), |n| n.to_string())),
        ("Certificates", report.certificates.to_string()),
    ]);
    let mut words = format!(
        "What site {} made, changed or revoked after the backup is not here. Usage limits count as \
         of the backup. There must be no way back for site {}: it may neither serve nor change \
         anything from now on.",
        r.of, r.of
    );
    if without_anchor {
        words.push_str(
            " Without a later anchor, whatever was destroyed since and is not named is back.",
        );
    }
    format!("{facts}{}", fold(&words, 80).join("\n"))
}
