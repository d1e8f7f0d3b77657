//! TLS, with and without certificates of the clients.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use spica_front::{ClientRoots, Listen, ListenError, TlsError, TlsFiles};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{World, dial, echo, hello, soon};

type Authority = CertifiedIssuer<'static, KeyPair>;
type Shown = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// The serial number of the certificate that was revoked.
const REVOKED: u64 = 66;

/// An authority, a server's certificate, and their files.
pub(crate) struct Keys {
    directory: TempDir,
    authority: Authority,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let keys = Self {
            directory,
            authority: authority("clients"),
        };
        let server = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        keys.write("cert.pem", &server.cert.pem());
        keys.write("key.pem", &server.signing_key.serialize_pem());
        keys.write("roots.pem", &keys.authority.pem());
        keys.write("revoked.pem", &keys.revoked());
        keys
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn revoked(&self) -> String {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2021, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(REVOKED),
                revocation_time: date_time_ymd(2020, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.authority).unwrap().pem().unwrap()
    }

    pub(crate) fn files(&self, clients: Option<bool>) -> TlsFiles {
        TlsFiles {
            certificate: self.path("cert.pem"),
            key: self.path("key.pem"),
            clients: clients.map(|are_required| ClientRoots {
                roots: self.path("roots.pem"),
                revoked: Some(self.path("revoked.pem")),
                are_required,
            }),
        }
    }

    /// A client's certificate.
    pub(crate) fn client(&self, serial: u64) -> Shown {
        signed(&self.authority, serial)
    }

    /// Connects as a client that shows this.
    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
        shown: Option<Shown>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let pem = std::fs::read(self.path("cert.pem")).unwrap();
        let mut roots = RootCertStore::empty();
        use rustls::pki_types::pem::PemObject as _;
        roots
            .add(CertificateDer::from_pem_slice(&pem).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(vec![certificate], key)
                .unwrap(),
        };
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        soon(connector.connect(name, stream)).await
    }
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn signed(authority: &Authority, serial: u64) -> Shown {
    let mut params = CertificateParams::new(["gate.example".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "gate-7");
    params.serial_number = Some(SerialNumber::from(serial));
    let uri = "urn:device:gate-7".try_into().unwrap();
    params.subject_alt_names.push(SanType::URI(uri));
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    (certificate.der().clone(), key)
}

/// Whether a client is let in: with TLS 1.3 it only learns so when it reads.
async fn is_let_in(connected: std::io::Result<TlsStream<TcpStream>>) -> bool {
    match connected {
        Ok(mut stream) => matches!(soon(stream.read(&mut [0])).await, Ok(1)),
        Err(_) => false,
    }
}

#[tokio::test]
async fn bytes_over_tls_are_the_same() {
    let (world, keys) = (World::new(), Keys::new());
    let address = world.listen(Some(keys.files(None)), false);
    let stream = keys.connect(dial(address).await, None).await.unwrap();
    let (line, mut stream) = hello(stream).await;
    assert!(line.ends_with(" nobody"), "{line}");
    let sent: Vec<u8> = (0..200_000u32).map(|n| (n >> 3) as u8).collect();
    let (mut reader, mut writer) = tokio::io::split(stream.get_mut());
    let mut back = vec![0; sent.len()];
    let write = async {
        writer.write_all(&sent).await.unwrap();
        writer.flush().await.unwrap();
    };
    let (read, ()) = soon(async { tokio::join!(reader.read_exact(&mut back), write) }).await;
    read.unwrap();
    assert!(back == sent, "not the same bytes");
}

#[tokio::test]
async fn a_listener_that_wants_certificates_takes_nobody_without_a_good_one() {
    let (world, keys) = (World::new(), Keys::new());
    let address = world.listen(Some(keys.files(Some(true))), false);
    let good = keys
        .connect(dial(address).await, Some(keys.client(1)))
        .await;
    let (line, _stream) = hello(good.unwrap()).await;
    let shown = "Some(\"gate-7\") [\"gate.example\"] [\"urn:device:gate-7\"]";
    assert!(line.ends_with(shown), "{line}");
    let stranger = signed(&authority("strangers"), 1);
    for shown in [None, Some(stranger), Some(keys.client(REVOKED))] {
        let connected = keys.connect(dial(address).await, shown).await;
        assert!(!is_let_in(connected).await);
    }
    world.until("echo_tls_errors_total", 3.0).await;
}

#[tokio::test]
async fn a_listener_that_may_do_without_certificates_refuses_wrong_ones_all_the_same() {
    let (world, keys) = (World::new(), Keys::new());
    let address = world.listen(Some(keys.files(Some(false))), false);
    for (shown, said) in [(None, " nobody"), (Some(keys.client(2)), "gate-7\"]")] {
        let stream = keys.connect(dial(address).await, shown).await.unwrap();
        let (line, _stream) = hello(stream).await;
        assert!(line.ends_with(said), "{line}");
    }
    let stranger = signed(&authority("strangers"), 1);
    let connected = keys.connect(dial(address).await, Some(stranger)).await;
    assert!(!is_let_in(connected).await);
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let (world, keys) = (World::new(), Keys::new());
    keys.write("empty.pem", "");
    for name in ["nowhere.pem", "empty.pem", "key.pem"] {
        let mut files = keys.files(Some(true));
        files.clients.as_mut().unwrap().roots = keys.path(name);
        let listen = Listen {
            name: "echo",
            address: "127.0.0.1:0".parse().unwrap(),
            tls: Some(files),
            web_socket: None,
        };
        let error = world.front().listen(listen, echo).unwrap_err();
        assert!(matches!(error, ListenError::Tls(TlsError::Clients { .. })));
        assert!(error.to_string().contains(name), "{error}");
    }
}
