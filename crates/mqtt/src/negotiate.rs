//! CONNECT: what holds for the connection, or why there is none.

use spica_mqtt_proto::{ConnAck, ConnAckProperties, Connect, Reason, Version};

use crate::SessionLimits;

/// What holds as long as the connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What the client speaks.
    pub version: Version,
    /// Seconds of keep-alive; 0 is none.
    pub keep_alive_secs: u16,
    /// QoS 1 and 2 messages that are taken from the client at once.
    pub receive_maximum: u16,
    /// QoS 1 and 2 messages that the client is sent at once.
    pub window: u16,
    /// Bytes of a packet that the client takes.
    pub packet_bytes: u32,
    /// The highest topic alias that the client may use.
    pub aliases_in: u16,
    /// The highest topic alias that is used to the client.
    pub aliases_out: u16,
    /// Whether any packet may hold reason texts and user properties; otherwise only CONNACK,
    /// DISCONNECT and PUBLISH [MQTT-3.1.2-29].
    pub problem_information: bool,
    /// Whether CONNACK may hold response information [MQTT-3.1.2-28].
    pub response_information: bool,
}

/// What a connection and its session begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiated<'a> {
    /// The client's id: its own, or the one it is given.
    pub client_id: &'a str,
    /// Whether the id was given by the server.
    pub is_assigned: bool,
    /// Whether a session of before is dropped.
    pub clean_start: bool,
    /// Seconds that the session outlives its connection: 0 is not at all, `u32::MAX` for ever.
    pub expiry_secs: u32,
    /// What holds for the connection.
    pub terms: Terms,
    /// What CONNACK tells.
    told: ConnAckProperties<'a>,
}

/// A CONNECT that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} ({reason})")]
pub struct Refused {
    /// What CONNACK says.
    pub reason: Reason,
    /// For the log.
    pub what: &'static str,
}

impl Refused {
    /// The answer; none where the version has no code for the reason: it is closed without one.
    #[must_use]
    pub fn connack(&self, version: Version) -> Option<ConnAck<'static>> {
        let said = version == Version::V5 || self.reason.connack_v3().is_some();
        said.then(|| ConnAck {
            session_present: false,
            reason: self.reason,
            properties: ConnAckProperties::default(),
        })
    }
}

/// What holds for a client that asks so. `given` is the id of a client that names none: unique, and
/// hard to guess.
///
/// Who the client is, and whether it may come, is not asked here.
///
/// # Errors
/// A client of MQTT 3 without id that wants its session kept [MQTT-3.1.3-8], and one of 3.1 without
/// id at all.
pub fn negotiate<'a>(
    connect: &Connect<'a>,
    limits: &SessionLimits,
    given: &'a str,
) -> Result<Negotiated<'a>, Refused> {
    let is_assigned = connect.client_id.is_empty();
    if is_assigned && !may_be_given(connect) {
        return Err(Refused {
            reason: Reason::ClientIdentifierNotValid,
            what: "a client of MQTT 3 without id: 3.1 wants one, and 3.1.1 to keep a session",
        });
    }
    let client_id = if is_assigned {
        given
    } else {
        connect.client_id
    };
    let terms = terms(connect, limits);
    let expiry_secs = expiry_secs(connect, limits);
    let told = match connect.version {
        Version::V31 | Version::V311 => ConnAckProperties::default(),
        Version::V5 => ConnAckProperties {
            assigned_client_id: is_assigned.then_some(client_id),
            ..told(connect, limits, &terms, expiry_secs)
        },
    };
    Ok(Negotiated {
        client_id,
        is_assigned,
        clean_start: connect.clean_start,
        expiry_secs,
        terms,
        told,
    })
}

impl<'a> Negotiated<'a> {
    /// The answer that accepts. What else there is to say (response information, a server's own
    /// properties) can be added to it.
    #[must_use]
    pub fn connack(&self, session_present: bool) -> ConnAck<'a> {
        ConnAck {
            session_present,
            reason: Reason::Success,
            properties: self.told,
        }
    }
}

fn may_be_given(connect: &Connect<'_>) -> bool {
    match connect.version {
        Version::V31 => false,
        Version::V311 => connect.clean_start,
        Version::V5 => true,
    }
}

fn terms(connect: &Connect<'_>, limits: &SessionLimits) -> Terms {
    let asked = &connect.properties;
    let window = asked.receive_maximum.map_or(u16::MAX, |most| most.get());
    Terms {
        version: connect.version,
        keep_alive_secs: keep_alive_secs(connect, limits),
        receive_maximum: limits.receive_maximum.get(),
        window: window.min(limits.window.get()),
        packet_bytes: asked.packet_maximum.map_or(u32::MAX, |most| most.get()),
        aliases_in: limits.aliases_in,
        aliases_out: asked
            .topic_alias_maximum
            .unwrap_or(0)
            .min(limits.aliases_out),
        problem_information: asked.request_problem_information.unwrap_or(true),
        response_information: asked.request_response_information.unwrap_or(false),
    }
}

/// Before MQTT 5 a server cannot change it, and what it cannot tell it must not count by.
fn keep_alive_secs(connect: &Connect<'_>, limits: &SessionLimits) -> u16 {
    match (connect.version, limits.keep_alive_secs) {
        (Version::V31 | Version::V311, _) | (Version::V5, 0) => connect.keep_alive,
        (Version::V5, most) if connect.keep_alive == 0 => most,
        (Version::V5, most) => connect.keep_alive.min(most),
    }
}

fn expiry_secs(connect: &Connect<'_>, limits: &SessionLimits) -> u32 {
    match connect.version {
        Version::V5 => {
            let asked = connect.properties.session_expiry.unwrap_or(0);
            asked.min(limits.session_expiry_secs)
        }
        Version::V31 | Version::V311 if connect.clean_start => 0,
        Version::V31 | Version::V311 => limits.session_expiry_v3_secs,
    }
}

/// Only what differs from what the standard takes for said.
fn told<'a>(
    connect: &Connect<'_>,
    limits: &SessionLimits,
    terms: &Terms,
    expiry_secs: u32,
) -> ConnAckProperties<'a> {
    let asked = connect.properties.session_expiry.unwrap_or(0);
    ConnAckProperties {
        session_expiry: (expiry_secs != asked).then_some(expiry_secs),
        receive_maximum: Some(limits.receive_maximum).filter(|most| most.get() < u16::MAX),
        packet_maximum: Some(limits.packet_bytes),
        topic_alias_maximum: Some(limits.aliases_in).filter(|most| *most > 0),
        server_keep_alive: Some(terms.keep_alive_secs).filter(|secs| *secs != connect.keep_alive),
        ..ConnAckProperties::default()
    }
}

#[cfg(test)]
mod tests;
