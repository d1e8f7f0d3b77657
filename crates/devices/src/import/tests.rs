//! What a file may look like, and what the report says when it does not.

use super::{MAX_PROBLEMS, MAX_ROWS, read_csv};

fn problems(csv: &str) -> Vec<String> {
    let error = read_csv(csv.as_bytes()).unwrap_err();
    assert_eq!(error.total, error.problems.len());
    error.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn columns_may_stand_in_any_order_and_empty_fields_take_the_default() {
    let csv = "\u{feff}name, serial,enabled,check_in_minutes\r\nAnn,1,false,15\n\"B, C\",2,,\n";
    let devices = read_csv(csv.as_bytes()).unwrap();
    let (serial, ann) = &devices[0];
    assert_eq!(
        (serial.as_str(), ann.enabled, ann.check_in_minutes),
        ("1", false, 15)
    );
    let (_, other) = &devices[1];
    assert_eq!(other.name.as_deref(), Some("B, C"));
    assert_eq!(
        (other.enabled, other.check_in_minutes, other.grace_minutes),
        (true, 30, 5)
    );
}

#[test]
fn every_problem_is_said_with_its_place_and_what_is_allowed() {
    let csv = "serial,check_in_minutes,enabled\n\
               a b,x,maybe\n\
               1,0,\n\
               1,5,\n\
               2,5\n";
    assert_eq!(
        problems(csv),
        [
            "line 2, column serial: \"a b\": a serial is 1 to 10 visible ASCII characters without space, /, + and #",
            "line 2, column check_in_minutes: \"x\" is not allowed; a whole number of minutes is",
            "line 2, column enabled: \"maybe\" is not allowed; true and false are",
            "line 3, column check_in_minutes: check_in_minutes: 0 is not allowed; 1 to 10080 (a week) is",
            "line 4, column serial: 1 stands in line 3 already",
            "line 5: the row has 2 fields, the first row 3",
        ]
    );
}

#[test]
fn a_wrong_first_row_ends_it() {
    assert!(problems("")[0].contains("the file is empty"));
    assert!(problems("serial,colour\n")[0].contains("\"colour\" is no column; serial, name,"));
    assert!(problems("name\nx\n")[0].contains("no column serial"));
    assert!(problems("serial,serial\n")[0].contains("there twice"));
}

#[test]
fn text_that_is_not_utf8_is_said_with_its_line() {
    let error = read_csv(b"serial,name\n1,ok\n2,\xff\n").unwrap_err();
    assert_eq!(error.problems[0].to_string(), "line 3: not UTF-8 text");
}

#[test]
fn the_report_is_bounded() {
    let csv = format!("serial\n{}", "a b\n".repeat(MAX_PROBLEMS + 7));
    let error = read_csv(csv.as_bytes()).unwrap_err();
    assert_eq!(
        (error.problems.len(), error.total),
        (MAX_PROBLEMS, MAX_PROBLEMS + 7)
    );
    assert!(error.to_string().ends_with("… and 7 more"));
}

#[test]
fn the_limit_of_rows_is_the_limit() {
    use std::fmt::Write;
    let mut csv = "serial\n".to_owned();
    for row in 0..MAX_ROWS {
        writeln!(csv, "{row}").unwrap();
    }
    assert_eq!(read_csv(csv.as_bytes()).unwrap().len(), MAX_ROWS);
    csv.push_str("one-more\n");
    assert_eq!(
        problems(&csv),
        ["line 100002: more than 100000 rows: split the file"]
    );
}
