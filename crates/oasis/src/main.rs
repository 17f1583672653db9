//! `strongroom-oasis`: replays the OASIS KMIP test cases against a server.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use strongroom_client::{Config, Connector, Pem};
use strongroom_kmip::Limits;
use strongroom_oasis::case;
use strongroom_oasis::facts::Facts;
use strongroom_oasis::replay::{CaseResult, Options, Outcome, Player};
use strongroom_oasis::report;

/// Replays the OASIS KMIP test cases against a server over mutual TLS and compares every field of
/// every reply.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Directory with a folder for each version and in it one for each set.
    #[arg(long, value_name = "DIR")]
    cases: PathBuf,
    /// The server's KMIP port.
    #[arg(long, value_name = "HOST:PORT")]
    server: String,
    /// Certificate authority of the server, PEM.
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// Certificate of client A, PEM.
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// Private key of client A, PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Certificates and keys of further clients, such as B=cert.pem,key.pem.
    #[arg(long, value_name = "LETTER=CERT,KEY", num_args = 1..)]
    clients: Vec<String>,
    /// Only these sets, such as v1.4/profile-mandatory.
    #[arg(long, value_name = "SET", num_args = 1..)]
    set: Vec<String>,
    /// Only these cases.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    case: Vec<String>,
    /// Sets that must pass; without it all that are played.
    #[arg(long, value_name = "SET", num_args = 1..)]
    require: Vec<String>,
    /// Writes case, result and first difference to a file, JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Another list of known facts than the built-in one, TOML; an empty file lists none.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// Seconds that a time in a reply may be off.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    tolerance: i64,
    /// Seconds to wait for a reply.
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    timeout: u64,
    /// Keeps pauses of the recorded sessions up to this long: in some cases keys expire.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    patience: i64,
    /// Shows request, reply and all differences of the first exchange that differs.
    #[arg(long)]
    verbose: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(reason) => {
            eprintln!("strongroom-oasis: {reason}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let facts = match &arguments.facts {
        None => Facts::built_in(),
        Some(path) => fs::read_to_string(path)
            .map_err(|e| format!("{}: {e}", path.display()))
            .and_then(|text| Facts::parse(&text)),
    }?;
    let options = Options {
        tolerance: arguments.tolerance,
        timeout: Duration::from_secs(arguments.timeout),
        patience: arguments.patience,
    };
    let mut player = Player::new(clients(arguments)?, facts, options).map_err(|e| e.to_string())?;

    let mut results = Vec::new();
    for loaded in case::load(&arguments.cases).map_err(|e| e.to_string())? {
        let case = loaded.map_err(|e| e.to_string())?;
        if !(arguments.set.is_empty() || arguments.set.contains(&case.set))
            || !(arguments.case.is_empty() || arguments.case.contains(&case.name))
        {
            continue;
        }
        let result = player.play(&case);
        if arguments.verbose {
            show(&result);
        }
        results.push(result);
    }
    player.clean_up();

    if let Some(path) = &arguments.report {
        let text = report::json(&arguments.server, &results).map_err(|e| e.to_string())?;
        fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let required =
        |set: &str| arguments.require.is_empty() || arguments.require.iter().any(|r| r == set);
    print!("{}", report::table(&results, required));
    let totals = report::totals(&results, required);
    println!("\n{} passed, {} failed, {} skipped", totals.passed, totals.failed, totals.skipped);
    if results.is_empty() {
        return Err("no case matches".to_owned());
    }
    Ok(if totals.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn clients(arguments: &Arguments) -> Result<HashMap<char, Connector>, String> {
    let connector = |cert: &str, key: &str| {
        let mut config = Config::new(
            [arguments.server.as_str()],
            Pem::file(&arguments.ca),
            Pem::file(cert),
            Pem::file(key),
        );
        // The runner reports large replies; it does not refuse them.
        config.limits = Limits { frame: 64 << 20, ..Limits::default() };
        Connector::new(&config).map_err(|e| e.to_string())
    };
    let path = |p: &PathBuf| p.to_string_lossy().into_owned();
    let first = connector(&path(&arguments.cert), &path(&arguments.key))?;
    let mut all = HashMap::from([('A', first)]);
    for given in &arguments.clients {
        let (letter, cert, key) = given
            .split_once('=')
            .and_then(|(letter, files)| {
                let (cert, key) = files.split_once(',')?;
                Some((letter.parse::<char>().ok()?, cert, key))
            })
            .ok_or_else(|| format!("--clients {given}: write LETTER=CERT,KEY"))?;
        all.insert(letter, connector(cert, key)?);
    }
    Ok(all)
}

fn show(result: &CaseResult) {
    if result.outcome == Outcome::Failed {
        println!("== {}/{}: {}\n{}", result.set, result.case, result.reason, result.details);
    }
}
