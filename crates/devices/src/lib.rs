//! Devices and their commands, as folds of records.
//!
//! A device is what the records below `<node>/devices/<serial>` say: its [`Registration`], its last
//! check-in and its [`Command`]s. The [`Registry`] and the [`CommandQueue`] fold those records; both
//! are pure functions of the last record of each topic, so whoever holds the state tree can rebuild
//! them. What the JSON payloads look like is said in [`payload`].
//!
//! What is not here: any clock (time is an argument), I/O, or a decision about who may do what.

mod command;
mod device;
mod hex;
mod import;
pub mod payload;
mod queue;
mod registration;
mod serial;
mod topics;

pub use command::{Command, CommandState, Transition, TransitionError};
pub use device::{Device, Registry};
pub use import::{ImportError, MAX_ROWS, Problem, read_csv};
pub use payload::{CheckIn, PayloadError};
pub use queue::{ACKNOWLEDGE_ALERT, CommandQueue, NoFreeId};
pub use registration::{Registration, RegistrationError};
pub use serial::{Serial, SerialError};
pub use topics::{DEVICES, DeviceTopics, Part};
