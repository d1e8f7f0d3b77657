//! How commands reach a running node, or whichever of a pair serves.

use clap::Args;

#[derive(Debug, Args, Clone)]
pub(crate) struct Hub {
    /// HTTP address of the node; of a pair, both (several times, or separated by commas): the one
    /// that serves is asked
    #[arg(
        long = "server",
        alias = "url",
        env = "SPICA_SERVER",
        value_name = "URL",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:8080"
    )]
    pub(crate) servers: Vec<String>,
    /// Access token
    #[arg(
        long,
        env = "SPICA_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub(crate) token: Option<String>,
}
