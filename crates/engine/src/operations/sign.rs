use crate::{context::Ctx,refusal::Refusal}; use strongroom_kmip::View;
pub(super) fn sign(_:&mut Ctx<'_,'_>,_:View<'_>)->Result<(),Refusal>{ Ok(()) }
pub(super) fn signature_verify(_:&mut Ctx<'_,'_>,_:View<'_>)->Result<(),Refusal>{ Ok(()) }
pub(super) fn mac(_:&mut Ctx<'_,'_>,_:View<'_>)->Result<(),Refusal>{ Ok(()) }
pub(super) fn mac_verify(_:&mut Ctx<'_,'_>,_:View<'_>)->Result<(),Refusal>{ Ok(()) }
pub(super) fn hash(_:&mut Ctx<'_,'_>,_:View<'_>)->Result<(),Refusal>{ Ok(()) }
