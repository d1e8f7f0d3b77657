//! Lists inside packets: slices of the packet, checked when it was read, walked when asked for.
//! To write them, they are put together in a buffer of the caller.

mod codes;
mod filters;
mod properties;

pub use codes::ReasonCodes;
pub use filters::{Filters, RetainHandling, SubscribeOptions, Topics};
pub use properties::{SubscriptionIds, UserProperties};
