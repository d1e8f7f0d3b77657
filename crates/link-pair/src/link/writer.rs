//! What goes to the partner: messages first, then places, then batches, and then, a piece at a time,
//! what has no hurry.

use std::future::pending;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use spica_journal::{FollowError, Journal as _, Watermark};
use spica_journal_file::{Tail, Tailed};
use spica_model::{Epoch, Lane, Seq};
use spica_pair_proto::{Compress, Control, put_batch, put_control, put_places};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::shared::Flow;
use super::{LinkDeps, Shared};
use crate::actor::Input;
use crate::config::CompressSetting;

/// How much is gathered for one write.
const WRITE_BYTES: usize = 256 << 10;
/// From so many bytes on the way, the link counts as slower than the records come.
const SLOW_BYTES: usize = 4 << 20;

/// Why nothing more is sent.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Read(#[from] FollowError),
    #[error(
        "records of this node's {lane} lane are damaged from {from} on: the partner cannot have them"
    )]
    Damaged { lane: Lane, from: Seq },
    #[error("records that the partner needs next were removed by retention")]
    Gone,
    #[error("the node is stopping")]
    Stopping,
}

/// The writer of a connection.
struct Writer<W> {
    write: W,
    shared: Arc<Shared>,
    deps: LinkDeps,
    to_say: mpsc::Receiver<Control>,
    /// Frames that have no hurry.
    unhurried: mpsc::Receiver<Bytes>,
    out: BytesMut,
    tails: Option<(u64, [Tail; 2])>,
    /// The places that were said last.
    places: [Seq; 2],
}

/// Writes until the connection ends.
pub(super) async fn run<W>(
    write: W,
    shared: Arc<Shared>,
    to_say: mpsc::Receiver<Control>,
    unhurried: mpsc::Receiver<Bytes>,
    deps: LinkDeps,
) where
    W: AsyncWrite + Unpin,
{
    let mut writer = Writer {
        write,
        shared,
        deps,
        to_say,
        unhurried,
        out: BytesMut::with_capacity(WRITE_BYTES),
        tails: None,
        places: [Seq::ZERO; 2],
    };
    let end = match writer.follow().await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    let (link, reason) = (writer.shared.id, end.to_string());
    // Without an actor nobody needs to know.
    let _ = writer
        .deps
        .inputs
        .send(Input::LinkDown { link, reason })
        .await;
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    async fn follow(&mut self) -> Result<std::convert::Infallible, End> {
        loop {
            while let Ok(control) = self.to_say.try_recv() {
                put_control(&mut self.out, &control);
            }
            self.put_places();
            self.put_batches()?;
            if self.out.len() < WRITE_BYTES
                && let Ok(frame) = self.unhurried.try_recv()
            {
                self.out.extend_from_slice(&frame);
            }
            if self.out.is_empty() {
                self.wait().await?;
                continue;
            }
            self.write.write_all(&self.out).await?;
            self.write.flush().await?;
            self.out.clear();
        }
    }

    /// What the passive has on its disk, or what the active has acknowledged.
    fn put_places(&mut self) {
        let Some((acked, places)) = self.own_places() else {
            return;
        };
        if places != self.places {
            self.places = places;
            tracing::trace!(acked, ?places, "places go to the partner");
            put_places(&mut self.out, acked, places);
        }
    }

    fn own_places(&self) -> Option<(bool, [Seq; 2])> {
        let journal = &self.deps.journal;
        match &*self.shared.flow.lock() {
            Flow::None => None,
            // Not by the lane's status: that takes the lock of those who submit.
            Flow::Lead { .. } => Some((
                false,
                Lane::ALL.map(|lane| journal.watermark(lane).durable()),
            )),
            Flow::Follow { after, .. } => {
                let here = Lane::ALL.map(|lane| journal.durable_here(lane).durable());
                // Nothing that it had before this link began: the active knows.
                let new = here.iter().zip(after).any(|(here, after)| here > after);
                new.then_some((true, here))
            }
        }
    }

    /// Batches, as long as there are some, the windows have room, and this write is not full.
    fn put_batches(&mut self) -> Result<(), End> {
        self.open_tails();
        let Some((_, tails)) = &mut self.tails else {
            return Ok(());
        };
        if let Flow::Lead { leader, .. } = &mut *self.shared.flow.lock() {
            for lane in Lane::ALL {
                leader.staged(lane, tails[lane.index()].staged());
            }
        }
        while self.out.len() < WRITE_BYTES {
            let Some((lane, reign, slow)) = next(&self.shared) else {
                return Ok(());
            };
            let batch = match tails[lane.index()].read()? {
                Tailed::Batch(batch) => batch,
                Tailed::UpToDate => return Ok(()),
                Tailed::Gone(_) => return Err(End::Gone),
                Tailed::Damaged(damage) => {
                    let from = damage.from;
                    return Err(End::Damaged { lane, from });
                }
            };
            let before = self.out.len();
            put_batch(
                &mut self.out,
                reign,
                lane,
                &batch,
                pack(self.deps.compress, slow),
            );
            let (last, bytes) = (Seq(batch.header.next().0 - 1), self.out.len() - before);
            tracing::trace!(%lane, %last, bytes, "a batch goes to the partner");
            if let Flow::Lead { leader, .. } = &mut *self.shared.flow.lock() {
                leader.sent(lane, last, bytes);
            }
        }
        Ok(())
    }

    /// Opens the tails where the partner begins, when it begins anew.
    fn open_tails(&mut self) {
        let flow = self.shared.flow.lock();
        let Flow::Lead { leader, round, .. } = &*flow else {
            drop(flow);
            self.tails = None;
            return;
        };
        if self.tails.as_ref().is_some_and(|(open, _)| open == round) {
            return;
        }
        let journal = &self.deps.journal;
        let tails = Lane::ALL.map(|lane| journal.tail(lane, leader.has(lane)));
        self.tails = Some((*round, tails));
        self.places = [Seq::ZERO; 2];
    }

    fn is_drained(&self, lane: Lane) -> bool {
        match &*self.shared.flow.lock() {
            Flow::Lead { leader, .. } => leader.is_drained(lane),
            _ => true,
        }
    }

    /// The watermarks whose progress is to be said, and from where on.
    fn watched(&self) -> Option<[(Arc<Watermark>, Seq); 2]> {
        let journal = &self.deps.journal;
        let said = self.places;
        match &*self.shared.flow.lock() {
            Flow::None => None,
            Flow::Lead { .. } => {
                Some(Lane::ALL.map(|lane| (journal.watermark(lane), said[lane.index()])))
            }
            Flow::Follow { after, .. } => Some(Lane::ALL.map(|lane| {
                let from = said[lane.index()].max(after[lane.index()]);
                (journal.durable_here(lane), from)
            })),
        }
    }

    /// Waits for anything to say.
    async fn wait(&mut self) -> Result<(), End> {
        let watched = self.watched();
        let moved = |lane: Lane| {
            let mark = watched.as_ref().map(|marks| {
                let (mark, after) = &marks[lane.index()];
                mark.reached(after.next())
            });
            async move {
                // A lane that has failed says so to the node; the link only stops hearing of it.
                let moved = match mark {
                    Some(mark) => mark.await.is_ok(),
                    None => false,
                };
                if !moved {
                    pending::<()>().await;
                }
            }
        };
        let drained = Lane::ALL.map(|lane| self.is_drained(lane));
        let tails = self.tails.as_ref().map(|(_, tails)| tails);
        let staged = |lane: Lane| {
            let tail = tails.map(|tails| &tails[lane.index()]);
            // What is known and has no room is waited for by an acknowledgement. What was placed since
            // it was looked resolves at once.
            let more = tail.filter(|_| drained[lane.index()]).map(Tail::more);
            async move {
                let more = match more {
                    Some(more) => more.await.is_ok(),
                    None => false,
                };
                if !more {
                    pending::<()>().await;
                }
            }
        };
        tokio::select! {
            control = self.to_say.recv() => {
                let Some(control) = control else {
                    self.write.shutdown().await?;
                    return Err(End::Stopping);
                };
                put_control(&mut self.out, &control);
            }
            Some(frame) = self.unhurried.recv() => self.out.extend_from_slice(&frame),
            () = self.shared.changed.notified() => {}
            () = staged(Lane::Critical) => {}
            () = staged(Lane::Normal) => {}
            () = moved(Lane::Critical) => {}
            () = moved(Lane::Normal) => {}
        }
        Ok(())
    }
}

/// The lane to send next, in which reign, and whether the link is slow.
fn next(shared: &Shared) -> Option<(Lane, Epoch, bool)> {
    match &*shared.flow.lock() {
        Flow::Lead { leader, reign, .. } => {
            let lane = leader.next()?;
            Some((lane, *reign, leader.bytes(lane) >= SLOW_BYTES))
        }
        _ => None,
    }
}

const fn pack(setting: CompressSetting, slow: bool) -> Compress {
    match (setting, slow) {
        (CompressSetting::Always, _) | (CompressSetting::Auto, true) => Compress::Lz4,
        _ => Compress::No,
    }
}
