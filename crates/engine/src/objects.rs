//! Managed objects between the wire and the store (KMIP 2.1 sections 2 and 3).

use strongroom_kmip::{
    Attribute, AttributeSet, CryptographicAlgorithm, Encoder, KeyFormatType, Limits, Node,
    ObjectType, ProtocolVersion, Tag, View, check_known,
};
use strongroom_model::KeyBlock;
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use crate::refusal::Refusal;

/// The structure's tag of an object type.
pub(crate) fn tag_of(object_type: ObjectType) -> Result<Tag, Refusal> {
    Ok(match object_type {
        ObjectType::CERTIFICATE => Tag::CERTIFICATE,
        ObjectType::SYMMETRIC_KEY => Tag::SYMMETRIC_KEY,
        ObjectType::PUBLIC_KEY => Tag::PUBLIC_KEY,
        ObjectType::PRIVATE_KEY => Tag::PRIVATE_KEY,
        ObjectType::SPLIT_KEY => Tag::SPLIT_KEY,
        ObjectType::SECRET_DATA => Tag::SECRET_DATA,
        ObjectType::OPAQUE_OBJECT => Tag::OPAQUE_OBJECT,
        ObjectType::PGP_KEY => Tag::PGP_KEY,
        ObjectType::CERTIFICATE_REQUEST => Tag::CERTIFICATE_REQUEST,
        ObjectType::TEMPLATE => Tag::TEMPLATE,
        other => {
            return Err(Refusal::new(
                strongroom_kmip::ResultReason::INVALID_OBJECT_TYPE,
                format!("objects of type {other} are not kept here"),
            ));
        }
    })
}

/// The field that holds the value of an object without Key Block.
fn value_tag(object_type: ObjectType) -> Option<Tag> {
    match object_type {
        ObjectType::CERTIFICATE => Some(Tag::CERTIFICATE_VALUE),
        ObjectType::OPAQUE_OBJECT => Some(Tag::OPAQUE_DATA_VALUE),
        ObjectType::CERTIFICATE_REQUEST => Some(Tag::CERTIFICATE_REQUEST_VALUE),
        _ => None,
    }
}

/// An object as a client hands it in.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) fields: Vec<Node>,
    pub(crate) block: Option<KeyBlock>,
    pub(crate) algorithm: Option<CryptographicAlgorithm>,
    pub(crate) length: Option<i32>,
    /// Attributes inside the Key Value.
    pub(crate) attributes: Vec<Attribute>,
    /// The material: octets, or the encoded fields of a transparent Key Material. None when the
    /// value is kept elsewhere (Key Value Location).
    pub(crate) material: Option<Zeroizing<Vec<u8>>>,
    /// The Key Value came wrapped, and yet as a structure, with the wrapped octets in it.
    pub(crate) wrapped_in_structure: bool,
}

impl Incoming {
    /// Reads the object's structure.
    pub(crate) fn read(object_type: ObjectType, view: View<'_>) -> Result<Self, Refusal> {
        let mut incoming = Self {
            fields: Vec::new(),
            block: None,
            algorithm: None,
            length: None,
            attributes: Vec::new(),
            material: None,
            wrapped_in_structure: false,
        };
        // What no version has could be kept and never be given back.
        check_known(view.tag(), view, &|_| true)?;
        for item in view.children() {
            if item.tag() == Tag::KEY_BLOCK {
                incoming.read_block(item)?;
            } else if Some(item.tag()) == value_tag(object_type) {
                let value = item.as_bytes().ok_or_else(|| missing(item.tag()))?;
                incoming.material = Some(Zeroizing::new(value.to_vec()));
            } else {
                incoming.fields.push(Node::from(item));
            }
        }
        let complete = match value_tag(object_type) {
            Some(_) => incoming.material.is_some(),
            None => incoming.block.is_some() || object_type == ObjectType::TEMPLATE,
        };
        if !complete {
            return Err(Refusal::invalid_field(format!("the {object_type} has no value")));
        }
        Ok(incoming)
    }

    fn read_block(&mut self, block: View<'_>) -> Result<(), Refusal> {
        let format = block
            .find(Tag::KEY_FORMAT_TYPE)
            .and_then(|v| v.as_enumeration())
            .map(KeyFormatType)
            .ok_or_else(|| missing(Tag::KEY_FORMAT_TYPE))?;
        if block.find(Tag::KEY_COMPRESSION_TYPE).is_some() {
            return Err(compression());
        }
        self.algorithm = block
            .find(Tag::CRYPTOGRAPHIC_ALGORITHM)
            .and_then(|v| v.as_enumeration())
            .map(CryptographicAlgorithm);
        self.length = block.find(Tag::CRYPTOGRAPHIC_LENGTH).and_then(|v| v.as_integer());
        let wrapping = block.find(Tag::KEY_WRAPPING_DATA).map(Node::from);
        if let Some(value) = block.find(Tag::KEY_VALUE) {
            match value.as_bytes() {
                // A wrapped Key Value is one byte string (its encoding wrapped as a whole).
                Some(wrapped) => self.material = Some(Zeroizing::new(wrapped.to_vec())),
                None => {
                    let material =
                        value.find(Tag::KEY_MATERIAL).ok_or_else(|| missing(Tag::KEY_MATERIAL))?;
                    self.material = Some(Zeroizing::new(material.raw().to_vec()));
                    self.attributes = AttributeSet::Own.read(value)?.attributes;
                    self.wrapped_in_structure = wrapping.is_some();
                }
            }
        }
        self.block = Some(KeyBlock { format, wrapping });
        Ok(())
    }
}

/// The refusal of compressed keys.
pub(crate) fn compression() -> Refusal {
    Refusal::new(
        strongroom_kmip::ResultReason::KEY_COMPRESSION_TYPE_NOT_SUPPORTED,
        "Key Compression Type is not offered: leave it out",
    )
}

fn missing(tag: Tag) -> Refusal {
    Refusal::invalid_field(format!("{tag} is missing, or of the wrong type"))
}

/// Whether a format's Key Material is a structure of fields rather than octets.
pub(crate) fn is_transparent(format: KeyFormatType) -> bool {
    format.0 >= KeyFormatType::TRANSPARENT_SYMMETRIC_KEY.0
        && format.0 <= KeyFormatType::TRANSPARENT_EC_PUBLIC_KEY.0
}

/// What an object's structure needs to be written.
pub(crate) struct Outgoing<'a> {
    pub(crate) object_type: ObjectType,
    pub(crate) fields: &'a [Node],
    pub(crate) format: Option<KeyFormatType>,
    /// None when the value is kept elsewhere, and of templates.
    pub(crate) material: Option<&'a [u8]>,
    /// Key Wrapping Data, when the material is wrapped: it is then the wrapped Key Value.
    pub(crate) wrapped: Option<&'a Node>,
    /// Whether wrapped octets stand in a Key Value structure rather than for it.
    pub(crate) wrapped_in_structure: bool,
    pub(crate) algorithm: Option<CryptographicAlgorithm>,
    pub(crate) length: Option<i32>,
    /// Attributes to be put beside the material, when the client asked for them.
    pub(crate) attributes: &'a [Attribute],
}

impl Outgoing<'_> {
    /// Writes the object's structure.
    pub(crate) fn write(&self, e: &mut Encoder, version: ProtocolVersion) -> Result<(), Refusal> {
        let tag = tag_of(self.object_type)?;
        e.structure(tag, |e| {
            for field in self.fields {
                e.node(field);
            }
            match (value_tag(self.object_type), self.material) {
                (Some(value), material) => e.bytes(value, material.unwrap_or_default()),
                (None, _) if self.object_type == ObjectType::TEMPLATE => {}
                (None, _) => e.structure(Tag::KEY_BLOCK, |e| self.write_block(e, version)),
            }
        });
        Ok(())
    }

    fn write_block(&self, e: &mut Encoder, version: ProtocolVersion) {
        let format = self.format.unwrap_or(KeyFormatType::RAW);
        e.enumeration(Tag::KEY_FORMAT_TYPE, format);
        match (self.material, self.wrapped) {
            (None, _) => {}
            (Some(octets), Some(_)) if self.wrapped_in_structure => {
                e.structure(Tag::KEY_VALUE, |e| e.bytes(Tag::KEY_MATERIAL, octets));
            }
            // A wrapped Key Value is a byte string (KMIP 2.1 section 3.1).
            (Some(octets), Some(_)) => e.bytes(Tag::KEY_VALUE, octets),
            (Some(octets), None) => e.structure(Tag::KEY_VALUE, |e| {
                write_key_value(e, format, octets, self.attributes, version);
            }),
        }
        if let Some(algorithm) = self.algorithm {
            e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
        }
        if let Some(length) = self.length {
            e.integer(Tag::CRYPTOGRAPHIC_LENGTH, length);
        }
        if let Some(wrapping) = self.wrapped {
            e.node(wrapping);
        }
    }
}

/// Writes what a Key Value holds: the material, and the attributes that go with it.
pub(crate) fn write_key_value(
    e: &mut Encoder,
    format: KeyFormatType,
    material: &[u8],
    attributes: &[Attribute],
    version: ProtocolVersion,
) {
    if is_transparent(format) {
        // Fields that came with another version do not go out with this one.
        let mut whole = Encoder::ungated();
        whole.structure(Tag::KEY_MATERIAL, |e| e.raw_items(material));
        let whole = Zeroizing::new(whole.into_bytes());
        if let Ok(view) = View::parse_stored(&whole, &Limits::default()) {
            e.view(view);
        }
    } else {
        e.bytes(Tag::KEY_MATERIAL, material);
    }
    if !attributes.is_empty() {
        Attribute::write_all(attributes, e, version);
    }
}

/// Puts octets into locked memory.
pub(crate) fn secret(bytes: &[u8]) -> Result<SecretBytes, Refusal> {
    Ok(SecretBytes::from_slice(bytes)?)
}
