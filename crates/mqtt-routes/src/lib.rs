//! Who gets an MQTT message: the subscriptions of all sessions, and the targets of a topic.
//!
//! [`Routes::subscribe`] and its like change the table, [`Routes::targets`] asks it. A session is a
//! number of the caller's, small and dense (a slot). Filters of one session that overlap give one
//! target, with the greatest quality of service among them and all their identifiers
//! [MQTT-3.3.4-2..4], [MQTT-3.3.5-1]. Targets are sorted by [`Class`]: whatever is encoded for one
//! of a class is right for all of it (that speak the same version).
//!
//! # What things cost
//! - Subscribing and unsubscribing cost the same however many others have the filter; a session's
//!   own subscriptions are searched (or those of the filter, if they are fewer).
//! - Targets of a topic are kept until something changes that may concern them. Topics that are
//!   matched by the same filters share one list.
//! - A wildcard bomb is refused by the width of the matcher (see [`spica_matcher`]), in all and per
//!   session: [`Limits`].
//!
//! [`Routes::targets`] and [`Routes::pick`] take `&self`, so that many may ask behind one lock for
//! readers.
//!
//! What is not here: sessions and their queues, retained messages, access rules, records.

mod cache;
mod error;
mod limits;
mod options;
mod pick;
mod routes;
mod share;
mod table;
mod targets;

pub use error::RouteError;
pub use limits::{Limits, Status};
pub use options::{Change, Options, SessionId, Since, Subscription};
pub use pick::{Load, Message, Picked};
pub use routes::Routes;
pub use share::{Shares, Strategy};
pub use targets::{Class, Group, Target, Targets};
