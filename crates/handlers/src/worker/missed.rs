//! Records that will never come.

use spica_handler::{Missed, MissedKind};
use spica_model::Seq;

use super::{Next, Worker};
use crate::post::Over;

impl Worker {
    /// Tells the handler of records that it will never be given.
    pub(super) fn missed(
        &mut self,
        kind: MissedKind,
        from: Seq,
        to: Seq,
        why: Option<String>,
    ) -> Result<Next, Over> {
        let lane = self.shift.post.lane;
        let missed = Missed {
            lane,
            from,
            to,
            kind,
        };
        let Some(desk) = &mut self.desk else {
            return Ok(Next::Turn);
        };
        let handler = &mut desk.handler;
        if let Err(error) = self.shift.call(None, || handler.missed(&missed))? {
            // It is read again by a new follower, and told again.
            self.desk = None;
            self.try_again(None, &error.detail)?;
            return Ok(Next::Turn);
        }
        self.count_missed(&missed, why)?;
        self.done_through(to, 0)?;
        Ok(Next::Turn)
    }

    fn count_missed(&self, missed: &Missed, why: Option<String>) -> Result<(), Over> {
        let post = &*self.shift.post;
        let count = (missed.to.0 + 1).saturating_sub(missed.from.0);
        let (now, at) = (self.now(), post.base.clock.wall());
        let what = match missed.kind {
            MissedKind::Gap => "retention removed them before it came to them".to_owned(),
            MissedKind::Damage => format!("they are damaged on disk: {}", why.unwrap_or_default()),
        };
        let Missed { lane, from, to, .. } = missed;
        let text = format!("it missed {count} records of the {lane} lane, {from} to {to}: {what}");
        tracing::error!(handler = post.crew.name, "{text}");
        let metric = match missed.kind {
            MissedKind::Gap => &post.metrics.gap_records,
            MissedKind::Damage => &post.metrics.damaged_records,
        };
        metric.inc_by(count);
        self.shift.change(|inner| {
            match missed.kind {
                MissedKind::Gap => inner.gap_records += count,
                MissedKind::Damage => inner.damaged_records += count,
            }
            inner.note_error(at, &text);
            inner.incident = Some((now, text));
        })
    }
}
