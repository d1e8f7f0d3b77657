//! What a site with people who work alone has set up: what their devices report, and who is told.

use std::sync::{Arc, LazyLock};

use spica_alerts::{ChannelKind, Plans};
use spica_cases::{EventRule, Rules, Severity};
use spica_model::{Timestamp, Topic};

use crate::words::{DESK_SPEED, WALL_ORIGIN};

/// Raised when somebody lies there.
pub(crate) const MAN_DOWN: &str = "man-down";
/// Raised when a timer runs out that nobody stopped.
pub(crate) const AMBER: &str = "amber-alert-expired";
/// What starts that timer.
pub(crate) const AMBER_STARTED: &str = "amber-alert-started";
/// What stops it.
pub(crate) const AMBER_ENDED: &str = "amber-alert-ended";
/// What ends a man-down.
pub(crate) const MAN_DOWN_ENDED: &str = "man-down-ended";

/// When a right wall clock shows [`WALL_ORIGIN`], in microseconds of the desks' time.
const ORIGIN: i64 = 1_800_000_000_000_000;

/// Who is told of what.
const PLANS: &str = r#"
[channels.sms]
kind = "sms-http"
[channels.mail]
kind = "email"
[channels.arc]
kind = "dc09"
[people.anna]
addresses = { sms = "+41790000001", mail = "anna@example.org" }
[people.bob]
addresses = { sms = "+41790000002" }
[[plans]]
name = "life"
match = { severity = "emergency", conditions = ["man-down", "amber-alert-expired"] }
steps = [
  { notify = [{ person = "anna" }, { channel = "arc", address = "1234" }] },
  { after = "20s", notify = [{ person = "bob" }] },
]
repeat = 1
repeat_every = "30s"
emergency_for = "1d"
"#;

static THE_PLANS: LazyLock<Arc<Plans>> = LazyLock::new(|| {
    // A test sees to it that the file is good.
    Arc::new(Plans::parse(PLANS, &ChannelKind::ALL).unwrap_or_else(|_| Plans::none()))
});

#[expect(clippy::expect_used, reason = "the topic of a constant")]
static NODE: LazyLock<Topic> = LazyLock::new(|| Topic::new("root/sim").expect("a good topic"));

/// The node's topic: one for both of the pair.
pub(crate) fn node() -> &'static Topic {
    &NODE
}

/// Who is told of what.
pub(crate) fn plans() -> Arc<Plans> {
    Arc::clone(&THE_PLANS)
}

/// What the reports of devices do.
pub(crate) fn rules() -> Rules {
    let severity = Severity::Emergency;
    let raise = EventRule::Raise {
        condition: MAN_DOWN.to_owned(),
        severity,
    };
    let clear = EventRule::Clear {
        condition: MAN_DOWN.to_owned(),
    };
    let start = EventRule::Start {
        condition: AMBER.to_owned(),
        severity,
        after: "minutes".to_owned(),
        default_minutes: 1,
    };
    let stop = EventRule::Stop {
        condition: AMBER.to_owned(),
    };
    let events = [
        (MAN_DOWN, raise),
        (MAN_DOWN_ENDED, clear),
        (AMBER_STARTED, start),
        (AMBER_ENDED, stop),
    ];
    Rules {
        events: events.map(|(name, rule)| (name.to_owned(), rule)).into(),
        ..Rules::default()
    }
}

/// What a desk reads from a clock that shows so many milliseconds.
pub(crate) fn wall(milliseconds: u32) -> Timestamp {
    let since = i64::from(milliseconds) - WALL_ORIGIN;
    Timestamp::from_micros(ORIGIN + since * 1_000 * DESK_SPEED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plans_can_be_read() {
        assert!(Plans::parse(PLANS, &ChannelKind::ALL).is_ok());
        assert_eq!(rules().events.len(), 4);
    }
}
