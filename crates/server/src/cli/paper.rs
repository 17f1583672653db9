//! What shells and `man` want to know of the command line, made from the table of commands itself.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Done};
use crate::errors::{self, Exit, Fault};

/// Print a shell's completions.
#[derive(Args)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Done {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "strongroom", &mut text);
        std::io::stdout().write_all(&text).map_err(unwritten("the completions"))?;
        Ok(Exit::Ok)
    }
}

/// Write the manual pages.
#[derive(Args)]
pub(super) struct Man {
    /// The directory they go to, such as /usr/local/share/man/man1. It is made if it is missing.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

impl Man {
    pub(super) fn run(self) -> Done {
        let place = self.dir.display().to_string();
        std::fs::create_dir_all(&self.dir).map_err(unwritten(&place))?;
        clap_mangen::generate_to(Cli::command(), &self.dir).map_err(unwritten(&place))?;
        println!("Manual pages written to {place}; try: man {place}/strongroom.1");
        Ok(Exit::Ok)
    }
}

fn unwritten(what: &str) -> impl Fn(std::io::Error) -> Fault {
    move |e| Fault::new(errors::INPUT, format!("{what}: {e}."))
}

/// The whole command line, for tests and documents.
pub fn command() -> clap::Command {
    Cli::command()
}
