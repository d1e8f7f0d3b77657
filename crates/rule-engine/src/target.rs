//! Where a sink POSTs to, and how.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use futures::stream::{FuturesOrdered, StreamExt as _};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use spica_channels::{SIGNATURE_HEADER, TIMESTAMP_HEADER, signature};
use spica_clock::Clock;
use spica_handler::ErrorKind;
use spica_rules::{Post, Sink};
use spica_settings::{FilePath, Secret};

use crate::engine::OpenError;

/// What a receiver tells a repetition by.
const KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Bytes of an answer that are read, so that its connection can be used again.
const ANSWER_BYTES: usize = 64 << 10;

/// Where and how to POST; cheap to clone.
#[derive(Clone)]
pub(crate) struct Target {
    client: Client,
    url: Url,
    token: Option<HeaderValue>,
    secret: Option<Secret>,
    pub(crate) in_flight: usize,
    /// How long one call goes on to begin POSTs.
    patience: Duration,
}

/// Why a POST was not taken, and whether it ever will be.
pub(crate) type NotTaken = (ErrorKind, String);

impl Target {
    /// The target of a sink; relative paths count from `base`, and no POST takes longer than
    /// `patience`.
    pub(crate) fn open(sink: &Sink, base: &Path, patience: Duration) -> Result<Self, OpenError> {
        let wrong = |key: &str, reason: String| OpenError::Sink {
            name: sink.name.clone(),
            key: key.to_owned(),
            reason,
        };
        let read = |key: &str, text: &Option<Secret>, file: &Option<FilePath>| {
            secret(base, text.as_ref(), file.as_ref()).map_err(|why| wrong(key, why))
        };
        let token = read("token_file", &sink.token, &sink.token_file)?;
        let token = token.map(|token| {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
            let bad = "has characters that no header may have";
            let mut value = value.map_err(|_| wrong("token", bad.to_owned()))?;
            value.set_sensitive(true);
            Ok::<_, OpenError>(value)
        });
        Ok(Self {
            client: client(sink, base, patience).map_err(|why| wrong("ca", why))?,
            url: Url::parse(&sink.url).map_err(|error| wrong("url", error.to_string()))?,
            token: token.transpose()?,
            secret: read("secret_file", &sink.secret, &sink.secret_file)?,
            in_flight: sink.in_flight,
            patience,
        })
    }

    /// POSTs all, `in_flight` at once, but for those whose key is in `taken`; each stands with the
    /// index of its record. After a failure none is begun, and what is under way is waited for: what
    /// is taken then is in `taken`, and need not be sent a second time.
    pub(crate) async fn all(
        &self,
        posts: &[(usize, &Post)],
        taken: &mut BTreeSet<String>,
        clock: &dyn Clock,
    ) -> Result<(), (usize, NotTaken)> {
        let end = clock.monotonic() + self.patience;
        let new: Vec<_> = posts
            .iter()
            .filter(|(_, post)| !taken.contains(&post.key))
            .collect();
        let mut waiting = new.into_iter();
        let mut flying = FuturesOrdered::new();
        let mut failure = None;
        loop {
            while failure.is_none()
                && flying.len() < self.in_flight
                && clock.monotonic() < end
                && let Some((at, post)) = waiting.next()
            {
                flying.push_back(async move { (*at, &post.key, self.send(post, clock).await) });
            }
            match flying.next().await {
                Some((_, key, Ok(()))) => drop(taken.insert(key.clone())),
                // They end in the order of their records: the first failure is that of the first.
                Some((at, _, Err(why))) => drop(failure.get_or_insert((at, why))),
                None => break,
            }
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        let Some((at, _)) = waiting.next() else {
            return Ok(());
        };
        let slow = "the sink is slow: more is waiting than it takes";
        Err((*at, (ErrorKind::Unavailable, slow.to_owned())))
    }

    async fn send(&self, post: &Post, clock: &dyn Clock) -> Result<(), NotTaken> {
        let key = HeaderValue::from_str(&post.key);
        let key = key.map_err(|error| (ErrorKind::Refuse, error.to_string()))?;
        let now = clock.wall().as_micros().div_euclid(1_000_000);
        let timestamp = now.to_string();
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, post.content_type)
            .header(KEY_HEADER, key)
            .header(TIMESTAMP_HEADER, &timestamp);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        if let Some(secret) = &self.secret {
            let signature = signature(secret.expose().as_bytes(), &timestamp, &post.body);
            request = request.header(SIGNATURE_HEADER, signature);
        }
        match request.body(post.body.clone()).send().await {
            Ok(response) => {
                let status = response.status();
                finish(response).await;
                taken_by(status)
            }
            Err(error) => Err((ErrorKind::Unavailable, said(error))),
        }
    }
}

/// Reads what is left of an answer, if that is little: its status has said all.
async fn finish(mut response: Response) {
    let mut bytes = 0;
    while bytes < ANSWER_BYTES
        && let Ok(Some(piece)) = response.chunk().await
    {
        bytes += piece.len();
    }
}

/// What went wrong, down to its cause; without the URL, which may hold a secret.
fn said(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

fn secret(
    base: &Path,
    text: Option<&Secret>,
    file: Option<&FilePath>,
) -> Result<Option<Secret>, String> {
    let Some(file) = file else {
        return Ok(text.cloned());
    };
    let path = file.resolve(base);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let secret = text.trim_end().parse::<Secret>();
    secret.map(Some).map_err(|error| error.to_string())
}

fn client(sink: &Sink, base: &Path, patience: Duration) -> Result<Client, String> {
    // An error says that it is installed already, which is what we want.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("spica/", env!("CARGO_PKG_VERSION")))
        .timeout(patience.min(sink.timeout.into()));
    if let Some(ca) = &sink.ca {
        let path = ca.resolve(base);
        let pem = std::fs::read(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem);
        client = client.tls_certs_only(certificates.map_err(|error| error.to_string())?);
    }
    client.build().map_err(|error| error.to_string())
}

/// What a status means. A body that is not taken as it is will never be; all else may pass.
fn taken_by(status: StatusCode) -> Result<(), NotTaken> {
    if status.is_success() {
        return Ok(());
    }
    let kind = match status {
        StatusCode::BAD_REQUEST
        | StatusCode::CONFLICT
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY => ErrorKind::Refuse,
        _ => ErrorKind::Unavailable,
    };
    Err((kind, format!("the sink answers {status}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_with_a_body_gives_it_up() {
        assert!(taken_by(StatusCode::NO_CONTENT).is_ok());
        for (status, kind) in [
            (StatusCode::UNPROCESSABLE_ENTITY, ErrorKind::Refuse),
            (StatusCode::UNAUTHORIZED, ErrorKind::Unavailable),
            (StatusCode::NOT_FOUND, ErrorKind::Unavailable),
            (StatusCode::TOO_MANY_REQUESTS, ErrorKind::Unavailable),
            (StatusCode::BAD_GATEWAY, ErrorKind::Unavailable),
        ] {
            assert_eq!(taken_by(status).unwrap_err().0, kind, "{status}");
        }
    }
}
