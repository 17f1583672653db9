//! Tables that fit in 80 columns, and times.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use super::Output;
use crate::errors::{self, Fault};

/// The widest line.
const WIDTH: usize = 80;

/// Writes `value` as JSON, or lets `table` write for people.
pub fn show<T: Serialize>(
    output: Output,
    value: &T,
    table: impl FnOnce(&T) -> String,
) -> Result<(), Fault> {
    let text = match output {
        Output::Json => {
            let mut text = serde_json::to_string_pretty(value)
                .map_err(|e| Fault::new(errors::INTERNAL, format!("{e}.")))?;
            text.push('\n');
            text
        }
        Output::Table => table(value),
    };
    say(&text);
    Ok(())
}

/// Writes to standard output. A reader that has left (`| head`) is no fault of ours.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Writes lines to standard error, folded if people read them there. A terminal that was closed is
/// no fault of ours.
pub fn complain(text: &str) {
    let mut err = std::io::stderr().lock();
    let text = if err.is_terminal() { folded(text) } else { format!("{}\n", text.trim_end()) };
    let _ = err.write_all(text.as_bytes());
}

/// A command to copy: in one line where it fits in 80 columns, else broken as shells allow it.
pub fn to_copy<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut lines = vec![String::new()];
    for word in words {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
        let word = match !word.is_empty() && word.chars().all(plain) {
            true => word.to_owned(),
            false => format!("'{}'", word.replace('\'', r"'\''")),
        };
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            *line = format!("  {word}");
        // Room for the backslash.
        } else if line.chars().count() + 1 + word.chars().count() > WIDTH - 2 {
            line.push_str(" \\");
            lines.push(format!("    {word}"));
        } else {
            line.push(' ');
            line.push_str(&word);
        }
    }
    format!("{}\n", lines.join("\n"))
}

/// Each line on its own in 80 columns; what goes on is indented by two more than its beginning.
pub fn folded(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if line.chars().count() <= WIDTH {
            out.push_str(line);
            out.push('\n');
            continue;
        }
        let indent = line.chars().take_while(|c| *c == ' ').count();
        let pieces = crate::config::table::fold(line, WIDTH - indent - 2);
        for (i, piece) in pieces.iter().enumerate() {
            let more = if i == 0 { indent } else { indent + 2 };
            out.push_str(&format!("{:more$}{piece}\n", ""));
        }
    }
    out
}

/// Lays out a table: columns as wide as their widest cell, the last one cut so that the line
/// fits.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let columns = header.len();
    let mut widths: Vec<usize> = header.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    // The last column gets what is left, but a word or two at least.
    let before: usize = widths.iter().take(columns.saturating_sub(1)).map(|w| w + 2).sum();
    let last = WIDTH.saturating_sub(before).max(8);
    let mut out = String::new();
    let heads: Vec<String> = header.iter().map(|h| (*h).to_owned()).collect();
    for row in core::iter::once(&heads).chain(rows) {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            if i + 1 == columns {
                line.push_str(&cut(cell, last));
            } else {
                let width = widths.get(i).copied().unwrap_or(0);
                line.push_str(&format!("{cell:<width$}  "));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// As [`table`], with the last column folded under itself: nothing of it is cut.
pub fn folding_table(header: &[&str], rows: &[Vec<String>]) -> String {
    let columns = header.len();
    let before: usize = (0..columns.saturating_sub(1))
        .map(|i| {
            let cells = rows.iter().filter_map(|row| row.get(i));
            let head = header.get(i).map_or(0, |h| h.chars().count());
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(head) + 2
        })
        .sum();
    let last = WIDTH.saturating_sub(before).max(8);
    let folded = rows.iter().flat_map(|row| {
        let (cell, others) = row.split_last().map_or(("", &[][..]), |(c, o)| (c.as_str(), o));
        let lines = crate::config::table::fold(cell, last);
        let mut lines = if lines.is_empty() { vec![String::new()] } else { lines }.into_iter();
        let first = others.iter().cloned().chain(lines.next()).collect::<Vec<_>>();
        let more = lines.map(|line| {
            let empty = core::iter::repeat_n(String::new(), columns.saturating_sub(1));
            empty.chain([line]).collect()
        });
        core::iter::once(first).chain(more).collect::<Vec<Vec<String>>>()
    });
    table(header, &folded.collect::<Vec<_>>())
}

/// Name and value, one a line.
pub fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(n, _)| n.chars().count()).max().unwrap_or(0) + 2;
    let mut out = String::new();
    for (name, value) in pairs {
        let lines = crate::config::table::fold(value, WIDTH - width);
        for (i, line) in lines.iter().enumerate() {
            let head = if i == 0 { name } else { "" };
            out.push_str(format!("{head:<width$}{line}").trim_end());
            out.push('\n');
        }
    }
    out
}

/// At most `width` characters; an ellipsis says that there is more.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// POSIX milliseconds as `2026-11-24 07:02:03Z`.
pub fn time(millis: i64) -> String {
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(t) => t.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        Err(_) => "?".into(),
    }
}

/// So many of something: `1 key`, `2 keys`.
pub fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A time that passed, in its largest unit: `3 hours`, `1 day`.
pub fn span(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// POSIX seconds as `2026-11-24`.
pub fn date(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(t) => t.strftime("%Y-%m-%d").to_string(),
        Err(_) => "?".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_never_exceeds_80_columns() {
        let rows = vec![
            vec!["1".into(), "short".into(), "x".repeat(200)],
            vec!["22".into(), "längér".into(), "y".into()],
        ];
        let text = table(&["Id", "Name", "What"], &rows);
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
        assert!(text.starts_with("Id  Name    What\n"), "{text}");
        assert!(text.contains('…'));
    }

    #[test]
    fn a_folding_table_keeps_every_word_in_80_columns() {
        let rows = vec![
            vec!["a".into(), "word ".repeat(40).trim().to_owned()],
            vec!["b".into(), String::new()],
        ];
        let text = folding_table(&["To", "Operations"], &rows);
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
        assert_eq!(text.matches("word").count(), 40, "{text}");
        assert!(text.lines().nth(2).unwrap().starts_with("    word"), "{text}");
        assert_eq!(text.lines().last(), Some("b"), "{text}");
    }

    #[test]
    fn pairs_fold_long_values_under_themselves() {
        let text = pairs(&[("State", "serving".into()), ("Why", "word ".repeat(30))]);
        assert!(text.lines().all(|l| l.chars().count() <= 80));
        assert!(text.starts_with("State  serving\nWhy    word"));
        assert!(text.lines().nth(2).unwrap().starts_with("       word"));
    }

    #[test]
    fn a_command_to_copy_is_broken_as_a_shell_takes_it() {
        let long = "/a/place/".repeat(7);
        let text = to_copy(["echo", "status", "--bundle", &long, "it's here"]);
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
        assert!(text.lines().count() > 1, "{text}");
        let said = std::process::Command::new("sh").args(["-c", &text]).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert_eq!(said, format!("status --bundle {long} it's here\n"));
        assert_eq!(to_copy(["strongroom", "status"]), "  strongroom status\n");
    }

    #[test]
    fn a_complaint_is_folded_line_by_line() {
        let text = format!("short\n  {}", "word ".repeat(30));
        let folded = folded(&text);
        assert!(folded.lines().all(|l| l.chars().count() <= 80), "{folded}");
        assert!(folded.starts_with("short\n  word"), "{folded}");
        assert!(folded.lines().nth(2).unwrap().starts_with("    word"), "{folded}");
    }

    #[test]
    fn times_are_utc_and_say_so() {
        assert_eq!(time(0), "1970-01-01 00:00:00Z");
        assert_eq!(date(86_400), "1970-01-02");
        assert_eq!(time(i64::MAX), "?");
    }
}
