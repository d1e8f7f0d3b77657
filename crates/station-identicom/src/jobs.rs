//! What takes time, one after the other: pictures and commands.
//!
//! A dialogue asks for one of these at a time and goes on when it has the answer; only the end of a
//! command is recorded without one. So the queue is short, and a job sees what those before it did.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use spica_devices::Command;
use spica_identicom_proto::dialogue::PictureAnswer;
use spica_identicom_proto::message::PictureHeader;
use spica_journal::SubmitError;
use spica_model::Lane;
use spica_objects::{FinishError, Header, Stored, Upload};
use spica_views::DeviceError;

use crate::batch::Batch;
use crate::device::Known;
use crate::metrics::count;
use crate::shared::{JournalFailed, Shared};

/// How often the first pending command is chosen again since the one before was settled meanwhile.
const CHOICES_MAX: usize = 8;

/// Something that takes time.
#[derive(Debug)]
pub(crate) enum Job {
    /// Find out what is stored of a picture.
    Open(PictureHeader),
    /// Store a block of the picture that is open.
    Store { block: u16, bytes: Bytes },
    /// Store the picture that is open, and record it.
    Finish(PictureHeader),
    /// Throw the blocks of the picture that is open away.
    Forget,
    /// Choose a command and record that it is sent.
    Take,
    /// Record the device's answer to a command.
    Settle { id: u16, status: u8 },
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Done {
    /// An answer about a picture.
    Picture(PictureAnswer),
    /// The command to send, if there is one.
    Command(Option<Arc<Command>>),
    /// Nothing that the dialogue waits for.
    Nothing,
}

type Outcome = (Result<Done, JournalFailed>, Option<Upload>);
type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The jobs of one connection. Empty and without memory of its own most of the time.
#[derive(Default)]
pub(crate) struct Jobs(Option<Box<Queue>>);

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    running: Option<Running>,
    /// The picture that is open, while no job works on it.
    upload: Option<Upload>,
}

impl Jobs {
    pub(crate) fn push(&mut self, job: Job) {
        self.0.get_or_insert_default().waiting.push_back(job);
    }

    /// Keeps only the jobs whose effect is wanted without a dialogue that waits for it.
    pub(crate) fn keep_records(&mut self) {
        if let Some(queue) = &mut self.0 {
            queue
                .waiting
                .retain(|job| matches!(job, Job::Settle { .. }));
        }
    }

    /// Whether nothing runs or waits.
    pub(crate) fn are_done(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|queue| queue.running.is_none() && queue.waiting.is_empty())
    }

    /// Ready with what the next job came to. Pending if there is none.
    pub(crate) fn poll(
        &mut self,
        shared: &Arc<Shared>,
        device: &Arc<Known>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Done, JournalFailed>> {
        let Some(queue) = &mut self.0 else {
            return Poll::Pending;
        };
        if queue.running.is_none() {
            let Some(job) = queue.waiting.pop_front() else {
                return Poll::Pending;
            };
            let run = Run {
                shared: Arc::clone(shared),
                device: Arc::clone(device),
            };
            queue.running = Some(Box::pin(run.job(job, queue.upload.take())));
        }
        let Some(running) = &mut queue.running else {
            return Poll::Pending;
        };
        let (done, upload) = ready!(running.as_mut().poll(cx));
        queue.running = None;
        queue.upload = upload;
        if queue.upload.is_none() && queue.waiting.is_empty() {
            self.0 = None;
        }
        Poll::Ready(done)
    }
}

/// What a job works with.
struct Run {
    shared: Arc<Shared>,
    device: Arc<Known>,
}

impl Run {
    async fn job(self, job: Job, upload: Option<Upload>) -> Outcome {
        match job {
            Job::Open(header) => self.open(&header).await,
            Job::Store { block, bytes } => match upload {
                Some(upload) => self.store(upload, block, bytes).await,
                None => self.unavailable("no-upload"),
            },
            Job::Finish(header) => match upload {
                Some(upload) => self.finish(upload, &header).await,
                None => self.unavailable("no-upload"),
            },
            Job::Forget => {
                self.forget(upload).await;
                (Ok(Done::Nothing), None)
            }
            Job::Take => (self.take().await.map(Done::Command), upload),
            Job::Settle { id, status } => (self.settle(id, status).await, upload),
        }
    }

    fn unavailable(&self, reason: &'static str) -> Outcome {
        count(&self.shared.metrics().picture_errors, reason);
        (Ok(Done::Picture(PictureAnswer::Unavailable)), None)
    }

    async fn open(&self, header: &PictureHeader) -> Outcome {
        let wanted = Header {
            picture: header.picture,
            size: header.size,
            block_bytes: header.block_size,
            crc32: header.crc32,
        };
        let serial = self.device.serial().as_str();
        match self.shared.deps.pictures.resume(serial, wanted).await {
            Ok(upload) => {
                let block = upload.blocks();
                let answer = PictureAnswer::ReadFrom { block };
                (Ok(Done::Picture(answer)), Some(upload))
            }
            Err(error) => {
                tracing::warn!(serial, picture = header.picture, %error, "a picture is left on its device");
                self.unavailable("open")
            }
        }
    }

    async fn store(&self, mut upload: Upload, block: u16, bytes: Bytes) -> Outcome {
        match upload.put_block(block, bytes).await {
            Ok(()) => (Ok(Done::Picture(PictureAnswer::BlockStored)), Some(upload)),
            Err(error) => {
                tracing::warn!(serial = %self.device.serial(), block, %error, "a block is not stored");
                self.unavailable("block")
            }
        }
    }

    /// Stores and records the picture. One with a wrong CRC is open again then, without a block.
    async fn finish(&self, upload: Upload, header: &PictureHeader) -> Outcome {
        match upload.finish().await {
            Ok(stored) => (self.record(header, &stored).await, None),
            Err(FinishError::Crc { .. }) => match self.open(header).await {
                (Ok(_), Some(upload)) => (Ok(Done::Picture(PictureAnswer::BadCrc)), Some(upload)),
                unavailable => unavailable,
            },
            Err(error) => {
                let (serial, picture) = (self.device.serial(), header.picture);
                tracing::warn!(%serial, picture, %error, "a picture is not stored");
                self.unavailable("store")
            }
        }
    }

    /// Records a stored picture, and waits until that is durable.
    async fn record(&self, header: &PictureHeader, stored: &Stored) -> Result<Done, JournalFailed> {
        let deps = &self.shared.deps;
        let batch = Batch::picture(
            deps.clock.wall(),
            self.device.topics().pictures(),
            self.device.identity(),
            header,
            stored,
        )
        .map_err(SubmitError::from)?;
        loop {
            let next = self.room(batch.lane);
            match batch.submit(&*deps.journal) {
                Ok(ticket) => {
                    ticket.durable().await?;
                    self.shared.metrics().pictures.inc();
                    return Ok(Done::Picture(PictureAnswer::Complete));
                }
                Err(SubmitError::Full { .. }) => next.await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Resolves when a lane whose queue is full has moved on.
    fn room(&self, lane: Lane) -> spica_journal::Durable {
        let watermark = &self.shared.watermarks[lane.index()];
        watermark.reached(watermark.durable().next())
    }

    async fn forget(&self, upload: Option<Upload>) {
        let Some(upload) = upload else {
            return;
        };
        if let Err(error) = upload.abandon().await {
            tracing::warn!(serial = %self.device.serial(), %error, "an unfinished picture stays until it is swept");
        }
    }

    /// The first pending command, once it is recorded that it is sent.
    async fn take(&self) -> Result<Option<Arc<Command>>, JournalFailed> {
        let (deps, serial) = (&self.shared.deps, self.device.serial());
        for _ in 0..CHOICES_MAX {
            let pending = deps.views.pending_commands(serial);
            let Some(first) = pending.into_iter().next() else {
                return Ok(None);
            };
            let next = self.room(Lane::Normal);
            match deps.devices.command_sent(serial, first.id).await {
                Ok(()) => {
                    self.shared.metrics().commands_sent.inc();
                    return Ok(Some(first));
                }
                Err(DeviceError::Submit(SubmitError::Full { .. })) => next.await?,
                // Settled, cancelled or expired since: the views show another first one.
                Err(DeviceError::Transition(_) | DeviceError::UnknownCommand { .. }) => {}
                Err(error) => return self.command_failed(error).map(|()| None),
            }
        }
        Ok(None)
    }

    async fn settle(&self, id: u16, status: u8) -> Result<Done, JournalFailed> {
        let (deps, serial) = (&self.shared.deps, self.device.serial());
        loop {
            let next = self.room(Lane::Normal);
            match deps.devices.command_settled(serial, id, status).await {
                Ok(()) => {
                    self.shared.metrics().commands_answered.inc();
                }
                Err(DeviceError::Submit(SubmitError::Full { .. })) => {
                    next.await?;
                    continue;
                }
                Err(error) => self.command_failed(error)?,
            }
            return Ok(Done::Nothing);
        }
    }

    /// A change of a command that was not recorded: fatal if the journal failed, else counted.
    fn command_failed(&self, error: DeviceError) -> Result<(), JournalFailed> {
        match error {
            DeviceError::Submit(error) => Err(error.into()),
            DeviceError::Commit(error) => Err(error.into()),
            DeviceError::Stopped => Err(JournalFailed),
            error => {
                self.shared.metrics().command_errors.inc();
                tracing::warn!(serial = %self.device.serial(), %error, "a command's change is not recorded");
                Ok(())
            }
        }
    }
}
