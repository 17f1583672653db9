//! The configuration in force, as TOML that says where each value is from. No key takes a secret:
//! secrets are in files, and only the files' names are here.

use std::path::Path;

use super::table::{KEYS, Key, Kind, SECTIONS};
use super::{Config, Settings, forward};
use crate::errors::Fault;

/// The widest line.
const WIDTH: usize = 80;

impl Config {
    /// What `file` and `env` come to: every key with its value and where that was set. Paths are
    /// whole.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn in_force(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<String, Fault> {
        let mut settings = Settings::read(file, env)?;
        let config = Self::build(&mut settings)?;
        let mut out = String::new();
        for (section, _) in SECTIONS {
            out.push_str(&format!("[{section}]\n"));
            for key in KEYS {
                let Some((of, name)) = key.path.split_once('.') else { continue };
                if of == *section {
                    out.push_str(&line(name, key, &settings, &config));
                }
            }
            out.push('\n');
        }
        for (table, _) in &settings.forward {
            out.push_str(&format!("[[{}]]\n", forward::SECTION));
            for (name, value) in table {
                out.push_str(&format!("{name} = {value}\n"));
            }
            out.push('\n');
        }
        Ok(format!("{}\n", out.trim_end()))
    }

    /// What `file` and `env` come to: every key that has a value, with it, in the order of the table;
    /// destinations by their names.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn values(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Vec<(String, String)>, Fault> {
        let mut settings = Settings::read(file, env)?;
        let config = Self::build(&mut settings)?;
        let of_key = |key: &Key| (key.path.to_owned(), value_of(key, &settings, &config).0);
        let mut values: Vec<_> = KEYS.iter().map(of_key).filter(|(_, v)| !v.is_empty()).collect();
        for (table, _) in &settings.forward {
            let name = table.get("name").and_then(toml::Value::as_str).unwrap_or_default();
            let pairs: Vec<_> =
                table.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            values.push((format!("{}.{name}", forward::SECTION), pairs.join(", ")));
        }
        Ok(values)
    }
}

/// The value of a key, nothing where there is none, and where it is from.
fn value_of<'a>(key: &Key, settings: &'a Settings, config: &Config) -> (String, &'a str) {
    match (settings.values.get(key.path), key.default) {
        (Some((value, _)), _) if value.as_str() == Some("") => (String::new(), "not set"),
        (Some((toml::Value::String(path), origin)), _) if key.kind == Kind::Path => {
            (whole(&settings.base.join(path)), origin.as_str())
        }
        (Some((value, origin)), _) => (value.to_string(), origin.as_str()),
        (None, Some(default)) => (default.to_owned(), "default"),
        (None, None) => match derived(key.path, config) {
            Some((path, origin)) => (whole(path), origin),
            None => (String::new(), "not set"),
        },
    }
}

fn line(name: &str, key: &Key, settings: &Settings, config: &Config) -> String {
    let (value, origin) = value_of(key, settings, config);
    if value.is_empty() {
        return format!("#{name} = \"\"  # {origin}\n");
    }
    let set = format!("{name} = {value}");
    if set.chars().count() + origin.chars().count() + 4 > WIDTH {
        return format!("# {origin}:\n{set}\n");
    }
    format!("{set}  # {origin}\n")
}

/// What a path that was left out follows from.
fn derived<'a>(path: &str, config: &'a Config) -> Option<(&'a Path, &'static str)> {
    match path {
        "tls.certificate" => Some((&config.tls.certificate, "beside data.dir")),
        "tls.key" => Some((&config.tls.key, "beside data.dir")),
        "tls.client_ca" => Some((&config.tls.client_ca, "beside data.dir")),
        "root.file_key_path" => Some((&config.root.file_key_path, "beside root.slots_path")),
        _ => None,
    }
}

fn whole(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    toml::Value::String(path.display().to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_reads_back_as_itself_and_says_where_it_is_from() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        let text = "[data]\ndir = \"d\"\n[kmip]\nmax_connections = 7\nlisten = \"127.0.0.1:1\"\n\
                    [[forward]]\nname = \"siem\"\naddress = \"a:1\"\ntransport = \"tcp\"\n";
        std::fs::write(&file, text).unwrap();
        let env = || {
            let pair = ("STRONGROOM_KMIP__MAX_CONNECTIONS".to_owned(), "9".to_owned());
            core::iter::once(pair)
        };
        let shown = Config::in_force(Some(&file), env()).unwrap();
        let again = dir.path().join("again.toml");
        std::fs::write(&again, &shown).unwrap();
        let nothing = || core::iter::empty();
        assert_eq!(
            Config::load(Some(&again), nothing()).unwrap(),
            Config::load(Some(&file), env()).unwrap(),
            "{shown}"
        );
        for expected in [
            "max_connections = 9  # the environment's STRONGROOM_KMIP__MAX_CONNECTIONS\n",
            "listen = \"127.0.0.1:1\"  # ",
            "site = 1  # default\n",
            "#anchors_path = \"\"  # not set\n",
            "beside data.dir",
        ] {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
    }

    #[test]
    fn no_key_takes_a_secret() {
        let secret = ["secret", "password", "passphrase", "token", "pin", "share"];
        for key in KEYS {
            let name = key.path.rsplit('.').next().unwrap();
            let words: Vec<&str> = name.split('_').collect();
            assert!(!secret.iter().any(|s| words.contains(s)), "{}", key.path);
        }
        for key in forward::KEYS {
            assert!(!secret.contains(&key.name), "{}", key.name);
        }
    }
}
