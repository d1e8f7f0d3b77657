//! Cases and alerts of a node as one state machine.
//!
//! [`Alarms`] is shown every durable record of both lanes, orders of people, what became of messages,
//! and the time. Each call answers with the records that follow from it, and with its [`Mark`] last:
//! they are to be appended to the critical lane as **one** batch, in the order of the calls. So what
//! is decided on a record and the note that it is decided are durable together or not at all, and a
//! machine that is built again from its topics goes on exactly where the other one stood, on this node
//! or on its partner.
//!
//! What is not here: any clock (time is an argument, and never goes back), I/O, the sending of
//! messages.

mod alarms;
pub mod link;
mod mark;

pub use alarms::Alarms;
pub use mark::Mark;
