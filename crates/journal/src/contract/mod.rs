//! What every journal must do, as checks that an adapter's tests run on it.
//!
//! An adapter implements [`Harness`] and calls [`all`] from a test. What it cannot arrange (a journal
//! in memory cannot be reopened, a distant one cannot be made to fail) it leaves at the default, and
//! the checks that need it pass over it; an adapter's own test should say which those are:
//! [`all`] returns their names.
//!
//! A check that fails panics with the place and the reason, as an assertion does.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "checks for tests fail as tests do"
)]

mod append;
mod commit;
mod cursors;
mod follow;
mod retention;
mod samples;
mod windows;

use std::sync::Arc;

use spica_model::{Lane, Seq};

use crate::Journal;

/// What an adapter offers to its checks.
///
/// Each check opens its own journal by [`fresh`](Self::fresh); the other methods are given the
/// journal that was opened last.
pub trait Harness {
    /// Opens a journal that holds nothing.
    fn fresh(&mut self) -> Arc<dyn Journal>;

    /// Closes the journal in an orderly way and opens what it left; none if nothing is left of a
    /// closed journal by its nature.
    fn reopen(&mut self, journal: Arc<dyn Journal>) -> Option<Arc<dyn Journal>> {
        drop(journal);
        None
    }

    /// Lets no record of a lane become durable until [`release`](Self::release); false if that
    /// cannot be arranged. A journal made by [`fresh`](Self::fresh) has a queue small enough to
    /// be filled with 256 MiB then.
    fn hold(&mut self, journal: &Arc<dyn Journal>, lane: Lane) -> bool {
        let _ = (journal, lane);
        false
    }

    /// Lets the records that wait become durable, and those that follow.
    fn release(&mut self, journal: &Arc<dyn Journal>, lane: Lane) {
        let _ = (journal, lane);
    }

    /// Lets retention remove what it can of the records up to `through`; false if that cannot be
    /// arranged. A journal that removes by the segment is made with segments so small that a
    /// hundred short records fill several.
    fn trim(&mut self, journal: &Arc<dyn Journal>, lane: Lane, through: Seq) -> bool {
        let _ = (journal, lane, through);
        false
    }

    /// Lets the next commit of a lane fail, and returns at once; false if that cannot be arranged.
    fn fail(&mut self, journal: &Arc<dyn Journal>, lane: Lane) -> bool {
        let _ = (journal, lane);
        false
    }

    /// How many cursors a journal takes, if that is few enough to try.
    fn cursor_limit(&self) -> Option<usize> {
        None
    }
}

/// Whether a check was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// It was made, and passed.
    Yes,
    /// The harness cannot arrange what it needs.
    NotHere,
}

/// A check.
pub type Check = fn(&mut dyn Harness) -> Checked;

/// All checks, by name.
pub const CHECKS: &[(&str, Check)] = &[
    ("append::starts_empty", append::starts_empty),
    ("append::places_in_order", append::places_in_order),
    ("append::keeps_all_fields", append::keeps_all_fields),
    ("append::knows_keys_again", append::knows_keys_again),
    ("append::keys_are_per_lane", append::keys_are_per_lane),
    ("append::refuses_as_a_whole", append::refuses_as_a_whole),
    ("append::takes_nothing", append::takes_nothing),
    ("append::places_many_at_once", append::places_many_at_once),
    ("append::survives_reopening", append::survives_reopening),
    (
        "commit::resolves_when_durable",
        commit::resolves_when_durable,
    ),
    ("commit::duplicates_wait_too", commit::duplicates_wait_too),
    ("commit::refuses_when_full", commit::refuses_when_full),
    ("commit::ends_with_a_failure", commit::ends_with_a_failure),
    ("follow::reads_from_zero", follow::reads_from_zero),
    ("follow::reads_from_anywhere", follow::reads_from_anywhere),
    ("follow::refuses_the_future", follow::refuses_the_future),
    ("follow::is_woken", follow::is_woken),
    ("follow::sees_durable_only", follow::sees_durable_only),
    ("follow::has_no_hole", follow::has_no_hole),
    ("follow::bounds_its_bytes", follow::bounds_its_bytes),
    ("follow::survives_reopening", follow::survives_reopening),
    (
        "cursors::open_where_told_once",
        cursors::open_where_told_once,
    ),
    ("cursors::advance_never_back", cursors::advance_never_back),
    ("cursors::can_be_removed", cursors::can_be_removed),
    ("cursors::have_names", cursors::have_names),
    ("cursors::are_limited", cursors::are_limited),
    ("cursors::survive_reopening", cursors::survive_reopening),
    ("retention::says_the_gap", retention::says_the_gap),
    ("retention::stops_at_a_cursor", retention::stops_at_a_cursor),
    ("retention::goes_on_counting", retention::goes_on_counting),
    (
        "windows::hold_what_was_received",
        windows::hold_what_was_received,
    ),
    (
        "windows::do_not_trust_the_clock",
        windows::do_not_trust_the_clock,
    ),
];

/// Makes all checks; returns the names of those that the harness could not arrange.
///
/// # Panics
/// If a check fails.
pub fn all(harness: &mut dyn Harness) -> Vec<&'static str> {
    let not_here = |(_, check): &&(&str, Check)| check(harness) == Checked::NotHere;
    CHECKS
        .iter()
        .filter(not_here)
        .map(|(name, _)| *name)
        .collect()
}
