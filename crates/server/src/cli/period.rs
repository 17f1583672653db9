//! Periods of time as people write them.

/// The units, with their seconds.
const UNITS: [(char, i64); 5] =
    [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('y', 31_536_000)];

/// Seconds of a period such as `30d`, `12h` or `90`.
///
/// # Errors
/// What a period looks like, in words.
pub fn period(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no period: write 90s, 15m, 12h, 30d or 1y");
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(*unit));
    let (number, seconds) = match unit {
        Some((unit, seconds)) => (text.strip_suffix(*unit).unwrap_or_default(), *seconds),
        None => (text, 1),
    };
    let number: i64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).filter(|total| *total >= 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_a_number_and_a_unit() {
        assert_eq!(period("30d"), Ok(2_592_000));
        assert_eq!(period("15m"), Ok(900));
        assert_eq!(period("90"), Ok(90));
        for wrong in ["", "d", "-3d", "3 weeks", "9999999999999y"] {
            assert!(period(wrong).is_err(), "{wrong}");
        }
    }
}
