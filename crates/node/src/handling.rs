//! The handlers of a node, and how their trouble becomes cases.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use spica_cases::{ALARMS, Case, Part};
use spica_desk::Reporter;
use spica_devices::Serial;
use spica_handler::{Factory, HandlerControl, Trouble, TroubleSink};
use spica_handlers::{Handlers, Metrics, NoMarks, Parts, Standing};
use spica_history::History;
use spica_media::Media;
use spica_objects::PictureStore;
use spica_rules::RulesControl;
use spica_views::Views;
use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval};

use crate::NodeError;
use crate::alarms::Shared;
use crate::automation::{self, Automation};
use crate::config::Config;
use crate::duties::while_serving;
use crate::supervise::Supervisor;

/// How often pictures are looked for whose time is over.
const SWEEP: Duration = Duration::from_secs(600);
/// Pictures that one sweep removes.
const SWEPT: usize = 10_000;

/// The handlers, and what they fill.
pub(crate) struct Handling {
    handlers: Arc<Handlers>,
    pub(crate) history: Arc<History>,
    pub(crate) media: Media,
    automation: Automation,
}

/// Trouble of handlers and disks is a case of the node's own.
pub(crate) struct ToDesk(pub(crate) Reporter);

impl TroubleSink for ToDesk {
    fn tell(&self, trouble: Trouble) {
        self.0.report(spica_cases::Trouble {
            source: trouble.source,
            condition: trouble.condition.to_owned(),
            severity: trouble.severity,
            active: trouble.active,
            text: trouble.text,
            detail: serde_json::Value::Null,
        });
    }
}

/// What handlers count: all of them, and some of their own.
pub(crate) struct Counts {
    handlers: Metrics,
    automation: automation::Counts,
}

/// Makes what handlers count known to `registry`.
pub(crate) fn metrics(registry: &mut Registry) -> Counts {
    let handlers = Metrics::default();
    handlers.register(registry);
    Counts {
        handlers,
        automation: automation::metrics(registry),
    }
}

impl Handling {
    /// Opens the indexes and starts the handlers that fill them.
    ///
    /// # Errors
    /// If an index cannot be used, or a thread not be started.
    pub(crate) fn start(
        config: &Config,
        shared: &Shared,
        pictures: &PictureStore,
        reporter: Reporter,
        metrics: Counts,
    ) -> Result<Self, NodeError> {
        let data_dir = config.node.data_dir.as_path();
        let history = History::open(
            &data_dir.join("history"),
            Arc::clone(&shared.journal),
            shared.views.node(),
            config.history.clone(),
            Arc::clone(&shared.clock),
        )
        .map_err(|error| NodeError::part("index of history", error))?;
        let media = Media::open(
            &data_dir.join("media.redb"),
            pictures.clone(),
            shared.views.node().clone(),
            &config.media,
        )
        .map_err(|error| NodeError::part("index of pictures", error))?;
        let mut factories: Vec<Arc<dyn Factory>> = vec![history.factory(), Arc::new(media.clone())];
        let automation = Automation::open(config, shared, reporter.clone(), metrics.automation)?;
        factories.extend(automation.factories(&*shared.journal)?);
        let parts = Parts {
            journal: Arc::clone(&shared.journal),
            standing: Arc::clone(&shared.views) as Arc<dyn Standing>,
            role: Arc::clone(&shared.role),
            clock: Arc::clone(&shared.clock),
            node: shared.views.node().clone(),
            troubles: Arc::new(ToDesk(reporter)),
            data_dir: data_dir.to_owned(),
            marks: Arc::new(NoMarks),
            metrics: metrics.handlers,
        };
        let handlers = Handlers::start(config.handlers.clone(), parts, factories)
            .map_err(|error| NodeError::part("handlers", error))?;
        Ok(Self {
            handlers,
            history,
            media,
            automation,
        })
    }

    /// The rules, for people who steer them.
    pub(crate) fn rules(&self) -> Option<Arc<dyn RulesControl>> {
        self.automation.rules()
    }

    /// The handlers, for people who steer them.
    pub(crate) fn control(&self) -> Arc<dyn HandlerControl> {
        Arc::clone(&self.handlers) as Arc<dyn HandlerControl>
    }

    /// Starts what is done beside: thumbnails, and the retention of pictures.
    pub(crate) fn duties(&self, supervisor: &mut Supervisor, shared: &Shared) {
        self.automation.duties(supervisor, shared);
        let media = self.media.clone();
        supervisor.run("thumbnails", move || {
            let media = media.clone();
            async move { media.develop().await }
        });
        let (media, views) = (self.media.clone(), Arc::clone(&shared.views));
        let (clock, role) = (Arc::clone(&shared.clock), Arc::clone(&shared.role));
        // The nodes of a pair may share a bucket: only one of them removes what is in it.
        supervisor.run("picture retention", move || {
            let (media, views, clock) = (media.clone(), Arc::clone(&views), Arc::clone(&clock));
            let role = Arc::clone(&role);
            while_serving(role, move || {
                let (media, views, clock) = (media.clone(), Arc::clone(&views), Arc::clone(&clock));
                async move {
                    let mut ticks = interval(SWEEP);
                    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                    loop {
                        ticks.tick().await;
                        sweep(media.clone(), Arc::clone(&views), clock.wall()).await;
                    }
                }
            })
        });
    }

    /// Says to those who wait for it that this node leaves, and no other takes over from it.
    pub(crate) async fn leave(&self) {
        self.automation.leave().await;
    }

    /// Ends the handlers, then what they fill. Blocks.
    pub(crate) fn stop(&self) {
        self.handlers.stop();
        self.history.close();
    }
}

/// Removes pictures whose time is over, but none of a device with an open case.
#[expect(
    clippy::disallowed_methods,
    reason = "one piece of work every ten minutes, which waits for disks"
)]
async fn sweep(media: Media, views: Arc<Views>, now: spica_model::Timestamp) {
    let runtime = Handle::current();
    let swept = tokio::task::spawn_blocking(move || {
        let open = sources_of_open_cases(&views);
        let held = |serial: Serial| open.contains(&format!("devices/{serial}"));
        media.sweep(now, SWEPT, &runtime, &held)
    });
    match swept.await {
        Ok(Ok(swept)) if swept.entries > 0 => {
            tracing::info!(
                pictures = swept.entries,
                held = swept.held,
                "removed old pictures"
            );
        }
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "cannot remove old pictures"),
        Err(error) => tracing::error!(%error, "the retention of pictures has panicked"),
    }
}

fn sources_of_open_cases(views: &Views) -> BTreeSet<String> {
    let node = views.node().as_str();
    let prefix = format!("{node}/{ALARMS}/cases");
    let mut open = BTreeSet::new();
    views.visit(&prefix, |record| {
        if let Some(Part::Case(id)) = Part::of(node, &record.topic)
            && let Ok(case) = Case::decode(id, &record.payload)
            && case.is_open()
        {
            open.insert(case.source);
        }
    });
    open
}
