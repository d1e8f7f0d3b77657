//! Fills the room of a session that is reached by requests: holds its conversation, hears what is
//! posted, and takes from the session what its reader can take now.
//!
//! What waits in a room cannot be replaced by what is newer. So values are taken only while somebody
//! reads and has taken all that was there, and no more than their link takes in a short time.

use std::sync::Arc;
use std::time::Duration;

use spica_live_proto::{Encoding, ServerFrame};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::link::Taken;
use crate::sessions::conversation::{Conversation, Heard, Said, frame};
use crate::sessions::ending::Ending;
use crate::sessions::key::Key;
use crate::sessions::metrics::Transport;
use crate::sessions::room::{Look, Posted, Room, Way};
use crate::state::App;

/// How long the last word waits for a reader when the node stops.
const FAREWELL: Duration = Duration::from_secs(1);

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
            let Some(look) = self.room.look() else {
                return Ending::LEFT;
            };
            self.see(&look);
            let (full, room) = (look.full, self.room_for(&look));
            let deadline = self.unread.map(|since| since + self.patience);
            let step = tokio::select! {
                biased;
                () = self.room.acts() => Ok(()),
                said = self.conversation.next(room) => self.say(said, full),
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

    /// Notes whether anybody reads.
    fn see(&mut self, look: &Look) {
        if look.reading.is_some() {
            self.unread = None;
        } else if self.unread.is_none() || look.reader != self.seen {
            self.unread = Some(Instant::now());
        }
        self.seen = look.reader;
    }

    /// How much may be taken from the session now; none: nothing.
    fn room_for(&mut self, look: &Look) -> Option<usize> {
        if look.taken != Taken::default() {
            self.room.keeps(self.conversation.took(look.taken));
        }
        let way = look.reading.filter(|_| look.is_heard)?;
        Some(match way {
            Way::Stream => self.conversation.room(),
            Way::Polls => look.portion,
        })
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
