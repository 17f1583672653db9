//! A terminal with a command in it, for what is only done when somebody sits there.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// How long anything may take: debug builds on a busy machine are slow.
const PATIENCE: Duration = Duration::from_secs(90);

/// A command whose terminal this is: it is killed when dropped.
pub struct Terminal {
    line: Option<File>,
    child: Child,
    seen: Vec<u8>,
    /// How much of `seen` was waited for already.
    read: usize,
}

impl Terminal {
    /// Starts a command in a session of its own, with a new terminal for all its output.
    pub fn start(command: &Command) -> Self {
        Self::with(command, None)
    }

    /// As [`Terminal::start`], but its standard output goes to a file.
    pub fn start_into(command: &Command, output: File) -> Self {
        Self::with(command, Some(output))
    }

    fn with(command: &Command, output: Option<File>) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        fcntl_setfl(&master, OFlags::NONBLOCK).unwrap();
        let slave = File::options().read(true).write(true).open(name).unwrap();
        // It makes the session and takes its standard input for the terminal, then becomes the
        // command.
        let mut inside = Command::new("setsid");
        inside.arg("--ctty").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            inside.current_dir(dir);
        }
        inside.stdin(slave.try_clone().unwrap());
        inside.stdout(output.unwrap_or_else(|| slave.try_clone().unwrap())).stderr(slave);
        let child = inside.spawn().unwrap();
        Self { line: Some(master.into()), child, seen: Vec::new(), read: 0 }
    }

    /// All that was shown so far.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen).replace("\r\n", "\n")
    }

    /// Waits until `text` is shown, after all that was waited for before.
    pub fn expect(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let new = self.seen.get(self.read..).unwrap_or_default();
            let found = new.windows(text.len()).position(|window| window == text.as_bytes());
            if let Some(at) = found {
                self.read += at + text.len();
                return;
            }
            let more = self.take();
            assert!(
                more || self.child.try_wait().unwrap().is_none() || self.take(),
                "it ended without {text:?}:\n{}",
                self.seen()
            );
            assert!(Instant::now() < end, "no {text:?} in:\n{}", self.seen());
        }
    }

    /// Types keys as they are.
    pub fn type_keys(&mut self, keys: &str) {
        self.line.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until something is shown, then types a line.
    pub fn answer(&mut self, question: &str, text: &str) {
        self.expect(question);
        self.type_keys(&format!("{text}\n"));
    }

    /// Closes the terminal, as a window is closed.
    pub fn close(&mut self) {
        self.line = None;
    }

    /// Waits until the command ends, and gives its exit code: none when a signal ended it.
    pub fn wait(&mut self) -> Option<i32> {
        let end = Instant::now() + PATIENCE;
        loop {
            while self.take() {}
            if let Some(status) = self.child.try_wait().unwrap() {
                while self.take() {}
                return status.code();
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.seen());
        }
    }

    /// Takes what is there, or waits a moment; false if there was nothing.
    fn take(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = self.line.as_mut().map(|line| line.read(&mut bytes));
        match read {
            Some(Ok(n)) if n > 0 => {
                self.seen.extend_from_slice(&bytes[..n]);
                true
            }
            // EIO: nobody has the other end open.
            Some(Err(e)) if !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                std::thread::sleep(Duration::from_millis(10));
                false
            }
            _ => {
                std::thread::sleep(Duration::from_millis(10));
                false
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
