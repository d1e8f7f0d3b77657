//! The client's half.

use subtle::ConstantTimeEq as _;

use super::credential::{self, hash, hmac, salted, xor};
use super::message::{ScramError, attribute, decode, encode, escape, is_nonce, text};

/// An exchange from the client's side.
#[derive(Debug)]
pub struct Client {
    nonce: String,
    bare: String,
    /// What the server has to sign its last message with, once that is known.
    expected: Option<String>,
}

/// Why the client does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// A message of the server is not what it should be.
    #[error(transparent)]
    Message(#[from] ScramError),
    /// The server asks for too many or too few iterations, or its salt is odd.
    #[error("the server asks for what is not safe: {0}")]
    Unsafe(credential::CredentialError),
    /// The server says that it was in vain.
    #[error("the server has refused the proof")]
    Refused,
    /// The server could not prove that it knows the password.
    #[error("the server does not know the password: it is not the one it claims to be")]
    Impostor,
}

impl Client {
    /// Begins an exchange: the machine, and the first message. `nonce` is random, printable ASCII
    /// without a comma.
    ///
    /// # Errors
    /// If `nonce` is none.
    pub fn begin(user: &str, nonce: &str) -> Result<(Self, String), ClientError> {
        if !is_nonce(nonce) {
            return Err(ScramError::Form("the nonce is not printable").into());
        }
        let bare = format!("n={},r={nonce}", escape(user));
        let first = format!("n,,{bare}");
        let client = Self {
            nonce: nonce.to_owned(),
            bare,
            expected: None,
        };
        Ok((client, first))
    }

    /// Answers the server's first message with the proof. Takes as long as the server's iterations
    /// say, at most a million.
    ///
    /// # Errors
    /// If the message is none, or asks for what is not safe.
    pub fn prove(&mut self, message: &[u8], password: &str) -> Result<String, ClientError> {
        let said = text(message)?;
        let mut parts = said.split(',');
        let nonce = attribute(&mut parts, "r=", "it has no nonce")?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(ScramError::Form("its nonce does not go on from the client's").into());
        }
        let salt = decode(attribute(&mut parts, "s=", "it has no salt")?)?;
        let iterations = attribute(&mut parts, "i=", "it has no iterations")?;
        let iterations = iterations
            .parse()
            .map_err(|_| ScramError::Form("its iterations are no number"))?;
        credential::check(iterations, &salt).map_err(ClientError::Unsafe)?;
        let signed = format!("c=biws,r={nonce}");
        let text = format!("{},{said},{signed}", self.bare);
        let salted = salted(password.as_bytes(), &salt, iterations);
        let key = hmac(&salted, b"Client Key");
        let proof = xor(&key, &hmac(&hash(&key), text.as_bytes()));
        let signature = hmac(&hmac(&salted, b"Server Key"), text.as_bytes());
        self.expected = Some(format!("v={}", encode(&signature)));
        Ok(format!("{signed},p={}", encode(&proof)))
    }

    /// Checks the server's last message.
    ///
    /// # Errors
    /// If it refuses, or could not prove that it knows the password.
    pub fn finish(&self, message: &[u8]) -> Result<(), ClientError> {
        let said = text(message)?;
        if said.starts_with("e=") {
            return Err(ClientError::Refused);
        }
        let first = said.split(',').next().unwrap_or_default();
        let expected = self.expected.as_deref().unwrap_or_default();
        let is_it = !expected.is_empty() && bool::from(expected.as_bytes().ct_eq(first.as_bytes()));
        is_it.then_some(()).ok_or(ClientError::Impostor)
    }
}
