//! `strongroom clock`.

use clap::{Args, Subcommand};

use super::change::{Ask, Try};
use super::client::Client;
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
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

impl Clock {
    pub fn run(self) -> Done {
        let Self::Confirm(c) = self;
        let client = Client::new(&c.reach, &["sysadmin"])?;
        let ask = Ask::post("/v1/clock/confirm", c.how);
        let answer = client.change::<serde_json::Value>(ask, &serde_json::json!({}))?;
        answer.show(c.reach.output, |_| "The clock counts again.\n".into())?;
        Ok(Exit::Ok)
    }
}
