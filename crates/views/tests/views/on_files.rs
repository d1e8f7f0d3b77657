//! The views over a journal on files, as in a running node.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use spica_clock::SystemClock;
use spica_devices::Registration;
use spica_journal::{Journal, SharedJournal};
use spica_journal_file::{FileJournal, Options, Settings as JournalSettings};
use spica_model::{Lane, Topic};
use spica_views::{CommandRequest, DeviceService, Settings, Views};

use crate::node::{everything, metric, serial};

struct Running {
    journal: Arc<FileJournal>,
    views: Arc<Views>,
}

impl Running {
    fn start(dir: &Path) -> Self {
        let clock = Arc::new(SystemClock);
        let options = Options {
            settings: JournalSettings::small(),
            ..Options::default()
        };
        let (journal, _) = FileJournal::open(options, dir, clock.clone()).unwrap();
        let shared: SharedJournal = journal.clone();
        let node = Topic::new("root").unwrap();
        let checkpoint = dir.join("views.redb");
        let views = Views::start(shared, node, Settings::default(), &checkpoint, clock).unwrap();
        Self { journal, views }
    }

    fn service(&self) -> DeviceService {
        let (journal, clock) = (self.journal.clone(), Arc::new(SystemClock));
        DeviceService::new(journal, Arc::clone(&self.views), clock)
    }

    fn stop(self) {
        self.views.stop();
        self.journal.close();
    }
}

#[tokio::test]
async fn a_node_on_files_comes_back_with_its_devices_and_commands() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path());
    let service = running.service();
    for name in ["1", "2", "3"] {
        let put = service.put(serial(name), Registration::default(), "alice");
        put.await.unwrap();
    }
    let request = CommandRequest {
        code: 2,
        name: "take-picture".into(),
        arguments: vec![],
        expires_in: Duration::from_secs(3_600),
    };
    let command = service
        .queue_command(&serial("1"), request, "alice")
        .await
        .unwrap();
    service
        .command_sent(&serial("1"), command.id)
        .await
        .unwrap();
    service.remove(&serial("3"), "alice").await.unwrap();
    let sent = running.views.pending_commands(&serial("1"));
    let shown = everything(&running.views);
    // It holds the journal, and with it the lock of its directory.
    drop(service);
    running.stop();

    let replayed = |views: &Views| metric(views, r#"views_records_total{lane="normal"}"#);
    let running = Running::start(dir.path());
    assert_eq!(replayed(&running.views), 0, "all was in the checkpoint");
    assert_eq!(everything(&running.views), shown);
    assert_eq!(running.views.pending_commands(&serial("1")), sent);
    let last = running.journal.status(Lane::Normal).last;
    running.stop();

    std::fs::remove_file(dir.path().join("views.redb")).unwrap();
    let running = Running::start(dir.path());
    assert_eq!(
        replayed(&running.views),
        last.0,
        "all is replayed from the files"
    );
    assert_eq!(everything(&running.views), shown);
    assert_eq!(running.views.device_count(), 2);
    running.stop();
}
