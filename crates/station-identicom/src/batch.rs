//! Records on their way into the journal, built from what a device sent.

use std::net::SocketAddr;

use smallvec::SmallVec;
use spica_identicom_proto::message::{Identity, LogEntry, PictureHeader, entry_key, picture_key};
use spica_identicom_proto::profile::Profile;
use spica_journal::{Journal, SubmitError, Ticket};
use spica_model::{
    ContentType, Key, Kind, Lane, LimitError, NewRecord, Op, Quality, Timestamp, Topic,
};
use spica_objects::Stored;

use crate::device::Known;
use crate::payload;

/// Bytes that the payload of an event with little detail takes.
const PAYLOAD_BYTES: usize = 128;

/// Records of one lane that are submitted together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) lane: Lane,
    kind: Kind,
    received: Timestamp,
    records: SmallVec<[Built; 1]>,
    payloads: Vec<u8>,
}

#[derive(Debug)]
struct Built {
    topic: Topic,
    key: Option<Key>,
    source_time: Option<Timestamp>,
    /// Where its payload ends; it begins where the one before it ends.
    payload_end: usize,
}

impl Batch {
    fn new(lane: Lane, kind: Kind, received: Timestamp) -> Self {
        Self {
            lane,
            kind,
            received,
            records: SmallVec::new(),
            payloads: Vec::with_capacity(PAYLOAD_BYTES),
        }
    }

    /// The entries of a log page that go to one lane.
    ///
    /// # Errors
    /// If a key is too long, which the profile's frames make impossible.
    pub(crate) fn entries<'a>(
        lane: Lane,
        received: Timestamp,
        device: &Known,
        profile: &Profile,
        entries: impl Iterator<Item = LogEntry<'a>>,
    ) -> Result<Self, LimitError> {
        let mut batch = Self::new(lane, Kind::Event, received);
        for entry in entries {
            let name = profile.event_name(entry.event);
            let topic = device.event_topic(&name);
            payload::write_event(&mut batch.payloads, profile, &name, &entry);
            let key = Key::new(entry_key(device.identity(), &entry).to_vec())?;
            batch.add(topic, Some(key), Some(Timestamp::from_secs(entry.time)));
        }
        Ok(batch)
    }

    /// The record of a stored picture.
    ///
    /// # Errors
    /// As [`Batch::entries`].
    pub(crate) fn picture(
        received: Timestamp,
        topic: Topic,
        identity: &Identity,
        header: &PictureHeader,
        stored: &Stored,
    ) -> Result<Self, LimitError> {
        let mut batch = Self::new(Lane::Normal, Kind::Event, received);
        payload::write_picture(&mut batch.payloads, header, stored);
        let key = Key::new(picture_key(identity, header).to_vec())?;
        batch.add(topic, Some(key), Some(Timestamp::from_secs(header.time)));
        Ok(batch)
    }

    /// The record of a check-in.
    pub(crate) fn check_in(
        received: Timestamp,
        topic: Topic,
        version: &str,
        remote: SocketAddr,
    ) -> Self {
        let mut batch = Self::new(Lane::Normal, Kind::State, received);
        payload::write_check_in(&mut batch.payloads, version, remote);
        batch.add(topic, None, None);
        batch
    }

    fn add(&mut self, topic: Topic, key: Option<Key>, source_time: Option<Timestamp>) {
        let payload_end = self.payloads.len();
        self.records.push(Built {
            topic,
            key,
            source_time,
            payload_end,
        });
    }

    /// How many records it has.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.payloads.len() + self.len() * 2 * PAYLOAD_BYTES
    }

    /// Submits it.
    ///
    /// # Errors
    /// As [`Journal::submit`]; it can be submitted again then.
    pub(crate) fn submit(&self, journal: &dyn Journal) -> Result<Ticket, SubmitError> {
        let mut from = 0;
        let records: SmallVec<[NewRecord<'_>; 4]> = self
            .records
            .iter()
            .map(|built| {
                let payload = &self.payloads[from..built.payload_end];
                from = built.payload_end;
                NewRecord {
                    topic: &built.topic,
                    kind: self.kind,
                    op: Op::Put,
                    quality: Quality::Good,
                    received: self.received,
                    source_time: built.source_time,
                    content_type: &ContentType::Json,
                    payload,
                    key: built.key.as_ref(),
                    cause: None,
                    properties: None,
                }
            })
            .collect();
        journal.submit(self.lane, &records)
    }
}
