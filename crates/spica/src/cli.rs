//! The command line, as clap reads it.

mod bench;
mod ca;
mod case;
mod device;
mod handler;
mod hub;
mod mqtt;
mod mqtt_admin;
mod pair;
mod report;
mod rules;
mod topology;
mod watch;
mod witness;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use bench::{Bench, BenchCommon, LiveMode, MqttMode, Via};
pub(crate) use ca::Ca;
pub(crate) use case::{Act, Alert, Case, CaseCondition};
pub(crate) use device::Device;
pub(crate) use handler::Handler;
pub(crate) use hub::Hub;
pub(crate) use mqtt::{Broker, Mqtt, MqttPub, MqttSub, MqttVersion};
pub(crate) use mqtt_admin::{MqttKick, MqttList, MqttSessions, MqttUser, PasswordFrom};
pub(crate) use pair::{Pair, Upgrade};
pub(crate) use report::Report;
pub(crate) use rules::Rules;
pub(crate) use topology::{Haproxy, Keepalived, PairNode, Side, Topology};
pub(crate) use watch::Watch;
pub(crate) use witness::Witness;

/// A highly-available telemetry hub: field devices in, people and systems out. What was
/// acknowledged is never lost.
#[derive(Debug, Parser)]
#[command(name = "spica", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a node
    Serve(Serve),
    /// Run a node with a small fleet of devices, in a fresh temporary directory, open on loopback
    Demo(Demo),
    /// Let a fleet of simulated devices dial in, and check that nothing is lost
    Simulate(Simulate),
    /// Measure this machine and this build
    #[command(subcommand)]
    Bench(Bench),
    /// Manage devices and their commands on a running node
    #[command(subcommand)]
    Device(Device),
    /// See what is and what changes, with age and quality; Ctrl-C ends it
    Watch(Watch),
    /// See alarms, and do something about them
    #[command(subcommand)]
    Case(Case),
    /// See who is told of alarms, and try it
    #[command(subcommand)]
    Alert(Alert),
    /// See and steer the consumers of the journal
    #[command(subcommand)]
    Handler(Handler),
    /// Publish and subscribe over MQTT, and manage its clients, sessions and users
    #[command(subcommand)]
    Mqtt(Mqtt),
    /// Check and try a rules file
    #[command(subcommand)]
    Rules(Rules),
    /// Report response times and alarm rates
    Report(Report),
    /// Manage access tokens on a running node
    #[command(subcommand)]
    Token(Token),
    /// See and lift bans on a running node
    #[command(subcommand)]
    Ban(Ban),
    /// Run the certificate authority that nodes know each other by
    #[command(subcommand)]
    Ca(Ca),
    /// See how the two nodes of a pair stand, and give them orders
    #[command(subcommand)]
    Pair(Pair),
    /// Print configurations of balancers in front of a pair
    #[command(subcommand)]
    Topology(Topology),
    /// Run or question the witness that decides which node of a pair goes on alone
    #[command(subcommand)]
    Witness(Witness),
    /// Look into and repair the journal of a node that is stopped
    #[command(subcommand)]
    Journal(Journal),
    /// Check and show configuration
    #[command(subcommand)]
    Config(Config),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigSource {
    /// Configuration file; without one, the defaults hold
    #[arg(long, short, env = "SPICA_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Override a value: --set http.listen=127.0.0.1:9000 (may be given several times)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) source: ConfigSource,
    /// Write the first admin token to this file (mode 0600) instead of printing it
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// End by itself after this time, check the books of the fleet and of the alarms, exit 0 only if
    /// nothing was lost and no emergency went unnotified
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub(crate) duration: Option<Duration>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Mail alarms to the people of the demo by this server, without encryption
    #[arg(long, value_name = "HOST:PORT", value_parser = mail_server)]
    pub(crate) smtp: Option<MailServer>,
    /// POST alarms to this address
    #[arg(long, value_name = "URL")]
    pub(crate) webhook: Option<String>,
    /// File with the secret that signs what is posted
    #[arg(long, value_name = "FILE", requires = "webhook")]
    pub(crate) webhook_secret_file: Option<PathBuf>,
    /// Address of the web page and the HTTP interface (loopback only)
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) http: SocketAddr,
    /// Number of devices
    #[arg(long, default_value_t = 50)]
    pub(crate) devices: u32,
}

/// Where a mail server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MailServer {
    /// Its name or address, without brackets.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) hub: Hub,
    /// The node's path in the tree
    #[arg(long, default_value = "root")]
    pub(crate) node: String,
    /// Where the Identicom station listens; of a pair, both (several times): a device that one closes
    /// before its first word tries the other
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:5050")]
    pub(crate) station: Vec<String>,
    /// Number of devices
    #[arg(long, default_value_t = 100)]
    pub(crate) devices: u32,
    /// Seed of all random choices
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How long devices produce events
    #[arg(long = "for", value_name = "TIME", value_parser = time, default_value = "30s")]
    pub(crate) duration: Duration,
    /// Time between two check-ins of a device
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "5s")]
    pub(crate) interval: Duration,
    /// All devices dial in at once, once, instead of on a schedule
    #[arg(long)]
    pub(crate) burst: bool,
    /// Share of events that are alarms (man down, red alert, lanyard removed)
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub(crate) alarms: f64,
    /// Share of check-ins that bring a picture
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub(crate) pictures: f64,
    /// Share of connections that are cut somewhere
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) torn: f64,
    /// Share of connections that send a few bytes at a time
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) slow: f64,
    /// Hostile connections beside the devices' own, as a share of them
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) hostile: f64,
    /// Do not register the devices: the hub knows them already
    #[arg(long)]
    pub(crate) registered: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token; it is shown this once
    Add {
        #[command(flatten)]
        hub: Hub,
        /// What it is for
        name: String,
        /// reader, operator, admin or device
        #[arg(long, default_value = "reader")]
        role: String,
        /// The device's serial number, for the role device
        #[arg(long, required_if_eq("role", "device"))]
        serial: Option<String>,
    },
    /// List tokens (never their secrets)
    List {
        #[command(flatten)]
        hub: Hub,
    },
    /// Revoke a token
    Remove {
        #[command(flatten)]
        hub: Hub,
        /// Its id, from the list
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ban {
    /// Ban a source for a time
    Add {
        #[command(flatten)]
        hub: Hub,
        /// Address or network: 203.0.113.7 or 203.0.113.0/24
        source: String,
        /// For how long
        #[arg(long = "for", value_name = "TIME", default_value = "10min")]
        duration: String,
        /// Why
        #[arg(long, default_value = "by hand")]
        reason: String,
    },
    /// List bans
    List {
        #[command(flatten)]
        hub: Hub,
    },
    /// Lift a ban
    Remove {
        #[command(flatten)]
        hub: Hub,
        /// Address or network, from the list
        source: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LaneArg {
    /// Life-critical records
    Critical,
    /// Everything else
    Normal,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// Read every byte of the journal and report damage; exit 12 if there is any
    Verify {
        #[command(flatten)]
        source: ConfigSource,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print records, one JSON object per line
    Dump {
        #[command(flatten)]
        source: ConfigSource,
        /// The lane
        #[arg(long, value_enum, default_value_t = LaneArg::Normal)]
        lane: LaneArg,
        /// First sequence number
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Last sequence number
        #[arg(long, default_value_t = u64::MAX)]
        to: u64,
    },
    /// Set damaged bytes aside and mark what they held as lost, so that the node starts again
    Repair {
        #[command(flatten)]
        source: ConfigSource,
        /// Really do it; without this, only what would be done is printed
        #[arg(long)]
        accept_loss: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Read the configuration and say everything that is wrong with it
    Check {
        #[command(flatten)]
        source: ConfigSource,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the configuration in force and where each value comes from
    Show {
        #[command(flatten)]
        source: ConfigSource,
    },
    /// Print the reference of all settings as Markdown
    Reference,
}

/// Reads `250ms`, `10s`, `5min`, `2h`, `7d`.
fn time(text: &str) -> Result<Duration, String> {
    text.parse::<spica_settings::Span>()
        .map(Duration::from)
        .map_err(|error| error.to_string())
}

/// Reads `127.0.0.1:25`, `mail.example.org:587`, `[::1]:25`.
fn mail_server(text: &str) -> Result<MailServer, String> {
    let (host, port) = text.rsplit_once(':').unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host = bare.unwrap_or(host).to_owned();
    match port.parse() {
        Ok(port) if port > 0 && !host.is_empty() && (bare.is_some() || !host.contains(':')) => {
            Ok(MailServer { host, port })
        }
        _ => Err("allowed is a host and a port, such as 127.0.0.1:1025 or [::1]:1025".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn a_mail_server_is_a_host_and_a_port() {
        for (text, host, port) in [
            ("127.0.0.1:1025", "127.0.0.1", 1025),
            ("mail.example.org:25", "mail.example.org", 25),
            ("[::1]:587", "::1", 587),
        ] {
            let host = host.to_owned();
            assert_eq!(mail_server(text), Ok(MailServer { host, port }));
        }
        for bad in ["", "mail", "mail:", ":25", "mail:0", "mail:70000", "::1:25"] {
            assert!(mail_server(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
