//! The documents say what is true: their tables are those of the code, their links and paths lead
//! somewhere, the tests that they name exist, and the command line knows every command they show.
//!
//! `UPDATE_DOC=1 cargo test -p strongroom-server --test it doc::` writes the tables anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_engine::offered_operations;
use strongroom_kmip::{ObjectType, Operation, ProtocolVersion};
use strongroom_policy::Needs;
use strongroom_server::admin::{self, ROUTES};
use strongroom_server::config::forward;
use strongroom_server::config::table::{KEYS, SECTIONS};
use strongroom_server::errors;

fn root() -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    dir.canonicalize().unwrap()
}

/// Every document: path from the root and text.
fn documents() -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
        .into_iter()
        .map(PathBuf::from)
        .collect();
    for dir in ["doc", "doc/adr"] {
        for entry in fs::read_dir(root().join(dir)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                paths.push(Path::new(dir).join(name));
            }
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        (path.to_str().unwrap().to_owned(), text)
    };
    paths.into_iter().map(read).collect()
}

fn versions() -> impl Iterator<Item = ProtocolVersion> {
    ProtocolVersion::ALL.into_iter().rev()
}

fn version_columns(exists_in: impl Fn(ProtocolVersion) -> bool) -> String {
    versions().map(|v| if exists_in(v) { " ✓ |" } else { "   |" }).collect()
}

fn version_head(first: &str, last: &str) -> String {
    let names: String = versions().map(|v| format!(" {v} |")).collect();
    let rule: String = versions().map(|_| "---|").collect();
    let last_rule = if last.is_empty() { "" } else { "---|" };
    format!("| {first} |{names}{last}\n|---|{rule}{last_rule}\n")
}

fn operations() -> String {
    let mut rows: Vec<_> = offered_operations().filter(|(_, _, interop)| !interop).collect();
    rows.sort_by_key(|(operation, _, _)| operation.name());
    let mut out = version_head("Operation", " recorded as |");
    for (operation, changes, _) in rows {
        let columns = version_columns(|v| operation.exists_in(v));
        let kind = if changes { "change" } else { "use" };
        out.push_str(&format!("| {operation} |{columns} {kind} |\n"));
    }
    out
}

fn operations_missing() -> String {
    let built: BTreeSet<u32> = offered_operations().map(|(operation, _, _)| operation.0).collect();
    let mut names: Vec<&str> = Operation::TABLE
        .values
        .iter()
        .filter(|row| !built.contains(&row.code))
        .map(|row| row.name)
        .collect();
    names.sort_unstable();
    format!("{}.\n", names.join(", "))
}

fn objects() -> String {
    let mut out = version_head("Object type", "");
    for row in ObjectType::TABLE.values {
        out.push_str(&format!(
            "| {} |{}\n",
            row.name,
            version_columns(|v| row.versions.contains(v))
        ));
    }
    out
}

fn rules() -> String {
    let mut out = String::from("| rule | decides | meaning |\n|---|---|---|\n");
    for (name, allows, meaning) in strongroom_policy::rule::ALL {
        let decides = if *allows { "allowed" } else { "refused" };
        out.push_str(&format!("| `{name}` | {decides} | {meaning} |\n"));
    }
    out
}

fn error_numbers() -> String {
    let mut out = String::from(
        "| number | name | HTTP | exit | KMIP reason | what happened | what to do |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for e in errors::TABLE {
        out.push_str(&format!(
            "| {} | `{}` | {} | {} | {} | {} | {} |\n",
            e.number,
            e.name,
            e.http,
            e.exit as u8,
            e.reason.name(),
            e.message,
            e.next
        ));
    }
    out
}

fn configuration() -> String {
    let mut out = String::new();
    for (section, meaning) in SECTIONS {
        out.push_str(&format!("**`[{section}]`** {meaning}\n\n"));
        out.push_str("| key | takes | default | meaning |\n|---|---|---|---|\n");
        for key in KEYS {
            if key.path.split_once('.').map(|(s, _)| s) != Some(section) {
                continue;
            }
            let default = key.default.map_or_else(String::new, |d| format!("`{d}`"));
            let takes = key.kind.describe().replace('|', "\\|");
            out.push_str(&format!("| `{}` | {takes} | {default} | {} |\n", key.path, key.doc));
        }
        out.push('\n');
    }
    out.trim_end().to_owned() + "\n"
}

fn destinations() -> String {
    let mut out = String::from("| key | takes | default | meaning |\n|---|---|---|---|\n");
    for key in forward::KEYS {
        let default = key.default.map_or_else(String::new, |d| format!("`{d}`"));
        out.push_str(&format!("| `{}` | {} | {default} | {} |\n", key.name, key.takes, key.doc));
    }
    out
}

fn routes() -> String {
    let mut out =
        String::from("| request | who | while sealed | in the audit |\n|---|---|---|---|\n");
    for route in ROUTES {
        let who = match route.action.needs() {
            Needs::Certificate => "any certificate".to_owned(),
            Needs::Roles(roles) => roles.iter().map(|r| r.name()).collect::<Vec<_>>().join(", "),
        };
        let sealed = if route.unsealed { "no" } else { "yes" };
        let path = route.path;
        out.push_str(&format!(
            "| `{} {path}` | {who} | {sealed} | {} |\n",
            route.method, route.operation
        ));
    }
    out
}

/// The page, the table's name in it, and what writes it.
type Table = (&'static str, &'static str, fn() -> String);

const TABLES: &[Table] = &[
    ("doc/audit.md", "rules", rules),
    ("doc/kmip.md", "operations", operations),
    ("doc/kmip.md", "operations-missing", operations_missing),
    ("doc/kmip.md", "objects", objects),
    ("doc/kmip.md", "errors", error_numbers),
    ("doc/reference.md", "configuration", configuration),
    ("doc/reference.md", "routes", routes),
    ("doc/siem.md", "destinations", destinations),
];

#[test]
fn every_table_of_the_documents_is_that_of_the_code() {
    let update = std::env::var_os("UPDATE_DOC").is_some();
    let mut stale = Vec::new();
    for (path, name, render) in TABLES {
        let file = root().join(path);
        let text = fs::read_to_string(&file).unwrap();
        let begin = format!("<!-- table: {name} -->\n");
        let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{path}: {begin}"));
        let (old, after) = rest.split_once("<!-- end -->").unwrap();
        let new = render();
        if old == new {
            continue;
        }
        if update {
            fs::write(&file, format!("{before}{begin}{new}<!-- end -->{after}")).unwrap();
        } else {
            stale.push(format!("{path}, table {name}"));
        }
    }
    assert!(stale.is_empty(), "stale: {}; write them anew with UPDATE_DOC=1", stale.join("; "));
}

#[test]
fn the_description_of_the_admin_api_is_that_of_the_code() {
    let file = root().join("doc/openapi.json");
    let new = serde_json::to_string_pretty(&admin::openapi::document()).unwrap() + "\n";
    if std::env::var_os("UPDATE_DOC").is_some() {
        fs::write(&file, new).unwrap();
        return;
    }
    let old = fs::read_to_string(&file).unwrap();
    assert!(old == new, "doc/openapi.json is stale; write it anew with UPDATE_DOC=1");
}

/// The lines of a document that stand in code blocks, fenced or indented, and the others.
fn parts(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut code, mut prose) = (Vec::new(), Vec::new());
    let mut fenced = false;
    let mut blank = true;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced || (line.starts_with("    ") && (blank || is_code(&code, line))) {
            code.push(line);
        } else {
            prose.push(line);
            blank = line.trim().is_empty();
        }
    }
    (code, prose)
}

/// Whether an indented line goes on a code block (rather than a list item).
fn is_code(code: &[&str], line: &str) -> bool {
    code.last().is_some_and(|last| last.starts_with("    ")) && line.starts_with("    ")
}

/// The heading's anchor, as the usual viewers make it.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
        .collect()
}

#[test]
fn decisions_are_numbered_once_and_bear_their_numbers() {
    let mut seen = BTreeSet::new();
    for (path, text) in documents() {
        let Some(name) = path.strip_prefix("doc/adr/") else { continue };
        let number: u32 = name[..4].parse().unwrap_or_else(|_| panic!("{path} has no number"));
        assert!(seen.insert(number), "{path}: there is another decision {number}");
        assert!(text.starts_with(&format!("# {number}. ")), "{path}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in documents() {
        let (_, prose) = parts(&text);
        let prose = prose.join("\n");
        for piece in prose.split("](").skip(1) {
            let Some((target, _)) = piece.split_once(')') else { continue };
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
            let here = root().join(&path);
            let there = if file.is_empty() { here } else { here.parent().unwrap().join(file) };
            let found = there.exists()
                && (fragment.is_empty()
                    || fs::read_to_string(&there)
                        .unwrap_or_default()
                        .lines()
                        .any(|l| l.starts_with('#') && anchor(l) == fragment));
            if !found {
                broken.push(format!("{path}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// What stands between single backticks in prose.
fn quoted(prose: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for line in prose {
        all.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    all
}

#[test]
fn every_path_and_every_test_that_is_named_exists() {
    let mut sources = String::new();
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                sources.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut missing = Vec::new();
    for (path, text) in documents() {
        let (_, prose) = parts(&text);
        for word in quoted(&prose) {
            let top = ["crates/", "doc/", "pkg/"].iter().any(|d| word.starts_with(d));
            let plain = !word.contains([' ', '*', '<', '{']);
            if top && plain && !root().join(&word).exists() {
                missing.push(format!("{path}: {word}"));
            }
            // Settings of other products look like tests.
            let is_test = path != "doc/connect.md"
                && word.matches('_').count() >= 3
                && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            // A metric is not a test, and must exist all the same; exposition adds `_total`.
            let metric = format!("\"{}\"", word.trim_end_matches("_total"));
            let there = [format!("fn {word}("), format!("{word}:"), metric];
            if is_test && !there.iter().any(|form| sources.contains(form)) {
                missing.push(format!("{path}: test {word}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The words of a line as a shell sees them, double quotes being the only ones in use.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    // Every other part is quoted, and belongs to one word.
    for (n, part) in line.split('"').enumerate() {
        if n % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The `strongroom` commands in a document's code blocks, without what the shell does.
fn commands(text: &str) -> Vec<Vec<String>> {
    let (code, _) = parts(text);
    let joined = code.join("\n").replace("\\\n", " ");
    let mut found = Vec::new();
    for line in joined.lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let Some(at) = words.iter().position(|w| *w == "strongroom" || w.ends_with("/strongroom"))
        else {
            continue;
        };
        let launched = words[..at].iter().all(|w| {
            matches!(*w, "sudo" | "-u" | "strongroom" | "systemd-run")
                || w.starts_with('-')
                || w.starts_with("LoadCredential")
        });
        let at = words.iter().rposition(|w| *w == "strongroom" || w.ends_with("/strongroom"));
        let Some(at) = at.filter(|_| launched) else { continue };
        let rest = words[at + 1..].iter().take_while(|w| !matches!(**w, ">" | "|" | "&&"));
        let rest: Vec<String> = rest.map(|w| (*w).to_owned()).collect();
        // The name of the user or the unit, not a command.
        if rest.first().is_some_and(|w| w.chars().all(|c| c.is_ascii_lowercase() || c == '-')) {
            found.push(rest);
        }
    }
    found
}

#[test]
fn the_command_line_knows_every_command_that_is_shown() {
    let mut unknown = Vec::new();
    let mut count = 0;
    for (path, text) in documents() {
        for command in commands(&text) {
            let done = Command::new(env!("CARGO_BIN_EXE_strongroom"))
                .args(&command)
                .arg("--help")
                .env_clear()
                .output()
                .unwrap();
            count += 1;
            if !done.status.success() {
                let why = String::from_utf8_lossy(&done.stderr);
                unknown.push(format!("{path}: strongroom {}\n{why}", command.join(" ")));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    assert!(count > 30, "only {count} commands were found: is the search for them broken?");
}
