//! The `Range` header. Pure functions.

use std::ops::Range;

/// What a `Range` header wants of a content of some size.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it: there is no range, or one of a form that is not known and thus ignored.
    All,
    /// These bytes.
    Range(Range<u64>),
    /// Bytes that are not there.
    Unsatisfiable,
}

/// Reads a `Range` header (RFC 9110, 14.2), one range.
pub fn range(text: &str, size: u64) -> Wanted {
    let Some((from, to)) = text
        .strip_prefix("bytes=")
        .and_then(|set| set.split_once('-'))
    else {
        return Wanted::All;
    };
    let number = |digits: &str| -> Option<Option<u64>> {
        match digits.trim() {
            "" => Some(None),
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok().map(Some),
            _ => None,
        }
    };
    let (from, to) = match (number(from), number(to)) {
        (Some(None), Some(Some(0))) => return Wanted::Unsatisfiable,
        (Some(None), Some(Some(last))) => (size.saturating_sub(last), size),
        (Some(Some(from)), Some(None)) => (from, size),
        (Some(Some(from)), Some(Some(to))) if from <= to => (from, to.saturating_add(1).min(size)),
        _ => return Wanted::All,
    };
    if from < to && from < size {
        Wanted::Range(from..to)
    } else {
        Wanted::Unsatisfiable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (text, want) in [
            ("bytes=0-0", Wanted::Range(0..1)),
            ("bytes=2-4", Wanted::Range(2..5)),
            ("bytes=2-", Wanted::Range(2..10)),
            ("bytes=-3", Wanted::Range(7..10)),
            ("bytes=-99", Wanted::Range(0..10)),
            ("bytes=8-99", Wanted::Range(8..10)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=10-20", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=0-18446744073709551615", Wanted::Range(0..10)),
            ("bytes=4-2", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("lines=0-1", Wanted::All),
        ] {
            assert_eq!(range(text, 10), want, "{text}");
        }
        assert_eq!(range("bytes=0-", 0), Wanted::Unsatisfiable);
    }
}
