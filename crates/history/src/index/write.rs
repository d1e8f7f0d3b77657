//! Writing what is in memory: one durable transaction.

use std::collections::BTreeMap;

use redb::{ReadableTable, Table};
use spica_handler::MissedKind;
use spica_model::Timestamp;

use super::head::Head;
use super::store::{
    BUCKETS, META, MISSED, NAMES, POSTINGS, Store, TOPICS, bucket_key, posting_key,
    split_posting_key,
};
use crate::bucket::{Bucket, Resolution};
use crate::posting::{self, BLOCK_POSTINGS, Posting};

type Postings<'t> = Table<'t, &'static [u8; 12], &'static [u8]>;

impl Store {
    /// Writes what `head` holds, all of it or nothing. `next` is the next free list.
    pub(crate) fn write(&self, head: &Head, next: u32) -> Result<(), redb::Error> {
        let mut writing = self.database().begin_write()?;
        // After a crash the file is there at once, not when it has been read through.
        writing.set_quick_repair(true);
        {
            let mut names = writing.open_table(NAMES)?;
            let mut topics = writing.open_table(TOPICS)?;
            for (name, list) in &head.names {
                names.insert(&name[..], list)?;
                topics.insert(list, &name[..])?;
            }
            let mut missed = writing.open_table(MISSED)?;
            for range in head
                .missed
                .iter()
                .filter(|range| range.kind == MissedKind::Damage)
            {
                missed.insert(range.from.0, range.to.0)?;
            }
            let mut meta = writing.open_table(META)?;
            meta.insert("mark", &head.mark.encode()[..])?;
            meta.insert("next", &next.to_le_bytes()[..])?;
            write_postings(&mut writing.open_table(POSTINGS)?, head)?;
            write_buckets(&mut writing.open_table(BUCKETS)?, head)?;
        }
        writing.commit()?;
        Ok(())
    }
}

/// In the order of the table, which is kinder to it.
fn write_postings(table: &mut Postings<'_>, head: &Head) -> Result<(), redb::Error> {
    let mut lists: Vec<u32> = head.postings.keys().copied().collect();
    lists.sort_unstable();
    for list in lists {
        let Some(postings) = head.postings.get(&list) else {
            continue;
        };
        let (last_key, last) = last_block(table, list)?;
        let end = last.last().map(|posting| posting.seq);
        let is_next = postings.first().map(|posting| posting.seq) > end;
        if is_next && postings.is_sorted() {
            append(table, list, last_key, last, postings)?;
        } else {
            for posting in postings {
                insert(table, list, *posting)?;
            }
        }
    }
    Ok(())
}

/// The last block of a list, and its key.
fn last_block(
    table: &Postings<'_>,
    list: u32,
) -> Result<(Option<[u8; 12]>, Vec<Posting>), redb::Error> {
    block_before(table, list, spica_model::Seq(u64::MAX))
}

/// The last block of a list that begins at `seq` or before it, and its key.
fn block_before(
    table: &Postings<'_>,
    list: u32,
    seq: spica_model::Seq,
) -> Result<(Option<[u8; 12]>, Vec<Posting>), redb::Error> {
    let [from, to] = [
        posting_key(list, spica_model::Seq::ZERO),
        posting_key(list, seq),
    ];
    let Some(row) = table.range::<&[u8; 12]>(&from..=&to)?.next_back() else {
        return Ok((None, Vec::new()));
    };
    let (key, block) = row?;
    let key = *key.value();
    Ok((
        Some(key),
        posting::decode(split_posting_key(&key).1, block.value()),
    ))
}

fn append(
    table: &mut Postings<'_>,
    list: u32,
    key: Option<[u8; 12]>,
    mut last: Vec<Posting>,
    postings: &[Posting],
) -> Result<(), redb::Error> {
    let room = BLOCK_POSTINGS
        .saturating_sub(last.len())
        .min(postings.len());
    let (fits, rest) = match key {
        Some(_) => postings.split_at(room),
        None => (&postings[..0], postings),
    };
    if let (Some(key), false) = (key, fits.is_empty()) {
        last.extend(fits);
        table.insert(&key, &posting::encode(&last)[..])?;
    }
    for block in rest.chunks(BLOCK_POSTINGS) {
        let key = posting_key(list, block[0].seq);
        table.insert(&key, &posting::encode(block)[..])?;
    }
    Ok(())
}

/// Puts a posting where it belongs, unless it is there.
fn insert(table: &mut Postings<'_>, list: u32, posting: Posting) -> Result<(), redb::Error> {
    let (key, mut block) = block_before(table, list, posting.seq)?;
    if let Err(at) = block.binary_search_by_key(&posting.seq, |posting| posting.seq) {
        block.insert(at, posting);
        let key = key.unwrap_or_else(|| posting_key(list, posting.seq));
        table.insert(&key, &posting::encode(&block)[..])?;
    }
    Ok(())
}

fn write_buckets(
    table: &mut Table<'_, &'static [u8; 13], &'static [u8]>,
    head: &Head,
) -> Result<(), redb::Error> {
    let mut changed: BTreeMap<[u8; 13], Bucket> = BTreeMap::new();
    for (&(list, minute), bucket) in &head.minutes {
        for resolution in Resolution::ALL {
            let begin = resolution.floor(Timestamp::from_micros(minute));
            changed
                .entry(bucket_key(resolution, list, begin))
                .and_modify(|known| known.merge(bucket))
                .or_insert(*bucket);
        }
    }
    for (key, bucket) in changed {
        let known = table.get(&key)?.and_then(|row| Bucket::decode(row.value()));
        let merged = match known {
            Some(mut known) => {
                known.merge(&bucket);
                known
            }
            None => bucket,
        };
        table.insert(&key, &merged.encode()[..])?;
    }
    Ok(())
}
