//! Cryptographic operations through the engine: nonces, limits, streams, wrapping, policy.

use std::collections::HashSet;

use strongroom_kmip::{
    AttributeName, BlockCipherMode, DerivationMethod, EncodingOption, HashingAlgorithm,
    KeyFormatType, PaddingMethod, RecommendedCurve, UsageLimitsUnit, ValidityIndicator,
    WrappingMethod,
};

use super::kit::*;
use super::*;

#[test]
fn an_iv_that_the_caller_leaves_out_comes_with_the_reply_and_never_repeats() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    for chosen in [BlockCipherMode::GCM, BlockCipherMode::CBC, BlockCipherMode::CTR] {
        let mut seen = HashSet::new();
        for _ in 0..20 {
            let made = bench
                .on(Operation::ENCRYPT, &id, |e| {
                    mode(e, chosen);
                    e.bytes(Tag::DATA, b"secret");
                })
                .unwrap();
            let iv = octets(&made, Tag::IV_COUNTER_NONCE);
            let back = bench
                .on(Operation::DECRYPT, &id, |e| {
                    mode(e, chosen);
                    e.bytes(Tag::DATA, &octets(&made, Tag::DATA));
                    e.bytes(Tag::IV_COUNTER_NONCE, &iv);
                    if let Some(tag) = made.find(Tag::AUTHENTICATED_ENCRYPTION_TAG) {
                        e.node(tag);
                    }
                })
                .unwrap();
            assert_eq!(octets(&back, Tag::DATA), b"secret");
            assert!(seen.insert(iv));
        }
    }
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_callers_iv_is_marked_in_the_audit_or_refused_where_the_key_says_so() {
    let bench = Bench::new();
    let encrypt = |id: &str, chosen| {
        bench.on(Operation::ENCRYPT, id, |e| {
            mode(e, chosen);
            e.bytes(Tag::DATA, b"secret");
            let len = if chosen == BlockCipherMode::GCM { 12 } else { 16 };
            e.bytes(Tag::IV_COUNTER_NONCE, &[0; 16][..len]);
        })
    };
    let free = bench.make(&Wish::default());
    encrypt(&free, BlockCipherMode::CBC).unwrap();
    assert!(!bench.audit_says("iv=caller"));
    let made = encrypt(&free, BlockCipherMode::GCM).unwrap();
    assert!(made.find(Tag::IV_COUNTER_NONCE).is_none());
    assert!(bench.audit_says("iv=caller"));

    let policy = AttributeName::Vendor { vendor: "x".to_owned(), name: "IVPolicy".to_owned() };
    let policy = Attribute::new(policy, Value::TextString("server".to_owned()));
    let strict = bench.make(&Wish { more: vec![policy], ..Wish::default() });
    let refused = encrypt(&strict, BlockCipherMode::GCM);
    assert_eq!(refused, Err(ResultReason::PERMISSION_DENIED));
    encrypt(&strict, BlockCipherMode::CBC).unwrap();
}

#[test]
fn no_key_takes_a_callers_iv_where_the_configuration_says_so() {
    let bench = Bench::with(|config| config.server_ivs_only = true);
    let id = bench.make(&Wish::default());
    let encrypt = |chosen, iv: Option<&[u8]>| {
        bench.on(Operation::ENCRYPT, &id, |e| {
            mode(e, chosen);
            e.bytes(Tag::DATA, b"secret");
            if let Some(iv) = iv {
                e.bytes(Tag::IV_COUNTER_NONCE, iv);
            }
        })
    };
    for (chosen, len) in [(BlockCipherMode::GCM, 12), (BlockCipherMode::CTR, 16)] {
        let refused = encrypt(chosen, Some(&[7; 16][..len]));
        assert_eq!(refused, Err(ResultReason::PERMISSION_DENIED), "{chosen}");
        assert!(encrypt(chosen, None).unwrap().find(Tag::IV_COUNTER_NONCE).is_some(), "{chosen}");
    }
    encrypt(BlockCipherMode::CBC, Some(&[7; 16])).unwrap();
}

#[test]
fn before_1_4_the_tag_follows_the_data() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    let send = |version, operation, data: &[u8], iv: Option<&[u8]>| {
        let frame = RequestBuilder::new(version)
            .item(operation, |e| {
                e.text(Tag::UNIQUE_IDENTIFIER, &id);
                mode(e, BlockCipherMode::GCM);
                e.bytes(Tag::DATA, data);
                if let Some(iv) = iv {
                    e.bytes(Tag::IV_COUNTER_NONCE, iv);
                }
            })
            .finish();
        let bytes = bench.send(&bench.alice, frame);
        let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
        assert_eq!(view.items[0].status, ResultStatus::SUCCESS);
        Value::from(view.items[0].payload.unwrap())
    };
    let made = send(ProtocolVersion::V1_2, Operation::ENCRYPT, b"secret", None);
    assert!(made.find(Tag::AUTHENTICATED_ENCRYPTION_TAG).is_none());
    let (data, iv) = (octets(&made, Tag::DATA), octets(&made, Tag::IV_COUNTER_NONCE));
    assert_eq!(data.len(), 6 + 16);
    for version in [ProtocolVersion::V1_2, ProtocolVersion::V2_1] {
        let back = send(version, Operation::DECRYPT, &data, Some(&iv));
        assert_eq!(octets(&back, Tag::DATA), b"secret");
    }
}

#[test]
fn usage_limits_hold_to_the_last_operation_and_over_a_restart() {
    let bench = Bench::new();
    let limits = Value::Structure(vec![
        Node::new(Tag::USAGE_LIMITS_TOTAL, Value::LongInteger(5)),
        Node::enumeration(Tag::USAGE_LIMITS_UNIT, UsageLimitsUnit::OBJECT),
    ]);
    let more = vec![Attribute::new(Tag::USAGE_LIMITS, limits)];
    let id = bench.make(&Wish { more, ..Wish::default() });
    let encrypt = |bench: &Bench| {
        bench.on(Operation::ENCRYPT, &id, |e| {
            mode(e, BlockCipherMode::CBC);
            e.bytes(Tag::DATA, b"secret");
        })
    };
    for _ in 0..2 {
        encrypt(&bench).unwrap();
    }
    let bench = bench.restart();
    let mut used = 2;
    while encrypt(&bench).is_ok() {
        used += 1;
    }
    assert!((2..=5).contains(&used), "{used}");
    assert_eq!(encrypt(&bench), Err(ResultReason::PERMISSION_DENIED));
    // Processing is not limited.
    let open = bench.on(Operation::DECRYPT, &id, |e| {
        mode(e, BlockCipherMode::ECB);
        e.bytes(Tag::DATA, &[0; 16]);
    });
    assert!(open.is_ok());
}

#[test]
fn a_stream_belongs_to_its_user_and_ends_with_its_last_part() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    let begun = bench
        .on(Operation::MAC, &id, |e| {
            e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                let algorithm = CryptographicAlgorithm::HMAC_SHA256;
                e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
            });
            e.bytes(Tag::DATA, b"ab");
            e.boolean(Tag::INIT_INDICATOR, true);
        })
        .unwrap();
    let correlation = octets(&begun, Tag::CORRELATION_VALUE);
    let last = |who: &Arc<Caller>| {
        bench.one(who, Operation::MAC, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, &id);
            e.bytes(Tag::DATA, b"c");
            e.bytes(Tag::CORRELATION_VALUE, &correlation);
            e.boolean(Tag::FINAL_INDICATOR, true);
        })
    };
    assert_eq!(last(&caller("mallory")), Err(ResultReason::OBJECT_NOT_FOUND));
    let made = last(&bench.alice).unwrap();
    assert_eq!(octets(&made, Tag::MAC_DATA).len(), 32);
    assert_eq!(last(&bench.alice), Err(ResultReason::INVALID_CORRELATION_VALUE));
}

#[test]
fn a_part_is_taken_in_once_even_when_another_item_needs_the_writer() {
    let bench = Bench::new();
    let hash = |fill: &dyn Fn(&mut Encoder)| {
        RequestBuilder::new(V).item(Operation::HASH, |e| {
            e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                e.enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256);
            });
            fill(e);
        })
    };
    let correlation_of = |bytes: &[u8]| {
        let view = ResponseView::parse(bytes, &Limits::default()).unwrap();
        octets(&Value::from(view.items[0].payload.unwrap()), Tag::CORRELATION_VALUE)
    };
    let begin = hash(&|e| {
        e.bytes(Tag::DATA, b"a");
        e.boolean(Tag::INIT_INDICATOR, true);
    });
    let correlation = correlation_of(&bench.send(&bench.alice, begin.finish()));
    // Encryption with a random IV has to reserve a block of the key's counter first.
    let id = bench.make(&Wish::default());
    let both = hash(&|e| {
        e.bytes(Tag::DATA, b"b");
        e.bytes(Tag::CORRELATION_VALUE, &correlation);
    })
    .item(Operation::ENCRYPT, |e| {
        e.text(Tag::UNIQUE_IDENTIFIER, &id);
        mode(e, BlockCipherMode::GCM);
        e.bytes(Tag::DATA, b"secret");
    });
    let bytes = bench.send(&bench.alice, both.finish());
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    assert!(view.items.iter().all(|i| i.status == ResultStatus::SUCCESS));
    let end = hash(&|e| {
        e.bytes(Tag::DATA, b"c");
        e.bytes(Tag::CORRELATION_VALUE, &correlation);
        e.boolean(Tag::FINAL_INDICATOR, true);
    });
    let bytes = bench.send(&bench.alice, end.finish());
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    let made = octets(&Value::from(view.items[0].payload.unwrap()), Tag::DATA);
    assert_eq!(made, strongroom_crypto::sha256(&[b"abc"]));
}

/// Asks for `id` wrapped, and gives the Key Block.
fn wrapped(
    bench: &Bench,
    id: &str,
    kek: &str,
    option: Option<EncodingOption>,
    parameters: &dyn Fn(&mut Encoder),
) -> Result<Node, ResultReason> {
    let got = bench.on(Operation::GET, id, |e| {
        e.structure(Tag::KEY_WRAPPING_SPECIFICATION, |e| {
            e.enumeration(Tag::WRAPPING_METHOD, WrappingMethod::ENCRYPT);
            e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| {
                e.text(Tag::UNIQUE_IDENTIFIER, kek);
                parameters(e);
            });
            if let Some(option) = option {
                e.enumeration(Tag::ENCODING_OPTION, option);
            }
        });
    })?;
    Ok(got.find(Tag::SYMMETRIC_KEY).unwrap().find(Tag::KEY_BLOCK).unwrap().clone())
}

fn register(bench: &Bench, block: &Node) -> Result<String, ResultReason> {
    let payload = bench.one(&bench.alice, Operation::REGISTER, |e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        let mask = Value::Integer(ALL_USES as i32);
        let mask = Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, mask);
        AttributeSet::Own.write(&[mask], e, V);
        e.structure(Tag::SYMMETRIC_KEY, |e| e.node(block));
    })?;
    Ok(text(&payload, Tag::UNIQUE_IDENTIFIER))
}

#[test]
fn a_wrapped_key_registers_back_as_the_same_key() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    let kek = bench.make(&Wish::default());
    let material = bench.material(&id);
    let with = |chosen: BlockCipherMode| move |e: &mut Encoder| mode(e, chosen);
    for option in [None, Some(EncodingOption::TTLV_ENCODING), Some(EncodingOption::NO_ENCODING)] {
        for chosen in [
            BlockCipherMode::NISTKEYWRAP,
            BlockCipherMode::AESKEYWRAPPADDING,
            BlockCipherMode::GCM,
            BlockCipherMode::CBC,
        ] {
            let block = wrapped(&bench, &id, &kek, option, &with(chosen)).unwrap();
            assert!(!format!("{:?}", block.find(Tag::KEY_VALUE)).is_empty());
            let back = register(&bench, &block).unwrap();
            assert_eq!(bench.material(&back), material, "{chosen} {option:?}");
        }
    }
    // Without parameters AES key wrap is meant, and the data says so.
    let block = wrapped(&bench, &id, &kek, None, &|_| {}).unwrap();
    assert_eq!(bench.material(&register(&bench, &block).unwrap()), material);
}

#[test]
fn a_key_wrapped_for_an_rsa_pair_registers_back_as_the_same_key() {
    let bench = Bench::new();
    let id = bench.make(&Wish { bits: 128, ..Wish::default() });
    let rsa = Wish { algorithm: CryptographicAlgorithm::RSA, bits: 2048, ..Wish::default() };
    let (private, public) = bench.make_pair(&rsa, None);
    let oaep = |e: &mut Encoder| {
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(Tag::PADDING_METHOD, PaddingMethod::OAEP);
            e.enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256);
        });
    };
    let option = Some(EncodingOption::NO_ENCODING);
    let block = wrapped(&bench, &id, &public, option, &oaep).unwrap();
    // The private key unwraps what was wrapped for the public one.
    let swapped = swap_id(&block, &private);
    let back = register(&bench, &swapped).unwrap();
    assert_eq!(bench.material(&back), bench.material(&id));
}

/// The block with another wrapping key named.
fn swap_id(node: &Node, id: &str) -> Node {
    if node.tag == Tag::UNIQUE_IDENTIFIER {
        return Node::text(Tag::UNIQUE_IDENTIFIER, id);
    }
    match &node.value {
        Value::Structure(children) => {
            Node::structure(node.tag, children.iter().map(|c| swap_id(c, id)).collect())
        }
        _ => node.clone(),
    }
}

#[test]
fn a_key_that_only_wraps_leaves_what_it_wrapped_as_it_was_registered() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    let mask = CryptographicUsageMask::WRAP_KEY.0;
    let kek = bench.make(&Wish { mask, ..Wish::default() });
    let block = wrapped(&bench, &id, &kek, None, &|_| {}).unwrap();
    let kept = register(&bench, &block).unwrap();
    let got = bench.by_id(Operation::GET, &kept).unwrap();
    let again = got.find(Tag::SYMMETRIC_KEY).unwrap().find(Tag::KEY_BLOCK).unwrap();
    assert_eq!(again.find(Tag::KEY_VALUE), block.find(Tag::KEY_VALUE));
    // A key that is not wrapped with it is no use to Encrypt either.
    let used = bench.on(Operation::ENCRYPT, &kept, |e| {
        mode(e, BlockCipherMode::ECB);
        e.bytes(Tag::DATA, &[0; 16]);
    });
    assert!(used.is_err());
}

#[test]
fn a_wrapping_key_needs_the_usage_and_the_life_for_it() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    let mask = CryptographicUsageMask::ENCRYPT.0;
    let encrypts = bench.make(&Wish { mask, ..Wish::default() });
    let refused = wrapped(&bench, &id, &encrypts, None, &|_| {});
    assert_eq!(refused, Err(ResultReason::INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK));
    let old = bench.make(&Wish::default());
    bench.revoke(&old).unwrap();
    let refused = wrapped(&bench, &id, &old, None, &|_| {});
    assert_eq!(refused, Err(ResultReason::WRONG_KEY_LIFECYCLE_STATE));
    let refused = wrapped(&bench, &id, "nobody", None, &|_| {});
    assert_eq!(refused, Err(ResultReason::WRAPPING_OBJECT_NOT_FOUND));
}

#[test]
fn legacy_algorithms_are_stored_and_returned_but_used_only_when_allowed() {
    let uses = |legacy: bool| {
        let bench = Bench::with(|config| config.legacy_algorithms = legacy);
        let payload = bench
            .one(&bench.alice, Operation::REGISTER, |e| {
                e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
                let wish = Wish {
                    algorithm: CryptographicAlgorithm::TRIPLE_DES,
                    bits: 168,
                    ..Wish::default()
                };
                AttributeSet::Own.write(&wish.attributes(), e, V);
                e.structure(Tag::SYMMETRIC_KEY, |e| {
                    e.structure(Tag::KEY_BLOCK, |e| {
                        e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
                        e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, &[7; 24]));
                        let algorithm = CryptographicAlgorithm::TRIPLE_DES;
                        e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
                        e.integer(Tag::CRYPTOGRAPHIC_LENGTH, 168);
                    });
                });
            })
            .unwrap();
        let id = text(&payload, Tag::UNIQUE_IDENTIFIER);
        assert_eq!(bench.material(&id), [7; 24]);
        bench.on(Operation::ENCRYPT, &id, |e| {
            mode(e, BlockCipherMode::ECB);
            e.bytes(Tag::DATA, &[0; 8]);
        })
    };
    assert_eq!(uses(false), Err(ResultReason::PERMISSION_DENIED));
    assert!(uses(true).is_ok());
}

#[test]
fn every_kind_of_pair_signs_and_verifies() {
    let bench = Bench::new();
    let pairs = [
        (CryptographicAlgorithm::RSA, 2048, None),
        (CryptographicAlgorithm::EC, 0, Some(RecommendedCurve::P_256)),
        (CryptographicAlgorithm::EC, 0, Some(RecommendedCurve::P_521)),
        (CryptographicAlgorithm::ED25519, 256, None),
        (CryptographicAlgorithm::ML_DSA_65, 0, None),
    ];
    for (algorithm, bits, curve) in pairs {
        let (private, public) =
            bench.make_pair(&Wish { algorithm, bits, ..Wish::default() }, curve);
        let parameters = |e: &mut Encoder| {
            if algorithm == CryptographicAlgorithm::RSA {
                e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                    e.enumeration(Tag::PADDING_METHOD, PaddingMethod::PSS);
                    e.enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256);
                });
            }
        };
        let sign = |fill: &dyn Fn(&mut Encoder)| {
            bench.on(Operation::SIGN, &private, |e| {
                parameters(e);
                fill(e);
            })
        };
        let whole =
            octets(&sign(&|e| e.bytes(Tag::DATA, b"message")).unwrap(), Tag::SIGNATURE_DATA);
        let begun = sign(&|e| {
            e.bytes(Tag::DATA, b"mess");
            e.boolean(Tag::INIT_INDICATOR, true);
        })
        .unwrap();
        let ended = sign(&|e| {
            e.bytes(Tag::DATA, b"age");
            e.bytes(Tag::CORRELATION_VALUE, &octets(&begun, Tag::CORRELATION_VALUE));
            e.boolean(Tag::FINAL_INDICATOR, true);
        })
        .unwrap();
        let in_parts = octets(&ended, Tag::SIGNATURE_DATA);
        for signature in [whole, in_parts] {
            let verify = |data: &[u8]| {
                let told = bench
                    .on(Operation::SIGNATURE_VERIFY, &public, |e| {
                        parameters(e);
                        e.bytes(Tag::DATA, data);
                        e.bytes(Tag::SIGNATURE_DATA, &signature);
                    })
                    .unwrap();
                let told = told.find(Tag::VALIDITY_INDICATOR).unwrap().value.as_enumeration();
                ValidityIndicator(told.unwrap())
            };
            assert_eq!(verify(b"message"), ValidityIndicator::VALID, "{algorithm}");
            assert_eq!(verify(b"massage"), ValidityIndicator::INVALID, "{algorithm}");
        }
    }
}

#[test]
fn a_derived_key_is_linked_with_what_it_was_derived_from() {
    let bench = Bench::new();
    let base = bench.make(&Wish::default());
    let derive = |count: i32| {
        bench.on(Operation::DERIVE_KEY, &base, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            e.enumeration(Tag::DERIVATION_METHOD, DerivationMethod::PBKDF2);
            e.structure(Tag::DERIVATION_PARAMETERS, |e| {
                e.bytes(Tag::SALT, b"salt");
                e.integer(Tag::ITERATION_COUNT, count);
            });
            AttributeSet::Own.write(&Wish { bits: 128, ..Wish::default() }.attributes(), e, V);
        })
    };
    let derived = text(&derive(1000).unwrap(), Tag::UNIQUE_IDENTIFIER);
    assert_eq!(bench.material(&derived).len(), 16);
    for (id, other) in [(&base, &derived), (&derived, &base)] {
        let payload = bench
            .on(Operation::GET_ATTRIBUTES, id, |e| {
                e.enumeration(Tag::ATTRIBUTE_REFERENCE, Tag::LINK.0);
            })
            .unwrap();
        let link = payload.find(Tag::ATTRIBUTES).unwrap().find(Tag::LINK).unwrap();
        assert_eq!(text(&link.value, Tag::LINKED_OBJECT_IDENTIFIER), **other);
    }
    // Derivation runs where all changes run: it may not hold them up.
    assert!(derive(i32::MAX).is_err());
    assert!(derive(0).is_err());
}

#[test]
fn both_sides_of_an_agreement_derive_the_same_key_and_another_pair_a_different_one() {
    let bench = Bench::new();
    let pairs = [
        (CryptographicAlgorithm::ECDH, 0, Some(RecommendedCurve::P_256)),
        (CryptographicAlgorithm::ECDH, 0, Some(RecommendedCurve::P_384)),
        (CryptographicAlgorithm::ECDH, 0, Some(RecommendedCurve::P_521)),
        (CryptographicAlgorithm::EC, 0, Some(RecommendedCurve::CURVE25519)),
    ];
    for (algorithm, bits, curve) in pairs {
        let wish = Wish { algorithm, bits, ..Wish::default() };
        let (ours, our_half) = bench.make_pair(&wish, curve);
        let (theirs, their_half) = bench.make_pair(&wish, curve);
        let agree = |private: &str, public: &str| {
            let derived = bench.on(Operation::DERIVE_KEY, private, |e| {
                e.text(Tag::UNIQUE_IDENTIFIER, public);
                e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
                e.enumeration(Tag::DERIVATION_METHOD, DerivationMethod::ASYMMETRIC_KEY);
                e.structure(Tag::DERIVATION_PARAMETERS, |_| ());
                AttributeSet::Own.write(&Wish::default().attributes(), e, V);
            });
            bench.material(&text(&derived.unwrap(), Tag::UNIQUE_IDENTIFIER))
        };
        let shared = agree(&ours, &their_half);
        assert_eq!(shared.len(), 32, "{curve:?}");
        assert_eq!(agree(&theirs, &our_half), shared, "{curve:?}");
        assert_ne!(agree(&ours, &our_half), shared, "{curve:?}");
    }
}
