//! Secrets and answers from people: on the terminal without echo, from files, from file
//! descriptors.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::admin::types::SecretText;
use crate::errors::{self, Fault};

/// The longest secret taken.
const LONGEST: u64 = 4096;

/// The terminal of this process, if somebody sits there.
pub struct Terminal {
    device: File,
}

impl Terminal {
    /// The controlling terminal, when standard output or standard error still goes to one. With
    /// both redirected the process has been started by a program, and a terminal further up is
    /// not where its words belong.
    pub fn of_output() -> Option<Self> {
        if !std::io::stdout().is_terminal() && !std::io::stderr().is_terminal() {
            return None;
        }
        Self::open()
    }

    /// The controlling terminal, when standard input comes from one: for asking.
    pub fn of_input() -> Option<Self> {
        if !std::io::stdin().is_terminal() { None } else { Self::open() }
    }

    /// Whether this process has a terminal whose closing ends it, however its output goes.
    pub fn controls() -> bool {
        Self::open().is_some()
    }

    fn open() -> Option<Self> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        device.is_terminal().then_some(Self { device })
    }

    /// Shows text there and nowhere else.
    pub fn show(&mut self, text: &str) -> Result<(), Fault> {
        self.device.write_all(text.as_bytes()).and_then(|()| self.device.flush()).map_err(failed)
    }

    /// Asks and takes one line.
    pub fn ask(&mut self, question: &str) -> Result<String, Fault> {
        self.show(question)?;
        let mut line = String::new();
        let read = BufReader::new(&self.device).take(LONGEST).read_line(&mut line);
        if read.map_err(failed)? == 0 {
            return Err(Fault::new(errors::INPUT, "The terminal was closed."));
        }
        Ok(line.trim().to_owned())
    }

    /// Asks and takes one line that is not shown.
    pub fn ask_secret(&mut self, question: &str) -> Result<SecretText, Fault> {
        let before = tcgetattr(&self.device).map_err(|e| failed(e.into()))?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(&self.device, OptionalActions::Flush, &silent).map_err(|e| failed(e.into()))?;
        let answer = self.ask(question);
        let restored = tcsetattr(&self.device, OptionalActions::Flush, &before);
        restored.map_err(|e| failed(e.into()))?;
        Ok(SecretText::new(answer?))
    }
}

/// A secret from a file: its first line.
///
/// # Errors
/// [`errors::INPUT`].
pub fn secret_from_file(path: &Path) -> Result<SecretText, Fault> {
    let file = File::open(path)
        .map_err(|e| Fault::new(errors::INPUT, format!("{}: {e}.", path.display())))?;
    secret_from(file, &path.display().to_string())
}

/// A secret from an open file descriptor: its first line.
///
/// # Errors
/// [`errors::INPUT`].
pub fn secret_from_fd(fd: u32) -> Result<SecretText, Fault> {
    secret_from_file(Path::new(&format!("/dev/fd/{fd}")))
}

fn secret_from(source: impl Read, name: &str) -> Result<SecretText, Fault> {
    let mut text = Zeroizing::new(String::new());
    source
        .take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|e| Fault::new(errors::INPUT, format!("{name}: {e}.")))?;
    let line = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'));
    line.map(|l| SecretText::new(l.to_owned()))
        .ok_or_else(|| Fault::new(errors::INPUT, format!("{name} is empty.")))
}

fn failed(e: std::io::Error) -> Fault {
    Fault::new(errors::INPUT, format!("The terminal: {e}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_first_line_that_is_not_a_comment() {
        let text = "# share 1 of 5\n\n  sr1-abc  \nmore\n";
        assert_eq!(secret_from(text.as_bytes(), "x").unwrap().reveal(), "sr1-abc");
        assert!(secret_from("\n".as_bytes(), "x").is_err());
    }
}
