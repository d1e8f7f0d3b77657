//! The arguments of `spica mqtt`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use spica_settings::Secret;

use super::{Hub, MqttKick, MqttList, MqttSessions, MqttUser, PasswordFrom, time};

#[derive(Debug, Subcommand)]
pub(crate) enum Mqtt {
    /// Publish; each message is acknowledged before the command ends
    Pub(Box<MqttPub>),
    /// Subscribe, and print what comes; Ctrl-C ends it
    Sub(Box<MqttSub>),
    /// List the clients that are connected to a running node
    Clients(MqttList),
    /// Cut off a client; its session stays
    Kick(MqttKick),
    /// List sessions, also those whose clients are away, or end one
    Sessions(MqttSessions),
    /// Manage users that are kept as records
    #[command(subcommand)]
    User(MqttUser),
    /// Print what an access file keeps of a password
    Password(PasswordFrom),
    /// Have a running node read its access file again
    Reload(Hub),
}

/// How an MQTT server is reached, and as whom.
#[derive(Debug, Args, Clone)]
pub(crate) struct Broker {
    /// MQTT server; of a pair, both (several times, or separated by commas)
    #[arg(
        long = "broker",
        short = 'b',
        env = "SPICA_MQTT",
        value_name = "HOST:PORT",
        value_delimiter = ',',
        default_value = "127.0.0.1:1883"
    )]
    pub(crate) brokers: Vec<String>,
    /// Client id; one is made up otherwise
    #[arg(long, short, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// User name
    #[arg(long, short, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Password
    #[arg(
        long,
        short = 'P',
        env = "SPICA_MQTT_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    pub(crate) password: Option<Secret>,
    /// Version of MQTT
    #[arg(long, short = 'M', value_enum, default_value_t = MqttVersion::V5)]
    pub(crate) mqtt_version: MqttVersion,
    /// Reach the server by TLS
    #[arg(long)]
    pub(crate) tls: bool,
    /// PEM file with the certificates that the server's must be signed by, instead of the system's
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Time after which a silent connection is asked whether it lives; 0s: never
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "60s")]
    pub(crate) keep_alive: Duration,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum MqttVersion {
    /// MQTT 3.1.1
    #[value(name = "3.1.1", alias = "311")]
    V311,
    /// MQTT 5
    #[value(name = "5")]
    V5,
}

#[derive(Debug, Args)]
pub(crate) struct MqttPub {
    #[command(flatten)]
    pub(crate) broker: Broker,
    /// Topic
    #[arg(long, short)]
    pub(crate) topic: String,
    #[command(flatten)]
    pub(crate) what: Payload,
    /// Quality of service
    #[arg(long, short, default_value_t = 1, value_parser = clap::value_parser!(u8).range(..=2))]
    pub(crate) qos: u8,
    /// Keep it as the topic's last; with an empty message: forget that
    #[arg(long, short)]
    pub(crate) retain: bool,
    /// Pair of name and value (MQTT 5; several times)
    #[arg(long = "property", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) properties: Vec<(String, String)>,
    /// What the message is, such as application/json (MQTT 5)
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// Topic for an answer (MQTT 5)
    #[arg(long, value_name = "TOPIC")]
    pub(crate) response_topic: Option<String>,
    /// What an answer carries (MQTT 5)
    #[arg(long, value_name = "TEXT")]
    pub(crate) correlation: Option<String>,
    /// After which it is delivered no more (MQTT 5)
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) expiry: Option<Duration>,
    /// Print what became of each message, one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is published.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Payload {
    /// The message
    #[arg(long, short)]
    pub(crate) message: Option<String>,
    /// Each line of the standard input is a message
    #[arg(long, alias = "stdin-line")]
    pub(crate) stdin: bool,
    /// The message is a file; -: the whole standard input
    #[arg(long, short, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// An empty message
    #[arg(long, short)]
    pub(crate) null: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MqttSub {
    #[command(flatten)]
    pub(crate) broker: Broker,
    /// Topics: + is one level, a final # all below (several times)
    #[arg(long = "topic", short, value_name = "FILTER", required = true)]
    pub(crate) topics: Vec<String>,
    /// Quality of service
    #[arg(long, short, default_value_t = 1, value_parser = clap::value_parser!(u8).range(..=2))]
    pub(crate) qos: u8,
    /// Print the topic before each message
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// One JSON object per line; the first says what was subscribed
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) json: bool,
    /// End after so many messages
    #[arg(long, short = 'C', value_name = "NUMBER")]
    pub(crate) count: Option<u64>,
    /// End after this time; with --count: fail, if fewer have come
    #[arg(long = "for", short = 'W', value_name = "TIME", value_parser = time)]
    pub(crate) duration: Option<Duration>,
    /// Leave out what was retained before
    #[arg(long, short = 'R')]
    pub(crate) no_retained: bool,
    /// Leave out what this client publishes (MQTT 5)
    #[arg(long)]
    pub(crate) no_local: bool,
    /// Keep the retain flag that messages were published with (MQTT 5)
    #[arg(long)]
    pub(crate) retain_as_published: bool,
    /// Identifier of the subscriptions (MQTT 5)
    #[arg(long, value_name = "NUMBER")]
    pub(crate) subscription: Option<u32>,
    /// Keep the session for this time when the command ends, and go on with one of before: what comes
    /// meanwhile waits
    #[arg(long, value_name = "TIME", value_parser = time, requires = "id")]
    pub(crate) session: Option<Duration>,
}

/// Reads `name=value`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a property is NAME=VALUE".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_a_name_and_a_value() {
        assert_eq!(pair("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(pair("a="), Ok(("a".into(), String::new())));
        assert!(pair("=b").is_err() && pair("a").is_err());
    }
}
