//! Administrative actions, and what they ask of whoever wants them. This is the one place that says
//! so: the admin port's routes, the documents and the decisions read it.
//!
//! **Unsealing asks for no role.** What counts is the share or the passphrase: custodians need not
//! be users of the key manager at all, and a rule that could shut out the holders of the shares
//! would stand in the way on the one day when they are needed. A certificate that counts is asked
//! for, so that the record says who came. The same holds for proving that shares still open.

use strongroom_model::Role;

macro_rules! admin_actions {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal: $needs:expr; )*) => {
        /// An administrative action. Its name stands in audit records.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AdminAction {
            $( $(#[$doc])* $variant, )*
        }

        impl AdminAction {
            /// Every action.
            pub const ALL: &[Self] = &[ $( Self::$variant, )* ];

            /// Whether it is asked about single keys too, so that rules may narrow it to key
            /// groups.
            pub fn is_about_keys(self) -> bool {
                self == Self::ManageKeys
            }

            /// The word used in commands and records.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// What it asks of whoever wants it.
            pub fn needs(self) -> Needs {
                match self { $( Self::$variant => $needs, )* }
            }
        }
    };
}

/// What an action asks of whoever wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A certificate that counts, whoever it names.
    Certificate,
    /// One of these roles.
    Roles(&'static [Role]),
}

impl Needs {
    /// Whether somebody with this role, or with none, has what is asked for.
    pub fn met_by(self, role: Option<Role>) -> bool {
        match self {
            Self::Certificate => true,
            Self::Roles(roles) => role.is_some_and(|role| roles.contains(&role)),
        }
    }
}

const OFFICER: Needs = Needs::Roles(&[Role::CryptoOfficer]);
const SYSADMIN: Needs = Needs::Roles(&[Role::SystemAdministrator]);
const READS_AUDIT: Needs = Needs::Roles(&[Role::Auditor, Role::CryptoOfficer]);
const SEES_USERS_AND_KEYS: Needs = Needs::Roles(&[Role::CryptoOfficer, Role::Auditor]);
const STAFF: Needs = Needs::Roles(&[Role::SystemAdministrator, Role::CryptoOfficer, Role::Auditor]);
const STAFF_AND_CUSTODIANS: Needs =
    Needs::Roles(&[Role::SystemAdministrator, Role::CryptoOfficer, Role::Auditor, Role::Custodian]);

admin_actions! {
    /// See whether the server serves.
    Health = "health": Needs::Certificate;
    /// See how the server does.
    Status = "status": STAFF_AND_CUSTODIANS;
    /// Open the root key with shares or a passphrase.
    Unseal = "unseal": Needs::Certificate;
    /// Prove that held shares still open the root key.
    VerifyShares = "verify-shares": Needs::Certificate;
    /// Give the house a new officer, with a quorum of shares.
    RecoverOfficer = "recover-officer": Needs::Certificate;
    /// Close the root key.
    Seal = "seal": SYSADMIN;
    /// List the slots of the root key.
    ListSlots = "list-slots": STAFF;
    /// Add or remove a slot of the root key.
    ChangeSlots = "change-slots": SYSADMIN;
    /// Vouch that custodians hold the shares of a slot.
    VouchSlot = "vouch-slot": OFFICER;
    /// Replace the key-encryption key.
    RotateRoot = "rotate-root": SYSADMIN;
    /// Vouch for the clock after a jump.
    ConfirmClock = "confirm-clock": SYSADMIN;
    /// See or change the configuration.
    Configure = "configure": SYSADMIN;
    /// Make, verify or restore a backup.
    Backup = "backup": SYSADMIN;
    /// Confirm a restored store.
    ConfirmRestore = "confirm-restore": OFFICER;
    /// Read the audit.
    ReadAudit = "read-audit": READS_AUDIT;
    /// Verify the chains of the audit.
    VerifyAudit = "verify-audit": READS_AUDIT;
    /// Issue a certificate.
    IssueCertificate = "issue-certificate": OFFICER;
    /// Revoke a certificate.
    RevokeCertificate = "revoke-certificate": OFFICER;
    /// See certificates and roles.
    ListUsers = "list-users": SEES_USERS_AND_KEYS;
    /// Grant or revoke a role.
    ChangeRoles = "change-roles": OFFICER;
    /// See keys and their attributes, never their material.
    ListKeys = "list-keys": SEES_USERS_AND_KEYS;
    /// See the rules, and ask what they decide.
    ReadPolicy = "read-policy": SEES_USERS_AND_KEYS;
    /// Change the rules.
    ChangePolicy = "change-policy": OFFICER;
    /// See what waits for approval: everything, or what is one's own to ask or to answer.
    ListApprovals = "list-approvals": Needs::Certificate;
    /// Approve, reject or withdraw a request. The rule that makes it wait says who may.
    Approve = "approve": Needs::Certificate;
    /// Change what waits for approval.
    ChangeApprovals = "change-approvals": OFFICER;
    /// Make, rotate, revoke or destroy keys, and grant their use.
    ManageKeys = "manage-keys": OFFICER;
}
