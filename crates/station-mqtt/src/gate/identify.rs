//! Who somebody is, by what they show.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use spica_devices::Serial;
use spica_front::ClientCertificate;
use spica_mqtt::Refused;
use spica_mqtt_access::{
    CertificateName, Cost, Grant, PasswordHash, StoredUser, USERS, User, jwt_in,
};
use spica_mqtt_proto::Reason;

use super::verify::Verdict;
use super::{Gate, Holder};
use crate::access::{Proof, Shown, Who};

/// How the name of a token begins, where a user's name stands.
const TOKEN: &str = "token:";
/// The same of a device.
const DEVICE: &str = "device:";
/// How the text of a token begins.
const SECRET: &str = "spica_";

pub(super) const fn refused(reason: Reason, what: &'static str) -> Refused {
    Refused { reason, what }
}

const WRONG: Refused = refused(
    Reason::BadUserNameOrPassword,
    "the user name or the password is wrong",
);

impl Gate {
    /// Who it is, by a token, a password, a certificate, or the lack of all.
    pub(super) async fn identify(&self, shown: &Shown) -> Result<Who, Refused> {
        if self.deps.open {
            return self.anybody(shown);
        }
        if let Some(password) = &shown.password {
            if let Ok(text) = std::str::from_utf8(password)
                && text.starts_with(SECRET)
            {
                return self.by_token(shown, text);
            }
            if let Some(token) = jwt_in(password)
                && self.access().has_issuers()
            {
                return self.by_bearer(shown, token);
            }
            return self.by_password(shown, password).await;
        }
        if let Some(certificate) = &shown.certificate {
            return self.by_certificate(shown, certificate);
        }
        self.by_nothing(shown)
    }

    /// In open mode: whoever is on this machine.
    fn anybody(&self, shown: &Shown) -> Result<Who, Refused> {
        if !shown.remote.ip().to_canonical().is_loopback() {
            self.denied("connect", "not-local");
            let what = "an open node lets in clients of its own machine only";
            return Err(refused(Reason::NotAuthorized, what));
        }
        Ok(Who {
            user: shown.user.as_deref().map(Into::into),
            grant: self.access().role("operator").unwrap_or_default(),
            serial: None,
            remote: shown.remote,
            proof: Proof::Open,
        })
    }

    fn by_token(&self, shown: &Shown, token: &str) -> Result<Who, Refused> {
        let holder = self.deps.tokens.holder(token).ok_or_else(|| {
            self.denied("connect", "token");
            refused(
                Reason::BadUserNameOrPassword,
                "this token is not known, or was revoked",
            )
        })?;
        let grant = self.grant_of(&holder).ok_or_else(|| {
            self.denied("connect", "device");
            refused(
                Reason::NotAuthorized,
                "the token's device is not registered, or is disabled",
            )
        })?;
        let user = match &holder.serial {
            Some(serial) => format!("{DEVICE}{serial}"),
            None => format!("{TOKEN}{}", holder.name),
        };
        Ok(Who {
            user: Some(user.into()),
            grant,
            serial: holder.serial.map(Into::into),
            remote: shown.remote,
            proof: Proof::Token(holder.id.into()),
        })
    }

    /// Who has a token that somebody else has signed.
    fn by_bearer(&self, shown: &Shown, token: &str) -> Result<Who, Refused> {
        let access = self.access();
        let bearer = access.bearer(token, self.deps.clock.wall());
        let bearer = bearer.map_err(|error| {
            self.denied("connect", "jwt");
            tracing::info!(client = shown.client_id, %error, "a JSON Web Token is not taken");
            let what = "this JSON Web Token is not taken: the node's log says why";
            refused(Reason::BadUserNameOrPassword, what)
        })?;
        let user = access.user_of_bearer(&bearer);
        let user = user.filter(|user| !self.is_locked_out(user.serial.as_deref()));
        let user = user.ok_or_else(|| {
            self.denied("connect", "device");
            refused(Reason::NotAuthorized, "the token's device is disabled")
        })?;
        Ok(Who {
            proof: Proof::Bearer(Arc::new(bearer)),
            ..self.user_at(shown, &user)?
        })
    }

    /// Whether this is the serial of a device that is registered here and may not connect. One that is
    /// not registered is what its issuer says.
    pub(super) fn is_locked_out(&self, serial: Option<&str>) -> bool {
        let device = serial.and_then(|serial| Serial::new(serial).ok());
        let device = device.and_then(|serial| self.deps.views.device(&serial));
        device.is_some_and(|device| !device.registration.enabled)
    }

    /// What the holder of a token may do; nothing at all if it is a device that may not connect.
    pub(super) fn grant_of(&self, holder: &Holder) -> Option<Grant> {
        if holder
            .serial
            .as_deref()
            .is_some_and(|it| !self.is_device(it))
        {
            return None;
        }
        self.access().role(&holder.role)
    }

    /// Whether a device of this serial is registered, and enabled.
    pub(super) fn is_device(&self, serial: &str) -> bool {
        let device = Serial::new(serial).ok();
        let device = device.and_then(|serial| self.deps.views.device(&serial));
        device.is_some_and(|device| device.registration.enabled)
    }

    async fn by_password(&self, shown: &Shown, password: &[u8]) -> Result<Who, Refused> {
        let named = shown.user.as_deref().and_then(|name| self.user(name));
        let stored = named.as_ref().and_then(|user| user.password.clone());
        // Who is not known, or shows a wrong password, takes as long as whose check is dear: nobody
        // learns which names there are.
        let is_known = stored.is_some();
        let mut verdict = Verdict::Wrong;
        if let Some(stored) = &stored {
            verdict = self.verifier.check(self.now(), stored, password).await;
        }
        let is_dear = stored.is_some_and(|stored| stored.cost().is_some());
        if !is_dear
            && verdict == Verdict::Wrong
            && let Some(decoy) = self.decoy()
        {
            let checked = self.verifier.check(self.now(), &decoy, password).await;
            if checked == Verdict::Busy {
                verdict = Verdict::Busy;
            }
        }
        match (verdict, named) {
            (Verdict::Right, Some(user)) if is_known => self.user_at(shown, &user),
            (Verdict::Busy, _) => {
                self.denied("connect", "busy");
                let what = "too many passwords are being checked: try again later";
                Err(refused(Reason::ServerBusy, what))
            }
            _ => {
                self.denied("connect", "password");
                Err(WRONG)
            }
        }
    }

    /// A password that nobody has.
    fn decoy(&self) -> Option<PasswordHash> {
        let mut decoy = self.decoy.lock();
        if decoy.is_none() {
            // The cost is that of the passwords that are made here; it cannot be out of bounds.
            *decoy = PasswordHash::new(&self.secret, &self.secret[..16], Cost::default()).ok();
        }
        decoy.clone()
    }

    /// The user of a name: of the access file, or else of the records.
    pub(super) fn user(&self, name: &str) -> Option<User> {
        let access = self.access();
        if let Some(user) = access.user(name) {
            return Some(user.clone());
        }
        spica_mqtt_access::check_user_name(name).ok()?;
        let views = &self.deps.views;
        let topic = views.node().join(&format!("{USERS}/{name}")).ok()?;
        let record = views.get(&topic)?;
        let stored: StoredUser = serde_json::from_slice(&record.payload).ok()?;
        Some(stored.user(name, &access))
    }

    /// A user that has proven to be it.
    pub(super) fn user_at(&self, shown: &Shown, user: &User) -> Result<Who, Refused> {
        if !user.may_be(&shown.client_id) {
            self.denied("connect", "client-id");
            let what = "this user may not connect with this client identifier";
            return Err(refused(Reason::ClientIdentifierNotValid, what));
        }
        Ok(Who {
            user: Some(user.name.clone()),
            grant: user.grant.clone(),
            serial: user.serial.clone(),
            remote: shown.remote,
            proof: Proof::User,
        })
    }

    fn by_certificate(
        &self,
        shown: &Shown,
        certificate: &ClientCertificate,
    ) -> Result<Who, Refused> {
        let access = self.access();
        let hash: [u8; 32] = Sha256::digest(&certificate.der).into();
        let listed = access.user_of_certificate(&hash, certificate.common_name.as_deref());
        if let Some(user) = listed {
            return self.user_at(shown, user);
        }
        let certificate_name = self.held.read().settings.certificate_name;
        let name = match certificate_name {
            CertificateName::CommonName => certificate.common_name.as_ref(),
            CertificateName::Dns => certificate.dns.first(),
            CertificateName::Mail => certificate.mail.first(),
            CertificateName::Uri => certificate.uris.first(),
        };
        if let Some(user) = name.and_then(|name| self.user(name)) {
            return self.user_at(shown, &user);
        }
        match name {
            Some(serial) if self.is_device(serial) => Ok(Who {
                user: Some(format!("{DEVICE}{serial}").into()),
                grant: access.role("device").unwrap_or_default(),
                serial: Some(serial.as_str().into()),
                remote: shown.remote,
                proof: Proof::Device,
            }),
            _ => {
                self.denied("connect", "certificate");
                let what = "the certificate is that of no user and no registered device";
                Err(refused(Reason::NotAuthorized, what))
            }
        }
    }

    fn by_nothing(&self, shown: &Shown) -> Result<Who, Refused> {
        let Some(grant) = self.anonymous_grant() else {
            self.denied("connect", "nothing-shown");
            let what = "show a user name and a password, a token as the password, or a certificate";
            return Err(refused(Reason::NotAuthorized, what));
        };
        Ok(Who {
            // A name that nobody has proven counts for nothing.
            user: None,
            grant,
            serial: None,
            remote: shown.remote,
            proof: Proof::Anonymous,
        })
    }

    /// What who shows nothing may do, if they may come.
    pub(super) fn anonymous_grant(&self) -> Option<Grant> {
        let held = self.held.read();
        let of_file = held.access.anonymous().cloned();
        of_file.or_else(|| held.access.role(held.settings.anonymous.as_deref()?))
    }
}
