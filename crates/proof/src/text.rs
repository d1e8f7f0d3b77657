//! A report as text for a terminal.

use std::fmt::{self, Write};

use crate::calendar::Calendar;
use crate::tables::{Cell, Grid};
use crate::words::{Language, NOTHING, word};
use crate::{Report, Table};

/// Longest text in a cell, in characters.
const CELL_CHARS: usize = 40;

impl Report {
    /// Writes the report as text, at most about 120 columns wide. Days are left out.
    ///
    /// # Errors
    /// If `out` fails, which a `String` does not.
    pub fn write_text(&self, out: &mut impl Write, language: Language) -> fmt::Result {
        writeln!(out, "{}", self.title(language))?;
        writeln!(out, "{}", self.subtitle(language))?;
        for table in Table::ALL {
            let grid = self.grid(table, language);
            if table == Table::Days || grid.rows.is_empty() {
                continue;
            }
            writeln!(out, "\n{}", language.say(table.title()))?;
            self.write_grid(out, &grid, language)?;
        }
        Ok(())
    }

    /// What the report is called.
    pub(crate) fn title(&self, language: Language) -> String {
        let title = language.say(word(
            "Response times and alarm rates",
            "Reaktionszeiten und Alarmraten",
        ));
        format!("{title}: {}", printable(&self.options.node))
    }

    /// What it is about.
    pub(crate) fn subtitle(&self, language: Language) -> String {
        let options = &self.options;
        let (from, to) = (self.when(options.from), self.when(options.to));
        let until = language.say(word("to", "bis"));
        let judged = language.say(word("goals apply to", "Ziele gelten für"));
        let above = language.say(word("and above", "und schlimmer"));
        let severity = language.severity(options.judged);
        let top = options.judged == spica_cases::Severity::Emergency;
        let which = if top {
            severity.to_owned()
        } else {
            format!("{severity} {above}")
        };
        let operators = language.say(word("operators", "Operatoren"));
        let count = options.operators;
        format!(
            "{from} {until} {to} ({}), {judged} {which}, {operators}: {count}",
            options.zone
        )
    }

    /// A point in time as a clock on the wall shows it.
    pub(crate) fn when(&self, at: spica_model::Timestamp) -> String {
        // It was found when the fold began.
        let zone = self.options.check().unwrap_or(jiff::tz::TimeZone::UTC);
        Calendar::new(zone)
            .local(at)
            .strftime("%Y-%m-%d %H:%M")
            .to_string()
    }

    /// A cell for people.
    pub(crate) fn show(&self, cell: &Cell, language: Language) -> String {
        match cell {
            Cell::Text(text) => printable(text),
            Cell::Count(count) => language.count(*count),
            Cell::Number(number) => language.decimal(*number, 2),
            Cell::Share(share) => language.percent(*share),
            Cell::Time(time) => language.duration(*time),
            Cell::Met(None) => NOTHING.to_owned(),
            Cell::Met(Some(true)) => language.say(word("yes", "ja")).to_owned(),
            Cell::Met(Some(false)) => language.say(word("NO", "NEIN")).to_owned(),
            Cell::When(at) => self.when(*at),
        }
    }

    fn write_grid(&self, out: &mut impl Write, grid: &Grid, language: Language) -> fmt::Result {
        let names = grid
            .columns
            .iter()
            .map(|column| column.label.clone())
            .collect();
        let shown = |row: &Vec<Cell>| {
            row.iter()
                .map(|cell| short(self.show(cell, language)))
                .collect()
        };
        let mut lines: Vec<Vec<String>> = vec![names];
        lines.extend(grid.rows.iter().map(shown));
        let left: Vec<bool> = (0..grid.columns.len())
            .map(|at| {
                grid.rows
                    .iter()
                    .all(|row| matches!(row.get(at), Some(Cell::Text(_))))
            })
            .collect();
        let width = |at: usize| {
            lines
                .iter()
                .map(|line| line[at].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..grid.columns.len()).map(width).collect();
        for line in &lines {
            let mut shown = String::from(" ");
            for ((cell, width), left) in line.iter().zip(&widths).zip(&left) {
                let (cell, width) = (cell.as_str(), *width);
                if *left {
                    write!(shown, " {cell:<width$} ")?;
                } else {
                    write!(shown, " {cell:>width$} ")?;
                }
            }
            writeln!(out, "{}", shown.trim_end())?;
        }
        Ok(())
    }
}

/// Text of others without what would move a terminal's cursor.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// As much as a cell shows.
fn short(text: String) -> String {
    if text.chars().count() <= CELL_CHARS {
        return text;
    }
    let begin: String = text.chars().take(CELL_CHARS - 1).collect();
    format!("{begin}…")
}
