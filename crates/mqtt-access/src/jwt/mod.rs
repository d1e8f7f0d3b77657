//! JSON Web Tokens (RFC 7519) as passwords: signed by somebody whom the access file names.
//!
//! A token is taken if all of this holds, and for no longer than it says of itself:
//!
//! - its issuer (`iss`) is one of the file's, and its audience (`aud`) one of that issuer's;
//! - its algorithm is one that the file names for that issuer. What the token says of its algorithm
//!   is compared, never followed: a key is only ever used with an algorithm of its own kind, so a
//!   public key is never taken for a secret, and `none` is no algorithm;
//! - one of the issuer's keys has signed it: the one that it names (`kid`), if that has a name;
//! - it has an end (`exp`) which has not come, and its beginning (`nbf`), if it has one, has.
//!
//! What is absent: encrypted tokens, keys that are fetched over the network, keys that the token
//! brings itself (`jwk`, `jku`, `x5c` are not looked at).

use serde_json::Value;
use spica_model::Timestamp;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, dangerous, decode};
use serde::Deserialize;

mod bearer;
mod issuer;
mod keys;

pub use bearer::Bearer;
pub(crate) use issuer::{Claims, Issuer};
pub(crate) use keys::{Key, read_keys, read_secret};

/// Longest token, in bytes.
pub const TOKEN_BYTES: usize = 16 << 10;

/// Why a token is not taken. None of them says anything of its content that is not in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// It cannot be read.
    #[error("it is no JWT that can be read, or longer than {TOKEN_BYTES} bytes")]
    Form,
    /// It has extensions that must be understood.
    #[error("its header names extensions that must be understood (`crit`); there are none here")]
    Critical,
    /// Nobody has that issuer.
    #[error("its issuer (`iss`) is none of the access file's")]
    Issuer,
    /// It is signed in another way.
    #[error("its algorithm (`alg`) is none of those that the access file allows its issuer")]
    Algorithm,
    /// It does not say which key, and there are several.
    #[error("it does not say which key has signed it (`kid`), and its issuer has several")]
    NoKey,
    /// There is no such key.
    #[error("none of its issuer's keys has the name (`kid`) and the kind that it says")]
    Key,
    /// Somebody else has signed it, or it was changed.
    #[error("its signature is wrong")]
    Signature,
    /// It was not made for this place.
    #[error("its audience (`aud`) is missing, or none of those that the access file names")]
    Audience,
    /// It has no end.
    #[error("it has no time (`exp`) at which it ends, or one that is no number")]
    NoEnd,
    /// It has ended.
    #[error("it has expired")]
    Expired,
    /// It has not begun.
    #[error("its time (`nbf`) has not come, or is no number")]
    NotYet,
    /// A claim that the access file asks for is not there, or cannot be used.
    #[error("its claim {0:?} is missing, or no text that can be used")]
    Claim(Box<str>),
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// The token in a password that is one: three parts of base64url with dots between them, the first of
/// which is the JSON of a header. The last may be empty, so that a token without a signature is
/// refused as such.
#[must_use]
pub fn token(password: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(password).ok()?;
    let mut parts = text.split('.');
    let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let is_url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let all = [header, claims, signature];
    let is_form = parts.next().is_none()
        && !claims.is_empty()
        && all.iter().all(|part| part.bytes().all(is_url));
    if !is_form || header.len() > TOKEN_BYTES {
        return None;
    }
    let header = URL_SAFE_NO_PAD.decode(header).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    header.get("alg")?.is_string().then_some(text)
}

/// Who a token says its holder is, if it is to be believed at the time `now`.
///
/// # Errors
/// Why it is not.
pub(crate) fn verify(issuers: &[Issuer], token: &str, now: Timestamp) -> Result<Bearer, JwtError> {
    if token.len() > TOKEN_BYTES {
        return Err(JwtError::Form);
    }
    let header = header(token)?;
    let issuer = issuer(issuers, token)?;
    // What it asks for is only ever compared with what is allowed.
    let algorithm: Algorithm = header.alg.parse().map_err(|_| JwtError::Algorithm)?;
    if !issuer.algorithms.contains(&algorithm) {
        return Err(JwtError::Algorithm);
    }
    let claims = signed(issuer, token, algorithm, header.kid.as_deref())?;
    let until = in_time(&claims, issuer, now)?;
    Bearer::of(&claims, issuer, until)
}

fn header(token: &str) -> Result<Header, JwtError> {
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| JwtError::Form)?;
    let header: Header = serde_json::from_slice(&header).map_err(|_| JwtError::Form)?;
    match header.crit {
        None => Ok(header),
        Some(_) => Err(JwtError::Critical),
    }
}

/// The issuer that a token says it has. It is not believed yet: only that issuer's keys are tried.
fn issuer<'a>(issuers: &'a [Issuer], token: &str) -> Result<&'a Issuer, JwtError> {
    #[derive(Deserialize)]
    struct Claimed {
        iss: Option<Value>,
    }
    let claimed: Claimed = dangerous::insecure_decode_claims(token).map_err(|_| JwtError::Form)?;
    let claimed = claimed.iss.as_ref().and_then(Value::as_str);
    let found = issuers.iter().find(|it| claimed == Some(&it.issuer));
    found.ok_or(JwtError::Issuer)
}

/// What a token says, if its issuer has signed it for this place.
fn signed(
    issuer: &Issuer,
    token: &str,
    algorithm: Algorithm,
    kid: Option<&str>,
) -> Result<Value, JwtError> {
    let mut validation = Validation::new(algorithm);
    // Times are compared below: the library would look at a clock of its own.
    validation.validate_exp = false;
    validation.set_required_spec_claims(&["iss", "aud"]);
    validation.set_issuer(&[&issuer.issuer]);
    validation.set_audience(&issuer.audience);
    let mut wrong = JwtError::Key;
    for key in issuer.keys_for(algorithm, kid)? {
        let decoded = decode::<Value>(token, &key.key, &validation);
        wrong = match decoded.map_err(jsonwebtoken::errors::Error::into_kind) {
            Ok(decoded) => return Ok(decoded.claims),
            Err(ErrorKind::InvalidAudience) => return Err(JwtError::Audience),
            Err(ErrorKind::MissingRequiredClaim(name)) if name == "aud" => {
                return Err(JwtError::Audience);
            }
            Err(ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidIssuer) => {
                return Err(JwtError::Issuer);
            }
            Err(ErrorKind::Json(_) | ErrorKind::Utf8(_)) => JwtError::Form,
            Err(_) => JwtError::Signature,
        };
    }
    Err(wrong)
}

/// Until when it holds, leeway included.
fn in_time(claims: &Value, issuer: &Issuer, now: Timestamp) -> Result<Timestamp, JwtError> {
    let until = claims.get("exp").and_then(time).ok_or(JwtError::NoEnd)?;
    let until = until.saturating_add(issuer.leeway);
    if until <= now {
        return Err(JwtError::Expired);
    }
    match claims.get("nbf") {
        None | Some(Value::Null) => {}
        Some(from) => {
            let from = time(from).ok_or(JwtError::NotYet)?;
            if from > now.saturating_add(issuer.leeway) {
                return Err(JwtError::NotYet);
            }
        }
    }
    Ok(until)
}

/// A time in seconds since 1970, which may have a fraction. What is after the last time that there is
/// counts as that one.
fn time(value: &Value) -> Option<Timestamp> {
    let secs = match value.as_u64() {
        Some(secs) => secs,
        // A fraction is cut off: a second is nothing beside the leeway.
        None => value.as_f64().filter(|secs| *secs >= 0.0)? as u64,
    };
    Some(Timestamp::from_secs(
        u32::try_from(secs).unwrap_or(u32::MAX),
    ))
}

#[cfg(test)]
mod tests;
