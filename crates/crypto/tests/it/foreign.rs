//! Agreement with others: the `openssl` command and the standard's own cases, where they are at hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_crypto::asym::{self, Message, PrivateKey, PublicKey, RsaPadding, Signing};
use strongroom_kmip::{
    CryptographicAlgorithm as Alg, HashingAlgorithm as Hash, KeyFormatType as Format,
    PaddingMethod, RecommendedCurve as Curve,
};

use crate::asymmetric::{private, public, rsa};
use crate::{hex, key};

/// A directory with our RSA key for the command, or nothing when there is no such command.
struct OpenSsl(tempfile::TempDir);

impl OpenSsl {
    fn find() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("SKIPPED: there is no openssl command here");
            return None;
        }
        let this = Self(tempfile::tempdir().unwrap());
        this.write("private.der", rsa().private_pkcs8.as_slice());
        this.write("public.der", &rsa().public_spki);
        Some(this)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn run(&self, arguments: &str) {
        let mut arguments: Vec<_> = arguments.split_whitespace().collect();
        if arguments.first() == Some(&"pkeyutl") {
            arguments.splice(1..1, ["-keyform", "DER"]);
        }
        let output =
            Command::new("openssl").args(&arguments).current_dir(self.0.path()).output().unwrap();
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {problem}");
    }
}

#[test]
fn oaep_agrees_with_openssl_in_both_directions() {
    let Some(openssl) = OpenSsl::find() else { return };
    let rows = [
        (Hash::SHA_256, Hash::SHA_1, "rsa_oaep_md:sha256", "rsa_mgf1_md:sha1"),
        (Hash::SHA_1, Hash::SHA_512, "rsa_oaep_md:sha1", "rsa_mgf1_md:sha512"),
    ];
    for (hash, mgf, hash_option, mgf_option) in rows {
        let padding = RsaPadding::Oaep { hash, mgf_hash: Some(mgf), label: b"label" };
        let options = format!(
            "-pkeyopt rsa_padding_mode:oaep -pkeyopt {hash_option} -pkeyopt {mgf_option} \
             -pkeyopt rsa_oaep_label:6c6162656c"
        );
        let made = asym::encrypt(&public(rsa()), padding, b"a key").unwrap();
        openssl.write("in", &made);
        openssl.run(&format!("pkeyutl -decrypt -inkey private.der -in in -out out {options}"));
        assert_eq!(fs::read(openssl.path("out")).unwrap(), b"a key");

        openssl.write("in", b"another key");
        openssl
            .run(&format!("pkeyutl -encrypt -pubin -inkey public.der -in in -out out {options}"));
        let theirs = fs::read(openssl.path("out")).unwrap();
        let back = asym::decrypt(&private(rsa()), padding, &theirs).unwrap();
        assert_eq!(back.as_slice(), b"another key");
    }
}

#[test]
fn pss_agrees_with_openssl_in_both_directions() {
    let Some(openssl) = OpenSsl::find() else { return };
    let signing = Signing {
        hash: Some(Hash::SHA_256),
        padding: Some(PaddingMethod::PSS),
        mgf_hash: Some(Hash::SHA_1),
        salt_length: Some(20),
    };
    let digest = strongroom_crypto::sha256(&[b"a message"]);
    let options = "-pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_mgf1_md:sha1 \
                   -pkeyopt rsa_pss_saltlen:20";
    openssl.write("digest", &digest);
    let ours = asym::sign(&private(rsa()), &signing, Message::Data(b"a message")).unwrap();
    openssl.write("signature", &ours);
    openssl.run(&format!(
        "pkeyutl -verify -pubin -inkey public.der -in digest -sigfile signature {options}"
    ));
    openssl.run(&format!("pkeyutl -sign -inkey private.der -in digest -out signature {options}"));
    let theirs = fs::read(openssl.path("signature")).unwrap();
    let message = Message::Digest(&digest);
    assert!(asym::verify(&public(rsa()), &signing, message, &theirs).unwrap());
}

#[test]
fn keys_agree_with_openssl_in_every_format() {
    let Some(openssl) = OpenSsl::find() else { return };
    openssl.run("rsa -inform DER -in private.der -outform DER -traditional -out out");
    let theirs = fs::read(openssl.path("out")).unwrap();
    assert_eq!(private(rsa()).encode(Format::PKCS_1).unwrap().as_slice(), theirs);
    for (curve, name) in [(Curve::P_521, "secp521r1"), (Curve::SECP256K1, "secp256k1")] {
        openssl.run(&format!("ecparam -name {name} -genkey -noout -outform DER -out ec.der"));
        openssl.run("ec -inform DER -in ec.der -pubout -outform DER -out ec.pub");
        let sec1 = key(fs::read(openssl.path("ec.der")).unwrap());
        let parsed = PrivateKey::parse(Format::ECPRIVATEKEY, Alg::EC, Some(curve), &sec1).unwrap();
        assert_eq!(parsed.encode(Format::ECPRIVATEKEY).unwrap().as_slice(), sec1.as_slice());
        let public = parsed.public().unwrap().encode(Format::X_509).unwrap();
        assert_eq!(public, fs::read(openssl.path("ec.pub")).unwrap());
    }
}

/// All byte-string values of an element in one of the standard's cases of version 2.1.
struct Case(String);

impl Case {
    fn read(name: &str) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/oasis-xml/v2.1");
        let path = root.join(format!("{name}-21.xml"));
        let Ok(text) = fs::read_to_string(&path) else {
            eprintln!("SKIPPED: no {}", path.display());
            return None;
        };
        Some(Self(text))
    }

    fn values(&self, element: &str) -> Vec<&str> {
        let start = format!("<{element} ");
        self.0
            .split(start.as_str())
            .skip(1)
            .map(|rest| rest.split("value=\"").nth(1).unwrap().split('"').next().unwrap())
            .collect()
    }

    fn hash(&self, element: &str) -> Option<Hash> {
        self.values(element).first().map(|name| Hash(Hash::TABLE.by_name(name).unwrap().code))
    }
}

#[test]
fn the_oasis_oaep_cases_decrypt_to_what_they_say() {
    let mut decrypted = 0;
    for number in 1..=10 {
        let name = format!("profile-mandatory/CS-AC-M-OAEP-{number}");
        let Some(case) = Case::read(&name) else { return };
        if !case.values("Operation").contains(&"Decrypt") {
            continue;
        }
        let label =
            case.values("PSource").first().map(|hex_label| hex(hex_label)).unwrap_or_default();
        let padding = RsaPadding::Oaep {
            hash: case.hash("HashingAlgorithm").unwrap(),
            mgf_hash: case.hash("MaskGeneratorHashingAlgorithm"),
            label: &label,
        };
        let material = case.values("KeyMaterial");
        let data = case.values("Data");
        let private =
            PrivateKey::parse(Format::PKCS_1, Alg::RSA, None, &key(hex(material[0]))).unwrap();
        let (ciphertext, plain) = (data[data.len() - 2], data[data.len() - 1]);
        let back = asym::decrypt(&private, padding, &hex(ciphertext)).unwrap();
        assert_eq!(back.as_slice(), hex(plain), "{name}");
        decrypted += 1;
    }
    assert!(decrypted > 0);
}

#[test]
fn the_oasis_pss_case_verifies_and_its_altered_forms_do_not() {
    let Some(case) = Case::read("profile-mandatory/CS-AC-M-2") else { return };
    let public =
        PublicKey::parse(Format::PKCS_1, Alg::RSA, None, &hex(case.values("KeyMaterial")[0]))
            .unwrap();
    let signing = Signing {
        hash: Some(Hash::SHA_256),
        padding: Some(PaddingMethod::PSS),
        ..Signing::default()
    };
    let checked: Vec<bool> = case
        .values("Data")
        .iter()
        .zip(case.values("SignatureData"))
        .map(|(data, signature)| {
            let (data, signature) = (hex(data), hex(signature));
            asym::verify(&public, &signing, Message::Data(&data), &signature).unwrap()
        })
        .collect();
    assert!(checked[0] && !checked[1..].contains(&true), "{checked:?}");
}

#[test]
fn the_oasis_case_of_a_bare_digest_signs_and_verifies() {
    let Some(case) = Case::read("testcases/TC-RSA-SIGN-DIGESTEDDATA-1") else { return };
    let material = case.values("KeyMaterial");
    let private =
        PrivateKey::parse(Format::PKCS_1, Alg::RSA, None, &key(hex(material[0]))).unwrap();
    let public = PublicKey::parse(Format::PKCS_1, Alg::RSA, None, &hex(material[1])).unwrap();
    let digest = hex(case.values("DigestedData")[0]);
    let bare = Signing::default();
    let signature = asym::sign(&private, &bare, Message::Digest(&digest)).unwrap();
    assert!(asym::verify(&public, &bare, Message::Digest(&digest), &signature).unwrap());
    assert!(!asym::verify(&public, &bare, Message::Digest(&digest[1..]), &signature).unwrap());
}
