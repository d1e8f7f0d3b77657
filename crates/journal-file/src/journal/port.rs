//! The journal as the port has it.

use std::sync::Arc;

use spica_journal::{
    CursorError, CursorStatus, FollowError, Follower, Journal, LaneStatus, SubmitError, Ticket,
    Watermark, Window,
};
use spica_journal_format::State;
use spica_model::{Lane, NewRecord, Seq, Timestamp};

use super::FileJournal;
use crate::lane::LaneLog;

/// Longest name of a consumer, in bytes.
const CURSOR_NAME_BYTES: usize = 64;

impl Journal for FileJournal {
    fn submit(&self, lane: Lane, records: &[NewRecord<'_>]) -> Result<Ticket, SubmitError> {
        self.lane(lane).submit(records)
    }

    fn status(&self, lane: Lane) -> LaneStatus {
        self.lane(lane).status()
    }

    fn watermark(&self, lane: Lane) -> Arc<Watermark> {
        Arc::clone(&self.lane(lane).watermark)
    }

    fn follow(&self, lane: Lane, after: Seq) -> Result<Box<dyn Follower>, FollowError> {
        Ok(Box::new(self.lane(lane).follow(after)?))
    }

    fn window(
        &self,
        lane: Lane,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Window, FollowError> {
        self.lane(lane).window(from, until)
    }

    fn retiring(&self, lane: Lane) -> Seq {
        self.lane(lane).retiring()
    }

    fn cursors(&self) -> Vec<CursorStatus> {
        let of_lane = |lane: &Arc<LaneLog>| {
            let id = lane.lane;
            let cursors = lane.cursors.list().into_iter();
            cursors
                .map(move |(name, seq)| CursorStatus {
                    name,
                    lane: id,
                    seq,
                })
                .collect::<Vec<_>>()
        };
        self.lanes.iter().flat_map(of_lane).collect()
    }

    fn open_cursor(&self, name: &str, lane: Lane, seq: Seq) -> Result<Seq, CursorError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if name.is_empty() || name.len() > CURSOR_NAME_BYTES || !name.bytes().all(allowed) {
            return Err(CursorError::Name(name.to_owned()));
        }
        let _one_at_a_time = self.cursors.lock();
        let count: usize = self.lanes.iter().map(|lane| lane.cursors.len()).sum();
        let lane = self.lane(lane);
        if let Some(place) = lane.cursors.get(name) {
            return Ok(place);
        }
        if count >= State::CURSORS_MAX {
            return Err(CursorError::TooMany(count));
        }
        lane.cursors.insert(name, seq);
        if let Err(error) = lane.store_state() {
            lane.cursors.remove(name);
            return Err(CursorError::Store(error));
        }
        Ok(seq)
    }

    fn advance_cursor(&self, name: &str, lane: Lane, seq: Seq) -> Result<(), CursorError> {
        if self.lane(lane).cursors.advance(name, seq) {
            return Ok(());
        }
        Err(CursorError::Unknown {
            name: name.to_owned(),
            lane,
        })
    }

    fn remove_cursor(&self, name: &str, lane: Lane) -> Result<(), CursorError> {
        let _one_at_a_time = self.cursors.lock();
        let log = self.lane(lane);
        let Some(place) = log.cursors.remove(name) else {
            return Err(CursorError::Unknown {
                name: name.to_owned(),
                lane,
            });
        };
        if let Err(error) = log.store_state() {
            log.cursors.insert(name, place);
            return Err(CursorError::Store(error));
        }
        log.chores.wake();
        Ok(())
    }
}
