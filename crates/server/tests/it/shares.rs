//! Where recovery shares go: to the terminal when there is one, else to private files, to their
//! custodians' age keys if asked; never to a pipe, a log or anywhere else.

use std::fs;
use std::path::Path;

use crate::house::{House, all_under, text};
use crate::pty::Terminal;

/// The shares in a text.
pub fn shares_in(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| word.starts_with("strongroom-share-1-")).map(str::to_owned).collect()
}

/// Files under `dir` that have any of `shares` in them.
pub fn files_with(dir: &Path, shares: &[String]) -> Vec<std::path::PathBuf> {
    let has = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).unwrap();
        // The part that is secret alone, as it would be without the words around it.
        let secret = |share: &String| share.split('-').nth(6).unwrap().to_owned();
        let finds = |needle: &str| bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
        shares.iter().any(|share| finds(share) || finds(&secret(share)))
    };
    all_under(dir).into_iter().filter(|path| path.is_file() && has(path)).collect()
}

#[test]
fn on_a_terminal_the_shares_are_shown_there_and_are_in_no_file() {
    let mut house = House::new();
    let mut quickstart = house.quickstart(&["--skip-proof"]);
    quickstart.env("STRONGROOM_LOG__LEVEL", "trace");
    let mut terminal = Terminal::start(&quickstart);
    terminal.expect("Ctrl-C stops.");
    let shares = shares_in(&terminal.seen());
    assert_eq!(shares.len(), 5, "{}", terminal.seen());
    // They were written to nothing but the terminal, and once.
    assert!(!house.data().join("recovery-shares").exists());
    assert_eq!(files_with(house.dir.path(), &shares), Vec::<std::path::PathBuf>::new());
    // They are real: three of them open it.
    let three = house.dir.path().join("three");
    fs::create_dir(&three).unwrap();
    assert!(house.run(&["root", "seal", "--yes"]).status.success());
    let mut arguments = vec!["root".to_owned(), "unseal".into()];
    for (i, share) in shares.iter().enumerate().skip(2) {
        let file = three.join(i.to_string());
        fs::write(&file, share).unwrap();
        arguments.extend(["--share-file".into(), file.display().to_string()]);
    }
    let open = house.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(open.status.success() && text(&open).contains("Unsealed."), "{}", text(&open));
    assert_eq!(files_with(house.dir.path(), &shares).len(), 3, "the search finds what is there");
    terminal.type_keys("\x03");
    assert_eq!(terminal.wait(), Some(0));
    // Shown once: the next run has none to show.
    let serve = house.quickstart(&["--skip-proof"]);
    house.start(serve);
    assert!(shares_in(&house.log()).is_empty());
}

#[test]
fn with_its_output_in_a_file_the_shares_still_go_to_the_terminal_alone() {
    let house = House::new();
    let output = house.dir.path().join("output");
    let file = fs::File::create(&output).unwrap();
    let mut terminal = Terminal::start_into(&house.quickstart(&["--once"]), file);
    assert_eq!(terminal.wait(), Some(0), "{}", terminal.seen());
    let shares = shares_in(&terminal.seen());
    assert_eq!(shares.len(), 5, "{}", terminal.seen());
    let said = fs::read_to_string(&output).unwrap();
    assert!(said.contains("The proof succeeded."), "{said}");
    assert!(shares_in(&said).is_empty(), "{said}");
    assert_eq!(files_with(house.dir.path(), &shares), Vec::<std::path::PathBuf>::new());
}

#[test]
fn without_a_terminal_the_shares_are_in_their_private_files_alone() {
    let house = House::new();
    let mut quickstart = house.quickstart(&["--once"]);
    quickstart.env("STRONGROOM_LOG__LEVEL", "trace");
    let output = quickstart.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(shares_in(&text(&output)).is_empty(), "{}", text(&output));
    assert!(text(&output).contains("WARNING: 5 recovery shares"), "{}", text(&output));
    let dir = house.data().join("recovery-shares");
    let mut shares = Vec::new();
    for n in 1..=5 {
        let share = fs::read_to_string(dir.join(format!("share-{n}-of-5.txt"))).unwrap();
        shares.extend(shares_in(&share));
    }
    assert_eq!(shares.len(), 5);
    let found = files_with(house.dir.path(), &shares);
    assert!(found.iter().all(|path| path.starts_with(&dir)) && found.len() == 5, "{found:?}");
}
