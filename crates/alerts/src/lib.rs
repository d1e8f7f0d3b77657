//! Who is told of a case, when, and in which words.
//!
//! [`Plans`] is the plan file, read and checked. [`Alerts`] follows the changes of cases and decides
//! by the plans who gets a [`Notice`], and what comes of each attempt to send it. What it decides are
//! drafts of records (the state below `<node>/alarms/escalations` and `<node>/alarms/notices`), so it
//! goes on where it was once it has read them back.
//!
//! What is absent: any clock (time is an argument), any channel (a [`Message`] is handed to whoever
//! has them), any copy of a case, any decision about who may acknowledge.

mod alerts;
mod cron;
mod escalation;
mod file;
mod kind;
mod language;
mod message;
mod notice;
mod outbox;
pub mod payload;
mod plans;
mod quiet;
mod retry;
mod rota;
mod template;
mod texts;
mod zone;

pub use alerts::{AT_ONCE, Alerts, Counts, Exhausted, NOTICES_PER_CASE, TestError, TestTarget};
pub use file::FILE_BYTES;
pub use kind::{AddressForm, ChannelKind, Form};
pub use language::{Language, ParseLanguageError};
pub use message::Message;
pub use notice::{Destination, Notice, NoticeId, NoticeState, Outcome, ParseNoticeIdError, Reason};
pub use plans::{ChannelTable, Plans, Problem};
