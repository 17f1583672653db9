//! `strongroom audit verify`: by a running server, against anchors, or of files alone.

use std::path::{Path, PathBuf};

use clap::Args;
use strongroom_engine::{anchors_in, verify_files};
use strongroom_journal::SignedHead;

use super::super::client::Client;
use super::super::output::{say, show};
use super::super::{Done, Output, Reach};
use super::{ROLES, verdict_text};
use crate::admin::types::{AuditKey, AuditVerdict, UnmetAnchor, VerifyAnchors};
use crate::errors::{self, Exit, Fault};
use crate::service::{broken_chain, chain_verdict, unmet_anchor};

/// Anchors sent with one request.
const BATCH: usize = 20_000;

/// Check that no record was edited, removed, reordered or cut off.
#[derive(Args)]
pub struct Verify {
    /// A file with anchor lines, as `audit.anchors_path` or a SIEM kept them: the chains must meet
    /// every one.
    #[arg(long, value_name = "FILE")]
    anchors: Option<PathBuf>,
    /// The public key that the anchors are signed with, hexadecimal, as it was noted when all was
    /// well. Default: the one that the server names.
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    key: Option<[u8; 32]>,
    /// Verify the files of this data directory, or of a copy, without a server and any secret.
    #[arg(long, value_name = "DIR", requires = "anchors", requires = "key")]
    data: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

/// The public key that the chains' ends are signed with.
#[derive(Args)]
pub struct Key {
    #[command(flatten)]
    reach: Reach,
}

impl Key {
    pub fn run(self) -> Done {
        let named: AuditKey = Client::new(&self.reach, ROLES)?.get("/v1/audit/key")?;
        if named.key.is_none() {
            return Err(Fault::new(errors::NOT_FOUND, "No head was signed yet."));
        }
        show(self.reach.output, &named, |k| format!("{}\n", k.key.as_deref().unwrap_or_default()))?;
        Ok(Exit::Ok)
    }
}

/// What a file of anchors holds.
struct Anchors {
    good: Vec<SignedHead>,
    bad: Vec<UnmetAnchor>,
}

impl Anchors {
    /// Reads the lines and checks their signatures.
    fn read(path: &Path, key: &[u8; 32]) -> Result<Self, Fault> {
        let failed = |e: &dyn core::fmt::Display| {
            Fault::new(errors::INPUT, format!("{}: {e}.", path.display()))
        };
        let text = std::fs::read(path).map_err(|e| failed(&e))?;
        let text = String::from_utf8_lossy(&text);
        let mut anchors = Self { good: Vec::new(), bad: Vec::new() };
        for (line, anchor) in anchors_in(&text) {
            let sound = anchor.and_then(|a| match a.verify(key) {
                Ok(()) => Ok(a),
                Err(e) => Err(format!("{}:{}: {e}", a.chain.as_str(), a.head.seq)),
            });
            match sound {
                Ok(anchor) => anchors.good.push(anchor),
                Err(why) => anchors.bad.push(UnmetAnchor { head: format!("line {line}"), why }),
            }
        }
        if anchors.good.is_empty() && anchors.bad.is_empty() {
            return Err(failed(&"no anchor in it"));
        }
        Ok(anchors)
    }
}

impl Verify {
    pub fn run(self) -> Done {
        let verdict = match (&self.data, &self.anchors, &self.key) {
            (Some(data), Some(anchors), Some(key)) => files(data, anchors, key)?,
            (_, Some(anchors), key) => {
                let client = Client::new(&self.reach, ROLES)?;
                against(&client, anchors, *key)?
            }
            _ => Client::new(&self.reach, ROLES)?.get("/v1/audit/verify")?,
        };
        show(self.reach.output, &verdict, verdict_text)?;
        if !verdict.intact {
            if self.reach.output == Output::Table {
                say(&format!("{}\n", errors::AUDIT_BROKEN.next));
            }
            return Ok(errors::AUDIT_BROKEN.exit);
        }
        Ok(Exit::Ok)
    }
}

/// By a running server.
fn against(client: &Client, path: &Path, key: Option<[u8; 32]>) -> Result<AuditVerdict, Fault> {
    let key = match key {
        Some(key) => key,
        None => {
            let named: AuditKey = client.get("/v1/audit/key")?;
            let known = named.key.as_deref().and_then(|text| public_key(text).ok());
            known.ok_or_else(|| Fault::new(errors::NOT_FOUND, "No head was signed yet."))?
        }
    };
    let anchors = Anchors::read(path, &key)?;
    let mut verdict: Option<AuditVerdict> = None;
    let lines: Vec<String> = anchors.good.iter().map(ToString::to_string).collect();
    // Without a single good one the chains are checked all the same.
    let batches = lines.chunks(BATCH).chain(lines.is_empty().then_some(&[][..]));
    for batch in batches {
        let asked = VerifyAnchors { anchors: batch.to_vec() };
        let mut next: AuditVerdict = client.post("/v1/audit/verify", &asked)?;
        if let Some(mut before) = verdict.take() {
            before.unmet.append(&mut next.unmet);
            next.unmet = before.unmet;
            next.anchors += before.anchors;
            if !before.intact && next.intact {
                (next.intact, next.chains) = (false, before.chains);
            }
        }
        verdict = Some(next);
    }
    Ok(with_bad(verdict.unwrap_or_default(), anchors.bad))
}

/// Of files alone.
fn files(data: &Path, path: &Path, key: &[u8; 32]) -> Result<AuditVerdict, Fault> {
    let anchors = Anchors::read(path, key)?;
    let report = verify_files(data, &anchors.good)?;
    let chain = |name: &str, found| match report.faults.iter().find(|f| f.chain == name) {
        Some(fault) => broken_chain(fault),
        None => chain_verdict(name, found),
    };
    let verdict = AuditVerdict {
        intact: report.faults.is_empty() && report.unmet.is_empty(),
        chains: vec![chain("changes", report.changes), chain("uses", report.uses)],
        anchors: anchors.good.len() as u64,
        unmet: report.unmet.iter().map(unmet_anchor).collect(),
    };
    Ok(with_bad(verdict, anchors.bad))
}

fn with_bad(mut verdict: AuditVerdict, mut bad: Vec<UnmetAnchor>) -> AuditVerdict {
    verdict.intact &= bad.is_empty();
    verdict.anchors += bad.len() as u64;
    verdict.unmet.append(&mut bad);
    verdict
}

/// 64 hexadecimal digits.
fn public_key(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "a public key is 64 hexadecimal digits".to_owned();
    let digits: Option<Vec<u8>> =
        text.trim().chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|d| d.len() == 64).ok_or_else(wrong)?;
    let bytes: Vec<u8> =
        digits.chunks(2).map(|two| two.iter().fold(0, |n, d| n * 16 + d)).collect();
    bytes.try_into().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_is_64_digits() {
        assert_eq!(public_key(&"0f".repeat(32)), Ok([15; 32]));
        assert!(public_key("0f").is_err() && public_key(&"zz".repeat(32)).is_err());
    }
}
