//! Query and Discover Versions.

use strongroom_kmip::{
    CryptographicAlgorithm, Encoder, ObjectType, ProfileName, ProtocolVersion, QueryFunction,
    RNGAlgorithm, Tag, View,
};

use super::{Kind, TABLE};
use crate::context::Ctx;
use crate::refusal::Refusal;

/// Who we are, for Query Server Information.
const VENDOR: &str = "Strongroom";

/// The object types that can be kept.
const OBJECT_TYPES: &[ObjectType] = &[
    ObjectType::CERTIFICATE,
    ObjectType::SYMMETRIC_KEY,
    ObjectType::PUBLIC_KEY,
    ObjectType::PRIVATE_KEY,
    ObjectType::SPLIT_KEY,
    ObjectType::SECRET_DATA,
    ObjectType::OPAQUE_OBJECT,
    ObjectType::PGP_KEY,
    ObjectType::CERTIFICATE_REQUEST,
    ObjectType::TEMPLATE,
];

/// Profiles whose mandatory test cases pass, in the versions that cases exist for.
const PROFILES: &[ProfileName] = &[
    ProfileName::TAPE_LIBRARY_SERVER_KMIP_V1_0,
    ProfileName::TAPE_LIBRARY_SERVER_KMIP_V1_1,
    ProfileName::TAPE_LIBRARY_SERVER_KMIP_V1_4,
    ProfileName::TAPE_LIBRARY_SERVER,
    ProfileName::SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_0,
    ProfileName::SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_1,
    ProfileName::SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_4,
    ProfileName::SYMMETRIC_KEY_LIFECYCLE_SERVER,
    ProfileName::ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_0,
    ProfileName::ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_1,
    ProfileName::ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_4,
    ProfileName::ASYMMETRIC_KEY_LIFECYCLE_SERVER,
    ProfileName::BASIC_CRYPTOGRAPHIC_SERVER_KMIP_V1_4,
    ProfileName::BASIC_CRYPTOGRAPHIC_SERVER,
    ProfileName::ADVANCED_CRYPTOGRAPHIC_SERVER_KMIP_V1_4,
    ProfileName::ADVANCED_CRYPTOGRAPHIC_SERVER,
    ProfileName::RNG_CRYPTOGRAPHIC_SERVER_KMIP_V1_4,
    ProfileName::RNG_CRYPTOGRAPHIC_SERVER,
    ProfileName::SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_0,
    ProfileName::SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_1,
    ProfileName::SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_4,
    ProfileName::SYMMETRIC_KEY_FOUNDRY_SERVER,
    ProfileName::OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_0,
    ProfileName::OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_1,
    ProfileName::OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_4,
    ProfileName::OPAQUE_MANAGED_OBJECT_STORE_SERVER,
    ProfileName::STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_0,
    ProfileName::STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_1,
    ProfileName::STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_4,
    ProfileName::STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER,
    ProfileName::AES_XTS_SERVER,
    ProfileName::QUANTUM_SAFE_SERVER,
    ProfileName::BASELINE_SERVER,
];

/// Discover Versions (KMIP 2.1 section 6.1.20): the versions that both know, newest first; all
/// when the client names none.
pub(super) fn discover_versions(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let asked: Vec<ProtocolVersion> = payload
        .find_all(Tag::PROTOCOL_VERSION)
        .filter_map(|v| {
            let part = |tag| v.find(tag)?.as_integer()?.try_into().ok();
            Some(ProtocolVersion::new(
                part(Tag::PROTOCOL_VERSION_MAJOR)?,
                part(Tag::PROTOCOL_VERSION_MINOR)?,
            ))
        })
        .collect();
    for version in ProtocolVersion::ALL {
        if asked.is_empty() || asked.contains(&version) {
            ctx.out.structure(Tag::PROTOCOL_VERSION, |e| {
                e.integer(Tag::PROTOCOL_VERSION_MAJOR, i32::from(version.major));
                e.integer(Tag::PROTOCOL_VERSION_MINOR, i32::from(version.minor));
            });
        }
    }
    Ok(())
}

/// Query (KMIP 2.1 section 6.1.37). Functions that this server has nothing to say to, and those
/// that it does not know, answer empty: a failing Query breaks real clients.
pub(super) fn query(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let asked: Vec<QueryFunction> = payload
        .find_all(Tag::QUERY_FUNCTION)
        .filter_map(|v| v.as_enumeration().map(QueryFunction))
        .collect();
    if asked.is_empty() {
        return Err(Refusal::invalid_field("Query Function is missing"));
    }
    let has = |function| asked.contains(&function);
    let version = ctx.version;
    let interop = ctx.engine.config.interop;
    let out = &mut ctx.out;
    // In the order in which the response payload has them.
    if has(QueryFunction::QUERY_OPERATIONS) {
        // What a replica refuses it does not offer.
        let changes = !ctx.engine.is_replica();
        let offered = TABLE.iter().filter(|e| interop || !e.interop_only);
        let offered = offered.filter(|e| changes || e.kind == Kind::Use);
        for operation in offered.map(|e| e.operation).filter(|o| o.exists_in(version)) {
            out.enumeration(Tag::OPERATION, operation);
        }
    }
    if has(QueryFunction::QUERY_OBJECTS) {
        for object_type in OBJECT_TYPES.iter().filter(|t| t.exists_in(version)) {
            out.enumeration(Tag::OBJECT_TYPE, *object_type);
        }
    }
    if has(QueryFunction::QUERY_SERVER_INFORMATION) {
        out.text(Tag::VENDOR_IDENTIFICATION, VENDOR);
        out.structure(Tag::SERVER_INFORMATION, |e| {
            e.text(Tag::SERVER_NAME, "strongroom");
            e.text(Tag::SERVER_VERSION, env!("CARGO_PKG_VERSION"));
            e.text(Tag::PRODUCT_NAME, "Strongroom key manager");
        });
    }
    if has(QueryFunction::QUERY_RNGS) {
        out.structure(Tag::RNG_PARAMETERS, rng_parameters);
    }
    if has(QueryFunction::QUERY_PROFILES) {
        for profile in PROFILES.iter().filter(|p| p.exists_in(version)) {
            out.structure(Tag::PROFILE_INFORMATION, |e| {
                e.enumeration(Tag::PROFILE_NAME, *profile);
            });
        }
    }
    if has(QueryFunction::QUERY_CAPABILITIES) {
        out.structure(Tag::CAPABILITY_INFORMATION, |e| {
            e.boolean(Tag::STREAMING_CAPABILITY, true);
            e.boolean(Tag::ASYNCHRONOUS_CAPABILITY, false);
            e.boolean(Tag::ATTESTATION_CAPABILITY, false);
            e.boolean(Tag::BATCH_UNDO_CAPABILITY, true);
            e.boolean(Tag::BATCH_CONTINUE_CAPABILITY, true);
            e.enumeration(Tag::UNWRAP_MODE, strongroom_kmip::UnwrapMode::PROCESSED);
            e.enumeration(
                Tag::DESTROY_ACTION,
                strongroom_kmip::DestroyAction::KEY_MATERIAL_DELETED,
            );
            e.enumeration(
                Tag::SHREDDING_ALGORITHM,
                strongroom_kmip::ShreddingAlgorithm::CRYPTOGRAPHIC,
            );
            e.enumeration(Tag::RNG_MODE, strongroom_kmip::RNGMode::SHARED_INSTANTIATION);
        });
    }
    Ok(())
}

/// The generator of this server: AWS-LC's CTR_DRBG with AES-256 (NIST SP 800-90A).
pub(super) fn rng_parameters(e: &mut Encoder) {
    e.enumeration(Tag::RNG_ALGORITHM, RNGAlgorithm::DRBG);
    e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES);
    e.integer(Tag::CRYPTOGRAPHIC_LENGTH, 256);
    e.enumeration(Tag::DRBG_ALGORITHM, strongroom_kmip::DRBGAlgorithm::CTR);
}
