//! Counters that a crash may shorten but never stretch: usage limits and random IVs.
//!
//! A block is reserved in the journal before any of it is used; what is left of it is kept here,
//! in memory. After a restart the rest of a block counts as used.
//!
//! Random IVs are divided between sites for good, so that two that do not hear of each other keep
//! the limit together: see [`site_limit`] and `doc/adr/0016-replicas.md`.

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

/// Random IVs that the site where a key was made may make with it: three quarters of 2^32.
pub(crate) const HOME_SHARE: u64 = 3 << 30;

/// Random IVs that any other site may make with it.
pub(crate) const OTHER_SHARE: u64 = 1 << 26;

/// The sites that have such a share: 1 to this one. Together they have less than the last quarter.
pub(crate) const SHARING_SITES: u32 = 15;

/// The limit of a counter at one site, where `limit` is that of all sites together.
///
/// Random IVs: a site makes as many as its share, whatever it knows of the others, so that all
/// together never pass 2^32. Uses are not divided: one site at a time spends them.
pub(crate) fn site_limit(object: &ManagedObject, site: u32, counter: Counter, limit: u64) -> u64 {
    if counter == Counter::Usage {
        return limit;
    }
    let home = object.creation.as_ref().map(|creation| creation.stamp.site);
    let share = match home {
        Some(home) if home == site => HOME_SHARE,
        _ if (1..=SHARING_SITES).contains(&site) => OTHER_SHARE,
        _ => 0,
    };
    let mine = object.counters.get(&(counter as u8, site)).copied().unwrap_or(0);
    let others = reserved(object, counter).saturating_sub(mine);
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

    #[test]
    fn the_shares_of_all_sites_together_keep_the_limit() {
        const LIMIT: u64 = 1 << 32;
        let mut object = object();
        let mut total = 0;
        // The key's home may have any number; all others that have a share make use of it.
        for home in [1, 15, 16, 4_000_000_000] {
            let stamp = strongroom_model::Stamp { hlc: 1, site: home };
            let made = strongroom_model::Creation {
                stamp,
                object_type: strongroom_kmip::ObjectType::SYMMETRIC_KEY,
                owner: String::new(),
                fields: Vec::new(),
                block: None,
            };
            object.creation = Some(made);
            let share = |site| site_limit(&object, site, Counter::RandomIv, LIMIT);
            let sites = (1..=100).chain([home]).collect::<std::collections::BTreeSet<_>>();
            let sum: u64 = sites.into_iter().map(share).sum();
            assert!(sum <= LIMIT, "{home}: {sum}");
            assert_eq!((share(home), share(17)), (HOME_SHARE, 0));
            total += sum;
        }
        assert!(total > 0);
        // What others reserved takes nothing from a share, and adds nothing to it.
        object.counters.insert((Counter::RandomIv as u8, 3), 1_000);
        assert_eq!(site_limit(&object, 2, Counter::RandomIv, LIMIT), OTHER_SHARE + 1_000);
        assert_eq!(site_limit(&object, 2, Counter::Usage, 7), 7);
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
