//! Attributes and their rules (KMIP 1.4 section 3, KMIP 2.1 section 4).

use super::tags::SLOTS;
use super::{Tag, range};
use crate::version::VersionRange;

/// The rules of one attribute, from the rule table that the specification gives with it.
#[derive(Clone, Copy, Debug)]
pub struct AttributeRule {
    /// The attribute: its tag in 2.x; the tag's name is the attribute's name in 1.x.
    pub tag: Tag,
    /// Whether an object may have several instances.
    pub multi: bool,
    /// Whether every object that the attribute applies to always has a value.
    pub always: bool,
    /// Whether a client may set the first value.
    pub client_sets: bool,
    /// Whether a client may change a value (states and dates may narrow this further).
    pub client_modifies: bool,
    /// Whether a client may delete an instance.
    pub client_deletes: bool,
    /// Whether the server may set the first value.
    pub server_sets: bool,
    /// Whether the server may change a value without being asked.
    pub server_modifies: bool,
    /// The versions that have the attribute.
    pub versions: VersionRange,
}

const NONE: AttributeRule = AttributeRule {
    tag: Tag(0),
    multi: false,
    always: false,
    client_sets: false,
    client_modifies: false,
    client_deletes: false,
    server_sets: false,
    server_modifies: false,
    versions: range!(V1_0, V2_1),
};

macro_rules! attributes {
    ($( $tag:ident, [$($flag:ident)*], $from:ident ..= $to:ident; )*) => {
        /// Every attribute of KMIP 1.0 to 2.1, in the order of the specification. Vendor (custom)
        /// attributes have no row.
        pub const ATTRIBUTES: &[AttributeRule] = &[ $( AttributeRule {
            tag: Tag::$tag, $($flag: true,)* versions: range!($from, $to), ..NONE
        }, )* ];
    };
}

/// For each tag from `0x420000` on its row in [`ATTRIBUTES`], or a number past the end.
static INDEX: [u8; SLOTS] = {
    let mut index = [u8::MAX; SLOTS];
    let mut row = 0;
    while row < ATTRIBUTES.len() {
        index[(ATTRIBUTES[row].tag.0 & 0x1FF) as usize] = row as u8;
        row += 1;
    }
    index
};

impl AttributeRule {
    /// The rules of the attribute with this tag.
    pub fn of(tag: Tag) -> Option<&'static Self> {
        let row = usize::from(*INDEX.get(tag.slot()?)?);
        ATTRIBUTES.get(row)
    }

    /// The rules of the attribute with this name, in the specification's spelling.
    pub fn of_name(name: &str) -> Option<&'static Self> {
        ATTRIBUTES.iter().find(|rule| rule.tag.name() == name)
    }
}

attributes! {
    UNIQUE_IDENTIFIER, [always server_sets], V1_0..=V2_1;
    NAME, [multi client_sets client_modifies client_deletes server_modifies], V1_0..=V2_1;
    OBJECT_TYPE, [always server_sets], V1_0..=V2_1;
    CRYPTOGRAPHIC_ALGORITHM, [always server_sets], V1_0..=V2_1;
    CRYPTOGRAPHIC_LENGTH, [always server_sets], V1_0..=V2_1;
    CRYPTOGRAPHIC_PARAMETERS, [multi client_sets client_modifies client_deletes], V1_0..=V2_1;
    CRYPTOGRAPHIC_DOMAIN_PARAMETERS, [client_sets], V1_0..=V2_1;
    CERTIFICATE_TYPE, [always server_sets], V1_0..=V2_1;
    CERTIFICATE_IDENTIFIER, [always server_sets], V1_0..=V1_4;
    CERTIFICATE_SUBJECT, [always server_sets], V1_0..=V1_4;
    CERTIFICATE_ISSUER, [always server_sets], V1_0..=V1_4;
    DIGEST, [multi always server_sets], V1_0..=V2_1;
    OPERATION_POLICY_NAME, [client_sets server_sets server_modifies], V1_0..=V1_4;
    CRYPTOGRAPHIC_USAGE_MASK, [always client_sets server_sets server_modifies], V1_0..=V2_1;
    LEASE_TIME, [server_sets server_modifies], V1_0..=V2_1;
    USAGE_LIMITS, [client_sets client_modifies client_deletes server_sets server_modifies], V1_0..=V2_1;
    STATE, [always server_sets server_modifies], V1_0..=V2_1;
    INITIAL_DATE, [always server_sets], V1_0..=V2_1;
    ACTIVATION_DATE, [client_sets client_modifies server_sets server_modifies], V1_0..=V2_1;
    PROCESS_START_DATE, [client_sets client_modifies server_sets server_modifies], V1_0..=V2_1;
    PROTECT_STOP_DATE, [client_sets client_modifies server_sets server_modifies], V1_0..=V2_1;
    DEACTIVATION_DATE, [client_sets client_modifies server_sets server_modifies], V1_0..=V2_1;
    DESTROY_DATE, [server_sets], V1_0..=V2_1;
    COMPROMISE_OCCURRENCE_DATE, [server_sets], V1_0..=V2_1;
    COMPROMISE_DATE, [server_sets], V1_0..=V2_1;
    REVOCATION_REASON, [server_sets server_modifies], V1_0..=V2_1;
    ARCHIVE_DATE, [server_sets], V1_0..=V2_1;
    OBJECT_GROUP, [multi client_sets client_modifies client_deletes server_sets server_modifies], V1_0..=V2_1;
    LINK, [multi client_sets client_modifies client_deletes server_sets server_modifies], V1_0..=V2_1;
    APPLICATION_SPECIFIC_INFORMATION, [multi client_sets client_modifies client_deletes server_sets server_modifies], V1_0..=V2_1;
    CONTACT_INFORMATION, [client_sets client_modifies client_deletes server_sets server_modifies], V1_0..=V2_1;
    LAST_CHANGE_DATE, [always server_sets server_modifies], V1_0..=V2_1;
    CERTIFICATE_LENGTH, [always server_sets], V1_1..=V2_1;
    X_509_CERTIFICATE_IDENTIFIER, [always server_sets], V1_1..=V2_1;
    X_509_CERTIFICATE_SUBJECT, [always server_sets], V1_1..=V2_1;
    X_509_CERTIFICATE_ISSUER, [always server_sets], V1_1..=V2_1;
    DIGITAL_SIGNATURE_ALGORITHM, [multi always server_sets], V1_1..=V2_1;
    FRESH, [always client_sets server_sets server_modifies], V1_1..=V2_1;
    ALTERNATIVE_NAME, [multi client_sets client_modifies client_deletes server_modifies], V1_2..=V2_1;
    KEY_VALUE_PRESENT, [server_sets], V1_2..=V2_1;
    KEY_VALUE_LOCATION, [multi client_sets client_modifies client_deletes], V1_2..=V2_1;
    ORIGINAL_CREATION_DATE, [client_sets server_sets], V1_2..=V2_1;
    RANDOM_NUMBER_GENERATOR, [client_sets server_sets], V1_3..=V2_1;
    PKCS_12_FRIENDLY_NAME, [client_sets client_modifies client_deletes server_sets], V1_4..=V2_1;
    DESCRIPTION, [client_sets client_modifies client_deletes server_sets server_modifies], V1_4..=V2_1;
    COMMENT, [client_sets client_modifies client_deletes server_sets server_modifies], V1_4..=V2_1;
    SENSITIVE, [always client_sets client_modifies server_sets server_modifies], V1_4..=V2_1;
    ALWAYS_SENSITIVE, [always server_sets server_modifies], V1_4..=V2_1;
    EXTRACTABLE, [always client_sets client_modifies server_sets server_modifies], V1_4..=V2_1;
    NEVER_EXTRACTABLE, [always server_sets server_modifies], V1_4..=V2_1;
    CERTIFICATE_SUBJECT_CN, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_SUBJECT_O, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_SUBJECT_OU, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_SUBJECT_EMAIL, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_SUBJECT_C, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_SUBJECT_ST, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_SUBJECT_L, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_SUBJECT_UID, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_SUBJECT_SERIAL_NUMBER, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_SUBJECT_TITLE, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_SUBJECT_DC, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_SUBJECT_DN_QUALIFIER, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_ISSUER_CN, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_ISSUER_O, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_ISSUER_OU, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_ISSUER_EMAIL, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_ISSUER_C, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_ISSUER_ST, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_ISSUER_L, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_ISSUER_UID, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_ISSUER_SERIAL_NUMBER, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_ISSUER_TITLE, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_ISSUER_DC, [multi server_sets], V1_4..=V2_1;
    CERTIFICATE_ISSUER_DN_QUALIFIER, [multi server_sets], V1_4..=V2_1;
    KEY_FORMAT_TYPE, [always server_sets], V2_0..=V2_1;
    NIST_KEY_TYPE, [multi client_sets], V2_0..=V2_1;
    OPAQUE_DATA_TYPE, [always server_sets], V2_0..=V2_1;
    PROTECTION_LEVEL, [client_sets client_modifies client_deletes], V2_0..=V2_1;
    PROTECTION_PERIOD, [client_sets client_modifies client_deletes], V2_0..=V2_1;
    PROTECTION_STORAGE_MASK, [always server_sets], V2_0..=V2_1;
    QUANTUM_SAFE, [client_sets client_modifies client_deletes], V2_0..=V2_1;
    SHORT_UNIQUE_IDENTIFIER, [always server_sets], V2_0..=V2_1;
    ROTATE_AUTOMATIC, [client_sets server_sets server_modifies], V2_1..=V2_1;
    ROTATE_DATE, [server_sets], V2_1..=V2_1;
    ROTATE_GENERATION, [server_sets], V2_1..=V2_1;
    ROTATE_INTERVAL, [client_sets server_sets server_modifies], V2_1..=V2_1;
    ROTATE_LATEST, [server_sets server_modifies], V2_1..=V2_1;
    ROTATE_NAME, [client_sets client_modifies client_deletes], V2_1..=V2_1;
    ROTATE_OFFSET, [client_sets server_sets server_modifies], V2_1..=V2_1;
}
