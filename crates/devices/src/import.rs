//! Registrations from CSV: all rows of it, or none and a report of what is wrong where.
//!
//! The first row names the columns, in any order: `serial` (which must be there), `name`,
//! `check_in_minutes`, `grace_minutes`, `customer`, `note`, `enabled`. An empty field takes the
//! default.

use std::collections::HashMap;
use std::fmt;

use csv::StringRecord;

use crate::{Registration, Serial};

/// Most devices in one import.
pub const MAX_ROWS: usize = 100_000;

/// Most problems that a report lists; more are counted only.
const MAX_PROBLEMS: usize = 100;

const COLUMNS: [&str; 7] = [
    "serial",
    "name",
    "check_in_minutes",
    "grace_minutes",
    "customer",
    "note",
    "enabled",
];

/// Something in a CSV file that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line in the file, from 1 on.
    pub line: u64,
    /// The column's name, if the problem is in one.
    pub column: Option<String>,
    /// What is wrong, and what is allowed.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Why nothing of a file was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportError {
    /// The first problems, at least one, in the order of lines.
    pub problems: Vec<Problem>,
    /// How many problems there are in all.
    pub total: usize,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing was imported: {} problem(s)", self.total)?;
        for problem in &self.problems {
            write!(f, "\n{problem}")?;
        }
        if self.total > self.problems.len() {
            write!(f, "\n… and {} more", self.total - self.problems.len())?;
        }
        Ok(())
    }
}

impl std::error::Error for ImportError {}

/// Reads the devices of a CSV file, in the order of its rows.
///
/// # Errors
/// If anything in it is wrong: the report lists the first 100 problems. A file of more than
/// [`MAX_ROWS`] rows is not read to its end.
pub fn read_csv(input: &[u8]) -> Result<Vec<(Serial, Registration)>, ImportError> {
    let mut report = Report::default();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(input);
    let mut rows = reader.records();
    let header = match rows.next() {
        Some(Ok(row)) => Header::read(&row, &mut report),
        Some(Err(error)) => report.refuse(&error),
        None => report.add(
            1,
            None,
            "the file is empty: its first row names the columns",
        ),
    };
    let Some(header) = header else {
        return Err(report.into_error());
    };
    let mut devices = Devices::default();
    for row in rows {
        match row {
            Ok(_) if devices.rows.len() == MAX_ROWS => {
                let what = format!("more than {MAX_ROWS} rows: split the file");
                report.add::<()>(line_of(row.as_ref().ok()), None, what);
                break;
            }
            Ok(row) => devices.read(&header, &row, &mut report),
            Err(error) => {
                report.refuse::<()>(&error);
            }
        }
    }
    if report.total > 0 {
        return Err(report.into_error());
    }
    Ok(devices.rows)
}

fn line_of(row: Option<&StringRecord>) -> u64 {
    row.and_then(StringRecord::position)
        .map_or(1, csv::Position::line)
}

#[derive(Default)]
struct Report {
    problems: Vec<Problem>,
    total: usize,
}

impl Report {
    /// Notes a problem. Always `None`, so that a reader of a field can return it.
    fn add<T>(&mut self, line: u64, column: Option<&str>, what: impl Into<String>) -> Option<T> {
        self.total += 1;
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem {
                line,
                column: column.map(str::to_owned),
                what: what.into(),
            });
        }
        None
    }

    fn refuse<T>(&mut self, error: &csv::Error) -> Option<T> {
        let line = error.position().map_or(1, csv::Position::line);
        let what = match error.kind() {
            csv::ErrorKind::Utf8 { .. } => "not UTF-8 text".to_owned(),
            _ => error.to_string(),
        };
        self.add(line, None, what)
    }

    fn into_error(self) -> ImportError {
        ImportError {
            problems: self.problems,
            total: self.total,
        }
    }
}

/// Which of [`COLUMNS`] stands in which field of a row.
struct Header {
    columns: Vec<&'static str>,
}

impl Header {
    fn read(row: &StringRecord, report: &mut Report) -> Option<Self> {
        let mut columns = Vec::with_capacity(row.len());
        for name in row {
            // Spreadsheets like to begin a file with a byte order mark.
            let name = name.trim_start_matches('\u{feff}');
            match COLUMNS.iter().find(|column| **column == name) {
                None => {
                    let what = format!("{name:?} is no column; {} are", COLUMNS.join(", "));
                    return report.add(1, None, what);
                }
                Some(column) if columns.contains(column) => {
                    return report.add(1, Some(column), "the column is there twice");
                }
                Some(column) => columns.push(*column),
            }
        }
        if !columns.contains(&"serial") {
            return report.add(1, None, "there is no column serial");
        }
        Some(Self { columns })
    }
}

#[derive(Default)]
struct Devices {
    rows: Vec<(Serial, Registration)>,
    lines: HashMap<Serial, u64>,
}

impl Devices {
    fn read(&mut self, header: &Header, row: &StringRecord, report: &mut Report) {
        let line = line_of(Some(row));
        if row.len() != header.columns.len() {
            let (has, want) = (row.len(), header.columns.len());
            let what = format!("the row has {has} fields, the first row {want}");
            report.add::<()>(line, None, what);
            return;
        }
        let problems = report.total;
        let (serial, registration) = read_row(header, row, line, report);
        if let Err(error) = registration.check() {
            report.add::<()>(line, Some(error.field), error.to_string());
        }
        let Some(serial) = serial else { return };
        if let Some(first) = self.lines.insert(serial, line) {
            let what = format!("{serial} stands in line {first} already");
            report.add::<()>(line, Some("serial"), what);
        }
        if report.total == problems {
            self.rows.push((serial, registration));
        }
    }
}

/// What a row says. Fields that cannot be read are reported and hold their default.
fn read_row(
    header: &Header,
    row: &StringRecord,
    line: u64,
    report: &mut Report,
) -> (Option<Serial>, Registration) {
    let mut serial = None;
    let mut registration = Registration::default();
    for (column, field) in header.columns.iter().zip(row) {
        let read = if *column == "serial" {
            let read = Serial::new(field).map_err(|error| format!("{field:?}: {error}"));
            read.map(|read| serial = Some(read))
        } else {
            read_field(column, field, &mut registration)
        };
        if let Err(what) = read {
            report.add::<()>(line, Some(column), what);
        }
    }
    (serial, registration)
}

/// Sets the part of a registration that a column stands for; else what is wrong with the field.
fn read_field(column: &str, field: &str, into: &mut Registration) -> Result<(), String> {
    if field.is_empty() {
        return Ok(());
    }
    let minutes = || {
        let minutes = field.parse();
        minutes.map_err(|_| format!("{field:?} is not allowed; a whole number of minutes is"))
    };
    match column {
        "name" => into.name = Some(field.to_owned()),
        "customer" => into.customer = Some(field.to_owned()),
        "note" => into.note = Some(field.to_owned()),
        "check_in_minutes" => into.check_in_minutes = minutes()?,
        "grace_minutes" => into.grace_minutes = minutes()?,
        _ => {
            into.enabled = match field {
                "true" | "yes" | "1" => true,
                "false" | "no" | "0" => false,
                _ => return Err(format!("{field:?} is not allowed; true and false are")),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
