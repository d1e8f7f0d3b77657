//! Looks through the journal for pictures that are missing here, and fetches them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use spica_journal::{FollowError, Followed, Follower, Journal as _};
use spica_journal_file::FileJournal;
use spica_model::{Lane, Op, Record, Seq, Topic};
use spica_objects::{Address, PictureStore};
use spica_pair::history::History;

use super::{Fetched, PairShare};

/// The lane that names pictures.
const LANE: Lane = Lane::Normal;
/// How many records are read at once.
const RECORDS: usize = 1_024;
/// After so many records it is noted how far was looked, also if none named a picture.
const NOTE_AFTER: u64 = 100_000;
/// The pause before the partner is asked again.
const PAUSE: Duration = Duration::from_secs(1);
/// In the data directory: how far was looked.
const NAME: &str = "pictures.mark";

/// What looking for missing pictures works with.
#[derive(Clone)]
pub struct Fetch {
    /// The journal.
    pub journal: Arc<FileJournal>,
    /// The node's path.
    pub node: Topic,
    /// Where pictures are kept.
    pub pictures: PictureStore,
    /// The partner.
    pub share: PairShare,
    /// Where it is noted how far was looked.
    pub data_dir: PathBuf,
}

/// Why it cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] FollowError),
    /// The lane has failed, or is closed.
    #[error(transparent)]
    Lane(#[from] spica_journal::CommitError),
    /// How far was looked cannot be noted.
    #[error("{NAME} cannot be written: {0}")]
    Mark(io::Error),
    /// The thread that reads has panicked.
    #[error("the thread that reads the journal has panicked: {0}")]
    Panic(#[from] tokio::task::JoinError),
}

/// How far was looked. Losing it costs time and nothing else.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Mark {
    epoch: u32,
    seq: u64,
}

impl Fetch {
    /// Fetches what is missing, for as long as the node runs: whatever this node's journal names and
    /// its partner has. Reads the journal in the background, from where it was the last time.
    ///
    /// # Errors
    /// If it cannot go on; it may be begun again.
    pub async fn run(self) -> Result<std::convert::Infallible, FetchError> {
        let mut noted = self.mark();
        let mut follower = self.journal.follow(LANE, noted)?;
        loop {
            let (back, found) = off_worker(follower).await?;
            follower = back;
            let fetched = match found? {
                Followed::Records(records) => self.look_at(&records).await,
                Followed::Gap { .. } | Followed::Damaged(_) => false,
                Followed::UpToDate => {
                    follower.more().await?;
                    continue;
                }
            };
            let after = follower.after();
            if fetched || after.0 - noted.0 >= NOTE_AFTER {
                self.note(after).map_err(FetchError::Mark)?;
                noted = after;
            }
        }
    }

    /// Whether a record named a picture.
    async fn look_at(&self, records: &[Record]) -> bool {
        let mut any = false;
        for record in records {
            if let Some(address) = self.named(record) {
                any = true;
                self.ensure(&address, record).await;
            }
        }
        any
    }

    /// The picture that a record names.
    fn named(&self, record: &Record) -> Option<Address> {
        #[derive(Deserialize)]
        struct Named {
            address: String,
        }
        let device = record.topic.below(self.node.as_str())?;
        let device = device.strip_prefix("devices/")?.strip_suffix("/pictures")?;
        if device.contains('/') || record.op != Op::Put {
            return None;
        }
        let named: Named = serde_json::from_slice(&record.payload).ok()?;
        named.address.parse().ok()
    }

    async fn ensure(&self, address: &Address, record: &Record) {
        while self.pictures.size(address).await.is_err() {
            self.share.partner().await;
            match self.share.fetch(address).await {
                Fetched::Here => {
                    tracing::info!(%address, "pair: a picture that was missing here has come");
                    return;
                }
                Fetched::Nowhere => {
                    tracing::error!(
                        %address, topic = %record.topic, position = %record.position,
                        "pair: a picture is missing here, and the partner cannot give it"
                    );
                    return;
                }
                Fetched::NotNow => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Where to begin: at the mark, if it is of this history.
    fn mark(&self) -> Seq {
        let read = fs::read(self.data_dir.join(NAME));
        let mark: Mark = read
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let seq = Seq(mark.seq);
        let is_ours = self.history().epoch_at(seq).map(|epoch| epoch.0) == Some(mark.epoch);
        // What is not acknowledged yet is looked at when it is.
        let durable = self.journal.status(LANE).durable;
        if is_ours { seq.min(durable) } else { Seq::ZERO }
    }

    fn note(&self, seq: Seq) -> io::Result<()> {
        let epoch = self.history().epoch_at(seq).map_or(0, |epoch| epoch.0);
        let mark = serde_json::to_vec(&Mark { epoch, seq: seq.0 })?;
        replace(&self.data_dir, &mark)
    }

    fn history(&self) -> History {
        let history = self.journal.history(LANE);
        History {
            reigns: history.reigns,
            first: history.first,
            last: history.last,
        }
    }
}

fn replace(dir: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = dir.join("pictures.mark.new");
    fs::write(&unfinished, content)?;
    fs::rename(&unfinished, dir.join(NAME))
}

type Read = (Box<dyn Follower>, Result<Followed, FollowError>);

#[expect(
    clippy::disallowed_methods,
    reason = "one piece at a time, which may come from disk; no acknowledgement waits for it"
)]
async fn off_worker(mut follower: Box<dyn Follower>) -> Result<Read, tokio::task::JoinError> {
    tokio::task::spawn_blocking(move || {
        let found = follower.read(RECORDS);
        (follower, found)
    })
    .await
}
