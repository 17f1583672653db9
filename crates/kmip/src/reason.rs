//! Result reasons for every version: a server decides by the newest wording, an older client gets
//! the nearest that its version has (KMIP 1.4 section 11 says what 1.x answers to each error).

use crate::tables::ResultReason;
use crate::version::ProtocolVersion;

impl ResultReason {
    /// The reason itself where `version` has it, else the nearest that it has.
    pub fn for_version(self, version: ProtocolVersion) -> Self {
        let mut reason = self;
        // Each step goes to an older or a more general reason; two steps reach 1.0 from anywhere.
        for _ in 0..4 {
            if reason.exists_in(version) {
                return reason;
            }
            reason = reason.nearest();
        }
        Self::GENERAL_FAILURE
    }

    fn nearest(self) -> Self {
        match self {
            // 1.x to 2.x.
            Self::ILLEGAL_OPERATION => Self::ILLEGAL_OBJECT_TYPE,
            Self::INDEX_OUT_OF_BOUNDS => Self::ATTRIBUTE_SINGLE_VALUED,

            // Within 1.x.
            Self::SENSITIVE
            | Self::NOT_EXTRACTABLE
            | Self::ATTESTATION_REQUIRED
            | Self::ATTESTATION_FAILED => Self::PERMISSION_DENIED,
            Self::OBJECT_ALREADY_EXISTS | Self::ENCODING_OPTION_ERROR => Self::INVALID_FIELD,
            Self::KEY_VALUE_NOT_PRESENT => Self::ITEM_NOT_FOUND,

            // 2.x to 1.x.
            Self::OBJECT_NOT_FOUND
            | Self::OBJECT_DESTROYED
            | Self::ATTRIBUTE_NOT_FOUND
            | Self::ATTRIBUTE_INSTANCE_NOT_FOUND
            | Self::WRAPPING_OBJECT_NOT_FOUND
            | Self::WRAPPING_OBJECT_DESTROYED => Self::ITEM_NOT_FOUND,
            Self::WRAPPING_OBJECT_ARCHIVED => Self::OBJECT_ARCHIVED,
            Self::NOT_AUTHORISED
            | Self::USAGE_LIMIT_EXCEEDED
            | Self::READ_ONLY_ATTRIBUTE
            | Self::ATTRIBUTE_READ_ONLY
            | Self::INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK
            | Self::WRONG_KEY_LIFECYCLE_STATE
            | Self::CONSTRAINT_VIOLATION => Self::PERMISSION_DENIED,
            Self::ILLEGAL_OBJECT_TYPE | Self::ATTRIBUTE_SINGLE_VALUED => Self::ILLEGAL_OPERATION,
            Self::INVALID_TICKET | Self::BAD_PASSWORD => Self::AUTHENTICATION_NOT_SUCCESSFUL,
            Self::CODEC_ERROR | Self::UNKNOWN_TAG | Self::UNSUPPORTED_PROTOCOL_VERSION => {
                Self::INVALID_MESSAGE
            }
            Self::UNKNOWN_MESSAGE_EXTENSION | Self::KEY_WRAP_TYPE_NOT_SUPPORTED => {
                Self::FEATURE_NOT_SUPPORTED
            }
            Self::MISSING_INITIALIZATION_VECTOR => Self::MISSING_DATA,
            Self::NUMERIC_RANGE
            | Self::INVALID_DATA_TYPE
            | Self::MULTI_VALUED_ATTRIBUTE
            | Self::UNSUPPORTED_ATTRIBUTE
            | Self::BAD_CRYPTOGRAPHIC_PARAMETERS
            | Self::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS
            | Self::INVALID_ASYNCHRONOUS_CORRELATION_VALUE
            | Self::INVALID_ATTRIBUTE
            | Self::INVALID_ATTRIBUTE_VALUE
            | Self::INVALID_CORRELATION_VALUE
            | Self::INVALID_CSR
            | Self::INVALID_OBJECT_TYPE
            | Self::NON_UNIQUE_NAME_ATTRIBUTE
            | Self::UNKNOWN_ENUMERATION
            | Self::UNKNOWN_OBJECT_GROUP
            | Self::PKCS_11_CODEC_ERROR
            | Self::PKCS_11_INVALID_FUNCTION
            | Self::PKCS_11_INVALID_INTERFACE => Self::INVALID_FIELD,
            _ => Self::GENERAL_FAILURE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_nearest_one_in_every_version() {
        for row in ResultReason::TABLE.values {
            for version in ProtocolVersion::ALL {
                let nearest = ResultReason(row.code).for_version(version);
                assert!(nearest.exists_in(version), "{} in {version}", row.name);
            }
        }
    }

    #[test]
    fn a_reason_that_the_version_has_stays_as_it_is() {
        let reason = ResultReason::SENSITIVE;
        assert_eq!(reason.for_version(ProtocolVersion::V1_4), reason);
        assert_eq!(reason.for_version(ProtocolVersion::V1_2), ResultReason::PERMISSION_DENIED);
        assert_eq!(
            ResultReason::OBJECT_DESTROYED.for_version(ProtocolVersion::V1_0),
            ResultReason::ITEM_NOT_FOUND
        );
    }
}
