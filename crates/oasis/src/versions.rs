//! `strongroom-versions`: does any reply show a client what its version lacks?
//!
//! Every operation in every version, valid and invalid, against objects that were made in the
//! newest version with everything new on them. Every tag, attribute, enumeration value and mask
//! bit of every reply is looked up in the version table. So that this means something, every
//! operation that the server offers in a version must have succeeded in it at least once.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use strongroom_client::{Config, Connection, Connector, Error, Pem};
use strongroom_kmip::gate::check_version;
use strongroom_kmip::{Limits, Operation, ProtocolVersion, ResultStatus, Tag, View};
use strongroom_testkit::corpus::{self, Sample, Scene};

/// Sends every operation in every version and looks up every reply in the version table.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The server's KMIP port.
    #[arg(long, value_name = "HOST:PORT")]
    server: String,
    /// Certificate authority of the server, PEM.
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// Certificate, PEM.
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// Private key, PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The version to make objects in: the newest that the server speaks.
    #[arg(long, value_name = "VERSION", default_value = "2.1")]
    newest: String,
    /// Says which objects were refused and which valid requests failed.
    #[arg(long)]
    verbose: bool,
}

/// What one version came to.
#[derive(Default)]
struct Tally {
    requests: usize,
    clean: usize,
    /// Replies that are not clean, and operations that never succeeded.
    faults: Vec<String>,
    succeeded: BTreeSet<Operation>,
}

/// Faults that are shown; the rest is counted.
const SHOWN: usize = 60;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(reason) => {
            eprintln!("strongroom-versions: {reason}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let newest = ProtocolVersion::ALL
        .into_iter()
        .find(|v| v.to_string() == arguments.newest)
        .ok_or_else(|| format!("there is no version {}", arguments.newest))?;
    let config = Config::new(
        [arguments.server.as_str()],
        Pem::file(&arguments.ca),
        Pem::file(&arguments.cert),
        Pem::file(&arguments.key),
    );
    let connector = Connector::new(&config).map_err(|e| e.to_string())?;
    let (mut passed, mut failed) = (0, 0);
    let mut faults = Vec::new();
    println!(
        "{:<8} {:>9} {:>7} {:>7} {:>11}",
        "version", "requests", "clean", "faults", "operations"
    );
    for version in ProtocolVersion::ALL.into_iter().rev().filter(|v| *v <= newest) {
        let tally = one_version(&connector, version, newest, arguments.verbose)
            .map_err(|e| e.to_string())?;
        println!(
            "{:<8} {:>9} {:>7} {:>7} {:>11}",
            version.to_string(),
            tally.requests,
            tally.clean,
            tally.faults.len(),
            tally.succeeded.len()
        );
        passed += tally.clean;
        failed += tally.faults.len();
        faults.extend(tally.faults.into_iter().map(|f| format!("{version}: {f}")));
    }
    for fault in faults.iter().take(SHOWN) {
        println!("FAILED {fault}");
    }
    if faults.len() > SHOWN {
        println!("and {} more", faults.len() - SHOWN);
    }
    println!("{passed} passed, {failed} failed, 0 skipped");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn one_version(
    connector: &Connector,
    version: ProtocolVersion,
    newest: ProtocolVersion,
    verbose: bool,
) -> Result<Tally, Error> {
    let mut connection = connector.open()?;
    let unique = format!("versions-{version}-{}", std::process::id());
    let scene = Scene::create(&mut connection, newest, &unique);
    if verbose {
        scene.refused.iter().for_each(|r| println!("{version}: not made: {r}"));
    }
    connection.set_version(version);
    let offered = connection.operations()?;
    let mut tally = Tally::default();
    for sample in corpus::samples(version, &scene) {
        tally.requests += 1;
        match send(connector, &mut connection, &sample, &mut tally.succeeded) {
            Ok(refusal) => {
                tally.clean += 1;
                if let (true, true, Some(refusal)) = (verbose, sample.valid, refusal) {
                    println!("{version}: refused: {}: {refusal}", sample.name);
                }
            }
            Err(fault) => tally.faults.push(format!("{}: {fault}", sample.name)),
        }
    }
    for operation in offered {
        if !tally.succeeded.contains(&operation) {
            tally.faults.push(format!("{operation} is offered, but no request of it succeeded"));
        }
    }
    Ok(tally)
}

/// Sends a request and checks its reply; what it refuses is returned in words.
fn send(
    connector: &Connector,
    connection: &mut Connection,
    sample: &Sample,
    succeeded: &mut BTreeSet<Operation>,
) -> Result<Option<String>, String> {
    if !connection.is_usable() {
        *connection = connector.open().map_err(|e| format!("cannot connect again: {e}"))?;
    }
    let reply = connection.roundtrip(&sample.bytes).map_err(|e| e.to_string())?;
    let message = View::parse(&reply, &Limits::default()).map_err(|e| e.to_string())?;
    if message.tag() != Tag::RESPONSE_MESSAGE {
        return Err("the reply is no response message".to_owned());
    }
    let stated = stated_version(message).ok_or("the reply states no version")?;
    let wanted = if sample.version.is_supported() { sample.version } else { stated };
    if stated != wanted || !stated.is_supported() {
        return Err(format!("the reply states version {stated}"));
    }
    check_version(message, stated).map_err(|violation| violation.to_string())?;
    let mut refusal = None;
    for item in message.find_all(Tag::BATCH_ITEM) {
        let code = |tag| item.find(tag).and_then(|f| f.as_enumeration());
        if code(Tag::RESULT_STATUS) == Some(ResultStatus::SUCCESS.0) {
            succeeded.extend(code(Tag::OPERATION).map(Operation));
        } else {
            let words = item.find(Tag::RESULT_MESSAGE).and_then(|m| m.as_text());
            refusal = Some(words.unwrap_or("without a word").to_owned());
        }
    }
    Ok(refusal)
}

fn stated_version(message: View<'_>) -> Option<ProtocolVersion> {
    let version = message.find(Tag::RESPONSE_HEADER)?.find(Tag::PROTOCOL_VERSION)?;
    let number = |tag| version.find(tag)?.as_integer().and_then(|n| u16::try_from(n).ok());
    Some(ProtocolVersion::new(
        number(Tag::PROTOCOL_VERSION_MAJOR)?,
        number(Tag::PROTOCOL_VERSION_MINOR)?,
    ))
}
