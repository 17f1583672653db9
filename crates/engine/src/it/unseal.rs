//! Sealed: what is answered, and how it opens.

use strongroom_kmip::message::{RequestBuilder, ResponseView};
use strongroom_kmip::{Limits, Operation, ProtocolVersion, ResultReason, ResultStatus};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::{Bench, caller};
use crate::{
    AuditFilter, Caller, DealtShare, Engine, EngineConfig, EngineError, NewSlot, Unlock,
    UnsealProgress,
};

/// A sealed key manager with two slots, each of them 3 of 5 shares.
struct Vault {
    engine: Engine,
    first: Vec<String>,
    second: Vec<String>,
    _dir: TempDir,
}

impl Vault {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let engine = Engine::open(EngineConfig::new(dir.path())).unwrap();
        let slot = || NewSlot::Shamir {
            label: String::new(),
            threshold: 3,
            shares: 5,
            recipients: Vec::new(),
        };
        let made = engine.initialise(&Caller::server(), vec![slot(), slot()]).unwrap();
        let mut texts = made.into_iter().map(|made| {
            let shares = made.shares.into_iter().map(|share| match share {
                DealtShare::Text(text) => text.to_string(),
                DealtShare::Encrypted(_) => panic!(),
            });
            shares.collect::<Vec<_>>()
        });
        let (first, second) = (texts.next().unwrap(), texts.next().unwrap());
        engine.seal(&Caller::server()).unwrap();
        Self { engine, first, second, _dir: dir }
    }

    fn give(&self, share: &str) -> Result<UnsealProgress, EngineError> {
        let share = Unlock::Share(Zeroizing::new(share.to_owned()));
        self.engine.unseal(&caller("custodian"), share)
    }

    fn given(&self) -> (u8, u8) {
        let unsealing = self.engine.unsealing().unwrap();
        (unsealing.given, unsealing.needed)
    }

    fn forgotten(&self) -> Vec<String> {
        let entries = self.engine.audit_tail(100, &AuditFilter::default()).unwrap();
        let forgotten = entries.into_iter().filter(|e| e.action == "shares-forgotten");
        forgotten.map(|e| format!("{}: {}", e.user, e.detail)).collect()
    }
}

/// A share's text with parts replaced, and a checksum that fits.
fn forged(share: &str, replace: impl FnOnce(&mut Vec<String>)) -> String {
    const ALPHABET: &[u8] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut parts: Vec<String> = share.split('-').map(str::to_owned).collect();
    parts.pop();
    replace(&mut parts);
    let text = parts.join("-");
    let hash = strongroom_crypto::sha256(&[b"strongroom share checksum 1\0", text.as_bytes()]);
    let bits = hash[..5].iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    let sum: String =
        (0..8).rev().map(|i| char::from(ALPHABET[(bits >> (5 * i)) as usize & 31])).collect();
    format!("{text}-{sum}")
}

/// Another content under the same number, which no reader can tell from a true share.
fn poisoned(share: &str) -> String {
    forged(share, |parts| {
        let payload = parts.last_mut().unwrap();
        let other = if payload.starts_with('0') { "1" } else { "0" };
        payload.replace_range(..1, other);
    })
}

#[test]
fn a_share_that_shows_that_it_is_wrong_is_refused_alone_and_the_others_stay() {
    let vault = Vault::new();
    assert_eq!(vault.given(), (0, 3));
    // A true share passes the forger unharmed, so that what is refused below is for its reason.
    assert_eq!(forged(&vault.first[0], |_| {}), vault.first[0]);
    vault.give(&vault.first[0]).unwrap();
    vault.give(&vault.first[1]).unwrap();
    let mut typo = vault.first[2].clone();
    let last = if typo.ends_with('0') { "1" } else { "0" };
    typo.replace_range(typo.len() - 1.., last);
    let split = forged(&vault.first[2], |parts| {
        let threshold = parts.iter_mut().rev().nth(1).unwrap();
        assert_eq!(threshold, "3");
        *threshold = "2".to_owned();
    });
    for (share, why) in [
        (typo.as_str(), "checksum does not fit"),
        (vault.second[2].as_str(), "belongs to set"),
        (vault.first[1].as_str(), "share 2 was given twice"),
        (&poisoned(&vault.first[1]), "another share 2 was given before"),
        (&split, "share 3 is not what was handed out: its set has 5 shares, of which 3 open"),
    ] {
        let error = vault.give(share).unwrap_err();
        assert!(matches!(error, EngineError::Root(_)), "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(vault.given(), (2, 3), "{why}");
    }
    assert!(vault.give(&vault.first[4]).unwrap().unsealed);
    assert!(vault.forgotten().is_empty());
}

#[test]
fn shares_that_do_not_open_together_are_all_forgotten_which_is_said_and_recorded() {
    let vault = Vault::new();
    vault.give(&poisoned(&vault.first[3])).unwrap();
    vault.give(&vault.first[1]).unwrap();
    let error = vault.give(&vault.first[2]).unwrap_err();
    assert!(matches!(error, EngineError::SharesForgotten { count: 3, .. }), "{error}");
    assert!(error.to_string().ends_with("all 3 shares given are forgotten"), "{error}");
    assert_eq!(vault.given(), (0, 3));
    for share in &vault.second[..2] {
        vault.give(share).unwrap();
    }
    assert!(vault.give(&vault.second[3]).unwrap().unsealed);
    let forgotten = vault.forgotten();
    assert_eq!(forgotten.len(), 1, "{forgotten:?}");
    assert!(forgotten[0].starts_with("custodian: count=3"), "{forgotten:?}");
    assert!(forgotten[0].contains("the shares do not fit together"), "{forgotten:?}");
}

#[test]
fn a_reset_forgets_the_shares_and_leaves_a_record_of_whoever_asked() {
    let vault = Vault::new();
    let reset = || vault.engine.unseal(&caller("mallory"), Unlock::Reset).unwrap();
    // With nothing given there is nothing to tell.
    reset();
    vault.give(&vault.first[0]).unwrap();
    assert_eq!(reset(), UnsealProgress { unsealed: false, given: 0, needed: 3 });
    assert_eq!(vault.given(), (0, 3));
    for share in &vault.first[..3] {
        vault.give(share).unwrap();
    }
    assert_eq!(vault.forgotten(), ["mallory: count=1 why=somebody asked for it"]);
}

#[test]
fn a_sealed_key_manager_refuses_every_operation_of_every_version() {
    let bench = Bench::new();
    bench.engine.seal(&Caller::server()).unwrap();
    let mut refused = 0;
    for version in ProtocolVersion::ALL {
        for row in Operation::TABLE.values {
            let frame = RequestBuilder::new(version).item(Operation(row.code), |_| {}).finish();
            let bytes = bench.send(&bench.alice, frame);
            let reply = ResponseView::parse(&bytes, &Limits::default()).unwrap();
            let item = &reply.items[0];
            assert_eq!(item.status, ResultStatus::OPERATION_FAILED, "{} {version}", row.name);
            if item.reason == Some(ResultReason::GENERAL_FAILURE) {
                let text = item.message.unwrap_or_default();
                assert!(text.contains("`strongroom root unseal`"), "{} {version}", row.name);
                refused += 1;
            }
        }
    }
    // The rest are operations that the version does not know.
    assert!(refused > 7 * 25, "{refused}");
}
