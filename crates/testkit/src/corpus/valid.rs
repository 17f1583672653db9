//! Requests that a server which has the operation carries out.

use strongroom_kmip::{
    ATTRIBUTES, AdjustmentType, BlockCipherMode, CryptographicAlgorithm,
    CryptographicUsageMask as Usage, DerivationMethod, Encoder, EncodingOption, HashingAlgorithm,
    InteropFunction, KeyFormatType, Node, ObjectGroupMember, ObjectType, Operation, PaddingMethod,
    ProtocolVersion, QueryFunction, RecommendedCurve, RevocationReasonCode, SecretDataType, Tag,
    WrappingMethod,
};

use super::scene::{FUTURE, PAST, Scene, aes, attributes, key_block, name_node, pair_payload};
use super::scene::{usage, vendor};
use super::{Sample, attribute, id, item, message, reference, request, template, template_as};

struct List {
    version: ProtocolVersion,
    samples: Vec<Sample>,
}

impl List {
    fn new(version: ProtocolVersion) -> Self {
        Self { version, samples: Vec::new() }
    }

    fn push(
        &mut self,
        name: impl Into<String>,
        operation: Operation,
        payload: impl FnOnce(&mut Encoder),
    ) {
        let bytes = request(self.version, operation, payload);
        let (name, version) = (name.into(), self.version);
        self.samples.push(Sample { name, operation, version, bytes, valid: true });
    }
}

/// What changes nothing that another request needs.
pub(super) fn reading(version: ProtocolVersion, scene: &Scene) -> Vec<Sample> {
    let mut list = List::new(version);
    server(&mut list);
    for (label, object) in scene.readable() {
        object_reads(&mut list, label, object);
    }
    wrapped_and_formatted(&mut list, scene);
    locate(&mut list, scene);
    cryptography(&mut list, scene);
    batches(&mut list, scene);
    list.samples
}

fn server(list: &mut List) {
    let functions: Vec<u32> = QueryFunction::TABLE.values.iter().map(|v| v.code).collect();
    for function in &functions {
        let name = format!("query {:?}", QueryFunction(*function));
        list.push(name, Operation::QUERY, |e| e.enumeration(Tag::QUERY_FUNCTION, *function));
    }
    list.push("query everything", Operation::QUERY, |e| {
        functions.iter().for_each(|f| e.enumeration(Tag::QUERY_FUNCTION, *f));
    });
    list.push("query an unknown function", Operation::QUERY, |e| {
        e.enumeration(Tag::QUERY_FUNCTION, 0x7FFF_u32);
    });
    list.push("all versions", Operation::DISCOVER_VERSIONS, |_| {});
    list.push("some versions", Operation::DISCOVER_VERSIONS, |e| {
        for (major, minor) in [(3, 0), (1, 2), (9, 9), (1, 0)] {
            e.structure(Tag::PROTOCOL_VERSION, |e| {
                e.integer(Tag::PROTOCOL_VERSION_MAJOR, major);
                e.integer(Tag::PROTOCOL_VERSION_MINOR, minor);
            });
        }
    });
    list.push("ping", Operation::PING, |_| {});
    list.push("log", Operation::LOG, |e| e.text(Tag::LOG_MESSAGE, "a line"));
    for function in [InteropFunction::BEGIN, InteropFunction::END, InteropFunction::RESET] {
        list.push(format!("interop {function:?}"), Operation::INTEROP, |e| {
            e.enumeration(Tag::INTEROP_FUNCTION, function);
            e.text(Tag::INTEROP_IDENTIFIER, "corpus");
        });
    }
    list.push("random bytes", Operation::RNG_RETRIEVE, |e| e.integer(Tag::DATA_LENGTH, 32));
    list.push("seed", Operation::RNG_SEED, |e| e.bytes(Tag::DATA, &[1; 32]));
    for hash in [HashingAlgorithm::SHA_256, HashingAlgorithm::SHA3_512] {
        list.push(format!("hash {hash:?}"), Operation::HASH, |e| {
            e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                e.enumeration(Tag::HASHING_ALGORITHM, hash);
            });
            e.bytes(Tag::DATA, b"data");
        });
    }
}

/// What the object's own state decides: none of it is called valid by itself.
fn object_reads(list: &mut List, label: &str, object: &str) {
    let version = list.version;
    list.push(format!("get {label}"), Operation::GET, |e| id(e, object));
    list.push(format!("export {label}"), Operation::EXPORT, |e| id(e, object));
    list.push(format!("all attributes of {label}"), Operation::GET_ATTRIBUTES, |e| id(e, object));
    list.push(format!("attributes of {label} by name"), Operation::GET_ATTRIBUTES, |e| {
        id(e, object);
        for rule in ATTRIBUTES {
            reference(e, version, rule.tag);
        }
    });
    list.push(format!("attribute list of {label}"), Operation::GET_ATTRIBUTE_LIST, |e| {
        id(e, object);
    });
    list.push(format!("check {label}"), Operation::CHECK, |e| {
        id(e, object);
        e.integer(Tag::CRYPTOGRAPHIC_USAGE_MASK, 4);
    });
    for operation in [
        Operation::OBTAIN_LEASE,
        Operation::GET_CONSTRAINTS,
        Operation::VALIDATE,
        Operation::GET_USAGE_ALLOCATION,
    ] {
        list.push(format!("{operation} of {label}"), operation, |e| id(e, object));
    }
}

fn wrapped_and_formatted(list: &mut List, scene: &Scene) {
    for (mode, encoding) in [
        (BlockCipherMode::NISTKEYWRAP, Some(EncodingOption::NO_ENCODING)),
        (BlockCipherMode::AESKEYWRAPPADDING, Some(EncodingOption::NO_ENCODING)),
        (BlockCipherMode::NISTKEYWRAP, None),
    ] {
        list.push(format!("get wrapped by {mode:?}"), Operation::GET, |e| {
            id(e, &scene.key);
            e.structure(Tag::KEY_WRAPPING_SPECIFICATION, |e| {
                e.enumeration(Tag::WRAPPING_METHOD, WrappingMethod::ENCRYPT);
                e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| {
                    id(e, &scene.plain);
                    e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                        e.enumeration(Tag::BLOCK_CIPHER_MODE, mode);
                    });
                });
                e.text(Tag::ATTRIBUTE_NAME, "Cryptographic Usage Mask");
                if let Some(encoding) = encoding {
                    e.enumeration(Tag::ENCODING_OPTION, encoding);
                }
            });
        });
    }
    for row in KeyFormatType::TABLE.values {
        for (label, object) in
            [("key", &scene.key), ("RSA key", &scene.rsa.0), ("EC key", &scene.ec.1)]
        {
            list.push(format!("get {label} as {}", row.name), Operation::GET, |e| {
                id(e, object);
                e.enumeration(Tag::KEY_FORMAT_TYPE, row.code);
            });
        }
    }
}

fn locate(list: &mut List, scene: &Scene) {
    let version = list.version;
    let filter = |e: &mut Encoder, nodes: &[Node]| {
        for node in nodes {
            attribute(e, version, Tag::ATTRIBUTES, node);
        }
    };
    list.push("locate all", Operation::LOCATE, |_| {});
    list.push("locate by name", Operation::LOCATE, |e| filter(e, &[name_node(&scene.name)]));
    list.push("locate nothing", Operation::LOCATE, |e| filter(e, &[name_node("nothing")]));
    list.push("locate by a name in a template", Operation::LOCATE, |e| {
        template(e, version, &[name_node(&scene.name)]);
    });
    list.push("locate a page", Operation::LOCATE, |e| {
        e.integer(Tag::MAXIMUM_ITEMS, 3);
        e.integer(Tag::OFFSET_ITEMS, 1);
        filter(e, &[Node::enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY)]);
    });
    list.push("locate by state of storage", Operation::LOCATE, |e| {
        e.integer(Tag::STORAGE_STATUS_MASK, 7);
    });
    list.push("locate by group member", Operation::LOCATE, |e| {
        e.enumeration(Tag::OBJECT_GROUP_MEMBER, ObjectGroupMember::GROUP_MEMBER_FRESH);
    });
    list.push("locate by date", Operation::LOCATE, |e| {
        filter(
            e,
            &[
                Node::date_time(Tag::INITIAL_DATE, PAST),
                Node::date_time(Tag::INITIAL_DATE, FUTURE + FUTURE),
            ],
        );
    });
    for node in attributes(&scene.name) {
        let name = format!("locate by {}", node.tag);
        list.push(name, Operation::LOCATE, |e| filter(e, std::slice::from_ref(&node)));
    }
}

fn cryptography(list: &mut List, scene: &Scene) {
    let mode = |e: &mut Encoder, mode: BlockCipherMode, padding: Option<PaddingMethod>| {
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(Tag::BLOCK_CIPHER_MODE, mode);
            if let Some(padding) = padding {
                e.enumeration(Tag::PADDING_METHOD, padding);
            }
            if mode == BlockCipherMode::GCM {
                e.integer(Tag::TAG_LENGTH, 16);
            }
        });
    };
    for (label, cipher, padding, iv) in [
        ("GCM", BlockCipherMode::GCM, None, None),
        ("CBC", BlockCipherMode::CBC, Some(PaddingMethod::PKCS5), Some(16)),
        ("CTR", BlockCipherMode::CTR, None, Some(16)),
        ("ECB", BlockCipherMode::ECB, Some(PaddingMethod::PKCS5), None),
    ] {
        list.push(format!("encrypt {label}"), Operation::ENCRYPT, |e| {
            id(e, &scene.plain);
            mode(e, cipher, padding);
            e.bytes(Tag::DATA, &[7; 32]);
            if let Some(length) = iv {
                e.bytes(Tag::IV_COUNTER_NONCE, &vec![0; length]);
            }
        });
    }
    for operation in [Operation::ENCRYPT, Operation::DECRYPT] {
        list.push(format!("{operation} CTR"), operation, |e| {
            id(e, &scene.plain);
            mode(e, BlockCipherMode::CTR, None);
            e.bytes(Tag::DATA, &[7; 20]);
            e.bytes(Tag::IV_COUNTER_NONCE, &[0; 16]);
        });
        list.push(format!("{operation} a stream"), operation, |e| {
            id(e, &scene.plain);
            mode(e, BlockCipherMode::CTR, None);
            e.bytes(Tag::DATA, &[7; 16]);
            e.bytes(Tag::IV_COUNTER_NONCE, &[0; 16]);
            e.boolean(Tag::INIT_INDICATOR, true);
        });
    }
    let signing = |e: &mut Encoder| {
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(Tag::PADDING_METHOD, PaddingMethod::PKCS1_V1_5);
            e.enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256);
            e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::RSA);
        });
        e.bytes(Tag::DATA, b"to be signed");
    };
    list.push("sign", Operation::SIGN, |e| {
        id(e, &scene.rsa.0);
        signing(e);
    });
    list.push("verify a wrong signature", Operation::SIGNATURE_VERIFY, |e| {
        id(e, &scene.rsa.1);
        signing(e);
        e.bytes(Tag::SIGNATURE_DATA, &[1; 256]);
    });
    let mac = |e: &mut Encoder| {
        id(e, &scene.hmac);
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::HMAC_SHA256);
        });
        e.bytes(Tag::DATA, b"data");
    };
    list.push("MAC", Operation::MAC, mac);
    list.push("verify a wrong MAC", Operation::MAC_VERIFY, |e| {
        mac(e);
        e.bytes(Tag::MAC_DATA, &[0; 32]);
    });
}

fn batches(list: &mut List, scene: &Scene) {
    let version = list.version;
    for option in 1..=3_u32 {
        let bytes = message(
            version,
            |e| {
                e.enumeration(Tag::BATCH_ERROR_CONTINUATION_OPTION, option);
                e.boolean(Tag::BATCH_ORDER_OPTION, true);
            },
            3,
            |e| {
                for (number, object) in
                    [&scene.key, "no-such-object", &scene.plain].into_iter().enumerate()
                {
                    e.structure(Tag::BATCH_ITEM, |e| {
                        e.enumeration(Tag::OPERATION, Operation::GET_ATTRIBUTES);
                        e.bytes(Tag::UNIQUE_BATCH_ITEM_ID, &[number as u8]);
                        e.structure(Tag::REQUEST_PAYLOAD, |e| id(e, object));
                    });
                }
            },
        );
        list.samples.push(Sample {
            name: format!("batch with error option {option}"),
            operation: Operation::GET_ATTRIBUTES,
            version,
            bytes,
            valid: false,
        });
    }
    let bytes = message(
        version,
        |e| e.boolean(Tag::BATCH_ORDER_OPTION, true),
        2,
        |e| {
            item(e, Operation::LOCATE, |e| {
                attribute(e, version, Tag::ATTRIBUTES, &name_node(&scene.name));
            });
            item(e, Operation::GET_ATTRIBUTES, |_| {});
        },
    );
    list.samples.push(Sample {
        name: "locate and its placeholder".to_owned(),
        operation: Operation::LOCATE,
        version,
        bytes,
        valid: false,
    });
}

/// What makes, changes or destroys; each on an object of its own.
pub(super) fn changing(version: ProtocolVersion, scene: &Scene) -> Vec<Sample> {
    let mut list = List::new(version);
    making(&mut list, scene);
    attribute_changes(&mut list, scene);
    life_cycle(&mut list, scene);
    list.samples
}

fn making(list: &mut List, scene: &Scene) {
    let version = list.version;
    let create = |attributes: Vec<Node>| {
        move |e: &mut Encoder| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            template(e, version, &attributes);
        }
    };
    list.push("create", Operation::CREATE, create(aes(256)));
    for node in attributes("corpus-create") {
        let mut with = aes(128);
        let name = format!("create with {}", node.tag);
        with.push(node);
        list.push(name, Operation::CREATE, create(with));
    }
    let ec = [
        Node::enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::ECDSA),
        Node::structure(
            Tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS,
            vec![Node::enumeration(Tag::RECOMMENDED_CURVE, RecommendedCurve::P_256)],
        ),
    ];
    list.push("EC pair", Operation::CREATE_KEY_PAIR, |e| pair_payload(e, version, &ec));
    for (label, operation) in [("register", Operation::REGISTER), ("import", Operation::IMPORT)] {
        list.push(format!("{label} a key"), operation, |e| {
            if operation == Operation::IMPORT {
                id(e, &format!("imported-{version}-{}", scene.name));
            }
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            // Register has a template, Import attributes in every version that has it.
            let attributes = [usage(&[Usage::ENCRYPT])];
            if operation == Operation::IMPORT && !version.has_attributes_structure() {
                attribute(e, version, Tag::ATTRIBUTES, &attributes[0]);
            } else {
                template(e, version, &attributes);
            }
            e.structure(Tag::SYMMETRIC_KEY, |e| {
                key_block(e, KeyFormatType::RAW, CryptographicAlgorithm::AES, &[0x77; 16]);
            });
        });
    }
    list.push("register secret data", Operation::REGISTER, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SECRET_DATA);
        template(e, version, &[usage(&[])]);
        e.structure(Tag::SECRET_DATA, |e| {
            e.enumeration(Tag::SECRET_DATA_TYPE, SecretDataType::SEED);
            e.structure(Tag::KEY_BLOCK, |e| {
                e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
                e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, &[3; 96]));
            });
        });
    });
    list.push("derive", Operation::DERIVE_KEY, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        id(e, &scene.base);
        e.enumeration(Tag::DERIVATION_METHOD, DerivationMethod::HMAC);
        e.structure(Tag::DERIVATION_PARAMETERS, |e| {
            e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                e.enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256);
            });
            e.bytes(Tag::DERIVATION_DATA, b"label");
        });
        template(e, version, &aes(128));
    });
    list.push("certify", Operation::CERTIFY, |e| id(e, &scene.rsa.1));
    list.push("create split key", Operation::CREATE_SPLIT_KEY, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        id(e, scene.victim(0));
        e.integer(Tag::SPLIT_KEY_PARTS, 3);
        e.integer(Tag::SPLIT_KEY_THRESHOLD, 2);
        e.enumeration(Tag::SPLIT_KEY_METHOD, 4_u32);
        template(e, version, &[]);
    });
}

fn attribute_changes(list: &mut List, scene: &Scene) {
    let version = list.version;
    for (number, node) in attributes("corpus-changes").into_iter().enumerate() {
        let target = scene.victim(number % 4);
        let tag = node.tag;
        list.push(format!("add {tag}"), Operation::ADD_ATTRIBUTE, |e| {
            id(e, target);
            attribute(e, version, Tag::NEW_ATTRIBUTE, &node);
        });
        list.push(format!("modify {tag}"), Operation::MODIFY_ATTRIBUTE, |e| {
            id(e, target);
            attribute(e, version, Tag::NEW_ATTRIBUTE, &node);
        });
        list.push(format!("set {tag}"), Operation::SET_ATTRIBUTE, |e| {
            id(e, target);
            attribute(e, version, Tag::NEW_ATTRIBUTE, &node);
        });
        list.push(format!("attributes after {tag}"), Operation::GET_ATTRIBUTES, |e| {
            id(e, target);
        });
        list.push(format!("delete {tag}"), Operation::DELETE_ATTRIBUTE, |e| {
            id(e, target);
            match node.tag {
                Tag::ATTRIBUTE => e.text(Tag::ATTRIBUTE_NAME, "x-client"),
                tag => reference(e, version, tag),
            }
        });
    }
    list.push("add a vendor attribute", Operation::ADD_ATTRIBUTE, |e| {
        id(e, scene.victim(0));
        attribute(e, version, Tag::NEW_ATTRIBUTE, &vendor("x", "added", "value"));
    });
    list.push("adjust", Operation::ADJUST_ATTRIBUTE, |e| {
        id(e, &scene.key);
        e.enumeration(Tag::ATTRIBUTE_REFERENCE, Tag::PROTECTION_PERIOD.0);
        e.enumeration(Tag::ADJUSTMENT_TYPE, AdjustmentType::INCREMENT);
    });
}

fn life_cycle(list: &mut List, scene: &Scene) {
    let version = list.version;
    list.push("re-key", Operation::RE_KEY, |e| id(e, &scene.key));
    list.push("re-key with an offset", Operation::RE_KEY, |e| {
        id(e, &scene.plain);
        e.interval(Tag::OFFSET, 0);
        template(e, version, &[name_node("corpus-re-keyed")]);
    });
    list.push("re-key a pair", Operation::RE_KEY_KEY_PAIR, |e| {
        e.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &scene.ec.0);
        template_as(e, version, Tag::COMMON_TEMPLATE_ATTRIBUTE, Tag::COMMON_ATTRIBUTES, &[]);
    });
    list.push("activate", Operation::ACTIVATE, |e| id(e, scene.victim(4)));
    list.push("archive", Operation::ARCHIVE, |e| id(e, scene.victim(5)));
    list.push("recover", Operation::RECOVER, |e| id(e, scene.victim(5)));
    for (number, reason) in [
        (4, RevocationReasonCode::CESSATION_OF_OPERATION),
        (6, RevocationReasonCode::KEY_COMPROMISE),
    ] {
        list.push(format!("revoke for {reason}"), Operation::REVOKE, |e| {
            id(e, scene.victim(number));
            e.structure(Tag::REVOCATION_REASON, |e| {
                e.enumeration(Tag::REVOCATION_REASON_CODE, reason);
                e.text(Tag::REVOCATION_MESSAGE, "why");
            });
            e.date_time(Tag::COMPROMISE_OCCURRENCE_DATE, PAST);
        });
    }
    for number in [4, 6, 7] {
        list.push(format!("attributes of victim {number}"), Operation::GET_ATTRIBUTES, |e| {
            id(e, scene.victim(number));
        });
        list.push(format!("destroy victim {number}"), Operation::DESTROY, |e| {
            id(e, scene.victim(number));
        });
        list.push("attributes after that", Operation::GET_ATTRIBUTES, |e| {
            id(e, scene.victim(number));
        });
        list.push("get after that", Operation::GET, |e| id(e, scene.victim(number)));
    }
}
