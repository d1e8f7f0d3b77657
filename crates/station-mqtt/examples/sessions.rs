//! How much memory a session takes: so many clients in this process, connected over pipes in memory,
//! idle. Prints JSON. `cargo run --release -p spica-station-mqtt --example sessions -- 1000000`
#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use spica_admission::{Admission, Limits, Rate};
use spica_clock::{Clock as _, SystemClock};
use spica_front::{Pipe, pipe};
use spica_journal::memory::MemoryJournal;
use spica_model::Topic;
use spica_mqtt_proto::{Connect, ConnectProperties, Packet, Version};
use spica_role::scripted::Scripted;
use spica_station_mqtt::{Deps, Gate, GateDeps, Holder, Metrics, Server, Settings, Tokens};
use spica_views::{DeviceService, Views};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Bytes that a pipe holds.
const PIPE_BYTES: usize = 4_096;
/// Clients that connect at once.
const AT_ONCE: usize = 1_000;

/// There are none.
struct NoTokens;

impl Tokens for NoTokens {
    fn holder(&self, _: &str) -> Option<Holder> {
        None
    }

    fn by_id(&self, _: &str) -> Option<Holder> {
        None
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let count: usize = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => 100_000,
    };
    let directory = tempfile::tempdir()?;
    let server = start(directory.path(), count)?;
    let mut clients = Vec::with_capacity(count);
    // What the first ones bring along (threads, buffers) is not theirs.
    connect(&server, &mut clients, AT_ONCE).await?;
    let (before, began) = (resident()?, SystemClock.monotonic());
    while clients.len() < count {
        connect(&server, &mut clients, AT_ONCE).await?;
    }
    let seconds = (SystemClock.monotonic() - began).as_secs_f64();
    let measured = (count - AT_ONCE) as f64;
    let bytes = (resident()? as f64 - before as f64) / measured;
    println!(
        r#"{{"sessions":{},"rss_bytes_per_session":{bytes:.0},"connects_per_s":{:.0}}}"#,
        server.connected(),
        measured / seconds,
    );
    Ok(())
}

fn start(directory: &std::path::Path, count: usize) -> Result<Server, Failure> {
    let clock = Arc::new(SystemClock);
    let journal = MemoryJournal::new();
    let node = Topic::new("root/s1")?;
    let views = Views::start(
        journal.clone(),
        node.clone(),
        spica_views::Settings::default(),
        &directory.join("views.redb"),
        clock.clone(),
    )?;
    let role = Scripted::default();
    role.serve();
    let rate = Rate {
        per_second: u32::MAX,
        burst: u32::MAX,
    };
    let limits = Limits {
        connections: count + 1,
        connections_per_source: u32::MAX,
        accepts: rate,
        accepts_per_source: rate,
        ..Limits::default()
    };
    let (settings, metrics) = (Settings::default(), Metrics::default());
    let gate = GateDeps {
        views: Arc::clone(&views),
        tokens: Arc::new(NoTokens),
        clock: clock.clone(),
        metrics: metrics.clone(),
        open: true,
        base: directory.to_owned(),
    };
    let gate = Gate::new(&settings.access, gate).map_err(|problems| format!("{problems:?}"))?;
    let devices = DeviceService::new(journal.clone(), Arc::clone(&views), clock.clone());
    let deps = Deps {
        journal,
        views,
        devices: Arc::new(devices),
        role: Arc::new(role),
        admission: Arc::new(Mutex::new(Admission::new(limits))),
        clock,
        metrics,
        access: Arc::new(gate),
        node,
        base: directory.to_owned(),
    };
    Ok(Server::start(&settings, deps)?)
}

/// Connects so many more, all at once.
async fn connect(server: &Server, clients: &mut Vec<Pipe>, count: usize) -> Result<(), Failure> {
    let first = clients.len();
    for number in first..first + count {
        let (ours, theirs) = pipe(PIPE_BYTES);
        let remote = SocketAddr::from(([127, 0, 0, 1], 1));
        server
            .attach(theirs, remote)
            .map_err(|refusal| refusal.as_str())?;
        clients.push(ours);
        let id = format!("device-{number:07}");
        let packet = Packet::Connect(Connect {
            version: Version::V311,
            clean_start: true,
            keep_alive: 60,
            properties: ConnectProperties::default(),
            client_id: &id,
            will: None,
            user: None,
            password: None,
        });
        let mut bytes = Vec::new();
        packet.encode(Version::V311, &mut bytes)?;
        clients[number].write_all(&bytes).await?;
    }
    for client in &mut clients[first..] {
        let mut connack = [0; 4];
        client.read_exact(&mut connack).await?;
        if connack != [0x20, 2, 0, 0] {
            return Err("a client is refused".into());
        }
    }
    Ok(())
}

/// Bytes of this process that are in memory.
fn resident() -> Result<u64, Failure> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).ok_or("statm is empty")?;
    Ok(pages.parse::<u64>()? * 4_096)
}
