//! What comes from the partner.

use std::sync::Arc;

use spica_journal_file::CopyError;
use spica_model::{Lane, Seq};
use spica_pair::follow::Accepted;
use spica_pair_proto::{Control, Frame, FrameReader, ProtoError, SentBatch};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::oneshot;

use super::shared::Flow;
use super::{LinkDeps, Shared};
use crate::actor::Input;

/// How much is read at once, at least.
const READ_BYTES: usize = 64 << 10;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the partner has closed it")]
    Closed,
    #[error("nothing came for {0:?}")]
    Silent(std::time::Duration),
    #[error("the partner refuses this node: {0}")]
    Refused(String),
    #[error("the partner acknowledges or sends what it cannot")]
    Confused,
    #[error(transparent)]
    NotAccepted(#[from] spica_pair::follow::Refused),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Proto(#[from] ProtoError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the node is stopping")]
    Stopping,
}

/// Reads until the connection ends, and tells the actor why.
pub(super) async fn run<R>(mut read: R, shared: Arc<Shared>, deps: LinkDeps)
where
    R: AsyncRead + Unpin,
{
    let end = match follow(&mut read, &shared, &deps).await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    let (link, reason) = (shared.id, end.to_string());
    // Without an actor nobody needs to know.
    let _ = deps.inputs.send(Input::LinkDown { link, reason }).await;
}

async fn follow<R>(
    read: &mut R,
    shared: &Shared,
    deps: &LinkDeps,
) -> Result<std::convert::Infallible, End>
where
    R: AsyncRead + Unpin,
{
    let mut frames = FrameReader::default();
    loop {
        while let Some(frame) = frames.cut()? {
            take(frame, shared, deps).await?;
        }
        frames.buffer().reserve(READ_BYTES);
        let reading = read.read_buf(frames.buffer());
        match tokio::time::timeout(deps.silence, reading).await {
            Err(_) => return Err(End::Silent(deps.silence)),
            Ok(Ok(0)) => return Err(End::Closed),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error.into()),
        }
    }
}

async fn take(frame: Frame, shared: &Shared, deps: &LinkDeps) -> Result<(), End> {
    let rest = shared.desks.take(frame, shared.is_leading());
    let Some(frame) = rest.map_err(|_| End::Confused)? else {
        return Ok(());
    };
    match frame {
        Frame::Batch(batch) => place(batch, shared, deps),
        Frame::Acked(ends) => {
            tracing::trace!(?ends, "the partner has these");
            acked(ends, shared, deps)
        }
        Frame::Committed(ends) => {
            if shared.is_following() {
                committed(ends, deps);
            }
            Ok(())
        }
        Frame::Control(Control::Refused { reason }) => Err(End::Refused(reason)),
        Frame::Control(control) => {
            // In order with the batches: whether they are taken depends on what is said before them.
            let (done, heard) = oneshot::channel();
            let input = Input::Said {
                link: shared.id,
                control,
                done,
            };
            deps.inputs.send(input).await.map_err(|_| End::Stopping)?;
            heard.await.map_err(|_| End::Stopping)
        }
        // Those at the desks took them.
        Frame::Part(_) | Frame::Aside(_) => Ok(()),
    }
}

/// Places a batch of the active's, unless its reign is over or this node does not follow it.
fn place(batch: SentBatch, shared: &Shared, deps: &LinkDeps) -> Result<(), End> {
    let lane = batch.lane;
    tracing::trace!(%lane, first = %batch.header.first, count = batch.header.count, "a batch comes from the partner");
    {
        let Flow::Follow { follower, .. } = &mut *shared.flow.lock() else {
            // On its way since before this node took over.
            return Ok(());
        };
        let (first, count) = (batch.header.first, batch.header.count);
        let newest = deps.journal.epoch();
        if follower.accept(lane, batch.reign, newest, first, count)? == Accepted::Known {
            return Ok(());
        }
    }
    let key = shared.lane_keys[lane.index()];
    match deps.journal.copy(lane, batch.into_batch(key)) {
        // It has taken over this very moment.
        Err(CopyError::Leading) => Ok(()),
        placed => Ok(placed?),
    }
}

fn committed(ends: [Seq; 2], deps: &LinkDeps) {
    for lane in Lane::ALL {
        deps.journal.partner_has(lane, ends[lane.index()]);
    }
}

/// The passive has so much on its disk.
fn acked(ends: [Seq; 2], shared: &Shared, deps: &LinkDeps) -> Result<(), End> {
    let more = {
        let Flow::Lead { leader, .. } = &mut *shared.flow.lock() else {
            return Ok(());
        };
        for lane in Lane::ALL {
            if !leader.acked(lane, ends[lane.index()]) {
                return Err(End::Confused);
            }
        }
        leader.next().is_some()
    };
    committed(ends, deps);
    if more {
        shared.changed.notify_one();
    }
    Ok(())
}
