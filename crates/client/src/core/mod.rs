//! What a client knows and decides, without I/O: frames go in, frames and events come out, and time
//! is an argument.

mod calls;
mod endpoints;
mod held;
mod ledger;
mod settings;
mod state;
mod track;
mod value;

pub use settings::{Settings, Way};
pub use track::wanted;
pub use value::{Content, Item, Value};

pub(crate) use calls::{Ask, Failed};
pub(crate) use endpoints::{Endpoints, address};
pub(crate) use held::Held;
pub(crate) use ledger::{Cost, Ledger};
pub(crate) use state::{Core, Event, Told};
pub(crate) use track::TrackId;
