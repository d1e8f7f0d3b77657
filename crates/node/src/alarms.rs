//! The alarm desk of a node: rules from profile and configuration, people and channels from the plan
//! file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use spica_alerts::{ChannelKind, Plans, Problem};
use spica_cases::{EventRule, Rules, Severity};
use spica_channels::Surroundings;
use spica_clock::SharedClock;
use spica_desk::{Channels, Desk};
use spica_identicom_proto::profile::{self, Profile};
use spica_journal::SharedJournal;
use spica_role::SharedRole;
use spica_views::Views;

use crate::NodeError;
use crate::config::Config;

/// What the desk and the handlers work on.
pub(crate) struct Shared {
    pub(crate) journal: SharedJournal,
    pub(crate) views: Arc<Views>,
    pub(crate) role: SharedRole,
    pub(crate) clock: SharedClock,
}

/// Minutes of a timer whose event does not say any.
const TIMER_MINUTES: u32 = 30;

/// What is wrong with a plan file.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It cannot be read.
    #[error("the plan file {path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It is not as it must be.
    #[error("the plan file {path} is wrong:{}", listed(.problems))]
    Content {
        /// The file.
        path: PathBuf,
        /// All that is wrong with it, in its order.
        problems: Vec<Problem>,
    },
}

fn listed(problems: &[Problem]) -> String {
    let line = |problem: &Problem| {
        let Problem {
            line,
            column,
            path,
            reason,
        } = problem;
        format!("\n  {line}:{column} {path}: {reason}")
    };
    problems.iter().map(line).collect()
}

/// Plans and their channels.
pub struct Loaded {
    /// Who is told.
    pub plans: Arc<Plans>,
    /// How.
    pub channels: Channels,
}

/// Reads a plan file and opens its channels, without touching the network; `None`: nobody is told.
///
/// # Errors
/// If it cannot be read, or anything in it is wrong.
pub fn load_plans(file: Option<&Path>, clock: &SharedClock) -> Result<Loaded, PlanError> {
    let Some(path) = file else {
        return Ok(Loaded {
            plans: Arc::new(Plans::none()),
            channels: Channels::default(),
        });
    };
    let text = std::fs::read_to_string(path).map_err(|source| PlanError::Read {
        path: path.to_owned(),
        source,
    })?;
    let wrong = |problems| PlanError::Content {
        path: path.to_owned(),
        problems,
    };
    let plans = Plans::parse(&text, &ChannelKind::ALL).map_err(wrong)?;
    let surroundings = Surroundings {
        clock: Arc::clone(clock),
        base: path.parent().map(Path::to_owned).unwrap_or_default(),
    };
    let (mut channels, mut problems) = (Vec::new(), Vec::new());
    for table in plans.channels() {
        match spica_channels::open(&table, &surroundings) {
            Ok(channel) => channels.push(channel),
            Err(error) => problems.push(Problem {
                line: table.line,
                column: 1,
                path: format!("channels.{}.{}", table.name, error.key),
                reason: error.reason,
            }),
        }
    }
    if !problems.is_empty() {
        return Err(wrong(problems));
    }
    Ok(Loaded {
        channels: Channels::new(channels),
        plans: Arc::new(plans),
    })
}

/// Starts the alarm desk.
///
/// # Errors
/// If the plan file is wrong, or the desk's thread cannot be started.
pub(crate) fn start_desk(
    config: &Config,
    profile: &Profile,
    shared: &Shared,
    metrics: spica_desk::Metrics,
) -> Result<Arc<Desk>, NodeError> {
    let file = config.alarms.plans.as_ref().map(|file| file.as_path());
    let loaded =
        load_plans(file, &shared.clock).map_err(|error| NodeError::part("alarm desk", error))?;
    let deps = spica_desk::Deps {
        journal: Arc::clone(&shared.journal),
        views: Arc::clone(&shared.views),
        role: Arc::clone(&shared.role),
        clock: Arc::clone(&shared.clock),
        rules: rules(&config.alarms.cases, profile, &loaded.plans),
        plans: loaded.plans,
        channels: loaded.channels,
    };
    Desk::start(deps, config.alarms.clone(), metrics)
        .map_err(|error| NodeError::part("alarm desk", error))
}

/// The rules of the configuration, with what the profile says of events and the plan file of values.
pub(crate) fn rules(settings: &Rules, profile: &Profile, plans: &Plans) -> Rules {
    let mut rules = settings.clone();
    rules.thresholds.extend(plans.thresholds().iter().cloned());
    for event in profile.events() {
        if let Some(case) = &event.case {
            rules.events.insert(event.name.clone(), rule(case));
        }
    }
    rules
}

fn rule(case: &profile::Case) -> EventRule {
    match case {
        profile::Case::Raise { case, severity } => EventRule::Raise {
            condition: case.clone(),
            severity: of(*severity),
        },
        profile::Case::Clear { case } => EventRule::Clear {
            condition: case.clone(),
        },
        profile::Case::Start {
            case,
            severity,
            after,
        } => EventRule::Start {
            condition: case.clone(),
            severity: of(*severity),
            after: after.clone(),
            default_minutes: TIMER_MINUTES,
        },
        profile::Case::Stop { case } => EventRule::Stop {
            condition: case.clone(),
        },
    }
}

const fn of(severity: profile::Severity) -> Severity {
    match severity {
        profile::Severity::Low => Severity::Low,
        profile::Severity::Medium => Severity::Medium,
        profile::Severity::High => Severity::High,
        profile::Severity::Emergency => Severity::Emergency,
    }
}
