//! One connection: its socket, its conversation, and everything else that it waits for.
//!
//! The task has one place where it waits, and waits there for everything at once. Bytes are read
//! and frames handled in a buffer of the worker thread, so that what is held between two events is
//! this struct and no more.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use spica_front::{Arrival, Buffers, Io, Phase, Stopping, with_buffers};
use spica_identicom_proto::dialogue::Input;
use tokio::time::Sleep;

use crate::conversation::Conversation;
use crate::device::changed;
use crate::jobs::Done;
use crate::shared::{JournalFailed, Shared};
use crate::work::{End, Work};

/// How often a connection reads before it looks at what else has happened.
const READS_MAX: usize = 8;

/// One connection.
pub(crate) struct Session {
    /// Before the socket, so that it is dropped before: who sees the connection closed finds its
    /// slot free.
    conversation: Conversation,
    io: Io,
    stopping: Stopping,
    /// When the timer goes off; never later than the conversation's deadline.
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
    /// The session of a connection of which no frame has been read.
    pub(crate) fn new(shared: Arc<Shared>, arrival: Arrival) -> Self {
        let Arrival {
            connection,
            io,
            stopping,
            opened,
            ..
        } = arrival;
        let conversation = Conversation::new(shared, connection, opened);
        Self {
            alarm_at: conversation.deadline().unwrap_or(opened),
            conversation,
            io,
            stopping,
        }
    }

    /// Leads the conversation to its end. The jobs that are left then are [`Session::finish`]'s.
    pub(crate) async fn run(&mut self) {
        let mut alarm = pin!(tokio::time::sleep_until(self.alarm_at.into()));
        let end = loop {
            let wake = self.wake(alarm.as_mut()).await;
            if let Some(end) = self.handle(wake) {
                break end;
            }
            self.set(alarm.as_mut());
        };
        self.conversation.work.note_end(end);
        self.io.close();
    }

    /// Whether there are jobs whose records are wanted though the connection is over.
    pub(crate) fn has_jobs(&self) -> bool {
        !self.conversation.work.jobs.are_done()
    }

    /// Closes the socket and does what is left of the jobs whose records are wanted whether the
    /// device is there or not, unless the station's time is over.
    pub(crate) async fn finish(self) {
        let Self {
            conversation: Conversation { mut work, .. },
            io,
            mut stopping,
            ..
        } = self;
        // A device that was told goodbye must not wait for the disk.
        drop(io);
        work.jobs.keep_records();
        poll_fn(|cx| {
            if stopping.poll_cut(cx).is_ready() {
                return Poll::Ready(());
            }
            while let Some(device) = &work.device
                && !work.jobs.are_done()
            {
                let done = ready!(work.jobs.poll(&work.shared, device, cx));
                if let Err(JournalFailed) = done {
                    return Poll::Ready(());
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Waits for what happens next.
    async fn wake(&mut self, mut alarm: Pin<&mut Sleep>) -> Wake {
        let Self {
            conversation: Conversation { work, .. },
            io,
            stopping,
            ..
        } = self;
        let Work {
            shared,
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

    /// Tells the conversation what happened, and writes what it says. How the connection ends, if
    /// it does.
    fn handle(&mut self, wake: Wake) -> Option<End> {
        if matches!(wake, Wake::Phase(Phase::Cut)) {
            return Some(if self.stopping.is_deposed() {
                End::Passive
            } else {
                End::Cut
            });
        }
        with_buffers(|buffers| {
            let gone = self.tell(wake, buffers);
            let sent = self.io.send(&buffers.output);
            match self.conversation.work.closed() {
                Some(reason) => Some(End::Closed(reason)),
                None if gone || sent.is_err() => Some(End::Gone),
                None => None,
            }
        })
    }

    /// Tells the conversation what happened. Whether the device is gone.
    fn tell(&mut self, wake: Wake, buffers: &mut Buffers) -> bool {
        let now = self.conversation.work.shared().deps.clock.monotonic();
        let (conversation, out) = (&mut self.conversation, &mut buffers.output);
        match wake {
            Wake::Phase(_) => conversation.tell(now, Input::Stop, out),
            Wake::Durable(batch) => conversation.tell(now, Input::Durable { batch }, out),
            Wake::Job(done) => conversation.job_done(now, &done, out),
            Wake::JournalFailed => conversation.tell(now, Input::JournalFailed, out),
            Wake::Changed => conversation.device_changed(now, out),
            Wake::Alarm => conversation.tell(now, Input::Timeout, out),
            Wake::Readable => return self.read(now, buffers),
            Wake::Gone => return true,
        }
        false
    }

    /// Reads what is there and handles it. Whether the device is gone.
    fn read(&mut self, now: Instant, buffers: &mut Buffers) -> bool {
        let Buffers { input, output } = buffers;
        for _ in 0..READS_MAX {
            match self.io.try_read(input) {
                Ok(Some(0)) => {
                    self.conversation.end_of_bytes(now, output);
                    return true;
                }
                Ok(Some(bytes)) => self.conversation.bytes(now, &mut input[..bytes], output),
                Ok(None) => return false,
                Err(_) => return true,
            }
            if !self.conversation.takes_bytes() {
                return false;
            }
        }
        false
    }

    /// Sets the timer, if it would go off after the deadline or has gone off. One that goes off too
    /// early costs less than one that is set again for every answer.
    fn set(&mut self, alarm: Pin<&mut Sleep>) {
        if let Some(deadline) = self.conversation.deadline()
            && (deadline < self.alarm_at || alarm.is_elapsed())
        {
            self.alarm_at = deadline;
            alarm.reset(deadline.into());
        }
    }
}

/// What the socket is ready for. A device that does not read is not read from, nor one whose records
/// wait for room.
fn poll_io(io: &mut Io, is_full: bool, cx: &mut Context<'_>) -> Poll<Wake> {
    if !io.is_sent() && ready!(io.poll_sent(cx)).is_err() {
        return Poll::Ready(Wake::Gone);
    }
    if is_full {
        return Poll::Pending;
    }
    io.poll_readable(cx).map(|ready| match ready {
        Ok(()) => Wake::Readable,
        Err(_) => Wake::Gone,
    })
}
