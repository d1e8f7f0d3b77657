//! One connection: bytes to the dialogue and back, and everything else that it waits for.
//!
//! The task has one place where it waits, and waits there for everything at once. Bytes are read
//! and frames handled in a buffer of the worker thread, so that what is held between two events is
//! this struct and no more.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use spica_devices::Command;
use spica_identicom_proto::dialogue::{Dialogue, Input, PendingCommand, PictureAnswer, Verdict};
use spica_identicom_proto::frame::{Decoder, Direction};
use tokio::time::Sleep;

use crate::codec::{Buffers, Io, with_buffers};
use crate::device::changed;
use crate::jobs::Done;
use crate::shared::{Connection, JournalFailed};
use crate::stop::{Phase, Stopping};
use crate::work::{End, Reply, Work};

/// How often a connection reads before others get their turn.
const READS_MAX: usize = 8;

/// One connection.
pub(crate) struct Session {
    /// Before the socket, so that it is dropped before: who sees the connection closed finds its
    /// slot free.
    work: Work,
    io: Io,
    decoder: Decoder,
    dialogue: Dialogue,
    stopping: Stopping,
    /// When the timer goes off; never later than the dialogue's deadline.
    alarm_at: Instant,
}

/// What happened.
enum Wake {
    /// The station goes on to another phase of its stop.
    Phase(Phase),
    /// Records are durable, up to the batch with this number.
    Durable(u32),
    /// A job is done.
    Job(Done),
    /// The journal failed.
    JournalFailed,
    /// The device's registration or commands have changed.
    Changed,
    /// There may be something to read.
    Readable,
    /// The device is gone.
    Gone,
    /// The timer went off.
    Alarm,
}

impl From<Result<Wake, JournalFailed>> for Wake {
    fn from(result: Result<Wake, JournalFailed>) -> Self {
        result.unwrap_or(Self::JournalFailed)
    }
}

impl Session {
    /// The session of a connection that was opened at `opened` and of which no frame has been read.
    pub(crate) fn new(connection: Connection, io: Io, stopping: Stopping, opened: Instant) -> Self {
        let profile = Arc::clone(&connection.shared.deps.profile);
        let decoder = Decoder::new(Direction::FromDevice, profile.limits.data_from_device);
        let dialogue = Dialogue::new(profile, opened);
        Self {
            alarm_at: dialogue.next_deadline().unwrap_or(opened),
            io,
            decoder,
            dialogue,
            work: Work::new(connection),
            stopping,
        }
    }

    /// Leads the dialogue to its end.
    pub(crate) async fn run(mut self) {
        let alarm = tokio::time::sleep_until(self.alarm_at.into());
        let mut alarm = pin!(alarm);
        let end = loop {
            let wake = self.wake(alarm.as_mut()).await;
            if let Some(end) = self.handle(wake) {
                break end;
            }
            self.set(alarm.as_mut());
        };
        self.work.note_end(end);
        self.io.close();
        if end != End::Cut && !self.work.jobs.are_done() {
            // The socket must not wait for the disk: only the records do.
            drop(self.io);
            Box::pin(finish(self.work, self.stopping)).await;
        }
    }

    /// Waits for what happens next.
    async fn wake(&mut self, mut alarm: Pin<&mut Sleep>) -> Wake {
        let Self {
            io, work, stopping, ..
        } = self;
        let Work {
            connection: Connection { shared, .. },
            device,
            watch,
            appends,
            jobs,
            ..
        } = work;
        let mut changed = pin!(changed(watch.as_mut()));
        poll_fn(|cx| {
            if let Poll::Ready(phase) = stopping.poll(cx) {
                return Poll::Ready(Wake::Phase(phase));
            }
            if let Poll::Ready(durable) = appends.poll(shared, cx) {
                return Poll::Ready(durable.map(Wake::Durable).into());
            }
            if let Some(device) = device
                && let Poll::Ready(done) = jobs.poll(shared, device, cx)
            {
                return Poll::Ready(done.map(Wake::Job).into());
            }
            if changed.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Wake::Changed);
            }
            if let Poll::Ready(wake) = poll_io(io, appends.is_full(), cx) {
                return Poll::Ready(wake);
            }
            alarm.as_mut().poll(cx).map(|()| Wake::Alarm)
        })
        .await
    }

    /// Tells the dialogue what happened, and writes what it says. How the connection ends, if it
    /// does.
    fn handle(&mut self, wake: Wake) -> Option<End> {
        if matches!(wake, Wake::Phase(Phase::Cut)) {
            return Some(End::Cut);
        }
        let now = self.work.shared().deps.clock.monotonic();
        with_buffers(|buffers| {
            let gone = match wake {
                Wake::Readable => self.read(now, buffers),
                Wake::Gone => true,
                wake => {
                    self.tell_wake(now, wake, &mut buffers.output);
                    false
                }
            };
            let sent = self.io.send(&buffers.output);
            match self.work.closed() {
                Some(reason) => Some(End::Closed(reason)),
                None if gone || sent.is_err() => Some(End::Gone),
                None => None,
            }
        })
    }

    fn tell_wake(&mut self, now: Instant, wake: Wake, out: &mut Vec<u8>) {
        match wake {
            Wake::Phase(_) => self.tell(now, Input::Stop, out),
            Wake::Durable(batch) => self.tell(now, Input::Durable { batch }, out),
            Wake::Job(Done::Picture(answer)) => self.tell_picture(now, answer, out),
            Wake::Job(Done::Command(command)) => self.tell_command(now, command.as_deref(), out),
            Wake::Job(Done::Nothing) | Wake::Readable | Wake::Gone => {}
            Wake::JournalFailed => self.tell(now, Input::JournalFailed, out),
            Wake::Changed => self.tell_change(now, out),
            Wake::Alarm => self.tell(now, Input::Timeout, out),
        }
    }

    fn tell_picture(&mut self, now: Instant, answer: PictureAnswer, out: &mut Vec<u8>) {
        self.tell(now, Input::Picture(answer), out);
    }

    fn tell_command(&mut self, now: Instant, command: Option<&Command>, out: &mut Vec<u8>) {
        let pending = command.map(|command| PendingCommand {
            id: command.id,
            code: command.code,
            arguments: &command.arguments,
        });
        self.tell(now, Input::Command(pending), out);
    }

    fn tell_change(&mut self, now: Instant, out: &mut Vec<u8>) {
        match self.work.verdict_now() {
            Some(refused @ Verdict::Refused(_)) => self.tell(now, Input::Verdict(refused), out),
            _ => self.tell(now, Input::CommandsChanged, out),
        }
    }

    fn tell(&mut self, now: Instant, input: Input<'_>, out: &mut Vec<u8>) {
        tell(&mut self.dialogue, &mut self.work, now, input, out);
    }

    /// Reads what is there and handles its frames. Whether the device is gone.
    fn read(&mut self, now: Instant, buffers: &mut Buffers) -> bool {
        for _ in 0..READS_MAX {
            match self.io.try_read(&mut buffers.input) {
                Ok(None) => return false,
                Ok(Some(0)) => return self.at_end(now, &mut buffers.output),
                Err(_) => return true,
                Ok(Some(bytes)) => {
                    let input = &mut buffers.input[..bytes];
                    self.frames(now, input, &mut buffers.output);
                }
            }
            if self.dialogue.is_closed() || self.work.appends.is_full() {
                return false;
            }
        }
        false
    }

    fn frames(&mut self, now: Instant, mut input: &mut [u8], out: &mut Vec<u8>) {
        while let Some(next) = self.decoder.next(&mut input) {
            let input = match next {
                Ok(frame) => Input::Frame(frame),
                Err(bad) => Input::BadFrame(bad),
            };
            tell(&mut self.dialogue, &mut self.work, now, input, out);
        }
    }

    /// The device has closed its side: what it left unfinished is counted.
    fn at_end(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if let Some(torn) = self.decoder.end() {
            self.tell(now, Input::BadFrame(torn), out);
        }
        true
    }

    /// Sets the timer, if it would go off after the deadline or has gone off. One that goes off too
    /// early costs less than one that is set again for every answer.
    fn set(&mut self, alarm: Pin<&mut Sleep>) {
        if let Some(deadline) = self.dialogue.next_deadline()
            && (deadline < self.alarm_at || alarm.is_elapsed())
        {
            self.alarm_at = deadline;
            alarm.reset(deadline.into());
        }
    }
}

/// Gives the dialogue an input, and the answers that are there at once.
fn tell(
    dialogue: &mut Dialogue,
    work: &mut Work,
    now: Instant,
    input: Input<'_>,
    out: &mut Vec<u8>,
) {
    dialogue.handle(now, input, out, |action| work.act(now, action));
    while let Some(reply) = work.reply() {
        let input = match reply {
            Reply::Verdict(verdict) => Input::Verdict(verdict),
            Reply::JournalFailed => Input::JournalFailed,
        };
        dialogue.handle(now, input, out, |action| work.act(now, action));
    }
}

/// What the socket is ready for. A device that does not read is not read from, nor one whose records
/// wait for room.
fn poll_io(io: &mut Io, is_full: bool, cx: &mut Context<'_>) -> Poll<Wake> {
    if !io.is_sent() {
        return match io.poll_sent(cx) {
            Poll::Ready(Ok(())) => poll_io(io, is_full, cx),
            Poll::Ready(Err(_)) => Poll::Ready(Wake::Gone),
            Poll::Pending => Poll::Pending,
        };
    }
    if is_full {
        return Poll::Pending;
    }
    io.poll_readable(cx).map(|ready| match ready {
        Ok(()) => Wake::Readable,
        Err(_) => Wake::Gone,
    })
}

/// Does what is left of the jobs whose records are wanted whether the device is there or not, unless
/// the station's time is over.
async fn finish(mut work: Work, mut stopping: Stopping) {
    let shared = Arc::clone(work.shared());
    work.jobs.keep_records();
    poll_fn(|cx| {
        if let Poll::Ready(Phase::Cut) = stopping.poll(cx) {
            return Poll::Ready(());
        }
        while let Some(device) = &work.device {
            match work.jobs.poll(&shared, device, cx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(JournalFailed)) => return Poll::Ready(()),
                Poll::Pending if work.jobs.are_done() => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    })
    .await;
}
