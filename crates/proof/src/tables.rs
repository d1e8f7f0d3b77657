//! A report as tables: what text, CSV and HTML have in common.

mod rows;

use std::time::Duration;

use spica_cases::Severity;
use spica_model::Timestamp;

use crate::Report;
use crate::words::{Language, Word, word};

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
