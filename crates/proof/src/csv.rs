//! Tables as CSV (RFC 4180), for programs: names of columns are the same in all languages, times are
//! seconds, shares are of 1, points in time RFC 3339 in UTC.

use std::fmt::{self, Write};

use crate::tables::Cell;
use crate::words::Language;
use crate::{Report, Table};

impl Report {
    /// Writes a table as CSV with a line of names.
    ///
    /// # Errors
    /// If `out` fails, which a `String` does not.
    pub fn write_csv(&self, out: &mut impl Write, table: Table) -> fmt::Result {
        let grid = self.grid(table, Language::English);
        let names: Vec<_> = grid
            .columns
            .iter()
            .map(|column| column.id.to_owned())
            .collect();
        line(out, &names)?;
        for row in &grid.rows {
            line(out, &row.iter().map(field).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Writes all tables as CSV, each after a line with its name and before an empty line.
    ///
    /// # Errors
    /// If `out` fails, which a `String` does not.
    pub fn write_all_csv(&self, out: &mut impl Write) -> fmt::Result {
        for table in Table::ALL {
            line(out, &[format!("# {table}")])?;
            self.write_csv(out, table)?;
            out.write_str("\r\n")?;
        }
        Ok(())
    }
}

fn line(out: &mut impl Write, fields: &[String]) -> fmt::Result {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.write_char(',')?;
        }
        if field.contains([',', '"', '\r', '\n']) {
            write!(out, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            out.write_str(field)?;
        }
    }
    out.write_str("\r\n")
}

fn field(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => harmless(text),
        Cell::Count(count) => count.to_string(),
        Cell::Number(number) => format!("{number:.4}"),
        Cell::Share(share) => share.map(|share| format!("{share:.6}")).unwrap_or_default(),
        Cell::Time(time) => time
            .map(|time| format!("{:.3}", time.as_secs_f64()))
            .unwrap_or_default(),
        Cell::Met(met) => met
            .map(|met| if met { "yes" } else { "no" })
            .unwrap_or_default()
            .to_owned(),
        Cell::When(at) => at.to_string(),
    }
}

/// Names come from devices and operators: none of them becomes a formula of a spreadsheet.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_never_formulas() {
        let mut out = String::new();
        let cells =
            ["plain", "a,b", "say \"hi\"", "=1+1", "@x\ny"].map(|text| Cell::Text(text.to_owned()));
        line(&mut out, &cells.iter().map(field).collect::<Vec<_>>()).unwrap();
        assert_eq!(out, "plain,\"a,b\",\"say \"\"hi\"\"\",'=1+1,\"'@x\ny\"\r\n");
    }
}
