//! Counts of values by size, for monitoring.

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets of a histogram; the last one takes everything.
const BUCKETS: usize = 14;

/// How often values of each size occurred. Every bucket's bound is twice the one before.
#[derive(Debug)]
pub(crate) struct Histogram {
    first: u64,
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

/// A histogram at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Upper bound of each bucket and how many values were in it and in no smaller one. The last
    /// bound is [`u64::MAX`].
    pub buckets: Vec<(u64, u64)>,
    /// Sum of all values.
    pub sum: u64,
}

impl Histogram {
    /// A histogram whose first bucket holds values up to `first`.
    pub(crate) fn new(first: u64) -> Self {
        Self { first, counts: std::array::from_fn(|_| AtomicU64::new(0)), sum: AtomicU64::new(0) }
    }

    pub(crate) fn observe(&self, value: u64) {
        let at = (0..BUCKETS - 1).find(|at| value <= self.first << at).unwrap_or(BUCKETS - 1);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> Counts {
        let bound = |at: usize| if at + 1 == BUCKETS { u64::MAX } else { self.first << at };
        let buckets = self.counts.iter().enumerate();
        Counts {
            buckets: buckets.map(|(at, c)| (bound(at), c.load(Ordering::Relaxed))).collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_bucket_that_is_large_enough() {
        let histogram = Histogram::new(10);
        for value in [0, 10, 11, 20, u64::MAX >> 1] {
            histogram.observe(value);
        }
        let counts = histogram.counts();
        assert_eq!(counts.buckets[0], (10, 2));
        assert_eq!(counts.buckets[1], (20, 2));
        assert_eq!(counts.buckets[BUCKETS - 1], (u64::MAX, 1));
        assert_eq!(counts.buckets.iter().map(|(_, n)| n).sum::<u64>(), 5);
    }
}
