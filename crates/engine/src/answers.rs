//! Answers kept for requests that come again under the same idempotency key.
//!
//! A request that makes something is marked in the transaction that makes it ([`Mark`]); its answer
//! is known only afterwards and takes the mark's place. Who comes again finds the answer, or, should
//! the server have stopped in between, that it was carried out: never is it done twice. Both lie
//! sealed in this copy of the store and in no journal: they are for a day.

use std::sync::Arc;

use strongroom_store::StoreError;

use crate::around::Mark;
use crate::engine::Engine;
use crate::error::EngineError;

/// Where they lie.
const ANSWERS: &str = "answer/";

/// How long they are kept, milliseconds.
const KEPT_MS: i64 = 86_400_000;

/// Most that are kept.
const MOST: usize = 4096;

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Tells it from others: what it was marked with.
    pub request: Vec<u8>,
    /// The answer; none if it was lost.
    pub answer: Option<Vec<u8>>,
}

impl Engine {
    /// What is known of the request with this name, if it was carried out within the last day.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], damage, or the store's.
    pub fn kept_answer(&self, name: &str) -> Result<Option<KeptAnswer>, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let key = key(name);
        let found = self.inner.store.read::<_, StoreError>(|tx| tx.local(&key))?;
        let Some((at, sealed)) = found.as_deref().and_then(dated) else { return Ok(None) };
        if self.inner.stamp_ms().saturating_sub(at) > KEPT_MS {
            return Ok(None);
        }
        let plain = unsealed.open_secret(&key, sealed)?;
        Ok(read(plain.as_slice()))
    }

    /// A mark for a request that is about to be carried out.
    ///
    /// # Errors
    /// [`EngineError::Sealed`].
    pub fn answer_mark(&self, name: &str, request: &[u8]) -> Result<Arc<Mark>, EngineError> {
        Ok(Arc::new(Mark::new(key(name), self.written(name, request, None)?)))
    }

    /// Keeps the answer to a request that was carried out, and forgets those of yesterday.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or the store's.
    pub fn keep_answer(
        &self,
        name: &str,
        request: &[u8],
        answer: &[u8],
    ) -> Result<(), EngineError> {
        let value = self.written(name, request, Some(answer))?;
        let mut all: Vec<(i64, String)> = self
            .inner
            .store
            .locals(ANSWERS)?
            .into_iter()
            .map(|(name, value)| (dated(&value).map_or(0, |(at, _)| at), name))
            .collect();
        all.sort_unstable();
        let old = self.inner.stamp_ms().saturating_sub(KEPT_MS);
        let spare = all.len().saturating_sub(MOST);
        let outdated = all.into_iter().enumerate().filter(|(n, (at, _))| *at < old || *n < spare);
        let outdated: Vec<String> = outdated.map(|(_, (_, name))| name).collect();
        let name = key(name);
        self.commit(move |tx| {
            for old in &outdated {
                tx.put_local(&key(old), None)?;
            }
            tx.put_local(&name, Some(&value))
        })
    }

    fn written(
        &self,
        name: &str,
        request: &[u8],
        answer: Option<&[u8]>,
    ) -> Result<Vec<u8>, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let mut plain = vec![u8::from(answer.is_some())];
        plain.extend_from_slice(&(request.len() as u64).to_be_bytes());
        plain.extend_from_slice(request);
        plain.extend_from_slice(answer.unwrap_or_default());
        let mut value = self.inner.stamp_ms().to_be_bytes().to_vec();
        value.extend(unsealed.seal_secret(&key(name), &plain)?);
        Ok(value)
    }
}

fn key(name: &str) -> String {
    format!("{ANSWERS}{name}")
}

/// When it was written, milliseconds since the Unix epoch, and the rest.
fn dated(value: &[u8]) -> Option<(i64, &[u8])> {
    let (at, rest) = value.split_first_chunk()?;
    Some((i64::from_be_bytes(*at), rest))
}

fn read(plain: &[u8]) -> Option<KeptAnswer> {
    let (answered, rest) = plain.split_first()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let (request, answer) = rest.split_at_checked(length)?;
    let answer = (*answered == 1).then(|| answer.to_vec());
    Some(KeptAnswer { request: request.to_vec(), answer })
}
