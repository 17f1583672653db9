//! What kind of facts decides about an operation.

use strongroom_kmip::Operation;

/// The kinds of KMIP operations that rules tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Touches no object, and tells or changes nothing of anybody's.
    Open,
    /// Makes an object; what it makes it from is decided like any use.
    Creates,
    /// About objects that exist.
    OnObjects,
    /// Not a client's to ask for here.
    Never,
}

/// The class of an operation. What no version names is nobody's.
pub fn class_of(operation: Operation) -> Class {
    match operation {
        Operation::DISCOVER_VERSIONS
        | Operation::QUERY
        | Operation::PING
        | Operation::LOG
        | Operation::RNG_RETRIEVE
        | Operation::RNG_SEED
        | Operation::HASH
        | Operation::INTEROP => Class::Open,
        Operation::CREATE
        | Operation::CREATE_KEY_PAIR
        | Operation::CREATE_SPLIT_KEY
        | Operation::DERIVE_KEY
        | Operation::IMPORT
        | Operation::JOIN_SPLIT_KEY
        | Operation::REGISTER => Class::Creates,
        Operation::ACTIVATE
        | Operation::ADD_ATTRIBUTE
        | Operation::ADJUST_ATTRIBUTE
        | Operation::ARCHIVE
        | Operation::CERTIFY
        | Operation::CHECK
        | Operation::DECRYPT
        | Operation::DELETE_ATTRIBUTE
        | Operation::DESTROY
        | Operation::ENCRYPT
        | Operation::EXPORT
        | Operation::GET
        | Operation::GET_ATTRIBUTE_LIST
        | Operation::GET_ATTRIBUTES
        | Operation::GET_CONSTRAINTS
        | Operation::GET_USAGE_ALLOCATION
        | Operation::LOCATE
        | Operation::MAC
        | Operation::MAC_VERIFY
        | Operation::MODIFY_ATTRIBUTE
        | Operation::OBTAIN_LEASE
        | Operation::RE_CERTIFY
        | Operation::RE_KEY
        | Operation::RE_KEY_KEY_PAIR
        | Operation::RE_PROVISION
        | Operation::RECOVER
        | Operation::REVOKE
        | Operation::SET_ATTRIBUTE
        | Operation::SET_CONSTRAINTS
        | Operation::SIGN
        | Operation::SIGNATURE_VERIFY
        | Operation::VALIDATE => Class::OnObjects,
        // Put and Notify are the server's own; sessions, asynchronous work, defaults and PKCS#11
        // tunnels come with a rule of their own when they are built.
        _ => Class::Never,
    }
}
