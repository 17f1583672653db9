//! Plays cases against a server.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use strongroom_client::{Connection, Connector};
use strongroom_kmip::{
    Encoder, Limits, Node, Operation, ProtocolVersion, ResultReason, ResultStatus,
    RevocationReasonCode, Tag, View, xml,
};

use crate::case::{Case, Exchange, operations};
use crate::compare::{Comparer, Difference};
use crate::facts::{Fact, Facts};
use crate::origin::Origins;
use crate::template::{Bindings, Expected};

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every field as expected.
    Passed,
    /// Every field but those that are listed as facts about another server.
    ServerFacts,
    /// A difference.
    Failed,
    /// Not played, or played as far as possible without telling anything.
    Skipped,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// The case's name.
    pub case: String,
    /// Its set.
    pub set: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The first difference or the reason for skipping, in a line; empty when passed.
    pub reason: String,
    /// The differences that the facts cover, with the fact's reason.
    pub facts: Vec<(Difference, Fact)>,
    /// Whether at least every operation, status and reason was as expected.
    pub status_matches: bool,
    /// The exchange with the first difference, as XML, and all its differences.
    pub details: String,
}

/// How to play.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How far a time may be off, seconds.
    pub tolerance: i64,
    /// For a request and its reply.
    pub timeout: Duration,
    /// The longest pause of a recorded session that is kept, seconds: keys expire in some.
    pub patience: i64,
}

/// Plays cases one after the other.
pub struct Player {
    clients: HashMap<char, Connector>,
    facts: Facts,
    options: Options,
    offers_interop: bool,
    leftovers: Leftovers,
}

/// Objects that cases made and did not destroy.
#[derive(Default)]
struct Leftovers {
    family: Option<(String, &'static str)>,
    /// What earlier cases of the family made.
    bindings: Bindings,
    origins: Origins,
    objects: Vec<(char, ProtocolVersion, String)>,
}

/// What a case has learnt so far.
#[derive(Default)]
struct State {
    bindings: Bindings,
    origins: Origins,
    connections: HashMap<char, Connection>,
    facts: Vec<(Difference, Fact)>,
    /// The first difference that no fact covers.
    first: Option<String>,
    details: String,
    status_differs: bool,
}

impl Player {
    /// A player for a server; `clients` has one connector for each client letter of the cases.
    ///
    /// # Errors
    /// When client A cannot connect: then nothing can be played.
    pub fn new(
        clients: HashMap<char, Connector>,
        facts: Facts,
        options: Options,
    ) -> Result<Self, strongroom_client::Error> {
        let mut offers_interop = false;
        if let Some(connector) = clients.get(&'A') {
            let mut connection = connector.open()?;
            connection.set_version(ProtocolVersion::V2_1);
            // A server that does not speak 2.1 does not offer it either.
            offers_interop =
                connection.operations().is_ok_and(|all| all.contains(&Operation::INTEROP));
        }
        let leftovers = Leftovers::default();
        Ok(Self { clients, facts, options, offers_interop, leftovers })
    }

    /// Plays a case.
    pub fn play(&mut self, case: &Case) -> CaseResult {
        let family = case.family().map(|family| (case.set.clone(), family));
        if family.is_none() || family != self.leftovers.family {
            self.clean_up();
            self.leftovers = Leftovers { family, ..Leftovers::default() };
        }
        let skipped = if case.is_server_to_client() {
            Some("the server would send the requests of this case".to_owned())
        } else {
            case.clients()
                .into_iter()
                .find(|client| !self.clients.contains_key(client))
                .map(|client| format!("there is no certificate for client {client}"))
        };
        if let Some(reason) = skipped {
            return CaseResult {
                case: case.name.clone(),
                set: case.set.clone(),
                outcome: Outcome::Skipped,
                reason,
                facts: Vec::new(),
                status_matches: false,
                details: String::new(),
            };
        }
        let mut state = State {
            bindings: self.leftovers.bindings.for_next_case(),
            origins: self.leftovers.origins.clone(),
            ..State::default()
        };
        for (number, exchange) in (1..).zip(&case.exchanges) {
            self.pause(recorded_pause(&case.exchanges, number));
            let is_interop = operations(&exchange.request).eq(["Interop"]);
            if is_interop && !self.offers_interop {
                continue;
            }
            if let Err(reason) = self.exchange(case, number, exchange, &mut state) {
                state.first.get_or_insert(format!("reply {number}: {reason}"));
                state.status_differs = true;
                break;
            }
        }
        if self.leftovers.family.is_some() {
            self.leftovers.bindings = state.bindings.for_next_case();
            self.leftovers.origins = state.origins.clone();
        }
        CaseResult {
            case: case.name.clone(),
            set: case.set.clone(),
            outcome: match (&state.first, state.facts.is_empty()) {
                (Some(_), _) => Outcome::Failed,
                (None, true) => Outcome::Passed,
                (None, false) => Outcome::ServerFacts,
            },
            reason: state.first.unwrap_or_default(),
            facts: state.facts,
            status_matches: !state.status_differs,
            details: state.details,
        }
    }

    /// Waits as the recorded session did, if patience goes that far.
    fn pause(&self, seconds: i64) {
        if (NOTICEABLE..=self.options.patience).contains(&seconds) {
            std::thread::sleep(Duration::from_secs(seconds.unsigned_abs() + 1));
        }
    }

    /// Destroys what cases have left.
    pub fn clean_up(&mut self) {
        for (client, version, id) in std::mem::take(&mut self.leftovers.objects) {
            let Some(Ok(mut connection)) = self.clients.get(&client).map(Connector::open) else {
                continue;
            };
            connection.set_version(version);
            if connection.destroy(&id).is_err() {
                // Active objects are revoked first. What cannot be removed at all shows in the
                // cases that trip over it.
                let _ = connection.revoke(&id, RevocationReasonCode::CESSATION_OF_OPERATION);
                let _ = connection.destroy(&id);
            }
        }
    }

    /// One request and its reply. An error ends the case.
    fn exchange(
        &mut self,
        case: &Case,
        number: usize,
        exchange: &Exchange,
        state: &mut State,
    ) -> Result<(), String> {
        let broken = |e: strongroom_kmip::TextError| format!("the case file cannot be used: {e}");
        let expected = Expected::from_element(&exchange.response).map_err(broken)?;
        let request = state.bindings.fill(&exchange.request, now()).map_err(broken)?;
        let connection = match state.connections.entry(exchange.client) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let connector = self.clients.get(&exchange.client).ok_or("no such client")?;
                entry.insert(connector.open().map_err(|e| e.to_string())?)
            }
        };
        let mut encoder = Encoder::ungated();
        encoder.node(&request);
        let frame = connection
            .roundtrip_within(&encoder.into_bytes(), self.options.timeout)
            .map_err(|e| e.to_string())?;
        let reply = View::parse(&frame, &Limits::default())
            .map(Node::from)
            .map_err(|e| format!("the reply cannot be decoded: {e}"))?;

        let differences =
            Comparer::new(&mut state.bindings, &state.origins, now(), self.options.tolerance)
                .message(&request, &expected, &reply);
        let mut news = Vec::new();
        for difference in differences {
            match self.facts.covering(&case.name, number, &difference.path) {
                Some(fact) => state.facts.push((difference, fact.clone())),
                None => news.push(difference),
            }
        }
        if let (Some(first), None) = (news.first(), &state.first) {
            state.first = Some(format!("reply {number}: {first}{}", refusals(&reply)));
            state.details = details(number, &request, &reply, &news);
        }
        state.status_differs |= news.iter().any(is_about_status);
        self.learn(exchange.client, state, &request, &reply);
        Ok(())
    }

    fn learn(&mut self, client: char, state: &mut State, request: &Node, reply: &Node) {
        state.bindings.note_reply(reply);
        let is_item = |node: &&Node| node.tag == Tag::BATCH_ITEM;
        let asked = request.children().iter().filter(is_item);
        for (asked, answered) in asked.zip(reply.children().iter().filter(is_item)) {
            let status = answered.find(Tag::RESULT_STATUS).and_then(|s| s.value.as_enumeration());
            if status != Some(ResultStatus::SUCCESS.0) {
                continue;
            }
            state.origins.note(asked, answered);
            self.leftovers.note(client, version_of(request), asked, answered);
        }
    }
}

impl Leftovers {
    fn note(&mut self, client: char, version: ProtocolVersion, asked: &Node, answered: &Node) {
        let operation = asked.find(Tag::OPERATION).and_then(|o| o.value.as_enumeration());
        let ids = answered.find(Tag::RESPONSE_PAYLOAD).into_iter().flat_map(|payload| {
            payload.children().iter().filter(|c| {
                matches!(
                    c.tag,
                    Tag::UNIQUE_IDENTIFIER
                        | Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER
                        | Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER
                )
            })
        });
        let ids = ids.filter_map(|id| id.value.as_text());
        match operation.map(Operation) {
            Some(
                Operation::CREATE
                | Operation::CREATE_KEY_PAIR
                | Operation::REGISTER
                | Operation::IMPORT
                | Operation::RE_KEY
                | Operation::RE_KEY_KEY_PAIR
                | Operation::DERIVE_KEY
                | Operation::CERTIFY
                | Operation::RE_CERTIFY
                | Operation::CREATE_SPLIT_KEY
                | Operation::JOIN_SPLIT_KEY,
            ) => self.objects.extend(ids.map(|id| (client, version, id.to_owned()))),
            Some(Operation::DESTROY) => {
                for id in ids {
                    self.objects.retain(|(_, _, left)| left != id);
                }
            }
            _ => {}
        }
    }
}

/// Shorter pauses of a recorded session are how long its server took.
const NOTICEABLE: i64 = 30;

/// Seconds between the reply before this one, numbered from 1, and this one.
fn recorded_pause(exchanges: &[Exchange], number: usize) -> i64 {
    let stamp = |number: usize| {
        let reply =
            Expected::from_element(&exchanges.get(number.checked_sub(1)?)?.response).ok()?;
        reply.find(Tag::RESPONSE_HEADER)?.find(Tag::TIME_STAMP)?.date_time()
    };
    match (number.checked_sub(1).and_then(stamp), stamp(number)) {
        (Some(before), Some(now)) => now - before,
        _ => 0,
    }
}

fn version_of(request: &Node) -> ProtocolVersion {
    let version = request.find(Tag::REQUEST_HEADER).and_then(|h| h.find(Tag::PROTOCOL_VERSION));
    let number =
        |tag| version?.find(tag)?.value.as_integer().and_then(|number| u16::try_from(number).ok());
    match (number(Tag::PROTOCOL_VERSION_MAJOR), number(Tag::PROTOCOL_VERSION_MINOR)) {
        (Some(major), Some(minor)) => ProtocolVersion::new(major, minor),
        _ => ProtocolVersion::V1_4,
    }
}

fn is_about_status(difference: &Difference) -> bool {
    let mut path = difference.path.split('/');
    path.next().is_some_and(|first| first.split('[').next() == Some("BatchItem"))
        && matches!(path.next(), None | Some("Operation" | "ResultStatus" | "ResultReason"))
}

/// What the server says about the items that it refused.
fn refusals(reply: &Node) -> String {
    let mut text = String::new();
    for item in reply.children() {
        let reason = item.find(Tag::RESULT_REASON).and_then(|r| r.value.as_enumeration());
        let message = item.find(Tag::RESULT_MESSAGE).and_then(|m| m.value.as_text());
        if let Some(reason) = reason {
            text.push_str(&format!(
                " [{}: {}]",
                ResultReason(reason).name(),
                message.unwrap_or_default()
            ));
        }
    }
    text
}

fn details(number: usize, request: &Node, reply: &Node, differences: &[Difference]) -> String {
    let xml = |node| xml::write(node).unwrap_or_else(|e| format!("({e})\n"));
    let mut text = format!("request {number}:\n{}reply {number}:\n{}", xml(request), xml(reply));
    for difference in differences {
        text.push_str(&format!("difference: {difference}\n"));
    }
    text
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs().cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(path: &str) -> Difference {
        Difference { path: path.to_owned(), expected: String::new(), actual: String::new() }
    }

    #[test]
    fn only_operation_status_and_reason_are_about_the_status() {
        assert!(is_about_status(&difference("BatchItem/ResultReason")));
        assert!(is_about_status(&difference("BatchItem[2]")));
        assert!(!is_about_status(&difference("BatchItem/ResponsePayload/Data")));
        assert!(!is_about_status(&difference("ResponseHeader/BatchCount")));
    }

    #[test]
    fn pauses_of_a_recorded_session_are_the_gaps_between_its_replies() {
        let exchange = |stamp: &str| {
            let text = format!(
                "<ResponseMessage><ResponseHeader><TimeStamp type=\"DateTime\" \
                 value=\"{stamp}\"/></ResponseHeader></ResponseMessage>"
            );
            let response = xml::read_all(&text, &Limits::default()).unwrap().remove(0);
            Exchange { client: 'A', from_server: false, request: response.clone(), response }
        };
        let recorded =
            [exchange("2012-04-27T08:12:27+00:00"), exchange("2012-04-27T08:14:27+00:00")];
        assert_eq!(recorded_pause(&recorded, 1), 0);
        assert_eq!(recorded_pause(&recorded, 2), 120);
        assert_eq!(recorded_pause(&[exchange("$NOW"), exchange("$NOW")], 2), 0);
    }

    #[test]
    fn destroyed_objects_are_no_leftovers() {
        let item = |operation: Operation, id: &str| {
            let payload = |tag| Node::structure(tag, vec![Node::text(Tag::UNIQUE_IDENTIFIER, id)]);
            (
                Node::structure(
                    Tag::BATCH_ITEM,
                    vec![
                        Node::enumeration(Tag::OPERATION, operation),
                        payload(Tag::REQUEST_PAYLOAD),
                    ],
                ),
                Node::structure(Tag::BATCH_ITEM, vec![payload(Tag::RESPONSE_PAYLOAD)]),
            )
        };
        let mut leftovers = Leftovers::default();
        for (operation, id) in
            [(Operation::CREATE, "1"), (Operation::CREATE, "2"), (Operation::DESTROY, "1")]
        {
            let (asked, answered) = item(operation, id);
            leftovers.note('A', ProtocolVersion::V1_4, &asked, &answered);
        }
        assert_eq!(leftovers.objects, [('A', ProtocolVersion::V1_4, "2".to_owned())]);
    }
}
