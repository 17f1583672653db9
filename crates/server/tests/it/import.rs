//! Keys in bulk from files, clear and wrapped.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_client::{Config, Connection, Pem};
use strongroom_kmip::{KeyFormatType, Operation, Tag};

use crate::house::{House, all_under, strongroom, text};
use crate::pty::Terminal;

fn connect(house: &House, who: &str) -> Connection {
    let dir = house.data().join("bundles").join(who);
    let file = |name: &str| Pem::file(dir.join(name));
    let config =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    Connection::open(&config).unwrap()
}

/// A private file in the house's directory.
fn file(house: &House, name: &str, text: &str) -> PathBuf {
    let path = house.dir.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn octets(n: u8) -> Vec<u8> {
    (0..32).map(|at| (at * 7) ^ n).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn csv(keys: impl IntoIterator<Item = u8>) -> String {
    let mut text = "name,key_hex\n".to_owned();
    for n in keys {
        text.push_str(&format!("key {n},{}\n", hex(&octets(n))));
    }
    text
}

fn import(house: &House, path: &Path, more: &[&str]) -> std::process::Output {
    let path = path.to_str().unwrap();
    house.run(&[&["key", "import", path, "--owner", "client"], more].concat())
}

fn count(house: &House) -> usize {
    house.json(&["key", "list", "-n", "1000"])["keys"].as_array().unwrap().len()
}

#[test]
fn keys_are_tried_then_imported_and_a_second_run_makes_no_doubles() {
    let house = House::serving();
    let path = file(&house, "keys.csv", &csv(0..25));
    let tried = import(&house, &path, &["--dry-run"]);
    assert!(text(&tried).contains("25 keys"), "{}", text(&tried));
    assert_eq!(count(&house), 0);
    // Nobody is there to say go on.
    let alone = import(&house, &path, &[]);
    assert_eq!(alone.status.code(), Some(1), "{}", text(&alone));
    assert_eq!(count(&house), 0);
    let mut command = strongroom();
    command.args(["key", "import", path.to_str().unwrap(), "--owner", "client", "--batch", "10"]);
    command.arg("--bundle").arg(house.data().join("bundles"));
    let mut terminal = Terminal::start(&command);
    terminal.answer("Type import to go on:", "import");
    terminal.expect("25 of 25 keys imported");
    assert_eq!(terminal.wait(), Some(0), "{}", terminal.seen());
    assert_eq!(count(&house), 25);
    let id = &connect(&house, "client").locate_by_name("key 7").unwrap()[0];
    assert_eq!(*connect(&house, "client").get(id).unwrap().material, octets(7));
    let again =
        house.json(&["key", "import", path.to_str().unwrap(), "--owner", "client", "--yes"]);
    assert_eq!((&again["imported"], &again["already"]), (&0.into(), &25.into()), "{again}");
    assert_eq!(count(&house), 25);
    // The same name with another key is an error, and says where.
    let other = csv(24..27).replace(&hex(&octets(24)), &hex(&octets(99)));
    let refused = import(&house, &file(&house, "other.csv", &other), &["--yes"]);
    assert!(text(&refused).contains("Line 2:"), "{}", text(&refused));
    assert_eq!(count(&house), 25);
}

#[test]
fn a_batch_is_imported_as_a_whole_or_not_at_all_and_a_run_that_broke_off_is_run_again() {
    let mut house = House::serving();
    let bad = format!("{}key 30,00ff\n", csv(0..5));
    let refused = import(&house, &file(&house, "bad.csv", &bad), &["--yes", "--batch", "3"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("Line 7:"), "{}", text(&refused));
    assert_eq!(count(&house), 0, "nothing is imported before all of it was tried");
    // Killed at different moments; what is there is whole batches, and the rest comes later.
    let path = file(&house, "keys.csv", &csv(0..60));
    for delay_ms in [60, 120, 200] {
        let mut command = strongroom();
        command.args(["key", "import", path.to_str().unwrap(), "--owner", "client", "--yes"]);
        command.args(["--batch", "4", "--bundle"]).arg(house.data().join("bundles"));
        let mut child = command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay_ms));
        house.stop("KILL");
        child.wait().unwrap();
        let serve = house.quickstart(&["--skip-proof"]);
        house.start(serve);
        assert_eq!(count(&house) % 4, 0, "half a batch is there");
    }
    let done = import(&house, &path, &["--yes", "--batch", "4"]);
    assert!(done.status.success(), "{}", text(&done));
    assert_eq!(count(&house), 60);
}

#[test]
fn what_is_wrong_with_a_file_is_said_by_its_line_and_no_key_stands_in_any_message() {
    let house = House::serving();
    let open = file(&house, "open.csv", &csv(0..2));
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = import(&house, &open, &["--yes"]);
    assert!(text(&refused).contains("chmod 600"), "{}", text(&refused));
    let secret = hex(&octets(1));
    for (name, body, said) in [
        ("a.csv", format!("{secret},x\n"), "Line 1:"),
        ("b.csv", format!("name,key_hex\nx,{secret}\ny,{secret},z\n"), "Line 3:"),
        ("c.csv", format!("name,key_hex\nx,{secret}0\n"), "Line 2:"),
        ("d.csv", format!("key_hex\n{secret}\n"), "neither a name nor an id"),
        ("e.csv", format!("name,key_hex\nx,{secret}\nx,{secret}\n"), "line 2"),
        ("f.csv", format!("name,algorithm,key_hex\nx,rot13,{secret}\n"), "Line 2:"),
        ("g.csv", format!("name,length,key_hex\nx,128,{secret}\n"), "Line 2:"),
        ("h.json", format!("[{{\"name\":\"x\",\n\"key_hex\":\"{secret}\"}}\n{{]"), "Line 3:"),
        ("i.json", format!("[\n{{\"name\":\"x\",\"key\":\"{secret}\"}}]"), "Line 2:"),
        ("j.txt", csv(0..1), "--format"),
    ] {
        let path = file(&house, name, &body);
        let output = import(&house, &path, &["--yes"]);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", text(&output));
        assert!(text(&output).contains(said), "{name}: {}", text(&output));
        assert!(!text(&output).contains(&secret[4..20]), "{name}: {}", text(&output));
    }
    assert_eq!(count(&house), 0);
}

#[test]
fn wrapped_keys_are_unwrapped_by_a_key_of_the_store() {
    let house = House::serving();
    let kek = octets(77);
    let kek_file =
        format!("name,usage,activate,key_hex\nkek,WrapKey;UnwrapKey,yes,{}\n", hex(&kek));
    let output = import(&house, &file(&house, "kek.csv", &kek_file), &["--yes"]);
    assert!(output.status.success(), "{}", text(&output));
    // AES key wrap with and without padding as another implementation has it.
    let wrapped = |cipher: &str, iv: &str, octets: &[u8]| {
        let dir = house.dir.path();
        fs::write(dir.join("plain"), octets).unwrap();
        let run = Command::new("openssl")
            .current_dir(dir)
            .args(["enc", cipher, "-K", &hex(&kek), "-iv", iv, "-in", "plain", "-out", "wrapped"])
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", text(&run));
        hex(&fs::read(dir.join("wrapped")).unwrap())
    };
    let kw = wrapped("-id-aes256-wrap", "A6A6A6A6A6A6A6A6", &octets(1));
    let kwp = wrapped("-id-aes256-wrap-pad", "A65959A6", &octets(2));
    let body = format!(
        "[{{\"name\": \"one\", \"wrapped_by\": \"kek\", \"wrap\": \"kw\", \"key_hex\": \"{kw}\"}},\n\
         {{\"id\": \"two\", \"wrapped_by\": \"kek\", \"wrap\": \"kwp\", \"key_hex\": \"{kwp}\",\n\
         \"groups\": [\"payroll\"], \"activate\": true}}]"
    );
    let path = file(&house, "wrapped.json", &body);
    let done = import(&house, &path, &["--yes"]);
    assert!(done.status.success(), "{}", text(&done));
    let mut client = connect(&house, "client");
    let one = client.locate_by_name("one").unwrap().remove(0);
    assert_eq!(*client.get(&one).unwrap().material, octets(1));
    assert_eq!(*client.get("two").unwrap().material, octets(2));
    assert_eq!(house.json(&["key", "show", "two"])["key_groups"][0], "payroll");
    // A wrapped key that does not unwrap is refused, and never kept as it is.
    let damaged = body.replace("\"one\"", "\"three\"").replace(&kw[4..8], "0000");
    for (name, body) in [
        ("damaged.json", damaged),
        ("stranger.json", body.replace("\"one\"", "\"four\"").replace("\"kek\"", "\"nobody\"")),
    ] {
        let refused = import(&house, &file(&house, name, &body), &["--yes"]);
        assert_eq!(refused.status.code(), Some(1), "{name} {}", text(&refused));
        assert!(text(&refused).contains("Line 1:"), "{name} {}", text(&refused));
    }
}

/// The public half of a pair, PEM, as OpenSSL makes it of what Get gives.
fn public_key(house: &House, id: &str) -> PathBuf {
    let mut client = connect(house, "client");
    let reply = client.call(Operation::GET, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, id);
        e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::PKCS_1);
    });
    let reply = reply.unwrap();
    let block =
        reply.payload().unwrap().find(Tag::PUBLIC_KEY).unwrap().find(Tag::KEY_BLOCK).unwrap();
    let material = block.find(Tag::KEY_VALUE).unwrap().find(Tag::KEY_MATERIAL).unwrap();
    let dir = house.dir.path();
    fs::write(dir.join("public.der"), material.as_bytes().unwrap()).unwrap();
    let run = Command::new("openssl")
        .current_dir(dir)
        .args(["rsa", "-RSAPublicKey_in", "-inform", "DER", "-in", "public.der"])
        .args(["-pubout", "-out", "public.pem"])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", text(&run));
    dir.join("public.pem")
}

#[test]
fn keys_that_others_wrapped_with_rsa_oaep_are_imported() {
    let house = House::serving();
    let usage = ["--usage", "wrap-key,unwrap-key", "--activate"];
    let create = ["key", "create", "rsa", "--owner", "client", "--algorithm", "RSA"];
    let pair = house.json(&[&create[..], &usage[..]].concat());
    let public = public_key(&house, pair["public"].as_str().unwrap());
    let wrapped = |hash: &str, octets: &[u8]| {
        let dir = house.dir.path();
        fs::write(dir.join("plain"), octets).unwrap();
        let run = Command::new("openssl")
            .current_dir(dir)
            .args(["pkeyutl", "-encrypt", "-pubin", "-inkey"])
            .arg(&public)
            .args(["-pkeyopt", "rsa_padding_mode:oaep"])
            .args(["-pkeyopt", &format!("rsa_oaep_md:{hash}")])
            .args(["-pkeyopt", &format!("rsa_mgf1_md:{hash}"), "-in", "plain", "-out", "wrapped"])
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", text(&run));
        hex(&fs::read(dir.join("wrapped")).unwrap())
    };
    let row = |name: &str, more: &str, key: &str| {
        format!(
            "{{\"name\": \"{name}\", \"wrapped_by\": \"rsa\", \"wrap\": \"rsa-oaep\", {more}\
             \"key_hex\": \"{key}\"}}\n"
        )
    };
    // SHA-256 unless the row says otherwise.
    let usual = wrapped("sha256", &octets(1));
    let body = [
        row("usual", "", &usual),
        row("sha1", "\"hash\": \"sha1\", ", &wrapped("sha1", &octets(2))),
        row("sha512", "\"hash\": \"sha512\", ", &wrapped("sha512", &octets(3))),
    ];
    let tried = import(&house, &file(&house, "oaep.json", &body.concat()), &["--dry-run"]);
    assert!(tried.status.success() && count(&house) == 2, "{}", text(&tried));
    let done = import(&house, &file(&house, "oaep.json", &body.concat()), &["--yes"]);
    assert!(done.status.success(), "{}", text(&done));
    let mut client = connect(&house, "client");
    for (n, name) in [(1, "usual"), (2, "sha1"), (3, "sha512")] {
        let id = client.locate_by_name(name).unwrap().remove(0);
        assert_eq!(*client.get(&id).unwrap().material, octets(n), "{name}");
    }
    // Another hash, a changed octet and the half that only wraps: nothing is kept, and no octet said.
    let changed = format!("{}{}", &usual[..40], usual[40..].replacen(&usual[40..44], "0000", 1));
    let half = pair["public"].as_str().unwrap();
    for (name, body) in [
        ("hash.json", row("a", "\"hash\": \"sha384\", ", &usual)),
        ("changed.json", row("b", "", &changed)),
        ("half.json", row("c", "", &usual).replace("\"rsa\"", &format!("\"{half}\""))),
        ("unknown.json", row("d", "\"hash\": \"crc32\", ", &usual)),
    ] {
        let refused = import(&house, &file(&house, name, &body), &["--yes"]);
        assert_eq!(refused.status.code(), Some(1), "{name} {}", text(&refused));
        assert!(text(&refused).contains("Line 1:"), "{name} {}", text(&refused));
    }
    assert_eq!(count(&house), 5);
}

/// Test case 15 of *The Galois/Counter Mode of Operation* (McGrew and Viega, appendix B): key, nonce,
/// 64 octets, and these encrypted with the tag behind them.
const GCM: [&str; 4] = [
    "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
    "cafebabefacedbaddecaf888",
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
     1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
     8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad\
     b094dac5d93471bdec1a502270e3cc6c",
];

#[test]
fn keys_that_others_wrapped_with_aes_gcm_are_imported() {
    let house = House::serving();
    let [kek, iv, plain, wrapped] = GCM;
    let kek = format!("name,usage,activate,key_hex\nkek,WrapKey;UnwrapKey,yes,{kek}\n");
    let output = import(&house, &file(&house, "kek.csv", &kek), &["--yes"]);
    assert!(output.status.success(), "{}", text(&output));
    let row = |name: &str, iv: &str, key: &str| {
        format!(
            "name,algorithm,length,wrapped_by,wrap,iv_hex,key_hex\n\
             {name},HMAC-SHA512,512,kek,gcm,{iv},{key}\n"
        )
    };
    let done = import(&house, &file(&house, "gcm.csv", &row("mac", iv, wrapped)), &["--yes"]);
    assert!(done.status.success(), "{}", text(&done));
    let mut client = connect(&house, "client");
    let id = client.locate_by_name("mac").unwrap().remove(0);
    assert_eq!(hex(&client.get(&id).unwrap().material), plain);
    // A wrong nonce, tag or octet, and none of the first.
    let tag = format!("{}00", &wrapped[..wrapped.len() - 2]);
    for (name, body) in [
        ("iv.csv", row("a", "cafebabefacedbaddecaf889", wrapped)),
        ("tag.csv", row("b", iv, &tag)),
        ("octet.csv", row("c", iv, &wrapped.replacen("52", "53", 1))),
        ("none.csv", row("d", "", wrapped)),
    ] {
        let refused = import(&house, &file(&house, name, &body), &["--yes"]);
        assert_eq!(refused.status.code(), Some(1), "{name} {}", text(&refused));
        assert!(text(&refused).contains("Line 2:"), "{name} {}", text(&refused));
        assert!(!text(&refused).contains(&wrapped[..16]), "{name} {}", text(&refused));
    }
    assert_eq!(count(&house), 2);
}

#[test]
fn imported_keys_lie_nowhere_in_clear() {
    let mut house = House::serving();
    let path = file(&house, "keys.csv", &csv(0..20));
    let done = import(&house, &path, &["--yes"]);
    assert!(done.status.success(), "{}", text(&done));
    fs::remove_file(&path).unwrap();
    house.stop("TERM");
    for file in all_under(house.dir.path()).iter().filter(|path| path.is_file()) {
        let bytes = fs::read(file).unwrap();
        for n in 0..20 {
            let text = hex(&octets(n));
            for needle in [octets(n).as_slice(), text.as_bytes()] {
                let found = bytes.windows(16).any(|window| window == &needle[..16]);
                assert!(!found, "{} has a key in clear", file.display());
            }
        }
    }
}
