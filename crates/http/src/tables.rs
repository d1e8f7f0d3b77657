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

use crate::place::Place;
use crate::record_json::{self, Shown, time};
use crate::scan::Found;

/// Records that retention removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Gap)]
pub struct GapBody {
    /// The lane.
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
                    next: next.map(|place| place.cursor()),
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
            &place.cursor(),
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
    let cursor = place.cursor();
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
mod tests {
    use super::*;
    use crate::fixture::record;
    use spica_model::Epoch;

    fn place() -> Place {
        Place::new((Epoch(1), Seq(0)), (Epoch(1), Seq(7)))
    }

    fn holes() -> [Found; 2] {
        let damage = Damage {
            lane: Lane::Critical,
            from: Seq(3),
            to: Seq(3),
            file: "critical/1.log".into(),
            offset: 96,
            reason: "checksum, \"bad\"".into(),
        };
        let gap = Found::Gap {
            lane: Lane::Normal,
            from: Seq(1),
            to: Seq(2),
        };
        [gap, Found::Damaged(damage)]
    }

    #[test]
    fn ndjson_says_everything_and_that_it_is_whole() {
        let mut out = Vec::new();
        Table::Ndjson.begin(&mut out);
        Table::Ndjson.find(&mut out, &Found::Record(record("root/a", 7, "1")), place());
        for hole in holes() {
            Table::Ndjson.find(&mut out, &hole, place());
        }
        Table::Ndjson.end(&mut out, Some(place()));
        let lines: Vec<serde_json::Value> = std::str::from_utf8(&out)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[0]["position"], "1/normal/7");
        assert_eq!(lines[1]["gap"]["to"], 2);
        assert_eq!(lines[2]["damaged"]["offset"], 96);
        assert_eq!(lines[3]["end"]["next"], place().cursor());
    }

    #[test]
    fn csv_reads_back_with_every_column() {
        let mut out = Vec::new();
        Table::Csv.begin(&mut out);
        let odd = record("root/a,b", 7, "{\"a\":\"x\\ny\",\"b\":[1,\n2]}");
        Table::Csv.find(&mut out, &Found::Record(odd), place());
        for hole in holes() {
            Table::Csv.find(&mut out, &hole, place());
        }
        Table::Csv.end(&mut out, None);
        let mut reader = csv::Reader::from_reader(&out[..]);
        assert_eq!(
            reader.headers().unwrap().iter().collect::<Vec<_>>(),
            COLUMNS
        );
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(&rows[0][0], place().cursor());
        assert_eq!(&rows[0][2], "root/a,b");
        assert_eq!(&rows[0][11], "{\"a\":\"x\\ny\",\"b\":[1,2]}");
        assert_eq!((&rows[1][1], &rows[1][5]), ("1..2", "gap"));
        assert_eq!(&rows[2][11], "critical/1.log at 96: checksum, \"bad\"");
    }
}
