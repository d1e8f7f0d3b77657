//! With which code the program ends, so that scripts and service managers can tell why.

/// Exit codes; `docs/operations.md` says what to do about each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or stopped as asked.
    Success = 0,
    /// Failed: the message says why. Also: a check found a loss.
    Failure = 1,
    /// The disk is full; nothing that was acknowledged is lost.
    DiskFull = 10,
    /// A write or flush failed; nothing that was acknowledged is lost, but the disk is suspect.
    CommitFailed = 11,
    /// The journal is damaged and refuses to start, or `journal verify` found damage.
    Damaged = 12,
    /// Another process uses the data directory.
    InUse = 13,
    /// An address cannot be listened on.
    Listen = 14,
    /// The configuration is wrong.
    Config = 78,
}
