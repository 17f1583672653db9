//! Is this reply the expected one?
//!
//! Items of a structure must be the same, in the same order, with the same types and values; none
//! may be missing and none too many. Attributes are a set: runs of `Attribute`, of names in an
//! attribute list, and everything inside `Attributes` match in any order. Three fields that are
//! each server's own are passed over wherever they stand.
//!
//! All differences are reported, in the order of the reply, so that known ones
//! ([`facts`](crate::facts)) can be told from others.

use std::fmt;

use strongroom_kmip::{Node, Operation, Tag, Value};

use crate::origin::{Literal, Origins, Rules};
use crate::template::{Bindings, Expected, Want};
use crate::words::{describe, hex, label_of_actual, label_of_expected, name, show};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: names of tags from the message down, such as `BatchItem/ResponsePayload/Data`. The
    /// second and later of several equal ones are numbered, and an attribute is followed by its
    /// name in parentheses.
    pub path: String,
    /// What was expected.
    pub expected: String,
    /// What was there.
    pub actual: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.path, self.expected, self.actual)
    }
}

/// Compares one reply.
pub struct Comparer<'a> {
    /// Values of variables; those seen for the first time are added.
    pub bindings: &'a mut Bindings,
    /// Where the objects of the case came from.
    pub origins: &'a Origins,
    /// The present, POSIX seconds.
    pub now: i64,
    /// How far a time may be off, seconds.
    pub tolerance: i64,
    differences: Vec<Difference>,
    path: Vec<String>,
    parents: Vec<Tag>,
    rules: Rules,
    /// For a recorded session: the time that its reply was made at.
    recorded_at: Option<i64>,
    attributes_are_listed: bool,
    /// Inside an attribute that only the server's clock sets.
    by_clock: bool,
}

const NOTHING: &str = "nothing";

impl<'a> Comparer<'a> {
    /// A comparer for a reply that was received at `now`.
    pub fn new(bindings: &'a mut Bindings, origins: &'a Origins, now: i64, tolerance: i64) -> Self {
        Self {
            bindings,
            origins,
            now,
            tolerance,
            differences: Vec::new(),
            path: Vec::new(),
            parents: Vec::new(),
            rules: Rules::strict(),
            recorded_at: None,
            attributes_are_listed: false,
            by_clock: false,
        }
    }

    /// Every difference of a reply message to `request`.
    pub fn message(
        mut self,
        request: &Node,
        expected: &Expected,
        actual: &Node,
    ) -> Vec<Difference> {
        self.recorded_at = expected
            .find(Tag::RESPONSE_HEADER)
            .and_then(|h| h.find(Tag::TIME_STAMP))
            .and_then(Expected::date_time);
        if expected.tag != actual.tag {
            self.differ(name(expected.tag), name(actual.tag));
            return self.differences;
        }
        let mut items = request.children().iter().filter(|c| c.tag == Tag::BATCH_ITEM);
        // What one item of a batch makes, a later one may already use.
        let mut origins = self.origins.clone();
        let wanted: Vec<&Expected> = expected.children().iter().collect();
        let got: Vec<&Node> = actual.children().iter().collect();
        self.sequence(&wanted, &got, |this, expected, actual| {
            if expected.tag == Tag::BATCH_ITEM
                && let Some(asked) = items.next()
            {
                // The cases give every stream the same variable; each has a value of its own.
                if let Some(variable) = begun_stream(asked, expected) {
                    this.bindings.unbind(variable);
                }
                let bindings = &*this.bindings;
                this.rules = origins.rules(asked, actual, |bytes| bindings.is_made(bytes));
                origins.note(asked, actual);
                this.attributes_are_listed =
                    expected.find(Tag::OPERATION).and_then(Expected::enumeration)
                        == Some(Operation::GET_ATTRIBUTE_LIST.0);
            }
            this.item(expected, actual);
        });
        self.differences
    }

    fn item(&mut self, expected: &Expected, actual: &Node) {
        if expected.item_type != actual.value.item_type() {
            self.differ(
                expected.item_type.encoded_name(),
                format!("{} {}", actual.value.item_type().encoded_name(), show(actual)),
            );
            return;
        }
        match &expected.want {
            Want::Children(children) => self.structure(expected.tag, children, actual),
            Want::Variable(variable) => self.variable(variable, actual),
            Want::Now(offset) => {
                let wanted = self.now + offset;
                self.time(wanted, actual);
            }
            Want::Exactly(value) => self.literal(value, actual),
        }
    }

    fn variable(&mut self, variable: &str, actual: &Node) {
        match self.bindings.get(variable) {
            Some(value) if *value == actual.value => {}
            Some(value) => {
                let expected = show(&Node::new(actual.tag, value.clone()));
                self.differ(format!("{expected} ({variable})"), show(actual));
            }
            None => {
                // Two objects under one identifier would otherwise pass for two.
                if variable.starts_with("$UNIQUE_IDENTIFIER")
                    && let Some(other) = self.bindings.namesake(variable, &actual.value)
                {
                    let expected = format!("another identifier than that of {other}");
                    self.differ(expected, show(actual));
                }
                self.bindings.bind(variable, actual.value.clone());
            }
        }
    }

    fn time(&mut self, wanted: i64, actual: &Node) {
        if !actual.value.as_date_time().is_some_and(|t| self.is_near(t, wanted)) {
            let expected = show(&Node::date_time(actual.tag, wanted));
            self.differ(format!("{expected} (within {} s)", self.tolerance), show(actual));
        }
    }

    fn is_near(&self, time: i64, wanted: i64) -> bool {
        time.saturating_sub(wanted).abs() <= self.tolerance
    }

    fn literal(&mut self, expected: &Value, actual: &Node) {
        if let (Value::DateTime(seconds), Some(recorded_at)) = (expected, self.recorded_at)
            && !self.bindings.was_sent(*seconds)
        {
            // A recorded session: what its server dated lies as far from its reply as ours does.
            // The time stamps of some files are of another day than the session; what the clock
            // sets may then just as well be of the present.
            let present = actual.value.as_date_time().is_some_and(|t| self.is_near(t, self.now));
            if self.by_clock && present {
                return;
            }
            return self.time(self.now + seconds - recorded_at, actual);
        }
        let (wanted, got) = match (expected, &actual.value) {
            (Value::ByteString(wanted), Value::ByteString(got))
            | (Value::BigInteger(wanted), Value::BigInteger(got)) => (wanted, got),
            _ => return self.equal(expected, actual),
        };
        match self.rules.literal(actual.tag, &self.parents) {
            Literal::Fixed => self.equal(expected, actual),
            Literal::Loose if got.is_empty() => self.differ("some bytes", NOTHING),
            Literal::Loose => {}
            Literal::Random if wanted.len() != got.len() => {
                self.differ(format!("{} random bytes", wanted.len()), show(actual));
            }
            Literal::Random => match self.bindings.made(wanted) {
                Some(made) if made != got.as_slice() => {
                    let expected = format!("the same bytes as before, {}", hex(made));
                    self.differ(expected, show(actual));
                }
                _ => self.bindings.note_made(wanted, got),
            },
        }
    }

    fn equal(&mut self, expected: &Value, actual: &Node) {
        if *expected != actual.value {
            self.differ(show(&Node::new(actual.tag, expected.clone())), show(actual));
        }
    }

    fn structure(&mut self, tag: Tag, expected: &[Expected], actual: &Node) {
        let wanted: Vec<&Expected> = expected.iter().filter(|e| !is_ignored(e.tag)).collect();
        let got: Vec<&Node> = actual.children().iter().filter(|c| !is_ignored(c.tag)).collect();
        self.parents.push(tag);
        self.by_clock = tag == Tag::ATTRIBUTE && wanted.first().is_some_and(|name| is_clock(name));
        if tag == Tag::ATTRIBUTES {
            self.set(&wanted, &got);
        } else {
            self.sequence(&wanted, &got, Self::item);
        }
        self.by_clock = false;
        self.parents.pop();
    }

    /// Items in order. Where the tags differ, the item that the other side has later is the one
    /// too many: the rest is compared all the same.
    fn sequence(
        &mut self,
        expected: &[&Expected],
        actual: &[&Node],
        mut compare: impl FnMut(&mut Self, &Expected, &Node),
    ) {
        let (mut wanted, mut got) = (0, 0);
        let mut counts = Counts::default();
        loop {
            match (expected.get(wanted), actual.get(got)) {
                (None, None) => return,
                (Some(e), Some(a)) if e.tag == a.tag && self.is_set_member(e.tag) => {
                    let ours = run(&expected[wanted..], |x| x.tag == e.tag);
                    let theirs = run(&actual[got..], |x| x.tag == e.tag);
                    self.set(ours, theirs);
                    wanted += ours.len();
                    got += theirs.len();
                }
                (Some(e), Some(a)) if e.tag == a.tag => {
                    self.path.push(counts.label(e.tag));
                    compare(self, e, a);
                    self.path.pop();
                    wanted += 1;
                    got += 1;
                }
                (Some(e), a)
                    if a.is_none() || !actual[got..].iter().any(|later| later.tag == e.tag) =>
                {
                    self.path.push(counts.label(e.tag));
                    self.differ(describe(e), NOTHING);
                    self.path.pop();
                    wanted += 1;
                }
                (_, Some(a)) => {
                    self.path.push(name(a.tag));
                    self.differ(NOTHING, format!("{} {}", name(a.tag), show(a)));
                    self.path.pop();
                    got += 1;
                }
                (Some(_), None) => wanted += 1,
            }
        }
    }

    fn is_set_member(&self, tag: Tag) -> bool {
        tag == Tag::ATTRIBUTE
            || (self.attributes_are_listed
                && matches!(tag, Tag::ATTRIBUTE_NAME | Tag::ATTRIBUTE_REFERENCE))
    }

    /// Items in any order. Each expected one takes the first that equals it; what is left over is
    /// paired by name to report what differs inside.
    fn set(&mut self, expected: &[&Expected], actual: &[&Node]) {
        let mut left: Vec<&Node> = actual.to_vec();
        let mut unmatched = Vec::new();
        for e in expected {
            match left.iter().position(|a| self.matches(e, a)) {
                Some(at) => {
                    // Again, to keep what it binds.
                    let a = left.remove(at);
                    self.item(e, a);
                }
                None => unmatched.push(*e),
            }
        }
        for e in unmatched {
            let label = label_of_expected(e);
            self.path.push(label.clone());
            match left.iter().position(|a| label_of_actual(a) == label) {
                Some(at) => {
                    let a = left.remove(at);
                    self.item(e, a);
                }
                None => self.differ(describe(e), NOTHING),
            }
            self.path.pop();
        }
        for a in left {
            self.path.push(label_of_actual(a));
            self.differ(NOTHING, show(a));
            self.path.pop();
        }
    }

    fn matches(&mut self, expected: &Expected, actual: &Node) -> bool {
        if expected.tag != actual.tag {
            return false;
        }
        let mut bindings = self.bindings.clone();
        let mut trial = Comparer {
            bindings: &mut bindings,
            origins: self.origins,
            now: self.now,
            tolerance: self.tolerance,
            differences: Vec::new(),
            path: Vec::new(),
            parents: self.parents.clone(),
            rules: self.rules.clone(),
            recorded_at: self.recorded_at,
            attributes_are_listed: self.attributes_are_listed,
            by_clock: self.by_clock,
        };
        trial.item(expected, actual);
        trial.differences.is_empty()
    }

    fn differ(&mut self, expected: impl Into<String>, actual: impl Into<String>) {
        self.differences.push(Difference {
            path: self.path.join("/"),
            expected: expected.into(),
            actual: actual.into(),
        });
    }
}

fn is_ignored(tag: Tag) -> bool {
    matches!(tag, Tag::TIME_STAMP | Tag::RESULT_MESSAGE | Tag::SERVER_CORRELATION_VALUE)
}

/// The variable of the Correlation Value that the reply to the first part of a stream brings.
fn begun_stream<'e>(asked: &Node, expected: &'e Expected) -> Option<&'e str> {
    let payload = asked.find(Tag::REQUEST_PAYLOAD)?;
    let first = payload.find(Tag::INIT_INDICATOR)?.value == Value::Boolean(true);
    match &expected.find(Tag::RESPONSE_PAYLOAD)?.find(Tag::CORRELATION_VALUE)?.want {
        Want::Variable(variable) if first => Some(variable),
        _ => None,
    }
}

/// Whether this is the name of an attribute that a server dates by its clock.
fn is_clock(name: &Expected) -> bool {
    const DATED: &[&str] = &[
        "Initial Date",
        "Activation Date",
        "Deactivation Date",
        "Compromise Date",
        "Destroy Date",
        "Archive Date",
        "Last Change Date",
    ];
    matches!(&name.want, Want::Exactly(Value::TextString(name)) if DATED.contains(&name.as_str()))
}

fn run<T>(items: &[T], is_in: impl Fn(&T) -> bool) -> &[T] {
    let end = items.iter().position(|x| !is_in(x)).unwrap_or(items.len());
    &items[..end]
}

/// Numbers the second and later of equal tags.
#[derive(Default)]
struct Counts(Vec<Tag>);

impl Counts {
    fn label(&mut self, tag: Tag) -> String {
        self.0.push(tag);
        match self.0.iter().filter(|t| **t == tag).count() {
            1 => name(tag),
            n => format!("{}[{n}]", name(tag)),
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::{Limits, xml};

    use super::*;

    const NOW: i64 = 2_000_000_000;

    fn message(items: &str) -> String {
        format!(
            "<ResponseMessage><ResponseHeader><TimeStamp type=\"DateTime\" value=\"$NOW\"/>\
             </ResponseHeader>{items}</ResponseMessage>"
        )
    }

    fn payload(fields: &str) -> String {
        message(&format!(
            "<BatchItem><Operation type=\"Enumeration\" value=\"GetAttributes\"/>\
             <ResponsePayload>{fields}</ResponsePayload></BatchItem>"
        ))
    }

    fn text(tag: &str, value: &str) -> String {
        format!("<{tag} type=\"TextString\" value=\"{value}\"/>")
    }

    fn attribute(name: &str, value: &str) -> String {
        format!(
            "<Attribute>{}{}</Attribute>",
            text("AttributeName", name),
            text("AttributeValue", value)
        )
    }

    struct Bench {
        bindings: Bindings,
        origins: Origins,
        request: Node,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                bindings: Bindings::default(),
                origins: Origins::default(),
                request: Node::structure(Tag::REQUEST_MESSAGE, Vec::new()),
            }
        }

        /// The paths and values of all differences.
        fn differences(&mut self, expected: &str, actual: &str) -> Vec<String> {
            let element = |text: &str| xml::read_all(text, &Limits::default()).unwrap().remove(0);
            let expected = Expected::from_element(&element(expected)).unwrap();
            let actual = Bindings::default().fill(&element(actual), NOW).unwrap();
            Comparer::new(&mut self.bindings, &self.origins, NOW, 60)
                .message(&self.request, &expected, &actual)
                .iter()
                .map(ToString::to_string)
                .collect()
        }
    }

    fn differences(expected: &str, actual: &str) -> Vec<String> {
        Bench::new().differences(expected, actual)
    }

    #[test]
    fn an_equal_reply_passes() {
        let reply = payload(&format!("{}{}", text("UniqueIdentifier", "1"), attribute("x-A", "2")));
        assert_eq!(differences(&reply, &reply), Vec::<String>::new());
    }

    #[test]
    fn a_wrong_value_fails() {
        let found = differences(
            &payload(&text("UniqueIdentifier", "1")),
            &payload(&text("UniqueIdentifier", "2")),
        );
        assert_eq!(found, ["BatchItem/ResponsePayload/UniqueIdentifier: expected 1, got 2"]);
    }

    #[test]
    fn a_wrong_type_fails() {
        let found = differences(
            &payload("<CorrelationValue type=\"ByteString\" value=\"01\"/>"),
            &payload("<CorrelationValue type=\"ByteString\" value=\"0001\"/>"),
        );
        assert_eq!(found.len(), 1);
        let found = differences(
            &payload("<AttributeValue type=\"Integer\" value=\"1\"/>"),
            &payload("<AttributeValue type=\"LongInteger\" value=\"1\"/>"),
        );
        assert!(found[0].contains("expected Integer, got LongInteger"), "{found:?}");
    }

    #[test]
    fn a_missing_field_fails() {
        let found = differences(
            &payload(&format!("{}{}", text("UniqueIdentifier", "1"), text("ServerURI", "u"))),
            &payload(&text("ServerURI", "u")),
        );
        assert_eq!(found, ["BatchItem/ResponsePayload/UniqueIdentifier: expected 1, got nothing"]);
    }

    #[test]
    fn an_extra_field_fails() {
        let found = differences(
            &payload(&text("ServerURI", "u")),
            &payload(&format!("{}{}", text("UniqueIdentifier", "1"), text("ServerURI", "u"))),
        );
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("expected nothing, got UniqueIdentifier 1"), "{found:?}");
        let twice = text("ServerURI", "u").repeat(2);
        assert_eq!(differences(&payload(&text("ServerURI", "u")), &payload(&twice)).len(), 1);
    }

    #[test]
    fn fields_in_the_wrong_order_fail() {
        let (one, two) = (text("UniqueIdentifier", "1"), text("ServerURI", "u"));
        let found = differences(&payload(&format!("{one}{two}")), &payload(&format!("{two}{one}")));
        assert!(!found.is_empty());
    }

    #[test]
    fn repeated_fields_that_are_no_attributes_keep_their_order() {
        let ids = |a, b| payload(&format!("{}{}", text("ServerURI", a), text("ServerURI", b)));
        let found = differences(&ids("1", "2"), &ids("2", "1"));
        assert_eq!(found.len(), 2);
        assert!(found[1].starts_with("BatchItem/ResponsePayload/ServerURI[2]"), "{found:?}");
    }

    #[test]
    fn attributes_match_in_any_order_and_only_once() {
        let (a, b) = (attribute("x-A", "1"), attribute("x-B", "2"));
        let both = payload(&format!("{a}{b}"));
        assert!(differences(&both, &payload(&format!("{b}{a}"))).is_empty());
        assert_eq!(differences(&both, &payload(&format!("{a}{a}"))).len(), 2);
        assert_eq!(differences(&both, &payload(&a)).len(), 1);
        let found = differences(&both, &payload(&format!("{b}{}", attribute("x-A", "9"))));
        assert_eq!(
            found,
            ["BatchItem/ResponsePayload/Attribute(x-A)/AttributeValue: expected 1, got 9"]
        );
    }

    #[test]
    fn attributes_apart_from_each_other_are_not_one_set() {
        let (a, b, id) =
            (attribute("x-A", "1"), attribute("x-B", "2"), text("UniqueIdentifier", "1"));
        let expected = payload(&format!("{id}{a}{b}"));
        assert!(!differences(&expected, &payload(&format!("{a}{id}{b}"))).is_empty());
    }

    #[test]
    fn the_attributes_of_newer_versions_match_in_any_order() {
        let fields = |inner: &str| payload(&format!("<Attributes>{inner}</Attributes>"));
        let state = "<State type=\"Enumeration\" value=\"Active\"/>";
        let length = "<CryptographicLength type=\"Integer\" value=\"128\"/>";
        let expected = fields(&format!("{state}{length}"));
        assert!(differences(&expected, &fields(&format!("{length}{state}"))).is_empty());
        let found = differences(&expected, &fields(&length.replace("128", "256")));
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn attribute_names_are_a_set_in_a_list_only() {
        let list = |operation: &str, first: &str, second: &str| {
            message(&format!(
                "<BatchItem><Operation type=\"Enumeration\" value=\"{operation}\"/>\
                 <ResponsePayload>{}{}</ResponsePayload></BatchItem>",
                text("AttributeName", first),
                text("AttributeName", second)
            ))
        };
        let mut bench = Bench::new();
        bench.request = Node::structure(
            Tag::REQUEST_MESSAGE,
            vec![Node::structure(Tag::BATCH_ITEM, Vec::new())],
        );
        let of = |o: &str, bench: &mut Bench| {
            bench.differences(&list(o, "State", "Name"), &list(o, "Name", "State"))
        };
        assert!(of("GetAttributeList", &mut bench).is_empty());
        assert!(!of("Locate", &mut bench).is_empty());
    }

    #[test]
    fn a_variable_binds_once_and_must_repeat() {
        let mut bench = Bench::new();
        let expected = payload(&text("UniqueIdentifier", "$UNIQUE_IDENTIFIER_0"));
        let reply = |id| payload(&text("UniqueIdentifier", id));
        assert!(bench.differences(&expected, &reply("a")).is_empty());
        assert!(bench.differences(&expected, &reply("a")).is_empty());
        assert_eq!(bench.differences(&expected, &reply("b")).len(), 1);
        let other = payload(&text("UniqueIdentifier", "$UNIQUE_IDENTIFIER_1"));
        assert_eq!(bench.differences(&other, &reply("a")).len(), 1);
    }

    #[test]
    fn every_stream_has_a_correlation_value_of_its_own() {
        let mut bench = Bench::new();
        let request = |first: bool| {
            let fields = if first {
                vec![Node::new(Tag::INIT_INDICATOR, Value::Boolean(true))]
            } else {
                vec![]
            };
            let payload = Node::structure(Tag::REQUEST_PAYLOAD, fields);
            let item = Node::structure(Tag::BATCH_ITEM, vec![payload]);
            Node::structure(Tag::REQUEST_MESSAGE, vec![item])
        };
        let value =
            |v: &str| payload(&format!("<CorrelationValue type=\"ByteString\" value=\"{v}\"/>"));
        let expected = value("$CORRELATION_VALUE");
        for (first, actual, differences) in
            [(true, "01", 0), (false, "01", 0), (false, "02", 1), (true, "02", 0), (false, "02", 0)]
        {
            bench.request = request(first);
            assert_eq!(bench.differences(&expected, &value(actual)).len(), differences);
        }
    }

    #[test]
    fn times_are_compared_with_a_tolerance() {
        let at = |value: &str| {
            payload(&format!("<LastChangeDate type=\"DateTime\" value=\"{value}\"/>"))
        };
        assert!(differences(&at("$NOW"), &at("$NOW-59")).is_empty());
        assert_eq!(differences(&at("$NOW"), &at("$NOW-3600")).len(), 1);
        assert!(differences(&at("$NOW-3600"), &at("$NOW-3599")).is_empty());
    }

    #[test]
    fn times_of_a_recorded_session_are_relative_to_its_reply() {
        let recorded = |value: &str| {
            payload(&format!("<LastChangeDate type=\"DateTime\" value=\"{value}\"/>"))
                .replace("$NOW", "2012-04-27T08:12:24+00:00")
        };
        let actual = |value: &str| {
            payload(&format!("<LastChangeDate type=\"DateTime\" value=\"{value}\"/>"))
        };
        let expected = recorded("2012-04-27T08:12:23+00:00");
        assert!(differences(&expected, &actual("$NOW")).is_empty());
        assert_eq!(differences(&expected, &actual("$NOW-3600")).len(), 1);
    }

    #[test]
    fn what_the_clock_sets_may_be_of_the_present_whatever_the_recorded_time_stamp_says() {
        let dated = |attribute: &str, date: &str| {
            payload(&format!(
                "<Attribute>{}<AttributeValue type=\"DateTime\" value=\"{date}\"/></Attribute>",
                text("AttributeName", attribute)
            ))
        };
        let recorded = |attribute: &str| {
            dated(attribute, "2013-01-11T08:18:21+00:00")
                .replace("$NOW", "2012-04-27T08:12:24+00:00")
        };
        let of = |attribute: &str, date: &str| {
            differences(&recorded(attribute), &dated(attribute, date)).len()
        };
        assert_eq!(of("Initial Date", "$NOW"), 0);
        assert_eq!(of("Initial Date", "$NOW-3600"), 1);
        assert_eq!(of("Process Start Date", "$NOW"), 1);
    }

    #[test]
    fn the_fields_that_are_each_servers_own_are_passed_over() {
        let failure = |message_text: &str| {
            message(&format!(
                "<BatchItem><ResultReason type=\"Enumeration\" value=\"ItemNotFound\"/>{}\
                 </BatchItem>",
                text("ResultMessage", message_text)
            ))
        };
        assert!(differences(&failure("gone"), &failure("not here")).is_empty());
        assert_eq!(
            differences(&failure("gone"), &failure("x").replace("ItemNotFound", "MissingData"))
                .len(),
            1
        );
    }

    #[test]
    fn a_batch_item_too_few_fails() {
        let item = "<BatchItem><Operation type=\"Enumeration\" value=\"Get\"/></BatchItem>";
        let found = differences(&message(&item.repeat(2)), &message(item));
        assert_eq!(found, ["BatchItem[2]: expected the structure, got nothing"]);
    }
}
