//! The HTTP interface: publish, read, history, devices, commands, pictures, live events, health,
//! metrics, and a page for people. `docs/http-api.md` describes it for its users, `/openapi.json`
//! for their programs.
//!
//! A request passes, from the outside: the listener ([`Server`], who may connect), `guard` (a place
//! and a time limit for everything), `served` (this node or its partner), `auth` (who asks), `extract`
//! (bodies, within their memory), its handler in `routes`. Writes go through `publish` and `commit`, which answer only what is durable;
//! reads of history through `scan`, off the async workers; live streams through `live`,
//! live sessions through `sessions`.
//!
//! Invariants:
//! - A 2xx to a write means that it is on disk (invariant 1 of the design).
//! - Everything a client can make grow has a limit, a counter and an answer at the limit.
//! - What a client may have missed is said: gaps, damage, the end of an export.
//! - Tokens are kept as hashes; nothing logs one.
//!
//! What is not here: TLS (a proxy brings it), the journal, the folds, any device protocol.

mod accept;
mod auth;
pub mod batch;
mod buffers;
pub mod byte_range;
mod command_call;
mod commit;
mod config;
mod connection;
mod export;
mod extract;
mod facts;
#[cfg(test)]
mod fixture;
mod guard;
mod holder;
mod link;
mod live;
mod metrics;
mod offload;
mod openapi;
mod ownership;
mod paging;
mod pair_metrics;
pub mod place;
mod problem;
mod properties_json;
mod publish;
pub mod record_json;
mod routes;
pub mod scan;
mod schemas;
mod served;
mod server;
mod sessions;
pub mod sse;
mod state;
pub mod tables;
#[cfg(test)]
mod tests;
mod token;
mod token_store;

pub use command_call::{
    Arguments, CommandCall, CommandCallError, CommandCatalogue, CommandName, EncodedCommand,
};
pub use config::Settings;
pub use holder::{Holder, holder, holder_by_id};
pub use metrics::Metrics;
pub use openapi::document;
pub use pair_metrics::PairCollector;
pub use problem::{PartError, Problem, ProblemBody, ProblemKind, RETRY_AFTER, TYPE_PREFIX};
pub use routes::readings;
pub use server::{Server, StartError, router};
pub use sessions::{LiveSettings, upgrade_answer};
pub use state::{MqttParts, Parts};
pub use token::{Hash, ParseSecretError, Role, Secret, StoredToken, is_id};
pub use token_store::{TokenError, bootstrap};
