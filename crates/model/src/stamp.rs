//! Stamps: a total order over the changes of all sites.

/// When and where a change was made. Ordered by hybrid clock, then by site, so that two sites
/// never make equal stamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Hybrid logical clock: milliseconds since the Unix epoch in the upper 48 bits, a counter
    /// in the lower 16.
    pub hlc: u64,
    /// The site that made the change.
    pub site: u32,
}

impl Stamp {
    /// The wall-clock part, milliseconds since the Unix epoch.
    pub fn millis(self) -> i64 {
        (self.hlc >> 16) as i64
    }
}

/// A hybrid logical clock: follows the wall clock and never goes back.
#[derive(Clone, Copy, Debug, Default)]
pub struct HybridClock {
    last: u64,
}

impl HybridClock {
    /// A clock that continues after `last`, the newest value known (from the journal).
    pub fn after(last: u64) -> Self {
        Self { last }
    }

    /// The newest value given out or observed.
    pub fn last(self) -> u64 {
        self.last
    }

    /// The next value at wall-clock time `now_ms`; greater than every one before.
    pub fn tick(&mut self, now_ms: i64) -> u64 {
        let wall = (now_ms.max(0) as u64) << 16;
        self.last = wall.max(self.last + 1);
        self.last
    }

    /// Takes note of a value made elsewhere.
    pub fn observe(&mut self, hlc: u64) {
        self.last = self.last.max(hlc);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back_when_the_wall_clock_does() {
        let mut clock = HybridClock::default();
        let first = clock.tick(1_000);
        let second = clock.tick(1);
        assert!(second > first);
        assert!(clock.tick(2_000) > second);
    }
}
