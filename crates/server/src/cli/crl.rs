//! `strongroom client crl`: a list of what this server revoked, for others.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::client::Client;
use super::output::{date, show};
use super::{Done, Reach};
use crate::admin::types::SignedList;
use crate::errors::{self, Exit, Fault};

/// Sign a list of the revoked certificates (CRL), for replicas and for others who trust this
/// authority. An officer's.
#[derive(Args)]
pub struct Crl {
    /// The file, replaced as a whole.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Days until a newer list is due.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365))]
    days: u16,
    #[command(flatten)]
    reach: Reach,
}

/// What was written.
#[derive(Serialize)]
struct Written {
    file: String,
    revoked: u64,
    left_out: u64,
    next_update: i64,
}

impl Crl {
    pub fn run(self) -> Done {
        let client = Client::new(&self.reach, &["officer"])?;
        let list: SignedList = client.get(&format!("/v1/clients/crl?days={}", self.days))?;
        replace(&self.out, list.list.as_bytes())?;
        let written = Written {
            file: self.out.display().to_string(),
            revoked: list.revoked,
            left_out: list.left_out,
            next_update: list.next_update,
        };
        show(self.reach.output, &written, |w| {
            let left_out = match w.left_out {
                0 => String::new(),
                n => format!("{n} more are of another authority and cannot be in it.\n"),
            };
            let until = date(w.next_update);
            let revoked = w.revoked;
            format!("{revoked} revoked certificates in {}, until {until}.\n{left_out}", w.file)
        })?;
        Ok(Exit::Ok)
    }
}

/// Whoever watches the file must never see half of it.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    fs::write(&new, bytes)
        .and_then(|()| fs::rename(&new, path))
        .map_err(|e| Fault::new(errors::INPUT, format!("{}: {e}.", path.display())))
}
