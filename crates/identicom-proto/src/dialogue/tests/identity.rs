//! Steps 1 and 2: who is it, and may it.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_device_that_says_nothing_is_asked_once_and_then_closed() {
    let mut s = Scenario::new();
    s.is_due_in(2 * SECOND);
    s.after(SECOND, "");
    s.after(SECOND, "> Identify");
    s.is_due_in(8 * SECOND);
    s.after(7 * SECOND, "");
    s.after(SECOND, "close idle-timeout");
}

#[test]
fn an_answer_to_the_question_is_an_identity_as_well() {
    let mut s = Scenario::new();
    s.after(2 * SECOND, "> Identify");
    s.says(FromDevice::Identity(device()), "check in 12345 1.0");
    assert_eq!(s.dialogue.identity(), Some(&device()));
    // The shell is to answer: only the end of the session is waited for.
    s.is_due_in(58 * SECOND);
}

#[test]
fn a_station_that_waits_less_than_it_would_before_asking_never_asks() {
    let mut s = Scenario::with(|profile| profile.timeouts.idle = SECOND);
    s.is_due_in(SECOND);
    s.after(SECOND, "close idle-timeout");
}

#[test]
fn refused_devices_get_no_answer() {
    for (refusal, reason) in [
        (Refusal::Unknown, "unknown-serial"),
        (Refusal::Disabled, "disabled"),
        (Refusal::VersionNotAllowed, "version-not-allowed"),
    ] {
        let mut s = Scenario::new();
        s.says(FromDevice::Identity(device()), "check in 12345 1.0");
        s.shell(
            Input::Verdict(Verdict::Refused(refusal)),
            &format!("close {reason}"),
        );
    }
}

#[test]
fn a_refusal_closes_a_connection_that_is_under_way() {
    let mut s = Scenario::at_pictures();
    s.shell(Input::Verdict(Verdict::Accepted), "");
    s.shell(
        Input::Verdict(Verdict::Refused(Refusal::Disabled)),
        "close disabled",
    );
}

#[test]
fn the_first_frame_is_an_identity_or_the_last() {
    let mut s = Scenario::new();
    s.page(0, &[(1, MAN_DOWN)], "close no-identity");
    let mut s = Scenario::new();
    s.raw(
        kind::IDENTITY,
        &[b' '; 18],
        "count message-identity, close no-identity",
    );
    let mut s = Scenario::new();
    s.raw(kind::IDENTITY, b"short", "close no-identity");
}

#[test]
fn nothing_is_taken_before_the_verdict() {
    let mut s = Scenario::new();
    s.says(FromDevice::Identity(device()), "check in 12345 1.0");
    s.page(0, &[(1, MAN_DOWN)], "count unexpected-message");
    s.shell(Input::Verdict(Verdict::Accepted), "> ReadLog { from: 0 }");
}

#[test]
fn the_same_identity_again_is_ignored_and_another_one_closes() {
    let mut s = Scenario::reading();
    s.says(FromDevice::Identity(device()), "count identity-again");
    let other = Identity::new("12345", "1.1").unwrap();
    s.says(FromDevice::Identity(other), "close identity-changed");
}
