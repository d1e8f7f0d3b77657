//! Whom a crowd listens to, in a process of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use spica_fixture::{Hub, Launch};
use spica_live_proto::{SubId, Subscribe};
use spica_model::TopicFilter;
use tokio::net::TcpStream;

use super::socket::{Crowd, Speaks};
use crate::figures::Usage;

/// How long a NATS server may take to listen.
const DEADLINE: Duration = Duration::from_secs(20);
/// Pause between two attempts.
const LOOK: Duration = Duration::from_millis(20);

/// A process, which is ended when this is dropped.
enum Process {
    Spica(Box<Hub>),
    Nats(Child),
}

/// Who is measured.
pub(super) struct Target {
    process: Process,
    /// Those who listen.
    pub(super) crowd: Arc<Crowd>,
    /// Where is published.
    pub(super) publish: SocketAddr,
}

impl Target {
    pub(super) fn spica(dir: &Path) -> Result<Self> {
        Self::spica_with(dir, true)
    }

    /// A node, and a crowd that takes deltas or does not.
    pub(super) fn spica_with(dir: &Path, delta: bool) -> Result<Self> {
        let hub = serve(dir)?;
        Ok(Self {
            crowd: crowd_of(&hub, delta)?,
            publish: hub.addresses().http,
            process: Process::Spica(Box::new(hub)),
        })
    }

    /// Debian's `nats-server`, without JetStream.
    pub(super) async fn nats(dir: &Path) -> Result<Self> {
        let [publish, listen] = [free_port()?, free_port()?];
        let file = dir.join("nats.conf");
        let config = format!(
            "listen: {publish}\nmax_connections: 20000\nwrite_deadline: \"30s\"\n\
             websocket {{ listen: {listen:?}, no_tls: true }}\n"
        );
        std::fs::write(&file, config)?;
        // Debian puts it where only root's path looks.
        let programs = ["/usr/sbin/nats-server", "/usr/bin/nats-server"];
        let program = programs.into_iter().find(|path| Path::new(path).exists());
        let child = Command::new(program.context("nats-server is not installed")?)
            .arg("-c")
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let target = Self {
            process: Process::Nats(child),
            crowd: Crowd::new(listen, Speaks::Nats),
            publish,
        };
        let begun = Instant::now();
        while TcpStream::connect(listen).await.is_err() {
            ensure!(begun.elapsed() < DEADLINE, "nats-server does not listen");
            tokio::time::sleep(LOOK).await;
        }
        Ok(target)
    }

    /// Processor time and memory of the process.
    pub(super) fn usage(&self) -> Result<Usage> {
        let pid = match &self.process {
            Process::Spica(hub) => hub.pid(),
            Process::Nats(child) => child.id(),
        };
        Ok(Usage::of(pid)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Self::Nats(child) = self {
            // It may have ended; either way it is gone afterwards.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Configuration of a node that lets them all in.
pub(super) const GENEROUS: [&str; 4] = [
    "log.level = \"error\"",
    "http.max_connections = 15000",
    "http.trusted = [\"127.0.0.0/8\"]",
    "live.max_sessions = 12000",
];

/// A node that lets them all in.
pub(super) fn serve(dir: &Path) -> Result<Hub> {
    let binary = std::env::current_exe().context("cannot find this program")?;
    let launch = Launch::new(binary, dir);
    let launch = GENEROUS
        .iter()
        .fold(launch, |launch, line| launch.config(line));
    launch.start()
}

/// Those who listen to a node.
pub(super) fn crowd_of(hub: &Hub, delta: bool) -> Result<Arc<Crowd>> {
    crowd_at(hub.addresses().http, hub.token()?, delta)
}

/// Those who listen at an address.
pub(super) fn crowd_at(address: SocketAddr, token: String, delta: bool) -> Result<Arc<Crowd>> {
    let everything = Subscribe::new(SubId(1), TopicFilter::new("root/bench/#")?);
    let subscribe = Subscribe {
        snapshot: false,
        delta,
        ..everything
    };
    let speaks = Speaks::Spica {
        token,
        subscribe: Box::new(subscribe),
    };
    Ok(Crowd::new(address, speaks))
}
