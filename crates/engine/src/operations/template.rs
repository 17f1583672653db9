//! Templates (KMIP 1.4 section 2.2.6): named sets of attributes that later requests build on.
//! 2.0 did away with them; clients that speak it do not see those that older ones keep here.
//!
//! A template's own Name comes beside its structure or, in older clients, inside it. What else is
//! in there is kept as it came and goes to the objects that are made by it, unless the request
//! itself says otherwise.

use strongroom_kmip::{
    Attribute, AttributeName, AttributeSet, Encoder, Limits, Node, ObjectType, ProtocolVersion,
    ResultReason, Tag, Value, View,
};
use strongroom_model::ManagedObject;

use crate::context::Ctx;
use crate::refusal::Refusal;

/// A template is small.
const LIMITS: Limits = Limits { frame: 1 << 20, depth: 16, items: 4096, batch_items: 1 };

/// Whether a client of this version can see the object at all: not one of a type that the version
/// lacks, older or newer.
pub(crate) fn is_visible(object: &ManagedObject, version: ProtocolVersion) -> bool {
    object.object_type().exists_in(version)
}

impl Ctx<'_, '_> {
    /// The attributes that a request gives a new object: its own, and those of the templates that
    /// it names.
    pub(super) fn attributes(
        &self,
        set: AttributeSet,
        payload: View<'_>,
    ) -> Result<Vec<Attribute>, Refusal> {
        let given = set.read(payload)?;
        let mut attributes = given.attributes;
        if let Some(own) = attributes.iter().find(|a| is_bookkeeping(&a.name)) {
            return Err(crate::attributes::read_only(&own.name));
        }
        for name in &given.names {
            let said: Vec<AttributeName> = attributes.iter().map(|a| a.name.clone()).collect();
            let from_template = contents(&self.template(name)?)?;
            let new = |a: &Attribute| !is_name(&a.name) && !said.contains(&a.name);
            attributes.extend(from_template.into_iter().filter(new));
        }
        Ok(attributes)
    }

    /// The fields of the caller's template with this Name.
    fn template(&self, name: &Value) -> Result<Vec<Node>, Refusal> {
        let Some(tx) = &self.tx else { return Err(Refusal::needs_writer()) };
        let holders = tx.holders_of_name(&self.caller.user, name)?;
        holders
            .into_iter()
            .find(|object| object.object_type() == ObjectType::TEMPLATE)
            .map(|object| match object.is_archived() {
                true => Err(Refusal::archived(&object.id)),
                false => Ok(object.creation.map_or_else(Vec::new, |creation| creation.fields)),
            })
            .unwrap_or_else(|| {
                let text = name.find(Tag::NAME_VALUE).and_then(|n| n.value.as_text());
                Err(Refusal::new(
                    ResultReason::ITEM_NOT_FOUND,
                    format!("{} has no template {:?}", self.caller.user, text.unwrap_or_default()),
                ))
            })
    }
}

/// A new template's own attributes, from those beside it and the Names inside it.
pub(super) fn own(fields: &[Node], beside: Vec<Attribute>) -> Result<Vec<Attribute>, Refusal> {
    let mut own = beside;
    own.extend(contents(fields)?.into_iter().filter(|a| is_name(&a.name)));
    if !own.iter().any(|a| is_name(&a.name)) {
        return Err(Refusal::invalid_field("a template needs a Name: nothing else finds it"));
    }
    Ok(own)
}

/// The attributes in a template's fields.
fn contents(fields: &[Node]) -> Result<Vec<Attribute>, Refusal> {
    let mut e = Encoder::ungated();
    e.structure(Tag::TEMPLATE, |e| fields.iter().for_each(|field| e.node(field)));
    let bytes = e.into_bytes();
    let view = View::parse_stored(&bytes, &LIMITS)
        .map_err(|e| Refusal::invalid_field(format!("the template is damaged: {e}")))?;
    view.find_all(Tag::ATTRIBUTE).map(|a| Ok(Attribute::read_1x(a)?)).collect()
}

fn is_name(name: &AttributeName) -> bool {
    *name == AttributeName::Standard(Tag::NAME)
}

/// The server's own notes stand under its name; nobody else writes there.
fn is_bookkeeping(name: &AttributeName) -> bool {
    matches!(name, AttributeName::Vendor { vendor, .. } if vendor == "strongroom")
}
