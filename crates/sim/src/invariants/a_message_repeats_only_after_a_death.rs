//! No desk makes the same attempt of a message twice: whoever gets a message twice gets it from the
//! desk of another reign, since the one before died, was cut off or was to serve no more, or since the
//! attempt before was answered with a failure. Under every profile. Under the strict ones, an attempt
//! whose answer is durable is not made again, except by one who does not know that its reign is over.

use crate::desk::Sent;
use crate::world::World;

pub(crate) const NAME: &str = "a-message-repeats-only-after-a-death";

/// A message leaves.
pub(super) fn check(world: &mut World, node: usize, sent: &Sent) {
    let Some(center) = &world.center else { return };
    let twice = center.sent.iter().any(|before| {
        before.desk == sent.desk && before.key == sent.key && before.attempt == sent.attempt
    });
    let noted = center.noted.get(&sent.key).copied().unwrap_or(0);
    let leads = world.nodes[node].process.as_ref().and_then(|p| p.leads);
    let newest = world.oracle.reigns.iter().map(|(epoch, _)| *epoch).max();
    let again = world.oracle.profile.strict && leads == newest && sent.attempt <= noted;
    if twice || again {
        world.oracle.breaks(NAME, world.now, || {
            format!("{sent:?}: by the same desk: {twice}, noted as done: {noted}")
        });
    }
}
