//! Keys as officers make, end and import them, and what they look at before.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_engine::{
    Expiring, ExpiringPlace, KeyToImport, NewKey, Revocation, UseReport, UsesOf, Wrapped,
    WrappedHow,
};
use strongroom_kmip::{
    CryptographicAlgorithm, CryptographicUsageMask, HashingAlgorithm, RevocationReasonCode,
};
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use super::engine::EngineManager;
use super::{Caller, keys};
use crate::admin::types::{
    CreateKey, ExpiringRow, ImportKey, ImportedRow, KeyCreated, KeyDestroyed, Page, RevokeKey,
    UsedBy, UsesTarget, UsesView, WrappedKey,
};
use crate::errors::{self, Fault};
use crate::kmip_listener::now;

/// What the admin API needs of a key manager about keys that officers manage.
pub trait Keys {
    /// Makes a key.
    fn create_key(&self, caller: &Caller, new: &CreateKey) -> Result<KeyCreated, Fault>;
    /// Activates one.
    fn activate_key(&self, caller: &Caller, id: &str) -> Result<(), Fault>;
    /// Revokes one.
    fn revoke_key(&self, caller: &Caller, id: &str, why: &RevokeKey) -> Result<(), Fault>;
    /// Destroys one, after a delay in seconds if that is longer than what is configured.
    fn destroy_key(
        &self,
        caller: &Caller,
        id: &str,
        delay: Option<i64>,
    ) -> Result<KeyDestroyed, Fault>;
    /// What comes of keys within so many seconds.
    fn expiring(
        &self,
        within: i64,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<ExpiringRow>, Fault>;
    /// Imports keys, all of them or none.
    fn import_keys(&self, caller: &Caller, keys: &[ImportKey]) -> Result<Vec<ImportedRow>, Fault>;
    /// How something was used, and what hangs on it.
    fn uses(&self, target: &UsesTarget) -> Result<UsesView, Fault>;
}

impl Keys for EngineManager {
    fn create_key(&self, caller: &Caller, new: &CreateKey) -> Result<KeyCreated, Fault> {
        let made = self.engine.create_key(caller, &new_key(caller, new)?)?;
        Ok(KeyCreated { id: made.id, public: made.public })
    }

    fn activate_key(&self, caller: &Caller, id: &str) -> Result<(), Fault> {
        Ok(self.engine.activate_key(caller, id)?)
    }

    fn revoke_key(&self, caller: &Caller, id: &str, why: &RevokeKey) -> Result<(), Fault> {
        let reason = reason(&why.reason)?;
        let compromise =
            [RevocationReasonCode::KEY_COMPROMISE, RevocationReasonCode::CA_COMPROMISE]
                .contains(&reason);
        if why.happened.is_some() && !compromise {
            return Err(Fault::bad_request(
                "When a compromise happened goes with the reason key-compromise alone.",
            ));
        }
        if why.happened.is_some_and(|ago| !(0..=LONGEST).contains(&ago)) {
            return Err(Fault::bad_request(
                "A compromise happened within the last thousand years.",
            ));
        }
        let why = Revocation { reason, message: why.message.clone(), happened: why.happened };
        Ok(self.engine.revoke_key(caller, id, &why)?)
    }

    fn destroy_key(
        &self,
        caller: &Caller,
        id: &str,
        delay: Option<i64>,
    ) -> Result<KeyDestroyed, Fault> {
        if delay.is_some_and(|delay| !(0..=MOST_DELAY).contains(&delay)) {
            return Err(Fault::bad_request("A delay is 0 seconds to ten years."));
        }
        let at = self.engine.destroy_key(caller, id, delay)?;
        Ok(KeyDestroyed { id: id.to_owned(), at })
    }

    fn expiring(
        &self,
        within: i64,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<ExpiringRow>, Fault> {
        let after = after.map(|text| {
            ExpiringPlace::read(text).ok_or_else(|| Fault::bad_request("after is no cursor."))
        });
        let after = after.transpose()?;
        let until = now().saturating_add(within.max(0));
        let mut found = self.engine.expiring(until, after.as_ref(), limit.saturating_add(1))?;
        let more = found.len() > limit;
        found.truncate(limit);
        let after = found.last().filter(|_| more).map(|last| last.place().to_string());
        Ok(Page { rows: found.into_iter().map(expiring_row).collect(), after })
    }

    fn import_keys(&self, caller: &Caller, given: &[ImportKey]) -> Result<Vec<ImportedRow>, Fault> {
        let mut keys = Vec::with_capacity(given.len());
        for (at, key) in given.iter().enumerate() {
            keys.push(to_import(caller, key).map_err(|fault| on_line(given, at, fault))?);
        }
        let imported = self
            .engine
            .import_keys(caller, keys)
            .map_err(|refused| on_line(given, refused.at, refused.error.into()))?;
        let rows = imported.into_iter().zip(given).map(|(done, key)| ImportedRow {
            line: key.line,
            id: done.id,
            already: done.already,
        });
        Ok(rows.collect())
    }

    fn uses(&self, target: &UsesTarget) -> Result<UsesView, Fault> {
        let all = [&target.key, &target.key_group, &target.user, &target.certificate];
        if all.iter().filter(|given| given.is_some()).count() != 1 {
            return Err(Fault::bad_request(
                "The parameters are days and one of key, key_group, user and certificate.",
            ));
        }
        let of = match (&target.key, &target.key_group, &target.user, &target.certificate) {
            (Some(id), ..) => UsesOf::Object(id.clone()),
            (_, Some(group), ..) => UsesOf::KeyGroup(group.clone()),
            (_, _, Some(user), _) => UsesOf::User(user.clone()),
            (_, _, _, print) => UsesOf::Certificate(print.clone().unwrap_or_default()),
        };
        let days = target.days.unwrap_or(30);
        if !(1..=3660).contains(&days) {
            return Err(Fault::bad_request("days is a number from 1 to 3660."));
        }
        let since = now().saturating_sub(i64::from(days) * 86_400).saturating_mul(1000);
        let mut view = uses_view(self.engine.uses(&of, since)?);
        if let Some(id) = &target.key {
            let hangs = self.engine.hangs_on(id)?;
            view.wraps = hangs.wraps;
            view.wraps_count = hangs.wraps_count;
            view.links = keys::links(hangs.links);
            view.whole &= hangs.whole;
        }
        Ok(view)
    }
}

/// The longest span of time that a date is told by, seconds.
const LONGEST: i64 = 31_557_600_000;

/// The longest delay of a destruction, seconds.
const MOST_DELAY: i64 = 315_360_000;

/// The fault of one key of a batch.
fn on_line(given: &[ImportKey], at: usize, fault: Fault) -> Fault {
    let place = match given.get(at).and_then(|key| key.line) {
        Some(line) => format!("Line {line}"),
        None => format!("Key {} of the batch", at + 1),
    };
    Fault { detail: format!("{place}: {}", fault.detail), ..fault }
}

fn uses_view(report: UseReport) -> UsesView {
    let users = report.users.into_iter();
    UsesView {
        last: report.last.map(Into::into),
        users: users.map(|u| UsedBy { user: u.user, uses: u.uses, last: u.last_ms }).collect(),
        uses: report.uses,
        objects: report.objects,
        since: report.since_ms,
        whole: report.whole,
        wraps: Vec::new(),
        wraps_count: 0,
        links: Vec::new(),
    }
}

fn expiring_row(found: Expiring) -> ExpiringRow {
    ExpiringRow { comes: found.comes.name().to_owned(), at: found.at, key: keys::row(found.key) }
}

fn new_key(caller: &Caller, new: &CreateKey) -> Result<NewKey, Fault> {
    let owner = new.owner.clone().unwrap_or_else(|| caller.user.clone());
    crate::identity::check_user(&owner)?;
    if new.uses.is_some_and(|uses| uses < 1) {
        return Err(Fault::bad_request("A key may be used once at least."));
    }
    let ages = [new.deactivate_in].into_iter().flatten();
    if ages.into_iter().any(|span| !(0..=LONGEST).contains(&span)) {
        return Err(Fault::bad_request("A key is deactivated within a thousand years, or never."));
    }
    if new.rotate_every == Some(0) {
        return Err(Fault::bad_request("A key is rotated after a second at the earliest."));
    }
    Ok(NewKey {
        algorithm: algorithm(&new.algorithm)?,
        length: new.length,
        name: new.name.clone(),
        owner,
        key_groups: new.key_groups.clone(),
        usage: usage(&new.usage)?,
        rotate_every: new.rotate_every,
        activate: new.activate,
        deactivate_in: new.deactivate_in,
        uses: new.uses,
        sensitive: new.sensitive,
        extractable: new.extractable,
    })
}

fn to_import(caller: &Caller, key: &ImportKey) -> Result<KeyToImport, Fault> {
    let wrong = |what: &str| Fault::bad_request(format!("The {what} is not base64."));
    // What was decoded is wiped, whatever becomes of it.
    let octets = Zeroizing::new(STANDARD.decode(key.key.reveal()).map_err(|_| wrong("key"))?);
    if octets.is_empty() {
        return Err(Fault::bad_request("The key has no octets."));
    }
    let material = SecretBytes::from_slice(&octets)
        .map_err(|e| Fault::new(errors::INTERNAL, format!("{e}.")))?;
    let wrapped = key.wrapped.as_ref().map(wrapped).transpose()?;
    Ok(KeyToImport { key: new_key(caller, &key.spec)?, id: key.id.clone(), material, wrapped })
}

fn wrapped(given: &WrappedKey) -> Result<Wrapped, Fault> {
    let how = match plain(&given.method).as_str() {
        "kw" | "aeskw" => WrappedHow::Kw,
        "kwp" | "aeskwp" => WrappedHow::Kwp,
        "gcm" | "aesgcm" => {
            let iv = given.iv.as_deref().unwrap_or_default();
            let iv = STANDARD.decode(iv).ok().filter(|iv| !iv.is_empty());
            let missing = || Fault::bad_request("A key wrapped by gcm needs its iv, in base64.");
            WrappedHow::Gcm { iv: iv.ok_or_else(missing)? }
        }
        "rsaoaep" | "oaep" => WrappedHow::RsaOaep(hash(given.hash.as_deref())?),
        _ => {
            return Err(Fault::bad_request(format!(
                "`{}` is no way to wrap: kw, kwp, gcm and rsa-oaep are.",
                given.method
            )));
        }
    };
    Ok(Wrapped { by: given.by.clone(), how })
}

fn hash(word: Option<&str>) -> Result<HashingAlgorithm, Fault> {
    Ok(match word.map(plain).as_deref() {
        None | Some("sha256") => HashingAlgorithm::SHA_256,
        Some("sha1") => HashingAlgorithm::SHA_1,
        Some("sha384") => HashingAlgorithm::SHA_384,
        Some("sha512") => HashingAlgorithm::SHA_512,
        Some(_) => {
            let what = "The hash of rsa-oaep is sha1, sha256, sha384 or sha512.";
            return Err(Fault::bad_request(what));
        }
    })
}

/// A word as people write it, without what spellings differ in.
fn plain(text: &str) -> String {
    let letters = text.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

fn algorithm(word: &str) -> Result<CryptographicAlgorithm, Fault> {
    let wanted = plain(word);
    let row = CryptographicAlgorithm::TABLE.values.iter().find(|row| plain(row.name) == wanted);
    row.map(|row| CryptographicAlgorithm(row.code)).ok_or_else(|| {
        Fault::bad_request(format!(
            "`{word}` is no algorithm; they are spelled as in the specification, such as AES, \
             HMAC-SHA256 or RSA."
        ))
    })
}

/// A usage mask from words; none without any.
fn usage(words: &[String]) -> Result<Option<u32>, Fault> {
    let mut mask = 0;
    for word in words {
        let wanted = plain(word);
        // `wrap` is as good as `Wrap Key`.
        let row = CryptographicUsageMask::TABLE
            .values
            .iter()
            .find(|row| plain(row.name) == wanted || plain(row.name) == format!("{wanted}key"));
        mask |= row.map(|row| row.code).ok_or_else(|| {
            Fault::bad_request(format!(
                "`{word}` is no use of a key; they are spelled as in the specification, such as \
                 Encrypt, Sign or Wrap Key."
            ))
        })?;
    }
    Ok((!words.is_empty()).then_some(mask))
}

fn reason(word: &str) -> Result<RevocationReasonCode, Fault> {
    let wanted = plain(word);
    let row = RevocationReasonCode::TABLE.values.iter().find(|row| plain(row.name) == wanted);
    row.map(|row| RevocationReasonCode(row.code)).ok_or_else(|| {
        let names = RevocationReasonCode::TABLE.values.iter().map(|row| row.name);
        let names = names.collect::<Vec<_>>().join(", ");
        Fault::bad_request(format!("A reason is one of {names}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_specification_are_known_however_people_write_them() {
        assert_eq!(algorithm("hmac_sha256").unwrap(), CryptographicAlgorithm::HMAC_SHA256);
        assert_eq!(usage(&["Encrypt".into(), "wrap".into()]).unwrap(), Some(0x14));
        assert_eq!(usage(&[]).unwrap(), None);
        let compromise = RevocationReasonCode::KEY_COMPROMISE;
        assert_eq!(reason("key-compromise").unwrap(), compromise);
        for fault in [algorithm("rot13").unwrap_err(), usage(&["fly".into()]).unwrap_err()] {
            assert!(fault.detail.contains("specification"), "{fault}");
        }
        assert!(reason("boredom").unwrap_err().detail.contains("Key Compromise"));
    }
}
