//! Modes over Encrypt and Decrypt, whole and in parts: what they give, and what they withhold.

use strongroom_kmip::BlockCipherMode;

use super::kit::*;
use super::*;

const IV: [u8; 12] = [3; 12];
const AAD: &[u8] = b"additional";

/// Parameters of an authenticating mode, with a length for the tag if one is asked for.
fn parameters(e: &mut Encoder, chosen: BlockCipherMode, tag_length: Option<i32>) {
    e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
        e.enumeration(Tag::BLOCK_CIPHER_MODE, chosen);
        if let Some(length) = tag_length {
            e.integer(Tag::TAG_LENGTH, length);
        }
    });
}

/// What an encryption gave: the data and the tag.
type Made = (Vec<u8>, Vec<u8>);

fn made(reply: &Value) -> Made {
    let data = reply.find(Tag::DATA).and_then(|n| n.value.as_bytes()).unwrap_or_default();
    (data.to_vec(), octets(reply, Tag::AUTHENTICATED_ENCRYPTION_TAG))
}

fn seal(
    bench: &Bench,
    id: &str,
    chosen: BlockCipherMode,
    length: Option<i32>,
    data: &[u8],
) -> Result<Made, ResultReason> {
    let reply = bench.on(Operation::ENCRYPT, id, |e| {
        parameters(e, chosen, length);
        e.bytes(Tag::DATA, data);
        e.bytes(Tag::IV_COUNTER_NONCE, &IV);
        e.bytes(Tag::AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA, AAD);
    })?;
    Ok(made(&reply))
}

fn open(
    bench: &Bench,
    id: &str,
    chosen: BlockCipherMode,
    length: Option<i32>,
    (data, tag): &Made,
    aad: &[u8],
) -> Result<Vec<u8>, ResultReason> {
    let reply = bench.on(Operation::DECRYPT, id, |e| {
        parameters(e, chosen, length);
        e.bytes(Tag::DATA, data);
        e.bytes(Tag::IV_COUNTER_NONCE, &IV);
        e.bytes(Tag::AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA, aad);
        e.bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG, tag);
    })?;
    Ok(octets(&reply, Tag::DATA))
}

/// Sends `data` in pieces of 7 bytes; gives what each part gave, and the last reply.
fn in_parts(
    bench: &Bench,
    operation: Operation,
    id: &str,
    data: &[u8],
    first: &dyn Fn(&mut Encoder),
    last: &dyn Fn(&mut Encoder),
) -> (Vec<Vec<u8>>, Result<Value, ResultReason>) {
    let pieces: Vec<&[u8]> = data.chunks(7).collect();
    let (end, pieces) = pieces.split_last().unwrap();
    let mut given = Vec::new();
    let mut correlation: Option<Vec<u8>> = None;
    let mut send = |piece: &[u8], at_end: bool| {
        bench
            .on(operation, id, |e| {
                if correlation.is_none() {
                    first(e);
                }
                e.bytes(Tag::DATA, piece);
                if at_end {
                    last(e);
                }
                match &correlation {
                    Some(correlation) => e.bytes(Tag::CORRELATION_VALUE, correlation),
                    None => e.boolean(Tag::INIT_INDICATOR, true),
                }
                if at_end {
                    e.boolean(Tag::FINAL_INDICATOR, true);
                }
            })
            .inspect(|reply| {
                correlation = reply
                    .find(Tag::CORRELATION_VALUE)
                    .and_then(|n| n.value.as_bytes())
                    .map(<[u8]>::to_vec);
            })
    };
    for piece in pieces {
        let reply = send(piece, false).unwrap();
        given.push(reply.find(Tag::DATA).map_or_else(Vec::new, |_| octets(&reply, Tag::DATA)));
    }
    (given, send(end, true))
}

#[test]
fn authenticating_modes_hold_data_tag_and_additional_data_together() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    let message = b"a message of some length";
    for (chosen, lengths) in [
        (BlockCipherMode::GCM, vec![None, Some(12), Some(13), Some(16)]),
        (BlockCipherMode::CCM, vec![None, Some(4), Some(8), Some(12), Some(16)]),
    ] {
        for length in lengths {
            let sealed = seal(&bench, &id, chosen, length, message).unwrap();
            assert_eq!(sealed.1.len(), length.unwrap_or(16) as usize, "{chosen} {length:?}");
            assert_eq!(open(&bench, &id, chosen, length, &sealed, AAD).unwrap(), message);
            let mut data = sealed.clone();
            data.0[0] ^= 1;
            let mut tag = sealed.clone();
            tag.1[0] ^= 1;
            let short = (sealed.0.clone(), sealed.1[..sealed.1.len() - 1].to_vec());
            for (what, sealed, aad) in [
                ("data", &data, AAD),
                ("tag", &tag, AAD),
                ("additional data", &sealed, b"other".as_slice()),
                ("no additional data", &sealed, b"".as_slice()),
                ("a tag cut short", &short, AAD),
            ] {
                let opened = open(&bench, &id, chosen, length, sealed, aad);
                assert!(opened.is_err(), "{chosen} {length:?}: {what}");
            }
        }
        let refused = open(&bench, &id, chosen, None, &(message.to_vec(), vec![0; 16]), AAD);
        assert_eq!(refused, Err(ResultReason::CRYPTOGRAPHIC_FAILURE), "{chosen}");
    }
}

#[test]
fn in_parts_the_same_comes_out_as_at_once() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    let message: Vec<u8> = (0..100).collect();
    for chosen in [BlockCipherMode::GCM, BlockCipherMode::CCM] {
        let sealed = seal(&bench, &id, chosen, Some(12), &message).unwrap();
        let first = |e: &mut Encoder| {
            parameters(e, chosen, Some(12));
            e.bytes(Tag::IV_COUNTER_NONCE, &IV);
            e.bytes(Tag::AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA, AAD);
        };
        let (mut given, last) =
            in_parts(&bench, Operation::ENCRYPT, &id, &message, &first, &|_| {});
        let (rest, tag) = made(&last.unwrap());
        given.push(rest);
        assert_eq!((given.concat(), &tag), (sealed.0.clone(), &sealed.1), "{chosen}");

        // The tag in its field, or at the end of the data.
        let in_field = |e: &mut Encoder| e.bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG, &sealed.1);
        let (_, opened) = in_parts(&bench, Operation::DECRYPT, &id, &sealed.0, &first, &in_field);
        assert_eq!(octets(&opened.unwrap(), Tag::DATA), message, "{chosen}");
        let joined = [sealed.0.clone(), sealed.1.clone()].concat();
        let (_, opened) = in_parts(&bench, Operation::DECRYPT, &id, &joined, &first, &|_| {});
        assert_eq!(octets(&opened.unwrap(), Tag::DATA), message, "{chosen}");
    }
}

#[test]
fn a_decryption_in_parts_gives_nothing_before_its_tag_and_nothing_at_all_for_a_wrong_one() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    let message: Vec<u8> = (0..200).collect();
    for chosen in [BlockCipherMode::GCM, BlockCipherMode::CCM] {
        let sealed = seal(&bench, &id, chosen, None, &message).unwrap();
        let first = |e: &mut Encoder| {
            parameters(e, chosen, None);
            e.bytes(Tag::IV_COUNTER_NONCE, &IV);
            e.bytes(Tag::AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA, AAD);
        };
        let mut wrong = sealed.1.clone();
        wrong[15] ^= 0x80;
        for tag in [&sealed.1, &wrong] {
            let last = |e: &mut Encoder| e.bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG, tag);
            let (given, end) = in_parts(&bench, Operation::DECRYPT, &id, &sealed.0, &first, &last);
            assert!(given.iter().all(Vec::is_empty), "{chosen}: given before the tag");
            if *tag == sealed.1 {
                assert_eq!(octets(&end.unwrap(), Tag::DATA), message);
            } else {
                assert_eq!(end, Err(ResultReason::CRYPTOGRAPHIC_FAILURE), "{chosen}");
            }
        }
        // A tag that comes early opens nothing early.
        let early = |e: &mut Encoder| {
            first(e);
            e.bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG, &sealed.1);
        };
        let (given, end) = in_parts(&bench, Operation::DECRYPT, &id, &sealed.0, &early, &|_| {});
        assert!(given.iter().all(Vec::is_empty), "{chosen}");
        assert_eq!(octets(&end.unwrap(), Tag::DATA), message);
        // Without a tag there is an end, and no plaintext.
        let cut = &sealed.0[..10];
        let (_, end) = in_parts(&bench, Operation::DECRYPT, &id, cut, &first, &|_| {});
        assert!(end.is_err(), "{chosen}");
    }
}

#[test]
fn a_failed_end_ends_the_stream() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    let sealed = seal(&bench, &id, BlockCipherMode::GCM, None, b"message").unwrap();
    let begun = bench
        .on(Operation::DECRYPT, &id, |e| {
            parameters(e, BlockCipherMode::GCM, None);
            e.bytes(Tag::DATA, &sealed.0);
            e.bytes(Tag::IV_COUNTER_NONCE, &IV);
            e.bytes(Tag::AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA, AAD);
            e.boolean(Tag::INIT_INDICATOR, true);
        })
        .unwrap();
    let end = |tag: &[u8]| {
        bench.on(Operation::DECRYPT, &id, |e| {
            e.bytes(Tag::CORRELATION_VALUE, &octets(&begun, Tag::CORRELATION_VALUE));
            e.bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG, tag);
            e.boolean(Tag::FINAL_INDICATOR, true);
        })
    };
    assert_eq!(end(&[0; 16]), Err(ResultReason::CRYPTOGRAPHIC_FAILURE));
    // No second guess.
    assert_eq!(end(&sealed.1), Err(ResultReason::INVALID_CORRELATION_VALUE));
}

#[test]
fn xts_takes_both_key_lengths_whole_and_in_parts() {
    let bench = Bench::new();
    let message: Vec<u8> = (0..100).collect();
    for bits in [256, 512] {
        let id = bench.make(&Wish { bits, ..Wish::default() });
        let first = |e: &mut Encoder| {
            mode(e, BlockCipherMode::XTS);
            e.bytes(Tag::IV_COUNTER_NONCE, &[9; 16]);
        };
        let whole = |operation, data: &[u8]| {
            let reply = bench.on(operation, &id, |e| {
                first(e);
                e.bytes(Tag::DATA, data);
            });
            octets(&reply.unwrap(), Tag::DATA)
        };
        let sealed = whole(Operation::ENCRYPT, &message);
        assert_eq!(sealed.len(), message.len(), "{bits}");
        assert_ne!(sealed, message);
        assert_eq!(whole(Operation::DECRYPT, &sealed), message, "{bits}");
        for (operation, data, expected) in
            [(Operation::ENCRYPT, &message, &sealed), (Operation::DECRYPT, &sealed, &message)]
        {
            let (mut given, last) = in_parts(&bench, operation, &id, data, &first, &|_| {});
            given.push(octets(&last.unwrap(), Tag::DATA));
            assert_eq!(given.concat(), *expected, "{bits} {operation}");
        }
        // A data unit is a block at least.
        let short = bench.on(Operation::ENCRYPT, &id, |e| {
            first(e);
            e.bytes(Tag::DATA, &[0; 15]);
        });
        assert!(short.is_err());
    }
}

#[test]
fn a_short_gcm_tag_needs_the_key_to_provide_for_it() {
    let bench = Bench::new();
    let plain = bench.make(&Wish::default());
    let provides = |mode: Option<BlockCipherMode>, length: i32| {
        let mut fields = vec![Node::integer(Tag::TAG_LENGTH, length)];
        fields.extend(mode.map(|mode| Node::enumeration(Tag::BLOCK_CIPHER_MODE, mode)));
        let value = Value::Structure(fields);
        let more = vec![Attribute::new(Tag::CRYPTOGRAPHIC_PARAMETERS, value)];
        bench.make(&Wish { more, ..Wish::default() })
    };
    let refused = |id: &str, length: i32, reason: ResultReason| {
        let sealed = seal(&bench, id, BlockCipherMode::GCM, Some(length), b"message");
        assert_eq!(sealed, Err(reason), "{length}");
        let tag = (b"message".to_vec(), vec![0; length as usize]);
        let opened = open(&bench, id, BlockCipherMode::GCM, Some(length), &tag, AAD);
        assert_eq!(opened, Err(reason), "{length}");
        let begun = bench.on(Operation::DECRYPT, id, |e| {
            parameters(e, BlockCipherMode::GCM, Some(length));
            e.bytes(Tag::DATA, b"message");
            e.bytes(Tag::IV_COUNTER_NONCE, &IV);
            e.boolean(Tag::INIT_INDICATOR, true);
        });
        assert_eq!(begun, Err(reason), "{length}");
    };
    let bad = ResultReason::BAD_CRYPTOGRAPHIC_PARAMETERS;
    for length in [4, 8] {
        refused(&plain, length, bad);
        // Provided for another mode, or another length.
        refused(&provides(Some(BlockCipherMode::CCM), length), length, bad);
        refused(&provides(Some(BlockCipherMode::GCM), 12 - length), length, bad);
        for own in [Some(BlockCipherMode::GCM), None] {
            let id = provides(own, length);
            let sealed = seal(&bench, &id, BlockCipherMode::GCM, Some(length), b"message").unwrap();
            assert_eq!(sealed.1.len(), length as usize);
            let opened = open(&bench, &id, BlockCipherMode::GCM, Some(length), &sealed, AAD);
            assert_eq!(opened.unwrap(), b"message");
        }
    }
    // GCM has no such lengths, whatever the key says.
    for length in [1, 3, 5, 11, 17, 32] {
        refused(&plain, length, ResultReason::GENERAL_FAILURE);
        refused(
            &provides(Some(BlockCipherMode::GCM), length),
            length,
            ResultReason::GENERAL_FAILURE,
        );
    }
    // Nor is a key wrapped like that.
    let id = bench.make(&Wish::default());
    let wrapped = bench.on(Operation::GET, &id, |e| {
        e.structure(Tag::KEY_WRAPPING_SPECIFICATION, |e| {
            e.enumeration(Tag::WRAPPING_METHOD, strongroom_kmip::WrappingMethod::ENCRYPT);
            e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| {
                e.text(Tag::UNIQUE_IDENTIFIER, &plain);
                parameters(e, BlockCipherMode::GCM, Some(4));
            });
        });
    });
    assert_eq!(wrapped, Err(bad));
}
