//! Whatever is done, the state is what the journal folds to.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use strongroom_kmip::{AttributeName, Tag, Value};
use strongroom_model::{
    ApprovalRule, Approvers, AttributeKey, CertificateInfo, Change, Counter, Ending, Lifecycle,
    NewApproval, Role, RuleVersions, Setting,
};
use strongroom_store::{Options, StoreError, WriteTx, scheduled_destruction};

use crate::support::{
    Place, append, create, hold, later, material, move_to, name_key, name_value, set,
};

/// What a job does: changes, some of them in a part that fails.
#[derive(Clone, Debug)]
struct Plan {
    steps: Vec<Step>,
    undone: Vec<Step>,
    fails: bool,
}

/// One change to one of a few objects, users and settings.
#[derive(Clone, Debug)]
enum Step {
    Create(u8),
    Move(u8, Lifecycle),
    Name(u8, Option<u8>),
    Date(u8, Option<i64>),
    Schedule(u8, Option<i64>),
    Vendor(u8, Option<u8>),
    Rewrap(u8, u32),
    Reserve(u8, u64),
    Grant(u8),
    Ungrant(u8),
    GrantRole(u8),
    RevokeRole(u8),
    GrantGroup(u8),
    UngrantGroup(u8),
    Issue(u8),
    Require(u8),
    Waive(u8),
    Ask(u8),
    Drop(u8),
    Approve(u8),
    End(u8),
    Revoke(u8),
    Set(u8, Option<u8>),
    Note,
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0..6u8;
    let lifecycle = prop_oneof![
        3 => Just(Lifecycle::Active),
        2 => Just(Lifecycle::Deactivated),
        1 => Just(Lifecycle::Destroyed),
    ];
    let at = || proptest::option::weighted(0.7, 0..9i64);
    let small = || proptest::option::weighted(0.7, 0..3u8);
    prop_oneof![
        6 => n.clone().prop_map(Step::Create),
        3 => (n.clone(), lifecycle).prop_map(|(n, to)| Step::Move(n, to)),
        2 => (n.clone(), small()).prop_map(|(n, v)| Step::Name(n, v)),
        2 => (n.clone(), at()).prop_map(|(n, v)| Step::Date(n, v)),
        1 => (n.clone(), at()).prop_map(|(n, v)| Step::Schedule(n, v)),
        2 => (n.clone(), small()).prop_map(|(n, v)| Step::Vendor(n, v)),
        1 => (n.clone(), 1..4u32).prop_map(|(n, e)| Step::Rewrap(n, e)),
        1 => (n.clone(), 0..99u64).prop_map(|(n, upto)| Step::Reserve(n, upto)),
        1 => n.clone().prop_map(Step::Grant),
        1 => n.clone().prop_map(Step::Ungrant),
        1 => n.clone().prop_map(Step::GrantRole),
        1 => n.clone().prop_map(Step::RevokeRole),
        1 => n.clone().prop_map(Step::GrantGroup),
        1 => n.clone().prop_map(Step::UngrantGroup),
        1 => n.clone().prop_map(Step::Issue),
        1 => n.clone().prop_map(Step::Require),
        1 => n.clone().prop_map(Step::Waive),
        1 => n.clone().prop_map(Step::Ask),
        1 => n.clone().prop_map(Step::Drop),
        1 => n.clone().prop_map(Step::Approve),
        1 => n.clone().prop_map(Step::End),
        1 => n.clone().prop_map(Step::Revoke),
        1 => (n, small()).prop_map(|(n, v)| Step::Set(n, v)),
        1 => Just(Step::Note),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    (vec(step(), 0..6), vec(step(), 0..3), prop::bool::weighted(0.2))
        .prop_map(|(steps, undone, fails)| Plan { steps, undone, fails })
}

/// The change of a step, with what its author sees; none where the engine would refuse.
fn change(tx: &WriteTx<'_>, step: &Step) -> Result<Option<Change>, StoreError> {
    let id = |n: &u8| format!("o{n}");
    let object = |n: &u8| tx.object(&id(n).as_str().into());
    let vendor = AttributeName::Vendor { vendor: "x".into(), name: "t".into() };
    let change = match step {
        Step::Create(n) => return Ok(object(n)?.is_none().then(|| create(&id(n)))),
        Step::Move(n, to) => move_to(&id(n), *to),
        Step::Name(n, name) => set(&id(n), name_key(), name.map(|v| name_value(&format!("n{v}")))),
        Step::Date(n, at) => {
            let key = AttributeKey::single(Tag::ACTIVATION_DATE);
            set(&id(n), key, at.map(Value::DateTime))
        }
        Step::Schedule(n, at) => {
            let key = AttributeKey { name: scheduled_destruction(), index: 0, site: 0 };
            set(&id(n), key, at.map(Value::DateTime))
        }
        Step::Vendor(n, value) => {
            let key = AttributeKey { name: vendor, index: 0, site: 1 };
            set(&id(n), key, value.map(|v| Value::TextString("v".repeat(usize::from(v) * 60))))
        }
        Step::Rewrap(n, epoch) => {
            Change::Rewrapped { id: id(n).as_str().into(), material: material(*epoch, &[9; 40]) }
        }
        Step::Reserve(n, upto) => {
            let counter = if upto % 2 == 0 { Counter::Usage } else { Counter::RandomIv };
            Change::Reserved { id: id(n).as_str().into(), counter, upto: *upto }
        }
        Step::Grant(n) => {
            let seen = object(n)?
                .and_then(|o| o.grants.get(&("group:ops".to_owned(), 10)).map(|c| c.strong_seen()))
                .unwrap_or_default();
            let id = id(n).as_str().into();
            Change::Granted { id, subject: "group:ops".into(), operation: 10, seen }
        }
        Step::Ungrant(n) => {
            let id = id(n).as_str().into();
            Change::GrantRevoked { id, subject: "group:ops".into(), operation: 10 }
        }
        Step::GrantRole(n) => {
            let (user, role) = (format!("u{n}"), Role::KeyUser);
            let contest = tx.server_state().roles.get(&(user.clone(), role));
            let seen = contest.map(|c| c.strong_seen()).unwrap_or_default();
            Change::RoleGranted { user, role, seen }
        }
        Step::RevokeRole(n) => Change::RoleRevoked { user: format!("u{n}"), role: Role::KeyUser },
        Step::GrantGroup(n) => {
            let of = (format!("k{n}"), "group:ops".to_owned(), 10);
            let contest = tx.server_state().group_grants.get(&of);
            let seen = contest.map(|c| c.strong_seen()).unwrap_or_default();
            Change::GroupGranted { key_group: of.0, subject: of.1, operation: of.2, seen }
        }
        Step::UngrantGroup(n) => Change::GroupGrantRevoked {
            key_group: format!("k{n}"),
            subject: "group:ops".into(),
            operation: 10,
        },
        Step::Require(n) => {
            let name = format!("r{n}");
            let seen = tx.server_state().approval_rules.get(&name).map(RuleVersions::seen);
            let rule = ApprovalRule {
                name,
                actions: vec!["Destroy".into()],
                key_group: None,
                approvers: u32::from(*n) + 1,
                from: Approvers::Role(Role::CryptoOfficer),
                open_for: 60,
            };
            Change::ApprovalRequired { rule, seen: seen.unwrap_or_default() }
        }
        Step::Waive(n) => {
            let name = format!("r{n}");
            let seen = tx.server_state().approval_rules.get(&name).map(RuleVersions::seen);
            Change::ApprovalWaived { name, seen: seen.unwrap_or_default() }
        }
        Step::Ask(n) => Change::ApprovalRequested(Box::new(NewApproval {
            id: request(*n),
            user: "alice".into(),
            ..NewApproval::default()
        })),
        Step::Approve(n) => Change::ApprovalGiven {
            id: request(*n),
            user: "olga".into(),
            fingerprint: "f".into(),
            groups: vec!["ops".into()],
            issuer: vec![*n],
            serial: "01".into(),
            digest: vec![*n; 32],
        },
        Step::End(n) => Change::ApprovalEnded {
            id: request(*n),
            how: if n % 2 == 0 { Ending::Executed } else { Ending::Rejected },
            user: "olga".into(),
            reason: "because".into(),
        },
        Step::Drop(n) => Change::ApprovalsDropped {
            site: 1,
            upto: u64::from(*n),
            but: tx.server_state().approvals.open().map(|(id, _)| id.to_owned()).collect(),
        },
        Step::Issue(n) => Change::CertificateIssued(CertificateInfo {
            fingerprint: format!("f{n}"),
            user: "alice".into(),
            ..CertificateInfo::default()
        }),
        Step::Revoke(n) => {
            Change::CertificateRevoked { fingerprint: format!("f{n}"), reason: "lost".into() }
        }
        Step::Set(n, value) => Change::Setting(Setting {
            namespace: "config".into(),
            key: format!("s{n}"),
            value: value.map(|v| vec![v]),
        }),
        Step::Note => Change::Noted { what: "test".into(), text: String::new() },
    };
    Ok(Some(change))
}

fn request(n: u8) -> String {
    format!("1-{}-x", n + 1)
}

fn take(tx: &mut WriteTx<'_>, steps: &[Step]) -> Result<(), StoreError> {
    for step in steps {
        if let Some(change) = change(tx, step)? {
            append(tx, &change)?;
        }
    }
    Ok(())
}

fn refused() -> StoreError {
    StoreError::Database("refused".to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(3),
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_state_is_what_the_journal_folds_to(runs in vec(vec(plan(), 1..8), 1..3)) {
        let place = Place::new();
        for plans in runs {
            let options = Options { segment_records: 10, ..place.options() };
            let store = place.open_with(options);
            let release = hold(&store);
            let outcomes: Vec<_> = plans
                .into_iter()
                .map(|plan| {
                    let fails = plan.fails;
                    let outcome = later(&store, move |tx| {
                        take(tx, &plan.steps)?;
                        let _ = tx.nested(|tx| {
                            take(tx, &plan.undone)?;
                            Err::<(), _>(refused())
                        });
                        if plan.fails { Err(refused()) } else { Ok(()) }
                    });
                    (outcome, fails)
                })
                .collect();
            drop(release);
            for (outcome, fails) in outcomes {
                prop_assert_eq!(outcome.recv().unwrap().is_err(), fails);
            }
            let found = store.verify(vec![store.head()]).unwrap();
            prop_assert!(found.is_sound(), "{:?}", found);
        }
    }
}
