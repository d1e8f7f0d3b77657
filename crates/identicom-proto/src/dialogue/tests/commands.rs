//! Steps 7 and 8: commands and the goodbye.

use super::*;

fn command(id: u16) -> PendingCommand<'static> {
    PendingCommand {
        id,
        code: 2,
        arguments: b"",
    }
}

fn sent(id: u16) -> String {
    format!("> Command {{ id: {id}, code: 2, arguments: [] }}")
}

fn result(id: u16, status: u8) -> FromDevice<'static> {
    FromDevice::CommandResult { id, status }
}

#[test]
fn commands_go_one_at_a_time_until_there_are_none() {
    let mut s = Scenario::at_commands();
    s.shell(Input::Command(Some(command(1))), &sent(1));
    s.says(result(1, 0), "settled 1 0, take command");
    s.shell(Input::Command(Some(command(2))), &sent(2));
    s.says(result(2, 7), "settled 2 7, take command");
    s.shell(Input::Command(None), "close finished, > Goodbye");
}

#[test]
fn a_command_that_arrives_during_pictures_goes_out_before_the_next_request() {
    let mut s = Scenario::at_pictures();
    s.shell(Input::CommandsChanged, "");
    s.says(FromDevice::PictureHeader(PICTURE), "take command");
    s.shell(Input::Command(Some(command(1))), &sent(1));
    s.says(result(1, 0), "settled 1 0, take command");
    s.shell(Input::Command(None), "open 7");
}

#[test]
fn a_change_while_a_command_is_chosen_asks_again() {
    let mut s = Scenario::at_commands();
    s.shell(Input::CommandsChanged, "");
    s.shell(Input::Command(None), "take command");
    s.shell(Input::Command(None), "close finished, > Goodbye");
}

#[test]
fn an_unanswered_command_is_not_settled() {
    let mut s = Scenario::at_commands();
    s.shell(Input::Command(Some(command(1))), &sent(1));
    s.after(Duration::from_secs(10), "close idle-timeout");
}

#[test]
fn results_of_other_commands_are_counted() {
    let mut s = Scenario::at_commands();
    s.says(result(1, 0), "count unknown-result");
    s.shell(Input::Command(Some(command(1))), &sent(1));
    s.says(result(2, 0), "count unknown-result");
    s.says(result(1, 0), "settled 1 0, take command");
    s.says(result(1, 0), "count unknown-result");
}

#[test]
fn a_malformed_result_leaves_the_commands_for_another_connection() {
    let mut s = Scenario::at_commands();
    s.shell(Input::Command(Some(command(1))), &sent(1));
    s.raw(
        kind::COMMAND_RESULT,
        b"\x01\0",
        "count message-short, close finished, > Goodbye",
    );
}

#[test]
fn arguments_that_do_not_fit_a_frame_are_refused_by_the_station() {
    let fits = [0; 117];
    let long = [0; 118];
    let mut s = Scenario::at_commands();
    let with = |id, arguments| {
        Input::Command(Some(PendingCommand {
            id,
            code: 3,
            arguments,
        }))
    };
    s.shell(
        with(1, &long),
        "count command-too-long, settled 1 255, take command",
    );
    assert!(s.handle(with(2, &fits)).starts_with("> Command { id: 2"));
}

#[test]
fn an_alarm_interrupts_the_commands() {
    let mut s = Scenario::at_commands();
    s.shell(Input::Command(Some(command(1))), &sent(1));
    s.page(0, &[(5, MAN_DOWN)], "append 1 critical 5:3b");
    s.says(result(1, 0), "settled 1 0, > ReadLog { from: 0 }");
}
