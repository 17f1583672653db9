//! Keys between the store and the cryptography: what may be made, registered, converted and used.

mod asymmetric;
mod certificate;
mod convert;
mod parameters;
mod symmetric;
mod transparent;
mod usable;

pub(super) use asymmetric::{
    Kept, check_pair, describe_asymmetric, is_post_quantum, pair_half, pair_length, private_key,
    public_key,
};
pub(super) use certificate::describe_certificate;
pub(super) use convert::convert;
pub(super) use parameters::Parameters;
pub(super) use symmetric::{
    Octets, check_registered, check_symmetric, material_len, octets, symmetric_octets,
};
pub(super) use usable::{
    bad_parameters, check_algorithm, check_hash, require_mask, same_family, spend_usage,
    usable_for, wrong_type,
};
