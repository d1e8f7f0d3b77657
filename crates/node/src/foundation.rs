//! What a node stands on: journal, views, live sessions, pictures, its half of a pair. Nothing of it
//! listens to devices or people.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use spica_admission::Admission;
use spica_clock::{SharedClock, SystemClock};
use spica_journal::SharedJournal;
use spica_journal_file::{FileJournal, Options};
use spica_link_pair::PairHandle;
use spica_live_hub::Hub;
use spica_objects::PictureStore;
use spica_role::SharedRole;
use spica_station_identicom as identicom;
use spica_views::{DeviceService, Views};

use crate::config::Config;
use crate::process::ProcessCollector;
use crate::ready::ReadyFile;
use crate::{NodeError, pairing};

/// What is there before anything listens.
pub(crate) struct Foundation {
    pub(crate) pair: Option<PairHandle>,
    pub(crate) role: SharedRole,
    pub(crate) clock: SharedClock,
    pub(crate) registry: Registry,
    pub(crate) journal: Arc<FileJournal>,
    pub(crate) views: Arc<Views>,
    pub(crate) devices: Arc<DeviceService>,
    pub(crate) live: Arc<Hub>,
    pub(crate) pictures: PictureStore,
    pub(crate) admission: Arc<Mutex<Admission>>,
}

impl Foundation {
    pub(crate) fn lay(config: &Config, data_dir: &Path) -> Result<Self, NodeError> {
        let clock: SharedClock = Arc::new(SystemClock);
        std::fs::create_dir_all(data_dir)
            .and_then(|()| ReadyFile::clear(data_dir))
            .map_err(|source| NodeError::data_dir(data_dir, source))?;
        let mut registry = Registry::with_prefix("spica");
        registry.register_collector(Box::new(ProcessCollector));
        let options = Options {
            settings: config.journal.clone(),
            ..Options::default()
        };
        options.metrics.register(&mut registry);
        let (journal, report) = pairing::open_journal(config, &options, data_dir, &clock)?;
        for lane in &report.lanes {
            if lane.damaged.is_empty() && lane.notes.is_empty() {
                tracing::info!("journal, {lane}");
            } else {
                tracing::error!("journal, {lane}");
            }
        }
        let views = Views::start(
            Arc::clone(&journal) as SharedJournal,
            config.node.path.clone(),
            config.views.clone(),
            &data_dir.join("views.redb"),
            Arc::clone(&clock),
        )?;
        views.metrics().register(&mut registry);
        let live = Hub::start(
            Arc::clone(&journal) as SharedJournal,
            Arc::clone(&views),
            Arc::clone(&clock),
            config.live.clone(),
        )
        .map_err(|error| NodeError::part("live sessions", error))?;
        live.metrics().register(&mut registry);
        let pictures = open_pictures(config, data_dir)?;
        let (pair, role) = pairing::start(
            config, data_dir, &journal, &views, &pictures, &report, &clock,
        )?;
        let shared: SharedJournal = Arc::clone(&journal) as SharedJournal;
        let devices = DeviceService::new(shared, Arc::clone(&views), Arc::clone(&clock));
        Ok(Self {
            pair,
            role,
            pictures,
            admission: Arc::new(Mutex::new(Admission::new(
                config.identicom.admission.limits(),
            ))),
            devices: Arc::new(devices),
            live,
            clock,
            registry,
            journal,
            views,
        })
    }

    /// Makes the metrics of what listens known, and gives those of HTTP.
    pub(crate) fn register(&mut self, station: &identicom::Metrics) -> spica_http::Metrics {
        station.register(&mut self.registry);
        identicom::AdmissionCollector::register(Arc::clone(&self.admission), &mut self.registry);
        if let Some(pair) = &self.pair {
            pair.metrics().register(&mut self.registry);
            spica_http::PairCollector::register(Arc::clone(&self.role), &mut self.registry);
        }
        spica_http::Metrics::register(&mut self.registry)
    }
}

fn open_pictures(config: &Config, data_dir: &Path) -> Result<PictureStore, NodeError> {
    let location = match &config.objects.location {
        Some(location) => location.as_path().to_owned(),
        None => data_dir.join("pictures"),
    };
    let incoming = data_dir.join("incoming");
    PictureStore::open_with(
        &location.to_string_lossy(),
        &incoming,
        config.objects.limits(),
        &config.objects.s3,
    )
    .map_err(|error| NodeError::part("picture store", error))
}
