//! The file that keys are imported from: who may read it, and its rows with their lines.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::{Zeroize, Zeroizing};

use super::row::{self, Row};
use crate::errors::{self, Fault};

/// The largest file, bytes.
const LARGEST: u64 = 64 << 20;

/// A file's text, wiped when it is dropped.
pub(super) struct Source(Zeroizing<String>);

impl Source {
    /// Reads it.
    ///
    /// # Errors
    /// [`errors::INPUT`] for one that others may read, that is too large, or that is no text.
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let input = |what: String| Fault::new(errors::INPUT, format!("{}: {what}", path.display()));
        let file = File::open(path).map_err(|e| input(format!("{e}.")))?;
        // Of what was opened, not of what lies there by now.
        let about = file.metadata().map_err(|e| input(format!("{e}.")))?;
        if about.permissions().mode() & 0o077 != 0 {
            return Err(input(format!(
                "others than its owner may read or write it, and whoever read it has the keys: \
                 chmod 600 {}",
                path.display()
            )));
        }
        if about.len() > LARGEST {
            return Err(input("it has more than 64 MiB; split it.".to_owned()));
        }
        // As large as it will be: a text that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(about.len() as usize + 1));
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| input(format!("{e}.")))?;
        let text = core::str::from_utf8(&bytes).map_err(|_| input("it is no text.".to_owned()))?;
        Ok(Self(Zeroizing::new(text.trim_start_matches('\u{feff}').to_owned())))
    }

    /// The rows of a CSV file (RFC 4180).
    ///
    /// # Errors
    /// The first row that is none, with its line.
    pub(super) fn csv(&self) -> Result<Vec<Row>, Fault> {
        let mut records = Records { rest: &self.0, line: 1 };
        let Some((_, header)) = records.next().transpose()? else { return Ok(Vec::new()) };
        let columns: Vec<String> = header.iter().map(|c| c.trim().to_lowercase()).collect();
        for (at, column) in columns.iter().enumerate() {
            // Not by its text: without a header that is a key.
            if !row::COLUMNS.contains(&column.as_str()) {
                return Err(row::wrong(
                    1,
                    &format!(
                        "column {} has no name that is known; the names are {}",
                        at + 1,
                        row::COLUMNS.join(", ")
                    ),
                ));
            }
            if columns.iter().filter(|other| *other == column).count() > 1 {
                return Err(row::wrong(1, &format!("the column {column} is there twice")));
            }
        }
        let mut rows = Vec::new();
        for record in records {
            let (line, fields) = record?;
            if fields.len() == 1 && fields.first().is_some_and(|f| f.trim().is_empty()) {
                continue;
            }
            if fields.len() != columns.len() {
                let (has, wants) = (fields.len(), columns.len());
                return Err(row::wrong(line, &format!("it has {has} fields, not {wants}")));
            }
            let mut row = Row::new(line);
            for (column, field) in columns.iter().zip(&fields) {
                row.set(column, field.trim())?;
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// The rows of a JSON file.
    ///
    /// # Errors
    /// The first row that is none, with its line.
    pub(super) fn json(&self) -> Result<Vec<Row>, Fault> {
        let mut rows = Vec::new();
        for (line, text) in objects(&self.0)? {
            let parsed: Result<serde_json::Map<String, serde_json::Value>, _> =
                serde_json::from_str(text);
            let fields = parsed.map_err(|e| {
                // Not by the parser's words: they may quote.
                let line = line + e.line().saturating_sub(1) as u64;
                row::wrong(line, &format!("it is no JSON object (column {})", e.column()))
            })?;
            let mut row = Row::new(line);
            for (name, value) in fields {
                set(&mut row, &name, value)?;
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

/// Sets a field from JSON, and wipes what it came in.
fn set(row: &mut Row, name: &str, value: serde_json::Value) -> Result<(), Fault> {
    use serde_json::Value;
    match value {
        Value::Null => Ok(()),
        Value::String(mut text) => {
            let set = row.set(name, &text);
            text.zeroize();
            set
        }
        Value::Bool(flag) => row.set(name, &flag.to_string()),
        Value::Number(number) => row.set(name, &number.to_string()),
        Value::Array(items) => {
            let words: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            let words = words.ok_or_else(|| row::wrong(row.line, "a list is one of words"))?;
            row.set(name, &words.join(";"))
        }
        Value::Object(_) => Err(row::wrong(row.line, "a field holds another object")),
    }
}

/// The objects of a JSON text, with the line that each begins in: those of a list, or one after the
/// other. What is in them is not looked at.
fn objects(text: &str) -> Result<Vec<(u64, &str)>, Fault> {
    let mut found = Vec::new();
    let (mut line, mut depth, mut begin) = (1_u64, 0_u32, (0_usize, 1_u64));
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        line += u64::from(byte == b'\n');
        if quoted {
            (quoted, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
            continue;
        }
        match byte {
            b'"' if depth > 0 => quoted = true,
            b'{' => {
                if depth == 0 {
                    begin = (at, line);
                }
                depth += 1;
            }
            b'}' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    found.push((begin.1, text.get(begin.0..=at).unwrap_or_default()));
                }
            }
            b'[' | b']' | b',' if depth == 0 => {}
            other if depth == 0 && !other.is_ascii_whitespace() => {
                return Err(row::wrong(line, "there is something that is in no object"));
            }
            _ => {}
        }
    }
    match depth {
        0 => Ok(found),
        _ => Err(row::wrong(begin.1, "the object that begins here has no end")),
    }
}

/// Records of CSV, with the line that each begins in.
struct Records<'a> {
    rest: &'a str,
    line: u64,
}

/// A record's fields; they may be keys.
type Fields = Vec<Zeroizing<String>>;

impl Iterator for Records<'_> {
    type Item = Result<(u64, Fields), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let begun = self.line;
        let record = self.record();
        if record.is_err() {
            self.rest = "";
        }
        Some(record.map(|fields| (begun, fields)))
    }
}

impl Records<'_> {
    fn record(&mut self) -> Result<Fields, Fault> {
        let mut fields = Fields::new();
        loop {
            fields.push(match self.rest.strip_prefix('"') {
                Some(rest) => {
                    self.rest = rest;
                    self.quoted()?
                }
                None => {
                    let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
                    let (field, rest) = self.rest.split_at(end);
                    self.rest = rest;
                    Zeroizing::new(field.trim_end_matches('\r').to_owned())
                }
            });
            match self.rest.chars().next() {
                Some(',') => self.rest = self.rest.get(1..).unwrap_or_default(),
                Some('\r' | '\n') => {
                    self.rest = self.rest.trim_start_matches('\r');
                    self.rest = self.rest.strip_prefix('\n').unwrap_or(self.rest);
                    self.line += 1;
                    return Ok(fields);
                }
                Some(_) => {
                    return Err(row::wrong(self.line, "text goes on behind a closing quote"));
                }
                None => return Ok(fields),
            }
        }
    }

    /// What stands up to the closing quote; two quotes in it are one.
    fn quoted(&mut self) -> Result<Zeroizing<String>, Fault> {
        let begun = self.line;
        let mut field = Zeroizing::new(String::with_capacity(self.rest.len().min(4096)));
        loop {
            let open = || row::wrong(begun, "a quote that begins here has no end");
            let (text, rest) = self.rest.split_once('"').ok_or_else(open)?;
            field.push_str(text);
            self.line += text.matches('\n').count() as u64;
            match rest.strip_prefix('"') {
                Some(rest) => {
                    field.push('"');
                    self.rest = rest;
                }
                None => {
                    self.rest = rest;
                    return Ok(field);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn csv_has_quotes_lines_in_them_and_either_end_of_line() {
        let text = "name,usage,key_hex\r\n\"a, \"\"b\"\"\",\"Encrypt,\nDecrypt\",00ff\r\n\r\nc,,0a";
        let rows = source(text).csv().unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].name.as_deref(), rows[0].line), (Some("a, \"b\""), 2));
        assert_eq!(rows[0].usage, ["Encrypt", "Decrypt"]);
        assert_eq!((rows[1].name.as_deref(), rows[1].line), (Some("c"), 5));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_never_by_a_key() {
        let secret = "00112233445566778899aabbccddeeff";
        for (text, line) in [
            (format!("{secret},a\n"), 1),
            (format!("name,key_hex\na,{secret}\nb,{secret},x\n"), 3),
            (format!("name,key_hex\na,{secret}zz\n"), 2),
            (format!("name,key_hex\n\n\na,\"{secret}\n"), 4),
            (format!("name,length,key_hex\na,{secret},00\n"), 2),
            (format!("name,name,key_hex\na,b,{secret}\n"), 1),
        ] {
            let fault = match source(&text).csv() {
                Err(fault) => fault,
                // A value that is no octets shows when it is decoded.
                Ok(mut rows) => rows.remove(0).into_key(None, None).unwrap_err(),
            };
            assert!(fault.detail.starts_with(&format!("Line {line}: ")), "{text:?}: {fault}");
            assert!(!fault.detail.contains("112233"), "{fault}");
        }
    }

    #[test]
    fn json_is_a_list_or_one_object_after_the_other_with_their_lines() {
        let list = "[\n  {\"name\": \"a}\\\"{\", \"key_hex\": \"00\"},\n\n  {\"name\": \"b\",\n\
                    \"usage\": [\"Sign\", \"Verify\"], \"activate\": true, \"length\": 8}\n]\n";
        let rows = source(list).json().unwrap();
        assert_eq!((rows[0].name.as_deref(), rows[0].line), (Some("a}\"{"), 2));
        assert_eq!((rows[1].line, rows[1].activate, rows[1].length), (4, Some(true), Some(8)));
        assert_eq!(rows[1].usage, ["Sign", "Verify"]);
        let lines = "{\"name\":\"a\"}\n{\"name\":\"b\"}\n";
        assert_eq!(source(lines).json().unwrap()[1].line, 2);
        for (text, line) in [
            ("[{\"name\": \"a\"},\n{\"name\": \"b\"", 2),
            ("{\"name\": \"a\"}\nname", 2),
            ("[\n{\"nme\": \"a\"}]", 2),
            ("[{\"name\":\n \"a\",\n }]", 3),
            ("{\"name\": {}}", 1),
        ] {
            let fault = source(text).json().unwrap_err();
            assert!(fault.detail.starts_with(&format!("Line {line}: ")), "{text:?}: {fault}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.csv");
        std::fs::write(&path, "name\n").unwrap();
        for (mode, taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let opened = Source::open(&path).map(|_| ());
            assert_eq!(opened.is_ok(), taken, "{mode:o} {opened:?}");
        }
    }
}
