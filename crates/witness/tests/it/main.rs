//! Every adapter against its real store: the contract, and what is special about each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod etcd;
mod file;
mod http;
mod misfits;
#[cfg(feature = "nats")]
mod nats;
mod process;
mod tls;

use std::sync::Arc;

use spica_witness::{Settings, Witness};

/// Settings for an address, with more time than any slow machine needs.
fn patient(url: &str) -> Settings {
    let mut settings = Settings::new(url.parse().unwrap());
    settings.timeout = "20s".parse().unwrap();
    settings
}

/// Settings for a witness that is not expected to answer.
fn hasty(url: &str) -> Settings {
    let mut settings = Settings::new(url.parse().unwrap());
    settings.timeout = "200ms".parse().unwrap();
    settings
}

fn open(settings: &Settings) -> Arc<dyn Witness> {
    spica_witness::open(settings).unwrap()
}

/// A client for whatever the adapters do not do.
fn client() -> reqwest::Client {
    // An error says that it is installed already, which is what we want.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::new()
}
