//! Known key bytes are looked for wherever they must not be; and the same search, over the same
//! kinds of places with markers in clear, finds them, or it would prove nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use strongroom_client::{CipherParameters, Config, Connection, Key, Pem};
use strongroom_kmip::{CryptographicUsageMask, ObjectType, Operation, RequestBuilder, Tag};

use crate::house::{House, text};
use crate::scan::{Hit, SPELLINGS, Scanner, spelled};

/// Keys that pass through the server.
const KEYS: usize = 200;

/// Markers of the control, for each kind of place.
const MARKERS: usize = 1000;

fn random(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

fn client(house: &House) -> Connection {
    let pem = |name: &str| Pem::file(house.data().join("bundles/client").join(name));
    let config = Config::new([&*house.kmip], pem("ca.pem"), pem("cert.pem"), pem("key.pem"));
    Connection::open(&config).unwrap()
}

/// Everything a client does with keys whose bytes are known, and everything that goes wrong.
fn use_keys(house: &House, keys: &[Vec<u8>]) -> Vec<String> {
    let mut connection = client(house);
    let usage = CryptographicUsageMask::ENCRYPT.0 | CryptographicUsageMask::DECRYPT.0;
    let gcm = CipherParameters::gcm();
    let mut said = Vec::new();
    for (n, bytes) in keys.iter().enumerate() {
        let name = format!("key-{n}");
        let id = connection.register_key(&Key::aes(bytes), usage, Some(&name)).unwrap();
        connection.activate(&id).unwrap();
        let sealed = connection.encrypt(&id, &gcm, None, b"", b"text").unwrap();
        connection.decrypt(&id, &gcm, b"", &sealed).unwrap();
        assert_eq!(*connection.get(&id).unwrap().material, **bytes);
        // A name that is taken, a length that is wrong, and key bytes where text belongs.
        let again = connection.register_key(&Key::aes(bytes), usage, Some(&name));
        said.push(format!("{:?}", again.unwrap_err()));
        let short = connection.register_key(&Key::aes(&bytes[..31]), usage, None);
        said.push(format!("{:?}", short.unwrap_err()));
        let odd = connection.call(Operation::REGISTER, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            e.bytes(Tag::SYMMETRIC_KEY, bytes);
        });
        said.push(format!("{:?}", odd.err()));
        let mut broken = RequestBuilder::new(connection.version())
            .item(Operation::DECRYPT, |e| e.bytes(Tag::DATA, bytes))
            .finish();
        broken[8] ^= 0xFF;
        said.push(format!("{:?}", connection.roundtrip(&broken).map(|b| text_of(&b))));
        if !connection.is_usable() {
            connection = client(house);
        }
    }
    said
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn key_bytes_are_in_no_file_no_log_no_audit_no_backup_no_error_and_no_memory_but_locked() {
    let mut house = House::new();
    let mut quickstart = house.quickstart(&["--skip-proof"]);
    quickstart.env("STRONGROOM_LOG__LEVEL", "trace");
    house.start(quickstart);

    let mut secrets: Vec<_> = (0..KEYS).map(|_| random(32)).collect();
    let said = use_keys(&house, &secrets);
    // What people type.
    let passphrase = format!("known passphrase {}", hex(&random(12)));
    let file = house.dir.path().join("passphrase");
    fs::write(&file, &passphrase).unwrap();
    let mut printed = String::new();
    let mut run = |arguments: &[&str]| {
        let output = house.run(arguments);
        printed += &text(&output);
        output.status.success()
    };
    let path = file.to_str().unwrap().to_owned();
    assert!(run(&["root", "slot", "add", "passphrase", "--passphrase-file", &path]));
    assert!(run(&["root", "seal", "--yes"]));
    assert!(run(&["root", "unseal", "--passphrase-file", &path]));
    let backup = house.dir.path().join("backup");
    assert!(run(&["backup", "create", "--to", backup.to_str().unwrap()]));
    let lines = house.dir.path().join("lines");
    fs::create_dir(&lines).unwrap();
    for format in ["json", "ocsf", "cef", "leef", "rfc5424"] {
        let to = lines.join(format);
        assert!(run(&["audit", "export", "--format", format, "--to", to.to_str().unwrap()]));
    }
    fs::remove_file(&file).unwrap();
    secrets.push(passphrase.into_bytes());

    let scanner = Scanner::new(&secrets);
    let mut hits = BTreeSet::new();
    // Data, log, backup, exports. The key of the file slot and the bundles are not among the
    // secrets: they are files by design.
    scanner.files(house.dir.path(), &mut hits);
    scanner.bytes(said.join("\n").as_bytes(), "what the client was told", &mut hits);
    scanner.bytes(printed.as_bytes(), "what commands printed", &mut hits);
    assert!(hits.is_empty(), "{}", list(&hits));

    // Every connection has ended: what passed through is wiped.
    let memory = house.json(&["status"])["memory"].clone();
    if !may_read_memory(house.pid()) {
        println!("SKIPPED: the memory of another process cannot be read here");
        return;
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    let read = scanner.memory(house.pid(), &mut hits);
    println!("memory: {} KiB read, of {} secrets {} found", read >> 10, secrets.len(), hits.len());
    assert!(read > 1 << 20, "{read}");
    assert!(hits.is_empty(), "{}", list(&hits));
    // A real core of it, which the kernel itself would not write.
    let core = house.dir.path().join("core");
    let pid = house.pid().to_string();
    match Command::new("gcore").arg("-o").arg(&core).arg(&pid).output() {
        Ok(output) => {
            let core = core.with_extension(&pid);
            assert!(core.exists(), "{}", text(&output));
            scanner.files(&core, &mut hits);
            println!("core: {} KiB", fs::metadata(&core).unwrap().len() >> 10);
            assert!(hits.is_empty(), "{}", list(&hits));
        }
        Err(_) => println!("gcore is not installed: no core was written, the memory was read"),
    }
    // And none of it can be swapped.
    if memory["all_locked"] == true {
        let smaps = fs::read_to_string(format!("/proc/{}/smaps", house.pid())).unwrap();
        let mut name = "";
        for line in smaps.lines() {
            if line.contains('-') && line.split_whitespace().count() >= 5 && !line.contains("kB") {
                name = line;
            } else if let Some(flags) = line.strip_prefix("VmFlags:") {
                let writable = name.split_whitespace().nth(1).is_some_and(|r| r.starts_with("rw"));
                let locked = flags.split_whitespace().any(|f| f == "lo");
                assert!(!writable || locked, "{name}: {flags}");
            }
        }
    }
}

#[test]
fn the_same_search_finds_what_is_planted_in_clear_in_files_and_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let secrets: Vec<_> = (0..MARKERS).map(|_| random(32)).collect();
    let scanner = Scanner::new(&secrets);
    for (spelling, name) in SPELLINGS.iter().enumerate() {
        // In the middle of other bytes, at any place in a triple of base64.
        let file = dir.path().join(format!("planted-{spelling}"));
        let mut out = fs::File::create(&file).unwrap();
        for (n, secret) in secrets.iter().enumerate() {
            out.write_all(&random(n % 97)).unwrap();
            let padded = [&random(n % 3)[..], secret, &random(n % 5)].concat();
            out.write_all(&spelled(&padded, spelling)).unwrap();
        }
        drop(out);
        let mut hits = BTreeSet::new();
        scanner.files(&file, &mut hits);
        let found: BTreeSet<_> = hits.iter().map(|h| h.secret).collect();
        println!("planted in a file, {name}: {} of {MARKERS} found", found.len());
        assert!(found.len() * 100 >= MARKERS * 99, "{name}: {}", found.len());
    }

    // A process that holds them.
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leaks::a_process_that_holds_what_it_reads", "--nocapture"])
        .env(HOLDER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut to = holder.stdin.take().unwrap();
    for secret in &secrets {
        writeln!(to, "{}", hex(&secret.iter().map(|b| b ^ MASK).collect::<Vec<_>>())).unwrap();
    }
    writeln!(to, "hold").unwrap();
    let readable = may_read_memory(holder.id());
    let mut found = BTreeSet::new();
    for _ in 0..if readable { 100 } else { 0 } {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let mut hits = BTreeSet::new();
        scanner.memory(holder.id(), &mut hits);
        found = hits.iter().map(|h| h.secret).collect();
        if found.len() == MARKERS {
            break;
        }
    }
    drop(to);
    let _ = holder.kill();
    holder.wait().unwrap();
    if !readable {
        println!("SKIPPED: the memory of another process cannot be read here");
        return;
    }
    println!("planted in memory: {} of {MARKERS} found", found.len());
    assert!(found.len() * 100 >= MARKERS * 99, "{}", found.len());
}

const HOLDER: &str = "STRONGROOM_LEAKS_HOLDER";

/// Markers go to the holder in another spelling, so that only what it holds is found.
const MASK: u8 = 0x5A;

/// Not a test by itself: the other process of the control.
#[test]
fn a_process_that_holds_what_it_reads() {
    if std::env::var_os(HOLDER).is_none() {
        return;
    }
    let mut held = Vec::new();
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let byte = |i: usize| u8::from_str_radix(line.get(2 * i..2 * i + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..32).map(|i| byte(i).map(|b| b ^ MASK)).collect();
        held.extend(bytes);
    }
    std::hint::black_box(&held);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn may_read_memory(pid: u32) -> bool {
    fs::File::open(format!("/proc/{pid}/mem")).is_ok() && Path::new("/proc/self/maps").exists()
}

fn list(hits: &BTreeSet<Hit>) -> String {
    let mut places: std::collections::BTreeMap<(&str, &str), usize> = Default::default();
    for hit in hits {
        *places.entry((&hit.place, hit.spelling)).or_default() += 1;
    }
    format!("{} leaks: {places:#?}", hits.len())
}
