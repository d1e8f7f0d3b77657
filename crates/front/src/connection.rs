//! An admitted connection's place among all, and what the connections of a station share.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use spica_admission::{Offence, Refusal, Slot};

use crate::front::{FrontDeps, Rules};
use crate::metrics::{Metrics, count};
use crate::stop::Stop;

/// What the connections of a station share.
pub(crate) struct Core {
    pub(crate) deps: FrontDeps,
    pub(crate) rules: Rules,
    pub(crate) stop: Stop,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("rules", &self.rules)
            .field("stop", &self.stop.phase())
            .finish_non_exhaustive()
    }
}

impl Core {
    pub(crate) const fn metrics(&self) -> &Metrics {
        &self.deps.metrics
    }

    pub(crate) fn is_balancer(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.rules.balancers.iter().any(|net| net.contains(&ip))
    }
}

/// An admitted connection: it gives its slot back and counts itself out when it ends, however it
/// ends.
#[derive(Debug)]
pub struct Connection {
    pub(crate) core: Arc<Core>,
    remote: SocketAddr,
    /// None while a balancer has not said for whom it speaks; offences are not its own then.
    source: Option<IpAddr>,
    slot: Option<Slot>,
}

impl Connection {
    /// Asks for a slot for a connection from `peer`.
    pub(crate) fn admit(core: &Arc<Core>, peer: SocketAddr) -> Result<Self, Refusal> {
        let now = core.deps.clock.monotonic();
        let is_balancer = core.is_balancer(peer.ip());
        let mut admission = core.deps.admission.lock();
        let slot = if is_balancer {
            admission.admit_balancer(now)
        } else {
            admission.admit(now, peer.ip())
        };
        drop(admission);
        let slot = slot.inspect_err(|refusal| count(&core.metrics().refused, refusal.as_str()))?;
        core.metrics().connections.inc();
        core.metrics().open.inc();
        Ok(Self {
            core: Arc::clone(core),
            remote: peer,
            source: (!is_balancer).then(|| peer.ip()),
            slot: Some(slot),
        })
    }

    /// The balancer speaks for `client`.
    pub(crate) fn name(&mut self, client: SocketAddr) -> Result<(), Refusal> {
        let Some(slot) = self.slot.take() else {
            return Ok(());
        };
        let now = self.core.deps.clock.monotonic();
        let named = self.core.deps.admission.lock().name(now, slot, client.ip());
        let slot = named.inspect_err(|refusal| {
            count(&self.core.metrics().refused, refusal.as_str());
        })?;
        (self.slot, self.remote, self.source) = (Some(slot), client, Some(client.ip()));
        Ok(())
    }

    /// Where the client dials from: the peer, or whom its balancer names.
    #[must_use]
    pub const fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Notes that its client was accepted: a source with many good ones is not banned.
    pub fn good(&self) {
        if let Some(source) = self.source {
            let now = self.core.deps.clock.monotonic();
            self.core.deps.admission.lock().good(now, source);
        }
    }

    /// Notes an offence.
    pub fn offence(&self, offence: Offence) {
        let Some(source) = self.source else {
            return;
        };
        let now = self.core.deps.clock.monotonic();
        let banned = self
            .core
            .deps
            .admission
            .lock()
            .offence(now, source, offence);
        if banned {
            tracing::warn!(%source, last = offence.as_str(), "a source is banned for its offences");
        }
    }

    /// Counts why it ends; to be called once. The front does so for those that end before the station
    /// sees them.
    pub fn count_end(&self, reason: &'static str) {
        count(&self.core.metrics().closed, reason);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            let now = self.core.deps.clock.monotonic();
            self.core.deps.admission.lock().release(now, slot);
        }
        self.core.metrics().open.dec();
    }
}
