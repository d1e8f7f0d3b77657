//! The words for what happened, and how often it did.

/// Why a connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// Too many connections are open, in all.
    #[error("too many connections are open")]
    Full,
    /// Too many connections are open from this source.
    #[error("too many connections are open from this source")]
    SourceFull,
    /// Connections come too fast, in all.
    #[error("connections come too fast")]
    Rate,
    /// Connections come too fast from this source.
    #[error("connections come too fast from this source")]
    SourceRate,
    /// The source is banned.
    #[error("the source is banned")]
    Banned,
}

/// What a source did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Offence {
    /// Frames that break the protocol closed its connection.
    BadFrames,
    /// It named a device that is not registered.
    UnknownSerial,
    /// It did not say who it is in time.
    HandshakeTimeout,
    /// It spoke another protocol, or closed without a word: a probe.
    Probe,
    /// It brought no valid token where one is needed: perhaps a guess.
    BadToken,
}

macro_rules! counted {
    ($type:ident, $($variant:ident = $text:literal),+) => {
        impl $type {
            /// All there are, in the order in which [`Status`] counts them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it, as in metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

counted!(
    Refusal,
    Full = "full",
    SourceFull = "source_full",
    Rate = "rate",
    SourceRate = "source_rate",
    Banned = "banned"
);
counted!(
    Offence,
    BadFrames = "bad_frames",
    UnknownSerial = "unknown_serial",
    HandshakeTimeout = "handshake_timeout",
    Probe = "probe",
    BadToken = "bad_token"
);

/// How things stand, and what has happened since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Connections open now.
    pub open: usize,
    /// Sources remembered now.
    pub sources: usize,
    /// Bans now.
    pub bans: usize,
    /// Connections admitted.
    pub admitted: u64,
    /// Connections refused, in the order of [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// Offences, in the order of [`Offence::ALL`].
    pub offences: [u64; Offence::ALL.len()],
    /// Sources banned automatically.
    pub banned: u64,
    /// Sources forgotten because [`crate::Limits::sources`] was reached.
    pub sources_evicted: u64,
    /// Automatic bans lifted early, or not made, because [`crate::Limits::bans`] was reached.
    pub bans_evicted: u64,
}

impl Status {
    /// Connections refused for one reason.
    #[must_use]
    pub const fn refused_for(&self, reason: Refusal) -> u64 {
        self.refused[reason as usize]
    }

    /// Offences of one kind.
    #[must_use]
    pub const fn offences_of(&self, kind: Offence) -> u64 {
        self.offences[kind as usize]
    }
}
