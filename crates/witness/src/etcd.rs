//! A witness in etcd, by its JSON gateway (etcd 3.4 and later).
//!
//! Reads are linearizable, and a write is a transaction that compares the key's `mod_revision` (0
//! while there is none). The servers are asked one after another, from the one that answered last; a
//! transaction whose answer was lost is repeated without harm, since the comparison fails then.

mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spica_model::Epoch;
use spica_settings::Secret;

use crate::address::Cluster;
use crate::client::{self, failed};
use crate::name::PairName;
use crate::register::{Entry, Register, Written, epoch_in};
use crate::{LookError, Settings, value};

/// Longest answer that is read, in bytes: a value in base64 and what stands around it.
const ANSWER_BYTES: usize = 16 * 1024;

/// The register in etcd.
#[derive(Debug)]
pub(crate) struct InEtcd {
    http: Client,
    servers: Vec<String>,
    prefix: String,
    user: Option<String>,
    token: Option<Secret>,
    /// How long one server may take, so that another gets its turn within the time-out.
    patience: Duration,
    /// The server that answered last.
    good: AtomicUsize,
}

impl InEtcd {
    pub(crate) fn new(http: Client, cluster: &Cluster, settings: &Settings) -> Self {
        let scheme = if cluster.tls { "https" } else { "http" };
        let servers = cluster.hosts.iter();
        let servers: Vec<_> = servers.map(|host| format!("{scheme}://{host}")).collect();
        let share = u32::try_from(servers.len()).unwrap_or(1).max(1);
        Self {
            http,
            servers,
            prefix: cluster.place.clone(),
            user: settings.user.clone(),
            token: settings.token.clone(),
            patience: settings.timeout.as_duration() / share,
            good: AtomicUsize::new(0),
        }
    }

    fn key(&self, pair: &PairName) -> String {
        format!("{}/{}", self.prefix, pair.key())
    }

    /// Calls one method on the first server that answers.
    async fn call<A: DeserializeOwned>(
        &self,
        method: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<A, LookError> {
        let first = self.good.load(Ordering::Relaxed);
        let mut trouble = LookError::Failed("no server is set".to_owned());
        for step in 0..self.servers.len() {
            let index = (first + step) % self.servers.len();
            let server = &self.servers[index];
            let answer = tokio::time::timeout(self.patience, self.call_at(server, method, body));
            match answer.await {
                Ok(Ok(answer)) => {
                    self.good.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                // Another server would say the same.
                Ok(Err(denied @ LookError::Denied(_))) => return Err(denied),
                Ok(Err(error)) => trouble = error,
                Err(_) => {
                    // The next question begins elsewhere, even if the time is up for this one.
                    self.good.store(index + 1, Ordering::Relaxed);
                    trouble = LookError::Failed(format!("{server} does not answer"));
                }
            }
        }
        Err(trouble)
    }

    async fn call_at<A: DeserializeOwned>(
        &self,
        server: &str,
        method: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<A, LookError> {
        let mut request = self.http.post(format!("{server}/v3/{method}")).json(body);
        if let Some(pass) = self.pass(server).await? {
            request = request.header(AUTHORIZATION, pass);
        }
        answer(server, request).await
    }

    /// What lets us in: a pass for this very question (they expire), or the token as it is.
    async fn pass(&self, server: &str) -> Result<Option<String>, LookError> {
        let (user, token) = match (&self.user, &self.token) {
            (_, None) => return Ok(None),
            (None, Some(token)) => return Ok(Some(token.expose().to_owned())),
            (Some(user), Some(token)) => (user, token),
        };
        let login = wire::Login::new(user, token);
        let url = format!("{server}/v3/auth/authenticate");
        let request = self.http.post(url).json(&login);
        let pass: wire::Pass = answer(server, request).await?;
        Ok(Some(pass.token))
    }
}

async fn answer<A: DeserializeOwned>(
    server: &str,
    request: reqwest::RequestBuilder,
) -> Result<A, LookError> {
    let response = request.send().await.map_err(|error| failed(&error))?;
    let status = response.status();
    let bytes = client::body(response, ANSWER_BYTES).await?;
    let Some(bytes) = bytes else {
        let said = format!("{server} gave an answer of more than {ANSWER_BYTES} bytes");
        return Err(LookError::Failed(said));
    };
    if status == StatusCode::OK {
        return serde_json::from_slice(&bytes).map_err(|error| {
            LookError::Failed(format!("the answer of {server} cannot be read: {error}"))
        });
    }
    let said = wire::trouble(&bytes).unwrap_or_else(|| status.to_string());
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(LookError::Denied(said)),
        // No user, or a wrong password, is an "invalid argument" to etcd.
        StatusCode::BAD_REQUEST if said.contains("auth") || said.contains("user name") => {
            Err(LookError::Denied(said))
        }
        _ => Err(LookError::Failed(format!("{server} says: {said}"))),
    }
}

#[async_trait]
impl Register for InEtcd {
    /// The key's `mod_revision`; 0 while there is none.
    type Revision = i64;

    async fn read(&self, pair: &PairName) -> Result<Entry<i64>, LookError> {
        let key = self.key(pair);
        let found: wire::Found = self.call("kv/range", &wire::Range::of(&key)).await?;
        let Some(stored) = found.kvs.into_iter().next() else {
            return Ok(Entry {
                epoch: None,
                revision: 0,
            });
        };
        let epoch = Some(epoch_in(pair, &stored.value, &format!("etcd key {key}"))?);
        Ok(Entry {
            epoch,
            revision: stored.mod_revision,
        })
    }

    async fn write(&self, pair: &PairName, epoch: Epoch, over: &i64) -> Result<Written, LookError> {
        let txn = wire::put_if(&self.key(pair), &value::write(pair, epoch), *over);
        let done: wire::Done = self.call("kv/txn", &txn).await?;
        Ok(if done.succeeded {
            Written::Yes
        } else {
            Written::Outrun
        })
    }
}
