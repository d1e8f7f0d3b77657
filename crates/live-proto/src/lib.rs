//! The frames of live sessions (`docs/live.md`): what client and server say to each other, in JSON
//! and in CBOR, and how values become rows and deltas. No I/O.

mod frame;

pub use frame::{
    About, Bye, ByeCode, Call, ClientFrame, Deliver, EndCode, GapReason, Hello, Kinds, LimitChange,
    Recovery, RefusalCode, ServerFrame, Stats, SubId, Subscribe, Welcome, WindowKind, WindowOp,
    WindowSpec,
};
