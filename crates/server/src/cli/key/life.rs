//! The life of a key: activate, revoke, destroy, recall, rotate, archive, recover.

use clap::Args;
use serde_json::{Value, json};

use super::{OFFICER, identify};
use crate::admin::types::{DestroyKey, KeyDestroyed, KeyRotated, KeyView, RevokeKey};
use crate::cli::blast::{Blast, name_of};
use crate::cli::change::{Ask, Try};
use crate::cli::client::{Client, encode};
use crate::cli::output::{folded, time};
use crate::cli::period::period;
use crate::cli::{Done, Reach};
use crate::errors::{Exit, Fault};

/// A key, and whether it is only tried.
#[derive(Args)]
pub struct One {
    /// Its identifier, as `key list` shows it, or its name if no other key has that.
    #[arg(value_name = "ID_OR_NAME")]
    key: String,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// As [`One`], for what cannot be taken back.
#[derive(Args)]
pub struct Dangerous {
    #[command(flatten)]
    one: One,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Revoke a key: it only decrypts and verifies any more.
#[derive(Args)]
pub struct Revoke {
    #[command(flatten)]
    at: Dangerous,
    /// The reason, as KMIP names it: cessation-of-operation, superseded, affiliation-changed,
    /// privilege-withdrawn, key-compromise, ca-compromise, unspecified.
    #[arg(long, default_value = "cessation-of-operation")]
    reason: String,
    /// The particulars, for whoever reads it later.
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// With key-compromise: so long ago it happened.
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    happened: Option<i64>,
}

/// Destroy a key's value, for good. An active key is revoked first.
#[derive(Args)]
pub struct Destroy {
    #[command(flatten)]
    at: Dangerous,
    /// Wait so long, if that is longer than what is configured; until then `key recall` calls it
    /// back.
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    delay: Option<i64>,
}

impl One {
    /// Asks for something that is no danger.
    pub fn run(self, verb: &str, is_now: &str) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let named = format!("/v1/keys/{}/{verb}", encode(&self.key));
        let id = client.looked(identify(&client, &self.key), Ask::post(&named, self.how))?;
        let path = format!("/v1/keys/{}/{verb}", encode(&id));
        let done = client.change::<Value>(Ask::post(&path, self.how), &json!({}))?;
        done.show(self.reach.output, |_| format!("{id} {is_now}.\n"))?;
        Ok(Exit::Ok)
    }
}

/// A key that somebody has looked at.
struct Seen {
    client: Client,
    id: String,
    etag: Option<String>,
}

impl Dangerous {
    /// Shows what would be hit and asks, unless it is only tried or somebody said --yes.
    fn look(&self, verb: &str, what: &str) -> Result<Seen, Fault> {
        let client = Client::new(&self.one.reach, OFFICER)?;
        let path = format!("/v1/keys/{}/{verb}", encode(&self.one.key));
        let ask = Ask::post(&path, self.one.how);
        let id = client.looked(identify(&client, &self.one.key), ask)?;
        if self.yes || self.one.how.dry_run {
            return Ok(Seen { client, id, etag: None });
        }
        let key: KeyView = client.looked(client.get(&format!("/v1/keys/{}", encode(&id))), ask)?;
        Blast::of_key(&client, &key, what)?.ask(name_of(&key))?;
        // What was shown is what is hit.
        Ok(Seen { client, id, etag: Some(key.etag) })
    }

    /// Replaces it.
    pub fn rotate(self) -> Done {
        let seen = self.look(
            "rotate",
            "is replaced: names move to the replacement, and it only decrypts and verifies any \
             more.",
        )?;
        let path = format!("/v1/keys/{}/rotate", encode(&seen.id));
        let ask = Ask { etag: seen.etag.as_deref(), ..Ask::post(&path, self.one.how) };
        let done = seen.client.change::<KeyRotated>(ask, &json!({}))?;
        done.show(self.one.reach.output, |d| {
            folded(&format!("{} replaces {}.", d.replacement, d.id))
        })?;
        Ok(Exit::Ok)
    }
}

impl Revoke {
    pub fn run(self) -> Done {
        let what = "is revoked: it neither encrypts nor signs any more, from the next request on.";
        let seen = self.at.look("revoke", what)?;
        let body =
            RevokeKey { reason: self.reason, message: self.message, happened: self.happened };
        let path = format!("/v1/keys/{}/revoke", encode(&seen.id));
        let ask = Ask { etag: seen.etag.as_deref(), ..Ask::post(&path, self.at.one.how) };
        let done = seen.client.change::<Value>(ask, &body)?;
        done.show(self.at.one.reach.output, |_| format!("{} is revoked.\n", seen.id))?;
        Ok(Exit::Ok)
    }
}

impl Destroy {
    pub fn run(self) -> Done {
        let what = "is destroyed: what it encrypted is decrypted by nobody any more.";
        let seen = self.at.look("destroy", what)?;
        let path = format!("/v1/keys/{}/destroy", encode(&seen.id));
        let ask = Ask { etag: seen.etag.as_deref(), ..Ask::post(&path, self.at.one.how) };
        let done = seen.client.change::<KeyDestroyed>(ask, &DestroyKey { delay: self.delay })?;
        done.show(self.at.one.reach.output, |done| match done.at {
            Some(at) => format!(
                "{} will be destroyed at {}.\nUntil then: strongroom key recall {}\n",
                done.id,
                time(at.saturating_mul(1000)),
                done.id
            ),
            None => format!("{} is destroyed.\n", done.id),
        })?;
        Ok(Exit::Ok)
    }
}
