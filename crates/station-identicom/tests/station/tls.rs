//! Devices that dial in with TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use spica_model::Lane;
use spica_station_identicom::{Server, Settings, StartError, TlsSettings};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Device, SERIAL, Station, frame, identity, soon};

/// Writes a certificate for `localhost` and its key to `directory`.
fn certificate(directory: &Path) -> (TlsSettings, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let settings = TlsSettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        certificate: certificate.to_str().unwrap().parse().unwrap(),
        key: key.to_str().unwrap().parse().unwrap(),
    };
    (settings, made.cert.der().clone())
}

async fn start(directory: &Path, change: impl FnOnce(&mut Settings)) -> (Station, TlsConnector) {
    let (tls, der) = certificate(directory);
    let station = Station::start_with(|settings| {
        settings.tls = Some(tls);
        change(settings);
    })
    .await;
    let mut roots = RootCertStore::empty();
    roots.add(der).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (station, TlsConnector::from(Arc::new(config)))
}

fn address(station: &Station) -> SocketAddr {
    station.server.as_ref().unwrap().tls_addr().unwrap()
}

async fn secure(connector: &TlsConnector, stream: TcpStream) -> Device<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    Device::new(soon(connector.connect(name, stream)).await.unwrap())
}

#[tokio::test]
async fn a_dialogue_over_tls_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let (station, connector) = start(directory.path(), |_| {}).await;
    let stream = TcpStream::connect(address(&station)).await.unwrap();
    let mut device = secure(&connector, stream).await;
    device.identify(SERIAL).await;
    device.hand_over(&[(1, 1, 0x20, b"")]).await;
    device.leave().await;
    assert_eq!(station.records(Lane::Normal, SERIAL, "events/").len(), 1);
}

#[tokio::test]
async fn many_frames_in_one_tls_record_are_all_taken() {
    let directory = tempfile::tempdir().unwrap();
    let (station, connector) = start(directory.path(), |_| {}).await;
    let stream = TcpStream::connect(address(&station)).await.unwrap();
    let mut device = secure(&connector, stream).await;
    let mut wire = frame(0x81, &identity(SERIAL, "1.2"));
    // More than is read at once.
    for index in 1..=60u32 {
        let detail = [&[5, 250][..], &[b'x'; 250]].concat();
        let entries = [(index, 1, 0x3b, &detail[..])];
        wire.extend(frame(0x82, &crate::support::page(1, &entries)));
    }
    device.write(&wire).await;
    station
        .until(|station| station.records(Lane::Critical, SERIAL, "events/").len() == 60)
        .await;
}

#[tokio::test]
async fn a_balancers_header_comes_before_the_handshake() {
    let directory = tempfile::tempdir().unwrap();
    let (station, connector) = start(directory.path(), |settings| {
        settings.proxy_protocol_from = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let stream = TcpStream::connect(address(&station)).await.unwrap();
    let mut plain = Device::new(stream);
    plain
        .write(b"PROXY TCP6 2001:db8::7 ::1 4000 5050\r\n")
        .await;
    let mut device = secure(&connector, plain.stream).await;
    device.identify(SERIAL).await;
    device.hand_over(&[]).await;
    device.leave().await;
    let check_in = station.payloads(Lane::Normal, SERIAL, "check-in");
    assert!(check_in[0].contains("[2001:db8::7]:4000"), "{check_in:?}");
}

#[tokio::test]
async fn what_is_no_tls_is_a_probe() {
    let directory = tempfile::tempdir().unwrap();
    let (station, _) = start(directory.path(), |_| {}).await;
    let stream = TcpStream::connect(address(&station)).await.unwrap();
    let mut device = Device::new(stream);
    device.identify(SERIAL).await;
    let probe = "admission_offences_total{reason=\"probe\"}";
    station.until(|station| station.metric(probe) == 1.0).await;
    assert_eq!(station.metric("identicom_tls_errors_total"), 1.0);
}

#[tokio::test]
async fn a_handshake_does_not_hold_a_stop_up() {
    let directory = tempfile::tempdir().unwrap();
    let (mut station, _) = start(directory.path(), |_| {}).await;
    let stream = TcpStream::connect(address(&station)).await.unwrap();
    station
        .until(|station| station.metric("identicom_connections_open") == 1.0)
        .await;
    let stop = station.server.take().unwrap().stop(Duration::from_secs(60));
    let stopped = soon(stop).await;
    assert_eq!((stopped.finished, stopped.cut), (1, 0));
    Device::new(stream).closed().await;
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let (tls, _) = certificate(directory.path());
    let swapped = TlsSettings {
        certificate: tls.key.clone(),
        ..tls.clone()
    };
    let missing = TlsSettings {
        key: "nowhere.pem".parse().unwrap(),
        ..tls
    };
    let station = Station::start().await;
    for (tls, said) in [
        (swapped, "there is no certificate in it"),
        (missing, "nowhere.pem"),
    ] {
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: Some(tls),
            ..Settings::default()
        };
        let error = Server::start(&settings, station.deps()).unwrap_err();
        assert!(matches!(error, StartError::Tls(_)));
        assert!(error.to_string().contains(said), "{error}");
    }
    let settings = Settings {
        listen: station.address(),
        ..Settings::default()
    };
    let error = Server::start(&settings, station.deps()).unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }), "{error}");
}
