//! The beginning of a reign: the machine, as the last one left it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use spica_alarms::link::{KEY_BYTES, Links};
use spica_alarms::{Alarms, Mark};
use spica_cases::Draft;
use spica_clock::Steady;
use spica_journal::{CommitError, CursorError, FollowError, Journal};
use spica_model::{Kind, Lane, Op, Seq, Timestamp, Topic, TopicError};
use spica_views::Views;

use crate::handle::Deps;
use crate::store::{StoreError, store};

/// The name of the desk's cursors: retention waits for them.
pub(crate) const CURSOR: &str = "desk";
/// How far back a journal is read on which no desk has ever worked: enough for what came while this
/// node was started, and no flood of old alarms where a node is upgraded.
const FIRST_LOOK: Duration = Duration::from_secs(60 * 60);

/// Why a reign cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The node's path leaves no room for the desk's topics.
    #[error("the node's path is too long for the topics of cases: {0}")]
    Topic(#[from] TopicError),
    /// The journal cannot be read.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// A cursor cannot be kept.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The lane has failed, or the node does not serve any more.
    #[error("the critical lane takes no records: {0}")]
    Store(String),
    /// There is no chance to be had from the system.
    #[error("the system gives no random bytes for a key: {0}")]
    Random(getrandom::Error),
}

impl From<StoreError> for BeginError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<CommitError> for BeginError {
    fn from(error: CommitError) -> Self {
        Self::Store(error.to_string())
    }
}

/// A machine that goes on where the last one stood, its time, and the key of its links.
pub(crate) struct Begun {
    pub(crate) alarms: Alarms,
    pub(crate) time: Steady,
    pub(crate) links: Links,
}

/// Builds the machine from what the views show, and notes where it begins.
///
/// # Errors
/// If the journal cannot be read or written.
pub(crate) async fn begin(deps: &Deps) -> Result<Begun, BeginError> {
    let (journal, views) = (&*deps.journal, &*deps.views);
    // Among what was placed and is not yet durable may be decisions of an earlier desk: of the
    // partner's before a take-over, or of this node's before it ceased to serve for a moment. Who
    // begins without them decides the same once more, and overwrites what was decided.
    for lane in Lane::ALL {
        let placed = journal.status(lane).last;
        journal.watermark(lane).reached(placed).await?;
        views.applied(lane, placed).await;
    }
    let node = views.node();
    let mut alarms = Alarms::new(node, deps.rules.clone(), std::sync::Arc::clone(&deps.plans))?;
    // Who waits for topics to fall silent needs the last record of each.
    if deps
        .rules
        .thresholds
        .iter()
        .any(|rule| rule.stale_after.is_some())
    {
        views.visit(node.as_str(), |record| alarms.restore(record));
    } else {
        views.visit(&format!("{node}/devices"), |record| alarms.restore(record));
        views.visit(&format!("{node}/alarms"), |record| alarms.restore(record));
    }
    let newest = newest(views, &format!("{node}/alarms/mark"));
    let mut time = Steady::new(&*deps.clock, newest);
    let now = time.now(&*deps.clock);
    let mark = match mark_of(views)? {
        Some(mark) => mark,
        None => first_mark(journal, now)?,
    };
    let epoch = journal.status(Lane::Critical).epoch.0;
    let mut drafts = alarms.begin(epoch.into(), mark);
    if links(views).is_none() {
        drafts.push(new_key(node)?);
    }
    store(journal, &drafts, now).await?;
    let durable = journal.status(Lane::Critical).durable;
    views.applied(Lane::Critical, durable).await;
    for lane in Lane::ALL {
        journal.open_cursor(CURSOR, lane, mark.of(lane))?;
    }
    let links = links(views).ok_or_else(|| BeginError::Store("the views have ended".into()))?;
    Ok(Begun {
        alarms,
        time,
        links,
    })
}

/// When the desk last wrote something: nothing it says from now on is older.
fn newest(views: &Views, mark: &str) -> Timestamp {
    let mark = views.subtree(mark, None, 1);
    mark.first()
        .map_or(Timestamp::EPOCH, |record| record.received)
}

fn mark_of(views: &Views) -> Result<Option<Mark>, BeginError> {
    let topic = Alarms::mark_topic(views.node())?;
    Ok(views
        .get(&topic)
        .and_then(|record| Mark::decode(&record.payload)))
}

fn first_mark(journal: &dyn Journal, now: Timestamp) -> Result<Mark, BeginError> {
    let from = Some(now.saturating_sub(FIRST_LOOK));
    let [critical, normal] = Lane::ALL.map(|lane| journal.window(lane, from, None));
    let after = |lane: Lane, after: Seq| {
        // Never before what is kept: that would be a gap.
        let kept = journal.status(lane).first;
        after.max(Seq(kept.0.saturating_sub(1)))
    };
    Ok(Mark::new(
        after(Lane::Critical, critical?.after),
        after(Lane::Normal, normal?.after),
    ))
}

/// Where the key of links stands: below `system`, which only admins read.
fn key_topic(node: &Topic) -> Result<Topic, TopicError> {
    node.join("system/link-key")
}

fn new_key(node: &Topic) -> Result<Draft, BeginError> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(BeginError::Random)?;
    Ok(Draft {
        topic: key_topic(node)?,
        kind: Kind::State,
        op: Op::Put,
        payload: format!("\"{}\"", STANDARD.encode(key)).into_bytes(),
        key: None,
        cause: None,
    })
}

/// The links of a node, if it has a key for them yet.
pub(crate) fn links(views: &Views) -> Option<Links> {
    let record = views.get(&key_topic(views.node()).ok()?)?;
    let text = std::str::from_utf8(&record.payload).ok()?.trim_matches('"');
    let key = STANDARD.decode(text).ok()?;
    Some(Links::new(key.try_into().ok()?))
}
