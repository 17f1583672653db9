//! Small strict parsers of what the crate writes: anything a format does not allow is an error.

use std::collections::BTreeMap;

/// A header of RFC 5424 or RFC 3164 and what follows it.
#[derive(Debug)]
pub struct Syslog {
    pub priority: u16,
    pub time: String,
    pub host: String,
    pub app: String,
    pub process: String,
    pub id: String,
    pub elements: Vec<(String, Vec<(String, String)>)>,
    pub message: String,
}

impl Syslog {
    pub fn param(&self, element: &str, name: &str) -> Option<String> {
        let (_, params) = self.elements.iter().find(|(id, _)| id == element)?;
        params.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone())
    }
}

pub fn rfc5424(line: &str) -> Result<Syslog, String> {
    let (priority, rest) = priority(line)?;
    let rest = rest.strip_prefix("1 ").ok_or("no version")?;
    let mut words = rest.splitn(6, ' ');
    let mut word = |max: usize| -> Result<String, String> {
        let word = words.next().ok_or("a field is missing")?;
        if word.is_empty() || word.len() > max || !word.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("not a header field: {word:?}"));
        }
        Ok(word.to_owned())
    };
    let (time, host, app, process, id) = (word(64)?, word(255)?, word(48)?, word(128)?, word(32)?);
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if shape != "0000-00-00T00:00:00.000Z" {
        return Err(format!("not a time: {time}"));
    }
    let rest = words.next().ok_or("no structured data")?;
    let (elements, rest) = structured(rest)?;
    let message = rest.strip_prefix(' ').ok_or("no space before the text")?;
    Ok(Syslog { priority, time, host, app, process, id, elements, message: message.to_owned() })
}

fn priority(line: &str) -> Result<(u16, &str), String> {
    let (number, rest) =
        line.strip_prefix('<').and_then(|l| l.split_once('>')).ok_or("no priority")?;
    let value: u16 = number.parse().map_err(|_| "the priority is no number")?;
    if value > 191 || value.to_string() != number {
        return Err(format!("not a priority: {number}"));
    }
    Ok((value, rest))
}

type Elements = Vec<(String, Vec<(String, String)>)>;

fn structured(mut rest: &str) -> Result<(Elements, &str), String> {
    if let Some(rest) = rest.strip_prefix('-') {
        return Ok((Vec::new(), rest));
    }
    let mut elements: Elements = Vec::new();
    while let Some(inner) = rest.strip_prefix('[') {
        let end = inner.find([' ', ']']).ok_or("an element without end")?;
        let id = name(&inner[..end])?;
        if elements.iter().any(|(known, _)| *known == id) {
            return Err(format!("{id} twice"));
        }
        let registered = matches!(id.as_str(), "timeQuality" | "origin" | "meta");
        if !registered && !id.contains('@') {
            return Err(format!("{id} is not registered"));
        }
        let mut params = Vec::new();
        let mut at = &inner[end..];
        while let Some(param) = at.strip_prefix(' ') {
            let (key, value) = param.split_once("=\"").ok_or("a parameter without value")?;
            let key = name(key)?;
            let (value, after) = quoted(value)?;
            params.push((key, value));
            at = after;
        }
        rest = at.strip_prefix(']').ok_or("an element is not closed")?;
        elements.push((id, params));
    }
    if elements.is_empty() { Err("no structured data".to_owned()) } else { Ok((elements, rest)) }
}

fn name(text: &str) -> Result<String, String> {
    let fine = |b: u8| b.is_ascii_graphic() && !matches!(b, b'=' | b']' | b'"');
    if text.is_empty() || text.len() > 32 || !text.bytes().all(fine) {
        return Err(format!("not a name: {text:?}"));
    }
    Ok(text.to_owned())
}

/// Up to the closing quote; `"`, `\` and `]` must be escaped.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, c @ ('"' | '\\' | ']'))) => value.push(c),
                other => return Err(format!("a wrong escape: {other:?}")),
            },
            ']' => return Err("a bare ]".to_owned()),
            c => value.push(c),
        }
    }
    Err("a value without end".to_owned())
}

/// `<PRI>Mmm dd hh:mm:ss HOST rest`.
pub fn rfc3164(line: &str) -> Result<Syslog, String> {
    let (priority, rest) = priority(line)?;
    let time = rest.get(..15).ok_or("too short")?.to_owned();
    let shape: String = time
        .chars()
        .enumerate()
        .map(|(i, c)| if c.is_ascii_digit() || (i == 4 && c == ' ') { '0' } else { c })
        .collect();
    if !shape.ends_with(" 00 00:00:00") {
        return Err(format!("not a time: {time:?}"));
    }
    let rest = rest[15..].strip_prefix(' ').ok_or("no space after the time")?;
    let (host, message) = rest.split_once(' ').ok_or("no host")?;
    Ok(Syslog {
        priority,
        time,
        host: host.to_owned(),
        app: String::new(),
        process: String::new(),
        id: String::new(),
        elements: Vec::new(),
        message: message.to_owned(),
    })
}

/// The body of our own RFC 3164 lines: `strongroom[PID]: CLASS name="value" ...`.
pub fn words(body: &str) -> Result<(String, Vec<(String, String)>), String> {
    let (tag, rest) = body.split_once(": ").ok_or("no tag")?;
    if !tag.starts_with("strongroom") {
        return Err(format!("not our tag: {tag}"));
    }
    let (class, mut rest) = rest.split_once(' ').ok_or("no class")?;
    let mut pairs = Vec::new();
    loop {
        let (key, value) = rest.split_once("=\"").ok_or("a word without value")?;
        let key = name(key)?;
        let (value, after) = quoted(value)?;
        pairs.push((key, value));
        match after.strip_prefix(' ') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok((class.to_owned(), pairs)),
            None => return Err(format!("left over: {after:?}")),
        }
    }
}

/// Seven header fields and the extension.
pub fn cef(line: &str) -> Result<(Vec<String>, BTreeMap<String, String>), String> {
    let mut header = Vec::new();
    let mut field = String::new();
    let mut chars = line.char_indices();
    let mut extension = None;
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, c @ ('\\' | '|'))) => field.push(c),
                other => return Err(format!("a wrong escape in the header: {other:?}")),
            },
            '|' => {
                header.push(std::mem::take(&mut field));
                if header.len() == 7 {
                    extension = Some(&line[at + 1..]);
                    break;
                }
            }
            c => field.push(c),
        }
    }
    let extension = extension.ok_or("a header field is missing")?;
    if header[0] != "CEF:0" {
        return Err(format!("not CEF: {}", header[0]));
    }
    // Keys end at unescaped equals signs and begin after the space before.
    let mut equals = Vec::new();
    let mut escaped = false;
    for (at, c) in extension.char_indices() {
        match c {
            _ if escaped => {
                if !matches!(c, '\\' | '=' | 'n' | 'r') {
                    return Err(format!("a wrong escape in the extension: {c:?}"));
                }
                escaped = false;
            }
            '\\' => escaped = true,
            '=' => equals.push(at),
            _ => {}
        }
    }
    let starts: Vec<usize> =
        equals.iter().map(|at| extension[..*at].rfind(' ').map_or(0, |space| space + 1)).collect();
    let mut pairs = BTreeMap::new();
    for (i, at) in equals.iter().enumerate() {
        let key = &extension[starts[i]..*at];
        let end = starts.get(i + 1).map_or(extension.len(), |next| next - 1);
        let raw = extension.get(at + 1..end).ok_or("a value before its key")?;
        let mut value = String::new();
        let mut chars = raw.chars();
        while let Some(c) = chars.next() {
            value.push(match c {
                '\\' => match chars.next() {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some(c) => c,
                    None => return Err("an escape at the end".to_owned()),
                },
                c => c,
            });
        }
        if pairs.insert(key.to_owned(), value).is_some() {
            return Err(format!("{key} twice"));
        }
    }
    Ok((header, pairs))
}

/// The header fields and the attributes.
pub fn leef(line: &str) -> Result<(Vec<String>, BTreeMap<String, String>), String> {
    let count = match line.split('|').next() {
        Some("LEEF:1.0") => 5,
        Some("LEEF:2.0") => 6,
        other => return Err(format!("not LEEF: {other:?}")),
    };
    let mut parts = line.splitn(count + 1, '|');
    let header: Vec<String> = parts.by_ref().take(count).map(str::to_owned).collect();
    let body = parts.next().ok_or("a header field is missing")?;
    let mark = match header.get(5).map(String::as_str) {
        None | Some("x09") => '\t',
        Some("^") => '^',
        Some(other) => return Err(format!("not a delimiter: {other}")),
    };
    let mut pairs = BTreeMap::new();
    for pair in body.split(mark) {
        let (key, value) = pair.split_once('=').ok_or(format!("not a pair: {pair:?}"))?;
        if pairs.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(format!("{key} twice"));
        }
    }
    Ok((header, pairs))
}

/// The query of the address of a record.
pub fn query(url: &str) -> Result<BTreeMap<String, String>, String> {
    let (_, query) = url.split_once('?').ok_or("no query")?;
    query
        .split('&')
        .map(|pair| {
            let (name, value) = pair.split_once('=').ok_or("not a pair")?;
            let mut bytes = Vec::new();
            let mut rest = value.bytes();
            while let Some(b) = rest.next() {
                bytes.push(match b {
                    b'%' => {
                        let two: Vec<u8> = rest.by_ref().take(2).collect();
                        let two = std::str::from_utf8(&two).map_err(|e| e.to_string())?;
                        u8::from_str_radix(two, 16).map_err(|e| e.to_string())?
                    }
                    b => b,
                });
            }
            let value = String::from_utf8(bytes).map_err(|e| e.to_string())?;
            Ok((name.to_owned(), value))
        })
        .collect()
}
