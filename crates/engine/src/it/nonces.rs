//! The count of encryptions with random IVs (NIST SP 800-38D section 8.3).

use strongroom_kmip::BlockCipherMode;
use strongroom_model::{Change, Counter, ObjectId};

use super::kit::*;
use super::*;

const LIMIT: u64 = 1 << 32;

/// Says in the journal that so many of the key's random IVs are used.
fn count_to(bench: &Bench, id: &str, upto: u64) {
    let change = Change::Reserved { id: ObjectId::from(id), counter: Counter::RandomIv, upto };
    bench.engine.append(&Caller::server(), "test", change).unwrap();
}

fn counted(bench: &Bench, id: &str) -> u64 {
    let object = bench.engine.inner.store.read(|tx| tx.object(&id.into())).unwrap().unwrap();
    crate::allowance::reserved(&object, Counter::RandomIv)
}

fn encrypt(
    bench: &Bench,
    id: &str,
    chosen: BlockCipherMode,
    iv: Option<&[u8]>,
) -> Result<Value, ResultReason> {
    bench.on(Operation::ENCRYPT, id, |e| {
        mode(e, chosen);
        e.bytes(Tag::DATA, b"secret");
        if let Some(iv) = iv {
            e.bytes(Tag::IV_COUNTER_NONCE, iv);
        }
    })
}

#[test]
fn at_two_to_the_32_a_key_makes_no_more_random_ivs_and_never_again() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    // What replicas would need is not set aside where there are none.
    count_to(&bench, &id, crate::allowance::HOME_SHARE);
    encrypt(&bench, &id, BlockCipherMode::GCM, None).unwrap();
    count_to(&bench, &id, LIMIT - 3);
    // Blocks that are in memory are used first.
    let bench = bench.restart();
    // Exactly three are left, for GCM and CCM together.
    for chosen in [BlockCipherMode::GCM, BlockCipherMode::CCM, BlockCipherMode::GCM] {
        encrypt(&bench, &id, chosen, None).unwrap();
    }
    let used_up = |bench: &Bench| {
        for chosen in [BlockCipherMode::GCM, BlockCipherMode::CCM] {
            let refused = encrypt(bench, &id, chosen, None);
            assert_eq!(refused, Err(ResultReason::PERMISSION_DENIED), "{chosen}");
            assert_eq!(counted(bench, &id), LIMIT);
        }
    };
    used_up(&bench);
    // In parts it is the same key.
    let in_parts = bench.on(Operation::ENCRYPT, &id, |e| {
        mode(e, BlockCipherMode::GCM);
        e.bytes(Tag::DATA, b"secret");
        e.boolean(Tag::INIT_INDICATOR, true);
    });
    assert_eq!(in_parts, Err(ResultReason::PERMISSION_DENIED));
    let bench = bench.restart();
    used_up(&bench);
    // A record that says less does not bring any back.
    count_to(&bench, &id, 1);
    used_up(&bench);
    // The caller's own IVs are the caller's to count, and a whole random block never repeats.
    let made = encrypt(&bench, &id, BlockCipherMode::GCM, Some(&[7; 12])).unwrap();
    assert!(made.find(Tag::IV_COUNTER_NONCE).is_none());
    encrypt(&bench, &id, BlockCipherMode::CBC, None).unwrap();
    // What exists opens as ever.
    let opened = bench.on(Operation::DECRYPT, &id, |e| {
        mode(e, BlockCipherMode::GCM);
        e.bytes(Tag::DATA, &octets(&made, Tag::DATA));
        e.bytes(Tag::IV_COUNTER_NONCE, &[7; 12]);
        e.node(made.find(Tag::AUTHENTICATED_ENCRYPTION_TAG).unwrap());
    });
    assert_eq!(octets(&opened.unwrap(), Tag::DATA), b"secret");
    // A replacement begins anew.
    let new = bench.by_id(Operation::RE_KEY, &id).unwrap();
    encrypt(&bench, &text(&new, Tag::UNIQUE_IDENTIFIER), BlockCipherMode::GCM, None).unwrap();
    bench.engine.audit_verify().unwrap();
}

#[test]
fn once_replicas_are_allowed_a_quarter_of_the_two_to_the_32_is_set_aside_for_good() {
    let home = crate::allowance::HOME_SHARE;
    let bench = Bench::new();
    let [id, beyond] = [(); 2].map(|()| bench.make(&Wish::default()));
    count_to(&bench, &id, home - 1);
    count_to(&bench, &beyond, LIMIT - 2);
    assert!(!bench.engine.allows_replicas());
    assert!(bench.engine.allow_replicas(&Caller::server()).unwrap());
    assert!(!bench.engine.allow_replicas(&Caller::server()).unwrap(), "once is enough");
    let bench = bench.restart();
    assert!(bench.engine.allows_replicas());
    let gcm = |id: &str| encrypt(&bench, id, BlockCipherMode::GCM, None).map(|_| ());
    gcm(&id).unwrap();
    assert_eq!(gcm(&id), Err(ResultReason::PERMISSION_DENIED));
    assert_eq!(counted(&bench, &id), home);
    // What had passed its share before is nobody else's.
    gcm(&beyond).unwrap();
    gcm(&beyond).unwrap();
    assert_eq!(gcm(&beyond), Err(ResultReason::PERMISSION_DENIED));
    assert_eq!(counted(&bench, &beyond), LIMIT);
}

#[test]
fn what_another_site_reserved_counts_too() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    encrypt(&bench, &id, BlockCipherMode::GCM, None).unwrap();
    let mut object =
        bench.engine.inner.store.read(|tx| tx.object(&id.as_str().into())).unwrap().unwrap();
    let own = counted(&bench, &id);
    assert!(own > 0);
    object.counters.insert((Counter::RandomIv as u8, 2), LIMIT - own);
    let allowances = crate::allowance::Allowances::default();
    assert!(allowances.reserve(&object, 1, Counter::RandomIv, 1, LIMIT).is_none());
}

#[test]
fn wrapping_with_a_random_iv_counts_like_encryption() {
    let bench = Bench::new();
    let [id, kek] = [(); 2].map(|()| bench.make(&Wish::default()));
    count_to(&bench, &kek, LIMIT - 1);
    let wrapped = || {
        bench.on(Operation::GET, &id, |e| {
            e.structure(Tag::KEY_WRAPPING_SPECIFICATION, |e| {
                e.enumeration(Tag::WRAPPING_METHOD, strongroom_kmip::WrappingMethod::ENCRYPT);
                e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| {
                    e.text(Tag::UNIQUE_IDENTIFIER, &kek);
                    mode(e, BlockCipherMode::GCM);
                });
            });
        })
    };
    wrapped().unwrap();
    assert_eq!(wrapped(), Err(ResultReason::PERMISSION_DENIED));
    assert_eq!(counted(&bench, &kek), LIMIT);
}
