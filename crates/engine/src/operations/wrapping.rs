use strongroom_kmip::*; use strongroom_model::ManagedObject; use crate::{context::Ctx,refusal::Refusal}; use super::create::Birth;
pub(super) struct Wrapped { pub(super) octets: Vec<u8>, pub(super) data: Node }
pub(super) fn wrap(_:&mut Ctx<'_,'_>,_:View<'_>,_:KeyFormatType,_:&[u8],_:&[Attribute])->Result<Wrapped,Refusal>{ unreachable!() }
pub(super) fn unwrap_registered(_:&mut Ctx<'_,'_>,_:&mut Birth,_:&Node)->Result<(),Refusal>{Ok(())}
pub(super) fn attributes_asked(_:&Ctx<'_,'_>,_:&ManagedObject,_:View<'_>)->Vec<Attribute>{ Vec::new() }
