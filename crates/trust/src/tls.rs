//! Mutual TLS by the identity of nodes.
//!
//! One verifier judges both ends, that of rustls for clients: it checks the chain, the time and the
//! lists of the revoked, and no name. The name, a node's path and side, is read after the handshake
//! ([`Identity::peer_of`]) and is the link's to judge.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{
    ClientConfig, CommonState, DigitallySignedStruct, Error, RootCertStore, ServerConfig,
    SignatureScheme,
};
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, IpAddr, PrivateKeyDer, ServerName, UnixTime,
};
use spica_clock::SharedClock;
use spica_model::Timestamp;

use crate::identity::{NodeIdentity, PeerIdentityError, peer_identity};
use crate::refusal::refusal;

/// What both ends of a link must speak (RFC 7301).
pub const ALPN: &[u8] = b"spica-link/1";

/// The name to dial with. It is never sent and never checked: rustls wants one.
#[must_use]
pub fn server_name() -> ServerName<'static> {
    ServerName::IpAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED.into()))
}

/// Why a peer is not let in, or not any longer.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It speaks something else.
    #[error("the peer does not speak Spica's link protocol: is another program at this address?")]
    Protocol,
    /// It names no node.
    #[error(transparent)]
    Identity(#[from] PeerIdentityError),
    /// Its certificate does not count.
    #[error("{}", refusal(.0))]
    Refused(#[from] Error),
}

/// What was read from files.
pub(crate) struct Parts {
    pub(crate) roots: RootCertStore,
    pub(crate) crls: Vec<CertificateRevocationListDer<'static>>,
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// A node's own certificate and what it trusts, ready for links. Cheap to ask.
pub struct Identity {
    own: NodeIdentity,
    not_after: Timestamp,
    clock: SharedClock,
    verifier: Arc<dyn ClientCertVerifier>,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("own", &self.own)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

impl Identity {
    pub(crate) fn new(
        parts: Parts,
        own: NodeIdentity,
        not_after: Timestamp,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = verifier(parts.roots, parts.crls, &provider)?;
        let certified = CertifiedKey::from_der(parts.chain, parts.key, &provider)?;
        // What another node will do with it.
        verify(&*verifier, &certified.cert, now(&clock))?;
        let keys = Arc::new(SingleCertAndKey::from(certified));
        let time: Arc<dyn TimeProvider> = Arc::new(ClockTime(Arc::clone(&clock)));
        Ok(Self {
            own,
            not_after,
            clock,
            server: server_config(&provider, &time, &verifier, &keys)?,
            client: client_config(&provider, &time, &verifier, &keys)?,
            verifier,
        })
    }

    /// The node that this certificate names.
    #[must_use]
    pub const fn own(&self) -> &NodeIdentity {
        &self.own
    }

    /// Until when the certificate is valid.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// For the end that is dialled: TLS 1.3, a certificate of the peer required, [`ALPN`].
    #[must_use]
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// For the end that dials, with [`server_name`]: TLS 1.3, our certificate shown, [`ALPN`].
    ///
    /// As in all TLS 1.3, this end's handshake is done before the other end has judged our
    /// certificate: a refusal is the first thing read.
    #[must_use]
    pub fn client_config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.client)
    }

    /// Which node is at the other end of a connection whose handshake is done.
    ///
    /// # Errors
    /// If it speaks something else, or its certificate names no node.
    pub fn peer_of(&self, connection: &CommonState) -> Result<NodeIdentity, PeerError> {
        if connection.alpn_protocol() != Some(ALPN) {
            return Err(PeerError::Protocol);
        }
        let chain = connection.peer_certificates().unwrap_or_default();
        Ok(peer_identity(chain)?)
    }

    /// Checks the certificates of an open connection again. To be called after a reload and now and
    /// then: a connection outlives the moment when its peer's certificate is revoked or expires.
    ///
    /// # Errors
    /// If the peer would not be let in now.
    pub fn verify(&self, chain: &[CertificateDer<'_>]) -> Result<NodeIdentity, PeerError> {
        verify(&*self.verifier, chain, now(&self.clock))?;
        Ok(peer_identity(chain)?)
    }
}

fn verifier(
    roots: RootCertStore,
    crls: Vec<CertificateRevocationListDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    // An old list is used past its date: what it says stays true, and refusing all links over it would
    // be an outage.
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .with_crls(crls)
        .build()
        .map_err(|error| match error {
            rustls::client::VerifierBuilderError::InvalidCrl(error) => {
                Error::InvalidCertRevocationList(error)
            }
            other => Error::General(other.to_string()),
        })
}

fn verify(
    verifier: &dyn ClientCertVerifier,
    chain: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Error> {
    let (leaf, between) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
    verifier.verify_client_cert(leaf, between, now).map(|_| ())
}

fn server_config(
    provider: &Arc<CryptoProvider>,
    time: &Arc<dyn TimeProvider>,
    verifier: &Arc<dyn ClientCertVerifier>,
    keys: &Arc<SingleCertAndKey>,
) -> Result<Arc<ServerConfig>, Error> {
    let mut config = ServerConfig::builder_with_details(Arc::clone(provider), Arc::clone(time))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::clone(verifier))
        .with_cert_resolver(Arc::clone(keys) as _);
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would not be checked against the list of the revoked.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

fn client_config(
    provider: &Arc<CryptoProvider>,
    time: &Arc<dyn TimeProvider>,
    verifier: &Arc<dyn ClientCertVerifier>,
    keys: &Arc<SingleCertAndKey>,
) -> Result<Arc<ClientConfig>, Error> {
    let mut config = ClientConfig::builder_with_details(Arc::clone(provider), Arc::clone(time))
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyNode(Arc::clone(verifier))))
        .with_client_cert_resolver(Arc::clone(keys) as _);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(Arc::new(config))
}

/// Accepts any node of the authority at the other end, whatever its address.
#[derive(Debug)]
struct AnyNode(Arc<dyn ClientCertVerifier>);

impl ServerCertVerifier for AnyNode {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0
            .verify_client_cert(end_entity, intermediates, now)
            .map(|_| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// The node's clock, as rustls asks for it.
struct ClockTime(SharedClock);

impl fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockTime")
    }
}

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(now(&self.0))
    }
}

fn now(clock: &SharedClock) -> UnixTime {
    let micros = u64::try_from(clock.wall().as_micros()).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_micros(micros))
}
