//! What was counted.

/// What was counted since the decider was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cases raised.
    pub raised: u64,
    /// Raises of a case that was open.
    pub repeated: u64,
    /// Cases cleared.
    pub cleared: u64,
    /// Cases closed.
    pub closed: u64,
    /// Closed cases that were forgotten.
    pub forgotten: u64,
    /// Raises that wait since too many cases are open.
    pub postponed: u64,
    /// Raises and timers that were not taken since too many conditions are kept, or since even
    /// emergencies are too many.
    pub refused: u64,
    /// Clears and stops that were older than the raise.
    pub late: u64,
    /// Records that matched a threshold and had no number where it says.
    pub no_number: u64,
    /// Payloads that were not what their topic says.
    pub unreadable: u64,
    /// Topics that were not watched for silence since too many are.
    pub unwatched: u64,
}
