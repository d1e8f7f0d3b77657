//! The gate: who may come by tokens, users, certificates; what they may do by the access file.
//!
//! Who it is, is decided by the first of these that the client shows: a token as its password, ours or
//! a JSON Web Token; a user name and a password; a certificate; nothing. What is shown and wrong is
//! refused, whatever else there is.

mod admit;
mod file;
mod identify;
mod scrams;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use spica_clock::SharedClock;
use spica_model::limits;
use spica_mqtt::Refused;
use spica_mqtt_access::{
    Access as AccessFile, AccessSettings, Action, Denial, Flapping, PasswordHash, Quotas,
    ReloadInfo, SettingsError, TopicRules, scram,
};
use spica_mqtt_proto::Reason;
use spica_views::Views;

use self::file::Stamps;
use self::verify::Verifier;
use crate::access::{Access, Admitted, Again, Shown, TopicRule, Who};
use crate::metrics::Metrics;

/// Whose a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The token's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The holder's role.
    pub role: String,
    /// For a device: its serial.
    pub serial: Option<String>,
}

/// The node's tokens.
pub trait Tokens: Send + Sync + 'static {
    /// Whose `token` it is.
    fn holder(&self, token: &str) -> Option<Holder>;

    /// The same of a token whose id is known.
    fn by_id(&self, id: &str) -> Option<Holder>;
}

/// What a gate is made of.
pub struct GateDeps {
    /// Users and devices.
    pub views: Arc<Views>,
    /// The tokens.
    pub tokens: Arc<dyn Tokens>,
    /// The time.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether everyone on this machine may do what an operator may. For demonstrations.
    pub open: bool,
    /// The directory from which relative paths of the settings count.
    pub base: PathBuf,
}

impl std::fmt::Debug for GateDeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GateDeps")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

/// Why there is no gate.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The access file cannot be read.
    #[error("the access file {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something is wrong in it.
    #[error("the access file {}: {}", path.display(), problems.join("; "))]
    Content {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong, with its place.
        problems: Vec<String>,
    },
    /// Something is wrong in the settings.
    #[error("mqtt.access.{0}")]
    Settings(#[from] SettingsError),
    /// The role of who shows nothing is not there.
    #[error("mqtt.access.anonymous: there is no role {0:?}; there are: {1}")]
    Anonymous(String, String),
    /// The system has no random bytes.
    #[error("the MQTT station gets no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// The settings as they stand in the configuration now.
#[derive(Debug, Clone)]
pub struct Reread {
    /// What is taken up.
    pub settings: AccessSettings,
    /// The keys of other parts that have other values than when the node was started.
    pub needs_restart: Vec<String>,
}

/// Reads the configuration again: what stands in it, or everything that is wrong with it.
pub type SettingsSource = Box<dyn Fn() -> Result<Reread, Vec<String>> + Send + Sync>;

/// What holds: the settings, and the access file that they name. All of it changes at once.
struct Held {
    settings: AccessSettings,
    topics: TopicRules,
    access: Arc<AccessFile>,
}

/// Who may come, and what they may do.
pub struct Gate {
    deps: GateDeps,
    /// Where settings are read again, if that can be.
    source: Option<SettingsSource>,
    held: RwLock<Held>,
    /// One reload at a time.
    reloading: Mutex<()>,
    /// The files that were read last, and how they looked.
    stamps: Mutex<Stamps>,
    flapping: Mutex<Flapping>,
    quotas: Mutex<Quotas>,
    verifier: Verifier,
    /// What those that are not known are asked with.
    secret: [u8; 32],
    /// A stored password that nobody has, made when it is first wanted.
    decoy: Mutex<Option<PasswordHash>>,
    generation: AtomicU64,
    start: Instant,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("file", &self.held.read().settings.file)
            .finish_non_exhaustive()
    }
}

impl Gate {
    /// Says what is wrong with the settings and the access file, before anything starts.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn check(settings: &AccessSettings, base: &Path) -> Result<(), GateError> {
        file::hold(settings, base, &mut Stamps::new()).map(drop)
    }

    /// Reads the access file.
    ///
    /// # Errors
    /// What is wrong with the settings or the file, and where.
    pub fn new(settings: &AccessSettings, deps: GateDeps) -> Result<Self, GateError> {
        let mut stamps = Stamps::new();
        let held = file::hold(settings, &deps.base, &mut stamps)?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self {
            start: deps.clock.monotonic(),
            source: None,
            held: RwLock::new(held),
            reloading: Mutex::default(),
            stamps: Mutex::new(stamps),
            flapping: Mutex::new(Flapping::new(settings.flapping.rules())),
            quotas: Mutex::new(Quotas::new(settings.quotas.rules())),
            verifier: Verifier::new()?,
            secret,
            decoy: Mutex::default(),
            generation: AtomicU64::new(0),
            deps,
        })
    }

    /// The same, which reads its settings from `source` again when it is reloaded.
    #[must_use]
    pub fn rereading(mut self, source: SettingsSource) -> Self {
        self.source = Some(source);
        self
    }

    fn access(&self) -> Arc<AccessFile> {
        Arc::clone(&self.held.read().access)
    }

    fn now(&self) -> Duration {
        let now = self.deps.clock.monotonic();
        now.saturating_duration_since(self.start)
    }

    /// Counts what a client may not do.
    fn denied(&self, action: &'static str, reason: &'static str) {
        self.deps.metrics.denied(action, reason);
    }
}

/// What the node keeps for itself and shows below `$spica`: of that, clients get what is done, and by
/// whom.
fn shown_inside(filter: &str) -> Option<bool> {
    let filter = spica_mqtt_proto::split_share(filter).map_or(filter, |(_, inner)| inner);
    let inside = filter.strip_prefix("$spica")?;
    let inside = inside.strip_prefix('/').unwrap_or_default();
    Some(inside.split('/').next() == Some("audit"))
}

impl Access for Gate {
    fn authenticate(&self, shown: Shown) -> BoxFuture<'_, Result<Admitted, Refused>> {
        Box::pin(async move { self.let_in(shown).await })
    }

    fn challenge(
        &self,
        shown: &Shown,
        method: &str,
        data: &[u8],
    ) -> Result<(scram::Server, String), Refused> {
        self.begin_exchange(shown, method, data)
    }

    fn proven(&self, shown: &Shown, user: &str) -> Result<Admitted, Refused> {
        self.end_exchange(shown, user)
    }

    fn is_stale(&self) -> bool {
        self.has_file_changed()
    }

    fn refresh(&self) -> Result<ReloadInfo, Vec<String>> {
        self.read_again(None)
    }

    fn reload(&self) -> Result<ReloadInfo, Vec<String>> {
        self.read_again(self.source.as_ref())
    }

    fn roles(&self) -> Vec<String> {
        self.access().roles().map(str::to_owned).collect()
    }

    fn again(&self, who: &Who, client_id: &str) -> Again {
        self.look_again(who, client_id)
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn may_publish(&self, who: &Who, client_id: &str, topic: &str) -> Result<TopicRule, Reason> {
        match who
            .grant
            .check(&who.seen(client_id), Action::Publish, topic)
        {
            Ok(()) => Ok(self.rule(topic)),
            Err(denial) => Err(self.refused("publish", client_id, topic, &denial)),
        }
    }

    fn rule(&self, topic: &str) -> TopicRule {
        let rule = self.held.read().topics.of(topic);
        TopicRule {
            kind: rule.kind,
            lane: rule.lane,
            lets_choose: rule.user_class,
            keeps_qos0: rule.keep_qos0,
            payload_bytes: rule.payload_bytes.unwrap_or(limits::PAYLOAD_BYTES),
        }
    }

    fn may_subscribe(&self, who: &Who, client_id: &str, filter: &str) -> Result<(), Reason> {
        let may = if shown_inside(filter) == Some(false) {
            Err(Denial::Hidden(filter.to_owned()))
        } else {
            who.grant
                .check(&who.seen(client_id), Action::Subscribe, filter)
        };
        may.map_err(|denial| self.refused("subscribe", client_id, filter, &denial))
    }
}

impl Gate {
    fn refused(&self, action: &'static str, client: &str, topic: &str, denial: &Denial) -> Reason {
        self.denied(action, denial.as_str());
        tracing::debug!(client, action, topic, %denial, "an MQTT client may not do that");
        Reason::NotAuthorized
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_node_keeps_for_itself_is_the_audit_trail_at_most() {
        for (filter, shown) in [
            ("a/#", None),
            ("#", None),
            ("$SYS/#", None),
            ("$spica/audit/#", Some(true)),
            ("$share/g/$spica/audit/x", Some(true)),
            ("$spica", Some(false)),
            ("$spica/#", Some(false)),
            ("$spica/+/tokens", Some(false)),
            ("$spica/system/tokens/#", Some(false)),
            ("$share/g/$spica/mqtt/sessions/#", Some(false)),
        ] {
            assert_eq!(shown_inside(filter), shown, "{filter}");
        }
    }
}
