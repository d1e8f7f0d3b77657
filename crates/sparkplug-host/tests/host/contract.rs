//! The contract of handlers.
#![expect(clippy::unwrap_used, reason = "help for tests fails as tests do")]

use std::sync::Arc;

use bytes::Bytes;
use spica_clock::ManualClock;
use spica_handler::Handler;
use spica_handler::contract::{self, Harness};
use spica_journal::SharedJournal;
use spica_journal::memory::MemoryJournal;
use spica_model::{Kind, Lane, Record, Seq, Timestamp, Topic};

use crate::world::{LANE, host, payload, read};

struct OfHost {
    journal: SharedJournal,
}

impl Harness for OfHost {
    fn fresh(&mut self) -> Box<dyn Handler> {
        self.journal = MemoryJournal::new();
        self.again()
    }

    fn again(&mut self) -> Box<dyn Handler> {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
        host(&self.journal, &clock)
            .factory()
            .unwrap()
            .make(LANE)
            .unwrap()
    }

    fn holds(&mut self) -> Vec<Seq> {
        let records = read(&self.journal).into_iter();
        let values = records.filter(|it| it.topic.as_str().contains("/metrics/"));
        let causes = values.filter_map(|it| it.cause);
        let mut seqs: Vec<Seq> = causes
            .map(|cause| Seq(cause.as_str().rsplit('/').next().unwrap().parse().unwrap()))
            .collect();
        seqs.sort_unstable();
        seqs
    }

    /// The birth of an edge node of its own.
    fn record(&self, seq: Seq) -> Record {
        Record {
            topic: Topic::new(format!("root/spBv1.0/g/NBIRTH/e{seq}")).unwrap(),
            kind: Kind::Event,
            payload: Bytes::from(payload(Some(0), Some(1), &[(Some("t"), 1, 1.0, false)])),
            ..contract::record(Lane::Normal, seq)
        }
    }
}

#[test]
fn the_contract_holds() {
    let passed_over = contract::all(&mut OfHost {
        journal: MemoryJournal::new(),
    });
    // It has no fault of its own to arrange.
    assert_eq!(passed_over, ["says_where_it_failed_and_goes_on_there"]);
}
