//! All requests for approval that are kept, and which are gone.
//!
//! What is over leaves the list some day, and must never come back: not by an answer that arrives
//! late from another site, nor by a view of the list from before. So an identifier says where it
//! stands, `SITE-NUMBER-HASH`, numbered by the site that opened the request, and what is gone is
//! said of numbers: everything of a site up to this one, but those named. Two such sayings join to
//! one that covers what either did, so what is gone only grows, whatever order they arrive in; and
//! whatever is said of a request that is gone is said of nothing.
//!
//! Any site may say it of any site's requests: an ending is never taken back, and records of a site
//! are heard in their order, so there is no request up to a number that was not heard of.
//!
//! Requests that wait and those that are over lie apart, each behind a pointer: a change that is not
//! about requests copies neither, and one that opens or answers a request copies only those that
//! wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::approval::ApprovalRequest;
use crate::change::Change;
use crate::stamp::Stamp;

/// How long a request that is over stays in the list, milliseconds: long enough to answer whoever
/// asks what became of it. The audit has every step for good.
pub const ENDED_KEPT_MS: i64 = 30 * 86_400_000;

/// Most requests in the list that are over.
pub const MOST_ENDED: usize = 1000;

/// How many of those stay when there are more: so the oldest go in lots, and not one with each
/// request that ends.
const LEFT: usize = 900;

/// What was opened in this time stays, however many are over, milliseconds: how much a user asked
/// for in an hour is counted in the list.
const SPARED_MS: i64 = 3_600_000;

/// An identifier of a request, read. In order: by site, then by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId {
    site: u32,
    number: u64,
    text: Arc<str>,
}

impl RequestId {
    /// The identifier of a site's request with this number. `hash` tells it from one that had the
    /// number in a history that was lost with a restored backup.
    pub fn new(site: u32, number: u64, hash: &str) -> Self {
        Self { site, number, text: format!("{site}-{number}-{hash}").into() }
    }

    /// Reads an identifier. One without a place, as earlier builds made them, counts as number 0 of
    /// site 0: numbers begin with 1.
    pub fn read(text: &str) -> Self {
        let place = || {
            let mut parts = text.splitn(3, '-');
            let (site, number, hash) = (parts.next()?, parts.next()?, parts.next()?);
            let read = Self::new(site.parse().ok()?, number.parse().ok()?, hash);
            // In one spelling only, or one request would have two places.
            (read.number > 0 && &*read.text == text).then_some(read)
        };
        place().unwrap_or_else(|| Self { site: 0, number: 0, text: text.into() })
    }

    /// As it is shown and stored.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Which of a site's requests are gone: all up to a number, but some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    upto: u64,
    but: BTreeSet<RequestId>,
}

impl Gone {
    /// All requests of `site` up to the number `upto` are gone, but those named.
    pub fn new<'a>(site: u32, upto: u64, but: impl IntoIterator<Item = &'a str>) -> Self {
        let named = but.into_iter().map(RequestId::read);
        // What it does not cover anyway needs no naming.
        Self { upto, but: named.filter(|id| id.site == site && id.number <= upto).collect() }
    }

    /// Up to which number.
    pub fn upto(&self) -> u64 {
        self.upto
    }

    /// Those that are not gone, though their number is no greater.
    pub fn but(&self) -> impl Iterator<Item = &str> {
        self.but.iter().map(RequestId::as_str)
    }

    /// Whether a request of the site is gone.
    fn covers(&self, id: &RequestId) -> bool {
        id.number <= self.upto && !self.but.contains(id)
    }

    /// Covers what either covers.
    fn join(&mut self, other: &Self) {
        let named = self.but.union(&other.but);
        let but = named.filter(|id| !self.covers(id) && !other.covers(id)).cloned().collect();
        *self = Self { upto: self.upto.max(other.upto), but };
    }
}

/// Requests, with what finds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Side {
    requests: BTreeMap<RequestId, Arc<ApprovalRequest>>,
    /// Each user's, by when they were opened.
    of_user: BTreeSet<(String, Stamp, RequestId)>,
    /// By when they end by themselves, POSIX seconds; those that are over by when they ended,
    /// milliseconds.
    by_end: BTreeSet<(i64, RequestId)>,
}

impl Side {
    fn put(&mut self, id: RequestId, request: Arc<ApprovalRequest>) {
        self.index(&id, &request, true);
        self.requests.insert(id, request);
    }

    fn take(&mut self, id: &RequestId) -> Option<Arc<ApprovalRequest>> {
        let request = self.requests.remove(id)?;
        self.index(id, &request, false);
        Some(request)
    }

    fn index(&mut self, id: &RequestId, request: &ApprovalRequest, there: bool) {
        let mut end = request.ended().map(|(_, by)| by.stamp.millis());
        if let Some((stamp, new)) = &request.opened {
            end = end.or(Some(new.expires));
            let of_user = (new.user.clone(), *stamp, id.clone());
            if there {
                self.of_user.insert(of_user)
            } else {
                self.of_user.remove(&of_user)
            };
        }
        if let Some(end) = end {
            let by_end = (end, id.clone());
            if there {
                self.by_end.insert(by_end)
            } else {
                self.by_end.remove(&by_end)
            };
        }
    }

    /// A user's requests that were opened after this time, milliseconds since the Unix epoch.
    fn of<'a>(&'a self, user: &'a str, after_ms: i64) -> impl Iterator<Item = &'a RequestId> {
        let millis = after_ms.saturating_add(1).max(0) as u64;
        let first = Stamp { hlc: millis.min(u64::MAX >> 16) << 16, site: 0 };
        let nobody = RequestId { site: 0, number: 0, text: Arc::from("") };
        let from = self.of_user.range((user.to_owned(), first, nobody)..);
        from.take_while(move |(name, ..)| name == user).map(|(.., id)| id)
    }

    fn last_of(&self, site: u32) -> u64 {
        let end = RequestId { site: site.saturating_add(1), number: 0, text: Arc::from("") };
        let last = self.requests.range(..end).next_back();
        last.filter(|(id, _)| id.site == site).map_or(0, |(id, _)| id.number)
    }
}

/// The requests for approval that are known: those that wait, those that are over, and which are
/// gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approvals {
    open: Arc<Side>,
    ended: Arc<Side>,
    gone: BTreeMap<u32, Gone>,
}

impl Approvals {
    /// One request, if it is not gone.
    pub fn get(&self, id: &str) -> Option<&ApprovalRequest> {
        let id = RequestId::read(id);
        self.open.requests.get(&id).or_else(|| self.ended.requests.get(&id)).map(Arc::as_ref)
    }

    /// Whether there is such a request.
    pub fn contains_key(&self, id: &str) -> bool {
        self.get(id).is_some()
    }

    /// Whether it left the list, or has a number that was passed over.
    pub fn is_gone(&self, id: &str) -> bool {
        self.covers(&RequestId::read(id))
    }

    /// All of them: those that wait, then those that are over; of each, by site and number.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ApprovalRequest)> {
        let all = self.open.requests.iter().chain(&self.ended.requests);
        all.map(|(id, request)| (id.as_str(), &**request))
    }

    /// Those that nothing ended, also where their time is over, by site and number.
    pub fn open(&self) -> impl Iterator<Item = (&str, &ApprovalRequest)> {
        self.open.requests.iter().map(|(id, request)| (id.as_str(), &**request))
    }

    /// How many there are that something ended.
    pub fn ended_len(&self) -> usize {
        self.ended.requests.len()
    }

    /// Which are gone, by site.
    pub fn gone(&self) -> impl Iterator<Item = (u32, &Gone)> {
        self.gone.iter().map(|(site, gone)| (*site, gone))
    }

    /// Which of a site's are gone.
    pub fn gone_of(&self, site: u32) -> Option<&Gone> {
        self.gone.get(&site)
    }

    /// A user's requests that nothing ended.
    pub fn open_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a ApprovalRequest> {
        self.open.of(user, -1).filter_map(|id| self.open.requests.get(id).map(Arc::as_ref))
    }

    /// How many wait at this time, POSIX seconds.
    pub fn waiting(&self, now: i64) -> usize {
        let over = |(end, _): &&(i64, RequestId)| *end <= now;
        self.open.by_end.len() - self.open.by_end.iter().take_while(over).count()
    }

    /// How many a user opened after this time, milliseconds since the Unix epoch, whatever became of
    /// them.
    pub fn opened_by(&self, user: &str, after_ms: i64) -> usize {
        self.open.of(user, after_ms).count() + self.ended.of(user, after_ms).count()
    }

    /// The identifier for a site's next request.
    pub fn next_id(&self, site: u32, hash: &str) -> RequestId {
        let gone = self.gone.get(&site).map_or(0, |gone| gone.upto);
        let last = gone.max(self.open.last_of(site)).max(self.ended.last_of(site));
        RequestId::new(site, last.saturating_add(1), hash)
    }

    /// Those whose time is over by `now`, POSIX seconds, and that nothing ended yet.
    pub fn expired(&self, now: i64) -> impl Iterator<Item = &str> {
        let over = self.open.by_end.iter().take_while(move |(end, _)| *end <= now);
        over.map(|(_, id)| id.as_str())
    }

    /// What takes those out of the list that are over for longer than [`ENDED_KEPT_MS`] at `now_ms`,
    /// milliseconds since the Unix epoch, and the oldest where there are more than [`MOST_ENDED`].
    pub fn drops(&self, now_ms: i64) -> Vec<Change> {
        let old = now_ms.saturating_sub(ENDED_KEPT_MS);
        let spared = |id: &RequestId| {
            let opened = self.ended.requests.get(id).and_then(|r| r.opened.as_ref());
            opened.is_some_and(|(stamp, _)| stamp.millis() > now_ms.saturating_sub(SPARED_MS))
        };
        let count = self.ended.requests.len();
        let most = if count > MOST_ENDED { count - LEFT } else { 0 };
        let mut doomed: BTreeSet<&RequestId> = BTreeSet::new();
        for (end, id) in &self.ended.by_end {
            if *end >= old && doomed.len() >= most {
                break;
            }
            if !spared(id) {
                doomed.insert(id);
            }
        }
        let mut last: BTreeMap<u32, u64> = BTreeMap::new();
        for id in &doomed {
            let upto = last.entry(id.site).or_default();
            *upto = id.number.max(*upto);
        }
        let known = || self.open.requests.keys().chain(self.ended.requests.keys());
        let dropped = last.into_iter().map(|(site, upto)| Change::ApprovalsDropped {
            site,
            upto,
            but: known()
                .filter(|id| id.site == site && id.number <= upto && !doomed.contains(id))
                .map(|id| id.as_str().to_owned())
                .collect(),
        });
        dropped.collect()
    }

    /// Whether these share what is over with `other`, so that one cost the other no copy of it.
    pub fn shares_ended_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.ended, &other.ended)
    }

    /// Whether these share what waits with `other`.
    pub fn shares_open_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.open, &other.open)
    }

    /// Joins in what is known of one request.
    pub fn insert(&mut self, id: &str, request: &ApprovalRequest) {
        self.touch(id, |mine| mine.join(request));
    }

    /// Joins in which of a site's requests are gone.
    pub fn drop_of(&mut self, site: u32, said: &Gone) {
        match self.gone.get_mut(&site) {
            Some(mine) => mine.join(said),
            None => drop(self.gone.insert(site, said.clone())),
        }
        for side in [&mut self.open, &mut self.ended] {
            let gone = |id: &RequestId| self.gone.get(&id.site).is_some_and(|g| g.covers(id));
            let doomed: Vec<RequestId> =
                side.requests.keys().filter(|id| gone(id)).cloned().collect();
            if !doomed.is_empty() {
                let side = Arc::make_mut(side);
                doomed.iter().for_each(|id| drop(side.take(id)));
            }
        }
    }

    /// Changes one request, unless it is gone.
    pub(crate) fn touch(&mut self, id: &str, work: impl FnOnce(&mut ApprovalRequest)) {
        let id = RequestId::read(id);
        if self.covers(&id) {
            return;
        }
        let ended = self.ended.requests.contains_key(&id);
        let side = Arc::make_mut(if ended { &mut self.ended } else { &mut self.open });
        let mut request = side.take(&id).unwrap_or_default();
        work(Arc::make_mut(&mut request));
        // What ended a request never leaves it.
        let to = if request.ends.is_empty() { &mut self.open } else { &mut self.ended };
        Arc::make_mut(to).put(id, request);
    }

    fn covers(&self, id: &RequestId) -> bool {
        self.gone.get(&id.site).is_some_and(|gone| gone.covers(id))
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (site, gone) in &other.gone {
            self.drop_of(*site, gone);
        }
        for (id, request) in other.iter() {
            self.insert(id, request);
        }
    }
}
