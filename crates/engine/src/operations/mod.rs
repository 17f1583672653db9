//! The operations: one table, one file for each family.

mod archive;
mod attribute;
mod create;
mod crypt;
mod derive;
mod get;
mod keys;
mod life;
mod locate;
mod query;
mod register;
mod rekey;
mod service;
mod sign;
mod template;
mod wrapping;

use strongroom_kmip::message::BatchItem;
use strongroom_kmip::{CryptographicAlgorithm, Operation, ProtocolVersion, ResultReason, View};

use crate::context::Ctx;
use crate::refusal::Refusal;

pub(crate) use archive::{archival, archive_when_ended};
pub(crate) use create::{MadePair, PairPlan, Prepared};
pub(crate) use life::destroy_after;
pub(crate) use register::register_once;
pub(crate) use rekey::{Half, linked, replace, replace_pair};
pub(crate) use template::is_visible;

/// Whether an operation changes the store by its nature. A use may still turn out to need the
/// writer, when a counter has to be reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Use,
    Change,
}

/// One operation.
pub(crate) struct Entry {
    pub(crate) operation: Operation,
    pub(crate) kind: Kind,
    /// Offered only with `--interop`.
    pub(crate) interop_only: bool,
    run: fn(&mut Ctx<'_, '_>, View<'_>) -> Result<(), Refusal>,
}

macro_rules! operations {
    ($( $operation:ident, $kind:ident, $($run:ident)::+ $(, $only:ident)?; )*) => {
        /// Every operation that is built. Query lists it, dispatch runs it.
        pub(crate) const TABLE: &[Entry] = &[ $( Entry {
            operation: Operation::$operation,
            kind: Kind::$kind,
            interop_only: false $(|| stringify!($only).len() > 0)?,
            run: $($run)::+,
        }, )* ];
    };
}

operations! {
    ACTIVATE, Change, life::activate;
    ADD_ATTRIBUTE, Change, attribute::add;
    ADJUST_ATTRIBUTE, Change, attribute::adjust;
    ARCHIVE, Change, archive::archive;
    CHECK, Use, life::check;
    CREATE, Change, create::create;
    CREATE_KEY_PAIR, Change, create::create_key_pair;
    DECRYPT, Use, crypt::decrypt;
    DELETE_ATTRIBUTE, Change, attribute::delete;
    DERIVE_KEY, Use, derive::derive_key;
    DESTROY, Change, life::destroy;
    DISCOVER_VERSIONS, Use, query::discover_versions;
    ENCRYPT, Use, crypt::encrypt;
    EXPORT, Use, get::export;
    GET, Use, get::get;
    GET_ATTRIBUTE_LIST, Use, attribute::list;
    GET_ATTRIBUTES, Use, attribute::get;
    HASH, Use, sign::hash;
    IMPORT, Change, register::import;
    INTEROP, Use, service::interop, interop;
    LOCATE, Use, locate::locate;
    LOG, Use, service::log;
    MAC, Use, sign::mac;
    MAC_VERIFY, Use, sign::mac_verify;
    MODIFY_ATTRIBUTE, Change, attribute::modify;
    PING, Use, service::ping;
    QUERY, Use, query::query;
    RE_KEY, Change, rekey::re_key;
    RE_KEY_KEY_PAIR, Change, rekey::re_key_key_pair;
    RECOVER, Change, archive::recover;
    REGISTER, Change, register::register;
    REVOKE, Change, life::revoke;
    RNG_RETRIEVE, Use, service::rng_retrieve;
    RNG_SEED, Use, service::rng_seed;
    SET_ATTRIBUTE, Change, attribute::set;
    SIGN, Use, sign::sign;
    SIGNATURE_VERIFY, Use, sign::signature_verify;
}

/// Every operation that is built, whether it changes the store by its nature, and whether it is
/// offered in conformance runs only: for the documents.
pub fn offered_operations() -> impl Iterator<Item = (Operation, bool, bool)> {
    TABLE.iter().map(|e| (e.operation, e.kind == Kind::Change, e.interop_only))
}

fn entry(operation: Operation) -> Option<&'static Entry> {
    TABLE.iter().find(|e| e.operation == operation)
}

/// Whether the operation goes to the writer at once.
pub(crate) fn kind_of(operation: Operation) -> Kind {
    entry(operation).map_or(Kind::Use, |e| e.kind)
}

/// Whether an algorithm is one of those that stand up to quantum computers.
pub(crate) fn is_post_quantum(algorithm: CryptographicAlgorithm) -> bool {
    keys::is_post_quantum(algorithm)
}

/// Whether an operation makes a key pair.
pub(crate) fn makes_pair(operation: Operation) -> bool {
    matches!(operation, Operation::CREATE_KEY_PAIR | Operation::RE_KEY_KEY_PAIR)
}

/// Whether an operation may keep a processor busy for long.
pub(crate) fn may_take_long(operation: Operation) -> bool {
    makes_pair(operation) || operation == Operation::DERIVE_KEY
}

/// Whether an operation may be asked for on an object in archival storage; all others are refused
/// until it is recovered (KMIP 2.1 section 6.1). The attributes are told, as the standard's own
/// case has it (TC-101). From 2.0 on an archived object can be ended; the error tables of 1.x want
/// it recovered first (KMIP 1.4 sections 11.21 and 11.22).
pub(crate) fn reaches_archived(operation: Operation, version: ProtocolVersion) -> bool {
    match operation {
        Operation::ARCHIVE
        | Operation::RECOVER
        | Operation::LOCATE
        | Operation::GET_ATTRIBUTES
        | Operation::GET_ATTRIBUTE_LIST => true,
        Operation::REVOKE | Operation::DESTROY => version.has_attributes_structure(),
        _ => false,
    }
}

/// Makes key material that takes long, before the transaction begins.
pub(crate) fn prepare(
    operation: Operation,
    payload: View<'_>,
    version: ProtocolVersion,
) -> Option<Prepared> {
    match operation {
        Operation::CREATE_KEY_PAIR => create::prepare_key_pair(payload, version),
        _ => None,
    }
}

/// Runs one batch item.
pub(crate) fn run(ctx: &mut Ctx<'_, '_>, item: &BatchItem<'_>) -> Result<(), Refusal> {
    debug_assert_eq!(ctx.operation, item.operation);
    run_on(ctx, item.payload)
}

/// Runs the context's operation on a payload.
pub(crate) fn run_on(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let operation = ctx.operation;
    let unknown = || {
        Refusal::new(
            ResultReason::OPERATION_NOT_SUPPORTED,
            format!("{operation} is not offered here"),
        )
    };
    let entry = entry(operation).ok_or_else(unknown)?;
    if !operation.exists_in(ctx.version) {
        return Err(Refusal::new(
            ResultReason::OPERATION_NOT_SUPPORTED,
            format!("KMIP {} has no operation {operation}", ctx.version),
        ));
    }
    if entry.interop_only && !ctx.engine.config.interop {
        return Err(unknown());
    }
    ctx.authorise()?;
    (entry.run)(ctx, payload)
}
