//! The table of actions: class ids, names, severities, OCSF classes.
//!
//! A class id is what a SIEM keys its rules by. It is stable: numbers are never reused, rows are
//! added. `SR1xxx` are KMIP operations (1000 and the operation's code), `SR2xxx` requests of the
//! administration interface, `SR3xxx` what the server does and meets, `SR4xxx` kinds of change
//! that no operation names, `SR9xxx` everything else. The severity is that of a success; a refusal
//! is at least a warning, a failure at least a notice.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::event::Severity;

/// What a kind of event is, the same for all events of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its stable number.
    pub number: u16,
    /// Its name, static as CEF and LEEF ask for: never a word of the single event.
    pub name: &'static str,
    /// How much it matters when it succeeds.
    pub severity: Severity,
    /// What OCSF calls it.
    pub ocsf: Activity,
}

impl Class {
    /// The class id: CEF's Device Event Class ID, LEEF's EventID, syslog's MSGID.
    pub fn id(&self) -> String {
        format!("SR{:04}", self.number)
    }
}

/// An OCSF class and one of its activities (OCSF 1.9.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// `category_uid`.
    pub category: (u32, &'static str),
    /// `class_uid` and `class_name`.
    pub class: (u32, &'static str),
    /// `activity_id` and `activity_name`; 99 is named by the action itself.
    pub activity: (u32, &'static str),
}

const IAM: (u32, &str) = (3, "Identity & Access Management");
const APPLICATION: (u32, &str) = (6, "Application Activity");
/// OCSF Authentication.
pub const AUTHENTICATION: u32 = 3002;
/// OCSF User Management.
pub const USER_MANAGEMENT: u32 = 3007;
/// OCSF Application Lifecycle.
pub const LIFECYCLE: u32 = 6002;
/// OCSF API Activity.
pub const API: u32 = 6003;

const fn api(id: u32, name: &'static str) -> Activity {
    Activity { category: APPLICATION, class: (API, "API Activity"), activity: (id, name) }
}
const fn logon(id: u32, name: &'static str) -> Activity {
    Activity { category: IAM, class: (AUTHENTICATION, "Authentication"), activity: (id, name) }
}
const fn users(id: u32, name: &'static str) -> Activity {
    Activity { category: IAM, class: (USER_MANAGEMENT, "User Management"), activity: (id, name) }
}
const fn app(id: u32, name: &'static str) -> Activity {
    Activity {
        category: APPLICATION,
        class: (LIFECYCLE, "Application Lifecycle"),
        activity: (id, name),
    }
}

const API_CREATE: Activity = api(1, "Create");
const API_READ: Activity = api(2, "Read");
const API_UPDATE: Activity = api(3, "Update");
const API_DELETE: Activity = api(4, "Delete");
const API_OTHER: Activity = api(99, "Other");
const LOGON: Activity = logon(1, "Logon");
const LOGOFF: Activity = logon(2, "Logoff");
const ASSIGN_PRIVILEGES: Activity = users(14, "Assign Privileges");
const REMOVE_PRIVILEGES: Activity = users(15, "Remove Privileges");
const ASSIGN_ROLES: Activity = users(16, "Assign Roles");
const REMOVE_ROLES: Activity = users(17, "Remove Roles");
const ADD_CREDENTIALS: Activity = users(18, "Add Programmatic Credentials");
const REMOVE_CREDENTIALS: Activity = users(19, "Remove Programmatic Credentials");
const START: Activity = app(3, "Start");
const STOP: Activity = app(4, "Stop");
const ENABLE: Activity = app(6, "Enable");
const DISABLE: Activity = app(7, "Disable");
const APP_UPDATE: Activity = app(8, "Update");
const APP_OTHER: Activity = app(99, "Other");

macro_rules! classes {
    ($($number:literal $name:literal $severity:ident $ocsf:ident;)*) => {
        /// The table.
        pub const CLASSES: &[Class] = &[
            $(Class { number: $number, name: $name, severity: Severity::$severity, ocsf: $ocsf },)*
        ];
    };
}

classes! {
    // KMIP operations.
    1001 "Create" Notice API_CREATE;
    1002 "Create Key Pair" Notice API_CREATE;
    1003 "Register" Notice API_CREATE;
    1004 "Re-key" Notice API_CREATE;
    1005 "Derive Key" Notice API_CREATE;
    1006 "Certify" Notice API_CREATE;
    1007 "Re-certify" Notice API_CREATE;
    1008 "Locate" Info API_READ;
    1009 "Check" Info API_READ;
    1010 "Get" Info API_READ;
    1011 "Get Attributes" Info API_READ;
    1012 "Get Attribute List" Info API_READ;
    1013 "Add Attribute" Notice API_UPDATE;
    1014 "Modify Attribute" Notice API_UPDATE;
    1015 "Delete Attribute" Notice API_UPDATE;
    1016 "Obtain Lease" Info API_UPDATE;
    1017 "Get Usage Allocation" Info API_UPDATE;
    1018 "Activate" Notice API_UPDATE;
    1019 "Revoke" Warning API_UPDATE;
    1020 "Destroy" Warning API_DELETE;
    1021 "Archive" Notice API_UPDATE;
    1022 "Recover" Notice API_UPDATE;
    1023 "Validate" Info API_READ;
    1024 "Query" Info API_READ;
    1025 "Cancel" Info API_OTHER;
    1026 "Poll" Info API_READ;
    1027 "Notify" Info API_OTHER;
    1028 "Put" Info API_UPDATE;
    1029 "Re-key Key Pair" Notice API_CREATE;
    1030 "Discover Versions" Info API_READ;
    1031 "Encrypt" Info API_OTHER;
    1032 "Decrypt" Info API_OTHER;
    1033 "Sign" Info API_OTHER;
    1034 "Signature Verify" Info API_OTHER;
    1035 "MAC" Info API_OTHER;
    1036 "MAC Verify" Info API_OTHER;
    1037 "RNG Retrieve" Info API_READ;
    1038 "RNG Seed" Info API_OTHER;
    1039 "Hash" Info API_OTHER;
    1040 "Create Split Key" Notice API_CREATE;
    1041 "Join Split Key" Notice API_CREATE;
    1042 "Import" Notice API_CREATE;
    1043 "Export" Notice API_READ;
    1044 "Log" Info API_OTHER;
    1045 "Login" Notice LOGON;
    1046 "Logout" Notice LOGOFF;
    1047 "Delegated Login" Notice LOGON;
    1048 "Adjust Attribute" Notice API_UPDATE;
    1049 "Set Attribute" Notice API_UPDATE;
    1050 "Set Endpoint Role" Notice API_UPDATE;
    1051 "PKCS#11" Info API_OTHER;
    1052 "Interop" Info API_OTHER;
    1053 "Re-Provision" Notice API_UPDATE;
    1054 "Set Defaults" Notice API_UPDATE;
    1055 "Set Constraints" Notice API_UPDATE;
    1056 "Get Constraints" Info API_READ;
    1057 "Query Asynchronous Requests" Info API_READ;
    1058 "Process" Info API_OTHER;
    1059 "Ping" Info API_READ;

    // Requests of the administration interface.
    2001 "Connect" Notice LOGON;
    2002 "Unknown" Notice API_OTHER;
    2003 "Health" Debug API_READ;
    2004 "Status" Info API_READ;
    2005 "List Slots" Info API_READ;
    2006 "Add Slot" Warning API_CREATE;
    2007 "Remove Slot" Warning API_DELETE;
    2008 "Verify Shares" Notice API_READ;
    2009 "Rotate Root" Warning API_UPDATE;
    2010 "Rotation Status" Info API_READ;
    2011 "Confirm Clock" Warning API_UPDATE;
    2012 "Read Audit" Notice API_READ;
    2013 "Verify Audit" Notice API_READ;
    2014 "Export Audit" Notice API_READ;
    2015 "rotate" Warning API_UPDATE;
    2016 "shred" Warning API_DELETE;
    2017 "Create Backup" Warning API_CREATE;
    2018 "Verify Backup" Notice API_READ;
    2019 "Restore Backup" Alert API_UPDATE;
    2020 "Change Policy" Warning API_UPDATE;
    2021 "Read Policy" Info API_READ;
    2022 "List Keys" Info API_READ;
    2023 "Show Key" Info API_READ;
    2024 "Rotate Key" Warning API_UPDATE;
    2025 "Recall Destruction" Warning API_UPDATE;
    2060 "Archive Key" Warning API_UPDATE;
    2061 "Recover Key" Warning API_UPDATE;
    2100 "Create Key" Warning API_CREATE;
    2101 "Activate Key" Notice API_UPDATE;
    2102 "Revoke Key" Warning API_UPDATE;
    2103 "Destroy Key" Warning API_DELETE;
    2104 "List Expiring" Info API_READ;
    2105 "Show Uses" Info API_READ;
    2106 "Import Keys" Warning API_CREATE;

    2030 "Prepare Root Key" Warning API_CREATE;
    2031 "Replace Root Key" Warning API_UPDATE;
    2040 "Test Policy" Info API_READ;
    2041 "Compare Policy" Info API_READ;
    2042 "List Grants" Info API_READ;
    2043 "Grant" Warning ASSIGN_PRIVILEGES;
    2044 "Withdraw Grant" Warning REMOVE_PRIVILEGES;
    2045 "List Key Groups" Info API_READ;
    2046 "Join Key Group" Warning API_UPDATE;
    2047 "Leave Key Group" Warning API_UPDATE;
    2048 "List Roles" Info API_READ;
    2049 "Grant Role" Warning ASSIGN_ROLES;
    2050 "Revoke Role" Warning REMOVE_ROLES;
    2051 "List Certificates" Info API_READ;
    2052 "Issue Certificate" Warning ADD_CREDENTIALS;
    2053 "Revoke Certificate" Warning REMOVE_CREDENTIALS;
    2054 "Show Certificates" Info API_READ;
    2055 "Renew Server Certificate" Warning API_UPDATE;
    2056 "Renew Authority" Warning API_UPDATE;
    2057 "Retire Authority" Warning API_DELETE;
    2058 "Recover Officer" Alert ADD_CREDENTIALS;
    2059 "Vouch Slot" Alert API_UPDATE;
    2070 "Confirm Restore" Alert API_UPDATE;
    2071 "Save Slots" Warning API_READ;
    2072 "backup-taken" Warning API_CREATE;
    2079 "backup-verified" Notice API_CREATE;
    2069 "backup-failed" Error APP_OTHER;
    2078 "Sign Revocation List" Notice API_CREATE;
    2091 "Show Retention" Info API_READ;
    2092 "Run Retention" Warning API_DELETE;
    2107 "Allow Replicas" Warning API_UPDATE;
    2073 "Show Replica" Info API_READ;
    2074 "Promote Replica" Alert API_UPDATE;
    2075 "Restore Replica" Alert API_UPDATE;
    2076 "replica-restored" Alert API_UPDATE;
    2077 "replica-promoted" Alert API_UPDATE;
    2080 "List Approvals" Info API_READ;
    2081 "Show Approval" Info API_READ;
    2082 "Approve" Alert API_UPDATE;
    2083 "Reject Approval" Warning API_UPDATE;
    2084 "Withdraw Approval" Notice API_UPDATE;
    2085 "List Approval Rules" Info API_READ;
    2086 "Require Approval" Alert API_UPDATE;
    2087 "Waive Approval" Alert API_DELETE;

    // What the server itself does and meets.
    3001 "initialise" Warning START;
    3002 "unseal" Warning ENABLE;
    3003 "seal" Warning DISABLE;
    3004 "listening" Notice START;
    3005 "configuration-loaded" Notice APP_UPDATE;
    3006 "stopping" Notice STOP;
    3007 "stop" Notice STOP;
    3008 "stopped" Notice STOP;
    3009 "certificates-reloaded" Notice APP_UPDATE;
    3010 "certificates-not-reloaded" Error APP_UPDATE;
    3011 "certificate-refused" Warning LOGON;
    3012 "handshakes-failed" Warning LOGON;
    3013 "connections-refused" Warning LOGON;
    3014 "clock-jumped" Error APP_OTHER;
    3015 "clock-confirmed" Warning APP_OTHER;
    3016 "disk-low" Error APP_OTHER;
    3017 "disk-full" Critical APP_OTHER;
    3018 "disk-recovered" Notice APP_OTHER;
    3019 "certificate-expiring" Warning APP_OTHER;
    3020 "forwarder-connected" Notice APP_OTHER;
    3021 "forwarder-failing" Error APP_OTHER;
    3022 "records-missing" Critical APP_OTHER;
    3023 "cursor-reset" Error APP_OTHER;
    3024 "anchor" Info APP_OTHER;
    3025 "gap" Critical APP_OTHER;
    3026 "segment-deleted" Notice APP_OTHER;
    3027 "policy-changed" Warning APP_UPDATE;
    3028 "quarantined" Alert APP_OTHER;
    3029 "not-recorded-while-sealed" Warning APP_OTHER;
    3030 "shares-forgotten" Warning APP_OTHER;
    3031 "uses-missing" Alert APP_OTHER;
    3032 "refused-while-full" Error APP_OTHER;
    3033 "keys-due" Notice APP_OTHER;
    3034 "forwarder-late" Warning APP_OTHER;
    3035 "forwarder-caught-up" Notice APP_OTHER;
    3036 "configuration-changed" Warning APP_UPDATE;
    3037 "upkeep-failing" Error APP_OTHER;
    3038 "upkeep-recovered" Notice APP_OTHER;
    3040 "quorum-proved" Alert APP_OTHER;
    3041 "officer-recovered" Alert APP_OTHER;
    3050 "crl-loaded" Notice APP_UPDATE;
    3051 "crl-refused" Error APP_UPDATE;
    3052 "crl-expired" Error APP_OTHER;

    // Kinds of change, for actions that have no row of their own.
    4001 "created" Notice API_CREATE;
    4002 "attributes" Notice API_UPDATE;
    4003 "activated" Notice API_UPDATE;
    4004 "deactivated" Warning API_UPDATE;
    4005 "compromised" Alert API_UPDATE;
    4006 "destroyed" Warning API_DELETE;
    4007 "destroy-scheduled" Warning API_UPDATE;
    4008 "rewrapped" Info API_UPDATE;
    4009 "reserved" Debug API_UPDATE;
    4010 "granted" Warning ASSIGN_PRIVILEGES;
    4011 "grant-revoked" Warning REMOVE_PRIVILEGES;
    4012 "role-granted" Warning ASSIGN_ROLES;
    4013 "role-revoked" Warning REMOVE_ROLES;
    4014 "certificate-issued" Warning ADD_CREDENTIALS;
    4015 "certificate-revoked" Warning REMOVE_CREDENTIALS;
    4016 "setting" Notice API_UPDATE;
    4017 "noted" Info API_OTHER;
    4018 "archived" Notice API_UPDATE;
    4019 "recovered" Notice API_UPDATE;
    4020 "group-granted" Warning ASSIGN_PRIVILEGES;
    4021 "group-grant-revoked" Warning REMOVE_PRIVILEGES;
    4022 "approval-required" Alert API_UPDATE;
    4023 "approval-waived" Alert API_DELETE;
    4024 "approval-requested" Warning API_CREATE;
    4025 "approval-given" Alert API_UPDATE;
    4026 "approval-executed" Warning API_UPDATE;
    4027 "approval-rejected" Warning API_UPDATE;
    4028 "approval-withdrawn" Notice API_UPDATE;
    4029 "approval-expired" Notice API_UPDATE;
    4030 "approvals-dropped" Info API_DELETE;

    // Anything else, by the kind of record.
    9001 "use" Info API_OTHER;
    9002 "refusal" Warning API_OTHER;
    9003 "event" Notice APP_OTHER;
}

static OTHER: Class =
    Class { number: 9000, name: "Other", severity: Severity::Notice, ocsf: API_OTHER };

static BY_NAME: LazyLock<HashMap<String, &'static Class>> =
    LazyLock::new(|| CLASSES.iter().map(|class| (fold(class.name), class)).collect());

/// The class of an action, or of the kind of record when the action has none.
pub fn class(action: &str, kind: &str) -> &'static Class {
    let by_name = |name: &str| BY_NAME.get(&fold(name)).copied();
    by_name(action).or_else(|| by_name(kind)).unwrap_or(&OTHER)
}

/// A name without what spellings differ in: `Re-key` and `ReKey`, `Create Key Pair` and
/// `CreateKeyPair` are one action.
pub fn fold(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_names_fit_the_formats() {
        let mut numbers = HashSet::new();
        let mut names = HashSet::new();
        for class in CLASSES {
            assert!(numbers.insert(class.number), "{} twice", class.number);
            assert!(names.insert(fold(class.name)), "{} twice", class.name);
            assert!(class.name.len() <= 32 && !class.name.contains(['|', '=', '\\']));
        }
    }

    #[test]
    fn an_action_is_found_in_either_spelling_and_else_by_its_kind() {
        assert_eq!(class("ReKey", "created").number, 1004);
        assert_eq!(class("Create Key Pair", "created").id(), "SR1002");
        assert_eq!(class("something new", "role-granted").number, 4012);
        assert_eq!(class("something new", "refusal").number, 9002);
        assert_eq!(class("something new", "").number, 9000);
    }
}
