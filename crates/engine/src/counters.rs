//! How many requests there were, by operation and outcome, since the start.

use std::sync::atomic::{AtomicU64, Ordering};

use strongroom_kmip::{Operation, ResultReason, ResultStatus};

/// Operation codes are small numbers; what no version names counts as number zero.
const CODES: usize = 128;

/// How a request ended, as monitoring tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// The policy denied it, or there was nothing that the caller may see.
    Denied,
    /// Anything else.
    Failed,
}

impl Outcome {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }

    fn of(status: ResultStatus, reason: Option<ResultReason>) -> Self {
        match (status, reason) {
            (ResultStatus::SUCCESS, _) => Self::Success,
            (_, Some(ResultReason::PERMISSION_DENIED | ResultReason::OBJECT_NOT_FOUND)) => {
                Self::Denied
            }
            _ => Self::Failed,
        }
    }
}

const OUTCOMES: [Outcome; 3] = [Outcome::Success, Outcome::Denied, Outcome::Failed];

pub(crate) struct Counters([[AtomicU64; 3]; CODES]);

impl Default for Counters {
    fn default() -> Self {
        Self(std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))))
    }
}

impl Counters {
    pub(crate) fn count(
        &self,
        operation: Operation,
        status: ResultStatus,
        reason: Option<ResultReason>,
    ) {
        let outcome = Outcome::of(status, reason);
        let at = usize::try_from(operation.0).ok().filter(|code| *code < CODES).unwrap_or(0);
        let place = OUTCOMES.iter().position(|o| *o == outcome).unwrap_or(0);
        if let Some(count) = self.0.get(at).and_then(|row| row.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was counted at least once.
    pub(crate) fn all(&self) -> Vec<(Operation, Outcome, u64)> {
        let mut all = Vec::new();
        for (code, row) in (0u32..).zip(&self.0) {
            for (outcome, count) in OUTCOMES.iter().zip(row) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    all.push((Operation(code), *outcome, count));
                }
            }
        }
        all
    }
}
