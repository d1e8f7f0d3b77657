//! The replication link between the two nodes, as decisions: what to send next, what to accept.
//!
//! The active has a [`Leader`] for each link, the passive a [`Follower`]. The follower says where its
//! lanes stand; the leader compares the histories and begins each lane where the follower ends. From
//! then on whole batches go one way and the places that are durable go the other. Several batches are
//! on the way at once, up to a window of bytes per lane; the critical lane goes first, and the normal
//! one keeps a share.

mod follower;
mod leader;

pub use follower::{Accepted, Follower, Refused};
pub use leader::{Begin, Leader, Window};
