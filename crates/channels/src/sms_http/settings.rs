//! What an operator may set about a gateway.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use spica_settings::{FilePath, Secret};
use toml::Table;

use super::verdict::Verdict;
use super::{Body, NAMES, SmsHttp};
use crate::error::SettingError;
use crate::http;
use crate::settings::{Context, read, required, secret};
use crate::template::{Escape, Template};

/// The longest template, in bytes.
const TEMPLATE_BYTES: usize = 8_192;
/// Most headers.
const HEADERS: usize = 20;
/// The largest pattern, compiled.
const PATTERN_BYTES: usize = 1 << 18;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: String,
    method: Option<Verb>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    content_type: Option<String>,
    escape: Option<Escaping>,
    user: Option<String>,
    password: Option<Secret>,
    password_file: Option<FilePath>,
    secret: Option<Secret>,
    secret_file: Option<FilePath>,
    success_contains: Option<String>,
    success_matches: Option<String>,
    refused_matches: Option<String>,
    ca: Option<FilePath>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Verb {
    Get,
    Post,
    Put,
}

/// How values are written into the body; by its content type if nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Escaping {
    None,
    Percent,
    Json,
    Xml,
}

/// Makes a gateway of its table.
pub(crate) fn open(table: Table, context: &Context<'_>) -> Result<SmsHttp, SettingError> {
    let settings: Settings = read(table)?;
    let base = context.base;
    let url = template("url", &settings.url)?;
    check_host(&url)?;
    let body = body(&settings)?;
    let usual = if body.is_some() {
        Verb::Post
    } else {
        Verb::Get
    };
    let method = match settings.method.unwrap_or(usual) {
        Verb::Get if body.is_some() => {
            return Err(SettingError::new(
                "method",
                "GET has no `body`; use POST or PUT",
            ));
        }
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
    };
    let headers = headers(&settings.headers)?;
    let token = secret(
        "secret",
        settings.secret.clone(),
        settings.secret_file.as_ref(),
        base,
    )?;
    let in_body = body
        .as_ref()
        .is_some_and(|body| body.template.has("secret"));
    let in_headers = headers.iter().any(|(_, template)| template.has("secret"));
    if token.is_none() && (url.has("secret") || in_body || in_headers) {
        required("secret", None)?;
    }
    Ok(SmsHttp {
        client: http::client(settings.ca.as_ref(), base)?,
        method,
        url,
        headers,
        body,
        user: user(&settings, context)?,
        secret: token,
        verdict: Verdict {
            success_contains: settings.success_contains,
            success_matches: pattern("success_matches", settings.success_matches.as_deref())?,
            refused_matches: pattern("refused_matches", settings.refused_matches.as_deref())?,
        },
        clock: Arc::clone(context.clock),
    })
}

fn template(key: &str, text: &str) -> Result<Template, SettingError> {
    if text.len() > TEMPLATE_BYTES {
        let reason = format!(
            "has {} bytes; at most {TEMPLATE_BYTES} are allowed",
            text.len()
        );
        return Err(SettingError::new(key, reason));
    }
    Template::parse(text, &NAMES).map_err(|reason| SettingError::new(key, reason))
}

/// Where a message goes must not depend on what is in it.
fn check_host(url: &Template) -> Result<(), SettingError> {
    let with = |value: &'static str| http::url("url", &url.fill(Escape::Percent, |_| value));
    let origin = |url: reqwest::Url| {
        let user = (url.username().to_owned(), url.password().map(str::to_owned));
        (url.origin(), user)
    };
    if origin(with("1")?) == origin(with("22")?) {
        return Ok(());
    }
    Err(SettingError::new(
        "url",
        "no placeholder may stand before the path",
    ))
}

fn body(settings: &Settings) -> Result<Option<Body>, SettingError> {
    let Some(text) = &settings.body else {
        return match settings.content_type {
            None => Ok(None),
            Some(_) => Err(SettingError::new(
                "content_type",
                "is of no use without `body`",
            )),
        };
    };
    let content_type = settings
        .content_type
        .as_deref()
        .unwrap_or("application/json");
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let escape = match settings.escape {
        Some(Escaping::None) => Escape::None,
        Some(Escaping::Percent) => Escape::Percent,
        Some(Escaping::Json) => Escape::Json,
        Some(Escaping::Xml) => Escape::Xml,
        None => match kind {
            "application/x-www-form-urlencoded" => Escape::Percent,
            "application/xml" | "text/xml" => Escape::Xml,
            "text/plain" => Escape::None,
            _ if kind == "application/json" || kind.ends_with("+json") => Escape::Json,
            _ if kind.ends_with("+xml") => Escape::Xml,
            _ => {
                let reason =
                    "is missing for this content_type; allowed is none, percent, json, xml";
                return Err(SettingError::new("escape", reason));
            }
        },
    };
    let bad = |_| SettingError::new("content_type", "has characters that no header may have");
    Ok(Some(Body {
        template: template("body", text)?,
        escape,
        content_type: HeaderValue::from_str(content_type).map_err(bad)?,
    }))
}

fn headers(texts: &BTreeMap<String, String>) -> Result<Vec<(HeaderName, Template)>, SettingError> {
    if texts.len() > HEADERS {
        let reason = format!("there are {}; at most {HEADERS} are allowed", texts.len());
        return Err(SettingError::new("headers", reason));
    }
    let header = |(name, text): (&String, &String)| {
        let key = format!("headers.{name}");
        let bad = |_| SettingError::new(&key, "is no name of a header");
        let known = HeaderName::from_bytes(name.as_bytes()).map_err(bad)?;
        if HeaderValue::from_str(text).is_err() {
            return Err(SettingError::new(
                key,
                "has characters that no header may have",
            ));
        }
        Ok((known, template(&key, text)?))
    };
    texts.iter().map(header).collect()
}

fn user(
    settings: &Settings,
    context: &Context<'_>,
) -> Result<Option<(String, Secret)>, SettingError> {
    let file = settings.password_file.as_ref();
    let password = secret("password", settings.password.clone(), file, context.base)?;
    match (settings.user.clone(), password) {
        (None, None) => Ok(None),
        (Some(user), password) => Ok(Some((user, required("password", password)?))),
        (None, Some(_)) => Err(SettingError::new("user", "is missing beside `password`")),
    }
}

fn pattern(key: &str, text: Option<&str>) -> Result<Option<Regex>, SettingError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let built = regex::RegexBuilder::new(text)
        .size_limit(PATTERN_BYTES)
        .build();
    let bad = |error: regex::Error| SettingError::new(key, format!("is no pattern: {error}"));
    built.map(Some).map_err(bad)
}

#[cfg(test)]
mod tests {
    use crate::open::tests::{opened, refused};

    #[test]
    fn a_gateway_is_described_by_its_table() {
        for text in [
            "url = \"https://h/s?to={to}&text={text}\"",
            "url = \"https://h/s/{to_digits}\"\nmethod = \"PUT\"\nbody = '{\"t\":\"{text}\"}'",
            "url = \"https://h/s\"\nbody = \"to={to}&t={text}&k={key}\"\n\
             content_type = \"application/x-www-form-urlencoded; charset=utf-8\"\n\
             headers = { X-Key = \"{secret}\" }\nsecret = \"hush\"\nuser = \"u\"\npassword = \"p\"",
        ] {
            assert!(opened("sms-http", text).is_ok(), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let url = "url = \"https://h/s\"\n";
        for (text, key, said) in [
            ("url = \"https://{to}/s\"", "url", "before the path"),
            ("url = \"https://h:{to}/s\"", "url", "before the path"),
            ("url = \"https://{secret}@h/s\"", "url", "before the path"),
            ("url = \"https://h/{number}\"", "url", "there are {to}"),
            ("url = \"h/s\"", "url", "https://example.org"),
            ("url = \"https://h/{secret}\"", "secret", "secret_file"),
            (
                &format!("{url}method = \"DELETE\""),
                "method",
                "unknown variant",
            ),
            (
                &format!("{url}method = \"GET\"\nbody = \"x\""),
                "method",
                "no `body`",
            ),
            (
                &format!("{url}content_type = \"text/plain\""),
                "content_type",
                "without `body`",
            ),
            (
                &format!("{url}body = \"x\"\ncontent_type = \"a/b\""),
                "escape",
                "percent",
            ),
            (
                &format!("{url}body = \"{{nobody}}\""),
                "body",
                "no placeholder",
            ),
            (
                &format!("{url}success_matches = \"(\""),
                "success_matches",
                "no pattern",
            ),
            (
                &format!("{url}refused_matches = \"a{{9999}}{{9999}}\""),
                "refused_matches",
                "no pattern",
            ),
            (&format!("{url}user = \"u\""), "password", "password_file"),
            (&format!("{url}password = \"p\""), "user", "missing"),
            (
                &format!("{url}headers = {{ \"a b\" = \"x\" }}"),
                "headers.a b",
                "no name",
            ),
        ] {
            refused("sms-http", text, key, said);
        }
        let long = format!("url = \"https://h/{}\"", "x".repeat(9_000));
        refused("sms-http", &long, "url", "at most 8192");
    }
}
