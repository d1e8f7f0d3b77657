//! Who may come, and what they may do: what the station asks of the node.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use spica_front::ClientCertificate;
use spica_model::{Kind, Lane};
use spica_mqtt_proto::Reason;

/// Who is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Under what name, if any.
    pub user: Option<Box<str>>,
    /// What they are, for [`Access`] to know again.
    pub rights: Arc<[Box<str>]>,
    /// Whose device.
    pub serial: Option<Box<str>>,
}

/// What a client shows.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its id; empty if it has none yet.
    pub client_id: String,
    /// User name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Vec<u8>>,
    /// Its certificate.
    pub certificate: Option<Box<ClientCertificate>>,
    /// Where it dials from.
    pub remote: SocketAddr,
}

/// What becomes of a publish to a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicRule {
    /// Whether each publish sets the topic's state, retained or not.
    pub kind: Kind,
    /// The lane of its records.
    pub lane: Lane,
    /// Whether publishes of QoS 0 are recorded.
    pub keeps_qos0: bool,
    /// The longest payload.
    pub payload_bytes: usize,
}

/// Who may come, and what they may do.
pub trait Access: Send + Sync + 'static {
    /// Who it is.
    ///
    /// # Errors
    /// Why it is turned away.
    fn authenticate(&self, shown: Shown) -> BoxFuture<'_, Result<Who, Reason>>;

    /// What becomes of a publish.
    ///
    /// # Errors
    /// Why it is refused.
    fn may_publish(&self, who: &Who, client_id: &str, topic: &str) -> Result<TopicRule, Reason>;

    /// What becomes of a publish by whoever may.
    fn rule(&self, topic: &str) -> TopicRule;

    /// Whether the filter may be subscribed to.
    ///
    /// # Errors
    /// Why not.
    fn may_subscribe(&self, who: &Who, client_id: &str, filter: &str) -> Result<(), Reason>;
}

/// Access that is shared by the connections.
pub type SharedAccess = Arc<dyn Access>;

/// Everything is allowed, but what the node keeps for itself: for demonstrations and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open;

impl Access for Open {
    fn authenticate(&self, shown: Shown) -> BoxFuture<'_, Result<Who, Reason>> {
        Box::pin(std::future::ready(Ok(Who {
            user: shown.user.map(Into::into),
            rights: Arc::new([]),
            serial: None,
        })))
    }

    fn may_publish(&self, _: &Who, _: &str, topic: &str) -> Result<TopicRule, Reason> {
        if crate::mount::is_reserved(topic) {
            return Err(Reason::NotAuthorized);
        }
        Ok(self.rule(topic))
    }

    fn rule(&self, _: &str) -> TopicRule {
        TopicRule {
            kind: Kind::Event,
            lane: Lane::Normal,
            keeps_qos0: true,
            payload_bytes: spica_model::limits::PAYLOAD_BYTES,
        }
    }

    fn may_subscribe(&self, _: &Who, _: &str, _: &str) -> Result<(), Reason> {
        Ok(())
    }
}
