//! Names that would deceive whoever reads them: in a list of users, in a rule, in the audit.
//!
//! Refused where certificates are issued. A certificate that somebody else's authority issued is
//! that authority's to answer for.

use unicode_security::MixedScript;
use unicode_security::confusable_detection::skeleton;

/// Why a name deceives, if it does: it has characters that nobody sees or that turn the direction
/// of the text, spaces that do not show, or letters of several scripts that nobody mixes.
pub fn deceives(name: &str) -> Option<&'static str> {
    if name.chars().any(turns) {
        return Some("characters that change the direction of text");
    }
    if name.chars().any(is_unseen) {
        return Some("characters that cannot be seen");
    }
    if name.starts_with(' ') || name.ends_with(' ') || name.contains("  ") {
        return Some("spaces at an end, or several in a row");
    }
    if !name.is_single_script() {
        return Some("letters of several scripts that look alike");
    }
    None
}

/// One of `others` that reads as `name` does and is another, where not both are plain ASCII: such
/// two can be told apart.
pub fn looks_like<'a>(name: &str, mut others: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let read = |name: &str| skeleton(name).collect::<String>().to_lowercase();
    let reads = read(name);
    let plain = name.is_ascii();
    others.find(|other| *other != name && !(plain && other.is_ascii()) && read(other) == reads)
}

/// Controls of the bidirectional algorithm (UAX #9).
fn turns(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// What has no glyph of its own: zero width, fillers, invisible operators, tags, variation
/// selectors, and spaces other than the common one.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{00A0}'
            | '\u{00AD}'
            | '\u{034F}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{1680}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{2000}'..='\u{200D}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202F}'
            | '\u{205F}'..='\u{2065}'
            | '\u{206A}'..='\u{206F}'
            | '\u{2800}'
            | '\u{3000}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_script_are_taken_whatever_the_script() {
        let honest = [
            "db-07",
            "olga",
            "Jürgen Müller",
            "vcenter-01@example.org",
            "Ольга",
            "דנה",
            "田中さん",
            "김민준",
            "Ελένη",
            "app_1.prod",
            "O'Brien",
            "محمد",
            "a b",
        ];
        for name in honest {
            assert_eq!(deceives(name), None, "{name}");
        }
    }

    #[test]
    fn names_with_turned_unseen_or_mixed_letters_are_named_for_what_they_are() {
        for (name, word) in [
            ("db\u{202E}70", "direction"),
            ("\u{2067}db", "direction"),
            ("db\u{200F}", "direction"),
            ("ol\u{200B}ga", "seen"),
            ("olga\u{FEFF}", "seen"),
            ("ol\u{00AD}ga", "seen"),
            ("olga\u{3164}", "seen"),
            ("olga\u{E0041}", "seen"),
            ("olga\u{00A0}", "seen"),
            ("olga ", "spaces"),
            (" olga", "spaces"),
            ("olga  p", "spaces"),
            // Cyrillic о and а among Latin letters; a Greek omicron.
            ("\u{043E}lga", "scripts"),
            ("olg\u{0430}", "scripts"),
            ("r\u{03BF}ot", "scripts"),
        ] {
            assert!(deceives(name).is_some_and(|why| why.contains(word)), "{name:?}");
        }
    }

    #[test]
    fn a_name_of_another_script_that_reads_like_a_known_one_is_found() {
        let known = ["copa", "olga"];
        // All Cyrillic: с о р а.
        let other = "\u{0441}\u{043E}\u{0440}\u{0430}";
        assert_eq!(deceives(other), None);
        assert_eq!(looks_like(other, known.into_iter()), Some("copa"));
        // And the other way round.
        assert_eq!(looks_like("copa", [other].into_iter()), Some(other));
        assert_eq!(looks_like("Ольга", known.into_iter()), None);
        assert_eq!(looks_like(other, [other].into_iter()), None);
        // Plain names that differ in a digit are two names.
        assert_eq!(looks_like("db-01", ["db-0l"].into_iter()), None);
    }
}
