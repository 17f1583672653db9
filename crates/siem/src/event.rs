//! What happened, in a shape that no engine and no agent owns.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::catalog;
use crate::text::hex;

/// The machine and the program that report. One per process, shared by its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Name of the machine, as DNS knows it.
    pub host: String,
    /// Who makes the program. CEF, LEEF and OCSF tell products apart by vendor and product.
    pub vendor: String,
    /// The program, as people call it.
    pub product: String,
    /// Its version.
    pub version: String,
    /// Its process number; zero when it does not matter.
    pub process: u32,
}

impl Device {
    /// A device of this process.
    pub fn new(host: &str, vendor: &str, product: &str, version: &str) -> Self {
        Self {
            host: host.to_owned(),
            vendor: vendor.to_owned(),
            product: product.to_owned(),
            version: version.to_owned(),
            process: std::process::id(),
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    #[default]
    Success,
    /// It was tried and failed, or it could not be.
    Failure,
    /// It was refused: the actor may not.
    Denied,
    /// Nobody knows.
    Unknown,
}

impl Outcome {
    /// The outcome and the reason in a result as the audit spells it: `"success"`, or the KMIP
    /// Result Reason of a refusal, with or without spaces.
    pub fn of(result: &str) -> (Self, &str) {
        match catalog::fold(result).as_str() {
            "success" => (Self::Success, ""),
            "" => (Self::Unknown, ""),
            "permissiondenied" | "authenticationnotsuccessful" | "objectnotownedbyyou" => {
                (Self::Denied, result)
            }
            _ => (Self::Failure, result),
        }
    }

    /// The word for it, the same in every format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
            Self::Unknown => "unknown",
        }
    }
}

/// How much it matters, in the order of syslog: the smaller, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The system is unusable.
    Emergency,
    /// Somebody must act now.
    Alert,
    /// Critical.
    Critical,
    /// Error.
    Error,
    /// Warning.
    Warning,
    /// Normal, but worth noting.
    Notice,
    /// Informational.
    Info,
    /// For those who debug.
    Debug,
}

impl Severity {
    /// All, worst first.
    pub const ALL: [Self; 8] = [
        Self::Emergency,
        Self::Alert,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Info,
        Self::Debug,
    ];

    /// RFC 5424 section 6.2.1: 0 is the worst.
    pub fn syslog(self) -> u8 {
        self as u8
    }

    /// CEF: 0 to 10, 10 is the worst (0-3 low, 4-6 medium, 7-8 high, 9-10 very high).
    pub fn cef(self) -> u8 {
        [10, 9, 8, 7, 5, 3, 2, 0].get(self as usize).copied().unwrap_or(5)
    }

    /// LEEF `sev`: 1 to 10, 10 is the worst.
    pub fn leef(self) -> u8 {
        self.cef().max(1)
    }

    /// OCSF `severity_id` and its caption: 1 Informational to 6 Fatal.
    pub fn ocsf(self) -> (u8, &'static str) {
        match self {
            Self::Emergency => (6, "Fatal"),
            Self::Alert | Self::Critical => (5, "Critical"),
            Self::Error => (4, "High"),
            Self::Warning => (3, "Medium"),
            Self::Notice => (2, "Low"),
            Self::Info | Self::Debug => (1, "Informational"),
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Alert => "alert",
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// The severity of this name, as configuration files spell it.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Who reports it.
    pub device: Arc<Device>,
    /// When it happened, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The chain or log it is recorded in.
    pub chain: String,
    /// Its number there.
    pub seq: u64,
    /// The same whenever this event is sent, and no other event's: what receivers tell repeated
    /// deliveries by. At most 40 bytes (CEF `externalId`); see [`event_id`].
    pub id: String,
    /// What kind of record it is: `"use"`, `"refusal"`, `"event"`, or the kind of change.
    pub kind: String,
    /// Who did it.
    pub user: String,
    /// The groups that the user was in.
    pub groups: Vec<String>,
    /// SHA-256 of the user's certificate, hexadecimal; empty when there is none.
    pub certificate: String,
    /// Where the user came from: an address, an address with a port, or a word such as `console`.
    pub address: String,
    /// What was asked for: the operation or the name of the event. See [`catalog`].
    pub action: String,
    /// What it was about.
    pub object: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it was refused or failed.
    pub reason: String,
    /// How much it matters; none means as the [`catalog`] says.
    pub severity: Option<Severity>,
    /// The rule that decided.
    pub rule: String,
    /// How long it took, microseconds; zero when it is not known.
    pub micros: i64,
    /// Particulars, as names and values.
    pub detail: Vec<(String, String)>,
    /// The record's hash in its chain.
    pub hash: [u8; 32],
}

impl Event {
    /// An event about which only this much is known; the rest is for the caller to fill in.
    pub fn new(device: &Arc<Device>, chain: &str, seq: u64, time_ms: i64, hash: [u8; 32]) -> Self {
        Self {
            device: device.clone(),
            time_ms,
            chain: chain.to_owned(),
            seq,
            id: event_id(chain, seq, &hash),
            kind: String::new(),
            user: String::new(),
            groups: Vec::new(),
            certificate: String::new(),
            address: String::new(),
            action: String::new(),
            object: None,
            outcome: Outcome::Unknown,
            reason: String::new(),
            severity: None,
            rule: String::new(),
            micros: 0,
            detail: Vec::new(),
            hash,
        }
    }

    /// How much it matters: as given, or as the catalog says for its action and outcome.
    pub fn severity(&self) -> Severity {
        self.severity.unwrap_or_else(|| {
            let usual = catalog::class(&self.action, &self.kind).severity;
            // The smaller is the worse.
            match self.outcome {
                Outcome::Success | Outcome::Unknown => usual,
                Outcome::Failure => usual.min(Severity::Notice),
                Outcome::Denied => usual.min(Severity::Warning),
            }
        })
    }
}

/// An identifier for the record `seq` of a chain: chain and number for people, and the beginning
/// of the hash, since a restored chain may use a number again for something else. At most 40
/// bytes for chain names of up to ten.
pub fn event_id(chain: &str, seq: u64, hash: &[u8; 32]) -> String {
    let chain: String = chain.chars().filter(char::is_ascii_alphanumeric).take(10).collect();
    let head = hash.first_chunk::<4>().copied().unwrap_or_default();
    format!("{chain}-{seq}-{}", hex(&head))
}

/// An address in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// An IP address and perhaps a port.
    Ip(IpAddr, Option<u16>),
    /// A word.
    Word(String),
    /// Nothing.
    None,
}

impl Peer {
    pub(crate) fn of(address: &str) -> Self {
        let plain = |ip: IpAddr| ip.to_canonical();
        if address.is_empty() {
            Self::None
        } else if let Ok(socket) = address.parse::<SocketAddr>() {
            Self::Ip(plain(socket.ip()), Some(socket.port()))
        } else if let Ok(ip) = address.trim_matches(['[', ']']).parse::<IpAddr>() {
            Self::Ip(plain(ip), None)
        } else {
            Self::Word(address.to_owned())
        }
    }
}
