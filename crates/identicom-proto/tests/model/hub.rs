//! What stands around the dialogue: a journal that commits when it likes, a picture store, commands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use spica_clock::ManualClock;
use spica_identicom_proto::dialogue::{Action, CloseReason, PictureAnswer};
use spica_identicom_proto::message::{Identity, PictureHeader, entry_key};
use spica_identicom_proto::profile::{DeleteArgument, Profile};
use spica_model::Timestamp;

use crate::device::Picture;
use crate::random::Random;

/// An answer to the dialogue that is still to be given.
pub(crate) enum Answer {
    Verdict,
    Picture(PictureAnswer),
    Command(Option<u16>),
}

pub(crate) struct Hub {
    pub(crate) clock: ManualClock,
    pub(crate) profile: Arc<Profile>,
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) is_closed: bool,
    identity: Option<Identity>,
    /// Batches that are not durable, with the keys of their entries.
    pending: VecDeque<(u32, Vec<Vec<u8>>)>,
    durable: BTreeSet<Vec<u8>>,
    /// Blocks of unfinished pictures.
    parts: BTreeMap<u32, Vec<u8>>,
    stored: BTreeMap<u32, Vec<u8>>,
    commands: Vec<u16>,
    pub(crate) settled: BTreeSet<u16>,
}

impl Hub {
    pub(crate) fn new(random: &mut Random, delete_argument: DeleteArgument) -> Self {
        let mut profile = Profile::clone(&Profile::built_in());
        profile.delete_argument = delete_argument;
        profile.limits.picture_blocks_per_turn = 2;
        profile.limits.log_pages_per_turn = 1 + random.below(4) as u16;
        Self {
            clock: ManualClock::new(Timestamp::EPOCH),
            profile: Arc::new(profile),
            answers: VecDeque::new(),
            is_closed: false,
            identity: None,
            pending: VecDeque::new(),
            durable: BTreeSet::new(),
            parts: BTreeMap::new(),
            stored: BTreeMap::new(),
            commands: (0..random.below(4) as u16).collect(),
            settled: BTreeSet::new(),
        }
    }

    pub(crate) fn act(&mut self, action: &Action<'_>, random: &mut Random, may_fail: bool) {
        assert!(!self.is_closed, "{action:?} behind the close");
        let unavailable = may_fail && random.one_in(20);
        match action {
            Action::CheckIn { identity } => {
                self.identity = Some(*identity);
                self.answers.push_back(Answer::Verdict);
            }
            Action::Append {
                batch,
                lane,
                entries,
            } => {
                let device = self.identity.expect("an identity before entries");
                assert!(entries.clone().all(|e| self.profile.lane(e.event) == *lane));
                let keys: Vec<_> = entries
                    .clone()
                    .map(|e| entry_key(&device, &e).to_vec())
                    .collect();
                assert!(!keys.is_empty(), "an empty batch");
                self.pending.push_back((*batch, keys));
            }
            Action::OpenPicture { header } => {
                let answer = self.open(header, unavailable);
                self.answers.push_back(Answer::Picture(answer));
            }
            Action::StoreBlock { picture, bytes, .. } => {
                let answer = if unavailable {
                    PictureAnswer::Unavailable
                } else {
                    self.parts.entry(*picture).or_default().extend(*bytes);
                    PictureAnswer::BlockStored
                };
                self.answers.push_back(Answer::Picture(answer));
            }
            Action::FinishPicture { header } => {
                let answer = self.finish(header);
                self.answers.push_back(Answer::Picture(answer));
            }
            Action::ForgetPicture { picture } => {
                self.parts.remove(picture);
            }
            Action::TakeCommand => {
                let pending = self.commands.iter().find(|c| !self.settled.contains(c));
                self.answers.push_back(Answer::Command(pending.copied()));
            }
            Action::CommandSettled { id, status } => {
                assert_eq!(*status, 0);
                assert!(self.settled.insert(*id), "command {id} was settled twice");
            }
            Action::Count(_) => {}
            Action::Close(reason) => self.close(*reason, may_fail),
        }
    }

    fn close(&mut self, reason: CloseReason, may_fail: bool) {
        assert!(
            may_fail || reason == CloseReason::Finished,
            "closed: {reason:?}"
        );
        self.is_closed = true;
    }

    fn open(&self, header: &PictureHeader, unavailable: bool) -> PictureAnswer {
        if unavailable {
            return PictureAnswer::Unavailable;
        }
        if self.stored.contains_key(&header.picture) {
            return PictureAnswer::Complete;
        }
        let bytes = self.parts.get(&header.picture).map_or(0, Vec::len) as u32;
        PictureAnswer::ReadFrom {
            block: bytes.div_ceil(u32::from(header.block_size)),
        }
    }

    fn finish(&mut self, header: &PictureHeader) -> PictureAnswer {
        let bytes = self
            .parts
            .remove(&header.picture)
            .expect("blocks before the finish");
        assert_eq!(
            bytes.len(),
            header.size as usize,
            "a block is missing or twice there"
        );
        if crc32fast::hash(&bytes) != header.crc32 {
            return PictureAnswer::BadCrc;
        }
        self.stored.insert(header.picture, bytes);
        PictureAnswer::Complete
    }

    /// Commits some of the pending batches; the number of the last one.
    pub(crate) fn commit(&mut self, random: &mut Random) -> Option<u32> {
        let count = (1 + random.below(3)).min(self.pending.len());
        let mut last = None;
        for (batch, keys) in self.pending.drain(..count) {
            self.durable.extend(keys);
            last = Some(batch);
        }
        last
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The connection is gone; if the station is as well, what was not durable is lost.
    pub(crate) fn lose_connection(&mut self, and_the_station: bool) {
        for (_, keys) in self.pending.drain(..) {
            if !and_the_station {
                self.durable.extend(keys);
            }
        }
        self.answers.clear();
        self.is_closed = false;
        self.identity = None;
    }

    pub(crate) fn is_durable(&self, key: &[u8]) -> bool {
        self.durable.contains(key)
    }

    pub(crate) fn has_picture(&self, picture: &Picture) -> bool {
        self.stored.get(&picture.number) == Some(&picture.bytes)
    }

    pub(crate) fn has_settled_all(&self) -> bool {
        self.commands.iter().all(|id| self.settled.contains(id))
    }
}
