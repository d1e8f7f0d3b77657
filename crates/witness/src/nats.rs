//! A witness in a NATS key/value bucket.
//!
//! Reads may come from a replica that lags; a write names the revision that was read, and the stream's
//! leader refuses it if there is a newer one.
//!
//! Not checked, since a client cannot see it: when the servers flush. By default NATS acknowledges
//! first and flushes within two minutes; a witness wants `sync_interval: always`.

use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::kv::{Operation, Store, UpdateErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use async_nats::{Client, ConnectOptions, ServerInfo, jetstream};
use async_trait::async_trait;
use spica_model::Epoch;
use spica_settings::Secret;
use tokio::sync::OnceCell;

use crate::address::Cluster;
use crate::name::PairName;
use crate::register::{Entry, Register, Written, epoch_in};
use crate::{LookError, Settings, value};

/// Replicas of a bucket that is made in a cluster.
const REPLICAS: usize = 3;
/// Longest pause between two attempts to connect again.
const PAUSE: Duration = Duration::from_millis(500);
/// The oldest server that does not lose streams when it crashes.
const SOUND: (i64, i64, i64) = (2, 10, 23);

/// The register in NATS.
#[derive(Debug)]
pub(crate) struct InNats {
    cluster: Cluster,
    user: Option<String>,
    token: Option<Secret>,
    ca: Option<std::path::PathBuf>,
    timeout: Duration,
    connected: OnceCell<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    client: Client,
    store: Store,
}

impl InNats {
    pub(crate) fn new(cluster: Cluster, settings: &Settings) -> Self {
        // An error says that it is installed already, which is what we want.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Self {
            cluster,
            user: settings.user.clone(),
            token: settings.token.clone(),
            ca: settings.ca.as_ref().map(|ca| ca.as_path().to_owned()),
            timeout: settings.timeout.as_duration(),
            connected: OnceCell::new(),
        }
    }

    /// The bucket, on a connection that stands. The first call connects; later on the client does by
    /// itself, and what is asked meanwhile is not kept for later.
    async fn store(&self) -> Result<&Store, LookError> {
        let bucket = self.connected.get_or_try_init(|| self.connect()).await?;
        match bucket.client.connection_state() {
            State::Connected => Ok(&bucket.store),
            _ => Err(LookError::Failed(
                "the connection to NATS is down".to_owned(),
            )),
        }
    }

    async fn connect(&self) -> Result<Bucket, LookError> {
        let client = self.options().connect(&self.cluster.hosts[..]).await;
        let client = client.map_err(|error| match error.kind() {
            async_nats::ConnectErrorKind::AuthorizationViolation => {
                LookError::Denied(error.to_string())
            }
            _ => LookError::failed(&error),
        })?;
        let server = client.server_info();
        if !client.is_server_compatible(SOUND.0, SOUND.1, SOUND.2) {
            let version = server.version.as_str();
            tracing::warn!(
                version,
                "this NATS server can lose what it has acknowledged when it crashes; a witness wants \
                 2.10.23 or later with `sync_interval: always`"
            );
        }
        let context = jetstream::new(client.clone());
        let store = match context.get_key_value(&self.cluster.place).await {
            Ok(store) => store,
            Err(_) => self.make_bucket(&context, &server).await?,
        };
        must_keep(&store).await?;
        Ok(Bucket { client, store })
    }

    fn options(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new()
            .name("spica-witness")
            .connection_timeout(self.timeout)
            .request_timeout(Some(self.timeout))
            .require_tls(self.cluster.tls)
            .reconnect_delay_callback(|attempts| {
                let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
                Duration::from_millis(50)
                    .saturating_mul(attempts)
                    .min(PAUSE)
            });
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone());
        }
        match (&self.user, &self.token) {
            (Some(user), Some(token)) => {
                options.user_and_password(user.clone(), token.expose().to_owned())
            }
            (None, Some(token)) => options.token(token.expose().to_owned()),
            (_, None) => options,
        }
    }

    async fn make_bucket(
        &self,
        context: &jetstream::Context,
        server: &ServerInfo,
    ) -> Result<Store, LookError> {
        let bucket = self.cluster.place.as_str();
        let num_replicas = if server.cluster.is_some() {
            REPLICAS
        } else {
            1
        };
        tracing::info!(bucket, num_replicas, "making the witness's bucket");
        let made = context.create_stream(config(bucket, num_replicas)).await;
        made.map_err(|error| LookError::failed(&error))?;
        let store = context.get_key_value(bucket).await;
        store.map_err(|error| LookError::failed(&error))
    }
}

/// What a bucket is to NATS. The library's own way to make one needs a server of 2.10.
fn config(bucket: &str, num_replicas: usize) -> Config {
    Config {
        name: format!("KV_{bucket}"),
        description: Some("The newest epoch of each Spica pair. Neither expire nor delete.".into()),
        subjects: vec![format!("$KV.{bucket}.>")],
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        ..Config::default()
    }
}

/// A bucket that forgets would grant to a stale node.
async fn must_keep(store: &Store) -> Result<(), LookError> {
    let status = store.status().await;
    let config = status
        .map_err(|error| LookError::failed(&error))?
        .info
        .config;
    let bucket = &store.name;
    if !config.max_age.is_zero() {
        let said = format!("the bucket {bucket} forgets after {:?}", config.max_age);
        return Err(LookError::Unfit(said));
    }
    if config.storage != StorageType::File {
        let said = format!("the bucket {bucket} is kept in memory only");
        return Err(LookError::Unfit(said));
    }
    let limited = config.max_messages > 0 || config.max_bytes > 0;
    if limited && config.discard == DiscardPolicy::Old {
        let said = format!("the bucket {bucket} drops old keys when it is full");
        return Err(LookError::Unfit(said));
    }
    Ok(())
}

#[async_trait]
impl Register for InNats {
    /// The key's revision; 0 before the first.
    type Revision = u64;

    async fn read(&self, pair: &PairName) -> Result<Entry<u64>, LookError> {
        let entry = self.store().await?.entry(pair.key()).await;
        let Some(entry) = entry.map_err(|error| LookError::failed(&error))? else {
            return Ok(Entry {
                epoch: None,
                revision: 0,
            });
        };
        let epoch = match entry.operation {
            Operation::Put => {
                let place = format!("NATS key {} of {}", pair.key(), self.cluster.place);
                Some(epoch_in(pair, &entry.value, &place)?)
            }
            // An operator has made the witness forget.
            Operation::Delete | Operation::Purge => None,
        };
        let revision = entry.revision;
        Ok(Entry { epoch, revision })
    }

    async fn write(&self, pair: &PairName, epoch: Epoch, over: &u64) -> Result<Written, LookError> {
        let bytes = value::write(pair, epoch).into();
        let updated = self.store().await?.update(pair.key(), bytes, *over).await;
        match updated {
            Ok(_) => Ok(Written::Yes),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(Written::Outrun),
            Err(error) => Err(LookError::failed(&error)),
        }
    }
}
