//! The page for people: one document without any part from elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use sha2::{Digest, Sha256};

const HTML: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// The page and the policy under which a browser shows it.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// The document.
    pub(crate) html: Bytes,
    /// `Content-Security-Policy`: this very style and script, nothing else.
    pub(crate) policy: String,
}

impl Page {
    pub(crate) fn new() -> Self {
        let html = HTML
            .replace("/*style*/", STYLE)
            .replace("/*script*/", SCRIPT);
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; \
             img-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            source(STYLE),
            source(SCRIPT)
        );
        Self {
            html: html.into(),
            policy,
        }
    }
}

/// An inline style or script as a policy names it.
fn source(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_brings_everything_itself_and_the_policy_names_it() {
        let page = Page::new();
        let html = std::str::from_utf8(&page.html).unwrap();
        for elsewhere in ["http://", "https://", "src=\"", "@import", "url(", "/*s"] {
            assert!(!html.contains(elsewhere), "{elsewhere}");
        }
        let between = |open: &str, close: &str| {
            let from = html.find(open).unwrap() + open.len();
            &html[from..from + html[from..].find(close).unwrap()]
        };
        for inline in [
            between("<style>", "</style>"),
            between("<script>", "</script>"),
        ] {
            assert!(
                page.policy.contains(&source(inline)),
                "the browser would refuse it"
            );
        }
        // Inline attributes would need a policy that allows any.
        assert!(!html.contains(" style=") && !html.contains(" onclick="));
    }
}
