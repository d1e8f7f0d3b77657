//! Subscriptions join groups and leave them.

use std::sync::Arc;
use std::time::Duration;

use spica_live_proto::{Deliver, RefusalCode, ServerFrame, Subscribe, WindowKind};
use spica_model::Lane;

use crate::ask::{Ask, GroupId, SubToken};
use crate::group::Group;
use crate::mark::covers;
use crate::promise::{Asked, promise};
use crate::session::pace;
use crate::subscription::{Checked, Held, Sub, Waiting};
use crate::want::Want;
use crate::{Engine, SessionId, windows};

impl Engine {
    /// Begins a subscription; it is told so in a turn of its session.
    pub(crate) fn subscribe(
        &mut self,
        id: SessionId,
        subscribe: &Subscribe,
        now: Duration,
    ) -> Result<(), (RefusalCode, String)> {
        let most = self.store.limits.subs;
        let Some(session) = self.session(id) else {
            return Ok(());
        };
        if session.sub(subscribe.sub).is_some() {
            let detail = format!("there is a subscription {} already", subscribe.sub.0);
            return Err((RefusalCode::InUse, detail));
        }
        if session.subs.len() >= most {
            let detail = format!("a session has at most {most} subscriptions (live.max_subs)");
            return Err((RefusalCode::Limit, detail));
        }
        let hidden = session.hidden.clone();
        if let Some(window) = &subscribe.window {
            windows::check(window).map_err(|detail| (RefusalCode::BadWindow, detail))?;
        }
        let asked = Asked {
            deliver: subscribe.deliver,
            kinds: subscribe.kinds,
            window: subscribe.window.as_ref().map(|window| window.kind),
            merge_patch: subscribe.merge_patch,
            recovery: subscribe.recovery,
        };
        let recovery =
            promise(asked).map_err(|why| (RefusalCode::CannotPromise, why.to_owned()))?;
        let want = Want::new(subscribe, hidden.as_ref());
        let group = self.join(want)?;
        let member = self.groups[group as usize].members.insert(id.slot);
        self.last_token += 1;
        let queue = self.store.limits.queue;
        let max_queue = subscribe
            .max_queue
            .map_or(queue, |it| (it as usize).min(queue));
        let sub = Sub {
            id: subscribe.sub,
            token: self.last_token,
            group,
            member: u32::try_from(member).unwrap_or(u32::MAX),
            recovery,
            deliver: subscribe.deliver,
            delta: subscribe.delta,
            max_queue: u32::try_from(max_queue).unwrap_or(u32::MAX),
            waiting: Some(Box::new(Waiting {
                not_before: self.durable,
                snapshot: subscribe.snapshot,
                after: subscribe.after,
                checked: None,
            })),
            cursor: [0; 2],
            events_from: [0; 2],
            quiet: [0; 2],
            whole: [0; 2],
            began: [0; 2],
            held: Held::Unknown,
            sweeps: None,
            goal: None,
            replay: None,
            pace: pace(subscribe.limits, now),
            counted: 0,
            states_sent: 0,
            events_seen: [0; 2],
            told: 0,
        };
        self.subs += 1;
        self.add(id, sub);
        Ok(())
    }

    fn add(&mut self, id: SessionId, mut sub: Sub) {
        let windowed = self.groups[sub.group as usize].is_windowed();
        let after = sub.waiting.as_ref().and_then(|it| it.after);
        if let Some(after) = after
            && !windowed
        {
            let seen = Lane::ALL.map(|lane| after.seq(lane).0);
            let is_recent = Lane::ALL
                .into_iter()
                .all(|lane| after.epoch(lane) == self.store.epochs[lane.index()])
                && covers(seen, self.floor)
                && covers(self.store.heads, seen);
            if is_recent {
                let checked = Checked {
                    known: [true; 2],
                    deletions: true,
                };
                if let Some(waiting) = &mut sub.waiting {
                    waiting.checked = Some(checked);
                }
            } else {
                let token = sub.token;
                let sub = SubToken { session: id, token };
                self.asks.push(Ask::Check { sub, after });
            }
        }
        if let Some(session) = self.session(id) {
            session.subs.reserve_exact(1);
            session.subs.push(sub);
        }
    }

    /// The group of those who want that, new if need be.
    fn join(&mut self, want: Want) -> Result<u32, (RefusalCode, String)> {
        if let Some(&group) = self.by_want.get(&want) {
            if let Some(since) = self.groups[group as usize].empty_since.take() {
                self.empty.remove(&(since, group));
            }
            return Ok(group);
        }
        let most = self.store.limits.groups;
        if self.groups.len() >= most {
            // One that nobody is in any more makes room.
            let Some(&(_, oldest)) = self.empty.first() else {
                let detail = format!("there are {most} different subscriptions (live.max_groups)");
                return Err((RefusalCode::Limit, detail));
            };
            self.remove_group(oldest);
        }
        Ok(self.add_group(want))
    }

    fn add_group(&mut self, want: Want) -> u32 {
        self.last_token += 1;
        let token = self.last_token;
        let want = Arc::new(want);
        let mut group = Group::new(Arc::clone(&want), token, self.store.heads);
        let needs_load = want.states() || want.each();
        if !needs_load {
            group.ready_at = Some([0; 2]);
        }
        let slot = u32::try_from(self.groups.insert(group)).unwrap_or(u32::MAX);
        self.matcher.add(want.filter.as_str(), slot);
        let by_clock = want.window.as_ref().map(|window| window.kind);
        if matches!(by_clock, Some(WindowKind::Periodic(_))) {
            self.periodic.insert(slot);
        }
        if needs_load {
            self.ask_load(slot);
        }
        self.by_want.insert(want, slot);
        slot
    }

    pub(crate) fn ask_load(&mut self, slot: u32) {
        let group = &self.groups[slot as usize];
        let token = group.token;
        self.asks.push(Ask::Load {
            group: GroupId { slot, token },
            want: Arc::clone(&group.want),
            heads: self.store.place(group.born),
        });
    }

    /// Takes a subscription that its session has no more out of its group.
    pub(crate) fn leave(&mut self, sub: &Sub, now: Duration) {
        self.subs -= 1;
        for lane in sub.replay.iter().flat_map(|replay| &replay.lanes) {
            self.store.replay_bytes -= lane.bytes();
        }
        let group = &mut self.groups[sub.group as usize];
        group.members.remove(sub.member as usize);
        if group.members.is_empty() {
            group.empty_since = Some(now);
            self.empty.insert((now, sub.group));
        }
    }

    /// Removes a group that nobody is in.
    pub(crate) fn remove_group(&mut self, slot: u32) {
        let group = self.groups.remove(slot as usize);
        if let Some(since) = group.empty_since {
            self.empty.remove(&(since, slot));
        }
        self.periodic.remove(&slot);
        self.by_want.remove(&group.want);
        self.matcher.remove(group.want.filter.as_str(), slot);
        let store = &mut self.store;
        for ring in group.rings.iter().flat_map(|rings| rings.iter()) {
            store.queue_bytes -= ring.bytes();
        }
        let idle = store.limits.idle_topics;
        for topic in group.states.iter().flat_map(|lane| lane.values()) {
            if group.is_windowed() {
                store.topics.unpin(*topic, idle);
            } else {
                store.topics.release(*topic, idle);
            }
        }
    }

    /// Ends a subscription whose promise cannot be kept.
    pub(crate) const fn lost(sub: &Sub, detail: String) -> ServerFrame {
        ServerFrame::Ended {
            sub: sub.id,
            code: spica_live_proto::EndCode::Lost,
            detail,
        }
    }
}

impl Sub {
    /// Whether what stands when it begins is shown before each record is.
    pub(crate) fn is_each(&self) -> bool {
        self.deliver == Deliver::Each
    }
}
