//! The HTTP interface of a running node, as the commands use it.

use anyhow::{Context, Result, anyhow};
use reqwest::{Method, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::Hub;

/// A client of one node.
pub(crate) struct Api {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
}

impl Api {
    /// A client of the node that the command line names.
    ///
    /// # Errors
    /// If the URL cannot be read.
    pub(crate) fn new(hub: &Hub) -> Result<Self> {
        let base = Url::parse(&hub.url).with_context(|| format!("{:?} is no URL", hub.url))?;
        let http = reqwest::Client::builder().build()?;
        Ok(Self {
            http,
            base,
            token: hub.token.clone(),
        })
    }

    fn url(&self, segments: &[&str]) -> Result<Url> {
        let mut url = self.base.clone();
        let mut path = url
            .path_segments_mut()
            .map_err(|()| anyhow!("the URL has no path"))?;
        path.pop_if_empty().push("v1").extend(segments);
        drop(path);
        Ok(url)
    }

    async fn send(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Response> {
        let mut url = self.url(segments)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some((content_type, bytes)) = body {
            request = request.header("content-type", content_type).body(bytes);
        }
        let response = request.send().await.with_context(|| {
            format!(
                "no node answers at {} (is `spica serve` running? see --url)",
                self.base
            )
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(response).await)
    }

    /// GETs JSON.
    ///
    /// # Errors
    /// If nobody answers, or the node refuses.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T> {
        Ok(self
            .send(Method::GET, segments, query, None)
            .await?
            .json()
            .await?)
    }

    /// POSTs JSON and reads JSON.
    ///
    /// # Errors
    /// If nobody answers, or the node refuses.
    pub(crate) async fn post(&self, segments: &[&str], body: &Value) -> Result<Value> {
        let bytes = serde_json::to_vec(body)?;
        self.write(Method::POST, segments, Some(("application/json", bytes)))
            .await
    }

    /// PUTs JSON and reads JSON.
    ///
    /// # Errors
    /// If nobody answers, or the node refuses.
    pub(crate) async fn put(&self, segments: &[&str], body: &Value) -> Result<Value> {
        let bytes = serde_json::to_vec(body)?;
        self.write(Method::PUT, segments, Some(("application/json", bytes)))
            .await
    }

    /// POSTs bytes of another type and reads JSON.
    ///
    /// # Errors
    /// If nobody answers, or the node refuses.
    pub(crate) async fn upload(
        &self,
        segments: &[&str],
        kind: &str,
        bytes: Vec<u8>,
    ) -> Result<Value> {
        self.write(Method::POST, segments, Some((kind, bytes)))
            .await
    }

    /// DELETEs.
    ///
    /// # Errors
    /// If nobody answers, or the node refuses.
    pub(crate) async fn delete(&self, segments: &[&str]) -> Result<()> {
        self.send(Method::DELETE, segments, &[], None)
            .await
            .map(drop)
    }

    async fn write(
        &self,
        method: Method,
        segments: &[&str],
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Value> {
        let bytes = self
            .send(method, segments, &[], body)
            .await?
            .bytes()
            .await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&bytes)?)
    }
}

/// What the node says about a request it refused (RFC 9457).
async fn refusal(response: Response) -> anyhow::Error {
    let status = response.status();
    let problem: Value = response.json().await.unwrap_or_default();
    let text = |key: &str| {
        problem
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (title, detail) = (text("title"), text("detail"));
    match (title.is_empty(), status.as_u16()) {
        (_, 401) => anyhow!("the node wants a valid token (--token or SPICA_TOKEN): {detail}"),
        (true, _) => anyhow!("the node answered {status}"),
        (false, _) => anyhow!("{title}: {detail}"),
    }
}
