//! Reading a profile file: from its text to a [`Profile`], or to the first thing that is wrong.

mod events;
mod fields;
mod raw;
mod values;

use std::ops::Range;

use spica_model::Lane;

use self::raw::{RawLimits, RawProfile, RawTimeouts};
use self::values::{Names, duration, number, one_of};
use super::{CodeSet, DeleteArgument, Event, Limits, Profile, ProfileError, Timeouts};

/// What is wrong, and with which bytes of the text.
struct Problem {
    span: Range<usize>,
    message: String,
}

type Checked<T> = Result<T, Problem>;

const CLASSES: [(&str, Lane); 2] = [("critical", Lane::Critical), ("normal", Lane::Normal)];
const DELETE_ARGUMENTS: [(&str, DeleteArgument); 2] = [
    ("last-index", DeleteArgument::LastIndex),
    ("none", DeleteArgument::None),
];

pub(super) fn parse(text: &str) -> Result<Profile, ProfileError> {
    let raw = toml::from_str(text).map_err(|error| Problem {
        span: error.span().unwrap_or(0..0),
        message: error.message().to_owned(),
    });
    raw.and_then(|raw| build(&raw))
        .map_err(|problem| ProfileError::at(text, problem.span, problem.message))
}

fn build(raw: &RawProfile) -> Checked<Profile> {
    let limits = limits(&raw.limits)?;
    let details = fields::details(&raw.detail)?;
    let events = events::events(&raw.event, &details)?;
    let unknown_event_lane = match &raw.unknown_event_class {
        Some(class) => one_of("unknown_event_class", class, &CLASSES)?,
        None => Lane::Normal,
    };
    let delete_argument = match &raw.delete_argument {
        Some(argument) => one_of("delete_argument", argument, &DELETE_ARGUMENTS)?,
        None => DeleteArgument::LastIndex,
    };
    let (critical, alarms) = code_sets(&events, unknown_event_lane);
    Ok(Profile {
        name: Names::new("name of the profile").take(&raw.name, values::is_kebab)?,
        commands: fields::commands(&raw.command, &limits)?,
        timeouts: timeouts(&raw.timeouts)?,
        limits,
        delete_argument,
        unknown_event_lane,
        events,
        details,
        critical,
        alarms,
    })
}

/// The codes of critical events and those of alarms, unknown codes included.
fn code_sets(events: &[Event], unknown: Lane) -> (CodeSet, CodeSet) {
    let mut critical = match unknown {
        Lane::Critical => CodeSet::ALL,
        Lane::Normal => CodeSet::EMPTY,
    };
    let mut alarms = CodeSet::ALL;
    for event in events {
        let is_critical = event.lane == Lane::Critical;
        let raises = event.case.as_ref().is_some_and(super::Case::is_alarm);
        critical.set(event.code, is_critical);
        alarms.set(event.code, is_critical || raises);
    }
    (critical, alarms)
}

fn limits(raw: &RawLimits) -> Checked<Limits> {
    let default = Limits::default();
    Ok(Limits {
        data_to_device: number("data_to_device", &raw.data_to_device, 16, 4_096)?
            .unwrap_or(default.data_to_device),
        data_from_device: number("data_from_device", &raw.data_from_device, 32, 16_384)?
            .unwrap_or(default.data_from_device),
        bad_frames: number("bad_frames", &raw.bad_frames, 1, 255)?.unwrap_or(default.bad_frames),
        violations: number("violations", &raw.violations, 1, 255)?.unwrap_or(default.violations),
        log_pages_per_turn: number("log_pages_per_turn", &raw.log_pages_per_turn, 1, 65_535)?
            .unwrap_or(default.log_pages_per_turn),
        picture_bytes: number("picture_bytes", &raw.picture_bytes, 1, 1 << 30)?
            .unwrap_or(default.picture_bytes),
        picture_blocks_per_turn: number(
            "picture_blocks_per_turn",
            &raw.picture_blocks_per_turn,
            1,
            65_535,
        )?
        .unwrap_or(default.picture_blocks_per_turn),
    })
}

fn timeouts(raw: &RawTimeouts) -> Checked<Timeouts> {
    let default = Timeouts::default();
    Ok(Timeouts {
        identity_request: duration("identity_request", &raw.identity_request)?
            .unwrap_or(default.identity_request),
        idle: duration("idle", &raw.idle)?.unwrap_or(default.idle),
        session: duration("session", &raw.session)?.unwrap_or(default.session),
    })
}
