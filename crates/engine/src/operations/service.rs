//! Operations on the server rather than on objects: Log, Ping, RNG Retrieve, RNG Seed, Interop.

use strongroom_kmip::{Tag, View};

use crate::context::Ctx;
use crate::refusal::Refusal;

/// At most so many random bytes for one request.
const MAX_RANDOM: i32 = 1 << 16;

/// Log (KMIP 2.1 section 6.1.31): a client's line in the audit.
pub(super) fn log(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let message = payload
        .find(Tag::LOG_MESSAGE)
        .and_then(|v| v.as_text())
        .ok_or_else(|| Refusal::invalid_field("Log Message is missing"))?;
    ctx.note("message", message);
    Ok(())
}

/// Ping (KMIP 2.1 section 6.1.34).
pub(super) fn ping(_: &mut Ctx<'_, '_>, _: View<'_>) -> Result<(), Refusal> {
    Ok(())
}

/// Interop (KMIP 2.1 section 6.1.27): brackets around the test cases of a conformance run.
pub(super) fn interop(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    if let Some(case) = payload.find(Tag::INTEROP_IDENTIFIER).and_then(|v| v.as_text()) {
        ctx.note("case", case);
    }
    Ok(())
}

/// RNG Retrieve (KMIP 1.4 section 4.35, KMIP 2.1 section 6.1.48).
pub(super) fn rng_retrieve(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let length = payload
        .find(Tag::DATA_LENGTH)
        .and_then(|v| v.as_integer())
        .filter(|n| (0..=MAX_RANDOM).contains(n))
        .ok_or_else(|| {
            Refusal::invalid_field(format!("Data Length must lie between 0 and {MAX_RANDOM}"))
        })?;
    let mut data = vec![0; length as usize];
    strongroom_crypto::random(&mut data)?;
    ctx.note("length", length.to_string());
    ctx.out.bytes(Tag::DATA, &data);
    Ok(())
}

/// RNG Seed (KMIP 1.4 section 4.36, KMIP 2.1 section 6.1.49). The generator seeds itself from the
/// operating system; a client's seed is accepted and not mixed in, which the reply says: none of
/// its bytes were used.
pub(super) fn rng_seed(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    payload
        .find(Tag::DATA)
        .and_then(|v| v.as_bytes())
        .ok_or_else(|| Refusal::invalid_field("Data is missing"))?;
    ctx.out.integer(Tag::DATA_LENGTH, 0);
    Ok(())
}
