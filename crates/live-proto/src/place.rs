//! Places on the wire: `[critical epoch, critical number, normal epoch, normal number]`.

use spica_model::{Epoch, Lane, Place, Seq};

use crate::part::Part;
use crate::write::Writer;

/// What it must be, for people.
pub(crate) const EXPECTED: &str =
    "a place, which is [critical epoch, critical number, normal epoch, normal number]";

pub(crate) fn write(at: &Place, to: &mut Writer<'_>) {
    to.array(4);
    for lane in Lane::ALL {
        to.u64(u64::from(at.epoch(lane).0));
        to.u64(at.seq(lane).0);
    }
    to.end_array();
}

pub(crate) fn read(part: Part<'_>) -> Option<Place> {
    let items: [Part<'_>; 4] = part.items()?.try_into().ok()?;
    let [critical, c, normal, n] = items;
    Some(Place::new(
        (Epoch(critical.u32()?), Seq(c.u64()?)),
        (Epoch(normal.u32()?), Seq(n.u64()?)),
    ))
}
