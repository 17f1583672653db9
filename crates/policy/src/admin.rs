//! Administrative actions, and the roles that have them.

use strongroom_model::Role;

macro_rules! admin_actions {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal: $roles:expr; )*) => {
        /// An administrative action. Its name stands in audit records.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AdminAction {
            $( $(#[$doc])* $variant, )*
        }

        impl AdminAction {
            /// Every action.
            pub const ALL: &[Self] = &[ $( Self::$variant, )* ];

            /// The word used in commands and records.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// The roles that have it.
            pub fn roles(self) -> &'static [Role] {
                match self { $( Self::$variant => $roles, )* }
            }
        }
    };
}

const EVERY: &[Role] = &Role::ALL;
const OFFICER: &[Role] = &[Role::CryptoOfficer];
const SYSADMIN: &[Role] = &[Role::SystemAdministrator];
const READS_AUDIT: &[Role] = &[Role::Auditor, Role::CryptoOfficer];

admin_actions! {
    /// See how the server does.
    Status = "status": EVERY;
    /// Open the root key with shares or a passphrase.
    Unseal = "unseal": &[Role::SystemAdministrator, Role::Custodian];
    /// Prove that held shares still open the root key.
    VerifyShares = "verify-shares": &[Role::SystemAdministrator, Role::Custodian];
    /// Close the root key.
    Seal = "seal": SYSADMIN;
    /// List the slots of the root key.
    ListSlots = "list-slots": &[Role::SystemAdministrator, Role::CryptoOfficer, Role::Auditor];
    /// Add or remove a slot of the root key.
    ChangeSlots = "change-slots": SYSADMIN;
    /// Replace the key-encryption key.
    RotateRoot = "rotate-root": SYSADMIN;
    /// Vouch for the clock after a jump.
    ConfirmClock = "confirm-clock": SYSADMIN;
    /// See or change the configuration.
    Configure = "configure": SYSADMIN;
    /// Make, verify or restore a backup.
    Backup = "backup": SYSADMIN;
    /// Read the audit.
    ReadAudit = "read-audit": READS_AUDIT;
    /// Verify the chains of the audit.
    VerifyAudit = "verify-audit": READS_AUDIT;
    /// Issue a certificate.
    IssueCertificate = "issue-certificate": OFFICER;
    /// Revoke a certificate.
    RevokeCertificate = "revoke-certificate": OFFICER;
    /// See certificates and roles.
    ListUsers = "list-users": &[Role::CryptoOfficer, Role::Auditor];
    /// Grant or revoke a role.
    ChangeRoles = "change-roles": OFFICER;
    /// See keys and their attributes, never their material.
    ListKeys = "list-keys": &[Role::CryptoOfficer, Role::Auditor];
    /// Make, rotate, revoke or destroy keys, and grant their use.
    ManageKeys = "manage-keys": OFFICER;
}
