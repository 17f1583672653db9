//! Protocol versions (KMIP specification, "Protocol Version").

use core::fmt;

/// A KMIP protocol version: major, then minor. Ordered as the versions were published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolVersion {
    /// Protocol Version Major.
    pub major: u16,
    /// Protocol Version Minor.
    pub minor: u16,
}

impl ProtocolVersion {
    /// KMIP 1.0.
    pub const V1_0: Self = Self::new(1, 0);
    /// KMIP 1.1.
    pub const V1_1: Self = Self::new(1, 1);
    /// KMIP 1.2.
    pub const V1_2: Self = Self::new(1, 2);
    /// KMIP 1.3.
    pub const V1_3: Self = Self::new(1, 3);
    /// KMIP 1.4.
    pub const V1_4: Self = Self::new(1, 4);
    /// KMIP 2.0.
    pub const V2_0: Self = Self::new(2, 0);
    /// KMIP 2.1.
    pub const V2_1: Self = Self::new(2, 1);

    /// Every version this crate speaks, newest first: the order in which Discover Versions
    /// answers.
    pub const ALL: [Self; 7] =
        [Self::V2_1, Self::V2_0, Self::V1_4, Self::V1_3, Self::V1_2, Self::V1_1, Self::V1_0];

    /// A version from its two numbers, whether this crate speaks it or not.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// Whether this crate speaks the version.
    pub fn is_supported(self) -> bool {
        Self::ALL.contains(&self)
    }

    /// The version itself where this crate speaks it, else the nearest that it does: what a reply
    /// to a message of this version is written in.
    pub fn nearest_supported(self) -> Self {
        match self.major {
            0 => Self::V1_0,
            1 => self.min(Self::V1_4),
            _ => self.min(Self::V2_1),
        }
    }

    /// Whether attributes travel in the 2.x manner (Attributes structures) in this version.
    pub fn has_attributes_structure(self) -> bool {
        self.major >= 2
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The versions in which an item exists, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// First version that has the item.
    pub from: ProtocolVersion,
    /// Last version that has it.
    pub to: ProtocolVersion,
}

impl VersionRange {
    /// Whether `version` lies in the range.
    pub fn contains(self, version: ProtocolVersion) -> bool {
        self.from <= version && version <= self.to
    }
}
