//! Makes a failing run smaller: as few faults as still break the same invariant.

use crate::plan::Fault;
use crate::run::{Report, Run};

/// The fewest faults that were found to break the same invariant, and what becomes of them. Nothing
/// if the run does not fail.
#[must_use]
pub fn shrink(run: &Run) -> Option<(Vec<Fault>, Report)> {
    let mut faults = run.faults();
    let mut report = run.run();
    let invariant = report.broken.as_ref()?.invariant;
    let mut part = faults.len().div_ceil(2).max(1);
    while !faults.is_empty() {
        let mut smaller = false;
        let mut from = 0;
        while from < faults.len() {
            let mut fewer = faults.clone();
            fewer.drain(from..(from + part).min(faults.len()));
            let tried = run.with_faults(fewer.clone());
            if tried
                .broken
                .as_ref()
                .is_some_and(|b| b.invariant == invariant)
            {
                (faults, report, smaller) = (fewer, tried, true);
            } else {
                from += part;
            }
        }
        if part > 1 {
            part = part.div_ceil(2);
        } else if !smaller {
            break;
        }
    }
    Some((faults, report))
}
