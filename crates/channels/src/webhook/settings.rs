//! What an operator may set about a webhook.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use spica_settings::{FilePath, Secret};
use toml::Table;

use super::Webhook;
use crate::error::SettingError;
use crate::http;
use crate::settings::{Context, read, secret};

/// Headers that are the channel's own.
const OWN: [&str; 7] = [
    "content-type",
    "content-length",
    "host",
    "transfer-encoding",
    "idempotency-key",
    super::TIMESTAMP_HEADER,
    super::SIGNATURE_HEADER,
];
/// Most headers.
const HEADERS: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: String,
    secret: Option<Secret>,
    secret_file: Option<FilePath>,
    token: Option<Secret>,
    token_file: Option<FilePath>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    ca: Option<FilePath>,
}

/// Makes a webhook of its table.
pub(crate) fn open(table: Table, context: &Context<'_>) -> Result<Webhook, SettingError> {
    let settings: Settings = read(table)?;
    let base = context.base;
    let url = http::url("url", &settings.url)?;
    let token = secret("token", settings.token, settings.token_file.as_ref(), base)?;
    Ok(Webhook {
        client: http::client(settings.ca.as_ref(), base)?,
        url,
        headers: headers(&settings.headers, token.as_ref())?,
        secret: secret(
            "secret",
            settings.secret,
            settings.secret_file.as_ref(),
            base,
        )?,
        clock: Arc::clone(context.clock),
    })
}

/// The headers that are the same for every message. One that opens a door is kept out of logs.
fn headers(
    texts: &BTreeMap<String, String>,
    token: Option<&Secret>,
) -> Result<HeaderMap, SettingError> {
    if texts.len() > HEADERS {
        let reason = format!("there are {}; at most {HEADERS} are allowed", texts.len());
        return Err(SettingError::new("headers", reason));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in texts {
        let bad = |reason: &str| SettingError::new(format!("headers.{name}"), reason);
        if OWN.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(bad("is set by the channel itself"));
        }
        let name = HeaderName::from_bytes(name.as_bytes());
        let name = name.map_err(|_| bad("is no name of a header"))?;
        let value = HeaderValue::from_str(value);
        let mut value = value.map_err(|_| bad("has characters that no header may have"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    if let Some(token) = token {
        if headers.contains_key(AUTHORIZATION) {
            return Err(SettingError::new(
                "token",
                "stands beside headers.authorization",
            ));
        }
        let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
        let bad = |_| SettingError::new("token", "has characters that no header may have");
        let mut value = value.map_err(bad)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use crate::open::tests::refused;

    #[test]
    fn mistakes_are_named() {
        let url = "url = \"https://h/x\"\n";
        for (text, key, said) in [
            ("", "url", "missing field"),
            ("url = \"h/x\"", "url", "https://example.org"),
            ("url = \"ftp://h/x\"", "url", "neither http nor https"),
            (&format!("{url}urk = 1"), "urk", "unknown field"),
            (&format!("{url}secret = 1"), "secret", "a text in quotes"),
            (
                &format!("{url}secret = \"a\"\nsecret_file = \"b\""),
                "secret_file",
                "only one",
            ),
            (
                &format!("{url}token_file = \"none\""),
                "token_file",
                "cannot read",
            ),
            (&format!("{url}ca = \"none\""), "ca", "cannot read"),
            (
                &format!("{url}headers = {{ Host = \"x\" }}"),
                "headers.Host",
                "itself",
            ),
            (
                &format!("{url}headers = {{ \"a b\" = \"x\" }}"),
                "headers.a b",
                "no name",
            ),
            (
                &format!("{url}headers = {{ a = \"x\\n\" }}"),
                "headers.a",
                "no header may",
            ),
            (&format!("{url}token = \"x\\n\""), "token", "no header may"),
            (
                &format!("{url}token = \"x\"\nheaders = {{ Authorization = \"x\" }}"),
                "token",
                "beside",
            ),
        ] {
            refused("webhook", text, key, said);
        }
    }
}
