use crate::{context::Ctx,refusal::Refusal}; use strongroom_kmip::View;
pub(super) fn derive_key(_:&mut Ctx<'_,'_>,_:View<'_>)->Result<(),Refusal>{ Ok(()) }
