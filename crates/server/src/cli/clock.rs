//! `strongroom clock`.

use clap::{Args, Subcommand};

use super::client::Client;
use super::output::show;
use super::{Done, Reach};
use crate::errors::Exit;

/// The server's clock.
#[derive(Subcommand)]
pub enum Clock {
    /// Vouch for the clock after a jump, so that dates count again.
    Confirm(Confirm),
}

/// Vouch for the clock after a jump.
#[derive(Args)]
pub struct Confirm {
    #[command(flatten)]
    reach: Reach,
}

impl Clock {
    pub fn run(self) -> Done {
        let Self::Confirm(c) = self;
        let client = Client::new(&c.reach, &["sysadmin"])?;
        let answer: serde_json::Value = client.post("/v1/clock/confirm", &serde_json::json!({}))?;
        show(c.reach.output, &answer, |_| "The clock counts again.\n".into())?;
        Ok(Exit::Ok)
    }
}
