//! Plots as inline SVG: columns that are stacked, and bars with names.

use std::fmt::{self, Display, Write};

/// Width of a plot that is half of the page, in its own units.
pub(super) const HALF: f64 = 480.0;
/// Width of one that is all of it.
pub(super) const WIDE: f64 = 1_000.0;

const HEIGHT: f64 = 220.0;
/// Room for the numbers at the left, and for the labels below.
const LEFT: f64 = 44.0;
const BELOW: f64 = 24.0;
const ABOVE: f64 = 16.0;
/// Height of a bar with a name.
const BAR: f64 = 26.0;

/// Text of others in HTML and SVG.
pub(super) struct Escaped<T>(pub(super) T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.to_string().chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                c if c.is_control() => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// One column: its label if it has one, what it says in full, and its parts from below.
pub(super) struct Column {
    pub(super) label: String,
    pub(super) title: String,
    pub(super) parts: Vec<(&'static str, f64)>,
    /// Text above the column.
    pub(super) value: String,
}

impl Column {
    fn total(&self) -> f64 {
        self.parts.iter().map(|(_, value)| value).sum()
    }
}

/// Stacked columns over a scale.
pub(super) struct Columns {
    pub(super) width: f64,
    pub(super) columns: Vec<Column>,
    /// A height that matters, and its name.
    pub(super) limit: Option<(f64, String)>,
}

impl Columns {
    pub(super) fn write(&self, out: &mut impl Write, name: &str) -> fmt::Result {
        let (right, floor) = (self.width, HEIGHT - BELOW);
        let highest = self.columns.iter().map(Column::total).fold(0.0, f64::max);
        let limit = self.limit.as_ref().map_or(0.0, |(limit, _)| *limit);
        // A limit that is far above everything would only flatten what there is.
        let shown = if limit <= 4.0 * highest {
            highest.max(limit)
        } else {
            highest
        };
        let step = step(shown);
        let top = (shown / step).ceil().max(1.0) * step;
        let y = |value: f64| floor - (floor - ABOVE) * (value / top).min(1.0);
        open(out, right, HEIGHT, name)?;
        let lines = (top / step).round() as u32;
        for line in 0..=lines {
            let value = f64::from(line) * step;
            let y = y(value);
            write!(out, r#"<path class="grid" d="M{LEFT} {y:.1}H{right}"/>"#)?;
            let (x, y) = (LEFT - 6.0, y + 4.0);
            writeln!(
                out,
                r#"<text x="{x}" y="{y:.1}" text-anchor="end">{}</text>"#,
                number(value)
            )?;
        }
        let pitch = (right - LEFT) / (self.columns.len().max(1) as f64);
        for (index, column) in self.columns.iter().enumerate() {
            let x = LEFT + pitch * index as f64;
            column.write(out, x, pitch, &y)?;
        }
        if let Some((value, name)) = self.limit.as_ref().filter(|(value, _)| *value <= top) {
            let y = y(*value);
            write!(out, r#"<path class="limit" d="M{LEFT} {y:.1}H{right}"/>"#)?;
            let y = y - 5.0;
            writeln!(
                out,
                r#"<text class="value" x="{right}" y="{y:.1}" text-anchor="end">{}</text>"#,
                Escaped(name)
            )?;
        }
        out.write_str("</svg>\n")
    }
}

impl Column {
    fn write(
        &self,
        out: &mut impl Write,
        x: f64,
        pitch: f64,
        y: &impl Fn(f64) -> f64,
    ) -> fmt::Result {
        // Thin columns stand close, or they would be lines.
        let gap = if pitch < 6.0 {
            pitch * 0.12
        } else {
            pitch * 0.22
        };
        let width = pitch - gap;
        write!(out, "<g><title>{}</title>", Escaped(&self.title))?;
        let mut below = 0.0;
        for (class, value) in self.parts.iter().filter(|(_, value)| *value > 0.0) {
            let (floor, top) = (y(below), y(below + value));
            below += value;
            let (x, height) = (x + gap / 2.0, floor - top);
            write!(
                out,
                r#"<rect class="{class}" x="{x:.2}" y="{top:.2}" width="{width:.2}" height="{height:.2}"/>"#
            )?;
        }
        let middle = x + pitch / 2.0;
        if !self.value.is_empty() {
            let y = y(below) - 4.0;
            write!(
                out,
                r#"<text class="value" x="{middle:.1}" y="{y:.1}" text-anchor="middle">{}</text>"#,
                Escaped(&self.value)
            )?;
        }
        if !self.label.is_empty() {
            let y = HEIGHT - 6.0;
            write!(
                out,
                r#"<text x="{middle:.1}" y="{y}" text-anchor="middle">{}</text>"#,
                Escaped(&self.label)
            )?;
        }
        out.write_str("</g>\n")
    }
}

/// Bars from the left, each with a name and what stands at its end.
pub(super) struct Bars {
    pub(super) width: f64,
    /// Room for the names.
    pub(super) names: f64,
    pub(super) bars: Vec<Bar>,
}

/// One of them.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) parts: Vec<(&'static str, f64)>,
    pub(super) value: String,
}

impl Bars {
    pub(super) fn write(&self, out: &mut impl Write, name: &str) -> fmt::Result {
        let height = BAR * self.bars.len() as f64;
        let total = |bar: &Bar| bar.parts.iter().map(|(_, value)| value).sum::<f64>();
        let longest = self
            .bars
            .iter()
            .map(total)
            .fold(f64::MIN_POSITIVE, f64::max);
        let room = self.width - self.names - 112.0;
        open(out, self.width, height, name)?;
        for (index, bar) in self.bars.iter().enumerate() {
            let top = BAR * index as f64;
            let base = top + BAR * 0.68;
            write!(
                out,
                r#"<text class="value" x="0" y="{base:.1}">{}</text>"#,
                Escaped(&bar.name)
            )?;
            let mut x = self.names;
            for (class, value) in &bar.parts {
                let (y, width) = (top + 4.0, room * value / longest);
                let thick = BAR - 8.0;
                write!(
                    out,
                    r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{thick}"/>"#
                )?;
                x += width;
            }
            let x = x + 7.0;
            writeln!(
                out,
                r#"<text x="{x:.1}" y="{base:.1}">{}</text>"#,
                Escaped(&bar.value)
            )?;
        }
        out.write_str("</svg>\n")
    }
}

fn open(out: &mut impl Write, width: f64, height: f64, name: &str) -> fmt::Result {
    writeln!(
        out,
        r#"<svg viewBox="0 0 {width} {height}" role="img" aria-label="{}">"#,
        Escaped(name)
    )
}

/// The distance of lines for values up to `highest`: 1, 2 or 5 times a power of ten, whole, so that
/// there are two to five lines.
fn step(highest: f64) -> f64 {
    let mut decade = 1.0;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            if highest <= 5.0 * factor * decade {
                return factor * decade;
            }
        }
        decade *= 10.0;
        if decade >= 1e18 {
            return decade;
        }
    }
}

fn number(value: f64) -> String {
    if value >= 10_000.0 {
        format!("{}k", value / 1_000.0)
    } else {
        format!("{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_few_and_at_round_numbers() {
        for (highest, want) in [
            (0.0, 1.0),
            (5.0, 1.0),
            (6.0, 2.0),
            (23.0, 5.0),
            (144.0, 50.0),
            (26_000.0, 10_000.0),
        ] {
            assert_eq!(step(highest), want, "{highest}");
        }
        assert!(step(f64::INFINITY) >= 1e18);
        assert_eq!(number(20_000.0), "20k");
    }

    #[test]
    fn names_of_others_are_only_text() {
        let text = Escaped("<a href=\"x\">&\u{1b}").to_string();
        assert_eq!(text, "&lt;a href=&quot;x&quot;&gt;&amp;\u{fffd}");
    }
}
