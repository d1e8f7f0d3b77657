//! A session that is reached by requests: its frames wait in a room until they are read.
//!
//! A [keeper](crate::sessions::keeper) fills the room, with what its reader can take. Requests read it,
//! one at a time; the next reader takes over.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use spica_live_hub::Portion;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use crate::link::Taken;
use crate::sessions::outbox::Outbox;

/// Bodies with frames that may wait to be heard.
const INBOX: usize = 8;

/// What one request has posted: whole frames.
pub(crate) type Posted = Vec<Bytes>;

/// How a session is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As a stream, whose link says what it takes.
    Stream,
    /// By polls.
    Polls,
}

/// A session, as requests see it.
#[derive(Debug)]
pub(crate) struct Room {
    /// The token it belongs to.
    owner: String,
    inbox: mpsc::Sender<Posted>,
    state: Mutex<State>,
    /// Tells readers that there is something for them.
    news: watch::Sender<()>,
    /// Tells the keeper that a reader has come, gone, or read.
    acts: Notify,
}

#[derive(Debug)]
struct State {
    outbox: Outbox,
    /// Nothing more comes.
    over: bool,
    /// The client has ended it.
    left: bool,
    /// Counts readers: the last one reads.
    reader: u64,
    reading: Option<Way>,
    /// What the link of a stream has taken that the keeper does not know of.
    taken: Taken,
    /// What the link of a stream takes in a short time.
    room: usize,
    /// How much the answer to a poll may hold.
    portion: Portion,
    /// The answer to a poll that is on its way.
    answer: Option<Answer>,
}

/// The answer to a poll.
#[derive(Debug)]
struct Answer {
    /// The number of its last frame.
    last: u64,
    bytes: usize,
    at: Instant,
}

/// What the keeper sees of a room.
#[derive(Debug)]
pub(crate) struct Look {
    /// The last reader, and whether it reads.
    pub(crate) reader: u64,
    pub(crate) reading: Option<Way>,
    /// Nothing more can wait here.
    pub(crate) full: bool,
    /// Nothing waits here that its reader has not taken.
    pub(crate) is_heard: bool,
    /// What its link has taken since the last look.
    pub(crate) taken: Taken,
    /// How much the answer to a poll may hold.
    pub(crate) portion: usize,
}

/// What a reader gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// Frames, and the number of the last of them.
    Frames(Vec<Bytes>, u64),
    /// The session is over, and everything was read.
    Over,
    /// Another reader has taken over.
    TakenOver,
    /// What comes after that number is not here any more, or was never.
    Lost,
}

/// The one that reads a session.
#[derive(Debug)]
pub(crate) struct Reader {
    room: Arc<Room>,
    number: u64,
    news: watch::Receiver<()>,
}

impl Room {
    /// A room for a session of the token `owner`, and what is posted to it.
    pub(crate) fn new(owner: String, outbox: usize) -> (Arc<Self>, mpsc::Receiver<Posted>) {
        let (inbox, posted) = mpsc::channel(INBOX);
        let state = State {
            outbox: Outbox::new(outbox),
            over: false,
            left: false,
            reader: 0,
            reading: None,
            taken: Taken::default(),
            room: usize::MAX,
            portion: Portion::default(),
            answer: None,
        };
        let room = Self {
            owner,
            inbox,
            state: Mutex::new(state),
            news: watch::Sender::new(()),
            acts: Notify::new(),
        };
        (Arc::new(room), posted)
    }

    /// Whether it belongs to the token `id`.
    pub(crate) fn is_of(&self, id: &str) -> bool {
        self.owner == id
    }

    /// Whether the frames were taken: not while too many wait.
    pub(crate) fn post(&self, frames: Posted) -> bool {
        self.inbox.try_send(frames).is_ok()
    }

    /// The client wants no more.
    pub(crate) fn leave(&self) {
        self.state.lock().left = true;
        self.acts.notify_one();
    }

    /// A new reader; the one there was gets no more.
    pub(crate) fn read(self: &Arc<Self>, way: Way) -> Reader {
        let number = {
            let mut state = self.state.lock();
            state.reader += 1;
            state.reading = Some(way);
            state.reader
        };
        self.news.send_replace(());
        self.acts.notify_one();
        Reader {
            room: Arc::clone(self),
            number,
            news: self.news.subscribe(),
        }
    }

    /// What the keeper has to know; none if the client has left.
    pub(crate) fn look(&self) -> Option<Look> {
        let mut state = self.state.lock();
        (!state.left).then(|| Look {
            reader: state.reader,
            reading: state.reading,
            full: state.outbox.is_full(),
            is_heard: state.outbox.is_heard(),
            taken: std::mem::take(&mut state.taken),
            portion: state.portion.bytes(),
        })
    }

    /// What the link of its reader takes in a short time is known anew.
    pub(crate) fn keeps(&self, room: usize) {
        self.state.lock().room = room;
    }

    /// Resolves when a reader has come, gone, or read, or the client has left.
    pub(crate) async fn acts(&self) {
        self.acts.notified().await;
    }

    /// Adds frames.
    pub(crate) fn push(&self, frames: impl IntoIterator<Item = Bytes>) {
        let mut state = self.state.lock();
        for frame in frames {
            state.outbox.push(frame);
        }
        drop(state);
        self.news.send_replace(());
    }

    /// Ends it, with a last word if there is one.
    pub(crate) fn end(&self, bye: Option<Bytes>) {
        let mut state = self.state.lock();
        if let Some(bye) = bye {
            state.outbox.push(bye);
        }
        state.over = true;
        drop(state);
        self.news.send_replace(());
    }

    /// Resolves when everything was handed over.
    pub(crate) async fn heard(&self) {
        while !self.state.lock().outbox.is_heard() {
            self.acts().await;
        }
    }
}

impl Reader {
    /// The client has everything up to `number`, and asks for more.
    pub(crate) fn acknowledge(&self, number: u64) {
        let mut state = self.room.state.lock();
        state.outbox.acknowledge(number);
        if let Some(answer) = state.answer.take()
            && answer.last <= number
        {
            state.portion.came(answer.bytes, answer.at.elapsed());
        }
        drop(state);
        self.room.acts.notify_one();
    }

    /// An answer of so many bytes goes out, up to the frame `last`.
    pub(crate) fn answer(&self, last: u64, bytes: usize) {
        let at = Instant::now();
        self.room.state.lock().answer = Some(Answer { last, bytes, at });
    }

    /// Everything up to `number` is on its way, and is kept as long as there is room; so much has the
    /// link taken meanwhile.
    pub(crate) fn hand_over(&self, number: u64, taken: Taken) {
        let mut state = self.room.state.lock();
        state.outbox.hand_over(number);
        state.taken.add(taken);
        drop(state);
        self.room.acts.notify_one();
    }

    /// What the link takes in a short time, as far as that is known.
    pub(crate) fn room(&self) -> usize {
        self.room.state.lock().room
    }

    /// Whether what comes after `number` is still here.
    pub(crate) fn holds(&self, number: u64) -> bool {
        self.room.state.lock().outbox.after(number).is_some()
    }

    /// Waits for frames after `number`.
    pub(crate) async fn after(&mut self, number: u64) -> Read {
        loop {
            self.news.mark_unchanged();
            if let Some(read) = self.look(number) {
                return read;
            }
            // The room is held: its news do not end.
            let _ = self.news.changed().await;
        }
    }

    fn look(&self, number: u64) -> Option<Read> {
        let state = self.room.state.lock();
        if state.reader != self.number {
            return Some(Read::TakenOver);
        }
        let Some(frames) = state.outbox.after(number) else {
            return Some(Read::Lost);
        };
        let frames: Vec<Bytes> = frames.cloned().collect();
        if frames.is_empty() {
            return state.over.then_some(Read::Over);
        }
        Some(Read::Frames(frames, state.outbox.last()))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.room.state.lock();
        if state.reader == self.number {
            state.reading = None;
        }
        drop(state);
        self.room.acts.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(frames: u64) -> Arc<Room> {
        let (room, _) = Room::new("t".into(), 1_000);
        room.push((0..frames).map(|n| Bytes::from(n.to_string())));
        room
    }

    #[tokio::test]
    async fn a_second_reader_takes_over_and_the_first_one_does_not_disturb_it() {
        let room = filled(1);
        let mut first = room.read(Way::Stream);
        assert_eq!(first.after(0).await, Read::Frames(vec!["0".into()], 1));
        let waiting = first.after(1);
        let mut second = room.read(Way::Stream);
        assert_eq!(waiting.await, Read::TakenOver);
        drop(first);
        assert!(room.state.lock().reading.is_some());
        let (read, ()) = tokio::join!(second.after(1), async { room.push(["1".into()]) });
        assert_eq!(read, Read::Frames(vec!["1".into()], 2));
        drop(second);
        assert!(room.state.lock().reading.is_none());
    }

    #[tokio::test]
    async fn the_last_word_is_read_before_the_end() {
        let room = filled(1);
        let mut reader = room.read(Way::Stream);
        room.end(Some("bye".into()));
        let last = vec![Bytes::from("0"), Bytes::from("bye")];
        assert_eq!(reader.after(0).await, Read::Frames(last, 2));
        reader.hand_over(2, Taken::default());
        room.heard().await;
        assert_eq!(reader.after(2).await, Read::Over);
        assert_eq!(reader.after(3).await, Read::Lost);
    }
}
