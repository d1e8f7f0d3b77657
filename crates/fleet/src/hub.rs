//! The hub's HTTP API, as far as a fleet needs it: registering devices and reading history.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, Url};
use serde::Deserialize;
use serde_json::Value;
use spica_model::Timestamp;

use crate::plan::registry_csv;

/// Devices in one import request.
const IMPORT_ROWS: usize = 2_000;
/// Records in one page of history.
const PAGE_RECORDS: usize = 1_000;
/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the hub's HTTP API is, and how to speak to it.
#[derive(Debug, Clone)]
pub struct Hub {
    base: Url,
    token: Option<String>,
    node: String,
    http: Client,
}

/// Why the hub could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The base address is none.
    #[error("{0:?} is no address of a hub; one looks like http://127.0.0.1:8080")]
    Base(String),
    /// It does not answer.
    #[error("the hub does not answer to {request}: {source}")]
    Request {
        /// What was asked.
        request: String,
        /// Why.
        source: reqwest::Error,
    },
    /// It refuses.
    #[error("the hub answers {status} to {request}: {detail}")]
    Status {
        /// What was asked.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of what it says.
        detail: String,
    },
    /// It answers something that the API does not allow.
    #[error("the hub's answer to {request} is not what the API promises: {detail}")]
    Shape {
        /// What was asked.
        request: String,
        /// What is wrong.
        detail: String,
    },
}

/// A record as the hub shows it; the fields a fleet looks at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Shown {
    /// The topic.
    pub topic: String,
    /// `critical` or `normal`.
    pub class: String,
    /// When the hub received it, RFC 3339.
    pub received: String,
    /// The device's time, RFC 3339.
    #[serde(default)]
    pub source_time: Option<String>,
    /// The payload, if it is JSON.
    #[serde(default)]
    pub value: Value,
}

#[derive(Debug, Deserialize)]
struct Page {
    records: Vec<Shown>,
    #[serde(default)]
    next: Option<String>,
    #[serde(default)]
    damaged: Vec<Value>,
    #[serde(default)]
    gaps: Vec<Value>,
}

/// What the hub said it cannot show while it showed the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holes {
    /// Ranges of its journal that it cannot read.
    pub damaged: usize,
    /// Ranges that its retention removed while it was read.
    pub gaps: usize,
}

impl std::ops::AddAssign for Holes {
    fn add_assign(&mut self, other: Self) {
        self.damaged += other.damaged;
        self.gaps += other.gaps;
    }
}

impl Hub {
    /// The hub at `base` (`http://host:port`) whose node is `node` (`root`), with a token if it
    /// wants one.
    ///
    /// # Errors
    /// If `base` is no address.
    pub fn new(base: &str, token: Option<&str>, node: &str) -> Result<Self, HubError> {
        // A provider that is installed already is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let bad = || HubError::Base(base.to_owned());
        let url = Url::parse(base).map_err(|_| bad())?;
        let http = Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .build()
            .map_err(|_| bad())?;
        let token = token.map(str::to_owned);
        Ok(Self {
            base: url,
            token,
            node: node.to_owned(),
            http,
        })
    }

    /// The topic of the hub's node.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Registers devices; says how many.
    ///
    /// # Errors
    /// If the hub refuses or does not answer. Devices of earlier requests stay registered.
    pub async fn register(&self, serials: impl Iterator<Item = String>) -> Result<usize, HubError> {
        let mut serials = serials.peekable();
        let mut count = 0;
        while serials.peek().is_some() {
            let some: Vec<String> = serials.by_ref().take(IMPORT_ROWS).collect();
            count += some.len();
            let request = self.http.post(self.url("v1/devices/import", &[])?);
            let csv = registry_csv(some.into_iter());
            self.send(request.header("content-type", "text/csv").body(csv))
                .await?;
        }
        Ok(count)
    }

    /// Queues a command for a device; `body` as the API wants it: `{"name":"take-picture"}`.
    ///
    /// # Errors
    /// If the hub refuses or does not answer.
    pub async fn command(&self, serial: &str, body: &Value) -> Result<(), HubError> {
        let url = self.url(&format!("v1/devices/{serial}/commands"), &[])?;
        self.send(self.http.post(url).json(body)).await.map(drop)
    }

    /// Hands every record to `each` whose topic fits `filter` (below the node) and that was
    /// received at `from` or later. Says what the hub could not show on the way.
    ///
    /// # Errors
    /// If the hub refuses, does not answer, or answers nonsense.
    pub async fn history(
        &self,
        filter: &str,
        from: Timestamp,
        mut each: impl FnMut(Shown),
    ) -> Result<Holes, HubError> {
        let topic = format!("{}/{filter}", self.node);
        let (from, limit) = (from.to_string(), PAGE_RECORDS.to_string());
        let (mut after, mut holes) = (None::<String>, Holes::default());
        loop {
            let mut query = vec![
                ("topic", &*topic),
                ("from", &*from),
                ("limit", &*limit),
                ("format", "json"),
            ];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let page = self.page(self.url("v1/history", &query)?).await?;
            holes.damaged += page.damaged.len();
            holes.gaps += page.gaps.len();
            page.records.into_iter().for_each(&mut each);
            after = match page.next {
                None => return Ok(holes),
                same if same == after => {
                    let detail = "a page's next cursor is its own".to_owned();
                    return Err(HubError::Shape {
                        request: topic,
                        detail,
                    });
                }
                next => next,
            };
        }
    }

    async fn page(&self, url: Url) -> Result<Page, HubError> {
        let request = url.to_string();
        let bytes = self.send(self.http.get(url)).await?.bytes().await;
        let bytes = bytes.map_err(|source| HubError::Request {
            request: request.clone(),
            source,
        })?;
        serde_json::from_slice(&bytes).map_err(|error| HubError::Shape {
            request,
            detail: error.to_string(),
        })
    }

    /// The bytes of a picture.
    ///
    /// # Errors
    /// If the hub does not have it or does not answer.
    pub async fn picture(&self, address: &str) -> Result<Vec<u8>, HubError> {
        let url = self.url(&format!("v1/pictures/{address}"), &[])?;
        let request = url.to_string();
        let bytes = self.send(self.http.get(url)).await?.bytes().await;
        Ok(bytes
            .map_err(|source| HubError::Request { request, source })?
            .to_vec())
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, HubError> {
        let mut url = self
            .base
            .join(path)
            .map_err(|_| HubError::Base(self.base.to_string()))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, HubError> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let request = request
            .build()
            .map_err(|_| HubError::Base(self.base.to_string()))?;
        let what = format!("{} {}", request.method(), request.url());
        let answer = self.http.execute(request).await;
        let answer = answer.map_err(|source| HubError::Request {
            request: what.clone(),
            source,
        })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status().as_u16();
        let detail = answer
            .text()
            .await
            .unwrap_or_default()
            .chars()
            .take(300)
            .collect();
        Err(HubError::Status {
            request: what,
            status,
            detail,
        })
    }
}
