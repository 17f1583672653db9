//! Approval rules and requests, in changes and as rows.

use strongroom_kmip::{Encoder, View};

use super::parts::*;
use super::tags::*;
use super::{BODY_VERSION, CodecError, Result, open_body};
use crate::approval::{
    ApprovalRequest, ApprovalRule, Approvers, EndedBy, Ending, Given, NewApproval, RuleVersions,
};
use crate::approvals::Gone;
use crate::contest::Seen;

impl RuleVersions {
    /// The stored form of the rules of one name.
    pub fn encode(&self) -> Vec<u8> {
        let (versions, gone) = self.parts();
        let mut e = Encoder::ungated();
        e.structure(BODY, |e| {
            e.integer(VERSION, BODY_VERSION);
            write_seen(e, SEEN, gone);
            for (stamp, rule) in versions {
                write_stamp(e, *stamp);
                write_rule(e, rule);
            }
        });
        e.into_bytes()
    }

    /// Reads a stored row back.
    ///
    /// # Errors
    /// [`CodecError`]: the row is damaged or newer than this build.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let view = open_body(bytes)?;
        let mut read = Self::default();
        read.waive(&read_seen(need(view, SEEN, "Seen")?)?);
        let stamps = view.find_all(CLOCK).map(stamp_in);
        for (stamp, rule) in stamps.zip(view.find_all(APPROVAL_RULE)) {
            read.require(stamp?, &read_rule(rule)?, &Seen::default());
        }
        Ok(read)
    }
}

impl ApprovalRequest {
    /// The stored form of a request.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::ungated();
        e.structure(BODY, |e| {
            e.integer(VERSION, BODY_VERSION);
            if let Some((stamp, new)) = &self.opened {
                write_stamp(e, *stamp);
                write_new(e, new);
            }
            for (user, given) in &self.given {
                e.structure(APPROVAL, |e| {
                    write_stamp(e, given.stamp);
                    e.text(USER, user);
                    e.text(FINGERPRINT, &given.fingerprint);
                    given.groups.iter().for_each(|group| e.text(GROUP, group));
                    write_signed(e, &given.issuer, &given.serial);
                    e.bytes(DIGEST, &given.digest);
                });
            }
            for (ending, by) in &self.ends {
                e.structure(ENDING, |e| {
                    e.integer(ENDING, *ending as i32);
                    write_stamp(e, by.stamp);
                    e.text(USER, &by.user);
                    e.text(REASON, &by.reason);
                });
            }
        });
        e.into_bytes()
    }

    /// Reads a stored row back.
    ///
    /// # Errors
    /// [`CodecError`]: the row is damaged or newer than this build.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let view = open_body(bytes)?;
        let mut read = Self::default();
        if let Some(request) = view.find(REQUEST) {
            read.open(read_stamp(view)?, &read_new(request)?);
        }
        for given in view.find_all(APPROVAL) {
            let user = text(given, USER, "User")?;
            let given = Given {
                stamp: read_stamp(given)?,
                fingerprint: text(given, FINGERPRINT, "Fingerprint")?,
                groups: texts(given, GROUP),
                issuer: read_issuer(given),
                serial: optional_text(given, SERIAL),
                digest: octets(given, DIGEST, "Digest")?,
            };
            read.give(&user, given);
        }
        for end in view.find_all(ENDING) {
            let ending = Ending::from_code(integer(end, ENDING, "Ending")?)
                .ok_or(CodecError::Missing("a known Ending"))?;
            let by = EndedBy {
                stamp: read_stamp(end)?,
                user: text(end, USER, "User")?,
                reason: text(end, REASON, "Reason")?,
            };
            read.end(ending, by);
        }
        Ok(read)
    }
}

impl Gone {
    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::ungated();
        e.structure(BODY, |e| {
            e.integer(VERSION, BODY_VERSION);
            e.long_integer(UPTO, self.upto() as i64);
            self.but().for_each(|id| e.text(APPROVAL, id));
        });
        e.into_bytes()
    }

    /// Reads a stored row of this site back.
    ///
    /// # Errors
    /// [`CodecError`]: the row is damaged or newer than this build.
    pub fn decode(site: u32, bytes: &[u8]) -> Result<Self> {
        let view = open_body(bytes)?;
        let but = texts(view, APPROVAL);
        Ok(Self::new(site, long(view, UPTO, "Upto")?, but.iter().map(String::as_str)))
    }
}

/// Whose signature a certificate has, and its number there.
pub(super) fn write_signed(e: &mut Encoder, issuer: &[u8], serial: &str) {
    if !issuer.is_empty() {
        e.bytes(ISSUER, issuer);
    }
    if !serial.is_empty() {
        e.text(SERIAL, serial);
    }
}

pub(super) fn read_issuer(view: View<'_>) -> Vec<u8> {
    view.find(ISSUER).and_then(|v| v.as_bytes()).unwrap_or_default().to_vec()
}

pub(super) fn write_rule(e: &mut Encoder, rule: &ApprovalRule) {
    e.structure(APPROVAL_RULE, |e| {
        e.text(TEXT, &rule.name);
        rule.actions.iter().for_each(|action| e.text(ACTION, action));
        if let Some(group) = &rule.key_group {
            e.text(KEY_GROUP, group);
        }
        e.integer(APPROVER_COUNT, rule.approvers as i32);
        e.text(APPROVERS, &rule.from.spelled());
        e.integer(OPEN_FOR, rule.open_for as i32);
    });
}

pub(super) fn read_rule(view: View<'_>) -> Result<ApprovalRule> {
    Ok(ApprovalRule {
        name: text(view, TEXT, "Text")?,
        actions: texts(view, ACTION),
        key_group: view.find(KEY_GROUP).and_then(|v| v.as_text()).map(str::to_owned),
        approvers: integer(view, APPROVER_COUNT, "ApproverCount")? as u32,
        from: Approvers::read(&text(view, APPROVERS, "Approvers")?)
            .ok_or(CodecError::Missing("known Approvers"))?,
        open_for: integer(view, OPEN_FOR, "OpenFor")? as u32,
    })
}

pub(super) fn write_new(e: &mut Encoder, new: &NewApproval) {
    e.structure(REQUEST, |e| {
        e.text(APPROVAL, &new.id);
        e.text(USER, &new.user);
        e.text(FINGERPRINT, &new.fingerprint);
        new.actions.iter().for_each(|action| e.text(ACTION, action));
        if let Some(object) = &new.object {
            e.text(OBJECT, object);
        }
        new.key_groups.iter().for_each(|group| e.text(KEY_GROUP, group));
        e.bytes(DIGEST, &new.digest);
        for (name, value) in &new.plan {
            e.structure(PLAN, |e| {
                e.text(WHAT, name);
                e.text(TEXT, value);
            });
        }
        e.date_time(EXPIRES, new.expires);
    });
}

pub(super) fn read_new(view: View<'_>) -> Result<NewApproval> {
    let plan =
        view.find_all(PLAN).map(|item| Ok((text(item, WHAT, "What")?, text(item, TEXT, "Text")?)));
    Ok(NewApproval {
        id: text(view, APPROVAL, "Approval")?,
        user: text(view, USER, "User")?,
        fingerprint: text(view, FINGERPRINT, "Fingerprint")?,
        actions: texts(view, ACTION),
        object: view.find(OBJECT).and_then(|v| v.as_text()).map(str::to_owned),
        key_groups: texts(view, KEY_GROUP),
        digest: octets(view, DIGEST, "Digest")?,
        plan: plan.collect::<Result<_>>()?,
        expires: need(view, EXPIRES, "Expires")?
            .as_date_time()
            .ok_or(CodecError::Missing("Expires"))?,
    })
}
