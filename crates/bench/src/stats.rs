//! Latencies in a histogram of bounded size and error, and the interval of a ratio.

use serde::Serialize;

/// Buckets for each power of two: a latency is known to one part in 128.
const STEPS: u64 = 128;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Latencies in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Counts one latency.
    pub fn record(&mut self, nanos: u64) {
        let bucket = bucket(nanos);
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
    }

    /// How many were counted.
    pub fn len(&self) -> u64 {
        self.total
    }

    /// The latency in nanoseconds that `share` of all stay at or below; 0 when there are none.
    pub fn quantile(&self, share: f64) -> u64 {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return middle(bucket);
            }
        }
        0
    }
}

/// Below `STEPS` each value has its bucket; above, `STEPS` buckets for each power of two.
fn bucket(nanos: u64) -> usize {
    if nanos < STEPS {
        return nanos as usize;
    }
    let shift = nanos.ilog2() - STEP_BITS;
    let within = (nanos >> shift) - STEPS;
    (u64::from(shift + 1) * STEPS + within) as usize
}

fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    let low = (STEPS + bucket % STEPS) << shift;
    low + (1_u64 << shift) / 2
}

/// The median; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Half of the distance between the extremes, as a share of the median.
pub fn spread(values: &[f64]) -> f64 {
    let middle = median(values);
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    if values.len() < 2 || middle == 0.0 { 0.0 } else { (high - low) / 2.0 / middle }
}

/// A ratio and its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// The geometric mean of the pairs' ratios.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The ratio of pairs that were measured one right after the other: what disturbed both cancels
/// out. Ratios multiply, so the interval is Student's on their logarithms. None of fewer than two
/// pairs, or where a rate is zero.
pub fn ratio_of_pairs(pairs: &[(f64, f64)]) -> Option<Ratio> {
    if pairs.len() < 2 || pairs.iter().any(|(a, b)| *a <= 0.0 || *b <= 0.0) {
        return None;
    }
    let logs: Vec<f64> = pairs.iter().map(|(a, b)| (a / b).ln()).collect();
    let n = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / n;
    let variance = logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = student(logs.len() - 1) * (variance / n).sqrt();
    Some(Ratio { value: mean.exp(), low: (mean - half).exp(), high: (mean + half).exp() })
}

/// The 97.5 % quantile of Student's distribution.
fn student(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042,
    ];
    TABLE.get(freedom.max(1) - 1).copied().unwrap_or(1.96)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_right_to_one_percent_from_nanoseconds_to_minutes() {
        for scale in [1_u64, 1_000, 1_000_000, 100_000_000] {
            let mut histogram = Histogram::default();
            (1..=1_000).for_each(|n| histogram.record(n * scale));
            for (share, expected) in [(0.5, 500), (0.99, 990), (0.999, 999), (1.0, 1_000)] {
                let error = histogram.quantile(share) as f64 / (expected * scale) as f64 - 1.0;
                assert!(error.abs() < 0.01, "{share} at {scale}: {error}");
            }
        }
    }

    #[test]
    fn merged_histograms_count_as_one() {
        let (mut a, mut b) = (Histogram::default(), Histogram::default());
        a.record(10);
        b.record(1_000_000);
        b.record(1_000_000);
        a.merge(&b);
        assert_eq!((a.len(), a.quantile(0.1)), (3, 10));
        assert!(a.quantile(0.5) > 990_000);
    }

    #[test]
    fn an_empty_histogram_has_quantiles_of_zero() {
        assert_eq!(Histogram::default().quantile(0.99), 0);
    }

    #[test]
    fn equal_ratios_have_no_width_and_noise_has_some() {
        let exact = ratio_of_pairs(&[(50.0, 100.0), (40.0, 80.0), (10.0, 20.0)]).unwrap();
        assert!((exact.value - 0.5).abs() < 1e-9 && (exact.high - exact.low) < 1e-9);
        // ln 0.4 and ln 0.6: mean -0.71356, deviation 0.28671, t(1) = 12.706.
        let noisy = ratio_of_pairs(&[(40.0, 100.0), (60.0, 100.0)]).unwrap();
        assert!((noisy.value - 0.4899).abs() < 1e-4, "{noisy:?}");
        assert!((noisy.low - 0.0373).abs() < 1e-3, "{noisy:?}");
    }

    #[test]
    fn one_pair_or_a_rate_of_zero_has_no_interval() {
        assert_eq!(ratio_of_pairs(&[(1.0, 1.0)]), None);
        assert_eq!(ratio_of_pairs(&[(1.0, 1.0), (0.0, 1.0)]), None);
    }

    #[test]
    fn median_and_spread_of_a_few() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 3.0, 4.0]), 2.5);
        assert_eq!(spread(&[90.0, 100.0, 110.0]), 0.1);
    }
}
