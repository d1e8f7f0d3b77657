//! Filters of SUBSCRIBE and UNSUBSCRIBE.

use std::fmt;

use crate::read::Reader;
use crate::{EncodeError, QoS, Version};

/// What becomes of retained messages when a subscription is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum RetainHandling {
    /// They are sent.
    #[default]
    Send = 0,
    /// They are sent if the subscription is new.
    SendIfNew = 1,
    /// They are not sent.
    DoNotSend = 2,
}

/// How a filter is subscribed to. MQTT 3.1 and 3.1.1 know the quality of service only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SubscribeOptions {
    /// The best quality of service that is delivered.
    pub qos: QoS,
    /// Whether what the client itself publishes is left out.
    pub no_local: bool,
    /// Whether messages keep the retain flag that they were published with.
    pub retain_as_published: bool,
    /// What becomes of retained messages.
    pub retain_handling: RetainHandling,
}

impl SubscribeOptions {
    /// Of its byte in MQTT 5; none if a bit or number stands for nothing.
    #[must_use]
    pub const fn of(byte: u8) -> Option<Self> {
        let retain_handling = match byte >> 4 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return None,
        };
        let Some(qos) = QoS::of(byte & 3) else {
            return None;
        };
        Some(Self {
            qos,
            no_local: byte & 4 != 0,
            retain_as_published: byte & 8 != 0,
            retain_handling,
        })
    }

    /// Its byte in MQTT 5.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self.qos as u8
            | (self.no_local as u8) << 2
            | (self.retain_as_published as u8) << 3
            | (self.retain_handling as u8) << 4
    }
}

/// The filters of a SUBSCRIBE, each with its options.
#[derive(Clone, Copy, Default)]
pub struct Filters<'a> {
    bytes: &'a [u8],
    /// In MQTT 3.1 the bits above the quality of service mean nothing, and may be set.
    qos_only: bool,
}

impl<'a> Filters<'a> {
    /// Checked bytes of a packet.
    pub(crate) const fn of_wire(bytes: &'a [u8], version: Version) -> Self {
        let qos_only = !version.is_v5();
        Self { bytes, qos_only }
    }

    /// What was put together by [`Self::push`], and nothing else.
    #[must_use]
    pub const fn of(buffer: &'a [u8]) -> Self {
        let (bytes, qos_only) = (buffer, false);
        Self { bytes, qos_only }
    }

    /// Puts a filter at the end of a buffer.
    ///
    /// # Errors
    /// If the filter is longer than 65,535 bytes or holds U+0000.
    pub fn push(
        buffer: &mut Vec<u8>,
        filter: &str,
        options: SubscribeOptions,
    ) -> Result<(), EncodeError> {
        crate::write::checked_text(buffer, filter)?;
        buffer.push(options.byte());
        Ok(())
    }

    /// Each filter, with its options.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, SubscribeOptions)> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        let mask = if self.qos_only { 3 } else { 0xff };
        std::iter::from_fn(move || {
            let filter = reader.text().ok()?;
            let options = SubscribeOptions::of(reader.byte().ok()? & mask)?;
            Some((filter, options))
        })
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl PartialEq for Filters<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Filters<'_> {}

impl fmt::Debug for Filters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The filters of an UNSUBSCRIBE.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Topics<'a>(&'a [u8]);

impl<'a> Topics<'a> {
    /// Checked bytes of a packet, or what was put together by [`Self::push`], and nothing else.
    #[must_use]
    pub const fn of(buffer: &'a [u8]) -> Self {
        Self(buffer)
    }

    /// Puts a filter at the end of a buffer.
    ///
    /// # Errors
    /// If the filter is longer than 65,535 bytes or holds U+0000.
    pub fn push(buffer: &mut Vec<u8>, filter: &str) -> Result<(), EncodeError> {
        crate::write::checked_text(buffer, filter)
    }

    /// Each filter.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut reader = Reader::new(self.0);
        std::iter::from_fn(move || reader.text().ok())
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Topics<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
