//! What every handler must do.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeSet;
use std::sync::Arc;

use spica_handler::Handler;
use spica_handler::contract::{self, Harness};
use spica_journal::memory::MemoryJournal;
use spica_model::{Lane, Record, Seq, Topic};
use spica_mqtt_client::Reason;
use tokio::runtime::Runtime;

use crate::broker::{Broker, Does};
use crate::common::{NODE, bridge, runtime, settings};

struct Rig {
    broker: Broker,
    journal: Arc<MemoryJournal>,
    runtime: Runtime,
}

fn place(record: &str) -> Seq {
    Seq(record.rsplit('/').next().unwrap().parse().unwrap())
}

impl Harness for Rig {
    fn fresh(&mut self) -> Box<dyn Handler> {
        self.journal = MemoryJournal::new();
        self.broker.script(|_| Does::Take);
        self.broker.forget();
        self.again()
    }

    fn again(&mut self) -> Box<dyn Handler> {
        let mut settings = settings(&self.broker);
        settings.inward.clear();
        let (told, metrics) = (Arc::default(), Default::default());
        let bridge = bridge(&settings, &self.journal, &told, metrics, &self.runtime).unwrap();
        let factory = bridge.factory().unwrap().unwrap();
        factory.make(Lane::Normal).unwrap()
    }

    fn holds(&mut self) -> Vec<Seq> {
        let published = self.broker.published();
        // A receiver tells a repetition by it.
        let records = published.iter().filter_map(|it| it.user("spica-record"));
        records
            .map(place)
            .collect::<BTreeSet<Seq>>()
            .into_iter()
            .collect()
    }

    fn record(&self, seq: Seq) -> Record {
        Record {
            topic: Topic::new(format!("{NODE}/plant/{}", seq.0 % 5)).unwrap(),
            ..contract::record(Lane::Normal, seq)
        }
    }

    fn fail_once(&mut self, seq: Seq) -> bool {
        let failed = std::sync::atomic::AtomicBool::new(false);
        self.broker.script(move |message| {
            let is_it = message.user("spica-record").map(place) == Some(seq);
            if is_it && !failed.swap(true, std::sync::atomic::Ordering::Relaxed) {
                Does::Refuse(Reason::QuotaExceeded)
            } else {
                Does::Take
            }
        });
        true
    }
}

#[test]
fn what_goes_out_keeps_the_contract() {
    let mut rig = Rig {
        broker: Broker::new(),
        journal: MemoryJournal::new(),
        runtime: runtime(),
    };
    assert_eq!(contract::all(&mut rig), [""; 0]);
}
