//! Rules over records: which ones, under which condition, and what is done then.
//!
//! [`RuleSet::parse`] reads a rules file, or says everything that is wrong with it and where.
//! [`RuleSet::judge`] says what the rules make of one record: records to republish, conditions that
//! hold or no longer hold, bodies to POST. Whoever runs the rules does that; all of it has keys made of
//! the rule and the place of the record, so that doing it twice is doing it once.
//!
//! Expressions are those of [Rhai](https://rhai.rs), without statements, functions and modules. Steps,
//! sizes and depths are bounded (`expression.rs`): a rule costs milliseconds at worst, and knows
//! neither clock nor chance nor I/O. `docs/decisions/0015-rules-in-rhai.md` says why.
//!
//! What is not here: cursors, retries, HTTP, what a topic said last (see [`Memory`] for a place to keep
//! that).

mod control;
mod draft;
mod expression;
mod facts;
mod file;
mod judge;
mod memory;
mod rule;
mod template;
mod value;

pub use control::{ReloadInfo, RulesControl};
pub use draft::{CaseCall, Draft, HOPS, Post};
pub use file::{FILE_BYTES, Problem};
pub use judge::{Failure, RuleVerdict, Verdict};
pub use memory::Memory;
pub use rule::{RESERVED_ROOTS, RuleSet, Sink, Want};
