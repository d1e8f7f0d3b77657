//! Pages of the event log.

use super::MessageError;
use super::reader::Reader;
use crate::frame::kind;

/// One entry of a device's event log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEntry<'a> {
    /// The entry's number in the device's log; it grows with every entry.
    pub index: u32,
    /// The device's time of the event, in Unix seconds.
    pub time: u32,
    /// The event code.
    pub event: u8,
    /// Details of the event, as [`Profile::details`](crate::profile::Profile::details) reads them;
    /// at most 255 bytes.
    pub detail: &'a [u8],
}

/// The data of an `82` message. Its head is read; its entries are read one by one, so that those
/// before a damage are not lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPage<'a> {
    /// How many entries the device holds after the last one of this page.
    pub remaining: u16,
    count: u8,
    body: &'a [u8],
}

/// What cannot be put into one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogPageError {
    /// More than 255 entries.
    #[error("a log page has at most 255 entries")]
    Entries,
    /// More than 255 bytes of detail.
    #[error("a log entry has at most 255 bytes of detail")]
    Detail,
}

impl<'a> LogPage<'a> {
    /// Bytes of a page before its entries.
    pub const HEAD_BYTES: usize = 3;

    pub(crate) fn decode(data: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(kind::LOG_PAGE, data);
        let remaining = reader.u16()?;
        let count = reader.u8()?;
        Ok(Self {
            remaining,
            count,
            body: reader.rest(),
        })
    }

    /// A page over entries that [`LogEntry::write`] wrote to `body`, `count` of them.
    #[must_use]
    pub const fn over(remaining: u16, count: u8, body: &'a [u8]) -> Self {
        Self {
            remaining,
            count,
            body,
        }
    }

    /// How many entries the page says it has.
    #[must_use]
    pub const fn count(&self) -> u8 {
        self.count
    }

    /// The entries as they travel.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The entries in order. After an error, which also says that there is data behind the last
    /// entry, there are no more.
    #[must_use]
    pub const fn entries(&self) -> Entries<'a> {
        Entries {
            reader: Reader::new(kind::LOG_PAGE, self.body),
            left: self.count,
            ended: false,
        }
    }
}

impl LogEntry<'_> {
    /// Bytes of an entry before its detail.
    pub const HEAD_BYTES: usize = 10;

    /// Appends the entry to the body of a page.
    ///
    /// # Errors
    /// If the detail has more than 255 bytes.
    pub fn write(&self, body: &mut Vec<u8>) -> Result<(), LogPageError> {
        let length = u8::try_from(self.detail.len()).map_err(|_| LogPageError::Detail)?;
        body.extend_from_slice(&self.index.to_le_bytes());
        body.extend_from_slice(&self.time.to_le_bytes());
        body.extend_from_slice(&[self.event, length]);
        body.extend_from_slice(self.detail);
        Ok(())
    }
}

/// The entries of a page, in order.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    reader: Reader<'a>,
    left: u8,
    ended: bool,
}

impl<'a> Entries<'a> {
    fn entry(&mut self) -> Result<LogEntry<'a>, MessageError> {
        let index = self.reader.u32()?;
        let time = self.reader.u32()?;
        let event = self.reader.u8()?;
        let length = self.reader.u8()?;
        Ok(LogEntry {
            index,
            time,
            event,
            detail: self.reader.bytes(usize::from(length))?,
        })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<LogEntry<'a>, MessageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.left == 0 {
            self.ended = true;
            return self.reader.end().err().map(Err);
        }
        self.left -= 1;
        let entry = self.entry();
        self.ended = entry.is_err();
        Some(entry)
    }
}

impl std::iter::FusedIterator for Entries<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"\x05\x00\x02\
        \x01\x00\x00\x00\x10\x20\x30\x40\x20\x00\
        \x02\x01\x00\x00\x11\x20\x30\x40\x3b\x03\x01\x01\x50";

    fn entries(data: &[u8]) -> Vec<Result<LogEntry<'_>, MessageError>> {
        LogPage::decode(data).unwrap().entries().collect()
    }

    #[test]
    fn pages_read_as_the_profile_lays_them_out() {
        let page = LogPage::decode(TWO).unwrap();
        assert_eq!((page.remaining, page.count()), (5, 2));
        let first = LogEntry {
            index: 1,
            time: 0x4030_2010,
            event: 0x20,
            detail: b"",
        };
        let second = LogEntry {
            index: 0x102,
            time: 0x4030_2011,
            event: 0x3b,
            detail: b"\x01\x01\x50",
        };
        assert_eq!(entries(TWO), [Ok(first), Ok(second)]);
        assert_eq!(entries(b"\x00\x00\x00"), []);
        let mut body = Vec::new();
        first.write(&mut body).unwrap();
        second.write(&mut body).unwrap();
        assert_eq!(LogPage::over(5, 2, &body), page);
    }

    #[test]
    fn whole_entries_before_a_damage_are_kept() {
        let short = MessageError::Short { kind: 0x82 };
        for cut in 1..13 {
            let found = entries(&TWO[..TWO.len() - cut]);
            assert_eq!(found.len(), 2, "cut by {cut}");
            assert!(found[0].is_ok());
            assert_eq!(found[1], Err(short));
        }
        let long = [TWO, b"x"].concat();
        let found = entries(&long);
        assert_eq!(found.len(), 3);
        assert_eq!(found[2], Err(MessageError::Long { kind: 0x82 }));
        assert_eq!(LogPage::decode(b"\x00\x00"), Err(short));
    }

    #[test]
    fn a_detail_has_at_most_255_bytes() {
        let mut body = Vec::new();
        let entry = |detail| LogEntry {
            index: 1,
            time: 2,
            event: 3,
            detail,
        };
        assert_eq!(entry(&[0; 255]).write(&mut body), Ok(()));
        assert_eq!(entry(&[0; 256]).write(&mut body), Err(LogPageError::Detail));
        assert_eq!(body.len(), LogEntry::HEAD_BYTES + 255);
    }
}
