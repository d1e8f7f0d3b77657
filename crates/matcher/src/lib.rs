//! Which groups want a topic: filters with MQTT's rules, and which of many match a topic.
//!
//! Topics and filters are plain texts here, so that MQTT's own topics need not be those of records.
//! [`Matcher`] takes them as they are: whoever reads them from outside checks them first, with
//! [`check_topic`] and [`check_filter`] or with what its protocol has.
//!
//! # What a look-up costs
//! Filters without a wildcard are found with one hash, however many there are. The others stand in a
//! trie, of which a look-up visits a part: for each *shape* (which levels are `+`, which are
//! literals) at most one path can match, so at most [`Matcher::width`] nodes are visited, whatever
//! the topic. Usual filters, millions of them, have a few dozen shapes. A wildcard bomb (every
//! combination of `+` and literals over many levels) is one because it has thousands; refuse a filter
//! when [`Matcher::width_with`] says that it would be too many. Nothing here recurses.
//!
//! What is not here: limits on the number of filters, sessions, subscription options.

mod exact;
mod filter;
mod matcher;
mod shapes;
mod trie;

pub use filter::{FilterError, check_filter, check_topic, covers, matches, overlaps};
pub use matcher::{Matcher, Matches};
