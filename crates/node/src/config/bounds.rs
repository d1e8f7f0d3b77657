//! Whether a value is within what its schema allows: numbers, lengths, durations, amounts of bytes.

use std::cmp::Ordering;
use std::str::FromStr;

use spica_settings::{ByteSize, Span};

use super::shape::{Bounds, Shape};
use super::tree::Value;

/// How a value is outside, as the end of `is too …`.
pub(super) fn outside(value: &Value, shape: Shape<'_>) -> Option<&'static str> {
    match value {
        Value::Beyond(number) if number.starts_with('-') => Some("small"),
        Value::Beyond(_) => Some("large"),
        Value::Integer(number) => quantity(value, shape).or_else(|| {
            #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
            let number = *number as f64;
            number_outside(number, shape)
        }),
        Value::Float(number) => number_outside(*number, shape),
        Value::Text(text) => compare(text.chars().count() as u64, shape.counts("Length"))
            .map(|order| order.pick("short", "long"))
            .or_else(|| quantity(value, shape)),
        Value::List(items) => compare(items.len() as u64, shape.counts("Items"))
            .map(|order| order.pick("short", "long")),
        Value::Boolean(_) | Value::Moment(_) | Value::Table(_) => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Below,
    Above,
}

impl Order {
    const fn pick(self, below: &'static str, above: &'static str) -> &'static str {
        match self {
            Self::Below => below,
            Self::Above => above,
        }
    }
}

/// What cannot be compared (not a number) is outside.
fn compare<T: PartialOrd + Copy>(value: T, (least, most): Bounds<T>) -> Option<Order> {
    let is = |bound: T| value.partial_cmp(&bound);
    if let Some(None | Some(Ordering::Less)) = least.map(is) {
        return Some(Order::Below);
    }
    match most.map(is) {
        Some(None | Some(Ordering::Greater)) => Some(Order::Above),
        _ => None,
    }
}

fn number_outside(number: f64, shape: Shape<'_>) -> Option<&'static str> {
    compare(number, shape.bounds()).map(|order| order.pick("small", "large"))
}

/// Durations and amounts of bytes. What cannot be read is left to their types.
fn quantity(value: &Value, shape: Shape<'_>) -> Option<&'static str> {
    let order = match (shape.format()?, value) {
        ("span", Value::Text(text)) => compare(text.parse::<Span>().ok()?, read(shape)),
        ("byte-size", Value::Text(text)) => compare(text.parse::<ByteSize>().ok()?, read(shape)),
        ("byte-size", Value::Integer(bytes)) => {
            compare(ByteSize::new(u64::try_from(*bytes).ok()?), read(shape))
        }
        _ => None,
    };
    order.map(|order| order.pick("small", "large"))
}

fn read<T: FromStr>(shape: Shape<'_>) -> Bounds<T> {
    let (least, most) = shape.quantities();
    let read = |text: Option<&str>| text.and_then(|text| text.parse().ok());
    (read(least), read(most))
}
