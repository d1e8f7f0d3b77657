//! Somebody whose tokens are taken.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::Algorithm;

use super::JwtError;
use super::keys::Key;
use crate::role::Role;

/// Somebody whose tokens are taken.
#[derive(Debug, Clone)]
pub(crate) struct Issuer {
    /// What the access file calls it.
    pub(crate) name: Box<str>,
    /// What `iss` must be.
    pub(crate) issuer: Box<str>,
    /// One of them must be in `aud`.
    pub(crate) audience: Vec<String>,
    /// How it signs.
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) keys: Vec<Key>,
    /// By how much clocks may differ.
    pub(crate) leeway: Duration,
    /// The roles of all its holders.
    pub(crate) roles: Vec<Arc<Role>>,
    pub(crate) claims: Claims,
}

/// Which claims say what of the holder: the name of a claim, or a JSON pointer into them.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    pub(crate) user: Box<str>,
    pub(crate) roles: Option<Box<str>>,
    pub(crate) serial: Option<Box<str>>,
    pub(crate) client_ids: Option<Box<str>>,
}

impl Issuer {
    /// The keys that may have signed a token: those that fit its algorithm and have the name that it
    /// says. Keys without a name are tried one after the other; they are few.
    pub(super) fn keys_for<'a>(
        &'a self,
        algorithm: Algorithm,
        kid: Option<&'a str>,
    ) -> Result<impl Iterator<Item = &'a Key>, JwtError> {
        let fit = self.keys.iter().filter(move |key| key.fits(algorithm));
        let named = fit.clone().filter(|key| key.id.is_some()).count();
        if kid.is_none() && named > 0 && fit.clone().count() > 1 {
            return Err(JwtError::NoKey);
        }
        let is_meant = move |key: &&Key| match (&key.id, kid) {
            (Some(own), Some(kid)) => **own == *kid,
            _ => true,
        };
        Ok(fit.filter(is_meant))
    }
}
