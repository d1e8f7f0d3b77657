//! Who may do what over MQTT, and how much of it. Pure; time is an argument.
//!
//! - [`Access`] is the access file: roles with their rules, users with their passwords. A new file is
//!   read whole ([`Access::parse`]), then takes the place of the old one; one with a problem changes
//!   nothing.
//! - A [`Grant`] is what one client may do; [`Grant::check`] decides about a topic or a filter, and
//!   says why not.
//! - [`TopicRules`] say what becomes of a publish: kind, lane, what is kept.
//! - [`Quotas`] count connections, messages and bytes, per client, user and source.
//! - [`Flapping`] bans who connects too often, for a while.
//! - A JSON Web Token is a password that somebody else has signed: [`Access::bearer`].
//! - [`scram`] is SCRAM-SHA-256 as a state machine, [`PasswordHash`] a stored password.
//!
//! Topics and filters are MQTT's own, below the node's path: `devices/77/data/x` is
//! `<node>/devices/77/data/x` in the journal.
//!
//! - [`MqttControl`] is how operators look into a station, whatever they use.
//!
//! What is not here: sockets, files, clocks, chance (salts and nonces are arguments), the registry of
//! devices, tokens and their store.

mod access;
mod acl;
mod aging;
mod control;
mod flapping;
mod jwt;
mod meter;
mod password;
mod pattern;
mod problem;
mod quotas;
mod role;
pub mod scram;
mod settings;
mod stored_user;
mod topic_rules;
mod who;

pub use access::{Access, FILE_BYTES, ReadFile, User};
pub use acl::{Denial, Grant, HIDDEN, RESERVED, is_hidden};
pub use control::{ClientInfo, DroppedInfo, MqttControl, ReloadInfo, SessionInfo};
pub use flapping::{Ban, FlapRule, Flapping, FlappingRules, Subject};
pub use jwt::{Bearer, JwtError, TOKEN_BYTES, token as jwt_in};
pub use meter::{Meter, Rate, Wait};
pub use password::{Cost, PasswordError, PasswordHash, RANDOM_BYTES};
pub use pattern::{Pattern, PatternError};
pub use problem::Problem;
pub use quotas::{Meters, QuotaRefusal, QuotaRules, Quotas, ScopeRules};
pub use role::{Action, Decide, Effect, Role, Rule};
pub use settings::{
    AccessSettings, AllowanceSettings, CertificateName, FlapSettings, FlappingSettings, Lane,
    QuotaSettings, ScopeSettings, SettingsError, TopicKind, TopicSettings,
};
pub use stored_user::{
    Generated, STORED_USERS, StoredUser, StoredUserError, USERS, check_user, check_user_name,
    generate_password, hash_password,
};
pub use topic_rules::{TopicRules, TopicRulesError, Treatment};
pub use who::{Who, WhoError};
