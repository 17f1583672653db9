//! Who is let in: a cap on connections that stays fair, and a count of failed handshakes that
//! cannot fill the disk.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A cap on connections.
///
/// Up to three quarters of the cap anybody is let in. The last quarter is kept for addresses that
/// hold fewer than their share (the cap divided by the addresses present and one more), so that
/// one host that opens all it can does not shut the others out.
pub struct Gate {
    cap: usize,
    state: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place inside; leaving is dropping it.
pub struct Place {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Gate {
    /// A gate for at most `cap` connections.
    pub fn new(cap: usize) -> Arc<Self> {
        Arc::new(Self { cap, state: Mutex::default() })
    }

    /// Lets a connection from `address` in, or not.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let mut present = lock(&self.state);
        let held = present.by_address.get(&address).copied().unwrap_or(0);
        let share = self.cap / (present.by_address.len() + 1);
        let free_for_all = present.total < self.cap - self.cap / 4;
        if present.total >= self.cap || !(free_for_all || held < share.max(1)) {
            return None;
        }
        present.total += 1;
        *present.by_address.entry(address).or_default() += 1;
        Some(Place { gate: self.clone(), address })
    }

    /// Connections inside.
    pub fn inside(&self) -> usize {
        lock(&self.state).total
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut present = lock(&self.gate.state);
        present.total = present.total.saturating_sub(1);
        if let Some(held) = present.by_address.get_mut(&self.address) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                present.by_address.remove(&self.address);
            }
        }
    }
}

/// One host may have a whole /64 of IPv6 to itself.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !(u128::MAX >> 64))),
        },
        v4 => v4,
    }
}

/// Counts what strangers do and lets one line through in each interval, with the count of what
/// was held back.
pub struct Tally {
    interval: Duration,
    state: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    total: u64,
    last: Option<Instant>,
    held: Vec<(&'static str, u64)>,
}

impl Tally {
    /// One line in each `interval`.
    pub fn new(interval: Duration) -> Self {
        Self { interval, state: Mutex::default() }
    }

    /// Counts one occurrence; gives the line to record now, if one is due.
    pub fn count(&self, now: Instant, reason: &'static str, who: &str) -> Option<String> {
        let mut counts = lock(&self.state);
        counts.total += 1;
        if counts.last.is_some_and(|t| now.duration_since(t) < self.interval) {
            match counts.held.iter_mut().find(|(r, _)| *r == reason) {
                Some((_, n)) => *n += 1,
                None => counts.held.push((reason, 1)),
            }
            return None;
        }
        counts.last = Some(now);
        let mut line = format!("{reason}, from {who}");
        if let Some(held) = summary(&mut counts.held) {
            line.push_str(&format!("; since the last record: {held}"));
        }
        Some(line)
    }

    /// What is held back and not yet recorded, if the interval is over (or `at_end`).
    pub fn flush(&self, now: Instant, at_end: bool) -> Option<String> {
        let mut counts = lock(&self.state);
        let due = counts.last.is_none_or(|t| now.duration_since(t) >= self.interval);
        if !(due || at_end) {
            return None;
        }
        let held = summary(&mut counts.held)?;
        counts.last = Some(now);
        Some(format!("since the last record: {held}"))
    }

    /// All occurrences so far.
    pub fn total(&self) -> u64 {
        lock(&self.state).total
    }
}

fn summary(held: &mut Vec<(&'static str, u64)>) -> Option<String> {
    if held.is_empty() {
        return None;
    }
    let parts: Vec<_> = held.drain(..).map(|(reason, n)| format!("{reason} ({n} times)")).collect();
    Some(parts.join(", "))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn one_greedy_address_leaves_the_last_quarter_to_the_others() {
        let gate = Gate::new(16);
        let greedy: Vec<_> = (0..20).filter_map(|_| gate.enter(ip(1))).collect();
        assert_eq!(greedy.len(), 12);
        let second: Vec<_> = (0..20).filter_map(|_| gate.enter(ip(2))).collect();
        assert_eq!(second.len(), 4);
        assert_eq!(gate.inside(), 16);
        assert!(gate.enter(ip(3)).is_none());
        drop(greedy);
        assert_eq!(gate.inside(), 4);
        assert!(gate.enter(ip(3)).is_some());
    }

    #[test]
    fn a_place_is_free_again_when_it_is_left() {
        let gate = Gate::new(1);
        let place = gate.enter(ip(1)).unwrap();
        assert!(gate.enter(ip(2)).is_none());
        drop(place);
        assert!(gate.enter(ip(2)).is_some());
        assert_eq!(gate.inside(), 0);
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_as_one() {
        assert_eq!(
            network("2001:db8::1".parse().unwrap()),
            network("2001:db8::ffff".parse().unwrap())
        );
        assert_ne!(
            network("2001:db8::1".parse().unwrap()),
            network("2001:db8:0:1::1".parse().unwrap())
        );
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), ip(1));
    }

    #[test]
    fn strangers_get_one_line_in_each_interval_and_the_rest_is_counted() {
        let tally = Tally::new(Duration::from_secs(10));
        let start = Instant::now();
        assert_eq!(tally.count(start, "no certificate", "a").unwrap(), "no certificate, from a");
        for _ in 0..1000 {
            assert!(tally.count(start, "no certificate", "a").is_none());
        }
        assert!(tally.count(start, "timed out", "b").is_none());
        let later = start + Duration::from_secs(10);
        let line = tally.count(later, "timed out", "b").unwrap();
        assert_eq!(
            line,
            "timed out, from b; since the last record: no certificate (1000 times), timed out (1 times)"
        );
        assert!(tally.flush(later, true).is_none());
        assert!(tally.count(later, "timed out", "b").is_none());
        assert!(tally.flush(later, false).is_none());
        assert_eq!(tally.flush(later, true).unwrap(), "since the last record: timed out (1 times)");
        assert_eq!(tally.total(), 1004);
    }
}
