//! The words that stand for the variants of enumerations on the wire.

use crate::{ByeCode, Deliver, EndCode, GapReason, Kinds, Recovery, RefusalCode, WindowOp};

/// A closed set of words.
pub(crate) trait Word: Copy + 'static {
    /// Each variant and its word.
    const WORDS: &'static [(Self, &'static str)];

    fn read(word: &str) -> Option<Self> {
        let mut words = Self::WORDS.iter();
        words.find(|(_, text)| *text == word).map(|(it, _)| *it)
    }
}

macro_rules! words {
    ($type:ident, $($variant:ident = $text:literal),+) => {
        impl $type {
            /// The word for it on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl Word for $type {
            const WORDS: &'static [(Self, &'static str)] = &[$((Self::$variant, $text)),+];
        }
    };
}

words!(Kinds, All = "all", State = "state", Event = "event");
words!(Deliver, Auto = "auto", Latest = "latest", Each = "each");
words!(
    Recovery,
    Auto = "auto",
    Precise = "precise",
    Gap = "gap",
    Repeating = "repeating",
    Convergent = "convergent",
    Divergent = "divergent"
);
words!(
    WindowOp,
    Count = "count",
    Sum = "sum",
    Min = "min",
    Max = "max",
    Mean = "mean",
    Variance = "variance",
    Stdev = "stdev",
    First = "first",
    Last = "last"
);
words!(
    GapReason,
    Queue = "queue",
    Retention = "retention",
    Damaged = "damaged",
    Unknown = "unknown"
);
words!(EndCode, Lost = "lost", Forbidden = "forbidden");
words!(
    RefusalCode,
    BadFrame = "bad_frame",
    BadFilter = "bad_filter",
    BadWindow = "bad_window",
    CannotPromise = "cannot_promise",
    Limit = "limit",
    InUse = "in_use",
    Unknown = "unknown",
    Forbidden = "forbidden",
    Unauthorized = "unauthorized"
);
words!(
    ByeCode,
    Stopping = "stopping",
    NotActive = "not_active",
    Unauthorized = "unauthorized",
    Protocol = "protocol",
    Timeout = "timeout",
    Overloaded = "overloaded"
);
