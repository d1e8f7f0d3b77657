//! The duty that fetches the pictures from the partner which this node lacks.

use std::path::Path;
use std::sync::Arc;

use spica_journal_file::FileJournal;
use spica_link_pair::{Fetch, PairHandle};
use spica_model::Topic;
use spica_objects::PictureStore;

use crate::supervise::Supervisor;

/// Starts the duty, if this node is one of a pair.
pub(crate) fn start(
    supervisor: &mut Supervisor,
    pair: Option<&PairHandle>,
    journal: &Arc<FileJournal>,
    node: &Topic,
    pictures: &PictureStore,
    data_dir: &Path,
) {
    let Some(pair) = pair else { return };
    let fetch = Fetch {
        journal: Arc::clone(journal),
        node: node.clone(),
        pictures: pictures.clone(),
        share: pair.pictures(),
        data_dir: data_dir.to_owned(),
    };
    supervisor.run("picture fetch", move || {
        let fetch = fetch.clone();
        async move {
            let Err(error) = fetch.run().await;
            tracing::error!(%error, "cannot look for pictures that are missing here");
        }
    });
}
