//! Records of what the server itself does, meets and refuses; and those of the time while it is
//! sealed, which wait in memory for the chain's key.

use strongroom_journal::kind;
use strongroom_kmip::{ResultReason, ResultStatus};

use crate::audit::UseRecord;
use crate::caller::Caller;
use crate::engine::{Engine, Inner, Unsealed};
use crate::error::EngineError;
use crate::refusal::Refusal;

/// Most records kept while sealed. Whoever can make more of them than that is told apart by the
/// first ones; the rest is counted.
const MOST_HELD: usize = 1024;

/// Something that the server did, met or refused.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The admin request, or the event's name.
    pub action: &'a str,
    /// The object it is about.
    pub object: Option<&'a str>,
    /// The rule that decided, for requests.
    pub rule: &'a str,
    /// What came of it: nothing to say, or the reason why not, with words.
    pub outcome: Result<(), (ResultReason, &'a str)>,
    /// How long it took, microseconds; zero where that says nothing.
    pub micros: i64,
    /// Parameters that matter.
    pub parameters: &'a [(&'a str, &'a str)],
}

impl<'a> Event<'a> {
    /// An event that went well, without particulars.
    pub fn new(action: &'a str) -> Self {
        Self { action, object: None, rule: "", outcome: Ok(()), micros: 0, parameters: &[] }
    }
}

/// A record that waits for the next unsealing.
struct HeldRecord {
    time_ms: i64,
    user: String,
    kind: u16,
    body: Vec<u8>,
}

/// The records of the time while the key manager is sealed, oldest first.
#[derive(Default)]
pub(crate) struct Held {
    records: Vec<HeldRecord>,
    /// How many did not fit.
    lost: u64,
}

impl Held {
    fn push(&mut self, record: HeldRecord) {
        if self.records.len() < MOST_HELD {
            // Should the server stop before it is unsealed, the log is all that is left of it.
            if let Some(body) = UseRecord::decode(&record.body) {
                let reason = body.reason.map_or("", ResultReason::name);
                tracing::info!(user = %record.user, address = %body.address, action = %body.action, reason, "while sealed");
            }
            self.records.push(record);
        } else {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Writes what was held, in order, and forgets it. What could not be written stays.
    pub(crate) fn write(&mut self, unsealed: &Unsealed, now_ms: i64) -> Result<(), Refusal> {
        let mut written = 0;
        let mut result = Ok(());
        for held in &self.records {
            result = unsealed.append_use(held.time_ms, &held.user, held.kind, held.body.clone());
            if result.is_err() {
                break;
            }
            written += 1;
        }
        self.records.drain(..written);
        result?;
        if self.lost > 0 {
            let server = Caller::server();
            let count = self.lost.to_string();
            let event = Event {
                parameters: &[("count", &count)],
                ..Event::new("not-recorded-while-sealed")
            };
            let (kind, body) = encode(&server, &event);
            unsealed.append_use(now_ms, &server.user, kind, body)?;
            self.lost = 0;
        }
        Ok(())
    }
}

/// The kind and the body of an event's record.
pub(crate) fn encode(caller: &Caller, event: &Event<'_>) -> (u16, Vec<u8>) {
    let (kind, status, reason, message) = match event.outcome {
        Ok(()) => (kind::SERVER_EVENT, None, None, ""),
        Err((reason, message)) => {
            (kind::REFUSAL, Some(ResultStatus::OPERATION_FAILED), Some(reason), message)
        }
    };
    let record = UseRecord {
        fingerprint: caller.fingerprint.clone(),
        address: caller.address.clone(),
        action: event.action.to_owned(),
        object: event.object.map(str::to_owned),
        rule: event.rule.to_owned(),
        status,
        reason,
        message: message.to_owned(),
        micros: event.micros,
        parameters: event
            .parameters
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
        ..UseRecord::default()
    };
    (kind, record.encode())
}

impl Inner {
    /// Appends a record to the chain of uses, or keeps it while the chain's key is sealed. Refusals
    /// on a full disk are counted only.
    pub(crate) fn record(&self, user: &str, kind: u16, body: Vec<u8>) -> Result<(), Refusal> {
        if kind == kind::REFUSAL && self.disk.is_full() {
            // Whoever asks again and again must not fill what the reserve left.
            self.disk.count();
            return Ok(());
        }
        let time_ms = self.stamp_ms();
        if let Some(unsealed) = self.unsealed() {
            return unsealed.append_use(time_ms, user, kind, body);
        }
        // Unsealing holds this lock from writing what was held until it is open.
        let mut held = self.held.lock();
        match self.unsealed() {
            Some(unsealed) => unsealed.append_use(time_ms, user, kind, body),
            None => {
                held.push(HeldRecord { time_ms, user: user.to_owned(), kind, body });
                Ok(())
            }
        }
    }
}

impl Engine {
    /// Records something that the server does, meets or refuses, in the chain of uses. While
    /// sealed it is kept in memory, up to a bound, and written at the next unsealing: the chain's
    /// key is sealed too.
    ///
    /// # Errors
    /// The audit cannot be written. Then nothing may be answered.
    pub fn record(&self, caller: &Caller, event: &Event<'_>) -> Result<(), EngineError> {
        if self.rehearses().is_some() {
            // It did not happen. That somebody tried is recorded by whoever let them.
            return Ok(());
        }
        let (kind, body) = encode(caller, event);
        self.inner.record(&caller.user, kind, body).map_err(EngineError::unrecorded)
    }
}
