//! How long a decision takes. Not a test of right or wrong: run it by hand, optimised.

use std::hint::black_box;
use std::time::Instant;

use strongroom_kmip::Operation;
use strongroom_policy::{Action, Request, decide, group_subject, user_subject};

use crate::{grant, object_of};

#[test]
#[ignore = "a measurement: cargo test --release -p strongroom-policy -- --ignored --nocapture"]
fn a_decision_takes_less_than_200_nanoseconds() {
    let groups: Vec<String> = ["qa", "ops"].map(str::to_owned).to_vec();
    let own = object_of("alice");
    let mut granted = object_of("bob");
    for name in ["carol", "dave", "erin", "alice"] {
        for operation in [Operation::GET, Operation::ENCRYPT, Operation::DECRYPT] {
            grant(&mut granted, &user_subject(name), operation);
        }
    }
    let mut to_group = object_of("bob");
    grant(&mut to_group, &group_subject("ops"), Operation::ENCRYPT);
    for (what, object) in [("owner", &own), ("one of 12 grants", &granted), ("group", &to_group)] {
        let request = Request {
            user: "alice",
            groups: &groups,
            role: None,
            action: Action::Kmip(Operation::ENCRYPT),
            object: Some(object),
        };
        const ROUNDS: u32 = 1_000_000;
        let started = Instant::now();
        for _ in 0..ROUNDS {
            assert!(decide(black_box(&request)).allowed);
        }
        let each = started.elapsed() / ROUNDS;
        println!("{what}: {each:?}");
        assert!(each.as_nanos() < 200, "{what}: {each:?}");
    }
}
