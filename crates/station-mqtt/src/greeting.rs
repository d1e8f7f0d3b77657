//! From the first byte to the session: CONNECT, who it is, what holds, which session.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use spica_admission::Offence;
use spica_front::{Arrival, Connection, Io, Stopping, with_buffers};
use spica_mqtt::{Negotiated, Refused, Will, negotiate};
use spica_mqtt_proto::{
    ConnAck, ConnAckProperties, Connect, Decoded, Packet, Reason, Sensitive, Side, Version, decode,
};

use crate::access::{Admitted, Shown};
use crate::arriving::{Arriving, attach};
use crate::device;
use crate::link::Link;
use crate::session::{Session, Then};
use crate::station::Station;
use crate::store;
use spica_model::Lane;
use spica_role::Service;

/// How long a client may take to say who it is, and the node to find out.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection whose client is known.
pub(crate) struct Greeted {
    pub(crate) session: Arc<Session>,
    pub(crate) connection: Connection,
    pub(crate) io: Io,
    pub(crate) stopping: Stopping,
    pub(crate) link: Link,
    pub(crate) partial: Vec<u8>,
}

/// Finds out who is there. None if it is not to be served: it has been told why.
pub(crate) async fn greet(station: &Arc<Station>, arrival: Arrival) -> Option<Greeted> {
    let mut hall = Hall {
        station,
        connection: arrival.connection,
        io: arrival.io,
        stopping: arrival.stopping,
        service: arrival.service,
        listener: arrival.listener,
        bytes: Vec::new(),
        is_ahead: false,
    };
    let certificate = arrival.client_certificate;
    let in_time = tokio::time::timeout(PATIENCE, hall.client(certificate)).await;
    let (session, link, used) = match in_time {
        Ok(Some(known)) => known,
        Ok(None) => return hall.turn_away().await,
        Err(_) => {
            hall.connection.offence(Offence::HandshakeTimeout);
            hall.connection.count_end("handshake-timeout");
            return None;
        }
    };
    hall.connection.good();
    Some(Greeted {
        session,
        connection: hall.connection,
        io: hall.io,
        stopping: hall.stopping,
        link,
        partial: hall.bytes.split_off(used),
    })
}

/// A connection before its client is known.
pub(crate) struct Hall<'s> {
    pub(crate) station: &'s Arc<Station>,
    connection: Connection,
    pub(crate) io: Io,
    stopping: Stopping,
    service: Service,
    listener: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// Whether something came behind CONNECT before it was answered.
    pub(crate) is_ahead: bool,
}

impl Hall<'_> {
    /// The client's session, and how many bytes its CONNECT had.
    async fn client(
        &mut self,
        certificate: Option<Box<spica_front::ClientCertificate>>,
    ) -> Option<(Arc<Session>, Link, usize)> {
        let length = self.connect_bytes().await?;
        let bytes = std::mem::take(&mut self.bytes);
        self.is_ahead = bytes.len() > length;
        let known = self.known(&bytes[..length], certificate).await;
        // What came while it proved who it is follows what came with CONNECT.
        let rest = std::mem::replace(&mut self.bytes, bytes);
        self.bytes.extend_from_slice(&rest);
        let (session, link) = known?;
        Some((session, link, length))
    }

    /// Reads until the first packet is there; its length.
    async fn connect_bytes(&mut self) -> Option<usize> {
        loop {
            let limits = &self.station.packets;
            match decode(&self.bytes, Side::Server, Version::V311, limits) {
                Ok(Decoded::Packet {
                    packet: Packet::Connect(_),
                    length,
                }) => return Some(length),
                Ok(Decoded::Packet { .. }) => {
                    self.refused("not-connect", Offence::BadFrames);
                    return None;
                }
                Ok(Decoded::Incomplete { .. }) => {}
                Err(error) => {
                    let refused = Refused {
                        reason: error.reason,
                        what: error.what,
                    };
                    self.say_no(&refused, error.version);
                    self.refused("bad-connect", Offence::BadFrames);
                    return None;
                }
            }
            if !self.read().await {
                self.connection.count_end("client-closed");
                return None;
            }
        }
    }

    /// Reads something; whether there was something.
    pub(crate) async fn read(&mut self) -> bool {
        let (io, stopping) = (&mut self.io, &mut self.stopping);
        loop {
            let readable = pin!(poll_fn(|cx| io.poll_readable(cx)));
            if !matches!(stopping.unless(readable).await, Some(Ok(()))) {
                return false;
            }
            let bytes = &mut self.bytes;
            let read = with_buffers(|buffers| {
                let count = io.try_read(&mut buffers.input)?;
                if let Some(count) = count {
                    bytes.extend_from_slice(&buffers.input[..count]);
                }
                std::io::Result::Ok(count)
            });
            match read {
                Ok(None) => {}
                Ok(Some(0)) | Err(_) => return false,
                Ok(Some(_)) => return true,
            }
        }
    }

    async fn known(
        &mut self,
        bytes: &[u8],
        certificate: Option<Box<spica_front::ClientCertificate>>,
    ) -> Option<(Arc<Session>, Link)> {
        let limits = &self.station.packets;
        let Ok(Decoded::Packet {
            packet: Packet::Connect(connect),
            ..
        }) = decode(bytes, Side::Server, Version::V311, limits)
        else {
            return None;
        };
        let given = crate::uid::given_id();
        let known = self.admitted(&connect, &given, certificate).await;
        known
            .inspect_err(|refused| {
                let (client, remote) = (connect.client_id, self.connection.remote());
                tracing::info!(client, %remote, reason = %refused.reason, refused.what, "an MQTT client is turned away");
                self.say_no(refused, connect.version);
                let offence = match refused.reason {
                    Reason::BadUserNameOrPassword | Reason::NotAuthorized => Some(Offence::BadToken),
                    _ => None,
                };
                if let Some(offence) = offence {
                    self.connection.offence(offence);
                }
                self.connection.count_end("refused");
                self.station.metrics.connect_refused(refused.reason);
            })
            .ok()
    }

    async fn admitted(
        &mut self,
        connect: &Connect<'_>,
        given: &str,
        certificate: Option<Box<spica_front::ClientCertificate>>,
    ) -> Result<(Arc<Session>, Link), Refused> {
        let station = self.station;
        let refused = |reason, what| Refused { reason, what };
        if let Service::Elsewhere { .. } = self.service {
            let what = "this node of the pair is passive";
            return Err(refused(Reason::UseAnotherServer, what));
        }
        let mut ready = station.ready.subscribe();
        if ready.wait_for(|ready| *ready).await.is_err() {
            return Err(refused(Reason::ServerShuttingDown, "the station stops"));
        }
        let client_id = match connect.client_id {
            "" => given,
            own => own,
        };
        let shown = Shown {
            client_id: client_id.to_owned(),
            user: connect.user.map(str::to_owned),
            password: connect.password.map(|password| password.0.to_vec()),
            certificate,
            remote: self.connection.remote(),
        };
        let (admitted, last) = match connect.properties.authentication_method {
            None => (station.access.authenticate(shown).await?, None),
            Some(method) => {
                let data = connect.properties.authentication_data;
                let data = data.map_or(&[][..], |data| data.0);
                let (admitted, last) = self.exchange(&shown, method, data).await?;
                (admitted, Some((method, last)))
            }
        };
        let negotiated = negotiate(connect, &station.limits, given)?;
        if negotiated.expiry_secs > 0 && !store::is_keepable(&station.mount, negotiated.client_id) {
            let what = "the client id is too long for a session that is kept";
            return Err(refused(Reason::ClientIdentifierNotValid, what));
        }
        let will = connect.will.as_ref().map(Will::of);
        if let Some(will) = &will {
            let may = station
                .access
                .may_publish(&admitted.who, negotiated.client_id, &will.topic);
            may.map_err(|reason| refused(reason, "the will's topic may not be published to"))?;
        }
        let last = last.as_ref().map(|(method, text)| (*method, text.as_str()));
        self.enter(connect, &negotiated, admitted, (will, last))
    }

    /// Gives the client its session, and says so when that is durable.
    fn enter(
        &self,
        connect: &Connect<'_>,
        negotiated: &Negotiated<'_>,
        admitted: Admitted,
        (will, last): (Option<Will>, Option<(&str, &str)>),
    ) -> Result<(Arc<Session>, Link), Refused> {
        let station = self.station;
        let link = Link::new(station.connection_id(), admitted, last.is_some());
        let arriving = Arriving {
            id: link.id,
            who: Arc::clone(&link.who),
            will,
            clean_start: connect.clean_start,
            user: connect.properties.user,
        };
        let (session, is_present) = attach(station, negotiated, &arriving)?;
        let mut bytes = Vec::new();
        let mut connack = negotiated.connack(is_present);
        if let Some((method, data)) = last {
            connack.properties.authentication_method = Some(method);
            connack.properties.authentication_data = Some(Sensitive(data.as_bytes()));
        }
        let connack = Packet::ConnAck(connack);
        if connack.encode(connect.version, &mut bytes).is_err() {
            let what = "the answer does not fit into a packet";
            return Err(Refused {
                reason: Reason::UnspecifiedError,
                what,
            });
        }
        let mut state = session.state.lock();
        device::checked_in(station, &mut state);
        if state.life.is_durable() || state.life.will().is_some() {
            let record = store::record(station, &session, &state);
            let Some(Ok(ticket)) = store::submit_session(station, &session, &record) else {
                let what = "the session cannot be kept now";
                return Err(Refused {
                    reason: Reason::ServerBusy,
                    what,
                });
            };
            let then = Then::Welcome(link.id, bytes.into());
            state.appends.wait(Lane::Critical, &ticket, then);
        } else {
            state.mail.push_back(bytes.into());
            state.is_welcome = true;
        }
        drop(state);
        Ok((session, link))
    }

    fn say_no(&mut self, refused: &Refused, version: Version) {
        let Some(connack) = refused.connack(version) else {
            return;
        };
        let other = self.other_server();
        let connack = ConnAck {
            properties: ConnAckProperties {
                reason_text: Some(refused.what),
                server_reference: other.as_deref(),
                ..connack.properties
            },
            ..connack
        };
        let mut bytes = Vec::new();
        if Packet::ConnAck(connack).encode(version, &mut bytes).is_ok() {
            // Whether the client hears it or not, it is not served.
            let _ = self.io.send(&bytes);
        }
    }

    /// Where the client finds the active node: the host that is known, at the port of the listener
    /// that the client has chosen, since both nodes of a pair are set up alike.
    fn other_server(&self) -> Option<String> {
        let Service::Elsewhere { active: Some(url) } = &self.service else {
            return None;
        };
        let authority = url.split_once("://").map_or(&**url, |(_, rest)| rest);
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        let port = self.station.port_of(self.listener)?;
        Some(format!("{host}:{port}"))
    }

    fn refused(&self, reason: &'static str, offence: Offence) {
        self.connection.offence(offence);
        self.connection.count_end(reason);
    }

    /// What it was told is written, if that is possible soon.
    async fn turn_away(mut self) -> Option<Greeted> {
        if !self.io.is_sent() {
            let sent = poll_fn(|cx| self.io.poll_sent(cx));
            let _ = tokio::time::timeout(Duration::from_secs(1), sent).await;
        }
        self.io.close();
        None
    }
}
