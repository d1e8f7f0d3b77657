//! `run.json` in the data directory: where a running node listens, for scripts and tests.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;
use spica_model::Timestamp;

/// Where a node listens.
#[derive(Debug, Clone, Serialize)]
pub struct Addresses {
    /// The HTTP interface.
    pub http: SocketAddr,
    /// The Identicom station, plain TCP.
    pub identicom: Option<SocketAddr>,
    /// The Identicom station behind TLS.
    pub identicom_tls: Option<SocketAddr>,
    /// The MQTT station, over TCP.
    pub mqtt: Option<SocketAddr>,
    /// The MQTT station behind TLS.
    pub mqtt_tls: Option<SocketAddr>,
    /// The MQTT station over WebSocket.
    pub mqtt_websocket: Option<SocketAddr>,
    /// The link to the partner, in a pair.
    pub pair: Option<SocketAddr>,
}

#[derive(Serialize)]
struct Content<'a> {
    pid: u32,
    version: &'a str,
    started: String,
    #[serde(flatten)]
    addresses: &'a Addresses,
}

/// The file, which is there while the node serves.
#[derive(Debug)]
pub(crate) struct ReadyFile {
    path: PathBuf,
}

impl ReadyFile {
    /// Writes the file in one step: who sees it sees all of it.
    ///
    /// # Errors
    /// If the data directory cannot be written.
    pub(crate) fn write(
        data_dir: &Path,
        addresses: &Addresses,
        started: Timestamp,
    ) -> io::Result<Self> {
        let content = Content {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION"),
            started: started.to_string(),
            addresses,
        };
        let path = data_dir.join("run.json");
        let fresh = data_dir.join("run.json.new");
        std::fs::write(&fresh, serde_json::to_vec_pretty(&content)?)?;
        std::fs::rename(&fresh, &path)?;
        Ok(Self { path })
    }

    /// Removes what a killed process left behind.
    ///
    /// # Errors
    /// If it is there and cannot be removed.
    pub(crate) fn clear(data_dir: &Path) -> io::Result<()> {
        match std::fs::remove_file(data_dir.join("run.json")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // A file that stays names a pid that is gone; the next start clears it.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_lives_as_long_as_the_node() {
        let dir = tempfile::tempdir().unwrap();
        let http = "127.0.0.1:8080".parse().unwrap();
        let addresses = Addresses {
            http,
            identicom: None,
            identicom_tls: None,
            mqtt: None,
            mqtt_tls: None,
            mqtt_websocket: None,
            pair: None,
        };
        let file = ReadyFile::write(dir.path(), &addresses, Timestamp::EPOCH).unwrap();
        let text = std::fs::read_to_string(dir.path().join("run.json")).unwrap();
        let content: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(content["http"], "127.0.0.1:8080");
        assert_eq!(content["pid"], std::process::id());
        drop(file);
        assert!(!dir.path().join("run.json").exists());
        ReadyFile::clear(dir.path()).unwrap();
    }
}
