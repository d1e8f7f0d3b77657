//! MQTT 3.1, 3.1.1 and 5: packets in and out. No I/O, no state of a connection.
//!
//! A packet that is read borrows from its bytes, and nothing is allocated: lists of unknown length
//! are checked slices that are walked when asked for. A packet is written at the end of a buffer.
//!
//! Invariants: no bytes cause a panic; of a packet that has not come whole only that is said, or
//! what is already wrong with it; what is read can be written, and is read as the same again.
//!
//! Absent: everything that needs to know what was sent before (packet ids in use, aliases, quotas),
//! which is the session's; and a rewrite of texts, such as their normal form.

mod allowed;
mod decode;
mod encode;
mod error;
mod kinds;
mod lists;
mod packet;
mod property;
mod read;
mod reason;
mod topic;
mod write;

pub use decode::{Decoded, decode};
pub use encode::{AckKind, PublishStamp, encode_ack, encode_publish, encode_publish_head};
pub use error::{DecodeError, EncodeError};
pub use kinds::{Limits, NoQoS, PacketId, QoS, Side, Version};
pub use lists::{
    Filters, ReasonCodes, RetainHandling, SubscribeOptions, SubscriptionIds, Topics, UserProperties,
};
pub use packet::{
    Ack, AckProperties, Auth, AuthProperties, ConnAck, ConnAckProperties, Connect,
    ConnectProperties, Disconnect, DisconnectProperties, Packet, Publish, PublishProperties,
    Sensitive, SubAck, Subscribe, SubscribeProperties, Unsubscribe, Will, WillProperties,
};
pub use reason::Reason;
pub use topic::{TopicFault, check_filter, check_topic_name, levels, split_share};
