//! The handler that follows edge nodes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use spica_handler::{Factory, HandleError, Handler, Kept};
use spica_model::{Lane, Op, Record, Seq};
use spica_sparkplug::{Arrival, Effect, HANDLER, Machine, Topics};

use crate::host::Host;
use crate::overdue::Overdue;
use crate::writer::Writer;

/// What the handler is called.
pub(crate) const NAME: &str = "sparkplug";

/// Effects that are written together.
const EFFECTS: usize = 1_024;
/// How long it is waited until what is written can be read.
const SHOWN: Duration = Duration::from_secs(10);

/// Makes the handler of the one lane.
pub(crate) struct HostFactory {
    host: Host,
    lanes: [Lane; 1],
}

impl HostFactory {
    pub(crate) fn new(host: Host) -> Self {
        let lanes = [host.0.lane];
        Self { host, lanes }
    }
}

impl Factory for HostFactory {
    fn name(&self) -> &str {
        NAME
    }

    fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    fn make(&self, _: Lane) -> Result<Box<dyn Handler>, HandleError> {
        let inner = &self.host.0;
        let number = inner.handlers.fetch_add(1, Ordering::Relaxed) + 1;
        // An earlier one, in a call that never ended, writes nothing from now on.
        *inner.writer.lock() = number;
        Ok(Box::new(HostHandler {
            writer: Writer::new(self.host.clone(), number),
            host: self.host.clone(),
            machine: None,
        }))
    }
}

struct HostHandler {
    host: Host,
    writer: Writer,
    /// None after a failure: what it knew is not what is written.
    machine: Option<Machine>,
}

impl Handler for HostHandler {
    fn resume(&mut self, cursor: Seq) -> Result<Seq, HandleError> {
        self.machine = Some(self.remember()?);
        Ok(cursor)
    }

    fn handle(&mut self, batch: &[Record]) -> Result<(), HandleError> {
        let mut machine = match self.machine.take() {
            Some(machine) => machine,
            None => self.remember()?,
        };
        self.work(&mut machine, batch)?;
        let counts = machine.take_counts();
        let inner = &self.host.0;
        inner.parts.metrics.add(&counts, machine.online());
        self.host.set_deadlines(machine.waiting());
        self.machine = Some(machine);
        Ok(())
    }

    fn kept(&mut self) -> Kept {
        let kept = self.machine.as_ref().and_then(Machine::kept);
        kept.map_or(Kept::All, Kept::Through)
    }
}

impl HostHandler {
    /// A machine that knows what is noted.
    fn remember(&self) -> Result<Machine, HandleError> {
        let inner = &self.host.0;
        let parts = &inner.parts;
        let placed = parts.journal.status(inner.lane).last;
        if !parts.standing.shows(inner.lane, placed, SHOWN) {
            let text = "what was noted of edge nodes cannot be read yet: the views are behind";
            return Err(HandleError::unavailable(0, text));
        }
        let topics = Topics::new(parts.node.clone());
        let mut machine = Machine::new(topics, inner.settings.limits());
        let root = format!("{}/{HANDLER}", parts.node);
        for kind in ["edges", "births"] {
            let prefix = format!("{root}/{kind}");
            parts.standing.visit(&prefix, &mut |record| {
                if let Some(topic) = record.topic.below(&root)
                    && record.op != Op::Delete
                {
                    machine.remember(topic, &record.payload);
                }
            });
        }
        parts.metrics.add(&machine.take_counts(), machine.online());
        Ok(machine)
    }

    /// Takes a batch, and makes durable what comes of it.
    fn work(&mut self, machine: &mut Machine, batch: &[Record]) -> Result<(), HandleError> {
        let mut effects: Vec<Effect> = Vec::new();
        for record in batch {
            self.take(machine, record, &mut effects);
            if effects.len() >= EFFECTS {
                self.writer.write(&effects, SHOWN)?;
                effects.clear();
            }
        }
        self.writer.write(&effects, SHOWN)?;
        self.writer.note(&machine.notes())?;
        self.writer.finish()
    }

    fn take(&self, machine: &mut Machine, record: &Record, effects: &mut Vec<Effect>) {
        let inner = &self.host.0;
        let Some(topic) = record.topic.below(inner.parts.node.as_str()) else {
            return;
        };
        // A copy says nothing that was not heard when it was said.
        if record.is_restated() {
            return;
        }
        if record.topic == inner.state {
            self.host.hear_of_self(record);
        } else if record.op == Op::Delete {
            // No message of an edge node is empty.
        } else if record.topic == inner.overdue {
            if let Ok(overdue) = serde_json::from_slice::<Overdue>(&record.payload) {
                let since = Seq(overdue.since);
                let (position, received) = (record.position, record.received);
                machine.overdue(&overdue.edge, since, position, received, effects);
            }
        } else {
            let arrival = Arrival {
                position: record.position,
                received: record.received,
                topic,
                payload: &record.payload,
            };
            machine.take(arrival, effects);
        }
    }
}
