//! Which member of a shared group gets a message.

use std::sync::atomic::Ordering;

use crate::options::{SessionId, Since};
use crate::share::Strategy;
use crate::table::{Entry, Sub};
use crate::targets::Class;

/// How much a session has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// It takes messages now, with so many waiting.
    Ready(u32),
    /// It is connected, but takes no more for now.
    Full,
    /// It is not connected.
    Offline,
}

/// What a choice may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Who published it: the client identifier.
    pub publisher: &'a str,
    /// Its topic.
    pub topic: &'a str,
}

/// Who was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picked {
    /// The session.
    pub session: SessionId,
    /// How it gets the message.
    pub class: Class,
    /// From where on its subscription counts.
    pub since: Since,
}

/// Better ones first.
const fn rank(load: Load) -> u8 {
    match load {
        Load::Ready(_) => 0,
        Load::Full => 1,
        Load::Offline => 2,
    }
}

/// One of the members: of those that can take the message, or else of those that are connected, or
/// else of all. Looks at each at most once.
pub(crate) fn pick(
    entry: &Entry,
    message: &Message<'_>,
    load: impl Fn(SessionId) -> Load,
) -> Option<Picked> {
    let share = entry.share.as_ref()?;
    let members = &entry.subs;
    let chosen = match share.strategy {
        Strategy::RoundRobin | Strategy::LeastBacklog => {
            let turn = share.turn.fetch_add(1, Ordering::Relaxed) as usize;
            let (before, from) = members.split_at(turn % members.len().max(1));
            let in_turn = from.iter().chain(before);
            if share.strategy == Strategy::RoundRobin {
                in_order(in_turn, load)
            } else {
                // Of several that have the least, the one whose turn it is.
                in_turn.min_by_key(|sub| match load(sub.session) {
                    Load::Ready(waiting) => (0, waiting),
                    other => (rank(other), 0),
                })
            }
        }
        Strategy::StickyPublisher => highest(members, message.publisher, load),
        Strategy::StickyTopic => highest(members, message.topic, load),
    }?;
    let options = chosen.options();
    Some(Picked {
        session: chosen.session,
        class: Class {
            qos: options.qos,
            retain_as_published: options.retain_as_published,
            ids: options.id.into_iter().collect(),
        },
        since: chosen.since,
    })
}

/// The first of the best rank.
fn in_order<'a>(
    members: impl Iterator<Item = &'a Sub>,
    load: impl Fn(SessionId) -> Load,
) -> Option<&'a Sub> {
    let mut best: Option<(u8, &Sub)> = None;
    for member in members {
        let rank = rank(load(member.session));
        if rank == 0 {
            return Some(member);
        }
        if best.is_none_or(|(other, _)| rank < other) {
            best = Some((rank, member));
        }
    }
    best.map(|(_, member)| member)
}

/// The member with the highest hash with `text`, of the best rank. When a member comes or goes, only
/// what it gets or got moves (rendezvous hashing).
fn highest<'a>(
    members: &'a [Sub],
    text: &str,
    load: impl Fn(SessionId) -> Load,
) -> Option<&'a Sub> {
    let text = hash(text);
    members.iter().min_by_key(|sub| {
        let weight = mixed(text ^ mixed(u64::from(sub.session)));
        (rank(load(sub.session)), u64::MAX - weight)
    })
}

/// FNV-1a: the same in every process.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// The finaliser of SplitMix64.
const fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
