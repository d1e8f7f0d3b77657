//! How long a session lives, and what becomes of its will.

use std::time::Duration;

use spica_model::Timestamp;
use spica_mqtt_proto::Reason;

use crate::{SessionLimits, SessionRecord, Violation, Will};

/// The life of a session: connected, or offline until it expires; and the will, which is published
/// when the client is lost and does not come back within its delay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    expiry_secs: u32,
    /// None: connected.
    offline_since: Option<Timestamp>,
    will: Option<Box<Will>>,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// DISCONNECT with [`Reason::Success`]: the will is forgotten [MQTT-3.1.2-10].
    Normal,
    /// Anything else: DISCONNECT with another reason, an error, silence, a closed network, a
    /// stopping node.
    Lost,
    /// Another connection of the same client id [MQTT-3.1.4-3].
    TakenOver {
        /// It begins a new session.
        clean_start: bool,
    },
}

impl Ending {
    /// How a client's DISCONNECT ends its connection [MQTT-3.14.4-3].
    #[must_use]
    pub const fn of(reason: Reason) -> Self {
        match reason {
            Reason::Success => Self::Normal,
            _ => Self::Lost,
        }
    }
}

/// What is due of an offline session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// The will is published; the session stays.
    Will(Box<Will>),
    /// The session ends: its records are deleted, and the will published if it still stands.
    Expired(Option<Box<Will>>),
}

/// No end.
const FOR_EVER: u32 = u32::MAX;

impl Life {
    /// Of a session whose connection begins.
    #[must_use]
    pub fn new(expiry_secs: u32, will: Option<Will>) -> Self {
        Self {
            expiry_secs,
            offline_since: None,
            will: will.map(Box::new),
        }
    }

    /// Of a session that was restored. One that was connected has lost its client with the node.
    #[must_use]
    pub fn restore(record: &SessionRecord, now: Timestamp) -> Self {
        let offline_since = if record.is_connected {
            now
        } else {
            record.since
        };
        Self {
            expiry_secs: record.expiry_secs,
            offline_since: Some(offline_since),
            will: record.will.clone().map(Box::new),
        }
    }

    /// The client is back, before it was too late: what it says now holds, and the will of before is
    /// not published [MQTT-3.1.3-9].
    pub fn connected(&mut self, expiry_secs: u32, will: Option<Will>) {
        *self = Self::new(expiry_secs, will);
    }

    /// DISCONNECT changes how long the session lives.
    ///
    /// # Errors
    /// If it was to end with the connection by what CONNECT said: then it cannot be prolonged.
    pub fn change_expiry(&mut self, secs: u32, limits: &SessionLimits) -> Result<(), Violation> {
        if self.expiry_secs == 0 && secs > 0 {
            let what = "DISCONNECT prolongs a session that CONNECT let end with the connection";
            return Err(Violation::protocol(what));
        }
        self.expiry_secs = secs.min(limits.session_expiry_secs);
        Ok(())
    }

    /// The connection is over. The will, if it is to be published now. What is due of the session is
    /// asked with [`Self::due`], also right now.
    pub fn ended(&mut self, ending: Ending, now: Timestamp) -> Option<Box<Will>> {
        self.offline_since = Some(now);
        match ending {
            Ending::Normal => {
                self.will = None;
                None
            }
            Ending::Lost => self.will.take_if(|will| will.delay_secs == 0),
            Ending::TakenOver { clean_start: true } => self.will.take(),
            Ending::TakenOver { clean_start: false } => {
                self.will.take_if(|will| will.delay_secs == 0)
            }
        }
    }

    /// What is due now, one thing at a time; an expired session is to be forgotten.
    pub fn due(&mut self, now: Timestamp) -> Option<Due> {
        if self.expires().is_some_and(|expires| now >= expires) {
            return Some(Due::Expired(self.will.take()));
        }
        if self.will_at().is_some_and(|at| now >= at) {
            return self.will.take().map(Due::Will);
        }
        None
    }

    /// When [`Self::due`] is to be asked; none while it is connected, or for ever.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.expires().into_iter().chain(self.will_at()).min()
    }

    /// Whether it outlives its connection.
    #[must_use]
    pub const fn is_durable(&self) -> bool {
        self.expiry_secs > 0
    }

    /// Since when there is no connection; none while there is one.
    #[must_use]
    pub const fn offline_since(&self) -> Option<Timestamp> {
        self.offline_since
    }

    /// Seconds that the session outlives its connection.
    #[must_use]
    pub const fn expiry_secs(&self) -> u32 {
        self.expiry_secs
    }

    /// What is published when the client is lost, if that is still to be.
    #[must_use]
    pub fn will(&self) -> Option<&Will> {
        self.will.as_deref()
    }

    fn expires(&self) -> Option<Timestamp> {
        let since = self.offline_since?;
        let ends = self.expiry_secs != FOR_EVER;
        ends.then(|| since.saturating_add(secs(self.expiry_secs)))
    }

    fn will_at(&self) -> Option<Timestamp> {
        let since = self.offline_since?;
        let will = self.will.as_ref()?;
        Some(since.saturating_add(secs(will.delay_secs)))
    }
}

fn secs(secs: u32) -> Duration {
    Duration::from_secs(u64::from(secs))
}

#[cfg(test)]
mod tests;
