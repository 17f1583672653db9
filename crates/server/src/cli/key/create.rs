//! `strongroom key create`.

use clap::Args;

use super::OFFICER;
use crate::admin::types::{CreateKey, KeyCreated};
use crate::cli::change::{Ask, Try};
use crate::cli::client::Client;
use crate::cli::period::period;
use crate::cli::{Done, Reach};
use crate::errors::{self, Exit, Fault};

/// Make a key, or a key pair, for yourself or another user.
#[derive(Args)]
pub struct Create {
    /// Its name, which no other key of its owner may have; of a pair, the private key's.
    name: Option<String>,
    /// The algorithm, as KMIP names it: AES, HMAC-SHA256, RSA, ECDSA, Ed25519 ...
    #[arg(long, default_value = "AES")]
    algorithm: String,
    /// Its length in bits. Default: the algorithm's usual one.
    #[arg(long, value_name = "BITS")]
    length: Option<i32>,
    /// The user that owns it. Default: yourself.
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// A key group that it is in from the beginning; may be given several times.
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// What it is for, with commas between: Encrypt,Decrypt. Default: what suits the algorithm.
    #[arg(long, value_delimiter = ',', value_name = "USES")]
    usage: Vec<String>,
    /// It replaces itself so often: 90d, 1y.
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    rotate_every: Option<i64>,
    /// Let it be active at once.
    #[arg(long)]
    activate: bool,
    /// It is deactivated after so long: 365d.
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    deactivate_in: Option<i64>,
    /// How often it may be used.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i64).range(1..))]
    uses: Option<i64>,
    /// It leaves the key manager wrapped only.
    #[arg(long)]
    sensitive: bool,
    /// It never leaves the key manager.
    #[arg(long)]
    not_extractable: bool,
    /// The same key again gets the same answer, for a day, and makes no second key.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

impl Create {
    pub fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let rotate_every = self.rotate_every.map(u32::try_from).transpose();
        let body = CreateKey {
            algorithm: self.algorithm,
            length: self.length,
            name: self.name,
            owner: self.owner,
            key_groups: self.group,
            usage: self.usage,
            rotate_every: rotate_every.map_err(|_| {
                Fault::new(errors::INPUT, "A key rotates every 136 years at the least.")
            })?,
            activate: self.activate,
            deactivate_in: self.deactivate_in,
            uses: self.uses,
            sensitive: self.sensitive.then_some(true),
            extractable: self.not_extractable.then_some(false),
        };
        let key = self.idempotency_key.as_deref();
        let ask = Ask { key, ..Ask::post("/v1/keys", self.how) };
        let made = client.change::<KeyCreated>(ask, &body)?;
        made.show(self.reach.output, |made| match &made.public {
            Some(public) => format!("Private key {}\nPublic key  {public}\n", made.id),
            None => format!("{}\n", made.id),
        })?;
        Ok(Exit::Ok)
    }
}
