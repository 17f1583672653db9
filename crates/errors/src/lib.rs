//! The one table of errors that people and programs meet: number, HTTP status, exit code of the
//! command line, KMIP result reason, what happened, what to do next. The server answers with its
//! rows, and clients and connectors look up here what a number means.
//!
//! Numbers start at 3001, because SQL Server's EKM asks for codes above 2048 and 3000 is where
//! this product's own space begins. A number is never used again for another meaning.
//!
//! ```
//! use strongroom_errors::{self as errors, Exit};
//!
//! let sealed = errors::SEALED;
//! assert_eq!(sealed.number, 3002);
//! assert_eq!(sealed.exit, Exit::Server);
//! assert_eq!(errors::by_number(3002).map(|e| e.name), Some("sealed"));
//! ```

#![forbid(unsafe_code)]

use strongroom_kmip::ResultReason;

/// The exit code of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done.
    Ok = 0,
    /// The command or its input is wrong; nothing was done.
    Usage = 1,
    /// The server, or something it needs, failed.
    Server = 2,
    /// The caller may not do this.
    Denied = 3,
    /// The request waits for somebody else's approval.
    NeedsApproval = 4,
}

/// One row of the table.
#[derive(Debug)]
pub struct ErrorInfo {
    /// Its number, for logs, problem bodies and connectors.
    pub number: u16,
    /// Its name, words joined by hyphens; the last part of the problem type's URI.
    pub name: &'static str,
    /// The HTTP status of the admin API's answer.
    pub http: u16,
    /// The exit code of the command line.
    pub exit: Exit,
    /// The result reason of a KMIP reply.
    pub reason: ResultReason,
    /// What happened, one sentence.
    pub message: &'static str,
    /// What to do next, one sentence.
    pub next: &'static str,
}

macro_rules! errors {
    ($( $konst:ident = $number:literal, $name:literal, $http:literal, $exit:ident, $reason:ident, $message:literal, $next:literal; )*) => {
        $( #[doc = concat!($number, " `", $name, "`: ", $message)]
           pub const $konst: &ErrorInfo = &ErrorInfo {
               number: $number, name: $name, http: $http, exit: Exit::$exit,
               reason: ResultReason::$reason, message: $message, next: $next,
           }; )*

        /// Every row, ordered by number.
        pub const TABLE: &[&ErrorInfo] = &[ $( $konst, )* ];
    };
}

errors! {
    // The server's own state.
    NOT_INITIALISED = 3001, "not-initialised", 503, Server, GENERAL_FAILURE,
        "The key manager has no root key yet.", "Run `strongroom init`.";
    SEALED = 3002, "sealed", 503, Server, GENERAL_FAILURE,
        "The key manager is sealed.", "Unseal it with `strongroom root unseal`.";
    ALREADY_INITIALISED = 3003, "already-initialised", 409, Usage, OBJECT_ALREADY_EXISTS,
        "The key manager has a root key already.",
        "Use another data directory, or add a slot with `strongroom root slot add`.";
    NOT_SEALED = 3004, "not-sealed", 409, Usage, ILLEGAL_OPERATION,
        "The key manager is not sealed.", "Nothing needs to be done.";
    STORE_FAILED = 3005, "store-failed", 503, Server, GENERAL_FAILURE,
        "The store could not write and takes no more changes.",
        "Look at the disk, then restart the server.";
    AUDIT_FAILED = 3006, "audit-failed", 503, Server, GENERAL_FAILURE,
        "The audit could not be written, so nothing is answered.",
        "Look at the disk, then restart the server.";
    DISK_FULL = 3007, "disk-full", 507, Server, SERVER_LIMIT_EXCEEDED,
        "The disk is full, so nothing is answered that would have to be recorded.",
        "Free space on it; requests are answered again by themselves. `strongroom doctor` names the filesystem.";
    CLOCK_JUMPED = 3008, "clock-jumped", 409, Server, GENERAL_FAILURE,
        "The clock jumped, and date-driven changes wait.",
        "Check the clock, then confirm it with `strongroom clock confirm`.";
    STOPPING = 3009, "stopping", 503, Server, GENERAL_FAILURE,
        "The server is stopping.", "Try again in a moment.";
    INTERNAL = 3010, "internal", 500, Server, GENERAL_FAILURE,
        "The server met a fault of its own.", "Look into its log, and report the fault.";
    TOO_BUSY = 3011, "too-busy", 503, Server, GENERAL_FAILURE,
        "The server has as many connections as it may have.",
        "Try again in a moment, or raise `kmip.max_connections`.";
    AUDIT_BROKEN = 3012, "audit-broken", 409, Server, GENERAL_FAILURE,
        "The audit chain does not verify.",
        "Keep the data directory as it is, and compare it with the anchors.";

    QUARANTINED = 3013, "quarantined", 503, Server, GENERAL_FAILURE,
        "The store was restored from a backup and is quarantined.",
        "Let an officer confirm it with `strongroom backup confirm`.";
    RESTORE_UNCONFIRMED = 3014, "restore-unconfirmed", 409, Usage, GENERAL_FAILURE,
        "The restored store cannot be confirmed with that.",
        "Give anchors that are later than the backup, and name with --destroyed all that was destroyed since.";
    REPLICA = 3015, "replica", 421, Server, OPERATION_NOT_SUPPORTED,
        "This server is a replica: it serves uses and takes no changes.",
        "Ask the primary, or let an officer promote this one with `strongroom backup promote`.";
    OTHER_SITE = 3016, "other-site", 500, Server, GENERAL_FAILURE,
        "The store was made for another site.",
        "Set `data.site` of the configuration to the store's site.";
    REPLICA_UNFIT = 3017, "replica-unfit", 409, Usage, GENERAL_FAILURE,
        "The replica cannot be made or refreshed like that.",
        "Give a site of its own, a backup of its primary and its directory.";

    // Who may.
    CERTIFICATE_REQUIRED = 3020, "certificate-required", 401, Denied, AUTHENTICATION_NOT_SUCCESSFUL,
        "No client certificate was shown.", "Connect with a certificate of this key manager's CA.";
    CERTIFICATE_REVOKED = 3021, "certificate-revoked", 403, Denied, AUTHENTICATION_NOT_SUCCESSFUL,
        "The client certificate was revoked.", "Ask an officer for a new one.";
    CERTIFICATE_EXPIRED = 3022, "certificate-expired", 403, Denied, AUTHENTICATION_NOT_SUCCESSFUL,
        "The client certificate is outside its dates.",
        "Check both clocks, then ask an officer for a new one.";
    CERTIFICATE_UNUSABLE = 3023, "certificate-unusable", 403, Denied, AUTHENTICATION_NOT_SUCCESSFUL,
        "The client certificate cannot stand for a user.",
        "Its subject needs one common name (CN), and not one of the server's own.";
    DENIED = 3024, "denied", 403, Denied, PERMISSION_DENIED,
        "You may not do this.", "Ask somebody who has the role that the detail names.";
    NEEDS_APPROVAL = 3025, "needs-approval", 202, NeedsApproval, PERMISSION_DENIED,
        "This waits for approval.", "Let it be approved, then send the same request again.";
    ROLE_EXCLUDED = 3026, "role-excluded", 409, Usage, PERMISSION_DENIED,
        "One person cannot hold both roles.", "Give the role to somebody else.";
    NO_APPROVERS = 3027, "no-approvers", 409, Usage, PERMISSION_DENIED,
        "There are not enough people to approve this.",
        "Give more people the role or group that the rule asks for, or let custodians recover an officer.";
    MAY_NOT_APPROVE = 3028, "may-not-approve", 403, Denied, PERMISSION_DENIED,
        "You may not answer this request.", "Let somebody else answer it; `strongroom approval show` says who may.";

    // Requests.
    BAD_REQUEST = 3040, "bad-request", 400, Usage, INVALID_FIELD,
        "The request is not understood.", "Correct it, then send it again.";
    NOT_FOUND = 3041, "not-found", 404, Usage, ITEM_NOT_FOUND,
        "There is no such thing.", "Check the name.";
    CONFLICT = 3042, "conflict", 409, Usage, OBJECT_ALREADY_EXISTS,
        "It is in another state than the request supposes.", "Look at it again, then decide.";
    TOO_LARGE = 3043, "too-large", 413, Usage, INVALID_MESSAGE,
        "The request is larger than allowed.", "Send less at a time.";
    METHOD_NOT_ALLOWED = 3044, "method-not-allowed", 405, Usage, OPERATION_NOT_SUPPORTED,
        "This path does not know that method.", "See the API's description.";
    AMBIGUOUS = 3045, "ambiguous", 409, Usage, INVALID_FIELD,
        "The name stands for more than one.", "Give the identifier of the one that is meant.";
    PRECONDITION_FAILED = 3046, "precondition-failed", 412, Usage, INVALID_FIELD,
        "It was changed since it was read.", "Read it again, then change what is there now.";
    PRECONDITION_REQUIRED = 3047, "precondition-required", 428, Usage, INVALID_FIELD,
        "The change does not say which version it is of.",
        "Send If-Match with the ETag that reading gave.";
    LIMIT_REACHED = 3048, "limit-reached", 409, Usage, SERVER_LIMIT_EXCEEDED,
        "There are as many of these as there may be.",
        "Take away what is not needed any more, or use groups.";

    // The root key.
    WRONG_SHARE = 3060, "wrong-share", 400, Denied, AUTHENTICATION_NOT_SUCCESSFUL,
        "The share is not one of this root key's.",
        "Check its text and which set it names. While unsealing, those given before stay; `strongroom root unseal --reset` forgets them.";
    WRONG_PASSPHRASE = 3061, "wrong-passphrase", 400, Denied, AUTHENTICATION_NOT_SUCCESSFUL,
        "No slot opens with that.", "Check it, and try again.";
    LAST_SLOT = 3062, "last-slot", 409, Usage, ILLEGAL_OPERATION,
        "The slot is needed: without it the root key could be lost.",
        "Add another slot first.";
    SLOT_UNUSABLE = 3063, "slot-unusable", 400, Usage, INVALID_FIELD,
        "The slot cannot be made like that.",
        "Give it as `strongroom root slot add --help` says.";
    SHARES_FORGOTTEN = 3064, "shares-forgotten", 400, Denied, AUTHENTICATION_NOT_SUCCESSFUL,
        "The shares do not open the root key together, and all of them are forgotten.",
        "Give them again from the first on, and other custodians' shares in the place of those that may be wrong.";
    TOO_FEW_SHARES = 3065, "too-few-shares", 400, Denied, AUTHENTICATION_NOT_SUCCESSFUL,
        "There are too few shares.", "Give as many different shares as are needed.";
    NOT_VOUCHED = 3066, "not-vouched", 403, Denied, PERMISSION_DENIED,
        "Nobody vouched that custodians hold these shares.",
        "Give shares of the first set-up, or of a slot that an officer vouched for with `strongroom root slot vouch`.";
    OLD_SHARE = 3067, "old-share", 400, Denied, AUTHENTICATION_NOT_SUCCESSFUL,
        "The share is of a set that opens nothing here: an older one, or one of another root key.",
        "Give shares that were handed out last, of the set that the detail asks for; destroy those of older sets.";

    // Set-up.
    CONFIG_UNKNOWN_KEY = 3080, "config-unknown-key", 400, Usage, GENERAL_FAILURE,
        "The configuration has a key that does not exist.",
        "See all keys with `strongroom config show --defaults`.";
    CONFIG_BAD_VALUE = 3081, "config-bad-value", 400, Usage, GENERAL_FAILURE,
        "The configuration has a value that cannot be used.",
        "Correct it, then run `strongroom config check`.";
    CONFIG_UNREADABLE = 3082, "config-unreadable", 400, Usage, GENERAL_FAILURE,
        "The configuration cannot be read.", "Check the path and its permissions.";
    SLOT_BESIDE_DATA = 3083, "slot-beside-data", 400, Usage, GENERAL_FAILURE,
        "A file slot of the root key lies on the filesystem of the data.",
        "Move `root.slots_path` elsewhere, or accept it in words.";
    CANNOT_LISTEN = 3084, "cannot-listen", 500, Server, GENERAL_FAILURE,
        "The address cannot be listened on.", "Stop what uses it, or choose another.";
    DATA_UNUSABLE = 3085, "data-unusable", 500, Server, GENERAL_FAILURE,
        "The data directory cannot be used.",
        "Let one server at a time use it, as the user who owns it.";
    TLS_MATERIAL = 3086, "tls-material", 500, Server, GENERAL_FAILURE,
        "The certificate, its key or the CA cannot be used.",
        "Put a PEM file there that can be, and only its user may read if it is a key.";
    FILE_EXISTS = 3087, "file-exists", 409, Usage, GENERAL_FAILURE,
        "A file is there already and is not overwritten.", "Move it away, or choose another place.";
    BACKUP_BROKEN = 3088, "backup-broken", 409, Server, GENERAL_FAILURE,
        "The backup is not whole.", "Use another one, and find out what changed this one.";
    BACKUP_OTHER_ROOT = 3089, "backup-other-root", 400, Denied, GENERAL_FAILURE,
        "The slot file does not belong to the backup.",
        "Use the copy of the slots from the time of the backup, or any later one up to the next root key.";

    CRL_UNUSABLE = 3090, "crl-unusable", 500, Server, GENERAL_FAILURE,
        "The list of revoked certificates cannot be used.",
        "Put one there that an authority of `tls.client_ca` signed, in PEM or DER.";

    BACKUP_FAILED = 3091, "backup-failed", 500, Server, GENERAL_FAILURE,
        "The backup cannot be written.", "Make room and a directory that the server may write to.";

    // The command line as a client.
    UNREACHABLE = 3100, "unreachable", 502, Server, GENERAL_FAILURE,
        "The server cannot be reached.", "Check that it runs and the address is right.";
    SERVER_UNTRUSTED = 3101, "server-untrusted", 502, Server, GENERAL_FAILURE,
        "The server's certificate is not trusted.",
        "Check that the bundle belongs to this server and names it. After `cert ca renew` and `cert renew` it needs the new ca.pem: get it issued anew, or copy `tls/ca.pem` of the server into it.";
    NO_BUNDLE = 3102, "no-bundle", 400, Usage, GENERAL_FAILURE,
        "No client bundle was found.",
        "Give one with --bundle DIR (cert.pem, key.pem, ca.pem), or run where ./strongroom-data is.";
    PROOF_FAILED = 3103, "proof-failed", 500, Server, GENERAL_FAILURE,
        "The proof as a client did not succeed.",
        "Look into the server's log, and report the step that failed.";
    INPUT = 3104, "input", 400, Usage, GENERAL_FAILURE,
        "The input cannot be used.", "Correct it, then run the command again.";
}

/// The row with this number.
pub fn by_number(number: u16) -> Option<&'static ErrorInfo> {
    TABLE.iter().copied().find(|e| e.number == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_from_3001_and_names_are_unique() {
        let mut last = 3000;
        for e in TABLE {
            assert!(e.number > last, "{} is out of order", e.number);
            last = e.number;
            assert_eq!(TABLE.iter().filter(|o| o.name == e.name).count(), 1, "{}", e.name);
        }
        assert!(last < 5000);
    }

    #[test]
    fn every_row_says_what_happened_and_what_to_do_in_sentences() {
        for e in TABLE {
            for text in [e.message, e.next] {
                assert!(text.ends_with('.'), "{}: {text}", e.name);
            }
            assert!(e.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
        }
    }

    #[test]
    fn what_to_do_is_never_to_read_on() {
        for e in TABLE {
            let read_on = e.next.starts_with("See the detail") || e.next.contains("detail names.");
            let names_people = e.next.starts_with("Ask ");
            assert!(!read_on || names_people, "{}: {}", e.name, e.next);
        }
    }

    #[test]
    fn every_reason_exists_in_the_oldest_protocol_or_has_been_weighed() {
        // ObjectAlreadyExists came with 1.4 and Illegal Operation left with 2.0: the engine maps
        // both for the version of the request.
        for e in TABLE {
            let known = e.reason.info().is_some();
            assert!(known, "{}", e.name);
        }
    }
}
