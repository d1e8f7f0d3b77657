//! JSON merge patches (RFC 7386): members to be set, null for those to be removed. They work on the
//! texts of members, so that the digits of a number stay as they were.

use std::collections::BTreeMap;

use super::PatchError;
use crate::members::{Members, is_object};
use crate::sound;
use crate::write::quoted;

const NULL: &str = "null";

/// The patch that makes `new` of `base`, both of them sound JSON; `None` if there is none: a patch
/// cannot set a member to null, and says nothing certain about keys that come twice.
pub(super) fn diff(base: &str, new: &str) -> Option<String> {
    let mut out = Vec::new();
    changes(base.trim(), new.trim(), &mut out)?;
    String::from_utf8(out).ok()
}

fn changes(base: &str, new: &str, out: &mut Vec<u8>) -> Option<()> {
    if !is_object(new) {
        out.extend_from_slice(new.as_bytes());
        return Some(());
    }
    let Some(base) = Members::of(base) else {
        settable(new)?;
        out.extend_from_slice(new.as_bytes());
        return Some(());
    };
    let object = Object::begin(out);
    let mut old = base.sorted()?.into_iter().peekable();
    for (key, new) in Members::of(new)?.sorted()? {
        while let Some((gone, _)) = old.next_if(|(old, _)| *old < key) {
            object.member(&gone, NULL, out);
        }
        match old.next_if(|(old, _)| *old == key) {
            None => {
                settable(new)?;
                object.member(&key, new, out);
            }
            Some((_, old)) if old == new => {}
            Some(_) if new == NULL => return None,
            Some((_, old)) => object.change(&key, old, new, out)?,
        }
    }
    old.for_each(|(gone, _)| object.member(&gone, NULL, out));
    out.push(b'}');
    Some(())
}

/// Whether a member that did not exist, or was no object, becomes this when a patch says it.
fn settable(json: &str) -> Option<()> {
    if json == NULL {
        return None;
    }
    if let Some(members) = Members::of(json) {
        let mut members = members.sorted()?.into_iter();
        return members.try_for_each(|(_, member)| settable(member));
    }
    Some(())
}

/// A JSON object on its way out: where its members begin.
struct Object(usize);

impl Object {
    fn begin(out: &mut Vec<u8>) -> Self {
        out.push(b'{');
        Self(out.len())
    }

    fn key(&self, key: &str, out: &mut Vec<u8>) {
        if out.len() > self.0 {
            out.push(b',');
        }
        quoted(key, out);
        out.push(b':');
    }

    fn member(&self, key: &str, json: &str, out: &mut Vec<u8>) {
        self.key(key, out);
        out.extend_from_slice(json.as_bytes());
    }

    /// A member that both have; nothing, if they differ in white space only.
    fn change(&self, key: &str, old: &str, new: &str, out: &mut Vec<u8>) -> Option<()> {
        let before = out.len();
        self.key(key, out);
        let value = out.len();
        changes(old, new, out)?;
        if is_object(old) && &out[value..] == b"{}" {
            out.truncate(before);
        }
        Some(())
    }
}

/// What `patch` makes of `base`, at most `limit` bytes. Of keys that come twice the last holds.
pub(super) fn apply(base: &[u8], patch: &str, limit: usize) -> Result<Vec<u8>, PatchError> {
    let base = sound_text(base).map_err(PatchError::Base)?;
    let patch = sound_text(patch.as_bytes()).map_err(PatchError::Json)?;
    Merge::run(Nulls::Remove, limit, base, patch)
}

/// The patch that does what `older` and then `newer` do, of at most `limit` bytes.
///
/// # Errors
/// If one of them is no JSON, the result is too long, or no patch does both: when `older` replaces
/// what `newer` then makes an object of.
pub fn compose(older: &str, newer: &str, limit: usize) -> Result<String, PatchError> {
    let older = sound_text(older.as_bytes()).map_err(PatchError::Base)?;
    let newer = sound_text(newer.as_bytes()).map_err(PatchError::Json)?;
    let patch = Merge::run(Nulls::Keep, limit, older, newer)?;
    String::from_utf8(patch).map_err(|e| PatchError::Json(e.to_string()))
}

fn sound_text(json: &[u8]) -> Result<&str, String> {
    sound::check(json, sound::DEPTH).map_err(|e| e.to_string())?;
    std::str::from_utf8(json)
        .map(str::trim)
        .map_err(|e| e.to_string())
}

/// What becomes of a null in a patch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// It removes the member: a patch applies to a value.
    Remove,
    /// It stays: a patch follows a patch.
    Keep,
}

/// A merge under way.
struct Merge {
    nulls: Nulls,
    limit: usize,
    out: Vec<u8>,
}

impl Merge {
    fn run(nulls: Nulls, limit: usize, base: &str, patch: &str) -> Result<Vec<u8>, PatchError> {
        let out = Vec::new();
        let mut merge = Self { nulls, limit, out };
        merge.merge(Some(base), patch)?;
        merge.bounded()?;
        Ok(merge.out)
    }

    fn merge(&mut self, base: Option<&str>, patch: &str) -> Result<(), PatchError> {
        let Some(changes) = Members::of(patch) else {
            self.out.extend_from_slice(patch.as_bytes());
            return self.bounded();
        };
        let members = base.and_then(Members::of);
        if self.nulls == Nulls::Keep && base.is_some() && members.is_none() {
            return Err(PatchError::Composition);
        }
        let mut changes: BTreeMap<_, _> = changes.0.into_iter().collect();
        let members: BTreeMap<_, _> = members.into_iter().flat_map(|it| it.0).collect();
        let object = Object::begin(&mut self.out);
        for (key, member) in members {
            match changes.remove(&key) {
                None => object.member(&key, member, &mut self.out),
                Some(change) => self.member(&object, &key, Some(member), change)?,
            }
            self.bounded()?;
        }
        for (key, change) in changes {
            self.member(&object, &key, None, change)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn member(
        &mut self,
        object: &Object,
        key: &str,
        base: Option<&str>,
        change: &str,
    ) -> Result<(), PatchError> {
        if change == NULL && self.nulls == Nulls::Remove {
            return Ok(());
        }
        object.key(key, &mut self.out);
        self.merge(base, change)
    }

    fn bounded(&self) -> Result<(), PatchError> {
        if self.out.len() > self.limit {
            return Err(PatchError::TooLong(self.limit));
        }
        Ok(())
    }
}
