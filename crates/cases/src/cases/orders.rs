//! What people order.

use spica_model::Timestamp;
use spica_settings::Span;

use super::{Cases, Turn, life};
use crate::order::{NAME_BYTES, WHY_BYTES};
use crate::{
    Case, CaseId, CaseVerb, Condition, ConditionVerb, OrderError, Severity, Shelf, Signature, Step,
    What, kebab,
};

/// Who orders, and why.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub(super) by: String,
    pub(super) why: Option<String>,
}

impl Who {
    /// A reason of blanks is none.
    pub(super) fn checked(by: String, why: Option<String>) -> Result<Self, OrderError> {
        let why = why.filter(|why| !why.trim().is_empty());
        check_name("the name of who orders", &by)?;
        let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
        let fits = |why: &String| why.len() <= WHY_BYTES && why.chars().all(plain);
        if !why.as_ref().is_none_or(fits) {
            return Err(OrderError::Text {
                field: "the reason",
                allowed: "up to 2000 bytes of text are",
            });
        }
        Ok(Self { by, why })
    }

    fn step(&self, what: What, turn: &Turn<'_>) -> Step {
        Step {
            why: self.why.clone(),
            ..life::step(what, &self.by, turn)
        }
    }

    fn signature(&self, turn: &Turn<'_>) -> Signature {
        Signature {
            by: self.by.clone(),
            at: turn.now,
            why: self.why.clone(),
        }
    }

    const fn wants_reason(&self, to: &'static str) -> Result<(), OrderError> {
        match self.why {
            Some(_) => Ok(()),
            None => Err(OrderError::WantsReason(to)),
        }
    }
}

fn check_name(field: &'static str, name: &str) -> Result<(), OrderError> {
    let fits = (1..=NAME_BYTES).contains(&name.len()) && !name.contains(char::is_control);
    if fits {
        return Ok(());
    }
    let allowed = "1 to 200 bytes of text without control characters are";
    Err(OrderError::Text { field, allowed })
}

impl Cases {
    /// Follows an order about a case.
    pub(super) fn order_case(
        &mut self,
        id: CaseId,
        verb: CaseVerb,
        who: &Who,
        turn: &mut Turn<'_>,
    ) -> Result<Vec<CaseId>, OrderError> {
        let case = self.case(id).ok_or(OrderError::UnknownCase(id))?;
        if !case.is_open() {
            return Err(OrderError::ClosedCase(id));
        }
        let told = turn.out.changes.len();
        let mut edit = self.conditions.edit(&case.source, &case.condition);
        let it = &mut edit.it;
        match verb {
            CaseVerb::Acknowledge => self.acknowledge(it, &case, who, turn),
            CaseVerb::Confirm => self.confirm(it, &case, who, turn)?,
            CaseVerb::Clear => self.clear_by(it, &case, who, turn)?,
            CaseVerb::Close => self.close_by(it, &case, who, turn)?,
            CaseVerb::Assign { to } => self.assign(&case, to, who, turn)?,
            CaseVerb::Comment => {
                who.wants_reason("comment")?;
                let step = who.step(What::Commented, turn);
                self.change(Some(case.clone()), Case::clone(&case), step, turn);
            }
        }
        self.save(&edit, turn);
        let changed = turn.out.changes.len() > told;
        Ok(changed.then_some(id).into_iter().collect())
    }

    fn acknowledge(&mut self, it: &mut Condition, case: &Case, who: &Who, turn: &mut Turn<'_>) {
        if case.acknowledged.is_none() {
            let mut after = case.clone();
            after.acknowledged = Some(who.signature(turn));
            let step = who.step(What::Acknowledged, turn);
            self.change(self.case(case.id), after, step, turn);
            self.close_if_done(it, turn);
        }
    }

    fn confirm(
        &mut self,
        it: &mut Condition,
        case: &Case,
        who: &Who,
        turn: &mut Turn<'_>,
    ) -> Result<(), OrderError> {
        if case.acknowledged.is_none() {
            return Err(OrderError::NotAcknowledged(case.id));
        }
        if case.confirmed.is_none() {
            let mut after = case.clone();
            after.confirmed = Some(who.signature(turn));
            let step = who.step(What::Confirmed, turn);
            self.change(self.case(case.id), after, step, turn);
            self.close_if_done(it, turn);
        }
        Ok(())
    }

    fn clear_by(
        &mut self,
        it: &mut Condition,
        case: &Case,
        who: &Who,
        turn: &mut Turn<'_>,
    ) -> Result<(), OrderError> {
        if !case.active {
            return Ok(());
        }
        who.wants_reason("clear")?;
        let step = who.step(What::Cleared, turn);
        if it.lasting {
            // Its source will say when it is over: only then can it be raised again.
            self.clear_case(it, step, turn);
            self.close_if_done(it, turn);
        } else {
            // What has begun since is another occurrence: its timer runs on.
            let timer = it.pending.take();
            self.clear(it, step, turn);
            it.pending = timer;
        }
        Ok(())
    }

    fn close_by(
        &mut self,
        it: &mut Condition,
        case: &Case,
        who: &Who,
        turn: &mut Turn<'_>,
    ) -> Result<(), OrderError> {
        if case.active {
            return Err(OrderError::StillActive(case.id));
        }
        if case.acknowledged.is_none() {
            return Err(OrderError::NotAcknowledged(case.id));
        }
        if case.confirmed.is_none() && self.rules.confirm.contains(&case.severity) {
            return Err(OrderError::NotConfirmed(case.id, case.severity));
        }
        if self.rules.operator_closes.contains(&case.severity) {
            who.wants_reason("close")?;
        }
        self.close(it, who.step(What::Closed, turn), turn);
        Ok(())
    }

    fn assign(
        &mut self,
        case: &Case,
        to: Option<String>,
        who: &Who,
        turn: &mut Turn<'_>,
    ) -> Result<(), OrderError> {
        if let Some(to) = &to {
            check_name("the name of the owner", to)?;
        }
        if case.owner != to {
            let mut after = case.clone();
            after.owner.clone_from(&to);
            let step = Step {
                to,
                ..who.step(What::Assigned, turn)
            };
            self.change(self.case(case.id), after, step, turn);
        }
        Ok(())
    }

    /// Follows an order about a condition.
    pub(super) fn order_condition(
        &mut self,
        (source, condition): (&str, &str),
        verb: ConditionVerb,
        who: &Who,
        turn: &mut Turn<'_>,
    ) -> Result<Vec<CaseId>, OrderError> {
        if kebab(condition) != condition || self.topics.condition(source, condition).is_err() {
            return Err(OrderError::Text {
                field: "the condition or its source",
                allowed: "a condition in kebab case and the path of its source below the node are, \
                          such as man-down and devices/0012345",
            });
        }
        let mut edit = self.conditions.edit(source, condition);
        let it = &mut edit.it;
        self.may_keep(it, verb)?;
        let case = it.case;
        let step = match verb {
            ConditionVerb::Shelve { until } => self.shelve(it, until, who, turn)?,
            ConditionVerb::Unshelve => {
                it.shelved.take().ok_or_else(|| not_shelved(it))?;
                who.step(What::Unshelved, turn)
            }
            ConditionVerb::Suppress => {
                who.wants_reason("suppress")?;
                set(it, |it| &mut it.suppressed, "suppressed", who, turn)?;
                who.step(What::Suppressed, turn)
            }
            ConditionVerb::Unsuppress => {
                unset(it, |it| &mut it.suppressed, "suppressed")?;
                who.step(What::Unsuppressed, turn)
            }
            ConditionVerb::OutOfService => {
                who.wants_reason("take out of service")?;
                set(it, |it| &mut it.out_of_service, "out of service", who, turn)?;
                who.step(What::OutOfService, turn)
            }
            ConditionVerb::InService => {
                unset(it, |it| &mut it.out_of_service, "out of service")?;
                who.step(What::InService, turn)
            }
        };
        self.quieted(it, step, turn);
        self.save(&edit, turn);
        Ok(case.into_iter().collect())
    }

    /// Whether one more condition may be kept, should the order need it.
    fn may_keep(&self, it: &Condition, verb: ConditionVerb) -> Result<(), OrderError> {
        use ConditionVerb::{OutOfService, Shelve, Suppress};
        let adds = matches!(verb, Shelve { .. } | Suppress | OutOfService);
        if adds && !self.admits(it, Severity::Low) {
            return Err(OrderError::TooManyConditions(self.conditions.len()));
        }
        Ok(())
    }

    fn shelve(
        &self,
        it: &mut Condition,
        until: Option<Timestamp>,
        who: &Who,
        turn: &Turn<'_>,
    ) -> Result<Step, OrderError> {
        if it.shelved.is_some() {
            return Err(OrderError::AlreadyShelved {
                source_path: it.source.clone(),
                condition: it.condition.clone(),
            });
        }
        let emergency = self.expected(it) == Some(Severity::Emergency);
        let max: Span = if emergency {
            self.rules.emergency_shelf_max.min(self.rules.shelf_max)
        } else {
            self.rules.shelf_max
        };
        let latest = turn.now.saturating_add(max.into());
        if let Some(until) = until
            && (until <= turn.now || until > latest)
        {
            return Err(OrderError::TimeOutOfRange {
                until,
                max,
                emergency,
            });
        }
        let to = until.map_or_else(|| "once".to_owned(), |until| until.to_string());
        it.shelved = Some(Shelf {
            until: until.unwrap_or(latest),
            once: until.is_none(),
            signature: who.signature(turn),
        });
        Ok(Step {
            to: Some(to),
            ..who.step(What::Shelved, turn)
        })
    }
}

fn not_shelved(it: &Condition) -> OrderError {
    OrderError::NotShelved {
        source_path: it.source.clone(),
        condition: it.condition.clone(),
    }
}

type Field = fn(&mut Condition) -> &mut Option<Signature>;

fn set(
    it: &mut Condition,
    field: Field,
    how: &'static str,
    who: &Who,
    turn: &Turn<'_>,
) -> Result<(), OrderError> {
    if field(it).is_some() {
        return Err(OrderError::Already {
            source_path: it.source.clone(),
            condition: it.condition.clone(),
            how,
        });
    }
    *field(it) = Some(who.signature(turn));
    Ok(())
}

fn unset(it: &mut Condition, field: Field, how: &'static str) -> Result<(), OrderError> {
    match field(it).take() {
        Some(_) => Ok(()),
        None => Err(OrderError::NotSo {
            source_path: it.source.clone(),
            condition: it.condition.clone(),
            how,
        }),
    }
}
