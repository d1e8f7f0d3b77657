//! What a station allows one session.

use std::num::{NonZeroU16, NonZeroU32};

/// Limits of one session. All are per session; what the node holds in all is the station's to bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLimits {
    /// The longest a session outlives its connection, in seconds; `u32::MAX` is for ever.
    pub session_expiry_secs: u32,
    /// How long a session of MQTT 3.1 and 3.1.1 that is not "clean" outlives its connection, in
    /// seconds: these versions cannot say.
    pub session_expiry_v3_secs: u32,
    /// The longest keep-alive, in seconds; a client of MQTT 5 that wants a longer one, or none, is
    /// told this one. 0: any.
    pub keep_alive_secs: u16,
    /// QoS 1 and 2 messages that are taken from the client at once.
    pub receive_maximum: NonZeroU16,
    /// QoS 2 messages of the client that may be open, whichever connection they came on.
    pub open_ids: u16,
    /// Messages that are in flight to the client, whatever it offers to take.
    pub window: NonZeroU16,
    /// Messages that are remembered behind one that is not acknowledged; at most 32,768 count.
    pub tracked: u16,
    /// Bytes of a packet that is taken from the client.
    pub packet_bytes: NonZeroU32,
    /// Topic aliases that the client may use.
    pub aliases_in: u16,
    /// Topic aliases that are used to the client, whatever it offers to keep.
    pub aliases_out: u16,
    /// Messages that wait for the client, per lane.
    pub queue_messages: u32,
    /// Bytes of messages that wait for the client, per lane. A single longer one may wait alone.
    pub queue_bytes: u32,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            session_expiry_secs: 7 * 86_400,
            session_expiry_v3_secs: 86_400,
            keep_alive_secs: 3_600,
            receive_maximum: RECEIVE_MAXIMUM,
            open_ids: 1_024,
            window: WINDOW,
            tracked: 4_096,
            packet_bytes: PACKET_BYTES,
            aliases_in: 32,
            aliases_out: 16,
            queue_messages: 1_024,
            queue_bytes: 1 << 20,
        }
    }
}

const RECEIVE_MAXIMUM: NonZeroU16 = NonZeroU16::MIN.saturating_add(1_023);
const WINDOW: NonZeroU16 = NonZeroU16::MIN.saturating_add(255);
const PACKET_BYTES: NonZeroU32 = NonZeroU32::MIN.saturating_add((1 << 20) - 1);
