use crate::{context::Ctx,refusal::Refusal}; use strongroom_kmip::View;
pub(super) fn encrypt(_:&mut Ctx<'_,'_>,_:View<'_>)->Result<(),Refusal>{ Ok(()) }
pub(super) fn decrypt(_:&mut Ctx<'_,'_>,_:View<'_>)->Result<(),Refusal>{ Ok(()) }
