//! A view shows nothing that was not acknowledged. Under the strict profiles: else a place may be
//! acknowledged twice, by two reigns that do not know of each other.

use crate::oracle::Oracle;
use crate::words::{Entry, Us};

pub(crate) const NAME: &str = "views-show-what-is-committed";

pub(super) fn check(
    oracle: &mut Oracle,
    now: Us,
    node: usize,
    (lane, place): (usize, u64),
    entry: Entry,
) {
    if !oracle.profile.strict {
        return;
    }
    let acknowledged = oracle.acknowledged[lane].get(place as usize - 1).copied();
    if acknowledged != Some(entry) {
        oracle.breaks(NAME, now, || {
            format!("node {node}, lane {lane}, place {place}: {entry:?}, not {acknowledged:?}")
        });
    }
}
