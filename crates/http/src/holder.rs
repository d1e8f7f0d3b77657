//! Whose a token is, for other parts of the node that take tokens.

use spica_views::Views;

use crate::auth::stored;
use crate::token::{Role, Secret, StoredToken, is_id};

/// Whose a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The token's id.
    pub id: String,
    /// The token's name.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// For [`Role::Device`]: the serial of its device.
    pub serial: Option<String>,
}

impl Holder {
    fn of(id: String, token: StoredToken) -> Self {
        Self {
            id,
            name: token.name,
            role: token.role,
            serial: token.serial,
        }
    }
}

/// Whose `token` is; none if it is not known, or was revoked.
#[must_use]
pub fn holder(views: &Views, token: &str) -> Option<Holder> {
    let secret: Secret = token.parse().ok()?;
    let hash = secret.hash();
    let token = stored(views, &hash.id())?;
    hash.is(&token.sha256).then(|| Holder::of(hash.id(), token))
}

/// Whose the token with this id is; none if it was revoked.
#[must_use]
pub fn holder_by_id(views: &Views, id: &str) -> Option<Holder> {
    is_id(id).then_some(())?;
    Some(Holder::of(id.to_owned(), stored(views, id)?))
}
