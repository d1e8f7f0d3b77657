//! Step 6: pictures.

use super::*;
use crate::message::PictureErrorCode;

fn block(block: u16, bytes: &[u8]) -> FromDevice<'_> {
    let picture = 7;
    FromDevice::PictureBlock {
        picture,
        block,
        bytes,
    }
}

fn answer(answer: PictureAnswer) -> Input<'static> {
    Input::Picture(answer)
}

fn error(picture: u32, code: PictureErrorCode) -> FromDevice<'static> {
    FromDevice::PictureError { picture, code }
}

/// A connection that waits for block 0 of picture 7.
fn reading() -> Scenario {
    reading_with(|_| {})
}

fn reading_with(change: impl FnOnce(&mut Profile)) -> Scenario {
    let mut s = Scenario::at_pictures_with(change);
    s.says(FromDevice::PictureHeader(PICTURE), "open 7");
    s.shell(
        answer(PictureAnswer::ReadFrom { block: 0 }),
        "> ReadBlock { picture: 7, block: 0 }",
    );
    s
}

/// Reads all three blocks, up to the answer about the whole.
fn read_all(s: &mut Scenario) {
    for (number, next) in [(0, 1), (1, 2)] {
        s.says(block(number, &[1; 10]), &format!("store 7.{number} 10"));
        s.shell(
            answer(PictureAnswer::BlockStored),
            &format!("> ReadBlock {{ picture: 7, block: {next} }}"),
        );
    }
    s.says(block(2, &[1; 5]), "store 7.2 5");
    s.shell(answer(PictureAnswer::BlockStored), "finish 7");
}

#[test]
fn several_pictures_are_read_one_after_the_other() {
    let mut s = reading();
    read_all(&mut s);
    s.shell(
        answer(PictureAnswer::Complete),
        "> DeletePicture { picture: 7 }",
    );
    s.says(FromDevice::PictureDeleted { picture: 7 }, "> NextPicture");
    let next = PictureHeader {
        picture: 8,
        ..PICTURE
    };
    s.says(FromDevice::PictureHeader(next), "open 8");
}

#[test]
fn a_picture_that_is_stored_already_is_only_deleted() {
    let mut s = Scenario::at_pictures();
    s.says(FromDevice::PictureHeader(PICTURE), "open 7");
    s.shell(
        answer(PictureAnswer::Complete),
        "> DeletePicture { picture: 7 }",
    );
    let mut s = Scenario::at_pictures();
    s.says(FromDevice::PictureHeader(PICTURE), "open 7");
    s.shell(answer(PictureAnswer::ReadFrom { block: 3 }), "finish 7");
}

#[test]
fn a_picture_with_a_wrong_crc_is_read_once_more_and_then_left() {
    let mut s = reading();
    read_all(&mut s);
    s.shell(
        answer(PictureAnswer::BadCrc),
        "count picture-crc, > ReadBlock { picture: 7, block: 0 }",
    );
    read_all(&mut s);
    s.shell(
        answer(PictureAnswer::BadCrc),
        "count picture-crc, take command",
    );
}

#[test]
fn a_store_that_does_not_work_leaves_pictures_and_nothing_else() {
    let mut s = reading();
    s.says(block(0, &[1; 10]), "store 7.0 10");
    s.shell(answer(PictureAnswer::Unavailable), "take command");
}

#[test]
fn a_picture_that_the_device_does_not_know_is_forgotten() {
    let mut s = reading();
    s.says(
        error(7, PictureErrorCode::Unknown),
        "count picture-unknown, forget 7, > NextPicture",
    );
    s.says(
        FromDevice::PictureHeader(PICTURE),
        "count picture-again, take command",
    );
}

#[test]
fn a_picture_that_is_gone_when_it_is_to_be_deleted_is_deleted() {
    let mut s = reading();
    read_all(&mut s);
    s.shell(
        answer(PictureAnswer::Complete),
        "> DeletePicture { picture: 7 }",
    );
    s.says(
        error(7, PictureErrorCode::Unknown),
        "count picture-unknown, > NextPicture",
    );
}

#[test]
fn busy_and_failing_devices_keep_their_pictures_for_another_connection() {
    for (code, name) in [
        (PictureErrorCode::Busy, "picture-busy"),
        (PictureErrorCode::Failed, "picture-failed"),
        (PictureErrorCode::Other(9), "picture-error"),
    ] {
        let want = format!("count {name}, take command");
        reading().says(error(7, code), &want);
        Scenario::at_pictures().says(error(0, code), &want);
        let mut s = reading();
        read_all(&mut s);
        s.shell(
            answer(PictureAnswer::Complete),
            "> DeletePicture { picture: 7 }",
        );
        s.says(error(7, code), &want);
    }
}

#[test]
fn pictures_out_of_bounds_are_left() {
    for header in [
        PictureHeader {
            block_size: 0,
            ..PICTURE
        },
        PictureHeader {
            block_size: 1001,
            ..PICTURE
        },
        PictureHeader {
            size: (16 << 20) + 1,
            ..PICTURE
        },
        PictureHeader {
            size: 65_537,
            block_size: 1,
            ..PICTURE
        },
    ] {
        let mut s = Scenario::at_pictures();
        s.says(
            FromDevice::PictureHeader(header),
            "count unreadable-picture, take command",
        );
    }
}

#[test]
fn other_blocks_than_the_one_asked_for_are_ignored() {
    let mut s = reading();
    s.says(block(1, &[1; 10]), "count block-mismatch");
    let other = FromDevice::PictureBlock {
        picture: 8,
        block: 0,
        bytes: &[1; 10],
    };
    s.says(other, "count block-mismatch");
    s.says(error(8, PictureErrorCode::Busy), "count picture-mismatch");
    s.says(block(0, &[1; 10]), "store 7.0 10");
    // The shell has the block in hand.
    s.says(block(0, &[1; 10]), "count unexpected-message");
}

#[test]
fn a_block_of_the_wrong_length_ends_the_pictures() {
    for length in [0, 9, 11] {
        reading().says(
            block(0, &vec![1; length]),
            "count block-length, take command",
        );
    }
}

#[test]
fn the_deletion_of_another_picture_is_ignored() {
    let mut s = reading();
    read_all(&mut s);
    s.shell(
        answer(PictureAnswer::Complete),
        "> DeletePicture { picture: 7 }",
    );
    s.says(
        FromDevice::PictureDeleted { picture: 8 },
        "count picture-mismatch",
    );
    s.says(FromDevice::PictureDeleted { picture: 7 }, "> NextPicture");
}

#[test]
fn malformed_answers_leave_pictures() {
    for kind in [kind::PICTURE_BLOCK, kind::PICTURE_ERROR] {
        reading().raw(kind, b"\x07", "count message-short, take command");
    }
    Scenario::at_pictures().raw(
        kind::PICTURE_HEADER,
        b"",
        "count message-short, take command",
    );
    // One that is waited for by nobody changes nothing.
    reading().raw(kind::PICTURE_DELETED, b"", "count message-short");
}

#[test]
fn waiting_commands_get_a_turn_between_blocks() {
    let mut s = reading_with(|p| p.limits.picture_blocks_per_turn = 2);
    s.says(block(0, &[1; 10]), "store 7.0 10");
    s.shell(
        answer(PictureAnswer::BlockStored),
        "> ReadBlock { picture: 7, block: 1 }",
    );
    s.says(block(1, &[1; 10]), "store 7.1 10");
    s.shell(answer(PictureAnswer::BlockStored), "take command");
    s.shell(Input::Command(None), "> ReadBlock { picture: 7, block: 2 }");
}
