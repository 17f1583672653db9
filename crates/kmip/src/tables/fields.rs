//! Fields that a structure gained or lost after both the structure and the field's tag existed:
//! what the tag table alone cannot tell.

use super::tags::SLOTS;
use super::{Tag, range};
use crate::version::VersionRange;

/// One field of one structure and the versions in which the structure has it.
#[derive(Clone, Copy, Debug)]
pub struct FieldGate {
    /// The structure.
    pub structure: Tag,
    /// The field in it.
    pub field: Tag,
    /// The versions in which the structure has the field.
    pub versions: VersionRange,
}

const GATES: &[FieldGate] = &[
    FieldGate {
        structure: Tag::CRYPTOGRAPHIC_PARAMETERS,
        field: Tag::CRYPTOGRAPHIC_ALGORITHM,
        versions: range!(V1_2, V2_1),
    },
    FieldGate {
        structure: Tag::CRYPTOGRAPHIC_PARAMETERS,
        field: Tag::DIGITAL_SIGNATURE_ALGORITHM,
        versions: range!(V1_2, V2_1),
    },
    FieldGate { structure: Tag::DIGEST, field: Tag::KEY_FORMAT_TYPE, versions: range!(V1_1, V2_1) },
    FieldGate { structure: Tag::KEY_VALUE, field: Tag::ATTRIBUTE, versions: range!(V1_0, V1_4) },
    FieldGate {
        structure: Tag::REQUEST_PAYLOAD,
        field: Tag::ATTRIBUTE,
        versions: range!(V1_0, V1_4),
    },
    FieldGate {
        structure: Tag::REQUEST_PAYLOAD,
        field: Tag::ATTRIBUTE_NAME,
        versions: range!(V1_0, V1_4),
    },
    FieldGate {
        structure: Tag::RESPONSE_PAYLOAD,
        field: Tag::ATTRIBUTE,
        versions: range!(V1_0, V1_4),
    },
    FieldGate {
        structure: Tag::RESPONSE_PAYLOAD,
        field: Tag::ATTRIBUTE_NAME,
        versions: range!(V1_0, V1_4),
    },
    FieldGate {
        structure: Tag::ATTRIBUTE,
        field: Tag::VENDOR_IDENTIFICATION,
        versions: range!(V2_0, V2_1),
    },
];

/// For each standard tag whether it is a structure with gated fields: most are not, and the
/// encoder asks for every item.
static HAS_GATES: [bool; SLOTS] = {
    let mut has = [false; SLOTS];
    let mut at = 0;
    while at < GATES.len() {
        has[(GATES[at].structure.0 & 0x1FF) as usize] = true;
        at += 1;
    }
    has
};

/// The versions in which `structure` has `field`, where they are narrower than both tags' own.
pub fn field_versions(structure: Tag, field: Tag) -> Option<VersionRange> {
    if !*HAS_GATES.get(structure.slot()?)? {
        return None;
    }
    GATES.iter().find(|g| g.structure == structure && g.field == field).map(|g| g.versions)
}
