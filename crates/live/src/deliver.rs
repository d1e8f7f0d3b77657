//! Frames of the rows of a subscription.

use bytes::Bytes;
use spica_live_proto::{DATA_FRAME_BYTES, Encoding, data_head, data_tail};
use spica_model::Place;

use crate::begin::sum;
use crate::group::Group;
use crate::mark::covers;
use crate::part::Part;
use crate::share::Contents;
use crate::subscription::{Held, Sub};
use crate::turn::Turn;

impl Turn<'_> {
    /// Makes a frame of what there is, before the rest.
    pub(crate) fn flush(&mut self, group: &Group, sub: &mut Sub, part: &mut Part) {
        let at = self.store.at(group, sub.cursor);
        self.push_frame(sub, part, &at);
        part.frames += 1;
        part.body.clear();
        part.contents = Contents::NONE;
    }

    fn push_frame(&mut self, sub: &mut Sub, part: &Part, at: &Place) -> Bytes {
        let rows = usize::try_from(part.contents.rows).unwrap_or(usize::MAX);
        let frame = data_frame(self.encoding, sub, &part.body, rows, at);
        sub.told = sum(at);
        sub.states_sent += part.contents.states;
        let contents = Contents {
            full: part.contents.full + (frame.len() - part.body.len()) as u64,
            ..part.contents
        };
        self.store.counters.built += 1;
        self.book(&contents, frame.len());
        if let Some(pace) = &mut sub.pace {
            pace.take(frame.len(), self.now);
        }
        self.out.push(frame.clone());
        frame
    }

    /// Sends the rest of the rows of a subscription.
    pub(crate) fn deliver(&mut self, sub: &mut Sub, mut part: Part, keep: bool) {
        let group = &self.groups[sub.group as usize];
        let is_whole = covers(sub.cursor, group.head(self.store.heads));
        if part.contents.rows > 0 {
            let at = self.store.at(group, sub.cursor);
            let frame = self.push_frame(sub, &part, &at);
            let is_plain = sub.replay.is_none() && sub.pace.is_none() && sub.sweeps.is_none();
            // Others at its place may hold newer values than those that its changes are based on.
            let fits_others = matches!(sub.held, Held::Whole) || part.contents.bases.is_none();
            if keep && part.frames == 0 && is_plain && fits_others {
                self.keep(sub, &part, frame);
            }
        }
        if is_whole {
            self.settle(sub);
        } else {
            sub.hold(&part.values, self.store.limits.held);
            sub.note_events(&self.groups[sub.group as usize]);
        }
        part.body.clear();
        self.store.bodies.push(part.body);
    }

    /// Tells a client where it stands, when there was nothing else to say for long: it could not go
    /// on from a place that is too old.
    pub(crate) fn tell(&mut self, sub: &mut Sub, at: &Place) {
        let frame = data_frame(self.encoding, sub, &[], 0, at);
        sub.told = sum(at);
        self.book(&Contents::NONE, frame.len());
        self.out.push(frame);
    }
}

fn data_frame(encoding: Encoding, sub: &Sub, body: &[u8], rows: usize, at: &Place) -> Bytes {
    let mut frame = Vec::with_capacity(body.len() + DATA_FRAME_BYTES);
    data_head(encoding, sub.id, rows, &mut frame);
    frame.extend_from_slice(body);
    data_tail(encoding, at, &mut frame);
    frame.into()
}
