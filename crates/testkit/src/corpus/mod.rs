//! Requests by the hundred: every operation in every version, valid and invalid.
//!
//! Requests are written without a version gate on purpose: what a server does with a field that
//! the message's version lacks is half of what they are for. A [`Scene`] makes the objects that
//! they name, in the newest version, so that older versions meet everything new.

mod invalid;
mod scene;
mod valid;

use strongroom_kmip::{Encoder, Node, Operation, ProtocolVersion, Tag};

pub use scene::Scene;

/// One request.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What it is, in a few words.
    pub name: String,
    /// The operation of its (first) batch item.
    pub operation: Operation,
    /// The version in its header.
    pub version: ProtocolVersion,
    /// The request message.
    pub bytes: Vec<u8>,
    /// Whether a server that has the operation should carry it out.
    pub valid: bool,
}

/// Everything for one version: what reads first, then what changes, then what is invalid, and what
/// destroys last.
pub fn samples(version: ProtocolVersion, scene: &Scene) -> Vec<Sample> {
    let mut all = valid::reading(version, scene);
    all.extend(invalid::every_operation(version, scene));
    all.extend(invalid::messages(version, scene));
    all.extend(valid::changing(version, scene));
    all
}

/// A request message of one batch item; `payload` writes the Request Payload without a gate.
pub fn request(
    version: ProtocolVersion,
    operation: Operation,
    payload: impl FnOnce(&mut Encoder),
) -> Vec<u8> {
    message(version, |_| {}, 1, |e| item(e, operation, payload))
}

/// A request message with more header fields and any batch items.
pub fn message(
    version: ProtocolVersion,
    header: impl FnOnce(&mut Encoder),
    count: i32,
    items: impl FnOnce(&mut Encoder),
) -> Vec<u8> {
    let mut encoder = Encoder::ungated();
    encoder.structure(Tag::REQUEST_MESSAGE, |e| {
        e.structure(Tag::REQUEST_HEADER, |e| {
            e.structure(Tag::PROTOCOL_VERSION, |e| {
                e.integer(Tag::PROTOCOL_VERSION_MAJOR, i32::from(version.major));
                e.integer(Tag::PROTOCOL_VERSION_MINOR, i32::from(version.minor));
            });
            header(e);
            e.integer(Tag::BATCH_COUNT, count);
        });
        items(e);
    });
    encoder.into_bytes()
}

/// A batch item.
pub fn item(e: &mut Encoder, operation: Operation, payload: impl FnOnce(&mut Encoder)) {
    e.structure(Tag::BATCH_ITEM, |e| {
        e.enumeration(Tag::OPERATION, operation);
        e.structure(Tag::REQUEST_PAYLOAD, payload);
    });
}

/// Attributes of a new object in the manner of the version, whether it has them or not.
fn template(e: &mut Encoder, version: ProtocolVersion, attributes: &[Node]) {
    template_as(e, version, Tag::TEMPLATE_ATTRIBUTE, Tag::ATTRIBUTES, attributes);
}

fn template_as(e: &mut Encoder, version: ProtocolVersion, old: Tag, new: Tag, attributes: &[Node]) {
    if version.has_attributes_structure() {
        e.structure(new, |e| attributes.iter().for_each(|a| e.node(a)));
    } else {
        e.structure(old, |e| attributes.iter().for_each(|a| old_attribute(e, a)));
    }
}

/// An attribute in a 1.x `Attribute`, or in the structure that a 2.x operation has for it.
fn attribute(e: &mut Encoder, version: ProtocolVersion, new: Tag, attribute: &Node) {
    if version.has_attributes_structure() {
        e.structure(new, |e| e.node(attribute));
    } else {
        old_attribute(e, attribute);
    }
}

fn old_attribute(e: &mut Encoder, attribute: &Node) {
    // A vendor attribute is an Attribute already; 1.x names it with its vendor in front.
    let vendor = attribute.find(Tag::VENDOR_IDENTIFICATION).and_then(|v| v.value.as_text());
    let own = attribute.find(Tag::ATTRIBUTE_NAME).and_then(|n| n.value.as_text());
    let (name, value) = match (vendor, own, attribute.find(Tag::ATTRIBUTE_VALUE)) {
        (Some(vendor), Some(own), Some(value)) => (format!("{vendor}-{own}"), &value.value),
        _ => (attribute.tag.name().to_owned(), &attribute.value),
    };
    e.structure(Tag::ATTRIBUTE, |e| {
        e.text(Tag::ATTRIBUTE_NAME, &name);
        e.value(Tag::ATTRIBUTE_VALUE, value);
    });
}

/// The name of an attribute, as a request refers to it.
fn reference(e: &mut Encoder, version: ProtocolVersion, tag: Tag) {
    if version.has_attributes_structure() {
        e.enumeration(Tag::ATTRIBUTE_REFERENCE, tag.0);
    } else {
        e.text(Tag::ATTRIBUTE_NAME, tag.name());
    }
}

fn id(e: &mut Encoder, id: &str) {
    e.text(Tag::UNIQUE_IDENTIFIER, id);
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::{Limits, View};

    use super::*;

    #[test]
    fn every_sample_is_well_formed_and_names_its_version() {
        let scene = Scene::fictitious();
        for version in ProtocolVersion::ALL {
            let all = samples(version, &scene);
            assert!(all.len() > 300, "{} samples for {version}", all.len());
            for sample in all {
                let message = View::parse(&sample.bytes, &Limits::default())
                    .unwrap_or_else(|e| panic!("{version} {}: {e}", sample.name));
                assert_eq!(message.tag(), Tag::REQUEST_MESSAGE);
            }
        }
    }

    #[test]
    fn every_operation_of_every_version_has_a_sample() {
        let scene = Scene::fictitious();
        for version in ProtocolVersion::ALL {
            let all = samples(version, &scene);
            for row in Operation::TABLE.values {
                assert!(
                    all.iter().any(|s| s.operation.0 == row.code),
                    "{version} has no sample of {}",
                    row.name
                );
            }
        }
    }
}
