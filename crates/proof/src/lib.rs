//! Proof that people were told in time, and that they are not told too much, from the audit trail.
//!
//! [`Proof`] is a fold over the [steps](spica_cases::StepRecord) of cases in the order of the
//! journal; [`Proof::finish`] gives a [`Report`] of what happened between two times, which writes
//! itself as text, CSV or one HTML page in English or German. What is counted how:
//!
//! - A **call** begins when a case wants someone: when it is raised, raised again after somebody had
//!   accepted it or it had gone, or set free by the end of a shelf. It is **accepted** by the first
//!   acknowledgement. A case that is quiet calls nobody; a call that is shelved or closed without an
//!   acknowledgement was not accepted. Calls are counted where they begin: one that was accepted
//!   after the end of the report still was.
//! - An **alarm** is whatever calls the operators: each call, and each time that a case becomes
//!   active again. A **flood** begins with ten minutes of more than ten alarms per operator and ends
//!   before the first ten minutes with less than five (ISA-18.2). A source **chatters** when it
//!   raises its condition three times within a minute, repeats of an active case among them; an
//!   alarm is **stale** when it was active for a day. All of these numbers are [`Options`].
//!
//! Everything is bounded: quantiles are exact up to a number of values and then come from a histogram
//! with steps of 3 %, customers, people and sources beyond a number are counted together.
//!
//! What is not here: a clock, I/O, and any time zone that is not in the table built in.

mod calendar;
mod call;
mod csv;
mod durations;
mod html;
mod options;
mod proof;
mod rates;
mod report;
mod responses;
mod sources;
mod tables;
mod text;
mod words;

pub use call::Counts;
pub use options::{Goal, Options, OptionsError};
pub use proof::Proof;
pub use report::{
    AlarmRates, BINS_S, Chatter, Day, Flood, Hour, Month, Named, Priority, Report, Responses,
    Stale, Summary,
};
pub use tables::Table;
pub use words::Language;
