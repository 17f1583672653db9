//! Replacing keys and key pairs: what goes over, what stays behind, and who waits for it.

use strongroom_kmip::{
    DigitalSignatureAlgorithm, HashingAlgorithm, LinkType, RecommendedCurve, UniqueIdentifierEnum,
    ValidityIndicator,
};

use super::kit::{Wish, name, octets};
use super::periods::{crypt, sweep_until};
use super::*;
use crate::EngineError;

const DAY: i64 = 86_400;

fn now(bench: &Bench) -> i64 {
    bench.engine.inner.time().earliest()
}

fn date(tag: Tag, at: i64) -> Attribute {
    Attribute::new(tag, Value::DateTime(at))
}

fn date_of(bench: &Bench, id: &str, tag: Tag) -> Option<i64> {
    bench.values(id, tag).first().and_then(Value::as_date_time)
}

/// Replaced by itself after a second.
fn periodic() -> [Attribute; 2] {
    [
        Attribute::new(Tag::ROTATE_AUTOMATIC, Value::Boolean(true)),
        Attribute::new(Tag::ROTATE_INTERVAL, Value::Interval(1)),
    ]
}

fn make(bench: &Bench, called: &str, more: &[Attribute]) -> String {
    let payload = bench.one(&bench.alice, Operation::CREATE, |e| create(e, called, more)).unwrap();
    text(&payload, Tag::UNIQUE_IDENTIFIER)
}

fn ecdsa(more: &[Attribute]) -> Wish {
    let algorithm = CryptographicAlgorithm::ECDSA;
    Wish { algorithm, bits: 256, mask: 0x03, more: more.to_vec() }
}

fn rsa(more: &[Attribute]) -> Wish {
    Wish { algorithm: CryptographicAlgorithm::RSA, bits: 2048, mask: 0x03, more: more.to_vec() }
}

/// Gives both halves Names.
fn name_pair(bench: &Bench, (private, public): (&str, &str), called: &str) {
    for (id, half) in [(private, "private"), (public, "public")] {
        bench
            .on(Operation::ADD_ATTRIBUTE, id, |e| {
                let name = name(&format!("{called} {half}"));
                e.structure(Tag::NEW_ATTRIBUTE, |e| name.write(e, V));
            })
            .unwrap();
    }
}

fn locate(bench: &Bench, called: &str) -> String {
    let found = bench
        .one(&bench.alice, Operation::LOCATE, |e| AttributeSet::Own.write(&[name(called)], e, V))
        .unwrap();
    text(&found, Tag::UNIQUE_IDENTIFIER)
}

fn links(bench: &Bench, id: &str) -> Vec<(&'static str, String)> {
    bench.engine.key(id).unwrap().links
}

fn link(kind: LinkType, to: &str) -> (&'static str, String) {
    (kind.name(), to.to_owned())
}

fn sign(
    bench: &Bench,
    id: &str,
    algorithm: DigitalSignatureAlgorithm,
) -> Result<Vec<u8>, ResultReason> {
    let signed = bench.on(Operation::SIGN, id, |e| {
        e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
            e.enumeration(Tag::DIGITAL_SIGNATURE_ALGORITHM, algorithm);
        });
        e.bytes(Tag::DATA, b"message");
    })?;
    Ok(octets(&signed, Tag::SIGNATURE_DATA))
}

fn verifies(
    bench: &Bench,
    id: &str,
    algorithm: DigitalSignatureAlgorithm,
    signature: &[u8],
) -> bool {
    let told = bench
        .on(Operation::SIGNATURE_VERIFY, id, |e| {
            e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                e.enumeration(Tag::DIGITAL_SIGNATURE_ALGORITHM, algorithm);
            });
            e.bytes(Tag::DATA, b"message");
            e.bytes(Tag::SIGNATURE_DATA, signature);
        })
        .unwrap();
    let told = told.find(Tag::VALIDITY_INDICATOR).unwrap().value.as_enumeration();
    ValidityIndicator(told.unwrap()) == ValidityIndicator::VALID
}

#[test]
fn a_key_that_nobody_activated_is_replaced_by_one_that_is_not_active_either() {
    let bench = Bench::new();
    let by_hand = make(&bench, "by hand", &[]);
    let new = bench.engine.rotate_key(&bench.alice, &by_hand).unwrap();
    assert_eq!(bench.state(&new), State::PRE_ACTIVE);
    assert_eq!(locate(&bench, "by hand"), new);
    bench.by_id(Operation::ACTIVATE, &new).unwrap();
    assert!(crypt(&bench, Operation::ENCRYPT, &new, &[7; 16]).is_ok());
    // The old version protects nothing, whatever becomes of it.
    assert_eq!(bench.state(&by_hand), State::PRE_ACTIVE);
    bench.by_id(Operation::ACTIVATE, &by_hand).unwrap();
    assert_eq!(bench.state(&by_hand), State::DEACTIVATED);
    assert!(crypt(&bench, Operation::ENCRYPT, &by_hand, &[7; 16]).is_err());

    let by_date = make(&bench, "by date", &periodic());
    sweep_until(&bench, "the interval never passed", || locate(&bench, "by date") != by_date);
    let new = locate(&bench, "by date");
    assert_eq!(bench.state(&new), State::PRE_ACTIVE);
    assert_eq!(date_of(&bench, &new, Tag::ACTIVATION_DATE), None);
}

#[test]
fn an_activation_to_come_goes_over_as_it_is_or_by_the_offset() {
    let bench = Bench::new();
    let (begins, ends) = (now(&bench) + DAY, now(&bench) + 9 * DAY);
    let dates = [date(Tag::ACTIVATION_DATE, begins), date(Tag::DEACTIVATION_DATE, ends)];
    for (at, by_officer) in [(0, true), (1, false)] {
        let old = make(&bench, &format!("dated {at}"), &dates);
        let new = match by_officer {
            true => bench.engine.rotate_key(&bench.alice, &old).unwrap(),
            false => text(&bench.by_id(Operation::RE_KEY, &old).unwrap(), Tag::UNIQUE_IDENTIFIER),
        };
        assert_eq!(bench.state(&new), State::PRE_ACTIVE);
        assert_eq!(date_of(&bench, &new, Tag::ACTIVATION_DATE), Some(begins));
        assert_eq!(date_of(&bench, &new, Tag::DEACTIVATION_DATE), Some(ends));
    }
    let offset = Attribute::new(Tag::ROTATE_OFFSET, Value::Interval(3600));
    let old = make(&bench, "offset", &[&dates[..], &[offset]].concat());
    let new = bench.engine.rotate_key(&bench.alice, &old).unwrap();
    let moved = date_of(&bench, &new, Tag::ACTIVATION_DATE).unwrap();
    assert!((3600..3660).contains(&(moved - now(&bench))), "{moved}");
    assert_eq!(date_of(&bench, &new, Tag::DEACTIVATION_DATE), Some(moved + 8 * DAY));
    // The old one ends where it would begin.
    assert_eq!(date_of(&bench, &old, Tag::DEACTIVATION_DATE), Some(begins));
}

#[test]
fn without_an_offset_dates_are_copied_unless_the_old_key_has_ended() {
    let bench = Bench::new();
    let (begun, ends) = (now(&bench) - 5 * DAY, now(&bench) + 5 * DAY);
    let dates = [date(Tag::ACTIVATION_DATE, begun), date(Tag::DEACTIVATION_DATE, ends)];
    let re_key = |id: &str, offset: Option<u32>| {
        let made = bench.on(Operation::RE_KEY, id, |e| {
            if let Some(offset) = offset {
                e.interval(Tag::OFFSET, offset);
            }
        });
        text(&made.unwrap(), Tag::UNIQUE_IDENTIFIER)
    };
    let copied = re_key(&make(&bench, "copied", &dates), None);
    assert_eq!(date_of(&bench, &copied, Tag::ACTIVATION_DATE), Some(begun));
    assert_eq!(date_of(&bench, &copied, Tag::DEACTIVATION_DATE), Some(ends));
    assert_eq!(bench.state(&copied), State::ACTIVE);

    let moved = re_key(&make(&bench, "moved", &dates), Some(60));
    let begins = date_of(&bench, &moved, Tag::ACTIVATION_DATE).unwrap();
    assert!((60..120).contains(&(begins - now(&bench))), "{begins}");
    assert_eq!(date_of(&bench, &moved, Tag::DEACTIVATION_DATE), Some(begins + 10 * DAY));
    assert_eq!(bench.state(&moved), State::PRE_ACTIVE);

    let ended = make(&bench, "ended", &dates);
    bench.revoke(&ended).unwrap();
    let anew = re_key(&ended, None);
    assert_eq!(bench.state(&anew), State::ACTIVE);
    let begins = date_of(&bench, &anew, Tag::ACTIVATION_DATE).unwrap();
    assert!((0..60).contains(&(now(&bench) - begins)), "{begins}");
}

#[test]
fn a_pair_replaces_itself_and_the_old_one_only_verifies() {
    let bench = Bench::new();
    let algorithm = DigitalSignatureAlgorithm::ECDSA_WITH_SHA256;
    let wish = ecdsa(&periodic());
    let (private, public) = bench.make_pair(&wish, Some(RecommendedCurve::P_256));
    name_pair(&bench, (&private, &public), "pair");
    let signature = sign(&bench, &private, algorithm).unwrap();
    sweep_until(&bench, "never", || bench.state(&private) == State::DEACTIVATED);
    assert_eq!(bench.state(&public), State::DEACTIVATED);
    let refused = Err(ResultReason::WRONG_KEY_LIFECYCLE_STATE);
    assert_eq!(sign(&bench, &private, algorithm), refused);
    assert!(verifies(&bench, &public, algorithm, &signature));

    let (new_private, new_public) = (locate(&bench, "pair private"), locate(&bench, "pair public"));
    let of_pair = [
        (&private, link(LinkType::REPLACEMENT_OBJECT_LINK, &new_private)),
        (&private, link(LinkType::PUBLIC_KEY_LINK, &public)),
        (&public, link(LinkType::REPLACEMENT_OBJECT_LINK, &new_public)),
        (&public, link(LinkType::PRIVATE_KEY_LINK, &private)),
        (&new_private, link(LinkType::REPLACED_OBJECT_LINK, &private)),
        (&new_private, link(LinkType::PUBLIC_KEY_LINK, &new_public)),
        (&new_public, link(LinkType::REPLACED_OBJECT_LINK, &public)),
        (&new_public, link(LinkType::PRIVATE_KEY_LINK, &new_private)),
    ];
    for (id, wanted) in of_pair {
        assert!(links(&bench, id).contains(&wanted), "{id} {wanted:?}");
    }
    for (old, new) in [(&private, &new_private), (&public, &new_public)] {
        assert_eq!(bench.state(new), State::ACTIVE);
        assert_eq!(bench.values(new, Tag::ROTATE_GENERATION), [Value::Integer(1)]);
        assert_eq!(bench.values(new, Tag::ROTATE_LATEST), [Value::Boolean(true)]);
        assert_eq!(bench.values(old, Tag::ROTATE_LATEST), [Value::Boolean(false)]);
        assert!(bench.values(old, Tag::NAME).is_empty());
        let due = bench.engine.inner.store.read(|tx| tx.due(i64::MAX, 100)).unwrap();
        assert!(due.iter().all(|id| id.as_str() != old.as_str()), "{due:?}");
    }
    let newer = sign(&bench, &new_private, algorithm).unwrap();
    assert!(verifies(&bench, &new_public, algorithm, &newer));
    assert!(!verifies(&bench, &public, algorithm, &newer));
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_pair_is_rotated_by_an_officer_by_either_half_and_keeps_its_curve() {
    let bench = Bench::new();
    let officer = caller("olga");
    let (private, public) = bench.make_pair(&ecdsa(&[]), Some(RecommendedCurve::SECP256K1));
    let second = bench.engine.rotate_key(&officer, &private).unwrap();
    let public_links = links(&bench, &public);
    let replacement = LinkType::REPLACEMENT_OBJECT_LINK.name();
    let second_public = &public_links.iter().find(|(kind, _)| *kind == replacement).unwrap().1;
    let third_public = bench.engine.rotate_key(&officer, second_public).unwrap();
    assert!(
        links(&bench, &third_public).contains(&link(LinkType::REPLACED_OBJECT_LINK, second_public))
    );
    assert_eq!(bench.state(&second), State::DEACTIVATED);
    let curve = |id: &str| bench.values(id, Tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS);
    assert_eq!(curve(&third_public), curve(&public));
    let again = bench.engine.rotate_key(&officer, &private);
    assert!(matches!(again, Err(EngineError::WrongState(_))), "{again:?}");
    // What comes out is the owner's; whoever asked stands in the journal.
    assert_eq!(bench.engine.key(&third_public).unwrap().summary.owner, "alice");
    let filter = AuditFilter { object: Some(third_public), ..AuditFilter::default() };
    let entries = bench.engine.audit_tail(9, &filter).unwrap();
    let made = entries.iter().find(|e| e.kind == "created").unwrap();
    assert_eq!((made.user.as_str(), made.action.as_str()), ("olga", "Re-key Key Pair"));
}

/// A Link attribute.
fn linked(kind: LinkType, to: &str) -> Attribute {
    let fields = vec![
        Node::enumeration(Tag::LINK_TYPE, kind),
        Node::text(Tag::LINKED_OBJECT_IDENTIFIER, to),
    ];
    Attribute::new(Tag::LINK, Value::Structure(fields))
}

/// Registers one of Alice's keys once more, for `who`, with few attributes.
fn half(bench: &Bench, who: &Arc<Caller>, id: &str, more: &[Attribute]) -> String {
    let got = bench.by_id(Operation::GET, id).unwrap();
    let (kind, key) = match got.find(Tag::PUBLIC_KEY) {
        Some(key) => (ObjectType::PUBLIC_KEY, key),
        None => (ObjectType::PRIVATE_KEY, got.find(Tag::PRIVATE_KEY).unwrap()),
    };
    let mask = Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(3));
    let payload = bench.one(who, Operation::REGISTER, |e| {
        e.enumeration(Tag::OBJECT_TYPE, kind);
        AttributeSet::Own.write(&[&[mask], more].concat(), e, V);
        e.node(key);
    });
    text(&payload.unwrap(), Tag::UNIQUE_IDENTIFIER)
}

#[test]
fn a_curve_that_only_the_key_tells_is_the_replacements_too() {
    let bench = Bench::new();
    let (private, public) = bench.make_pair(&ecdsa(&[]), Some(RecommendedCurve::SECP256K1));
    // Registered as a pair again, without a word about the curve.
    let public = half(&bench, &bench.alice, &public, &[]);
    let to_public = linked(LinkType::PUBLIC_KEY_LINK, &public);
    let private = half(&bench, &bench.alice, &private, &[to_public]);
    bench
        .on(Operation::ADD_ATTRIBUTE, &public, |e| {
            let link = linked(LinkType::PRIVATE_KEY_LINK, &private);
            e.structure(Tag::NEW_ATTRIBUTE, |e| link.write(e, V));
        })
        .unwrap();
    assert!(bench.values(&private, Tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS).is_empty());
    let new = bench.engine.rotate_key(&bench.alice, &private).unwrap();
    let material = |id: &str| {
        let got = bench.by_id(Operation::GET, id).unwrap();
        let block = got.find(Tag::PRIVATE_KEY).unwrap().find(Tag::KEY_BLOCK).unwrap();
        octets(&block.find(Tag::KEY_VALUE).unwrap().value, Tag::KEY_MATERIAL)
    };
    // The object identifier of secp256k1, 1.3.132.0.10.
    let named = |der: &[u8]| der.windows(5).any(|w| w == [0x2B, 0x81, 0x04, 0x00, 0x0A]);
    assert!(named(&material(&private)) && named(&material(&new)));
}

#[test]
fn a_pair_of_rsa_keys_replaces_itself_while_others_are_served() {
    let bench = Bench::with(|config| config.destroy_delay = 1);
    let algorithm = DigitalSignatureAlgorithm::SHA_256_WITH_RSA_ENCRYPTION;
    // More than are made at once.
    let pairs: Vec<_> = (0..10).map(|_| bench.make_pair(&rsa(&periodic()), None)).collect();
    let doomed = make(&bench, "doomed", &[]);
    bench.by_id(Operation::DESTROY, &doomed).unwrap();
    for (private, public) in &pairs {
        sweep_until(&bench, "never", || bench.state(private) == State::DEACTIVATED);
        assert_eq!(bench.state(public), State::DEACTIVATED);
        let new = &links(&bench, private);
        let (_, new) =
            new.iter().find(|l| l.0 == LinkType::REPLACEMENT_OBJECT_LINK.name()).unwrap();
        assert!(sign(&bench, new, algorithm).is_ok());
    }
    sweep_until(&bench, "the destruction never came", || bench.state(&doomed) == State::DESTROYED);
    // Every new pair is a new one.
    let digest = |id: &str| {
        let object = bench.engine.inner.store.read(|tx| tx.object(&id.into())).unwrap().unwrap();
        object.value(Tag::DIGEST).cloned()
    };
    let replacement = |id: &str| {
        let kind = LinkType::REPLACEMENT_OBJECT_LINK.name();
        links(&bench, id).into_iter().find(|l| l.0 == kind).unwrap().1
    };
    let mut digests: Vec<_> = pairs
        .iter()
        .flat_map(|(private, _)| [digest(private), digest(&replacement(private))])
        .map(|value| value.unwrap())
        .collect();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 20);
    bench.engine.audit_verify().unwrap();
}

#[test]
fn an_rsa_pair_is_rotated_by_an_officer_and_by_request() {
    let bench = Bench::new();
    let (private, _) = bench.make_pair(&rsa(&[]), None);
    let second = bench.engine.rotate_key(&bench.alice, &private).unwrap();
    let third = bench
        .one(&bench.alice, Operation::RE_KEY_KEY_PAIR, |e| {
            e.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &second);
        })
        .unwrap();
    let algorithm = DigitalSignatureAlgorithm::SHA_256_WITH_RSA_ENCRYPTION;
    let private = text(&third, Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER);
    let signature = sign(&bench, &private, algorithm).unwrap();
    let public = text(&third, Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER);
    assert!(verifies(&bench, &public, algorithm, &signature));
}

#[test]
fn a_batch_that_waits_for_pairs_is_done_once() {
    let bench = Bench::new();
    let pairs = [0, 1].map(|at| {
        let (private, public) = bench.make_pair(&rsa(&[]), None);
        name_pair(&bench, (&private, &public), &format!("pair {at}"));
    });
    assert_eq!(pairs.len(), 2);
    let head = bench.engine.inner.store.head().seq;
    for error in [BatchErrorContinuationOption::STOP, BatchErrorContinuationOption::UNDO] {
        let mut request = RequestBuilder::new(V).batch_error(error).item(Operation::CREATE, |e| {
            create(e, &format!("beside {error:?}"), &[]);
        });
        for at in [0, 1] {
            // Found by the item before: nobody knows which pair is needed until then.
            request = request
                .item(Operation::LOCATE, |e| {
                    AttributeSet::Own.write(&[name(&format!("pair {at} private"))], e, V);
                })
                .item(Operation::RE_KEY_KEY_PAIR, |e| {
                    let placeholder = UniqueIdentifierEnum::ID_PLACEHOLDER;
                    e.enumeration(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, placeholder);
                });
        }
        let bytes = bench.send(&bench.alice, request.finish());
        let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
        assert_eq!(view.items.len(), 5);
        assert!(view.items.iter().all(|i| i.status == ResultStatus::SUCCESS), "{:?}", view.items);
    }
    // Create, and for each pair: two Names given up, two keys, two links.
    assert_eq!(bench.engine.inner.store.head().seq, head + 2 * (1 + 2 * 6));
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_batch_that_makes_pairs_holds_no_parts_of_longer_operations() {
    let bench = Bench::new();
    let (private, _) = bench.make_pair(&rsa(&[]), None);
    let frame = RequestBuilder::new(V)
        .item(Operation::HASH, |e| {
            e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
                e.enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256);
            });
            e.bytes(Tag::DATA, b"first");
            e.boolean(Tag::INIT_INDICATOR, true);
        })
        .item(Operation::RE_KEY_KEY_PAIR, |e| {
            e.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &private);
        })
        .finish();
    let bytes = bench.send(&bench.alice, frame);
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    assert!(view.items.iter().all(|i| i.reason == Some(ResultReason::OPERATION_NOT_SUPPORTED)));
}

#[test]
fn a_pair_that_is_not_whole_is_not_rotated_and_nobody_elses_key_with_it() {
    let bench = Bench::new();
    let bob = caller("bob");
    let (private, public) = bench.make_pair(&ecdsa(&[]), Some(RecommendedCurve::P_256));
    let of_bob = half(&bench, &bob, &public, &[]);
    // A private key that says it belongs to another's public one, and one that is the half of
    // another pair.
    let refused = |to: &str, agree: bool| {
        let to_other = [linked(LinkType::PUBLIC_KEY_LINK, to)];
        let claims = half(&bench, &bench.alice, &private, &to_other);
        if agree {
            bench
                .one(&bob, Operation::ADD_ATTRIBUTE, |e| {
                    e.text(Tag::UNIQUE_IDENTIFIER, to);
                    let back = linked(LinkType::PRIVATE_KEY_LINK, &claims);
                    e.structure(Tag::NEW_ATTRIBUTE, |e| back.write(e, V));
                })
                .unwrap();
        }
        let refused = bench.engine.rotate_key(&caller("olga"), &claims);
        assert!(matches!(refused, Err(EngineError::Refused(_))), "{refused:?}");
    };
    refused(&public, false);
    refused(&of_bob, false);
    refused(&of_bob, true);
    assert_eq!(links(&bench, &of_bob).len(), 1);
    assert_eq!(links(&bench, &public).len(), 1);
    bench.engine.rotate_key(&caller("olga"), &private).unwrap();
}

#[test]
fn what_is_no_key_is_not_rotated() {
    let bench = Bench::new();
    let made = bench
        .one(&bench.alice, Operation::CREATE, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SECRET_DATA);
            let length = Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(128));
            AttributeSet::Own.write(&[length], e, V);
        })
        .unwrap();
    let id = text(&made, Tag::UNIQUE_IDENTIFIER);
    let refused = bench.engine.rotate_key(&bench.alice, &id);
    assert!(matches!(refused, Err(EngineError::Refused(_))), "{refused:?}");
}

#[test]
fn keys_whose_end_comes_before_they_are_activated_hold_up_nothing_behind_them() {
    let bench = Bench::with(|config| config.destroy_delay = 1);
    let past = [date(Tag::DEACTIVATION_DATE, now(&bench) - DAY)];
    // More than one sweep takes.
    for at in 0..300 {
        make(&bench, &format!("never active {at}"), &past);
    }
    let doomed = make(&bench, "doomed", &[]);
    bench.by_id(Operation::DESTROY, &doomed).unwrap();
    sweep_until(&bench, "the destruction never came", || bench.state(&doomed) == State::DESTROYED);
}
