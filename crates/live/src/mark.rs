//! A number per lane, critical first.

/// Everything up to a number, in each lane. Epochs do not matter here: under a running engine the
/// numbers of a lane only rise.
pub(crate) type Mark = [u64; 2];

/// Whether all of `b` lies within `a`.
pub(crate) const fn covers(a: Mark, b: Mark) -> bool {
    a[0] >= b[0] && a[1] >= b[1]
}

/// The later of the two, in each lane.
pub(crate) fn join(a: Mark, b: Mark) -> Mark {
    [a[0].max(b[0]), a[1].max(b[1])]
}
