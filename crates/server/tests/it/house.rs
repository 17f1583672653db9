//! A `strongroom` to try things on, and commands against it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take: debug builds on a busy machine are slow.
const PATIENCE: Duration = Duration::from_secs(90);

/// A free port of the loopback.
pub fn address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The binary, with nothing of the caller's environment that could change what it does.
pub fn strongroom() -> Command {
    heed_hang_ups();
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    command.env_remove("STRONGROOM_BUNDLE").env_remove("STRONGROOM_SERVER");
    command.stdin(Stdio::null());
    command
}

/// Whoever runs the tests may ignore SIGHUP, as `nohup` does, and what is ignored is inherited by
/// every child. What is caught is not: a child begins with the default.
fn heed_hang_ups() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        // The handler stays for the life of the process.
        drop(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).unwrap());
    });
}

pub fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Every path under a directory, with itself.
pub fn all_under(dir: &Path) -> Vec<PathBuf> {
    let mut all = vec![dir.to_owned()];
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(all_under(&path)) } else { all.push(path) }
    }
    all
}

/// A server process that is killed when dropped.
pub struct House {
    pub dir: TempDir,
    pub kmip: String,
    pub admin: String,
    child: Option<Child>,
}

impl House {
    /// A place for one; nothing runs yet.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, kmip: address(), admin: address(), child: None }
    }

    /// A quickstart that serves.
    pub fn serving() -> Self {
        let mut house = Self::new();
        let command = house.quickstart(&["--skip-proof"]);
        house.start(command);
        house
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// `quickstart` over this house's directory and ports.
    pub fn quickstart(&self, more: &[&str]) -> Command {
        let mut command = strongroom();
        command.current_dir(self.dir.path()).arg("quickstart").arg("--data").arg(self.data());
        command.args(["--kmip", &self.kmip, "--admin", &self.admin]).args(more);
        command
    }

    /// Starts a command that serves, and waits until the admin port answers.
    pub fn start(&mut self, mut command: Command) {
        assert!(self.child.is_none());
        let log = fs::File::create(self.log_path()).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        self.wait_until_it_answers();
    }

    /// Waits until the admin port answers; the server may be somebody else's child.
    pub fn wait_until_it_answers(&mut self) {
        let end = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(&self.admin).is_err() {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", self.log());
            assert!(Instant::now() < end, "it does not serve\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// The process that serves.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Ends it by a signal and gives its exit code.
    pub fn stop(&mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        let mut child = self.child.take().unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            if Instant::now() > end {
                let _ = child.kill();
                panic!("it does not stop\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A client command with the quickstart's bundles.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_as(&self.data().join("bundles"), arguments)
    }

    /// A client command with a bundle.
    pub fn run_as(&self, bundle: &Path, arguments: &[&str]) -> Output {
        strongroom().args(arguments).arg("--bundle").arg(bundle).output().unwrap()
    }

    /// The JSON of a command that must succeed.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let mut all = arguments.to_vec();
        all.extend(["--output", "json"]);
        let output = self.run(&all);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// An answer of the admin API.
pub struct Answer {
    pub status: u16,
    pub body: serde_json::Value,
    pub etag: Option<String>,
}

impl House {
    /// The admin API as the holder of a bundle asks it, without a client of ours in between.
    pub fn api(
        &self,
        bundle: &str,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
        headers: &[&str],
    ) -> Answer {
        let dir = self.data().join("bundles").join(bundle);
        let mut command = Command::new("curl");
        command.args(["-s", "-i", "-X", method]);
        for (option, file) in [("--cacert", "ca.pem"), ("--cert", "cert.pem"), ("--key", "key.pem")]
        {
            command.arg(option).arg(dir.join(file));
        }
        for header in headers {
            command.args(["-H", header]);
        }
        if let Some(body) = body {
            command.args(["-d", &body.to_string()]);
        }
        let output = command.arg(format!("https://{}{path}", self.admin)).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let etag = head.lines().find_map(|line| line.strip_prefix("etag: "));
        let body = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {text}"));
        Answer { status, body, etag: etag.map(str::to_owned) }
    }

    /// The records of changes that anybody made; those of the server's own clock and heads come by
    /// themselves.
    pub fn changes(&self) -> Vec<u64> {
        let page = self.api("auditor", "GET", "/v1/audit?limit=1000&heads=false", None, &[]);
        let records = page.body["records"].as_array().unwrap().iter();
        let changes = records.filter(|r| r["chain"] == "changes" && r["actor"] != "server");
        changes.map(|record| record["seq"].as_u64().unwrap()).collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
