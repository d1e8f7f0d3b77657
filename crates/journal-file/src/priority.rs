//! Which of the journal's threads the processors go to first.
//!
//! A record is acknowledged only after its commit thread has run twice: to write and flush, and to say
//! that the disk has it. On a machine whose processors are all busy, each time costs as long as the
//! scheduler lets others go on. So the critical lane's commit thread comes before everything that is
//! not in a hurry. It computes for some microseconds a commit and waits for the disk otherwise.
//!
//! Nice values are absent. Beside two programs that compute, one of -10 or -20 for that thread left the
//! 99th percentile of critical records at 9.9 and 9.7 ms instead of 9.4; real-time priority makes it
//! 0.30 ms. Values of 5 to 19 for the normal lane's threads changed nothing that could be measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Whether a thread of the journal asks the system to be preferred.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "JournalPriorities")]
pub enum Priorities {
    /// Commits of the critical lane come first, if the system allows it.
    #[default]
    Auto,
    /// All threads are alike.
    Alike,
}

/// Prefers the calling thread, which commits critical records: the lowest real-time priority, before
/// all normal threads and after all that is more urgent. Where that is not permitted, it says what it
/// needs, and goes on.
pub(crate) fn prefer_this_thread() {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy);
    if let Err(error) = set {
        tracing::info!(
            "the system does not let commits of the critical lane come first ({error}): while all \
             processors are busy, critical records wait for their turn as all others do. Set \
             LimitRTPRIO=1 in the systemd unit, or `journal.priorities = \"alike\"` to hear no more \
             of it"
        );
    }
}
