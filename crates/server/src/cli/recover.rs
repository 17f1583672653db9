//! `strongroom root recover-officer`.

use std::path::PathBuf;

use clap::Args;

use super::change::{Ask, Try};
use super::client::Client;
use super::clients::Place;
use super::root::{Secrets, shares};
use super::{Done, Reach};
use crate::admin::types::{ClientIssued, RecoverOfficer};
use crate::errors::Exit;
use crate::pki::Wish;

/// Issue a certificate to a new officer when no officer is left. Takes a quorum of custodians'
/// shares, and nothing else will do.
#[derive(Args)]
pub struct Recover {
    /// The new officer: CN of the certificate.
    user: String,
    /// Where the bundle goes. Default: bundle- and the user's name.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    secrets: Secrets,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// Any certificate that counts does: what opens is the shares.
const ANYBODY: &[&str] = &["officer", "sysadmin", "auditor", "client"];

impl Recover {
    pub fn run(self) -> Done {
        let client = Client::new(&self.reach, ANYBODY)?;
        if self.how.dry_run {
            let (csr, shares) = (Wish::create()?.csr, shares(&self.secrets)?);
            let body = RecoverOfficer { user: self.user, csr, shares };
            let ask = Ask::post("/v1/root/recover-officer", self.how);
            let plan = client.change::<ClientIssued>(ask, &body)?;
            plan.show(self.reach.output, |_| String::new())?;
            return Ok(Exit::Ok);
        }
        let place = Place::prepare(self.out.as_deref(), &self.user, None)?;
        let shares = shares(&self.secrets)?;
        let body = RecoverOfficer { user: self.user.clone(), csr: place.csr().to_owned(), shares };
        let issued: ClientIssued = client.post("/v1/root/recover-officer", &body)?;
        place.put_down(&issued, client.server())?;
        place.show(self.reach.output, &issued, &self.user, None, Some("officer"))?;
        Ok(Exit::Ok)
    }
}
