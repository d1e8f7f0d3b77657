//! What a client says: read by the server, written by clients and tests.

mod read;
mod subscribe;
mod write;

pub use read::decode_client;
pub use write::encode_client;

/// What a frame of a client has at most, whatever the configuration says. Its length is limited by
/// who receives it.
pub mod limits {
    /// How deep arrays and objects nest.
    pub const DEPTH: usize = 32;
    /// Bytes of a token.
    pub const TOKEN_BYTES: usize = 4_096;
    /// Bytes of a client's name.
    pub const CLIENT_BYTES: usize = 64;
    /// Bytes of the path of a call, with its query.
    pub const PATH_BYTES: usize = 2_048;
    /// Bytes of the idempotency key of a call.
    pub const KEY_BYTES: usize = 255;
    /// Bytes of the JSON pointer of a window.
    pub const FIELD_BYTES: usize = 1_024;
}
