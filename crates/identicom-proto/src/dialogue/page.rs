//! Taking pages of the event log.

use spica_model::Lane;

use super::log::PageFacts;
use super::{Action, Dialogue, EntryBatch, Expect, Oddity, Turn};
use crate::message::{LogEntry, LogPage, MessageError};

impl Dialogue {
    pub(super) fn page<'a>(&mut self, page: LogPage<'a>, turn: &mut Turn<'_, 'a>) {
        let (facts, damage) = self.take(page, turn);
        if let Some(error) = damage {
            self.bad_frame(Oddity::BadMessage(error), turn);
        }
        let (is_answer, violation) = match self.expect {
            // What came whole is taken; the rest would be no better when read again.
            Expect::Page { .. } if damage.is_some() => {
                self.log.leave();
                (true, None)
            }
            Expect::Page { from } => self.log.answer(from, facts),
            // The shell is waited for: there is time to read at once.
            Expect::Durable => (true, self.log.unasked(facts)),
            _ => (false, self.log.unasked(facts)),
        };
        if let Some(violation) = violation {
            self.violation(violation, turn);
        }
        if is_answer {
            self.proceed(turn);
        }
    }

    /// Hands all whole entries of a page over: critical ones as they are decoded, then the others.
    fn take<'a>(
        &mut self,
        page: LogPage<'a>,
        turn: &mut Turn<'_, 'a>,
    ) -> (PageFacts, Option<MessageError>) {
        let mut facts = PageFacts {
            is_ascending: true,
            has_more: page.remaining > 0,
            ..PageFacts::default()
        };
        let (mut damage, mut has_others) = (None, false);
        for entry in page.entries() {
            match entry {
                Ok(entry) => {
                    facts.note(&entry);
                    facts.has_alarm |= self.profile.alarms().has(entry.event);
                    has_others |= !self.take_if_critical(entry, turn);
                }
                Err(error) => damage = Some(error),
            }
        }
        if has_others {
            let entries = EntryBatch::without(&page, *self.profile.critical());
            let batch = self.log.append();
            (turn.emit)(Action::Append {
                batch,
                lane: Lane::Normal,
                entries,
            });
        }
        (facts, damage)
    }

    fn take_if_critical<'a>(&mut self, entry: LogEntry<'a>, turn: &mut Turn<'_, 'a>) -> bool {
        if self.profile.event(entry.event).is_none() {
            (turn.emit)(Action::Count(Oddity::UnknownEvent(entry.event)));
        }
        let is_critical = self.profile.critical().has(entry.event);
        if is_critical {
            let batch = self.log.append();
            (turn.emit)(Action::Append {
                batch,
                lane: Lane::Critical,
                entries: EntryBatch::one(entry),
            });
        }
        is_critical
    }

    pub(super) fn durable(&mut self, batch: u32, turn: &mut Turn<'_, '_>) {
        if self.log.durable(batch) && self.expect == Expect::Durable {
            self.proceed(turn);
        }
    }
}

impl PageFacts {
    fn note(&mut self, entry: &LogEntry<'_>) {
        self.first = self.first.or(Some(entry.index));
        self.is_ascending &= self.greatest.is_none_or(|before| before < entry.index);
        self.greatest = self.greatest.max(Some(entry.index));
    }
}
