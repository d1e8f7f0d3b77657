//! Fuzz target: what clients send over HTTP. The first byte says as what the rest is read.

use bytes::Bytes;
use spica_http::batch::{self, Draft, Syntax};
use spica_http::byte_range::{Wanted, range};
use spica_http::place::{cursor, from_cursor};
use spica_http::scan::Found;
use spica_http::tables::{COLUMNS, Table};
use spica_http::{Secret, record_json};
use spica_model::{ContentType, Epoch, Op, Place, Position, Record, Seq, Timestamp, limits};

/// Records of a batch that the target allows.
const RECORDS: usize = 64;

/// Runs the target on one input.
///
/// # Panics
/// If something is read that must not be, or is shown as something else than it is.
pub fn run(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else {
        return;
    };
    match kind {
        b'j' => batch(bytes, Syntax::Json),
        b'n' => batch(bytes, Syntax::Ndjson),
        b't' => texts(&String::from_utf8_lossy(bytes)),
        _ => assert!(
            spica_http::readings(bytes) <= 2,
            "no body but an empty object's kin is of several kinds"
        ),
    }
}

fn batch(bytes: &[u8], syntax: Syntax) {
    match batch::parse(&Bytes::copy_from_slice(bytes), syntax, RECORDS) {
        Ok(drafts) => {
            assert!(drafts.len() <= RECORDS);
            drafts.into_iter().for_each(shown_as_it_is);
        }
        Err(errors) => assert!((1..=batch::ERRORS).contains(&errors.len())),
    }
}

fn shown_as_it_is(draft: Draft) {
    assert!(draft.payload.len() <= limits::PAYLOAD_BYTES);
    let record = record(draft);
    let json = record_json::encode(&record);
    assert!(!json.contains(&b'\n') && !json.contains(&b'\r'), "one line");
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap_or_default();
    assert!(value.is_object(), "strict JSON");
    assert_eq!(value["topic"], record.topic.as_str());
    let forms = ["value", "text", "base64"]
        .into_iter()
        .filter(|form| value.get(form).is_some());
    assert_eq!(forms.count(), 1, "a payload in one form");
    if let Some(text) = value.get("text") {
        assert_eq!(text.as_str().map(str::as_bytes), Some(&record.payload[..]));
    }
    as_csv(record);
}

fn as_csv(record: Record) {
    let (topic, place) = (
        record.topic.clone(),
        Place::new((Epoch(1), Seq(1)), (Epoch(1), Seq(1))),
    );
    let mut out = Vec::new();
    Table::Csv.find(&mut out, &Found::Record(record), place);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(&out[..]);
    let rows: Result<Vec<_>, _> = reader.records().collect();
    let rows = rows.unwrap_or_default();
    assert_eq!(rows.len(), 1, "one row");
    assert_eq!(rows[0].len(), COLUMNS.len());
    assert_eq!(&rows[0][2], topic.as_str());
}

fn record(draft: Draft) -> Record {
    Record {
        position: Position {
            epoch: Epoch::FIRST,
            lane: draft.class,
            seq: Seq(1),
        },
        topic: draft.topic,
        kind: draft.kind,
        op: Op::Put,
        quality: draft.quality,
        received: Timestamp::EPOCH,
        source_time: draft.source_time,
        content_type: draft.content_type,
        payload: draft.payload,
        key: None,
        cause: None,
        properties: None,
    }
}

fn texts(text: &str) {
    if let Ok(place) = text.parse::<Place>() {
        assert_eq!(place.to_string().parse(), Ok(place));
        assert_eq!(from_cursor(&cursor(&place)), Ok(place));
    }
    if let Ok(place) = from_cursor(text) {
        assert_eq!(place.to_string().parse(), Ok(place));
    }
    if let Ok(secret) = text.parse::<Secret>() {
        assert_eq!(secret.reveal(), text, "a token has one spelling");
    }
    if let Wanted::Range(bytes) = range(text, 10) {
        assert!(bytes.start < bytes.end && bytes.end <= 10);
    }
    let _ = (
        batch::key(text),
        batch::class(text),
        ContentType::parse(text),
    );
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_passes() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/http");
        let mut files = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            super::run(&std::fs::read(entry.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files >= 12, "only {files} files in {corpus}");
    }
}
