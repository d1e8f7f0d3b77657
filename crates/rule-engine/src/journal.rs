//! The handler that republishes, and says which conditions hold.

use std::sync::Arc;

use futures::executor::block_on;
use spica_handler::{Factory, HandleError, Handler};
use spica_journal::SubmitError;
use spica_model::{Lane, NewRecord, Record, Seq};
use spica_rules::{Verdict, Want};

use crate::cases::Change;
use crate::engine::{Engine, Loaded};
use crate::metrics::OfRules;
use crate::reading::Reader;

/// What the handler is called.
pub(crate) const NAME: &str = "rules";

/// Records of one batch: what comes of them is in memory at once.
const READ: usize = 256;
/// Records of one submission: a batch may want many.
const SUBMITTED: usize = 256;

/// Makes the handlers of both lanes.
pub(crate) struct RulesFactory(pub(crate) Engine);

impl Factory for RulesFactory {
    fn name(&self) -> &str {
        NAME
    }

    fn batch_records(&self) -> usize {
        READ
    }

    fn make(&self, lane: Lane) -> Result<Box<dyn Handler>, HandleError> {
        let engine = self.0.clone();
        let loaded = engine.loaded();
        Ok(Box::new(RulesHandler {
            reader: engine.reader(&loaded, Want::Journal),
            metrics: engine.0.metrics.of(NAME, &loaded.set),
            loaded,
            engine,
            lane,
            before: Seq::ZERO,
        }))
    }
}

struct RulesHandler {
    engine: Engine,
    /// The rules that `reader` and `metrics` are of.
    loaded: Arc<Loaded>,
    reader: Reader,
    metrics: OfRules,
    lane: Lane,
    /// Up to here, an earlier handler may have said something already, of which the desk never heard.
    before: Seq,
}

impl Handler for RulesHandler {
    fn resume(&mut self, cursor: Seq) -> Result<Seq, HandleError> {
        let inner = &self.engine.0;
        self.before = inner.journal.status(self.lane).durable;
        inner.cases.resume(&self.engine, &self.loaded.set)?;
        self.reader.resume(&*inner.standing, self.lane, cursor);
        Ok(cursor)
    }

    fn handle(&mut self, batch: &[Record]) -> Result<(), HandleError> {
        self.renew();
        let mut reading = self.reader.read(batch);
        let cases = &self.engine.0.cases;
        // What the lanes say of one condition must not be mixed.
        let calls = reading.verdicts.iter().any(|it| !it.cases.is_empty());
        let mut turn = calls.then(|| cases.turn());
        if calls && !Arc::ptr_eq(&self.engine.loaded(), &self.loaded) {
            // A reload ends the conditions of rules that are gone: none of them may come behind it.
            let why = "the rules have just changed: they are applied anew";
            return Err(HandleError::unavailable(0, why));
        }
        let mut changes = Vec::new();
        for (at, (verdict, record)) in reading.verdicts.iter().zip(batch).enumerate() {
            let origin = record.origin();
            let again = origin.seq <= self.before;
            let changed = cases.changes(&verdict.cases, origin, again, &mut changes);
            if let Err(error) = changed {
                reading.verdicts.truncate(at + 1);
                reading.failure = Some(error.to_string());
                break;
            }
        }
        turn = turn.filter(|_| !changes.is_empty());
        self.submit(&reading.verdicts, &changes)?;
        cases.changed(changes);
        drop(turn);
        for verdict in &reading.verdicts {
            self.metrics.count(verdict);
        }
        self.reader.note(&batch[..reading.verdicts.len()]);
        match reading.failure {
            Some(why) => Err(HandleError::refuse(reading.verdicts.len() - 1, why)),
            None => Ok(()),
        }
    }
}

impl RulesHandler {
    /// Takes up the rules that are in force now.
    fn renew(&mut self) {
        let loaded = self.engine.loaded();
        if Arc::ptr_eq(&loaded, &self.loaded) {
            return;
        }
        let reader = self.engine.reader(&loaded, Want::Journal);
        self.reader.replace(reader);
        self.metrics = self.engine.0.metrics.of(NAME, &loaded.set);
        self.loaded = loaded;
    }

    /// Submits all that is wanted, and waits until it is durable.
    fn submit(&self, verdicts: &[Verdict], changes: &[Change]) -> Result<(), HandleError> {
        let now = self.engine.0.clock.wall();
        let mut tickets = Vec::new();
        for lane in Lane::ALL {
            let drafts = verdicts.iter().flat_map(|verdict| &verdict.drafts);
            let of_lane = drafts.filter(|draft| draft.lane == lane);
            let mut records: Vec<NewRecord<'_>> = of_lane.map(|it| it.as_new(now)).collect();
            if lane == Change::LANE {
                records.extend(changes.iter().filter_map(|it| it.as_new(now)));
            }
            for some in records.chunks(SUBMITTED) {
                let ticket = self.engine.0.journal.submit(lane, some);
                tickets.push(ticket.map_err(|error| not_submitted(&error))?);
            }
        }
        for ticket in tickets {
            let durable = block_on(ticket.durable());
            durable.map_err(|error| HandleError::unavailable(0, error.to_string()))?;
        }
        Ok(())
    }
}

/// No record is to blame: all of the batch is tried again, and what is there already is known by its
/// key.
fn not_submitted(error: &SubmitError) -> HandleError {
    HandleError::unavailable(0, error.to_string())
}
