//! Placeholders: variables and times in requests and expected replies.
//!
//! A variable gets its value where it is first seen in a reply and must repeat from then on. A
//! few cases use a variable in a request that no reply named (an earlier reply shows a literal
//! instead): it then takes the value that the latest reply had under the same tag.

use std::collections::{HashMap, HashSet};

use strongroom_kmip::{Element, ItemType, Node, Tag, TextError, Value};

/// What is known while a case runs.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    variables: HashMap<String, Value>,
    /// The latest value in a reply under each tag.
    latest: HashMap<Tag, Value>,
    /// Literals of the case file that stand for bytes that the server made: literal to actual.
    made: HashMap<Vec<u8>, Vec<u8>>,
    /// Bytes that the server made.
    made_values: HashSet<Vec<u8>>,
    /// Dates that a request of the case named outright.
    sent_dates: HashSet<i64>,
}

/// A reply that is expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The tag.
    pub tag: Tag,
    /// The type.
    pub item_type: ItemType,
    /// What is expected of the value.
    pub want: Want,
}

/// What is expected of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    /// These items.
    Children(Vec<Expected>),
    /// This value.
    Exactly(Value),
    /// The value of a variable.
    Variable(String),
    /// A time so many seconds after the present.
    Now(i64),
}

impl Expected {
    /// Reads an expected reply.
    ///
    /// # Errors
    /// A value that its type does not allow.
    pub fn from_element(element: &Element) -> Result<Self, TextError> {
        let want = if element.item_type == ItemType::Structure {
            Want::Children(
                element.children.iter().map(Self::from_element).collect::<Result<_, _>>()?,
            )
        } else if let Some(offset) = now_offset(element) {
            Want::Now(offset)
        } else if element.value.starts_with('$') {
            Want::Variable(element.value.clone())
        } else {
            Want::Exactly(element.to_node()?.value)
        };
        Ok(Self { tag: element.tag, item_type: element.item_type, want })
    }

    /// The items of a structure; none of anything else.
    pub fn children(&self) -> &[Expected] {
        match &self.want {
            Want::Children(children) => children,
            _ => &[],
        }
    }

    /// The first child with this tag.
    pub fn find(&self, tag: Tag) -> Option<&Self> {
        self.children().iter().find(|c| c.tag == tag)
    }

    /// A literal enumeration.
    pub fn enumeration(&self) -> Option<u32> {
        match &self.want {
            Want::Exactly(value) => value.as_enumeration(),
            _ => None,
        }
    }

    /// A literal time.
    pub fn date_time(&self) -> Option<i64> {
        match &self.want {
            Want::Exactly(value) => value.as_date_time(),
            _ => None,
        }
    }
}

impl Bindings {
    /// What a later case of the same family may rely on: bytes that the server made, and dates
    /// that were given to it. Variables are each case's own.
    pub fn for_next_case(&self) -> Self {
        Self {
            made: self.made.clone(),
            made_values: self.made_values.clone(),
            sent_dates: self.sent_dates.clone(),
            ..Self::default()
        }
    }

    /// The value of a variable, if it has one.
    pub fn get(&self, variable: &str) -> Option<&Value> {
        self.variables.get(variable)
    }

    /// Gives a variable its value.
    pub fn bind(&mut self, variable: &str, value: Value) {
        self.variables.insert(variable.to_owned(), value);
    }

    /// Takes a variable's value away: what comes next names it anew.
    pub fn unbind(&mut self, variable: &str) {
        self.variables.remove(variable);
    }

    /// Another variable of the same series, such as another `$UNIQUE_IDENTIFIER_n`, that has this
    /// value already.
    pub fn namesake(&self, variable: &str, value: &Value) -> Option<&str> {
        let series = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        self.variables
            .iter()
            .find(|(name, v)| *name != variable && series(name) == series(variable) && *v == value)
            .map(|(name, _)| name.as_str())
    }

    /// Remembers what a literal stands for.
    pub fn note_made(&mut self, literal: &[u8], actual: &[u8]) {
        self.made.insert(literal.to_vec(), actual.to_vec());
        self.made_values.insert(actual.to_vec());
    }

    /// What a literal stands for.
    pub fn made(&self, literal: &[u8]) -> Option<&[u8]> {
        self.made.get(literal).map(Vec::as_slice)
    }

    /// Whether a reply of this case had these bytes where the server makes them.
    pub fn is_made(&self, actual: &[u8]) -> bool {
        self.made_values.contains(actual)
    }

    /// Whether a request of this case named this time outright.
    pub fn was_sent(&self, seconds: i64) -> bool {
        self.sent_dates.contains(&seconds)
    }

    /// Remembers the values of a reply.
    pub fn note_reply(&mut self, reply: &Node) {
        match &reply.value {
            Value::Structure(children) => children.iter().for_each(|c| self.note_reply(c)),
            value => {
                self.latest.insert(reply.tag, value.clone());
            }
        }
    }

    /// A request with its placeholders filled in, `now` in POSIX seconds.
    ///
    /// # Errors
    /// A value that its type does not allow.
    pub fn fill(&mut self, element: &Element, now: i64) -> Result<Node, TextError> {
        if element.item_type == ItemType::Structure {
            let children = element
                .children
                .iter()
                .map(|child| self.fill(child, now))
                .collect::<Result<_, _>>()?;
            return Ok(Node::structure(element.tag, children));
        }
        if let Some(offset) = now_offset(element) {
            return Ok(Node::date_time(element.tag, now + offset));
        }
        if element.value.starts_with('$') {
            return Ok(Node::new(element.tag, self.variable(element)));
        }
        let node = element.to_node()?;
        match &node.value {
            Value::DateTime(seconds) => {
                self.sent_dates.insert(*seconds);
            }
            Value::ByteString(literal) => {
                if let Some(actual) = self.made(literal) {
                    return Ok(Node::bytes(element.tag, actual));
                }
            }
            _ => {}
        }
        Ok(node)
    }

    fn variable(&mut self, element: &Element) -> Value {
        if let Some(value) = self.variables.get(&element.value) {
            return value.clone();
        }
        match self.latest.get(&element.tag) {
            Some(value) if value.item_type() == element.item_type => {
                let value = value.clone();
                self.bind(&element.value, value.clone());
                value
            }
            // The reply that should have named it failed: what is sent now cannot succeed, but
            // must be well-formed.
            _ if element.item_type == ItemType::ByteString => Value::ByteString(vec![0; 8]),
            _ => Value::TextString(element.value.clone()),
        }
    }
}

/// The seconds of `$NOW`, `$NOW-3600`, `$NOW+5`.
fn now_offset(element: &Element) -> Option<i64> {
    let rest = element.value.strip_prefix("$NOW")?;
    if rest.is_empty() {
        return Some(0);
    }
    rest.strip_prefix('+').unwrap_or(rest).parse().ok()
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::{Limits, xml};

    use super::*;

    fn element(text: &str) -> Element {
        xml::read_all(text, &Limits::default()).unwrap().remove(0)
    }

    #[test]
    fn times_are_relative_to_the_present() {
        let mut bindings = Bindings::default();
        for (text, seconds) in [("$NOW", 1000), ("$NOW-100", 900), ("$NOW+100", 1100)] {
            let e = element(&format!("<ActivationDate type=\"DateTime\" value=\"{text}\"/>"));
            assert_eq!(bindings.fill(&e, 1000).unwrap().value, Value::DateTime(seconds));
            assert_eq!(Expected::from_element(&e).unwrap().want, Want::Now(seconds - 1000));
        }
    }

    #[test]
    fn a_variable_that_no_reply_named_takes_the_latest_value_of_its_tag() {
        let mut bindings = Bindings::default();
        bindings.note_reply(&Node::bytes(Tag::DATA, [1]));
        bindings.note_reply(&Node::bytes(Tag::DATA, [2]));
        let e = element("<Data type=\"ByteString\" value=\"$DATA_0\"/>");
        assert_eq!(bindings.fill(&e, 0).unwrap(), Node::bytes(Tag::DATA, [2]));
        bindings.note_reply(&Node::bytes(Tag::DATA, [3]));
        assert_eq!(bindings.fill(&e, 0).unwrap(), Node::bytes(Tag::DATA, [2]));
    }

    #[test]
    fn a_literal_that_stands_for_random_bytes_is_replaced_in_requests() {
        let mut bindings = Bindings::default();
        bindings.note_made(&[0xAB, 0xCD], &[1, 2]);
        let e = element("<Data type=\"ByteString\" value=\"abcd\"/>");
        assert_eq!(bindings.fill(&e, 0).unwrap(), Node::bytes(Tag::DATA, [1, 2]));
    }

    #[test]
    fn a_later_case_of_the_family_knows_the_dates_that_were_sent() {
        let mut bindings = Bindings::default();
        let e = element("<ActivationDate type=\"DateTime\" value=\"1970-01-01T00:00:07+00:00\"/>");
        bindings.fill(&e, 1000).unwrap();
        assert!(bindings.for_next_case().was_sent(7));
        assert!(!bindings.for_next_case().was_sent(8));
    }

    #[test]
    fn variables_of_one_series_are_namesakes() {
        let mut bindings = Bindings::default();
        let id = Value::TextString("7".to_owned());
        bindings.bind("$UNIQUE_IDENTIFIER_0", id.clone());
        assert!(bindings.namesake("$UNIQUE_IDENTIFIER_1", &id).is_some());
        assert!(bindings.namesake("$DATA_1", &id).is_none());
    }
}
