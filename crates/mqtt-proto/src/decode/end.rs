//! DISCONNECT and AUTH.

use super::Context;
use super::ack::reason;
use super::properties::{self, read};
use crate::allowed::DISCONNECTED;
use crate::read::{Read, Reader, fault};
use crate::{
    Auth, AuthProperties, Disconnect, DisconnectProperties, Reason, Sensitive, Side, property as id,
};

impl Context<'_> {
    pub(super) fn disconnect<'a>(&self, body: &mut Reader<'a>) -> Read<Disconnect<'a>> {
        let mut disconnect = Disconnect {
            reason: Reason::Success,
            properties: DisconnectProperties::default(),
        };
        if self.version.is_v5() && !body.is_empty() {
            disconnect.reason = reason(body, DISCONNECTED)?;
            if !body.is_empty() {
                disconnect.properties = self.disconnect_properties(body)?;
            }
        }
        Ok(disconnect)
    }

    fn disconnect_properties<'a>(&self, body: &mut Reader<'a>) -> Read<DisconnectProperties<'a>> {
        let mut of = DisconnectProperties::default();
        let limit = self.limits.user_properties;
        let repeated = read(body, properties::DISCONNECT, limit, |id, value| match id {
            id::SESSION_EXPIRY => of.session_expiry = value.number(),
            id::REASON_TEXT => of.reason_text = value.text(),
            _ => of.server_reference = value.text(),
        })?;
        of.user = repeated.user;
        match self.side {
            Side::Server if of.server_reference.is_some() => {
                Err(fault!(ProtocolError, "a server reference from a client"))
            }
            Side::Client if of.session_expiry.is_some() => {
                Err(fault!(ProtocolError, "a session expiry from a server"))
            }
            _ => Ok(of),
        }
    }

    pub(super) fn auth<'a>(&self, body: &mut Reader<'a>) -> Read<Auth<'a>> {
        let reasons = match self.side {
            Side::Server => &[Reason::ContinueAuthentication, Reason::ReAuthenticate],
            Side::Client => &[Reason::Success, Reason::ContinueAuthentication],
        };
        let mut auth = Auth {
            reason: Reason::Success,
            properties: AuthProperties::default(),
        };
        if body.is_empty() {
            // It says success, which only servers say.
            return match self.side {
                Side::Client => Ok(auth),
                Side::Server => Err(fault!(ProtocolError, "an AUTH without a reason")),
            };
        }
        auth.reason = reason(body, reasons)?;
        let of = &mut auth.properties;
        let limit = self.limits.user_properties;
        let repeated = read(body, properties::AUTH, limit, |id, value| match id {
            id::AUTHENTICATION_METHOD => of.method = value.text(),
            id::AUTHENTICATION_DATA => of.data = value.binary().map(Sensitive),
            _ => of.reason_text = value.text(),
        })?;
        of.user = repeated.user;
        match of.method {
            Some(_) => Ok(auth),
            None => Err(fault!(ProtocolError, "an AUTH without a method")),
        }
    }
}
