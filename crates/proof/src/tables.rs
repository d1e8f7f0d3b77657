//! A report as tables: what text, CSV and HTML have in common.

use std::time::Duration;

use spica_cases::Severity;
use spica_model::Timestamp;

use crate::report::share;
use crate::words::{Language, Word, word};
use crate::{Report, Responses, Summary};

/// A table of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Calls by severity, and the judged ones together.
    Severities,
    /// Judged calls by customer.
    Customers,
    /// Judged calls and alarms by month.
    Months,
    /// Judged calls and alarms by hour of the day.
    Hours,
    /// Who accepted calls.
    People,
    /// Alarms by day.
    Days,
    /// The longest floods.
    Floods,
    /// The conditions with most alarms.
    Top,
    /// The conditions that chatter most.
    Chattering,
    /// The oldest stale alarms.
    Stale,
    /// Alarms by severity against the recommended mix.
    Priorities,
    /// Numbers that stand alone.
    Numbers,
}

impl Table {
    /// All tables, in the order of a report.
    pub const ALL: [Self; 12] = [
        Self::Severities,
        Self::Customers,
        Self::Months,
        Self::Hours,
        Self::People,
        Self::Numbers,
        Self::Priorities,
        Self::Top,
        Self::Floods,
        Self::Chattering,
        Self::Stale,
        Self::Days,
    ];

    /// Its name, as in file names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Severities => "severities",
            Self::Customers => "customers",
            Self::Months => "months",
            Self::Hours => "hours",
            Self::People => "people",
            Self::Days => "days",
            Self::Floods => "floods",
            Self::Top => "top",
            Self::Chattering => "chattering",
            Self::Stale => "stale",
            Self::Priorities => "priorities",
            Self::Numbers => "numbers",
        }
    }

    pub(crate) const fn title(self) -> Word {
        match self {
            Self::Severities => word("By severity", "Nach Schwere"),
            Self::Customers => word("By customer", "Nach Kunde"),
            Self::Months => word("By month", "Nach Monat"),
            Self::Hours => word("By hour of the day", "Nach Tageszeit"),
            Self::People => word("Accepted by", "Angenommen von"),
            Self::Days => word("Alarms by day", "Alarme pro Tag"),
            Self::Floods => word("Longest floods", "Längste Alarmfluten"),
            Self::Top => word("Most frequent alarms", "Häufigste Alarme"),
            Self::Chattering => word("Chattering alarms", "Flatternde Alarme"),
            Self::Stale => word("Stale alarms", "Stehende Alarme"),
            Self::Priorities => word("Mix of severities", "Verteilung der Schwere"),
            Self::Numbers => word("Alarm rates", "Alarmraten"),
        }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Text(String),
    Count(u64),
    Number(f64),
    Share(Option<f64>),
    Time(Option<Duration>),
    /// Whether a goal is met, if that can be said.
    Met(Option<bool>),
    When(Timestamp),
}

/// A column: its name for programs, and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) id: &'static str,
    pub(crate) label: String,
}

/// A table with its contents.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grid {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

const MET: Word = word("met", "erfüllt");

impl Report {
    /// A table of the report in a language.
    pub(crate) fn grid(&self, table: Table, language: Language) -> Grid {
        let columns = self.columns(table);
        let column = |(id, label): (&'static str, Label)| Column {
            id,
            label: label.say(language),
        };
        Grid {
            columns: columns.into_iter().map(column).collect(),
            rows: self.rows(table, language),
        }
    }

    fn columns(&self, table: Table) -> Vec<(&'static str, Label)> {
        use Label::{Limit, Plain};
        let plain = |id, english, german| (id, Plain(word(english, german)));
        let first = |id, english, german| vec![plain(id, english, german)];
        let goals = || {
            vec![
                plain("calls", "calls", "Rufe"),
                ("within_fast", Limit(self.options.fast.within)),
                ("fast_met", Plain(MET)),
                ("within_slow", Limit(self.options.slow.within)),
                ("slow_met", Plain(MET)),
                plain("not_accepted", "not accepted", "nicht angenommen"),
            ]
        };
        let quantiles = || {
            vec![
                plain("p50_s", "median", "Median"),
                plain("p95_s", "95 %", "95 %"),
                plain("worst_s", "worst", "längste"),
            ]
        };
        let worst = || plain("worst_s", "worst", "längste");
        let alarms = || plain("alarms", "alarms", "Alarme");
        let source = || {
            vec![
                plain("source", "source", "Quelle"),
                plain("condition", "condition", "Zustand"),
            ]
        };
        match table {
            Table::Severities => [
                first("severity", "severity", "Schwere"),
                goals(),
                quantiles(),
            ]
            .concat(),
            Table::Customers => {
                [first("customer", "customer", "Kunde"), goals(), quantiles()].concat()
            }
            Table::Months => [
                first("month", "month", "Monat"),
                goals(),
                vec![worst(), alarms()],
            ]
            .concat(),
            Table::Hours => [
                first("hour", "hour", "Stunde"),
                goals(),
                vec![worst(), alarms()],
            ]
            .concat(),
            Table::People => {
                let mut goals = goals();
                // Whoever accepts has no call that is not accepted, and is judged by nobody.
                goals.retain(|(id, _)| !matches!(*id, "fast_met" | "slow_met" | "not_accepted"));
                [first("who", "who", "wer"), goals, quantiles()].concat()
            }
            Table::Days => {
                let severities = Severity::ALL.map(|it| (it.as_str(), Label::Severity(it)));
                [
                    first("day", "day", "Tag"),
                    severities.to_vec(),
                    vec![alarms()],
                ]
                .concat()
            }
            Table::Floods => vec![
                plain("from", "from", "von"),
                plain("length_s", "length", "Dauer"),
                alarms(),
                plain("peak", "worst 10 min", "schlimmste 10 min"),
            ],
            Table::Top => [source(), vec![alarms(), plain("share", "share", "Anteil")]].concat(),
            Table::Chattering => {
                let counts = [
                    plain("episodes", "episodes", "Episoden"),
                    plain("raises", "raises", "Meldungen"),
                ];
                [source(), counts.to_vec()].concat()
            }
            Table::Stale => [
                first("case", "case", "Fall"),
                source(),
                first("since", "since", "seit"),
            ]
            .concat(),
            Table::Priorities => vec![
                plain("severities", "severity", "Schwere"),
                alarms(),
                plain("share", "share", "Anteil"),
                plain("wanted", "recommended", "empfohlen"),
            ],
            Table::Numbers => vec![
                plain("what", "what", "was"),
                plain("value", "value", "Wert"),
                plain("limit", "recommended", "empfohlen"),
                plain("met", "met", "erfüllt"),
            ],
        }
    }

    fn rows(&self, table: Table, language: Language) -> Vec<Vec<Cell>> {
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

/// What stands above a column.
#[derive(Debug, Clone, Copy)]
enum Label {
    Plain(Word),
    /// Within a time.
    Limit(Duration),
    Severity(Severity),
}

impl Label {
    fn say(self, language: Language) -> String {
        match self {
            Self::Plain(word) => language.say(word).to_owned(),
            Self::Limit(within) => format!("≤\u{a0}{}", language.limit(within)),
            Self::Severity(severity) => language.severity(severity).to_owned(),
        }
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
