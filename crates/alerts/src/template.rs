//! Templates: text with placeholders such as `{text}`.
//!
//! `{{` and `}}` stand for braces. A line whose placeholders are all empty is left out, so that a
//! template may name what not every case has. What is put in comes from devices and people: its
//! control characters become spaces, so that it can begin no line and end no header.

use std::fmt::Write as _;

macro_rules! fields {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// What a placeholder stands for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Field { $($variant),+ }

        impl Field {
            const NAMES: &[&str] = &[$($name),+];

            fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

fields!(
    At = "at",
    Attempt = "attempt",
    Battery = "battery",
    Case = "case",
    ClearedAt = "cleared_at",
    ClosedBy = "closed_by",
    ClosedWhy = "closed_why",
    Condition = "condition",
    Customer = "customer",
    HappenedAt = "happened_at",
    Link = "link",
    Location = "location",
    Map = "map",
    Name = "name",
    Node = "node",
    Notice = "notice",
    Person = "person",
    RaisedAt = "raised_at",
    Reason = "reason",
    Repeats = "repeats",
    Severity = "severity",
    Source = "source",
    Step = "step",
    Text = "text",
    What = "what",
);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field),
}

/// A template, read and checked: lines of pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Vec<Piece>>);

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Says what is wrong, and what is allowed.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        text.trim_end()
            .lines()
            .map(line)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Its text with each placeholder replaced by what `value` says.
    pub(crate) fn render(&self, mut value: impl FnMut(Field) -> String) -> String {
        let mut text = String::new();
        for line in &self.0 {
            let (mut rendered, mut fields, mut filled) = (String::new(), 0, 0);
            for piece in line {
                match piece {
                    Piece::Text(text) => rendered.push_str(text),
                    Piece::Field(field) => {
                        let value = plain(&value(*field));
                        fields += 1;
                        filled += usize::from(!value.is_empty());
                        rendered.push_str(&value);
                    }
                }
            }
            if fields == 0 || filled > 0 {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{}", rendered.trim_end());
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}

fn plain(value: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    value.trim().chars().map(plain).collect()
}

fn line(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        literal.push_str(before);
        if let Some(after) = brace.strip_prefix("{{") {
            literal.push('{');
            rest = after;
        } else if let Some(after) = brace.strip_prefix("}}") {
            literal.push('}');
            rest = after;
        } else if let Some((name, after)) = brace[1..]
            .split_once('}')
            .filter(|_| brace.starts_with('{'))
        {
            let field = Field::named(name).ok_or_else(|| unknown(name))?;
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
            pieces.push(Piece::Field(field));
            rest = after;
        } else {
            return Err("a single { or }; a placeholder is {name}, a brace is {{ or }}".to_owned());
        }
    }
    literal.push_str(rest);
    pieces.push(Piece::Text(literal));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    Ok(pieces)
}

fn unknown(name: &str) -> String {
    let name: String = name.chars().take(40).collect();
    let known = Field::NAMES.join(", ");
    format!("there is no placeholder {{{name}}}; there are: {known}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> String {
        Template::parse(text).unwrap().render(|field| match field {
            Field::Text => "Man down".to_owned(),
            Field::Name => "  Evil\r\nBcc: x\u{7}  ".to_owned(),
            Field::Step => "2".to_owned(),
            _ => String::new(),
        })
    }

    #[test]
    fn placeholders_are_filled_in() {
        assert_eq!(render("{text}! {{step}} {step}"), "Man down! {step} 2");
        assert_eq!(render("a {name} b"), "a Evil  Bcc: x  b");
        assert_eq!(
            render("no placeholder\n\nat all\n"),
            "no placeholder\n\nat all"
        );
        assert_eq!(render(""), "");
    }

    #[test]
    fn a_line_without_what_it_is_for_is_left_out() {
        assert_eq!(
            render("{text}\nWhere: {location}\nFor {customer}{step}"),
            "Man down\nFor 2"
        );
        assert_eq!(render("{location}"), "");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, said) in [
            (
                "{txt}",
                "no placeholder {txt}; there are: at, attempt, battery",
            ),
            ("{}", "no placeholder {}"),
            ("ok\n{text", "a single {"),
            ("}", "a single {"),
            ("{te\nxt}", "a single {"),
        ] {
            let error = Template::parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn names_are_sorted_for_whoever_looks_them_up() {
        assert!(Field::NAMES.is_sorted());
        assert!(Field::NAMES.iter().all(|name| Field::named(name).is_some()));
    }
}
