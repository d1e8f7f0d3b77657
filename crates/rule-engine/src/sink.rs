//! The handler that POSTs.

use std::time::Duration;

use futures::stream::{FuturesOrdered, StreamExt as _};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use spica_channels::{SIGNATURE_HEADER, TIMESTAMP_HEADER, signature};
use spica_clock::SharedClock;
use spica_handler::{ErrorKind, Factory, HandleError, Handler};
use spica_model::{Lane, Record, Seq};
use spica_rules::{Post, Sink, Want};
use spica_settings::{FilePath, Secret};

use crate::engine::{Engine, OpenError};
use crate::metrics::OfRules;
use crate::reading::Reader;

/// What a receiver tells a repetition by.
const KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// How long one call goes on to begin POSTs; what is left comes with the next. A handler that does not
/// come back for half a minute would be taken for one that hangs.
const CALL: Duration = Duration::from_secs(10);

/// Makes the handlers of a sink.
pub(crate) struct SinkFactory {
    name: String,
    number: usize,
    engine: Engine,
    target: Target,
}

/// Where and how to POST; cheap to clone.
#[derive(Clone)]
struct Target {
    client: Client,
    url: Url,
    token: Option<HeaderValue>,
    secret: Option<Secret>,
    clock: SharedClock,
    in_flight: usize,
}

impl SinkFactory {
    pub(crate) fn open(engine: &Engine, number: usize, sink: &Sink) -> Result<Self, OpenError> {
        let wrong = |key: &str, reason: String| OpenError::Sink {
            name: sink.name.clone(),
            key: key.to_owned(),
            reason,
        };
        let read = |key: &str, text: &Option<Secret>, file: &Option<FilePath>| {
            secret(engine, text.as_ref(), file.as_ref()).map_err(|why| wrong(key, why))
        };
        let token = read("token_file", &sink.token, &sink.token_file)?;
        let token = token.map(|token| {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
            let bad = "has characters that no header may have";
            let mut value = value.map_err(|_| wrong("token", bad.to_owned()))?;
            value.set_sensitive(true);
            Ok::<_, OpenError>(value)
        });
        let target = Target {
            client: client(engine, sink).map_err(|why| wrong("ca", why))?,
            url: Url::parse(&sink.url).map_err(|error| wrong("url", error.to_string()))?,
            token: token.transpose()?,
            secret: read("secret_file", &sink.secret, &sink.secret_file)?,
            clock: engine.0.clock.clone(),
            in_flight: sink.in_flight,
        };
        Ok(Self {
            name: format!("sink-{}", sink.name),
            number,
            engine: engine.clone(),
            target,
        })
    }
}

fn secret(
    engine: &Engine,
    text: Option<&Secret>,
    file: Option<&FilePath>,
) -> Result<Option<Secret>, String> {
    let Some(file) = file else {
        return Ok(text.cloned());
    };
    let path = file.resolve(&engine.0.base);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let secret = text.trim_end().parse::<Secret>();
    secret.map(Some).map_err(|error| error.to_string())
}

fn client(engine: &Engine, sink: &Sink) -> Result<Client, String> {
    // An error says that it is installed already, which is what we want.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("spica/", env!("CARGO_PKG_VERSION")))
        .timeout(sink.timeout.into());
    if let Some(ca) = &sink.ca {
        let path = ca.resolve(&engine.0.base);
        let pem = std::fs::read(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem);
        client = client.tls_certs_only(certificates.map_err(|error| error.to_string())?);
    }
    client.build().map_err(|error| error.to_string())
}

impl Factory for SinkFactory {
    fn name(&self) -> &str {
        &self.name
    }

    fn make(&self, lane: Lane) -> Result<Box<dyn Handler>, HandleError> {
        let engine = self.engine.clone();
        Ok(Box::new(SinkHandler {
            reader: engine.reader(Want::Sink(self.number)),
            metrics: engine.0.metrics.of(&self.name, &engine.0.set),
            target: self.target.clone(),
            engine,
            lane,
        }))
    }
}

struct SinkHandler {
    engine: Engine,
    reader: Reader,
    metrics: OfRules,
    target: Target,
    lane: Lane,
}

/// Why a POST was not taken, and whether it ever will be.
type NotTaken = (ErrorKind, String);

impl Handler for SinkHandler {
    fn resume(&mut self, cursor: Seq) -> Result<Seq, HandleError> {
        let standing = &*self.engine.0.standing;
        self.reader.resume(standing, self.lane, cursor);
        Ok(cursor)
    }

    fn handle(&mut self, batch: &[Record]) -> Result<(), HandleError> {
        let reading = self.reader.read(batch);
        let posts: Vec<(usize, &Post)> = reading
            .verdicts
            .iter()
            .enumerate()
            .flat_map(|(at, verdict)| verdict.posts.iter().map(move |post| (at, post)))
            .collect();
        let sent = self.engine.0.runtime.block_on(self.target.all(&posts));
        let done = match &sent {
            Ok(()) => reading.verdicts.len(),
            Err((at, _)) => *at,
        };
        for verdict in &reading.verdicts[..done] {
            self.metrics.count(verdict);
        }
        self.reader.note(&batch[..done]);
        match (sent, reading.failure) {
            (Err((at, (kind, detail))), _) => Err(HandleError { at, kind, detail }),
            (Ok(()), Some(why)) => Err(HandleError::refuse(done - 1, why)),
            (Ok(()), None) => Ok(()),
        }
    }
}

impl Target {
    /// Sends all, some at once, and says at which record it had to end. POSTs of later records may
    /// have been taken then; they are repeated with the same keys.
    async fn all(&self, posts: &[(usize, &Post)]) -> Result<(), (usize, NotTaken)> {
        let begun = self.clock.monotonic();
        let mut waiting = posts.iter();
        let mut flying = FuturesOrdered::new();
        loop {
            while flying.len() < self.in_flight
                && self.clock.monotonic().saturating_duration_since(begun) < CALL
                && let Some((at, post)) = waiting.next()
            {
                flying.push_back(async move { (*at, self.send(post).await) });
            }
            match flying.next().await {
                Some((_, Ok(()))) => {}
                Some((at, Err(why))) => return Err((at, why)),
                None => break,
            }
        }
        let Some((at, _)) = waiting.next() else {
            return Ok(());
        };
        let slow = "the sink is slow: more is waiting than it takes";
        Err((*at, (ErrorKind::Unavailable, slow.to_owned())))
    }

    async fn send(&self, post: &Post) -> Result<(), NotTaken> {
        let key = HeaderValue::from_str(&post.key);
        let key = key.map_err(|error| (ErrorKind::Refuse, error.to_string()))?;
        let now = self.clock.wall().as_micros().div_euclid(1_000_000);
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
            Ok(response) => taken(response.status()),
            // Without the URL, which may hold a secret.
            Err(error) => Err((ErrorKind::Unavailable, error.without_url().to_string())),
        }
    }
}

/// What a status means. A body that is not taken as it is will never be; all else may pass.
fn taken(status: StatusCode) -> Result<(), NotTaken> {
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
        assert!(taken(StatusCode::NO_CONTENT).is_ok());
        for (status, kind) in [
            (StatusCode::UNPROCESSABLE_ENTITY, ErrorKind::Refuse),
            (StatusCode::UNAUTHORIZED, ErrorKind::Unavailable),
            (StatusCode::NOT_FOUND, ErrorKind::Unavailable),
            (StatusCode::TOO_MANY_REQUESTS, ErrorKind::Unavailable),
            (StatusCode::BAD_GATEWAY, ErrorKind::Unavailable),
        ] {
            assert_eq!(taken(status).unwrap_err().0, kind, "{status}");
        }
    }
}
