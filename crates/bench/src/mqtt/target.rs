//! Who is measured, each in a process of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use spica_fixture::{Hub, Launch};

use crate::figures::Usage;

/// How long a server may take to listen.
const DEADLINE: Duration = Duration::from_secs(20);
/// Pause between two attempts.
const LOOK: Duration = Duration::from_millis(5);

/// A server that can be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This program.
    Spica,
    /// Eclipse Mosquitto, as Debian has it. It keeps nothing on disk.
    Mosquitto,
    /// A NATS server with MQTT and JetStream on disk, which it does not flush for each message.
    Nats,
    /// One that runs already.
    At(SocketAddr),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "spica" => Self::Spica,
            "mosquitto" => Self::Mosquitto,
            "nats" => Self::Nats,
            address => Self::At(address.parse().map_err(
                |_| "allowed are spica, mosquitto, nats and an address such as 127.0.0.1:1883",
            )?),
        })
    }
}

impl Target {
    /// What the report calls it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Spica => "spica".into(),
            Self::Mosquitto => "mosquitto".into(),
            Self::Nats => "nats".into(),
            Self::At(address) => address.to_string(),
        }
    }

    /// Whether it can be started here.
    #[must_use]
    pub fn is_there(&self) -> bool {
        match self {
            Self::Spica | Self::At(_) => true,
            Self::Mosquitto => program("mosquitto").is_some(),
            Self::Nats => program("nats-server").is_some(),
        }
    }

    /// Starts it, with its files below `dir`.
    pub(super) fn start(&self, dir: &Path) -> Result<Running> {
        match self {
            Self::Spica => Running::spica(dir),
            Self::Mosquitto => Running::mosquitto(dir),
            Self::Nats => Running::nats(dir),
            Self::At(address) => Ok(Running {
                address: *address,
                process: Process::Foreign,
            }),
        }
    }
}

/// Where a program is: Debian puts servers where only root's path looks.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::split_paths(&path);
    let places = own.chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    places
        .map(|place| place.join(name))
        .find(|file| file.is_file())
}

/// A process, which is ended when this is dropped.
enum Process {
    Spica(Box<Hub>),
    Child(Child),
    Foreign,
}

/// A server that listens.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    process: Process,
}

/// A node that lets all in from here, and is not in the way of its own measurement.
const GENERATOR: [&str; 5] = [
    "log.level = \"error\"",
    "mqtt.listen = \"127.0.0.1:0\"",
    "mqtt.access.anonymous = \"admin\"",
    "identicom.admission.trusted = [\"127.0.0.0/8\"]",
    "mqtt.admission.trusted = [\"127.0.0.0/8\"]",
];

impl Running {
    fn spica(dir: &Path) -> Result<Self> {
        let binary = std::env::current_exe().context("cannot find this program")?;
        let launch = Launch::new(binary, dir);
        let launch = GENERATOR
            .iter()
            .fold(launch, |launch, line| launch.config(line));
        Self::of(launch.start()?)
    }

    fn of(hub: Hub) -> Result<Self> {
        let address = hub
            .addresses()
            .mqtt
            .context("the node has no MQTT station")?;
        let process = Process::Spica(Box::new(hub));
        Ok(Self { address, process })
    }

    fn mosquitto(dir: &Path) -> Result<Self> {
        let address = free_port()?;
        let file = dir.join("mosquitto.conf");
        let listener = format!("listener {} {}\n", address.port(), address.ip());
        let rest = "allow_anonymous true\nset_tcp_nodelay true\nlog_type error\n";
        std::fs::write(&file, listener + rest)?;
        Self::child(address, "mosquitto", &["-c".as_ref(), file.as_ref()])
    }

    fn nats(dir: &Path) -> Result<Self> {
        let [address, other] = [free_port()?, free_port()?];
        let file = dir.join("nats.conf");
        let store = dir.join("jetstream");
        let config = format!(
            "listen: {other}\nserver_name: bench\nmax_connections: 20000\n\
             jetstream {{ store_dir: {store:?} }}\nmqtt {{ listen: \"{address}\" }}\n"
        );
        std::fs::write(&file, config)?;
        Self::child(address, "nats-server", &["-c".as_ref(), file.as_ref()])
    }

    fn child(address: SocketAddr, name: &str, arguments: &[&std::ffi::OsStr]) -> Result<Self> {
        let program = program(name).with_context(|| format!("{name} is not installed"))?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let process = Process::Child(child);
        let running = Self { address, process };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            ensure!(begun.elapsed() < DEADLINE, "{name} does not listen");
            #[expect(
                clippy::disallowed_methods,
                reason = "a foreign server says nothing when it is ready"
            )]
            std::thread::sleep(LOOK);
        }
        Ok(running)
    }

    /// Processor time and memory; none of a server that somebody else has started.
    pub(super) fn usage(&self) -> Option<Usage> {
        let pid = match &self.process {
            Process::Spica(hub) => hub.pid(),
            Process::Child(child) => child.id(),
            Process::Foreign => return None,
        };
        Usage::of(pid).ok()
    }

    /// Kills it and starts it again; only of a node.
    pub(super) fn restart(self) -> Result<(Self, Duration)> {
        let Process::Spica(hub) = &self.process else {
            anyhow::bail!("only a node can be restarted with its sessions");
        };
        let launch = hub.launch().clone();
        drop(self);
        let began = Instant::now();
        let running = Self::of(launch.start()?)?;
        Ok((running, began.elapsed()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Self::Child(child) = self {
            // It may have ended; either way it is gone afterwards.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_names_or_addresses() {
        assert_eq!("nats".parse(), Ok(Target::Nats));
        let at = Target::At(([127, 0, 0, 1], 1883).into());
        assert_eq!("127.0.0.1:1883".parse(), Ok(at.clone()));
        assert_eq!(at.name(), "127.0.0.1:1883");
        assert!("emqx".parse::<Target>().is_err());
    }
}
