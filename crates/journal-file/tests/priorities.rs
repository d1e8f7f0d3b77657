//! Which threads of a journal are preferred. A file of its own: threads are found by their names.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use futures::executor::block_on;
use spica_clock::SystemClock;
use spica_journal::Journal;
use spica_journal_file::{FileJournal, Options, Priorities, Settings};
use spica_model::{ContentType, Kind, Lane, NewRecord, Op, Quality, Timestamp, Topic};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// How Linux numbers the policy `SCHED_RR`.
const ROUND_ROBIN: i64 = 2;

/// How a thread is scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scheduled {
    policy: i64,
    nice: i64,
}

/// How the threads of this process with that name are scheduled: exactly one.
fn scheduled(name: &str) -> Scheduled {
    let mut found = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        let (head, rest) = stat.rsplit_once(')').unwrap();
        if head.split_once('(').unwrap().1 == name {
            // The fields are counted from 3, behind the name: nice is the 19th, the policy the 41st.
            let fields: Vec<&str> = rest.split_whitespace().collect();
            let field = |number: usize| fields[number - 3].parse().unwrap();
            found.push(Scheduled {
                policy: field(41),
                nice: field(19),
            });
        }
    }
    assert_eq!(found.len(), 1, "{name}");
    found[0]
}

/// A journal whose threads are all at work.
fn journal(dir: &std::path::Path, priorities: Priorities) -> Arc<FileJournal> {
    let settings = Settings {
        priorities,
        ..Settings::small()
    };
    let options = Options {
        settings,
        ..Options::default()
    };
    let (journal, _) = FileJournal::open(options, dir, Arc::new(SystemClock)).unwrap();
    for lane in Lane::ALL {
        let record = NewRecord {
            topic: &Topic::new("root/test").unwrap(),
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received: Timestamp::from_secs(1),
            source_time: None,
            content_type: &ContentType::Bytes,
            payload: b"x",
            key: None,
            cause: None,
            properties: None,
        };
        let ticket = journal.submit(lane, &[record]).unwrap();
        block_on(ticket.durable()).unwrap();
        journal.settle(lane);
    }
    journal
}

/// Whether this process may schedule a thread in real time.
fn may_be_in_real_time() -> bool {
    let attempt = || {
        let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy).is_ok()
    };
    std::thread::spawn(attempt).join().unwrap()
}

#[test]
fn commits_of_the_critical_lane_come_first_where_it_is_permitted() {
    let dir = tempfile::tempdir().unwrap();
    let own = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    let usual = scheduled(own.trim_end());

    let preferring = journal(dir.path(), Priorities::Auto);
    let policy = scheduled("commit-critical").policy;
    assert_eq!(policy == ROUND_ROBIN, may_be_in_real_time());
    for name in ["keep-critical", "commit-normal", "keep-normal"] {
        assert_eq!(scheduled(name), usual, "{name}");
    }
    drop(preferring);

    let alike = journal(dir.path(), Priorities::Alike);
    for name in [
        "commit-critical",
        "keep-critical",
        "commit-normal",
        "keep-normal",
    ] {
        assert_eq!(scheduled(name), usual, "{name}");
    }
    drop(alike);
}
