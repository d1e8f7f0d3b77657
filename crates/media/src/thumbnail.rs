//! Thumbnails: small JPEG pictures of pictures that may be anything.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgb, RgbImage};

use crate::Format;

/// Longest side of a picture that is decoded, in pixels.
const SIDE_MAX: u32 = 20_000;
/// How good a thumbnail looks, of 100.
const QUALITY: u8 = 80;

/// What a thumbnail may be, and cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Its longer side, in pixels.
    pub(crate) side: u32,
    /// Bytes that the decoded picture may have.
    pub(crate) decoded_bytes: u64,
}

/// Why there is no thumbnail of a picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it is no JPEG, PNG, GIF, WebP or BMP")]
    Format,
    #[error("it is {width} x {height} pixels, {bytes} bytes in memory; {limit} are allowed")]
    TooLarge {
        width: u32,
        height: u32,
        bytes: u64,
        limit: u64,
    },
    #[error("it cannot be decoded: {0}")]
    Damaged(String),
}

impl From<ImageError> for Unreadable {
    fn from(error: ImageError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// A thumbnail, and what was learned of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// A JPEG.
    pub(crate) thumbnail: Bytes,
    /// Pixels of the picture as it is to be looked at.
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Makes the thumbnail of a picture. Takes as long as decoding does: off the async workers.
pub(crate) fn make(picture: &[u8], bounds: Bounds) -> Result<Made, Unreadable> {
    let format = Format::sniff(picture).ok_or(Unreadable::Format)?;
    // Decoders of hostile bytes are not to be trusted with this thread. Nothing outlives the panic
    // but the bytes, which nobody changes.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode(picture, format, bounds)));
    decoded.unwrap_or_else(|_| Err(Unreadable::Damaged("the decoder gave up".to_owned())))
}

fn decode(picture: &[u8], format: Format, bounds: Bounds) -> Result<Made, Unreadable> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(bounds.decoded_bytes);
    let mut reader = ImageReader::with_format(Cursor::new(picture), format.decoder());
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    // Not every decoder keeps to the limit on memory; none has decoded anything yet.
    let ((width, height), bytes) = (decoder.dimensions(), decoder.total_bytes());
    if bytes > bounds.decoded_bytes {
        return Err(Unreadable::TooLarge {
            width,
            height,
            bytes,
            limit: bounds.decoded_bytes,
        });
    }
    // A picture whose orientation cannot be read is shown as it lies.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder)?;
    if width.max(height) > bounds.side {
        image = image.thumbnail(bounds.side, bounds.side);
    }
    image.apply_orientation(orientation);
    let turned = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (width, height) = if turned {
        (height, width)
    } else {
        (width, height)
    };
    Ok(Made {
        thumbnail: encode(&image)?,
        width,
        height,
    })
}

fn encode(image: &DynamicImage) -> Result<Bytes, ImageError> {
    let mut out = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut out, QUALITY);
    if image.color().has_alpha() {
        on_white(image).write_with_encoder(encoder)?;
    } else {
        image.to_rgb8().write_with_encoder(encoder)?;
    }
    Ok(out.into())
}

/// The picture as it looks on white paper.
fn on_white(image: &DynamicImage) -> RgbImage {
    let image = image.to_rgba8();
    let mut opaque = RgbImage::new(image.width(), image.height());
    for (to, from) in opaque.pixels_mut().zip(image.pixels()) {
        let [r, g, b, alpha] = from.0;
        let mixed = |colour: u8| {
            let (colour, alpha) = (u32::from(colour), u32::from(alpha));
            // At most 255.
            ((colour * alpha + 255 * (255 - alpha)) / 255) as u8
        };
        *to = Rgb([mixed(r), mixed(g), mixed(b)]);
    }
    opaque
}

#[cfg(test)]
mod tests;
