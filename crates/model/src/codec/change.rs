//! Changes as journal bodies.

use strongroom_kmip::{Encoder, ObjectType, Tag, View};

use super::approval::{read_issuer, read_new, read_rule, write_new, write_rule, write_signed};
use super::parts::*;
use super::tags::*;
use super::{BODY_VERSION, CodecError, Result, open_body};
use crate::approval::Ending;
use crate::change::{Change, ChangeKind, Counter, NewObject, Origin, Setting};
use crate::object::ObjectId;
use crate::server::CertificateInfo;

impl Change {
    /// The journal body of this change.
    pub fn encode(&self, origin: &Origin) -> Vec<u8> {
        let mut e = Encoder::ungated();
        e.structure(BODY, |e| {
            e.integer(VERSION, BODY_VERSION);
            e.structure(ORIGIN, |e| write_origin(e, origin));
            self.write(e);
        });
        e.into_bytes()
    }

    /// Reads a journal body back.
    ///
    /// # Errors
    /// [`CodecError`]: the journal is damaged or newer than this build.
    pub fn decode(kind: u16, body: &[u8]) -> Result<(Origin, Self)> {
        let view = open_body(body)?;
        let origin = read_origin(need(view, ORIGIN, "Origin")?)?;
        let kind = ChangeKind::from_code(kind).ok_or(CodecError::Missing("a known kind"))?;
        Ok((origin, Self::read(kind, view)?))
    }

    fn write(&self, e: &mut Encoder) {
        match self {
            Self::Created(new) => {
                e.text(OBJECT, new.id.as_str());
                e.enumeration(Tag::OBJECT_TYPE, new.object_type);
                e.text(OWNER, &new.owner);
                write_fields(e, &new.fields);
                write_block(e, new.block.as_ref());
                e.integer(LIFECYCLE, new.lifecycle as i32);
                for (key, value) in &new.attributes {
                    write_register(e, key, Some(value), None);
                }
                if let Some(material) = &new.material {
                    write_material(e, material, false);
                }
            }
            Self::Changed { id, lifecycle, compromised, sets, .. } => {
                e.text(OBJECT, id.as_str());
                if let Some(lifecycle) = lifecycle {
                    e.integer(LIFECYCLE, *lifecycle as i32);
                }
                e.boolean(COMPROMISED, *compromised);
                for (key, value) in sets {
                    write_register(e, key, value.as_ref(), None);
                }
            }
            Self::Rewrapped { id, material } => {
                e.text(OBJECT, id.as_str());
                write_material(e, material, false);
            }
            Self::Reserved { id, counter, upto } => {
                e.text(OBJECT, id.as_str());
                e.integer(COUNTER, *counter as i32);
                e.long_integer(UPTO, *upto as i64);
            }
            Self::Granted { id, subject, operation, seen } => {
                e.text(OBJECT, id.as_str());
                e.text(SUBJECT, subject);
                e.integer(OPERATION_CODE, *operation as i32);
                write_seen(e, SEEN, seen);
            }
            Self::GrantRevoked { id, subject, operation } => {
                e.text(OBJECT, id.as_str());
                e.text(SUBJECT, subject);
                e.integer(OPERATION_CODE, *operation as i32);
            }
            Self::GroupGranted { key_group, subject, operation, seen } => {
                e.text(KEY_GROUP, key_group);
                e.text(SUBJECT, subject);
                e.integer(OPERATION_CODE, *operation as i32);
                write_seen(e, SEEN, seen);
            }
            Self::GroupGrantRevoked { key_group, subject, operation } => {
                e.text(KEY_GROUP, key_group);
                e.text(SUBJECT, subject);
                e.integer(OPERATION_CODE, *operation as i32);
            }
            Self::RoleGranted { user, role, seen } => {
                e.text(USER, user);
                e.integer(ROLE, *role as i32);
                write_seen(e, SEEN, seen);
            }
            Self::RoleRevoked { user, role } => {
                e.text(USER, user);
                e.integer(ROLE, *role as i32);
            }
            Self::CertificateIssued(info) => write_certificate(e, info),
            Self::CertificateRevoked { fingerprint, reason } => {
                e.text(FINGERPRINT, fingerprint);
                e.text(REASON, reason);
            }
            Self::ApprovalRequired { rule, seen } => {
                write_rule(e, rule);
                write_seen(e, SEEN, seen);
            }
            Self::ApprovalWaived { name, seen } => {
                e.text(TEXT, name);
                write_seen(e, SEEN, seen);
            }
            Self::ApprovalRequested(new) => write_new(e, new),
            Self::ApprovalGiven { id, user, fingerprint, groups, issuer, serial, digest } => {
                e.text(APPROVAL, id);
                e.text(USER, user);
                e.text(FINGERPRINT, fingerprint);
                groups.iter().for_each(|group| e.text(GROUP, group));
                write_signed(e, issuer, serial);
                e.bytes(DIGEST, digest);
            }
            Self::ApprovalEnded { id, user, reason, .. } => {
                e.text(APPROVAL, id);
                e.text(USER, user);
                e.text(REASON, reason);
            }
            Self::ApprovalsDropped { site, upto, but } => {
                e.long_integer(SITE, i64::from(*site));
                e.long_integer(UPTO, *upto as i64);
                but.iter().for_each(|id| e.text(APPROVAL, id));
            }
            Self::Setting(setting) => {
                e.text(NAMESPACE, &setting.namespace);
                e.text(KEY, &setting.key);
                if let Some(value) = &setting.value {
                    e.bytes(VALUE, value);
                }
            }
            Self::Noted { what, text } => {
                e.text(WHAT, what);
                e.text(TEXT, text);
            }
        }
    }

    fn read(kind: ChangeKind, view: View<'_>) -> Result<Self> {
        let object = || text(view, OBJECT, "Object").map(ObjectId);
        Ok(match kind {
            ChangeKind::Created => Self::Created(Box::new(NewObject {
                id: object()?,
                object_type: ObjectType(enumeration(view, Tag::OBJECT_TYPE, "Object Type")?),
                owner: text(view, OWNER, "Owner")?,
                fields: read_fields(view),
                block: read_block(view)?,
                lifecycle: read_lifecycle(view)?.ok_or(CodecError::Missing("Lifecycle"))?,
                attributes: view
                    .find_all(REGISTER)
                    .map(|r| {
                        let (key, value, _) = read_register(r)?;
                        Ok((key, value.ok_or(CodecError::Missing("Value"))?))
                    })
                    .collect::<Result<_>>()?,
                material: view
                    .find(MATERIAL)
                    .map(|m| read_material(m).map(|m| m.as_journalled()))
                    .transpose()?,
            })),
            ChangeKind::Attributes
            | ChangeKind::Activated
            | ChangeKind::Deactivated
            | ChangeKind::Compromised
            | ChangeKind::Destroyed
            | ChangeKind::DestroyScheduled
            | ChangeKind::Archived
            | ChangeKind::Recovered => Self::Changed {
                kind,
                id: object()?,
                lifecycle: read_lifecycle(view)?,
                compromised: boolean(view, COMPROMISED),
                sets: view
                    .find_all(REGISTER)
                    .map(|r| read_register(r).map(|(key, value, _)| (key, value)))
                    .collect::<Result<_>>()?,
            },
            ChangeKind::Rewrapped => Self::Rewrapped {
                id: object()?,
                material: read_material(need(view, MATERIAL, "Material")?)?.as_journalled(),
            },
            ChangeKind::Reserved => Self::Reserved {
                id: object()?,
                counter: Counter::from_code(integer(view, COUNTER, "Counter")?)
                    .ok_or(CodecError::Missing("a known Counter"))?,
                upto: long(view, UPTO, "Upto")?,
            },
            ChangeKind::Granted => Self::Granted {
                id: object()?,
                subject: text(view, SUBJECT, "Subject")?,
                operation: integer(view, OPERATION_CODE, "OperationCode")? as u32,
                seen: read_seen(need(view, SEEN, "Seen")?)?,
            },
            ChangeKind::GrantRevoked => Self::GrantRevoked {
                id: object()?,
                subject: text(view, SUBJECT, "Subject")?,
                operation: integer(view, OPERATION_CODE, "OperationCode")? as u32,
            },
            ChangeKind::GroupGranted => Self::GroupGranted {
                key_group: text(view, KEY_GROUP, "KeyGroup")?,
                subject: text(view, SUBJECT, "Subject")?,
                operation: integer(view, OPERATION_CODE, "OperationCode")? as u32,
                seen: read_seen(need(view, SEEN, "Seen")?)?,
            },
            ChangeKind::GroupGrantRevoked => Self::GroupGrantRevoked {
                key_group: text(view, KEY_GROUP, "KeyGroup")?,
                subject: text(view, SUBJECT, "Subject")?,
                operation: integer(view, OPERATION_CODE, "OperationCode")? as u32,
            },
            ChangeKind::RoleGranted => Self::RoleGranted {
                user: text(view, USER, "User")?,
                role: read_role(view)?,
                seen: read_seen(need(view, SEEN, "Seen")?)?,
            },
            ChangeKind::RoleRevoked => {
                Self::RoleRevoked { user: text(view, USER, "User")?, role: read_role(view)? }
            }
            ChangeKind::CertificateIssued => Self::CertificateIssued(CertificateInfo {
                fingerprint: text(view, FINGERPRINT, "Fingerprint")?,
                user: text(view, USER, "User")?,
                groups: texts(view, GROUP),
                serial: text(view, SERIAL, "Serial")?,
                not_after: need(view, NOT_AFTER, "NotAfter")?
                    .as_date_time()
                    .ok_or(CodecError::Missing("NotAfter"))?,
                purpose: text(view, PURPOSE, "Purpose")?,
                issued_by: optional_text(view, ISSUED_BY),
            }),
            ChangeKind::CertificateRevoked => Self::CertificateRevoked {
                fingerprint: text(view, FINGERPRINT, "Fingerprint")?,
                reason: text(view, REASON, "Reason")?,
            },
            ChangeKind::ApprovalRequired => Self::ApprovalRequired {
                rule: read_rule(need(view, APPROVAL_RULE, "ApprovalRule")?)?,
                seen: read_seen(need(view, SEEN, "Seen")?)?,
            },
            ChangeKind::ApprovalWaived => Self::ApprovalWaived {
                name: text(view, TEXT, "Text")?,
                seen: read_seen(need(view, SEEN, "Seen")?)?,
            },
            ChangeKind::ApprovalRequested => {
                Self::ApprovalRequested(Box::new(read_new(need(view, REQUEST, "Request")?)?))
            }
            ChangeKind::ApprovalGiven => Self::ApprovalGiven {
                id: text(view, APPROVAL, "Approval")?,
                user: text(view, USER, "User")?,
                fingerprint: text(view, FINGERPRINT, "Fingerprint")?,
                groups: texts(view, GROUP),
                issuer: read_issuer(view),
                serial: optional_text(view, SERIAL),
                digest: octets(view, DIGEST, "Digest")?,
            },
            ChangeKind::ApprovalExecuted => read_ended(view, Ending::Executed)?,
            ChangeKind::ApprovalRejected => read_ended(view, Ending::Rejected)?,
            ChangeKind::ApprovalWithdrawn => read_ended(view, Ending::Withdrawn)?,
            ChangeKind::ApprovalExpired => read_ended(view, Ending::Expired)?,
            ChangeKind::ApprovalsDropped => Self::ApprovalsDropped {
                site: long(view, SITE, "Site")? as u32,
                upto: long(view, UPTO, "Upto")?,
                but: texts(view, APPROVAL),
            },
            ChangeKind::Setting => Self::Setting(Setting {
                namespace: text(view, NAMESPACE, "Namespace")?,
                key: text(view, KEY, "Key")?,
                value: view.find(VALUE).and_then(|v| v.as_bytes()).map(<[u8]>::to_vec),
            }),
            ChangeKind::Noted => {
                Self::Noted { what: text(view, WHAT, "What")?, text: text(view, TEXT, "Text")? }
            }
        })
    }
}

fn read_ended(view: View<'_>, how: Ending) -> Result<Change> {
    Ok(Change::ApprovalEnded {
        id: text(view, APPROVAL, "Approval")?,
        how,
        user: text(view, USER, "User")?,
        reason: text(view, REASON, "Reason")?,
    })
}
