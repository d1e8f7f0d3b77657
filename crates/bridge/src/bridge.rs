//! A bridge, ready to run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use spica_clock::SharedClock;
use spica_handler::{Factory, TroubleSink};
use spica_journal::{CursorError, SharedJournal};
use spica_model::{Lane, Topic, TopicError};
use spica_mqtt_client::{Backoff, QoS, Settings as ClientSettings};
use spica_settings::Secret;
use tokio::runtime::Handle;

use crate::config::Settings;
use crate::map::Mapping;
use crate::metrics::{Metrics, OfBridge};
use crate::outward::OutFactory;
use crate::{inward, route, tls};

/// Seconds that the other side keeps a session of ours: as long as a node may be away.
const SESSION_SECS: u32 = 24 * 3_600;
/// The longest pause between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(5);

/// What `state` topics say.
pub trait Standing: Send + Sync + 'static {
    /// Whether a topic has a value.
    fn is_set(&self, topic: &Topic) -> bool;
}

/// What a bridge works with.
#[derive(Clone)]
pub struct Parts {
    /// What goes out comes from here, and what comes in goes here.
    pub journal: SharedJournal,
    /// What `state` topics say.
    pub standing: Arc<dyn Standing>,
    /// Time.
    pub clock: SharedClock,
    /// The node's own topic.
    pub node: Topic,
    /// Where connections run.
    pub runtime: Handle,
    /// Relative paths in the settings count from here.
    pub base: PathBuf,
    /// Where it is told that a bridge is down.
    pub troubles: Arc<dyn TroubleSink>,
    /// When a handler that does not come back is taken for one that hangs.
    pub hang_after: Duration,
    /// Where it counts.
    pub metrics: Metrics,
}

/// Why a bridge cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting is wrong.
    #[error("bridge {name:?}: {key}: {reason}")]
    Setting {
        /// The bridge.
        name: String,
        /// Which setting.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The node's path is too long.
    #[error("the node's path leaves no room for the topics of bridges: {0}")]
    Topic(#[from] TopicError),
    /// The place that it begins at cannot be kept.
    #[error("the place at which a bridge begins cannot be kept: {0}")]
    Cursor(#[from] CursorError),
}

/// A bridge, ready to run; cheap to clone.
#[derive(Clone)]
pub struct Bridge(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) name: String,
    pub(crate) out: Vec<(Mapping, QoS)>,
    pub(crate) inward: Vec<(Mapping, QoS, Lane)>,
    pub(crate) parts: Parts,
    pub(crate) metrics: OfBridge,
    /// The node as messages name it.
    pub(crate) here: String,
    client: ClientSettings,
}

impl Bridge {
    /// A bridge that works with `parts`.
    ///
    /// # Errors
    /// If a setting is wrong, or a file cannot be used.
    pub fn open(settings: &Settings, parts: Parts) -> Result<Self, OpenError> {
        let wrong = |(key, reason): (String, String)| OpenError::Setting {
            name: settings.name.clone(),
            key,
            reason,
        };
        let (out, inward) = settings.mappings().map_err(wrong)?;
        let tls = settings.tls.as_ref();
        let tls = tls.map(|tls| tls::client(tls, &parts.base)).transpose();
        let client = ClientSettings {
            servers: settings.servers.clone(),
            tls: tls.map_err(|(key, reason)| wrong((key.to_owned(), reason)))?,
            version: settings.version.into(),
            user: settings.user.clone(),
            password: password(settings, &parts).map_err(wrong)?,
            session_expiry_secs: SESSION_SECS,
            keep_alive_secs: 20,
            reconnect: Some(Backoff {
                longest: PAUSE,
                ..Backoff::default()
            }),
            ..ClientSettings::default()
        };
        let out = out.into_iter().zip(&settings.out);
        let inward = inward.into_iter().zip(&settings.inward);
        Ok(Self(Arc::new(Inner {
            name: settings.name.clone(),
            out: out.map(|(map, it)| (map, it.qos.into())).collect(),
            inward: inward
                .map(|(map, it)| (map, it.qos.into(), it.lane.into()))
                .collect(),
            metrics: parts.metrics.of(&settings.name),
            here: route::named(parts.node.as_str()),
            parts,
            client,
        })))
    }

    /// The handler of what goes out, if anything does. One that is new begins with what comes from now
    /// on.
    ///
    /// # Errors
    /// If its place cannot be kept.
    pub fn factory(&self) -> Result<Option<Arc<dyn Factory>>, OpenError> {
        if self.0.out.is_empty() {
            return Ok(None);
        }
        let factory = OutFactory::new(self.clone());
        let Parts {
            journal, standing, ..
        } = &self.0.parts;
        let noted = format!("handlers/{}/place", factory.name());
        if !standing.is_set(&self.0.parts.node.join(&noted)?) {
            for lane in Lane::ALL {
                let durable = journal.status(lane).durable;
                let cursor = format!("{}-{lane}", factory.name());
                journal.open_cursor(&cursor, lane, durable)?;
            }
        }
        Ok(Some(Arc::new(factory)))
    }

    /// The bridge's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether anything comes in.
    #[must_use]
    pub fn takes_in(&self) -> bool {
        !self.0.inward.is_empty()
    }

    /// Takes in what the other side has, until the journal takes nothing any more. To be dropped when
    /// the node does not serve any longer: what is not acknowledged comes again.
    pub async fn take_in(self) {
        // A lane that is full does not delay the other one.
        tokio::select! {
            () = inward::run(&self, Lane::Critical) => {}
            () = inward::run(&self, Lane::Normal) => {}
        }
    }

    /// How a connection for `role` is made.
    pub(crate) fn client(&self, role: &str) -> ClientSettings {
        let node = self.0.parts.node.as_str().replace('/', "-");
        ClientSettings {
            client_id: format!("{node}-{}-{role}", self.0.name),
            ..self.0.client.clone()
        }
    }

    /// What records say who came in by this bridge.
    pub(crate) fn cause(&self) -> String {
        format!("bridge:{}", self.0.name)
    }
}

fn password(settings: &Settings, parts: &Parts) -> Result<Option<Secret>, (String, String)> {
    let Some(file) = &settings.password_file else {
        return Ok(settings.password.clone());
    };
    let path = file.resolve(&parts.base);
    let wrong = |reason: String| ("password_file".to_owned(), reason);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| wrong(format!("cannot read {}: {error}", path.display())))?;
    let secret = text.trim_end().parse();
    secret
        .map(Some)
        .map_err(|error: spica_settings::ParseSecretError| wrong(error.to_string()))
}
