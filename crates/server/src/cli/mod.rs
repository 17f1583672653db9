//! The command line: nouns, then verbs. `serve`, `quickstart`, `init` and `root init` run the key
//! manager themselves; every other command is a client of the admin API.
//!
//! Secrets come by prompt, file or file descriptor, never by argument: arguments are in every
//! process list.

mod approval;
mod audit;
mod backup;
mod blast;
mod cert;
mod change;
mod client;
mod clients;
mod clock;
mod config;
mod crl;
mod doctor;
mod grant;
mod init;
mod key;
pub(crate) mod output;
mod paper;
mod period;
mod policy;
mod prompt;
mod proof;
mod quickstart;
mod recipes;
mod recover;
mod replica;
mod role;
mod root;
mod serve;
mod status;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use client::Client;
pub use paper::command;

use crate::errors::{Exit, Fault};

/// An open key manager: KMIP over mutual TLS, a sealed store, an audit that shows
/// any change to it.
///
/// Exit codes: 0 done; 1 the command or its input is wrong; 2 the server or something it needs
/// failed; 3 denied; 4 waits for approval.
#[derive(Parser)]
#[command(name = "strongroom", version, max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set up a demonstration and serve it, with a proof as a client. NOT FOR PRODUCTION.
    Quickstart(quickstart::Quickstart),
    /// Serve as the configuration says.
    Serve(serve::Serve),
    /// First set-up: root key, custodians, certificates, people.
    Init(init::Init),
    /// The root key and its slots.
    #[command(subcommand)]
    Root(root::Root),
    /// Keys and other managed objects: create, list, show, rotate, revoke, destroy.
    #[command(subcommand)]
    Key(key::Key),
    /// Certificates of clients and people: issue, list, revoke.
    #[command(subcommand)]
    Client(clients::Clients),
    /// The server's certificate and the authorities, renewed without a restart.
    #[command(subcommand)]
    Cert(cert::Cert),
    /// The rules that say who may do what.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Roles: who is officer, sysadmin, auditor, client or custodian.
    #[command(subcommand)]
    Role(role::Role),
    /// Approvals: what waits for a second person, and what has to.
    #[command(subcommand)]
    Approval(approval::Approval),
    /// Read and check the audit.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Backups: take, prove, try, restore.
    #[command(subcommand)]
    Backup(backup::Backup),
    /// What the server does and what needs attention.
    Status(status::Status),
    /// The server's clock.
    #[command(subcommand)]
    Clock(clock::Clock),
    /// Check everything that a working installation needs.
    Doctor(doctor::Doctor),
    /// Check a configuration, or show what it comes to.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the completions of a shell.
    Completions(paper::Completions),
    /// Write the manual pages.
    Man(paper::Man),
}

/// How to reach the server, for every command that is a client.
#[derive(Args, Clone, Debug, Default)]
pub struct Reach {
    /// The client bundle: a directory with cert.pem, key.pem and ca.pem, or a directory of such
    /// ones by role. Default: ./strongroom-data/bundles.
    #[arg(long, env = "STRONGROOM_BUNDLE", value_name = "DIR", global = true)]
    pub bundle: Option<PathBuf>,
    /// The admin port, HOST:PORT. Default: what the bundle says, else 127.0.0.1:8443.
    #[arg(long, env = "STRONGROOM_SERVER", value_name = "HOST:PORT", global = true)]
    pub server: Option<String>,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t, global = true)]
    pub output: Output,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Tables of at most 80 columns.
    #[default]
    Table,
    /// The JSON of the admin API.
    Json,
}

/// Runs the command line.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            // Help and version are answers, not errors.
            return ExitCode::from(if e.use_stderr() { Exit::Usage } else { Exit::Ok } as u8);
        }
    };
    let done = match cli.command {
        Command::Quickstart(c) => c.run(),
        Command::Serve(c) => c.run(),
        Command::Init(c) => c.run(),
        Command::Root(c) => c.run(),
        Command::Key(c) => c.run(),
        Command::Client(c) => c.run(),
        Command::Cert(c) => c.run(),
        Command::Policy(c) => c.run(),
        Command::Role(c) => c.run(),
        Command::Approval(c) => c.run(),
        Command::Audit(c) => c.run(),
        Command::Backup(c) => c.run(),
        Command::Status(c) => c.run(),
        Command::Clock(c) => c.run(),
        Command::Doctor(c) => c.run(),
        Command::Config(c) => c.run(),
        Command::Completions(c) => c.run(),
        Command::Man(c) => c.run(),
    };
    match done {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(fault) => {
            complain(&fault);
            ExitCode::from(fault.info.exit as u8)
        }
    }
}

/// An error for people: what happened, its number, what to do next.
fn complain(fault: &Fault) {
    let number = fault.info.number;
    output::complain(&format!("strongroom: {fault} (error {number})\n  {}", fault.info.next));
}

/// What a command gives back.
type Done = Result<Exit, Fault>;

/// Starts the diagnostic log on standard error.
fn start_log(level: &str, json: bool) {
    // Libraries under TLS and HTTP tell more at debug than a key manager's log may hold.
    let directives = format!("{level},rustls=warn,hyper=warn,hyper_util=warn,h2=warn");
    let filter = tracing_subscriber::EnvFilter::try_new(directives)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // Colours are for people: a file or the system's journal would keep their codes.
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        // A terminal that was closed takes no line, and none that says so either.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first log.
    let _ = if json { log.json().try_init() } else { log.try_init() };
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_usage_text_fits_in_80_columns() {
        fn walk(command: &mut clap::Command) {
            for text in [command.render_help(), command.render_long_help()] {
                for line in text.to_string().lines() {
                    assert!(line.chars().count() <= 80, "{}: {line}", command.get_name());
                }
            }
            command.get_subcommands_mut().for_each(walk);
        }
        let mut command = Cli::command();
        command.build();
        walk(&mut command);
    }

    #[test]
    fn no_option_takes_a_secret() {
        fn walk(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                let secret = ["passphrase", "share", "password", "pin"].contains(&name);
                let takes_value = argument.get_action().takes_values();
                assert!(!(secret && takes_value), "{} --{name}", command.get_name());
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Cli::command());
    }
}
