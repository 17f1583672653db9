//! Requests that no server carries out as they are.

use strongroom_kmip::{Encoder, Operation, ProtocolVersion, Tag};

use super::scene::Scene;
use super::{Sample, id, item, message, request};

fn sample(name: String, operation: Operation, version: ProtocolVersion, bytes: Vec<u8>) -> Sample {
    Sample { name, operation, version, bytes, valid: false }
}

/// The same mistakes with every operation that any version has, and with some that none has.
pub(super) fn every_operation(version: ProtocolVersion, scene: &Scene) -> Vec<Sample> {
    let mut all = Vec::new();
    let codes = Operation::TABLE.values.iter().map(|v| v.code).chain([0x7F, 0x8000_0001]);
    for operation in codes.map(Operation) {
        let mut push = |what: &str, payload: &dyn Fn(&mut Encoder)| {
            let bytes = request(version, operation, payload);
            all.push(sample(format!("{operation}, {what}"), operation, version, bytes));
        };
        push("empty", &|_| {});
        push("unknown object", &|e| id(e, "no-such-object"));
        push("identifier of a wrong type", &|e| e.integer(Tag::UNIQUE_IDENTIFIER, 1));
        push("identifier twice", &|e| {
            id(e, &scene.plain);
            id(e, &scene.plain);
        });
        // An object that the operation does not fit in most cases, and that survives those where
        // it does.
        push("secret data", &|e| {
            let secret = scene.others.iter().find(|(label, _)| label == "secret data");
            id(e, secret.map_or("none", |(_, id)| id));
            e.bytes(Tag::DATA, b"data");
            e.bytes(Tag::IV_COUNTER_NONCE, &[0; 1]);
            e.integer(Tag::DATA_LENGTH, -1);
        });
        push("unknown tags", &|e| {
            e.text(Tag(0x54_0001), "an extension");
            e.text(Tag(0x42_FFFF), "no tag at all");
        });
    }
    all
}

/// Mistakes in the message around the operation.
pub(super) fn messages(version: ProtocolVersion, scene: &Scene) -> Vec<Sample> {
    let mut all = Vec::new();
    let get = |e: &mut Encoder| item(e, Operation::GET_ATTRIBUTES, |e| id(e, &scene.key));
    let mut push = |what: &str, in_version: ProtocolVersion, bytes: Vec<u8>| {
        all.push(sample(what.to_owned(), Operation::GET_ATTRIBUTES, in_version, bytes));
    };
    let plain = |header: &dyn Fn(&mut Encoder)| message(version, header, 1, get);
    for size in [1, 64, 128, 256, 512] {
        let bytes = plain(&|e| e.integer(Tag::MAXIMUM_RESPONSE_SIZE, size));
        push(&format!("maximum response size {size}"), version, bytes);
    }
    push(
        "asynchronous, Boolean",
        version,
        plain(&|e| e.boolean(Tag::ASYNCHRONOUS_INDICATOR, true)),
    );
    push(
        "asynchronous, Enumeration",
        version,
        plain(&|e| e.enumeration(Tag::ASYNCHRONOUS_INDICATOR, 1_u32)),
    );
    push(
        "client correlation value",
        version,
        plain(&|e| e.text(Tag::CLIENT_CORRELATION_VALUE, "correlate")),
    );
    push(
        "password",
        version,
        plain(&|e| {
            e.structure(Tag::AUTHENTICATION, |e| {
                e.structure(Tag::CREDENTIAL, |e| {
                    e.enumeration(Tag::CREDENTIAL_TYPE, 1_u32);
                    e.structure(Tag::CREDENTIAL_VALUE, |e| {
                        e.text(Tag::USERNAME, "user");
                        e.text(Tag::PASSWORD, "word");
                    });
                });
            });
        }),
    );
    push("too many items said", version, message(version, |_| {}, 2, get));
    push("too few items said", version, message(version, |_| {}, 0, get));
    push("no item", version, message(version, |_| {}, 0, |_| {}));
    push(
        "two items without identifiers",
        version,
        message(
            version,
            |_| {},
            2,
            |e| {
                get(e);
                get(e);
            },
        ),
    );
    push(
        "undo without reason",
        version,
        message(version, |e| e.enumeration(Tag::BATCH_ERROR_CONTINUATION_OPTION, 3_u32), 1, get),
    );
    push(
        "an unknown option",
        version,
        message(version, |e| e.enumeration(Tag::BATCH_ERROR_CONTINUATION_OPTION, 99_u32), 1, get),
    );
    for critical in [false, true] {
        let bytes = message(
            version,
            |_| {},
            1,
            |e| {
                e.structure(Tag::BATCH_ITEM, |e| {
                    e.enumeration(Tag::OPERATION, Operation::GET_ATTRIBUTES);
                    e.structure(Tag::REQUEST_PAYLOAD, |e| id(e, &scene.key));
                    e.structure(Tag::MESSAGE_EXTENSION, |e| {
                        e.text(Tag::VENDOR_IDENTIFICATION, "acme");
                        e.boolean(Tag::CRITICALITY_INDICATOR, critical);
                        e.structure(Tag::VENDOR_EXTENSION, |e| e.text(Tag(0x54_0001), "na"));
                    });
                });
            },
        );
        push(&format!("extension, critical {critical}"), version, bytes);
    }
    // The header's version is what the reply should be in; these are answered in another.
    for (major, minor) in [(0, 9), (1, 5), (2, 2), (3, 0), (65_535, 65_535)] {
        let foreign = ProtocolVersion::new(major, minor);
        push(&format!("version {foreign}"), foreign, message(foreign, |_| {}, 1, get));
    }
    all
}
