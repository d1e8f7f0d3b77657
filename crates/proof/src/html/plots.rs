//! The plots of the page.

use std::fmt::{self, Write};

use spica_cases::Severity;

use super::chart::{Bar, Bars, Column, Columns, Escaped, HALF, WIDE};
use crate::report::{BINS_S, share};
use crate::words::{Language, Word, word};
use crate::{Day, Hour, Named, Report};

/// Most columns of the plot of days; beyond it each stands for several days.
const DAYS: usize = 400;
/// Longest name beside a bar, in characters.
const NAME_CHARS: usize = 44;

/// Class and meaning of a colour.
type Key = (&'static str, String);

impl Report {
    pub(super) fn write_plots(&self, out: &mut impl Write, language: Language) -> fmt::Result {
        out.write_str("<div class=\"plots\">\n")?;
        self.write_distribution(out, language)?;
        self.write_hours(out, language)?;
        self.write_days(out, language)?;
        self.write_top(out, language)?;
        self.write_mix(out, language)?;
        out.write_str("</div>\n")
    }

    /// What the colours of response times mean.
    fn goals_key(&self, language: Language) -> Vec<Key> {
        let within = |limit| format!("≤\u{a0}{}", language.limit(limit));
        let (fast, slow) = (self.options.fast.within, self.options.slow.within);
        let later = language.say(word("later or never", "später oder nie"));
        vec![
            ("good", within(fast)),
            ("fair", within(slow)),
            ("bad", later.to_owned()),
        ]
    }

    fn write_distribution(&self, out: &mut impl Write, language: Language) -> fmt::Result {
        let (fast, slow) = (
            self.options.fast.within.as_secs(),
            self.options.slow.within.as_secs(),
        );
        let colour = |limit: Option<&u64>| match limit {
            Some(limit) if *limit <= fast => "good",
            Some(limit) if *limit <= slow => "fair",
            _ => "bad",
        };
        let longer = language.say(word("longer", "länger"));
        let never = language.say(word("never", "nie"));
        let judged = &self.all.judged;
        let mut columns = Vec::new();
        for (at, count) in self
            .all
            .bins
            .into_iter()
            .chain([judged.unaccepted()])
            .enumerate()
        {
            let label = match BINS_S.get(at) {
                Some(limit) => seconds(*limit),
                None if at == BINS_S.len() => longer.to_owned(),
                None => never.to_owned(),
            };
            let percent = language.percent(share(count, judged.calls));
            columns.push(Column {
                title: format!("{label}: {count} ({percent})"),
                label,
                parts: vec![(colour(BINS_S.get(at)), count as f64)],
                value: if count > 0 {
                    language.count(count)
                } else {
                    String::new()
                },
            });
        }
        let title = word("Response times", "Reaktionszeiten");
        let plot = Columns {
            width: HALF,
            columns,
            limit: None,
        };
        figure(
            out,
            language.say(title),
            "",
            &self.goals_key(language),
            |out, name| plot.write(out, name),
        )
    }

    fn write_hours(&self, out: &mut impl Write, language: Language) -> fmt::Result {
        let column = |(hour, of): (usize, &Hour)| {
            let Hour { responses, .. } = of;
            let fair = responses.slow.saturating_sub(responses.fast);
            let bad = responses
                .calls
                .saturating_sub(responses.slow.max(responses.fast));
            let worst = language.duration(responses.worst);
            Column {
                label: if hour % 3 == 0 {
                    format!("{hour:02}")
                } else {
                    String::new()
                },
                title: format!(
                    "{hour:02}:00: {} / {fair} / {bad}, max. {worst}",
                    responses.fast
                ),
                parts: vec![
                    ("good", responses.fast as f64),
                    ("fair", fair as f64),
                    ("bad", bad as f64),
                ],
                value: String::new(),
            }
        };
        let columns = self.hours.iter().enumerate().map(column).collect();
        let title = word("Calls by hour of the day", "Rufe nach Tageszeit");
        let plot = Columns {
            width: HALF,
            columns,
            limit: None,
        };
        figure(
            out,
            language.say(title),
            "",
            &self.goals_key(language),
            |out, name| plot.write(out, name),
        )
    }

    fn write_days(&self, out: &mut impl Write, language: Language) -> fmt::Result {
        let each = self.days.len().div_ceil(DAYS).max(1);
        let columns: Vec<_> = self
            .days
            .chunks(each)
            .map(|days| day_column(days, language))
            .collect();
        let columns = labelled_by_month(columns, self.days.chunks(each));
        let per_day = self.options.per_day * self.options.operators;
        let limit = language.say(word("recommended at most", "empfohlen höchstens"));
        let limit = Some((f64::from(per_day), format!("{limit} {per_day}")));
        let low = [Severity::Low, Severity::Medium]
            .map(|it| language.severity(it))
            .join(", ");
        let key = [
            ("low", low),
            ("high", language.severity(Severity::High).to_owned()),
            ("bad", language.severity(Severity::Emergency).to_owned()),
        ];
        let title = if each == 1 {
            language
                .say(word("Alarms by day", "Alarme pro Tag"))
                .to_owned()
        } else {
            let mean = language.say(word("Alarms a day, mean of", "Alarme pro Tag, Mittel über"));
            format!("{mean} {each} {}", language.say(word("days", "Tage")))
        };
        let plot = Columns {
            width: WIDE,
            columns,
            limit,
        };
        figure(out, &title, "wide", &key, |out, name| plot.write(out, name))
    }

    fn write_top(&self, out: &mut impl Write, language: Language) -> fmt::Result {
        if self.rates.top.is_empty() {
            return Ok(());
        }
        let bar = |of: &Named| Bar {
            name: short(&format!("{} · {}", of.source, of.condition)),
            parts: vec![("high", of.alarms as f64)],
            value: format!(
                "{} ({})",
                language.count(of.alarms),
                language.percent(share(of.alarms, self.rates.alarms))
            ),
        };
        let plot = Bars {
            width: WIDE,
            names: 320.0,
            bars: self.rates.top.iter().take(10).map(bar).collect(),
        };
        let title = word("Most frequent alarms", "Häufigste Alarme");
        figure(out, language.say(title), "wide", &[], |out, name| {
            plot.write(out, name)
        })
    }

    fn write_mix(&self, out: &mut impl Write, language: Language) -> fmt::Result {
        if self.rates.alarms == 0 {
            return Ok(());
        }
        let [emergency, high, rest] = &self.rates.priorities;
        let shares = |of: [f64; 3]| {
            let parts = ["bad", "high", "low"].into_iter().zip(of).collect();
            let percent = of.map(|share| format!("{:.0}", share * 100.0));
            (parts, percent.join(" / "))
        };
        let of_all = |alarms| share(alarms, self.rates.alarms).unwrap_or(0.0);
        let bar = |name: Word, of: [f64; 3]| {
            let (parts, value) = shares(of);
            Bar {
                name: language.say(name).to_owned(),
                parts,
                value,
            }
        };
        let plot = Bars {
            width: WIDE,
            names: 120.0,
            bars: vec![
                bar(
                    word("is", "ist"),
                    [emergency, high, rest].map(|it| of_all(it.alarms)),
                ),
                bar(
                    word("recommended", "empfohlen"),
                    [emergency, high, rest].map(|it| f64::from(it.wanted_percent) / 100.0),
                ),
            ],
        };
        let low = [Severity::Medium, Severity::Low]
            .map(|it| language.severity(it))
            .join(", ");
        let key = [
            ("bad", language.severity(Severity::Emergency).to_owned()),
            ("high", language.severity(Severity::High).to_owned()),
            ("low", low),
        ];
        let title = word(
            "Mix of severities in percent",
            "Verteilung der Schwere in Prozent",
        );
        figure(out, language.say(title), "wide", &key, |out, name| {
            plot.write(out, name)
        })
    }
}

/// A plot with its title and what its colours mean.
fn figure<W: Write>(
    out: &mut W,
    title: &str,
    class: &str,
    key: &[Key],
    plot: impl FnOnce(&mut W, &str) -> fmt::Result,
) -> fmt::Result {
    writeln!(
        out,
        "<figure class=\"{class}\"><figcaption>{}</figcaption>",
        Escaped(title)
    )?;
    plot(out, title)?;
    if !key.is_empty() {
        out.write_str("<ul class=\"key\">")?;
        for (class, meaning) in key {
            write!(
                out,
                "<li><i class=\"{class}\"></i>{}</li>",
                Escaped(meaning)
            )?;
        }
        out.write_str("</ul>")?;
    }
    out.write_str("</figure>\n")
}

/// One day, or the mean of several.
fn day_column(days: &[Day], language: Language) -> Column {
    let mean = |severities: &[Severity]| {
        let alarms = |day: &Day| {
            severities
                .iter()
                .map(|it| day.alarms[*it as usize])
                .sum::<u64>()
        };
        days.iter().map(alarms).sum::<u64>() as f64 / days.len().max(1) as f64
    };
    let parts = vec![
        ("low", mean(&[Severity::Low, Severity::Medium])),
        ("high", mean(&[Severity::High])),
        ("bad", mean(&[Severity::Emergency])),
    ];
    let total = parts.iter().map(|(_, value)| value).sum::<f64>();
    let date = days
        .first()
        .map(|day| day.date.to_string())
        .unwrap_or_default();
    Column {
        label: String::new(),
        title: format!(
            "{date}: {}",
            language.decimal(total, usize::from(days.len() > 1))
        ),
        parts,
        value: String::new(),
    }
}

/// Writes the month below the first column of each, or the day where there are few.
fn labelled_by_month<'a>(
    mut columns: Vec<Column>,
    days: impl Iterator<Item = &'a [Day]>,
) -> Vec<Column> {
    let few = columns.len() <= 40;
    let mut last = None;
    for (column, days) in columns.iter_mut().zip(days) {
        let Some(date) = days.first().map(|day| day.date) else {
            continue;
        };
        if few && (date.day() % 5 == 0 || date.day() == 1) {
            column.label = date.strftime("%m-%d").to_string();
        }
        let month = date.first_of_month();
        if !few && last.is_some_and(|last| last != month) {
            column.label = date.strftime("%Y-%m").to_string();
        }
        last = Some(month);
    }
    columns
}

fn seconds(secs: u64) -> String {
    if secs >= 60 {
        format!("{}\u{a0}min", secs / 60)
    } else {
        format!("{secs}\u{a0}s")
    }
}

fn short(name: &str) -> String {
    if name.chars().count() <= NAME_CHARS {
        return name.to_owned();
    }
    let begin: String = name.chars().take(NAME_CHARS - 1).collect();
    format!("{begin}…")
}
