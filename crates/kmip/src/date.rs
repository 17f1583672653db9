//! Civil dates to POSIX seconds and back, proleptic Gregorian, for the text encodings.

const DAY: i64 = 86_400;

/// `YYYY-MM-DDThh:mm:ss+00:00`, or none outside of the years 0 to 9999.
pub(crate) fn format(seconds: i64) -> Option<String> {
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    (0..=9999).contains(&year).then(|| {
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+00:00")
    })
}

/// `YYYY-MM-DDThh:mm:ss.ffffff+00:00`, or none outside of the years 0 to 9999.
pub(crate) fn format_micros(micros: i64) -> Option<String> {
    let date = format(micros.div_euclid(1_000_000))?;
    let (local, _zone) = date.split_at_checked(19)?;
    Some(format!("{local}.{:06}+00:00", micros.rem_euclid(1_000_000)))
}

/// POSIX seconds and microseconds of an ISO 8601 date and time. Without a zone it is UTC.
pub(crate) fn parse(text: &str) -> Option<(i64, u32)> {
    let (date, time) = text.split_once(['T', ' '])?;
    let (year, month, day) = three(date, '-')?;
    let (time, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at_checked(at)?,
        None => (time, "Z"),
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let (hour, minute, second) = three(time, ':')?;
    let valid = (0..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..=23).contains(&hour)
        && (0..=59).contains(&minute)
        && (0..=60).contains(&second);
    let days = days(year, month, day);
    // A day that the month does not have comes back as another.
    if !valid || civil(days) != (year, month, day) {
        return None;
    }
    let seconds = days * DAY + hour * 3600 + minute * 60 + second - offset(zone)?;
    Some((seconds, micros(fraction)?))
}

/// Seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("Z", "") => return Some(0),
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None => rest.split_at_checked(2)?,
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

fn micros(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let six: String = fraction.chars().chain("000000".chars()).take(6).collect();
    six.parse().ok()
}

fn three(text: &str, separator: char) -> Option<(i64, i64, i64)> {
    let mut parts = text.split(separator);
    let all = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    parts.next().is_none().then_some(all)
}

fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Days since 1970-01-01. Years begin in March here, so that the leap day is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates_convert_both_ways() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00+00:00", 0),
            ("2010-02-11T08:26:05+00:00", 1_265_876_765),
            ("2000-02-29T23:59:59+00:00", 951_868_799),
            ("1969-12-31T23:59:59+00:00", -1),
            ("0000-01-01T00:00:00+00:00", -62_167_219_200),
            ("9999-12-31T23:59:59+00:00", 253_402_300_799),
        ] {
            assert_eq!(parse(text), Some((seconds, 0)), "{text}");
            assert_eq!(format(seconds).as_deref(), Some(text));
        }
        assert_eq!(format(253_402_300_800), None);
        assert_eq!(format(i64::MIN), None);
        assert_eq!(format_micros(i64::MAX), None);
    }

    #[test]
    fn zones_and_fractions_are_understood() {
        assert_eq!(parse("2010-02-11T10:26:05.25+02:00"), Some((1_265_876_765, 250_000)));
        assert_eq!(parse("2010-02-11T03:26:05-0500"), Some((1_265_876_765, 0)));
        assert_eq!(parse("2010-02-11T08:26:05Z"), Some((1_265_876_765, 0)));
        assert_eq!(parse("2010-02-11T08:26:05"), Some((1_265_876_765, 0)));
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        for text in [
            "",
            "T",
            "2010-02-30T00:00:00Z",
            "2010-13-01T00:00:00Z",
            "2010-01-01T24:00:00Z",
            "2010-01-01",
            "2010-01-01T00:00Z",
            "2010-01-01T00:00:00+1",
            "2010-01-01T00:00:00.Z",
            "20101-01-01T00:00:00Z",
            "é010-01-01T00:00:00é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
