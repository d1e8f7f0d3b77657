//! What every handler must do.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeSet;
use std::sync::Arc;

use spica_handler::contract::{self, Harness};
use spica_handler::{Factory, Handler};
use spica_journal::memory::MemoryJournal;
use spica_model::{Lane, Record, Seq, Topic};
use spica_rule_engine::{Engine, Metrics};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::common::{NODE, Told, all, engine, file, runtime};
use crate::server::{Does, Server};

struct Rig {
    /// Which of the handlers.
    at: usize,
    journal: Arc<MemoryJournal>,
    server: Server,
    dir: TempDir,
    runtime: Runtime,
}

impl Rig {
    fn new(at: usize) -> Self {
        let (dir, server) = (TempDir::new().unwrap(), Server::friendly());
        let rules = format!(
            "[[sink]]\nname = \"x\"\nurl = \"{}\"\n[[rule]]\nname = \"r\"\ntopics = [\"sensors/+\"]\n\
             then = [{{ republish = {{ topic = \"copy\" }} }}, {{ post = {{ sink = \"x\" }} }}]\n",
            server.url
        );
        std::fs::write(file(&dir), rules).unwrap();
        Self {
            at,
            journal: MemoryJournal::new(),
            server,
            dir,
            runtime: runtime(),
        }
    }

    fn engine(&self) -> Engine {
        let told = Arc::<Told>::default();
        engine(
            &self.journal,
            &self.dir,
            &told,
            Metrics::default(),
            &self.runtime,
        )
    }
}

impl Harness for Rig {
    fn fresh(&mut self) -> Box<dyn Handler> {
        self.journal = MemoryJournal::new();
        self.server.now(|_, _| Does::Answer(200));
        self.server.forget();
        self.again()
    }

    fn again(&mut self) -> Box<dyn Handler> {
        let factories: Vec<Arc<dyn Factory>> = self.engine().factories().unwrap();
        factories[self.at].make(Lane::Normal).unwrap()
    }

    fn holds(&mut self) -> Vec<Seq> {
        let place = |text: &str| Seq(text.rsplit('/').next().unwrap().parse().unwrap());
        if self.at == 0 {
            let records = all(&self.journal, Lane::Normal);
            let causes = records.iter().filter_map(|record| record.cause.as_ref());
            let mut places: Vec<Seq> = causes.map(|cause| place(cause.as_str())).collect();
            places.sort();
            return places;
        }
        // A receiver tells a repetition by its key.
        let taken = self.server.taken_requests();
        let places: BTreeSet<Seq> = taken.iter().map(|it| place(it.key())).collect();
        places.into_iter().collect()
    }

    fn record(&self, seq: Seq) -> Record {
        let record = contract::record(Lane::Normal, seq);
        let topic = format!("{NODE}/sensors/{}", seq.0 % 5);
        Record {
            topic: Topic::new(topic).unwrap(),
            ..record
        }
    }

    fn fail_once(&mut self, seq: Seq) -> bool {
        let key = format!("/1/normal/{}", seq.0);
        self.server.now(move |request, before| {
            let first = before.iter().all(|it| it.key() != request.key());
            Does::Answer(if first && request.key().ends_with(&key) {
                502
            } else {
                200
            })
        });
        self.at == 1
    }
}

#[test]
fn rules_keep_the_contract() {
    let unarranged = contract::all(&mut Rig::new(0));
    assert_eq!(unarranged, ["says_where_it_failed_and_goes_on_there"]);
}

#[test]
fn a_sink_keeps_the_contract() {
    assert_eq!(contract::all(&mut Rig::new(1)), [""; 0]);
}
