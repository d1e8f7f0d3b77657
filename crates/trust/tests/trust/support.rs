//! Authorities, nodes, and two ends of a link in memory.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use spica_clock::{ManualClock, SharedClock};
use spica_model::{Timestamp, Topic};
use spica_trust::{Authority, Credentials, Identity, NODE_LIFE, NodeIdentity, Side, Subject};
use tempfile::TempDir;

pub(crate) const DAY: Duration = Duration::from_hours(24);

/// Some day in 2026.
pub(crate) fn start() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

pub(crate) fn node(path: &str, side: Option<Side>) -> NodeIdentity {
    NodeIdentity {
        node: Topic::new(path).unwrap(),
        side,
    }
}

pub(crate) fn subject(path: &str, side: Option<Side>) -> Subject {
    Subject {
        identity: node(path, side),
        addresses: Vec::new(),
    }
}

/// A directory with an authority in `ca` and nodes beside it, and a clock.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::named("test")
    }

    pub(crate) fn named(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Authority::init(&dir.path().join("ca"), name, start()).unwrap();
        let clock = Arc::new(ManualClock::new(start()));
        Self { dir, clock }
    }

    pub(crate) fn shared_clock(&self) -> SharedClock {
        Arc::clone(&self.clock) as _
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca")
    }

    pub(crate) fn authority(&self) -> Authority {
        Authority::open(&self.ca(), start()).unwrap()
    }

    /// Issues the credentials of a node into a directory of that name.
    pub(crate) fn issue(&self, name: &str, path: &str, side: Option<Side>) -> Credentials {
        let dir = self.dir.path().join(name);
        self.authority()
            .issue_into(&dir, &subject(path, side), NODE_LIFE, start())
            .unwrap();
        Credentials::in_directory(&dir)
    }

    /// Copies the list of the revoked to a node, as an operator does.
    pub(crate) fn distribute(&self, to: &Credentials) {
        std::fs::copy(self.ca().join("ca.crl"), to.crl.as_ref().unwrap()).unwrap();
    }

    pub(crate) fn load(&self, credentials: &Credentials) -> Identity {
        credentials.load(self.shared_clock()).unwrap()
    }

    /// Both nodes of a pair.
    pub(crate) fn pair(&self) -> (Identity, Identity) {
        let primary = self.issue("primary", "root/s1", Some(Side::Primary));
        let backup = self.issue("backup", "root/s1", Some(Side::Backup));
        (self.load(&primary), self.load(&backup))
    }
}

/// Two ends in memory.
pub(crate) struct Ends {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
}

/// What the two ends say of a handshake: nothing, or why not.
pub(crate) type Outcome = (Option<rustls::Error>, Option<rustls::Error>);

impl Ends {
    pub(crate) fn new(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Self {
        Self {
            client: ClientConnection::new(client, spica_trust::server_name()).unwrap(),
            server: ServerConnection::new(server).unwrap(),
        }
    }

    /// Carries bytes until neither end has any; what the client and the server say.
    pub(crate) fn shake_hands(mut self) -> (Self, Outcome) {
        let mut outcome = (None, None);
        let mut client = Connection::Client(self.client);
        let mut server = Connection::Server(self.server);
        loop {
            let there = carry(&mut client, &mut server, &mut outcome.1);
            let back = carry(&mut server, &mut client, &mut outcome.0);
            if !there && !back {
                break;
            }
        }
        let (Connection::Client(client), Connection::Server(server)) = (client, server) else {
            unreachable!("each end is what it was");
        };
        self = Self { client, server };
        (self, outcome)
    }
}

/// Carries what one end has to say to the other; whether there was anything.
fn carry(from: &mut Connection, to: &mut Connection, error: &mut Option<rustls::Error>) -> bool {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() && error.is_none() {
        to.read_tls(&mut rest).unwrap();
        *error = to.process_new_packets().err();
    }
    !bytes.is_empty()
}

/// A handshake of two nodes that dials from the first to the second.
pub(crate) fn handshake(client: &Identity, server: &Identity) -> (Ends, Outcome) {
    Ends::new(client.client_config(), server.server_config()).shake_hands()
}
