//! Tags of the stored form, in the extension range of KMIP.

use strongroom_kmip::Tag;

macro_rules! stored_tags {
    ($( $konst:ident = $code:literal, $name:literal; )*) => {
        $( pub(super) const $konst: Tag = Tag($code); )*

        /// The name of a tag of the stored form, for showing records to people.
        pub fn name_of_tag(tag: Tag) -> Option<&'static str> {
            match tag.0 {
                $( $code => Some($name), )*
                _ => None,
            }
        }
    };
}

stored_tags! {
    BODY = 0x540001, "Body";
    VERSION = 0x540002, "Version";
    ORIGIN = 0x540003, "Origin";
    USER = 0x540004, "User";
    FINGERPRINT = 0x540005, "Fingerprint";
    ADDRESS = 0x540006, "Address";
    ACTION = 0x540007, "Action";
    RULE = 0x540008, "Rule";
    OBJECT = 0x540009, "Object";
    OWNER = 0x54000A, "Owner";
    FIELDS = 0x54000B, "Fields";
    BLOCK = 0x54000C, "Block";
    LIFECYCLE = 0x54000D, "Lifecycle";
    COMPROMISED = 0x54000E, "Compromised";
    REGISTER = 0x54000F, "Register";
    VENDOR = 0x540010, "Vendor";
    NAME = 0x540011, "AttributeName";
    INDEX = 0x540012, "Index";
    SITE = 0x540013, "Site";
    VALUE = 0x540014, "Value";
    CLOCK = 0x540015, "Clock";
    MATERIAL = 0x540016, "Material";
    EPOCH = 0x540017, "Epoch";
    SEALED = 0x540018, "Sealed";
    COUNTER = 0x540019, "Counter";
    UPTO = 0x54001A, "Upto";
    GRANT = 0x54001B, "Grant";
    SUBJECT = 0x54001C, "Subject";
    OPERATION_CODE = 0x54001D, "OperationCode";
    SEEN = 0x54001E, "Seen";
    STRONG = 0x54001F, "Strong";
    ROLE = 0x540020, "Role";
    GROUP = 0x540022, "Group";
    SERIAL = 0x540023, "Serial";
    NOT_AFTER = 0x540024, "NotAfter";
    PURPOSE = 0x540025, "Purpose";
    REASON = 0x540026, "Reason";
    NAMESPACE = 0x540027, "Namespace";
    KEY = 0x540028, "Key";
    WHAT = 0x540029, "What";
    TEXT = 0x54002A, "Text";
    ATTRIBUTE_TAG = 0x54002B, "AttributeTag";
    CREATION = 0x54002C, "Creation";
    DIGEST = 0x54002D, "Digest";
    KEY_GROUP = 0x540030, "KeyGroup";
    ISSUED_BY = 0x540031, "IssuedBy";
    APPROVERS = 0x540032, "Approvers";
    APPROVER_COUNT = 0x540033, "ApproverCount";
    OPEN_FOR = 0x540034, "OpenFor";
    APPROVAL = 0x540035, "Approval";
    APPROVAL_RULE = 0x540036, "ApprovalRule";
    PLAN = 0x540037, "Plan";
    EXPIRES = 0x540038, "Expires";
    ENDING = 0x540039, "Ending";
    REQUEST = 0x54003A, "Request";
    ISSUER = 0x54003B, "Issuer";
}
