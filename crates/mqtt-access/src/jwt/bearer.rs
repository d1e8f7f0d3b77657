//! Who the holder of a token is.

use serde_json::Value;
use spica_model::Timestamp;

use super::JwtError;
use super::issuer::Issuer;

/// Longest name, serial number or client identifier, in bytes.
const NAME_BYTES: usize = 200;
/// Most roles, and most client identifiers.
const LIST: usize = 100;
/// How names begin that others have: a token's, and a device's. Their sessions are theirs.
const OTHERS: [&str; 2] = ["token:", "device:"];

/// Who the holder of a token is, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// What the access file calls the issuer.
    pub issuer: Box<str>,
    /// The user's name.
    pub name: Box<str>,
    /// The names of the roles that the token gives; not all of them need be known.
    pub roles: Vec<Box<str>>,
    /// The serial number, if it is a device: `%s` in rules.
    pub serial: Option<Box<str>>,
    /// The client identifiers that it may connect with, also as `begin*`; empty for any.
    pub client_ids: Vec<Box<str>>,
    /// When it ends, leeway included.
    pub until: Timestamp,
}

impl Bearer {
    pub(super) fn of(claims: &Value, issuer: &Issuer, until: Timestamp) -> Result<Self, JwtError> {
        let names = &issuer.claims;
        let name = match find(claims, &names.user) {
            Some(Value::String(name)) if is_name(name) && !is_others(name) => name.as_str().into(),
            _ => return Err(JwtError::Claim(names.user.clone())),
        };
        let list = |claim: &Option<Box<str>>| match claim {
            None => Ok(None),
            Some(claim) => words(find(claims, claim), claim),
        };
        let client_ids = match (&names.client_ids, list(&names.client_ids)?) {
            // Without it the token would open the sessions of others.
            (Some(claim), None) => return Err(JwtError::Claim(claim.clone())),
            (_, client_ids) => client_ids.unwrap_or_default(),
        };
        Ok(Self {
            issuer: issuer.name.clone(),
            name,
            roles: list(&names.roles)?.unwrap_or_default(),
            serial: match &names.serial {
                None => None,
                Some(claim) => text(find(claims, claim), claim)?,
            },
            client_ids,
            until,
        })
    }
}

/// A claim by its name, or by a JSON pointer, such as `/realm_access/roles`.
fn find<'a>(claims: &'a Value, name: &str) -> Option<&'a Value> {
    let found = if name.starts_with('/') {
        claims.pointer(name)
    } else {
        claims.get(name)
    };
    found.filter(|value| !value.is_null())
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES).contains(&text.len()) && !text.contains(char::is_control)
}

fn is_others(name: &str) -> bool {
    OTHERS.iter().any(|begin| name.starts_with(begin))
}

/// A text, if the claim is there.
fn text(value: Option<&Value>, claim: &str) -> Result<Option<Box<str>>, JwtError> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) if is_name(text) => Ok(Some(text.as_str().into())),
        Some(_) => Err(JwtError::Claim(claim.into())),
    }
}

/// A list of texts, or one text with spaces between them, if the claim is there. Never an empty one:
/// that would mean any where client identifiers are meant.
fn words(value: Option<&Value>, claim: &str) -> Result<Option<Vec<Box<str>>>, JwtError> {
    let wrong = || JwtError::Claim(claim.into());
    let words: Vec<Box<str>> = match value {
        None => return Ok(None),
        Some(Value::String(text)) => text.split_ascii_whitespace().map(Into::into).collect(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(Into::into).ok_or_else(wrong))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(wrong()),
    };
    if words.len() > LIST || !words.iter().all(|word| is_name(word)) {
        return Err(wrong());
    }
    Ok(Some(words).filter(|words| !words.is_empty()))
}
