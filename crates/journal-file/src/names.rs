//! The names of the files of a lane.

use spica_model::{Epoch, Seq};

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
/// What is left to do to shorten the lane.
pub(crate) const CUT: &str = "cut";
/// Such a file before it gets its name.
pub(crate) const CUT_NEW: &str = "cut.new";
/// Records that are put aside, until the cut that takes them from the lane is certain.
pub(crate) const ASIDE_NEW: &str = "aside.new";
/// A copy of a damaged segment that is to be cut, likewise.
pub(crate) const COPY_NEW: &str = "damaged.new";

const ASIDE: &str = "aside-";
const DONE: &str = ".done";
const DAMAGED: &str = ".damaged";
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
    format!("{number:020}{DAMAGED}")
}

/// Where a cut keeps the `copy`th copy of a segment with damage: its number may be given again.
pub(crate) fn damaged_cut(number: u64, copy: u64) -> String {
    format!("{number:020}.{copy}{DAMAGED}")
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

/// The number in the name of a copy that a repair keeps.
pub(crate) fn damaged_number(name: &str) -> Option<u64> {
    number(name, DAMAGED)
}

/// Where records are put aside that begin in `epoch` and reach from `from` to `to`; `again` counts
/// the times that this has happened before.
pub(crate) fn aside(epoch: Epoch, from: Seq, to: Seq, again: u64) -> String {
    let name = format!("{ASIDE}{}-{}-{}", epoch.0, from.0, to.0);
    match again {
        0 => name,
        _ => format!("{name}-{again}"),
    }
}

/// What the name of a file with records that are put aside says: epoch, first and last.
pub(crate) fn aside_range(name: &str) -> Option<(Epoch, Seq, Seq)> {
    let mut numbers = name.strip_prefix(ASIDE)?.split('-').map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    let epoch = Epoch(u32::try_from(next()?).ok()?);
    let (from, to) = (Seq(next()?), Seq(next()?));
    let ends = numbers.next().is_none_or(|again| again.is_ok()) && numbers.next().is_none();
    ends.then_some((epoch, from, to))
}

/// Such a file after its records have been taken over elsewhere.
pub(crate) fn aside_done(name: &str) -> String {
    format!("{name}{DONE}")
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

    #[test]
    fn names_of_what_is_put_aside_say_what_is_in_it() {
        let range = (Epoch(3), Seq(91), Seq(100));
        let name = |again| aside(range.0, range.1, range.2, again);
        assert_eq!(name(0), "aside-3-91-100");
        assert_eq!(aside_range(&name(0)), Some(range));
        assert_eq!(aside_range(&name(2)), Some(range));
        for other in [
            ASIDE_NEW,
            &aside_done(&name(0)),
            "aside-3-91",
            "aside-3-91-100-1-1",
            "aside-4294967296-1-2",
        ] {
            assert_eq!(aside_range(other), None, "{other}");
        }
        assert_eq!(damaged_number(&damaged(7)), Some(7));
        assert_eq!(damaged_number(&damaged_cut(7, 1)), None);
    }
}
