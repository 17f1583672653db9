//! The server's configuration: one TOML file, every key overridable by the environment
//! (`STRONGROOM_SECTION__KEY`), defaults from [`table`]. A key that does not exist is an error
//! that names the nearest one that does, because a misspelt limit that is silently ignored is
//! worse than a server that does not start.

pub mod forward;
mod show;
pub mod table;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use strongroom_engine::{DiskLimits, Retention};
use strongroom_kmip::Limits;

use crate::errors::{self, Fault};
use table::{Key, Kind};

/// The configuration, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Store and site.
    pub data: Data,
    /// The KMIP port.
    pub kmip: Kmip,
    /// The administration port.
    pub admin: Admin,
    /// `monitor.listen`: where monitoring is served, if it is.
    pub monitor: Option<SocketAddr>,
    /// Certificates.
    pub tls: Tls,
    /// Root slots.
    pub root: Root,
    /// Audit durability.
    pub audit: Audit,
    /// `kmip.duplicate_names`.
    pub duplicate_names: bool,
    /// `life_cycle.destroy_delay`, seconds.
    pub destroy_delay: i64,
    /// `life_cycle.archive_after`, seconds.
    pub archive_after: i64,
    /// `crypto.legacy_algorithms`.
    pub legacy_algorithms: bool,
    /// `crypto.server_ivs_only`.
    pub server_ivs_only: bool,
    /// Backups that the server takes by itself.
    pub backup: Option<Backup>,
    /// The diagnostic log.
    pub log: Log,
    /// `[[forward]]`: where the audit is sent.
    pub forward: Vec<strongroom_siem::Destination>,
}

/// `[data]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// The data directory.
    pub dir: PathBuf,
    /// The site number.
    pub site: u32,
    /// When the disk is low or full, and what is kept in reserve.
    pub disk: DiskLimits,
}

/// `[kmip]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kmip {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Connections at once.
    pub max_connections: usize,
    /// Bound on the TLS handshake.
    pub handshake_timeout: Duration,
    /// Bound on finishing a message or taking a reply.
    pub frame_timeout: Duration,
    /// Bound on silence between messages.
    pub idle_timeout: Duration,
    /// Bound on finishing requests at stop.
    pub drain_timeout: Duration,
    /// Bytes of a message.
    pub max_frame: usize,
    /// Nesting of a message.
    pub max_depth: usize,
    /// Items of a message.
    pub max_items: usize,
    /// Batch items of a message.
    pub max_batch: usize,
    /// Whether Interop is answered.
    pub interop: bool,
}

impl Kmip {
    /// The decoder's limits.
    pub fn limits(&self) -> Limits {
        Limits {
            frame: self.max_frame,
            depth: self.max_depth,
            items: self.max_items,
            batch_items: self.max_batch,
        }
    }
}

/// `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Connections at once.
    pub max_connections: usize,
}

/// `[tls]`, with the defaults in the data directory filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The clients' authorities, PEM.
    pub client_ca: PathBuf,
    /// Lists of revoked certificates.
    pub crl: Option<PathBuf>,
    /// Whether a list past its time refuses every client of its authority.
    pub refuse_expired_crl: bool,
    /// Whether TLS 1.2 is refused.
    pub only_1_3: bool,
    /// Sessions kept.
    pub sessions: usize,
}

/// `[root]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The slot file.
    pub slots_path: PathBuf,
    /// The key file of a file slot.
    pub file_key_path: PathBuf,
    /// Whether a file slot beside the data was accepted in words.
    pub accept_beside: bool,
}

/// `[audit]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Whether a use is flushed before its answer.
    pub uses_flushed: bool,
    /// How long a written record waits for its flush.
    pub flush_window: Duration,
    /// Where signed heads are appended.
    pub anchors_path: Option<PathBuf>,
    /// Bytes of a file of the chain of uses.
    pub segment_bytes: u64,
    /// How long these are kept.
    pub retention: Retention,
}

/// `[backup]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where the data's backups go.
    pub dir: PathBuf,
    /// Where the copies of the slots go.
    pub slots_dir: PathBuf,
    /// How long between two.
    pub every: Duration,
    /// How many are kept.
    pub keep: u64,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Filter directives.
    pub level: String,
    /// Whether lines are JSON.
    pub json: bool,
}

impl Config {
    /// Reads `file` (or only defaults and environment if there is none) and `env`, the
    /// environment as pairs.
    ///
    /// # Errors
    /// [`errors::CONFIG_UNREADABLE`], [`errors::CONFIG_UNKNOWN_KEY`] or
    /// [`errors::CONFIG_BAD_VALUE`], with the key and where it stands.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Fault> {
        Self::build(&mut Settings::read(file, env)?)
    }

    /// A configuration from TOML text alone; relative paths stay as they are.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_text(text: &str) -> Result<Self, Fault> {
        let mut settings = Settings::parse(text, "the text", Path::new(""))?;
        Self::build(&mut settings)
    }

    fn build(s: &mut Settings) -> Result<Self, Fault> {
        if !s.unknown.is_empty() {
            return Err(Fault::new(errors::CONFIG_UNKNOWN_KEY, s.unknown.join(" ")));
        }
        let dir = s.path("data.dir")?.unwrap_or_default();
        let tls_dir = dir.join("tls");
        let slots_path = s.path("root.slots_path")?.unwrap_or_default();
        let beside_slots = slots_path.parent().unwrap_or(Path::new("")).join("root.key");
        Ok(Self {
            data: Data {
                site: s.number("data.site")?,
                dir,
                disk: DiskLimits {
                    reserve: s.size("data.disk_reserve")? as u64,
                    floor: s.size("data.disk_floor")? as u64,
                    low: s.size("data.disk_low")? as u64,
                },
            },
            kmip: Kmip {
                listen: s.address("kmip.listen")?,
                max_connections: s.number("kmip.max_connections")?,
                handshake_timeout: s.duration("kmip.handshake_timeout")?,
                frame_timeout: s.duration("kmip.frame_timeout")?,
                idle_timeout: s.duration("kmip.idle_timeout")?,
                drain_timeout: s.duration("kmip.drain_timeout")?,
                max_frame: s.size("kmip.max_frame")?,
                max_depth: s.number("kmip.max_depth")?,
                max_items: s.number("kmip.max_items")?,
                max_batch: s.number("kmip.max_batch")?,
                interop: s.flag("kmip.interop")?,
            },
            admin: Admin {
                listen: s.address("admin.listen")?,
                max_connections: s.number("admin.max_connections")?,
            },
            monitor: match s.text("monitor.listen")? {
                Some(_) => Some(s.address("monitor.listen")?),
                None => None,
            },
            tls: Tls {
                certificate: s
                    .path("tls.certificate")?
                    .unwrap_or_else(|| tls_dir.join("server-cert.pem")),
                key: s.path("tls.key")?.unwrap_or_else(|| tls_dir.join("server-key.pem")),
                client_ca: s.path("tls.client_ca")?.unwrap_or_else(|| tls_dir.join("ca.pem")),
                crl: s.path("tls.crl")?,
                refuse_expired_crl: s.text("tls.expired_crl")?.as_deref() == Some("refuse"),
                only_1_3: s.text("tls.min_version")?.as_deref() == Some("1.3"),
                sessions: s.number("tls.sessions")?,
            },
            root: Root {
                file_key_path: s.path("root.file_key_path")?.unwrap_or(beside_slots),
                slots_path,
                accept_beside: s.text("root.accept_file_slot_beside_data")?.is_some(),
            },
            audit: Audit {
                uses_flushed: s.text("audit.uses")?.as_deref() == Some("flushed"),
                flush_window: s.duration("audit.flush_window")?,
                anchors_path: s.path("audit.anchors_path")?,
                segment_bytes: s.size("audit.segment_size")? as u64,
                retention: s.retention()?,
            },
            duplicate_names: s.flag("kmip.duplicate_names")?,
            destroy_delay: s.number("life_cycle.destroy_delay")?,
            archive_after: s.number("life_cycle.archive_after")?,
            legacy_algorithms: s.flag("crypto.legacy_algorithms")?,
            server_ivs_only: s.flag("crypto.server_ivs_only")?,
            backup: backup(s)?,
            log: Log {
                level: s.text("log.level")?.unwrap_or_default(),
                json: s.text("log.format")?.as_deref() == Some("json"),
            },
            forward: forward::destinations(&s.forward, &s.base)?,
        })
    }
}

/// The schedule of backups, if there is one. One directory for both halves would make each useful
/// alone to whoever gets it.
fn backup(s: &mut Settings) -> Result<Option<Backup>, Fault> {
    let (dir, slots_dir) = (s.path("backup.dir")?, s.path("backup.slots_dir")?);
    let (every, keep) = (s.duration("backup.every")?, s.number("backup.keep")?);
    let bad = |what: &str| Err(Fault::new(errors::CONFIG_BAD_VALUE, what));
    match (dir, slots_dir) {
        (None, None) => Ok(None),
        (Some(dir), Some(slots_dir)) if dir != slots_dir => {
            Ok(Some(Backup { dir, slots_dir, every, keep }))
        }
        (Some(_), Some(_)) => bad("`backup.dir` and `backup.slots_dir` must be two directories."),
        _ => bad("`backup.dir` and `backup.slots_dir` are given both or neither."),
    }
}

/// What was set, by key, with where it was set. What was not set has its default.
struct Settings {
    values: BTreeMap<&'static str, (toml::Value, String)>,
    base: PathBuf,
    /// The tables of `[[forward]]`, and where they stand.
    forward: Vec<(toml::Table, String)>,
    /// What is wrong with the keys that do not exist, a sentence for each.
    unknown: Vec<String>,
    #[cfg(test)]
    asked: Vec<String>,
}

impl Settings {
    fn read(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Fault> {
        let text = match file {
            Some(path) => std::fs::read_to_string(path).map_err(|e| {
                Fault::new(errors::CONFIG_UNREADABLE, format!("{}: {e}.", path.display()))
            })?,
            None => String::new(),
        };
        let base = file.and_then(Path::parent).unwrap_or(Path::new(""));
        let name = file.map_or_else(|| "no file".into(), |p| p.display().to_string());
        let mut settings = Self::parse(&text, &name, base)?;
        settings.overlay(env)?;
        Ok(settings)
    }

    fn parse(text: &str, name: &str, base: &Path) -> Result<Self, Fault> {
        let table: toml::Table = toml::from_str(text)
            .map_err(|e| Fault::new(errors::CONFIG_UNREADABLE, format!("{name}: {e}")))?;
        let mut settings = Self {
            values: BTreeMap::new(),
            base: base.to_owned(),
            forward: Vec::new(),
            unknown: Vec::new(),
            #[cfg(test)]
            asked: Vec::new(),
        };
        for (section, value) in table {
            match value {
                other if section == forward::SECTION => {
                    settings.forward = forward::tables(other, name)?;
                }
                toml::Value::Table(keys) => {
                    for (key, value) in keys {
                        settings.set(&format!("{section}.{key}"), value, name)?;
                    }
                }
                // A key outside every section can only be a mistake.
                other => settings.set(&section, other, name)?,
            }
        }
        Ok(settings)
    }

    fn overlay(&mut self, env: impl Iterator<Item = (String, String)>) -> Result<(), Fault> {
        for (variable, text) in env {
            let Some(rest) = variable.strip_prefix("STRONGROOM_") else { continue };
            // Without the double underscore it is a variable of the command line.
            let Some((section, name)) = rest.split_once("__") else { continue };
            let path = format!("{}.{}", section.to_lowercase(), name.to_lowercase());
            let value = match table::find(&path).map(|k| k.kind) {
                Some(Kind::Bool | Kind::Integer(..)) => {
                    toml::from_str::<toml::Table>(&format!("v = {text}"))
                        .ok()
                        .and_then(|mut t| t.remove("v"))
                        .unwrap_or(toml::Value::String(text))
                }
                _ => toml::Value::String(text),
            };
            self.set(&path, value, &format!("the environment's {variable}"))?;
        }
        Ok(())
    }

    fn set(&mut self, path: &str, value: toml::Value, origin: &str) -> Result<(), Fault> {
        let Some(key) = table::find(path) else {
            // All of them are named at once, so that one look at the file is enough.
            let nearest = table::nearest(path);
            self.unknown.push(format!("{origin} has `{path}`; the nearest key is `{nearest}`."));
            return Ok(());
        };
        check(key, &value).map_err(|()| {
            Fault::new(
                errors::CONFIG_BAD_VALUE,
                format!("{origin}: `{path}` = {value} must be {}.", key.kind.describe()),
            )
        })?;
        self.values.insert(key.path, (value, origin.to_owned()));
        Ok(())
    }

    fn value(&mut self, path: &str) -> Result<Option<toml::Value>, Fault> {
        #[cfg(test)]
        self.asked.push(path.to_owned());
        if let Some((value, _)) = self.values.get(path) {
            return Ok(Some(value.clone()));
        }
        let default = table::find(path).and_then(|k| k.default);
        Ok(default.and_then(|text| {
            toml::from_str::<toml::Table>(&format!("v = {text}")).ok()?.remove("v")
        }))
    }

    fn bad(&self, path: &str) -> Fault {
        Fault::new(errors::CONFIG_BAD_VALUE, format!("`{path}` cannot be used."))
    }

    fn text(&mut self, path: &str) -> Result<Option<String>, Fault> {
        Ok(match self.value(path)? {
            Some(toml::Value::String(s)) if !s.is_empty() => Some(s),
            _ => None,
        })
    }

    fn path(&mut self, path: &str) -> Result<Option<PathBuf>, Fault> {
        let base = self.base.clone();
        Ok(self.text(path)?.map(|p| base.join(p)))
    }

    fn flag(&mut self, path: &str) -> Result<bool, Fault> {
        let value = self.value(path)?;
        value.and_then(|v| v.as_bool()).ok_or_else(|| self.bad(path))
    }

    fn number<T: TryFrom<i64>>(&mut self, path: &str) -> Result<T, Fault> {
        let value = self.value(path)?.and_then(|v| v.as_integer());
        value.and_then(|n| T::try_from(n).ok()).ok_or_else(|| self.bad(path))
    }

    fn address(&mut self, path: &str) -> Result<SocketAddr, Fault> {
        let value = self.text(path)?;
        value.and_then(|t| t.parse().ok()).ok_or_else(|| self.bad(path))
    }

    fn duration(&mut self, path: &str) -> Result<Duration, Fault> {
        let value = self.text(path)?;
        value.and_then(|t| parse_duration(&t)).ok_or_else(|| self.bad(path))
    }

    fn retention(&mut self) -> Result<Retention, Fault> {
        let kept = Retention {
            compress: self.flag("audit.compress")?,
            keep_days: self.number("audit.keep_days")?,
            keep_bytes: self.size("audit.keep_size")? as u64,
        };
        let deletes = kept.keep_days > 0 || kept.keep_bytes > 0;
        if deletes && self.path("audit.anchors_path")?.is_none() && self.forward.is_empty() {
            return Err(Fault::new(
                errors::CONFIG_BAD_VALUE,
                "`audit.keep_days` and `audit.keep_size` delete only what a second path has signed \
                 heads of: give `audit.anchors_path`, or a destination under `[[forward]]`.",
            ));
        }
        Ok(kept)
    }

    fn size(&mut self, path: &str) -> Result<usize, Fault> {
        let value = self.value(path)?;
        value.as_ref().and_then(parse_size).ok_or_else(|| self.bad(path))
    }
}

fn check(key: &Key, value: &toml::Value) -> Result<(), ()> {
    let text = value.as_str();
    let fits = match key.kind {
        Kind::Bool => value.as_bool().is_some(),
        Kind::Integer(min, max) => value.as_integer().is_some_and(|n| (min..=max).contains(&n)),
        Kind::Text => text.is_some_and(|t| !t.is_empty()),
        // Empty is "left out" where there is no default to fall back on.
        Kind::Path => text.is_some_and(|t| key.default.is_none() || !t.is_empty()),
        Kind::Address => text.is_some_and(|t| t.parse::<SocketAddr>().is_ok()),
        Kind::Duration => text.and_then(parse_duration).is_some(),
        Kind::Room => parse_size(value).is_some_and(|n| n <= 1 << 50),
        Kind::Size => parse_size(value).is_some_and(|n| (1024..=1 << 30).contains(&n)),
        Kind::Choice(words) => text.is_some_and(|t| words.contains(&t)),
        Kind::Words(words) => text.is_some_and(|t| t.is_empty() || t == words),
    };
    if fits { Ok(()) } else { Err(()) }
}

/// `100ms`, `10s`, `5m`, `1h`, `2d`; at least a millisecond, at most a year.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(split)?;
    let number: u64 = number.parse().ok()?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let total = number.checked_mul(millis)?;
    (1..=366 * 86_400_000).contains(&total).then(|| Duration::from_millis(total))
}

fn parse_size(value: &toml::Value) -> Option<usize> {
    if let Some(n) = value.as_integer() {
        return usize::try_from(n).ok();
    }
    let text = value.as_str()?;
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let number: usize = number.parse().ok()?;
    let factor = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, Fault> {
        let mut s = Settings::parse(text, "test.toml", Path::new("/etc/sr"))?;
        s.overlay(env.iter().map(|(k, v)| ((*k).into(), (*v).into())))?;
        Config::build(&mut s)
    }

    #[test]
    fn an_empty_file_gives_the_defaults_of_the_table() {
        let c = load("", &[]).unwrap();
        assert_eq!(c.kmip.listen, "0.0.0.0:5696".parse().unwrap());
        assert_eq!(c.kmip.max_frame, 1 << 20);
        assert_eq!(c.kmip.handshake_timeout, Duration::from_secs(10));
        assert_eq!(c.audit.flush_window, Duration::from_millis(100));
        assert_eq!(c.tls.key, Path::new("/var/lib/strongroom/tls/server-key.pem"));
        assert_eq!(c.root.file_key_path, Path::new("/var/lib/strongroom-root/root.key"));
        assert!(!c.root.accept_beside);
    }

    #[test]
    fn the_annotated_defaults_are_a_configuration_equal_to_the_defaults() {
        assert_eq!(load(&table::annotated(), &[]).unwrap(), load("", &[]).unwrap());
    }

    #[test]
    fn the_packaged_configuration_is_one() {
        let text = include_str!("../../../../pkg/strongroom.toml");
        assert_eq!(load(text, &[]).unwrap(), load("", &[]).unwrap());
    }

    #[test]
    fn every_key_of_the_table_is_read_exactly_once() {
        let mut s = Settings::parse("", "none", Path::new("")).unwrap();
        Config::build(&mut s).unwrap();
        let mut asked = s.asked.clone();
        asked.sort();
        let mut keys: Vec<_> = table::KEYS.iter().map(|k| k.path.to_owned()).collect();
        keys.sort();
        assert_eq!(asked, keys);
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let e = load("[kmip]\nlisten_on = \"1.2.3.4:1\"\n", &[]).unwrap_err();
        assert_eq!(e.info.number, errors::CONFIG_UNKNOWN_KEY.number);
        assert!(e.to_string().contains("`kmip.listen`"), "{e}");
        let e = load("", &[("STRONGROOM_KMIP__LISTN", "x")]).unwrap_err();
        assert!(e.to_string().contains("`kmip.listen`"), "{e}");
        let e = load("[kmip]\nlistn = 1\n[lgo]\nlevel = \"x\"\n", &[]).unwrap_err();
        assert!(e.to_string().contains("`kmip.listen`"), "{e}");
        assert!(e.to_string().contains("`log.level`"), "{e}");
        let e = load("listen = 3\n", &[]).unwrap_err();
        assert_eq!(e.info.number, errors::CONFIG_UNKNOWN_KEY.number);
        let e = load("[kmip.listen]\nx = 1\n", &[]).unwrap_err();
        assert_eq!(e.info.number, errors::CONFIG_BAD_VALUE.number);
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let c = load(
            "[kmip]\nmax_connections = 7\nlisten = \"127.0.0.1:1\"",
            &[
                ("STRONGROOM_KMIP__MAX_CONNECTIONS", "9"),
                ("STRONGROOM_CRYPTO__LEGACY_ALGORITHMS", "true"),
                ("STRONGROOM_LIFE_CYCLE__DESTROY_DELAY", "86400"),
                ("STRONGROOM_KMIP__MAX_FRAME", "64KiB"),
                ("STRONGROOM_BUNDLE", "a variable of the command line"),
                ("PATH", "/bin"),
            ],
        )
        .unwrap();
        assert_eq!((c.kmip.max_connections, c.legacy_algorithms), (9, true));
        assert_eq!((c.kmip.max_frame, c.destroy_delay), (65_536, 86_400));
        assert_eq!(c.kmip.listen.port(), 1);
    }

    #[test]
    fn a_bad_value_says_where_it_stands_and_what_is_wanted() {
        for text in [
            "[kmip]\nlisten = \"localhost\"",
            "[kmip]\nmax_connections = 0",
            "[kmip]\nmax_connections = \"many\"",
            "[kmip]\nframe_timeout = \"30\"",
            "[kmip]\nmax_frame = \"1MB\"",
            "[kmip]\ninterop = 1",
            "[tls]\nmin_version = \"1.1\"",
            "[root]\naccept_file_slot_beside_data = \"yes\"",
            "[data]\ndir = \"\"",
        ] {
            let e = load(text, &[]).unwrap_err();
            assert_eq!(e.info.number, errors::CONFIG_BAD_VALUE.number, "{text}");
            assert!(e.to_string().contains("test.toml") && e.to_string().contains("must be"));
        }
        let e = load("", &[("STRONGROOM_KMIP__INTEROP", "maybe")]).unwrap_err();
        assert!(e.to_string().contains("STRONGROOM_KMIP__INTEROP"), "{e}");
    }

    #[test]
    fn the_sentence_must_be_given_exactly() {
        let text = format!("[root]\naccept_file_slot_beside_data = \"{}\"", table::ACCEPT_BESIDE);
        assert!(load(&text, &[]).unwrap().root.accept_beside);
    }

    #[test]
    fn relative_paths_are_taken_from_the_files_directory() {
        let c = load("[data]\ndir = \"d\"\n[tls]\nkey = \"k.pem\"", &[]).unwrap();
        assert_eq!(c.data.dir, Path::new("/etc/sr/d"));
        assert_eq!(c.tls.key, Path::new("/etc/sr/k.pem"));
    }
}
