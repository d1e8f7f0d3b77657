//! The arguments of `spica bench`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::time;

#[derive(Debug, Args, Clone)]
pub(crate) struct BenchCommon {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the benchmark keeps its files; a temporary directory is made in it
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Via {
    /// The journal port, in this process
    Port,
    /// POST /v1/topics of a node in another process
    Http,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LiveMode {
    /// Each record to each session
    Message,
    /// The same with a NATS server (Debian's) in place of the node, for comparison
    Nats,
    /// The latest of each of 50 topics to each session
    Conflated,
    /// 750 sessions more every five seconds, 100 records a second to each
    Ramp,
    /// Memory of sessions that get nothing
    Idle,
    /// All sessions come back after the node was killed
    Resume,
    /// All sessions of a pair's active come back to its partner after it was killed
    TakeOver,
    /// One client that publishes and waits for it
    PingPong,
    /// A document of which one field changes
    Deltas,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MqttMode {
    /// Publishes of QoS 1: 64 connections, 16 in flight on each
    Qos1,
    /// Publishes of QoS 1: 1,024 connections, one in flight on each
    Qos1Wide,
    /// Connect, publish with QoS 1, disconnect
    Cycles,
    /// One publishes with QoS 0, many subscribe
    FanOut,
    /// Connections that do nothing: how fast they are taken, and their memory
    Idle,
    /// From the kill of a node until it has its sessions back
    Restart,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// The floor: what one durable append costs on this disk
    Disk {
        #[command(flatten)]
        common: BenchCommon,
        /// Appends to measure
        #[arg(long, default_value_t = 2_000)]
        rounds: usize,
    },
    /// Acknowledged records per second
    Ingest {
        #[command(flatten)]
        common: BenchCommon,
        /// Records submitted and not yet acknowledged
        #[arg(long, default_value_t = 1_024)]
        in_flight: usize,
        /// Payload bytes of a record
        #[arg(long, default_value_t = 128)]
        size: usize,
        /// Through the journal port or over HTTP
        #[arg(long, value_enum, default_value_t = Via::Port)]
        via: Via,
        /// How long to measure
        #[arg(long = "for", value_name = "TIME", value_parser = time, default_value = "5s")]
        duration: Duration,
    },
    /// Whole device dialogues over TCP: connect, identity, one event, delete, close
    PhoneHome {
        #[command(flatten)]
        common: BenchCommon,
        /// Number of devices
        #[arg(long, default_value_t = 1_000)]
        devices: u32,
        /// Connections at once
        #[arg(long, default_value_t = 256)]
        at_once: usize,
        /// How long to measure
        #[arg(long = "for", value_name = "TIME", value_parser = time, default_value = "10s")]
        duration: Duration,
    },
    /// Devices that all dial in at the same moment
    Burst {
        #[command(flatten)]
        common: BenchCommon,
        /// Number of devices
        #[arg(long, default_value_t = 10_000)]
        devices: u32,
        /// Idle connections held meanwhile
        #[arg(long, default_value_t = 0)]
        idle: u32,
    },
    /// From a man-down on the wire to the first message leaving, idle and while a fleet bursts
    Alert {
        #[command(flatten)]
        common: BenchCommon,
        /// Alarms to measure while nothing else goes on, 1 to 5,000
        #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=5_000))]
        rounds: u32,
        /// Devices that burst in the second half
        #[arg(long, default_value_t = 10_000)]
        devices: u32,
    },
    /// Memory per idle connection
    Idle {
        #[command(flatten)]
        common: BenchCommon,
        /// Number of connections
        #[arg(long, default_value_t = 10_000)]
        connections: u32,
    },
    /// Honest devices among hostile connections
    Hostile {
        #[command(flatten)]
        common: BenchCommon,
        /// Number of honest devices
        #[arg(long, default_value_t = 500)]
        devices: u32,
        /// Hostile connections per honest visit
        #[arg(long, default_value_t = 4.0)]
        per_visit: f64,
        /// How long to measure each
        #[arg(long = "for", value_name = "TIME", value_parser = time, default_value = "10s")]
        duration: Duration,
    },
    /// Acknowledged records per second of a pair: durable on both nodes, each in a process of its own
    Pair {
        #[command(flatten)]
        common: BenchCommon,
        /// Records submitted and not yet acknowledged
        #[arg(long, default_value_t = 1_024)]
        in_flight: usize,
        /// Payload bytes of a record
        #[arg(long, default_value_t = 128)]
        size: usize,
        /// How long to measure
        #[arg(long = "for", alias = "duration", value_name = "TIME", value_parser = time, default_value = "5s")]
        duration: Duration,
    },
    /// How long a passive that was away takes to hold everything again, under full load
    CatchUp {
        #[command(flatten)]
        common: BenchCommon,
        /// Records that it lacks
        #[arg(long, default_value_t = 1_000_000)]
        behind: u64,
        /// Records submitted and not yet acknowledged
        #[arg(long, default_value_t = 1_024)]
        in_flight: usize,
        /// Payload bytes of a record
        #[arg(long, default_value_t = 128)]
        size: usize,
    },
    /// Live sessions over WebSocket: one publisher, many that follow
    Live {
        #[command(flatten)]
        common: BenchCommon,
        /// What is measured
        #[arg(long, value_enum, default_value_t = LiveMode::Message)]
        mode: LiveMode,
        /// Sessions; of a ramp, the most
        #[arg(long, default_value_t = 1_000)]
        sessions: usize,
        /// Payload bytes of a record; of `deltas`, of a document
        #[arg(long, default_value_t = 128)]
        size: usize,
        /// Records per second, one step after the other, up to the first that is too much
        #[arg(
            long,
            value_delimiter = ',',
            default_value = "100,400,800,1600,2400,3200,4800"
        )]
        rates: Vec<f64>,
        /// How long a step lasts
        #[arg(long = "for", value_name = "TIME", value_parser = time, default_value = "5s")]
        duration: Duration,
    },
    /// The MQTT station, and other MQTT servers beside it, by one generator
    Mqtt {
        #[command(flatten)]
        common: BenchCommon,
        /// Who is measured: spica, mosquitto, nats, or the address of one that runs; the first is
        /// compared with the others, and those that are not installed are left out
        #[arg(
            long = "target",
            value_name = "SERVER",
            value_delimiter = ',',
            default_value = "spica,mosquitto,nats"
        )]
        targets: Vec<spica_bench::mqtt::Target>,
        /// What is measured
        #[arg(
            long,
            value_enum,
            value_delimiter = ',',
            default_value = "qos1,qos1-wide,cycles,fan-out,idle"
        )]
        modes: Vec<MqttMode>,
        /// Payload bytes
        #[arg(long, default_value_t = 128)]
        size: usize,
        /// How long a measurement, or a step of one, lasts
        #[arg(long = "for", value_name = "TIME", value_parser = time, default_value = "5s")]
        duration: Duration,
        /// Subscribers of the fan-out
        #[arg(long, default_value_t = 1_000)]
        subscribers: usize,
        /// Idle connections
        #[arg(long, default_value_t = 15_000)]
        connections: usize,
        /// Sessions that are there again after a restart
        #[arg(long, default_value_t = 10_000)]
        sessions: usize,
        /// Messages that wait for each of them
        #[arg(long, default_value_t = 1_000)]
        queued: usize,
    },
    /// The passive of `bench pair`
    #[command(hide = true)]
    PairPassive {
        /// Where its certificate is, and its journal will be
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Where its link listens
        #[arg(long, value_name = "HOST:PORT")]
        listen: SocketAddr,
        /// Where its partner's link listens
        #[arg(long, value_name = "HOST:PORT")]
        partner: SocketAddr,
    },
    /// The longest wait of clients when the active of a pair is killed under load
    Failover {
        #[command(flatten)]
        common: BenchCommon,
        /// How often the active is killed, or, every fifth time, told to hand over
        #[arg(long, default_value_t = 10)]
        rounds: usize,
    },
    /// How fast history is indexed, how far it is behind, and what a question costs
    Handlers {
        #[command(flatten)]
        common: BenchCommon,
        /// Records in the journal before the handler begins
        #[arg(long, default_value_t = 1_000_000)]
        records: usize,
        /// Topics that they are spread over
        #[arg(long, default_value_t = 1_000)]
        topics: usize,
        /// Records per second while the lag is measured
        #[arg(long, default_value_t = 20_000)]
        rate: usize,
        /// How long the lag is measured
        #[arg(long = "for", value_name = "TIME", value_parser = time, default_value = "10s")]
        duration: Duration,
    },
    /// Latency of critical records, alone and under a saturating normal load
    CriticalUnderLoad {
        #[command(flatten)]
        common: BenchCommon,
        /// How long to measure each
        #[arg(long = "for", value_name = "TIME", value_parser = time, default_value = "5s")]
        duration: Duration,
        /// Prefer no thread of the journal, as with `journal.priorities = "alike"`
        #[arg(long)]
        alike: bool,
    },
}
