//! `doc/commands.md`: every command of the command line, run for real, with what it printed.
//!
//! `UPDATE_DOC=1 cargo test -p strongroom-server --test it examples::` writes it anew. Without, what
//! the commands print now must have the shape of what stands there: the same words in the same
//! places, whatever the numbers.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use regex::{Captures, Regex};
use strongroom_server::cli;

use crate::house::{House, strongroom, text};

/// Commands without an example here, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    ("serve", "runs until it is stopped"),
    ("completions", "prints a script for a shell"),
    ("root recover-officer", "takes a quorum's shares from a terminal"),
];

const HEAD: &str = "\
# Commands, as they are run

Every command of `strongroom`, in an order in which they can be tried, with what it prints. A test
runs all of them against a server and compares; identifiers, dates and hashes are made up. All
options are in `strongroom COMMAND --help`, and `strongroom man DIR` writes them as manual pages.
Exit codes: 0 done, 1 the command or its input is wrong, 2 the server or something it needs failed,
3 denied, 4 waits for approval; a code other than 0 is shown behind the output.

Commands look for certificates in `./strongroom-data/bundles` unless `--bundle` says otherwise, and
take the one of the role that they need.

";

/// What is written, and the server it is about.
struct Script {
    house: House,
    doc: String,
    /// Commands that were run, as words.
    run: BTreeSet<String>,
    /// Commands that ended otherwise than they should.
    failed: Vec<String>,
}

impl Script {
    fn new() -> Self {
        Self { house: House::new(), doc: HEAD.to_owned(), run: BTreeSet::new(), failed: Vec::new() }
    }

    fn dir(&self) -> &Path {
        self.house.dir.path()
    }

    fn section(&mut self, title: &str, about: &str) {
        write!(self.doc, "## {title}\n\n{about}\n\n").unwrap();
    }

    fn say(&mut self, words: &str) {
        write!(self.doc, "{words}\n\n").unwrap();
    }

    /// Runs a command line as it would be typed, without quotes, and notes what it prints.
    fn show(&mut self, line: &str, code: i32) -> String {
        let output = strongroom().current_dir(self.dir()).args(line.split(' ')).output().unwrap();
        let printed = text(&output);
        // All that fail are told at the end.
        if output.status.code() != Some(code) {
            let ended = output.status.to_string();
            self.failed.push(format!("strongroom {line}: {ended}, not {code}\n{printed}"));
        }
        self.note(line);
        let end = if code == 0 { String::new() } else { format!("[exit code {code}]\n") };
        write!(self.doc, "```console\n$ strongroom {line}\n{printed}{end}```\n\n").unwrap();
        printed
    }

    /// What a command prints, shortened to its first lines.
    fn show_head(&mut self, line: &str, lines: usize) {
        let before = self.doc.len();
        let printed = self.show(line, 0);
        self.doc.truncate(before);
        let head: String = printed.lines().take(lines).map(|l| format!("{l}\n")).collect();
        write!(self.doc, "```console\n$ strongroom {line}\n{head}...\n```\n\n").unwrap();
    }

    fn note(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').take_while(|w| is_word(w)).collect();
        for n in 1..=words.len() {
            self.run.insert(words[..n].join(" "));
        }
    }

    fn json(&self, line: &str) -> serde_json::Value {
        let all = line.split(' ').chain(["--output", "json"]);
        let output = strongroom().current_dir(self.dir()).args(all).output().unwrap();
        assert!(output.status.success(), "{line}: {}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn file(&self, name: &str, content: &str) {
        fs::write(self.dir().join(name), content).unwrap();
    }
}

impl Script {
    fn private(&self, name: &str) {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(self.dir().join(name), mode).unwrap();
    }
}

fn is_word(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')
}

#[test]
fn every_command_does_what_the_document_shows() {
    let mut script = Script::new();
    play(&mut script);
    assert!(script.failed.is_empty(), "{}", script.failed.join("\n"));

    let (kmip, admin) = (script.house.kmip.clone(), script.house.admin.clone());
    let place = script.dir().to_str().unwrap().to_owned();
    let new = tidy(&script.doc, &place, &kmip, &admin);
    let shown: BTreeSet<_> = script.run.iter().map(String::as_str).collect();
    let missing: Vec<_> = leaves()
        .into_iter()
        .filter(|l| !shown.contains(l.as_str()) && !ELSEWHERE.iter().any(|(e, _)| e == l))
        .collect();
    assert!(missing.is_empty(), "commands without an example: {missing:?}");
    // Usage lines of clap and lists of paths may be wider; tables may not.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../doc/commands.md");
    if std::env::var_os("UPDATE_DOC").is_some() {
        fs::write(&file, new).unwrap();
        return;
    }
    let old = fs::read_to_string(&file).unwrap();
    let (old, new) = (shape(&old), shape(&new));
    for (n, (old, new)) in old.iter().zip(&new).enumerate() {
        assert_eq!(old, new, "line {} of what doc/commands.md shows", n + 1);
    }
    assert_eq!(old.len(), new.len(), "doc/commands.md is stale; write it anew with UPDATE_DOC=1");
}

/// Every command that does something, as words.
fn leaves() -> Vec<String> {
    fn walk(command: &clap::Command, words: &str, out: &mut Vec<String>) {
        let mut subcommands =
            command.get_subcommands().filter(|c| c.get_name() != "help").peekable();
        if subcommands.peek().is_none() {
            out.push(words.to_owned());
        }
        for sub in subcommands {
            walk(sub, format!("{words} {}", sub.get_name()).trim(), out);
        }
    }
    let mut out = Vec::new();
    walk(&cli::command(), "", &mut out);
    out
}

/// The document without what differs from one run to the next.
fn tidy(doc: &str, place: &str, kmip: &str, admin: &str) -> String {
    let re = |pattern: &str| Regex::new(pattern).unwrap();
    let doc = doc.replace(place, "/srv").replace(kmip, "127.0.0.1:5696");
    let doc = doc.replace(admin, "127.0.0.1:8443");
    // Some products take the port by itself.
    let port = kmip.rsplit_once(':').unwrap().1;
    let alone = re(&format!(r"\b{port}\b"));
    let doc = alone.replace_all(&doc, "5696").into_owned();
    // Identifiers keep their length, and one that is shown twice stays the same.
    let mut seen: Vec<String> = Vec::new();
    let id = re(r"01[0-9a-f]{6}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{1,4}(-[0-9a-f]{1,12})?");
    let doc = id.replace_all(&doc, |c: &Captures<'_>| {
        let key = c[0][..18].to_owned();
        let n = seen.iter().position(|s| *s == key).unwrap_or_else(|| {
            seen.push(key);
            seen.len() - 1
        });
        let made_up = format!("0195b2c4-{:04x}-7a1e-9d3c-5e0f8b6a{:04x}", 0x10 + n, 0x100 + n);
        made_up[..c[0].len()].to_owned()
    });
    let hex = re(r"(^|[^-0-9a-f])([0-9a-f]{13,}|[0-9a-f]{4,}…)");
    let doc = hex.replace_all(&doc, |c: &Captures<'_>| {
        let digits = "3fa94c0e71d82b65f6".chars().cycle();
        let made_up = |(old, new)| if char::is_ascii_hexdigit(&old) { new } else { old };
        let hex: String = c[2].chars().zip(digits).map(made_up).collect();
        // Moments in milliseconds are no hexadecimal.
        if c[2].chars().all(|d| d.is_ascii_digit()) {
            c[0].to_owned()
        } else {
            c[1].to_owned() + &hex
        }
    });
    // Approvals, which are as short as can be typed.
    let doc = re(r"\b1-\d-[0-9a-f]{4}\b").replace_all(&doc, "1-7-9d3c");
    let doc = re(r"\b1-\d-[0-9a-f]{2}…").replace_all(&doc, "1-7-9d…");
    let doc = re(r"\b20\d\d-\d\d-\d\d").replace_all(&doc, "2026-03-02");
    let doc = re(r"\b\d\d-\d\d \d\d:\d\d:\d\d").replace_all(&doc, "03-02 09:15:00");
    let doc = re(r"\d\d:\d\d:\d\d").replace_all(&doc, "09:15:00");
    let event = re(r"(externalId=[a-z]+-\d+-)[0-9a-f]+");
    let doc = event.replace_all(&doc, "${1}3fa94c0e");
    // What is another number on every machine and in every run: the document stays as it is.
    let doc = re(r"\b\d+ MiB free").replace_all(&doc, "26470 MiB free");
    let doc = re(r"(From +127\.0\.0\.1:|spt=)\d+").replace_all(&doc, "${1}39774");
    let doc = re(r"rt=\d{13}").replace_all(&doc, "rt=1795536967941");
    let doc = re(r"dvcpid=\d+").replace_all(&doc, "dvcpid=14683");
    let doc = re(r"dvchost=\S+").replace_all(&doc, "dvchost=kms");
    let doc = re(r"cn2=\d+ ").replace_all(&doc, "cn2=493 ");
    // Shares, and anything else that is meant to be kept from eyes.
    re(r"srshare1[0-9a-z]+").replace_all(&doc, "srshare1...").into_owned()
}

/// What is compared: words and marks, line by line, whatever the numbers and the spaces between.
fn shape(doc: &str) -> Vec<String> {
    let number = Regex::new(r"\d+").unwrap();
    doc.lines()
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            number.replace_all(&words.join(" "), "0").into_owned()
        })
        .collect()
}

/// The story.
fn play(s: &mut Script) {
    s.section(
        "Set up",
        "A demonstration first; `--once` stops after its proof, without it the server serves.",
    );
    let (kmip, admin) = (s.house.kmip.clone(), s.house.admin.clone());
    s.file("README.md", "What the proof encrypts.\n");
    let line = format!("quickstart --once --kmip {kmip} --admin {admin}");
    s.show_head(&line, 24);
    let mut serve = strongroom();
    serve.current_dir(s.dir()).args(["quickstart", "--skip-proof"]);
    serve.args(["--kmip", &kmip, "--admin", &admin]);
    s.house.start(serve);

    s.say("The real thing is set up from answers, on a terminal or in a file.");
    s.show_head("init --config strongroom.toml --example", 12);
    s.show_head("config show --defaults", 12);
    s.file(
        "strongroom.toml",
        "[data]\ndir = \"/var/lib/strongroom\"\n\n[kmip]\nlisen = \"0.0.0.0:5696\"\n",
    );
    s.show("config check --config strongroom.toml", 1);
    s.file(
        "strongroom.toml",
        "[data]\ndir = \"other\"\n\n[root]\nslots_path = \"other-slots.json\"\n",
    );
    s.show("config check --config strongroom.toml", 0);
    s.say("A root key alone, for a server whose certificates come from elsewhere.");
    s.file("passphrase", "a long and winding passphrase\n");
    s.show(
        "root init --config strongroom.toml --threshold 2 --shares 3 \
         --passphrase-file passphrase --shares-dir other-shares",
        0,
    );
    s.show("man man1", 0);

    s.section("What it does", "For people here, `--output json` for programs.");
    s.show("status", 0);
    s.show("doctor", 0);
    s.show("clock confirm", 0);

    keys(s);
    people(s);
    rules(s);
    approvals(s);
    audit(s);
    root(s);
    certificates(s);
    backups(s);
}

fn keys(s: &mut Script) {
    s.section("Keys", "Without their material, which goes to KMIP clients only.");
    s.show("key list", 0);
    let id = s.json("key list")["keys"][0]["id"].as_str().unwrap().to_owned();
    s.show(&format!("key show {id}"), 0);
    s.show(&format!("key grant {id} --user app --operation Encrypt --operation Decrypt"), 0);
    s.show(&format!("key grants {id}"), 0);
    s.show(&format!("key withdraw {id} --user app --operation Decrypt --yes"), 0);
    s.show(&format!("key group add payments {id}"), 0);
    s.show("key group list", 0);
    s.show(&format!("key group remove payments {id} --yes"), 0);
    s.show(&format!("key rotate {id} --yes"), 0);
    s.show(&format!("key archive {id}"), 0);
    s.show(&format!("key recover {id}"), 0);
    s.show(&format!("key recall {id}"), 1);
    s.show("key create payroll --owner client --group payments --rotate-every 90d --dry-run", 0);
    s.show("key create payroll --owner client --group payments --rotate-every 90d", 0);
    s.show("key activate payroll", 0);
    s.show("key expiring --within 1y", 0);
    s.file("keys.csv", "name,key_hex\nold,000102030405060708090a0b0c0d0e0f\n");
    s.private("keys.csv");
    s.show("key import keys.csv --owner client --dry-run", 0);
    s.show("key import keys.csv --owner client --yes", 0);
    s.show("key destroy payroll", 1);
    s.show("key revoke payroll --reason superseded --yes", 0);
    s.show("key destroy payroll --yes", 0);
}

fn people(s: &mut Script) {
    s.section("People and programs", "A certificate says who comes; a role says what for.");
    s.show("client issue app --group payments --out app", 0);
    s.show("client list", 0);
    s.show("client bundle app", 0);
    s.show("client revoke app --reason retired --yes", 0);
    s.show("client crl --out revoked.pem", 0);
    s.show("role list", 0);
    s.show("role grant olivia officer", 0);
    s.show("role grant olivia auditor", 1);
    s.show("role revoke olivia --yes", 0);
}

fn rules(s: &mut Script) {
    s.section("Rules", "What holds beside ownership and grants, in Cedar's language.");
    s.file(
        "rules.cedar",
        "@id(\"no-export\")\nforbid (principal, action == Action::\"Export\", resource);\n",
    );
    s.show("policy diff rules.cedar", 0);
    s.show("policy set rules.cedar --yes", 0);
    s.show("policy show", 0);
    s.show("policy test --user client --operation Export", 0);
}

fn approvals(s: &mut Script) {
    s.section(
        "Approvals",
        "What one person is not to do alone waits for another: the command ends with code 4, and is \
         run again once it is approved. Otto is the second officer here.",
    );
    let waiting = |s: &Script| s.json("approval list")[0]["id"].as_str().unwrap().to_owned();
    s.show("client issue otto --role officer --out otto", 0);
    s.show("approval require last-word --on destroy --key-group payments --dry-run", 0);
    s.show("approval require --preset two-officers", 0);
    s.show("approval rules", 0);
    s.show("role grant pia officer", 4);
    s.show("approval list", 0);
    let id = waiting(s);
    s.show(&format!("approval show {id}"), 0);
    s.show(&format!("approval approve {id} --yes"), 3);
    s.show(&format!("approval approve {id} --yes --bundle otto"), 0);
    s.show("role grant pia officer", 0);
    s.show("role revoke pia --yes", 4);
    let id = waiting(s);
    s.show(&format!("approval reject {id} --reason unasked --bundle otto"), 0);
    s.show("role revoke pia --yes", 4);
    let id = waiting(s);
    s.show(&format!("approval withdraw {id}"), 0);
    s.show("approval waive two-officers --yes", 4);
    let id = waiting(s);
    s.show(&format!("approval approve {id} --yes --bundle otto"), 0);
    s.show("approval waive two-officers --yes", 0);
}

fn audit(s: &mut Script) {
    s.section("The audit", "Changes and uses, each a chain that shows any edit.");
    s.show("audit tail -n 5", 0);
    s.show("audit search --operation Encrypt", 0);
    let made = s.json("audit search --operation Create")["records"][0]["seq"].clone();
    s.show(&format!("audit show changes:{made}"), 0);
    s.show("audit export --format cef --operation Encrypt", 0);
    s.show("audit key", 0);
    s.show("audit verify", 0);
    s.show("audit retention show", 0);
    s.show("audit retention run --dry-run", 0);
}

fn root(s: &mut Script) {
    s.section("The root key", "Slots open it; custodians hold the shares of one.");
    s.show("root slot list", 0);
    s.show("root slot add passphrase --passphrase-file passphrase", 0);
    s.show("root slot remove 3 --yes", 0);
    s.show("root slot add shamir --threshold 2 --shares 3 --shares-dir new-shares", 0);
    s.show("root slot vouch 4 --yes", 0);
    let line = verify_shares(s, "new-shares");
    s.show(&line, 0);
    s.show("root slot add file", 1);
    s.show("root slot add systemd-credential", 1);
    s.show("root rotate --yes", 0);
    s.show("root seal --yes", 0);
    s.show("status", 0);
    s.show("root unseal --automatic", 0);
}

/// Two of the shares in a directory, proved.
fn verify_shares(s: &Script, dir: &str) -> String {
    let mut names: Vec<_> = fs::read_dir(s.dir().join(dir))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let files: Vec<_> = names.iter().take(2).map(|n| format!("--share-file {dir}/{n}")).collect();
    format!("root verify-shares {}", files.join(" "))
}

fn certificates(s: &mut Script) {
    s.section("Certificates of the server", "Renewed without a restart.");
    s.show("cert show", 0);
    s.show("cert renew", 0);
    s.show("cert ca renew --yes", 0);
    s.show("cert ca retire --yes", 1);
}

fn backups(s: &mut Script) {
    s.section("Backups", "Data and root slots apart, so that neither opens without the other.");
    s.show("backup allow-replicas --yes", 0);
    s.show("backup create --to monday.srb", 0);
    s.show("backup slots --to monday.slots", 0);
    let shares = verify_shares(s, "new-shares").replacen("root verify-shares", "", 1);
    let both = format!("monday.srb --slots monday.slots{shares}");
    s.show(&format!("backup verify {both}"), 0);
    s.show(&format!("backup drill {both}"), 0);
    s.show(&format!("backup restore {both} --data restored"), 0);
    s.show(
        &format!("backup restore {both} --data second --replica --site 2 --san kms-2.example"),
        0,
    );
    s.show("backup confirm --without-anchor --yes", 1);
    s.show("backup promote --without-anchor --yes", 1);
}
