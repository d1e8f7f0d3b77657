//! One connection to the partner: shaken hands, a reader and a writer.

mod desks;
mod hello;
mod reader;
mod shared;
mod writer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use spica_journal_file::FileJournal;
use spica_objects::PictureStore;
use spica_pair_proto::{ASIDE_FROM, Control, Hello, OLDEST, VERSION, agree};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::actor::Input;
use crate::config::CompressSetting;
use crate::metrics::Metrics;
use crate::pictures::Counterpart;
use crate::reentry::{Counter, PartnerDesk};

use self::desks::{Desks, Staffed};
pub(crate) use hello::{Greeting, HelloError, shake_hands};
pub(crate) use shared::Shared;

/// What may wait to be said; the core says little.
const CONTROLS: usize = 256;

/// A connection that is up. Dropping it cuts it.
pub(crate) struct Link {
    pub(crate) id: u64,
    /// Whether the backup dialled.
    pub(crate) by_backup: bool,
    pub(crate) begun: Instant,
    pub(crate) theirs: Hello,
    pub(crate) shared: Arc<Shared>,
    /// None once nothing more is said.
    controls: Option<mpsc::Sender<Control>>,
    /// For frames that have no hurry.
    unhurried: mpsc::Sender<Bytes>,
    /// What the partner answers to what was put aside, until somebody listens.
    answers: Option<mpsc::Receiver<Control>>,
    counterpart: Counterpart,
    /// Those at the desks; they end with it.
    _tasks: JoinSet<()>,
    reader: JoinHandle<()>,
    writer: JoinHandle<()>,
}

/// Whether the backup dialled, and when the connection began.
pub(crate) type Origin = (bool, Instant);

/// What a connection needs.
#[derive(Clone)]
pub(crate) struct LinkDeps {
    pub(crate) journal: Arc<FileJournal>,
    pub(crate) inputs: mpsc::Sender<Input>,
    /// A connection on which nothing came for so long is cut.
    pub(crate) silence: Duration,
    pub(crate) compress: CompressSetting,
    /// Where what the partner had put aside is entered.
    pub(crate) counter: Counter,
    pub(crate) metrics: Metrics,
    /// This node's pictures.
    pub(crate) pictures: PictureStore,
}

impl Link {
    /// Begins to read and write.
    pub(crate) fn start<S>(
        id: u64,
        stream: S,
        theirs: Hello,
        origin: Origin,
        deps: &LinkDeps,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (controls, to_say) = mpsc::channel(CONTROLS);
        let (unhurried, frames) = mpsc::channel(1);
        let says = controls.downgrade();
        let Staffed {
            desks,
            counterpart,
            reentered,
            tasks,
        } = Desks::staff(deps, theirs.lane_keys, &says, unhurried.clone());
        let shared = Arc::new(Shared::new(id, theirs.lane_keys, desks));
        let (read, write) = tokio::io::split(stream);
        let reader = reader::run(read, Arc::clone(&shared), deps.clone());
        let writer = writer::run(write, Arc::clone(&shared), to_say, frames, deps.clone());
        let (by_backup, begun) = origin;
        Self {
            id,
            by_backup,
            begun,
            theirs,
            shared,
            controls: Some(controls),
            unhurried,
            answers: Some(reentered),
            counterpart,
            _tasks: tasks,
            reader: tokio::spawn(reader),
            writer: tokio::spawn(writer),
        }
    }

    /// Says something, after what was said before. A link that is so slow that even this has no room
    /// is as good as cut.
    pub(crate) fn say(&self, control: Control) -> bool {
        let controls = self.controls.as_ref();
        controls.is_some_and(|controls| controls.try_send(control).is_ok())
    }

    /// The partner's desk for what was put aside; none if it was given out before, or the partner
    /// knows no such thing.
    pub(crate) fn desk(&mut self, lane_keys: [u64; 2]) -> Option<PartnerDesk> {
        if !self.has_desks() {
            return None;
        }
        Some(PartnerDesk {
            frames: self.unhurried.clone(),
            says: self.controls.as_ref()?.downgrade(),
            answers: self.answers.take()?,
            lane_keys,
        })
    }

    /// What the link does for pictures; nothing if the partner knows no such thing.
    pub(crate) fn counterpart(&self) -> Option<Counterpart> {
        self.has_desks().then(|| self.counterpart.clone())
    }

    fn has_desks(&self) -> bool {
        let theirs = (self.theirs.oldest, self.theirs.newest);
        agree((OLDEST, VERSION), theirs).is_some_and(|version| version >= ASIDE_FROM)
    }

    /// Says nothing more, and waits until what was said is out.
    pub(crate) async fn close(mut self) {
        self.controls = None;
        // However it ended, nothing more can be done.
        let _ = (&mut self.writer).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reader.abort();
        self.writer.abort();
    }
}
