//! State of the server that is not an object: roles, certificates, approvals, settings.

use std::collections::BTreeMap;

use crate::approval::RuleVersions;
use crate::approvals::Approvals;
use crate::change::Setting;
use crate::contest::Contest;
use crate::stamp::Stamp;

/// A duty. Mutually exclusive: one user has one of them at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// Keys and policies.
    CryptoOfficer = 1,
    /// The server: configuration, root slots, backup. No keys.
    SystemAdministrator = 2,
    /// Reads everything, changes nothing.
    Auditor = 3,
    /// Uses keys over KMIP.
    KeyUser = 4,
    /// Holds a share of the root key.
    Custodian = 5,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::CryptoOfficer,
        Self::SystemAdministrator,
        Self::Auditor,
        Self::KeyUser,
        Self::Custodian,
    ];

    /// The role with this code.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|r| *r as i32 == code)
    }

    /// The word used in configuration, commands and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::CryptoOfficer => "officer",
            Self::SystemAdministrator => "sysadmin",
            Self::Auditor => "auditor",
            Self::KeyUser => "client",
            Self::Custodian => "custodian",
        }
    }

    /// The role with this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name() == name)
    }
}

/// A certificate that the server issued or was told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateInfo {
    /// SHA-256 of the DER encoding, hexadecimal: the certificate's identity here.
    pub fingerprint: String,
    /// Common name of the subject: the user.
    pub user: String,
    /// Organisational units of the subject: the groups.
    pub groups: Vec<String>,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// End of validity, POSIX seconds.
    pub not_after: i64,
    /// What it is for: `"server"`, `"client"` ...
    pub purpose: String,
    /// The user who had it issued; empty where that is not known.
    pub issued_by: String,
}

/// What is known of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateState {
    /// The newest description.
    pub info: Option<(Stamp, CertificateInfo)>,
    /// When and why it was revoked, if it was. Revocation is for good: the first one stands.
    pub revoked: Option<(Stamp, String)>,
}

/// The server's own state: a join-semilattice like the objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerState {
    /// Role grants; removal wins.
    pub roles: BTreeMap<(String, Role), Contest>,
    /// Grants on key groups, by key group, subject and the operation's code; removal wins.
    pub group_grants: BTreeMap<(String, String, u32), Contest>,
    /// Certificates by fingerprint.
    pub certificates: BTreeMap<String, CertificateState>,
    /// Approval rules by name; adding wins.
    pub approval_rules: BTreeMap<String, RuleVersions>,
    /// Requests for approval, and which are gone.
    pub approvals: Approvals,
    /// Settings by (namespace, key); last writer wins.
    #[expect(clippy::type_complexity, reason = "a name for it would hide what is in it")]
    pub settings: BTreeMap<(String, String), (Stamp, Option<Vec<u8>>)>,
}

impl ServerState {
    /// The join of two views. Commutative, associative, idempotent.
    pub fn join(&mut self, other: &ServerState) {
        for (key, contest) in &other.roles {
            self.roles.entry(key.clone()).or_default().join(contest);
        }
        for (key, contest) in &other.group_grants {
            self.group_grants.entry(key.clone()).or_default().join(contest);
        }
        for (fingerprint, theirs) in &other.certificates {
            if let Some((stamp, info)) = &theirs.info {
                self.note_certificate(*stamp, info);
            }
            if let Some((stamp, reason)) = &theirs.revoked {
                self.revoke_certificate(*stamp, fingerprint, reason);
            }
        }
        for (name, versions) in &other.approval_rules {
            self.approval_rules.entry(name.clone()).or_default().join(versions);
        }
        self.approvals.join(&other.approvals);
        for ((namespace, key), (stamp, value)) in &other.settings {
            let setting =
                Setting { namespace: namespace.clone(), key: key.clone(), value: value.clone() };
            self.put_setting(*stamp, &setting);
        }
    }

    /// The role that `user` holds. Should two sites have granted two, none holds: duties are
    /// exclusive, and an officer must settle it.
    pub fn role_of(&self, user: &str) -> Option<Role> {
        let mut held = self.roles_of(user);
        match (held.next(), held.next()) {
            (Some(role), None) => Some(role),
            _ => None,
        }
    }

    /// Every role that `user` was given and not lost, also where they exclude each other.
    pub fn roles_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = Role> + 'a {
        // Asked with every request: one walk through the user's rows instead of one for each role.
        self.roles
            .range((user.to_owned(), Role::CryptoOfficer)..)
            .take_while(move |((name, _), _)| name == user)
            .filter(|(_, contest)| contest.weak_holds())
            .map(|((_, role), _)| *role)
    }

    /// Whether the certificate with this fingerprint (hexadecimal) is revoked.
    pub fn is_revoked(&self, fingerprint: &str) -> bool {
        self.certificates.get(fingerprint).is_some_and(|c| c.revoked.is_some())
    }

    /// A setting's bytes.
    pub fn setting(&self, namespace: &str, key: &str) -> Option<&[u8]> {
        self.settings.get(&(namespace.to_owned(), key.to_owned()))?.1.as_deref()
    }

    pub(crate) fn note_certificate(&mut self, stamp: Stamp, info: &CertificateInfo) {
        let state = self.certificates.entry(info.fingerprint.clone()).or_default();
        if state.info.as_ref().is_none_or(|mine| *mine < (stamp, info.clone())) {
            state.info = Some((stamp, info.clone()));
        }
    }

    pub(crate) fn revoke_certificate(&mut self, stamp: Stamp, fingerprint: &str, reason: &str) {
        let state = self.certificates.entry(fingerprint.to_owned()).or_default();
        let theirs = (stamp, reason.to_owned());
        if state.revoked.as_ref().is_none_or(|mine| theirs < *mine) {
            state.revoked = Some(theirs);
        }
    }

    pub(crate) fn put_setting(&mut self, stamp: Stamp, setting: &Setting) {
        let key = (setting.namespace.clone(), setting.key.clone());
        let theirs = (stamp, setting.value.clone());
        match self.settings.get_mut(&key) {
            Some(mine) if *mine >= theirs => {}
            Some(mine) => *mine = theirs,
            None => {
                self.settings.insert(key, theirs);
            }
        }
    }
}
