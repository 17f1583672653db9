//! The objects that the requests name.

use strongroom_client::{Connection, Error};
use strongroom_kmip::{
    AlternativeNameType, BlockCipherMode, CertificateType, CryptographicAlgorithm,
    CryptographicUsageMask as Usage, Encoder, HashingAlgorithm, KeyFormatType, NameType, Node,
    ObjectType, Operation, PaddingMethod, ProtectionLevel, ProtocolVersion, RevocationReasonCode,
    SecretDataType, SplitKeyMethod, Tag, UsageLimitsUnit, Value,
};

use super::{attribute, id, template, template_as};
use crate::certificates::Authority;

/// Objects of every type and state, with every attribute that can be set.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// A name that only one object has.
    pub name: String,
    /// An active AES-256 key with many attributes.
    pub key: String,
    /// An active AES-128 key without more than it needs.
    pub plain: String,
    /// An active HMAC key.
    pub hmac: String,
    /// An active key to derive from.
    pub base: String,
    /// A pre-active RSA pair: private, public. The private key is active.
    pub rsa: (String, String),
    /// An active pair on P-256: private, public.
    pub ec: (String, String),
    /// Everything else that can be read: a label and an identifier.
    pub others: Vec<(String, String)>,
    /// Pre-active AES keys to change or destroy.
    pub victims: Vec<String>,
    /// What the server refused to make, with its words.
    pub refused: Vec<String>,
}

/// 2001-09-09, before anything that a server does today.
pub(super) const PAST: i64 = 1_000_000_000;
/// 2033-05-18.
pub(super) const FUTURE: i64 = 2_000_000_000;

pub(super) fn name_node(text: &str) -> Node {
    Node::structure(
        Tag::NAME,
        vec![
            Node::text(Tag::NAME_VALUE, text),
            Node::enumeration(Tag::NAME_TYPE, NameType::UNINTERPRETED_TEXT_STRING),
        ],
    )
}

pub(super) fn usage(mask: &[Usage]) -> Node {
    let bits = mask.iter().fold(0, |bits, m| bits | m.0);
    Node::integer(Tag::CRYPTOGRAPHIC_USAGE_MASK, bits.cast_signed())
}

pub(super) fn aes(bits: i32) -> Vec<Node> {
    vec![
        Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES),
        Node::integer(Tag::CRYPTOGRAPHIC_LENGTH, bits),
        usage(&[Usage::ENCRYPT, Usage::DECRYPT, Usage::WRAP_KEY, Usage::UNWRAP_KEY]),
    ]
}

/// Every attribute that a client can set on a key, one of them newer than the other.
pub(super) fn attributes(unique: &str) -> Vec<Node> {
    let text = |tag| Node::text(tag, "a text");
    vec![
        name_node(&format!("{unique}-second")),
        Node::structure(
            Tag::APPLICATION_SPECIFIC_INFORMATION,
            vec![
                Node::text(Tag::APPLICATION_NAMESPACE, "ssl"),
                Node::text(Tag::APPLICATION_DATA, "www.example.com"),
            ],
        ),
        text(Tag::CONTACT_INFORMATION),
        text(Tag::OBJECT_GROUP),
        text(Tag::DESCRIPTION),
        text(Tag::COMMENT),
        text(Tag::PKCS_12_FRIENDLY_NAME),
        Node::structure(
            Tag::ALTERNATIVE_NAME,
            vec![
                Node::text(Tag::ALTERNATIVE_NAME_VALUE, "key.example.com"),
                Node::enumeration(Tag::ALTERNATIVE_NAME_TYPE, AlternativeNameType::DNS_NAME),
            ],
        ),
        Node::structure(
            Tag::CRYPTOGRAPHIC_PARAMETERS,
            vec![
                Node::enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::CBC),
                Node::enumeration(Tag::PADDING_METHOD, PaddingMethod::PKCS5),
                Node::enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::SHA3_256),
                Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES),
                Node::boolean(Tag::RANDOM_IV, true),
                Node::integer(Tag::TAG_LENGTH, 16),
            ],
        ),
        Node::structure(
            Tag::USAGE_LIMITS,
            vec![
                Node::new(Tag::USAGE_LIMITS_TOTAL, Value::LongInteger(1 << 40)),
                Node::new(Tag::USAGE_LIMITS_COUNT, Value::LongInteger(1 << 40)),
                Node::enumeration(Tag::USAGE_LIMITS_UNIT, UsageLimitsUnit::BYTE),
            ],
        ),
        Node::date_time(Tag::PROCESS_START_DATE, PAST),
        Node::date_time(Tag::PROTECT_STOP_DATE, FUTURE),
        Node::date_time(Tag::DEACTIVATION_DATE, FUTURE),
        Node::date_time(Tag::ORIGINAL_CREATION_DATE, PAST),
        Node::boolean(Tag::SENSITIVE, false),
        Node::boolean(Tag::EXTRACTABLE, true),
        Node::enumeration(Tag::PROTECTION_LEVEL, ProtectionLevel::HIGH),
        Node::new(Tag::PROTECTION_PERIOD, Value::Interval(3600)),
        Node::boolean(Tag::QUANTUM_SAFE, false),
        Node::new(Tag::ROTATE_INTERVAL, Value::Interval(86_400)),
        Node::boolean(Tag::ROTATE_AUTOMATIC, false),
        Node::new(Tag::ROTATE_OFFSET, Value::Interval(60)),
        vendor("x", "client", "custom"),
        vendor("y", "server", "custom"),
        vendor("acme.example", "rack", "17"),
    ]
}

pub(super) fn vendor(vendor: &str, name: &str, value: &str) -> Node {
    Node::structure(
        Tag::ATTRIBUTE,
        vec![
            Node::text(Tag::VENDOR_IDENTIFICATION, vendor),
            Node::text(Tag::ATTRIBUTE_NAME, name),
            Node::text(Tag::ATTRIBUTE_VALUE, value),
        ],
    )
}

pub(super) fn key_block(
    e: &mut Encoder,
    format: KeyFormatType,
    algorithm: CryptographicAlgorithm,
    material: &[u8],
) {
    e.structure(Tag::KEY_BLOCK, |e| {
        e.enumeration(Tag::KEY_FORMAT_TYPE, format);
        e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, material));
        e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
        e.integer(Tag::CRYPTOGRAPHIC_LENGTH, i32::try_from(material.len() * 8).unwrap_or(0));
    });
}

impl Scene {
    /// Makes the objects over a connection, in `version`, which should be the newest that the
    /// server speaks. What it refuses is noted and left out.
    pub fn create(connection: &mut Connection, version: ProtocolVersion, unique: &str) -> Self {
        let before = connection.version();
        connection.set_version(version);
        let mut maker = Maker { connection, version, scene: Self::default() };
        maker.scene.name = unique.to_owned();
        maker.keys(unique);
        maker.pairs();
        maker.registered();
        let scene = maker.scene;
        connection.set_version(before);
        scene
    }

    /// Identifiers without objects: for tests of the requests themselves.
    pub fn fictitious() -> Self {
        let pair = || ("private".to_owned(), "public".to_owned());
        Self {
            name: "name".to_owned(),
            key: "key".to_owned(),
            plain: "plain".to_owned(),
            hmac: "hmac".to_owned(),
            base: "base".to_owned(),
            rsa: pair(),
            ec: pair(),
            others: vec![("other".to_owned(), "other".to_owned())],
            victims: (0..VICTIMS).map(|n| n.to_string()).collect(),
            refused: Vec::new(),
        }
    }

    /// Every object that is not there to be changed.
    pub fn readable(&self) -> Vec<(&str, &str)> {
        let own = [
            ("key", &self.key),
            ("plain", &self.plain),
            ("hmac", &self.hmac),
            ("RSA private", &self.rsa.0),
            ("RSA public", &self.rsa.1),
            ("EC private", &self.ec.0),
            ("EC public", &self.ec.1),
        ];
        own.into_iter()
            .map(|(label, id)| (label, id.as_str()))
            .chain(self.others.iter().map(|(label, id)| (label.as_str(), id.as_str())))
            .filter(|(_, id)| !id.is_empty())
            .collect()
    }

    /// A key that nobody else has changed yet.
    pub(super) fn victim(&self, number: usize) -> &str {
        self.victims.get(number).map_or("no-victim", String::as_str)
    }
}

const VICTIMS: usize = 12;

struct Maker<'a> {
    connection: &'a mut Connection,
    version: ProtocolVersion,
    scene: Scene,
}

impl Maker<'_> {
    fn keys(&mut self, unique: &str) {
        let mut rich = aes(256);
        rich.push(name_node(unique));
        rich.push(Node::date_time(Tag::ACTIVATION_DATE, PAST));
        self.scene.key = self.create("key", &rich);
        for attribute_node in attributes(unique) {
            let (target, version) = (self.scene.key.clone(), self.version);
            let label = format!("add {}", attribute_node.tag);
            self.note(&label, |c| {
                c.call(Operation::ADD_ATTRIBUTE, |e| {
                    id(e, &target);
                    attribute(e, version, Tag::NEW_ATTRIBUTE, &attribute_node);
                })
                .map(drop)
            });
        }
        let mut active = aes(128);
        active.push(Node::date_time(Tag::ACTIVATION_DATE, PAST));
        self.scene.plain = self.create("plain", &active);
        for (number, state) in ["deactivated", "compromised", "destroyed"].into_iter().enumerate() {
            let made = self.create(state, &active);
            let reason = match number {
                1 => RevocationReasonCode::KEY_COMPROMISE,
                _ => RevocationReasonCode::CESSATION_OF_OPERATION,
            };
            self.note(state, |c| c.revoke(&made, reason));
            if number == 2 {
                self.note(state, |c| c.destroy(&made));
            }
            self.keep(state, made);
        }
        for (algorithm, label) in [
            (CryptographicAlgorithm::CHACHA20POLY1305, "ChaCha20-Poly1305"),
            (CryptographicAlgorithm::TRIPLE_DES, "3DES"),
        ] {
            let bits = if algorithm == CryptographicAlgorithm::TRIPLE_DES { 168 } else { 256 };
            let made = self.create(
                label,
                &[
                    Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm),
                    Node::integer(Tag::CRYPTOGRAPHIC_LENGTH, bits),
                    usage(&[Usage::ENCRYPT, Usage::DECRYPT, Usage::FPE_ENCRYPT]),
                ],
            );
            self.keep(label, made);
        }
        for _ in 0..VICTIMS {
            let made = self.create("victim", &aes(128));
            self.scene.victims.push(made);
        }
    }

    fn pairs(&mut self) {
        let rsa = [
            Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::RSA),
            Node::integer(Tag::CRYPTOGRAPHIC_LENGTH, 2048),
        ];
        self.scene.rsa = self.pair("RSA pair", &rsa);
        let ec = |algorithm, bits| {
            [
                Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm),
                Node::integer(Tag::CRYPTOGRAPHIC_LENGTH, bits),
            ]
        };
        self.scene.ec = self.pair("EC pair", &ec(CryptographicAlgorithm::ECDSA, 256));
        let ed25519 = self.pair("Ed25519 pair", &ec(CryptographicAlgorithm::ED25519, 256));
        let ml_kem = self.pair(
            "ML-KEM pair",
            &[Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::ML_KEM_768)],
        );
        for (label, (private, public)) in [("Ed25519", ed25519), ("ML-KEM", ml_kem)] {
            self.keep(&format!("{label} private"), private);
            self.keep(&format!("{label} public"), public);
        }
        for active in [
            self.scene.rsa.0.clone(),
            self.scene.rsa.1.clone(),
            self.scene.ec.0.clone(),
            self.scene.ec.1.clone(),
        ] {
            if !active.is_empty() {
                self.note("activate", |c| c.activate(&active));
            }
        }
    }

    fn registered(&mut self) {
        let masks = |mask: &[Usage]| vec![usage(mask), Node::date_time(Tag::ACTIVATION_DATE, PAST)];
        self.scene.hmac = self.register(
            "HMAC key",
            ObjectType::SYMMETRIC_KEY,
            &masks(&[Usage::MAC_GENERATE, Usage::MAC_VERIFY]),
            |e| {
                e.structure(Tag::SYMMETRIC_KEY, |e| {
                    let algorithm = CryptographicAlgorithm::HMAC_SHA256;
                    key_block(e, KeyFormatType::RAW, algorithm, &[0x5A; 32]);
                });
            },
        );
        self.scene.base = self.register(
            "derivation key",
            ObjectType::SYMMETRIC_KEY,
            &masks(&[Usage::DERIVE_KEY]),
            |e| {
                e.structure(Tag::SYMMETRIC_KEY, |e| {
                    let algorithm = CryptographicAlgorithm::HMAC_SHA256;
                    key_block(e, KeyFormatType::RAW, algorithm, &[0x3C; 32]);
                });
            },
        );
        let secret = self.register("secret data", ObjectType::SECRET_DATA, &masks(&[]), |e| {
            e.structure(Tag::SECRET_DATA, |e| {
                e.enumeration(Tag::SECRET_DATA_TYPE, SecretDataType::PASSWORD);
                e.structure(Tag::KEY_BLOCK, |e| {
                    e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::OPAQUE);
                    e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, b"secret"));
                });
            });
        });
        self.keep("secret data", secret);
        let opaque = self.register("opaque object", ObjectType::OPAQUE_OBJECT, &[], |e| {
            e.structure(Tag::OPAQUE_OBJECT, |e| {
                e.enumeration(Tag::OPAQUE_DATA_TYPE, 0x8000_0001_u32);
                e.bytes(Tag::OPAQUE_DATA_VALUE, b"opaque");
            });
        });
        self.keep("opaque object", opaque);
        let certificate = Authority::new("corpus").der();
        let made = self.register("certificate", ObjectType::CERTIFICATE, &masks(&[]), |e| {
            e.structure(Tag::CERTIFICATE, |e| {
                e.enumeration(Tag::CERTIFICATE_TYPE, CertificateType::X_509);
                e.bytes(Tag::CERTIFICATE_VALUE, &certificate);
            });
        });
        self.keep("certificate", made);
        let split = self.register("split key", ObjectType::SPLIT_KEY, &masks(&[]), |e| {
            e.structure(Tag::SPLIT_KEY, |e| {
                e.integer(Tag::SPLIT_KEY_PARTS, 3);
                e.integer(Tag::KEY_PART_IDENTIFIER, 1);
                e.integer(Tag::SPLIT_KEY_THRESHOLD, 2);
                e.enumeration(Tag::SPLIT_KEY_METHOD, SplitKeyMethod::POLYNOMIAL_SHARING_GF_2_8);
                let algorithm = CryptographicAlgorithm::AES;
                key_block(e, KeyFormatType::RAW, algorithm, &[0x11; 16]);
            });
        });
        self.keep("split key", split);
        let pgp = self.register("PGP key", ObjectType::PGP_KEY, &masks(&[]), |e| {
            e.structure(Tag::PGP_KEY, |e| {
                e.integer(Tag::PGP_KEY_VERSION, 4);
                let algorithm = CryptographicAlgorithm::RSA;
                key_block(e, KeyFormatType::RAW, algorithm, &[0x99; 32]);
            });
        });
        self.keep("PGP key", pgp);
    }

    fn create(&mut self, label: &str, attributes: &[Node]) -> String {
        let version = self.version;
        self.made(label, |c| {
            c.call(Operation::CREATE, |e| {
                e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
                template(e, version, attributes);
            })?
            .text(Tag::UNIQUE_IDENTIFIER)
        })
    }

    fn register(
        &mut self,
        label: &str,
        object_type: ObjectType,
        attributes: &[Node],
        object: impl FnOnce(&mut Encoder),
    ) -> String {
        let version = self.version;
        self.made(label, |c| {
            c.call(Operation::REGISTER, |e| {
                e.enumeration(Tag::OBJECT_TYPE, object_type);
                template(e, version, attributes);
                object(e);
            })?
            .text(Tag::UNIQUE_IDENTIFIER)
        })
    }

    fn pair(&mut self, label: &str, common: &[Node]) -> (String, String) {
        let version = self.version;
        let mut pair = (String::new(), String::new());
        self.note(label, |c| {
            let reply = c.call(Operation::CREATE_KEY_PAIR, |e| pair_payload(e, version, common))?;
            pair = (
                reply.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER)?,
                reply.text(Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER)?,
            );
            Ok(())
        });
        pair
    }

    fn made(
        &mut self,
        label: &str,
        make: impl FnOnce(&mut Connection) -> Result<String, Error>,
    ) -> String {
        let mut made = String::new();
        self.note(label, |c| make(c).map(|id| made = id));
        made
    }

    fn note(&mut self, label: &str, act: impl FnOnce(&mut Connection) -> Result<(), Error>) {
        if let Err(e) = act(self.connection) {
            self.scene.refused.push(format!("{label}: {e}"));
        }
    }

    fn keep(&mut self, label: &str, id: String) {
        if !id.is_empty() {
            self.scene.others.push((label.to_owned(), id));
        }
    }
}

pub(super) fn pair_payload(e: &mut Encoder, version: ProtocolVersion, common: &[Node]) {
    let private = [usage(&[Usage::SIGN, Usage::DECRYPT])];
    let public = [usage(&[Usage::VERIFY, Usage::ENCRYPT])];
    for (old, new, attributes) in [
        (Tag::COMMON_TEMPLATE_ATTRIBUTE, Tag::COMMON_ATTRIBUTES, common),
        (Tag::PRIVATE_KEY_TEMPLATE_ATTRIBUTE, Tag::PRIVATE_KEY_ATTRIBUTES, &private),
        (Tag::PUBLIC_KEY_TEMPLATE_ATTRIBUTE, Tag::PUBLIC_KEY_ATTRIBUTES, &public),
    ] {
        template_as(e, version, old, new, attributes);
    }
}
