//! The tables of a profile file as they are written, each value with its place.

use serde::Deserialize;
use toml::Spanned;

pub(super) type Text = Spanned<String>;
pub(super) type Number = Spanned<i64>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProfile {
    pub(super) name: Text,
    pub(super) delete_argument: Option<Text>,
    pub(super) unknown_event_class: Option<Text>,
    #[serde(default)]
    pub(super) limits: RawLimits,
    #[serde(default)]
    pub(super) timeouts: RawTimeouts,
    #[serde(default)]
    pub(super) event: Vec<RawEvent>,
    #[serde(default)]
    pub(super) detail: Vec<RawDetail>,
    #[serde(default)]
    pub(super) command: Vec<RawCommand>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) data_to_device: Option<Number>,
    pub(super) data_from_device: Option<Number>,
    pub(super) bad_frames: Option<Number>,
    pub(super) violations: Option<Number>,
    pub(super) log_pages_per_turn: Option<Number>,
    pub(super) picture_bytes: Option<Number>,
    pub(super) picture_blocks_per_turn: Option<Number>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTimeouts {
    pub(super) identity_request: Option<Text>,
    pub(super) idle: Option<Text>,
    pub(super) session: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEvent {
    pub(super) code: Number,
    pub(super) name: Text,
    pub(super) class: Text,
    pub(super) case: Option<Spanned<RawCase>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCase {
    pub(super) raise: Option<Text>,
    pub(super) clear: Option<Text>,
    pub(super) start: Option<Text>,
    pub(super) stop: Option<Text>,
    pub(super) severity: Option<Text>,
    pub(super) after: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDetail {
    pub(super) tag: Number,
    pub(super) name: Text,
    #[serde(rename = "type")]
    pub(super) kind: Option<Text>,
    pub(super) decimals: Option<Number>,
    pub(super) fields: Option<Vec<RawField>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawField {
    pub(super) name: Text,
    #[serde(rename = "type")]
    pub(super) kind: Text,
    pub(super) decimals: Option<Number>,
    pub(super) max_bytes: Option<Number>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCommand {
    pub(super) code: Number,
    pub(super) name: Text,
    #[serde(default)]
    pub(super) urgent: bool,
    #[serde(default)]
    pub(super) arguments: Vec<RawField>,
}
