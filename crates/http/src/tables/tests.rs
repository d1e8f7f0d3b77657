//! Lines read back.

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
    assert_eq!(lines[3]["end"]["next"], cursor(&place()));
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
    assert_eq!(&rows[0][0], cursor(&place()));
    assert_eq!(&rows[0][2], "root/a,b");
    assert_eq!(&rows[0][11], "{\"a\":\"x\\ny\",\"b\":[1,2]}");
    assert_eq!((&rows[1][1], &rows[1][5]), ("1..2", "gap"));
    assert_eq!(&rows[2][11], "critical/1.log at 96: checksum, \"bad\"");
}
