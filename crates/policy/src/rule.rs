//! Names of the rules. They stand in audit records for ever and are what a SIEM filters by: a
//! name is never given to another rule.

/// Allowed: the operation is open to whoever has a certificate that counts.
pub const ANYONE: &str = "anyone";
/// Allowed: the user may make objects.
pub const CREATE: &str = "create";
/// Allowed so far: the operation as such is; each object it touches is decided by itself.
pub const BY_OBJECT: &str = "by-object";
/// Allowed: the object is the user's own.
pub const OWNER: &str = "owner";
/// Allowed: a grant on the object to the user.
pub const USER_GRANT: &str = "user-grant";
/// Allowed: a grant on the object to a group of the user.
pub const GROUP_GRANT: &str = "group-grant";
/// Allowed: the role has the administrative action.
pub const ROLE: &str = "role";
/// Denied: the user's duty is to have no keys.
pub const DUTY_NO_KEYS: &str = "duty-no-keys";
/// Denied: the role lacks the administrative action, or there is no role.
pub const ROLE_LACKS: &str = "role-lacks";
/// Denied: the user holds several roles, which exclude each other.
pub const ROLES_CONFLICT: &str = "roles-conflict";
/// Denied: no rule allows it.
pub const DEFAULT_DENY: &str = "default-deny";

/// Denied: a rule could not be evaluated, so nothing is allowed.
pub const POLICY_ERROR: &str = "policy-error";

/// Every rule, with whether it allows and its meaning in one sentence.
pub const ALL: &[(&str, bool, &str)] = &[
    (ANYONE, true, "Open to whoever has a certificate that counts."),
    (CREATE, true, "Key users, crypto officers and users without a role may make objects."),
    (BY_OBJECT, true, "The operation may be asked for; each object is decided by itself."),
    (OWNER, true, "The owner of an object may do everything on it."),
    (USER_GRANT, true, "The operation on this object is granted to the user."),
    (GROUP_GRANT, true, "The operation on this object is granted to a group of the user."),
    (ROLE, true, "The user's role has this administrative action."),
    (
        DUTY_NO_KEYS,
        false,
        "System administrators, auditors and custodians neither make nor use keys.",
    ),
    (ROLE_LACKS, false, "The user has no role, or one without this administrative action."),
    (
        ROLES_CONFLICT,
        false,
        "The user was given several roles that exclude each other; until an officer has settled \
         it, none counts.",
    ),
    (DEFAULT_DENY, false, "No rule allows it."),
    (POLICY_ERROR, false, "A rule could not be evaluated, so nothing is allowed."),
];
