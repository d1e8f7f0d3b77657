//! Messages: what is written reads back, and nothing that is read makes anything panic.

use proptest::collection::vec;
use proptest::prelude::*;
use spica_identicom_proto::frame::{Decoder, Direction, Frame};
use spica_identicom_proto::message::{
    FromDevice, Identity, LogEntry, LogPage, PictureHeader, ToDevice,
};
use spica_identicom_proto::profile::{DetailItem, Profile, Value};

/// The one frame in `wire`.
fn unframe(direction: Direction, wire: &mut [u8]) -> (u8, Vec<u8>) {
    let mut decoder = Decoder::new(direction, u16::MAX);
    let mut input = wire;
    let frame = decoder.next(&mut input);
    frame.map_or_else(Default::default, |frame| {
        frame.map_or_else(|_| Default::default(), |f| (f.kind, f.data.to_vec()))
    })
}

type RawEntry = (u32, u32, u8, Vec<u8>);

fn entries() -> impl Strategy<Value = Vec<RawEntry>> {
    let entry = (
        any::<u32>(),
        any::<u32>(),
        any::<u8>(),
        vec(any::<u8>(), 0..=255),
    );
    vec(entry, 0..8)
}

proptest! {
    /// A message has one form: what can be read at all is written back byte by byte.
    #[test]
    fn what_is_read_is_written_back(kind: u8, data in vec(any::<u8>(), 0..64)) {
        let frame = Frame { kind, data: &data };
        let mut wire = Vec::new();
        if let Ok(message) = FromDevice::decode(frame) {
            message.encode(&mut wire);
            prop_assert_eq!(unframe(Direction::FromDevice, &mut wire), (kind, data.clone()));
        }
        wire.clear();
        if let Ok(message) = ToDevice::decode(frame) {
            message.encode(&mut wire);
            prop_assert_eq!(unframe(Direction::ToDevice, &mut wire), (kind, data.clone()));
        }
    }

    #[test]
    fn identities_read_back(serial in "[!-*,-.0-~&&[^+#/]]{1,10}", version in "[ -~]{0,8}") {
        let identity = Identity::new(&serial, &version);
        prop_assert!(identity.is_ok(), "{identity:?}");
        if let Ok(identity) = identity {
            prop_assert_eq!((identity.serial(), identity.version()), (&*serial, &*version));
            let mut wire = Vec::new();
            FromDevice::Identity(identity).encode(&mut wire);
            let (kind, data) = unframe(Direction::FromDevice, &mut wire);
            let read = FromDevice::decode(Frame { kind, data: &data });
            prop_assert_eq!(read, Ok(FromDevice::Identity(identity)));
        }
    }

    #[test]
    fn pages_read_back_and_whole_entries_survive_a_cut(entries in entries(), remaining: u16, cut: prop::sample::Index) {
        let (mut body, mut ends) = (Vec::new(), Vec::new());
        for (index, time, event, detail) in &entries {
            let (index, time, event) = (*index, *time, *event);
            let written = LogEntry { index, time, event, detail }.write(&mut body);
            prop_assert_eq!(written, Ok(()));
            ends.push(body.len());
        }
        let count = u8::try_from(entries.len()).unwrap_or(u8::MAX);
        let read = |body: &[u8]| -> Vec<Option<RawEntry>> {
            LogPage::over(remaining, count, body)
                .entries()
                .map(|e| e.ok().map(|e| (e.index, e.time, e.event, e.detail.to_vec())))
                .collect()
        };
        let want: Vec<_> = entries.iter().cloned().map(Some).collect();
        prop_assert_eq!(&read(&body), &want);
        let cut = cut.index(body.len() + 1);
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let found = read(&body[..cut]);
        prop_assert_eq!(&found[..whole], &want[..whole]);
        prop_assert_eq!(found.len(), (whole + 1).min(entries.len()));
    }

    #[test]
    fn blocks_add_up_to_the_picture(size in 1..100_000u32, block_size in 1..=1000u16) {
        let header = PictureHeader { picture: 1, size, block_size, time: 0, crc32: 0 };
        let sum: usize = (0..header.blocks()).map(|block| header.block_bytes(block)).sum();
        prop_assert_eq!(sum, size as usize);
        prop_assert!((0..header.blocks()).all(|block| header.block_bytes(block) > 0));
    }

    /// Each byte of a detail is a tag, a length, or shown.
    #[test]
    fn nothing_in_a_detail_is_lost(detail in vec(prop_oneof![0..8u8, any::<u8>()], 0..80)) {
        let profile = Profile::built_in();
        let mut bytes = 0;
        for item in profile.details(&detail) {
            bytes += 2 + match item {
                DetailItem::Known(known, mut values) => match values.next() {
                    Some((_, Value::Text(text))) => text.len(),
                    _ => known.layout.bytes().1,
                },
                DetailItem::Other { bytes, .. } => bytes.len(),
            };
        }
        // The last item may have no length.
        prop_assert!(bytes == detail.len() || bytes == detail.len() + 1);
    }

    #[test]
    fn profile_files_never_panic(text in "(name = \"x\"\n)?(\\[\\[(event|detail|command)\\]\\]\n)?([a-z_]{1,9} = ([0-9]{1,20}|\"[a-z]{0,9}\"|\\{\\}|\\[\\])\n){0,4}") {
        if let Err(error) = Profile::parse(&text) {
            prop_assert!(error.line >= 1 && error.line <= 1 + text.lines().count());
            prop_assert!(!error.message.is_empty());
        }
    }
}
