//! Real rsyslog as the receiver, in a directory and on a port of its own. Skipped, with a message,
//! where it is not installed: `tests/audit/install.sh` installs it.

use std::collections::HashSet;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use strongroom_siem::{
    Delimiter, Destination, Event, Format, Framing, Outcome, Style, TlsOptions, Transport,
};

use crate::kit::{Authority, Chain, check_at_least_once, destination, eventually, id_of, start};
use crate::parse;

const PROGRAM: &str = "/usr/sbin/rsyslogd";
const MODULES: [&str; 2] = ["/usr/lib/x86_64-linux-gnu/rsyslog", "/usr/lib/rsyslog"];
const SOON: Duration = Duration::from_secs(15);

/// Whether the test can run; says so when not.
fn available(driver: Option<&str>) -> bool {
    let module = |name: &str| {
        let arch = format!("/usr/lib/{}-linux-gnu/rsyslog", std::env::consts::ARCH);
        MODULES.iter().any(|dir| Path::new(dir).join(name).exists())
            || Path::new(&arch).join(name).exists()
    };
    let there = Path::new(PROGRAM).exists()
        && driver.is_none_or(|driver| module(&format!("lmnsd_{driver}.so")));
    if !there {
        eprintln!("SKIPPED: rsyslog is not installed; run tests/audit/install.sh");
    }
    there
}

/// A directory that goes away with the test.
struct Server {
    dir: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

/// The files that rsyslog's TLS needs.
struct Tls<'a> {
    driver: &'a str,
    ca: PathBuf,
    identity: (PathBuf, PathBuf),
    peer: &'a str,
}

impl Server {
    fn new(dir: &Path, tls: Option<&Tls<'_>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let (mut global, mut module) = (String::new(), String::new());
        if let Some(tls) = tls {
            global = format!(
                "defaultNetstreamDriver=\"{}\" defaultNetstreamDriverCAFile=\"{}\" \
                 defaultNetstreamDriverCertFile=\"{}\" defaultNetstreamDriverKeyFile=\"{}\"",
                tls.driver,
                tls.ca.display(),
                tls.identity.0.display(),
                tls.identity.1.display()
            );
            module = format!(
                "streamDriver.name=\"{}\" streamDriver.mode=\"1\" \
                 streamDriver.authMode=\"x509/name\" permittedPeer=[\"{}\"]",
                tls.driver, tls.peer
            );
        }
        let field = |name: &str, property: &str| {
            format!("property(outname=\"{name}\" name=\"{property}\" format=\"jsonf\")\n")
        };
        let fields: String = [
            field("pri", "pri"),
            field("host", "hostname"),
            field("app", "app-name"),
            field("process", "procid"),
            field("id", "msgid"),
            field("structured", "structured-data"),
            field("message", "msg"),
            field("raw", "rawmsg"),
            "property(outname=\"time\" name=\"timereported\" dateFormat=\"rfc3339\" \
             date.inUTC=\"on\" format=\"jsonf\")\n"
                .to_owned(),
        ]
        .concat();
        // Without queues, what is read is written before more is read.
        let configuration = format!(
            "global(workDirectory=\"{dir}\" maxMessageSize=\"8k\" {global})\n\
             main_queue(queue.type=\"Direct\")\n\
             module(load=\"imtcp\" {module})\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
             template(name=\"fields\" type=\"list\" option.jsonf=\"on\") {{\n{fields}}}\n\
             if $inputname == \"imtcp\" then {{\n\
             action(type=\"omfile\" file=\"{dir}/received\" template=\"fields\")\n}}\n",
            dir = dir.display(),
            port = address.port(),
        );
        fs::write(dir.join("rsyslog.conf"), configuration).unwrap();
        Self { dir: dir.to_owned(), address, child: None }
    }

    fn start(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.dir.join("log"));
        let child = Command::new(PROGRAM)
            .args(["-n", "-i", "NONE", "-f"])
            .arg(self.dir.join("rsyslog.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn();
        self.child = Some(child.unwrap());
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let log = || fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(20), "rsyslog: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().unwrap();
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// As a power cut would.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// What it wrote, without a line that a kill cut short.
    fn received(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.join("received")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn ids(&self) -> Vec<String> {
        let raw = |line: &Value| line["raw"].as_str().map(id_of);
        self.received().iter().filter_map(raw).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn text<'a>(line: &'a Value, name: &str) -> &'a str {
    line[name].as_str().unwrap()
}

/// Events with everything in them that formats stumble over.
fn awkward(chain: &Chain) {
    for (i, words) in [
        "plain",
        "quotes \" and ] and \\ and =",
        "Jürgen Müller 鍵 🔑",
        "a line\nand another\r\n<13>1 - forged",
        "tab\there, pipe | and caret ^",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        let mut event = chain.event(i as u64 + 1);
        event.user = words.into();
        event.reason = words.into();
        event.outcome = Outcome::Failure;
        event.detail = vec![("note".into(), words.into()), ("n".into(), i.to_string())];
        event.address = if i == 2 { "[2001:db8::7]:5000".into() } else { event.address };
        chain.push_event(event);
    }
    let mut long = chain.event(7);
    long.detail = (0..16).map(|n| (format!("name-{n}"), "x".repeat(250))).collect();
    long.object = Some("ö".repeat(2000));
    chain.push_event(long);
    chain.push(3);
}

fn events(chain: &Chain) -> Vec<Event> {
    use strongroom_siem::Source;
    chain.events(1).unwrap().map(Result::unwrap).collect()
}

#[test]
fn rsyslog_reads_every_field_of_rfc_5424_as_we_wrote_it() {
    if !available(None) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::new(dir.path(), None);
    server.start();
    let chain = Chain::new("uses");
    awkward(&chain);
    let to = destination("a", server.address);
    let style = to.style;
    assert!(start(&dir.path().join("cursors"), &[&chain], vec![to]).stop(SOON));

    let received = server.received();
    assert_eq!(received.len(), 10);
    for (i, (event, line)) in events(&chain).iter().zip(&received).enumerate() {
        let written = style.render(event, Some(i as u32 + 1));
        let read = parse::rfc5424(&written).unwrap();
        assert_eq!(text(line, "pri"), read.priority.to_string());
        assert_eq!(text(line, "host"), "km1.example.net");
        assert_eq!(text(line, "app"), "strongroom");
        assert_eq!(text(line, "process"), "4711");
        assert_eq!(text(line, "id"), read.id);
        assert_eq!(text(line, "message"), read.message);
        // rsyslog writes the time in its own way of RFC 3339.
        let time = text(line, "time").replace("+00:00", "Z");
        assert!(time.starts_with(read.time.trim_end_matches('Z')), "{time} {}", read.time);
        let structured = text(line, "structured");
        assert!(written.contains(&format!(" {structured} ")), "{structured}");
        assert_eq!(text(line, "raw"), written);
        let again = parse::rfc5424(text(line, "raw")).unwrap();
        assert_eq!(again.param("strongroom@32473", "id"), Some(event.id.clone()));
    }
}

#[test]
fn rsyslog_passes_every_other_format_on_unharmed() {
    if !available(None) {
        return;
    }
    let styles = [
        Style::new(Format::Rfc3164),
        Style::new(Format::Cef),
        Style::new(Format::Leef2(Delimiter::Caret)),
        Style::new(Format::Ocsf),
        Style::new(Format::Json),
        Style { bom: true, ..Style::new(Format::Rfc5424) },
    ];
    for framing in [Framing::OctetCounting, Framing::LineFeed] {
        for style in styles {
            let dir = tempfile::tempdir().unwrap();
            let mut server = Server::new(dir.path(), None);
            server.start();
            let chain = Chain::new("uses");
            awkward(&chain);
            let transport = Transport::Tcp(framing);
            let to = Destination { style, transport, ..destination("a", server.address) };
            assert!(start(&dir.path().join("cursors"), &[&chain], vec![to]).stop(SOON));
            let received = server.received();
            assert_eq!(received.len(), 10, "{style:?}");
            for (i, (event, line)) in events(&chain).iter().zip(&received).enumerate() {
                assert_eq!(text(line, "raw"), style.render(event, Some(i as u32 + 1)));
                assert_eq!(text(line, "host"), "km1.example.net", "{style:?}");
                assert!(text(line, "time").starts_with("20"));
            }
        }
    }
}

#[test]
fn rsyslog_takes_tls_with_both_of_its_drivers_and_knows_us_by_our_certificate() {
    for driver in ["gtls", "ossl"] {
        if !available(Some(driver)) {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new(dir.path(), "ours");
        let stranger = Authority::new(dir.path(), "theirs");
        let tls = Tls {
            driver,
            ca: authority.ca(),
            identity: authority.issue("siem.example.net"),
            peer: "km1.example.net",
        };
        let mut server = Server::new(dir.path(), Some(&tls));
        server.start();
        let to = |name: &str, identity, server_name: &str| {
            let options = TlsOptions {
                ca: authority.ca(),
                identity: Some(identity),
                server_name: Some(server_name.to_owned()),
            };
            Destination { transport: Transport::Tls(options), ..destination(name, server.address) }
        };
        let chain = Chain::new("uses");
        awkward(&chain);
        chain.push(500);
        let cursors = dir.path().join("cursors");
        // Those that must not get through, at first: nothing of theirs may be written, and nothing
        // may count as delivered.
        let mut wrong = vec![
            to("authority", stranger.issue("km1.example.net"), "siem.example.net"),
            to("name", authority.issue("km1.example.net"), "other.example.net"),
        ];
        if driver == "gtls" {
            // The other driver of rsyslog 8.2302 looks at permittedPeer only now and then: it
            // takes and writes what a stranger with a certificate of the right authority sends.
            wrong.push(to("peer", authority.issue("eve.example.net"), "siem.example.net"));
        }
        let forwarder = start(&cursors, &[&chain], wrong);
        eventually("errors of all", || forwarder.states().iter().all(|s| s.last_error.is_some()));
        std::thread::sleep(Duration::from_millis(500));
        for state in forwarder.states() {
            assert!(state.confirmed.is_empty(), "{driver}: {state:?}");
        }
        forwarder.stop(Duration::from_millis(300));
        assert!(server.received().is_empty(), "{driver}");

        let good = to("good", authority.issue("km1.example.net"), "siem.example.net");
        let style = good.style;
        let forwarder = start(&cursors, &[&chain], vec![good]);
        eventually("confirmation", || forwarder.confirmed("uses") == Some(510));
        assert!(forwarder.stop(SOON));
        let received = server.received();
        assert_eq!(received.len(), 510, "{driver}");
        for (i, (event, line)) in events(&chain).iter().zip(&received).enumerate() {
            assert_eq!(text(line, "raw"), style.render(event, Some(i as u32 + 1)));
        }
    }
}

#[test]
fn nothing_is_lost_when_rsyslog_hangs_dies_and_returns() {
    for driver in [None, Some("gtls"), Some("ossl")] {
        if !available(driver) {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new(dir.path(), "ours");
        let tls = driver.map(|driver| Tls {
            driver,
            ca: authority.ca(),
            identity: authority.issue("siem.example.net"),
            peer: "km1.example.net",
        });
        let mut server = Server::new(dir.path(), tls.as_ref());
        let mut to = destination("a", server.address);
        if driver.is_some() {
            to.transport = Transport::Tls(TlsOptions {
                ca: authority.ca(),
                identity: Some(authority.issue("km1.example.net")),
                server_name: Some("siem.example.net".to_owned()),
            });
        }
        to.timing.confirm_wait = Duration::from_secs(2);
        let chain = Chain::new("uses");
        let forwarder = start(&dir.path().join("cursors"), &[&chain], vec![to]);
        for round in 0..6 {
            server.start();
            for _ in 0..20 {
                chain.push(10);
                forwarder.nudge();
                std::thread::sleep(Duration::from_millis(10));
            }
            // Some rounds it hangs with bytes in its buffers before it dies.
            if round % 2 == 1 {
                server.signal(Signal::STOP);
                for _ in 0..10 {
                    chain.push(5);
                    forwarder.nudge();
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            server.kill();
            chain.push(20);
            forwarder.nudge();
        }
        server.start();
        let all = chain.ids().len() as u64;
        eventually("all to be confirmed", || forwarder.confirmed("uses") == Some(all));
        assert!(forwarder.stop(SOON));
        let received = server.ids();
        check_at_least_once(&chain.ids(), &received);
        let unique: HashSet<&String> = received.iter().collect();
        assert_eq!(unique.len() as u64, all);
    }
}
