//! Pages of JSON: bounded in items and in bytes.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::buffers::hold;
use crate::problem::Problem;
use crate::state::App;

/// Items of a page unless the client says otherwise.
pub(crate) const LIMIT: usize = 100;

/// The wanted length of a page.
///
/// # Errors
/// 400 if it is 0 or more than `most`.
pub(crate) fn limit(wanted: Option<usize>, most: usize) -> Result<usize, Problem> {
    match wanted {
        None => Ok(LIMIT.min(most)),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => Err(Problem::bad_request(format!(
            "limit: {limit} is not within 1 to {most}"
        ))),
    }
}

/// A JSON object with one array, written item by item.
pub(crate) struct JsonPage {
    bytes: Vec<u8>,
    items: usize,
    bytes_max: usize,
}

impl JsonPage {
    /// A page with the array `name`, full when it has `bytes_max` bytes or a little more.
    pub(crate) fn new(name: &str, bytes_max: usize) -> Self {
        Self {
            bytes: format!("{{\"{name}\":[").into_bytes(),
            items: 0,
            bytes_max,
        }
    }

    /// Items so far.
    pub(crate) const fn len(&self) -> usize {
        self.items
    }

    /// Whether nothing more should be added. Never an empty page: one item may be larger than that.
    pub(crate) const fn is_full(&self) -> bool {
        self.items > 0 && self.bytes.len() >= self.bytes_max
    }

    /// Adds an item that is JSON.
    pub(crate) fn push(&mut self, item: &[u8]) {
        if self.items > 0 {
            self.bytes.push(b',');
        }
        self.bytes.extend_from_slice(item);
        self.items += 1;
    }

    /// Adds an item that has a JSON form.
    pub(crate) fn push_json(&mut self, item: &impl Serialize) {
        // Plain structs: this cannot fail, and null keeps the page well-formed if it does.
        self.push(&serde_json::to_vec(item).unwrap_or_else(|_| b"null".to_vec()));
    }

    /// Closes the array.
    pub(crate) fn close(&mut self) {
        self.bytes.push(b']');
    }

    /// Adds a field after the array.
    pub(crate) fn field(&mut self, name: &str, value: &impl Serialize) {
        self.bytes
            .extend_from_slice(format!(",\"{name}\":").as_bytes());
        // Plain values: this cannot fail, and null keeps the page well-formed if it does.
        let json = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
        self.bytes.extend_from_slice(&json);
    }

    /// The answer, with one last field.
    ///
    /// # Errors
    /// 503 if there is no memory to hold it until it is sent.
    pub(crate) fn finish(
        mut self,
        app: &App,
        name: &str,
        value: &impl Serialize,
    ) -> Result<Response, Problem> {
        self.close();
        self.field(name, value);
        self.into_response(app)
    }

    /// The answer of a page that is closed.
    ///
    /// # Errors
    /// 503 if there is no memory to hold it until it is sent.
    pub(crate) fn into_response(mut self, app: &App) -> Result<Response, Problem> {
        self.bytes.push(b'}');
        let reserved = app.buffers.reserve(self.bytes.len())?;
        let body = hold(Body::from(self.bytes), reserved);
        Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_within_bounds() {
        assert_eq!(limit(None, 1_000).unwrap(), 100);
        assert_eq!(limit(None, 10).unwrap(), 10);
        assert_eq!(limit(Some(1_000), 1_000).unwrap(), 1_000);
        for bad in [0, 1_001] {
            assert!(
                limit(Some(bad), 1_000)
                    .unwrap_err()
                    .detail()
                    .contains("1 to 1000")
            );
        }
    }

    #[test]
    fn a_page_is_json_and_never_empty_because_of_its_bytes() {
        let mut page = JsonPage::new("items", 4);
        assert!(!page.is_full());
        page.push(b"{\"a\":1}");
        assert!(page.is_full());
        page.push(b"2");
        page.close();
        page.field("next", &Some("x"));
        page.bytes.push(b'}');
        let json: serde_json::Value = serde_json::from_slice(&page.bytes).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"items": [{"a": 1}, 2], "next": "x"})
        );
    }
}
