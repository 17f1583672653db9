//! A data directory of format 1 with more kinds of objects and slots than the first one, opened by
//! every later build: what was signed and encrypted then is verified and decrypted now.

use std::collections::BTreeMap;
use std::fs;

use strongroom_kmip::{
    BlockCipherMode, CertificateType, DigitalSignatureAlgorithm, KeyFormatType, LinkType,
    RecommendedCurve, SecretDataType, ValidityIndicator,
};
use strongroom_model::Counter;
use zeroize::Zeroizing;

use super::kit::{Wish, name, octets};
use super::old_data::{copy, fixture, passphrase};
use super::*;
use crate::{DealtShare, GrantOn, NewSlot, Subject, Unlock};

/// The objects by what they are, what was made with them, and the custodians' shares.
const INDEX: &str = "objects.txt";

const CERTIFICATE: &[u8] = include_bytes!("../../tests/fixtures/certificate.der");
const SECRET: &[u8] = b"a secret for fixtures only";
const MESSAGE: &[u8] = b"a message of sixteen or so octets";
/// 2100-01-01, POSIX seconds.
const FAR: i64 = 4_102_444_800;
const YEAR_MS: i64 = 365 * 24 * 3_600_000;

const RSA: DigitalSignatureAlgorithm = DigitalSignatureAlgorithm::SHA_256_WITH_RSA_ENCRYPTION;
const ECDSA: DigitalSignatureAlgorithm = DigitalSignatureAlgorithm::ECDSA_WITH_SHA256;

fn wide() -> std::path::PathBuf {
    let path = fixture(1);
    path.with_file_name("data-v1-wide")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn sign(bench: &Bench, id: &str, algorithm: DigitalSignatureAlgorithm) -> Vec<u8> {
    let signed = bench.on(Operation::SIGN, id, |e| {
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(Tag::DIGITAL_SIGNATURE_ALGORITHM, algorithm);
        });
        e.bytes(Tag::DATA, MESSAGE);
    });
    octets(&signed.unwrap(), Tag::SIGNATURE_DATA)
}

fn verifies(bench: &Bench, id: &str, algorithm: DigitalSignatureAlgorithm, made: &[u8]) -> bool {
    let told = bench.on(Operation::SIGNATURE_VERIFY, id, |e| {
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(Tag::DIGITAL_SIGNATURE_ALGORITHM, algorithm);
        });
        e.bytes(Tag::DATA, MESSAGE);
        e.bytes(Tag::SIGNATURE_DATA, made);
    });
    let told = told.unwrap().find(Tag::VALIDITY_INDICATOR).unwrap().value.as_enumeration();
    told == Some(ValidityIndicator::VALID.0)
}

fn gcm(e: &mut Encoder) {
    e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
        e.enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::GCM);
        e.integer(Tag::TAG_LENGTH, 16);
    });
}

/// The objects of the fixture, by what they are.
struct Kept(BTreeMap<String, String>);

impl Kept {
    fn of(&self, what: &str) -> &str {
        self.0.get(what).unwrap_or_else(|| panic!("the fixture has no {what}"))
    }
}

/// The fixture on a machine whose clock is so far from the true time, milliseconds.
fn open(moved_ms: i64, unlock: impl FnOnce(&Engine, &Kept)) -> (Bench, Kept) {
    let dir = TempDir::new().unwrap();
    copy(&wide(), dir.path());
    let index = fs::read_to_string(dir.path().join(INDEX)).unwrap();
    let entries = index.lines().map(|line| line.split_once(' ').unwrap());
    let kept = Kept(entries.map(|(what, value)| (what.to_owned(), value.to_owned())).collect());
    let wall = crate::clock::WallClock::default();
    wall.move_by(moved_ms);
    let engine = Engine::open_at(EngineConfig::new(dir.path()), wall).unwrap();
    unlock(&engine, &kept);
    let root = SecretBytes::from_slice(&[0; 32]).unwrap();
    (Bench { engine, dir, root, alice: caller("alice") }, kept)
}

#[test]
fn everything_in_the_wide_data_directory_of_format_1_is_there_and_works() {
    // Also where the clock is behind the fixture's.
    for moved_ms in [0, -3 * YEAR_MS] {
        everything_works(open(moved_ms, |engine, _| {
            engine.unseal(&Caller::server(), Unlock::Passphrase(passphrase())).unwrap();
        }));
    }
}

fn everything_works((bench, kept): (Bench, Kept)) {
    bench.engine.audit_verify().unwrap();
    let id = |what: &str| kept.of(what).to_owned();

    // What was made then holds now.
    let decrypted = bench
        .on(Operation::DECRYPT, &id("aes"), |e| {
            gcm(e);
            e.bytes(Tag::DATA, &unhex(kept.of("aes-data")));
            e.bytes(Tag::IV_COUNTER_NONCE, &unhex(kept.of("aes-iv")));
            e.bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG, &unhex(kept.of("aes-tag")));
        })
        .unwrap();
    assert_eq!(octets(&decrypted, Tag::DATA), MESSAGE);
    for (pair, algorithm) in [("rsa", RSA), ("p256", ECDSA)] {
        let (private, public) = (id(&format!("{pair}-private")), id(&format!("{pair}-public")));
        let then = unhex(kept.of(&format!("{pair}-signature")));
        assert!(verifies(&bench, &public, algorithm, &then), "{pair}");
        let now = sign(&bench, &private, algorithm);
        assert!(verifies(&bench, &public, algorithm, &now), "{pair}");
        let links = bench.engine.key(&private).unwrap().links;
        assert!(links.contains(&(LinkType::PUBLIC_KEY_LINK.name(), public)), "{pair}");
    }
    let got = bench.by_id(Operation::GET, &id("certificate")).unwrap();
    let certificate = &got.find(Tag::CERTIFICATE).unwrap().value;
    assert_eq!(octets(certificate, Tag::CERTIFICATE_VALUE), CERTIFICATE);
    let got = bench.by_id(Operation::GET, &id("secret")).unwrap();
    let value = got.find(Tag::SECRET_DATA).unwrap().find(Tag::KEY_BLOCK).unwrap();
    let value = &value.find(Tag::KEY_VALUE).unwrap().value;
    assert_eq!(octets(value, Tag::KEY_MATERIAL), SECRET);

    // States, and what is to come.
    let states = [
        ("aes", State::ACTIVE),
        ("compromised", State::COMPROMISED),
        ("destroyed", State::DESTROYED),
        ("destroyed-private", State::DESTROYED),
        ("doomed", State::PRE_ACTIVE),
        ("archived", State::PRE_ACTIVE),
        ("to-come", State::PRE_ACTIVE),
        ("replaced", State::DEACTIVATED),
    ];
    for (what, state) in states {
        assert_eq!(bench.state(&id(what)), state, "{what}");
    }
    for what in ["destroyed", "destroyed-private"] {
        let got = bench.by_id(Operation::GET, &id(what));
        assert_eq!(got, Err(ResultReason::OBJECT_DESTROYED), "{what}");
    }
    let archived = bench.by_id(Operation::GET, &id("archived"));
    assert_eq!(archived, Err(ResultReason::OBJECT_ARCHIVED));
    bench.by_id(Operation::RECOVER, &id("archived")).unwrap();
    bench.by_id(Operation::GET, &id("archived")).unwrap();
    let to_come = bench.values(&id("to-come"), Tag::ACTIVATION_DATE);
    assert_eq!(to_come, [Value::DateTime(FAR)]);
    let links = bench.engine.key(&id("replaced")).unwrap().links;
    assert_eq!(links, [(LinkType::REPLACEMENT_OBJECT_LINK.name(), id("replacement"))]);
    let located = bench
        .one(&bench.alice, Operation::LOCATE, |e| {
            AttributeSet::Own.write(&[name("replaced")], e, V);
        })
        .unwrap();
    assert_eq!(text(&located, Tag::UNIQUE_IDENTIFIER), id("replacement"));
    bench.engine.recall_destruction(&bench.alice, &id("doomed")).unwrap();

    // Counters, grants, groups, roles.
    let aes = bench.engine.inner.store.read(|tx| tx.object(&id("aes").as_str().into())).unwrap();
    assert!(crate::allowance::reserved(&aes.unwrap(), Counter::Usage) > 0);
    let bob = caller("bob");
    bench.one(&bob, Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id("aes"))).unwrap();
    assert_eq!(bench.engine.key_groups_of(&id("aes")).unwrap(), ["payroll"]);
    let role = bench.engine.role_of("olga");
    assert_eq!(role, Some(strongroom_model::Role::CryptoOfficer));

    // And it goes on from there.
    bench.create("newer").unwrap();
    bench.engine.rotate_key(&bench.alice, &id("rsa-private")).unwrap();
    bench.engine.rotate(&Caller::server(), true, |_, _| {}).unwrap();
    bench.by_id(Operation::GET, &id("secret")).unwrap();
    bench.engine.audit_verify().unwrap();
}

#[test]
fn the_custodians_of_the_wide_data_directory_still_open_it() {
    for two in [[0, 1], [0, 2], [2, 1]] {
        let (bench, kept) = open(0, |engine, kept| {
            for at in two {
                let share = kept.of(&format!("share-{at}")).to_owned();
                engine.unseal(&caller("custodian"), Unlock::Share(Zeroizing::new(share))).unwrap();
            }
        });
        bench.by_id(Operation::GET, kept.of("secret")).unwrap();
    }
}

/// Makes the fixture. Run once: `cargo test -p strongroom-engine make_the_wide_fixture --
/// --ignored`.
#[test]
#[ignore = "writes into the source tree; run by hand for a new format"]
fn make_the_wide_fixture() {
    let dir = TempDir::new().unwrap();
    let config =
        EngineConfig { destroy_delay: FAR - 1_800_000_000, ..EngineConfig::new(dir.path()) };
    let engine = Engine::open(config).unwrap();
    let server = Caller::server();
    let shamir = NewSlot::Shamir {
        label: "custodians".to_owned(),
        threshold: 2,
        shares: 3,
        recipients: Vec::new(),
    };
    let secret = NewSlot::Passphrase { label: "fixture".to_owned(), passphrase: passphrase() };
    let made = engine.initialise(&server, vec![secret, shamir]).unwrap();
    let root = SecretBytes::from_slice(&[0; 32]).unwrap();
    let bench = Bench { engine, dir, root, alice: caller("alice") };
    let mut index: Vec<(String, String)> = Vec::new();
    for (at, share) in made.iter().flat_map(|slot| &slot.shares).enumerate() {
        let DealtShare::Text(share) = share else { panic!("it was not encrypted") };
        index.push((format!("share-{at}"), share.to_string()));
    }
    let mut keep = |what: &str, value: &str| index.push((what.to_owned(), value.to_owned()));

    let limits = Value::Structure(vec![
        Node::new(Tag::USAGE_LIMITS_TOTAL, Value::LongInteger(6_400)),
        Node::enumeration(Tag::USAGE_LIMITS_UNIT, strongroom_kmip::UsageLimitsUnit::OBJECT),
    ]);
    let more = vec![Attribute::new(Tag::USAGE_LIMITS, limits), name("aes")];
    let aes = bench.make(&Wish { more, ..Wish::default() });
    let encrypted = bench
        .on(Operation::ENCRYPT, &aes, |e| {
            gcm(e);
            e.bytes(Tag::DATA, MESSAGE);
        })
        .unwrap();
    keep("aes", &aes);
    for (what, tag) in [
        ("aes-data", Tag::DATA),
        ("aes-iv", Tag::IV_COUNTER_NONCE),
        ("aes-tag", Tag::AUTHENTICATED_ENCRYPTION_TAG),
    ] {
        keep(what, &hex(&octets(&encrypted, tag)));
    }
    let to_bob = Subject::User("bob".to_owned());
    let on = GrantOn::Object(aes.clone());
    bench.engine.grant(&server, &on, &to_bob, &[Operation::GET]).unwrap();
    bench.engine.set_key_group(&server, &aes, "payroll", true).unwrap();
    let officer = strongroom_model::Role::CryptoOfficer;
    bench.engine.grant_role(&server, "olga", officer).unwrap();

    let p256 = Some(RecommendedCurve::P_256);
    for (pair, algorithm, bits, curve, signature) in [
        ("rsa", CryptographicAlgorithm::RSA, 2048, None, RSA),
        ("p256", CryptographicAlgorithm::ECDSA, 256, p256, ECDSA),
    ] {
        let wish = Wish { algorithm, bits, mask: 3, ..Wish::default() };
        let (private, public) = bench.make_pair(&wish, curve);
        keep(&format!("{pair}-signature"), &hex(&sign(&bench, &private, signature)));
        keep(&format!("{pair}-private"), &private);
        keep(&format!("{pair}-public"), &public);
    }
    let registered = |kind: ObjectType, write: &dyn Fn(&mut Encoder)| {
        let made = bench.one(&bench.alice, Operation::REGISTER, |e| {
            e.enumeration(Tag::OBJECT_TYPE, kind);
            AttributeSet::Own.write(&[], e, V);
            write(e);
        });
        text(&made.unwrap(), Tag::UNIQUE_IDENTIFIER)
    };
    let certificate = registered(ObjectType::CERTIFICATE, &|e| {
        e.structure(Tag::CERTIFICATE, |e| {
            e.enumeration(Tag::CERTIFICATE_TYPE, CertificateType::X_509);
            e.bytes(Tag::CERTIFICATE_VALUE, CERTIFICATE);
        });
    });
    keep("certificate", &certificate);
    let password = registered(ObjectType::SECRET_DATA, &|e| {
        e.structure(Tag::SECRET_DATA, |e| {
            e.enumeration(Tag::SECRET_DATA_TYPE, SecretDataType::PASSWORD);
            e.structure(Tag::KEY_BLOCK, |e| {
                e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::OPAQUE);
                e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, SECRET));
            });
        });
    });
    keep("secret", &password);

    let compromised = bench.create("compromised").unwrap();
    bench
        .on(Operation::REVOKE, &compromised, |e| {
            e.structure(Tag::REVOCATION_REASON, |e| {
                let code = RevocationReasonCode::KEY_COMPROMISE;
                e.enumeration(Tag::REVOCATION_REASON_CODE, code);
            });
        })
        .unwrap();
    keep("compromised", &compromised);
    let archived = bench.create("archived").unwrap();
    bench.by_id(Operation::ARCHIVE, &archived).unwrap();
    keep("archived", &archived);
    let to_come = bench.create("to come").unwrap();
    bench
        .on(Operation::SET_ATTRIBUTE, &to_come, |e| {
            let date = Attribute::new(Tag::ACTIVATION_DATE, Value::DateTime(FAR));
            e.structure(Tag::NEW_ATTRIBUTE, |e| date.write(e, V));
        })
        .unwrap();
    keep("to-come", &to_come);
    let replaced = bench.create("replaced").unwrap();
    bench.by_id(Operation::ACTIVATE, &replaced).unwrap();
    let replacement = bench.engine.rotate_key(&bench.alice, &replaced).unwrap();
    keep("replaced", &replaced);
    keep("replacement", &replacement);
    bench.engine.confirm_clock(&server).unwrap();
    let doomed = bench.create("doomed").unwrap();
    bench.by_id(Operation::DESTROY, &doomed).unwrap();
    keep("doomed", &doomed);

    // Without the delay: destroyed at once.
    bench.engine.stop();
    let Bench { engine, dir, root, alice } = bench;
    drop(engine);
    let engine = Engine::open(EngineConfig::new(dir.path())).unwrap();
    engine.unseal(&server, Unlock::Passphrase(passphrase())).unwrap();
    let bench = Bench { engine, dir, root, alice };
    let destroyed = bench.create("destroyed").unwrap();
    let wish = Wish { algorithm: CryptographicAlgorithm::ECDSA, mask: 3, ..Wish::default() };
    let (private, _) = bench.make_pair(&wish, p256);
    bench.revoke(&private).unwrap();
    for (what, id) in [("destroyed", &destroyed), ("destroyed-private", &private)] {
        bench.by_id(Operation::DESTROY, id).unwrap();
        keep(what, id);
    }
    bench.engine.audit_verify().unwrap();
    bench.engine.inner.store.checkpoint().unwrap();
    bench.engine.stop();
    let target = wide();
    assert!(!target.exists(), "a fixture is never written again");
    copy(bench.dir.path(), &target);
    let lines = index.iter().map(|(what, value)| format!("{what} {value}\n"));
    fs::write(target.join(INDEX), lines.collect::<String>()).unwrap();
    for passing in ["store.db-wal", "store.db-shm", "store.db.lock", "audit/uses.lock"] {
        let _ = fs::remove_file(target.join(passing));
    }
}
