//! What the machine counts.

/// How often something has happened since it was last asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]

pub struct Counts {
    /// Births of edge nodes and devices.
    pub births: u64,
    /// Deaths of edge nodes and devices.
    pub deaths: u64,
    /// Deaths of sessions that are over already: a Will that was overtaken by the next birth.
    pub deaths_ignored: u64,
    /// Times that a message was missing.
    pub gaps: u64,
    /// Messages that came after they had been given up.
    pub late: u64,
    /// Messages of edge nodes and devices that had not said what they are.
    pub unborn: u64,
    /// Values of metrics that no birth has named.
    pub unknown: u64,
    /// Births that were asked for.
    pub rebirths: u64,
    /// Births that would have been asked for, had one not just been.
    pub rebirths_held_back: u64,
    /// Payloads that cannot be read.
    pub undecodable: u64,
    /// Values that became a state.
    pub values: u64,
    /// Values of the past, which became events.
    pub historical: u64,
    /// Values that are not to be stored.
    pub transient: u64,
    /// Values that have no JSON form, or too large a one.
    pub unsupported: u64,
    /// Edge nodes, devices and metrics beyond a limit, and names that no topic can have.
    pub refused: u64,
}

impl Counts {
    /// Nothing has happened.
    pub(crate) const NONE: Self = Self {
        births: 0,
        deaths: 0,
        deaths_ignored: 0,
        gaps: 0,
        late: 0,
        unborn: 0,
        unknown: 0,
        rebirths: 0,
        rebirths_held_back: 0,
        undecodable: 0,
        values: 0,
        historical: 0,
        transient: 0,
        unsupported: 0,
        refused: 0,
    };
}
