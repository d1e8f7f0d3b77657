//! A subscription as its session asks for it.

/// A session: a number of the caller's. Memory grows with the greatest one, so it is a slot.
pub type SessionId = u32;

/// From where on a subscription counts, per lane. It means something to the caller alone, but that a
/// smaller number is earlier.
pub type Since = [u64; 2];

/// The options of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// The greatest quality of service of what is delivered: 0, 1 or 2. More counts as 2.
    pub qos: u8,
    /// Whether the session's own messages are left out.
    pub no_local: bool,
    /// Whether the retain flag is as it was published.
    pub retain_as_published: bool,
    /// The subscription identifier, 1 to 268,435,455.
    pub id: Option<u32>,
    /// From where on it counts. One that is replaced keeps its own.
    pub since: Since,
}

/// One of the subscriptions of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The filter as it was subscribed to, with `$share/<name>/`.
    pub filter: &'a str,
    /// Its options.
    pub options: Options,
}

/// What subscribing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was no such subscription.
    New,
    /// The session had it already, with these options: they are replaced, but for `since`
    /// [MQTT-3.8.4-3].
    Replaced(Options),
}
