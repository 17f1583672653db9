//! The servers that are measured: named on the command line, started where they are to be.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use strongroom_client::{Config, Connection, Pem};
use strongroom_kmip::QueryFunction;
use strongroom_testkit::free_port;
use tempfile::TempDir;

use crate::cpu::Meter;
use crate::echo::{Echo, Papers, THREAD};
use crate::failure::{Failure, Outcome};

/// How long a server may take to serve.
const START: Duration = Duration::from_secs(60);

/// A server on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// Ours, started for the measurement.
    Strongroom {
        /// `audit.uses = "flushed"`.
        flushed: bool,
        /// The data lie in memory, where flushing costs nothing.
        memory: bool,
    },
    /// The bare echo.
    Echo,
    /// PyKMIP's server, started for the measurement.
    PyKmip,
    /// One that runs already: address and a directory with `ca.pem`, `cert.pem` and `key.pem`.
    Remote {
        /// Host and port.
        address: String,
        /// The directory.
        bundle: PathBuf,
    },
}

impl FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((address, bundle)) = text.split_once(',') {
            return match address.rsplit_once(':') {
                Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                    Ok(Self::Remote { address: address.to_owned(), bundle: bundle.into() })
                }
                _ => Err(format!("'{address}' is not HOST:PORT")),
            };
        }
        let mut words = text.split(':');
        match words.next() {
            Some("echo") if words.next().is_none() => Ok(Self::Echo),
            Some("pykmip") if words.next().is_none() => Ok(Self::PyKmip),
            Some("strongroom") => {
                let (mut flushed, mut memory) = (false, false);
                for word in words {
                    match word {
                        "flushed" => flushed = true,
                        "memory" => memory = true,
                        other => return Err(format!("strongroom has no variant '{other}'")),
                    }
                }
                Ok(Self::Strongroom { flushed, memory })
            }
            _ => Err("a server is strongroom[:flushed][:memory], echo, pykmip or \
                      HOST:PORT,BUNDLE_DIRECTORY"
                .to_owned()),
        }
    }
}

impl core::fmt::Display for Spec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Strongroom { flushed, memory } => {
                f.write_str("strongroom")?;
                f.write_str(if *flushed { ":flushed" } else { "" })?;
                f.write_str(if *memory { ":memory" } else { "" })
            }
            Self::Echo => f.write_str("echo"),
            Self::PyKmip => f.write_str("pykmip"),
            Self::Remote { address, .. } => f.write_str(address),
        }
    }
}

/// What starting a server may need.
#[derive(Clone, Debug, clap::Args)]
pub struct Places {
    /// The server's binary. Default: the one beside this program.
    #[arg(long, env = "STRONGROOM_BIN", value_name = "FILE")]
    strongroom: Option<PathBuf>,
    /// A Python environment with PyKMIP in it.
    #[arg(long, value_name = "DIR")]
    pykmip_venv: Option<PathBuf>,
    /// Where servers keep their data. Default: the system's directory for temporary files.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Places {
    fn binary(&self) -> Outcome<PathBuf> {
        if let Some(binary) = &self.strongroom {
            return Ok(binary.clone());
        }
        let beside = std::env::current_exe()?.with_file_name("strongroom");
        match beside.exists() {
            true => Ok(beside),
            false => Err(Failure(format!(
                "{} is not there: build it, or name it with --strongroom",
                beside.display()
            ))),
        }
    }

    /// A fresh directory, on the disk that is measured.
    pub fn directory(&self) -> Outcome<TempDir> {
        let parent = self.data.clone().unwrap_or_else(std::env::temp_dir);
        TempDir::new_in(&parent).map_err(Failure::about(parent.display()))
    }
}

/// A server that serves. Killed when dropped, unless it ran already.
pub struct Running {
    /// How to reach it.
    pub config: Config,
    /// Whose processor time is its own.
    pub meter: Meter,
    child: Option<Child>,
    /// Whether the child leads a group of processes that ends with it.
    leads_group: bool,
    _echo: Option<Echo>,
    // Only held: dropping it removes the directory.
    _dir: Option<TempDir>,
}

impl Running {
    /// Starts a server, or finds it.
    pub fn start(spec: &Spec, places: &Places) -> Outcome<Self> {
        match spec {
            Spec::Strongroom { flushed, memory } => Self::strongroom(*flushed, *memory, places),
            Spec::PyKmip => Self::pykmip(places),
            Spec::Echo => Self::echo(Vec::new()),
            Spec::Remote { address, bundle } => Ok(Self {
                config: bundle_config(address, bundle),
                meter: Meter::Nobody,
                child: None,
                leads_group: false,
                _echo: None,
                _dir: None,
            }),
        }
    }

    /// An echo that answers with `reply`.
    pub fn echo(reply: Vec<u8>) -> Outcome<Self> {
        let echo = Echo::start("127.0.0.1:0", Papers::new(), reply)?;
        Ok(Self {
            config: echo.client_config(),
            meter: Meter::Threads(THREAD),
            child: None,
            leads_group: false,
            _echo: Some(echo),
            _dir: None,
        })
    }

    fn strongroom(flushed: bool, memory: bool, places: &Places) -> Outcome<Self> {
        let dir = match memory {
            true => TempDir::new_in("/dev/shm").map_err(Failure::about("/dev/shm"))?,
            false => places.directory()?,
        };
        let data = dir.path().join("data");
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(places.binary()?);
        command
            .args(["quickstart", "--skip-proof", "--kmip", &address])
            .args(["--admin", &format!("127.0.0.1:{}", free_port())])
            .arg("--data")
            .arg(&data)
            .env("STRONGROOM_AUDIT__USES", if flushed { "flushed" } else { "written" });
        let config = bundle_config(&address, &data.join("bundles/client"));
        Self::wait(command, config, dir)
    }

    fn pykmip(places: &Places) -> Outcome<Self> {
        let venv = places
            .pykmip_venv
            .as_ref()
            .ok_or_else(|| Failure("PyKMIP needs --pykmip-venv DIR".to_owned()))?;
        let dir = places.directory()?;
        let (papers, at) = (Papers::new(), |name: &str| dir.path().join(name));
        papers.server.write_bundle(&papers.authority, &at("server"));
        papers.client.write_bundle(&papers.authority, &at("client"));
        fs::create_dir(at("policy"))?;
        let port = free_port();
        let settings = format!(
            "[server]\nhostname=127.0.0.1\nport={port}\ncertificate_path={0}/server/cert.pem\n\
             key_path={0}/server/key.pem\nca_path={0}/server/ca.pem\nauth_suite=TLS1.2\n\
             policy_path={0}/policy\nenable_tls_client_auth=True\ntls_cipher_suites=\n\
             logging_level=ERROR\ndatabase_path={0}/keys.db\n",
            dir.path().display()
        );
        fs::write(at("server.conf"), settings)?;
        let mut command = Command::new(venv.join("bin/pykmip-server"));
        command.arg("-f").arg(at("server.conf")).arg("-l").arg(at("server.log"));
        // It has helpers of its own, which must end with it.
        command.process_group(0);
        let config = bundle_config(&format!("127.0.0.1:{port}"), &at("client"));
        let mut running = Self::wait(command, config, dir)?;
        running.leads_group = true;
        Ok(running)
    }

    /// Starts `command` and waits until it answers.
    fn wait(mut command: Command, config: Config, dir: TempDir) -> Outcome<Self> {
        let path = dir.path().join("output.log");
        let log = File::create(&path).map_err(Failure::about(path.display()))?;
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(Failure::about(&program))?;
        let meter = Meter::Process(child.id());
        let mut running = Self {
            config,
            meter,
            child: Some(child),
            leads_group: false,
            _echo: None,
            _dir: Some(dir),
        };
        let end = Instant::now() + START;
        loop {
            let ended = running.child.as_mut().and_then(|c| c.try_wait().ok().flatten());
            let answered = Connection::open(&running.config)
                .and_then(|mut c| c.query(&[QueryFunction::QUERY_OPERATIONS]).map(drop));
            match answered {
                Ok(()) => return Ok(running),
                Err(e) if ended.is_some() || Instant::now() > end => {
                    let log = fs::read_to_string(&path).unwrap_or_default();
                    return Err(Failure(format!("{program} does not serve: {e}\n{log}")));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            if self.leads_group {
                let group = format!("-{}", child.id());
                let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).status();
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn bundle_config(address: &str, bundle: &Path) -> Config {
    let file = |name: &str| Pem::file(bundle.join(name));
    Config::new([address], file("ca.pem"), file("cert.pem"), file("key.pem"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_and_written_the_same() {
        for text in
            ["strongroom", "strongroom:flushed", "strongroom:flushed:memory", "echo", "pykmip"]
        {
            assert_eq!(text.parse::<Spec>().unwrap().to_string(), text);
        }
        let remote = "kms.example:5696,/etc/bundle".parse::<Spec>().unwrap();
        assert_eq!(remote.to_string(), "kms.example:5696");
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for text in ["", "stronghold", "strongroom:fast", "echo:2", "kms.example,/etc", ":1,/etc"] {
            assert!(text.parse::<Spec>().is_err(), "{text}");
        }
    }
}
