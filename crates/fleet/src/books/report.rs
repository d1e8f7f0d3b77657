//! What the comparison found, for programs and for people.

use std::fmt;

use serde::Serialize;

use crate::ledger::Totals;

/// What can be wrong with a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finding {
    /// Told durable, but the hub does not show it.
    Lost,
    /// Shown more than once.
    Duplicated,
    /// Shown with another content than the device sent.
    Altered,
    /// Shown, but no device of the fleet produced it.
    Unexpected,
    /// Received too long after it was first sent.
    Late,
}

/// One case of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What is wrong.
    pub finding: Finding,
    /// With what, and how.
    pub detail: String,
}

/// How many facts of a kind there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The devices made.
    pub produced: u64,
    /// A device was told are durable.
    pub told: u64,
    /// The hub shows, told or not, each counted once.
    pub shown: u64,
    /// A device still holds: told nothing, shown or not.
    pub held: u64,
}

/// What a run's books say.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Nothing was lost, duplicated or altered.
    pub passed: bool,
    /// Devices of the fleet.
    pub devices: u64,
    /// How long the run took.
    pub seconds: f64,
    /// How its connections went.
    pub connections: Totals,
    /// Log entries.
    pub events: Tally,
    /// Pictures.
    pub pictures: Tally,
    /// Pictures that were downloaded and compared byte for byte.
    pub pictures_downloaded: u64,
    /// Commands.
    pub commands: Tally,
    /// Told durable, not shown.
    pub lost: u64,
    /// Shown more than once.
    pub duplicated: u64,
    /// Shown with another content.
    pub altered: u64,
    /// Shown, never produced.
    pub unexpected: u64,
    /// Received later than the bound.
    pub late: u64,
    /// Ranges of its journal the hub could not read while it answered.
    pub damaged: u64,
    /// Ranges its retention removed while it answered: what was in them counts as lost.
    pub gaps: u64,
    /// First sending of a critical event to its reception, median, in milliseconds.
    pub critical_ms_p50: f64,
    /// 99th percentile.
    pub critical_ms_p99: f64,
    /// The same of all other events, median.
    pub normal_ms_p50: f64,
    /// 99th percentile.
    pub normal_ms_p99: f64,
    /// The first few cases of each finding.
    pub examples: Vec<Example>,
    /// The first few things a station did that the profile does not allow.
    pub violations: Vec<String>,
}

impl fmt::Display for Report {
    /// A few lines for a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connections_line(f)?;
        writeln!(f, "events    {}", self.events)?;
        writeln!(f, "pictures  {}", self.pictures)?;
        writeln!(f, "commands  {}", self.commands)?;
        writeln!(
            f,
            "latency   critical p50 {:.1} ms, p99 {:.1} ms; normal p50 {:.1} ms, p99 {:.1} ms",
            self.critical_ms_p50, self.critical_ms_p99, self.normal_ms_p50, self.normal_ms_p99
        )?;
        for Example { finding, detail } in &self.examples {
            writeln!(f, "  {finding:?}: {detail}")?;
        }
        for violation in &self.violations {
            writeln!(f, "  Against the profile: {violation}")?;
        }
        let Self {
            lost,
            duplicated,
            altered,
            unexpected,
            late,
            damaged,
            gaps,
            ..
        } = self;
        if damaged + gaps > 0 {
            writeln!(
                f,
                "  The hub could not show {damaged} damaged and {gaps} removed ranges"
            )?;
        }
        write!(
            f,
            "lost {lost}, duplicated {duplicated}, altered {altered}, unexpected {unexpected}, \
             late {late}: {}",
            if self.passed { "passed" } else { "FAILED" }
        )
    }
}

impl Report {
    fn connections_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals {
            connections,
            completed,
            cut,
            broken,
            timed_out,
            refused,
            ..
        } = self.connections;
        writeln!(
            f,
            "{} devices, {:.1} s: {connections} connections ({completed} completed, {cut} cut by \
             plan, {broken} broken, {timed_out} timed out, {refused} refused)",
            self.devices, self.seconds
        )?;
        let Totals {
            attacks,
            attacks_closed,
            attacks_served,
            ..
        } = self.connections;
        if attacks > 0 {
            writeln!(
                f,
                "hostile   {attacks} connections: {attacks_closed} closed, {attacks_served} served"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            produced,
            told,
            shown,
            held,
        } = self;
        write!(
            f,
            "{produced} produced, {told} told durable, {shown} shown, {held} still held"
        )
    }
}
