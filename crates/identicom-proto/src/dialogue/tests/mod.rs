//! Scenarios: what the device and the shell say, and what the dialogue makes of it.

mod commands;
mod identity;
mod log;
mod pictures;
mod reactions;

use std::time::Duration;

use spica_clock::{Clock, ManualClock};
use spica_model::Timestamp;

use super::*;
use crate::frame::{Decoder, Direction, Frame, kind};
use crate::message::{FromDevice, LogEntry, LogPage, PictureHeader};

/// A connection whose other ends are the test.
struct Scenario {
    clock: ManualClock,
    dialogue: Dialogue,
}

/// The event codes of the tests: one without an alarm, one critical, one unknown.
const STATUS: u8 = 0x20;
const MAN_DOWN: u8 = 0x3b;
const UNKNOWN: u8 = 0x99;

/// A picture of three blocks, the last one shorter.
const PICTURE: PictureHeader = PictureHeader {
    picture: 7,
    size: 25,
    block_size: 10,
    time: 1_000,
    crc32: 0xabcd,
};

const NO_PICTURE: PictureHeader = PictureHeader {
    picture: 0,
    size: 0,
    block_size: 0,
    time: 0,
    crc32: 0,
};

impl Scenario {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// A connection under the built-in profile with changes.
    fn with(change: impl FnOnce(&mut Profile)) -> Self {
        let mut profile = Profile::clone(&Profile::built_in());
        change(&mut profile);
        let clock = ManualClock::new(Timestamp::EPOCH);
        let dialogue = Dialogue::new(Arc::new(profile), clock.monotonic());
        Self { clock, dialogue }
    }

    /// A connection of a known device whose log is being read.
    fn reading() -> Self {
        Self::reading_with(|_| {})
    }

    fn reading_with(change: impl FnOnce(&mut Profile)) -> Self {
        let mut scenario = Self::with(change);
        scenario.says(FromDevice::Identity(device()), "check in 12345 1.0");
        scenario.shell(Input::Verdict(Verdict::Accepted), "> ReadLog { from: 0 }");
        scenario
    }

    /// A connection of a known device with an empty log, asked for its next picture.
    fn at_pictures() -> Self {
        Self::at_pictures_with(|_| {})
    }

    fn at_pictures_with(change: impl FnOnce(&mut Profile)) -> Self {
        let mut scenario = Self::reading_with(change);
        scenario.page(0, &[], "> NextPicture");
        scenario
    }

    /// A connection of a known device without entries or pictures, ready for commands.
    fn at_commands() -> Self {
        let mut scenario = Self::at_pictures();
        scenario.says(FromDevice::PictureHeader(NO_PICTURE), "take command");
        scenario
    }

    /// What an input leads to: actions in order, then messages to the device, joined by `, `.
    fn handle(&mut self, input: Input<'_>) -> String {
        let (mut out, mut lines) = (Vec::new(), Vec::new());
        let now = self.clock.monotonic();
        self.dialogue
            .handle(now, input, &mut out, |action| lines.push(show(&action)));
        let mut decoder = Decoder::new(Direction::ToDevice, 120);
        let mut out = &mut out[..];
        while let Some(frame) = decoder.next(&mut out) {
            lines.push(format!("> {:?}", ToDevice::decode(frame.unwrap()).unwrap()));
        }
        lines.join(", ")
    }

    #[track_caller]
    fn shell(&mut self, input: Input<'_>, want: &str) {
        assert_eq!(self.handle(input), want, "{input:?}");
    }

    #[track_caller]
    fn says(&mut self, message: FromDevice<'_>, want: &str) {
        let mut wire = Vec::new();
        message.encode(&mut wire);
        let mut decoder = Decoder::new(Direction::FromDevice, 1024);
        let frame = decoder.next(&mut &mut wire[..]).unwrap().unwrap();
        assert_eq!(self.handle(Input::Frame(frame)), want, "{message:?}");
    }

    /// The device sends a page with entries of these indexes and events.
    #[track_caller]
    fn page(&mut self, remaining: u16, entries: &[(u32, u8)], want: &str) {
        let mut body = Vec::new();
        for (index, event) in entries.iter().copied() {
            let entry = LogEntry {
                index,
                time: index ^ 0xffff,
                event,
                detail: b"\x01\x01\x50",
            };
            entry.write(&mut body).unwrap();
        }
        let count = u8::try_from(entries.len()).unwrap();
        let page = LogPage::over(remaining, count, &body);
        self.says(FromDevice::LogPage(page), want);
    }

    #[track_caller]
    fn raw(&mut self, kind: u8, data: &[u8], want: &str) {
        assert_eq!(self.handle(Input::Frame(Frame { kind, data })), want);
    }

    #[track_caller]
    fn after(&mut self, wait: Duration, want: &str) {
        self.clock.advance(wait);
        self.shell(Input::Timeout, want);
    }

    #[track_caller]
    fn is_due_in(&self, wait: Duration) {
        let due = self.dialogue.next_deadline();
        assert_eq!(due, Some(self.clock.monotonic() + wait));
    }
}

fn device() -> Identity {
    Identity::new("12345", "1.0").unwrap()
}

fn show(action: &Action<'_>) -> String {
    match action {
        Action::CheckIn { identity } => {
            format!("check in {} {}", identity.serial(), identity.version())
        }
        Action::Append {
            batch,
            lane,
            entries,
        } => {
            let entries: Vec<_> = entries
                .clone()
                .map(|e| format!("{}:{:02x}", e.index, e.event))
                .collect();
            format!("append {batch} {lane} {}", entries.join(" "))
        }
        Action::OpenPicture { header } => format!("open {}", header.picture),
        Action::StoreBlock {
            picture,
            block,
            bytes,
        } => format!("store {picture}.{block} {}", bytes.len()),
        Action::FinishPicture { header } => format!("finish {}", header.picture),
        Action::ForgetPicture { picture } => format!("forget {picture}"),
        Action::TakeCommand => "take command".to_owned(),
        Action::CommandSettled { id, status } => format!("settled {id} {status}"),
        Action::Count(oddity) => format!("count {}", oddity.as_str()),
        Action::Close(reason) => format!("close {}", reason.as_str()),
    }
}

#[test]
fn a_dialogue_is_small() {
    assert!(size_of::<Dialogue>() <= 256, "{}", size_of::<Dialogue>());
    assert!(size_of::<Decoder>() <= 64, "{}", size_of::<Decoder>());
}

#[test]
fn a_whole_dialogue_follows_the_table() {
    let mut s = Scenario::reading();
    s.page(
        1,
        &[(4, STATUS), (5, STATUS)],
        "append 1 normal 4:20 5:20, > ReadLog { from: 6 }",
    );
    s.page(0, &[(6, STATUS)], "append 2 normal 6:20");
    s.shell(Input::Durable { batch: 2 }, "> DeleteLog { last: Some(6) }");
    s.says(FromDevice::LogDeleted { count: 3 }, "> NextPicture");
    s.says(FromDevice::PictureHeader(PICTURE), "open 7");
    s.shell(
        Input::Picture(PictureAnswer::ReadFrom { block: 2 }),
        "> ReadBlock { picture: 7, block: 2 }",
    );
    let last = FromDevice::PictureBlock {
        picture: 7,
        block: 2,
        bytes: &[0xff; 5],
    };
    s.says(last, "store 7.2 5");
    s.shell(Input::Picture(PictureAnswer::BlockStored), "finish 7");
    s.shell(
        Input::Picture(PictureAnswer::Complete),
        "> DeletePicture { picture: 7 }",
    );
    s.says(FromDevice::PictureDeleted { picture: 7 }, "> NextPicture");
    s.says(FromDevice::PictureHeader(NO_PICTURE), "take command");
    let command = PendingCommand {
        id: 3,
        code: 1,
        arguments: b"\x0f\0",
    };
    s.shell(
        Input::Command(Some(command)),
        "> Command { id: 3, code: 1, arguments: [15, 0] }",
    );
    s.says(
        FromDevice::CommandResult { id: 3, status: 0 },
        "settled 3 0, take command",
    );
    s.shell(Input::Command(None), "close finished, > Goodbye");
    assert!(s.dialogue.is_closed());
    assert_eq!(s.dialogue.next_deadline(), None);
    s.shell(Input::CommandsChanged, "");
    s.page(0, &[(9, MAN_DOWN)], "");
}
