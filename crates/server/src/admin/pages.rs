//! Lists in pages, with a cursor: the next page begins behind the last row of the one before,
//! whatever came and went between.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::errors::Fault;

/// Rows of a page unless the request says otherwise, and at most.
const USUAL: usize = 100;
const MOST: usize = 1000;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The rows, in an order that stays.
    pub rows: Vec<T>,
    /// Where the next page begins, for `after`; none if this is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// The query of a list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// How many rows at most: 1 to 1000, 100 if it is left out.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// Where the page before ended.
    after: Option<String>,
}

/// A list's query, as the framework read it or not.
pub type Asked = Result<Query<Which>, QueryRejection>;

/// The query of a list that has no other parameters.
///
/// # Errors
/// [`Fault::bad_request`] for another parameter.
pub fn which(asked: Asked) -> Result<Which, Fault> {
    asked
        .map(|Query(which)| which)
        .map_err(|_| Fault::bad_request("The parameters are limit and after."))
}

impl Which {
    /// From a query that has other parameters besides.
    pub fn new(limit: Option<usize>, after: Option<String>) -> Self {
        Self { limit, after }
    }

    /// How many rows at most, and where the page before ended: for lists that are cut where they are
    /// read.
    ///
    /// # Errors
    /// [`Fault::bad_request`] for a limit out of range.
    pub fn bounds(self) -> Result<(usize, Option<String>), Fault> {
        let limit = self.limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Fault::bad_request(format!("limit is a number from 1 to {MOST}.")));
        }
        Ok((limit, self.after))
    }

    /// The page of `rows` that is asked for. `key` tells rows apart and puts them in order.
    ///
    /// # Errors
    /// [`Fault::bad_request`] for a limit out of range.
    pub fn page<T>(self, mut rows: Vec<T>, key: impl Fn(&T) -> String) -> Result<Page<T>, Fault> {
        let (limit, after) = self.bounds()?;
        rows.sort_by_cached_key(&key);
        if let Some(after) = &after {
            rows.retain(|row| key(row) > *after);
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        let after = rows.last().filter(|_| more).map(key);
        Ok(Page { rows, after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_without_gap_or_overlap_whatever_comes_and_goes() {
        let mut rows: Vec<u32> = (10..40).rev().collect();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let which = Which::new(Some(7), after);
            let page = which.page(rows.clone(), u32::to_string).unwrap();
            assert!(page.rows.len() <= 7);
            seen.extend(page.rows);
            // The row that the cursor names goes, and one before it comes.
            rows.retain(|row| Some(row) != seen.last());
            rows.push(10);
            after = page.after;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (10..40).collect::<Vec<_>>());
    }

    #[test]
    fn the_last_page_says_so_and_limits_are_kept() {
        let page = |limit| Which::new(Some(limit), None).page(vec![1, 2, 3], i32::to_string);
        assert_eq!(page(3).unwrap().after, None);
        assert_eq!(page(2).unwrap().after.as_deref(), Some("2"));
        assert!(page(0).is_err() && page(1001).is_err());
    }
}
