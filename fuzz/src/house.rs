//! A key manager in memory, with objects under the identifiers that the seeds name.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;

use strongroom_kmip::{
    CryptographicAlgorithm, CryptographicUsageMask as Usage, Encoder, KeyFormatType, Limits, Node,
    ObjectType, Operation, ProtocolVersion, RequestBuilder, ResponseView, ResultStatus, Tag,
};
use strongroom_model::Role;
use strongroom_server::admin::types::{NewSlot, State};
use strongroom_server::config::Config;
use strongroom_server::kmip_listener::now;
use strongroom_server::service::{Caller, Manager, console, open};
use strongroom_server::setup::{make_authority, make_server_certificate};
use tempfile::TempDir;

const V: ProtocolVersion = ProtocolVersion { major: 2, minor: 1 };

/// 2001-09-09.
const PAST: i64 = 1_000_000_000;

/// A key manager and the directory that goes away with it.
pub struct House {
    pub manager: Arc<dyn Manager>,
    _dir: TempDir,
    served: u64,
}

impl House {
    /// Opens one, with everybody's role and the objects of [`OBJECTS`].
    pub fn open() -> Self {
        let dir = place();
        let at = |name: &str| dir.path().join(name);
        let text = format!(
            "[data]\ndir = {:?}\n[root]\nslots_path = {:?}\nfile_key_path = {:?}\n",
            at("data"),
            at("root/slots.json"),
            at("root/root.key")
        );
        let config = Config::from_text(&text).expect("a configuration");
        let manager = open(&config, None).expect("a key manager");
        let shamir = NewSlot::Shamir { threshold: 2, shares: 3, recipients: Vec::new() };
        manager.initialise(vec![NewSlot::File {}, shamir]).expect("a root key");
        // A backup holds them too.
        let authority = make_authority(manager.as_ref(), &config.tls, "Fuzz CA", now());
        let authority = authority.expect("an authority");
        let names = ["127.0.0.1".to_owned()];
        make_server_certificate(manager.as_ref(), &authority, &config.tls, &names, now())
            .expect("a certificate");
        let roles = [
            ("officer", Role::CryptoOfficer),
            ("sysadmin", Role::SystemAdministrator),
            ("auditor", Role::Auditor),
            ("client", Role::KeyUser),
        ];
        for (user, role) in roles {
            manager.role_grant(&console(), user, role).expect("a role");
        }
        let house = Self { manager, _dir: dir, served: 0 };
        for (id, algorithm, material, usage) in OBJECTS {
            let made = house.send(import(id, *algorithm, material, *usage));
            let reply = ResponseView::parse(&made, &Limits::default()).expect("a reply");
            assert_eq!(reply.items[0].status, ResultStatus::SUCCESS, "{id}");
        }
        house
    }

    /// Whether another one should take its place: it was closed, or has had its `most` requests.
    pub fn is_worn(&self, most: u64) -> bool {
        self.served >= most || self.manager.state() != State::Serving
    }

    /// Counts a request.
    pub fn count(&mut self) {
        self.served += 1;
    }

    /// Sends a frame as the one client.
    pub fn send(&self, frame: Vec<u8>) -> Vec<u8> {
        let (sender, receiver) = channel();
        let reply = Box::new(move |reply: strongroom_server::service::Reply| {
            let _ = sender.send(reply.bytes);
        });
        self.manager.handle(&client(), frame, reply);
        receiver.recv().expect("one reply to each request")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.manager.stop();
    }
}

/// Whose requests they are.
fn client() -> Arc<Caller> {
    Arc::new(Caller {
        user: "client".to_owned(),
        fingerprint: "00".repeat(32),
        address: "127.0.0.1:1".to_owned(),
        ..Caller::default()
    })
}

const CIPHER: u32 = Usage::ENCRYPT.0 | Usage::DECRYPT.0 | Usage::WRAP_KEY.0 | Usage::UNWRAP_KEY.0;
const MAC: u32 = Usage::MAC_GENERATE.0 | Usage::MAC_VERIFY.0;

/// What the requests of the corpus name.
const OBJECTS: &[(&str, CryptographicAlgorithm, &[u8], u32)] = &[
    ("key", CryptographicAlgorithm::AES, &[1; 32], CIPHER),
    ("plain", CryptographicAlgorithm::AES, &[2; 16], CIPHER),
    ("other", CryptographicAlgorithm::CHACHA20POLY1305, &[3; 32], CIPHER),
    ("hmac", CryptographicAlgorithm::HMAC_SHA256, &[4; 32], MAC),
    ("base", CryptographicAlgorithm::HMAC_SHA256, &[5; 32], Usage::DERIVE_KEY.0),
    ("0", CryptographicAlgorithm::AES, &[6; 16], CIPHER),
    ("1", CryptographicAlgorithm::AES, &[7; 16], CIPHER),
];

fn import(id: &str, algorithm: CryptographicAlgorithm, material: &[u8], usage: u32) -> Vec<u8> {
    let bits = i32::try_from(material.len() * 8).unwrap_or(0);
    RequestBuilder::new(V)
        .item(Operation::IMPORT, |e: &mut Encoder| {
            e.text(Tag::UNIQUE_IDENTIFIER, id);
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            e.structure(Tag::ATTRIBUTES, |e| {
                e.node(&Node::integer(Tag::CRYPTOGRAPHIC_USAGE_MASK, usage.cast_signed()));
                e.node(&Node::date_time(Tag::ACTIVATION_DATE, PAST));
            });
            e.structure(Tag::SYMMETRIC_KEY, |e| {
                e.structure(Tag::KEY_BLOCK, |e| {
                    e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
                    e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, material));
                    e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
                    e.integer(Tag::CRYPTOGRAPHIC_LENGTH, bits);
                });
            });
        })
        .finish()
}

/// In memory where the machine has such a place: flushing is not what is tried here.
fn place() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    TempDir::new_in(&memory).or_else(|_| TempDir::new()).expect("a directory")
}
