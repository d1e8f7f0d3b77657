//! The port through which a picture gets to whoever else must show it.

use futures::future::BoxFuture;

use crate::Address;

/// Whoever must have a picture before a record names it: the other node of a pair.
pub trait Share: Send + Sync + 'static {
    /// Resolves when all of them have the picture at `address` durably, or go on without it for now.
    /// Never fails: who goes on without it gets it later.
    fn shared(&self, address: &Address) -> BoxFuture<'static, ()>;
}
