//! How the disk is doing, in the admin API's words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strongroom_engine::{DiskState, DiskStatus};

/// How much room there is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Room {
    /// Enough.
    #[default]
    Ok,
    /// Little; requests are answered.
    Low,
    /// None; changes and uses are refused.
    Full,
}

impl Room {
    /// Whether there is nothing to say.
    pub fn is_enough(&self) -> bool {
        *self == Room::Ok
    }

    /// The word of the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Room::Ok => "ok",
            Room::Low => "low",
            Room::Full => "full",
        }
    }
}

impl From<DiskState> for Room {
    fn from(state: DiskState) -> Self {
        match state {
            DiskState::Ok => Room::Ok,
            DiskState::Low => Room::Low,
            DiskState::Full => Room::Full,
        }
    }
}

/// A filesystem that the server writes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disk {
    /// `data`, or `audit` where that is another filesystem.
    pub name: String,
    /// A directory on it.
    pub path: String,
    /// How much room there is.
    pub room: Room,
    /// Bytes free, beside the reserve.
    pub free_bytes: u64,
    /// Bytes of the reserve that are held.
    pub reserve_bytes: u64,
}

impl From<DiskStatus> for Disk {
    fn from(status: DiskStatus) -> Self {
        Self {
            name: status.name.to_owned(),
            path: status.path.display().to_string(),
            room: status.state.into(),
            free_bytes: status.free,
            reserve_bytes: status.reserve,
        }
    }
}
