//! Encrypt and Decrypt (KMIP 2.1 sections 6.1.17 and 6.1.11), whole or in parts.
//!
//! A mode or padding is taken from the request, else from the key's Cryptographic Parameters;
//! there is no other default, as the specification demands. An IV is the caller's, or the server's
//! when a mode needs one and none comes: then the reply carries it.
//!
//! Before 1.4 there is no field for the tag of an authenticating mode: it follows the data. From
//! 1.4 on it has its field; on the way in both are understood.

mod asymmetric;
pub(super) mod iv;
mod symmetric;

use strongroom_kmip::{CryptographicUsageMask, ObjectType, Tag, View};
use strongroom_model::{ObjectId, Purpose};

use super::keys;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::streams::{Correlation, Holder, Part, Work};

/// Encrypt.
pub(super) fn encrypt(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let part = Part::read(payload)?;
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    match object.object_type() {
        ObjectType::SYMMETRIC_KEY => {
            keys::usable_for(ctx, object, CryptographicUsageMask::ENCRYPT, Purpose::Protect)?;
            symmetric::encrypt(ctx, payload, part, &cached)
        }
        ObjectType::PUBLIC_KEY | ObjectType::CERTIFICATE => {
            keys::usable_for(ctx, object, CryptographicUsageMask::ENCRYPT, Purpose::Protect)?;
            asymmetric::encrypt(ctx, payload, part, &cached)
        }
        _ => Err(keys::wrong_type(object, "a key that encrypts")),
    }
}

/// Decrypt.
pub(super) fn decrypt(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let part = Part::read(payload)?;
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    match object.object_type() {
        ObjectType::SYMMETRIC_KEY => {
            keys::usable_for(ctx, object, CryptographicUsageMask::DECRYPT, Purpose::Process)?;
            symmetric::decrypt(ctx, payload, part, &cached)
        }
        ObjectType::PRIVATE_KEY => {
            keys::usable_for(ctx, object, CryptographicUsageMask::DECRYPT, Purpose::Process)?;
            asymmetric::decrypt(ctx, payload, part, &cached)
        }
        _ => Err(keys::wrong_type(object, "a key that decrypts")),
    }
}

/// The data of this part, which only parts of several may lack.
pub(super) fn data<'a>(payload: View<'a>, part: Part<'_>) -> Result<&'a [u8], Refusal> {
    match payload.find(Tag::DATA).and_then(|v| v.as_bytes()) {
        Some(data) => Ok(data),
        None if part == Part::Whole => Err(Refusal::invalid_field("Data is missing")),
        None => Ok(&[]),
    }
}

/// An octet field that may be there.
pub(super) fn octets<'a>(payload: View<'a>, tag: Tag) -> Option<&'a [u8]> {
    payload.find(tag).and_then(|v| v.as_bytes())
}

impl Ctx<'_, '_> {
    /// Who holds a stream of this operation.
    pub(super) fn holder(&self, object: Option<&ObjectId>) -> Holder {
        Holder {
            user: self.caller.user.clone(),
            operation: self.operation,
            object: object.cloned(),
        }
    }

    /// To be called before a stream is begun or advanced, and after everything that may find that
    /// it needs the writer: in a batch the writer runs all of it, because a part that has been
    /// taken in cannot be repeated.
    pub(super) fn before_stream(&self, part: Part<'_>, holder: &Holder) -> Result<(), Refusal> {
        if part == Part::Whole {
            return Ok(());
        }
        if !self.alone && self.tx.is_none() {
            return Err(Refusal::needs_writer());
        }
        if part == Part::First {
            self.engine.streams.check_room(&holder.user, self.engine.mono_ms())?;
        }
        Ok(())
    }

    /// Takes the stream that a part continues.
    pub(super) fn take_stream(&self, correlation: &[u8], holder: &Holder) -> Result<Work, Refusal> {
        self.engine.streams.take(correlation, holder, self.engine.mono_ms())
    }

    /// Keeps a stream for its next part, and gives its Correlation Value.
    pub(super) fn keep_stream(
        &self,
        part: Part<'_>,
        holder: Holder,
        work: Work,
    ) -> Result<Correlation, Refusal> {
        self.engine.streams.keep(part.correlation(), holder, work, self.engine.mono_ms())
    }
}
