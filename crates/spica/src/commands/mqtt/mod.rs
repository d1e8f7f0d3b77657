//! `spica mqtt`: what an MQTT client does by hand, and what an operator does with them.

mod clients;
mod publish;
mod subscribe;
mod users;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::ConfigVerifierExt as _;
use spica_mqtt_client::{Backoff, Client, Connected, QoS, Settings, State, Version};

use crate::cli::{Broker, Mqtt, MqttVersion};
use crate::out;

/// When a person is told that nobody answers.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs the command.
///
/// # Errors
/// If the server refuses the connection or what is asked of it.
pub(crate) async fn run(mqtt: Mqtt) -> Result<()> {
    match mqtt {
        Mqtt::Pub(args) => publish::run(*args).await,
        Mqtt::Sub(args) => subscribe::run(*args).await,
        Mqtt::Clients(args) => clients::clients(args).await,
        Mqtt::Kick(args) => clients::kick(args).await,
        Mqtt::Sessions(args) => clients::sessions(args).await,
        Mqtt::User(command) => users::run(command).await,
        Mqtt::Password(from) => users::password(&from),
        Mqtt::Reload(hub) => clients::reload(hub).await,
    }
}

fn settings(broker: &Broker) -> Result<Settings> {
    Ok(Settings {
        servers: broker.brokers.clone(),
        tls: broker
            .tls
            .then(|| tls(broker.ca_file.as_deref()))
            .transpose()?,
        version: match broker.mqtt_version {
            MqttVersion::V311 => Version::V311,
            MqttVersion::V5 => Version::V5,
        },
        client_id: broker.id.clone().unwrap_or_default(),
        user: broker.user.clone(),
        password: broker.password.clone(),
        keep_alive_secs: secs(broker.keep_alive).try_into().unwrap_or(u16::MAX),
        reconnect: Some(Backoff::default()),
        ..Settings::default()
    })
}

fn tls(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let Some(file) = ca_file else {
        let config = ClientConfig::with_platform_verifier();
        return Ok(Arc::new(
            config.context("cannot use the system's certificates")?,
        ));
    };
    let mut roots = RootCertStore::empty();
    let unreadable = || format!("cannot read the certificates in {}", file.display());
    for certificate in CertificateDer::pem_file_iter(file).with_context(unreadable)? {
        roots.add(certificate.with_context(unreadable)?)?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    Ok(Arc::new(config.with_no_client_auth()))
}

fn secs(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// Clap lets 0 to 2 through.
fn qos(number: u8) -> QoS {
    QoS::try_from(number).unwrap_or(QoS::ExactlyOnce)
}

/// Waits for the first connection: when each of the servers has been tried, none is tried again.
async fn connected(client: &Client, broker: &Broker) -> Result<Connected> {
    let mut state = client.state();
    let mut failed = 0;
    let late = tokio::time::sleep(PATIENCE);
    tokio::pin!(late);
    loop {
        tokio::select! {
            connected = client.connected() => return Ok(connected?),
            changed = state.changed() => {
                changed.context("the client has ended")?;
                if let State::Connecting(Some(error)) = &*state.borrow_and_update() {
                    failed += 1;
                    if failed >= broker.brokers.len() {
                        return Err(error.clone().into());
                    }
                }
            }
            () = &mut late, if !late.is_elapsed() => {
                out::note("the server does not answer yet (see --broker)");
            }
        }
    }
}
