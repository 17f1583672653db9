//! Tags (KMIP 1.4 section 9.1.3.1, KMIP 2.1 section 11.56).

use core::fmt;

use super::{EnumInfo, range};
use crate::ttlv::ItemType;
use crate::version::{ProtocolVersion, VersionRange};

/// A tag: three bytes on the wire. Open: tags that no version names (extensions, `0x54....`) are
/// carried as they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u32);

/// What the table knows of a tag.
#[derive(Clone, Copy, Debug)]
pub struct TagInfo {
    /// The tag itself.
    pub tag: Tag,
    /// Its name in the specification; also the name of a 1.x attribute.
    pub name: &'static str,
    /// Its element name in the XML and JSON encodings.
    pub encoded_name: &'static str,
    /// The only item type that the specification allows, or none where it depends on place or
    /// version.
    pub item_type: Option<ItemType>,
    /// The table that gives its enumeration values or mask bits their names, if it has one.
    pub values: Option<&'static EnumInfo>,
    /// The versions that have the tag.
    pub versions: VersionRange,
}

macro_rules! item_type {
    (Any) => {
        None
    };
    ($ty:ident) => {
        Some(ItemType::$ty)
    };
}

macro_rules! values_table {
    () => {
        None
    };
    ($table:ident) => {
        Some(super::$table::TABLE)
    };
}

macro_rules! tags {
    ($( $konst:ident = $code:literal, $name:literal, $xml:literal, $ty:ident $([$table:ident])?, $from:ident ..= $to:ident; )*) => {
        impl Tag {
            $( #[doc = concat!("\"", $name, "\" (", stringify!($from), " to ", stringify!($to), ").")] pub const $konst: Self = Self($code); )*
        }

        /// Every tag of KMIP 1.0 to 2.1, ordered by code.
        pub const TAGS: &[TagInfo] = &[ $( TagInfo {
            tag: Tag::$konst, name: $name, encoded_name: $xml,
            item_type: item_type!($ty), values: values_table!($($table)?), versions: range!($from, $to),
        }, )* ];
    };
}

/// How many tags a standard table can hold: `0x420000` to `0x4201FF`.
pub(crate) const SLOTS: usize = 512;

/// For each tag from `0x420000` on its row in [`TAGS`], or a number past the end.
static INDEX: [u16; SLOTS] = {
    let mut index = [u16::MAX; SLOTS];
    let mut row = 0;
    while row < TAGS.len() {
        index[(TAGS[row].tag.0 & 0x1FF) as usize] = row as u16;
        row += 1;
    }
    index
};

/// For each tag from `0x420000` on the byte of the only item type that it may have, or 0.
static ITEM_TYPES: [u8; SLOTS] = {
    let mut types = [0; SLOTS];
    let mut row = 0;
    while row < TAGS.len() {
        if let Some(item_type) = TAGS[row].item_type {
            types[(TAGS[row].tag.0 & 0x1FF) as usize] = item_type as u8;
        }
        row += 1;
    }
    types
};

impl Tag {
    /// The tag's place in tables over all standard tags, if it is in their range.
    pub(crate) const fn slot(self) -> Option<usize> {
        if self.0 >> 9 == 0x42_0000 >> 9 { Some((self.0 & 0x1FF) as usize) } else { None }
    }

    /// Whether the specification keeps the tag for itself: all others are extensions (KMIP 2.1
    /// section 11.55).
    pub const fn is_standard(self) -> bool {
        self.0 >> 16 == 0x42
    }

    /// The only item type that the specification allows for the tag, if there is only one.
    /// Quicker than [`info`](Self::info): the decoder asks for every item.
    pub fn item_type(self) -> Option<ItemType> {
        ItemType::from_byte(*ITEM_TYPES.get(self.slot()?)?)
    }

    /// The tag's row in the table, if a version names it.
    pub fn info(self) -> Option<&'static TagInfo> {
        let row = usize::from(*INDEX.get(self.slot()?)?);
        TAGS.get(row)
    }

    /// The tag with this name, in the specification's or the encoded spelling.
    pub fn by_name(name: &str) -> Option<Self> {
        TAGS.iter().find(|t| t.encoded_name == name || t.name == name).map(|t| t.tag)
    }

    /// Whether `version` has this tag.
    pub fn exists_in(self, version: ProtocolVersion) -> bool {
        self.info().is_some_and(|t| t.versions.contains(version))
    }

    /// The tag's name in the specification, or `"unknown"`.
    pub fn name(self) -> &'static str {
        self.info().map_or("unknown", |t| t.name)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.info() {
            Some(t) => f.write_str(t.encoded_name),
            None => write!(f, "0x{:06X}", self.0),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.info() {
            Some(t) => f.write_str(t.name),
            None => write!(f, "0x{:06X}", self.0),
        }
    }
}

tags! {
    ACTIVATION_DATE = 0x420001, "Activation Date", "ActivationDate", DateTime, V1_0..=V2_1;
    APPLICATION_DATA = 0x420002, "Application Data", "ApplicationData", TextString, V1_0..=V2_1;
    APPLICATION_NAMESPACE = 0x420003, "Application Namespace", "ApplicationNamespace", TextString, V1_0..=V2_1;
    APPLICATION_SPECIFIC_INFORMATION = 0x420004, "Application Specific Information", "ApplicationSpecificInformation", Structure, V1_0..=V2_1;
    ARCHIVE_DATE = 0x420005, "Archive Date", "ArchiveDate", DateTime, V1_0..=V2_1;
    ASYNCHRONOUS_CORRELATION_VALUE = 0x420006, "Asynchronous Correlation Value", "AsynchronousCorrelationValue", ByteString, V1_0..=V2_1;
    ASYNCHRONOUS_INDICATOR = 0x420007, "Asynchronous Indicator", "AsynchronousIndicator", Any [AsynchronousIndicator], V1_0..=V2_1;
    ATTRIBUTE = 0x420008, "Attribute", "Attribute", Structure, V1_0..=V2_1;
    ATTRIBUTE_INDEX = 0x420009, "Attribute Index", "AttributeIndex", Integer, V1_0..=V1_4;
    ATTRIBUTE_NAME = 0x42000A, "Attribute Name", "AttributeName", TextString, V1_0..=V2_1;
    ATTRIBUTE_VALUE = 0x42000B, "Attribute Value", "AttributeValue", Any, V1_0..=V2_1;
    AUTHENTICATION = 0x42000C, "Authentication", "Authentication", Structure, V1_0..=V2_1;
    BATCH_COUNT = 0x42000D, "Batch Count", "BatchCount", Integer, V1_0..=V2_1;
    BATCH_ERROR_CONTINUATION_OPTION = 0x42000E, "Batch Error Continuation Option", "BatchErrorContinuationOption", Enumeration [BatchErrorContinuationOption], V1_0..=V2_1;
    BATCH_ITEM = 0x42000F, "Batch Item", "BatchItem", Structure, V1_0..=V2_1;
    BATCH_ORDER_OPTION = 0x420010, "Batch Order Option", "BatchOrderOption", Boolean, V1_0..=V2_1;
    BLOCK_CIPHER_MODE = 0x420011, "Block Cipher Mode", "BlockCipherMode", Enumeration [BlockCipherMode], V1_0..=V2_1;
    CANCELLATION_RESULT = 0x420012, "Cancellation Result", "CancellationResult", Enumeration [CancellationResult], V1_0..=V2_1;
    CERTIFICATE = 0x420013, "Certificate", "Certificate", Structure, V1_0..=V2_1;
    CERTIFICATE_IDENTIFIER = 0x420014, "Certificate Identifier", "CertificateIdentifier", Structure, V1_0..=V1_4;
    CERTIFICATE_ISSUER = 0x420015, "Certificate Issuer", "CertificateIssuer", Structure, V1_0..=V1_4;
    CERTIFICATE_ISSUER_ALTERNATIVE_NAME = 0x420016, "Certificate Issuer Alternative Name", "CertificateIssuerAlternativeName", TextString, V1_0..=V1_4;
    CERTIFICATE_ISSUER_DISTINGUISHED_NAME = 0x420017, "Certificate Issuer Distinguished Name", "CertificateIssuerDistinguishedName", TextString, V1_0..=V1_4;
    CERTIFICATE_REQUEST = 0x420018, "Certificate Request", "CertificateRequest", Any, V1_0..=V2_1;
    CERTIFICATE_REQUEST_TYPE = 0x420019, "Certificate Request Type", "CertificateRequestType", Enumeration [CertificateRequestType], V1_0..=V2_1;
    CERTIFICATE_SUBJECT = 0x42001A, "Certificate Subject", "CertificateSubject", Structure, V1_0..=V1_4;
    CERTIFICATE_SUBJECT_ALTERNATIVE_NAME = 0x42001B, "Certificate Subject Alternative Name", "CertificateSubjectAlternativeName", TextString, V1_0..=V1_4;
    CERTIFICATE_SUBJECT_DISTINGUISHED_NAME = 0x42001C, "Certificate Subject Distinguished Name", "CertificateSubjectDistinguishedName", TextString, V1_0..=V1_4;
    CERTIFICATE_TYPE = 0x42001D, "Certificate Type", "CertificateType", Enumeration [CertificateType], V1_0..=V2_1;
    CERTIFICATE_VALUE = 0x42001E, "Certificate Value", "CertificateValue", ByteString, V1_0..=V2_1;
    COMMON_TEMPLATE_ATTRIBUTE = 0x42001F, "Common Template-Attribute", "CommonTemplateAttribute", Structure, V1_0..=V1_4;
    COMPROMISE_DATE = 0x420020, "Compromise Date", "CompromiseDate", DateTime, V1_0..=V2_1;
    COMPROMISE_OCCURRENCE_DATE = 0x420021, "Compromise Occurrence Date", "CompromiseOccurrenceDate", DateTime, V1_0..=V2_1;
    CONTACT_INFORMATION = 0x420022, "Contact Information", "ContactInformation", TextString, V1_0..=V2_1;
    CREDENTIAL = 0x420023, "Credential", "Credential", Structure, V1_0..=V2_1;
    CREDENTIAL_TYPE = 0x420024, "Credential Type", "CredentialType", Enumeration [CredentialType], V1_0..=V2_1;
    CREDENTIAL_VALUE = 0x420025, "Credential Value", "CredentialValue", Any, V1_0..=V2_1;
    CRITICALITY_INDICATOR = 0x420026, "Criticality Indicator", "CriticalityIndicator", Boolean, V1_0..=V2_1;
    CRT_COEFFICIENT = 0x420027, "CRT Coefficient", "CRTCoefficient", BigInteger, V1_0..=V2_1;
    CRYPTOGRAPHIC_ALGORITHM = 0x420028, "Cryptographic Algorithm", "CryptographicAlgorithm", Enumeration [CryptographicAlgorithm], V1_0..=V2_1;
    CRYPTOGRAPHIC_DOMAIN_PARAMETERS = 0x420029, "Cryptographic Domain Parameters", "CryptographicDomainParameters", Structure, V1_0..=V2_1;
    CRYPTOGRAPHIC_LENGTH = 0x42002A, "Cryptographic Length", "CryptographicLength", Integer, V1_0..=V2_1;
    CRYPTOGRAPHIC_PARAMETERS = 0x42002B, "Cryptographic Parameters", "CryptographicParameters", Structure, V1_0..=V2_1;
    CRYPTOGRAPHIC_USAGE_MASK = 0x42002C, "Cryptographic Usage Mask", "CryptographicUsageMask", Integer [CryptographicUsageMask], V1_0..=V2_1;
    CUSTOM_ATTRIBUTE = 0x42002D, "Custom Attribute", "CustomAttribute", Any, V1_0..=V1_4;
    D = 0x42002E, "D", "D", BigInteger, V1_0..=V2_1;
    DEACTIVATION_DATE = 0x42002F, "Deactivation Date", "DeactivationDate", DateTime, V1_0..=V2_1;
    DERIVATION_DATA = 0x420030, "Derivation Data", "DerivationData", ByteString, V1_0..=V2_1;
    DERIVATION_METHOD = 0x420031, "Derivation Method", "DerivationMethod", Enumeration [DerivationMethod], V1_0..=V2_1;
    DERIVATION_PARAMETERS = 0x420032, "Derivation Parameters", "DerivationParameters", Structure, V1_0..=V2_1;
    DESTROY_DATE = 0x420033, "Destroy Date", "DestroyDate", DateTime, V1_0..=V2_1;
    DIGEST = 0x420034, "Digest", "Digest", Structure, V1_0..=V2_1;
    DIGEST_VALUE = 0x420035, "Digest Value", "DigestValue", ByteString, V1_0..=V2_1;
    ENCRYPTION_KEY_INFORMATION = 0x420036, "Encryption Key Information", "EncryptionKeyInformation", Structure, V1_0..=V2_1;
    G = 0x420037, "G", "G", BigInteger, V1_0..=V2_1;
    HASHING_ALGORITHM = 0x420038, "Hashing Algorithm", "HashingAlgorithm", Enumeration [HashingAlgorithm], V1_0..=V2_1;
    INITIAL_DATE = 0x420039, "Initial Date", "InitialDate", DateTime, V1_0..=V2_1;
    INITIALIZATION_VECTOR = 0x42003A, "Initialization Vector", "InitializationVector", ByteString, V1_0..=V2_1;
    ISSUER = 0x42003B, "Issuer", "Issuer", TextString, V1_0..=V1_4;
    ITERATION_COUNT = 0x42003C, "Iteration Count", "IterationCount", Integer, V1_0..=V2_1;
    IV_COUNTER_NONCE = 0x42003D, "IV/Counter/Nonce", "IVCounterNonce", ByteString, V1_0..=V2_1;
    J = 0x42003E, "J", "J", BigInteger, V1_0..=V2_1;
    KEY = 0x42003F, "Key", "Key", ByteString, V1_0..=V2_1;
    KEY_BLOCK = 0x420040, "Key Block", "KeyBlock", Structure, V1_0..=V2_1;
    KEY_COMPRESSION_TYPE = 0x420041, "Key Compression Type", "KeyCompressionType", Enumeration [KeyCompressionType], V1_0..=V2_1;
    KEY_FORMAT_TYPE = 0x420042, "Key Format Type", "KeyFormatType", Enumeration [KeyFormatType], V1_0..=V2_1;
    KEY_MATERIAL = 0x420043, "Key Material", "KeyMaterial", Any, V1_0..=V2_1;
    KEY_PART_IDENTIFIER = 0x420044, "Key Part Identifier", "KeyPartIdentifier", Integer, V1_0..=V2_1;
    KEY_VALUE = 0x420045, "Key Value", "KeyValue", Any, V1_0..=V2_1;
    KEY_WRAPPING_DATA = 0x420046, "Key Wrapping Data", "KeyWrappingData", Structure, V1_0..=V2_1;
    KEY_WRAPPING_SPECIFICATION = 0x420047, "Key Wrapping Specification", "KeyWrappingSpecification", Structure, V1_0..=V2_1;
    LAST_CHANGE_DATE = 0x420048, "Last Change Date", "LastChangeDate", DateTime, V1_0..=V2_1;
    LEASE_TIME = 0x420049, "Lease Time", "LeaseTime", Interval, V1_0..=V2_1;
    LINK = 0x42004A, "Link", "Link", Structure, V1_0..=V2_1;
    LINK_TYPE = 0x42004B, "Link Type", "LinkType", Enumeration [LinkType], V1_0..=V2_1;
    LINKED_OBJECT_IDENTIFIER = 0x42004C, "Linked Object Identifier", "LinkedObjectIdentifier", Any [UniqueIdentifierEnum], V1_0..=V2_1;
    MAC_SIGNATURE = 0x42004D, "MAC/Signature", "MACSignature", ByteString, V1_0..=V2_1;
    MAC_SIGNATURE_KEY_INFORMATION = 0x42004E, "MAC/Signature Key Information", "MACSignatureKeyInformation", Structure, V1_0..=V2_1;
    MAXIMUM_ITEMS = 0x42004F, "Maximum Items", "MaximumItems", Integer, V1_0..=V2_1;
    MAXIMUM_RESPONSE_SIZE = 0x420050, "Maximum Response Size", "MaximumResponseSize", Integer, V1_0..=V2_1;
    MESSAGE_EXTENSION = 0x420051, "Message Extension", "MessageExtension", Structure, V1_0..=V2_1;
    MODULUS = 0x420052, "Modulus", "Modulus", BigInteger, V1_0..=V2_1;
    NAME = 0x420053, "Name", "Name", Structure, V1_0..=V2_1;
    NAME_TYPE = 0x420054, "Name Type", "NameType", Enumeration [NameType], V1_0..=V2_1;
    NAME_VALUE = 0x420055, "Name Value", "NameValue", TextString, V1_0..=V2_1;
    OBJECT_GROUP = 0x420056, "Object Group", "ObjectGroup", TextString, V1_0..=V2_1;
    OBJECT_TYPE = 0x420057, "Object Type", "ObjectType", Enumeration [ObjectType], V1_0..=V2_1;
    OFFSET = 0x420058, "Offset", "Offset", Interval, V1_0..=V2_1;
    OPAQUE_DATA_TYPE = 0x420059, "Opaque Data Type", "OpaqueDataType", Enumeration [OpaqueDataType], V1_0..=V2_1;
    OPAQUE_DATA_VALUE = 0x42005A, "Opaque Data Value", "OpaqueDataValue", ByteString, V1_0..=V2_1;
    OPAQUE_OBJECT = 0x42005B, "Opaque Object", "OpaqueObject", Structure, V1_0..=V2_1;
    OPERATION = 0x42005C, "Operation", "Operation", Enumeration [Operation], V1_0..=V2_1;
    OPERATION_POLICY_NAME = 0x42005D, "Operation Policy Name", "OperationPolicyName", TextString, V1_0..=V1_4;
    P = 0x42005E, "P", "P", BigInteger, V1_0..=V2_1;
    PADDING_METHOD = 0x42005F, "Padding Method", "PaddingMethod", Enumeration [PaddingMethod], V1_0..=V2_1;
    PRIME_EXPONENT_P = 0x420060, "Prime Exponent P", "PrimeExponentP", BigInteger, V1_0..=V2_1;
    PRIME_EXPONENT_Q = 0x420061, "Prime Exponent Q", "PrimeExponentQ", BigInteger, V1_0..=V2_1;
    PRIME_FIELD_SIZE = 0x420062, "Prime Field Size", "PrimeFieldSize", BigInteger, V1_0..=V2_1;
    PRIVATE_EXPONENT = 0x420063, "Private Exponent", "PrivateExponent", BigInteger, V1_0..=V2_1;
    PRIVATE_KEY = 0x420064, "Private Key", "PrivateKey", Structure, V1_0..=V2_1;
    PRIVATE_KEY_TEMPLATE_ATTRIBUTE = 0x420065, "Private Key Template-Attribute", "PrivateKeyTemplateAttribute", Structure, V1_0..=V1_4;
    PRIVATE_KEY_UNIQUE_IDENTIFIER = 0x420066, "Private Key Unique Identifier", "PrivateKeyUniqueIdentifier", Any [UniqueIdentifierEnum], V1_0..=V2_1;
    PROCESS_START_DATE = 0x420067, "Process Start Date", "ProcessStartDate", DateTime, V1_0..=V2_1;
    PROTECT_STOP_DATE = 0x420068, "Protect Stop Date", "ProtectStopDate", DateTime, V1_0..=V2_1;
    PROTOCOL_VERSION = 0x420069, "Protocol Version", "ProtocolVersion", Structure, V1_0..=V2_1;
    PROTOCOL_VERSION_MAJOR = 0x42006A, "Protocol Version Major", "ProtocolVersionMajor", Integer, V1_0..=V2_1;
    PROTOCOL_VERSION_MINOR = 0x42006B, "Protocol Version Minor", "ProtocolVersionMinor", Integer, V1_0..=V2_1;
    PUBLIC_EXPONENT = 0x42006C, "Public Exponent", "PublicExponent", BigInteger, V1_0..=V2_1;
    PUBLIC_KEY = 0x42006D, "Public Key", "PublicKey", Structure, V1_0..=V2_1;
    PUBLIC_KEY_TEMPLATE_ATTRIBUTE = 0x42006E, "Public Key Template-Attribute", "PublicKeyTemplateAttribute", Structure, V1_0..=V1_4;
    PUBLIC_KEY_UNIQUE_IDENTIFIER = 0x42006F, "Public Key Unique Identifier", "PublicKeyUniqueIdentifier", Any [UniqueIdentifierEnum], V1_0..=V2_1;
    PUT_FUNCTION = 0x420070, "Put Function", "PutFunction", Enumeration [PutFunction], V1_0..=V2_1;
    Q = 0x420071, "Q", "Q", BigInteger, V1_0..=V2_1;
    Q_STRING = 0x420072, "Q String", "QString", ByteString, V1_0..=V2_1;
    QLENGTH = 0x420073, "Qlength", "Qlength", Integer, V1_0..=V2_1;
    QUERY_FUNCTION = 0x420074, "Query Function", "QueryFunction", Enumeration [QueryFunction], V1_0..=V2_1;
    RECOMMENDED_CURVE = 0x420075, "Recommended Curve", "RecommendedCurve", Enumeration [RecommendedCurve], V1_0..=V2_1;
    REPLACED_UNIQUE_IDENTIFIER = 0x420076, "Replaced Unique Identifier", "ReplacedUniqueIdentifier", Any, V1_0..=V2_1;
    REQUEST_HEADER = 0x420077, "Request Header", "RequestHeader", Structure, V1_0..=V2_1;
    REQUEST_MESSAGE = 0x420078, "Request Message", "RequestMessage", Structure, V1_0..=V2_1;
    REQUEST_PAYLOAD = 0x420079, "Request Payload", "RequestPayload", Structure, V1_0..=V2_1;
    RESPONSE_HEADER = 0x42007A, "Response Header", "ResponseHeader", Structure, V1_0..=V2_1;
    RESPONSE_MESSAGE = 0x42007B, "Response Message", "ResponseMessage", Structure, V1_0..=V2_1;
    RESPONSE_PAYLOAD = 0x42007C, "Response Payload", "ResponsePayload", Structure, V1_0..=V2_1;
    RESULT_MESSAGE = 0x42007D, "Result Message", "ResultMessage", TextString, V1_0..=V2_1;
    RESULT_REASON = 0x42007E, "Result Reason", "ResultReason", Enumeration [ResultReason], V1_0..=V2_1;
    RESULT_STATUS = 0x42007F, "Result Status", "ResultStatus", Enumeration [ResultStatus], V1_0..=V2_1;
    REVOCATION_MESSAGE = 0x420080, "Revocation Message", "RevocationMessage", TextString, V1_0..=V2_1;
    REVOCATION_REASON = 0x420081, "Revocation Reason", "RevocationReason", Structure, V1_0..=V2_1;
    REVOCATION_REASON_CODE = 0x420082, "Revocation Reason Code", "RevocationReasonCode", Enumeration [RevocationReasonCode], V1_0..=V2_1;
    KEY_ROLE_TYPE = 0x420083, "Key Role Type", "KeyRoleType", Enumeration [KeyRoleType], V1_0..=V2_1;
    SALT = 0x420084, "Salt", "Salt", ByteString, V1_0..=V2_1;
    SECRET_DATA = 0x420085, "Secret Data", "SecretData", Structure, V1_0..=V2_1;
    SECRET_DATA_TYPE = 0x420086, "Secret Data Type", "SecretDataType", Enumeration [SecretDataType], V1_0..=V2_1;
    SERIAL_NUMBER = 0x420087, "Serial Number", "SerialNumber", TextString, V1_0..=V1_4;
    SERVER_INFORMATION = 0x420088, "Server Information", "ServerInformation", Structure, V1_0..=V2_1;
    SPLIT_KEY = 0x420089, "Split Key", "SplitKey", Structure, V1_0..=V2_1;
    SPLIT_KEY_METHOD = 0x42008A, "Split Key Method", "SplitKeyMethod", Enumeration [SplitKeyMethod], V1_0..=V2_1;
    SPLIT_KEY_PARTS = 0x42008B, "Split Key Parts", "SplitKeyParts", Integer, V1_0..=V2_1;
    SPLIT_KEY_THRESHOLD = 0x42008C, "Split Key Threshold", "SplitKeyThreshold", Integer, V1_0..=V2_1;
    STATE = 0x42008D, "State", "State", Enumeration [State], V1_0..=V2_1;
    STORAGE_STATUS_MASK = 0x42008E, "Storage Status Mask", "StorageStatusMask", Integer [StorageStatusMask], V1_0..=V2_1;
    SYMMETRIC_KEY = 0x42008F, "Symmetric Key", "SymmetricKey", Structure, V1_0..=V2_1;
    TEMPLATE = 0x420090, "Template", "Template", Structure, V1_0..=V1_4;
    TEMPLATE_ATTRIBUTE = 0x420091, "Template-Attribute", "TemplateAttribute", Structure, V1_0..=V1_4;
    TIME_STAMP = 0x420092, "Time Stamp", "TimeStamp", DateTime, V1_0..=V2_1;
    UNIQUE_BATCH_ITEM_ID = 0x420093, "Unique Batch Item ID", "UniqueBatchItemID", ByteString, V1_0..=V2_1;
    UNIQUE_IDENTIFIER = 0x420094, "Unique Identifier", "UniqueIdentifier", Any [UniqueIdentifierEnum], V1_0..=V2_1;
    USAGE_LIMITS = 0x420095, "Usage Limits", "UsageLimits", Structure, V1_0..=V2_1;
    USAGE_LIMITS_COUNT = 0x420096, "Usage Limits Count", "UsageLimitsCount", LongInteger, V1_0..=V2_1;
    USAGE_LIMITS_TOTAL = 0x420097, "Usage Limits Total", "UsageLimitsTotal", LongInteger, V1_0..=V2_1;
    USAGE_LIMITS_UNIT = 0x420098, "Usage Limits Unit", "UsageLimitsUnit", Enumeration [UsageLimitsUnit], V1_0..=V2_1;
    USERNAME = 0x420099, "Username", "Username", TextString, V1_0..=V2_1;
    VALIDITY_DATE = 0x42009A, "Validity Date", "ValidityDate", DateTime, V1_0..=V2_1;
    VALIDITY_INDICATOR = 0x42009B, "Validity Indicator", "ValidityIndicator", Enumeration [ValidityIndicator], V1_0..=V2_1;
    VENDOR_EXTENSION = 0x42009C, "Vendor Extension", "VendorExtension", Structure, V1_0..=V2_1;
    VENDOR_IDENTIFICATION = 0x42009D, "Vendor Identification", "VendorIdentification", TextString, V1_0..=V2_1;
    WRAPPING_METHOD = 0x42009E, "Wrapping Method", "WrappingMethod", Enumeration [WrappingMethod], V1_0..=V2_1;
    X = 0x42009F, "X", "X", BigInteger, V1_0..=V2_1;
    Y = 0x4200A0, "Y", "Y", BigInteger, V1_0..=V2_1;
    PASSWORD = 0x4200A1, "Password", "Password", TextString, V1_0..=V2_1;
    DEVICE_IDENTIFIER = 0x4200A2, "Device Identifier", "DeviceIdentifier", TextString, V1_1..=V2_1;
    ENCODING_OPTION = 0x4200A3, "Encoding Option", "EncodingOption", Enumeration [EncodingOption], V1_1..=V2_1;
    EXTENSION_INFORMATION = 0x4200A4, "Extension Information", "ExtensionInformation", Structure, V1_1..=V2_1;
    EXTENSION_NAME = 0x4200A5, "Extension Name", "ExtensionName", TextString, V1_1..=V2_1;
    EXTENSION_TAG = 0x4200A6, "Extension Tag", "ExtensionTag", Integer, V1_1..=V2_1;
    EXTENSION_TYPE = 0x4200A7, "Extension Type", "ExtensionType", Any [ItemType], V1_1..=V2_1;
    FRESH = 0x4200A8, "Fresh", "Fresh", Boolean, V1_1..=V2_1;
    MACHINE_IDENTIFIER = 0x4200A9, "Machine Identifier", "MachineIdentifier", TextString, V1_1..=V2_1;
    MEDIA_IDENTIFIER = 0x4200AA, "Media Identifier", "MediaIdentifier", TextString, V1_1..=V2_1;
    NETWORK_IDENTIFIER = 0x4200AB, "Network Identifier", "NetworkIdentifier", TextString, V1_1..=V2_1;
    OBJECT_GROUP_MEMBER = 0x4200AC, "Object Group Member", "ObjectGroupMember", Enumeration [ObjectGroupMember], V1_1..=V2_1;
    CERTIFICATE_LENGTH = 0x4200AD, "Certificate Length", "CertificateLength", Integer, V1_1..=V2_1;
    DIGITAL_SIGNATURE_ALGORITHM = 0x4200AE, "Digital Signature Algorithm", "DigitalSignatureAlgorithm", Enumeration [DigitalSignatureAlgorithm], V1_1..=V2_1;
    CERTIFICATE_SERIAL_NUMBER = 0x4200AF, "Certificate Serial Number", "CertificateSerialNumber", ByteString, V1_1..=V2_1;
    DEVICE_SERIAL_NUMBER = 0x4200B0, "Device Serial Number", "DeviceSerialNumber", TextString, V1_1..=V2_1;
    ISSUER_ALTERNATIVE_NAME = 0x4200B1, "Issuer Alternative Name", "IssuerAlternativeName", ByteString, V1_1..=V2_1;
    ISSUER_DISTINGUISHED_NAME = 0x4200B2, "Issuer Distinguished Name", "IssuerDistinguishedName", ByteString, V1_1..=V2_1;
    SUBJECT_ALTERNATIVE_NAME = 0x4200B3, "Subject Alternative Name", "SubjectAlternativeName", ByteString, V1_1..=V2_1;
    SUBJECT_DISTINGUISHED_NAME = 0x4200B4, "Subject Distinguished Name", "SubjectDistinguishedName", ByteString, V1_1..=V2_1;
    X_509_CERTIFICATE_IDENTIFIER = 0x4200B5, "X.509 Certificate Identifier", "X_509CertificateIdentifier", Structure, V1_1..=V2_1;
    X_509_CERTIFICATE_ISSUER = 0x4200B6, "X.509 Certificate Issuer", "X_509CertificateIssuer", Structure, V1_1..=V2_1;
    X_509_CERTIFICATE_SUBJECT = 0x4200B7, "X.509 Certificate Subject", "X_509CertificateSubject", Structure, V1_1..=V2_1;
    KEY_VALUE_LOCATION = 0x4200B8, "Key Value Location", "KeyValueLocation", Structure, V1_2..=V2_1;
    KEY_VALUE_LOCATION_VALUE = 0x4200B9, "Key Value Location Value", "KeyValueLocationValue", TextString, V1_2..=V2_1;
    KEY_VALUE_LOCATION_TYPE = 0x4200BA, "Key Value Location Type", "KeyValueLocationType", Enumeration [KeyValueLocationType], V1_2..=V2_1;
    KEY_VALUE_PRESENT = 0x4200BB, "Key Value Present", "KeyValuePresent", Boolean, V1_2..=V2_1;
    ORIGINAL_CREATION_DATE = 0x4200BC, "Original Creation Date", "OriginalCreationDate", DateTime, V1_2..=V2_1;
    PGP_KEY = 0x4200BD, "PGP Key", "PGPKey", Structure, V1_2..=V2_1;
    PGP_KEY_VERSION = 0x4200BE, "PGP Key Version", "PGPKeyVersion", Integer, V1_2..=V2_1;
    ALTERNATIVE_NAME = 0x4200BF, "Alternative Name", "AlternativeName", Structure, V1_2..=V2_1;
    ALTERNATIVE_NAME_VALUE = 0x4200C0, "Alternative Name Value", "AlternativeNameValue", TextString, V1_2..=V2_1;
    ALTERNATIVE_NAME_TYPE = 0x4200C1, "Alternative Name Type", "AlternativeNameType", Enumeration [AlternativeNameType], V1_2..=V2_1;
    DATA = 0x4200C2, "Data", "Data", Any [DataEnum], V1_2..=V2_1;
    SIGNATURE_DATA = 0x4200C3, "Signature Data", "SignatureData", ByteString, V1_2..=V2_1;
    DATA_LENGTH = 0x4200C4, "Data Length", "DataLength", Integer, V1_2..=V2_1;
    RANDOM_IV = 0x4200C5, "Random IV", "RandomIV", Boolean, V1_2..=V2_1;
    MAC_DATA = 0x4200C6, "MAC Data", "MACData", ByteString, V1_2..=V2_1;
    ATTESTATION_TYPE = 0x4200C7, "Attestation Type", "AttestationType", Enumeration [AttestationType], V1_2..=V2_1;
    NONCE = 0x4200C8, "Nonce", "Nonce", Structure, V1_2..=V2_1;
    NONCE_ID = 0x4200C9, "Nonce ID", "NonceID", ByteString, V1_2..=V2_1;
    NONCE_VALUE = 0x4200CA, "Nonce Value", "NonceValue", ByteString, V1_2..=V2_1;
    ATTESTATION_MEASUREMENT = 0x4200CB, "Attestation Measurement", "AttestationMeasurement", ByteString, V1_2..=V2_1;
    ATTESTATION_ASSERTION = 0x4200CC, "Attestation Assertion", "AttestationAssertion", ByteString, V1_2..=V2_1;
    IV_LENGTH = 0x4200CD, "IV Length", "IVLength", Integer, V1_2..=V2_1;
    TAG_LENGTH = 0x4200CE, "Tag Length", "TagLength", Integer, V1_2..=V2_1;
    FIXED_FIELD_LENGTH = 0x4200CF, "Fixed Field Length", "FixedFieldLength", Integer, V1_2..=V2_1;
    COUNTER_LENGTH = 0x4200D0, "Counter Length", "CounterLength", Integer, V1_2..=V2_1;
    INITIAL_COUNTER_VALUE = 0x4200D1, "Initial Counter Value", "InitialCounterValue", Integer, V1_2..=V2_1;
    INVOCATION_FIELD_LENGTH = 0x4200D2, "Invocation Field Length", "InvocationFieldLength", Integer, V1_2..=V2_1;
    ATTESTATION_CAPABLE_INDICATOR = 0x4200D3, "Attestation Capable Indicator", "AttestationCapableIndicator", Boolean, V1_2..=V2_1;
    OFFSET_ITEMS = 0x4200D4, "Offset Items", "OffsetItems", Integer, V1_3..=V2_1;
    LOCATED_ITEMS = 0x4200D5, "Located Items", "LocatedItems", Integer, V1_3..=V2_1;
    CORRELATION_VALUE = 0x4200D6, "Correlation Value", "CorrelationValue", ByteString, V1_3..=V2_1;
    INIT_INDICATOR = 0x4200D7, "Init Indicator", "InitIndicator", Boolean, V1_3..=V2_1;
    FINAL_INDICATOR = 0x4200D8, "Final Indicator", "FinalIndicator", Boolean, V1_3..=V2_1;
    RNG_PARAMETERS = 0x4200D9, "RNG Parameters", "RNGParameters", Structure, V1_3..=V2_1;
    RNG_ALGORITHM = 0x4200DA, "RNG Algorithm", "RNGAlgorithm", Enumeration [RNGAlgorithm], V1_3..=V2_1;
    DRBG_ALGORITHM = 0x4200DB, "DRBG Algorithm", "DRBGAlgorithm", Enumeration [DRBGAlgorithm], V1_3..=V2_1;
    FIPS186_VARIATION = 0x4200DC, "FIPS186 Variation", "FIPS186Variation", Enumeration [FIPS186Variation], V1_3..=V2_1;
    PREDICTION_RESISTANCE = 0x4200DD, "Prediction Resistance", "PredictionResistance", Boolean, V1_3..=V2_1;
    RANDOM_NUMBER_GENERATOR = 0x4200DE, "Random Number Generator", "RandomNumberGenerator", Structure, V1_3..=V2_1;
    VALIDATION_INFORMATION = 0x4200DF, "Validation Information", "ValidationInformation", Structure, V1_3..=V2_1;
    VALIDATION_AUTHORITY_TYPE = 0x4200E0, "Validation Authority Type", "ValidationAuthorityType", Enumeration [ValidationAuthorityType], V1_3..=V2_1;
    VALIDATION_AUTHORITY_COUNTRY = 0x4200E1, "Validation Authority Country", "ValidationAuthorityCountry", TextString, V1_3..=V2_1;
    VALIDATION_AUTHORITY_URI = 0x4200E2, "Validation Authority URI", "ValidationAuthorityURI", TextString, V1_3..=V2_1;
    VALIDATION_VERSION_MAJOR = 0x4200E3, "Validation Version Major", "ValidationVersionMajor", Integer, V1_3..=V2_1;
    VALIDATION_VERSION_MINOR = 0x4200E4, "Validation Version Minor", "ValidationVersionMinor", Integer, V1_3..=V2_1;
    VALIDATION_TYPE = 0x4200E5, "Validation Type", "ValidationType", Enumeration [ValidationType], V1_3..=V2_1;
    VALIDATION_LEVEL = 0x4200E6, "Validation Level", "ValidationLevel", Integer, V1_3..=V2_1;
    VALIDATION_CERTIFICATE_IDENTIFIER = 0x4200E7, "Validation Certificate Identifier", "ValidationCertificateIdentifier", TextString, V1_3..=V2_1;
    VALIDATION_CERTIFICATE_URI = 0x4200E8, "Validation Certificate URI", "ValidationCertificateURI", TextString, V1_3..=V2_1;
    VALIDATION_VENDOR_URI = 0x4200E9, "Validation Vendor URI", "ValidationVendorURI", TextString, V1_3..=V2_1;
    VALIDATION_PROFILE = 0x4200EA, "Validation Profile", "ValidationProfile", TextString, V1_3..=V2_1;
    PROFILE_INFORMATION = 0x4200EB, "Profile Information", "ProfileInformation", Structure, V1_3..=V2_1;
    PROFILE_NAME = 0x4200EC, "Profile Name", "ProfileName", Enumeration [ProfileName], V1_3..=V2_1;
    SERVER_URI = 0x4200ED, "Server URI", "ServerURI", TextString, V1_3..=V2_1;
    SERVER_PORT = 0x4200EE, "Server Port", "ServerPort", Integer, V1_3..=V2_1;
    STREAMING_CAPABILITY = 0x4200EF, "Streaming Capability", "StreamingCapability", Boolean, V1_3..=V2_1;
    ASYNCHRONOUS_CAPABILITY = 0x4200F0, "Asynchronous Capability", "AsynchronousCapability", Boolean, V1_3..=V2_1;
    ATTESTATION_CAPABILITY = 0x4200F1, "Attestation Capability", "AttestationCapability", Boolean, V1_3..=V2_1;
    UNWRAP_MODE = 0x4200F2, "Unwrap Mode", "UnwrapMode", Enumeration [UnwrapMode], V1_3..=V2_1;
    DESTROY_ACTION = 0x4200F3, "Destroy Action", "DestroyAction", Enumeration [DestroyAction], V1_3..=V2_1;
    SHREDDING_ALGORITHM = 0x4200F4, "Shredding Algorithm", "ShreddingAlgorithm", Enumeration [ShreddingAlgorithm], V1_3..=V2_1;
    RNG_MODE = 0x4200F5, "RNG Mode", "RNGMode", Enumeration [RNGMode], V1_3..=V2_1;
    CLIENT_REGISTRATION_METHOD = 0x4200F6, "Client Registration Method", "ClientRegistrationMethod", Enumeration [ClientRegistrationMethod], V1_3..=V2_1;
    CAPABILITY_INFORMATION = 0x4200F7, "Capability Information", "CapabilityInformation", Structure, V1_3..=V2_1;
    KEY_WRAP_TYPE = 0x4200F8, "Key Wrap Type", "KeyWrapType", Enumeration [KeyWrapType], V1_4..=V2_1;
    BATCH_UNDO_CAPABILITY = 0x4200F9, "Batch Undo Capability", "BatchUndoCapability", Boolean, V1_4..=V2_1;
    BATCH_CONTINUE_CAPABILITY = 0x4200FA, "Batch Continue Capability", "BatchContinueCapability", Boolean, V1_4..=V2_1;
    PKCS_12_FRIENDLY_NAME = 0x4200FB, "PKCS#12 Friendly Name", "PKCS_12FriendlyName", TextString, V1_4..=V2_1;
    DESCRIPTION = 0x4200FC, "Description", "Description", TextString, V1_4..=V2_1;
    COMMENT = 0x4200FD, "Comment", "Comment", TextString, V1_4..=V2_1;
    AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA = 0x4200FE, "Authenticated Encryption Additional Data", "AuthenticatedEncryptionAdditionalData", ByteString, V1_4..=V2_1;
    AUTHENTICATED_ENCRYPTION_TAG = 0x4200FF, "Authenticated Encryption Tag", "AuthenticatedEncryptionTag", ByteString, V1_4..=V2_1;
    SALT_LENGTH = 0x420100, "Salt Length", "SaltLength", Integer, V1_4..=V2_1;
    MASK_GENERATOR = 0x420101, "Mask Generator", "MaskGenerator", Enumeration [MaskGenerator], V1_4..=V2_1;
    MASK_GENERATOR_HASHING_ALGORITHM = 0x420102, "Mask Generator Hashing Algorithm", "MaskGeneratorHashingAlgorithm", Enumeration [HashingAlgorithm], V1_4..=V2_1;
    P_SOURCE = 0x420103, "P Source", "PSource", ByteString, V1_4..=V2_1;
    TRAILER_FIELD = 0x420104, "Trailer Field", "TrailerField", Integer, V1_4..=V2_1;
    CLIENT_CORRELATION_VALUE = 0x420105, "Client Correlation Value", "ClientCorrelationValue", TextString, V1_4..=V2_1;
    SERVER_CORRELATION_VALUE = 0x420106, "Server Correlation Value", "ServerCorrelationValue", TextString, V1_4..=V2_1;
    DIGESTED_DATA = 0x420107, "Digested Data", "DigestedData", ByteString, V1_4..=V2_1;
    CERTIFICATE_SUBJECT_CN = 0x420108, "Certificate Subject CN", "CertificateSubjectCN", TextString, V1_4..=V2_1;
    CERTIFICATE_SUBJECT_O = 0x420109, "Certificate Subject O", "CertificateSubjectO", TextString, V1_4..=V2_1;
    CERTIFICATE_SUBJECT_OU = 0x42010A, "Certificate Subject OU", "CertificateSubjectOU", TextString, V1_4..=V2_1;
    CERTIFICATE_SUBJECT_EMAIL = 0x42010B, "Certificate Subject Email", "CertificateSubjectEmail", TextString, V1_4..=V2_1;
    CERTIFICATE_SUBJECT_C = 0x42010C, "Certificate Subject C", "CertificateSubjectC", TextString, V1_4..=V2_1;
    CERTIFICATE_SUBJECT_ST = 0x42010D, "Certificate Subject ST", "CertificateSubjectST", TextString, V1_4..=V2_1;
    CERTIFICATE_SUBJECT_L = 0x42010E, "Certificate Subject L", "CertificateSubjectL", TextString, V1_4..=V2_1;
    CERTIFICATE_SUBJECT_UID = 0x42010F, "Certificate Subject UID", "CertificateSubjectUID", TextString, V1_4..=V2_1;
    CERTIFICATE_SUBJECT_SERIAL_NUMBER = 0x420110, "Certificate Subject Serial Number", "CertificateSubjectSerialNumber", TextString, V1_4..=V2_1;
    CERTIFICATE_SUBJECT_TITLE = 0x420111, "Certificate Subject Title", "CertificateSubjectTitle", TextString, V1_4..=V2_1;
    CERTIFICATE_SUBJECT_DC = 0x420112, "Certificate Subject DC", "CertificateSubjectDC", TextString, V1_4..=V2_1;
    CERTIFICATE_SUBJECT_DN_QUALIFIER = 0x420113, "Certificate Subject DN Qualifier", "CertificateSubjectDNQualifier", TextString, V1_4..=V2_1;
    CERTIFICATE_ISSUER_CN = 0x420114, "Certificate Issuer CN", "CertificateIssuerCN", TextString, V1_4..=V2_1;
    CERTIFICATE_ISSUER_O = 0x420115, "Certificate Issuer O", "CertificateIssuerO", TextString, V1_4..=V2_1;
    CERTIFICATE_ISSUER_OU = 0x420116, "Certificate Issuer OU", "CertificateIssuerOU", TextString, V1_4..=V2_1;
    CERTIFICATE_ISSUER_EMAIL = 0x420117, "Certificate Issuer Email", "CertificateIssuerEmail", TextString, V1_4..=V2_1;
    CERTIFICATE_ISSUER_C = 0x420118, "Certificate Issuer C", "CertificateIssuerC", TextString, V1_4..=V2_1;
    CERTIFICATE_ISSUER_ST = 0x420119, "Certificate Issuer ST", "CertificateIssuerST", TextString, V1_4..=V2_1;
    CERTIFICATE_ISSUER_L = 0x42011A, "Certificate Issuer L", "CertificateIssuerL", TextString, V1_4..=V2_1;
    CERTIFICATE_ISSUER_UID = 0x42011B, "Certificate Issuer UID", "CertificateIssuerUID", TextString, V1_4..=V2_1;
    CERTIFICATE_ISSUER_SERIAL_NUMBER = 0x42011C, "Certificate Issuer Serial Number", "CertificateIssuerSerialNumber", TextString, V1_4..=V2_1;
    CERTIFICATE_ISSUER_TITLE = 0x42011D, "Certificate Issuer Title", "CertificateIssuerTitle", TextString, V1_4..=V2_1;
    CERTIFICATE_ISSUER_DC = 0x42011E, "Certificate Issuer DC", "CertificateIssuerDC", TextString, V1_4..=V2_1;
    CERTIFICATE_ISSUER_DN_QUALIFIER = 0x42011F, "Certificate Issuer DN Qualifier", "CertificateIssuerDNQualifier", TextString, V1_4..=V2_1;
    SENSITIVE = 0x420120, "Sensitive", "Sensitive", Boolean, V1_4..=V2_1;
    ALWAYS_SENSITIVE = 0x420121, "Always Sensitive", "AlwaysSensitive", Boolean, V1_4..=V2_1;
    EXTRACTABLE = 0x420122, "Extractable", "Extractable", Boolean, V1_4..=V2_1;
    NEVER_EXTRACTABLE = 0x420123, "Never Extractable", "NeverExtractable", Boolean, V1_4..=V2_1;
    REPLACE_EXISTING = 0x420124, "Replace Existing", "ReplaceExisting", Boolean, V1_4..=V2_1;
    ATTRIBUTES = 0x420125, "Attributes", "Attributes", Structure, V2_0..=V2_1;
    COMMON_ATTRIBUTES = 0x420126, "Common Attributes", "CommonAttributes", Structure, V2_0..=V2_1;
    PRIVATE_KEY_ATTRIBUTES = 0x420127, "Private Key Attributes", "PrivateKeyAttributes", Structure, V2_0..=V2_1;
    PUBLIC_KEY_ATTRIBUTES = 0x420128, "Public Key Attributes", "PublicKeyAttributes", Structure, V2_0..=V2_1;
    EXTENSION_ENUMERATION = 0x420129, "Extension Enumeration", "ExtensionEnumeration", Integer, V2_0..=V2_1;
    EXTENSION_ATTRIBUTE = 0x42012A, "Extension Attribute", "ExtensionAttribute", Boolean, V2_0..=V2_1;
    EXTENSION_PARENT_STRUCTURE_TAG = 0x42012B, "Extension Parent Structure Tag", "ExtensionParentStructureTag", Integer, V2_0..=V2_1;
    EXTENSION_DESCRIPTION = 0x42012C, "Extension Description", "ExtensionDescription", TextString, V2_0..=V2_1;
    SERVER_NAME = 0x42012D, "Server Name", "ServerName", TextString, V2_0..=V2_1;
    SERVER_SERIAL_NUMBER = 0x42012E, "Server Serial Number", "ServerSerialNumber", TextString, V2_0..=V2_1;
    SERVER_VERSION = 0x42012F, "Server Version", "ServerVersion", TextString, V2_0..=V2_1;
    SERVER_LOAD = 0x420130, "Server Load", "ServerLoad", Integer, V2_0..=V2_1;
    PRODUCT_NAME = 0x420131, "Product Name", "ProductName", TextString, V2_0..=V2_1;
    BUILD_LEVEL = 0x420132, "Build Level", "BuildLevel", TextString, V2_0..=V2_1;
    BUILD_DATE = 0x420133, "Build Date", "BuildDate", TextString, V2_0..=V2_1;
    CLUSTER_INFO = 0x420134, "Cluster Info", "ClusterInfo", TextString, V2_0..=V2_1;
    ALTERNATE_FAILOVER_ENDPOINTS = 0x420135, "Alternate Failover Endpoints", "AlternateFailoverEndpoints", TextString, V2_0..=V2_1;
    SHORT_UNIQUE_IDENTIFIER = 0x420136, "Short Unique Identifier", "ShortUniqueIdentifier", ByteString, V2_0..=V2_1;
    TAG = 0x420138, "Tag", "Tag", Enumeration, V2_0..=V2_1;
    CERTIFICATE_REQUEST_UNIQUE_IDENTIFIER = 0x420139, "Certificate Request Unique Identifier", "CertificateRequestUniqueIdentifier", TextString, V2_0..=V2_1;
    NIST_KEY_TYPE = 0x42013A, "NIST Key Type", "NISTKeyType", Enumeration [NISTKeyType], V2_0..=V2_1;
    ATTRIBUTE_REFERENCE = 0x42013B, "Attribute Reference", "AttributeReference", Any, V2_0..=V2_1;
    CURRENT_ATTRIBUTE = 0x42013C, "Current Attribute", "CurrentAttribute", Structure, V2_0..=V2_1;
    NEW_ATTRIBUTE = 0x42013D, "New Attribute", "NewAttribute", Structure, V2_0..=V2_1;
    CERTIFICATE_REQUEST_VALUE = 0x420140, "Certificate Request Value", "CertificateRequestValue", ByteString, V2_0..=V2_1;
    LOG_MESSAGE = 0x420141, "Log Message", "LogMessage", TextString, V2_0..=V2_1;
    PROFILE_VERSION = 0x420142, "Profile Version", "ProfileVersion", Structure, V2_0..=V2_1;
    PROFILE_VERSION_MAJOR = 0x420143, "Profile Version Major", "ProfileVersionMajor", Integer, V2_0..=V2_1;
    PROFILE_VERSION_MINOR = 0x420144, "Profile Version Minor", "ProfileVersionMinor", Integer, V2_0..=V2_1;
    PROTECTION_LEVEL = 0x420145, "Protection Level", "ProtectionLevel", Enumeration [ProtectionLevel], V2_0..=V2_1;
    PROTECTION_PERIOD = 0x420146, "Protection Period", "ProtectionPeriod", Interval, V2_0..=V2_1;
    QUANTUM_SAFE = 0x420147, "Quantum Safe", "QuantumSafe", Boolean, V2_0..=V2_1;
    QUANTUM_SAFE_CAPABILITY = 0x420148, "Quantum Safe Capability", "QuantumSafeCapability", Boolean, V2_0..=V2_1;
    TICKET = 0x420149, "Ticket", "Ticket", Structure, V2_0..=V2_1;
    TICKET_TYPE = 0x42014A, "Ticket Type", "TicketType", Enumeration [TicketType], V2_0..=V2_1;
    TICKET_VALUE = 0x42014B, "Ticket Value", "TicketValue", ByteString, V2_0..=V2_1;
    REQUEST_COUNT = 0x42014C, "Request Count", "RequestCount", Integer, V2_0..=V2_1;
    RIGHTS = 0x42014D, "Rights", "Rights", Structure, V2_0..=V2_1;
    OBJECTS = 0x42014E, "Objects", "Objects", Structure, V2_0..=V2_1;
    OPERATIONS = 0x42014F, "Operations", "Operations", Structure, V2_0..=V2_1;
    RIGHT = 0x420150, "Right", "Right", Structure, V2_0..=V2_1;
    ENDPOINT_ROLE = 0x420151, "Endpoint Role", "EndpointRole", Enumeration [EndpointRole], V2_0..=V2_1;
    DEFAULTS_INFORMATION = 0x420152, "Defaults Information", "DefaultsInformation", Structure, V2_0..=V2_1;
    OBJECT_DEFAULTS = 0x420153, "Object Defaults", "ObjectDefaults", Structure, V2_0..=V2_1;
    EPHEMERAL = 0x420154, "Ephemeral", "Ephemeral", Boolean, V2_0..=V2_1;
    SERVER_HASHED_PASSWORD = 0x420155, "Server Hashed Password", "ServerHashedPassword", ByteString, V2_0..=V2_1;
    ONE_TIME_PASSWORD = 0x420156, "One Time Password", "OneTimePassword", TextString, V2_0..=V2_1;
    HASHED_PASSWORD = 0x420157, "Hashed Password", "HashedPassword", ByteString, V2_0..=V2_1;
    ADJUSTMENT_TYPE = 0x420158, "Adjustment Type", "AdjustmentType", Enumeration [AdjustmentType], V2_0..=V2_1;
    PKCS_11_INTERFACE = 0x420159, "PKCS#11 Interface", "PKCS_11Interface", TextString, V2_0..=V2_1;
    PKCS_11_FUNCTION = 0x42015A, "PKCS#11 Function", "PKCS_11Function", Any [PKCS11Function], V2_0..=V2_1;
    PKCS_11_INPUT_PARAMETERS = 0x42015B, "PKCS#11 Input Parameters", "PKCS_11InputParameters", ByteString, V2_0..=V2_1;
    PKCS_11_OUTPUT_PARAMETERS = 0x42015C, "PKCS#11 Output Parameters", "PKCS_11OutputParameters", ByteString, V2_0..=V2_1;
    PKCS_11_RETURN_CODE = 0x42015D, "PKCS#11 Return Code", "PKCS_11ReturnCode", Enumeration [PKCS11ReturnCode], V2_0..=V2_1;
    PROTECTION_STORAGE_MASK = 0x42015E, "Protection Storage Mask", "ProtectionStorageMask", Integer [ProtectionStorageMask], V2_0..=V2_1;
    PROTECTION_STORAGE_MASKS = 0x42015F, "Protection Storage Masks", "ProtectionStorageMasks", Structure, V2_0..=V2_1;
    INTEROP_FUNCTION = 0x420160, "Interop Function", "InteropFunction", Enumeration [InteropFunction], V2_0..=V2_1;
    INTEROP_IDENTIFIER = 0x420161, "Interop Identifier", "InteropIdentifier", TextString, V2_0..=V2_1;
    ADJUSTMENT_VALUE = 0x420162, "Adjustment Value", "AdjustmentValue", Any, V2_0..=V2_1;
    COMMON_PROTECTION_STORAGE_MASKS = 0x420163, "Common Protection Storage Masks", "CommonProtectionStorageMasks", Structure, V2_0..=V2_1;
    PRIVATE_PROTECTION_STORAGE_MASKS = 0x420164, "Private Protection Storage Masks", "PrivateProtectionStorageMasks", Structure, V2_0..=V2_1;
    PUBLIC_PROTECTION_STORAGE_MASKS = 0x420165, "Public Protection Storage Masks", "PublicProtectionStorageMasks", Structure, V2_0..=V2_1;
    OBJECT_GROUPS = 0x420166, "Object Groups", "ObjectGroups", Structure, V2_1..=V2_1;
    OBJECT_TYPES = 0x420167, "Object Types", "ObjectTypes", Structure, V2_1..=V2_1;
    CONSTRAINTS = 0x420168, "Constraints", "Constraints", Structure, V2_1..=V2_1;
    CONSTRAINT = 0x420169, "Constraint", "Constraint", Structure, V2_1..=V2_1;
    ROTATE_INTERVAL = 0x42016A, "Rotate Interval", "RotateInterval", Interval, V2_1..=V2_1;
    ROTATE_AUTOMATIC = 0x42016B, "Rotate Automatic", "RotateAutomatic", Boolean, V2_1..=V2_1;
    ROTATE_OFFSET = 0x42016C, "Rotate Offset", "RotateOffset", Interval, V2_1..=V2_1;
    ROTATE_DATE = 0x42016D, "Rotate Date", "RotateDate", DateTime, V2_1..=V2_1;
    ROTATE_GENERATION = 0x42016E, "Rotate Generation", "RotateGeneration", Integer, V2_1..=V2_1;
    ROTATE_NAME = 0x42016F, "Rotate Name", "RotateName", Structure, V2_1..=V2_1;
    ROTATE_NAME_VALUE = 0x420170, "Rotate Name Value", "RotateNameValue", TextString, V2_1..=V2_1;
    ROTATE_NAME_TYPE = 0x420171, "Rotate Name Type", "RotateNameType", Enumeration [RotateNameType], V2_1..=V2_1;
    ROTATE_LATEST = 0x420172, "Rotate Latest", "RotateLatest", Boolean, V2_1..=V2_1;
    ASYNCHRONOUS_REQUEST = 0x420173, "Asynchronous Request", "AsynchronousRequest", Structure, V2_1..=V2_1;
    SUBMISSION_DATE = 0x420174, "Submission Date", "SubmissionDate", DateTimeExtended, V2_1..=V2_1;
    PROCESSING_STAGE = 0x420175, "Processing Stage", "ProcessingStage", Enumeration [ProcessingStage], V2_1..=V2_1;
    ASYNCHRONOUS_CORRELATION_VALUES = 0x420176, "Asynchronous Correlation Values", "AsynchronousCorrelationValues", Structure, V2_1..=V2_1;
}
