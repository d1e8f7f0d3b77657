//! What is done beside following: records that were put aside, and pictures. The reader gives each
//! frame to whoever is there for it, and never waits for them.

use bytes::Bytes;
use spica_objects::Address;
use spica_pair_proto::{Control, Frame};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::LinkDeps;
use crate::pictures::{self, Counterpart, GiverDesk, Keep};
use crate::reentry::{self, RECORDS_MAX, Work};

/// Pieces of what was put aside that may wait: one is answered before the next comes.
const ASIDE_PIECES: usize = 1;
/// Pictures of this node that may wait to be given; more wait where they come from.
const GIFTS: usize = 16;

/// Who takes what comes.
pub(crate) struct Desks {
    /// For the active: what the passive had put aside.
    work: mpsc::Sender<Work>,
    /// For the passive: what the active says about it.
    reentered: mpsc::Sender<Control>,
    /// What the partner says to pictures that are given.
    taken: mpsc::Sender<Control>,
    /// Pictures that it asks for.
    asked: mpsc::Sender<Address>,
    /// Pictures of the partner's.
    keep: mpsc::Sender<Keep>,
}

/// The other ends of a link's desks.
pub(super) struct Staffed {
    pub(super) desks: Desks,
    pub(super) counterpart: Counterpart,
    pub(super) reentered: mpsc::Receiver<Control>,
    pub(super) tasks: JoinSet<()>,
}

/// The partner has sent more than was asked for, or what nobody can read.
#[derive(Debug)]
pub(super) struct Unasked;

impl Desks {
    /// Somebody at each desk, who says what he has to say by `says` and sends parts of pictures by
    /// `frames`.
    pub(super) fn staff(
        deps: &LinkDeps,
        lane_keys: [u64; 2],
        says: &mpsc::WeakSender<Control>,
        frames: mpsc::Sender<Bytes>,
    ) -> Staffed {
        let (work, pieces) = mpsc::channel(ASIDE_PIECES);
        let (reentered, said) = mpsc::channel(ASIDE_PIECES);
        let (taken, answers) = mpsc::channel(pictures::PIECES);
        let (asking, asked) = mpsc::channel(1);
        let (giving, gifts) = mpsc::channel(GIFTS);
        let (keep, kept) = mpsc::channel(pictures::PIECES);
        let mut tasks = JoinSet::new();
        let counter = deps.counter.clone();
        tasks.spawn(reentry::serve(counter, lane_keys, pieces, says.clone()));
        tasks.spawn(pictures::give(GiverDesk {
            store: deps.pictures.clone(),
            gifts,
            asked,
            answers,
            says: says.clone(),
            frames,
        }));
        let (store, metrics) = (deps.pictures.clone(), deps.metrics.clone());
        tasks.spawn(pictures::keep(store, metrics, kept, says.clone()));
        Staffed {
            counterpart: Counterpart {
                gifts: giving,
                keep: keep.clone(),
            },
            desks: Self {
                work,
                reentered,
                taken,
                asked: asking,
                keep,
            },
            reentered: said,
            tasks,
        }
    }

    /// Takes a frame; gives it back if none of them is there for it. `leads` says whether records go
    /// to the partner.
    pub(super) fn take(&self, frame: Frame, leads: bool) -> Result<Option<Frame>, Unasked> {
        let control = match frame {
            Frame::Control(control) => control,
            // It comes again to whoever is active.
            Frame::Aside(_) if !leads => return Ok(None),
            Frame::Aside(sent) if sent.header.count as usize > RECORDS_MAX => return Err(Unasked),
            Frame::Aside(sent) => return put(&self.work, Work::Records(sent)),
            Frame::Part(part) => return put(&self.keep, Keep::Part(part)),
            other => return Ok(Some(other)),
        };
        match control {
            Control::Reentered(_) | Control::AsideNoted { .. } => put(&self.reentered, control),
            Control::AsideEnds(_) if !leads => Ok(None),
            Control::AsideEnds(ends) => put(&self.work, Work::Ends(ends)),
            Control::Object { address, bytes } => {
                let address = address.parse().map_err(|_| Unasked)?;
                put(&self.keep, Keep::Offer { address, bytes })
            }
            Control::ObjectUnknown { address } => {
                let address = address.parse().map_err(|_| Unasked)?;
                put(&self.keep, Keep::Unknown(address))
            }
            Control::ObjectMissing { address } => {
                put(&self.asked, address.parse().map_err(|_| Unasked)?)
            }
            Control::ObjectTaken { .. }
            | Control::ObjectKept { .. }
            | Control::ObjectRefused { .. } => put(&self.taken, control),
            other => Ok(Some(Frame::Control(other))),
        }
    }
}

/// No more comes than has room, as long as the partner keeps to what was agreed.
fn put<T>(desk: &mpsc::Sender<T>, piece: T) -> Result<Option<Frame>, Unasked> {
    desk.try_send(piece).map(|()| None).map_err(|_| Unasked)
}
