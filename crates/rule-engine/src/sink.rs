//! The handler that POSTs.

use std::collections::BTreeSet;
use std::sync::Arc;

use spica_handler::{ErrorKind, Factory, HandleError, Handler};
use spica_model::{Lane, Record, Seq};
use spica_rules::{Post, Want};

use crate::engine::{Engine, Loaded};
use crate::metrics::OfRules;
use crate::reading::Reader;
use crate::target::Target;

/// How often a batch has what is POSTed at once: a slow sink comes to the end of a batch in time.
const TURNS: usize = 16;

/// Makes the handlers of a sink.
pub(crate) struct SinkFactory {
    /// Of the handler.
    name: String,
    /// Of the sink, in the file.
    sink: String,
    engine: Engine,
}

impl SinkFactory {
    pub(crate) fn new(engine: &Engine, sink: &str) -> Self {
        Self {
            name: format!("sink-{sink}"),
            sink: sink.to_owned(),
            engine: engine.clone(),
        }
    }
}

impl Factory for SinkFactory {
    fn name(&self) -> &str {
        &self.name
    }

    fn batch_records(&self) -> usize {
        let loaded = self.engine.loaded();
        let in_flight = loaded.target(&self.sink).map_or(1, |(_, it)| it.in_flight);
        in_flight * TURNS
    }

    fn make(&self, lane: Lane) -> Result<Box<dyn Handler>, HandleError> {
        let engine = self.engine.clone();
        let loaded = engine.loaded();
        let none = || HandleError::unavailable(0, format!("there is no sink {:?}", self.sink));
        let (number, target) = loaded.target(&self.sink).ok_or_else(none)?;
        Ok(Box::new(SinkHandler {
            reader: engine.reader(&loaded, Want::Sink(number)),
            metrics: engine.0.metrics.of(&self.name, &loaded.set),
            target: target.clone(),
            taken: BTreeSet::new(),
            name: self.name.clone(),
            sink: self.sink.clone(),
            loaded,
            engine,
            lane,
        }))
    }
}

struct SinkHandler {
    engine: Engine,
    /// The rules that `reader`, `metrics` and `target` are of.
    loaded: Arc<Loaded>,
    reader: Reader,
    metrics: OfRules,
    target: Target,
    /// Keys of what the sink has taken behind the record that is tried again.
    taken: BTreeSet<String>,
    name: String,
    sink: String,
    lane: Lane,
}

impl Handler for SinkHandler {
    fn resume(&mut self, cursor: Seq) -> Result<Seq, HandleError> {
        let standing = &*self.engine.0.standing;
        self.reader.resume(standing, self.lane, cursor);
        Ok(cursor)
    }

    fn handle(&mut self, batch: &[Record]) -> Result<(), HandleError> {
        self.renew();
        let reading = self.reader.read(batch);
        let posts: Vec<(usize, &Post)> = reading
            .verdicts
            .iter()
            .enumerate()
            .flat_map(|(at, verdict)| verdict.posts.iter().map(move |post| (at, post)))
            .collect();
        let inner = &self.engine.0;
        let sending = self.target.all(&posts, &mut self.taken, &*inner.clock);
        let sent = inner.runtime.block_on(sending);
        let done = match &sent {
            Ok(()) => reading.verdicts.len(),
            Err((at, _)) => *at,
        };
        let behind = posts.iter().filter(|(at, _)| *at >= done);
        let behind: BTreeSet<&str> = behind.map(|(_, post)| post.key.as_str()).collect();
        self.taken.retain(|key| behind.contains(key.as_str()));
        for verdict in &reading.verdicts[..done] {
            self.metrics.count(verdict);
        }
        self.reader.note(&batch[..done]);
        match (sent, reading.failure) {
            (Err((at, (kind, detail))), _) => {
                if kind == ErrorKind::Refuse {
                    self.reader.note(&batch[at..=at]);
                }
                Err(HandleError { at, kind, detail })
            }
            (Ok(()), Some(why)) => Err(HandleError::refuse(done - 1, why)),
            (Ok(()), None) => Ok(()),
        }
    }
}

impl SinkHandler {
    /// Takes up the rules that are in force now.
    fn renew(&mut self) {
        let loaded = self.engine.loaded();
        if Arc::ptr_eq(&loaded, &self.loaded) {
            return;
        }
        // A reload that would take the sink away is refused.
        let Some((number, target)) = loaded.target(&self.sink) else {
            return;
        };
        let reader = self.engine.reader(&loaded, Want::Sink(number));
        self.reader.replace(reader);
        self.metrics = self.engine.0.metrics.of(&self.name, &loaded.set);
        self.target = target.clone();
        self.loaded = loaded;
    }
}
