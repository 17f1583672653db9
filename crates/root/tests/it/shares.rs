use proptest::prelude::*;
use strongroom_root::{RootError, Share, ShareError, SlotError, SlotFile};

use crate::{new, same, slot_error};

fn dealt(threshold: u8, shares: u8) -> (SlotFile, strongroom_root::RootKey, Vec<Share>) {
    let (root, mut slots) = new();
    let (_, shares) = slots.add_shamir(&root, "custodians", threshold, shares).unwrap();
    (slots, root, shares)
}

fn copy(share: &Share) -> Share {
    Share::parse(&share.to_text()).unwrap()
}

fn copies(shares: &[Share], which: impl IntoIterator<Item = usize>) -> Vec<Share> {
    which.into_iter().map(|i| copy(&shares[i])).collect()
}

#[test]
fn a_share_is_text_of_the_documented_form() {
    let (_, _, shares) = dealt(3, 5);
    let text = shares[1].to_text();
    let parts: Vec<&str> = text.split('-').collect();
    assert_eq!((parts[0], parts[1], parts[2]), ("strongroom", "share", "1"));
    assert_eq!((parts[3].len(), parts[4], parts[5]), (16, "2of5", "3"));
    assert_eq!((parts[6].len(), parts[7].len(), parts.len()), (52, 8, 8));
}

#[test]
fn any_three_of_five_shares_open_in_any_order() {
    let (slots, root, shares) = dealt(3, 5);
    for a in 0..5 {
        for b in 0..5 {
            for c in 0..5 {
                if a != b && b != c && a != c {
                    let opened = slots.open_with_shares(&copies(&shares, [a, b, c])).unwrap();
                    assert!(same(&opened.root, &root));
                }
            }
        }
    }
}

#[test]
fn more_shares_than_needed_open_too() {
    let (slots, root, shares) = dealt(2, 4);
    assert!(same(&slots.open_with_shares(&shares).unwrap().root, &root));
}

#[test]
fn verified_shares_are_named_and_the_root_key_does_not_appear() {
    let (slots, _, shares) = dealt(3, 5);
    let verified = slots.verify_shares(&copies(&shares, [4, 0, 2])).unwrap();
    assert_eq!((verified.slot, verified.threshold, verified.indexes), (1, 3, vec![5, 1, 3]));
}

#[test]
fn too_few_shares_say_how_many_are_needed() {
    let (slots, _, shares) = dealt(3, 5);
    let error = slot_error(slots.open_with_shares(&copies(&shares, [0, 1])));
    assert_eq!(error.to_string(), "2 of 3 shares: 1 more needed");
    let error = slot_error(slots.open_with_shares(&[]));
    assert_eq!(error.to_string(), "0 of 3 shares: 3 more needed");
    assert!(slots.verify_shares(&copies(&shares, [0, 1])).is_err());
}

#[test]
fn a_share_given_twice_is_named() {
    let (slots, _, shares) = dealt(2, 3);
    let error = slot_error(slots.open_with_shares(&copies(&shares, [1, 1])));
    assert!(matches!(error, SlotError::DuplicateShare(2)), "{error}");
}

#[test]
fn a_share_of_another_set_is_named() {
    let (slots, _, shares) = dealt(2, 3);
    let (_, _, others) = dealt(2, 3);
    let mixed = [copy(&shares[0]), copy(&others[1])];
    let error = slot_error(slots.open_with_shares(&mixed));
    assert!(matches!(error, SlotError::OtherSet { index: 2, known: false, .. }), "{error}");
    let error = slot_error(slots.open_with_shares(&others));
    assert!(matches!(error, SlotError::OtherSet { index: 1, .. }), "{error}");
}

#[test]
fn shares_of_a_removed_slot_open_nothing() {
    let (root, mut slots) = new();
    let (old, shares) = slots.add_shamir(&root, "first", 2, 3).unwrap();
    slots.add_shamir(&root, "second", 2, 3).unwrap();
    slots.add_shamir(&root, "third", 2, 3).unwrap();
    assert!(slots.open_with_shares(&shares).is_ok());
    let (_, newer) = slots.add_shamir(&root, "fourth", 2, 3).unwrap();
    let mixed = [copy(&shares[0]), copy(&newer[1])];
    let error = slot_error(slots.open_with_shares(&mixed));
    assert!(matches!(error, SlotError::OtherSet { index: 2, known: true, .. }), "{error}");
    slots.remove(&root, old).unwrap();
    let error = slot_error(slots.verify_shares(&shares));
    assert!(matches!(error, SlotError::OtherSet { known: false, .. }), "{error}");
    assert!(error.to_string().contains("which opens nothing here"), "{error}");
}

#[test]
fn without_a_shamir_slot_shares_are_refused_in_words() {
    let (_, _, shares) = dealt(2, 3);
    let (_, slots) = new();
    let error = slot_error(slots.open_with_shares(&shares));
    assert_eq!(error.to_string(), "there is no shamir slot");
}

/// A share with sound text whose payload is not the one handed out.
fn forged(share: &Share) -> Share {
    let (_, _, others) = dealt(share.threshold(), share.shares());
    let other = others[usize::from(share.index()) - 1].to_text();
    let text = other.replace(&others[0].set().to_string(), &share.set().to_string());
    // The checksum covers the set, so it has to be found by trying: instead, take the reader's
    // word for what is wrong.
    assert!(matches!(Share::parse(&text), Err(ShareError::Checksum)));
    share_with_payload_of(share, &text)
}

fn share_with_payload_of(share: &Share, text: &str) -> Share {
    let payload = text.split('-').nth(6).unwrap();
    let own = share.to_text();
    let mut parts: Vec<&str> = own.split('-').collect();
    parts[6] = payload;
    parts.pop();
    let head = parts.join("-");
    let hash = strongroom_crypto::sha256(&[b"strongroom share checksum 1\0", head.as_bytes()]);
    let mut bits = 0u64;
    hash[..5].iter().for_each(|b| bits = bits << 8 | u64::from(*b));
    let digits = b"0123456789abcdefghjkmnpqrstvwxyz";
    let sum: String =
        (0..8).rev().map(|i| char::from(digits[(bits >> (5 * i) & 31) as usize])).collect();
    Share::parse(&format!("{head}-{sum}")).unwrap()
}

#[test]
fn a_forged_share_with_a_right_checksum_is_found_and_named_when_there_are_enough_others() {
    let (slots, _, shares) = dealt(2, 4);
    let error = slot_error(slots.open_with_shares(&[copy(&shares[0]), forged(&shares[1])]));
    assert!(matches!(error, SlotError::SharesDoNotFit), "{error}");
    let given = [copy(&shares[0]), copy(&shares[2]), forged(&shares[1])];
    let error = slot_error(slots.verify_shares(&given));
    assert!(matches!(error, SlotError::ShareDoesNotFit(2)), "{error}");
}

#[test]
fn splits_that_make_no_sense_are_refused() {
    let (root, mut slots) = new();
    for (threshold, shares) in [(0, 3), (1, 3), (4, 3), (2, 1), (2, 0)] {
        let error = slot_error(slots.add_shamir(&root, "", threshold, shares));
        assert!(matches!(error, SlotError::BadSplit { .. }), "{threshold} of {shares}");
    }
    assert!(slots.slots().is_empty());
    assert_eq!(slots.add_shamir(&root, "", 2, 255).unwrap().1.len(), 255);
}

#[test]
fn case_spaces_line_breaks_dashes_and_lookalikes_do_not_matter() {
    let (_, _, shares) = dealt(2, 3);
    let text = shares[0].to_text();
    let typed = [
        text.to_uppercase(),
        format!("  {}\r\n{}\t{} \n", &text[..30], &text[30..61], &text[61..]),
        text.replace('-', " – "),
        text.chars().map(|c| c.to_string()).collect::<Vec<_>>().join(" "),
    ];
    for typed in typed {
        let share = Share::parse(&typed).unwrap();
        assert_eq!(*share.to_text(), *text);
    }
    let (head, coded) = text.split_at(text.match_indices('-').nth(5).unwrap().0);
    let typed = format!("{head}{}", coded.replace('0', "O").replace('1', "l"));
    assert_eq!(*Share::parse(&typed).unwrap().to_text(), *text);
}

#[test]
fn every_wrong_character_is_found() {
    let (_, _, shares) = dealt(2, 3);
    let text = shares[0].to_text();
    for (at, old) in text.char_indices() {
        for new in "0189afghjz-".chars().filter(|new| *new != old) {
            let mut typed = text.to_string();
            typed.replace_range(at..=at, &new.to_string());
            assert!(Share::parse(&typed).is_err(), "{old} to {new} at {at}");
        }
    }
    for at in 0..text.len() {
        let mut typed = text.to_string();
        typed.remove(at);
        assert!(Share::parse(&typed).is_err(), "without {at}");
        assert!(Share::parse(&text[..at]).is_err(), "up to {at}");
    }
    let digits: Vec<usize> = (text.len() - 61..text.len() - 9).collect();
    for pair in digits.windows(2) {
        let mut typed: Vec<char> = text.chars().collect();
        typed.swap(pair[0], pair[1]);
        let typed: String = typed.into_iter().collect();
        assert!(typed == *text || matches!(Share::parse(&typed), Err(ShareError::Checksum)));
    }
}

#[test]
fn the_error_says_which_part_is_wrong() {
    let (_, _, shares) = dealt(2, 3);
    let text = shares[0].to_text();
    let parts: Vec<&str> = text.split('-').collect();
    let with = |at: usize, part: &str| {
        let mut parts = parts.clone();
        parts[at] = part;
        Share::parse(&parts.join("-")).unwrap_err()
    };
    assert_eq!(Share::parse("hello").unwrap_err(), ShareError::NotAShare);
    assert_eq!(with(2, "2"), ShareError::UnknownFormat("2".into()));
    assert_eq!(with(3, "abc"), ShareError::BadLength { part: "set id", expected: 16, found: 3 });
    assert_eq!(
        with(3, "abcdefghabcdefgh"),
        ShareError::BadCharacter { part: "set id", found: 'g' }
    );
    assert_eq!(with(4, "4of3"), ShareError::BadPart("index"));
    assert_eq!(with(4, "0of3"), ShareError::BadPart("index"));
    assert_eq!(with(4, "one"), ShareError::BadPart("index"));
    assert_eq!(with(5, "1"), ShareError::BadPart("threshold"));
    assert_eq!(with(5, "300"), ShareError::BadPart("threshold"));
    assert_eq!(
        with(6, &parts[6][1..]),
        ShareError::BadLength { part: "payload", expected: 52, found: 51 }
    );
    assert_eq!(
        with(6, &format!("u{}", &parts[6][1..])),
        ShareError::BadCharacter { part: "payload", found: 'u' }
    );
    assert_eq!(with(7, "00000000"), ShareError::Checksum);
    assert_eq!(
        Share::parse(&parts[..7].join("-")).unwrap_err(),
        ShareError::Incomplete("checksum")
    );
    assert_eq!(Share::parse(&format!("{}-x", *text)).unwrap_err(), ShareError::BadPart("end"));
    assert_eq!(with(4, "3of3"), ShareError::Checksum, "another index is another share");
}

#[test]
fn debug_of_a_share_shows_no_payload() {
    let (_, _, shares) = dealt(2, 3);
    let text = shares[0].to_text();
    let payload = text.split('-').nth(6).unwrap();
    let debug = format!("{:?}", shares[0]);
    assert!(debug.starts_with("Share(1 of 3, 2 needed, set "), "{debug}");
    assert!(!debug.contains(&payload[..6]));
}

#[test]
fn no_share_is_the_secret_and_no_two_splits_are_alike() {
    let (root, mut slots) = new();
    let (_, first) = slots.add_shamir(&root, "", 2, 3).unwrap();
    let (_, second) = slots.add_shamir(&root, "", 2, 3).unwrap();
    let payload = |share: &Share| share.to_text().split('-').nth(6).unwrap().to_owned();
    let mut payloads: Vec<String> = first.iter().chain(&second).map(payload).collect();
    payloads.sort();
    payloads.dedup();
    assert_eq!(payloads.len(), 6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_m_of_n_shares_open_and_any_fewer_do_not(
        (m, n) in (2u8..=8).prop_flat_map(|m| (Just(m), m..=12)),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 12)
    ) {
        let (slots, root, shares) = dealt(m, n);
        let mut left: Vec<usize> = (0..usize::from(n)).collect();
        let mut chosen = Vec::new();
        for index in order.iter().take(usize::from(m)) {
            chosen.push(left.remove(index.index(left.len())));
        }
        let opened = slots.open_with_shares(&copies(&shares, chosen.iter().copied())).unwrap();
        prop_assert!(same(&opened.root, &root));
        chosen.pop();
        let error = slots.open_with_shares(&copies(&shares, chosen.iter().copied())).unwrap_err();
        let too_few = matches!(error, RootError::Slot(SlotError::TooFewShares { .. }));
        prop_assert!(too_few);
    }

    #[test]
    fn fewer_shares_relabelled_as_a_smaller_split_do_not_open_either(m in 3u8..=6, drop in any::<prop::sample::Index>()) {
        // Someone with m-1 shares rewrites slot file and shares to ask for fewer.
        let (slots, _, shares) = dealt(m, m);
        let json = slots.to_json().replace(&format!("\"threshold\": {m}"), &format!("\"threshold\": {}", m - 1));
        let weaker = SlotFile::from_json(json.as_bytes()).unwrap();
        let mut given: Vec<usize> = (0..usize::from(m)).collect();
        given.remove(drop.index(usize::from(m)));
        let error = weaker.open_with_shares(&copies(&shares, given)).unwrap_err();
        let no_fit = matches!(error, RootError::Slot(SlotError::SharesDoNotFit));
        prop_assert!(no_fit);
    }

    #[test]
    fn any_text_parses_or_is_refused_without_panic(text in "\\PC{0,200}") {
        let _ = Share::parse(&text);
        let _ = Share::parse(&format!("strongroom-share-1-{text}"));
    }
}
