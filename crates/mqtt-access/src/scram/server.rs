//! The server's half.

use subtle::ConstantTimeEq as _;

use super::credential::{Credential, hash, hmac, xor};
use super::message::{HASH_BYTES, ScramError, attribute, decode, encode, is_nonce, text, unescape};

/// The client's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFirst {
    user: String,
    nonce: String,
    /// `n,,` or `y,,`, perhaps with a name: the client sends it again, in base64.
    header: String,
    /// What is signed of the message.
    bare: String,
}

/// An exchange that waits for the client's proof.
#[derive(Debug)]
pub struct Server {
    first: ClientFirst,
    credential: Credential,
    /// Both nonces.
    nonce: String,
    /// What the server has said, which is signed.
    said: String,
}

/// An exchange that ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Who has proven to know the password.
    pub user: String,
    /// The last message, by which the server proves that it knows it, too.
    pub message: String,
}

impl ClientFirst {
    /// Reads the client's first message.
    ///
    /// # Errors
    /// If it is none, or asks for what is not offered.
    pub fn parse(message: &[u8]) -> Result<Self, ScramError> {
        let message = text(message)?;
        let mut parts = message.splitn(3, ',');
        match parts.next().unwrap_or_default() {
            // It could bind to the channel, or thinks that the server could not: the same here.
            "n" | "y" => {}
            other if other.starts_with("p=") => return Err(ScramError::ChannelBinding),
            _ => return Err(ScramError::Form("it does not begin with n, y or p")),
        }
        let identity = parts.next().unwrap_or_default();
        let bare = parts
            .next()
            .ok_or(ScramError::Form("it has no user name"))?;
        let header = &message[..message.len() - bare.len()];
        let mut parts = bare.split(',');
        let user = unescape(attribute(&mut parts, "n=", "it has no user name")?)?;
        let nonce = attribute(&mut parts, "r=", "it has no nonce")?;
        if !is_nonce(nonce) {
            return Err(ScramError::Form("its nonce is not printable"));
        }
        match identity.strip_prefix("a=") {
            None if identity.is_empty() => {}
            None => return Err(ScramError::Form("its second part is no identity")),
            Some(name) if unescape(name)? == user => {}
            Some(_) => return Err(ScramError::Identity),
        }
        Ok(Self {
            user,
            nonce: nonce.to_owned(),
            header: header.to_owned(),
            bare: bare.to_owned(),
        })
    }

    /// The user whose credential is asked for.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl Server {
    /// Begins an exchange: the machine, and the message for the client. `credential` is that of
    /// [`ClientFirst::user`], or its [decoy](Credential::decoy); `nonce` is random, at least 18
    /// characters of printable ASCII without a comma.
    ///
    /// # Errors
    /// If `nonce` is no nonce.
    pub fn begin(
        first: ClientFirst,
        credential: Credential,
        nonce: &str,
    ) -> Result<(Self, String), ScramError> {
        if nonce.len() < 18 || !is_nonce(nonce) {
            return Err(ScramError::Form(
                "the server's nonce is too short or not printable",
            ));
        }
        let nonce = format!("{}{nonce}", first.nonce);
        let salt = encode(&credential.salt);
        let said = format!("r={nonce},s={salt},i={}", credential.iterations);
        let server = Self {
            first,
            credential,
            nonce,
            said: said.clone(),
        };
        Ok((server, said))
    }

    /// Checks the client's proof.
    ///
    /// # Errors
    /// If the message is none, or the proof is not that of the password.
    pub fn finish(self, message: &[u8]) -> Result<Accepted, ScramError> {
        let message = text(message)?;
        let (signed, proof) = message
            .rsplit_once(",p=")
            .ok_or(ScramError::Form("it has no proof"))?;
        let mut parts = signed.split(',');
        let binding = attribute(&mut parts, "c=", "it has no channel binding")?;
        if decode(binding)? != self.first.header.as_bytes() {
            return Err(ScramError::Form(
                "its channel binding is not that of the first message",
            ));
        }
        if attribute(&mut parts, "r=", "it has no nonce")? != self.nonce {
            return Err(ScramError::Form("its nonce is not that of this exchange"));
        }
        let proof: [u8; HASH_BYTES] = decode(proof)?
            .try_into()
            .map_err(|_| ScramError::Form("its proof has not 32 bytes"))?;
        let text = format!("{},{},{signed}", self.first.bare, self.said);
        let signature = hmac(&self.credential.stored_key, text.as_bytes());
        let key = hash(&xor(&proof, &signature));
        if !bool::from(key.ct_eq(&self.credential.stored_key)) {
            return Err(ScramError::Denied);
        }
        let signature = hmac(&self.credential.server_key, text.as_bytes());
        Ok(Accepted {
            user: self.first.user,
            message: format!("v={}", encode(&signature)),
        })
    }
}
