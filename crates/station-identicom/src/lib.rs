//! The Identicom receiving station: TCP in, records out, commands over.
//!
//! The dialogue with a device is `spica-identicom-proto`'s; this shell gives it bytes, time, the
//! journal, the store of pictures and the queue of commands. What comes before that (listeners,
//! admission, PROXY, TLS) is `spica-front`'s. A connection is one task:
//!
//! ```text
//!                                              front ─▶ session ─▶ goodbye
//!                                                        │
//!                     read ─▶ frames ─▶ dialogue ─▶ write│
//!                                          │ ▲           │
//!                                  actions ▼ │ answers   │
//!                     journal · pictures · commands · views
//! ```
//!
//! Invariants: nothing is told to be deleted before it is durable (the dialogue asks, the journal's
//! watermark answers); critical entries are submitted as they are decoded; an idle connection owns
//! no buffer (bytes are read into a buffer of the worker thread, only a torn frame's rest is kept);
//! whoever is silent, slow or hostile costs one small task until its deadline, and no other
//! connection anything.
//!
//! What is not here: who may register devices or queue commands, any view of records, and the sweep
//! of pictures that nobody goes on with (`PictureStore::sweep`), which is for the node to call.

mod appends;
mod batch;
mod config;
mod conversation;
mod device;
mod jobs;
mod metrics;
mod payload;
mod server;
mod session;
mod shared;
mod work;

pub use config::{AdmissionSettings, ProfileLoadError, Settings, TimeoutSettings, TlsSettings};
pub use metrics::Metrics;
pub use server::{Server, StartError};
pub use shared::Deps;
pub use spica_front::{AdmissionCollector, Stopped, TlsError};
