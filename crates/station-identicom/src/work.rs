//! What a dialogue wants done, carried out or set going.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use spica_admission::Offence;
use spica_devices::Serial;
use spica_front::Connection;
use spica_identicom_proto::dialogue::{Action, CloseReason, EntryBatch, Oddity, Refusal, Verdict};
use spica_identicom_proto::message::Identity;
use spica_journal::SubmitError;
use spica_model::Lane;
use spica_views::DeviceWatch;

use crate::appends::Appends;
use crate::batch::Batch;
use crate::device::{self, Known};
use crate::jobs::{Job, Jobs};
use crate::metrics::count;
use crate::shared::{JournalFailed, Shared};

/// An answer that is there at once; it is given when the dialogue has had its say.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    /// The registry's word about the device.
    Verdict(Verdict),
    /// The journal takes nothing more.
    JournalFailed,
}

/// The work of one connection.
pub(crate) struct Work {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connection: Connection,
    pub(crate) device: Option<Arc<Known>>,
    pub(crate) watch: Option<DeviceWatch>,
    pub(crate) appends: Appends,
    pub(crate) jobs: Jobs,
    reply: Option<Reply>,
    closed: Option<CloseReason>,
}

impl Work {
    pub(crate) fn new(shared: Arc<Shared>, connection: Connection) -> Self {
        Self {
            shared,
            connection,
            device: None,
            watch: None,
            appends: Appends::default(),
            jobs: Jobs::default(),
            reply: None,
            closed: None,
        }
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The answer that is there, once.
    pub(crate) const fn reply(&mut self) -> Option<Reply> {
        self.reply.take()
    }

    /// Why the dialogue closed, once it did.
    pub(crate) const fn closed(&self) -> Option<CloseReason> {
        self.closed
    }

    /// Carries out an action, or sets it going.
    pub(crate) fn act(&mut self, now: Instant, action: Action<'_>) {
        match action {
            Action::CheckIn { identity } => {
                let verdict = self.check_in(identity);
                self.reply = Some(Reply::Verdict(verdict));
            }
            Action::Append {
                batch,
                lane,
                entries,
            } => {
                if self.append(now, batch, lane, entries).is_err() {
                    self.reply = Some(Reply::JournalFailed);
                }
            }
            Action::OpenPicture { header } => self.jobs.push(Job::Open(header)),
            Action::StoreBlock { block, bytes, .. } => self.jobs.push(Job::Store {
                block,
                bytes: Bytes::copy_from_slice(bytes),
            }),
            Action::FinishPicture { header } => self.jobs.push(Job::Finish(header)),
            Action::ForgetPicture { .. } => self.jobs.push(Job::Forget),
            Action::TakeCommand => self.jobs.push(Job::Take),
            Action::CommandSettled { id, status } => self.jobs.push(Job::Settle { id, status }),
            Action::Count(oddity) => self.count(oddity),
            Action::Close(reason) => self.closed = Some(reason),
        }
    }

    /// Looks the device up. One that is accepted is watched from before that, and has checked in.
    fn check_in(&mut self, identity: Identity) -> Verdict {
        let shared = &self.shared;
        let deps = &shared.deps;
        let Ok(serial) = Serial::new(identity.serial()) else {
            return Verdict::Refused(Refusal::Unknown);
        };
        let watch = deps.views.watch_device(&serial);
        let verdict = device::verdict(&deps.views, &serial, identity.version());
        let Verdict::Accepted = verdict else {
            return verdict;
        };
        let Ok(known) = Known::new(&deps.node, identity, serial) else {
            // Impossible: the longest serial was tried at the start.
            return Verdict::Refused(Refusal::Unknown);
        };
        self.record_check_in(&known);
        shared.metrics().dialogues.inc();
        self.connection.good();
        self.device = Some(Arc::new(known));
        self.watch = Some(watch);
        verdict
    }

    /// Nothing waits for a check-in. If the journal is too busy, the next one of the device, or any
    /// of its events, says as much.
    fn record_check_in(&self, known: &Known) {
        let deps = &self.shared().deps;
        let (topic, version) = (known.topics().check_in(), known.identity().version());
        let batch = Batch::check_in(deps.clock.wall(), topic, version, self.connection.remote());
        if let Err(error) = batch.submit(&*deps.journal) {
            self.shared().metrics().check_ins_dropped.inc();
            tracing::debug!(serial = %known.serial(), %error, "a check-in is not recorded");
        }
    }

    /// The registry's word about the device as it is now; nothing if it is not known yet.
    pub(crate) fn verdict_now(&self) -> Option<Verdict> {
        let known = self.device.as_ref()?;
        let views = &self.shared().deps.views;
        Some(device::verdict(
            views,
            known.serial(),
            known.identity().version(),
        ))
    }

    fn append(
        &mut self,
        now: Instant,
        number: u32,
        lane: Lane,
        entries: EntryBatch<'_>,
    ) -> Result<(), JournalFailed> {
        let shared = &self.shared;
        let Some(device) = &self.device else {
            // A dialogue takes entries of accepted devices only.
            return Err(JournalFailed);
        };
        let (profile, received) = (&shared.deps.profile, shared.deps.clock.wall());
        let batch = Batch::entries(lane, received, device, profile, entries);
        let batch = batch.map_err(SubmitError::from)?;
        self.appends.append(shared, now, number, batch)
    }

    fn count(&self, oddity: Oddity) {
        let metrics = self.shared().metrics();
        match oddity {
            Oddity::BadFrame(_) | Oddity::BadMessage(_) => {
                count(&metrics.bad_frames, oddity.as_str());
            }
            Oddity::Violation(_) => count(&metrics.violations, oddity.as_str()),
            Oddity::UnknownEvent(_) => {
                metrics.entries_unknown.inc();
            }
            Oddity::UnreadablePicture(_) | Oddity::PictureError(_) | Oddity::BadCrc { .. } => {
                count(&metrics.picture_errors, oddity.as_str());
            }
            Oddity::CommandTooLong { .. } => {
                metrics.command_errors.inc();
            }
        }
    }

    /// Counts the end of the connection, and what its source did wrong.
    pub(crate) fn note_end(&self, end: End) {
        self.connection.count_end(end.as_str());
        if let End::Closed(CloseReason::Refused(refusal)) = end {
            count(
                &self.shared().metrics().identities_refused,
                refusal.as_str(),
            );
        }
        if let Some(offence) = self.offence(end) {
            self.connection.offence(offence);
        }
    }

    fn offence(&self, end: End) -> Option<Offence> {
        let is_known = self.device.is_some();
        match end {
            End::Closed(CloseReason::BadFrames | CloseReason::Violations) => {
                Some(Offence::BadFrames)
            }
            End::Closed(CloseReason::Refused(Refusal::Unknown)) if !is_known => {
                Some(Offence::UnknownSerial)
            }
            End::Closed(CloseReason::NoIdentity) => Some(Offence::Probe),
            End::Closed(CloseReason::IdleTimeout) if !is_known => Some(Offence::HandshakeTimeout),
            End::Gone if !is_known => Some(Offence::Probe),
            _ => None,
        }
    }
}

/// How a connection that its device closed is counted.
pub(crate) const GONE: &str = "device-closed";

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The dialogue closed it.
    Closed(CloseReason),
    /// The device closed it, or the network lost it.
    Gone,
    /// The station's time to stop was over.
    Cut,
    /// The node serves no more: its partner does.
    Passive,
}

impl End {
    /// The name of the reason, as metrics show it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Closed(reason) => reason.as_str(),
            Self::Gone => GONE,
            Self::Cut => "cut",
            Self::Passive => "passive",
        }
    }
}
