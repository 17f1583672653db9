//! What ends soon, told before it does: certificates 30, 14, 7 and 1 day ahead, and once a day how
//! many keys a date moves on within a week.
//!
//! What was told is kept in settings, so that a restart does not tell it again: of a certificate the
//! smallest number of days, of the keys the day. A certificate that is met late, with five days left,
//! is told of once, and again a day ahead.

use strongroom_model::{Change, Setting};

use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::event::Event;

/// Days ahead at which an end is told of, the farthest first.
const DAYS: [i64; 4] = [30, 14, 7, 1];

/// How far ahead the dates of keys are counted, days.
const KEYS_DAYS: i64 = 7;

const DAY: i64 = 86_400;

/// Where it is kept what was told.
const NAMESPACE: &str = "told-ahead";

/// Key of the day on which keys were told of.
const KEYS: &str = "keys";

/// A certificate and when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// `server`, `authority` or `client`.
    pub what: &'static str,
    /// Whose it is.
    pub name: String,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: String,
    /// The last second in which it counts, POSIX.
    pub ends: i64,
}

/// The days of which an end is to be told at `now`, POSIX seconds, after `told` was.
fn due(ends: i64, now: i64, told: Option<i64>) -> Option<i64> {
    if now > ends {
        return None;
    }
    let reached = DAYS.into_iter().rev().find(|days| ends - now <= days * DAY)?;
    told.is_none_or(|told| reached < told).then_some(reached)
}

impl Engine {
    /// Tells the audit of what ends soon at `now`, POSIX seconds. `more` are certificates that the
    /// store does not know of: the server's and the authorities'. To be called every minute or so.
    ///
    /// # Errors
    /// The audit's or the store's. What was told and could not be kept is told again.
    pub fn tell_ahead(&self, more: Vec<Ending>, now: i64) -> Result<(), EngineError> {
        let inner = &self.inner;
        let waits = self.is_quarantined() || inner.is_replica() || inner.disk.is_full();
        if inner.unsealed().is_none() || inner.clock_alarm().is_some() || waits {
            return Ok(());
        }
        let mut kept = self.tell_certificates(more, now)?;
        kept.extend(self.tell_keys(now)?);
        if kept.is_empty() {
            return Ok(());
        }
        let origin = Caller::server().origin("keep setting", "");
        let now_ms = inner.stamp_ms();
        self.commit(move |tx| {
            for (key, value) in kept {
                let value = value.map(|value| value.to_string().into_bytes());
                let setting = Setting { namespace: NAMESPACE.to_owned(), key, value };
                tx.append(&origin, &Change::Setting(setting), now_ms)?;
            }
            Ok(())
        })
    }

    /// Gives what is to be kept: setting and number of days, or nothing once it has ended.
    fn tell_certificates(
        &self,
        more: Vec<Ending>,
        now: i64,
    ) -> Result<Vec<(String, Option<i64>)>, EngineError> {
        let mut kept = Vec::new();
        for one in more.into_iter().chain(self.clients_ending()) {
            let key = self.key_of(&one.fingerprint);
            let told = self.told(&key);
            if now > one.ends && told.is_some() {
                kept.push((key, None));
            } else if let Some(days) = due(one.ends, now, told) {
                let (days_text, ends) = (days.to_string(), one.ends.to_string());
                let parameters = [
                    ("what", one.what),
                    ("name", one.name.as_str()),
                    ("within-days", &days_text),
                    ("ends", &ends),
                    ("fingerprint", &one.fingerprint),
                ];
                let event = Event { parameters: &parameters, ..Event::new("certificate-expiring") };
                self.record(&Caller::server(), &event)?;
                let (what, name) = (one.what, one.name.as_str());
                tracing::warn!(what, name, days, "certificate-expiring");
                kept.push((key, Some(days)));
            }
        }
        Ok(kept)
    }

    fn clients_ending(&self) -> impl Iterator<Item = Ending> {
        self.certificates().into_iter().filter(|(_, c)| c.revoked.is_none()).filter_map(
            |(fingerprint, certificate)| {
                let (_, info) = certificate.info?;
                let client = info.purpose == "client";
                client.then_some(Ending {
                    what: "client",
                    name: info.user,
                    fingerprint,
                    ends: info.not_after,
                })
            },
        )
    }

    fn tell_keys(&self, now: i64) -> Result<Option<(String, Option<i64>)>, EngineError> {
        let (key, today) = (self.key_of(KEYS), now.div_euclid(DAY));
        if self.told(&key).is_some_and(|told| told >= today) {
            return Ok(None);
        }
        let count = self.due_until(now + KEYS_DAYS * DAY);
        if count == 0 {
            return Ok(None);
        }
        let (count, days) = (count.to_string(), KEYS_DAYS.to_string());
        let parameters = [("count", count.as_str()), ("within-days", days.as_str())];
        self.record(
            &Caller::server(),
            &Event { parameters: &parameters, ..Event::new("keys-due") },
        )?;
        Ok(Some((key, Some(today))))
    }

    fn key_of(&self, what: &str) -> String {
        format!("{}/{what}", self.inner.config.site)
    }

    fn told(&self, key: &str) -> Option<i64> {
        let state = self.inner.store.server_state();
        std::str::from_utf8(state.setting(NAMESPACE, key)?).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_of_30_14_7_and_1_days_ahead_and_once_each() {
        let ends = 100 * DAY;
        let mut told = None;
        let mut heard = Vec::new();
        for hour in 0..=101 * 24 {
            let now = hour * 3600;
            if let Some(days) = due(ends, now, told) {
                heard.push((now / DAY, days));
                told = Some(days);
            }
        }
        assert_eq!(heard, [(70, 30), (86, 14), (93, 7), (99, 1)]);
    }

    #[test]
    fn one_that_is_met_late_is_told_of_once_for_all_that_was_missed() {
        assert_eq!(due(100 * DAY, 95 * DAY, None), Some(7));
        assert_eq!(due(100 * DAY, 95 * DAY, Some(7)), None);
        assert_eq!(due(100 * DAY, 99 * DAY, Some(7)), Some(1));
        assert_eq!(due(100 * DAY, 100 * DAY + 1, None), None);
    }
}
