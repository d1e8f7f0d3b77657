//! Texts with places for a message's values: `https://sms.example.org/?to={to}&text={text}`.
//!
//! A place is a name of small letters and `_` between braces. Braces around anything else are just
//! that, so JSON needs no escaping. What is put in is escaped for where it stands.

/// How a value is written where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// As it is.
    None,
    /// For a URL or a form: all but letters, digits and `-._~` as `%XX`.
    Percent,
    /// For the inside of a string in JSON.
    Json,
    /// For the text or an attribute in XML.
    Xml,
}

/// A text with places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(&'static str),
}

impl Template {
    /// Reads a template whose places are among `names`.
    ///
    /// # Errors
    /// What is wrong, and which names there are.
    pub(crate) fn parse(text: &str, names: &[&'static str]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, name, after)) = next_place(rest) {
            let known = names.iter().find(|known| **known == name);
            let known = known.ok_or_else(|| {
                let names = names.join("}, {");
                format!("{{{name}}} is no placeholder; there are {{{names}}}")
            })?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Place(known));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// Whether a place of this name is in it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|piece| matches!(piece, Piece::Place(place) if *place == name))
    }

    /// The text with values in its places.
    pub(crate) fn fill<'a>(
        &self,
        escape: Escape,
        value: impl Fn(&'static str) -> &'a str,
    ) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Place(name) => escape.write(value(name), &mut filled),
            }
        }
        filled
    }
}

/// What stands before the next place, its name, and what stands behind it.
fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    for (open, _) in text.match_indices('{') {
        let inside = &text[open + 1..];
        let length = inside.find(|c| !is_name(c)).unwrap_or(inside.len());
        if length > 0
            && let Some(after) = inside[length..].strip_prefix('}')
        {
            return Some((&text[..open], &inside[..length], after));
        }
    }
    None
}

impl Escape {
    fn write(self, value: &str, target: &mut String) {
        match self {
            Self::None => target.push_str(value),
            Self::Percent => value.bytes().for_each(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    target.push(char::from(byte));
                }
                _ => target.push_str(&format!("%{byte:02X}")),
            }),
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                target.push_str(&quoted[1..quoted.len() - 1]);
            }
            Self::Xml => value.chars().for_each(|c| match c {
                '&' => target.push_str("&amp;"),
                '<' => target.push_str("&lt;"),
                '>' => target.push_str("&gt;"),
                '"' => target.push_str("&quot;"),
                '\'' => target.push_str("&apos;"),
                // XML 1.0 has no way to say these.
                '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' => target.push(' '),
                _ => target.push(c),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 2] = ["to", "text"];

    fn filled(template: &str, escape: Escape, text: &str) -> String {
        let template = Template::parse(template, &NAMES).unwrap();
        template.fill(escape, |name| if name == "to" { "+41" } else { text })
    }

    #[test]
    fn values_are_escaped_for_where_they_stand() {
        let text = "a b&c=\"ü\"\n<1>";
        assert_eq!(
            filled("?to={to}&text={text}", Escape::Percent, text),
            "?to=%2B41&text=a%20b%26c%3D%22%C3%BC%22%0A%3C1%3E"
        );
        assert_eq!(
            filled(r#"{"to":["{to}"],"m":{"t":"{text}"}}"#, Escape::Json, text),
            r#"{"to":["+41"],"m":{"t":"a b&c=\"ü\"\n<1>"}}"#
        );
        assert_eq!(
            filled("<t to='{to}'>{text}</t>", Escape::Xml, "a\u{1}'<&"),
            "<t to='+41'>a &apos;&lt;&amp;</t>"
        );
        assert_eq!(filled("{text}{to}", Escape::None, "{to}"), "{to}+41");
    }

    #[test]
    fn braces_around_anything_else_are_braces() {
        for text in [
            "{}",
            "{ to }",
            "{To}",
            "{to",
            "to}",
            "{{}}",
            "{1}",
            "{\"a\":1}",
        ] {
            assert_eq!(filled(text, Escape::Json, "x"), text);
        }
        assert_eq!(filled("{{to}}", Escape::Json, "x"), "{+41}");
    }

    #[test]
    fn an_unknown_place_is_refused() {
        let error = Template::parse("{to} {txt}", &NAMES).unwrap_err();
        assert_eq!(error, "{txt} is no placeholder; there are {to}, {text}");
    }

    proptest! {
        #[test]
        fn what_is_filled_into_json_is_read_back(text in "\\PC*|[\\x00-\\x7f]*") {
            let json = filled("{\"text\":\"{text}\"}", Escape::Json, &text);
            let read: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read["text"].as_str(), Some(text.as_str()));
        }

        #[test]
        fn what_is_filled_into_a_url_is_read_back(text in "\\PC*") {
            let url = filled("http://h/?text={text}&to={to}", Escape::Percent, &text);
            let url = reqwest::Url::parse(&url).unwrap();
            let pairs: Vec<_> = url.query_pairs().collect();
            prop_assert_eq!(pairs.len(), 2);
            prop_assert_eq!(&*pairs[0].1, text.as_str());
        }
    }
}
