//! Which of the journal's threads the processor goes to first.
//!
//! A record is acknowledged only after its commit thread has run twice: to write and flush, and to say
//! that the disk has it. On a machine whose processors are all busy, each time costs as long as the
//! scheduler lets others go on. So the critical lane's commit thread comes before everything that is
//! not in a hurry, and the normal lane's threads come after.
//!
//! Preferring a thread needs a right that a process may not have; giving way needs none.

use rustix::io::Errno;
use rustix::process::{getpriority_process, setpriority_process};
use rustix::thread::gettid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_model::Lane;
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Whether the threads of the journal ask the system to be preferred.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "JournalPriorities")]
pub enum Priorities {
    /// Commits of the critical lane come first, as far as the system allows it; those of the normal
    /// lane, and its background work, come last.
    #[default]
    Auto,
    /// All threads are alike.
    Alike,
}

/// What a thread of the journal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Commit,
    Keep,
}

/// How the nice value of a thread that is preferred, or gives way, differs from the process's.
const PREFERRED: i32 = -10;
const GIVES_WAY: i32 = 5;

/// The nicest that there is.
const NICEST: i32 = 19;

impl Priorities {
    /// Gives the thread that calls it its place.
    pub(crate) fn apply(self, lane: Lane, task: Task) {
        match (self, lane, task) {
            // The keeper makes room for commits: where one waits for it, it must not be the last.
            (Self::Alike, _, _) | (Self::Auto, Lane::Critical, Task::Keep) => {}
            (Self::Auto, Lane::Critical, Task::Commit) => prefer(),
            (Self::Auto, Lane::Normal, _) => give_way(),
        }
    }
}

/// Prefers the calling thread: over all that is not real-time, or at least over its like.
fn prefer() {
    if in_real_time() {
        tracing::debug!("commits of the critical lane are scheduled in real time");
        return;
    }
    match renice(PREFERRED) {
        Ok(()) => tracing::debug!("commits of the critical lane are preferred by nice {PREFERRED}"),
        Err(error) => tracing::info!(
            "commits of the critical lane cannot be preferred ({error}): on a machine whose \
             processors are all busy, critical records wait for their turn as all others do. It \
             needs LimitRTPRIO=1 or LimitNICE=-10 in the systemd unit, or the capability SYS_NICE"
        ),
    }
}

/// The lowest real-time priority: before all normal threads, after all that is more urgent.
fn in_real_time() -> bool {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy).is_ok()
}

fn give_way() {
    // It needs no right. Where it is refused all the same, the threads are alike.
    if let Err(error) = renice(GIVES_WAY) {
        tracing::debug!("a thread of the journal cannot give way: {error}");
    }
}

/// Changes the nice value of the calling thread: Linux keeps one for each.
fn renice(by: i32) -> Result<(), Errno> {
    let own = Some(gettid());
    let nice = getpriority_process(own)? + by;
    setpriority_process(own, nice.min(NICEST))
}
