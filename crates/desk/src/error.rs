//! Why an order is not carried out.

use spica_alerts::TestError;
use spica_cases::OrderError;

/// Why an order is not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeskError {
    /// The life of cases does not allow it.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// This node does not serve, or is about to stop; nothing is changed.
    #[error(
        "this node does not serve now; its partner may, or it is starting or stopping: try again"
    )]
    NotServing,
    /// The order was placed, but whether it is durable is not known: the node ceased to serve.
    #[error(
        "this node ceased to serve before the order was durable: look at the case, and repeat the \
         order if it has no effect"
    )]
    Unknown,
    /// Too many orders wait.
    #[error("too many orders wait for the alarm desk: try again")]
    Busy,
    /// Nobody can be sent the test.
    #[error(transparent)]
    Test(#[from] TestError),
}
