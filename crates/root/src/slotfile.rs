//! The slot file: the slots as JSON, apart from the data, mode 0600.
//!
//! A backup of the data alone opens nothing, and so does a copy of this file alone. It holds no
//! secret in clear, yet it is kept private: with it, a passphrase can be guessed at home.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{RootError, SlotError};
use crate::keyfile;
use crate::passphrase::Argon2Cost;
use crate::share::SetId;
use crate::slots::{Slot, SlotFile, SlotKind};

const NAME: &str = "strongroom-root-slots";
const FORMAT: u32 = 1;
/// Far more than any sensible set of slots.
const MAX_LEN: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileJson {
    file: String,
    format: u32,
    set: Hex,
    rotation: u64,
    root_check: Hex,
    next_slot: u32,
    slots: Vec<SlotJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<Hex>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlotJson {
    id: u32,
    label: String,
    opens_with: KindJson,
    check: Hex,
    wrapped: Hex,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum KindJson {
    File { path: PathBuf },
    Raw,
    SystemdCredential { name: String },
    Passphrase { memory_kib: u32, passes: u32, lanes: u32, salt: Hex },
    Shamir { threshold: u8, shares: u8, set: Hex },
}

/// Only what a later version must keep: enough to say that it is a later one.
#[derive(Deserialize)]
struct FormatOnly {
    file: String,
    format: u32,
}

impl SlotFile {
    /// Reads a slot file.
    ///
    /// # Errors
    /// When it is not there, others may read it, or it is not a slot file of a known format.
    pub fn load(path: &Path) -> Result<Self, RootError> {
        let mut json = Vec::new();
        let file = keyfile::open_private(path)?;
        file.take(MAX_LEN).read_to_end(&mut json).map_err(keyfile::io_error(path))?;
        Self::from_json(&json)
    }

    /// Writes the slot file in the place of the old one; after a crash one of the two is there.
    ///
    /// # Errors
    /// The file system's.
    pub fn save(&self, path: &Path) -> Result<(), RootError> {
        Ok(keyfile::replace(path, self.to_json().as_bytes())?)
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let json = FileJson { mac: Some(Hex(self.mac.to_vec())), ..self.json() };
        // Strings, numbers and a path that came from JSON or is refused when added.
        serde_json::to_string_pretty(&json).unwrap_or_default() + "\n"
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// When it is not a slot file of a known format.
    pub fn from_json(json: &[u8]) -> Result<Self, RootError> {
        let bad = |e: serde_json::Error| SlotError::BadFile(e.to_string());
        let format: FormatOnly = serde_json::from_slice(json).map_err(bad)?;
        if format.file != NAME {
            return Err(SlotError::BadFile(format!("it says that it is {:?}", format.file)).into());
        }
        if format.format != FORMAT {
            return Err(SlotError::UnknownFormat(format.format).into());
        }
        let json: FileJson = serde_json::from_slice(json).map_err(bad)?;
        let slots = json.slots.into_iter().map(Slot::try_from).collect::<Result<_, _>>()?;
        Ok(SlotFile {
            set: SetId(json.set.array("set")?),
            rotation: json.rotation,
            root_check: json.root_check.array("root_check")?,
            next: json.next_slot,
            slots,
            mac: json
                .mac
                .ok_or_else(|| SlotError::BadFile("mac is missing".into()))?
                .array("mac")?,
        })
    }

    /// The bytes that the MAC covers: the same content without it, in compact form.
    pub(crate) fn covered(&self) -> Vec<u8> {
        serde_json::to_vec(&self.json()).unwrap_or_default()
    }

    fn json(&self) -> FileJson {
        FileJson {
            file: NAME.into(),
            format: FORMAT,
            set: Hex(self.set.0.to_vec()),
            rotation: self.rotation,
            root_check: Hex(self.root_check.to_vec()),
            next_slot: self.next,
            slots: self.slots.iter().map(SlotJson::from).collect(),
            mac: None,
        }
    }
}

impl From<&Slot> for SlotJson {
    fn from(slot: &Slot) -> Self {
        let opens_with = match &slot.kind {
            SlotKind::File { path } => KindJson::File { path: path.clone() },
            SlotKind::Raw => KindJson::Raw,
            SlotKind::SystemdCredential { name } => {
                KindJson::SystemdCredential { name: name.clone() }
            }
            SlotKind::Passphrase { cost, salt } => KindJson::Passphrase {
                memory_kib: cost.memory_kib,
                passes: cost.passes,
                lanes: cost.lanes,
                salt: Hex(salt.clone()),
            },
            SlotKind::Shamir { threshold, shares, set } => KindJson::Shamir {
                threshold: *threshold,
                shares: *shares,
                set: Hex(set.0.to_vec()),
            },
        };
        SlotJson {
            id: slot.id,
            label: slot.label.clone(),
            opens_with,
            check: Hex(slot.check.to_vec()),
            wrapped: Hex(slot.wrapped.clone()),
        }
    }
}

impl TryFrom<SlotJson> for Slot {
    type Error = SlotError;

    fn try_from(json: SlotJson) -> Result<Self, SlotError> {
        let kind = match json.opens_with {
            KindJson::File { path } => SlotKind::File { path },
            KindJson::Raw => SlotKind::Raw,
            KindJson::SystemdCredential { name } => SlotKind::SystemdCredential { name },
            KindJson::Passphrase { memory_kib, passes, lanes, salt } => SlotKind::Passphrase {
                cost: Argon2Cost { memory_kib, passes, lanes },
                salt: salt.0,
            },
            KindJson::Shamir { threshold, shares, set } => {
                SlotKind::Shamir { threshold, shares, set: SetId(set.array("set")?) }
            }
        };
        let check = json.check.array("check")?;
        Ok(Slot { id: json.id, label: json.label, kind, check, wrapped: json.wrapped.0 })
    }
}

/// Bytes as a hex string.
struct Hex(Vec<u8>);

impl Hex {
    fn array<const N: usize>(&self, field: &str) -> Result<[u8; N], SlotError> {
        let wrong =
            |_| SlotError::BadFile(format!("{field} has {} bytes instead of {N}", self.0.len()));
        self.0.as_slice().try_into().map_err(wrong)
    }
}

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&HexText(&self.0))
    }
}

struct HexText<'a>(&'a [u8]);

impl std::fmt::Display for HexText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits: Option<Vec<u8>> =
            text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
        match digits {
            Some(digits) if digits.len().is_multiple_of(2) => Ok(Hex(digits
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0, |v, d| v << 4 | d))
                .collect())),
            _ => Err(serde::de::Error::custom("not a string of hex bytes")),
        }
    }
}
