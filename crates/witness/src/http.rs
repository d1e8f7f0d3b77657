//! A witness behind HTTP: any server that honours conditional writes.
//!
//! ```text
//!  GET <url>/root.s1    200 with a strong ETag | 404
//!  PUT <url>/root.s1    If-Match: <ETag> | If-None-Match: *    2xx | 412
//! ```
//!
//! A server that ignores the conditions would grant everything to everybody. So before anything else
//! it is tried on a key of its own, `=probe`, which no pair can have.

use async_trait::async_trait;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use spica_model::Epoch;
use spica_settings::Secret;
use tokio::sync::OnceCell;

use crate::client::{self, failed};
use crate::name::PairName;
use crate::register::{Entry, Register, Written, damaged, epoch_in};
use crate::value::VALUE_BYTES;
use crate::{DamageError, LookError, value};

/// The key that the server is tried on.
const PROBE: &str = "=probe";
/// A tag that nothing has.
const NEVER: &str = "\"spica-never\"";

/// The register behind HTTP.
#[derive(Debug)]
pub(crate) struct OverHttp {
    http: Client,
    base: Url,
    token: Option<Secret>,
    /// Set once the server has shown that it honours conditions.
    tried: OnceCell<()>,
}

/// The state of an entry: its ETag, as it was given; none if there is no entry.
type Tag = Option<String>;

impl OverHttp {
    pub(crate) fn new(http: Client, base: Url, token: Option<Secret>) -> Self {
        let tried = OnceCell::new();
        Self {
            http,
            base,
            token,
            tried,
        }
    }

    fn url(&self, key: &str) -> Url {
        let mut url = self.base.clone();
        let path = format!("{}/{key}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, LookError> {
        let request = match &self.token {
            None => request,
            Some(token) => request.bearer_auth(token.expose()),
        };
        let response = request.send().await.map_err(|error| failed(&error))?;
        match response.status() {
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Err(LookError::Denied(status.to_string()))
            }
            _ => Ok(response),
        }
    }

    async fn put(&self, key: &str, body: Vec<u8>, over: &Tag) -> Result<Written, LookError> {
        let request = self.http.put(self.url(key)).body(body);
        let request = request.header(CONTENT_TYPE, "application/json");
        let request = match over {
            None => request.header(IF_NONE_MATCH, "*"),
            Some(tag) => request.header(IF_MATCH, tag),
        };
        let status = self.send(request).await?.status();
        match status {
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(Written::Yes),
            // S3 says 409 while another write is under way, and 404 for a match on nothing.
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => Ok(Written::Outrun),
            StatusCode::NOT_FOUND if over.is_some() => Ok(Written::Outrun),
            _ => Err(self.unexpected("PUT", key, status)),
        }
    }

    fn unexpected(&self, method: &str, key: &str, status: StatusCode) -> LookError {
        let url = self.url(key);
        LookError::Failed(format!("{method} {url} was answered {status}"))
    }

    /// Finds out whether the server honours conditions.
    async fn try_server(&self) -> Result<(), LookError> {
        let probe = || b"{\"probe\":true}\n".to_vec();
        self.put(PROBE, probe(), &None).await?;
        for (over, header) in [(None, "If-None-Match: *"), (Some(NEVER), "If-Match")] {
            let over = over.map(str::to_owned);
            if self.put(PROBE, probe(), &over).await? == Written::Yes {
                let base = &self.base;
                let said = format!("the server at {base} ignores {header}");
                return Err(LookError::Unfit(said));
            }
        }
        Ok(())
    }

    /// The strong ETag of an answer.
    fn tag(&self, response: &Response) -> Result<String, LookError> {
        let tag = response.headers().get(ETAG);
        match tag.and_then(|tag| tag.to_str().ok()) {
            Some(tag) if tag.starts_with('"') => Ok(tag.to_owned()),
            other => {
                let (base, other) = (&self.base, other.unwrap_or("none"));
                let said = format!("the server at {base} gives no strong ETag ({other})");
                Err(LookError::Unfit(said))
            }
        }
    }
}

#[async_trait]
impl Register for OverHttp {
    type Revision = Tag;

    async fn read(&self, pair: &PairName) -> Result<Entry<Tag>, LookError> {
        self.tried.get_or_try_init(|| self.try_server()).await?;
        let url = self.url(pair.key());
        let place = url.to_string();
        let request = self.http.get(url).header(CACHE_CONTROL, "no-cache");
        let response = self.send(request).await?;
        match response.status() {
            StatusCode::OK => {
                let revision = Some(self.tag(&response)?);
                let bytes = client::body(response, VALUE_BYTES).await?;
                let bytes = bytes.ok_or_else(|| damaged(&place, DamageError::Long))?;
                let epoch = Some(epoch_in(pair, &bytes, &place)?);
                Ok(Entry { epoch, revision })
            }
            StatusCode::NOT_FOUND => Ok(Entry {
                epoch: None,
                revision: None,
            }),
            status => Err(self.unexpected("GET", pair.key(), status)),
        }
    }

    async fn write(&self, pair: &PairName, epoch: Epoch, over: &Tag) -> Result<Written, LookError> {
        self.put(pair.key(), value::write(pair, epoch), over).await
    }
}
