//! One subscription: where it stands, what it holds, what it must tell.

use std::sync::Arc;

use parking_lot::RwLock;
use smallvec::{SmallVec, smallvec};
use spica_live_proto::{Deliver, GapReason, Kinds, Row, ServerFrame, SubId, Subscribe};
use spica_model::{Lane, Place, Position, Seq, TopicFilter};

use super::held::{Held, Misfit};
use super::value::Item;

/// What an application wants of a subscription, with the defaults of the wire: the latest of each
/// state, each event, beginning with what is. Its number is the client's to choose.
#[must_use]
pub fn wanted(filter: TopicFilter) -> Subscribe {
    Subscribe::new(SubId(0), filter)
}

fn brings_events(wanted: &Subscribe) -> bool {
    wanted.kinds != Kinds::State && wanted.deliver != Deliver::Latest
}

/// Names a subscription for the life of the client, whatever number it has on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TrackId(pub(crate) u64);

/// Items of one frame.
pub(crate) type Items = SmallVec<[Item; 4]>;

/// What the server said makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nonsense;

/// How a `data` frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// All of it.
    All,
    /// Up to a row about what is not held: begin anew.
    Resync,
}

/// The state machine of a subscription.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) wanted: Subscribe,
    pub(crate) held: Arc<RwLock<Held>>,
    /// The resume point.
    at: Option<Place>,
    /// Up to here the application knows of every event, or of its gap.
    told: Option<Place>,
    begun: bool,
    open: bool,
    ready: bool,
}

impl Track {
    pub(crate) fn new(id: TrackId, sub: SubId, wanted: Subscribe) -> Self {
        Self {
            id,
            at: wanted.after,
            told: wanted.after,
            wanted: Subscribe { sub, ..wanted },
            held: Arc::default(),
            begun: false,
            open: false,
            ready: false,
        }
    }

    /// Its number on this connection.
    pub(crate) const fn sub(&self) -> SubId {
        self.wanted.sub
    }

    /// Subscribes, or resumes.
    pub(crate) fn request(&mut self) -> Subscribe {
        self.open = false;
        self.wanted.after = self.at;
        self.wanted.clone()
    }

    /// The connection is gone.
    pub(crate) fn lost(&mut self) {
        self.open = false;
        if self.begun {
            self.held.write().stale = true;
        }
    }

    /// What is held cannot be trusted: the next request, under another number, begins anew.
    pub(crate) fn resync(&mut self, sub: SubId) {
        self.wanted.sub = sub;
        self.at = None;
        self.open = false;
        self.held.write().stale = true;
    }

    /// Rows have come.
    pub(crate) fn rows(
        &mut self,
        rows: Vec<Row>,
        at: Place,
        items: &mut Items,
    ) -> Result<Applied, Nonsense> {
        if !self.open {
            return Err(Nonsense);
        }
        let mut held = self.held.write();
        for row in rows {
            match held.apply(row) {
                Ok(value) => items.push(Item::Value(value)),
                Err(Misfit::NotHeld) => return Ok(Applied::Resync),
                Err(Misfit::TooMany) => return Err(Nonsense),
            }
        }
        drop(held);
        if self.ready {
            self.moved(at);
        } else {
            // Part of a snapshot is no resume point; events up to there have come all the same.
            for lane in Lane::ALL {
                self.know(lane, at.seq(lane));
            }
        }
        Ok(Applied::All)
    }

    /// A frame about this subscription, other than rows.
    pub(crate) fn receive(&mut self, frame: ServerFrame) -> Result<Items, Nonsense> {
        match frame {
            ServerFrame::Subscribed { at, resumed, .. } => self.subscribed(at, resumed),
            ServerFrame::Refused { code, detail, .. } => {
                Ok(smallvec![Item::Refused { code, detail }])
            }
            ServerFrame::Ended { code, detail, .. } => Ok(smallvec![Item::Ended { code, detail }]),
            _ if !self.open => Err(Nonsense),
            ServerFrame::Ready { at, .. } => {
                self.moved(at);
                self.ready = true;
                self.held.write().stale = false;
                Ok(smallvec![Item::Ready(at)])
            }
            ServerFrame::Gap {
                lane,
                from,
                to,
                reason,
                ..
            } if from <= to => {
                self.know(lane, to);
                Ok(smallvec![Item::Gap {
                    lane,
                    from,
                    to,
                    reason
                }])
            }
            ServerFrame::Reset(_) => {
                self.at = None;
                self.ready = false;
                self.held.write().values.clear();
                Ok(smallvec![Item::Reset])
            }
            _ => Err(Nonsense),
        }
    }

    fn moved(&mut self, at: Place) {
        self.at = Some(at);
        self.told = Some(at);
    }

    /// Of every event up to `seq` the application knows.
    fn know(&mut self, lane: Lane, seq: Seq) {
        if let Some(told) = &mut self.told {
            let epoch = told.epoch(lane);
            told.advance(Position { epoch, lane, seq });
        }
    }

    fn subscribed(&mut self, at: Place, resumed: bool) -> Result<Items, Nonsense> {
        if self.open {
            return Err(Nonsense);
        }
        let mut items = Items::new();
        let begun = std::mem::replace(&mut self.begun, true);
        self.open = true;
        self.ready = resumed;
        if resumed {
            return Ok(items);
        }
        if self.at.is_none()
            && brings_events(&self.wanted)
            && let Some(told) = self.told
        {
            items.extend(missed(&told, &at));
        }
        if begun {
            items.push(Item::Reset);
        }
        self.held.write().values.clear();
        // What comes after this place is told, or named by a gap, even if the snapshot is cut.
        self.told = Some(at);
        self.ready = !self.wanted.snapshot;
        self.at = self.ready.then_some(at);
        Ok(items)
    }
}

/// The numbers between two places, as gaps.
fn missed(told: &Place, at: &Place) -> impl Iterator<Item = Item> {
    Lane::ALL.into_iter().filter_map(|lane| {
        let (from, to) = (told.seq(lane).next(), at.seq(lane));
        (from <= to).then_some(Item::Gap {
            lane,
            from,
            to,
            reason: GapReason::Unknown,
        })
    })
}
