//! SCRAM-SHA-256 (RFC 5802, RFC 7677): a password is proven without being sent, and the server proves
//! that it knows it, too.
//!
//! ```text
//! client                             server
//!   n,,n=user,r=nonce         ──▶    ClientFirst::parse, then Server::begin with the Credential
//!                             ◀──    r=nonce…,s=salt,i=iterations
//!   c=biws,r=nonce…,p=proof   ──▶    Server::finish
//!                             ◀──    v=signature
//! ```
//!
//! Nonces and salts are arguments: there is no chance here. What is not here: channel binding
//! (SCRAM-SHA-256-PLUS) and the normalisation of texts (SASLprep): user names and passwords are
//! compared as they are, so a client must send what was stored, in the same normal form.

mod client;
mod credential;
mod message;
mod server;

pub use client::{Client, ClientError};
pub use credential::{Credential, CredentialError, DEFAULT_ITERATIONS};
pub use message::ScramError;
pub use server::{Accepted, ClientFirst, Server};

/// The name of the mechanism, as in MQTT's authentication method.
pub const MECHANISM: &str = "SCRAM-SHA-256";

/// Longest message that is read, in bytes.
pub const MESSAGE_BYTES: usize = 2_048;

#[cfg(test)]
mod tests;
