//! A real `strongroom` process on ports of its own, in a directory of its own.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use strongroom_client::{Config, Connection, Pem};
use strongroom_kmip::QueryFunction;
use tempfile::TempDir;

/// How long a server may take to serve: Argon2 in a debug build on a busy machine is slow.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(20);

/// A port of 127.0.0.1 that nobody listens on at this moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

/// A running `strongroom`. Killed when dropped; its directory goes with it.
pub struct Server {
    child: Option<Child>,
    kmip: String,
    admin: String,
    data: PathBuf,
    arguments: Vec<String>,
    // Only held: dropping it removes the directory.
    _dir: Option<TempDir>,
}

impl Server {
    /// `strongroom quickstart --interop` in a fresh directory, serving. Like the others it skips
    /// the proof: a test makes its own keys, and finds no others.
    pub fn quickstart() -> Self {
        Self::quickstart_with(&["--interop"])
    }

    /// `strongroom quickstart` in a fresh directory with more arguments, serving.
    pub fn quickstart_with(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut server = Self::prepare(dir.path().join("data"), arguments);
        server._dir = Some(dir);
        server.start();
        server
    }

    /// `strongroom quickstart` over an existing data directory, which is kept.
    pub fn quickstart_in(data: &Path, arguments: &[&str]) -> Self {
        let mut server = Self::prepare(data.to_owned(), arguments);
        server.start();
        server
    }

    fn prepare(data: PathBuf, arguments: &[&str]) -> Self {
        Self {
            child: None,
            kmip: format!("127.0.0.1:{}", free_port()),
            admin: format!("127.0.0.1:{}", free_port()),
            data,
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            _dir: None,
        }
    }

    /// Address of the KMIP port.
    pub fn kmip(&self) -> &str {
        &self.kmip
    }

    /// Address of the admin API.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A certificate bundle (`officer`, `sysadmin`, `auditor` or `client`).
    pub fn bundle(&self, name: &str) -> PathBuf {
        self.data.join("bundles").join(name)
    }

    /// What the process has written so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// A client configuration with a bundle's certificate.
    pub fn client_config(&self, bundle: &str) -> Config {
        let dir = self.bundle(bundle);
        let file = |name: &str| Pem::file(dir.join(name));
        Config::new([self.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"))
    }

    /// A connection with a bundle's certificate.
    pub fn connect(&self, bundle: &str) -> Connection {
        Connection::open(&self.client_config(bundle))
            .unwrap_or_else(|e| panic!("connect to {}: {e}\n{}", self.kmip, self.log()))
    }

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), on the same ports and
    /// data.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "the server runs already");
        if let Some(parent) = self.data.parent() {
            fs::create_dir_all(parent).expect("make the directory");
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("open the server's log");
        let child = Command::new(binary())
            .arg("quickstart")
            .arg("--data")
            .arg(&self.data)
            .args(["--skip-proof", "--kmip", &self.kmip, "--admin", &self.admin])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("share the server's log"))
            .stderr(log)
            .spawn()
            .expect("start strongroom");
        self.child = Some(child);
        self.wait_until_it_serves();
    }

    /// Asks it to end (SIGINT) and waits.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("INT");
        self.wait_for_exit(STOP)
    }

    /// Ends it as a power cut would (SIGKILL).
    pub fn kill(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the server runs");
        let _ = child.kill();
        child.wait().expect("wait for strongroom")
    }

    /// Sends a signal by name, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.is_ok_and(|s| s.success()), "send {name} to strongroom");
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    fn wait_for_exit(&mut self, within: Duration) -> ExitStatus {
        let mut child = self.child.take().expect("the server runs");
        let end = Instant::now() + within;
        loop {
            if let Some(status) = child.try_wait().expect("wait for strongroom") {
                return status;
            }
            if Instant::now() > end {
                let _ = child.kill();
                let _ = child.wait();
                panic!("strongroom did not stop within {within:?}\n{}", self.log());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_until_it_serves(&mut self) {
        let end = Instant::now() + START;
        loop {
            let exited = self.child.as_mut().and_then(|c| c.try_wait().ok().flatten());
            assert!(exited.is_none(), "strongroom ended at once: {exited:?}\n{}", self.log());
            let answered = Connection::open(&self.client_config("client"))
                .and_then(|mut c| c.query(&[QueryFunction::QUERY_OPERATIONS]).map(drop));
            match answered {
                Ok(()) => return,
                Err(e) if Instant::now() > end => {
                    panic!("strongroom does not serve: {e}\n{}", self.log())
                }
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    fn log_path(&self) -> PathBuf {
        self.data.with_extension("log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The binary: `STRONGROOM_BIN`, or a debug build that is brought up to date once per process.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("STRONGROOM_BIN") {
        Some(path) => PathBuf::from(path),
        None => build().expect("build strongroom"),
    })
}

fn build() -> io::Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "-p", "strongroom-server"])
        .current_dir(&workspace)
        .status()?;
    if !built.success() {
        return Err(io::Error::other("cargo build failed"));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.join("target"), PathBuf::from);
    Ok(target.join("debug/strongroom"))
}
