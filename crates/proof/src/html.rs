//! A report as one HTML page that needs nothing else: no script, no picture, no font, nothing to
//! load. It follows the light or dark of whoever looks, and prints.

mod chart;
mod plots;

use std::fmt::{self, Write};

use chart::Escaped;

use crate::report::share;
use crate::tables::{Cell, Grid};
use crate::words::{Language, word};
use crate::{Goal, Report, Table};

const STYLE: &str = include_str!("html/page.css");

impl Report {
    /// Writes the report as one HTML page with plots.
    ///
    /// # Errors
    /// If `out` fails, which a `String` does not.
    pub fn write_html(&self, out: &mut impl Write, language: Language) -> fmt::Result {
        let (title, tag) = (Escaped(self.title(language)), language.tag());
        writeln!(
            out,
            "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">"
        )?;
        writeln!(
            out,
            "<meta name=\"viewport\" content=\"width=device-width\">"
        )?;
        writeln!(
            out,
            "<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>"
        )?;
        let subtitle = Escaped(self.subtitle(language));
        writeln!(out, "<header><h1>{title}</h1>\n<p>{subtitle}</p></header>")?;
        self.write_cards(out, language)?;
        self.write_plots(out, language)?;
        for table in Table::ALL {
            let grid = self.grid(table, language);
            // Days are in a plot, and in CSV.
            if table != Table::Days && !grid.rows.is_empty() {
                writeln!(out, "<h2>{}</h2>", language.say(table.title()))?;
                self.write_table(out, &grid, language)?;
            }
        }
        let note = word(
            "A call begins when a case wants someone and is accepted by the first acknowledgement. \
             Counted from the audit trail; limits are those that the report was asked for with.",
            "Ein Ruf beginnt, wenn ein Fall jemanden braucht, und ist mit der ersten Quittierung \
             angenommen. Gezählt aus dem Protokoll; Grenzen sind die, mit denen der Bericht verlangt \
             wurde.",
        );
        writeln!(
            out,
            "<footer>{}</footer>\n</body>\n</html>",
            language.say(note)
        )
    }

    fn write_cards(&self, out: &mut impl Write, language: Language) -> fmt::Result {
        let (judged, rates) = (&self.all.judged, &self.rates);
        out.write_str("<ul class=\"cards\">\n")?;
        let mut card = |verdict: Option<bool>, label: &str, value: String, note: String| {
            let class = verdict
                .map(|met| if met { "good" } else { "bad" })
                .unwrap_or_default();
            let (label, note) = (Escaped(label), Escaped(note));
            writeln!(
                out,
                "<li class=\"{class}\"><span>{label}</span><strong>{value}</strong><span>{note}</span></li>"
            )
        };
        let of_calls = |count: u64| {
            let calls = language.say(word("calls", "Rufen"));
            let of = language.say(word("of", "von"));
            format!(
                "{} {of} {} {calls}",
                language.count(count),
                language.count(judged.calls)
            )
        };
        let mut goal = |goal: Goal, within: u64| {
            let accepted = language.say(word("accepted within", "angenommen innert"));
            let wanted = language.say(word("goal", "Ziel"));
            let percent = language.percent(Some(f64::from(goal.per_mille) / 1_000.0));
            let label = format!("{accepted} {}", language.limit(goal.within));
            let note = format!("{wanted} {percent} · {}", of_calls(within));
            card(
                judged.meets(within, goal),
                &label,
                language.percent(share(within, judged.calls)),
                note,
            )
        };
        goal(self.options.fast, judged.fast)?;
        goal(self.options.slow, judged.slow)?;
        let none = (judged.calls > 0).then_some(judged.unaccepted() == 0);
        let label = language.say(word("not accepted", "nicht angenommen"));
        card(
            none,
            label,
            language.count(judged.unaccepted()),
            of_calls(judged.unaccepted()),
        )?;
        let median = language.say(word("median", "Median"));
        let note = format!(
            "{median} {} · 95 % {}",
            language.duration(judged.p50),
            language.duration(judged.p95)
        );
        card(
            None,
            language.say(word("longest", "längste")),
            language.duration(judged.worst),
            note,
        )?;
        let per_day = f64::from(self.options.per_day);
        let limit = language.say(word("recommended", "empfohlen"));
        let alarms = language.say(word(
            "alarms per operator and day",
            "Alarme pro Operator und Tag",
        ));
        let note = format!("{limit} ≤ {}", self.options.per_day);
        card(
            Some(self.per_day() <= per_day),
            alarms,
            language.decimal(self.per_day(), 1),
            note,
        )?;
        let flooded = share(rates.flood_periods, rates.periods);
        let label = language.say(word("time in floods", "Zeit in Alarmfluten"));
        let floods = language.say(word("floods", "Fluten"));
        let note = format!(
            "{limit} < {} · {floods}: {}",
            language.percent(Some(0.01)),
            rates.floods
        );
        card(
            flooded.map(|flooded| flooded < 0.01),
            label,
            language.percent(flooded),
            note,
        )?;
        out.write_str("</ul>\n")
    }

    fn write_table(&self, out: &mut impl Write, grid: &Grid, language: Language) -> fmt::Result {
        let texts = |at: usize| {
            grid.rows
                .iter()
                .all(|row| matches!(row.get(at), Some(Cell::Text(_))))
        };
        let is_text: Vec<bool> = (0..grid.columns.len()).map(texts).collect();
        let class = |at: usize| if is_text[at] { " class=\"text\"" } else { "" };
        out.write_str("<div class=\"scroll\"><table>\n<thead><tr>")?;
        for (at, column) in grid.columns.iter().enumerate() {
            write!(out, "<th{}>{}</th>", class(at), Escaped(&column.label))?;
        }
        out.write_str("</tr></thead>\n<tbody>\n")?;
        for row in &grid.rows {
            out.write_str("<tr>")?;
            for (at, cell) in row.iter().enumerate() {
                let class = match cell {
                    Cell::Met(Some(true)) => " class=\"good\"",
                    Cell::Met(Some(false)) => " class=\"bad\"",
                    _ => class(at),
                };
                write!(
                    out,
                    "<td{class}>{}</td>",
                    Escaped(self.show(cell, language))
                )?;
            }
            out.write_str("</tr>\n")?;
        }
        out.write_str("</tbody></table></div>\n")
    }
}
