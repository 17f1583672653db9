//! Text that fits: clipping, control characters, times, hashes. Pure.

use std::fmt::Write as _;

/// What is left of a clipped text ends in this.
const ELLIPSIS: char = '…';

/// At most `max` bytes of a text, never inside a character, marked when something was cut.
pub(crate) fn clip(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let mark = if max >= 8 { ELLIPSIS.len_utf8() } else { 0 };
    let mut end = max - mark;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut clipped = text.get(..end).unwrap_or_default().to_owned();
    if mark > 0 {
        clipped.push(ELLIPSIS);
    }
    clipped
}

/// A character that would break a line, or that terminals obey, replaced by one that shows it.
/// What a client says must not forge a second line.
pub(crate) fn visible(c: char) -> char {
    match c {
        // The block of control pictures mirrors C0.
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => '\u{fffd}',
        // Marks of byte order and direction hide or turn what follows.
        '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ => c,
    }
}

/// Printable ASCII without space, at most `max` bytes, `-` when nothing is left: a header field of
/// RFC 5424 section 6.
pub(crate) fn header_word(text: &str, max: usize) -> String {
    let word: String =
        text.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).take(max).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256, hexadecimal, of items with a line feed after each.
pub(crate) fn hash_of_lines<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for item in items {
        context.update(item.as_bytes());
        context.update(b"\n");
    }
    hex(context.finish().as_ref())
}

/// `2026-01-01T00:00:00.000Z`: RFC 3339 as RFC 5424 section 6.2.3 narrows it.
pub(crate) fn rfc3339(time_ms: i64) -> String {
    let t = Civil::of(time_ms);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        t.year, t.month, t.day, t.hour, t.minute, t.second, t.milli
    )
}

/// `Jan  1 00:00:00`: RFC 3164 section 4.1.2, in UTC, since it cannot say which zone it means.
pub(crate) fn rfc3164(time_ms: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let t = Civil::of(time_ms);
    let month = MONTHS.get(t.month as usize - 1).copied().unwrap_or("Jan");
    format!("{month} {:2} {:02}:{:02}:{:02}", t.day, t.hour, t.minute, t.second)
}

struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    milli: i64,
}

impl Civil {
    /// UTC in the proleptic Gregorian calendar, for the years that four digits can write.
    fn of(time_ms: i64) -> Self {
        const FIRST: i64 = -62_167_219_200_000; // 0000-01-01
        const LAST: i64 = 253_402_300_799_999; // the end of 9999
        let time_ms = time_ms.clamp(FIRST, LAST);
        let (days, in_day) = (time_ms.div_euclid(86_400_000), time_ms.rem_euclid(86_400_000));
        // Days since 1 March of year 0, in eras of 400 years.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: in_day / 3_600_000,
            minute: in_day / 60_000 % 60,
            second: in_day / 1000 % 60,
            milli: in_day % 1000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (ms, long, short) in [
            (0, "1970-01-01T00:00:00.000Z", "Jan  1 00:00:00"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z", "Feb 29 23:59:59"),
            (1_798_761_599_001, "2026-12-31T23:59:59.001Z", "Dec 31 23:59:59"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z", "Mar  1 00:00:00"),
            (-1, "1969-12-31T23:59:59.999Z", "Dec 31 23:59:59"),
            (i64::MAX, "9999-12-31T23:59:59.999Z", "Dec 31 23:59:59"),
            (i64::MIN, "0000-01-01T00:00:00.000Z", "Jan  1 00:00:00"),
        ] {
            assert_eq!(rfc3339(ms), long);
            assert_eq!(rfc3164(ms), short);
        }
    }

    #[test]
    fn clipping_never_cuts_a_character_in_two() {
        for max in 0..30 {
            let clipped = clip("äöü€𝄞 and more of it", max);
            assert!(clipped.len() <= max);
        }
        assert_eq!(clip("abcdefghijk", 8), "abcde…");
        assert_eq!(clip("abc", 8), "abc");
    }
}
