//! Whole numbers with a unit: `10s`, `64KiB`.

/// A unit: its name, and how many of the smallest unit it stands for.
pub(crate) type Unit = (&'static str, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// No digits, or an unknown unit.
    Form,
    /// More than fits.
    TooMuch,
}

/// Reads digits and a unit, without anything around or between them, as a number of the smallest
/// unit.
pub(crate) fn parse(text: &str, units: &[Unit]) -> Result<u64, Problem> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, name) = text.split_at(unit_at);
    let unit = units.iter().find(|(unit, _)| *unit == name);
    let (false, Some((_, factor))) = (digits.is_empty(), unit) else {
        return Err(Problem::Form);
    };
    // Digits only, so this fails for large numbers alone.
    let number: u64 = digits.parse().map_err(|_| Problem::TooMuch)?;
    number.checked_mul(*factor).ok_or(Problem::TooMuch)
}

/// The number and the unit that say `value` exactly and shortest; of two equal ones the first.
/// `smallest` says what no other unit does.
pub(crate) fn shortest(value: u64, units: &[Unit], smallest: &'static str) -> (u64, &'static str) {
    let exact = units
        .iter()
        .filter(|(_, factor)| value.is_multiple_of(*factor));
    let said = exact.map(|(name, factor)| (value / factor, *name));
    said.min_by_key(|(number, _)| *number)
        .unwrap_or((value, smallest))
}
