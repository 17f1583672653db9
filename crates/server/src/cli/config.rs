//! `strongroom config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Done;
use super::output::say;
use crate::config::{Config, table};
use crate::errors::{self, Exit, Fault};

/// Check a configuration, or show its keys.
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Read a configuration and the environment, and say what is wrong.
    Check(Check),
    /// Show every key with its default and its meaning.
    Show(Show),
}

/// Read a configuration and the environment, and say what is wrong.
#[derive(Args)]
pub struct Check {
    /// The file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Show every key with its default and its meaning.
#[derive(Args)]
pub struct Show {
    /// The defaults, as a configuration to begin with.
    #[arg(long)]
    defaults: bool,
}

impl ConfigCommand {
    pub fn run(self) -> Done {
        match self {
            Self::Check(c) => {
                let config = Config::load(Some(&c.config), std::env::vars())?;
                for destination in &config.forward {
                    // Name and address are right already; these are the files of TLS.
                    destination.check().map_err(|why| {
                        let why = format!("[[forward]] \"{}\": {why}.", destination.name);
                        Fault::new(errors::CONFIG_BAD_VALUE, why)
                    })?;
                }
                say(&format!("{}: in order.\n", c.config.display()));
                Ok(Exit::Ok)
            }
            Self::Show(s) if s.defaults => {
                say(&table::annotated());
                Ok(Exit::Ok)
            }
            Self::Show(_) => Err(Fault::new(
                errors::INPUT,
                "Say --defaults: what a running server uses is its file and its environment.",
            )),
        }
    }
}
