//! Thumbnails of pictures of each kind, of broken ones and of hostile ones.

use image::{GenericImageView as _, ImageFormat, Rgba, RgbaImage};
use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds {
    side: 32,
    decoded_bytes: 8 << 20,
};

/// A picture whose left third is red and whose rest is blue.
fn picture(format: Format, width: u32, height: u32) -> Vec<u8> {
    let colour = |x, _| {
        if x < width / 3 {
            Rgba([220, 20, 20, 255])
        } else {
            Rgba([20, 20, 220, 255])
        }
    };
    encode_as(format, RgbaImage::from_fn(width, height, colour))
}

fn encode_as(format: Format, image: RgbaImage) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let image = DynamicImage::ImageRgba8(image);
    let image = match format {
        Format::Jpeg => DynamicImage::ImageRgb8(image.to_rgb8()),
        _ => image,
    };
    let format: ImageFormat = format.decoder();
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn shown(made: &Made) -> DynamicImage {
    image::load_from_memory_with_format(&made.thumbnail, ImageFormat::Jpeg).unwrap()
}

fn is_red(image: &DynamicImage, x: u32, y: u32) -> bool {
    let [r, _, b, _] = image.get_pixel(x, y).0;
    r > 150 && b < 100
}

#[test]
fn every_format_has_a_small_jpeg_that_shows_the_same() {
    for format in Format::ALL {
        let bytes = picture(format, 120, 60);
        assert_eq!(Format::sniff(&bytes), Some(format));
        let made = make(&bytes, BOUNDS).unwrap();
        assert_eq!((made.width, made.height), (120, 60));
        let small = shown(&made);
        assert_eq!(small.dimensions(), (32, 16), "{format:?}");
        assert!(is_red(&small, 2, 8) && !is_red(&small, 28, 8), "{format:?}");
    }
}

#[test]
fn a_small_picture_is_not_made_larger_and_a_thin_one_keeps_a_pixel() {
    let made = make(&picture(Format::Png, 20, 10), BOUNDS).unwrap();
    assert_eq!(shown(&made).dimensions(), (20, 10));
    let made = make(&picture(Format::Png, 3_000, 2), BOUNDS).unwrap();
    assert_eq!(shown(&made).dimensions(), (32, 1));
}

#[test]
fn what_is_transparent_is_white() {
    let image = RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0]));
    let small = shown(&make(&encode_as(Format::Png, image), BOUNDS).unwrap());
    assert!(small.get_pixel(4, 4).0[..3].iter().all(|c| *c > 250));
}

#[test]
fn a_picture_that_was_taken_sideways_stands_upright() {
    let upright = picture(Format::Jpeg, 60, 30);
    // An APP1 segment with one TIFF entry: orientation 6, to be turned by 90 degrees clockwise.
    let mut exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01".to_vec();
    exif.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
    let turned = [&upright[..2], &exif, &upright[2..]].concat();
    let made = make(&turned, BOUNDS).unwrap();
    assert_eq!((made.width, made.height), (30, 60));
    let small = shown(&made);
    assert_eq!(small.dimensions(), (16, 32));
    // What was left is now above.
    assert!(is_red(&small, 8, 3) && !is_red(&small, 8, 28));
}

/// The first bytes of a PNG that says it is so large.
fn png_of(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([16, 6, 0, 0, 0]);
    let crc = !chunk.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    });
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(chunk);
    bytes.extend(crc.to_be_bytes());
    bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    bytes
}

fn bmp_of(width: i32, height: i32) -> Vec<u8> {
    let mut bytes = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend(b"\x01\0\x18\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    bytes
}

#[test]
fn a_bomb_is_refused_before_it_takes_memory() {
    let mut gif = b"GIF89a\xff\xff\xff\xff\0\0\0".to_vec();
    gif.extend(b",\0\0\0\0\xff\xff\xff\xff\0\x02\x01\0\0;");
    for (name, bytes) in [
        ("png", png_of(19_000, 19_000)),
        ("longer than any side", png_of(2_000_000, 1)),
        ("bmp", bmp_of(19_000, 19_000)),
        ("bmp upside down", bmp_of(19_000, -19_000)),
        ("gif", gif),
    ] {
        let refused = make(&bytes, BOUNDS).unwrap_err().to_string();
        let said = ["are allowed", "limit", "dimensions", "too large"];
        let refused = refused.to_lowercase();
        assert!(
            said.iter().any(|word| refused.contains(word)),
            "{name}: {refused}"
        );
    }
}

#[test]
fn a_real_bomb_is_refused_by_its_size_in_memory() {
    // 2 MB of one colour, some kilobytes as PNG; allowed is one.
    let image = RgbaImage::from_pixel(1_000, 500, Rgba([9, 9, 9, 255]));
    let bytes = encode_as(Format::Png, image);
    assert!(bytes.len() < 20_000);
    let bounds = Bounds {
        decoded_bytes: 1 << 20,
        ..BOUNDS
    };
    let refused = make(&bytes, bounds).unwrap_err();
    let limit = 1 << 20;
    assert_eq!(
        refused,
        Unreadable::TooLarge {
            width: 1_000,
            height: 500,
            bytes: 2_000_000,
            limit
        }
    );
    assert!(make(&bytes, BOUNDS).is_ok());
}

#[test]
fn what_is_no_picture_says_so() {
    assert_eq!(make(b"", BOUNDS), Err(Unreadable::Format));
    assert_eq!(
        make(b"<svg onload=\"alert()\"/>", BOUNDS),
        Err(Unreadable::Format)
    );
    let torn = picture(Format::Png, 60, 60);
    let error = make(&torn[..torn.len() / 2], BOUNDS)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("it cannot be decoded: "), "{error}");
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(Format::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn torn_and_changed_pictures_harm_nobody(
        format in format(),
        keep in 0.0..1.0f64,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
    ) {
        let mut bytes = picture(format, 24, 18);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate((bytes.len() as f64 * keep) as usize);
        // A thumbnail or an error, and no more memory than it may.
        if let Ok(made) = make(&bytes, BOUNDS) {
            let (width, height) = shown(&made).dimensions();
            prop_assert!(width.max(height) <= BOUNDS.side);
        }
    }

    #[test]
    fn any_bytes_behind_a_right_beginning_harm_nobody(
        format in format(),
        rest in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let mut bytes = picture(format, 2, 2)[..20].to_vec();
        bytes.extend(rest);
        let _ = make(&bytes, BOUNDS);
    }
}
