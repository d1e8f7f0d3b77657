//! One connection to the partner: shaken hands, a reader and a writer.

mod hello;
mod reader;
mod shared;
mod writer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use spica_journal_file::FileJournal;
use spica_pair_proto::{Control, Hello};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::actor::Input;
use crate::config::CompressSetting;

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
        let shared = Arc::new(Shared::new(id, theirs.lane_keys));
        let (controls, to_say) = mpsc::channel(CONTROLS);
        let (read, write) = tokio::io::split(stream);
        let reader = reader::run(read, Arc::clone(&shared), deps.clone());
        let writer = writer::run(write, Arc::clone(&shared), to_say, deps.clone());
        let (by_backup, begun) = origin;
        Self {
            id,
            by_backup,
            begun,
            theirs,
            shared,
            controls: Some(controls),
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
