//! Add and remove by two sites at once: who wins when neither saw the other.
//!
//! A side that *covers* the other has seen all of it. A grant is in force only if some grant saw
//! every revocation (removal wins); a denial is in force unless some lifting saw every denial
//! (addition wins). Both are the same contest read from opposite ends.

use std::collections::{BTreeMap, BTreeSet};

/// What an author had seen when it acted: for each site the newest hybrid clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen(pub BTreeMap<u32, u64>);

impl Seen {
    /// Whether everything in `other` was seen.
    pub fn covers(&self, other: &Seen) -> bool {
        other.0.iter().all(|(site, hlc)| self.0.get(site).is_some_and(|mine| mine >= hlc))
    }

    /// Takes note of one more action.
    pub fn note(&mut self, site: u32, hlc: u64) {
        let entry = self.0.entry(site).or_insert(hlc);
        *entry = (*entry).max(hlc);
    }

    fn join(&mut self, other: &Seen) {
        for (site, hlc) in &other.0 {
            self.note(*site, *hlc);
        }
    }
}

/// A contest between a strong action (wins when concurrent) and a weak one (wins only when its
/// author had seen every strong action).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contest {
    strong: Seen,
    weak: BTreeSet<Seen>,
}

impl Contest {
    /// What the strong side has done so far: what a weak action must name as seen.
    pub fn strong_seen(&self) -> Seen {
        self.strong.clone()
    }

    /// Records a strong action.
    pub fn strong(&mut self, site: u32, hlc: u64) {
        self.strong.note(site, hlc);
    }

    /// Records a weak action whose author had seen `seen`.
    pub fn weak(&mut self, seen: Seen) {
        self.weak.insert(seen);
        self.prune();
    }

    /// Whether the weak side holds: it acted at least once, with all strong actions seen.
    pub fn weak_holds(&self) -> bool {
        self.weak.iter().any(|seen| seen.covers(&self.strong))
    }

    /// Whether the strong side holds: it acted, and no weak action saw all of it.
    pub fn strong_holds(&self) -> bool {
        !self.strong.0.is_empty() && !self.weak_holds()
    }

    /// The join of two views of the same contest.
    pub fn join(&mut self, other: &Contest) {
        self.strong.join(&other.strong);
        self.weak.extend(other.weak.iter().cloned());
        self.prune();
    }

    /// The weak actions on record.
    pub(crate) fn weak_actions(&self) -> impl Iterator<Item = &Seen> {
        self.weak.iter()
    }

    pub(crate) fn from_parts(strong: Seen, weak: impl IntoIterator<Item = Seen>) -> Self {
        let mut contest = Self { strong, weak: weak.into_iter().collect() };
        contest.prune();
        contest
    }

    /// Keeps only weak actions that no other covers: the rest can never matter again.
    fn prune(&mut self) {
        if self.weak.len() < 2 {
            return;
        }
        let all: Vec<Seen> = self.weak.iter().cloned().collect();
        self.weak.retain(|seen| !all.iter().any(|other| other != seen && other.covers(seen)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_wins_over_a_grant_that_did_not_see_it() {
        let mut a = Contest::default();
        a.weak(Seen::default());
        assert!(a.weak_holds());
        let mut b = a.clone();
        b.strong(2, 10);
        a.weak(a.strong_seen());
        a.join(&b);
        assert!(!a.weak_holds());
        a.weak(a.strong_seen());
        assert!(a.weak_holds());
    }
}
