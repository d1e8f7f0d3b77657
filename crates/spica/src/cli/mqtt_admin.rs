//! The arguments of `spica mqtt clients`, `kick`, `sessions`, `user`, `password`, `reload`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Hub;

#[derive(Debug, Args)]
pub(crate) struct MqttList {
    #[command(flatten)]
    pub(crate) hub: Hub,
    /// Print them as JSON, one per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MqttKick {
    #[command(flatten)]
    pub(crate) hub: Hub,
    /// Client id, from the list
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct MqttSessions {
    #[command(flatten)]
    pub(crate) list: MqttList,
    /// End the session of this client id, with all that waits for its client
    #[arg(long, value_name = "ID", conflicts_with = "json")]
    pub(crate) end: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MqttUser {
    /// Make a user
    Add {
        #[command(flatten)]
        hub: Hub,
        /// User name
        name: String,
        /// A role: reader, operator, admin, device or one of the access file (several times)
        #[arg(long = "role", value_name = "ROLE", default_value = "reader")]
        roles: Vec<String>,
        /// The device's serial number, for what the role device may do
        #[arg(long)]
        serial: Option<String>,
        /// A client id that the user may connect with, also BEGIN* (several times); any otherwise
        #[arg(long = "client-id", value_name = "ID")]
        client_ids: Vec<String>,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// List users (never their passwords)
    List {
        #[command(flatten)]
        hub: Hub,
    },
    /// Remove a user; its clients are cut off
    Remove {
        #[command(flatten)]
        hub: Hub,
        /// User name
        name: String,
    },
    /// Give a user another password
    Password {
        #[command(flatten)]
        hub: Hub,
        /// User name
        name: String,
        #[command(flatten)]
        password: PasswordFrom,
    },
}

/// Where a password is read from: never from the command line, which others on the machine see.
#[derive(Debug, Args)]
pub(crate) struct PasswordFrom {
    /// File with the password; otherwise the first line of the standard input is
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Make a password of random bytes and print it: a check of it costs next to nothing
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) generate: bool,
}
