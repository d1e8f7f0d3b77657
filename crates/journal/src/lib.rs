//! The journal port: append, follow, cursors.
//!
//! An owner's journal is two [`Lane`]s of records. [`Journal::submit`] gives records their places at
//! once and never waits for the disk; [`Ticket::durable`] resolves when all of them (and all before
//! them in the lane) may be acknowledged. Followers read from any place, first from disk, then from
//! the live tail, and are woken, not polled.
//!
//! What is not here: any file, socket or thread. Adapters bring those, and pass [`contract`].

pub mod contract;
mod error;
mod follow;
mod knows;
pub mod memory;
mod pace;
mod ticket;
mod watermark;

use std::sync::Arc;

use spica_model::{Epoch, Lane, NewRecord, Seq, Timestamp};

pub use error::{CommitError, CommitErrorKind, CursorError, FollowError, SubmitError};
pub use follow::{Damage, Followed, Follower, READ_BYTES, Window};
pub use knows::knows;
pub use pace::Pace;
pub use ticket::{Appended, Ticket};
pub use watermark::{Durable, Watermark};

/// A journal that is shared between the parts of a node.
pub type SharedJournal = Arc<dyn Journal>;

/// How one lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneStatus {
    /// The epoch in which new records are placed.
    pub epoch: Epoch,
    /// The oldest record that is kept; `durable.next()` when there is none.
    pub first: Seq,
    /// The newest record that was placed, durable or not.
    pub last: Seq,
    /// The newest record that may be acknowledged.
    pub durable: Seq,
    /// Bytes of the lane's segments in use.
    pub bytes: u64,
}

/// A named consumer and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorStatus {
    /// The consumer.
    pub name: String,
    /// The lane it consumes.
    pub lane: Lane,
    /// The last record it has done with.
    pub seq: Seq,
}

/// An ordered journal of records, in two lanes.
pub trait Journal: Send + Sync + 'static {
    /// Places `records` in `lane`, in order and next to each other, and queues them for commit.
    /// Never waits for the disk. A record whose key the lane already knows takes no new place: its
    /// [`Appended`] says where the first delivery stands.
    ///
    /// # Errors
    /// Nothing is placed then: the queue is full, a record breaks a limit, or the lane has failed
    /// or is closed.
    fn submit(&self, lane: Lane, records: &[NewRecord<'_>]) -> Result<Ticket, SubmitError>;

    /// How a lane stands.
    fn status(&self, lane: Lane) -> LaneStatus;

    /// The watermark of durable records of a lane, to wait on.
    fn watermark(&self, lane: Lane) -> Arc<Watermark>;

    /// A follower that first yields the record after `after`. It only ever sees durable records.
    ///
    /// # Errors
    /// If `after` lies beyond the newest durable record: that history is another one.
    fn follow(&self, lane: Lane, after: Seq) -> Result<Box<dyn Follower>, FollowError>;

    /// Between which places every durable record stands that was received at `from` or later and
    /// before `until`; without a bound for `None`. Whatever the clock did, none of them stands
    /// elsewhere. It is as narrow as a sparse index can tell, so other records stand there too; and
    /// where the clock was set back, those from before and after are mixed. May read from disk.
    ///
    /// # Errors
    /// If a file cannot be read.
    fn window(
        &self,
        lane: Lane,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Window, FollowError>;

    /// The place up to which retention would like to remove records of a lane now or soon, whatever
    /// cursors hold it back. Who must keep something of them in another way does so now. A journal
    /// that removes nothing by itself says [`Seq::ZERO`].
    fn retiring(&self, _lane: Lane) -> Seq {
        Seq::ZERO
    }

    /// The durable cursors of all named consumers.
    fn cursors(&self) -> Vec<CursorStatus>;

    /// Creates the cursor of a named consumer at `seq`, durably, unless it is there already; says
    /// where it stands. Retention never overtakes it from now on.
    ///
    /// # Errors
    /// If the name is no `[a-z0-9_-]{1,64}`, there are too many cursors, or the disk fails.
    fn open_cursor(&self, name: &str, lane: Lane, seq: Seq) -> Result<Seq, CursorError>;

    /// Notes that a consumer has done with all records up to `seq`; never moves a cursor back. It is
    /// made durable in the background soon, so after a crash a consumer sees some records again (at
    /// least once).
    ///
    /// # Errors
    /// If there is no such cursor.
    fn advance_cursor(&self, name: &str, lane: Lane, seq: Seq) -> Result<(), CursorError>;

    /// Removes a cursor, durably: retention no longer waits for it.
    ///
    /// # Errors
    /// If there is no such cursor, or the disk fails.
    fn remove_cursor(&self, name: &str, lane: Lane) -> Result<(), CursorError>;
}
