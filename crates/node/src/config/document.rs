//! TOML text to a tree, with as many of its syntax errors as the parser can name.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::finding::{Code, Finding, Findings};
use super::source::Sources;
use super::tree::{Name, Node, Place, SourceId, Value};

/// The document in `source`. What has a syntax error in it is left out and reported.
pub(super) fn document(source: SourceId, sources: &Sources, findings: &mut Findings) -> Node {
    let text = sources
        .get(source)
        .map_or("", |source| source.text.as_str());
    let (table, errors) = DeTable::parse_recoverable(text);
    // The parser puts a stand-in where it could read nothing. Judging it would be noise.
    let broken = errors
        .iter()
        .filter_map(|error| line_of(text, error))
        .collect();
    let reader = Reader {
        source,
        base: 0,
        broken,
    };
    for error in &errors {
        let message = format!("this is not TOML: {}", error.message());
        let place = reader.place(error.span().unwrap_or(0..0));
        findings.push(Finding::error(Code::Syntax, message).at(place, "here"));
    }
    let value = reader.table(table.get_ref());
    Node {
        value,
        place: reader.place(table.span()),
        name: Name::Root,
    }
}

/// The one value that starts at byte `base` of `source`.
///
/// # Errors
/// The place and the message of its first syntax error.
pub(super) fn value(
    source: SourceId,
    base: usize,
    sources: &Sources,
) -> Result<Option<Node>, (Place, String)> {
    let text = sources
        .get(source)
        .and_then(|source| source.text.get(base..))
        .unwrap_or("");
    let reader = Reader {
        source,
        base,
        broken: Vec::new(),
    };
    match DeValue::parse(text) {
        Ok(value) => Ok(reader.node(&value, Name::Root)),
        Err(error) => {
            let place = reader.place(error.span().unwrap_or(0..text.len()));
            Err((place, error.message().to_owned()))
        }
    }
}

/// The lines a syntax error spoils.
fn line_of(text: &str, error: &toml::de::Error) -> Option<Range<usize>> {
    let span = error.span()?;
    let start = text
        .get(..span.start)?
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let end = text
        .get(span.end..)?
        .find('\n')
        .map_or(text.len(), |length| span.end + length);
    Some(start..end)
}

struct Reader {
    source: SourceId,
    base: usize,
    /// What is not read.
    broken: Vec<Range<usize>>,
}

impl Reader {
    fn place(&self, span: Range<usize>) -> Place {
        Place {
            source: self.source,
            span: span.start + self.base..span.end + self.base,
        }
    }

    fn table(&self, table: &DeTable<'_>) -> Value {
        let entries = table.iter().filter_map(|(key, value)| {
            let name = Name::Key(self.place(key.span()));
            Some((key.get_ref().clone().into_owned(), self.node(value, name)?))
        });
        Value::Table(entries.collect())
    }

    fn list(&self, items: &DeArray<'_>) -> Value {
        let items = items.iter().enumerate();
        Value::List(
            items
                .filter_map(|(n, item)| self.node(item, Name::Item(n)))
                .collect(),
        )
    }

    fn node(&self, spanned: &Spanned<DeValue<'_>>, name: Name) -> Option<Node> {
        let span = spanned.span();
        let value = match spanned.get_ref() {
            DeValue::Array(items) => self.list(items),
            DeValue::Table(table) => self.table(table),
            scalar => self.scalar(scalar, &span)?,
        };
        Some(Node {
            value,
            place: self.place(span),
            name,
        })
    }

    fn scalar(&self, value: &DeValue<'_>, span: &Range<usize>) -> Option<Value> {
        if self
            .broken
            .iter()
            .any(|line| line.start <= span.start && span.start <= line.end)
        {
            return None;
        }
        Some(match value {
            DeValue::String(text) => Value::Text(text.clone().into_owned()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Value::Beyond(number.to_string()), Value::Integer),
            DeValue::Float(number) => Value::Float(number.as_str().parse().ok()?),
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Datetime(moment) => Value::Moment(*moment),
            DeValue::Array(_) | DeValue::Table(_) => return None,
        })
    }
}
