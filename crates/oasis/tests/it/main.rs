//! The comparer on the case files themselves: a reply that is what the file says passes, and no
//! field can go missing from it unseen. Needs `../shared/oasis-xml` beside the work tree.

use std::path::{Path, PathBuf};

use strongroom_kmip::{Node, Tag, Value};
use strongroom_oasis::case::{self, Case};
use strongroom_oasis::compare::Comparer;
use strongroom_oasis::origin::Origins;
use strongroom_oasis::template::{Bindings, Expected};

const NOW: i64 = 2_000_000_000;

fn cases() -> Vec<Case> {
    let dir: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/oasis-xml");
    if !dir.is_dir() {
        eprintln!("skipped: {} is absent", dir.display());
        return Vec::new();
    }
    let cases: Vec<Case> = case::load(&dir)
        .unwrap_or_else(|e| panic!("{e}"))
        .into_iter()
        .map(|c| c.unwrap_or_else(|e| panic!("{e}")))
        .collect();
    assert!(cases.len() > 400, "{} cases", cases.len());
    cases
}

/// One exchange, and the reply that a perfect server would send at the time `now`.
struct Perfect {
    request: Node,
    expected: Expected,
    reply: Node,
    now: i64,
}

fn exchanges(case: &Case) -> Vec<Perfect> {
    let mut bindings = Bindings::default();
    let place = format!("{}/{}", case.set, case.name);
    case.exchanges
        .iter()
        .map(|e| {
            let expected = Expected::from_element(&e.response)
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            // The recorded sessions are dated: their replies come at the time that they say.
            let now = expected
                .find(Tag::RESPONSE_HEADER)
                .and_then(|h| h.find(Tag::TIME_STAMP))
                .and_then(Expected::date_time)
                .unwrap_or(NOW);
            let mut fill =
                |e| bindings.fill(e, now).unwrap_or_else(|error| panic!("{place}: {error}"));
            Perfect { request: fill(&e.request), reply: fill(&e.response), expected, now }
        })
        .collect()
}

impl Perfect {
    fn differences(&self, reply: &Node) -> Vec<String> {
        let mut bindings = Bindings::default();
        let origins = Origins::default();
        Comparer::new(&mut bindings, &origins, self.now, 60)
            .message(&self.request, &self.expected, reply)
            .iter()
            .map(ToString::to_string)
            .collect()
    }
}

#[test]
fn the_expected_reply_itself_passes_in_every_case() {
    for case in cases() {
        for exchange in exchanges(&case) {
            let found = exchange.differences(&exchange.reply);
            assert!(found.is_empty(), "{}/{}: {found:?}", case.set, case.name);
        }
    }
}

/// Calls `check` with the reply less one item, for every item in it.
fn without_each(node: &Node, path: &mut Vec<Tag>, check: &mut dyn FnMut(&Node, &[Tag])) {
    let Value::Structure(children) = &node.value else { return };
    for at in 0..children.len() {
        let mut fewer = children.clone();
        let removed = fewer.remove(at);
        path.push(removed.tag);
        check(&Node::structure(node.tag, fewer), path);
        without_each(&removed, path, &mut |child, path| {
            let mut changed = children.clone();
            changed[at] = child.clone();
            check(&Node::structure(node.tag, changed), path);
        });
        path.pop();
    }
}

#[test]
fn no_field_of_any_reply_can_go_missing_unseen() {
    const IGNORED: [Tag; 3] = [Tag::TIME_STAMP, Tag::RESULT_MESSAGE, Tag::SERVER_CORRELATION_VALUE];
    let mut removals = 0;
    // The largest replies repeat the same few fields a hundred times.
    for case in cases().into_iter().filter(|c| c.exchanges.len() < 40) {
        for exchange in exchanges(&case) {
            without_each(&exchange.reply, &mut Vec::new(), &mut |less, path| {
                if path.last().is_some_and(|tag| IGNORED.contains(tag)) {
                    return;
                }
                removals += 1;
                let found = exchange.differences(less);
                assert!(!found.is_empty(), "{}/{}: {path:?} went unseen", case.set, case.name);
            });
        }
    }
    eprintln!("{removals} removals seen");
}
