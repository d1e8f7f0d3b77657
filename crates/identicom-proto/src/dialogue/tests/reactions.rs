//! Reactions to time, noise, breaches and the end of the station.

use super::*;
use crate::frame::BadFrame;

#[test]
fn an_answer_that_does_not_come_closes() {
    let mut s = Scenario::reading();
    s.is_due_in(Duration::from_secs(10));
    s.after(Duration::from_secs(9), "");
    // Noise and breaches are no answer.
    s.says(
        FromDevice::LogDeleted { count: 1 },
        "count unexpected-message",
    );
    s.shell(Input::BadFrame(BadFrame::Noise), "count noise");
    s.after(Duration::from_secs(1), "close idle-timeout");
}

#[test]
fn a_long_session_ends_with_a_goodbye() {
    let mut s = Scenario::reading();
    for index in 0..6 {
        s.clock.advance(Duration::from_secs(9));
        s.handle(Input::Timeout);
        let want = format!(
            "append {} normal {index}:20, > ReadLog {{ from: {} }}",
            index + 1,
            index + 1
        );
        s.page(1, &[(index, STATUS)], &want);
    }
    s.is_due_in(Duration::from_secs(6));
    s.after(Duration::from_secs(6), "close session-timeout, > Goodbye");
}

#[test]
fn the_third_bad_frame_closes() {
    let mut s = Scenario::reading();
    s.shell(Input::BadFrame(BadFrame::Noise), "count noise");
    s.raw(kind::LOG_DELETED, b"", "count message-short");
    s.shell(
        Input::BadFrame(BadFrame::BadEscape),
        "count bad-escape, close bad-frames",
    );
}

#[test]
fn bad_frames_count_before_the_identity_too() {
    let mut s = Scenario::with(|p| p.limits.bad_frames = 1);
    s.shell(
        Input::BadFrame(BadFrame::TooLong),
        "count too-long, close bad-frames",
    );
}

#[test]
fn the_eighth_breach_closes() {
    let mut s = Scenario::reading();
    for _ in 0..7 {
        s.says(
            FromDevice::LogDeleted { count: 1 },
            "count unexpected-message",
        );
    }
    s.says(
        FromDevice::LogDeleted { count: 1 },
        "count unexpected-message, close violations",
    );
}

#[test]
fn nothing_comes_behind_the_close() {
    // The breach and the damage of this page would both be counted.
    let mut s = Scenario::with(|p| p.limits.bad_frames = 1);
    s.says(FromDevice::Identity(device()), "check in 12345 1.0");
    s.shell(Input::Verdict(Verdict::Accepted), "> ReadLog { from: 0 }");
    s.raw(
        kind::LOG_PAGE,
        b"\0\0\x01",
        "count message-short, close bad-frames",
    );
    s.shell(Input::JournalFailed, "");
    s.after(Duration::from_secs(100), "");
}

#[test]
fn a_message_that_the_step_does_not_wait_for_is_ignored() {
    let answers = [
        FromDevice::LogDeleted { count: 0 },
        FromDevice::PictureHeader(PICTURE),
        FromDevice::PictureDeleted { picture: 7 },
        FromDevice::PictureBlock {
            picture: 7,
            block: 0,
            bytes: b"",
        },
        FromDevice::PictureError {
            picture: 7,
            code: crate::message::PictureErrorCode::Busy,
        },
    ];
    for message in answers {
        Scenario::reading().says(message, "count unexpected-message");
    }
    // Answers of the shell that were not asked for change nothing either.
    let mut s = Scenario::reading();
    s.shell(Input::Picture(PictureAnswer::Complete), "");
    s.shell(Input::Command(None), "");
    s.shell(Input::Durable { batch: 1 }, "");
}

#[test]
fn a_stopping_station_still_takes_the_log() {
    let mut s = Scenario::reading();
    s.shell(Input::Stop, "");
    s.page(0, &[(1, STATUS)], "append 1 normal 1:20");
    s.shell(Input::Durable { batch: 1 }, "> DeleteLog { last: Some(1) }");
    s.says(
        FromDevice::LogDeleted { count: 1 },
        "close stopped, > Goodbye",
    );
}

#[test]
fn a_stopping_station_leaves_pictures_and_commands() {
    let mut s = Scenario::at_pictures();
    s.shell(Input::Stop, "");
    s.says(
        FromDevice::PictureHeader(PICTURE),
        "close stopped, > Goodbye",
    );
}

#[test]
fn a_stopping_station_does_not_wait_for_strangers() {
    Scenario::new().shell(Input::Stop, "close stopped");
    let mut s = Scenario::new();
    s.says(FromDevice::Identity(device()), "check in 12345 1.0");
    s.shell(Input::Stop, "close stopped");
}
