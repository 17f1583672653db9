//! What tests of every subject make, send and look up.

use strongroom_kmip::{BlockCipherMode, PaddingMethod, RecommendedCurve};

use super::*;

pub(super) const ALL_USES: u32 = 0x0000_03FF;

/// What a test says of a key to be made.
pub(super) struct Wish {
    pub(super) algorithm: CryptographicAlgorithm,
    pub(super) bits: i32,
    pub(super) mask: u32,
    pub(super) more: Vec<Attribute>,
}

impl Default for Wish {
    fn default() -> Self {
        Self { algorithm: CryptographicAlgorithm::AES, bits: 256, mask: ALL_USES, more: Vec::new() }
    }
}

impl Wish {
    pub(super) fn attributes(&self) -> Vec<Attribute> {
        let mut attributes = vec![
            Attribute::new(Tag::CRYPTOGRAPHIC_ALGORITHM, Value::Enumeration(self.algorithm.0)),
            Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(self.bits)),
            Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(self.mask as i32)),
            // Long past: the key is active.
            Attribute::new(Tag::ACTIVATION_DATE, Value::DateTime(1)),
        ];
        attributes.extend_from_slice(&self.more);
        attributes
    }
}

impl Bench {
    pub(super) fn make(&self, wish: &Wish) -> String {
        let payload = self
            .one(&self.alice, Operation::CREATE, |e| {
                e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
                AttributeSet::Own.write(&wish.attributes(), e, V);
            })
            .unwrap();
        text(&payload, Tag::UNIQUE_IDENTIFIER)
    }

    /// The private and the public key.
    pub(super) fn make_pair(
        &self,
        wish: &Wish,
        curve: Option<RecommendedCurve>,
    ) -> (String, String) {
        let mut attributes = wish.attributes();
        if let Some(curve) = curve {
            let fields = vec![Node::enumeration(Tag::RECOMMENDED_CURVE, curve)];
            let value = Value::Structure(fields);
            attributes.retain(|a| a.name != Tag::CRYPTOGRAPHIC_LENGTH.into());
            attributes.push(Attribute::new(Tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS, value));
        }
        let payload = self
            .one(&self.alice, Operation::CREATE_KEY_PAIR, |e| {
                AttributeSet::Common.write(&attributes, e, V);
            })
            .unwrap();
        (
            text(&payload, Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER),
            text(&payload, Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER),
        )
    }

    pub(super) fn on(
        &self,
        operation: Operation,
        id: &str,
        fill: impl FnOnce(&mut Encoder),
    ) -> Result<Value, ResultReason> {
        self.one(&self.alice, operation, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, id);
            fill(e);
        })
    }

    pub(super) fn material(&self, id: &str) -> Vec<u8> {
        let got = self.by_id(Operation::GET, id).unwrap();
        let object = got.find(Tag::SYMMETRIC_KEY).unwrap();
        let value = object.find(Tag::KEY_BLOCK).unwrap().find(Tag::KEY_VALUE).unwrap();
        octets(&value.value, Tag::KEY_MATERIAL)
    }

    /// Whether the audit of alice's uses has this parameter.
    pub(super) fn audit_says(&self, what: &str) -> bool {
        let filter = AuditFilter { user: Some("alice".to_owned()), ..AuditFilter::default() };
        let entries = self.engine.audit_tail(100, &filter).unwrap();
        entries.iter().any(|e| e.detail.contains(what))
    }
}

pub(super) fn octets(value: &Value, tag: Tag) -> Vec<u8> {
    value.find(tag).unwrap().value.as_bytes().unwrap().to_vec()
}

pub(super) fn mode(e: &mut Encoder, mode: BlockCipherMode) {
    e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| {
        e.enumeration(Tag::BLOCK_CIPHER_MODE, mode);
        if mode == BlockCipherMode::CBC {
            e.enumeration(Tag::PADDING_METHOD, PaddingMethod::PKCS5);
        }
    });
}

impl Bench {
    pub(super) fn at(
        &self,
        version: ProtocolVersion,
        operation: Operation,
        fill: impl FnOnce(&mut Encoder),
    ) -> Result<Value, ResultReason> {
        let bytes =
            self.send(&self.alice, RequestBuilder::new(version).item(operation, fill).finish());
        let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
        let item = &view.items[0];
        match item.status {
            ResultStatus::SUCCESS => {
                Ok(item.payload.map_or(Value::Structure(Vec::new()), Value::from))
            }
            _ => Err(item.reason.unwrap()),
        }
    }

    pub(super) fn at_id(
        &self,
        version: ProtocolVersion,
        operation: Operation,
        id: &str,
    ) -> Result<Value, ResultReason> {
        self.at(version, operation, |e| e.text(Tag::UNIQUE_IDENTIFIER, id))
    }

    /// The values of one attribute, in 2.1.
    pub(super) fn values(&self, id: &str, tag: Tag) -> Vec<Value> {
        let payload = self
            .at(V, Operation::GET_ATTRIBUTES, |e| {
                e.text(Tag::UNIQUE_IDENTIFIER, id);
                e.enumeration(Tag::ATTRIBUTE_REFERENCE, tag.0);
            })
            .unwrap();
        let Some(attributes) = payload.find(Tag::ATTRIBUTES) else { return Vec::new() };
        attributes.children().iter().filter(|n| n.tag == tag).map(|n| n.value.clone()).collect()
    }

    pub(super) fn make_with(&self, more: &[Attribute]) -> String {
        let mut attributes = vec![
            Attribute::new(
                Tag::CRYPTOGRAPHIC_ALGORITHM,
                Value::Enumeration(CryptographicAlgorithm::AES.0),
            ),
            Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(128)),
        ];
        attributes.extend_from_slice(more);
        let payload = self.at(V, Operation::CREATE, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            AttributeSet::Own.write(&attributes, e, V);
        });
        text(&payload.unwrap(), Tag::UNIQUE_IDENTIFIER)
    }
}

pub(super) fn name(text: &str) -> Attribute {
    Attribute::new(Tag::NAME, name_value(text))
}

/// A small filesystem of its own, for as long as it lives. None where mounting is refused.
pub(super) struct Mount(std::path::PathBuf);

impl Mount {
    pub(super) fn of(at: &std::path::Path, size: &str) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(at);
        mount.output().is_ok_and(|done| done.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
