//! One connection: its socket, its session, and everything it waits for, in one task.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use spica_front::{Arrival, Connection, Io, Phase, Stopping, with_buffers};
use spica_model::Lane;
use spica_mqtt::Next;
use spica_mqtt_access::Wait;
use spica_mqtt_proto::{Disconnect, DisconnectProperties, Packet, Reason, Version};

use tokio::time::Sleep;

use crate::device::{self, Attending};
use crate::end::End;
use crate::entry::submit;
use crate::fan_out::fan_out;
use crate::greeting::greet;
use crate::leaving::leave;
use crate::link::Link;
use crate::orders::Order;
use crate::session::{Session, State, Then};
use crate::station::Station;
use crate::store;
use crate::turn::Turn;

/// How often a connection reads before others have their turn.
const READS_MAX: usize = 8;
/// Bytes that are written in one go.
const WRITE_BYTES: usize = 64 << 10;
/// Answers that may be owed to a client before nothing more is read from it.
const OWED_MAX: usize = 4_096;
/// How long a client may take to read why it is cut off.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A connection whose client is known.
struct Conn {
    station: Arc<Station>,
    session: Arc<Session>,
    /// Before the socket, so that it is dropped before: who sees the connection closed finds its
    /// slot free.
    connection: Connection,
    io: Io,
    stopping: Stopping,
    link: Link,
    /// The beginning of a packet; at first, all that came behind CONNECT.
    partial: Vec<u8>,
    /// Whether what came behind CONNECT has not been looked at.
    is_first: bool,
    /// Hands commands to the client, if that is a device.
    attending: Option<Attending>,
    /// It is over what it may send: nothing more is read from it until then. At the end: until when it
    /// may take what it was told last.
    pause: Option<Pin<Box<Sleep>>>,
    /// It has left its session.
    is_over: bool,
}

/// Serves a connection from its first byte to its last.
pub(crate) fn serve(station: Arc<Station>, arrival: Arrival) -> impl Future<Output = ()> + Send {
    Serving::Greeting(Box::pin(arrive(station, arrival)))
}

/// What goes on with a connection. An `async` block would have room for what was and what is to come
/// beside what is; most connections are idle, so what does not last is on the heap.
#[expect(
    clippy::large_enum_variant,
    reason = "all but a moment of a connection is the large one"
)]
enum Serving {
    Greeting(Pin<Box<dyn Future<Output = Option<Conn>> + Send>>),
    Known(Conn),
}

impl Future for Serving {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut *self {
                Self::Greeting(arriving) => match ready!(arriving.as_mut().poll(cx)) {
                    Some(conn) => *self = Self::Known(conn),
                    None => return Poll::Ready(()),
                },
                Self::Known(conn) => {
                    if !conn.is_over {
                        let end = ready!(conn.poll(cx));
                        conn.end(end);
                    }
                    return conn.poll_told(cx);
                }
            }
        }
    }
}

async fn arrive(station: Arc<Station>, arrival: Arrival) -> Option<Conn> {
    let greeted = greet(&station, arrival).await?;
    let attending = device::attend(&station, &greeted.session, greeted.link.id);
    Some(Conn {
        attending,
        station,
        session: greeted.session,
        connection: greeted.connection,
        io: greeted.io,
        stopping: greeted.stopping,
        link: greeted.link,
        pause: None,
        is_first: !greeted.partial.is_empty(),
        is_over: false,
        partial: greeted.partial,
    })
}

impl Conn {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if let Err(end) = self.register(cx) {
            return Poll::Ready(end);
        }
        match self.stopping.poll(cx) {
            Poll::Ready(_) if self.stopping.is_deposed() => return Poll::Ready(End::Deposed),
            Poll::Ready(Phase::Running) | Poll::Pending => {}
            Poll::Ready(Phase::Finishing | Phase::Cut) => return Poll::Ready(End::Stopping),
        }
        if let Some(attending) = &mut self.attending {
            // It never ends.
            let _ = attending.as_mut().poll(cx);
        }
        for _ in 0..READS_MAX {
            match self.step(cx) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(end) => return Poll::Ready(end),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Has this task woken for the session, as long as the session is this connection's: one that has
    /// been taken over must not put itself in the place of the one that has it now.
    fn register(&self, cx: &Context<'_>) -> Result<(), End> {
        let state = self.session.state.lock();
        self.checked(&state)?;
        self.session.waker.register(cx.waker());
        Ok(())
    }

    /// Does what can be done now. Whether it may be worth to do so again at once.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let more = self.write(cx)?;
        let read = self.read(cx)?;
        Ok(more || read)
    }

    /// Writes what is due: answers, what other parts say, messages.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        if !self.io.is_sent() && self.sent(cx)?.is_pending() {
            // Nothing more is made ready for a client that does not take it; what is durable waits.
            let state = self.session.state.lock();
            return self.checked(&state).map(|()| false);
        }
        let (result, hungry) = with_buffers(|buffers| {
            let out = &mut buffers.output;
            let mut state = self.session.state.lock();
            let result = self.checked(&state).and_then(|()| {
                self.due(&mut state, cx, out)?;
                Ok(self.pump(&mut state, out))
            });
            let hungry = wants_food(&mut state);
            self.session.note_load(&state);
            drop(state);
            let sent = self.io.send(out);
            (
                result.and_then(|more| sent.map(|()| more).map_err(|_| End::Gone)),
                hungry,
            )
        });
        if hungry {
            self.station
                .orders
                .give(Order::Feed(Arc::clone(&self.session)));
        }
        let more = result?;
        if self.io.is_sent() {
            return Ok(more);
        }
        Ok(self.sent(cx)?.is_ready() && more)
    }

    fn sent(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, End> {
        match self.io.poll_sent(cx) {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(Ok(())) => Ok(Poll::Ready(())),
            Poll::Ready(Err(_)) => Err(End::Gone),
        }
    }

    /// Whether the session is still this connection's.
    fn checked(&self, state: &State) -> Result<(), End> {
        if state.connection != self.link.id {
            let ended = state.kicked.filter(|_| state.is_gone);
            return Err(ended.map_or(End::TakenOver, End::Kicked));
        }
        match state.kicked {
            None => Ok(()),
            Some(Reason::KeepAliveTimeout) => Err(End::Silent),
            Some(reason) => Err(End::Kicked(reason)),
        }
    }

    /// What has become durable, and what other parts say.
    fn due(&self, state: &mut State, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Result<(), End> {
        self.resubmit(state, cx)?;
        while let Poll::Ready(due) = state.appends.poll(&self.station.watermarks, cx) {
            let (lane, then) = due.map_err(|_| End::JournalFailed)?;
            match then {
                Then::Answers(through) => state.inbound.committed(lane, through, out),
                Then::Noted(number) => state.outbound.noted(number),
                Then::Say(connection, bytes) if connection == self.link.id => {
                    out.extend_from_slice(&bytes);
                }
                Then::Welcome(connection, bytes) if connection == self.link.id => {
                    out.extend_from_slice(&bytes);
                    state.is_welcome = true;
                }
                Then::Say(..) | Then::Welcome(..) => {}
            }
        }
        while let Some(bytes) = state.mail.pop_front() {
            out.extend_from_slice(&bytes);
        }
        Ok(())
    }

    /// Submits what the journal had no room for.
    fn resubmit(&self, state: &mut State, cx: &mut Context<'_>) -> Result<(), End> {
        while let Some(mut held) = state.held.take() {
            match Pin::new(&mut held.room).poll(cx) {
                Poll::Pending => {
                    state.held = Some(held);
                    return Ok(());
                }
                Poll::Ready(Err(_)) => return Err(End::JournalFailed),
                Poll::Ready(Ok(())) => {}
            }
            let mut left = Vec::new();
            for (lane, entries, then) in held.batches.drain(..) {
                let next = self.station.watermarks[lane.index()].durable().next();
                match submit(&*self.station.journal, lane, &entries) {
                    Ok(ticket) => {
                        if let Some(then) = then {
                            state.appends.wait(lane, &ticket, then);
                        }
                    }
                    Err(spica_journal::SubmitError::Full { .. }) => {
                        held.room = self.station.watermarks[lane.index()].reached(next);
                        left.push((lane, entries, then));
                    }
                    Err(_) => return Err(End::JournalFailed),
                }
            }
            if !left.is_empty() {
                held.batches = left;
                state.held = Some(held);
            }
        }
        Ok(())
    }

    /// Writes messages. Whether there may be more.
    fn pump(&self, state: &mut State, out: &mut Vec<u8>) -> bool {
        if !state.is_welcome {
            return false;
        }
        let now = self.station.now();
        let more = loop {
            let room = WRITE_BYTES.saturating_sub(out.len());
            if room == 0 {
                break true;
            }
            match state.outbound.next(now, room, out) {
                Next::Idle => break false,
                Next::More => break true,
                Next::Chunk(bytes) => out.extend_from_slice(&bytes),
            }
        };
        if state.outbound.is_note_due() {
            self.note(state);
        }
        more
    }

    /// Makes durable what the client is about to be sent.
    fn note(&self, state: &mut State) {
        let live = self.station.routed();
        let (number, note) = state.outbound.take_note(live, self.session.uid);
        match store::submit_out(&self.station, &self.session, &note) {
            Some(Ok(ticket)) => {
                state
                    .appends
                    .wait(Lane::Normal, &ticket, Then::Noted(number));
                state.is_note_stale = false;
                // It may be durable by now, and then nobody wakes this task for it.
                self.session.waker.wake();
            }
            _ => state.outbound.note_failed(number),
        }
    }

    /// Reads and handles what is there. Whether something was.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        if !self.is_reading() || self.is_paused(cx) {
            return Ok(false);
        }
        if std::mem::take(&mut self.is_first) {
            return self.first().map(|()| true);
        }
        match self.io.poll_readable(cx) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Err(_)) => return Err(End::Gone),
            Poll::Ready(Ok(())) => {}
        }
        with_buffers(|buffers| {
            let (input, out) = (&mut buffers.input, &mut buffers.output);
            let count = match self.io.try_read(input) {
                // A part of a frame, or one that is not ours: what comes next must be waited for anew.
                Ok(None) => return Ok(true),
                Ok(Some(0)) | Err(_) => return Err(End::Gone),
                Ok(Some(count)) => count,
            };
            self.session.heard(self.station.now_ms());
            let handled = self.handle(&input[..count], out);
            let sent = self.io.send(out);
            handled?;
            sent.map_err(|_| End::Gone)?;
            Ok(true)
        })
    }

    /// Handles what the client has sent before it was welcome.
    fn first(&mut self) -> Result<(), End> {
        with_buffers(|buffers| {
            let out = &mut buffers.output;
            let handled = self.handle(&[], out);
            let sent = self.io.send(out);
            handled?;
            sent.map_err(|_| End::Gone)
        })
    }

    fn is_reading(&self) -> bool {
        if !self.io.is_sent() {
            return false;
        }
        let state = self.session.state.lock();
        state.is_welcome && state.held.is_none() && state.inbound.owed() < OWED_MAX
    }

    /// Handles bytes of the client.
    fn handle(&mut self, read: &[u8], out: &mut Vec<u8>) -> Result<(), End> {
        if self.partial.is_empty() {
            let (done, result) = self.packets(read, out);
            self.partial.extend_from_slice(&read[done..]);
            return result;
        }
        let mut bytes = std::mem::take(&mut self.partial);
        bytes.extend_from_slice(read);
        let (done, result) = self.packets(&bytes, out);
        bytes.drain(..done);
        if !bytes.is_empty() {
            self.partial = bytes;
        }
        result
    }

    /// Handles the whole packets of `bytes`; how many bytes they were.
    fn packets(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> (usize, Result<(), End>) {
        let session = Arc::clone(&self.session);
        let station = Arc::clone(&self.station);
        let mut state = session.state.lock();
        if let Err(end) = self.checked(&state) {
            return (0, Err(end));
        }
        self.link.refresh(&state);
        let packets = self.link.publishes;
        let mut turn = Turn::new(&station, &mut self.link, &session, station.now());
        let (done, result) = turn.bytes(&mut state, bytes, out);
        let finished = turn.finish(&mut state, out);
        drop(state);
        if !turn.fast.is_empty() {
            fan_out(&station, &session, &turn.fast);
        }
        for order in turn.orders.drain(..) {
            station.orders.give(order);
        }
        self.spend(self.link.publishes - packets, done as u64);
        (done, result.and(finished))
    }

    /// Counts what was read on what the client may send. Over that, it waits: nothing is lost.
    fn spend(&mut self, messages: u64, bytes: u64) {
        self.station.metrics.publishes_in.inc_by(messages);
        self.station.metrics.bytes_in.inc_by(bytes);
        let Some(meters) = &self.link.meters else {
            return;
        };
        let now = Duration::from_millis(self.station.now_ms());
        if let Err((scope, Wait(wait))) = meters.spend(now, messages, bytes) {
            self.station.metrics.denied("send", scope);
            self.pause = Some(Box::pin(tokio::time::sleep(wait)));
        }
    }

    /// Whether nothing is read now, since the client is over what it may send.
    fn is_paused(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(pause) = &mut self.pause else {
            return false;
        };
        if pause.as_mut().poll(cx).is_pending() {
            return true;
        }
        self.pause = None;
        // A client that was not read from was not silent.
        self.session.heard(self.station.now_ms());
        false
    }

    /// Tells the client why, as far as its version has words for it, and leaves the session.
    fn end(&mut self, end: End) {
        let version = {
            let state = self.session.state.lock();
            state.version
        };
        if let (Version::V5, Some(reason)) = (version, end.reason()) {
            let text = match end {
                End::Bad(_, what) => Some(what),
                _ => None,
            };
            let packet = Packet::Disconnect(Disconnect {
                reason,
                properties: DisconnectProperties {
                    reason_text: text,
                    ..DisconnectProperties::default()
                },
            });
            let mut bytes = Vec::new();
            if packet.encode(version, &mut bytes).is_ok() {
                // Whether the client hears it or not, the connection ends.
                let _ = self.io.send(&bytes);
            }
        }
        if let End::Bad(reason, what) = end {
            let (client, remote) = (&self.session.client_id, self.connection.remote());
            tracing::info!(%client, %remote, %reason, what, "an MQTT client is cut off");
            self.connection.offence(spica_admission::Offence::BadFrames);
        }
        self.connection.count_end(end.as_str());
        device::late(&self.station, &self.session, true);
        leave(&self.station, &self.session, self.link.id, end.ending());
        self.is_over = true;
        self.pause = (!self.io.is_sent()).then(|| Box::pin(tokio::time::sleep(LAST_WORDS)));
    }

    /// What it was told last is written, if that is possible soon.
    fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(late) = &mut self.pause
            && self.io.poll_sent(cx).is_pending()
        {
            ready!(late.as_mut().poll(cx));
        }
        self.io.close();
        Poll::Ready(())
    }
}

/// Whether the router is to be told that there is room.
fn wants_food(state: &mut State) -> bool {
    if state.is_hungry || !state.is_welcome {
        return false;
    }
    let is_awaited = state.is_awaited && state.outbound.waiting().0 == 0;
    state.is_hungry = is_awaited
        || Lane::ALL
            .into_iter()
            .any(|lane| state.outbound.wants(lane).is_some());
    state.is_hungry
}
