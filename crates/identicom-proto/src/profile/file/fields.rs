//! The `[[detail]]` and `[[command]]` tables, and the layouts in both.

use super::raw::{Number, RawCommand, RawDetail, RawField, Text};
use super::values::{Names, in_range, is_kebab, is_snake, number, one_of};
use super::{Checked, Problem};
use crate::message::COMMAND_HEAD_BYTES;
use crate::profile::number::Int;
use crate::profile::{Command, Detail, Field, FieldType, Layout, Limits};

/// Longest value of a detail: its length is one byte.
const DETAIL_BYTES: usize = 255;
/// Most digits behind the point: more than a 32-bit number has would only be zeros.
const DECIMALS_MAX: i64 = 9;

/// A type by its name; how much an open one may take is known later.
#[derive(Clone, Copy)]
enum Kind {
    Int(Int),
    Text,
    Bytes,
    Event,
}

const KINDS: [(&str, Kind); 9] = [
    ("u8", Kind::Int(Int::U8)),
    ("u16", Kind::Int(Int::U16)),
    ("u32", Kind::Int(Int::U32)),
    ("i8", Kind::Int(Int::I8)),
    ("i16", Kind::Int(Int::I16)),
    ("i32", Kind::Int(Int::I32)),
    ("text", Kind::Text),
    ("bytes", Kind::Bytes),
    ("event", Kind::Event),
];

/// Where a layout stands: what may be in it differs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Detail,
    Command,
}

pub(super) fn details(raw: &[RawDetail]) -> Checked<Vec<Detail>> {
    let (mut tags, mut names) = (Names::new("tag"), Names::new("detail"));
    let mut details = Vec::with_capacity(raw.len());
    for raw in raw {
        let name = names.take(&raw.name, is_detail_name)?;
        let problem = |message: &str| Problem {
            span: raw.name.span(),
            message: format!("detail {name:?} {message}"),
        };
        let layout = match (&raw.kind, &raw.fields) {
            (Some(kind), None) => {
                let decimals = raw.decimals.as_ref();
                let kind = field_type(kind, decimals, None, Place::Detail)?;
                let name = name.clone();
                Layout::new(vec![Field { name, kind }])
            }
            (None, Some(fields)) if !fields.is_empty() && raw.decimals.is_none() => {
                layout(fields, Place::Detail)?
            }
            _ => return Err(problem("wants either a type or fields, at least one")),
        };
        if layout.bytes().0 > DETAIL_BYTES {
            return Err(problem("has more than 255 bytes"));
        }
        details.push(Detail {
            tag: tags.take_code(&raw.tag)?,
            is_scalar: raw.kind.is_some(),
            name,
            layout,
        });
    }
    Ok(details)
}

fn is_detail_name(name: &str) -> Result<(), &'static str> {
    if name == "other" {
        return Err("this name is for details that have no table");
    }
    is_snake(name)
}

pub(super) fn commands(raw: &[RawCommand], limits: &Limits) -> Checked<Vec<Command>> {
    let (mut codes, mut names) = (Names::new("command code"), Names::new("command"));
    let room = usize::from(limits.data_to_device) - COMMAND_HEAD_BYTES;
    let mut commands = Vec::with_capacity(raw.len());
    for raw in raw {
        let arguments = layout(&raw.arguments, Place::Command)?;
        let bytes = arguments.bytes().1;
        if bytes > room {
            return Err(Problem {
                span: raw.name.span(),
                message: format!(
                    "the arguments have up to {bytes} bytes; a frame to the device has room for \
                     {room} (data_to_device less {COMMAND_HEAD_BYTES})"
                ),
            });
        }
        commands.push(Command {
            code: codes.take_code(&raw.code)?,
            name: names.take(&raw.name, is_kebab)?,
            is_urgent: raw.urgent,
            arguments,
        });
    }
    Ok(commands)
}

fn layout(raw: &[RawField], place: Place) -> Checked<Layout> {
    let mut names = Names::new("field");
    let mut fields: Vec<Field> = Vec::with_capacity(raw.len());
    for raw in raw {
        if fields.last().is_some_and(|field| field.kind.is_open()) {
            return Err(Problem {
                span: raw.name.span(),
                message: "only the last field may be text or bytes: they take all the rest"
                    .to_owned(),
            });
        }
        fields.push(Field {
            name: names.take(&raw.name, is_snake)?,
            kind: field_type(
                &raw.kind,
                raw.decimals.as_ref(),
                raw.max_bytes.as_ref(),
                place,
            )?,
        });
    }
    Ok(Layout::new(fields))
}

fn field_type(
    raw: &Text,
    decimals: Option<&Number>,
    max_bytes: Option<&Number>,
    place: Place,
) -> Checked<FieldType> {
    let problem = |message: &str| Problem {
        span: raw.span(),
        message: format!("type {:?} {message}", raw.get_ref()),
    };
    let kind = one_of("type", raw, &KINDS)?;
    if decimals.is_some() && (place == Place::Command || !matches!(kind, Kind::Int(_))) {
        return Err(problem(
            "has no decimals here: only numbers of details have",
        ));
    }
    if max_bytes.is_some() && (place == Place::Detail || !matches!(kind, Kind::Text | Kind::Bytes))
    {
        return Err(problem(
            "has no max_bytes here: only text and bytes of commands have",
        ));
    }
    let max = match (place, max_bytes) {
        (_, Some(max)) => in_range("max_bytes", max, 1, 4_096)?,
        (Place::Detail, None) => DETAIL_BYTES,
        (Place::Command, None) if matches!(kind, Kind::Text | Kind::Bytes) => {
            return Err(problem("wants max_bytes"));
        }
        (Place::Command, None) => 0,
    };
    let decimals = decimals.cloned();
    Ok(match kind {
        Kind::Int(int) => match number("decimals", &decimals, 1, DECIMALS_MAX)? {
            Some(decimals) => FieldType::Decimal(int, decimals),
            None => FieldType::Integer(int),
        },
        Kind::Text => FieldType::Text(max),
        Kind::Bytes => FieldType::Bytes(max),
        Kind::Event if place == Place::Command => FieldType::Event,
        Kind::Event => return Err(problem("is for arguments of commands only")),
    })
}
