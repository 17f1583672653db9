//! What is looked at in a text of rules before Cedar reads it: its parser and its evaluator walk
//! nested expressions by recursion, and a text may come from somebody who means harm.

use crate::rules::RulesError;

/// The deepest nesting of brackets. Rules that people write have four or five.
pub const MAX_DEPTH: usize = 16;

/// Most operators, members and words of the language in one rule, between two semicolons.
pub const MAX_PARTS: usize = 200;

/// Refuses what is nested too deep or too long, and arithmetic: there is no number to reckon with,
/// and an overflow could only make a rule fail.
pub(crate) fn check(text: &str) -> Result<(), RulesError> {
    let mut place = Place { line: 1, column: 0 };
    let (mut depth, mut parts) = (0usize, 0usize);
    let mut state = State::Plain;
    let mut last = ' ';
    for c in text.chars() {
        place.step(c);
        let before = core::mem::replace(&mut last, c);
        match state {
            State::Comment if c == '\n' => state = State::Plain,
            State::Comment => {}
            State::Text { escaped: true } => state = State::Text { escaped: false },
            State::Text { .. } => match c {
                '\\' => state = State::Text { escaped: true },
                '"' => state = State::Plain,
                _ => {}
            },
            State::Plain => match c {
                '"' => state = State::Text { escaped: false },
                '/' if before == '/' => state = State::Comment,
                '(' | '[' | '{' => {
                    depth += 1;
                    parts += 1;
                    if depth > MAX_DEPTH {
                        return Err(
                            place.wrong(format!("brackets are nested deeper than {MAX_DEPTH}"))
                        );
                    }
                }
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                '+' | '-' | '*' | '%' => {
                    return Err(place.wrong("arithmetic is not taken in rules".to_owned()));
                }
                ';' => parts = 0,
                '!' | '|' | '&' | '.' | ',' | '=' | '<' | '>' | '@' => parts += 1,
                // The beginning of a word: `if`, `then`, `in`, `has`, a name.
                _ if c.is_alphabetic() && !before.is_alphanumeric() => parts += 1,
                _ => {}
            },
        }
        if parts > MAX_PARTS {
            return Err(place.wrong(format!(
                "a rule has more than {MAX_PARTS} parts: use groups and key groups, or several rules"
            )));
        }
    }
    Ok(())
}

enum State {
    Plain,
    Comment,
    Text { escaped: bool },
}

struct Place {
    line: usize,
    column: usize,
}

impl Place {
    fn step(&mut self, c: char) {
        if c == '\n' {
            self.line += 1;
            self.column = 0;
        } else {
            self.column += 1;
        }
    }

    fn wrong(&self, what: String) -> RulesError {
        RulesError::Syntax { line: self.line, column: self.column.max(1), what }
    }
}
