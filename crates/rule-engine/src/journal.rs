//! The handler that republishes, and says which conditions hold.

use futures::executor::block_on;
use spica_handler::{Factory, HandleError, Handler};
use spica_journal::SubmitError;
use spica_model::{Lane, NewRecord, Record, Seq};
use spica_rules::{Verdict, Want};

use crate::cases::Change;
use crate::engine::Engine;
use crate::metrics::OfRules;
use crate::reading::Reader;

/// What the handler is called.
pub(crate) const NAME: &str = "rules";

/// Records of one submission: a batch may want many.
const SUBMITTED: usize = 256;

/// Makes the handlers of both lanes.
pub(crate) struct RulesFactory(pub(crate) Engine);

impl Factory for RulesFactory {
    fn name(&self) -> &str {
        NAME
    }

    fn make(&self, lane: Lane) -> Result<Box<dyn Handler>, HandleError> {
        let engine = self.0.clone();
        Ok(Box::new(RulesHandler {
            reader: engine.reader(Want::Journal),
            metrics: engine.0.metrics.of(NAME, &engine.0.set),
            engine,
            lane,
        }))
    }
}

struct RulesHandler {
    engine: Engine,
    reader: Reader,
    metrics: OfRules,
    lane: Lane,
}

impl Handler for RulesHandler {
    fn resume(&mut self, cursor: Seq) -> Result<Seq, HandleError> {
        let inner = &self.engine.0;
        inner.cases.resume(&*inner.standing);
        self.reader.resume(&*inner.standing, self.lane, cursor);
        Ok(cursor)
    }

    fn handle(&mut self, batch: &[Record]) -> Result<(), HandleError> {
        let mut reading = self.reader.read(batch);
        let mut changes = Vec::new();
        for (at, (verdict, record)) in reading.verdicts.iter().zip(batch).enumerate() {
            let place = record.origin().to_string();
            let cases = &self.engine.0.cases;
            if let Err(error) = cases.changes(&verdict.cases, &place, &mut changes) {
                reading.verdicts.truncate(at + 1);
                reading.failure = Some(error.to_string());
                break;
            }
        }
        self.submit(&reading.verdicts, &changes)?;
        self.engine.0.cases.changed(changes);
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
    /// Submits all that is wanted, and waits until it is durable.
    fn submit(&self, verdicts: &[Verdict], changes: &[Change]) -> Result<(), HandleError> {
        let now = self.engine.0.clock.wall();
        let mut tickets = Vec::new();
        for lane in Lane::ALL {
            let drafts = verdicts.iter().flat_map(|verdict| &verdict.drafts);
            let of_lane = drafts.filter(|draft| draft.lane == lane);
            let mut records: Vec<NewRecord<'_>> = of_lane.map(|it| it.as_new(now)).collect();
            if lane == Change::LANE {
                records.extend(changes.iter().map(|change| change.as_new(now)));
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
