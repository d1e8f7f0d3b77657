//! What stands in each table.

use spica_cases::Severity;

use super::{Cell, Table};
use crate::report::share;
use crate::words::{Language, Word, word};
use crate::{Report, Responses, Summary};

impl Report {
    /// The rows of a table, with a cell for each of its columns.
    pub(super) fn rows(&self, table: Table, language: Language) -> Vec<Vec<Cell>> {
        let rates = &self.rates;
        match table {
            Table::Severities => self.severities(language),
            Table::Customers => self
                .customers
                .iter()
                .map(|of| self.customer(of, language))
                .collect(),
            Table::Months => {
                let months = self.months.iter();
                let name = |first: jiff::civil::Date| first.strftime("%Y-%m").to_string();
                months
                    .map(|it| self.period(name(it.first), &it.responses, it.alarms))
                    .collect()
            }
            Table::Hours => {
                let hours = self.hours.iter().enumerate();
                let name = |hour| format!("{hour:02}:00");
                hours
                    .map(|(hour, it)| self.period(name(hour), &it.responses, it.alarms))
                    .collect()
            }
            Table::People => self
                .people
                .iter()
                .map(|(who, of)| person(who, of))
                .collect(),
            Table::Days => self.day_rows(),
            Table::Floods => {
                let row = |flood: &crate::Flood| {
                    let length = Cell::Time(Some(flood.length));
                    vec![
                        Cell::When(flood.from),
                        length,
                        Cell::Count(flood.alarms),
                        Cell::Count(flood.peak),
                    ]
                };
                rates.longest_floods.iter().map(row).collect()
            }
            Table::Top => self.top_rows(language),
            Table::Chattering => {
                let row = |it: &crate::Chatter| {
                    vec![
                        text(&it.source),
                        text(&it.condition),
                        Cell::Count(it.episodes),
                        Cell::Count(it.raises),
                    ]
                };
                rates.chatters.iter().map(row).collect()
            }
            Table::Stale => {
                let row = |it: &crate::Stale| {
                    vec![
                        text(&it.case.to_string()),
                        text(&it.source),
                        text(&it.condition),
                        Cell::When(it.since),
                    ]
                };
                rates.stale_now.iter().map(row).collect()
            }
            Table::Priorities => self.priority_rows(language),
            Table::Numbers => self.number_rows(language),
        }
    }

    fn severities(&self, language: Language) -> Vec<Vec<Cell>> {
        let each = Severity::ALL.into_iter().rev();
        let row = |severity: Severity| {
            let summary = &self.all.severities[severity as usize];
            // Goals are for those that are judged by them.
            let judged = severity >= self.options.judged;
            let mut row = vec![text(language.severity(severity))];
            row.extend(self.goals(summary, judged));
            row.extend(quantiles(summary));
            row
        };
        each.map(row).collect()
    }

    fn customer(&self, of: &Responses, language: Language) -> Vec<Cell> {
        let nobody = language.say(word("without a customer", "ohne Kunde"));
        let mut row = vec![text(of.customer.as_deref().unwrap_or(nobody))];
        row.extend(self.goals(&of.judged, true));
        row.extend(quantiles(&of.judged));
        row
    }

    fn period(&self, name: String, summary: &Summary, alarms: u64) -> Vec<Cell> {
        let mut row = vec![Cell::Text(name)];
        row.extend(self.goals(summary, true));
        row.extend([Cell::Time(summary.worst), Cell::Count(alarms)]);
        row
    }

    fn goals(&self, of: &Summary, judged: bool) -> [Cell; 6] {
        let met = |within, goal| Cell::Met(of.meets(within, goal).filter(|_| judged));
        [
            Cell::Count(of.calls),
            Cell::Share(share(of.fast, of.calls)),
            met(of.fast, self.options.fast),
            Cell::Share(share(of.slow, of.calls)),
            met(of.slow, self.options.slow),
            Cell::Count(of.unaccepted()),
        ]
    }

    fn day_rows(&self) -> Vec<Vec<Cell>> {
        let row = |day: &crate::Day| {
            let mut row = vec![Cell::Text(day.date.to_string())];
            row.extend(day.alarms.map(Cell::Count));
            row.push(Cell::Count(day.total()));
            row
        };
        self.days.iter().map(row).collect()
    }

    fn top_rows(&self, language: Language) -> Vec<Vec<Cell>> {
        let of_all = |alarms| Cell::Share(share(alarms, self.rates.alarms));
        let row = |it: &crate::Named| {
            vec![
                text(&it.source),
                text(&it.condition),
                Cell::Count(it.alarms),
                of_all(it.alarms),
            ]
        };
        let mut rows: Vec<_> = self.rates.top.iter().map(row).collect();
        if self.rates.others > 0 {
            let beyond = language.say(word("not counted each", "nicht einzeln gezählt"));
            let others = self.rates.others;
            rows.push(vec![
                text(beyond),
                text(""),
                Cell::Count(others),
                of_all(others),
            ]);
        }
        rows
    }

    fn priority_rows(&self, language: Language) -> Vec<Vec<Cell>> {
        let row = |of: &crate::Priority| {
            let names: Vec<_> = of
                .severities
                .iter()
                .map(|it| language.severity(*it))
                .collect();
            vec![
                Cell::Text(names.join(" + ")),
                Cell::Count(of.alarms),
                Cell::Share(share(of.alarms, self.rates.alarms)),
                Cell::Share(Some(f64::from(of.wanted_percent) / 100.0)),
            ]
        };
        self.rates.priorities.iter().map(row).collect()
    }

    fn number_rows(&self, language: Language) -> Vec<Vec<Cell>> {
        let (rates, counts) = (&self.rates, &self.counts);
        let row = |label: Word, value, limit: Option<Cell>, met: Option<bool>| {
            let met = met.map_or_else(|| text(""), |met| Cell::Met(Some(met)));
            let limit = limit.unwrap_or_else(|| text(""));
            vec![text(language.say(label)), value, limit, met]
        };
        let count = |label, value| row(label, Cell::Count(value), None, None);
        let per_day = f64::from(self.options.per_day);
        let flooded = share(rates.flood_periods, rates.periods).unwrap_or(0.0);
        vec![
            count(word("alarms", "Alarme"), rates.alarms),
            row(
                word("per operator and 10 minutes", "pro Operator und 10 Minuten"),
                Cell::Number(self.per_period()),
                Some(Cell::Number(per_day / 144.0)),
                Some(self.per_period() <= per_day / 144.0),
            ),
            row(
                word("per operator and day", "pro Operator und Tag"),
                Cell::Number(self.per_day()),
                Some(Cell::Number(per_day)),
                Some(self.per_day() <= per_day),
            ),
            count(word("days above", "Tage darüber"), rates.days_above),
            count(
                word("worst 10 minutes", "schlimmste 10 Minuten"),
                rates.peak,
            ),
            count(word("floods", "Alarmfluten"), rates.floods),
            row(
                word("time in floods", "Zeit in Alarmfluten"),
                Cell::Share(Some(flooded)),
                Some(Cell::Share(Some(0.01))),
                Some(flooded < 0.01),
            ),
            count(
                word("chattering alarms", "flatternde Alarme"),
                rates.chattering,
            ),
            count(word("stale alarms", "stehende Alarme"), rates.stale),
            count(
                word("raised again while open", "erneut gemeldet, solange offen"),
                counts.repeats,
            ),
            count(
                word("raised while quiet", "gemeldet, solange still"),
                counts.quiet,
            ),
            count(word("shelved", "zurückgestellt"), counts.shelved),
            count(word("suppressed", "unterdrückt"), counts.suppressed),
            count(
                word("out of service", "ausser Betrieb genommen"),
                counts.out_of_service,
            ),
            count(
                word("calls too young to judge", "Rufe, die noch offen waren"),
                self.all.judged.undecided,
            ),
            count(
                word("cases not followed", "nicht verfolgte Fälle"),
                counts.untracked,
            ),
        ]
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn quantiles(of: &Summary) -> [Cell; 3] {
    [of.p50, of.p95, of.worst].map(Cell::Time)
}

fn person(who: &str, of: &Summary) -> Vec<Cell> {
    let mut row = vec![
        text(who),
        Cell::Count(of.calls),
        Cell::Share(share(of.fast, of.calls)),
        Cell::Share(share(of.slow, of.calls)),
    ];
    row.extend(quantiles(of));
    row
}
