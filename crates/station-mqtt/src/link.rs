//! What belongs to a connection and not to its session: who is there, and where its publishes go.

use std::sync::Arc;

use spica_model::{Lane, Topic};
use spica_mqtt_access::{Meters, scram};
use spica_mqtt_proto::{Publish, Reason};

use crate::access::{Admitted, TopicRule, Who};
use crate::session::{ConnectionId, State};
use crate::station::Station;

/// What belongs to the connection and not to its session.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: ConnectionId,
    pub(crate) who: Arc<Who>,
    /// What it is counted on.
    pub(crate) meters: Option<Box<Meters>>,
    /// Whether it proved who it is by an exchange, and may do so again; and that one.
    pub(crate) exchanges: bool,
    pub(crate) exchange: Option<Box<scram::Server>>,
    /// Packets that have come.
    pub(crate) packets: u64,
    /// Publishes among them.
    pub(crate) publishes: u64,
    /// Where the last publish went: the next one mostly goes there too.
    last: Option<Box<Last>>,
}

/// Where a publish went, and under which generation of the rules.
#[derive(Debug)]
struct Last {
    topic: Box<str>,
    route: Route,
    generation: u64,
}

/// What becomes of publishes to a topic.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) topic: Topic,
    pub(crate) is_state: bool,
    pub(crate) lane: Lane,
    pub(crate) keeps_qos0: bool,
    pub(crate) lets_choose: bool,
    pub(crate) payload_bytes: usize,
}

impl Link {
    pub(crate) fn new(id: ConnectionId, admitted: Admitted, exchanges: bool) -> Self {
        Self {
            id,
            who: admitted.who,
            meters: admitted.meters,
            exchanges,
            exchange: None,
            packets: 0,
            publishes: 0,
            last: None,
        }
    }

    /// Takes up what the client may do since it is somebody else, or its roles have changed.
    pub(crate) fn refresh(&mut self, state: &State) {
        if let Some(who) = &state.who
            && !Arc::ptr_eq(who, &self.who)
        {
            self.who = Arc::clone(who);
            self.last = None;
        }
    }

    /// What becomes of a publish to `topic`.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn route(
        &mut self,
        station: &Station,
        client_id: &str,
        topic: &str,
    ) -> Result<Route, Reason> {
        // Before the rules are asked: what changes meanwhile is asked again the next time.
        let generation = station.access.generation();
        if let Some(last) = &self.last
            && last.generation == generation
            && *last.topic == *topic
        {
            return Ok(last.route.clone());
        }
        let rule = station.access.may_publish(&self.who, client_id, topic)?;
        let route = Route::of(station, topic, rule)?;
        self.last = Some(Box::new(Last {
            topic: topic.into(),
            route: route.clone(),
            generation,
        }));
        Ok(route)
    }
}

impl Route {
    /// Of a topic that may be published to.
    ///
    /// # Errors
    /// If it is none that a record can have.
    pub(crate) fn of(station: &Station, topic: &str, rule: TopicRule) -> Result<Self, Reason> {
        let inward = station.mount.inward(topic);
        Ok(Self {
            topic: inward.map_err(|_| Reason::TopicNameInvalid)?,
            is_state: rule.kind == Some(spica_model::Kind::State),
            lane: rule.lane,
            keeps_qos0: rule.keeps_qos0,
            lets_choose: rule.lets_choose,
            payload_bytes: rule.payload_bytes,
        })
    }
}

impl Route {
    /// The lane of a publish: what the rule says, unless the publisher may choose, and does.
    pub(crate) fn lane_of(&self, publish: &Publish<'_>) -> Lane {
        if self.lets_choose && says_critical(publish) {
            Lane::Critical
        } else {
            self.lane
        }
    }
}

/// Whether the publisher itself says that it is critical.
fn says_critical(publish: &Publish<'_>) -> bool {
    publish.properties.user.get("spica-class") == Some("critical")
}
