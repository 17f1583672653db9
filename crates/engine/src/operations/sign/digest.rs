//! Hash (KMIP 2.1 section 6.1.24).

use strongroom_crypto::digest::Hasher;
use strongroom_kmip::{Tag, View};

use super::another_kind;
use crate::context::Ctx;
use crate::operations::crypt::data;
use crate::operations::keys::{Parameters, bad_parameters, check_hash};
use crate::refusal::Refusal;
use crate::streams::{Part, Work};

/// Hash.
pub(crate) fn hash(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let part = Part::read(payload)?;
    let data = data(payload, part)?;
    let holder = ctx.holder(None);
    ctx.before_stream(part, &holder)?;
    let mut hasher = match part.correlation() {
        None => {
            let parameters = Parameters::given(payload)?.unwrap_or_default();
            let hash =
                parameters.hash.ok_or_else(|| bad_parameters("Hashing Algorithm is missing"))?;
            check_hash(ctx.engine.config.legacy_algorithms, hash)?;
            ctx.note("hash", hash.name());
            Hasher::new(hash)?
        }
        Some(correlation) => match ctx.take_stream(correlation, &holder)? {
            Work::Hash(hasher) => hasher,
            _ => return Err(another_kind()),
        },
    };
    hasher.update(data)?;
    if matches!(part, Part::Whole | Part::Last(_)) {
        let made = hasher.finish()?;
        ctx.out.bytes(Tag::DATA, &made);
    } else {
        let correlation = ctx.keep_stream(part, holder, Work::Hash(hasher))?;
        ctx.out.bytes(Tag::CORRELATION_VALUE, &correlation);
    }
    Ok(())
}
