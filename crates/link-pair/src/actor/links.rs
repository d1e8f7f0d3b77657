//! The connection to the partner, and who follows whom on it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use spica_journal::Journal as _;
use spica_model::{Epoch, Lane, Seq};
use spica_pair::follow::{Begin, Leader};
use spica_pair::history::History;
use spica_pair::star::State;
use spica_pair::{Beat, Event, Message};
use spica_pair_proto::{Control, Hello, LaneHello, Start};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use super::Actor;
use crate::handle::Restart;
use crate::link::Link;
use crate::reentry::Desk;

/// Connections that come within this time were dialled at once.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How long the last words may take to get out.
const LAST_WORDS: Duration = Duration::from_millis(200);

impl Actor {
    /// A new connection takes the place of an old one: who dials has lost that. But when both have
    /// dialled at once, both keep the one that the backup dialled.
    pub(super) fn link_up(
        &mut self,
        id: u64,
        stream: TlsStream<TcpStream>,
        theirs: Hello,
        by_backup: bool,
    ) {
        let now = self.parts.clock.monotonic();
        if let Some(link) = &self.link
            && link.by_backup
            && !by_backup
            && now - link.begun < AT_ONCE
        {
            return;
        }
        tracing::info!(
            partner = theirs.side,
            program = theirs.program,
            by_backup,
            "pair: the link to the partner is up"
        );
        let origin = (by_backup, now);
        let link = Link::start(id, stream, theirs, origin, &self.parts.link);
        self.parts.present.send_replace(link.counterpart());
        self.link = Some(link);
        self.parts.linked.store(true, Ordering::Relaxed);
        self.look();
    }

    pub(super) fn link_down(&mut self, id: u64, reason: &str) {
        if self.link.as_ref().is_some_and(|link| link.id == id) {
            tracing::warn!(reason, "pair: the link to the partner is down");
            self.link = None;
            self.parts.present.send_replace(None);
            // This node's own desk needs no link.
            self.reentry.take_if(|_| !self.leads);
            self.parts.linked.store(false, Ordering::Relaxed);
            self.event(Event::Lag(None));
        }
    }

    pub(super) fn say(&mut self, message: Message) {
        if let Some(link) = &self.link
            && !link.say(message.into())
        {
            self.link_down(link.id, "it takes no more messages");
        }
    }

    pub(super) fn said(&mut self, id: u64, control: Control) {
        if self.link.as_ref().is_none_or(|link| link.id != id) {
            return;
        }
        match control {
            Control::Says(said) => {
                let message = Message::from(said);
                self.event(Event::Received(message));
                if let Message::Beat(beat) = message
                    && beat.state == State::Active
                {
                    self.ask_to_follow();
                }
            }
            Control::Follow { lanes } => self.let_follow(&lanes),
            Control::Start {
                reign,
                lanes,
                reigns,
            } => self.start_following(Epoch(reign), lanes, &reigns),
            Control::PleaseHandOver { by } => self.asked_to_hand_over(&by),
            // Those at the link's desks have taken the others.
            _ => {}
        }
    }

    fn histories(&self) -> [History; 2] {
        Lane::ALL.map(|lane| {
            let history = self.parts.journal.history(lane);
            History {
                reigns: history.reigns,
                first: history.first,
                last: history.last,
            }
        })
    }

    /// The passive says where it stands, once per connection.
    pub(super) fn ask_to_follow(&mut self) {
        if self.pair.status().state != State::Passive || self.waiting.epoch {
            return;
        }
        let Some(link) = &self.link else { return };
        if link.shared.is_following() || self.waiting.follow == Some(link.id) {
            return;
        }
        if let Some((lane, common)) = self.damaged() {
            return self.cut_damage(lane, common);
        }
        let journal = &self.parts.journal;
        let flushed = |lane| journal.durable_here(lane).durable() >= journal.status(lane).last;
        if !Lane::ALL.into_iter().all(flushed) {
            // Copies of an earlier link are on their way to the disk: histories are compared by what
            // is there, and what came behind it would be taken for what the active has. Asked again
            // with its next heartbeat.
            return;
        }
        self.waiting.follow = Some(link.id);
        let lanes = self.histories().each_ref().map(LaneHello::from);
        link.say(Control::Follow { lanes });
    }

    /// What the journal finds while this node follows is made good as what it found at its start: a
    /// start reads only the end of a lane, the rest is verified by and by.
    pub(super) fn look_at_damage(&mut self) {
        let status = self.pair.status();
        let leads = |(beat, _): (Beat, Duration)| beat.state == State::Active && beat.sound;
        let follows = status.state == State::Passive
            && status.partner_alive
            && status.partner.is_some_and(leads)
            && self
                .link
                .as_ref()
                .is_some_and(|link| link.shared.is_following());
        if !follows && !self.leads {
            return;
        }
        match self.damaged() {
            Some((lane, common)) if follows => self.cut_damage(lane, common),
            // It hands over if it can, and comes back as a passive that is cut.
            Some(_) => self.event(Event::Damaged),
            None => {}
        }
    }

    /// The partner has what is damaged here: it comes again from before the damage on.
    pub(super) fn cut_damage(&mut self, lane: Lane, common: Seq) {
        tracing::warn!(%lane, %common, "pair: records are damaged here and come again from the partner");
        self.leave(Restart::Cut { lane, common });
    }

    /// Where a lane with damage is to be cut.
    pub(super) fn damaged(&self) -> Option<(Lane, Seq)> {
        let found = |lane: Lane| {
            let found = self.parts.journal.details(lane).damages;
            let found = found.iter().map(|damage| damage.from);
            found.chain(self.parts.damaged[lane.index()]).min()
        };
        Lane::ALL.into_iter().find_map(|lane| {
            let from = found(lane)?;
            Some((lane, Seq(from.0.saturating_sub(1))))
        })
    }

    /// The active compares, and begins to send.
    fn let_follow(&mut self, lanes: &[LaneHello; 2]) {
        let status = self.pair.status();
        let Some(link) = &self.link else { return };
        if status.state != State::Active {
            return;
        }
        let theirs = lanes.each_ref().map(History::from);
        let mine = self.histories();
        let begins = Leader::compare(&mine, &theirs);
        let own = mine.each_ref().map(LaneHello::from);
        link.say(Control::Start {
            reign: status.epoch.0,
            lanes: begins.map(Start::from),
            reigns: own.map(|lane| lane.reigns),
        });
        if let [Begin::After(critical), Begin::After(normal)] = begins {
            let after = [critical, normal];
            for lane in Lane::ALL {
                self.parts.journal.partner_has(lane, after[lane.index()]);
            }
            link.shared.lead(status.epoch, after);
            self.partner_moved = (after, self.parts.clock.monotonic());
            return;
        }
        for (lane, begin) in Lane::ALL.into_iter().zip(begins) {
            if let Begin::Parted { common } = begin {
                self.event(Event::Parted { lane, common });
            }
        }
    }

    /// The passive begins to take, or must put its own journal in order first.
    fn start_following(&mut self, reign: Epoch, lanes: [Start; 2], reigns: &[Vec<(u32, u64)>; 2]) {
        if self.pair.status().state != State::Passive || self.waiting.epoch {
            return;
        }
        // After another start it must still know that this reign was.
        if let Err(error) = self.parts.journal.note_epoch(reign) {
            tracing::error!(epoch = reign.0, "pair: {error}");
            return;
        }
        if let [Start::After(critical), Start::After(normal)] = lanes {
            let after = [Seq(critical), Seq(normal)];
            self.parts
                .journal
                .set_acknowledge(spica_journal_file::Acknowledge::Both);
            let lane_keys = Lane::ALL.map(|lane| self.parts.journal.lane_key(lane));
            if let Some(link) = &mut self.link {
                link.shared.follow(reign, after);
                if let Some(desk) = link.desk(lane_keys) {
                    self.enter_aside(Desk::Partner(desk));
                }
            }
            return;
        }
        for (lane, start) in Lane::ALL.into_iter().zip(lanes) {
            match start {
                Start::After(_) => {}
                Start::Parted(common) => {
                    let common = Seq(common);
                    return self.event(Event::Parted { lane, common });
                }
                Start::Anew(first) => {
                    let first = Seq(first);
                    tracing::warn!(
                        %lane, %first,
                        "pair: the active no longer has what this node needs next: the lane begins anew"
                    );
                    let reigns = reigns[lane.index()].iter();
                    let reigns = reigns.map(|(epoch, seq)| (Epoch(*epoch), Seq(*seq)));
                    return self.leave(Restart::Anew {
                        lane,
                        first,
                        reigns: reigns.collect(),
                    });
                }
            }
        }
    }

    /// This node takes its own records in: whatever still comes is of a reign that is over.
    pub(super) fn end_following(&mut self) {
        self.waiting.follow = None;
        if let Some(link) = &self.link
            && link.shared.is_following()
        {
            link.shared.end();
        }
    }

    /// Lets the last words get out.
    pub(super) async fn part(&mut self) {
        if let Some(link) = self.link.take() {
            // Whether they did, the other side will find out.
            let _ = tokio::time::timeout(LAST_WORDS, link.close()).await;
        }
    }
}
