//! The witness over HTTPS, with a certificate of an authority of our own.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use spica_pair::witness::Answer;
use spica_witness::{LookError, contract};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::http::{Own, with_token};
use crate::{open, patient};

#[tokio::test]
async fn only_a_certificate_of_the_authority_is_trusted() {
    // An error says that it is installed already, which is what we want.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let directory = tempfile::tempdir().unwrap();
    let server = Own::start(directory.path()).await;
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ca = directory.path().join("ca.crt");
    std::fs::write(&ca, cert.pem()).unwrap();
    let key = signing_key.serialize_der().try_into().unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = server.address;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut plain = TcpStream::connect(behind).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut stream, &mut plain).await });
        }
    });
    let url = format!("https://localhost:{port}/v1/witness");
    let mut settings = with_token(patient(&url));
    let error = open(&settings).recorded("root/s1").await.unwrap_err();
    assert!(matches!(error, LookError::Failed(_)), "{error}");
    assert!(error.to_string().contains("ertificate"), "{error}");
    settings.ca = Some(ca.display().to_string().parse().unwrap());
    let witness = open(&settings);
    let asked = witness.ask("root/s1", contract::question(2, 1)).await;
    assert_eq!(asked, Answer::Granted);
}
