//! The nodes that may answer, as a client asks them: Lazy Pirate.
//!
//! Of the two nodes of a pair one serves. A client knows both, asks the one that served last, and
//! goes on to the other when it does not answer or does not serve. What is known not to have been
//! done is asked again; a write whose outcome is not known is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode, Url};
use serde::Deserialize;
use tokio::time::sleep;

/// How often a pair of which no node serves yet is asked again, and how long after.
const ROUNDS: usize = 20;
const PAUSE: Duration = Duration::from_millis(250);
/// How long a node may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// What a node that does not serve says, if it does not know who does.
const PASSIVE: &str = "urn:spica:problem:passive";

/// The nodes that may answer, and with which token to ask them. Clones share which one served last.
#[derive(Debug, Clone)]
pub struct Servers {
    http: Client,
    bases: Arc<[Url]>,
    token: Option<Arc<str>>,
    preferred: Arc<AtomicUsize>,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// The method. A call that is no POST is repeated when its outcome is not known.
    pub method: Method,
    /// The path below a node's address, without a slash before, its parts escaped.
    pub path: &'a str,
    /// Names and values of the query.
    pub query: &'a [(&'a str, &'a str)],
    /// Content type and bytes.
    pub body: Option<(&'a str, Bytes)>,
}

impl<'a> Call<'a> {
    /// A GET of `path`.
    #[must_use]
    pub const fn get(path: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            method: Method::GET,
            path,
            query,
            body: None,
        }
    }
}

/// An answer, whatever it says.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Bytes,
}

/// Why there are no servers to ask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServersError {
    /// None is named.
    #[error("no server is named")]
    None,
    /// An address is none.
    #[error("{0:?} is no address of a node; one looks like http://127.0.0.1:8080")]
    Address(String),
    /// The client cannot be made.
    #[error("no HTTP client: {0}")]
    Client(String),
}

/// None of the servers answered.
#[derive(Debug, thiserror::Error)]
#[error("{server} does not answer: {source}")]
pub struct AskError {
    /// Who was asked last.
    pub server: Url,
    /// Why it is not an answer.
    pub source: reqwest::Error,
}

impl Servers {
    /// The nodes at `addresses` (`http://host:port`), of which the first is asked first. One answer
    /// may take `timeout`.
    ///
    /// # Errors
    /// If there is no address, or one is none.
    pub fn new(
        addresses: &[impl AsRef<str>],
        token: Option<&str>,
        timeout: Duration,
    ) -> Result<Self, ServersError> {
        // A provider that is installed already is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let read = |address: &str| {
            let url = Url::parse(address).ok().filter(|url| url.has_host());
            url.ok_or_else(|| ServersError::Address(address.to_owned()))
        };
        let bases = addresses.iter().map(|address| read(address.as_ref()));
        let bases: Arc<[Url]> = bases.collect::<Result<_, _>>()?;
        if bases.is_empty() {
            return Err(ServersError::None);
        }
        let client = Client::builder()
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            // Followed by hand: the token goes with them.
            .redirect(Policy::none());
        Ok(Self {
            http: client
                .build()
                .map_err(|error| ServersError::Client(error.to_string()))?,
            bases,
            token: token.map(Arc::from),
            preferred: Arc::default(),
        })
    }

    /// Their addresses.
    #[must_use]
    pub fn addresses(&self) -> &[Url] {
        &self.bases
    }

    /// Asks until one of the nodes serves: each in turn, and a pair that has not decided yet again.
    ///
    /// # Errors
    /// If none answers, or the connection broke during a POST: nobody knows then what was done.
    pub async fn ask(&self, call: &Call<'_>) -> Result<Answer, AskError> {
        for _ in 1..ROUNDS {
            match self.round(call).await {
                Ok(answer) if answer.is_passive() => sleep(PAUSE).await,
                outcome => return outcome,
            }
        }
        self.round(call).await
    }

    /// Asks each node once, until one serves.
    async fn round(&self, call: &Call<'_>) -> Result<Answer, AskError> {
        let (first, count) = (self.preferred.load(Ordering::Relaxed), self.bases.len());
        let mut last = self.at(&self.bases[first], call).await;
        for step in 1..count {
            let may_go_on = match &last {
                Ok(answer) => answer.is_passive(),
                Err(error) => error.may_go_on(call),
            };
            if !may_go_on {
                return last;
            }
            let next = self.at(&self.bases[(first + step) % count], call).await;
            // A node that is there and does not serve says more than one that is not there.
            if next.is_ok() || last.is_err() {
                last = next;
            }
        }
        last
    }

    /// Asks the node at `base`, or the active that it names.
    async fn at(&self, base: &Url, call: &Call<'_>) -> Result<Answer, AskError> {
        let (answer, active) = self.send(call.url(base), call).await?;
        // Only once: a pair whose nodes name each other has not decided.
        let (answer, served) = match active {
            Some(active) => (self.send(active.clone(), call).await?.0, active),
            None => (answer, base.clone()),
        };
        let same = |base: &Url| base.origin() == served.origin();
        if let Some(index) = self.bases.iter().position(same)
            && !answer.is_passive()
        {
            self.preferred.store(index, Ordering::Relaxed);
        }
        Ok(answer)
    }

    /// The answer, and where the active is if the node names it.
    async fn send(&self, url: Url, call: &Call<'_>) -> Result<(Answer, Option<Url>), AskError> {
        let failed = |source| AskError {
            server: url.clone(),
            source,
        };
        let mut request = self.http.request(call.method.clone(), url.clone());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some((kind, bytes)) = &call.body {
            request = request.header(CONTENT_TYPE, *kind).body(bytes.clone());
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let location = response.headers().get(LOCATION);
        let active = location
            .filter(|_| status == StatusCode::TEMPORARY_REDIRECT)
            .and_then(|location| Url::parse(location.to_str().ok()?).ok())
            // A node that was asked under TLS does not get the token sent in the clear.
            .filter(|active| active.scheme() == url.scheme() || active.scheme() == "https");
        let body = response.bytes().await.map_err(failed)?;
        Ok((Answer { status, body }, active))
    }
}

impl Call<'_> {
    fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        let path = format!("{}/{}", base.path().trim_end_matches('/'), self.path);
        url.set_path(&path);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(self.query);
        }
        url
    }
}

impl Answer {
    /// Whether the node does not serve, and nothing was done.
    fn is_passive(&self) -> bool {
        #[derive(Deserialize)]
        struct Problem<'a> {
            r#type: &'a str,
        }
        match self.status {
            // The node that it leads to does not serve either.
            StatusCode::TEMPORARY_REDIRECT => true,
            StatusCode::SERVICE_UNAVAILABLE => serde_json::from_slice::<Problem<'_>>(&self.body)
                .is_ok_and(|problem| problem.r#type == PASSIVE),
            _ => false,
        }
    }
}

impl AskError {
    /// Whether the next node may be asked: nothing can have been done, or doing it twice is no harm.
    fn may_go_on(&self, call: &Call<'_>) -> bool {
        self.source.is_connect() || call.method != Method::POST
    }
}
