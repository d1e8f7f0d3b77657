//! The store of whole pictures, and the way in.

use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use spica_model::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::incoming::{self, Incoming};
use crate::location::Location;
use crate::off_workers::off_workers;
use crate::{
    Address, Header, IncomingStatus, KeepError, Limits, OpenError, ReadError, ResumeError,
    S3Settings, Share, Upload,
};

/// Pictures that may be finished at once: each is in memory as a whole then.
const FINISHING: usize = 4;
/// Longest serial that becomes part of a file name.
const SERIAL_BYTES: usize = 32;

/// A store of pictures. Clones share it.
#[derive(Debug, Clone)]
pub struct PictureStore(Arc<Inner>);

struct Inner {
    objects: Box<dyn ObjectStore>,
    incoming: Incoming,
    limits: Limits,
    finishing: Semaphore,
    /// Whoever else must have a picture; nobody until it is set.
    share: OnceLock<Arc<dyn Share>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PictureStore")
            // As text: what a client of a server holds are secrets, too.
            .field("objects", &format_args!("{}", self.objects))
            .finish_non_exhaustive()
    }
}

impl PictureStore {
    /// Opens a store at `location`, as [`Self::open_with`] does, with the environment's settings of
    /// an S3 server.
    ///
    /// # Errors
    /// As there.
    pub fn open(location: &str, incoming: &Path, limits: Limits) -> Result<Self, OpenError> {
        Self::open_with(location, incoming, limits, &S3Settings::default())
    }

    /// Opens a store at `location`: a directory, a `file://` URL with an absolute path, or
    /// `s3://bucket/prefix` on the server that `s3` says. The parts of unfinished pictures are in
    /// the local directory `incoming` in any case. Directories are made if they are not there; a
    /// server is not asked yet (see [`Self::check`]). Blocks: for the start of a node.
    ///
    /// # Errors
    /// If the location is of another kind, a directory cannot be made, read or flushed, or the
    /// settings of the server are none.
    pub fn open_with(
        location: &str,
        incoming: &Path,
        limits: Limits,
        s3: &S3Settings,
    ) -> Result<Self, OpenError> {
        let objects: Box<dyn ObjectStore> = match Location::parse(location)? {
            Location::Directory(directory) => {
                make_durably(&directory).map_err(|source| failed(&directory, source))?;
                Box::new(LocalFileSystem::new_with_prefix(&directory)?.with_fsync(true))
            }
            #[cfg(feature = "s3")]
            Location::Bucket { bucket, prefix } => crate::s3::open(&bucket, prefix, s3)?,
            #[cfg(not(feature = "s3"))]
            Location::Bucket { .. } => {
                let _ = s3;
                return Err(OpenError::NoS3 {
                    location: location.to_owned(),
                });
            }
        };
        let incoming_parts = Incoming::open(incoming).map_err(|source| failed(incoming, source))?;
        Ok(Self(Arc::new(Inner {
            objects,
            incoming: incoming_parts,
            limits,
            finishing: Semaphore::new(FINISHING),
            share: OnceLock::new(),
        })))
    }

    /// Asks the store for one object, to know early whether it answers: that the server can be
    /// reached, the bucket is there and the key opens it.
    ///
    /// # Errors
    /// If it does not answer, or refuses.
    pub async fn check(&self) -> Result<(), ReadError> {
        self.list(1).await.map(drop)
    }

    /// From now on a picture is only finished when `share` has it too. Only the first call counts:
    /// it is for the start of a node.
    pub fn share_with(&self, share: Arc<dyn Share>) {
        // A second one would be a mistake of the assembly, and the first one still right.
        let _ = self.0.share.set(share);
    }

    /// Keeps a picture that another node has finished, durably.
    ///
    /// # Errors
    /// If its content is not what the address says, it is too large, or the store fails.
    pub async fn keep(&self, address: &Address, content: Bytes) -> Result<(), KeepError> {
        self.check_size(content.len() as u64)?;
        let bytes = content.clone();
        let hashed = off_workers(move || Ok(Sha256::digest(&bytes).into())).await?;
        if Address::of(&hashed) != *address {
            return Err(KeepError::Content(address.clone()));
        }
        Ok(self.put(address, content).await?)
    }

    /// Whether a picture of so many bytes would be [kept](Self::keep).
    ///
    /// # Errors
    /// If it is too large.
    pub fn check_size(&self, bytes: u64) -> Result<(), KeepError> {
        let limit = self.0.limits.picture_bytes;
        if bytes > u64::from(limit) {
            return Err(KeepError::TooLarge { bytes, limit });
        }
        Ok(())
    }

    pub(crate) async fn shared(&self, address: &Address) {
        if let Some(share) = self.0.share.get() {
            share.shared(address).await;
        }
    }

    /// Takes a picture of the device `serial`, at the block where the last connection left it.
    ///
    /// # Errors
    /// If the header describes no picture or one that is too large, too many are unfinished, or the
    /// disk fails.
    pub async fn resume(&self, serial: &str, header: Header) -> Result<Upload, ResumeError> {
        header.check(&self.0.limits)?;
        let in_a_name = |b: u8| b.is_ascii_graphic() && b != b'/';
        if serial.is_empty() || serial.len() > SERIAL_BYTES || !serial.bytes().all(in_a_name) {
            return Err(ResumeError::Serial(serial.to_owned()));
        }
        let part = incoming::name_of(serial, header.picture, header.crc32, header.size);
        self.0.incoming.reserve(&part, &self.0.limits)?;
        let (store, name) = (self.clone(), part.clone());
        let (file, len) = off_workers(move || store.incoming().open_part(&name)).await?;
        let next_block = if len >= u64::from(header.size) {
            header.blocks()
        } else {
            // Below the number of blocks, which is a u32.
            (len / u64::from(header.block_bytes)) as u32
        };
        Ok(Upload {
            store: self.clone(),
            part,
            file: Arc::new(file),
            header,
            next_block,
        })
    }

    /// How many pictures are unfinished.
    #[must_use]
    pub fn incoming_status(&self) -> IncomingStatus {
        self.0.incoming.status()
    }

    /// Removes the parts that nobody went on with for [`Limits::abandoned_after`]; how many.
    ///
    /// # Errors
    /// If the disk fails; the parts before that are removed.
    pub async fn sweep(&self, now: Timestamp) -> Result<usize, std::io::Error> {
        let (store, age) = (self.clone(), self.0.limits.abandoned_after);
        off_workers(move || store.incoming().remove_older(now, age)).await
    }

    /// The size of a stored picture, in bytes.
    ///
    /// # Errors
    /// If there is none at this address, or the store fails.
    pub async fn size(&self, address: &Address) -> Result<u64, ReadError> {
        let found = self.0.objects.head(&key(address)).await;
        Ok(found.map_err(|error| ReadError::of(address, error))?.size)
    }

    /// When a picture was stored last, as the store's clock says.
    ///
    /// # Errors
    /// If there is none at this address, or the store fails.
    pub async fn stored_at(&self, address: &Address) -> Result<Timestamp, ReadError> {
        let found = self.0.objects.head(&key(address)).await;
        let found = found.map_err(|error| ReadError::of(address, error))?;
        Ok(Timestamp::from_micros(
            found.last_modified.timestamp_micros(),
        ))
    }

    /// A whole stored picture.
    ///
    /// # Errors
    /// If there is none at this address, or the store fails.
    pub async fn read(&self, address: &Address) -> Result<Bytes, ReadError> {
        let of = |error| ReadError::of(address, error);
        let found = self.0.objects.get(&key(address)).await.map_err(of)?;
        found.bytes().await.map_err(of)
    }

    /// The bytes `range` of a stored picture.
    ///
    /// # Errors
    /// If the range is empty or not within the picture, there is none at this address, or the store
    /// fails.
    pub async fn read_range(
        &self,
        address: &Address,
        range: Range<u64>,
    ) -> Result<Bytes, ReadError> {
        let size = self.size(address).await?;
        if range.is_empty() || range.end > size {
            return Err(ReadError::Range {
                from: range.start,
                to: range.end,
                size,
            });
        }
        let read = self.0.objects.get_range(&key(address), range).await;
        read.map_err(|error| ReadError::of(address, error))
    }

    /// The addresses and sizes of stored pictures, at most `limit`, in no order. For checks by an
    /// operator, not for every request: it lists files.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(&self, limit: usize) -> Result<Vec<(Address, u64)>, ReadError> {
        let mut found = self.0.objects.list(None);
        let mut pictures = Vec::new();
        while pictures.len() < limit
            && let Some(object) = found.try_next().await.map_err(ReadError::Store)?
        {
            // Whatever else lies there is not ours.
            if let Ok(address) = object.location.as_ref().parse() {
                pictures.push((address, object.size));
            }
        }
        Ok(pictures)
    }

    /// Removes a stored picture and its thumbnail. Whoever removes knows that no record that counts
    /// names it.
    ///
    /// # Errors
    /// If there is none at this address (a server of objects may not tell), or the store fails.
    pub async fn remove(&self, address: &Address) -> Result<(), ReadError> {
        // The thumbnail first: without its picture nobody would ever look for it.
        match self.0.objects.delete(&thumbnail_key(address)).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => {}
            Err(error) => return Err(ReadError::Store(error)),
        }
        let removed = self.0.objects.delete(&key(address)).await;
        removed.map_err(|error| ReadError::of(address, error))
    }

    /// The thumbnail of a picture, as [`Self::put_thumbnail`] stored it last.
    ///
    /// # Errors
    /// If there is none, or the store fails.
    pub async fn thumbnail(&self, address: &Address) -> Result<Bytes, ReadError> {
        let of = |error| ReadError::of(address, error);
        let found = self.0.objects.get(&thumbnail_key(address)).await;
        found.map_err(of)?.bytes().await.map_err(of)
    }

    /// Stores the thumbnail of a picture, instead of the one there is. It can be made again from
    /// the picture, so nothing is checked.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn put_thumbnail(&self, address: &Address, content: Bytes) -> Result<(), ReadError> {
        let key = thumbnail_key(address);
        let put = self.0.objects.put(&key, content.into()).await;
        put.map(drop).map_err(ReadError::Store)
    }

    /// Stores `content`, durably. Never trusts what is there already: an earlier run may have
    /// crashed before it was flushed.
    pub(crate) async fn put(
        &self,
        address: &Address,
        content: Bytes,
    ) -> Result<(), object_store::Error> {
        self.0.objects.put(&key(address), content.into()).await?;
        Ok(())
    }

    pub(crate) fn incoming(&self) -> &Incoming {
        &self.0.incoming
    }

    /// Leave to hold a whole picture in memory. None would mean that the semaphore was closed, which
    /// nobody does.
    pub(crate) async fn finishing(&self) -> Option<SemaphorePermit<'_>> {
        self.0.finishing.acquire().await.ok()
    }
}

fn key(address: &Address) -> Key {
    Key::from(address.as_str())
}

fn thumbnail_key(address: &Address) -> Key {
    Key::from(address.thumbnail())
}

fn failed(directory: &Path, source: std::io::Error) -> OpenError {
    OpenError::Directory {
        directory: directory.to_owned(),
        source,
    }
}

/// Makes the directory of pictures and flushes it and the directory it is in. An earlier run may
/// have made them, or the directories in them, and crashed before it flushed them.
fn make_durably(directory: &Path) -> std::io::Result<()> {
    let pictures = directory.join("pictures");
    fs::create_dir_all(&pictures)?;
    let above = directory.canonicalize()?.parent().map(Path::to_owned);
    for made in [Some(pictures), Some(directory.to_owned()), above]
        .into_iter()
        .flatten()
    {
        File::open(made)?.sync_all()?;
    }
    Ok(())
}
