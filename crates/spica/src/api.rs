//! The HTTP interface of a running node, as the commands use it. Of a pair, whichever node serves
//! is asked; a passive that leads to the active is followed, with the token.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;
use spica_fleet::{Answer, Call, Servers};

use crate::cli::Hub;

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A client of one node, or of a pair.
pub(crate) struct Api {
    servers: Servers,
}

impl Api {
    /// A client of the nodes that the command line names.
    ///
    /// # Errors
    /// If an address cannot be read.
    pub(crate) fn new(hub: &Hub) -> Result<Self> {
        let servers = Servers::new(&hub.servers, hub.token.as_deref(), TIMEOUT)?;
        Ok(Self { servers })
    }

    async fn send(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Answer> {
        let path = path(segments)?;
        let call = Call {
            method,
            path: &path,
            query,
            body: body.map(|(kind, bytes)| (kind, bytes.into())),
        };
        let answer = self
            .servers
            .ask(&call)
            .await
            .context("no node answers (is `spica serve` running? see --server)")?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(refusal(&answer))
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
        let answer = self.send(Method::GET, segments, query, None).await?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// GETs text.
    ///
    /// # Errors
    /// If nobody answers, or the node refuses.
    pub(crate) async fn text(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<String> {
        let answer = self.send(Method::GET, segments, query, None).await?;
        Ok(String::from_utf8(answer.body.to_vec())?)
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
        let bytes = self.send(method, segments, &[], body).await?.body;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&bytes)?)
    }
}

/// The path below a node's address, its parts escaped.
fn path(segments: &[&str]) -> Result<String> {
    let mut url = Url::parse("http://node/v1")?;
    url.path_segments_mut()
        .map_err(|()| anyhow!("the URL has no path"))?
        .extend(segments);
    Ok(url.path().trim_start_matches('/').to_owned())
}

/// What the node says about a request it refused (RFC 9457).
fn refusal(answer: &Answer) -> anyhow::Error {
    let status = answer.status;
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_path_are_escaped() {
        let path = path(&["devices", "a/b c", "commands"]).unwrap();
        assert_eq!(path, "v1/devices/a%2Fb%20c/commands");
    }
}
