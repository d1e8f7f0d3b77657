//! Findings with the texts they point into: for people, and for programs.

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};
use serde::Serialize;

use super::finding::{Finding, Findings, Severity};
use super::source::{Kind, LineColumn, Source, Sources};
use super::tree::Place;

/// Everything that was found in one configuration: errors and warnings.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    findings: Vec<Finding>,
    left_off: usize,
    sources: Sources,
}

/// How diagnostics are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// With colours.
    Colour,
    /// With lines, without colours.
    Plain,
}

/// One finding as JSON. Lines and columns are from 1, columns count characters.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    code: String,
    severity: Severity,
    message: &'a str,
    key: Option<String>,
    source: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    /// Bytes from the start of the source.
    offset: Option<usize>,
    length: Option<usize>,
    label: Option<&'a str>,
    help: Option<&'a str>,
}

impl Diagnostics {
    pub(super) fn new(mut findings: Findings, sources: Sources) -> Self {
        findings.sort();
        Self {
            findings: findings.kept,
            left_off: findings.left_off,
            sources,
        }
    }

    /// The findings that refuse the configuration.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
    }

    /// The findings that do not.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Warning)
    }

    /// Whether the configuration is refused.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Whether nothing was found.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Where a finding points: the source's name, line and column.
    #[must_use]
    pub fn location(&self, finding: &Finding) -> Option<String> {
        let (place, _) = finding.labels.first()?;
        let source = self.sources.get(place.source)?;
        let LineColumn { line, column } = source.position(place.span.start);
        Some(match &source.kind {
            Kind::File(path) => format!("{path}:{line}:{column}"),
            kind => kind.to_string(),
        })
    }

    /// Everything for a person: each finding with the lines it points at.
    #[must_use]
    pub fn render(&self, style: Style) -> String {
        let theme = match style {
            Style::Colour => GraphicalTheme::unicode(),
            Style::Plain => GraphicalTheme::unicode_nocolor(),
        };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(100);
        let mut text = String::new();
        for finding in &self.findings {
            let report = self.report(finding);
            if handler.render_report(&mut text, &report).is_err() {
                text.push_str(&finding.message);
            }
            text.push('\n');
        }
        text.push_str(&self.summary());
        text.push('\n');
        text
    }

    /// Everything for a program.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let entries: Vec<_> = self
            .findings
            .iter()
            .map(|finding| self.entry(finding))
            .collect();
        serde_json::json!({
            "ok": !self.has_errors(),
            "errors": self.errors().count(),
            "warnings": self.warnings().count(),
            "left_off": self.left_off,
            "findings": entries,
        })
    }

    /// How many of what.
    #[must_use]
    pub fn summary(&self) -> String {
        let count =
            |number: usize, what| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let errors = count(self.errors().count(), "error");
        let warnings = count(self.warnings().count(), "warning");
        let left_off = match self.left_off {
            0 => String::new(),
            more => format!(", {more} more findings left off"),
        };
        format!("{errors}, {warnings}{left_off}")
    }

    fn entry<'a>(&'a self, finding: &'a Finding) -> Entry<'a> {
        let first = finding.labels.first();
        let source = first.and_then(|(place, _)| self.sources.get(place.source));
        let position = first
            .zip(source)
            .map(|((place, _), s)| s.position(place.span.start));
        Entry {
            code: finding.code.to_string(),
            severity: finding.severity,
            message: &finding.message,
            key: finding.key.as_ref().map(ToString::to_string),
            source: source.map(|source| source.kind.to_string()),
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
            offset: first.map(|(place, _)| place.span.start),
            length: first.map(|(place, _)| place.span.len()),
            label: first.map(|(_, label)| label.as_str()),
            help: finding.help.as_deref(),
        }
    }

    fn report<'a>(&'a self, finding: &'a Finding) -> Report<'a> {
        let place = finding.labels.first().map(|(place, _)| place);
        let source = place
            .and_then(|place| self.sources.get(place.source))
            .map(named);
        Report {
            finding,
            source,
            help: self.help(finding, place),
        }
    }

    /// The finding's own help, and what it says of places in other texts than the first: a report
    /// shows one text.
    fn help(&self, finding: &Finding, first: Option<&Place>) -> Option<String> {
        let elsewhere = finding
            .labels
            .iter()
            .filter(|(place, _)| first.is_some_and(|first| first.source != place.source));
        let mut lines: Vec<_> = elsewhere
            .map(|(place, label)| format!("{}: {label}", self.sources.origin(place)))
            .collect();
        lines.extend(finding.help.clone());
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

fn named(source: &Source) -> NamedSource<String> {
    NamedSource::new(source.kind.to_string(), source.shown())
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for Diagnostics {}

/// A finding as miette draws it.
#[derive(Debug)]
struct Report<'a> {
    finding: &'a Finding,
    source: Option<NamedSource<String>>,
    help: Option<String>,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.finding.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_deref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source
            .as_ref()
            .map(|source| source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (first, _) = self.finding.labels.first()?;
        let here = self
            .finding
            .labels
            .iter()
            .filter(|(place, _)| place.source == first.source);
        Some(Box::new(here.map(|(place, label)| {
            LabeledSpan::new_with_span(Some(label.clone()), place.span.clone())
        })))
    }
}
