//! The index: a redb file that can be thrown away.
//!
//! | table | key | value |
//! |---|---|---|
//! | `devices` | serial, received, epoch, number | the entry |
//! | `times` | received, serial, epoch, number | |
//! | `addresses` | address, serial, received, epoch, number | |
//! | `pending` | serial, received, epoch, number | |
//! | `meta` | `format`, `through` | the number of this layout; how far the journal is indexed |

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, StorageError, Table, TableDefinition,
    WriteTransaction,
};
use spica_devices::Serial;
use spica_model::{Epoch, Seq, Timestamp};
use spica_objects::Address;

use crate::{Entry, IndexError, OpenError, Place, Thumbnail};

pub(crate) type DeviceKey = (&'static str, i64, u32, u64);
type TimeKey = (i64, &'static str, u32, u64);
type AddressKey = (&'static str, &'static str, i64, u32, u64);

pub(crate) const DEVICES: TableDefinition<'static, DeviceKey, &[u8]> =
    TableDefinition::new("devices");
pub(crate) const TIMES: TableDefinition<'static, TimeKey, ()> = TableDefinition::new("times");
const ADDRESSES: TableDefinition<'static, AddressKey, ()> = TableDefinition::new("addresses");
const PENDING: TableDefinition<'static, DeviceKey, ()> = TableDefinition::new("pending");
const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");

const FORMAT: &str = "format";
const THROUGH: &str = "through";
/// The number of the layout; another one is not read.
const LAYOUT: u64 = 1;
/// Memory for pages of the file.
const CACHE_BYTES: usize = 16 << 20;
/// Most entries of one address that are looked at: the same picture from so many records.
const SAME_MAX: usize = 1_000;

/// The index of pictures. Calls read or write a disk.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) database: Database,
}

impl Index {
    /// Opens the file. What is damaged or of another layout is set aside, and an empty one made.
    pub(crate) fn open(file: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::File {
            file: file.to_owned(),
            source,
        };
        match Self::try_open(file) {
            Ok(Some(index)) => return Ok(index),
            Err(error) if !is_damage(&error) => return Err(failed(error)),
            Ok(None) | Err(_) => {}
        }
        let aside = file.with_added_extension("discarded");
        tracing::warn!(
            file = %file.display(),
            kept_as = %aside.display(),
            "the index of pictures cannot be read: it is set aside and built again from the journal"
        );
        fs::rename(file, &aside).map_err(|error| failed(error.into()))?;
        let again = Self::try_open(file).map_err(failed)?;
        again.ok_or_else(|| failed(std::io::Error::from(ErrorKind::InvalidData).into()))
    }

    /// None if the layout is another one.
    fn try_open(file: &Path) -> Result<Option<Self>, IndexError> {
        let database = Builder::new().set_cache_size(CACHE_BYTES).create(file)?;
        let write = database.begin_write()?;
        let layout = {
            let mut meta = write.open_table(META)?;
            let found = meta.get(FORMAT)?.map(|found| found.value());
            if found.is_none() {
                meta.insert(FORMAT, LAYOUT)?;
            }
            write.open_table(DEVICES)?;
            write.open_table(TIMES)?;
            write.open_table(ADDRESSES)?;
            write.open_table(PENDING)?;
            found.unwrap_or(LAYOUT)
        };
        write.commit()?;
        Ok((layout == LAYOUT).then_some(Self { database }))
    }

    /// How far the journal is indexed; nothing if it was never said.
    pub(crate) fn through(&self) -> Result<Seq, IndexError> {
        let read = self.database.begin_read()?;
        let through = read.open_table(META)?.get(THROUGH)?;
        Ok(through.map_or(Seq::ZERO, |through| Seq(through.value())))
    }

    /// Says durably how far the journal is indexed.
    pub(crate) fn set_through(&self, through: Seq) -> Result<(), IndexError> {
        self.add(&[], Some(through)).map(drop)
    }

    /// Adds entries that are not there yet, durably; how many were new.
    pub(crate) fn add(&self, entries: &[Entry], through: Option<Seq>) -> Result<usize, IndexError> {
        let write = self.database.begin_write()?;
        let mut added = 0;
        {
            let mut tables = Tables::open(&write)?;
            for entry in entries {
                added += usize::from(tables.add(entry)?);
            }
            if let Some(through) = through {
                write.open_table(META)?.insert(THROUGH, through.0)?;
            }
        }
        write.commit()?;
        Ok(added)
    }

    /// Writes what was learned of entries that are still there.
    pub(crate) fn update(&self, entries: &[Entry]) -> Result<(), IndexError> {
        let write = self.database.begin_write()?;
        {
            let mut tables = Tables::open(&write)?;
            for entry in entries {
                tables.update(entry)?;
            }
        }
        write.commit()?;
        Ok(())
    }

    /// Removes entries.
    pub(crate) fn remove(&self, entries: &[Entry]) -> Result<(), IndexError> {
        let write = self.database.begin_write()?;
        {
            let mut tables = Tables::open(&write)?;
            for entry in entries {
                tables.remove(entry)?;
            }
        }
        write.commit()?;
        Ok(())
    }

    /// The entries of one picture, at most [`SAME_MAX`].
    pub(crate) fn of_address(&self, address: &Address) -> Result<Vec<Entry>, IndexError> {
        let read = self.database.begin_read()?;
        let devices = read.open_table(DEVICES)?;
        let addresses = read.open_table(ADDRESSES)?;
        let mut found = Vec::new();
        let from = (address.as_str(), "", i64::MIN, 0, 0);
        for row in addresses.range(from..)?.take(SAME_MAX) {
            let key = row?.0;
            let (of, serial, micros, epoch, seq) = key.value();
            if of != address.as_str() {
                break;
            }
            found.extend(entry(&devices, (serial, micros, epoch, seq))?);
        }
        Ok(found)
    }

    /// Entries that nobody has looked at, after a place, at most `limit`.
    pub(crate) fn pending(
        &self,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<Entry>, IndexError> {
        let read = self.database.begin_read()?;
        let devices = read.open_table(DEVICES)?;
        let pending = read.open_table(PENDING)?;
        let after = after.as_ref().map(device_key);
        let from = after.unwrap_or(("", i64::MIN, 0, 0));
        let mut found = Vec::new();
        for row in pending.range(from..)? {
            let key = row?.0;
            if Some(key.value()) == after {
                continue;
            }
            found.extend(entry(&devices, key.value())?);
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }
}

/// Whether a file that fails so is to be set aside.
fn is_damage(error: &IndexError) -> bool {
    match &error.0 {
        redb::Error::Io(error) => {
            matches!(
                error.kind(),
                ErrorKind::InvalidData | ErrorKind::UnexpectedEof
            )
        }
        redb::Error::DatabaseAlreadyOpen => false,
        _ => true,
    }
}

pub(crate) fn device_key(place: &Place) -> (&str, i64, u32, u64) {
    (
        place.serial.as_str(),
        place.received.as_micros(),
        place.epoch.0,
        place.seq.0,
    )
}

pub(crate) fn time_key(place: &Place) -> (i64, &str, u32, u64) {
    let (serial, micros, epoch, seq) = device_key(place);
    (micros, serial, epoch, seq)
}

/// The entry at a key of `devices`; none if there is none that can be read.
pub(crate) fn entry(
    devices: &impl ReadableTable<DeviceKey, &'static [u8]>,
    key: (&str, i64, u32, u64),
) -> Result<Option<Entry>, StorageError> {
    let Ok(serial) = Serial::new(key.0) else {
        return Ok(None);
    };
    let place = Place {
        serial,
        received: Timestamp::from_micros(key.1),
        epoch: Epoch(key.2),
        seq: Seq(key.3),
    };
    let found = devices.get(key)?;
    Ok(found.and_then(|found| Entry::decode(place, found.value())))
}

/// The tables of entries, in one transaction.
struct Tables<'a> {
    devices: Table<'a, DeviceKey, &'static [u8]>,
    times: Table<'a, TimeKey, ()>,
    addresses: Table<'a, AddressKey, ()>,
    pending: Table<'a, DeviceKey, ()>,
}

impl<'a> Tables<'a> {
    fn open(write: &'a WriteTransaction) -> Result<Self, IndexError> {
        Ok(Self {
            devices: write.open_table(DEVICES)?,
            times: write.open_table(TIMES)?,
            addresses: write.open_table(ADDRESSES)?,
            pending: write.open_table(PENDING)?,
        })
    }

    /// False if it was there: whatever was learned of it since stays.
    fn add(&mut self, entry: &Entry) -> Result<bool, IndexError> {
        let key = device_key(&entry.place);
        if self.devices.get(key)?.is_some() {
            return Ok(false);
        }
        self.devices.insert(key, entry.encode().as_slice())?;
        self.times.insert(time_key(&entry.place), ())?;
        self.addresses.insert(address_key(entry), ())?;
        self.note_pending(entry)?;
        Ok(true)
    }

    fn update(&mut self, entry: &Entry) -> Result<(), IndexError> {
        let key = device_key(&entry.place);
        if self.devices.get(key)?.is_some() {
            self.devices.insert(key, entry.encode().as_slice())?;
            self.note_pending(entry)?;
        }
        Ok(())
    }

    fn remove(&mut self, entry: &Entry) -> Result<(), IndexError> {
        self.devices.remove(device_key(&entry.place))?;
        self.times.remove(time_key(&entry.place))?;
        self.addresses.remove(address_key(entry))?;
        self.pending.remove(device_key(&entry.place))?;
        Ok(())
    }

    fn note_pending(&mut self, entry: &Entry) -> Result<(), IndexError> {
        let key = device_key(&entry.place);
        if entry.thumbnail == Thumbnail::Pending {
            self.pending.insert(key, ())?;
        } else {
            self.pending.remove(key)?;
        }
        Ok(())
    }
}

fn address_key(entry: &Entry) -> (&str, &str, i64, u32, u64) {
    let (serial, micros, epoch, seq) = device_key(&entry.place);
    (entry.address.as_str(), serial, micros, epoch, seq)
}
