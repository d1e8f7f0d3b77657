//! Why a subscription is not made.

use spica_matcher::FilterError;

/// Why a subscription is not made. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The filter breaks a rule of MQTT.
    #[error("this is no topic filter: {0}")]
    Filter(#[from] FilterError),
    /// `$share/` without a name or a filter, or with a wildcard in the name [MQTT-4.8.2-1],
    /// [MQTT-4.8.2-2].
    #[error(
        "a shared subscription is $share/<name>/<filter>, with a name without wildcards of at least \
         one character"
    )]
    Share,
    /// A shared subscription with the no-local option [MQTT-3.8.3-4].
    #[error("a shared subscription cannot have the no-local option")]
    NoLocalShared,
    /// The filter has too many bytes.
    #[error("a filter has at most {0} bytes here")]
    Bytes(usize),
    /// The filter has too many levels.
    #[error("a filter has at most {0} levels here")]
    Levels(usize),
    /// The session has too many subscriptions.
    #[error("a session has at most {0} subscriptions here: unsubscribe from some first")]
    SessionFull(usize),
    /// The session has filters whose wildcards stand in too many different places.
    #[error(
        "the wildcards of this session's filters stand in too many different places: use fewer + \
         levels"
    )]
    SessionWidth,
    /// All sessions together have.
    #[error(
        "the wildcards of all filters stand in too many different places: this one would make \
         every look-up slower"
    )]
    Width,
    /// The shared group has too many members.
    #[error("a shared group has at most {0} members here")]
    Members(usize),
    /// There are too many subscriptions in all.
    #[error("there are {0} subscriptions, the limit of this server")]
    Full(usize),
}

impl RouteError {
    /// Whether the filter itself is at fault, so that it is refused whatever the limits are.
    #[must_use]
    pub const fn is_filter(&self) -> bool {
        matches!(self, Self::Filter(_) | Self::Share | Self::NoLocalShared)
    }
}
