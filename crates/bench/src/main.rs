//! `strongroom-bench`: how fast a KMIP server is, how near that is to what the machine allows, and
//! what a comparison of two servers is worth.
//!
//! Closed loops over mutual TLS: requests are encoded beforehand, each connection is a blocking
//! thread, latencies go into a histogram. The bare echo (the same TLS, the same sizes, no work) is
//! the physical limit; what belongs together is measured in turns.
#![forbid(unsafe_code)]

mod compare;
mod cpu;
mod disk;
mod echo;
mod failure;
mod load;
mod measure;
mod plan;
mod prepare;
mod report;
mod scenario;
mod server;
mod stats;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use compare::Claim;
use failure::Outcome;
use measure::Work;
use server::Spec;

/// Load generator for KMIP servers over mutual TLS.
///
/// A SERVER is `strongroom` (started from the binary beside this program; `:flushed` flushes the
/// audit of each use, `:memory` keeps the data where flushing costs nothing), `echo` (the bare
/// limit), `pykmip`, or HOST:PORT,BUNDLE where BUNDLE has ca.pem, cert.pem and key.pem.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Rates and latencies of servers, side by side.
    Run {
        /// A server; may be given several times.
        #[arg(long = "server", default_values = ["echo", "strongroom"])]
        servers: Vec<Spec>,
        /// How often each measurement is repeated.
        #[arg(long, default_value_t = 3)]
        repeats: usize,
        #[command(flatten)]
        work: Work,
    },
    /// The ratio of two servers, in interleaved pairs, with its 95 % interval.
    ///
    /// Ends with 1 when a claim does not hold.
    Compare {
        /// The first server.
        #[arg(long, default_value = "strongroom")]
        a: Spec,
        /// The second.
        #[arg(long, default_value = "echo")]
        b: Spec,
        /// Pairs of each scenario.
        #[arg(long, default_value_t = 10)]
        pairs: usize,
        /// A claim that the whole interval must bear out, such as get>=0.5 or create@64<=1.2.
        #[arg(long = "assert", value_name = "CLAIM")]
        claims: Vec<Claim>,
        #[command(flatten)]
        work: Work,
    },
    /// Durable Create against the disk's flushes and the same code without them.
    Durable {
        /// How often each measurement is repeated.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        #[command(flatten)]
        work: Work,
    },
    /// How often the disk flushes an append.
    Fsync {
        /// Bytes of each append.
        #[arg(long, default_value_t = 4096)]
        bytes: usize,
        /// Where.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// For how long.
        #[arg(long, default_value_t = 3)]
        seconds: u64,
    },
    /// Serve the bare echo until interrupted, for load from elsewhere.
    Echo {
        /// Where to serve.
        #[arg(long, default_value = "127.0.0.1:5696")]
        listen: String,
        /// Where to write the client's bundle.
        #[arg(long)]
        bundle: PathBuf,
        /// Bytes of each reply.
        #[arg(long, default_value_t = 264)]
        reply_bytes: u32,
    },
}

fn main() -> ExitCode {
    match act(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("strongroom-bench: {failure}");
            ExitCode::from(2)
        }
    }
}

fn act(command: Command) -> Outcome<bool> {
    match command {
        Command::Run { servers, repeats, work } => measure::run(&servers, repeats, &work),
        Command::Compare { a, b, pairs, claims, work } => {
            let rows = measure::compare(&a, &b, pairs, &work)?;
            let verdicts: Vec<bool> = claims.iter().map(|c| c.holds(&rows)).collect();
            for (claim, holds) in claims.iter().zip(&verdicts) {
                println!("{}", report::verdict(claim, *holds));
            }
            Ok(verdicts.iter().all(|holds| *holds))
        }
        Command::Durable { rounds, work } => measure::durable(rounds, &work).map(|()| true),
        Command::Fsync { bytes, dir, seconds } => {
            let flushes = disk::flushes(&dir, bytes, Duration::from_secs(seconds))?;
            let micros = |share| flushes.latencies.quantile(share) / 1_000;
            println!(
                "{:.0} flushes/s of {bytes} bytes (p50 {} us, p99 {} us)",
                flushes.rate,
                micros(0.5),
                micros(0.99)
            );
            Ok(true)
        }
        Command::Echo { listen, bundle, reply_bytes } => {
            let papers = echo::Papers::new();
            papers.client.write_bundle(&papers.authority, &bundle);
            let echo = echo::Echo::start(&listen, papers, scenario::canned(reply_bytes))?;
            println!("Echo on {}, bundle in {}. Ctrl-C stops.", echo.address(), bundle.display());
            loop {
                std::thread::park();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_and_its_defaults_are_those_of_the_issue() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
        let line = ["strongroom-bench", "compare", "--pairs", "10", "--assert", "get>=0.5"];
        let Command::Compare { a, b, pairs, claims, .. } = Arguments::parse_from(line).command
        else {
            panic!("not a compare");
        };
        assert_eq!((a.to_string(), b.to_string()), ("strongroom".to_owned(), "echo".to_owned()));
        assert_eq!((pairs, claims.len()), (10, 1));
    }

    #[test]
    fn a_server_that_is_none_is_an_error_of_usage() {
        let line = ["strongroom-bench", "run", "--server", "stronghold"];
        assert!(Arguments::try_parse_from(line).is_err());
    }
}
