//! Steps 3 to 5: the event log.

use super::*;
use crate::profile::DeleteArgument;

#[test]
fn an_empty_log_is_not_deleted() {
    let mut s = Scenario::reading();
    s.page(0, &[], "> NextPicture");
}

#[test]
fn nothing_is_deleted_before_all_is_durable() {
    let mut s = Scenario::reading();
    s.page(
        1,
        &[(1, STATUS)],
        "append 1 normal 1:20, > ReadLog { from: 2 }",
    );
    s.page(0, &[(2, STATUS)], "append 2 normal 2:20");
    s.shell(Input::Durable { batch: 1 }, "");
    // Numbers that were never given do not count.
    s.shell(Input::Durable { batch: 3 }, "");
    s.shell(Input::Durable { batch: 2 }, "> DeleteLog { last: Some(2) }");
}

#[test]
fn a_word_about_an_earlier_batch_takes_nothing_back() {
    let mut s = Scenario::reading();
    s.page(
        1,
        &[(1, STATUS)],
        "append 1 normal 1:20, > ReadLog { from: 2 }",
    );
    s.page(
        1,
        &[(2, STATUS)],
        "append 2 normal 2:20, > ReadLog { from: 3 }",
    );
    s.shell(Input::Durable { batch: 2 }, "");
    s.shell(Input::Durable { batch: 1 }, "");
    s.page(0, &[], "> DeleteLog { last: Some(2) }");
}

#[test]
fn the_wait_for_the_journal_is_not_the_devices_fault() {
    let mut s = Scenario::reading();
    s.page(0, &[(1, STATUS)], "append 1 normal 1:20");
    s.is_due_in(Duration::from_secs(60));
    s.shell(Input::JournalFailed, "close journal-failed");
}

#[test]
fn critical_entries_come_first_one_by_one() {
    let mut s = Scenario::reading();
    s.page(
        1,
        &[(1, STATUS), (2, MAN_DOWN), (3, STATUS), (4, 0x48)],
        "append 1 critical 2:3b, append 2 critical 4:48, append 3 normal 1:20 3:20, \
         > ReadLog { from: 5 }",
    );
}

#[test]
fn unknown_events_are_counted_and_kept_in_the_lane_of_the_profile() {
    let mut s = Scenario::reading();
    s.page(
        1,
        &[(1, UNKNOWN)],
        "count unknown-event, append 1 normal 1:99, > ReadLog { from: 2 }",
    );
}

/// It may be an unasked page. The answer to another question comes behind that to the read.
#[test]
fn a_log_that_ends_with_an_alarm_is_deleted_after_another_answer() {
    let mut s = Scenario::reading();
    s.page(0, &[(5, MAN_DOWN)], "append 1 critical 5:3b, > NextPicture");
    s.shell(Input::Durable { batch: 1 }, "");
    s.says(
        FromDevice::PictureHeader(PICTURE),
        "> DeleteLog { last: Some(5) }",
    );
    s.says(FromDevice::LogDeleted { count: 1 }, "open 7");
}

#[test]
fn any_other_answer_will_do() {
    let mut s = Scenario::reading();
    s.shell(Input::CommandsChanged, "");
    s.page(0, &[(5, MAN_DOWN)], "append 1 critical 5:3b, take command");
    s.shell(Input::Durable { batch: 1 }, "");
    let command = PendingCommand {
        id: 1,
        code: 2,
        arguments: b"",
    };
    s.shell(
        Input::Command(Some(command)),
        "> Command { id: 1, code: 2, arguments: [] }",
    );
    s.says(
        FromDevice::CommandResult { id: 1, status: 0 },
        "settled 1 0, > DeleteLog { last: Some(5) }",
    );
}

#[test]
fn the_deletion_of_a_picture_will_do_too() {
    let mut s = Scenario::at_pictures();
    s.says(FromDevice::PictureHeader(PICTURE), "open 7");
    s.page(0, &[(5, MAN_DOWN)], "append 1 critical 5:3b");
    s.shell(
        Input::Picture(PictureAnswer::Complete),
        "> ReadLog { from: 0 }",
    );
    s.page(
        0,
        &[(5, MAN_DOWN)],
        "append 2 critical 5:3b, > DeletePicture { picture: 7 }",
    );
    s.shell(Input::Durable { batch: 2 }, "");
    s.says(
        FromDevice::PictureDeleted { picture: 7 },
        "> DeleteLog { last: Some(5) }",
    );
}

#[test]
fn when_there_is_no_other_question_one_is_asked() {
    let mut s = Scenario::reading();
    s.shell(Input::Stop, "");
    s.page(0, &[(5, MAN_DOWN)], "append 1 critical 5:3b, > NextPicture");
    s.shell(Input::Durable { batch: 1 }, "");
    s.says(
        FromDevice::PictureHeader(PICTURE),
        "> DeleteLog { last: Some(5) }",
    );
    s.says(
        FromDevice::LogDeleted { count: 1 },
        "close stopped, > Goodbye",
    );
}

/// The unasked page crosses the first request. Taken for its answer, it would let the station
/// delete entries 1 to 5 while it has only seen entry 5.
#[test]
fn an_unasked_page_that_crosses_a_request_deletes_nothing_unread() {
    let mut s = Scenario::reading();
    s.page(0, &[(5, MAN_DOWN)], "append 1 critical 5:3b, > NextPicture");
    // The answer to the read.
    s.page(
        3,
        &[(1, STATUS), (2, STATUS)],
        "append 2 normal 1:20 2:20, count page-backwards",
    );
    s.shell(Input::Durable { batch: 2 }, "");
    s.says(
        FromDevice::PictureHeader(NO_PICTURE),
        "> ReadLog { from: 0 }",
    );
    s.page(
        2,
        &[(1, STATUS), (2, STATUS), (3, STATUS)],
        "append 3 normal 1:20 2:20 3:20, > ReadLog { from: 4 }",
    );
    s.page(
        0,
        &[(4, STATUS), (5, MAN_DOWN)],
        "append 4 critical 5:3b, append 5 normal 4:20, take command",
    );
    s.shell(Input::Command(None), "> NextPicture");
    s.says(FromDevice::PictureHeader(NO_PICTURE), "");
    s.shell(Input::Durable { batch: 5 }, "> DeleteLog { last: Some(5) }");
    s.says(
        FromDevice::LogDeleted { count: 5 },
        "close finished, > Goodbye",
    );
}

/// As above, in the middle of a long log: the answer goes backwards while another is waited for.
#[test]
fn a_page_that_goes_backwards_waits_for_another_answer_before_it_starts_again() {
    let mut s = Scenario::reading();
    s.page(
        9,
        &[(5, MAN_DOWN)],
        "append 1 critical 5:3b, > ReadLog { from: 6 }",
    );
    s.page(
        9,
        &[(1, STATUS)],
        "append 2 normal 1:20, count page-backwards",
    );
    s.shell(Input::Durable { batch: 2 }, "");
    s.page(8, &[(6, STATUS)], "append 3 normal 6:20, > NextPicture");
    // Whatever comes now was asked for before; it starts from the first entry anyway.
    s.page(7, &[(3, STATUS)], "append 4 normal 3:20");
    s.says(
        FromDevice::PictureHeader(NO_PICTURE),
        "> ReadLog { from: 0 }",
    );
}

/// A second alarm passes for the answer that the restart waits for. Nothing that was read before
/// may count, and nothing is read before the last answer is in.
#[test]
fn an_alarm_after_a_restart_deletes_nothing() {
    let mut s = Scenario::reading();
    s.page(
        9,
        &[(5, MAN_DOWN)],
        "append 1 critical 5:3b, > ReadLog { from: 6 }",
    );
    s.page(
        3,
        &[(1, STATUS)],
        "append 2 normal 1:20, count page-backwards",
    );
    s.page(0, &[(7, MAN_DOWN)], "append 3 critical 7:3b, > NextPicture");
    s.shell(Input::Durable { batch: 3 }, "");
    s.page(0, &[(6, STATUS)], "append 4 normal 6:20");
    s.says(
        FromDevice::PictureHeader(NO_PICTURE),
        "> ReadLog { from: 0 }",
    );
}

/// Found by the model: the real answer came while nothing was asked, and was taken for another
/// unasked page, so that entries 4 and 5 were deleted unread.
#[test]
fn a_late_answer_shows_up_while_the_journal_commits() {
    let mut s = Scenario::reading_with(|p| p.delete_argument = DeleteArgument::None);
    s.page(
        3,
        &[(2, STATUS)],
        "append 1 normal 2:20, > ReadLog { from: 3 }",
    );
    s.page(0, &[(6, MAN_DOWN)], "append 2 critical 6:3b");
    s.page(
        2,
        &[(3, STATUS)],
        "append 3 normal 3:20, count page-backwards, > NextPicture",
    );
    s.shell(Input::Durable { batch: 3 }, "");
    s.says(
        FromDevice::PictureHeader(NO_PICTURE),
        "> ReadLog { from: 0 }",
    );
}

#[test]
fn pages_that_keep_going_backwards_end_in_no_deletion() {
    let mut s = Scenario::reading();
    let none = FromDevice::PictureHeader(NO_PICTURE);
    for (round, next) in [
        (0, "> NextPicture"),
        (1, "take command"),
        (2, "> NextPicture"),
        (3, "close finished, > Goodbye"),
    ] {
        let (alarm, status) = (2 * round + 1, 2 * round + 2);
        s.page(
            9,
            &[(5, MAN_DOWN)],
            &format!("append {alarm} critical 5:3b, > ReadLog {{ from: 6 }}"),
        );
        s.page(
            0,
            &[(1, STATUS)],
            &format!("append {status} normal 1:20, count page-backwards"),
        );
        s.shell(Input::Durable { batch: status }, "");
        s.page(0, &[], next);
        if round == 1 {
            s.shell(Input::Command(None), "> NextPicture");
        }
        if round < 3 {
            s.says(none, "> ReadLog { from: 0 }");
        }
    }
}

#[test]
fn an_alarm_at_any_step_is_taken_at_once_and_the_log_is_read_again() {
    let mut s = Scenario::at_pictures();
    s.page(0, &[(5, MAN_DOWN)], "append 1 critical 5:3b");
    s.says(FromDevice::PictureHeader(PICTURE), "> ReadLog { from: 0 }");
    s.page(0, &[(5, MAN_DOWN)], "append 2 critical 5:3b, open 7");
    s.shell(Input::Durable { batch: 2 }, "");
    s.shell(
        Input::Picture(PictureAnswer::ReadFrom { block: 0 }),
        "> ReadBlock { picture: 7, block: 0 }",
    );
    let block = FromDevice::PictureBlock {
        picture: 7,
        block: 0,
        bytes: &[1; 10],
    };
    s.says(block, "store 7.0 10");
    s.shell(
        Input::Picture(PictureAnswer::BlockStored),
        "> DeleteLog { last: Some(5) }",
    );
    s.says(
        FromDevice::LogDeleted { count: 1 },
        "> ReadBlock { picture: 7, block: 1 }",
    );
}

#[test]
fn an_alarm_while_the_journal_commits_is_read_up_to_at_once() {
    let mut s = Scenario::reading();
    s.page(0, &[(1, STATUS)], "append 1 normal 1:20");
    s.page(
        0,
        &[(3, MAN_DOWN)],
        "append 2 critical 3:3b, > ReadLog { from: 2 }",
    );
    s.shell(Input::Durable { batch: 2 }, "");
    s.page(
        0,
        &[(2, STATUS), (3, MAN_DOWN)],
        "append 3 critical 3:3b, append 4 normal 2:20, > NextPicture",
    );
}

#[test]
fn a_long_log_is_deleted_in_parts() {
    let mut s = Scenario::reading_with(|p| p.limits.log_pages_per_turn = 2);
    s.page(
        9,
        &[(1, STATUS)],
        "append 1 normal 1:20, > ReadLog { from: 2 }",
    );
    s.page(8, &[(2, STATUS)], "append 2 normal 2:20");
    s.shell(Input::Durable { batch: 2 }, "> DeleteLog { last: Some(2) }");
    s.says(FromDevice::LogDeleted { count: 2 }, "> ReadLog { from: 0 }");
    s.page(
        7,
        &[(3, STATUS)],
        "append 3 normal 3:20, > ReadLog { from: 4 }",
    );
    // Devices that delete all are read to the end.
    let mut s = Scenario::reading_with(|p| {
        p.limits.log_pages_per_turn = 1;
        p.delete_argument = DeleteArgument::None;
    });
    s.page(
        9,
        &[(1, STATUS)],
        "append 1 normal 1:20, > ReadLog { from: 2 }",
    );
}

#[test]
fn an_unasked_page_without_an_alarm_is_taken_and_counted() {
    let mut s = Scenario::at_pictures();
    s.page(
        0,
        &[(5, STATUS)],
        "append 1 normal 5:20, count page-unasked",
    );
}

#[test]
fn an_alarm_while_the_log_is_deleted_is_read_from_the_start() {
    let mut s = Scenario::reading();
    s.page(0, &[(1, STATUS)], "append 1 normal 1:20");
    s.shell(Input::Durable { batch: 1 }, "> DeleteLog { last: Some(1) }");
    s.page(0, &[(2, MAN_DOWN)], "append 2 critical 2:3b");
    s.says(FromDevice::LogDeleted { count: 1 }, "> ReadLog { from: 0 }");
}

#[test]
fn devices_that_delete_all_are_read_again_just_before() {
    let mut s = Scenario::reading_with(|p| p.delete_argument = DeleteArgument::None);
    s.page(0, &[(1, STATUS)], "append 1 normal 1:20");
    s.shell(Input::Durable { batch: 1 }, "> ReadLog { from: 2 }");
    s.page(0, &[(2, STATUS)], "append 2 normal 2:20");
    s.shell(Input::Durable { batch: 2 }, "> ReadLog { from: 3 }");
    s.page(0, &[], "> DeleteLog { last: None }");
    s.says(FromDevice::LogDeleted { count: 2 }, "> NextPicture");
}

#[test]
fn an_alarm_stops_the_deletion_of_all() {
    let mut s = Scenario::reading_with(|p| p.delete_argument = DeleteArgument::None);
    s.page(0, &[(1, MAN_DOWN)], "append 1 critical 1:3b");
    s.shell(Input::Durable { batch: 1 }, "> ReadLog { from: 2 }");
    // Crosses the request; the real answer follows.
    s.page(0, &[(2, MAN_DOWN)], "append 2 critical 2:3b");
    s.shell(Input::Durable { batch: 2 }, "> ReadLog { from: 3 }");
    s.page(
        0,
        &[(2, MAN_DOWN)],
        "append 3 critical 2:3b, count page-backwards",
    );
    s.page(0, &[], "> NextPicture");
}

#[test]
fn indexes_that_do_not_grow_are_taken_and_not_deleted() {
    for indexes in [[2, 1], [1, 1]] {
        let mut s = Scenario::reading();
        let [a, b] = indexes;
        s.page(
            0,
            &[(a, STATUS), (b, STATUS)],
            &format!("append 1 normal {a}:20 {b}:20, count page-order, > NextPicture"),
        );
        s.shell(Input::Durable { batch: 1 }, "");
    }
}

#[test]
fn an_empty_page_that_says_that_entries_remain_ends_the_reading() {
    let mut s = Scenario::reading();
    s.page(
        1,
        &[(1, STATUS)],
        "append 1 normal 1:20, > ReadLog { from: 2 }",
    );
    s.page(1, &[], "count page-stuck, > NextPicture");
}

#[test]
fn nothing_can_follow_the_greatest_index() {
    let mut s = Scenario::reading();
    s.page(
        1,
        &[(u32::MAX, MAN_DOWN)],
        "append 1 critical 4294967295:3b, count page-order, > NextPicture",
    );
    s.shell(Input::Durable { batch: 1 }, "");
}

#[test]
fn whole_entries_of_a_damaged_page_are_taken_and_nothing_is_deleted() {
    let mut s = Scenario::reading();
    let damaged = b"\0\0\x03\
        \x01\0\0\0\0\0\0\0\x20\0\
        \x02\0\0\0\0\0\0\0\x3b\0\
        \x03\0\0\0\0";
    s.raw(
        kind::LOG_PAGE,
        damaged,
        "append 1 critical 2:3b, append 2 normal 1:20, count message-short, > NextPicture",
    );
    s.shell(Input::Durable { batch: 2 }, "");
    // An unasked damaged page blocks no deletion: the log is read again.
    let mut s = Scenario::at_pictures();
    s.raw(
        kind::LOG_PAGE,
        damaged,
        "append 1 critical 2:3b, append 2 normal 1:20, count message-short",
    );
    s.says(
        FromDevice::PictureHeader(NO_PICTURE),
        "> ReadLog { from: 0 }",
    );
}

#[test]
fn a_malformed_word_about_the_deletion_ends_it() {
    let mut s = Scenario::reading();
    s.page(0, &[(1, STATUS)], "append 1 normal 1:20");
    s.shell(Input::Durable { batch: 1 }, "> DeleteLog { last: Some(1) }");
    s.raw(
        kind::LOG_DELETED,
        b"\x01",
        "count message-short, > NextPicture",
    );
}
