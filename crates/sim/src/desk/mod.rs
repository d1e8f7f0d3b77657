//! The desk of a node: production's machine of alarms (`spica_alarms::Alarms`) in a shell that does
//! what production's desk does. It works while the node leads: it restores what the journal's
//! committed state says, decides on committed records and on time, has what it decides committed as
//! one batch, and lets messages go only then.

mod center;
mod records;
mod site;

use spica_alarms::{Alarms, Mark};
use spica_alerts::{Notice, NoticeState};
use spica_cases::{CaseVerb, Draft, Order, Severity, Trouble, Verb};
use spica_model::{Kind, Lane, Op, Timestamp};

use crate::book::Batch;
use crate::disk::LaneDisk;
use crate::node::Waiter;
use crate::plant::Plant;
use crate::queue::Happens;
use crate::words::{DESK_SPEED, MS, NODES, Outcome, Us};
use crate::world::World;

pub(crate) use center::{Center, Sent};
pub(crate) use records::{cause_of, tree};
pub(crate) use site::{AMBER, AMBER_STARTED, MAN_DOWN, node};

/// How often a desk has its turn.
const TURN: Us = 3 * MS;
/// Records of a lane that are decided on in one turn.
const AT_ONCE: u64 = 32;
/// Drafts after which a batch is closed.
const ENOUGH: usize = 64;
/// A step of the wall clock that is taken as it comes, in microseconds.
const SMALL: i64 = 2_000_000;

/// What a desk does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Orders,
    Answers,
    Records(usize),
    Time,
    Messages,
}

/// A desk in one reign.
pub(crate) struct Desk {
    pub(crate) alarms: Alarms,
    /// Which of all desks there ever were.
    number: u32,
    next: Next,
    /// Where in the critical lane the batch stands that is to be committed first.
    waits: Option<u64>,
    /// What that batch says of attempts.
    noting: Vec<(String, u32)>,
    /// Its time, and when it was looked at.
    shown: Timestamp,
    read: Us,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "desk {} at {:?}", self.number, self.alarms.mark())
    }
}

impl Desk {
    /// Its time: it follows the wall clock ahead, and waits for it without standing still.
    fn time(&mut self, wall: Timestamp, now: Us) -> Timestamp {
        let passed = (now - self.read) as i64 * DESK_SPEED;
        let due = Timestamp::from_micros(self.shown.as_micros() + passed);
        let behind = due.as_micros() - wall.as_micros();
        self.shown = match behind {
            ..=0 => wall,
            1..=SMALL => wall.max(self.shown),
            _ => due,
        };
        self.read = now;
        self.shown
    }

    /// Whether something is due.
    pub(crate) fn is_due(&self) -> bool {
        let due = self.alarms.next_due();
        due.is_some_and(|due| due <= self.shown)
    }

    /// Whether it has decided on all that is committed, and what it decided is committed.
    pub(crate) fn is_idle_after(&self, committed: [u64; 2]) -> bool {
        let decided = |lane: usize| {
            let mark = self.alarms.mark().of(Lane::ALL[lane]);
            records::next_place(mark) > committed[lane]
        };
        self.waits.is_none() && decided(0) && decided(1)
    }
}

impl World {
    /// The desk's turn.
    pub(crate) fn desk(&mut self, node: usize) {
        let again = Happens::Desk {
            node: node as u8,
            boot: self.nodes[node].boot,
        };
        self.after(TURN, again);
        let Some(process) = &mut self.nodes[node].process else {
            return;
        };
        if process.leads.is_none() || process.draining {
            process.desk = None;
            process.desk_after = None;
            return;
        }
        let lanes = &self.nodes[node].disk.lanes;
        let placed = lanes.each_ref().map(LaneDisk::end);
        let after = *process.desk_after.get_or_insert(placed);
        let early = self.plant == Some(Plant::BeginEarly);
        if !early && (0..2).any(|lane| process.committed[lane] < after[lane]) {
            // A decision of an earlier desk may be among it.
            return;
        }
        let desk = match process.desk.take() {
            Some(desk) => Some(desk),
            None => self.open_desk(node),
        };
        let worked = desk.and_then(|desk| self.work(node, desk));
        if let Some(process) = &mut self.nodes[node].process {
            if worked.is_none() {
                process.desk_after = None;
            }
            process.desk = worked;
        }
    }

    /// A desk begins: it restores what is committed. Nothing if the journal takes nothing in.
    fn open_desk(&mut self, node: usize) -> Option<Box<Desk>> {
        let plant = self.plant;
        let at = &self.nodes[node];
        let process = at.process.as_ref()?;
        let entries = &at.disk.lanes[0].entries;
        let durable = process.committed[0].min(entries.len() as u64);
        let tree = tree(
            &entries[..durable as usize],
            &self.book,
            plant == Some(Plant::ReenterDecisions),
        );
        let mut alarms = Alarms::new(site::node(), site::rules(), site::plans()).ok()?;
        for record in tree.values().filter(|record| record.op == Op::Put) {
            if !is_left_out(plant, record) {
                alarms.restore(record);
            }
        }
        let mark = Alarms::mark_topic(site::node()).ok()?;
        let mark = tree.get(&mark);
        let newest = mark.map_or(Timestamp::EPOCH, |it| it.received);
        let mark = mark.and_then(|it| Mark::decode(&it.payload));
        let epoch = process.epoch;
        let center = self.center.as_mut()?;
        center.desks += 1;
        let number = center.desks;
        let drafts = alarms.begin(epoch.into(), mark.unwrap_or_default());
        self.trace.note(self.now, || {
            format!("{}: desk {number} begins after {mark:?}", NODES[node])
        });
        let desk = Box::new(Desk {
            alarms,
            number,
            next: Next::Orders,
            waits: None,
            noting: Vec::new(),
            shown: site::wall(at.wall_clock(self.now)).max(newest),
            read: self.now,
        });
        self.keep(node, desk, drafts)
    }

    /// Does one thing after the other, until what it decided has to be committed first. Nothing if
    /// the journal takes nothing in: another desk will begin.
    fn work(&mut self, node: usize, mut desk: Box<Desk>) -> Option<Box<Desk>> {
        let committed = self.nodes[node].process.as_ref()?.committed;
        if desk.waits.is_some_and(|place| committed[0] < place) {
            return Some(desk);
        }
        desk.waits = None;
        if let Some(center) = &mut self.center {
            center.noted.extend(desk.noting.drain(..));
        }
        loop {
            let wall = site::wall(self.nodes[node].wall_clock(self.now));
            let now = desk.time(wall, self.now);
            let (drafts, next) = match desk.next {
                Next::Orders => {
                    desk.next = Next::Answers;
                    desk = self.take_order(node, desk, now)?;
                    if desk.waits.is_some() {
                        return Some(desk);
                    }
                    continue;
                }
                Next::Answers => (self.take_answers(node, &mut desk, now), Next::Records(0)),
                Next::Records(lane) => {
                    let next = [Next::Records(1), Next::Time][lane];
                    (self.take_records(node, &mut desk, lane, now), next)
                }
                Next::Time if desk.is_due() => (desk.alarms.on_time(now), Next::Messages),
                Next::Time => (Vec::new(), Next::Messages),
                Next::Messages => {
                    desk.next = Next::Orders;
                    self.let_out(node, &mut desk, now);
                    return Some(desk);
                }
            };
            desk.next = next;
            if !drafts.is_empty() {
                desk = self.keep(node, desk, drafts)?;
                if self.plant == Some(Plant::SendEarly) {
                    self.let_out(node, &mut desk, now);
                }
                return Some(desk);
            }
        }
    }

    /// Has what was decided kept as one batch.
    fn keep(
        &mut self,
        node: usize,
        mut desk: Box<Desk>,
        mut drafts: Vec<Draft>,
    ) -> Option<Box<Desk>> {
        if self.plant == Some(Plant::MarkApart) && drafts.len() > 1 {
            drafts.pop();
        }
        let at = &self.nodes[node];
        let process = at.process.as_ref()?;
        if process.leads.is_none() || process.draining || at.disk.full {
            return None;
        }
        let batch = Batch {
            epoch: process.epoch,
            received: desk.shown,
            drafts,
        };
        self.trace.note(self.now, || {
            let said = |draft: &Draft| format!("{:?} {}", draft.op, draft.topic);
            let said: Vec<_> = batch.drafts.iter().map(said).collect();
            format!("{}: {desk:?} decides {said:?}", NODES[node])
        });
        let key = self.book.decided(batch);
        if !self.submit(node, key, Waiter::Desk) {
            return None;
        }
        desk.waits = self.nodes[node].process.as_ref()?.place_of(key);
        Some(desk)
    }

    /// What an operator wants: the next thing that may be done about some open case.
    fn take_order(
        &mut self,
        node: usize,
        mut desk: Box<Desk>,
        now: Timestamp,
    ) -> Option<Box<Desk>> {
        let orders = &mut self.nodes[node].process.as_mut()?.orders;
        if orders.is_empty() {
            return Some(desk);
        }
        let (client, request) = orders.remove(0);
        let open: Vec<_> = desk.alarms.cases().open().cloned().collect();
        let Some(case) = open.get(self.chance.below(open.len() as u64) as usize) else {
            self.reply(node, client, request, Outcome::Nothing);
            return Some(desk);
        };
        let verb = match (&case.acknowledged, case.active) {
            (None, _) => CaseVerb::Acknowledge,
            (Some(_), true) => CaseVerb::Clear,
            (Some(_), false) => CaseVerb::Close,
        };
        let acknowledges = verb == CaseVerb::Acknowledge;
        let order = Order {
            verb: Verb::Case(case.id, verb),
            by: "operator:alice".to_owned(),
            why: Some("looked after".to_owned()),
        };
        let (done, drafts) = desk.alarms.order(order, now);
        if done.is_err() {
            self.reply(node, client, request, Outcome::Nothing);
            // What was due before it.
            return match drafts.is_empty() {
                true => Some(desk),
                false => self.keep(node, desk, drafts),
            };
        }
        if acknowledges && let Some(center) = &mut self.center {
            center.asked.insert((client, request), case.id);
        }
        if drafts.is_empty() || self.plant == Some(Plant::OrderEarly) {
            self.reply(node, client, request, Outcome::Acknowledged);
        }
        if drafts.is_empty() {
            return Some(desk);
        }
        let desk = self.keep(node, desk, drafts)?;
        let place = desk.waits?;
        let waiters = &mut self.nodes[node].process.as_mut()?.waiters[0];
        waiters.push_back((place, Waiter::Client { client, request }));
        Some(desk)
    }

    fn take_answers(&mut self, node: usize, desk: &mut Desk, now: Timestamp) -> Vec<Draft> {
        let Some(process) = &mut self.nodes[node].process else {
            return Vec::new();
        };
        let answers = std::mem::take(&mut process.answers);
        let ids: Vec<_> = answers.iter().map(|(id, _)| *id).collect();
        let drafts = desk.alarms.on_attempts(answers, now);
        let noted = |id| {
            let attempts = desk.alarms.notice(id)?.attempts;
            Some((format!("{}:{id}", site::node()), attempts))
        };
        desk.noting = ids.into_iter().filter_map(noted).collect();
        drafts
    }

    /// Decides on what is committed in a lane.
    fn take_records(
        &mut self,
        node: usize,
        desk: &mut Desk,
        lane: usize,
        now: Timestamp,
    ) -> Vec<Draft> {
        let at = &self.nodes[node];
        let Some(process) = &at.process else {
            return Vec::new();
        };
        let name = Lane::ALL[lane];
        let (on_disk, end) = (&at.disk.lanes[lane], process.committed[lane]);
        let first = records::next_place(desk.alarms.mark().of(name));
        let end = end.min(first + AT_ONCE - 1);
        let mut shown = Vec::new();
        let mut read = first - 1;
        for place in first..=end {
            if on_disk.damaged.contains(&place) {
                break;
            }
            shown.extend(records::records(
                lane,
                place,
                &on_disk.entries,
                &self.book,
                self.plant == Some(Plant::ReenterDecisions),
            ));
            read = place;
        }
        if read < first {
            if first <= end {
                return self.cannot_read(desk, lane, first, now);
            }
            return Vec::new();
        }
        if shown.is_empty() {
            desk.alarms.pass(name, records::through(read));
            return Vec::new();
        }
        let (taken, drafts) = desk.alarms.on_records(name, &shown, ENOUGH, now);
        if taken == shown.len() {
            desk.alarms.pass(name, records::through(read));
        }
        drafts
    }

    /// Nobody can decide on what cannot be read: people must know.
    fn cannot_read(
        &mut self,
        desk: &mut Desk,
        lane: usize,
        place: u64,
        now: Timestamp,
    ) -> Vec<Draft> {
        let name = Lane::ALL[lane];
        desk.alarms.pass(name, records::through(place));
        if let Some(center) = &mut self.center {
            center.unread.push((lane, place));
        }
        let trouble = Trouble {
            source: "system/desk".to_owned(),
            condition: format!("unreadable-{name}-records"),
            severity: Severity::High,
            active: true,
            text: "a record could not be read".to_owned(),
            detail: serde_json::Value::Null,
        };
        desk.alarms.trouble(&trouble, now)
    }

    /// Lets go out what is due.
    fn let_out(&mut self, node: usize, desk: &mut Desk, now: Timestamp) {
        for id in desk.alarms.ready(now, usize::MAX) {
            if let Some(message) = desk.alarms.message(id, now, None) {
                self.goes_out(node, desk.number, &message);
            }
        }
    }
}

/// The planted bugs: a desk that begins does not restore everything.
fn is_left_out(plant: Option<Plant>, record: &spica_model::Record) -> bool {
    let Some(path) = record.topic.below(node().as_str()) else {
        return false;
    };
    match plant {
        Some(Plant::RestoreWithoutConditions) => path.starts_with("alarms/conditions/"),
        Some(Plant::ForgetNotices) => {
            let waits = |id| {
                Notice::decode(id, &record.payload)
                    .is_ok_and(|notice| notice.state == NoticeState::Waiting)
            };
            let id = path.strip_prefix("alarms/notices/");
            record.kind == Kind::State && id.and_then(|id| id.parse().ok()).is_some_and(waits)
        }
        _ => false,
    }
}
