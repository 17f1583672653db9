//! Attributes as clients see them: stored ones and those that follow from the object's state.

use strongroom_crypto::sha256;
use strongroom_kmip::{
    Attribute, AttributeName, KeyFormatType, Node, ObjectType, ProtectionStorageMask, Tag, Value,
};
use strongroom_model::{AttributeKey, Counter, Lifecycle, ManagedObject};

use crate::allowance::{Allowances, reserved};
use crate::context::Ctx;
use crate::refusal::Refusal;

/// Lease Time shown for every object, seconds: how long a client may keep a copy before it asks
/// again.
const LEASE_SECONDS: u32 = 3600;

/// Attributes that are not stored but follow from the object.
const DERIVED: &[Tag] = &[
    Tag::UNIQUE_IDENTIFIER,
    Tag::SHORT_UNIQUE_IDENTIFIER,
    Tag::OBJECT_TYPE,
    Tag::CERTIFICATE_TYPE,
    Tag::OPAQUE_DATA_TYPE,
    Tag::KEY_FORMAT_TYPE,
    Tag::PROTECTION_STORAGE_MASK,
    Tag::LEASE_TIME,
    Tag::STATE,
];

/// An object with what its attributes depend on besides it.
pub(crate) struct Shown<'a> {
    pub(crate) object: &'a ManagedObject,
    pub(crate) allowances: &'a Allowances,
    /// The object was given out, although its stored Fresh attribute does not say so yet.
    pub(crate) served: bool,
    /// POSIX seconds.
    pub(crate) now: i64,
}

impl Shown<'_> {
    /// Every instance of an attribute, by index.
    pub(crate) fn instances(&self, name: &AttributeName) -> Vec<(u32, Value)> {
        if let AttributeName::Standard(tag) = name {
            if let Some(value) = self.derived(*tag) {
                return vec![(0, value)];
            }
            if let Some(value) = self.adjusted(*tag) {
                return vec![(0, value)];
            }
        }
        if self.is_internal(name) {
            return Vec::new();
        }
        self.object.instances(name).map(|(index, value)| (index, value.clone())).collect()
    }

    /// Every attribute instance.
    pub(crate) fn all(&self) -> Vec<Attribute> {
        let mut all = Vec::new();
        for tag in DERIVED {
            if let Some(value) = self.derived(*tag) {
                all.push(Attribute::new(*tag, value));
            }
        }
        for (name, index, value) in self.object.attributes() {
            if self.is_internal(name) || name.tag().is_some_and(|t| DERIVED.contains(&t)) {
                continue;
            }
            let value =
                name.tag().and_then(|tag| self.adjusted(tag)).unwrap_or_else(|| value.clone());
            all.push(Attribute { name: name.clone(), index, value });
        }
        all
    }

    /// The names of the attributes that the object has.
    pub(crate) fn names(&self) -> Vec<AttributeName> {
        let mut names: Vec<AttributeName> = self.all().into_iter().map(|a| a.name).collect();
        names.dedup();
        names
    }

    /// The server's own bookkeeping is no attribute of the protocol.
    fn is_internal(&self, name: &AttributeName) -> bool {
        matches!(name, AttributeName::Vendor { vendor, .. } if vendor == "strongroom")
    }

    fn derived(&self, tag: Tag) -> Option<Value> {
        let object = self.object;
        // A template has no life cycle and no value.
        if object.object_type() == ObjectType::TEMPLATE
            && !matches!(tag, Tag::UNIQUE_IDENTIFIER | Tag::OBJECT_TYPE)
        {
            return None;
        }
        Some(match tag {
            Tag::UNIQUE_IDENTIFIER => Value::TextString(object.id.as_str().to_owned()),
            Tag::SHORT_UNIQUE_IDENTIFIER => Value::ByteString(short_identifier(object)),
            Tag::OBJECT_TYPE => Value::Enumeration(object.object_type().0),
            Tag::STATE => Value::Enumeration(object.state(self.now).0),
            Tag::KEY_FORMAT_TYPE => Value::Enumeration(object.key_format()?.0),
            Tag::PROTECTION_STORAGE_MASK => {
                Value::Integer(ProtectionStorageMask::SOFTWARE.0 as i32)
            }
            Tag::LEASE_TIME => Value::Interval(LEASE_SECONDS),
            Tag::CERTIFICATE_TYPE | Tag::OPAQUE_DATA_TYPE => {
                let fields = &object.creation.as_ref()?.fields;
                fields.iter().find(|f| f.tag == tag)?.value.clone()
            }
            _ => return None,
        })
    }

    /// Stored attributes that memory knows better.
    fn adjusted(&self, tag: Tag) -> Option<Value> {
        match tag {
            Tag::USAGE_LIMITS => self.usage_limits(),
            Tag::FRESH if self.served => Some(Value::Boolean(false)),
            _ => None,
        }
    }

    /// Usage Limits with the count that is left: what is not reserved, and what is left of the
    /// reservations.
    fn usage_limits(&self) -> Option<Value> {
        let stored = self.object.value(Tag::USAGE_LIMITS)?;
        let total = stored.find(Tag::USAGE_LIMITS_TOTAL)?.value.as_long_integer()?;
        let unit = stored.find(Tag::USAGE_LIMITS_UNIT)?.clone();
        let unused = (total.max(0) as u64)
            .saturating_sub(reserved(self.object, Counter::Usage))
            .saturating_add(self.allowances.left(&self.object.id, Counter::Usage));
        Some(Value::Structure(vec![
            Node::new(Tag::USAGE_LIMITS_TOTAL, Value::LongInteger(total)),
            Node::new(Tag::USAGE_LIMITS_COUNT, Value::LongInteger(unused as i64)),
            unit,
        ]))
    }
}

/// Eight bytes that stand for the identifier where space is short.
fn short_identifier(object: &ManagedObject) -> Vec<u8> {
    sha256(&[b"short", object.id.as_str().as_bytes()])[..8].to_vec()
}

impl Ctx<'_, '_> {
    /// The object's attributes as this request sees them.
    pub(crate) fn shown<'o>(&'o self, object: &'o ManagedObject) -> Shown<'o> {
        Shown {
            object,
            allowances: &self.engine.allowances,
            served: self.engine.served.contains(&object.id),
            now: self.now(),
        }
    }
}

/// Gives instances of a list of attributes their keys: indexes in order for attributes with
/// several instances.
///
/// # Errors
/// A second instance of an attribute that has one only.
pub(crate) fn keyed(
    attributes: Vec<Attribute>,
    site: u32,
) -> Result<Vec<(AttributeKey, Value)>, Refusal> {
    let mut keyed: Vec<(AttributeKey, Value)> = Vec::with_capacity(attributes.len());
    for attribute in attributes {
        let same = keyed.iter().filter(|(key, _)| key.name == attribute.name).count() as u32;
        let multi = attribute.name.is_multi();
        if same > 0 && !multi {
            return Err(single_valued(&attribute.name));
        }
        let key =
            AttributeKey { name: attribute.name, index: same, site: if multi { site } else { 0 } };
        keyed.push((key, attribute.value));
    }
    Ok(keyed)
}

/// The refusal of a second instance.
pub(crate) fn single_valued(name: &AttributeName) -> Refusal {
    Refusal::new(
        strongroom_kmip::ResultReason::ATTRIBUTE_SINGLE_VALUED,
        format!("{name} has one instance only: modify it instead"),
    )
}

/// The refusal of a change to an attribute that clients may not change.
pub(crate) fn read_only(name: &AttributeName) -> Refusal {
    Refusal::new(
        strongroom_kmip::ResultReason::ATTRIBUTE_READ_ONLY,
        format!("{name} may not be changed by clients, or not in this state"),
    )
}

/// Whether the state allows a client to set a date (the rule tables of KMIP 2.1 section 4). `now`
/// is the latest that it may be: what may have passed moves no more.
pub(crate) fn check_date_rules(
    object: &ManagedObject,
    tag: Tag,
    value: &Value,
    now: i64,
) -> Result<(), Refusal> {
    let lifecycle = object.lifecycle_at(now);
    let name = AttributeName::Standard(tag);
    let open = match tag {
        Tag::ACTIVATION_DATE => lifecycle == Lifecycle::PreActive,
        Tag::PROCESS_START_DATE | Tag::PROTECT_STOP_DATE | Tag::DEACTIVATION_DATE => {
            lifecycle <= Lifecycle::Active
        }
        _ => return Ok(()),
    };
    if !open || object.compromised {
        return Err(Refusal::wrong_state(format!(
            "{name} may not be changed: the object is {}",
            object.state(now)
        )));
    }
    // Process Start Date and Protect Stop Date may move only while they lie ahead.
    if matches!(tag, Tag::PROCESS_START_DATE | Tag::PROTECT_STOP_DATE)
        && object.date(tag).is_some_and(|old| old <= now)
    {
        return Err(read_only(&name));
    }
    check_order(object, tag, value)
}

/// Activation ≤ Process Start, Protect Stop ≤ Deactivation, as far as both are set.
fn check_order(object: &ManagedObject, tag: Tag, value: &Value) -> Result<(), Refusal> {
    let new = value.as_date_time();
    let date = |t: Tag| if t == tag { new } else { object.date(t) };
    let pairs = [
        (Tag::ACTIVATION_DATE, Tag::PROCESS_START_DATE),
        (Tag::ACTIVATION_DATE, Tag::DEACTIVATION_DATE),
        (Tag::PROCESS_START_DATE, Tag::DEACTIVATION_DATE),
        (Tag::ACTIVATION_DATE, Tag::PROTECT_STOP_DATE),
        (Tag::PROTECT_STOP_DATE, Tag::DEACTIVATION_DATE),
    ];
    for (first, second) in pairs {
        if tag != first && tag != second {
            continue;
        }
        if let (Some(a), Some(b)) = (date(first), date(second))
            && a > b
        {
            return Err(Refusal::invalid_field(format!("{first} lies after {second}")));
        }
    }
    Ok(())
}

/// The default format of new keys, as the profiles' test cases have it: RSA keys in PKCS#1,
/// everything else as the algorithm suggests.
pub(crate) fn default_format(object_type: ObjectType, rsa: bool) -> KeyFormatType {
    match object_type {
        ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA => KeyFormatType::RAW,
        _ if rsa => KeyFormatType::PKCS_1,
        ObjectType::PRIVATE_KEY => KeyFormatType::PKCS_8,
        ObjectType::PUBLIC_KEY => KeyFormatType::X_509,
        _ => KeyFormatType::RAW,
    }
}
