//! A webhook: each message is a POST of JSON, signed.
//!
//! ```text
//!  POST <url>
//!  Content-Type: application/json
//!  Idempotency-Key: root/s1:3-17/2           the same on every attempt
//!  X-Spica-Timestamp: 1795338000             seconds, when this attempt was made
//!  X-Spica-Signature: v1=<hex>               HMAC-SHA256 over "<timestamp>.<body>"
//! ```
//!
//! What the address of a message says is in the body alone: where it goes is in the configuration.

mod body;
mod settings;
mod sign;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use spica_alerts::{Message, Outcome};
use spica_clock::SharedClock;
use spica_settings::Secret;

pub use sign::{SIGNATURE_HEADER, TIMESTAMP_HEADER, signature};

use crate::bounded::Carrier;
use crate::{answer, http};

pub(crate) use settings::open;

/// What a receiver tells a repetition by.
const KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// A webhook.
pub(crate) struct Webhook {
    client: Client,
    url: Url,
    headers: HeaderMap,
    secret: Option<Secret>,
    clock: SharedClock,
}

impl Webhook {
    async fn post(&self, message: &Message) -> Outcome {
        let Ok(key) = HeaderValue::from_str(&message.key) else {
            return answer::refused("the message's key cannot stand in a header");
        };
        let body = body::of(message);
        let now = self.clock.wall();
        let timestamp = now.as_micros().div_euclid(1_000_000).to_string();
        let mut request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(KEY_HEADER, key)
            .header(TIMESTAMP_HEADER, &timestamp);
        if let Some(secret) = &self.secret {
            let signature = signature(secret.expose().as_bytes(), &timestamp, &body);
            request = request.header(SIGNATURE_HEADER, signature);
        }
        match request.body(body).send().await {
            Err(error) => http::failed(error),
            // The body is not waited for: the status says it all.
            Ok(response) if response.status().is_success() => {
                answer::delivered(&response.status().to_string())
            }
            Ok(response) => http::refusal(response, now).await,
        }
    }
}

impl Carrier for Webhook {
    fn carry<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        self.post(message).boxed()
    }
}
