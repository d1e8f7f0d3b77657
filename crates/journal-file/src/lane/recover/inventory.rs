//! What files a lane has, and what their first pages say.

use spica_journal_format::{FormatError, PAGE_BYTES, Page, Secret, SegmentHeader, Slot, VERSION};
use spica_model::Lane;
use spica_storage::{FileInfo, Mode, Storage};

use crate::OpenError;
use crate::lane::keeper::Spare;
use crate::names;
use crate::segment::read_at;

/// The files of a lane that are, were or will be segments.
pub(crate) struct Inventory {
    /// By number.
    pub(crate) segments: Vec<SegmentFile>,
    pub(crate) spares: Vec<Spare>,
}

/// A file with the name of a segment. It is not kept open: there may be more of them than a process
/// may have files.
pub(crate) struct SegmentFile {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) page: Page,
    /// Whether the whole first page is zeros.
    pub(crate) blank: bool,
}

impl SegmentFile {
    /// The header, if it is good.
    pub(crate) fn header(&self) -> Option<SegmentHeader> {
        self.page.header.good()
    }
}

/// Lists the files and reads the first pages.
pub(crate) fn take(
    storage: &dyn Storage,
    lane: Lane,
    secret: &Secret,
) -> Result<Inventory, OpenError> {
    let mut inventory = Inventory {
        segments: Vec::new(),
        spares: Vec::new(),
    };
    let listed = storage
        .list()
        .map_err(OpenError::io(storage.describe(""), "listed"))?;
    for FileInfo { name, len: bytes } in listed {
        if let Some(number) = names::segment_number(&name) {
            let error = |verb| OpenError::io(storage.describe(&name), verb);
            let file = storage.open(&name, Mode::Read).map_err(error("opened"))?;
            let head = read_at(&*file, 0, PAGE_BYTES).map_err(error("read"))?;
            let page = page(&head, lane, secret, number, || storage.describe(&name))?;
            let blank = head.iter().all(|byte| *byte == 0);
            inventory.segments.push(SegmentFile {
                number,
                name,
                bytes,
                page,
                blank,
            });
        } else if names::spare_number(&name).is_some() {
            inventory.spares.push(Spare { name, bytes });
        }
    }
    inventory.segments.sort_by_key(|segment| segment.number);
    Ok(inventory)
}

/// Reads a first page and makes sure that it belongs here.
fn page(
    head: &[u8],
    lane: Lane,
    secret: &Secret,
    number: u64,
    path: impl Fn() -> String,
) -> Result<Page, OpenError> {
    let salt = secret.segment_keys(lane, number).salt;
    let mut page = Page::decode(head, salt).map_err(|error| match error {
        FormatError::Newer { found } => OpenError::Newer {
            file: path(),
            found,
            supported: VERSION,
        },
        FormatError::Damaged(_) => OpenError::Foreign { file: path() },
    })?;
    if let Slot::Good(header) = page.header {
        if header.secret != *secret {
            return Err(OpenError::Foreign { file: path() });
        }
        if header.number != number || header.lane != lane {
            // It was copied or renamed by hand, or a write went astray.
            page.header = Slot::Damaged;
        }
    }
    Ok(page)
}
