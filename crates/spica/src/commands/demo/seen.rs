//! What a node shows of its alarms, read over HTTP.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;
use spica_fleet::Hub;
use spica_model::Timestamp;

use super::operators::Acknowledgement;
use crate::api::Api;

/// Items in one page.
const PAGE: &str = "1000";

/// A case; the fields that the demo looks at.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) source: String,
    pub(super) condition: String,
    pub(super) severity: String,
    pub(super) state: String,
    pub(super) quiet: bool,
    pub(super) received_at: String,
    pub(super) repeats: u32,
}

impl Case {
    pub(super) fn is_emergency(&self) -> bool {
        self.severity == "emergency"
    }
}

/// A message about a case; the fields that the demo looks at.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Notice {
    pub(super) reason: String,
    pub(super) state: String,
    pub(super) settled_at: Option<String>,
}

impl Notice {
    pub(super) fn is_delivered(&self) -> bool {
        self.state == "delivered"
    }
}

/// All that a node shows of its alarms.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) cases: Vec<Case>,
    /// By the id of the case.
    pub(super) notices: BTreeMap<String, Vec<Notice>>,
    pub(super) acknowledgements: BTreeSet<Acknowledgement>,
}

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Tree {
    records: Vec<Shown>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Shown {
    topic: String,
    #[serde(default)]
    value: Value,
}

impl Seen {
    /// Reads it all; of steps, those since `from`.
    ///
    /// # Errors
    /// If the node does not answer, or not as its interface promises.
    pub(super) async fn read(api: &Api, hub: &Hub, from: Timestamp) -> Result<Self> {
        let mut seen = Self {
            cases: cases(api).await?,
            notices: notices(api, hub.node()).await?,
            ..Self::default()
        };
        let steps = "alarms/cases/+/steps";
        hub.history(steps, from, |step| {
            let case = step.topic.rsplit('/').nth(1);
            let (what, at) = (step.value["what"].as_str(), step.value["at"].as_str());
            if let (Some(case), Some("acknowledged"), Some(at)) = (case, what, at) {
                let (case, at) = (case.to_owned(), at.to_owned());
                seen.acknowledgements.insert(Acknowledgement { case, at });
            }
        })
        .await?;
        Ok(seen)
    }
}

async fn cases(api: &Api) -> Result<Vec<Case>> {
    let (mut all, mut before) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("state", "all"), ("limit", PAGE)];
        query.extend(before.as_deref().map(|before| ("before", before)));
        let page: Cases = api.get(&["cases"], &query).await?;
        all.extend(page.cases);
        before = page.next;
        if before.is_none() {
            return Ok(all);
        }
    }
}

async fn notices(api: &Api, node: &str) -> Result<BTreeMap<String, Vec<Notice>>> {
    let prefix = format!("{node}/alarms/notices/");
    let mut path = vec!["tree"];
    path.extend(prefix.trim_end_matches('/').split('/'));
    let (mut all, mut after) = (BTreeMap::<String, Vec<Notice>>::new(), None::<String>);
    loop {
        let mut query = vec![("limit", PAGE)];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let page: Tree = api.get(&path, &query).await?;
        for Shown { topic, value } in page.records {
            // `<case>/<n>` is a notice; its attempts are below it.
            let rest = topic.strip_prefix(&prefix).unwrap_or_default();
            if let Some((case, number)) = rest.split_once('/')
                && !number.contains('/')
            {
                let notice = serde_json::from_value(value)?;
                all.entry(case.to_owned()).or_default().push(notice);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}
