//! When handlers are in trouble, and telling it once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use spica_handler::{
    DEAD_LETTERS_FULL, HANDLER_LAG, HANDLER_TROUBLE, Severity, State, Trouble, TroubleSink,
};
use spica_model::{Lane, Timestamp};

use crate::Settings;
use crate::post::Post;

/// For how long a crash, a hang or missed records are trouble.
const INCIDENT: Duration = Duration::from_secs(600);
/// How long a handler may fail before that is trouble.
const FAILING: Duration = Duration::from_secs(30);

/// Tells trouble when it changes.
pub(crate) struct Teller {
    sink: Arc<dyn TroubleSink>,
    /// What was told last, by source and condition.
    told: BTreeMap<(String, &'static str), (Severity, bool)>,
}

impl Teller {
    pub(crate) fn new(sink: Arc<dyn TroubleSink>) -> Self {
        let told = BTreeMap::new();
        Self { sink, told }
    }

    /// Tells everything again the next time: somebody else listens.
    pub(crate) fn forget(&mut self) {
        self.told.clear();
    }

    /// Tells how a condition stands, unless it was told.
    pub(crate) fn tell(&mut self, trouble: Trouble) {
        let key = (trouble.source.clone(), trouble.condition);
        let now = (trouble.severity, trouble.active);
        let before = self.told.get(&key);
        // The severity of what is gone does not matter.
        let same = before.is_some_and(|before| *before == now || (!before.1 && !now.1));
        if same {
            return;
        }
        self.told.insert(key, now);
        if trouble.active {
            tracing::warn!(
                source = trouble.source,
                condition = trouble.condition,
                "{}",
                trouble.text
            );
        }
        self.sink.tell(trouble);
    }
}

/// How bad trouble on a lane is.
const fn severity(lane: Lane) -> Severity {
    match lane {
        Lane::Critical => Severity::High,
        Lane::Normal => Severity::Medium,
    }
}

/// The conditions of a handler, from how its posts stand.
pub(crate) fn of_handler(
    posts: &[Arc<Post>],
    settings: &Settings,
    now: Instant,
    wall: Timestamp,
) -> Vec<Trouble> {
    let Some(first) = posts.first() else {
        return Vec::new();
    };
    let source = format!("system/handlers/{}", first.crew.name);
    let mut found: [(&'static str, Vec<(Severity, String)>); 3] = [
        (HANDLER_TROUBLE, Vec::new()),
        (DEAD_LETTERS_FULL, Vec::new()),
        (HANDLER_LAG, Vec::new()),
    ];
    for post in posts {
        let severity = severity(post.lane);
        found[0]
            .1
            .extend(failure(post, now).map(|text| (severity, text)));
        found[1]
            .1
            .extend(full(post).map(|text| (Severity::High, text)));
        found[2]
            .1
            .extend(lag(post, settings, wall).map(|text| (severity, text)));
    }
    let letters = first.crew.letters.len();
    if letters > 0 {
        let text = format!("{letters} records could not be handled; see its dead letters");
        found[0].1.push((Severity::Medium, text));
    }
    let trouble = |(condition, reasons): (&'static str, Vec<(Severity, String)>)| {
        let worst = reasons.iter().map(|(severity, _)| *severity).max();
        let texts: Vec<String> = reasons.into_iter().map(|(_, text)| text).collect();
        Trouble {
            source: source.clone(),
            condition,
            severity: worst.unwrap_or(Severity::Medium),
            active: !texts.is_empty(),
            text: if texts.is_empty() {
                format!("{}: all is well again", first.crew.name)
            } else {
                format!("{}: {}", first.crew.name, texts.join("; "))
            },
        }
    };
    found.map(trouble).into()
}

fn failure(post: &Post, now: Instant) -> Option<String> {
    let inner = post.inner.lock();
    let lane = post.lane;
    let since = |at: Instant| now.saturating_duration_since(at);
    if let Some(at) = inner.failing_since
        && since(at) >= FAILING
    {
        let error = inner.last_error.as_ref().map_or("", |error| &error.text);
        return Some(format!("fails on the {lane} lane: {error}"));
    }
    let (at, text) = inner.incident.as_ref()?;
    (since(*at) < INCIDENT).then(|| text.clone())
}

fn full(post: &Post) -> Option<String> {
    let blocked = post.inner.lock().state == State::Blocked;
    let letters = post.crew.letters.len();
    blocked.then(|| {
        format!(
            "stands still on the {} lane: there are {letters} dead letters, as many as may be; \
             replay or drop some",
            post.lane
        )
    })
}

fn lag(post: &Post, settings: &Settings, wall: Timestamp) -> Option<String> {
    let durable = post.base.journal.status(post.lane).durable;
    let inner = post.inner.lock();
    if inner.state == State::Standby {
        return None;
    }
    let records = durable.0.saturating_sub(inner.through.0);
    let seconds = inner.lag_seconds(records, wall);
    let limit = match post.lane {
        Lane::Critical => settings.critical_lag,
        Lane::Normal => settings.normal_lag,
    };
    let late = seconds > limit.as_duration().as_secs_f64();
    late.then(|| {
        format!(
            "is {records} records behind on the {} lane; the oldest is {seconds:.0} s old",
            post.lane
        )
    })
}
