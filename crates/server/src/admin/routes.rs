//! The table of requests: what each is to the policy, what the audit calls it, who answers it, and
//! how large its body may be.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, delete, get, post, put};
use strongroom_policy::AdminAction;

use super::{
    Admin, access, approvals, backup, certificates, export, handlers, keys, replica, retention,
};

/// The largest body: a passphrase or a share is small.
pub(super) const BODY: usize = 64 << 10;

/// The largest body with rules: their text, as JSON may spell it.
const POLICY: usize = 8 * strongroom_policy::MAX_TEXT;

/// The largest batch of keys to be imported.
pub(crate) const IMPORT: usize = 4 << 20;

/// The largest list of anchors.
pub(super) const ANCHORS: usize = 16 << 20;

/// What the audit calls a round of retention.
pub(super) const RUN_RETENTION: &str = "Run Retention";

/// One route.
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path, in axum's spelling.
    pub path: &'static str,
    /// What it is to the policy, which says who may.
    pub action: AdminAction,
    /// Whether the server must be unsealed. Those that need it not are health and unsealing, and no
    /// others.
    pub unsealed: bool,
    /// What the audit calls it.
    pub operation: &'static str,
    pub(super) handler: fn() -> MethodRouter<Arc<Admin>>,
}

macro_rules! routes {
    ($( $method:literal $path:literal $action:ident, $unsealed:literal, $operation:expr => $handler:expr; )*) => {
        /// Every route.
        pub const ROUTES: &[Route] = &[ $( Route {
            method: $method, path: $path, action: AdminAction::$action, unsealed: $unsealed, operation: $operation,
            handler: || $handler,
        }, )* ];
    };
}

routes! {
    "GET" "/health" Health, false, "Health" => get(handlers::health);
    "GET" "/v1/status" Status, true, "Status" => get(handlers::status);
    "POST" "/v1/root/unseal" Unseal, false, "Unseal" => post(handlers::unseal);
    "POST" "/v1/root/seal" Seal, true, "Seal" => post(handlers::seal);
    "GET" "/v1/root/slots" ListSlots, true, "List Slots" => get(handlers::slots);
    "POST" "/v1/root/slots" ChangeSlots, true, "Add Slot" => post(handlers::slot_add);
    "DELETE" "/v1/root/slots/{id}" ChangeSlots, true, "Remove Slot" => delete(handlers::slot_remove);
    "POST" "/v1/root/slots/{id}/vouch" VouchSlot, true, "Vouch Slot" => post(handlers::slot_vouch);
    "POST" "/v1/root/verify-shares" VerifyShares, true, "Verify Shares" => post(handlers::verify_shares);
    "POST" "/v1/root/recover-officer" RecoverOfficer, true, "Recover Officer" => post(certificates::recover_officer);
    "POST" "/v1/root/rotate" RotateRoot, true, "Rotate Root" => post(handlers::rotate);
    "GET" "/v1/root/rotate" RotateRoot, true, "Rotation Status" => get(handlers::rotation);
    "POST" "/v1/root/key" RotateRoot, true, "Prepare Root Key" => post(handlers::prepare_root_key);
    "PUT" "/v1/root/key" RotateRoot, true, "Replace Root Key" => put(handlers::replace_root_key);
    "POST" "/v1/clock/confirm" ConfirmClock, true, "Confirm Clock" => post(handlers::confirm_clock);
    "GET" "/v1/audit" ReadAudit, true, "Read Audit" => get(handlers::audit);
    "GET" "/v1/audit/{chain}/{seq}" ReadAudit, true, "Read Audit" => get(handlers::audit_record);
    "GET" "/v1/keys" ListKeys, true, "List Keys" => get(handlers::keys);
    "POST" "/v1/keys" ManageKeys, true, "Create Key" => post(keys::create);
    "GET" "/v1/keys/{id}" ListKeys, true, "Show Key" => get(keys::show);
    "POST" "/v1/keys/{id}/activate" ManageKeys, true, "Activate Key" => post(keys::activate);
    "POST" "/v1/keys/{id}/revoke" ManageKeys, true, "Revoke Key" => post(keys::revoke);
    "POST" "/v1/keys/{id}/destroy" ManageKeys, true, "Destroy Key" => post(keys::destroy);
    "GET" "/v1/expiring" ListKeys, true, "List Expiring" => get(keys::expiring);
    "GET" "/v1/uses" ListKeys, true, "Show Uses" => get(keys::uses);
    "POST" "/v1/import" ManageKeys, true, "Import Keys" => post(keys::import).layer(DefaultBodyLimit::max(IMPORT));
    "POST" "/v1/keys/{id}/rotate" ManageKeys, true, "Rotate Key" => post(handlers::rotate_key);
    "POST" "/v1/keys/{id}/recall" ManageKeys, true, "Recall Destruction" => post(handlers::recall_key);
    "POST" "/v1/keys/{id}/archive" ManageKeys, true, "Archive Key" => post(handlers::archive_key);
    "POST" "/v1/keys/{id}/recover" ManageKeys, true, "Recover Key" => post(handlers::recover_key);
    "GET" "/v1/policy" ReadPolicy, true, "Read Policy" => get(access::policy);
    "PUT" "/v1/policy" ChangePolicy, true, "Change Policy" => put(access::policy_set).layer(DefaultBodyLimit::max(POLICY));
    "POST" "/v1/policy/test" ReadPolicy, true, "Test Policy" => post(access::policy_test);
    "POST" "/v1/policy/diff" ReadPolicy, true, "Compare Policy" => post(access::policy_diff).layer(DefaultBodyLimit::max(POLICY));
    "GET" "/v1/grants" ListKeys, true, "List Grants" => get(access::grants);
    "POST" "/v1/grants" ManageKeys, true, "Grant" => post(access::grant);
    "POST" "/v1/grants/withdraw" ManageKeys, true, "Withdraw Grant" => post(access::withdraw);
    "GET" "/v1/key-groups" ListKeys, true, "List Key Groups" => get(access::key_groups);
    "PUT" "/v1/key-groups/{group}/keys/{id}" ManageKeys, true, "Join Key Group" => put(access::join);
    "DELETE" "/v1/key-groups/{group}/keys/{id}" ManageKeys, true, "Leave Key Group" => delete(access::leave);
    "GET" "/v1/roles" ListUsers, true, "List Roles" => get(access::roles);
    "PUT" "/v1/roles/{user}" ChangeRoles, true, "Grant Role" => put(access::role_set);
    "DELETE" "/v1/roles/{user}" ChangeRoles, true, "Revoke Role" => delete(access::role_revoke);
    "GET" "/v1/clients" ListUsers, true, "List Certificates" => get(certificates::clients);
    "POST" "/v1/clients" IssueCertificate, true, "Issue Certificate" => post(certificates::issue);
    "POST" "/v1/clients/{fingerprint}/revoke" RevokeCertificate, true, "Revoke Certificate" => post(certificates::revoke);
    "GET" "/v1/clients/crl" RevokeCertificate, true, "Sign Revocation List" => get(certificates::sign_list);
    "GET" "/v1/certificates" Status, true, "Show Certificates" => get(certificates::view);
    "POST" "/v1/certificates/server/renew" Configure, true, "Renew Server Certificate" => post(certificates::renew_server);
    "POST" "/v1/certificates/ca/renew" IssueCertificate, true, "Renew Authority" => post(certificates::renew_authority);
    "POST" "/v1/certificates/ca/retire" IssueCertificate, true, "Retire Authority" => post(certificates::retire_authorities);
    "GET" "/v1/backup" Backup, true, "Create Backup" => get(backup::create);
    "GET" "/v1/backup/slots" Backup, true, "Save Slots" => get(backup::slots);
    "POST" "/v1/backup/confirm" ConfirmRestore, true, "Confirm Restore" => post(backup::confirm).layer(DefaultBodyLimit::max(ANCHORS));
    "GET" "/v1/replica" Status, true, "Show Replica" => get(replica::show);
    "POST" "/v1/replica/allow" Backup, true, "Allow Replicas" => post(replica::allow);
    "POST" "/v1/replica/promote" ConfirmRestore, true, "Promote Replica" => post(replica::promote).layer(DefaultBodyLimit::max(ANCHORS));
    "GET" "/v1/approvals" ListApprovals, true, "List Approvals" => get(approvals::list);
    "GET" "/v1/approvals/{id}" ListApprovals, true, "Show Approval" => get(approvals::show);
    "POST" "/v1/approvals/{id}/approve" Approve, true, "Approve" => post(approvals::approve);
    "POST" "/v1/approvals/{id}/reject" Approve, true, "Reject Approval" => post(approvals::reject);
    "POST" "/v1/approvals/{id}/withdraw" Approve, true, "Withdraw Approval" => post(approvals::withdraw);
    "GET" "/v1/approval-rules" ListApprovals, true, "List Approval Rules" => get(approvals::rules);
    "PUT" "/v1/approval-rules/{name}" ChangeApprovals, true, "Require Approval" => put(approvals::require);
    "DELETE" "/v1/approval-rules/{name}" ChangeApprovals, true, "Waive Approval" => delete(approvals::waive);
    "GET" "/v1/audit/retention" Status, true, "Show Retention" => get(retention::show);
    "POST" "/v1/audit/retention" Configure, true, RUN_RETENTION => post(retention::run);
    "GET" "/v1/audit/export" ReadAudit, true, "Export Audit" => get(export::export);
    "GET" "/v1/audit/key" VerifyAudit, true, "Read Audit" => get(handlers::audit_key);
    "POST" "/v1/audit/verify" VerifyAudit, true, "Verify Audit" => post(handlers::audit_verify_against).layer(DefaultBodyLimit::max(ANCHORS));
    "GET" "/v1/audit/verify" VerifyAudit, true, "Verify Audit" => get(handlers::audit_verify);
}

/// The most bytes that the body of a request may have.
pub(super) fn most(route: &Route) -> usize {
    match route.action {
        AdminAction::ChangePolicy | AdminAction::ReadPolicy => POLICY,
        AdminAction::ConfirmRestore | AdminAction::VerifyAudit => ANCHORS,
        AdminAction::ManageKeys if route.operation == "Import Keys" => IMPORT,
        _ => BODY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_have_a_class_for_every_request() {
        for route in ROUTES {
            let class = strongroom_siem::catalog::class(route.operation, "");
            assert!(class.number < 9000, "{} has no class in the catalogue", route.operation);
        }
    }
}
