//! What people may order, and why it may be refused.

use spica_model::Timestamp;
use spica_settings::Span;

use crate::{CaseId, Severity};

/// Longest name of who orders, and of whom a case is assigned to, in bytes.
pub const NAME_BYTES: usize = 200;
/// Longest reason or comment, in bytes.
pub const WHY_BYTES: usize = 2_000;

/// An order of an operator or of whoever was alerted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What is ordered.
    pub verb: Verb,
    /// By whom: `operator:alice`, `person:bob`. 1 to [`NAME_BYTES`] bytes.
    pub by: String,
    /// Why. Up to [`WHY_BYTES`] bytes.
    pub why: Option<String>,
}

/// What is ordered, about what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// About a case.
    Case(CaseId, CaseVerb),
    /// About a condition, whether it has a case or not.
    Condition {
        /// The source, such as `devices/0012345`.
        source: String,
        /// The condition, such as `man-down`.
        condition: String,
        /// What.
        verb: ConditionVerb,
    },
}

/// What can be ordered about a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseVerb {
    /// Someone takes care. Of a case that is acknowledged already: nothing; the first one counts.
    Acknowledge,
    /// What had to be done was done; the case has to be acknowledged. Twice: as above.
    Confirm,
    /// It is over, says a person who can see it: many devices never say so. Wants a reason. Of a
    /// case that is cleared already: nothing.
    Clear,
    /// The file is closed. The case has to be cleared, acknowledged and, where the rules want it,
    /// confirmed. Where the rules want an operator to close, wants a reason.
    Close,
    /// It is someone's task now; `None`: nobody's.
    Assign {
        /// Whose.
        to: Option<String>,
    },
    /// A remark, given as the reason.
    Comment,
}

/// What can be ordered about a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionVerb {
    /// Alert nobody for a while.
    Shelve {
        /// Until then; `None`: until it has returned to normal once, or as long as is allowed.
        until: Option<Timestamp>,
    },
    /// Take it off the shelf.
    Unshelve,
    /// Alert nobody: in this situation it says nothing. Wants a reason.
    Suppress,
    /// Alert again.
    Unsuppress,
    /// Alert nobody: it is being repaired. Wants a reason.
    OutOfService,
    /// It is in service again.
    InService,
}

/// Why an order is refused. Each says what can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// No such case.
    #[error(
        "there is no case {0}: it was never raised, or it was closed so long ago that it was \
         forgotten; look for it among the open cases or in the history"
    )]
    UnknownCase(CaseId),
    /// The case is closed.
    #[error("case {0} is closed: nothing can be done to it any more; a new raise makes a new case")]
    ClosedCase(CaseId),
    /// To be closed, it must not be active.
    #[error(
        "case {0} is still active: it can be closed once it has returned to normal; if you know that \
         it has, clear it first and say how you know"
    )]
    StillActive(CaseId),
    /// To be confirmed or closed, it must be acknowledged.
    #[error("case {0} is not acknowledged: acknowledge it first")]
    NotAcknowledged(CaseId),
    /// To be closed, it must be confirmed.
    #[error(
        "case {0} has severity {1}, of which the rules want a confirmation: confirm it first, when \
         what had to be done was done"
    )]
    NotConfirmed(CaseId, Severity),
    /// The order wants a reason.
    #[error("to {0} wants a reason: say why")]
    WantsReason(&'static str),
    /// The condition is shelved.
    #[error("{source_path} {condition} is shelved already: unshelve it first, to shelve it anew")]
    AlreadyShelved {
        /// The source.
        source_path: String,
        /// The condition.
        condition: String,
    },
    /// The condition is not shelved.
    #[error("{source_path} {condition} is not shelved: there is nothing to end")]
    NotShelved {
        /// The source.
        source_path: String,
        /// The condition.
        condition: String,
    },
    /// The shelf would end in the past or be too long.
    #[error(
        "a shelf that ends {until} is not allowed: it may last up to {max}{}; choose a time within \
         that", if *.emergency { ", since it may hide an emergency" } else { "" }
    )]
    TimeOutOfRange {
        /// When it would end.
        until: Timestamp,
        /// How long it may be.
        max: Span,
        /// Whether that is so because the condition is an emergency.
        emergency: bool,
    },
    /// The condition is suppressed already, or out of service already.
    #[error("{source_path} {condition} is {how} already")]
    Already {
        /// The source.
        source_path: String,
        /// The condition.
        condition: String,
        /// How it is.
        how: &'static str,
    },
    /// The condition is not suppressed, or not out of service.
    #[error("{source_path} {condition} is not {how}: there is nothing to end")]
    NotSo {
        /// The source.
        source_path: String,
        /// The condition.
        condition: String,
        /// How it is not.
        how: &'static str,
    },
    /// A text of the order is empty, too long or has control characters.
    #[error("{field} is not allowed: {allowed}")]
    Text {
        /// Which text.
        field: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// There are too many conditions to keep one more.
    #[error(
        "{0} conditions are kept already, as many as may be (`max_conditions`): close cases, end \
         shelves or raise the limit"
    )]
    TooManyConditions(usize),
}
