//! The names of the files of a lane.

/// What all of the journal has in common.
pub(crate) const META: &str = "meta";
/// A new `meta` or `lost` before it gets its name.
pub(crate) const META_NEW: &str = "meta.new";
/// Cursors, and how far the lane surely was.
pub(crate) const STATE: &str = "state";
/// What was given up by repairs.
pub(crate) const LOST: &str = "lost";
/// A new ledger before it gets its name.
pub(crate) const LOST_NEW: &str = "lost.new";

const SEGMENT: &str = ".segment";
const SPARE: &str = ".spare";

/// A segment: in use, sealed, or ready to be used next.
pub(crate) fn segment(number: u64) -> String {
    format!("{number:020}{SEGMENT}")
}

/// A file on its way from one life as a segment to the next.
pub(crate) fn spare(number: u64) -> String {
    format!("{number:020}{SPARE}")
}

/// Where a repair keeps a copy of a segment with damage.
pub(crate) fn damaged(number: u64) -> String {
    format!("{number:020}.damaged")
}

/// Such a copy while it is being made.
pub(crate) fn damaged_new(number: u64) -> String {
    format!("{number:020}.damaged.new")
}

/// The number of a segment's name.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    number(name, SEGMENT)
}

/// The number of a spare's name.
pub(crate) fn spare_number(name: &str) -> Option<u64> {
    number(name, SPARE)
}

fn number(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_their_numbers_and_read_back() {
        assert!(segment(9) < segment(10));
        assert_eq!(segment_number(&segment(7)), Some(7));
        assert_eq!(spare_number(&spare(7)), Some(7));
        for other in [
            "7.segment",
            "meta",
            "+0000000000000000007.segment",
            &spare(7),
        ] {
            assert_eq!(segment_number(other), None, "{other}");
        }
    }
}
