//! Layouts: named values in a row, as details and command arguments have them.

use super::number::Int;

/// One value of a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: FieldType,
}

/// The type of a value. Numbers go least-significant byte first; `Text` and `Bytes` take all the
/// bytes that are left and stand last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A whole number.
    Integer(Int),
    /// A number with that many digits behind the point, which travels without the point.
    Decimal(Int, u8),
    /// UTF-8, at most as many bytes.
    Text(usize),
    /// Bytes, at most as many.
    Bytes(usize),
    /// An event code.
    Event,
}

/// Named values in a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout(Vec<Field>);

/// A value that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'d> {
    /// A whole number.
    Integer(i64),
    /// A number with a point: `mantissa` without it, and how many digits stand behind it.
    Decimal {
        /// All its digits.
        mantissa: i64,
        /// How many of them stand behind the point.
        decimals: u8,
    },
    /// UTF-8.
    Text(&'d str),
    /// Bytes.
    Bytes(&'d [u8]),
    /// An event code.
    Event(u8),
}

impl Value<'_> {
    /// The value as a floating-point number, if it is a number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Integer(number) => Some(number as f64),
            // A division gives the nearest number to the decimal one; a product with 0.1ⁿ would not.
            Self::Decimal { mantissa, decimals } => {
                Some(mantissa as f64 / 10f64.powi(i32::from(decimals)))
            }
            Self::Text(_) | Self::Bytes(_) | Self::Event(_) => None,
        }
    }
}

impl FieldType {
    /// How many bytes a value has, fewest and most.
    #[must_use]
    pub const fn bytes(self) -> (usize, usize) {
        match self {
            Self::Integer(int) | Self::Decimal(int, _) => (int.bytes(), int.bytes()),
            Self::Text(max) | Self::Bytes(max) => (0, max),
            Self::Event => (1, 1),
        }
    }

    /// Whether the value takes all the bytes that are left.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Text(_) | Self::Bytes(_))
    }

    fn read(self, bytes: &[u8]) -> Option<Value<'_>> {
        let (min, max) = self.bytes();
        if bytes.len() < min || bytes.len() > max {
            return None;
        }
        Some(match self {
            Self::Integer(int) => Value::Integer(int.read(bytes)),
            Self::Decimal(int, decimals) => Value::Decimal {
                mantissa: int.read(bytes),
                decimals,
            },
            Self::Text(_) => Value::Text(std::str::from_utf8(bytes).ok()?),
            Self::Bytes(_) => Value::Bytes(bytes),
            Self::Event => Value::Event(*bytes.first()?),
        })
    }
}

impl Layout {
    /// The values of these fields in a row. Only the last one may be open.
    pub(super) const fn new(fields: Vec<Field>) -> Self {
        Self(fields)
    }

    /// The fields in order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.0
    }

    /// How many bytes the values have together, fewest and most.
    #[must_use]
    pub fn bytes(&self) -> (usize, usize) {
        self.0.iter().fold((0, 0), |(min, max), field| {
            let (field_min, field_max) = field.kind.bytes();
            (min + field_min, max + field_max)
        })
    }

    /// Reads the values; `None` if `bytes` is not laid out like this.
    #[must_use]
    pub fn read<'p, 'd>(&'p self, bytes: &'d [u8]) -> Option<Values<'p, 'd>> {
        let values = Values {
            fields: &self.0,
            bytes,
        };
        let mut check = values;
        for _ in &self.0 {
            check.step()?;
        }
        check.bytes.is_empty().then_some(values)
    }
}

/// The values of a layout, with their names, in order. They have been checked when this was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Values<'p, 'd> {
    fields: &'p [Field],
    bytes: &'d [u8],
}

impl<'p, 'd> Values<'p, 'd> {
    fn step(&mut self) -> Option<(&'p str, Value<'d>)> {
        let (field, fields) = self.fields.split_first()?;
        let length = if field.kind.is_open() {
            self.bytes.len()
        } else {
            field.kind.bytes().0
        };
        let (bytes, rest) = self.bytes.split_at_checked(length)?;
        let value = field.kind.read(bytes)?;
        (self.fields, self.bytes) = (fields, rest);
        Some((&field.name, value))
    }
}

impl<'p, 'd> Iterator for Values<'p, 'd> {
    type Item = (&'p str, Value<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        self.step()
    }
}
