//! The frames of live sessions (`docs/live.md`): what client and server say to each other, in JSON
//! and in CBOR, and how values become rows and deltas. No I/O.

mod data;
mod delta;
mod encoding;
mod field;
mod frame;
mod members;
mod payload;
pub mod rows;
mod server;
mod sound;
mod words;
mod write;

pub use data::{DATA_FRAME_BYTES, data_frame, data_head, data_tail};
pub use delta::{Patch, PatchError, apply, compose, diff};
pub use encoding::Encoding;
pub use frame::{
    About, Bye, ByeCode, Call, ClientFrame, Deliver, EndCode, GapReason, Hello, Kinds, LimitChange,
    Recovery, RefusalCode, ServerFrame, Stats, SubId, Subscribe, Welcome, WindowKind, WindowOp,
    WindowSpec,
};
pub use server::encode;
