//! User × group × role × operation × object, all of it.

use strongroom_kmip::Operation;
use strongroom_model::{ManagedObject, Role};
use strongroom_policy::{group_subject, rule, user_subject};

use crate::{ROLES, ask, grant, object_of, operations, ungrant};

/// Operations without an object that anybody with a certificate may do.
const OPEN: [Operation; 8] = [
    Operation::DISCOVER_VERSIONS,
    Operation::QUERY,
    Operation::PING,
    Operation::LOG,
    Operation::RNG_RETRIEVE,
    Operation::RNG_SEED,
    Operation::HASH,
    Operation::INTEROP,
];

/// Operations that make an object.
const CREATING: [Operation; 7] = [
    Operation::CREATE,
    Operation::CREATE_KEY_PAIR,
    Operation::REGISTER,
    Operation::IMPORT,
    Operation::DERIVE_KEY,
    Operation::CREATE_SPLIT_KEY,
    Operation::JOIN_SPLIT_KEY,
];

/// Operations that are not offered to clients.
const NEVER: [Operation; 13] = [
    Operation::CANCEL,
    Operation::POLL,
    Operation::NOTIFY,
    Operation::PUT,
    Operation::LOGIN,
    Operation::LOGOUT,
    Operation::DELEGATED_LOGIN,
    Operation::SET_ENDPOINT_ROLE,
    Operation::PKCS_11,
    Operation::SET_DEFAULTS,
    Operation::QUERY_ASYNCHRONOUS_REQUESTS,
    Operation::PROCESS,
    Operation(0x7FFF_FFFF),
];

/// How the user stands to the object.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tie {
    NoObject,
    Owner,
    GrantToUser,
    GrantToGroup,
    GrantToBoth,
    GrantOfAnotherOperation,
    GrantToAnotherUser,
    GrantToAnotherGroup,
    /// A grant to a user named like the group, and to a group named like the user.
    GrantWithNamesCrossed,
    GrantTakenBack,
    GrantTakenBackAndGivenAgain,
    Stranger,
}

const TIES: [Tie; 12] = [
    Tie::NoObject,
    Tie::Owner,
    Tie::GrantToUser,
    Tie::GrantToGroup,
    Tie::GrantToBoth,
    Tie::GrantOfAnotherOperation,
    Tie::GrantToAnotherUser,
    Tie::GrantToAnotherGroup,
    Tie::GrantWithNamesCrossed,
    Tie::GrantTakenBack,
    Tie::GrantTakenBackAndGivenAgain,
    Tie::Stranger,
];

fn object(tie: Tie, operation: Operation) -> Option<ManagedObject> {
    let (user, group) = (user_subject("alice"), group_subject("ops"));
    let mut object = object_of(if tie == Tie::Owner { "alice" } else { "bob" });
    match tie {
        Tie::NoObject => return None,
        Tie::Owner | Tie::Stranger => {}
        Tie::GrantToUser => grant(&mut object, &user, operation),
        Tie::GrantToGroup => grant(&mut object, &group, operation),
        Tie::GrantToBoth => {
            grant(&mut object, &user, operation);
            grant(&mut object, &group, operation);
        }
        Tie::GrantOfAnotherOperation => {
            for other in operations().filter(|o| *o != operation) {
                grant(&mut object, &user, other);
                grant(&mut object, &group, other);
            }
        }
        Tie::GrantToAnotherUser => grant(&mut object, &user_subject("alice2"), operation),
        Tie::GrantToAnotherGroup => grant(&mut object, &group_subject("dev"), operation),
        Tie::GrantWithNamesCrossed => {
            grant(&mut object, &user_subject("ops"), operation);
            grant(&mut object, &group_subject("alice"), operation);
        }
        Tie::GrantTakenBack => {
            grant(&mut object, &user, operation);
            ungrant(&mut object, &user, operation);
        }
        Tie::GrantTakenBackAndGivenAgain => {
            grant(&mut object, &user, operation);
            ungrant(&mut object, &user, operation);
            grant(&mut object, &user, operation);
        }
    }
    Some(object)
}

/// The rules, told another way than the policy tells them.
fn expected(
    in_group: bool,
    role: Option<Role>,
    operation: Operation,
    tie: Tie,
) -> (bool, &'static str) {
    let keyless = [Role::SystemAdministrator, Role::Auditor, Role::Custodian];
    if OPEN.contains(&operation) {
        (true, rule::ANYONE)
    } else if NEVER.contains(&operation) {
        (false, rule::DEFAULT_DENY)
    } else if role.is_some_and(|role| keyless.contains(&role)) {
        (false, rule::DUTY_NO_KEYS)
    } else {
        match tie {
            Tie::NoObject if CREATING.contains(&operation) => (true, rule::CREATE),
            Tie::NoObject => (true, rule::BY_OBJECT),
            Tie::Owner => (true, rule::OWNER),
            Tie::GrantToUser | Tie::GrantToBoth | Tie::GrantTakenBackAndGivenAgain => {
                (true, rule::USER_GRANT)
            }
            Tie::GrantToGroup if in_group => (true, rule::GROUP_GRANT),
            _ => (false, rule::DEFAULT_DENY),
        }
    }
}

#[test]
fn every_user_group_role_and_operation_is_decided_as_the_table_says() {
    let mut rows = 0;
    for operation in operations().chain([Operation(0x7FFF_FFFF)]) {
        for tie in TIES {
            let object = object(tie, operation);
            for role in ROLES {
                for groups in [&[][..], &["ops"][..], &["qa", "ops"][..], &["qa"][..]] {
                    let decision = ask("alice", groups, role, operation, object.as_ref());
                    let in_group = groups.contains(&"ops");
                    assert_eq!(
                        (decision.allowed, decision.rule()),
                        expected(in_group, role, operation, tie),
                        "{operation:?}, {tie:?}, {role:?}, {groups:?}"
                    );
                    rows += 1;
                }
            }
        }
    }
    assert!(rows > 16_000, "{rows}");
}
