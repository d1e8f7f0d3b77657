//! A device that follows the profile, with a log, pictures, and alarms at any time.

use std::collections::BTreeSet;

use spica_identicom_proto::message::{
    FromDevice, Identity, LogEntry, LogPage, PictureErrorCode, PictureHeader, ToDevice, entry_key,
};
use spica_identicom_proto::profile::DeleteArgument;

use crate::hub::Hub;
use crate::random::Random;

const STATUS: u8 = 0x20;
const MAN_DOWN: u8 = 0x3b;
const BLOCK_SIZE: u16 = 7;

#[derive(Clone, Copy)]
struct Event {
    index: u32,
    code: u8,
}

#[derive(Clone)]
pub(crate) struct Picture {
    pub(crate) number: u32,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct Device {
    identity: Identity,
    delete_argument: DeleteArgument,
    log: Vec<Event>,
    /// Everything that ever happened.
    happened: Vec<Event>,
    next_index: u32,
    /// What the last answer to a read could have told about.
    read_up_to: u32,
    page_entries: usize,
    pictures: Vec<Picture>,
    /// All pictures that were ever taken.
    taken: Vec<Picture>,
    pub(crate) executed: BTreeSet<u16>,
    is_steady: bool,
    has_introduced_itself: bool,
}

impl Device {
    pub(crate) fn new(random: &mut Random, delete_argument: DeleteArgument) -> Self {
        Self {
            identity: Identity::new("12345", "1.0").unwrap(),
            delete_argument,
            log: Vec::new(),
            happened: Vec::new(),
            next_index: random.below(3) as u32,
            read_up_to: 0,
            page_entries: 1 + random.below(4),
            pictures: Vec::new(),
            taken: Vec::new(),
            executed: BTreeSet::new(),
            is_steady: false,
            has_introduced_itself: false,
        }
    }

    /// Some time without a connection.
    pub(crate) fn live(&mut self, random: &mut Random) {
        for _ in 0..random.below(6) {
            let code = if random.one_in(4) { MAN_DOWN } else { STATUS };
            self.note(code);
        }
        if random.one_in(2) {
            let number = 30 + self.taken.len() as u32;
            let length = 1 + random.below(30);
            let picture = Picture {
                number,
                bytes: random.bytes(length),
            };
            self.taken.push(picture.clone());
            self.pictures.push(picture);
        }
    }

    fn note(&mut self, code: u8) -> Event {
        let event = Event {
            index: self.next_index,
            code,
        };
        self.next_index += 1;
        self.log.push(event);
        self.happened.push(event);
        event
    }

    /// From now on nothing happens and nothing fails.
    pub(crate) fn settle_down(&mut self) {
        self.is_steady = true;
    }

    pub(crate) fn lose_connection(&mut self) {
        self.has_introduced_itself = false;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.log.is_empty() && self.pictures.is_empty()
    }

    /// What the device says by itself: first who it is, later an alarm, if one happens.
    pub(crate) fn speak(&mut self, random: &mut Random, out: &mut Vec<u8>) {
        if !self.has_introduced_itself {
            self.has_introduced_itself = true;
            FromDevice::Identity(self.identity).encode(out);
        } else if !self.is_steady && random.one_in(12) {
            let alarm = self.note(MAN_DOWN);
            self.page(&[alarm], 0, out);
        } else if !self.is_steady && random.one_in(12) {
            self.note(STATUS);
        }
    }

    pub(crate) fn answer(
        &mut self,
        request: ToDevice<'_>,
        hub: &Hub,
        random: &mut Random,
        out: &mut Vec<u8>,
    ) {
        match request {
            ToDevice::Identify => FromDevice::Identity(self.identity).encode(out),
            ToDevice::ReadLog { from } => self.read(from, out),
            ToDevice::DeleteLog { last } => self.delete(last, hub, out),
            ToDevice::NextPicture => self.next_picture(out),
            ToDevice::ReadBlock { picture, block } => self.block(picture, block, random, out),
            ToDevice::DeletePicture { picture } => self.delete_picture(picture, hub, out),
            ToDevice::Command { id, .. } => {
                self.executed.insert(id);
                FromDevice::CommandResult { id, status: 0 }.encode(out);
            }
            ToDevice::Goodbye => {}
        }
    }

    fn read(&mut self, from: u32, out: &mut Vec<u8>) {
        let wanted: Vec<_> = self.log.iter().filter(|e| e.index >= from).collect();
        let count = wanted.len().min(self.page_entries);
        let page: Vec<_> = wanted[..count].iter().map(|e| **e).collect();
        let remaining = wanted.len() - count;
        self.read_up_to = self.next_index;
        self.page(&page, remaining, out);
    }

    fn page(&self, events: &[Event], remaining: usize, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        for event in events {
            entry(*event).write(&mut body).unwrap();
        }
        let (count, remaining) = (events.len() as u8, remaining as u16);
        FromDevice::LogPage(LogPage::over(remaining, count, &body)).encode(out);
    }

    fn delete(&mut self, last: Option<u32>, hub: &Hub, out: &mut Vec<u8>) {
        assert_eq!(
            last.is_some(),
            self.delete_argument == DeleteArgument::LastIndex
        );
        let goes = |e: &&Event| last.is_none_or(|last| e.index <= last);
        let gone: Vec<_> = self.log.iter().filter(goes).copied().collect();
        self.log.retain(|e| !goes(&e));
        for event in &gone {
            // A device that deletes all also deletes what happened after it was last read: no
            // station can prevent that.
            let was_told = last.is_some() || event.index < self.read_up_to;
            assert!(
                !was_told || hub.is_durable(&self.key(*event)),
                "entry {} was deleted and is not durable",
                event.index
            );
            if !was_told {
                self.happened.retain(|e| e.index != event.index);
            }
        }
        let count = gone.len() as u16;
        FromDevice::LogDeleted { count }.encode(out);
    }

    fn next_picture(&self, out: &mut Vec<u8>) {
        let header = self.pictures.first().map_or(
            PictureHeader {
                picture: 0,
                size: 0,
                block_size: 0,
                time: 0,
                crc32: 0,
            },
            |picture| PictureHeader {
                picture: picture.number,
                size: picture.bytes.len() as u32,
                block_size: BLOCK_SIZE,
                time: 9,
                crc32: crc32fast::hash(&picture.bytes),
            },
        );
        FromDevice::PictureHeader(header).encode(out);
    }

    fn block(&self, picture: u32, block: u16, random: &mut Random, out: &mut Vec<u8>) {
        if !self.is_steady && random.one_in(15) {
            let code = PictureErrorCode::from(1 + random.below(4) as u8);
            return FromDevice::PictureError { picture, code }.encode(out);
        }
        let known = self.pictures.iter().find(|p| p.number == picture);
        let bytes = &known.expect("a picture that was announced").bytes;
        let mut blocks = bytes.chunks(usize::from(BLOCK_SIZE));
        let mut bytes = blocks
            .nth(usize::from(block))
            .expect("a block of it")
            .to_vec();
        if !self.is_steady && random.one_in(15) {
            bytes[0] ^= 1;
        }
        let bytes = &bytes;
        FromDevice::PictureBlock {
            picture,
            block,
            bytes,
        }
        .encode(out);
    }

    fn delete_picture(&mut self, picture: u32, hub: &Hub, out: &mut Vec<u8>) {
        let at = self.pictures.iter().position(|p| p.number == picture);
        let gone = self
            .pictures
            .remove(at.expect("a picture that was announced"));
        assert!(
            hub.has_picture(&gone),
            "picture {picture} was deleted and is not stored"
        );
        FromDevice::PictureDeleted { picture }.encode(out);
    }

    fn key(&self, event: Event) -> Vec<u8> {
        entry_key(&self.identity, &entry(event)).to_vec()
    }

    pub(crate) fn check_all_arrived(&self, hub: &Hub) {
        for event in &self.happened {
            assert!(
                hub.is_durable(&self.key(*event)),
                "entry {} is missing",
                event.index
            );
        }
        for picture in &self.taken {
            assert!(
                hub.has_picture(picture),
                "picture {} is missing",
                picture.number
            );
        }
        assert!(self.is_empty(), "the device still holds something");
        assert!(hub.has_settled_all(), "a command is not settled");
        assert!(hub.settled.iter().all(|id| self.executed.contains(id)));
    }
}

fn entry(event: Event) -> LogEntry<'static> {
    LogEntry {
        index: event.index,
        time: 1_000 + event.index,
        event: event.code,
        detail: b"\x01\x01\x1e",
    }
}
