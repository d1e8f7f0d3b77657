//! The hub's HTTP API, as far as a fleet needs it: registering devices and reading history.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use spica_model::Timestamp;

use crate::plan::registry_csv;
use crate::servers::{AskError, Call, Servers, ServersError};

/// Devices in one import request.
const IMPORT_ROWS: usize = 2_000;
/// Records in one page of history.
const PAGE_RECORDS: usize = 1_000;
/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the hub's HTTP API is, and how to speak to it. Of a pair, to whichever node serves.
#[derive(Debug, Clone)]
pub struct Hub {
    servers: Servers,
    node: String,
}

/// Why the hub could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// There is nobody to ask.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// It does not answer.
    #[error("the hub does not answer to {request}: {source}")]
    Request {
        /// What was asked.
        request: String,
        /// Why.
        source: AskError,
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
        Self::of_pair(&[base], token, node)
    }

    /// The same, of which several nodes may answer: the two of a pair.
    ///
    /// # Errors
    /// If there is no address, or one is none.
    pub fn of_pair(
        bases: &[impl AsRef<str>],
        token: Option<&str>,
        node: &str,
    ) -> Result<Self, HubError> {
        Ok(Self {
            servers: Servers::new(bases, token, REQUEST_TIMEOUT)?,
            node: node.to_owned(),
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
            let csv = registry_csv(some.into_iter());
            self.post("v1/devices/import", "text/csv", csv.into())
                .await?;
        }
        Ok(count)
    }

    /// Queues a command for a device; `body` as the API wants it: `{"name":"take-picture"}`.
    ///
    /// # Errors
    /// If the hub refuses or does not answer.
    pub async fn command(&self, serial: &str, body: &Value) -> Result<(), HubError> {
        let path = format!("v1/devices/{serial}/commands");
        self.post(&path, "application/json", body.to_string().into())
            .await
            .map(drop)
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
            let page = self.page(&query).await?;
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

    async fn page(&self, query: &[(&str, &str)]) -> Result<Page, HubError> {
        let call = Call::get("v1/history", query);
        let bytes = self.send(&call).await?;
        serde_json::from_slice(&bytes).map_err(|error| HubError::Shape {
            request: name(&call),
            detail: error.to_string(),
        })
    }

    /// The bytes of a picture.
    ///
    /// # Errors
    /// If the hub does not have it or does not answer.
    pub async fn picture(&self, address: &str) -> Result<Vec<u8>, HubError> {
        let path = format!("v1/pictures/{address}");
        Ok(self.send(&Call::get(&path, &[])).await?.to_vec())
    }

    async fn post(&self, path: &str, kind: &str, bytes: Bytes) -> Result<Bytes, HubError> {
        self.send(&Call {
            method: Method::POST,
            path,
            query: &[],
            body: Some((kind, bytes)),
        })
        .await
    }

    async fn send(&self, call: &Call<'_>) -> Result<Bytes, HubError> {
        let answer = self.servers.ask(call).await;
        let answer = answer.map_err(|source| HubError::Request {
            request: name(call),
            source,
        })?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let said = String::from_utf8_lossy(&answer.body);
        Err(HubError::Status {
            request: name(call),
            status: answer.status.as_u16(),
            detail: said.chars().take(300).collect(),
        })
    }
}

fn name(call: &Call<'_>) -> String {
    let query: Vec<String> = call.query.iter().map(|(k, v)| format!("{k}={v}")).collect();
    format!("{} {} {}", call.method, call.path, query.join("&"))
        .trim_end()
        .to_owned()
}
