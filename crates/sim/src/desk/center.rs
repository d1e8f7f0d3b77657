//! Who is told of alarms and who takes care of them, with all that the oracle must know of that.

use std::collections::BTreeMap;

use spica_alerts::{Message, NoticeId, Outcome};
use spica_cases::CaseId;

use crate::book::Report;
use crate::desk::site;
use crate::invariants;
use crate::queue::Happens;
use crate::words::{self, Key, MS, NODES, Us};
use crate::world::World;

/// A message that left a desk.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) key: String,
    pub(crate) attempt: u32,
    pub(crate) case: CaseId,
    /// Which desk sent it.
    pub(crate) desk: u32,
    /// Whether whoever was to be told has it.
    pub(crate) arrived: bool,
}

/// Who is told, and who answers.
#[derive(Debug, Default)]
pub(crate) struct Center {
    pub(crate) sent: Vec<Sent>,
    /// What became of messages, to be told to the desks.
    answers: Vec<(NoticeId, Outcome)>,
    /// For each key, up to which attempt a desk has durably noted what became of it.
    pub(crate) noted: BTreeMap<String, u32>,
    /// For each request, the case that a desk says it has acknowledged.
    pub(crate) asked: BTreeMap<(u8, u32), CaseId>,
    /// Cases of which an operator was told that they are acknowledged.
    pub(crate) acknowledged: Vec<CaseId>,
    /// Places of each lane that a desk could not read.
    pub(crate) unread: Vec<(usize, u64)>,
    /// How many desks have begun.
    pub(crate) desks: u32,
}

impl World {
    /// Something happens to whoever wears a device.
    pub(crate) fn something_happens(&mut self, device: u8) -> Key {
        let name = match self.chance.below(10) {
            0..=3 => site::MAN_DOWN,
            4..=5 => site::MAN_DOWN_ENDED,
            6..=8 => site::AMBER_STARTED,
            _ => site::AMBER_ENDED,
        };
        let report = Report {
            device,
            name,
            seconds: self.chance.between(5, 50) as u8,
            at: self.now,
        };
        self.book.report(report)
    }

    /// A message goes out: it may arrive or not, and the answer may come soon, late, or be bad.
    pub(crate) fn goes_out(&mut self, node: usize, desk: u32, message: &Message) {
        let healed = self.oracle.closing;
        let by_phone = message.address.starts_with('+');
        let (outcome, arrived) = match self.chance.below(10) {
            0..=1 if !healed => (retry(), self.chance.one_in(2)),
            2 if !healed && by_phone => (refused(), false),
            _ => (delivered(), true),
        };
        let longest = if self.chance.one_in(8) { 400 } else { 20 };
        let time = self.chance.between(1, longest) * MS;
        let sent = Sent {
            key: message.key.clone(),
            attempt: message.attempt,
            case: message.notice.case,
            desk,
            arrived,
        };
        self.trace.note(self.now, || {
            format!("{}: desk {desk} sends {sent:?}: {outcome:?}", NODES[node])
        });
        invariants::message_leaves(self, node, message, &sent);
        let Some(center) = &mut self.center else {
            return;
        };
        center.sent.push(sent);
        let answer = center.answers.len() as u32;
        center.answers.push((message.notice, outcome));
        let told = Happens::Told {
            node: node as u8,
            boot: self.nodes[node].boot,
            answer,
        };
        self.after(time, told);
    }

    /// The process that sent a message hears what became of it.
    pub(crate) fn told(&mut self, node: usize, answer: u32) {
        let answer = self
            .center
            .as_ref()
            .and_then(|center| center.answers.get(answer as usize).cloned());
        if let (Some(process), Some(answer)) = (&mut self.nodes[node].process, answer) {
            process.answers.push(answer);
        }
    }

    /// An operator wants to take care of a case: the desk chooses which, and what is to be done.
    pub(crate) fn wants_to_care(&mut self, node: usize, client: u8, request: u32) -> bool {
        let Some(process) = &mut self.nodes[node].process else {
            return false;
        };
        let serves = process.leads.is_some() && !process.draining;
        if serves {
            process.orders.push((client, request));
        }
        serves
    }

    /// An operator hears of what they ordered.
    pub(crate) fn cared(&mut self, client: u8, request: u32, outcome: words::Outcome) {
        let Some(center) = &mut self.center else {
            return;
        };
        if outcome == words::Outcome::Acknowledged
            && let Some(case) = center.asked.get(&(client, request))
        {
            center.acknowledged.push(*case);
        }
    }

    /// Why the desk of the active is not at rest; nothing if it is, or there is none.
    pub(crate) fn desk_unrest(&self, active: usize) -> Option<String> {
        self.center.as_ref()?;
        let process = self.nodes[active].process.as_ref()?;
        let Some(desk) = &process.desk else {
            return Some("the desk does not work".to_owned());
        };
        let waiting = desk.alarms.alerts().waiting();
        let due: Option<Us> = desk.is_due().then_some(self.now);
        let idle = process.answers.is_empty() && process.orders.is_empty();
        let caught_up = desk.is_idle_after(process.committed);
        (waiting > 0 || due.is_some() || !idle || !caught_up)
            .then(|| format!("the desk is at work: {waiting} messages, {due:?} due"))
    }
}

fn delivered() -> Outcome {
    Outcome::Delivered {
        answer: "ok".to_owned(),
    }
}

fn retry() -> Outcome {
    Outcome::Retry {
        answer: "busy".to_owned(),
        after: None,
    }
}

fn refused() -> Outcome {
    Outcome::Refused {
        answer: "no such number".to_owned(),
    }
}
