//! What the channels over HTTP have in common: the client, what a status means, short bodies.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Certificate, Client, Response, StatusCode, Url, redirect};
use spica_alerts::Outcome;
use spica_model::Timestamp;
use spica_settings::FilePath;
use tokio::time::timeout;

use crate::answer;
use crate::error::SettingError;
use crate::tls::ca_pem;

/// A connection that a firewall has forgotten would only be noticed by an alarm that goes unanswered.
const IDLE: Duration = Duration::from_secs(5);
/// What is read of a body.
const BODY_BYTES: usize = 4_096;
/// How long a refusal's reason may take to come, once the refusal is known.
const REASON: Duration = Duration::from_secs(1);

pub(crate) fn client(ca: Option<&FilePath>, base: &Path) -> Result<Client, SettingError> {
    // An error says that it is installed already, which is what we want.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let bad = |error: reqwest::Error| SettingError::new("ca", answer::with_causes(&error));
    let mut client = Client::builder()
        // Who redirects an alarm could send it anywhere; who configured it knows where it goes.
        .redirect(redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("spica/", env!("CARGO_PKG_VERSION")))
        .pool_idle_timeout(IDLE);
    if let Some(pem) = ca_pem(ca, base)? {
        let certificates = Certificate::from_pem_bundle(pem.as_bytes()).map_err(bad)?;
        client = client.tls_certs_only(certificates);
    }
    client.build().map_err(bad)
}

/// An address of HTTP or HTTPS.
pub(crate) fn url(key: &str, text: &str) -> Result<Url, SettingError> {
    let allowed = "allowed is an address such as https://example.org/alarms";
    let bad = |why: String| SettingError::new(key, format!("{why}; {allowed}"));
    let url = Url::parse(text).map_err(|error| bad(error.to_string()))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(bad(format!("{other:?} is neither http nor https"))),
    }
}

/// An error before there was an answer. It is said without the URL, which may hold a secret.
pub(crate) fn failed(error: reqwest::Error) -> Outcome {
    answer::retry(&answer::with_causes(&error.without_url()))
}

/// What a status that is no success means.
pub(crate) async fn refusal(response: Response, now: Timestamp) -> Outcome {
    let status = response.status();
    let after = retry_after(response.headers(), now);
    let reason = timeout(REASON, body(response)).await;
    let said = match reason {
        Ok(Ok(reason)) if !reason.trim().is_empty() => format!("{status}: {reason}"),
        _ => status.to_string(),
    };
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            answer::retry_after(&said, after)
        }
        _ if status.is_server_error() => answer::retry_after(&said, after),
        _ if status.is_redirection() => answer::refused(&format!(
            "{status}: redirects are not followed; correct the url"
        )),
        _ => answer::refused(&said),
    }
}

/// The beginning of a body, as text.
pub(crate) async fn body(mut response: Response) -> Result<String, reqwest::Error> {
    let mut bytes = Vec::new();
    while bytes.len() < BODY_BYTES
        && let Some(chunk) = response.chunk().await?
    {
        let room = BODY_BYTES - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The pause that the server asks for, in seconds or until a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let until = until.duration_since(std::time::UNIX_EPOCH).ok()?;
    let until = Timestamp::from_micros(i64::try_from(until.as_micros()).ok()?);
    Some(until.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_read_as_seconds_or_dates() {
        // 2015-10-21T07:28:00Z
        let now = Timestamp::from_secs(1_445_412_480);
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        let date = "Wed, 21 Oct 2015 07:28:30 GMT";
        assert_eq!(read(date), Some(Duration::from_secs(30)));
        let past = "Wed, 21 Oct 2015 07:27:30 GMT";
        assert_eq!(read(past), Some(Duration::ZERO));
        for text in ["", "soon", "-1", "1.5"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn addresses_are_of_http() {
        assert!(url("url", "https://example.org/x").is_ok());
        for text in ["", "example.org", "ftp://example.org", "https://"] {
            let error = url("url", text).unwrap_err();
            assert!(
                error.reason.contains("https://example.org/alarms"),
                "{}",
                error.reason
            );
        }
    }
}
