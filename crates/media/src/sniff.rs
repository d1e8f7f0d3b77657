//! What bytes are, by how they begin.

use image::ImageFormat;

/// A format of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// GIF; of an animation the first picture counts.
    Gif,
    /// WebP.
    WebP,
    /// Windows bitmap.
    Bmp,
}

/// Sizes that the header after the one of a bitmap file may have.
const BMP_HEADERS: [u32; 7] = [12, 40, 52, 56, 64, 108, 124];

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Jpeg, Self::Png, Self::Gif, Self::WebP, Self::Bmp];

    /// The format of a picture by its first bytes, if it is one of these. That the rest is one, too,
    /// is not said.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        let bmp = || {
            let header: [u8; 4] = bytes.get(14..18)?.try_into().ok()?;
            BMP_HEADERS
                .contains(&u32::from_le_bytes(header))
                .then_some(())
        };
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::WebP),
            // Two letters alone would make a bitmap of many a text.
            [b'B', b'M', ..] if bmp().is_some() => Some(Self::Bmp),
            _ => None,
        }
    }

    /// Its media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Bmp => "image/bmp",
        }
    }

    /// The format of a media type.
    pub(crate) fn of_content_type(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.content_type() == text)
    }

    pub(crate) const fn decoder(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::Gif => ImageFormat::Gif,
            Self::WebP => ImageFormat::WebP,
            Self::Bmp => ImageFormat::Bmp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_what_they_begin_with() {
        let mut bmp = b"BM\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        bmp.extend(40u32.to_le_bytes());
        for (bytes, want) in [
            (&b"\xff\xd8\xff\xe0rest"[..], Some(Format::Jpeg)),
            (b"\x89PNG\r\n\x1a\nrest", Some(Format::Png)),
            (b"GIF87a", Some(Format::Gif)),
            (b"GIF89a", Some(Format::Gif)),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", Some(Format::WebP)),
            (&bmp, Some(Format::Bmp)),
            (b"BM is a text about motorcycles", None),
            (b"RIFF\x01\x02\x03\x04WAVE", None),
            (b"<html>", None),
            (b"\xff\xd8", None),
            (b"", None),
        ] {
            assert_eq!(Format::sniff(bytes), want, "{bytes:?}");
        }
        for format in Format::ALL {
            assert_eq!(Format::of_content_type(format.content_type()), Some(format));
        }
    }
}
