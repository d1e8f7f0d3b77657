//! A place of an earlier reign is known until a later one wrote there.

use std::sync::Arc;

use bytes::Bytes;
use spica_model::{
    ContentType, Epoch, Kind, NewRecord, Op, Position, Quality, Record, Timestamp, Topic,
};

use super::*;
use crate::{
    CursorError, CursorStatus, Durable, Follower, LaneStatus, SubmitError, Ticket, Watermark,
    Window,
};

fn record(position: Position) -> Record {
    Record {
        position,
        topic: Topic::new("root/a").unwrap(),
        kind: Kind::State,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::EPOCH,
        source_time: None,
        content_type: ContentType::Json,
        payload: Bytes::from_static(b"1"),
        key: None,
        cause: None,
        properties: None,
    }
}

/// A journal in its third reign: 1 to 4 were written in the first, 5 to 9 in the third.
struct ThirdReign;

struct One(Seq);

impl Follower for One {
    fn read(&mut self, _: usize) -> Result<Followed, FollowError> {
        let seq = self.0.next();
        let epoch = if seq.0 < 5 { Epoch(1) } else { Epoch(3) };
        let lane = Lane::Critical;
        Ok(Followed::Records(vec![record(Position {
            epoch,
            lane,
            seq,
        })]))
    }

    fn after(&self) -> Seq {
        self.0
    }

    fn more(&self) -> Durable {
        Arc::new(Watermark::new(Seq(9))).reached(self.0.next())
    }
}

impl Journal for ThirdReign {
    fn submit(&self, _: Lane, _: &[NewRecord<'_>]) -> Result<Ticket, SubmitError> {
        Err(SubmitError::Closed)
    }

    fn status(&self, _: Lane) -> LaneStatus {
        let (first, last) = (Seq(3), Seq(9));
        LaneStatus {
            epoch: Epoch(3),
            first,
            last,
            durable: last,
            bytes: 0,
        }
    }

    fn watermark(&self, _: Lane) -> Arc<Watermark> {
        Arc::new(Watermark::new(Seq(9)))
    }

    fn follow(&self, _: Lane, after: Seq) -> Result<Box<dyn Follower>, FollowError> {
        Ok(Box::new(One(after)))
    }

    fn window(
        &self,
        _: Lane,
        _: Option<Timestamp>,
        _: Option<Timestamp>,
    ) -> Result<Window, FollowError> {
        let (after, through) = (Seq(2), Seq(9));
        Ok(Window { after, through })
    }

    fn cursors(&self) -> Vec<CursorStatus> {
        Vec::new()
    }

    fn open_cursor(&self, _: &str, _: Lane, seq: Seq) -> Result<Seq, CursorError> {
        Ok(seq)
    }

    fn advance_cursor(&self, _: &str, _: Lane, _: Seq) -> Result<(), CursorError> {
        Ok(())
    }

    fn remove_cursor(&self, _: &str, _: Lane) -> Result<(), CursorError> {
        Ok(())
    }
}

#[test]
fn a_place_is_known_as_long_as_no_later_reign_wrote_there() {
    for (epoch, seq, known, why) in [
        (1, 4, true, "seen in the first reign, and still from it"),
        (2, 4, true, "seen in the second, which kept it"),
        (
            1,
            5,
            false,
            "seen in the first, but the third wrote another record there",
        ),
        (2, 9, false, "the second's suffix was lost"),
        (3, 9, true, "this reign"),
        (3, 10, false, "not durable here"),
        (4, 1, false, "a reign that this journal does not know"),
        (1, 2, true, "removed by retention: the follower says so"),
        (1, 0, true, "before the first record"),
    ] {
        let place = Place::new((Epoch(epoch), Seq(seq)), (Epoch(9), Seq(99)));
        let found = knows(&ThirdReign, &place, &[Lane::Critical]).unwrap();
        assert_eq!(found, known, "{epoch}/{seq}: {why}");
    }
}
