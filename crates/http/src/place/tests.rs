//! Both spellings, and whether a place is one of this history.

use std::sync::Arc;

use super::*;
use spica_journal::{
    CursorError, CursorStatus, Durable, Follower, LaneStatus, SubmitError, Ticket, Watermark,
    Window,
};
use spica_model::{NewRecord, Timestamp};

use crate::fixture::record;

fn place() -> Place {
    Place::new((Epoch(2), Seq(5)), (Epoch(1), Seq(u64::MAX)))
}

#[test]
fn both_spellings_read_back() {
    assert_eq!(
        place().to_string(),
        "critical:2/5,normal:1/18446744073709551615"
    );
    assert_eq!(place().to_string().parse(), Ok(place()));
    assert_eq!(Place::from_cursor(&place().cursor()), Ok(place()));
}

#[test]
fn anything_else_is_refused() {
    for bad in [
        "",
        "critical:1/1",
        "critical:1/+1,normal:1/1",
        "critical:1/1,normal:1/-",
        ",",
    ] {
        assert_eq!(bad.parse::<Place>(), Err(PlaceError), "{bad:?}");
    }
    let other_version = URL_SAFE_NO_PAD.encode(format!("2;{}", place()));
    for bad in ["", "*", "AAAA", &other_version] {
        assert_eq!(Place::from_cursor(bad), Err(PlaceError), "{bad:?}");
    }
}

#[test]
fn a_place_only_moves_forward() {
    let mut place = Place::new((Epoch(1), Seq(5)), (Epoch(1), Seq(5)));
    let at = |seq| Position {
        epoch: Epoch(2),
        lane: Lane::Normal,
        seq: Seq(seq),
    };
    assert!(place.covers(at(5)) && !place.covers(at(6)));
    place.advance(at(4));
    assert_eq!(place.epoch(Lane::Normal), Epoch(1));
    place.advance(at(6));
    assert_eq!(
        (place.epoch(Lane::Normal), place.seq(Lane::Normal)),
        (Epoch(2), Seq(6))
    );
    assert_eq!(place.seq(Lane::Critical), Seq(5));
}

/// A journal in its third reign: 1 to 4 were written in the first, 5 to 9 in the third.
struct ThirdReign;

struct One(Seq);

impl Follower for One {
    fn read(&mut self, _: usize) -> Result<Followed, FollowError> {
        let seq = self.0.next();
        let mut found = record("root/a", seq.0, "1");
        found.position.epoch = if seq.0 < 5 { Epoch(1) } else { Epoch(3) };
        Ok(Followed::Records(vec![found]))
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
        let found = place.is_known(&ThirdReign, &[Lane::Critical]).unwrap();
        assert_eq!(found, known, "{epoch}/{seq}: {why}");
    }
}
