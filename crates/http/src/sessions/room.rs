//! A session that is reached by requests: its frames wait in a room until they are read.
//!
//! A task keeps the room: it holds the conversation, hears what is posted and fills the outbox.
//! Requests read it, one at a time; the next reader takes over.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use spica_live_proto::{Encoding, ServerFrame};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::sessions::conversation::{Conversation, Heard, Said, frame};
use crate::sessions::ending::Ending;
use crate::sessions::key::Key;
use crate::sessions::metrics::Transport;
use crate::sessions::outbox::Outbox;
use crate::state::App;

/// Bodies with frames that may wait to be heard.
const INBOX: usize = 8;
/// How long the last word waits for a reader when the node stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// What one request has posted: whole frames.
pub(crate) type Posted = Vec<Bytes>;

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
    reading: bool,
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
            reading: false,
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
    pub(crate) fn read(self: &Arc<Self>) -> Reader {
        let number = {
            let mut state = self.state.lock();
            state.reader += 1;
            state.reading = true;
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

    fn push(&self, frames: impl IntoIterator<Item = Bytes>) {
        let mut state = self.state.lock();
        for frame in frames {
            state.outbox.push(frame);
        }
        drop(state);
        self.news.send_replace(());
    }

    /// Ends it, with a last word if there is one.
    fn end(&self, bye: Option<Bytes>) {
        let mut state = self.state.lock();
        if let Some(bye) = bye {
            state.outbox.push(bye);
        }
        state.over = true;
        drop(state);
        self.news.send_replace(());
    }

    /// Resolves when everything was handed over.
    async fn heard(&self) {
        while !self.state.lock().outbox.is_heard() {
            self.acts.notified().await;
        }
    }
}

impl Reader {
    /// The client has everything up to `number`.
    pub(crate) fn acknowledge(&self, number: u64) {
        self.room.state.lock().outbox.acknowledge(number);
        self.room.acts.notify_one();
    }

    /// Everything up to `number` is on its way, and is kept as long as there is room.
    pub(crate) fn hand_over(&self, number: u64) {
        self.room.state.lock().outbox.hand_over(number);
        self.room.acts.notify_one();
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
            state.reading = false;
        }
        drop(state);
        self.room.acts.notify_one();
    }
}

/// Keeps a room until its session is over and its last word was read.
pub(crate) async fn keep(
    app: App,
    key: Key,
    room: Arc<Room>,
    conversation: Conversation,
    posted: mpsc::Receiver<Posted>,
) {
    let open = app.parts.metrics.sessions.opened(Transport::Http);
    let ending = Keeper::new(&app, &room, conversation).run(posted).await;
    drop(open);
    app.parts.metrics.sessions.ended(ending.label());
    tracing::debug!(why = ending.label(), "a session over HTTP ends");
    let bye = ending.bye(&app);
    let bye = bye.map(|bye| frame(Encoding::Json, &ServerFrame::Bye(Box::new(bye))));
    room.end(bye);
    let patience = match ending {
        Ending::Left(_) => Duration::ZERO,
        Ending::Stopping => FAREWELL,
        _ => app.settings.live.idle_session.into(),
    };
    tokio::select! {
        _ = tokio::time::timeout(patience, room.heard()) => {}
        () = stopped(&app) => {}
    }
    app.sessions.remove(&key);
}

/// Resolves when the node has been stopping for a while.
async fn stopped(app: &App) {
    app.stopping.cancelled().await;
    tokio::time::sleep(FAREWELL).await;
}

/// Keeps one room.
struct Keeper<'a> {
    room: &'a Room,
    conversation: Conversation,
    patience: Duration,
    /// The last reader that was seen, and since when nobody reads.
    seen: u64,
    unread: Option<Instant>,
}

impl<'a> Keeper<'a> {
    fn new(app: &App, room: &'a Room, conversation: Conversation) -> Self {
        Self {
            room,
            conversation,
            patience: app.settings.live.idle_session.into(),
            seen: 0,
            unread: Some(Instant::now()),
        }
    }

    async fn run(mut self, mut posted: mpsc::Receiver<Posted>) -> Ending {
        loop {
            let Some(full) = self.look() else {
                return Ending::LEFT;
            };
            let deadline = self.unread.map(|since| since + self.patience);
            let step = tokio::select! {
                biased;
                () = self.room.acts.notified() => Ok(()),
                said = self.conversation.next(!full) => self.say(said, full),
                Some(frames) = posted.recv(), if !full => self.hear(frames),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    Err(Ending::Unread)
                }
            };
            if let Err(ending) = step {
                return ending;
            }
        }
    }

    /// Whether the outbox is full; none if the client has left.
    fn look(&mut self) -> Option<bool> {
        let state = self.room.state.lock();
        if state.left {
            return None;
        }
        if state.reading {
            self.unread = None;
        } else if self.unread.is_none() || state.reader != self.seen {
            self.unread = Some(Instant::now());
        }
        self.seen = state.reader;
        Some(state.outbox.is_full())
    }

    fn say(&self, said: Said, full: bool) -> Result<(), Ending> {
        match said {
            Said::Frames(frames) => self.room.push(frames),
            // Whoever has yet to take so much needs no sign of life.
            Said::Beat(_) if full => {}
            Said::Beat(beat) => self.room.push([beat]),
            Said::Over(ending) => return Err(ending),
        }
        Ok(())
    }

    fn hear(&mut self, frames: Posted) -> Result<(), Ending> {
        for frame in frames {
            match self.conversation.hear(&frame) {
                Heard::Taken => {}
                Heard::Answer(answer) => self.room.push([answer]),
                Heard::Over(ending) => return Err(ending),
            }
        }
        Ok(())
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
        let mut first = room.read();
        assert_eq!(first.after(0).await, Read::Frames(vec!["0".into()], 1));
        let waiting = first.after(1);
        let mut second = room.read();
        assert_eq!(waiting.await, Read::TakenOver);
        drop(first);
        assert!(room.state.lock().reading);
        let (read, ()) = tokio::join!(second.after(1), async { room.push(["1".into()]) });
        assert_eq!(read, Read::Frames(vec!["1".into()], 2));
        drop(second);
        assert!(!room.state.lock().reading);
    }

    #[tokio::test]
    async fn the_last_word_is_read_before_the_end() {
        let room = filled(1);
        let mut reader = room.read();
        room.end(Some("bye".into()));
        let last = vec![Bytes::from("0"), Bytes::from("bye")];
        assert_eq!(reader.after(0).await, Read::Frames(last, 2));
        reader.hand_over(2);
        room.heard().await;
        assert_eq!(reader.after(2).await, Read::Over);
        assert_eq!(reader.after(3).await, Read::Lost);
    }
}
