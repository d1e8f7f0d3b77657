//! Who asks, and what they may do.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, header};
use spica_devices::Serial;
use spica_model::Cause;
use spica_views::Views;

use crate::problem::Problem;
use crate::state::App;
use crate::token::{Role, Secret, StoredToken};
use crate::token_store;

/// The address at the other end of the connection, in a request's extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The token's id; `open` in open mode.
    pub(crate) id: String,
    /// The token's name.
    pub(crate) name: String,
    /// What they may do.
    pub(crate) role: Role,
    /// Whose device, for [`Role::Device`].
    pub(crate) serial: Option<Serial>,
}

impl Identity {
    /// Who asks in open mode: anyone, for everything.
    fn open() -> Self {
        Self {
            id: "open".into(),
            name: "open".into(),
            role: Role::Admin,
            serial: None,
        }
    }

    /// The name and id, for audit records.
    pub(crate) fn by(&self) -> String {
        if self.id == "open" {
            self.id.clone()
        } else {
            format!("{}#{}", self.name, self.id)
        }
    }

    /// The cause of records they publish.
    pub(crate) fn cause(&self) -> Option<Cause> {
        Cause::new(format!("token:{}", self.id)).ok()
    }

    /// Whether they see tokens.
    pub(crate) const fn sees_all(&self) -> bool {
        matches!(self.role, Role::Admin)
    }

    /// This identity, if it has the role `needed` or one that includes it.
    ///
    /// # Errors
    /// 403 if not.
    pub(crate) fn require(self, needed: Role) -> Result<Self, Problem> {
        if self.role.includes(needed) {
            return Ok(self);
        }
        Err(Problem::forbidden(format!(
            "this needs a token with the role {needed}; {:?} has the role {}",
            self.name, self.role
        )))
    }
}

/// The least role that a handler asks for.
pub(crate) trait Needs: Send + Sync + 'static {
    const ROLE: Role;
}

/// Whoever has the role `N` or one that includes it. First among a handler's arguments, so that
/// nothing is done for anyone else.
pub(crate) struct Caller<N: Needs>(pub(crate) Identity, pub(crate) PhantomData<N>);

/// The address of whoever asks, if it is known.
pub(crate) struct Source(pub(crate) Option<IpAddr>);

impl FromRequestParts<App> for Source {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(head: &mut Head, _: &App) -> Result<Self, Self::Rejection> {
        Ok(Self(source(head)))
    }
}

/// The address of whoever asks, if it is known.
pub(crate) fn source(head: &Head) -> Option<IpAddr> {
    head.extensions.get::<Peer>().map(|peer| peer.0.ip())
}

/// Whoever may publish something: an operator, an admin, or a device.
pub(crate) struct Publisher(pub(crate) Identity);

macro_rules! needs {
    ($($name:ident = $role:ident),+) => {$(
        #[doc = concat!("At least the role ", stringify!($role), ".")]
        pub(crate) struct $name;

        impl Needs for $name {
            const ROLE: Role = Role::$role;
        }
    )+};
}

needs!(Reader = Reader, Operator = Operator, Admin = Admin);

impl<N: Needs> FromRequestParts<App> for Caller<N> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, app: &App) -> Result<Self, Problem> {
        authenticate(head, app)?
            .require(N::ROLE)
            .map(|identity| Self(identity, PhantomData))
    }
}

impl FromRequestParts<App> for Publisher {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, app: &App) -> Result<Self, Problem> {
        let identity = authenticate(head, app)?;
        if identity.role == Role::Device {
            return Ok(Self(identity));
        }
        identity.require(Role::Operator).map(Self)
    }
}

/// Who asks.
///
/// # Errors
/// 401 without a valid token; 403 if a node that is open is asked from elsewhere.
pub(crate) fn authenticate(head: &Head, app: &App) -> Result<Identity, Problem> {
    if app.parts.open {
        return from_here(&head.headers).map(|()| Identity::open());
    }
    let Some(value) = head.headers.get(header::AUTHORIZATION) else {
        return Err(Problem::unauthenticated(
            "send the header `Authorization: Bearer <token>`",
        ));
    };
    let token = value.to_str().ok().and_then(bearer);
    identify(app, token.unwrap_or_default(), source(head))
}

/// Whose `token` it is. One that is not known is counted against `source`.
///
/// # Errors
/// 401 if it is not known.
pub(crate) fn identify(
    app: &App,
    token: &str,
    source: Option<IpAddr>,
) -> Result<Identity, Problem> {
    let secret = token.parse().ok();
    secret.and_then(|secret| find(app, &secret)).ok_or_else(|| {
        app.bad_token(source);
        Problem::unauthenticated("this token is not known, or was revoked")
    })
}

/// The token of an `Authorization` header.
pub(crate) fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// In open mode a web page from elsewhere must not act through the browser of a person here: the
/// name in the address bar must be this machine's, and the page must be ours.
fn from_here(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    let host = text(header::HOST);
    let ours = host.is_none_or(is_loopback);
    let own_page = match (text(header::ORIGIN), host) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.strip_prefix("http://") == Some(host),
        (Some(_), None) => false,
    };
    if ours && own_page {
        return Ok(());
    }
    Err(Problem::forbidden(
        "an open node answers only its own page, under a loopback address",
    ))
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn find(app: &App, secret: &Secret) -> Option<Identity> {
    let hash = secret.hash();
    let id = hash.id();
    let token = stored(&app.parts.views, &id)?;
    if !hash.is(&token.sha256) {
        return None;
    }
    let serial = match token.serial {
        Some(serial) => Some(Serial::new(&serial).ok()?),
        None => None,
    };
    Some(Identity {
        id,
        name: token.name,
        role: token.role,
        serial,
    })
}

/// Whether the token of `identity` is still there with the same role.
pub(crate) fn is_still_valid(app: &App, identity: &Identity) -> bool {
    if app.parts.open {
        return true;
    }
    stored(&app.parts.views, &identity.id).is_some_and(|token| token.role == identity.role)
}

/// What is kept of the token `id`.
pub(crate) fn stored(views: &Views, id: &str) -> Option<StoredToken> {
    let record = views.get(&token_store::topic(views.node(), id).ok()?)?;
    serde_json::from_slice(&record.payload).ok()
}

#[cfg(test)]
mod tests;
