//! The bounds of every channel: time, places, and the tally of what came of it.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use spica_alerts::{Message, Outcome};
use spica_cases::Severity;
use spica_clock::SharedClock;
use spica_notify::{Channel, EventSink, Health, Path, Tally};
use tokio::time::timeout;

use crate::answer;
use crate::places::Places;

/// How a kind of channel carries one message. It may take as long as it likes and be dropped at any
/// time.
pub(crate) trait Carrier: Send + Sync + 'static {
    /// Carries the message, and says what came of it.
    fn carry<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome>;

    /// Why a message has not been carried in time, if that is known.
    fn excuse(&self) -> Option<String> {
        None
    }

    /// Its standing sessions.
    fn paths(&self) -> Vec<Path> {
        Vec::new()
    }

    /// Begins its standing session.
    fn start(&self, events: EventSink) {
        drop(events);
    }

    /// Ends it in order.
    fn stop(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}

/// A channel: a carrier within its bounds.
pub(crate) struct Bounded<C> {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) timeout: Duration,
    pub(crate) places: Places,
    pub(crate) clock: SharedClock,
    pub(crate) tally: Tally,
    pub(crate) carrier: C,
}

impl<C: Carrier> Bounded<C> {
    async fn carry(&self, message: &Message) -> Outcome {
        let is_emergency = message.case.severity == Severity::Emergency;
        let place = timeout(self.timeout, self.places.take(is_emergency)).await;
        let Ok(_place) = place else {
            return answer::retry("all places of the channel were taken; see its `parallel`");
        };
        let carried = timeout(self.timeout, self.carrier.carry(message)).await;
        carried.unwrap_or_else(|_| {
            let span = self.timeout;
            let excuse = self.carrier.excuse();
            answer::retry(&excuse.unwrap_or_else(|| format!("no answer within {span:?}")))
        })
    }
}

impl<C: Carrier> Channel for Bounded<C> {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        let send = async move {
            let _underway = self.tally.enter();
            let outcome = self.carry(message).await;
            self.tally.note(&outcome, self.clock.wall());
            outcome
        };
        send.boxed()
    }

    fn health(&self) -> Health {
        self.tally.health(self.carrier.paths())
    }

    fn start(&self, events: EventSink) {
        self.carrier.start(events);
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        self.carrier.stop()
    }
}
