//! The frames of live sessions (`docs/live.md`): what client and server say to each other, in JSON
//! and in CBOR, and how values become rows and deltas. No I/O.
//!
//! The server reads with [`decode_client`] and writes with [`encode`]; rows are written once for all
//! sessions ([`rows`]) and put into frames by [`data_frame`]. A client does the reverse with
//! [`encode_client`] and [`decode_server`]. What is written in one encoding says the same in the
//! other.

mod cbor;
mod client;
mod data;
mod delta;
mod encoding;
mod error;
mod field;
mod frame;
mod keys;
mod members;
mod part;
mod payload;
mod place;
pub mod rows;
mod server;
pub mod sound;
mod words;
mod write;

pub use client::{decode_client, encode_client, limits};
pub use data::{DATA_FRAME_BYTES, data_frame, data_head, data_tail};
pub use delta::{Patch, PatchError, apply, compose, diff};
pub use encoding::Encoding;
pub use error::FrameError;
pub use frame::{
    About, Bye, ByeCode, Call, ClientFrame, Deliver, EndCode, GapReason, Hello, Kinds, LimitChange,
    Recovery, RefusalCode, ServerFrame, Stats, SubId, Subscribe, Welcome, WindowKind, WindowOp,
    WindowSpec,
};
pub use server::{Full, Incoming, Row, Stamp, Windowed, decode_server, encode};
