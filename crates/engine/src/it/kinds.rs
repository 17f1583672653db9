//! Every type of object: made, found, given back, and seen only by versions that have it.

use strongroom_kmip::{
    CertificateRequestType, CertificateType, KeyFormatType, OpaqueDataType, SecretDataType,
    SplitKeyMethod,
};

use super::kit::*;
use super::*;

const CERTIFICATE: &[u8] = include_bytes!("../../tests/fixtures/certificate.der");
const REQUEST: &[u8] = include_bytes!("../../tests/fixtures/certificate-request.der");
/// A public key of the certificate's curve: SubjectPublicKeyInfo, DER.
const OCTETS: [u8; 16] = [0x5A; 16];

/// Every type that an object can have here.
pub(super) const ALL: [ObjectType; 10] = [
    ObjectType::CERTIFICATE,
    ObjectType::SYMMETRIC_KEY,
    ObjectType::PUBLIC_KEY,
    ObjectType::PRIVATE_KEY,
    ObjectType::SPLIT_KEY,
    ObjectType::TEMPLATE,
    ObjectType::SECRET_DATA,
    ObjectType::OPAQUE_OBJECT,
    ObjectType::PGP_KEY,
    ObjectType::CERTIFICATE_REQUEST,
];

fn block(format: KeyFormatType, algorithm: Option<CryptographicAlgorithm>, octets: &[u8]) -> Node {
    let material = Node::bytes(Tag::KEY_MATERIAL, octets.to_vec());
    let mut fields = vec![
        Node::enumeration(Tag::KEY_FORMAT_TYPE, format),
        Node::structure(Tag::KEY_VALUE, vec![material]),
    ];
    if let Some(algorithm) = algorithm {
        fields.push(Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm));
        fields.push(Node::integer(Tag::CRYPTOGRAPHIC_LENGTH, 8 * octets.len() as i32));
    }
    Node::structure(Tag::KEY_BLOCK, fields)
}

/// An object of a type: its structure as Register takes it.
pub(super) fn example(object_type: ObjectType) -> Node {
    let aes = Some(CryptographicAlgorithm::AES);
    match object_type {
        ObjectType::CERTIFICATE => Node::structure(
            Tag::CERTIFICATE,
            vec![
                Node::enumeration(Tag::CERTIFICATE_TYPE, CertificateType::X_509),
                Node::bytes(Tag::CERTIFICATE_VALUE, CERTIFICATE.to_vec()),
            ],
        ),
        ObjectType::SYMMETRIC_KEY => {
            Node::structure(Tag::SYMMETRIC_KEY, vec![block(KeyFormatType::RAW, aes, &OCTETS)])
        }
        // Of an algorithm that is kept and not looked into.
        ObjectType::PUBLIC_KEY => {
            let dh = Some(CryptographicAlgorithm::DH);
            Node::structure(Tag::PUBLIC_KEY, vec![block(KeyFormatType::RAW, dh, &OCTETS)])
        }
        ObjectType::PRIVATE_KEY => {
            let dh = Some(CryptographicAlgorithm::DH);
            Node::structure(Tag::PRIVATE_KEY, vec![block(KeyFormatType::RAW, dh, &OCTETS)])
        }
        ObjectType::SPLIT_KEY => Node::structure(
            Tag::SPLIT_KEY,
            vec![
                Node::integer(Tag::SPLIT_KEY_PARTS, 3),
                Node::integer(Tag::KEY_PART_IDENTIFIER, 2),
                Node::integer(Tag::SPLIT_KEY_THRESHOLD, 2),
                Node::enumeration(Tag::SPLIT_KEY_METHOD, SplitKeyMethod::XOR),
                block(KeyFormatType::RAW, aes, &OCTETS),
            ],
        ),
        ObjectType::SECRET_DATA => Node::structure(
            Tag::SECRET_DATA,
            vec![
                Node::enumeration(Tag::SECRET_DATA_TYPE, SecretDataType::PASSWORD),
                block(KeyFormatType::OPAQUE, None, b"secret"),
            ],
        ),
        ObjectType::OPAQUE_OBJECT => Node::structure(
            Tag::OPAQUE_OBJECT,
            vec![
                Node::enumeration(Tag::OPAQUE_DATA_TYPE, OpaqueDataType(0x8000_0001)),
                Node::bytes(Tag::OPAQUE_DATA_VALUE, b"opaque".to_vec()),
            ],
        ),
        ObjectType::PGP_KEY => Node::structure(
            Tag::PGP_KEY,
            vec![
                Node::integer(Tag::PGP_KEY_VERSION, 4),
                block(KeyFormatType::RAW, Some(CryptographicAlgorithm::RSA), &OCTETS),
            ],
        ),
        ObjectType::CERTIFICATE_REQUEST => Node::structure(
            Tag::CERTIFICATE_REQUEST,
            vec![
                Node::enumeration(Tag::CERTIFICATE_REQUEST_TYPE, CertificateRequestType::PKCS_10),
                Node::bytes(Tag::CERTIFICATE_REQUEST_VALUE, REQUEST.to_vec()),
            ],
        ),
        _ => {
            let mut e = Encoder::ungated();
            e.structure(Tag::TEMPLATE, |e| name("a template").write(e, ProtocolVersion::V1_0));
            let bytes = e.into_bytes();
            let view = strongroom_kmip::View::parse(&bytes, &Limits::default()).unwrap();
            Node::from(view)
        }
    }
}

impl Bench {
    pub(super) fn register_example(
        &self,
        version: ProtocolVersion,
        object_type: ObjectType,
    ) -> Result<String, ResultReason> {
        // Without a gate: what an older client sends of a newer type is the question.
        let mut payload = Encoder::ungated();
        payload.enumeration(Tag::OBJECT_TYPE, object_type);
        AttributeSet::Own.write(&[], &mut payload, version);
        payload.node(&example(object_type));
        let items = payload.into_bytes();
        let payload = self.at(version, Operation::REGISTER, |e| e.raw_items(&items))?;
        Ok(text(&payload, Tag::UNIQUE_IDENTIFIER))
    }
}

#[test]
fn every_type_of_object_comes_back_as_it_was_registered() {
    for version in [ProtocolVersion::V1_4, ProtocolVersion::V2_1] {
        let bench = Bench::new();
        for object_type in ALL.into_iter().filter(|t| t.exists_in(version)) {
            let id = bench.register_example(version, object_type).unwrap();
            let got = bench.at_id(version, Operation::GET, &id).unwrap();
            let example = example(object_type);
            assert_eq!(got.find(example.tag), Some(&example), "{version} {object_type}");
            assert_eq!(
                got.find(Tag::OBJECT_TYPE).unwrap().value,
                Value::Enumeration(object_type.0)
            );
            // Found by its type, alone.
            let found = bench.at(version, Operation::LOCATE, |e| {
                let wanted = Attribute::new(Tag::OBJECT_TYPE, Value::Enumeration(object_type.0));
                AttributeSet::Own.write(&[wanted], e, version);
            });
            let found = found.unwrap();
            let ids: Vec<_> = found.children().iter().map(|n| n.value.as_text()).collect();
            assert_eq!(ids, [Some(id.as_str())], "{version} {object_type}");
        }
        let bench = bench.restart();
        bench.engine.audit_verify().unwrap();
    }
}

#[test]
fn a_certificate_request_is_linked_exported_and_destroyed_like_any_object() {
    let bench = Bench::new();
    let id = bench.register_example(V, ObjectType::CERTIFICATE_REQUEST).unwrap();
    bench
        .on(Operation::ADD_ATTRIBUTE, &id, |e| {
            e.structure(Tag::NEW_ATTRIBUTE, |e| e.node(&Node::new(Tag::NAME, name_value("csr"))));
        })
        .unwrap();
    let found = bench.one(&bench.alice, Operation::LOCATE, |e| {
        AttributeSet::Own.write(&[name("csr")], e, V);
    });
    assert_eq!(text(&found.unwrap(), Tag::UNIQUE_IDENTIFIER), id);
    let exported = bench.by_id(Operation::EXPORT, &id).unwrap();
    let wanted = example(ObjectType::CERTIFICATE_REQUEST);
    assert_eq!(exported.find(Tag::CERTIFICATE_REQUEST), Some(&wanted));
    bench.by_id(Operation::DESTROY, &id).unwrap();
    assert_eq!(bench.by_id(Operation::GET, &id), Err(ResultReason::OBJECT_DESTROYED));
}

#[test]
fn a_type_of_object_is_seen_and_taken_only_in_versions_that_have_it() {
    let bench = Bench::new();
    let newest = |object_type: ObjectType| {
        let version = if object_type.exists_in(V) { V } else { ProtocolVersion::V1_4 };
        bench.register_example(version, object_type).unwrap()
    };
    let ids = ALL.map(|object_type| (object_type, newest(object_type)));
    for version in ProtocolVersion::ALL {
        let found = bench.at(version, Operation::LOCATE, |_| {}).unwrap();
        for (object_type, id) in &ids {
            let known = object_type.exists_in(version);
            let listed = found.children().iter().any(|n| n.value.as_text() == Some(id.as_str()));
            assert_eq!(listed, known, "{version} Locate {object_type}");
            for operation in [Operation::GET, Operation::GET_ATTRIBUTES, Operation::CHECK] {
                let answer = bench.at_id(version, operation, id);
                assert_eq!(answer.is_ok(), known, "{version} {operation} {object_type}");
                if !known {
                    let reason = ResultReason::OBJECT_NOT_FOUND.for_version(version);
                    assert_eq!(answer, Err(reason), "{version} {operation} {object_type}");
                }
            }
            if !known {
                let taken = bench.register_example(version, *object_type);
                let reason = ResultReason::INVALID_OBJECT_TYPE.for_version(version);
                assert_eq!(taken, Err(reason), "{version} Register {object_type}");
            }
        }
    }
}
