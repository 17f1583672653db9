//! The lines that quickstart prints for other products, taken from its output: what they make is
//! made, and every file that they name is there, private, and what the product takes it for.
//!
//! PyKMIP and libmongocrypt run theirs in `./test clients`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use strongroom_client::{Config, Connection, Pem};

use crate::house::{House, text};

/// The lines under a product's heading, without their margin.
fn recipe(printed: &str, product: &str) -> Vec<String> {
    let (_, recipes) = printed.split_once("Connect something").unwrap();
    let lines = recipes.lines().skip_while(|line| !line.starts_with(product)).skip(1);
    let lines = lines.map_while(|line| line.strip_prefix("  ").map(str::to_owned));
    let lines: Vec<String> = lines.collect();
    assert!(!lines.is_empty(), "nothing is printed for {product}: {printed}");
    lines
}

/// The files that lines name by a whole path.
fn files(lines: &[String]) -> BTreeSet<PathBuf> {
    let ends = |c: char| c.is_whitespace() || "\"'(),;".contains(c);
    let words =
        lines.iter().flat_map(|line| line.split(ends)).map(|word| word.trim_end_matches('.'));
    words.filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

/// Runs lines as a shell that they are pasted into.
fn paste(lines: &[String], dir: &Path) {
    let mut shell = Command::new("bash");
    let output = shell.args(["-euc", &lines.join("\n")]).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{lines:?}: {}", text(&output));
}

fn certificate(file: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn is_private(file: &Path) {
    let mode = fs::metadata(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{}", file.display());
}

/// The three files of a bundle are what their names say.
fn is_bundle(files: &BTreeSet<PathBuf>) {
    let names: Vec<&str> = files.iter().map(|f| f.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["ca.pem", "cert.pem", "key.pem"], "{files:?}");
    for file in files {
        is_private(file);
        match file.file_name().unwrap().to_str().unwrap() {
            "key.pem" => drop(PrivateKeyDer::from_pem_file(file).unwrap()),
            name => {
                let der = certificate(file);
                let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
                assert_eq!(parsed.is_ca(), name == "ca.pem", "{}", file.display());
            }
        }
    }
}

/// A client that has these files reaches that server.
fn connects(address: &str, ca: &Path, cert: &Path, key: &Path) {
    let config = Config::new([address], Pem::file(ca), Pem::file(cert), Pem::file(key));
    let mut connection = Connection::open(&config).unwrap();
    connection.discover_versions().unwrap();
}

#[test]
fn what_is_printed_for_databases_and_vsphere_names_files_that_are_what_they_are_taken_for() {
    let mut house = House::new();
    let quickstart = house.quickstart(&[]);
    house.start(quickstart);
    // The recipes come after the proof, and the last line after them.
    let begun = std::time::Instant::now();
    while !house.log().contains("Ctrl-C stops.") {
        assert!(begun.elapsed().as_secs() < 90, "{}", house.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let printed = house.log();
    let (host, port) = house.kmip.split_once(':').unwrap();
    let dir = house.dir.path().join("pasted");
    fs::create_dir(&dir).unwrap();

    // The component's configuration is a file of JSON.
    let component = recipe(&printed, "MySQL, Percona Server");
    let json: serde_json::Value = serde_json::from_str(&component.join("\n")).unwrap();
    assert_eq!(
        (json["server_addr"].as_str(), json["server_port"].as_str()),
        (Some(host), Some(port))
    );
    let path = |name: &str| PathBuf::from(json[name].as_str().unwrap());
    is_bundle(&files(&component));
    connects(&house.kmip, &path("server_ca"), &path("client_ca"), &path("client_key"));

    // Oracle's layout: a directory and two servers.
    let okv = recipe(&printed, "MySQL Enterprise");
    let ours = |path: &PathBuf| path.starts_with(house.data());
    is_bundle(&files(&okv).into_iter().filter(ours).collect());
    paste(&okv, &dir);
    let servers = fs::read_to_string(dir.join("okv/okvclient.ora")).unwrap();
    let address = &house.kmip;
    assert_eq!(servers, format!("SERVER={address}\nSTANDBY_SERVER={address}\n"));
    let ssl = dir.join("okv/ssl");
    is_private(&ssl.join("key.pem"));
    connects(address, &ssl.join("CA.pem"), &ssl.join("cert.pem"), &ssl.join("key.pem"));

    // One file with certificate and key, as the drivers' lines make it.
    let drivers = recipe(&printed, "pymongocrypt");
    let settings = drivers.iter().position(|line| line.starts_with("kms_providers")).unwrap();
    paste(&drivers[..settings], &dir);
    let together = dir.join("client.pem");
    is_private(&together);
    assert_eq!(CertificateDer::pem_file_iter(&together).unwrap().count(), 1);
    connects(address, &house.data().join("bundles/client/ca.pem"), &together, &together);

    let mongod = recipe(&printed, "MongoDB Enterprise");
    let words: Vec<&str> = mongod.iter().flat_map(|line| line.split_whitespace()).collect();
    let option = |name: &str| {
        let at = words.iter().position(|word| *word == name).unwrap();
        words[at + 1]
    };
    assert_eq!((option("--kmipServerName"), option("--kmipPort")), (host, port));
    let ca = Path::new(option("--kmipServerCAFile"));
    connects(address, ca, &dir.join(option("--kmipClientCertificateFile")), &together);

    let vsphere = recipe(&printed, "vSphere");
    is_bundle(&files(&vsphere));
    let said = vsphere.join(" ");
    assert!(said.contains(host) && said.contains(&format!("port {port}")), "{said}");
    assert_eq!(house.stop("TERM"), Some(0), "{}", house.log());
}
