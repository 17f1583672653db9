//! `[[forward]]`: where the audit is sent, one table for each destination.

use std::path::Path;

use strongroom_siem::{
    Begin, Confirmation, Destination, Format, Framing, Severity, Style, TlsOptions, Transport,
};

use super::parse_duration;
use super::table::{distance, fold};
use crate::errors::{self, Fault};

/// The section's name.
pub const SECTION: &str = "forward";

/// A key of a destination.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// Its default, as TOML writes it; none if it may be left out or must be there.
    pub default: Option<&'static str>,
    /// An example.
    pub example: &'static str,
    /// What it means.
    pub doc: &'static str,
}

const fn key(
    name: &'static str,
    takes: &'static str,
    default: Option<&'static str>,
    example: &'static str,
    doc: &'static str,
) -> Key {
    Key { name, takes, default, example, doc }
}

/// Every key of a destination.
pub const KEYS: &[Key] = &[
    key(
        "name",
        "letters, digits, -, _ and .",
        None,
        "\"siem\"",
        "What the destination is called in `status` and whose cursor it is. Must be given, and stay the same.",
    ),
    key(
        "address",
        "HOST:PORT",
        None,
        "\"siem.example.net:6514\"",
        "Where it listens. Must be given.",
    ),
    key(
        "transport",
        "tls, tcp or udp",
        Some("\"tls\""),
        "\"tls\"",
        "The way there. Only `tls` is for networks that others use too, and `udp` loses events.",
    ),
    key(
        "framing",
        "octet-counting or line-feed",
        Some("\"octet-counting\""),
        "\"octet-counting\"",
        "How events are told apart on `tcp` (RFC 6587). TLS counts octets always (RFC 5425).",
    ),
    key(
        "ca",
        "a path",
        None,
        "\"siem-ca.pem\"",
        "With `tls`: the authorities of the receiver's certificate, PEM. Must be given then.",
    ),
    key(
        "certificate",
        "a path",
        None,
        "\"siem-cert.pem\"",
        "With `tls`: our certificate, PEM, for receivers that ask for one.",
    ),
    key("key", "a path", None, "\"siem-key.pem\"", "Its private key, PEM."),
    key(
        "server_name",
        "a host name",
        None,
        "\"siem.example.net\"",
        "With `tls`: the name that the receiver's certificate must bear. Default: the host of `address`.",
    ),
    key(
        "format",
        "rfc5424, rfc3164, cef, leef, leef1, leef2, leef2-tab, ocsf or json",
        Some("\"rfc5424\""),
        "\"rfc5424\"",
        "What a line looks like.",
    ),
    key(
        "facility",
        "a whole number from 0 to 23",
        Some("13"),
        "13",
        "The syslog facility. 13 is \"log audit\".",
    ),
    key(
        "kinds",
        "a list of words",
        Some("[]"),
        "[\"use\", \"refusal\"]",
        "Only records of these kinds. Empty is all.",
    ),
    key(
        "actions",
        "a list of names",
        Some("[]"),
        "[\"Get\", \"Destroy\"]",
        "Only these operations and events. Empty is all.",
    ),
    key(
        "users",
        "a list of names",
        Some("[]"),
        "[\"db-01\"]",
        "Only what these users did. Empty is all.",
    ),
    key(
        "severity",
        "emergency, alert, critical, error, warning, notice, info or debug",
        Some("\"debug\""),
        "\"notice\"",
        "Only what is at least as bad.",
    ),
    key(
        "confirm",
        "close, or a duration",
        Some("\"close\""),
        "\"close\"",
        "When sent events count as received: when the receiver ended a connection that we ended, or, for relays that never do, when the connection was whole so long after.",
    ),
    key(
        "begin",
        "oldest or newest",
        Some("\"oldest\""),
        "\"oldest\"",
        "Where a new destination begins in the audit.",
    ),
];

/// The tables of `[[forward]]`, with the words that say where they stand.
///
/// # Errors
/// [`errors::CONFIG_BAD_VALUE`] when it is no array of tables.
pub(super) fn tables(
    value: toml::Value,
    origin: &str,
) -> Result<Vec<(toml::Table, String)>, Fault> {
    let bad = || {
        let words = "a destination is a table of its own that begins with [[forward]].";
        Fault::new(errors::CONFIG_BAD_VALUE, format!("{origin}: {words}"))
    };
    let toml::Value::Array(list) = value else { return Err(bad()) };
    let number = |(i, value)| match value {
        toml::Value::Table(table) => Ok((table, format!("{origin}: [[forward]] number {}", i + 1))),
        _ => Err(bad()),
    };
    list.into_iter().enumerate().map(number).collect()
}

/// Reads the destinations. Certificates are read when a connection is made, and by `config check`.
///
/// # Errors
/// [`errors::CONFIG_UNKNOWN_KEY`] or [`errors::CONFIG_BAD_VALUE`].
pub(super) fn destinations(
    tables: &[(toml::Table, String)],
    base: &Path,
) -> Result<Vec<Destination>, Fault> {
    let mut made: Vec<Destination> = Vec::new();
    for (table, origin) in tables {
        let destination = Reader { table, origin, base }.read()?;
        if made.iter().any(|other| other.name == destination.name) {
            let why = format!("{origin}: the name \"{}\" is used twice.", destination.name);
            return Err(Fault::new(errors::CONFIG_BAD_VALUE, why));
        }
        made.push(destination);
    }
    Ok(made)
}

struct Reader<'a> {
    table: &'a toml::Table,
    origin: &'a str,
    base: &'a Path,
}

impl Reader<'_> {
    fn read(&self) -> Result<Destination, Fault> {
        for name in self.table.keys() {
            if !KEYS.iter().any(|key| key.name == name) {
                let nearest = KEYS.iter().min_by_key(|key| distance(name, key.name));
                let nearest = nearest.map_or("name", |key| key.name);
                let why = format!("{} has `{name}`; the nearest key is `{nearest}`.", self.origin);
                return Err(Fault::new(errors::CONFIG_UNKNOWN_KEY, why));
            }
        }
        let (name, address) = (self.needed("name")?, self.needed("address")?);
        let format = self.word("format", Format::by_name)?;
        let mut style = Style::new(format.unwrap_or(Format::Rfc5424));
        if let Some(value) = self.table.get("facility") {
            let number = value.as_integer().and_then(|n| u8::try_from(n).ok());
            style.facility = number.filter(|n| *n <= 23).ok_or_else(|| self.bad("facility"))?;
        }
        let mut destination = Destination::new(&name, &address, self.transport()?, style);
        destination.filter.kinds = self.list("kinds")?;
        destination.filter.actions = self.list("actions")?;
        destination.filter.users = self.list("users")?;
        destination.filter.severity = self.word("severity", Severity::by_name)?;
        let confirm = |word: &str| match word {
            "close" => Some(Confirmation::Close),
            time => parse_duration(time).map(Confirmation::Settle),
        };
        let begin = |word: &str| match word {
            "oldest" => Some(Begin::Oldest),
            "newest" => Some(Begin::Newest),
            _ => None,
        };
        destination.confirmation = self.word("confirm", confirm)?.unwrap_or(Confirmation::Close);
        destination.begin = self.word("begin", begin)?.unwrap_or_default();
        // Name and address; the files of TLS may come later.
        let plain = Destination { transport: Transport::Udp, ..destination.clone() };
        let bad = |why| Fault::new(errors::CONFIG_BAD_VALUE, format!("{}: {why}.", self.origin));
        plain.check().map_err(bad)?;
        Ok(destination)
    }

    fn transport(&self) -> Result<Transport, Fault> {
        let transport = self.text("transport")?.unwrap_or_else(|| "tls".to_owned());
        let only = |wanted: &str, names: &[&str]| match names
            .iter()
            .find(|name| self.table.contains_key(**name))
        {
            Some(name) if transport != wanted => Err(self.fault(&format!(
                "`{name}` is for the transport \"{wanted}\", and this one is \"{transport}\""
            ))),
            _ => Ok(()),
        };
        only("tls", &["ca", "certificate", "key", "server_name"])?;
        only("tcp", &["framing"])?;
        Ok(match transport.as_str() {
            "udp" => Transport::Udp,
            "tcp" => {
                let framing = |word: &str| match word {
                    "octet-counting" => Some(Framing::OctetCounting),
                    "line-feed" => Some(Framing::LineFeed),
                    _ => None,
                };
                Transport::Tcp(self.word("framing", framing)?.unwrap_or(Framing::OctetCounting))
            }
            "tls" => Transport::Tls(TlsOptions {
                ca: self.base.join(self.needed("ca")?),
                identity: match (self.text("certificate")?, self.text("key")?) {
                    (Some(chain), Some(key)) => Some((self.base.join(chain), self.base.join(key))),
                    (None, None) => None,
                    _ => return Err(self.fault("`certificate` and `key` go together")),
                },
                server_name: self.text("server_name")?,
            }),
            _ => return Err(self.bad("transport")),
        })
    }

    fn fault(&self, why: &str) -> Fault {
        Fault::new(errors::CONFIG_BAD_VALUE, format!("{}: {why}.", self.origin))
    }

    fn bad(&self, name: &str) -> Fault {
        let takes = KEYS.iter().find(|key| key.name == name).map_or("text", |key| key.takes);
        let value = self.table.get(name).map(ToString::to_string).unwrap_or_default();
        self.fault(&format!("`{name}` = {value} must be {takes}"))
    }

    fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        let Some(value) = self.table.get(name) else { return Ok(None) };
        let text = value.as_str().filter(|text| !text.is_empty()).ok_or_else(|| self.bad(name))?;
        Ok(Some(text.to_owned()))
    }

    fn needed(&self, name: &str) -> Result<String, Fault> {
        self.text(name)?.ok_or_else(|| self.fault(&format!("`{name}` must be given")))
    }

    fn word<T>(
        &self,
        name: &str,
        known: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        known(&text).map(Some).ok_or_else(|| self.bad(name))
    }

    fn list(&self, name: &str) -> Result<Vec<String>, Fault> {
        let Some(value) = self.table.get(name) else { return Ok(Vec::new()) };
        let words = value.as_array().and_then(|list| {
            list.iter().map(|v| v.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        words.ok_or_else(|| self.bad(name))
    }
}

/// A destination with every key, commented out.
pub(super) fn annotated() -> String {
    let mut out = String::from(
        "\n# Where the audit is sent: such a table for each destination. Not by the environment.\n\
         #[[forward]]\n",
    );
    for key in KEYS {
        for line in fold(&format!("{} ({})", key.doc, key.takes), 75) {
            out.push_str(&format!("#  {line}\n"));
        }
        out.push_str(&format!("#{} = {}\n", key.name, key.default.unwrap_or(key.example)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Config, table};
    use super::*;

    const TLS: &str = "[[forward]]\nname = \"a\"\naddress = \"siem:6514\"\nca = \"ca.pem\"\n";

    #[test]
    fn destinations_are_read_with_their_defaults() {
        let text = format!(
            "{TLS}[[forward]]\nname = \"b\"\naddress = \"10.0.0.1:514\"\ntransport = \"tcp\"\n\
             framing = \"line-feed\"\nformat = \"cef\"\nfacility = 4\nkinds = [\"refusal\"]\n\
             actions = [\"Get\"]\nusers = [\"u\"]\nseverity = \"warning\"\nconfirm = \"5s\"\n\
             begin = \"newest\"\n"
        );
        let config = Config::from_text(&text).unwrap();
        let [a, b] = config.forward.as_slice() else { panic!() };
        let Transport::Tls(options) = &a.transport else { panic!() };
        assert_eq!((options.ca.to_str(), &options.identity), (Some("ca.pem"), &None));
        assert_eq!((a.style.format, a.style.facility), (Format::Rfc5424, 13));
        assert_eq!((a.confirmation, a.begin), (Confirmation::Close, Begin::Oldest));
        assert_eq!(b.transport, Transport::Tcp(Framing::LineFeed));
        assert_eq!((b.style.format, b.style.facility), (Format::Cef, 4));
        assert_eq!((b.filter.severity, b.filter.kinds.len()), (Some(Severity::Warning), 1));
        assert_eq!(b.confirmation, Confirmation::Settle(std::time::Duration::from_secs(5)));
        assert_eq!(b.begin, Begin::Newest);
    }

    #[test]
    fn what_is_wrong_with_a_destination_is_said_with_its_place() {
        for (more, said) in [
            ("adress = \"x\"", "the nearest key is `address`"),
            ("format = \"xml\"", "must be rfc5424, rfc3164"),
            ("facility = 24", "from 0 to 23"),
            ("kinds = \"use\"", "a list of words"),
            ("severity = \"bad\"", "must be emergency"),
            ("framing = \"line-feed\"", "is for the transport \"tcp\""),
            ("certificate = \"c\"", "go together"),
            ("transport = \"tcp\"", "is for the transport \"tls\""),
            ("transport = \"smoke\"", "transport"),
            ("confirm = \"never\"", "must be close"),
            ("begin = \"now\"", "must be oldest"),
        ] {
            let fault = Config::from_text(&format!("{TLS}{more}\n")).unwrap_err().to_string();
            assert!(fault.contains(said) && fault.contains("number 1"), "{more}: {fault}");
        }
        for text in [
            "[[forward]]\nname = \"a\"\n",
            "[[forward]]\nname = \"a/b\"\naddress = \"x:1\"\ntransport = \"udp\"\n",
            "[[forward]]\nname = \"a\"\naddress = \"x\"\ntransport = \"udp\"\n",
            "[forward]\nname = \"a\"\n",
            "forward = [1]\n",
        ] {
            let fault = Config::from_text(text).unwrap_err();
            assert_eq!(fault.info.number, errors::CONFIG_BAD_VALUE.number, "{text}");
        }
        let fault = Config::from_text(&format!("{TLS}{TLS}")).unwrap_err();
        assert!(fault.to_string().contains("used twice"), "{fault}");
    }

    #[test]
    fn the_annotated_destination_can_be_used_when_it_is_uncommented() {
        let text = annotated();
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("# ") && !line.starts_with("#  "))
            .filter(|line| !line.starts_with("#framing"))
            .map(|line| line.trim_start_matches('#'))
            .collect();
        let config = Config::from_text(&lines.join("\n")).unwrap();
        assert_eq!(config.forward.len(), 1);
        assert!(Config::from_text(&table::annotated()).unwrap().forward.is_empty());
    }
}
