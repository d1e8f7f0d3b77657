//! Enhanced authentication: SCRAM-SHA-256.

use std::fmt::Write as _;

use spica_mqtt::Refused;
use spica_mqtt_access::scram::{ClientFirst, Credential, MECHANISM, Server};
use spica_mqtt_proto::Reason;

use super::Gate;
use super::identify::refused;
use crate::access::{Admitted, Shown};

/// Bytes of the server's nonce, before they are written as hexadecimal digits.
const NONCE_BYTES: usize = 18;

const MALFORMED: Refused = refused(
    Reason::NotAuthorized,
    "this is no SCRAM-SHA-256 exchange that can go on",
);

impl Gate {
    pub(super) fn begin_exchange(
        &self,
        shown: &Shown,
        method: &str,
        data: &[u8],
    ) -> Result<(Server, String), Refused> {
        if method != MECHANISM {
            self.denied("connect", "method");
            let what = "no such authentication method is offered; SCRAM-SHA-256 is";
            return Err(refused(Reason::BadAuthenticationMethod, what));
        }
        self.check_bans(shown)?;
        let first = ClientFirst::parse(data).map_err(|error| {
            self.denied("connect", "scram");
            tracing::debug!(%error, "a SCRAM exchange does not begin");
            MALFORMED
        })?;
        let user = self.user(first.user());
        let credential = user.and_then(|user| user.scram);
        let credential =
            credential.unwrap_or_else(|| Credential::decoy(first.user(), &self.secret));
        let nonce = nonce().map_err(|_| refused(Reason::UnspecifiedError, "no random bytes"))?;
        Server::begin(first, credential, &nonce).map_err(|_| MALFORMED)
    }

    /// Lets in a user whose proof was right.
    pub(super) fn end_exchange(&self, shown: &Shown, user: &str) -> Result<Admitted, Refused> {
        // It may have been removed while it proved itself.
        let user = self.user(user).ok_or(MALFORMED)?;
        let who = self.user_at(shown, &user)?;
        self.admit(who, shown)
    }
}

fn nonce() -> Result<String, getrandom::Error> {
    let mut bytes = [0; NONCE_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
