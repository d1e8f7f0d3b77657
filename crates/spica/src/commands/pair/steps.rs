//! What an upgrade does next, by what both nodes say of themselves. It looks at nothing and waits for
//! nothing: whoever runs it looks, asks [`Upgrade::next`], does that, and looks again.
//!
//! One node after the other: it hands over if it serves, is restarted, and must come back complete
//! before the other one's turn. So one of the two always holds everything and serves.

use serde::Deserialize;
use spica_trust::Side;

/// What a node says of itself (`GET /v1/pair`), so far as an upgrade needs it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Seen {
    pub(super) side: String,
    pub(super) serves: bool,
    pub(super) epoch: u32,
    pub(super) gate: String,
    pub(super) sync: String,
    pub(super) behind: u64,
    pub(super) sound: bool,
    /// The version of the program; older ones do not say it.
    pub(super) version: Option<String>,
    /// When it began to run; older ones do not say it.
    pub(super) started: Option<String>,
}

/// What both say, or why one says nothing.
#[derive(Debug, Clone)]
pub(super) struct Both {
    pub(super) primary: Result<Seen, String>,
    pub(super) backup: Result<Seen, String>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Say that this is so now, and ask again at once.
    Say(Reached),
    /// Order this node, which serves, to hand over.
    SwitchOver(Side),
    /// Run the command that restarts this node, which does not serve.
    Restart(Side),
    /// Look again, for this is missing.
    Wait(Lack),
    /// Nothing: both run again.
    Done,
}

/// What has come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// The pair is fit, and this node serves.
    Fit(Side),
    /// This node serves now, and the other one follows it and is complete.
    Serves(Side),
    /// This node was restarted, and is complete again.
    Back(Side),
}

/// What is missing for the next step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Lack {
    #[error("the {0} does not answer ({1})")]
    Silent(Side, String),
    #[error("the {0} still runs as the process that it was before")]
    SameProcess(Side),
    #[error("no node serves")]
    NoneServes,
    #[error("both nodes say that they serve")]
    BothServe,
    #[error("the {0} has not handed over")]
    StillServes(Side),
    #[error("the journal of the {0} is damaged")]
    Damaged(Side),
    #[error("the passive is not complete ({sync}; it lacks {behind} records)")]
    Incomplete { sync: String, behind: u64 },
    #[error("the active does not wait for the passive (it acknowledges: {0})")]
    Gate(String),
    #[error("the two are in different epochs")]
    Epochs,
}

/// Why an upgrade goes no further, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    #[error(
        "the pair is not fit for an upgrade: {0}. Nothing was done. One node must serve, and the \
         other one be complete: see `spica pair status`"
    )]
    Unfit(Lack),
    #[error(
        "the {0} took over while it was restarted: the {other} does not serve any more. Stopped, for \
         it may hold records that the {0} lacks. See `spica pair status` and the log of the {other}; \
         when the pair is complete, run the upgrade again",
        other = .0.other()
    )]
    TookOver(Side),
    #[error(
        "in time, the switch-over was not done: {lack}. The {from} was not restarted. See `spica pair \
         status`; when the pair is complete, run the upgrade again"
    )]
    NotSwitched { from: Side, lack: Lack },
    #[error(
        "in time, the {side} did not come back as it must: {lack}. The {other} was left as it is. See \
         `spica pair status` and the log of the {side}; start it with the program that it had if it \
         does not run with the new one. When the pair is complete, run the upgrade again",
        other = side.other()
    )]
    NotBack { side: Side, lack: Lack },
}

/// An upgrade under way.
#[derive(Debug)]
pub(super) struct Upgrade {
    /// The node that is to be upgraded first; without one, the passive.
    first: Option<Side>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Nothing was done.
    Check,
    /// It is this node's turn. The other one's is still to come, or is over.
    Turn(Turn),
    /// It was ordered to hand over.
    HandingOver(Turn),
    /// It was restarted, and had begun to run then.
    Returning(Turn, Option<String>),
    Finished,
}

#[derive(Debug, Clone, Copy)]
struct Turn {
    node: Side,
    is_last: bool,
}

impl Both {
    fn of(&self, side: Side) -> Result<&Seen, Lack> {
        let seen = match side {
            Side::Primary => &self.primary,
            Side::Backup => &self.backup,
        };
        let silent = |why: &String| Lack::Silent(side, why.clone());
        seen.as_ref().map_err(silent)
    }

    /// Which node serves, if the other one has everything.
    fn settled(&self) -> Result<Side, Lack> {
        let (primary, backup) = (self.of(Side::Primary)?, self.of(Side::Backup)?);
        let (side, active, passive) = match (primary.serves, backup.serves) {
            (true, false) => (Side::Primary, primary, backup),
            (false, true) => (Side::Backup, backup, primary),
            (false, false) => return Err(Lack::NoneServes),
            (true, true) => return Err(Lack::BothServe),
        };
        for (side, seen) in [(side, active), (side.other(), passive)] {
            if !seen.sound {
                return Err(Lack::Damaged(side));
            }
        }
        if let Some(behind) = [active, passive]
            .iter()
            .find(|seen| seen.sync != "complete")
        {
            let (sync, behind) = (behind.sync.clone(), behind.behind);
            return Err(Lack::Incomplete { sync, behind });
        }
        if active.gate != "pair" {
            return Err(Lack::Gate(active.gate.clone()));
        }
        if active.epoch != passive.epoch {
            return Err(Lack::Epochs);
        }
        Ok(side)
    }

    fn started(&self, side: Side) -> Option<String> {
        self.of(side).ok().and_then(|seen| seen.started.clone())
    }
}

impl Upgrade {
    /// One that begins with `first`; without it, with the passive.
    pub(super) const fn new(first: Option<Side>) -> Self {
        let phase = Phase::Check;
        Self { first, phase }
    }

    /// What is to be done, if this is what both say.
    ///
    /// # Errors
    /// If it must not go on.
    pub(super) fn next(&mut self, both: &Both) -> Result<Next, Stop> {
        match &self.phase {
            Phase::Check => {
                let active = both.settled().map_err(Stop::Unfit)?;
                self.phase = Phase::Turn(Turn {
                    node: self.first.unwrap_or(active.other()),
                    is_last: false,
                });
                Ok(Next::Say(Reached::Fit(active)))
            }
            Phase::Turn(turn) => Ok(self.turn(*turn, both)),
            Phase::HandingOver(turn) => Ok(self.handing_over(*turn, both)),
            Phase::Returning(turn, before) => {
                let now = both.started(turn.node);
                // A program that does not say it cannot be told from itself.
                let is_new = now.is_none() || now != *before;
                self.returning(*turn, is_new, both)
            }
            Phase::Finished => Ok(Next::Done),
        }
    }

    fn turn(&mut self, turn: Turn, both: &Both) -> Next {
        match both.settled() {
            Err(lack) => Next::Wait(lack),
            Ok(active) if active == turn.node => {
                self.phase = Phase::HandingOver(turn);
                Next::SwitchOver(turn.node)
            }
            Ok(_) => {
                self.phase = Phase::Returning(turn, both.started(turn.node));
                Next::Restart(turn.node)
            }
        }
    }

    fn handing_over(&mut self, turn: Turn, both: &Both) -> Next {
        match both.settled() {
            Err(lack) => Next::Wait(lack),
            Ok(active) if active == turn.node => Next::Wait(Lack::StillServes(active)),
            Ok(active) => {
                self.phase = Phase::Turn(turn);
                Next::Say(Reached::Serves(active))
            }
        }
    }

    fn returning(&mut self, turn: Turn, is_new: bool, both: &Both) -> Result<Next, Stop> {
        let serves = |side| both.of(side).is_ok_and(|seen| seen.serves);
        if serves(turn.node) && !serves(turn.node.other()) {
            return Err(Stop::TookOver(turn.node));
        }
        if let Err(lack) = both.settled() {
            return Ok(Next::Wait(lack));
        }
        if !is_new {
            return Ok(Next::Wait(Lack::SameProcess(turn.node)));
        }
        self.phase = if turn.is_last {
            Phase::Finished
        } else {
            Phase::Turn(Turn {
                node: turn.node.other(),
                is_last: true,
            })
        };
        Ok(Next::Say(Reached::Back(turn.node)))
    }

    /// Why it stops if `lack` lasts too long.
    pub(super) const fn overdue(&self, lack: Lack) -> Stop {
        match self.phase {
            Phase::Check | Phase::Finished => Stop::Unfit(lack),
            Phase::Turn(turn) | Phase::HandingOver(turn) => Stop::NotSwitched {
                from: turn.node,
                lack,
            },
            Phase::Returning(turn, _) => Stop::NotBack {
                side: turn.node,
                lack,
            },
        }
    }
}

#[cfg(test)]
mod tests;
