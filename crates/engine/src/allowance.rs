//! Counters that a crash may shorten but never stretch: usage limits and random IVs.
//!
//! A block is reserved in the journal before any of it is used; what is left of it is kept here,
//! in memory. After a restart the rest of a block counts as used.
//!
//! Random IVs are divided between sites for good once replicas are allowed, so that two that do not
//! hear of each other keep the limit together: see [`site_limit`] and `doc/adr/0016-replicas.md`.

use std::collections::HashMap;

use parking_lot::Mutex;
use strongroom_model::{Counter, ManagedObject, ObjectId};

#[derive(Default)]
pub(crate) struct Allowances {
    left: Mutex<HashMap<(ObjectId, Counter), u64>>,
}

/// What a use took from memory, to be put back if it comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    id: ObjectId,
    counter: Counter,
    amount: u64,
}

/// What a reservation has to journal, and what is left of it for later uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) id: ObjectId,
    pub(crate) counter: Counter,
    pub(crate) upto: u64,
    pub(crate) left: u64,
}

impl Allowances {
    /// Takes `amount` from what is left in memory. None when there is not enough, or when the
    /// limit was lowered since the block was reserved.
    pub(crate) fn take(
        &self,
        object: &ManagedObject,
        counter: Counter,
        amount: u64,
        limit: u64,
    ) -> Option<Spent> {
        let spent = Spent { id: object.id.clone(), counter, amount };
        let mut left = self.left.lock();
        match left.get_mut(&(object.id.clone(), counter)) {
            Some(available) if *available >= amount => {
                let used = reserved(object, counter).saturating_sub(*available);
                if amount > limit.saturating_sub(used) {
                    return None;
                }
                *available -= amount;
                Some(spent)
            }
            _ => (amount == 0).then_some(spent),
        }
    }

    /// Gives back what uses took that were undone, refused after all, or are run again.
    pub(crate) fn put_back(&self, spent: impl IntoIterator<Item = Spent>) {
        let mut left = self.left.lock();
        for Spent { id, counter, amount } in spent {
            *left.entry((id, counter)).or_insert(0) += amount;
        }
    }

    /// Plans a reservation that covers `amount` now and a block for later, within `limit`, and says
    /// what it took from memory, which is used up first. None when the limit does not allow it.
    pub(crate) fn reserve(
        &self,
        object: &ManagedObject,
        site: u32,
        counter: Counter,
        amount: u64,
        limit: u64,
    ) -> Option<(Reservation, Spent)> {
        let mut left = self.left.lock();
        let key = (object.id.clone(), counter);
        let available = left.get(&key).copied().unwrap_or(0);
        let reserved = reserved(object, counter);
        let headroom = limit.saturating_sub(reserved);
        if amount > limit.saturating_sub(reserved.saturating_sub(available)) {
            return None;
        }
        let need = amount.saturating_sub(available);
        if need > headroom {
            return None;
        }
        // Small limits in small steps, so that a crash costs little of them.
        let block = (limit / 64).clamp(1, 65_536);
        let take = need.saturating_add(block).min(headroom);
        let mine = object.counters.get(&(counter as u8, site)).copied().unwrap_or(0);
        left.insert(key, 0);
        let reservation = Reservation {
            id: object.id.clone(),
            counter,
            upto: mine + take,
            left: available + take - amount,
        };
        Some((reservation, Spent { id: object.id.clone(), counter, amount: available }))
    }

    /// After the reservation is durable: its rest becomes usable.
    pub(crate) fn grant(&self, reservation: &Reservation) {
        let mut left = self.left.lock();
        *left.entry((reservation.id.clone(), reservation.counter)).or_insert(0) += reservation.left;
    }

    /// What is left in memory of the object's reservations.
    pub(crate) fn left(&self, id: &ObjectId, counter: Counter) -> u64 {
        self.left.lock().get(&(id.clone(), counter)).copied().unwrap_or(0)
    }

    /// Forgets everything: at sealing. The rest of each block is lost.
    pub(crate) fn clear(&self) {
        self.left.lock().clear();
    }
}

/// Random IVs that the site where a key was made may make with it once replicas are allowed: three
/// quarters of 2^32.
pub(crate) const HOME_SHARE: u64 = 3 << 30;

/// Random IVs that any other site may make with it.
pub(crate) const OTHER_SHARE: u64 = 1 << 26;

/// The sites that have such a share: 1 to this one. Together they have less than the last quarter.
pub(crate) const SHARING_SITES: u32 = 15;

/// The limit of a counter at one site, where `limit` is that of all sites together.
///
/// Random IVs: the site where the key was made has them all, until replicas are `allowed`. From then
/// on a site makes as many as its share, whatever it knows of the others, so that all together never
/// pass 2^32. Of a key whose home had passed its share by then, and so stays at the whole, the others
/// have none; they know, since a replica is of a backup from after it was allowed.
///
/// Uses are not divided: one site at a time spends them.
pub(crate) fn site_limit(
    object: &ManagedObject,
    site: u32,
    counter: Counter,
    limit: u64,
    allowed: bool,
) -> u64 {
    if counter == Counter::Usage {
        return limit;
    }
    let of = |site| object.counters.get(&(counter as u8, site)).copied().unwrap_or(0);
    let home = object.creation.as_ref().map(|creation| creation.stamp.site);
    let divided = allowed && home.is_none_or(|home| of(home) <= HOME_SHARE);
    let share = match home {
        Some(home) if home == site => {
            if !divided {
                return limit;
            }
            HOME_SHARE
        }
        _ if divided && (1..=SHARING_SITES).contains(&site) => OTHER_SHARE,
        _ => 0,
    };
    let others = reserved(object, counter).saturating_sub(of(site));
    others.saturating_add(share).min(limit)
}

/// How much of a counter is reserved, over all sites.
pub(crate) fn reserved(object: &ManagedObject, counter: Counter) -> u64 {
    object
        .counters
        .iter()
        .filter(|((code, _), _)| *code == counter as u8)
        .map(|(_, upto)| *upto)
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> ManagedObject {
        ManagedObject::unknown(ObjectId::from("1"))
    }

    #[test]
    fn a_limit_is_reached_exactly_and_never_passed() {
        let allowances = Allowances::default();
        let mut object = object();
        let mut used = 0;
        loop {
            if allowances.take(&object, Counter::Usage, 3, 1_000).is_some() {
                used += 3;
                continue;
            }
            let Some((r, _)) = allowances.reserve(&object, 1, Counter::Usage, 3, 1_000) else {
                break;
            };
            object.counters.insert((Counter::Usage as u8, 1), r.upto);
            allowances.grant(&r);
            used += 3;
        }
        assert_eq!(used, 999);
    }

    fn made_at(site: u32) -> ManagedObject {
        let made = strongroom_model::Creation {
            stamp: strongroom_model::Stamp { hlc: 1, site },
            object_type: strongroom_kmip::ObjectType::SYMMETRIC_KEY,
            owner: String::new(),
            fields: Vec::new(),
            block: None,
        };
        ManagedObject { creation: Some(made), ..object() }
    }

    const LIMIT: u64 = 1 << 32;

    fn ivs(object: &ManagedObject, site: u32, allowed: bool) -> u64 {
        site_limit(object, site, Counter::RandomIv, LIMIT, allowed)
    }

    #[test]
    fn the_shares_of_all_sites_together_keep_the_limit() {
        // The key's home may have any number; all others that have a share make use of it.
        for home in [1, 15, 16, 4_000_000_000] {
            let mut object = made_at(home);
            let sites = (1..=100).chain([home]).collect::<std::collections::BTreeSet<_>>();
            let sum = |object: &ManagedObject, allowed| {
                sites.iter().map(|site| ivs(object, *site, allowed)).sum::<u64>()
            };
            assert_eq!(sum(&object, false), LIMIT, "the whole, and all of it at home");
            assert_eq!(ivs(&object, home, false), LIMIT);
            assert!(sum(&object, true) <= LIMIT, "{home}");
            assert_eq!((ivs(&object, home, true), ivs(&object, 17, true)), (HOME_SHARE, 0));
            assert_eq!(ivs(&object, 2, true), OTHER_SHARE);
            // A home that is at the end of its share stays there. One that had passed it before
            // stays at the whole, and nobody else has any.
            let key = (Counter::RandomIv as u8, home);
            object.counters.insert(key, HOME_SHARE);
            assert_eq!(ivs(&object, home, true), HOME_SHARE);
            object.counters.insert(key, HOME_SHARE + 1);
            assert_eq!(ivs(&object, home, true), LIMIT);
            for site in sites.iter().filter(|site| **site != home) {
                assert_eq!(ivs(&object, *site, true), HOME_SHARE + 1, "no more than there are");
            }
        }
        // What others reserved takes nothing from a share, and adds nothing to it.
        let mut object = made_at(1);
        object.counters.insert((Counter::RandomIv as u8, 3), 1_000);
        assert_eq!(ivs(&object, 2, true), OTHER_SHARE + 1_000);
        assert_eq!(site_limit(&object, 2, Counter::Usage, 7, true), 7);
    }

    proptest::proptest! {
        /// However homes and replicas take turns, and whenever replicas are allowed: a replica is
        /// of a backup, knows the home's count as of then, and is refreshed now and then.
        #[test]
        fn sites_that_hear_of_each_other_by_backups_only_keep_the_limit_together(
            steps in proptest::collection::vec((0u8..5, 2u32..=15, 1u64..1 << 31), 1..60)
        ) {
            let mut home = made_at(1);
            let mut allowed = false;
            let mut replicas = std::collections::BTreeMap::<u32, ManagedObject>::new();
            for (what, site, amount) in steps {
                match what {
                    0 => allowed = true,
                    // A backup that has the mark: a new replica, or one refreshed that keeps its own.
                    1 if allowed => {
                        let own = replicas.remove(&site);
                        let key = (Counter::RandomIv as u8, site);
                        let own = own.and_then(|o| o.counters.get(&key).copied());
                        let mut object = home.clone();
                        object.counters.extend(own.map(|upto| (key, upto)));
                        replicas.insert(site, object);
                    }
                    2 => {
                        if let Some(object) = replicas.get_mut(&site) {
                            spend(object, site, amount, true);
                        }
                    }
                    _ => spend(&mut home, 1, amount, allowed),
                }
                let key = |site| (Counter::RandomIv as u8, site);
                let others = replicas.iter().map(|(site, o)| o.counters.get(&key(*site)));
                let all = others.chain([home.counters.get(&key(1))]);
                let total: u64 = all.map(|upto| upto.copied().unwrap_or(0)).sum();
                proptest::prop_assert!(total <= LIMIT, "{total}");
            }
        }
    }

    /// Spends as much of `amount` as the limit leaves.
    fn spend(object: &mut ManagedObject, site: u32, amount: u64, allowed: bool) {
        let room = ivs(object, site, allowed).saturating_sub(reserved(object, Counter::RandomIv));
        *object.counters.entry((Counter::RandomIv as u8, site)).or_default() += amount.min(room);
    }

    #[test]
    fn a_limit_that_was_lowered_counts_at_once() {
        let allowances = Allowances::default();
        let mut object = object();
        let (r, _) = allowances.reserve(&object, 1, Counter::Usage, 1, 6_400).unwrap();
        object.counters.insert((Counter::Usage as u8, 1), r.upto);
        allowances.grant(&r);
        assert!(allowances.take(&object, Counter::Usage, 1, 6_400).is_some());
        assert!(allowances.take(&object, Counter::Usage, 1, 2).is_none());
        assert!(allowances.reserve(&object, 1, Counter::Usage, 1, 2).is_none());
        assert!(allowances.take(&object, Counter::Usage, 1, 3).is_some());
    }

    #[test]
    fn after_a_restart_the_rest_of_a_block_counts_as_used() {
        let mut object = object();
        let before = Allowances::default();
        let (r, _) = before.reserve(&object, 1, Counter::Usage, 1, 6_400).unwrap();
        object.counters.insert((Counter::Usage as u8, 1), r.upto);
        assert_eq!(r.upto, 101);
        let after = Allowances::default();
        assert!(after.take(&object, Counter::Usage, 1, 6_400).is_none());
        let (r, _) = after.reserve(&object, 1, Counter::Usage, 1, 6_400).unwrap();
        assert_eq!(r.upto, 202);
    }
}
