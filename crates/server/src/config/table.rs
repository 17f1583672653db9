//! Every key of the configuration: its kind, its default and what it means. The loader, `config
//! check`, `config show --defaults` and the documentation all read from here.

/// What values a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number between the two, both included.
    Integer(i64, i64),
    /// Any text.
    Text,
    /// A path; a relative one is taken from the configuration file's directory.
    Path,
    /// `IP:PORT`.
    Address,
    /// A number with a unit: `100ms`, `10s`, `5m`, `1h`, `2d`.
    Duration,
    /// Bytes: a number alone or with `KiB`, `MiB`, `GiB`.
    Size,
    /// Bytes of disk, as a size, or 0.
    Room,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A sentence that must be given exactly, or left out.
    Words(&'static str),
}

impl Kind {
    /// What to write, for messages and comments.
    pub fn describe(self) -> String {
        match self {
            Kind::Bool => "true or false".into(),
            Kind::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Kind::Text => "text".into(),
            Kind::Path => "a path".into(),
            Kind::Address => "IP:PORT".into(),
            Kind::Duration => "a duration such as \"100ms\", \"10s\", \"5m\" or \"1h\"".into(),
            Kind::Size => "a size such as \"64KiB\" or \"1MiB\"".into(),
            Kind::Room => "0 or a size such as \"500MiB\" or \"20GiB\"".into(),
            Kind::Choice(words) => words.join(" or "),
            Kind::Words(words) => format!("exactly \"{words}\", or nothing"),
        }
    }
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `section.key`.
    pub path: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Its default as TOML writes it; `None` if it has none and may be left out.
    pub default: Option<&'static str>,
    /// What it means, one or two sentences.
    pub doc: &'static str,
}

/// The sentence that lets a file slot lie on the filesystem of the data.
pub const ACCEPT_BESIDE: &str = "I accept that whoever copies this disk has every key";

const fn key(
    path: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    doc: &'static str,
) -> Key {
    Key { path, kind, default, doc }
}

/// What the sections are for, in the order of the file.
pub const SECTIONS: &[(&str, &str)] = &[
    ("data", "Where everything lies that is not the root key."),
    ("kmip", "The KMIP port."),
    ("admin", "The administration port: HTTPS, JSON, client certificates."),
    (
        "monitor",
        "The monitoring port: /health and /metrics, over plain HTTP and without certificates.",
    ),
    ("tls", "Certificates. Left out, the server uses what `strongroom init` made."),
    ("root", "The root key's slots."),
    ("audit", "When an answer may leave."),
    ("backup", "Backups that the server takes by itself."),
    ("life_cycle", "How keys come and go."),
    ("crypto", "Which algorithms may be used."),
    ("log", "The diagnostic log on standard error. The audit is another thing."),
];

/// Every key, by section.
pub const KEYS: &[Key] = &[
    key(
        "data.dir",
        Kind::Path,
        Some("\"/var/lib/strongroom\""),
        "Store, journal and audit. Only the server's user may enter it (mode 0700).",
    ),
    key(
        "data.site",
        Kind::Integer(1, 65_535),
        Some("1"),
        "This server's site number in the journal. It never changes.",
    ),
    key(
        "data.disk_reserve",
        Kind::Size,
        Some("\"64MiB\""),
        "Kept on the disk so that a full one can still be recorded, read and cleared. Given up when the disk is full, made anew when there is room.",
    ),
    key(
        "data.disk_floor",
        Kind::Size,
        Some("\"32MiB\""),
        "With less free than this, beside the reserve, the disk counts as full: changes and uses are refused.",
    ),
    key(
        "data.disk_low",
        Kind::Size,
        Some("\"1GiB\""),
        "With less free than this the disk is low: a warning and an event.",
    ),
    key("kmip.listen", Kind::Address, Some("\"0.0.0.0:5696\""), "Where KMIP is served."),
    key(
        "kmip.max_connections",
        Kind::Integer(1, 1_000_000),
        Some("4096"),
        "Connections at once. The last quarter is kept for addresses that hold fewer than their share.",
    ),
    key(
        "kmip.handshake_timeout",
        Kind::Duration,
        Some("\"10s\""),
        "How long a peer may take for the TLS handshake.",
    ),
    key(
        "kmip.frame_timeout",
        Kind::Duration,
        Some("\"30s\""),
        "How long a peer may take to finish a message that it began, or to take a reply.",
    ),
    key(
        "kmip.idle_timeout",
        Kind::Duration,
        Some("\"1h\""),
        "How long a connection may lie idle between messages.",
    ),
    key(
        "kmip.drain_timeout",
        Kind::Duration,
        Some("\"10s\""),
        "How long requests under way may take to finish when the server stops.",
    ),
    key("kmip.max_frame", Kind::Size, Some("\"1MiB\""), "The largest message."),
    key("kmip.max_depth", Kind::Integer(8, 128), Some("32"), "The deepest nesting of a message."),
    key(
        "kmip.max_items",
        Kind::Integer(1024, 16_777_216),
        Some("65536"),
        "The most items in a message.",
    ),
    key(
        "kmip.max_batch",
        Kind::Integer(1, 65_535),
        Some("128"),
        "The most batch items in a message.",
    ),
    key(
        "kmip.interop",
        Kind::Bool,
        Some("false"),
        "Answer the Interop operation, for conformance runs only. It changes nothing else.",
    ),
    key(
        "admin.listen",
        Kind::Address,
        Some("\"127.0.0.1:8443\""),
        "Where administration is served.",
    ),
    key(
        "admin.max_connections",
        Kind::Integer(1, 65_535),
        Some("64"),
        "Administration connections at once.",
    ),
    key(
        "monitor.listen",
        Kind::Address,
        None,
        "Where /health and /metrics are served, on a network of your own. Left out, they are not.",
    ),
    key(
        "tls.certificate",
        Kind::Path,
        None,
        "The server's certificate chain, PEM. Default: tls/server-cert.pem in the data directory.",
    ),
    key(
        "tls.key",
        Kind::Path,
        None,
        "Its private key, PEM, mode 0600. Default: tls/server-key.pem in the data directory.",
    ),
    key(
        "tls.client_ca",
        Kind::Path,
        None,
        "The authorities whose client certificates are accepted, PEM. Default: tls/ca.pem in the data directory.",
    ),
    key(
        "tls.crl",
        Kind::Path,
        None,
        "Lists of revoked certificates (CRL, PEM or DER) of those authorities. Read again when the file changes, and on SIGHUP.",
    ),
    key(
        "tls.expired_crl",
        Kind::Choice(&["warn", "refuse"]),
        Some("\"warn\""),
        "A list that is past its time: warn and keep to what it names, or refuse every client of its authority.",
    ),
    key(
        "tls.min_version",
        Kind::Choice(&["1.2", "1.3"]),
        Some("\"1.2\""),
        "The oldest TLS version. Many KMIP products speak no newer one than 1.2.",
    ),
    key(
        "tls.sessions",
        Kind::Integer(0, 1_000_000),
        Some("4096"),
        "TLS sessions kept in memory for resumption, each bound to its client certificate. 0 turns resumption off.",
    ),
    key(
        "root.slots_path",
        Kind::Path,
        Some("\"/var/lib/strongroom-root/slots.json\""),
        "The slot file. Keep it, and its backups, apart from the data: neither alone opens anything.",
    ),
    key(
        "root.file_key_path",
        Kind::Path,
        None,
        "The key file of a file slot. Default: root.key beside the slot file.",
    ),
    key(
        "root.accept_file_slot_beside_data",
        Kind::Words(ACCEPT_BESIDE),
        None,
        "A file slot on the filesystem of the data is refused unless this sentence stands here.",
    ),
    key(
        "audit.uses",
        Kind::Choice(&["written", "flushed"]),
        Some("\"written\""),
        "Whether the record of a use must be written to the operating system or flushed to the disk before the answer leaves.",
    ),
    key(
        "audit.flush_window",
        Kind::Duration,
        Some("\"100ms\""),
        "With \"written\": how long a record may wait for its flush.",
    ),
    key(
        "audit.anchors_path",
        Kind::Path,
        None,
        "A file on another disk or host that signed heads of the audit are appended to, so that a rewritten past shows.",
    ),
    key(
        "audit.segment_size",
        Kind::Size,
        Some("\"64MiB\""),
        "A file of the audit of uses is closed at this size, and the key of its codes erased.",
    ),
    key(
        "audit.compress",
        Kind::Bool,
        Some("true"),
        "Compress closed files of the audit of uses. They are read as before.",
    ),
    key(
        "audit.keep_days",
        Kind::Integer(0, 36_500),
        Some("0"),
        "Delete files of the audit of uses that were closed longer ago, once they are forwarded and anchored. 0 keeps them for ever.",
    ),
    key(
        "audit.keep_size",
        Kind::Room,
        Some("0"),
        "Delete the oldest closed files while all of them take more than this, once they are forwarded and anchored. 0 keeps all.",
    ),
    key(
        "kmip.duplicate_names",
        Kind::Bool,
        Some("false"),
        "Let one owner give several objects the same Name, for clients that rely on it.",
    ),
    key(
        "life_cycle.destroy_delay",
        Kind::Integer(0, 31_622_400),
        Some("0"),
        "Seconds between Destroy and the destruction, during which `strongroom key recall` calls it back.",
    ),
    key(
        "life_cycle.archive_after",
        Kind::Integer(0, 3_162_240_000),
        Some("0"),
        "Seconds after which a key that was deactivated or compromised is archived; 0 for never.",
    ),
    key(
        "crypto.legacy_algorithms",
        Kind::Bool,
        Some("false"),
        "Let 3DES, DES, RC4, MD5 and RSA under 2048 bits be used. Stored and returned they can be always.",
    ),
    key(
        "crypto.server_ivs_only",
        Kind::Bool,
        Some("false"),
        "Take no IV from a client for AEAD, counter and key-stream modes: the server makes them (SP 800-38D).",
    ),
    key(
        "log.level",
        Kind::Text,
        Some("\"info\""),
        "error, warn, info, debug or trace; or directives such as \"info,strongroom_server=debug\".",
    ),
    key(
        "backup.dir",
        Kind::Path,
        None,
        "Where backups of the data go. Left out, the server takes none by itself.",
    ),
    key(
        "backup.slots_dir",
        Kind::Path,
        None,
        "Where the copies of the slots go: another directory, that leaves this machine another way.",
    ),
    key("backup.every", Kind::Duration, Some("\"24h\""), "How long between two."),
    key(
        "backup.keep",
        Kind::Integer(1, 10_000),
        Some("7"),
        "How many are kept. An old one goes once a newer one is verified.",
    ),
    key("log.format", Kind::Choice(&["text", "json"]), Some("\"text\""), "How a line looks."),
];

/// The key with this path.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.path == path)
}

/// The key whose path is nearest to `path` in letters.
pub fn nearest(path: &str) -> &'static str {
    let mut best = ("data.dir", usize::MAX);
    for key in KEYS {
        let whole = distance(path, key.path);
        // A right key in a wrong section is nearer than its letters say.
        let tail = |p: &str| p.rsplit('.').next().unwrap_or(p).to_owned();
        let same_tail = distance(&tail(path), &tail(key.path)) + 1;
        let d = whole.min(same_tail);
        if d < best.1 {
            best = (key.path, d);
        }
    }
    best.0
}

/// Edits (insert, delete, replace) between two words.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, cb) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            left = (diagonal + usize::from(ca != *cb)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The whole configuration with its defaults and what each key means, as a TOML file. Keys
/// without a default are commented out.
pub fn annotated() -> String {
    let mut out = String::from(
        "# Every key may also be set by the environment, which wins over the file:\n\
         # STRONGROOM_KMIP__LISTEN=... sets kmip.listen.\n",
    );
    for (section, doc) in SECTIONS {
        out.push_str(&format!("\n# {doc}\n[{section}]\n"));
        for key in KEYS {
            let Some((s, name)) = key.path.split_once('.') else { continue };
            if s != *section {
                continue;
            }
            for line in fold(&format!("{} ({})", key.doc, key.kind.describe()), 76) {
                out.push_str(&format!("# {line}\n"));
            }
            match key.default {
                Some(value) => out.push_str(&format!("{name} = {value}\n")),
                None => out.push_str(&format!("#{name} = \"\"\n")),
            }
        }
    }
    out.push_str(&super::forward::annotated());
    out
}

/// Breaks text into lines of at most `width` characters between words.
pub fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_belongs_to_a_section_and_every_section_has_keys() {
        for key in KEYS {
            let section = key.path.split_once('.').map(|(s, _)| s);
            assert!(SECTIONS.iter().any(|(s, _)| Some(*s) == section), "{}", key.path);
        }
        for (section, _) in SECTIONS {
            assert!(KEYS.iter().any(|k| k.path.starts_with(&format!("{section}."))));
        }
    }

    #[test]
    fn the_nearest_key_is_the_one_meant() {
        assert_eq!(nearest("kmip.listten"), "kmip.listen");
        assert_eq!(nearest("kmip.max_conections"), "kmip.max_connections");
        assert_eq!(nearest("root.slot_path"), "root.slots_path");
        assert_eq!(nearest("log.slots_path"), "root.slots_path");
        assert_eq!(nearest("audit.flush"), "audit.uses");
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
