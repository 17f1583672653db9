//! A row of a file of keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::admin::types::{CreateKey, ImportKey, SecretText, WrappedKey};
use crate::cli::period::period;
use crate::errors::{self, Fault};

/// What a row may say.
pub(super) const COLUMNS: &[&str] = &[
    "name",
    "id",
    "owner",
    "algorithm",
    "length",
    "usage",
    "groups",
    "activate",
    "rotate_every",
    "deactivate_in",
    "uses",
    "sensitive",
    "extractable",
    "key_hex",
    "key_base64",
    "wrapped_by",
    "wrap",
    "iv_hex",
    "iv_base64",
    "hash",
];

/// A key as its row has it.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The line that it begins in.
    pub(super) line: u64,
    pub(super) name: Option<String>,
    pub(super) id: Option<String>,
    pub(super) owner: Option<String>,
    algorithm: Option<String>,
    pub(super) length: Option<i32>,
    pub(super) usage: Vec<String>,
    groups: Vec<String>,
    pub(super) activate: Option<bool>,
    rotate_every: Option<i64>,
    deactivate_in: Option<i64>,
    uses: Option<i64>,
    sensitive: Option<bool>,
    extractable: Option<bool>,
    key: Option<Octets>,
    pub(super) wrapped_by: Option<String>,
    wrap: Option<String>,
    iv: Option<Octets>,
    hash: Option<String>,
}

/// Octets as they are written.
#[derive(Debug)]
enum Octets {
    Hex(SecretText),
    Base64(SecretText),
}

impl Octets {
    /// In base64. None if they are not what they are said to be.
    fn base64(&self) -> Option<SecretText> {
        let octets = Zeroizing::new(match self {
            Self::Base64(text) => STANDARD.decode(text.reveal()).ok()?,
            Self::Hex(text) => {
                let digits = text.reveal().as_bytes();
                let mut octets = Vec::with_capacity(digits.len() / 2);
                let pairs = digits.chunks_exact(2);
                if !pairs.remainder().is_empty() {
                    return None;
                }
                for pair in pairs {
                    let value = |digit: u8| (digit as char).to_digit(16);
                    let &[high, low] = pair else { return None };
                    octets.push(u8::try_from(value(high)? * 16 + value(low)?).ok()?);
                }
                octets
            }
        });
        Some(SecretText::new(STANDARD.encode(&*octets)))
    }
}

impl Row {
    /// One that says nothing yet.
    pub(super) fn new(line: u64) -> Self {
        Self { line, ..Self::default() }
    }

    /// Sets what a column says; nothing is as good as no column.
    ///
    /// # Errors
    /// [`errors::INPUT`] with the line, never with what stands there.
    pub(super) fn set(&mut self, column: &str, text: &str) -> Result<(), Fault> {
        let line = self.line;
        if text.is_empty() {
            return match COLUMNS.contains(&column) {
                true => Ok(()),
                false => Err(unknown(line)),
            };
        }
        let bad = |what: &str| wrong(line, &format!("{column} is {what}"));
        let number = |text: &str| text.parse::<i64>().map_err(|_| bad("no number"));
        let flag = |text: &str| match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Ok(true),
            "false" | "no" | "0" => Ok(false),
            _ => Err(bad("neither true nor false")),
        };
        let span = |text: &str| period(text).map_err(|_| bad("no period such as 90d"));
        let words = |text: &str| {
            let words = text.split([';', ',', '|']).map(str::trim).filter(|w| !w.is_empty());
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        let plain = || Some(text.to_owned());
        let secret = || SecretText::new(text.to_owned());
        match column {
            "name" => self.name = plain(),
            "id" => self.id = plain(),
            "owner" => self.owner = plain(),
            "algorithm" => self.algorithm = plain(),
            "length" => {
                let length = i32::try_from(number(text)?).map_err(|_| bad("no length"))?;
                self.length = Some(length);
            }
            "usage" => self.usage = words(text),
            "groups" => self.groups = words(text),
            "activate" => self.activate = Some(flag(text)?),
            "rotate_every" => self.rotate_every = Some(span(text)?),
            "deactivate_in" => self.deactivate_in = Some(span(text)?),
            "uses" => self.uses = Some(number(text)?),
            "sensitive" => self.sensitive = Some(flag(text)?),
            "extractable" => self.extractable = Some(flag(text)?),
            "key_hex" => self.give_key(Octets::Hex(secret()))?,
            "key_base64" => self.give_key(Octets::Base64(secret()))?,
            "wrapped_by" => self.wrapped_by = plain(),
            "wrap" => self.wrap = plain(),
            "iv_hex" => self.iv = Some(Octets::Hex(secret())),
            "iv_base64" => self.iv = Some(Octets::Base64(secret())),
            "hash" => self.hash = plain(),
            _ => return Err(unknown(line)),
        }
        Ok(())
    }

    fn give_key(&mut self, key: Octets) -> Result<(), Fault> {
        match self.key.replace(key) {
            None => Ok(()),
            Some(_) => Err(wrong(self.line, "it has two keys: key_hex or key_base64, not both")),
        }
    }

    /// The row as the API takes it, wrapped by the key with this identifier if it is; `wrap` is how,
    /// where the row does not say.
    ///
    /// # Errors
    /// [`errors::INPUT`] with the line.
    pub(super) fn into_key(
        self,
        by: Option<String>,
        wrap: Option<&str>,
    ) -> Result<ImportKey, Fault> {
        let line = self.line;
        if self.name.is_none() && self.id.is_none() {
            let what = "it has neither a name nor an id, by which a second run would find it";
            return Err(wrong(line, what));
        }
        let key = self.key.ok_or_else(|| wrong(line, "it has no key"))?;
        let key =
            key.base64().ok_or_else(|| wrong(line, "its key is not what it is said to be"))?;
        let iv = self.iv.map(|iv| iv.base64().ok_or_else(|| wrong(line, "its iv cannot be read")));
        let iv = iv.transpose()?.map(|iv| iv.reveal().to_owned());
        let wrapped = match (by, self.wrap.or_else(|| wrap.map(str::to_owned))) {
            (Some(by), Some(method)) => Some(WrappedKey { by, method, iv, hash: self.hash }),
            (None, None) if iv.is_none() && self.hash.is_none() => None,
            (Some(_), None) => return Err(wrong(line, "it does not say how it is wrapped")),
            (None, _) => return Err(wrong(line, "it does not say what it is wrapped by")),
        };
        let rotate_every = self.rotate_every.map(u32::try_from).transpose();
        let spec = CreateKey {
            algorithm: self.algorithm.unwrap_or_default(),
            length: self.length,
            name: self.name,
            owner: self.owner,
            key_groups: self.groups,
            usage: self.usage,
            rotate_every: rotate_every.map_err(|_| wrong(line, "rotate_every is too long"))?,
            activate: self.activate.unwrap_or(false),
            deactivate_in: self.deactivate_in,
            uses: self.uses,
            sensitive: self.sensitive,
            extractable: self.extractable,
        };
        Ok(ImportKey { line: Some(line), id: self.id, spec, key, wrapped })
    }
}

fn unknown(line: u64) -> Fault {
    wrong(line, &format!("it has a field that is not known; known are {}", COLUMNS.join(", ")))
}

/// What is wrong with a line.
pub(super) fn wrong(line: u64, what: &str) -> Fault {
    Fault::new(errors::INPUT, format!("Line {line}: {what}."))
}

/// A fault that a line led to.
pub(super) fn at(line: u64, fault: Fault) -> Fault {
    Fault { detail: format!("Line {line}: {}", fault.detail), ..fault }
}
