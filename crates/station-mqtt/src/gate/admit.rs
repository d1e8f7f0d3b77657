//! Letting in: bans before anything costly, quotas after who it is.

use std::sync::Arc;

use spica_mqtt::Refused;
use spica_mqtt_access::{Grant, QuotaRefusal, User, Who as Seen};
use spica_mqtt_proto::Reason;

use super::Gate;
use super::identify::refused;
use crate::access::{Admitted, Again, Proof, Shown, Who};

impl Gate {
    pub(super) async fn let_in(&self, shown: Shown) -> Result<Admitted, Refused> {
        self.check_bans(&shown)?;
        let who = self.identify(&shown).await?;
        self.admit(who, &shown)
    }

    /// Counts a connection that asks, and refuses who connects too often. An open node bans nobody.
    pub(super) fn check_bans(&self, shown: &Shown) -> Result<(), Refused> {
        if self.deps.open {
            return Ok(());
        }
        let claimed = Seen {
            client: &shown.client_id,
            user: shown.user.as_deref(),
            serial: None,
            source: shown.remote.ip(),
        };
        let counted = self.flapping.lock().connected(self.now(), &claimed);
        counted.map_err(|ban| {
            self.denied("connect", "banned");
            tracing::info!(subject = %ban.subject, ban.reason, left = ?ban.left, "banned from MQTT");
            refused(Reason::Banned, "it connects too often, and is banned for a while")
        })
    }

    /// Counts a client whose name is known, and lets it in.
    pub(super) fn admit(&self, who: Who, shown: &Shown) -> Result<Admitted, Refused> {
        let seen = who.seen(&shown.client_id);
        if let Err(error) = who.grant.check_who(&seen) {
            self.denied("connect", "placeholder");
            tracing::info!(client = shown.client_id, %error, "an MQTT client fits no rule");
            let what =
                "a rule of its roles has a placeholder that this client has no fit value for";
            return Err(refused(Reason::NotAuthorized, what));
        }
        let meters = self.quotas.lock().open(self.now(), &seen);
        let meters = meters.map_err(|refusal| {
            self.denied("connect", "quota");
            tracing::info!(client = shown.client_id, %refusal, "an MQTT client is over its quota");
            match refusal {
                QuotaRefusal::Connections(_) => {
                    refused(Reason::QuotaExceeded, "too many connections at once")
                }
                QuotaRefusal::Connects(..) => {
                    refused(Reason::ConnectionRateExceeded, "it connects too often")
                }
                QuotaRefusal::Spent(..) => {
                    refused(Reason::QuotaExceeded, "it has sent more than it may")
                }
            }
        })?;
        Ok(Admitted {
            who: Arc::new(who),
            meters: (!meters.is_free()).then(|| Box::new(meters)),
        })
    }

    /// What a client that was let in may do now.
    pub(super) fn look_again(&self, who: &Who, client_id: &str) -> Again {
        let of_user = |user: Option<User>| match user.filter(|user| user.may_be(client_id)) {
            Some(user) => (Some(user.grant), user.serial),
            None => (None, None),
        };
        let (grant, serial) = match &who.proof {
            Proof::Open => return Again::Same,
            Proof::Bearer(bearer) if bearer.until <= self.deps.clock.wall() => {
                return Again::Expired;
            }
            Proof::Bearer(bearer) => {
                let user = self.access().user_of_bearer(bearer);
                of_user(user.filter(|user| !self.is_locked_out(user.serial.as_deref())))
            }
            Proof::Anonymous => (self.anonymous_grant(), None),
            Proof::Token(id) => self.by_token_again(id),
            Proof::User => of_user(who.user.as_deref().and_then(|name| self.user(name))),
            Proof::Device => {
                let serial = who.serial.clone();
                let is_there = serial.as_deref().is_some_and(|it| self.is_device(it));
                let grant = self.access().role("device");
                (grant.filter(|_| is_there), serial)
            }
        };
        let Some(grant) = grant else {
            return Again::Gone;
        };
        if grant == who.grant && serial == who.serial {
            return Again::Same;
        }
        Again::Changed(Arc::new(Who {
            grant,
            serial,
            ..who.clone()
        }))
    }

    fn by_token_again(&self, id: &str) -> (Option<Grant>, Option<Box<str>>) {
        match self.deps.tokens.by_id(id) {
            Some(holder) => (self.grant_of(&holder), holder.serial.map(Into::into)),
            None => (None, None),
        }
    }
}
