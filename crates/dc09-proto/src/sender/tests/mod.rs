//! The sender against stations that lose, refuse and correct.

mod any;
mod delivery;
mod station;
mod supervision;

use std::time::Duration;

use super::*;
use crate::{Alarm, Codes, Event, Layout, Sequence, payload::Qualifier};
use station::{Says, World};

/// A setup with a backup, and the account that the stations know.
fn config() -> Config {
    Config {
        backup_poll: Some(Config::BACKUP_POLL),
        ..Config::new("1234".parse().unwrap())
    }
}

fn event(condition: &str) -> Event {
    let alarm = Alarm {
        condition: condition.to_owned(),
        qualifier: Qualifier::New,
        zone: None,
        area: 1,
        user: None,
        text: String::new(),
        occurred: "2026-11-22T05:01:23Z".parse().unwrap(),
        place: None,
    };
    alarm.event(
        &Codes::default(),
        Layout::default(),
        &"1234".parse().unwrap(),
    )
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn number(number: u16) -> Sequence {
    Sequence::new(number).unwrap()
}
