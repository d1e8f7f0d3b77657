//! A message leaves when the record that says so is committed: so whoever takes over knows of it.
//! Under every profile.

use spica_alerts::Message;
use spica_model::Op;

use crate::desk::node as site;
use crate::world::World;

pub(crate) const NAME: &str = "messages-leave-after-their-records";

/// A message leaves.
pub(super) fn check(world: &mut World, node: usize, message: &Message) {
    let at = &world.nodes[node];
    let committed = at
        .process
        .as_ref()
        .map_or(0, |process| process.committed[0]);
    let entries = &at.disk.lanes[0].entries;
    let committed = entries.iter().take(committed as usize);
    let path = format!("alarms/notices/{}", message.notice);
    let known = committed.rev().any(|entry| {
        let batch = world.book.batch(entry.key);
        let mut drafts = batch.into_iter().flat_map(|batch| &batch.drafts);
        drafts.any(|draft| {
            draft.op == Op::Put && draft.topic.below(site().as_str()) == Some(path.as_str())
        })
    });
    if !known {
        world.oracle.breaks(NAME, world.now, || {
            format!("{} left before it was committed", message.key)
        });
    }
}
