//! Cases: from an event to an alarm that someone takes care of, as a pure decider.
//!
//! A *condition* is something that can be the matter with a source: `man-down` of `devices/0012345`.
//! A *case* is one occurrence of it, from its raise to its close. [`Cases`] folds the records of a
//! node, people's [`Order`]s and time, and says as [`Output`] which records follow: they are state
//! topics of the node's own journal, from which it is rebuilt. What the JSON looks like, and how a
//! case lives, is said in `docs/cases.md`.
//!
//! What is not here: any clock (time is an argument), I/O, who may order what, and whom to tell.

mod case;
mod cases;
mod condition;
mod counts;
mod id;
mod order;
mod output;
pub mod payload;
mod rules;
mod severity;
mod step;
mod topics;
mod trouble;

pub use case::{Case, CaseState, DETAIL_BYTES, Signature};
pub use cases::{AT_ONCE, Cases};
pub use condition::{Condition, Pending, Raise, Shelf, Told};
pub use counts::Counts;
pub use id::{CaseId, ParseCaseIdError};
pub use order::{CaseVerb, ConditionVerb, NAME_BYTES, Order, OrderError, Verb, WHY_BYTES};
pub use output::{Change, Draft, Output};
pub use payload::PayloadError;
pub use rules::{CONDITION_BYTES, EventRule, Filter, RuleError, Rules, Threshold, kebab};
pub use severity::Severity;
pub use step::{Step, StepRecord, What};
pub use topics::{ALARMS, NODE_BYTES, Part, Topics};
pub use trouble::Trouble;
