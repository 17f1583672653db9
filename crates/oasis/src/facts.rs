//! Literals of the case files that describe the server they were recorded on: its name, its lists
//! of operations, operations that it has and this one lacks. One entry per case and field, each
//! with its reason; every other field of those cases must match.

use serde::Deserialize;

/// A field that may differ.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// The case, by name.
    pub case: String,
    /// The field: the number of the reply in the file, then a path as in a
    /// [`Difference`](crate::compare::Difference). It covers everything below it; a path element
    /// without a number covers all of several equal ones.
    pub field: String,
    /// Why it differs.
    pub reason: String,
}

/// All of them.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// In the order of the file.
    #[serde(default, rename = "fact")]
    pub facts: Vec<Fact>,
}

impl Facts {
    /// The facts about Strongroom.
    ///
    /// # Errors
    /// A message for whoever edited the list.
    pub fn built_in() -> Result<Self, String> {
        Self::parse(include_str!("../facts.toml"))
    }

    /// Reads a list in TOML.
    ///
    /// # Errors
    /// A message for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| e.to_string())
    }

    /// The fact that covers a difference at `path` of the reply with this number, from 1 on.
    pub fn covering(&self, case: &str, reply: usize, path: &str) -> Option<&Fact> {
        let place = format!("{reply}/{path}");
        self.facts.iter().find(|f| f.case == case && covers(&f.field, &place))
    }
}

fn covers(field: &str, place: &str) -> bool {
    let mut place = place.split('/');
    field.split('/').all(|want| {
        place.next().is_some_and(|have| {
            have == want || have.split_once('[').is_some_and(|(name, _)| name == want)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_covers_its_field_and_what_is_in_it_and_nothing_else() {
        let facts = Facts::parse(
            "[[fact]]\ncase = \"A\"\nfield = \"2/BatchItem/ResponsePayload/Operation\"\n\
             reason = \"r\"",
        )
        .unwrap();
        let covered = |case, reply, path| facts.covering(case, reply, path).is_some();
        assert!(covered("A", 2, "BatchItem/ResponsePayload/Operation"));
        assert!(covered("A", 2, "BatchItem/ResponsePayload/Operation[3]"));
        assert!(covered("A", 2, "BatchItem/ResponsePayload/Operation/X"));
        assert!(!covered("A", 1, "BatchItem/ResponsePayload/Operation"));
        assert!(!covered("B", 2, "BatchItem/ResponsePayload/Operation"));
        assert!(!covered("A", 2, "BatchItem/ResponsePayload"));
        assert!(!covered("A", 2, "BatchItem/ResponsePayload/ObjectType"));
    }

    #[test]
    fn the_built_in_list_is_well_formed_and_gives_reasons() {
        let facts = Facts::built_in().unwrap();
        assert!(facts.facts.iter().all(|f| f.reason.len() > 10), "a reason is missing");
        let mut places: Vec<_> = facts.facts.iter().map(|f| (&f.case, &f.field)).collect();
        places.sort();
        let all = places.len();
        places.dedup();
        assert_eq!(places.len(), all, "a fact is listed twice");
    }
}
