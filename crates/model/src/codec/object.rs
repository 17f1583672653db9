//! Objects as state rows.

use strongroom_kmip::{Encoder, ObjectType, Tag};

use super::parts::*;
use super::tags::*;
use super::{BODY_VERSION, CodecError, Result, open_body};
use crate::lifecycle::Lifecycle;
use crate::object::{Creation, ManagedObject, ObjectId, Register};
use crate::stamp::Stamp;

impl ManagedObject {
    /// The state row of this object.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::ungated();
        let base = self.creation.as_ref().map(|c| c.stamp);
        e.structure(BODY, |e| {
            e.integer(VERSION, BODY_VERSION);
            e.text(OBJECT, self.id.as_str());
            if let Some(creation) = &self.creation {
                e.structure(CREATION, |e| {
                    write_stamp(e, creation.stamp);
                    e.enumeration(Tag::OBJECT_TYPE, creation.object_type);
                    e.text(OWNER, &creation.owner);
                    write_fields(e, &creation.fields);
                    write_block(e, creation.block.as_ref());
                });
            }
            e.integer(LIFECYCLE, self.lifecycle as i32);
            e.boolean(COMPROMISED, self.compromised);
            for (key, register) in &self.registers {
                // Most registers are as old as the object: their stamp need not be repeated.
                let stamp = Some(register.stamp).filter(|s| Some(*s) != base);
                write_register(e, key, register.value.as_ref(), stamp);
            }
            if let Some(material) = &self.material {
                write_material(e, material, true);
            }
            for ((counter, site), upto) in &self.counters {
                e.structure(COUNTER, |e| {
                    e.integer(INDEX, i32::from(*counter));
                    e.long_integer(SITE, i64::from(*site));
                    e.long_integer(UPTO, *upto as i64);
                });
            }
            for ((subject, operation), contest) in &self.grants {
                e.structure(GRANT, |e| {
                    e.text(SUBJECT, subject);
                    e.integer(OPERATION_CODE, *operation as i32);
                    write_contest(e, contest);
                });
            }
        });
        e.into_bytes()
    }

    /// Reads a state row back.
    ///
    /// # Errors
    /// [`CodecError`]: the row is damaged or newer than this build.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let view = open_body(bytes)?;
        let mut object = Self::unknown(ObjectId(text(view, OBJECT, "Object")?));
        let mut base = Stamp::default();
        for item in view.children() {
            match item.tag() {
                CREATION => {
                    base = read_stamp(item)?;
                    object.creation = Some(Creation {
                        stamp: base,
                        object_type: ObjectType(enumeration(
                            item,
                            Tag::OBJECT_TYPE,
                            "Object Type",
                        )?),
                        owner: text(item, OWNER, "Owner")?,
                        fields: read_fields(item),
                        block: read_block(item)?,
                    });
                }
                LIFECYCLE => {
                    object.lifecycle = item
                        .as_integer()
                        .and_then(Lifecycle::from_code)
                        .ok_or(CodecError::Missing("a known Lifecycle"))?;
                }
                COMPROMISED => object.compromised = item.as_boolean().unwrap_or_default(),
                REGISTER => {
                    let (key, value, stamp) = read_register(item)?;
                    object.registers.insert(key, Register { value, stamp: stamp.unwrap_or(base) });
                }
                MATERIAL => object.material = Some(read_material(item)?),
                COUNTER => {
                    let counter = integer(item, INDEX, "Index")? as u8;
                    let site = long(item, SITE, "Site")? as u32;
                    object.counters.insert((counter, site), long(item, UPTO, "Upto")?);
                }
                GRANT => {
                    let subject = text(item, SUBJECT, "Subject")?;
                    let operation = integer(item, OPERATION_CODE, "OperationCode")? as u32;
                    object.grants.insert((subject, operation), read_contest(item)?);
                }
                _ => {}
            }
        }
        Ok(object)
    }
}
