//! From settings to a witness.

use std::sync::Arc;

use crate::address::{Cluster, Target};
use crate::client;
use crate::etcd::InEtcd;
use crate::file::InDirectory;
use crate::http::OverHttp;
use crate::register::{ByRegister, Register};
use crate::{OpenError, Settings, Witness};

/// The witness that the settings name. It connects when it is first asked, so that a node starts
/// while its witness is down.
///
/// # Errors
/// If the settings contradict each other, or what they name on this machine is not there.
pub fn open(settings: &Settings) -> Result<Arc<dyn Witness>, OpenError> {
    settings.validate()?;
    if settings.token.is_some() && !settings.url.is_encrypted() {
        let witness = settings.url.to_string();
        tracing::warn!(witness, "the witness's token is sent without encryption");
    }
    match settings.url.target() {
        Target::File(directory) => {
            let register = InDirectory::new(directory.clone()).map_err(OpenError::Thread)?;
            Ok(witness(register, settings))
        }
        Target::Http(url) => {
            let http = client::build(settings)?;
            let register = OverHttp::new(http, url.clone(), settings.token.clone());
            Ok(witness(register, settings))
        }
        Target::Etcd(cluster) => {
            let http = client::build(settings)?;
            Ok(witness(InEtcd::new(http, cluster, settings), settings))
        }
        Target::Nats(cluster) => nats(cluster, settings),
    }
}

#[cfg(feature = "nats")]
fn nats(cluster: &Cluster, settings: &Settings) -> Result<Arc<dyn Witness>, OpenError> {
    let register = crate::nats::InNats::new(cluster.clone(), settings);
    Ok(witness(register, settings))
}

#[cfg(not(feature = "nats"))]
fn nats(_: &Cluster, _: &Settings) -> Result<Arc<dyn Witness>, OpenError> {
    Err(OpenError::WithoutNats)
}

fn witness(register: impl Register, settings: &Settings) -> Arc<dyn Witness> {
    let address = settings.url.to_string();
    let timeout = settings.timeout.as_duration();
    Arc::new(ByRegister::new(register, address, timeout))
}
