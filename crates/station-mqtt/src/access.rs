//! Who may come, and what they may do: what the station asks of whoever knows.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use spica_front::ClientCertificate;
use spica_model::{Kind, Lane};
use spica_mqtt::Refused;
use spica_mqtt_access::{Bearer, Grant, Meters, ReloadInfo, scram};
use spica_mqtt_proto::Reason;

/// How a client has proven who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nobody asked: the node is open.
    Open,
    /// Not at all.
    Anonymous,
    /// By the token with this id.
    Token(Box<str>),
    /// By a JSON Web Token, which says this of its holder.
    Bearer(Arc<Bearer>),
    /// As the user that it is called: by a password, or a certificate.
    User,
    /// As the device whose serial it has: by a certificate.
    Device,
}

/// Who is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Under what name, if any.
    pub user: Option<Box<str>>,
    /// What they may do.
    pub grant: Grant,
    /// Whose device.
    pub serial: Option<Box<str>>,
    /// Where from.
    pub remote: SocketAddr,
    /// How that is known.
    pub proof: Proof,
}

impl Who {
    /// The same as rules see it.
    #[must_use]
    pub fn seen<'a>(&'a self, client: &'a str) -> spica_mqtt_access::Who<'a> {
        spica_mqtt_access::Who {
            client,
            user: self.user.as_deref(),
            serial: self.serial.as_deref(),
            source: self.remote.ip(),
        }
    }
}

/// What a client shows.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its id, or the one that it is given.
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

/// A client that may come.
#[derive(Debug)]
pub struct Admitted {
    /// Who it is.
    pub who: Arc<Who>,
    /// What it is counted on; kept as long as it is connected. None without limits.
    pub meters: Option<Box<Meters>>,
}

/// What has become of a client that was let in.
#[derive(Debug)]
pub enum Again {
    /// Nothing.
    Same,
    /// It may do other things now.
    Changed(Arc<Who>),
    /// It would not be let in any more.
    Gone,
    /// The time is over for which it was let in.
    Expired,
}

/// What becomes of a publish to a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicRule {
    /// The kind of its records; none: state if it is retained, or else event.
    pub kind: Option<Kind>,
    /// The lane of its records.
    pub lane: Lane,
    /// Whether a publisher may choose the critical lane.
    pub lets_choose: bool,
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
    fn authenticate(&self, shown: Shown) -> BoxFuture<'_, Result<Admitted, Refused>>;

    /// Begins an exchange by which the client proves that it knows a password: what it is to be sent.
    ///
    /// # Errors
    /// If the method is not offered, or what it says is no beginning.
    fn challenge(
        &self,
        shown: &Shown,
        method: &str,
        data: &[u8],
    ) -> Result<(scram::Server, String), Refused>;

    /// Lets in a client that has proven to be `user`.
    ///
    /// # Errors
    /// Why it is turned away.
    fn proven(&self, shown: &Shown, user: &str) -> Result<Admitted, Refused>;

    /// What has become of a client that was let in.
    fn again(&self, who: &Who, client_id: &str) -> Again;

    /// Changes whenever [`Self::again`] may say something else for many.
    fn generation(&self) -> u64;

    /// Whether what it reads to decide has changed.
    fn is_stale(&self) -> bool;

    /// Reads it again.
    ///
    /// # Errors
    /// What is wrong with it, and where; what was before holds on.
    fn refresh(&self) -> Result<ReloadInfo, Vec<String>>;

    /// Reads it again, and the settings before: what an operator asks for.
    ///
    /// # Errors
    /// What is wrong with them, and where; what was before holds on.
    fn reload(&self) -> Result<ReloadInfo, Vec<String>>;

    /// The roles that a user may have.
    fn roles(&self) -> Vec<String>;

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
