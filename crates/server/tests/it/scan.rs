//! Looks for known secrets in files and in the memory of a process, however they are spelled.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Bytes of a secret that are looked for: its beginning and its end, so that half of one is found.
const PART: usize = 16;

/// Bytes read at a time, and how much two reads overlap.
const CHUNK: usize = 4 << 20;
const OVERLAP: usize = 256;

/// A spelling of bytes. Of text, `UTF-16` is how half of the world keeps it in memory.
pub const SPELLINGS: [&str; 13] = [
    "raw",
    "hex",
    "HEX",
    "base64",
    "base64url",
    "raw UTF-16LE",
    "raw UTF-16BE",
    "hex UTF-16LE",
    "hex UTF-16BE",
    "HEX UTF-16LE",
    "HEX UTF-16BE",
    "base64 UTF-16LE",
    "base64 UTF-16BE",
];

/// `bytes` in the spelling of that number.
pub fn spelled(bytes: &[u8], spelling: usize) -> Vec<u8> {
    let name = SPELLINGS[spelling];
    let (text, wide) = name.split_once(' ').unwrap_or((name, ""));
    let narrow = match text {
        "raw" => bytes.to_vec(),
        "hex" => bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect(),
        "HEX" => bytes.iter().flat_map(|b| format!("{b:02X}").into_bytes()).collect(),
        "base64" => STANDARD_NO_PAD.encode(bytes).into_bytes(),
        _ => URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
    };
    // Each byte is a character: Latin-1 where it is no ASCII.
    match wide {
        "" => narrow,
        "UTF-16LE" => narrow.into_iter().flat_map(|b| [b, 0]).collect(),
        _ => narrow.into_iter().flat_map(|b| [0, b]).collect(),
    }
}

/// Secrets that are looked for.
pub struct Scanner {
    automaton: AhoCorasick,
    /// Which secret a pattern is of, and how it is spelled.
    patterns: Vec<(usize, usize)>,
}

/// A secret that was found: its number, how it was spelled, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    pub secret: usize,
    pub spelling: &'static str,
    pub place: String,
}

impl Scanner {
    pub fn new(secrets: &[Vec<u8>]) -> Self {
        let (mut patterns, mut bytes) = (Vec::new(), BTreeSet::new());
        let mut texts = Vec::new();
        for (n, secret) in secrets.iter().enumerate() {
            let len = secret.len().min(PART);
            for part in [&secret[..len], &secret[secret.len() - len..]] {
                for (spelling, name) in SPELLINGS.iter().enumerate() {
                    // Base64 depends on where in a triple the bytes begin.
                    let shifts = if name.starts_with("base64") { 3 } else { 1 };
                    for shift in 0..shifts {
                        // Whole triples only: the letters before and after are of other bytes too.
                        let part = &part[shift..];
                        let part = if shifts == 3 { &part[..part.len() / 3 * 3] } else { part };
                        let text = spelled(part, spelling);
                        if bytes.insert(text.clone()) {
                            texts.push(text);
                            patterns.push((n, spelling));
                        }
                    }
                }
            }
        }
        Self { automaton: AhoCorasick::new(texts).unwrap(), patterns }
    }

    /// What is in these bytes.
    pub fn bytes(&self, bytes: &[u8], place: &str, hits: &mut BTreeSet<Hit>) {
        for found in self.automaton.find_overlapping_iter(bytes) {
            let (secret, spelling) = self.patterns[found.pattern().as_usize()];
            let place = place.to_owned();
            hits.insert(Hit { secret, spelling: SPELLINGS[spelling], place });
        }
    }

    /// What is in a file, or in every file of a directory.
    pub fn files(&self, path: &Path, hits: &mut BTreeSet<Hit>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.files(&entry.unwrap().path(), hits);
            }
        } else if path.is_file() {
            let bytes = fs::read(path).unwrap();
            self.bytes(&bytes, &path.display().to_string(), hits);
        }
    }

    /// What is in the memory of a process that can be read at all: with rights over it, this is what
    /// a core of it would hold, and more. Gives the number of bytes that were read.
    pub fn memory(&self, pid: u32, hits: &mut BTreeSet<Hit>) -> usize {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        let mut memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
        let mut read = 0;
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            // The program's own text and what the kernel maps hold nothing of ours.
            if !rights.starts_with("rw") {
                continue;
            }
            let name = words.nth(3).unwrap_or("anonymous");
            let (begin, end) = range.split_once('-').unwrap();
            let [begin, end] = [begin, end].map(|hex| u64::from_str_radix(hex, 16).unwrap());
            let mut at = begin;
            let mut buffer = vec![0; CHUNK];
            while at < end {
                let want = usize::try_from(end - at).unwrap().min(CHUNK);
                memory.seek(SeekFrom::Start(at)).unwrap();
                // What cannot be read is what must not be: secret memory, guard pages.
                let Ok(got) = memory.read(&mut buffer[..want]) else { break };
                if got == 0 {
                    break;
                }
                self.bytes(&buffer[..got], &format!("memory, {name}"), hits);
                read += got;
                let step =
                    if at + (got as u64) < end { got.saturating_sub(OVERLAP).max(1) } else { got };
                at += step as u64;
            }
        }
        read
    }
}
