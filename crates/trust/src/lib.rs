//! Who a node is, and how others can tell: the built-in certificate authority, and the mutual TLS of
//! node links.
//!
//! ```text
//!  Authority (ca.key, index.json) ── issue ──▶ node.crt, node.key ─┐
//!        │                                        ca.crt, ca.crl ──┴▶ Credentials ─▶ Identity
//!        └── revoke ──▶ ca.crl                                                        │
//!                                             server_config(), client_config(), peer_of()
//! ```
//!
//! A certificate names a node by its path in the tree and its side in a pair ([`NodeIdentity`]). That
//! name is what counts on a link; host names and addresses are not looked at, so that a node may move.
//!
//! Invariants: nobody gets through a handshake without a certificate of this authority that is neither
//! expired nor revoked; every handshake is a full one, since a resumed one would skip these checks; no
//! certificate exists that the authority's index does not know.
//!
//! What is not here: sockets, who may talk to whom (the link compares the [`NodeIdentity`]), when files
//! are looked at again (the node calls [`IdentityHolder::reload`]), enrolment over the network.

mod authority;
mod credentials;
mod files;
mod holder;
mod identity;
mod inspect;
mod refusal;
mod settings;
mod tls;
mod uri;

pub use authority::{
    Authority, CA_LIFE, CRL_LIFE, Entry, InitError, IssueError, Issued, MAX_ADDRESSES, MAX_ISSUED,
    MAX_LIFE, NODE_LIFE, OpenError, ParseSerialError, Revoke, RevokeError, SaveError, Serial,
    Subject,
};
pub use credentials::{Credentials, LoadError};
pub use files::{CA_CERTIFICATE, CA_KEY, CRL, FileError, INDEX, NODE_CERTIFICATE, NODE_KEY};
pub use holder::{IdentityHolder, Reload};
pub use identity::{NodeIdentity, ParseSideError, PeerIdentityError, Side, peer_identity};
pub use inspect::{InspectError, Summary, inspect};
pub use refusal::refusal;
pub use settings::Settings;
pub use tls::{ALPN, Identity, PeerError, server_name};
