//! Test case files: exchanges of messages, and who sends them.
//!
//! The XML itself is `kmip::xml`'s work. Here: which reply belongs to which request, and what the
//! text between messages says, such as `# [Client-B]`: which client speaks, in which direction.

use std::fs;
use std::path::{Path, PathBuf};

use strongroom_kmip::{Element, Limits, Tag, xml};

/// A request and the reply that it must get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Which client speaks: `A` unless the file says otherwise.
    pub client: char,
    /// Whether the file says that the server sends this request.
    pub from_server: bool,
    /// RequestMessage.
    pub request: Element,
    /// ResponseMessage.
    pub response: Element,
}

/// A test case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// File name without its extension.
    pub name: String,
    /// Folder relative to the root of all cases, such as `v1.4/profile-mandatory`.
    pub set: String,
    /// In the order in which replies are due.
    pub exchanges: Vec<Exchange>,
}

/// The operations that a message asks for or answers, by name.
pub fn operations(message: &Element) -> impl Iterator<Item = &str> {
    message
        .children
        .iter()
        .filter(|c| c.tag == Tag::BATCH_ITEM)
        .filter_map(|c| Some(c.find(Tag::OPERATION)?.value.as_str()))
}

/// Why a case file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct CaseError {
    /// The file or directory.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Case {
    /// Whether the server would have to send requests (Notify, Put, or the client's facts).
    pub fn is_server_to_client(&self) -> bool {
        // The S2C query cases carry no mark but their name.
        self.name.contains("-S2C-")
            || self.exchanges.iter().any(|e| {
                e.from_server || operations(&e.request).any(|o| matches!(o, "Notify" | "Put"))
            })
    }

    /// The clients that speak in it.
    pub fn clients(&self) -> Vec<char> {
        let mut clients: Vec<char> = self.exchanges.iter().map(|e| e.client).collect();
        clients.sort_unstable();
        clients.dedup();
        clients
    }

    /// The case family whose members build on each other's objects, if it is one: tape library and
    /// storage array.
    pub fn family(&self) -> Option<&'static str> {
        let name = self.name.replace('_', "-");
        ["TL-M-", "SASED-M-"].into_iter().find(|family| name.starts_with(family))
    }

    /// Reads one case from its text.
    ///
    /// # Errors
    /// When the XML is broken or messages do not alternate.
    pub fn parse(name: &str, set: &str, text: &str) -> Result<Self, String> {
        Ok(Self { name: name.to_owned(), set: set.to_owned(), exchanges: read_exchanges(text)? })
    }
}

/// All cases under `root`, sets by name, cases within a set in natural order (2 before 10).
///
/// # Errors
/// When a directory or file cannot be read. A file that is read but broken is an `Err` of its own
/// in the list.
pub fn load(root: &Path) -> Result<Vec<Result<Case, CaseError>>, CaseError> {
    let mut cases = Vec::new();
    for version in entries(root)?.into_iter().filter(|p| p.is_dir()) {
        for set in entries(&version)?.into_iter().filter(|p| p.is_dir()) {
            let files = entries(&set)?;
            let name = format!("{}/{}", file_name(&version), file_name(&set));
            for file in files.iter().filter(|p| p.extension().is_some_and(|e| e == "xml")) {
                cases.push(load_one(file, &name));
            }
        }
    }
    Ok(cases)
}

fn load_one(file: &Path, set: &str) -> Result<Case, CaseError> {
    let error = |reason| CaseError { path: file.display().to_string(), reason };
    let bytes = fs::read(file).map_err(|e| error(e.to_string()))?;
    let name = file.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    // A few headings hold bytes that are not UTF-8; they are comments.
    Case::parse(&name, set, &String::from_utf8_lossy(&bytes)).map_err(error)
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, CaseError> {
    let error =
        |e: std::io::Error| CaseError { path: dir.display().to_string(), reason: e.to_string() };
    let mut found = fs::read_dir(dir)
        .map_err(error)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(error)?;
    found.sort_by_key(|path| natural(&file_name(path)));
    Ok(found)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A sort key in which runs of digits count as numbers.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut key = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let digits = &rest[text..];
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        key.push((rest[..text].to_owned(), digits[..end].parse().unwrap_or(0)));
        rest = &digits[end..];
    }
    key
}

/// What the text before a message says about it.
#[derive(Clone, Copy)]
struct Marks {
    client: char,
    from_server: bool,
}

fn read_exchanges(text: &str) -> Result<Vec<Exchange>, String> {
    // The files are ours, and one has a message of more than 100 batch items.
    let limits = Limits { frame: 64 << 20, items: 1 << 20, ..Limits::default() };
    let messages = xml::read_all(text, &limits).map_err(|e| e.to_string())?;
    let marks = marks(text);
    if marks.len() != messages.len() {
        return Err("something other than messages stands at the top".to_owned());
    }
    let mut waiting: Vec<(Marks, Element)> = Vec::new();
    let mut exchanges = Vec::new();
    for (marks, message) in marks.into_iter().zip(messages) {
        // A reply belongs to the latest request without one: one file nests an exchange in
        // another.
        if message.tag == Tag::REQUEST_MESSAGE {
            waiting.push((marks, message));
            continue;
        }
        let (marks, request) = waiting.pop().ok_or("a response stands before its request")?;
        let Marks { client, from_server } = marks;
        exchanges.push(Exchange { client, from_server, request, response: message });
    }
    if !waiting.is_empty() {
        return Err("the last request has no response".to_owned());
    }
    Ok(exchanges)
}

/// The marks in force at each message, in the order of the file.
fn marks(text: &str) -> Vec<Marks> {
    let mut now = Marks { client: 'A', from_server: false };
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['<', '[']) {
        rest = &rest[at..];
        if rest.starts_with("<!--") {
            rest = &rest[rest.find("-->").unwrap_or(rest.len())..];
            continue;
        }
        match rest {
            r if r.starts_with("<RequestMessage") || r.starts_with("<ResponseMessage") => {
                found.push(now);
            }
            r if r.starts_with("[Client-to-Server]") => now.from_server = false,
            r if r.starts_with("[Server-to-Client]") => now.from_server = true,
            r if r.starts_with("[Client-") => {
                now.client = r.chars().nth("[Client-".len()).unwrap_or('A');
            }
            _ => {}
        }
        rest = &rest[1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "<RequestMessage><BatchItem><Operation type=\"Enumeration\" \
        value=\"Get\"/></BatchItem></RequestMessage>";
    const REPLY: &str = "<ResponseMessage/>";

    #[test]
    fn text_between_messages_names_the_client() {
        let text = format!("<KMIP># TIME 1 {MESSAGE}{REPLY}# [Client-B]\n{MESSAGE}{REPLY}</KMIP>");
        let case = Case::parse("x", "s", &text).unwrap();
        assert_eq!(case.exchanges.iter().map(|e| e.client).collect::<String>(), "AB");
        assert_eq!(case.clients(), ['A', 'B']);
    }

    #[test]
    fn a_stray_closing_tag_after_the_root_is_no_error() {
        let text = format!("<KMIP>{MESSAGE}{REPLY}</KMIP>\n</KMIP>");
        assert_eq!(Case::parse("x", "s", &text).unwrap().exchanges.len(), 1);
    }

    #[test]
    fn nested_exchanges_come_in_the_order_of_their_replies() {
        let inner = MESSAGE.replace("Get", "Revoke");
        let text = format!("<KMIP>{MESSAGE}{inner}{REPLY}{REPLY}</KMIP>");
        let case = Case::parse("x", "s", &text).unwrap();
        let operations: Vec<_> =
            case.exchanges.iter().flat_map(|e| operations(&e.request)).collect();
        assert_eq!(operations, ["Revoke", "Get"]);
    }

    #[test]
    fn requests_and_replies_without_a_partner_are_errors() {
        assert!(Case::parse("x", "s", &format!("<KMIP>{MESSAGE}</KMIP>")).is_err());
        assert!(Case::parse("x", "s", &format!("<KMIP>{REPLY}</KMIP>")).is_err());
    }

    #[test]
    fn numbers_in_names_sort_as_numbers() {
        let mut names = ["SKFF-M-10-14", "SKFF-M-9-14", "SKFF-M-1-14"];
        names.sort_by_key(|n| natural(n));
        assert_eq!(names, ["SKFF-M-1-14", "SKFF-M-9-14", "SKFF-M-10-14"]);
    }

    #[test]
    fn server_to_client_cases_are_known_by_mark_name_or_operation() {
        let text = format!("<KMIP># [Server-to-Client]\n{MESSAGE}{REPLY}</KMIP>");
        assert!(Case::parse("x", "s", &text).unwrap().is_server_to_client());
        let text = format!("<KMIP>{MESSAGE}{REPLY}</KMIP>");
        assert!(!Case::parse("x", "s", &text).unwrap().is_server_to_client());
        assert!(Case::parse("TC-Q-S2C-1-14", "s", &text).unwrap().is_server_to_client());
    }
}
