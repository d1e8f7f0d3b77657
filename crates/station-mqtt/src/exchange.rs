//! Enhanced authentication: a client proves who it is in steps, before it is let in and, if it likes,
//! again later.

use std::sync::Arc;

use spica_mqtt::Refused;
use spica_mqtt_access::scram::{self, MECHANISM};
use spica_mqtt_proto::{
    Auth, AuthProperties, Decoded, Packet, Reason, Sensitive, Side, Version, decode,
};

use crate::access::{Admitted, Shown};
use crate::end::End;
use crate::greeting::Hall;
use crate::link::Link;
use crate::session::Session;
use crate::station::Station;

const WRONG: Refused = Refused {
    reason: Reason::NotAuthorized,
    what: "the user name or the password is wrong",
};
const NOT_AUTH: Refused = Refused {
    reason: Reason::ProtocolError,
    what: "only AUTH may follow before the client is let in",
};
const GONE: Refused = Refused {
    reason: Reason::UnspecifiedError,
    what: "the client went away while it proved who it is",
};

/// An AUTH packet for the client.
fn auth(reason: Reason, data: &str, out: &mut Vec<u8>) {
    let packet = Packet::Auth(Auth {
        reason,
        properties: AuthProperties {
            method: Some(MECHANISM),
            data: Some(Sensitive(data.as_bytes())),
            ..AuthProperties::default()
        },
    });
    if let Err(error) = packet.encode(Version::V5, out) {
        tracing::error!(%error, "AUTH cannot be written: this is a fault of Spica");
    }
}

fn data_of<'a>(auth: &Auth<'a>) -> &'a [u8] {
    auth.properties.data.map_or(&[], |data| data.0)
}

impl Hall<'_> {
    /// Lets the client prove who it is. With the last message, by which the server proves that it
    /// knows the password, too.
    pub(crate) async fn exchange(
        &mut self,
        shown: &Shown,
        method: &str,
        data: &[u8],
    ) -> Result<(Admitted, String), Refused> {
        if self.is_ahead {
            return Err(NOT_AUTH);
        }
        let access = Arc::clone(&self.station.access);
        let (server, said) = access.challenge(shown, method, data)?;
        let mut bytes = Vec::new();
        auth(Reason::ContinueAuthentication, &said, &mut bytes);
        self.io.send(&bytes).map_err(|_| GONE)?;
        let proof = self.auth_bytes().await?;
        let accepted = server.finish(&proof).map_err(|error| {
            self.station.metrics.denied("connect", "scram");
            tracing::debug!(%error, "a SCRAM exchange does not end well");
            WRONG
        })?;
        let admitted = access.proven(shown, &accepted.user)?;
        Ok((admitted, accepted.message))
    }

    /// Reads until an AUTH packet is there; what it says.
    async fn auth_bytes(&mut self) -> Result<Vec<u8>, Refused> {
        loop {
            let limits = &self.station.packets;
            let (proof, length) = match decode(&self.bytes, Side::Server, Version::V5, limits) {
                Ok(Decoded::Packet {
                    packet: Packet::Auth(auth),
                    length,
                }) if is_step(&auth) => (Some(data_of(&auth).to_vec()), length),
                Ok(Decoded::Incomplete { .. }) => (None, 0),
                Ok(Decoded::Packet { .. }) => return Err(NOT_AUTH),
                Err(error) => {
                    return Err(Refused {
                        reason: error.reason,
                        what: error.what,
                    });
                }
            };
            if let Some(proof) = proof {
                self.bytes.drain(..length);
                return Ok(proof);
            }
            if !self.sent().await || !self.read().await {
                return Err(GONE);
            }
        }
    }

    /// Waits until what was said is on its way.
    async fn sent(&mut self) -> bool {
        let io = &mut self.io;
        io.is_sent() || std::future::poll_fn(|cx| io.poll_sent(cx)).await.is_ok()
    }
}

fn is_step(auth: &Auth<'_>) -> bool {
    auth.reason == Reason::ContinueAuthentication && auth.properties.method == Some(MECHANISM)
}

impl Link {
    /// A step by which the client proves again who it is [MQTT-4.12.1-1].
    ///
    /// # Errors
    /// How the connection ends, if it may not, or cannot.
    pub(crate) fn auth(
        &mut self,
        station: &Station,
        session: &Session,
        packet: &Auth<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), End> {
        let bad = |refused: Refused| End::Bad(refused.reason, refused.what);
        if !self.exchanges || packet.properties.method != Some(MECHANISM) {
            let what = "AUTH without the method that the client connected with";
            return Err(End::Bad(Reason::ProtocolError, what));
        }
        match (packet.reason, self.exchange.take()) {
            (Reason::ReAuthenticate, None) => {
                let shown = self.shown(session);
                let data = data_of(packet);
                let begun = station.access.challenge(&shown, MECHANISM, data);
                let (server, said) = begun.map_err(bad)?;
                self.exchange = Some(Box::new(server));
                auth(Reason::ContinueAuthentication, &said, out);
                Ok(())
            }
            (Reason::ContinueAuthentication, Some(server)) => {
                let accepted = self.proven(*server, data_of(packet));
                let last = accepted.map_err(bad)?;
                auth(Reason::Success, &last, out);
                Ok(())
            }
            _ => {
                let what = "AUTH that does not fit to how far the authentication is";
                Err(End::Bad(Reason::ProtocolError, what))
            }
        }
    }

    /// Whether the client is still who it was: the last message then.
    fn proven(&self, server: scram::Server, proof: &[u8]) -> Result<String, Refused> {
        let accepted = server.finish(proof).map_err(|_| WRONG)?;
        if self.who.user.as_deref() != Some(accepted.user.as_str()) {
            return Err(WRONG);
        }
        Ok(accepted.message)
    }

    fn shown(&self, session: &Session) -> Shown {
        Shown {
            client_id: session.client_id.to_string(),
            user: self.who.user.as_deref().map(str::to_owned),
            password: None,
            certificate: None,
            remote: self.who.remote,
        }
    }
}
