//! Texts with expressions in braces: `alerts/{levels[1]}`. A brace itself is written twice.

use rhai::Scope;

use crate::expression::{Expression, Unreadable};
use crate::value;

/// Expressions that one text may have.
const EXPRESSIONS: usize = 32;
/// Longest text that may come of one, in bytes.
const TEXT_BYTES: usize = 256 << 10;

/// A text with expressions in it.
#[derive(Debug, Clone)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Value(Expression),
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                literal.push(c);
                at += 2;
            } else if c == '{' {
                let length = expression(&rest[1..]).ok_or_else(|| Unreadable {
                    at,
                    reason: "this brace is never closed; a brace itself is written {{".to_owned(),
                })?;
                let value = Expression::parse(&rest[1..=length]).map_err(|error| Unreadable {
                    at: at + 1 + error.at,
                    ..error
                })?;
                parts.extend(text_of(&mut literal));
                parts.push(Part::Value(value));
                at += length + 2;
            } else if c == '}' {
                let reason = "this brace closes nothing; a brace itself is written }}".to_owned();
                return Err(Unreadable { at, reason });
            } else {
                literal.push(c);
                at += c.len_utf8();
            }
        }
        parts.extend(text_of(&mut literal));
        if parts.len() > 2 * EXPRESSIONS {
            let reason = format!("a text has at most {EXPRESSIONS} expressions");
            return Err(Unreadable { at: 0, reason });
        }
        Ok(Self(parts))
    }

    /// The text for the facts in `scope`.
    pub(crate) fn text(&self, scope: &mut Scope<'_>) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Value(expression) => {
                    text.push_str(&value::to_text(&expression.value(scope)?)?);
                }
            }
            if text.len() > TEXT_BYTES {
                return Err(format!("the text is longer than {TEXT_BYTES} bytes"));
            }
        }
        Ok(text)
    }

    /// What it begins with in any case.
    pub(crate) fn beginning(&self) -> &str {
        match self.0.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether it is the same text always.
    pub(crate) fn is_fixed(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// Whether an expression in it asks for what the topic said before.
    pub(crate) fn looks_back(&self) -> bool {
        let back = |part: &Part| matches!(part, Part::Value(it) if it.looks_back);
        self.0.iter().any(back)
    }
}

fn text_of(literal: &mut String) -> Option<Part> {
    (!literal.is_empty()).then(|| Part::Text(std::mem::take(literal)))
}

/// The length of the expression at the beginning, up to the brace that ends it.
fn expression(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str) -> Result<String, String> {
        let mut scope = Scope::new();
        scope.push_constant("a", 7_i64);
        scope.push_constant("none", ());
        let template = Template::parse(text).map_err(|error| error.reason)?;
        template.text(&mut scope)
    }

    #[test]
    fn expressions_stand_in_braces() {
        for (text, filled) in [
            ("", ""),
            ("x/{a}/y", "x/7/y"),
            ("{a}{a + 1}", "78"),
            ("{{a}}", "{a}"),
            ("ü{\"}\" + #{b: a}.b}", "ü}7"),
            ("{if a > 3 { \"high\" } else { \"low\" }}", "high"),
        ] {
            assert_eq!(fill(text).as_deref(), Ok(filled), "{text}");
        }
        assert!(fill("{none}").unwrap_err().contains("no such value"));
        assert!(fill("{[1]}").unwrap_err().contains("list"));
    }

    #[test]
    fn mistakes_are_found_where_they_are() {
        for (text, at) in [("ab{1", 2), ("a}b", 1), ("ab{1 loop}", 5), ("{}", 1)] {
            assert_eq!(Template::parse(text).unwrap_err().at, at, "{text}");
        }
        assert!(Template::parse(&"{1}".repeat(99)).is_err());
    }
}
