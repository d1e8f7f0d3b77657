//! What a channel does.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use spica_alerts::{Message, Outcome};

use crate::{EventSink, Health};

/// A channel that several parts use.
pub type SharedChannel = Arc<dyn Channel>;

/// A way out for messages: a mail server, a gateway, a monitoring station's receiver.
pub trait Channel: Send + Sync + 'static {
    /// Its name in the plan file.
    fn name(&self) -> &str;

    /// Its kind, such as `webhook`.
    fn kind(&self) -> &'static str;

    /// Sends a message once and says what came of it. Ends within the channel's time-out, plus as
    /// much again at most if all its places are taken. It may be dropped at any time; the message may
    /// have left then.
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome>;

    /// How it goes.
    fn health(&self) -> Health;

    /// Begins its standing session, if its kind has one: until then, such a channel sends nothing.
    /// What happens to the session is told to `events`. Does nothing when it has begun already.
    fn start(&self, events: EventSink) {
        drop(events);
    }

    /// Ends its standing session in order; resolves when that is done, within seconds. It may be
    /// started again.
    fn stop(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}
