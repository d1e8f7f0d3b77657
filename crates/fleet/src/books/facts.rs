//! Single facts: what the hub shows of one against what the device sent.

use serde_json::Value;
use spica_model::Timestamp;

use super::report::Tally;
use crate::device::unix_secs;
use crate::event::Detail;
use crate::hub::Shown;
use crate::ledger::{Entry, Shot};

impl Tally {
    pub(super) fn count(&mut self, told: bool, shown: bool) {
        self.produced += 1;
        self.told += u64::from(told);
        self.shown += u64::from(shown);
        self.held += u64::from(!told);
    }
}

pub(super) fn what(serial: &str, entry: &Entry) -> String {
    let Entry {
        index, event, time, ..
    } = entry;
    let time = Timestamp::from_secs(*time);
    format!("entry {index} of {serial}, {event} at {time}")
}

/// How an event differs from what the device sent, if it does.
pub(super) fn difference(entry: &Entry, name: &str, shown: &Shown) -> Option<String> {
    let event = entry.event.to_string();
    let class = if entry.event.is_critical() {
        "critical"
    } else {
        "normal"
    };
    if name != event || text(&shown.value, "event") != Some(&*event) {
        return Some(format!("shown as {name}"));
    }
    if number(&shown.value, "code") != Some(entry.event.0.into()) {
        return Some(format!("shown with code {}", shown.value["code"]));
    }
    if shown.class != class {
        return Some(format!("shown as {}, it is {class}", shown.class));
    }
    let detail = Detail::normalise(shown.value["detail"].clone());
    let expected = entry.detail.expected();
    (detail != expected).then(|| format!("shown with {detail}, sent with {expected}"))
}

/// Whether a picture's record says what the device has.
pub(super) fn same_picture(shot: &Shot, value: &Value) -> bool {
    text(value, "sha256") == Some(&*shot.sha256)
        && text(value, "crc32") == Some(&*format!("{:08x}", shot.crc32))
        && number(value, "size") == Some(shot.size.into())
}

/// Whether a command's state agrees with the device's answer. One whose time ran out before the
/// answer came rightly shows that.
pub(super) fn settled(state: &Value, result: u8) -> bool {
    let answered = if result == 0 { "confirmed" } else { "refused" };
    match text(state, "state") {
        Some("expired" | "cancelled") => true,
        shown => shown == Some(answered) && number(state, "result") == Some(result.into()),
    }
}

pub(super) fn time(shown: &Shown) -> Option<u32> {
    let time = shown.source_time.as_deref()?.parse::<Timestamp>().ok()?;
    Some(unix_secs(time))
}

pub(super) fn number(value: &Value, field: &str) -> Option<u64> {
    value.get(field)?.as_u64()
}

pub(super) fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field)?.as_str()
}
