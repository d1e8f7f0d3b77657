//! History as lines: NDJSON and CSV. Pure functions of records.
//!
//! | NDJSON line | meaning |
//! |---|---|
//! | a record | has `position` |
//! | `{"gap":{…}}` | records that retention removed |
//! | `{"damaged":{…}}` | records that cannot be read |
//! | `{"end":{"next":…}}` | always the last line; a download without it broke off |

use serde::Serialize;
use spica_journal::Damage;
use spica_model::{Lane, Record, Seq};
use utoipa::ToSchema;

use crate::place::{Place, cursor};
use crate::record_json::{self, Shown, time};
use crate::scan::Found;
use crate::schemas::ClassText;

/// Records that retention removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Gap)]
pub struct GapBody {
    /// The lane.
    #[schema(value_type = ClassText)]
    pub class: &'static str,
    /// The first that is missing.
    pub from: u64,
    /// The last that is missing.
    pub to: u64,
}

impl GapBody {
    /// The records `from` to `to` of `lane`.
    #[must_use]
    pub const fn new(lane: Lane, from: Seq, to: Seq) -> Self {
        Self {
            class: lane.as_str(),
            from: from.0,
            to: to.0,
        }
    }
}

/// Records that cannot be read because their bytes are damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Damaged)]
pub struct DamagedBody {
    /// The lane.
    #[schema(value_type = ClassText)]
    pub class: &'static str,
    /// The first that cannot be read.
    pub from: u64,
    /// The last that cannot be read.
    pub to: u64,
    /// The file.
    pub file: String,
    /// Where in the file the damage begins.
    pub offset: u64,
    /// What is wrong.
    pub reason: String,
}

impl From<&Damage> for DamagedBody {
    fn from(damage: &Damage) -> Self {
        Self {
            class: damage.lane.as_str(),
            from: damage.from.0,
            to: damage.to.0,
            file: damage.file.to_string(),
            offset: damage.offset,
            reason: damage.reason.to_string(),
        }
    }
}

/// How an export looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// One JSON object per line.
    Ndjson,
    /// Comma-separated values (RFC 4180) with a header row.
    Csv,
}

/// The columns of CSV.
pub const COLUMNS: [&str; 14] = [
    "cursor",
    "position",
    "topic",
    "class",
    "kind",
    "op",
    "quality",
    "received",
    "source_time",
    "content_type",
    "form",
    "payload",
    "key",
    "cause",
];

impl Table {
    /// The media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// What stands before the first record.
    pub fn begin(self, out: &mut Vec<u8>) {
        if self == Self::Csv {
            row(out, &COLUMNS);
        }
    }

    /// One find of a scan. `place` is the place after it.
    pub fn find(self, out: &mut Vec<u8>, found: &Found, place: Place) {
        match (self, found) {
            (_, Found::Paused | Found::End) => {}
            (Self::Ndjson, Found::Record(record)) => line(out, &record_json::encode(record)),
            (Self::Ndjson, Found::Gap { lane, from, to }) => {
                object(out, "gap", &GapBody::new(*lane, *from, *to));
            }
            (Self::Ndjson, Found::Damaged(damage)) => {
                object(out, "damaged", &DamagedBody::from(damage));
            }
            (Self::Csv, Found::Record(record)) => csv_record(out, record, place),
            (Self::Csv, Found::Gap { lane, from, to }) => {
                let why = "removed by retention";
                csv_hole(out, "gap", *lane, (*from, *to), why, place);
            }
            (Self::Csv, Found::Damaged(damage)) => {
                let why = format!("{} at {}: {}", damage.file, damage.offset, damage.reason);
                csv_hole(
                    out,
                    "damaged",
                    damage.lane,
                    (damage.from, damage.to),
                    &why,
                    place,
                );
            }
        }
    }

    /// What stands after the last record.
    pub fn end(self, out: &mut Vec<u8>, next: Option<Place>) {
        /// The last line.
        #[derive(Serialize)]
        struct End {
            next: Option<String>,
        }
        if self == Self::Ndjson {
            object(
                out,
                "end",
                &End {
                    next: next.as_ref().map(cursor),
                },
            );
        }
    }
}

fn line(out: &mut Vec<u8>, json: &[u8]) {
    out.extend_from_slice(json);
    out.push(b'\n');
}

fn object(out: &mut Vec<u8>, name: &str, value: &impl Serialize) {
    // Plain structs: this cannot fail.
    let value = serde_json::to_vec(value).unwrap_or_default();
    out.extend_from_slice(format!("{{\"{name}\":").as_bytes());
    out.extend_from_slice(&value);
    out.extend_from_slice(b"}\n");
}

fn csv_record(out: &mut Vec<u8>, record: &Record, place: Place) {
    let shown = Shown::of(record);
    let (form, payload) = match &shown {
        Shown::Value(json) => ("json", json.get()),
        Shown::Text(text) => ("text", *text),
        Shown::Base64(encoded) => ("base64", encoded.as_str()),
        Shown::Nothing => ("", ""),
    };
    row(
        out,
        &[
            &cursor(&place),
            &record.position.to_string(),
            record.topic.as_str(),
            record.position.lane.as_str(),
            record.kind.as_str(),
            record.op.as_str(),
            record.quality.as_str(),
            &record.received.to_string(),
            &time(record.source_time).unwrap_or_default(),
            record.content_type.as_str(),
            form,
            payload,
            &record_json::key(record).unwrap_or_default(),
            record.cause.as_ref().map_or("", |cause| cause.as_str()),
        ],
    );
}

/// A hole as a row: `op` says what it is, `position` which records, `payload` why.
fn csv_hole(
    out: &mut Vec<u8>,
    what: &str,
    lane: Lane,
    (from, to): (Seq, Seq),
    why: &str,
    place: Place,
) {
    let range = format!("{from}..{to}");
    let cursor = cursor(&place);
    let lane = lane.as_str();
    row(
        out,
        &[
            &cursor, &range, "", lane, "", what, "", "", "", "", "text", why, "", "",
        ],
    );
}

fn row(out: &mut Vec<u8>, fields: &[&str]) {
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if field.contains([',', '"', '\n', '\r']) {
            out.push(b'"');
            out.extend_from_slice(field.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(field.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
