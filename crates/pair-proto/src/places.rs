//! Places of both lanes: what is durable on the passive, or acknowledged by the active.

use bytes::{BufMut as _, BytesMut};
use spica_model::Seq;

use crate::ProtoError;
use crate::frame::{self, Kind};

/// Appends a frame with the places of both lanes: `acked` says that they are durable on the passive,
/// else that the active has acknowledged so much.
pub fn put_places(out: &mut BytesMut, acked: bool, places: [Seq; 2]) {
    let kind = if acked { Kind::Acked } else { Kind::Committed };
    frame::put_head(out, kind, 16);
    places.iter().for_each(|place| out.put_u64_le(place.0));
}

pub(crate) fn read(body: &[u8]) -> Result<[Seq; 2], ProtoError> {
    let (places, []) = body.as_chunks::<8>() else {
        return Err(ProtoError::Malformed("places"));
    };
    let &[critical, normal] = places else {
        return Err(ProtoError::Malformed("places"));
    };
    Ok([critical, normal].map(|place| Seq(u64::from_le_bytes(place))))
}
