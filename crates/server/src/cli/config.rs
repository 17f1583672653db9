//! `strongroom config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Done;
use super::output::say;
use crate::config::{Config, table};
use crate::errors::{self, Exit, Fault};

/// Check a configuration, or show what it comes to.
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Read a configuration and the environment, and say what is wrong.
    Check(Check),
    /// Show every key with its value, and where that was set.
    Show(Show),
}

/// Read a configuration and the environment, and say what is wrong.
#[derive(Args)]
pub struct Check {
    /// The file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Show every key with its value, and where that was set: the file, the environment or nowhere.
#[derive(Args)]
pub struct Show {
    /// The file. Without one, what the environment makes of the defaults.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_CONFIG")]
    config: Option<PathBuf>,
    /// The defaults with their meaning, as a configuration to begin with.
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
            Self::Show(s) => {
                say(&Config::in_force(s.config.as_deref(), std::env::vars())?);
                Ok(Exit::Ok)
            }
        }
    }
}
