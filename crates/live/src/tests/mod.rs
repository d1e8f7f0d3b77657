//! Tests of the engine as a whole.

use spica_live_proto::{Deliver, Kinds, LimitChange, SubId, Subscribe};
use spica_model::TopicFilter;

/// A subscription with all defaults.
pub(crate) fn subscribe(sub: u32, filter: &str) -> Subscribe {
    Subscribe {
        sub: SubId(sub),
        filter: TopicFilter::new(filter).unwrap(),
        kinds: Kinds::All,
        deliver: Deliver::Auto,
        recovery: None,
        after: None,
        snapshot: true,
        delta: true,
        window: None,
        merge_patch: false,
        limits: LimitChange::default(),
        max_queue: None,
    }
}
