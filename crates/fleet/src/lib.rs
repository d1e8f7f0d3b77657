//! A fleet of simulated Identicom devices, and the books that say what was lost.
//!
//! Devices dial in over TCP, speak the profile with an encoder and decoder of their own, written
//! from the profile's page and shared with no other crate, and forget only what a station tells
//! them to delete. Whatever they were told to delete must be durable: [`books`] compares that with
//! what the hub shows. [`load`] drives the same dialogue as cheaply as possible, for benchmarks.
//!
//! What is not here: any code of the hub. What the fleet believes is what the documents say.

mod attack;
pub mod books;
mod call;
pub mod device;
mod dialogue;
mod endpoints;
pub mod event;
mod fleet;
mod hub;
mod itinerary;
mod latency;
mod ledger;
pub mod load;
pub mod picture;
mod plan;
mod progress;
mod rng;
mod servers;
pub mod wire;

pub use fleet::{Fleet, RunError};
pub use hub::{Holes, Hub, HubError, Shown};
pub use itinerary::{Behaviour, Cut, Itinerary, Visit};
pub use ledger::{DeviceBooks, Entry, Order, Outcome, Shot, Totals};
pub use plan::{Arrival, Pictures, Plan, PlanError, Trouble, Weight, registry_csv, serials};
pub use progress::{Progress, Status};
pub use servers::{Answer, AskError, Call, Servers, ServersError};
