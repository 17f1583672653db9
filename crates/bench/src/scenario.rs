//! What is measured: the requests of each scenario, in KMIP 1.4.

use strongroom_client::Ciphertext;
use strongroom_kmip::{
    BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask as Usage,
    DigitalSignatureAlgorithm, Encoder, NameType, Node, ObjectType, Operation, ProtocolVersion,
    RecommendedCurve, RequestBuilder, Tag,
};

/// Bytes that are encrypted and signed.
pub const DATA: [u8; 64] = [0x5A; 64];

const VERSION: ProtocolVersion = ProtocolVersion::V1_4;

/// What one request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Scenario {
    /// Get of an AES-256 key.
    Get,
    /// Create of an AES-256 key.
    Create,
    /// Encrypt of 64 bytes with AES-256-GCM, the IV made by the server.
    Encrypt,
    /// Decrypt of the same.
    Decrypt,
    /// Sign of 64 bytes with ECDSA P-256 and SHA-256.
    Sign,
    /// Locate by name, which finds one key.
    Locate,
    /// A new connection with a full handshake, and one Get on it.
    Connect,
    /// A new connection that resumes a session, and one Get on it.
    Resume,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Get,
        Self::Create,
        Self::Encrypt,
        Self::Decrypt,
        Self::Sign,
        Self::Locate,
        Self::Connect,
        Self::Resume,
    ];

    /// Its name on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Create => "create",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Sign => "sign",
            Self::Locate => "locate",
            Self::Connect => "connect",
            Self::Resume => "resume",
        }
    }

    /// Whether each request has a connection of its own.
    pub fn connects(self) -> bool {
        matches!(self, Self::Connect | Self::Resume)
    }
}

impl core::fmt::Display for Scenario {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}

fn one(operation: Operation, fill: impl FnOnce(&mut Encoder)) -> Vec<u8> {
    RequestBuilder::new(VERSION).item(operation, fill).finish()
}

/// An identifier or a name: text whatever its bytes are, since it came as text.
fn text(e: &mut Encoder, tag: Tag, bytes: &[u8]) {
    e.text(tag, &String::from_utf8_lossy(bytes));
}

/// Get.
pub fn get(id: &[u8]) -> Vec<u8> {
    one(Operation::GET, |e| text(e, Tag::UNIQUE_IDENTIFIER, id))
}

/// Create of an AES-256 key without a name.
pub fn create() -> Vec<u8> {
    one(Operation::CREATE, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        e.structure(Tag::TEMPLATE_ATTRIBUTE, |e| {
            attribute(
                e,
                &Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES),
            );
            attribute(e, &Node::integer(Tag::CRYPTOGRAPHIC_LENGTH, 256));
            attribute(e, &usage(Usage::ENCRYPT.0 | Usage::DECRYPT.0));
        });
    })
}

fn gcm(e: &mut Encoder) {
    e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
        e.enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::GCM);
        e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES);
        e.integer(Tag::TAG_LENGTH, 16);
    });
}

/// Encrypt of [`DATA`]. PyKMIP wants the IV from the client.
pub fn encrypt(id: &[u8], iv: Option<&[u8]>) -> Vec<u8> {
    one(Operation::ENCRYPT, |e| {
        text(e, Tag::UNIQUE_IDENTIFIER, id);
        gcm(e);
        e.bytes(Tag::DATA, &DATA);
        if let Some(iv) = iv {
            e.bytes(Tag::IV_COUNTER_NONCE, iv);
        }
    })
}

/// Decrypt: identifier, data, IV, and the tag where there is one.
pub fn decrypt(fields: &[&[u8]]) -> Vec<u8> {
    one(Operation::DECRYPT, |e| {
        let mut fields = fields.iter();
        let mut next = || fields.next().copied().unwrap_or_default();
        text(e, Tag::UNIQUE_IDENTIFIER, next());
        gcm(e);
        e.bytes(Tag::DATA, next());
        e.bytes(Tag::IV_COUNTER_NONCE, next());
        e.bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG, next());
    })
}

/// The fields that [`decrypt`] takes.
pub fn decrypt_fields<'a>(id: &'a str, made: &'a Ciphertext) -> [&'a [u8]; 4] {
    [
        id.as_bytes(),
        &made.data,
        made.iv.as_deref().unwrap_or_default(),
        made.tag.as_deref().unwrap_or_default(),
    ]
}

/// Sign of [`DATA`].
pub fn sign(id: &[u8]) -> Vec<u8> {
    one(Operation::SIGN, |e| {
        text(e, Tag::UNIQUE_IDENTIFIER, id);
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(
                Tag::DIGITAL_SIGNATURE_ALGORITHM,
                DigitalSignatureAlgorithm::ECDSA_WITH_SHA256,
            );
        });
        e.bytes(Tag::DATA, &DATA);
    })
}

/// The payload of a Create Key Pair for ECDSA on P-256.
pub fn pair_payload(e: &mut Encoder) {
    e.structure(Tag::COMMON_TEMPLATE_ATTRIBUTE, |e| {
        attribute(
            e,
            &Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::ECDSA),
        );
        attribute(e, &Node::integer(Tag::CRYPTOGRAPHIC_LENGTH, 256));
        attribute(
            e,
            &Node::structure(
                Tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS,
                vec![Node::enumeration(Tag::RECOMMENDED_CURVE, RecommendedCurve::P_256)],
            ),
        );
    });
    e.structure(Tag::PRIVATE_KEY_TEMPLATE_ATTRIBUTE, |e| attribute(e, &usage(Usage::SIGN.0)));
    e.structure(Tag::PUBLIC_KEY_TEMPLATE_ATTRIBUTE, |e| attribute(e, &usage(Usage::VERIFY.0)));
}

/// Locate by name.
pub fn locate(name: &[u8]) -> Vec<u8> {
    one(Operation::LOCATE, |e| {
        let name = String::from_utf8_lossy(name);
        attribute(
            e,
            &Node::structure(
                Tag::NAME,
                vec![
                    Node::text(Tag::NAME_VALUE, name.as_ref()),
                    Node::enumeration(Tag::NAME_TYPE, NameType::UNINTERPRETED_TEXT_STRING),
                ],
            ),
        );
    })
}

/// A reply of about so many bytes that says Success and nothing else.
pub fn canned(bytes: u32) -> Vec<u8> {
    let mut e = Encoder::ungated();
    e.structure(Tag::RESPONSE_MESSAGE, |e| {
        e.structure(Tag::BATCH_ITEM, |e| {
            e.enumeration(Tag::RESULT_STATUS, 0_u32);
            e.bytes(Tag::DATA, &vec![0x5A; (bytes as usize).saturating_sub(40)]);
        });
    });
    e.into_bytes()
}

fn usage(mask: u32) -> Node {
    Node::integer(Tag::CRYPTOGRAPHIC_USAGE_MASK, i32::from_ne_bytes(mask.to_ne_bytes()))
}

/// An attribute as 1.x has it.
fn attribute(e: &mut Encoder, node: &Node) {
    let Some(info) = node.tag.info() else { return };
    e.structure(Tag::ATTRIBUTE, |e| {
        e.text(Tag::ATTRIBUTE_NAME, info.name);
        e.value(Tag::ATTRIBUTE_VALUE, &node.value);
    });
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::{Limits, Request};

    use super::*;

    #[test]
    fn every_request_is_one_that_the_standard_knows() {
        let id = b"0198f0a5-0000-7000-8000-000000000001";
        for (frame, operation) in [
            (get(id), Operation::GET),
            (create(), Operation::CREATE),
            (encrypt(id, None), Operation::ENCRYPT),
            (decrypt(&[id, &DATA, &[0; 12], &[0; 16]]), Operation::DECRYPT),
            (sign(id), Operation::SIGN),
            (locate(b"a name"), Operation::LOCATE),
        ] {
            let request = Request::parse(&frame, &Limits::default()).unwrap();
            assert_eq!(request.items.iter().next().unwrap().operation, operation);
        }
    }
}
