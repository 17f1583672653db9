//! Cryptographic operations in parts: what is under way between two requests.
//!
//! A stream belongs to one user, one object and one operation, and is found again by its
//! Correlation Value, which is random. It lives in memory only: a restart or an idle time ends it,
//! and the client begins again. Streams are taken out of the table for the time of a request, so
//! that nothing is computed under its lock and no two requests advance one stream at once.

use std::collections::HashMap;

use parking_lot::Mutex;
use strongroom_crypto::asym::Signing;
use strongroom_crypto::{cipher, digest, mac};
use strongroom_kmip::{Operation, ResultReason, Tag, View};
use strongroom_model::ObjectId;
use zeroize::Zeroizing;

use crate::refusal::Refusal;

/// At most so many streams.
const MAX_STREAMS: usize = 1024;

/// At most so many of one user.
const MAX_PER_USER: usize = 64;

/// Idle milliseconds after which a stream ends.
const IDLE_MS: i64 = 300_000;

/// Most bytes that one stream may withhold: authenticated decryption gives nothing before the end.
const MAX_WITHHELD: usize = 16 << 20;

/// Most bytes that all streams together may withhold.
const MAX_WITHHELD_TOTAL: usize = 256 << 20;

/// A Correlation Value.
pub(crate) type Correlation = [u8; 16];

/// Which part of a message a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// The whole message.
    Whole,
    /// The first of several.
    First,
    /// A further one.
    Next(&'a [u8]),
    /// The last.
    Last(&'a [u8]),
}

impl<'a> Part<'a> {
    /// Reads Init Indicator, Final Indicator and Correlation Value.
    pub(crate) fn read(payload: View<'a>) -> Result<Self, Refusal> {
        let flag = |tag| payload.find(tag).and_then(|v| v.as_boolean()) == Some(true);
        let first = flag(Tag::INIT_INDICATOR);
        let last = flag(Tag::FINAL_INDICATOR);
        match (payload.find(Tag::CORRELATION_VALUE).and_then(|v| v.as_bytes()), first, last) {
            (None, true, false) => Ok(Self::First),
            (None, ..) => Ok(Self::Whole),
            (Some(_), true, _) => Err(Refusal::invalid_message(
                "Init Indicator and Correlation Value exclude each other",
            )),
            (Some(correlation), false, false) => Ok(Self::Next(correlation)),
            (Some(correlation), false, true) => Ok(Self::Last(correlation)),
        }
    }

    /// Whether the message begins here.
    pub(crate) fn begins(self) -> bool {
        matches!(self, Self::Whole | Self::First)
    }

    /// The stream that is continued.
    pub(crate) fn correlation(self) -> Option<&'a [u8]> {
        match self {
            Self::Next(correlation) | Self::Last(correlation) => Some(correlation),
            Self::Whole | Self::First => None,
        }
    }
}

/// Whose a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) user: String,
    pub(crate) operation: Operation,
    /// The key; none for hashes.
    pub(crate) object: Option<ObjectId>,
}

/// What is under way.
pub(crate) enum Work {
    Encrypt(Box<cipher::Stream>),
    Decrypt(Box<Decryption>),
    Hash(digest::Hasher),
    Mac { mac: mac::Mac, expected: Option<Vec<u8>> },
    Signature(Box<Signature>),
}

/// A decryption under way.
pub(crate) struct Decryption {
    pub(crate) stream: cipher::Stream,
    /// Length of the tag in bytes, where there is one.
    pub(crate) tag_length: Option<usize>,
    /// The tag, when it came as a field of its own.
    pub(crate) tag: Option<Vec<u8>>,
    /// The last bytes so far: the tag, when it comes at the data's end.
    pub(crate) tail: Vec<u8>,
}

/// A signature being made or verified.
pub(crate) struct Signature {
    pub(crate) signing: Signing,
    pub(crate) message: Gathered,
    /// The signature to verify.
    pub(crate) expected: Option<Vec<u8>>,
}

/// The signed message so far.
pub(crate) enum Gathered {
    /// Its hash, for algorithms that sign a hash.
    Hash(digest::Hasher),
    /// All of it, for those that want the message.
    Message(Zeroizing<Vec<u8>>),
}

impl Work {
    fn withheld(&self) -> usize {
        match self {
            Self::Encrypt(stream) => stream.withheld(),
            Self::Decrypt(decryption) => decryption.stream.withheld(),
            Self::Signature(signature) => match &signature.message {
                Gathered::Message(message) => message.len(),
                Gathered::Hash(_) => 0,
            },
            Self::Hash(_) | Self::Mac { .. } => 0,
        }
    }
}

struct Entry {
    holder: Holder,
    work: Work,
    withheld: usize,
    touched_ms: i64,
}

#[derive(Default)]
struct Table {
    entries: HashMap<Correlation, Entry>,
    withheld: usize,
}

impl Table {
    fn remove(&mut self, correlation: &Correlation) -> Option<Entry> {
        let entry = self.entries.remove(correlation)?;
        self.withheld -= entry.withheld;
        Some(entry)
    }

    fn expire(&mut self, now_ms: i64) {
        let mut freed = 0;
        self.entries.retain(|_, entry| {
            let alive = now_ms.saturating_sub(entry.touched_ms) < IDLE_MS;
            if !alive {
                freed += entry.withheld;
            }
            alive
        });
        self.withheld -= freed;
    }
}

/// The streams under way.
#[derive(Default)]
pub(crate) struct Streams(Mutex<Table>);

impl Streams {
    /// Refuses a further stream when there are too many.
    pub(crate) fn check_room(&self, user: &str, now_ms: i64) -> Result<(), Refusal> {
        let mut table = self.0.lock();
        table.expire(now_ms);
        let own = table.entries.values().filter(|e| e.holder.user == user).count();
        if own >= MAX_PER_USER || table.entries.len() >= MAX_STREAMS {
            return Err(over_limit(format!(
                "{own} operations of {user} are under way in parts: finish them first"
            )));
        }
        Ok(())
    }

    /// Takes a stream out to continue it.
    pub(crate) fn take(
        &self,
        correlation: &[u8],
        holder: &Holder,
        now_ms: i64,
    ) -> Result<Work, Refusal> {
        let unknown = || {
            Refusal::new(
                ResultReason::INVALID_CORRELATION_VALUE,
                "no operation with this Correlation Value is under way: begin again",
            )
        };
        let correlation = Correlation::try_from(correlation).map_err(|_| unknown())?;
        let mut table = self.0.lock();
        table.expire(now_ms);
        let own = table.entries.get(&correlation).is_some_and(|e| e.holder == *holder);
        if !own {
            return Err(unknown());
        }
        table.remove(&correlation).map(|e| e.work).ok_or_else(unknown)
    }

    /// Keeps a stream for its next part: a new one under a new Correlation Value, which is given
    /// back, or one that was taken under its own.
    pub(crate) fn keep(
        &self,
        correlation: Option<&[u8]>,
        holder: Holder,
        work: Work,
        now_ms: i64,
    ) -> Result<Correlation, Refusal> {
        let correlation = match correlation.and_then(|c| Correlation::try_from(c).ok()) {
            Some(correlation) => correlation,
            None => {
                let mut correlation = Correlation::default();
                strongroom_crypto::random(&mut correlation)?;
                correlation
            }
        };
        let withheld = work.withheld();
        let mut table = self.0.lock();
        if withheld > MAX_WITHHELD || table.withheld + withheld > MAX_WITHHELD_TOTAL {
            return Err(over_limit(format!(
                "the operation withholds {withheld} bytes until its end, more than is kept: use \
                 shorter messages"
            )));
        }
        table.withheld += withheld;
        table.entries.insert(correlation, Entry { holder, work, withheld, touched_ms: now_ms });
        Ok(correlation)
    }

    /// Ends every stream: at sealing.
    pub(crate) fn clear(&self) {
        *self.0.lock() = Table::default();
    }
}

fn over_limit(message: String) -> Refusal {
    Refusal::new(ResultReason::SERVER_LIMIT_EXCEEDED, message)
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::{Encoder, HashingAlgorithm, Limits};

    use super::*;

    fn holder(user: &str) -> Holder {
        Holder { user: user.to_owned(), operation: Operation::HASH, object: None }
    }

    fn work() -> Work {
        Work::Hash(digest::Hasher::new(HashingAlgorithm::SHA_256).unwrap())
    }

    fn gathered(len: usize) -> Work {
        Work::Signature(Box::new(Signature {
            signing: Signing::default(),
            message: Gathered::Message(Zeroizing::new(vec![0; len])),
            expected: None,
        }))
    }

    #[test]
    fn a_stream_is_found_by_its_holder_only() {
        let streams = Streams::default();
        let correlation = streams.keep(None, holder("a"), work(), 0).unwrap();
        assert!(streams.take(&correlation, &holder("b"), 0).is_err());
        let other = Holder { operation: Operation::MAC, ..holder("a") };
        assert!(streams.take(&correlation, &other, 0).is_err());
        assert!(streams.take(&correlation, &holder("a"), 0).is_ok());
        assert!(streams.take(&correlation, &holder("a"), 0).is_err());
    }

    #[test]
    fn an_idle_stream_ends() {
        let streams = Streams::default();
        let correlation = streams.keep(None, holder("a"), work(), 0).unwrap();
        let work = streams.take(&correlation, &holder("a"), IDLE_MS - 1).unwrap();
        let same = streams.keep(Some(&correlation), holder("a"), work, IDLE_MS - 1).unwrap();
        assert_eq!(same, correlation);
        assert!(streams.take(&correlation, &holder("a"), 2 * IDLE_MS).is_err());
    }

    #[test]
    fn one_user_cannot_fill_the_table() {
        let streams = Streams::default();
        for _ in 0..MAX_PER_USER {
            streams.check_room("a", 0).unwrap();
            streams.keep(None, holder("a"), work(), 0).unwrap();
        }
        assert!(streams.check_room("a", 0).is_err());
        assert!(streams.check_room("b", 0).is_ok());
        assert!(streams.check_room("a", IDLE_MS).is_ok());
    }

    #[test]
    fn what_streams_withhold_is_bounded() {
        let streams = Streams::default();
        assert!(streams.keep(None, holder("a"), gathered(MAX_WITHHELD + 1), 0).is_err());
        for _ in 0..MAX_WITHHELD_TOTAL / MAX_WITHHELD {
            streams.keep(None, holder("a"), gathered(MAX_WITHHELD), 0).unwrap();
        }
        assert!(streams.keep(None, holder("a"), gathered(1), 0).is_err());
        streams.check_room("a", IDLE_MS).unwrap();
        assert!(streams.keep(None, holder("a"), gathered(1), IDLE_MS).is_ok());
    }

    #[test]
    fn the_indicators_tell_the_part() {
        let part = |fill: &dyn Fn(&mut Encoder)| {
            let mut e = Encoder::ungated();
            e.structure(Tag::REQUEST_PAYLOAD, |e| fill(e));
            let bytes = e.into_bytes();
            let view = View::parse(&bytes, &Limits::default()).unwrap();
            Part::read(view).map(|p| (p.begins(), p.correlation().map(<[u8]>::to_vec)))
        };
        assert_eq!(part(&|_| {}), Ok((true, None)));
        assert_eq!(part(&|e| e.boolean(Tag::INIT_INDICATOR, true)), Ok((true, None)));
        let next = part(&|e| e.bytes(Tag::CORRELATION_VALUE, &[1]));
        assert_eq!(next, Ok((false, Some(vec![1]))));
        assert!(
            part(&|e| {
                e.bytes(Tag::CORRELATION_VALUE, &[1]);
                e.boolean(Tag::INIT_INDICATOR, true);
            })
            .is_err()
        );
    }
}
