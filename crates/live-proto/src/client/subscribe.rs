//! `subscribe` and what it shares with `change`, as it is read.

use spica_model::TopicFilter;

use super::limits;
use super::read::{need_sub, short};
use crate::error::Wrong;
use crate::keys::{Keys, one_of};
use crate::part::Part;
use crate::place;
use crate::words::Word as _;
use crate::{LimitChange, RefusalCode, SubId, Subscribe, WindowKind, WindowOp, WindowSpec};

/// The number of a subscription.
pub(super) fn sub(part: Part<'_>) -> Option<SubId> {
    part.u32().filter(|sub| *sub > 0).map(SubId)
}

pub(super) fn subscribe(frame: &Keys<'_>) -> Result<Subscribe, Wrong> {
    let merge = frame.optional("merge", "\"patch\"", |part| {
        part.text().filter(|merge| merge == "patch")
    })?;
    Ok(Subscribe {
        sub: need_sub(frame)?,
        filter: filter(frame)?,
        kinds: frame.optional_word("kinds")?.unwrap_or_default(),
        deliver: frame.optional_word("deliver")?.unwrap_or_default(),
        recovery: frame.optional_word("recovery")?,
        after: frame.optional("after", place::EXPECTED, place::read)?,
        snapshot: frame.truth("snapshot", true)?,
        delta: frame.truth("delta", true)?,
        window: window(frame).map_err(|wrong| wrong.coded(RefusalCode::BadWindow))?,
        merge_patch: merge.is_some(),
        limits: limit_change(frame)?,
        max_queue: frame.optional("max_queue", "a whole number from 0 to 2^32-1", Part::u32)?,
    })
}

/// The limits that a frame names.
pub(super) fn limit_change(frame: &Keys<'_>) -> Result<LimitChange, Wrong> {
    Ok(LimitChange {
        min_interval_ms: frame.optional_number("min_interval_ms")?,
        bytes_per_s: frame.optional_number("bytes_per_s")?,
    })
}

fn filter(frame: &Keys<'_>) -> Result<TopicFilter, Wrong> {
    TopicFilter::new(frame.text("filter")?)
        .map_err(|e| Wrong::new(format!("`filter`: {e}")).coded(RefusalCode::BadFilter))
}

fn window(frame: &Keys<'_>) -> Result<Option<WindowSpec>, Wrong> {
    let Some(part) = frame.optional("window", "an object", Some)? else {
        return Ok(None);
    };
    let window = Keys::of(part, "`window`")?;
    let field = short(&window, "field", limits::FIELD_BYTES)?.unwrap_or_default();
    if !is_pointer(&field) {
        return Err(Wrong::value("field", "a JSON pointer, such as /a/b"));
    }
    Ok(Some(WindowSpec {
        kind: kind(&window)?,
        ops: ops(&window)?,
        field,
    }))
}

fn kind(window: &Keys<'_>) -> Result<WindowKind, Wrong> {
    let size = || window.need("size", "a whole number from 1 to 2^32-1", positive32);
    let large = |key| window.need(key, "a whole number from 1 to 2^64-1", positive);
    Ok(match &*window.text("kind")? {
        "tumbling" => WindowKind::Tumbling(size()?),
        "sliding" => WindowKind::Sliding(size()?),
        "periodic" => WindowKind::Periodic(large("ms")?),
        "monotonic" => WindowKind::Monotonic(large("every")?),
        _ => {
            let kinds = "one of tumbling, sliding, periodic, monotonic";
            return Err(Wrong::value("kind", kinds));
        }
    })
}

fn positive(part: Part<'_>) -> Option<u64> {
    part.u64().filter(|number| *number > 0)
}

fn positive32(part: Part<'_>) -> Option<u32> {
    positive(part)?.try_into().ok()
}

fn ops(window: &Keys<'_>) -> Result<Vec<WindowOp>, Wrong> {
    let expected = format!("an array, each of it {}, none twice", one_of::<WindowOp>());
    window.need("ops", &expected, |part| {
        let items = part.items()?;
        let mut ops = Vec::new();
        for item in items {
            let op = WindowOp::read(&item.text()?)?;
            if ops.contains(&op) {
                return None;
            }
            ops.push(op);
        }
        (!ops.is_empty()).then_some(ops)
    })
}

/// Whether it is a JSON pointer (RFC 6901).
fn is_pointer(text: &str) -> bool {
    let mut escapes = text.split('~').skip(1);
    (text.is_empty() || text.starts_with('/')) && escapes.all(|rest| rest.starts_with(['0', '1']))
}
