//! The keys that tokens are checked with: JWK sets (RFC 7517), PEM, secrets.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};

/// Most keys of a file.
const KEYS: usize = 100;

/// A key, and what it may be used for.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// What tokens call it (`kid`).
    pub(super) id: Option<Box<str>>,
    /// The only algorithm that it may be used with, if it says.
    only: Option<Algorithm>,
    pub(super) key: DecodingKey,
}

/// Why a file has no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeysError {
    #[error(
        "this is neither a JWK set (`{{\"keys\": [...]}}`) nor a public key in PEM \
         (`-----BEGIN PUBLIC KEY-----`)"
    )]
    Form,
    #[error("this is a private key: give the public one, and keep this one with the issuer alone")]
    Private,
    #[error("this is a certificate: give its public key, as `openssl x509 -pubkey` prints it")]
    Certificate,
    #[error("key {0} cannot be used: {1}")]
    Key(usize, &'static str),
    #[error("there is no key in it that signatures can be checked with")]
    Empty,
    #[error("there are {0} keys in it; at most {KEYS} are allowed")]
    Many(usize),
    #[error("the secret has {found} bytes; {algorithm:?} needs at least {least}")]
    Short {
        found: usize,
        least: usize,
        algorithm: Algorithm,
    },
}

impl Key {
    /// Whether it may be used with an algorithm: it is of its kind, and says nothing else.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        self.key.family() == algorithm.family() && self.only.is_none_or(|only| only == algorithm)
    }

    const fn unnamed(key: DecodingKey) -> Self {
        Self {
            id: None,
            only: None,
            key,
        }
    }
}

/// The public keys in a file: a JWK set, or one key in PEM. Keys of a set that are not for signatures,
/// or of a kind that is not known here, are left out.
///
/// # Errors
/// Why there are none.
pub(crate) fn read_keys(bytes: &[u8]) -> Result<Vec<Key>, KeysError> {
    let text = std::str::from_utf8(bytes).map_err(|_| KeysError::Form)?;
    if text.trim_start().starts_with('{') {
        return of_set(text);
    }
    if text.contains("PRIVATE KEY-----") {
        return Err(KeysError::Private);
    }
    if text.contains("-----BEGIN CERTIFICATE") {
        return Err(KeysError::Certificate);
    }
    let key = DecodingKey::from_ec_pem(bytes)
        .or_else(|_| DecodingKey::from_ed_pem(bytes))
        .or_else(|_| DecodingKey::from_rsa_pem(bytes));
    Ok(vec![Key::unnamed(key.map_err(|_| KeysError::Form)?)])
}

/// The secret in a file: its bytes, without the end of the last line.
///
/// # Errors
/// If it is shorter than the hash of one of the algorithms (RFC 7518, 3.2).
pub(crate) fn read_secret(bytes: &[u8], algorithms: &[Algorithm]) -> Result<Key, KeysError> {
    let secret = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
    for algorithm in algorithms {
        let least = match algorithm {
            Algorithm::HS256 => 32,
            Algorithm::HS384 => 48,
            Algorithm::HS512 => 64,
            _ => continue,
        };
        if secret.len() < least {
            return Err(KeysError::Short {
                found: secret.len(),
                least,
                algorithm: *algorithm,
            });
        }
    }
    Ok(Key::unnamed(DecodingKey::from_secret(secret)))
}

fn of_set(text: &str) -> Result<Vec<Key>, KeysError> {
    let set: JwkSet = serde_json::from_str(text).map_err(|_| KeysError::Form)?;
    if set.keys.len() > KEYS {
        return Err(KeysError::Many(set.keys.len()));
    }
    let mut keys = Vec::new();
    for (number, jwk) in (1..).zip(&set.keys) {
        if let Some(key) = of_jwk(jwk).map_err(|why| KeysError::Key(number, why))? {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return Err(KeysError::Empty);
    }
    Ok(keys)
}

/// A key of a set; none if it is not for signatures, or of a kind that is not known here.
fn of_jwk(jwk: &Jwk) -> Result<Option<Key>, &'static str> {
    let is_for_signatures = matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    let only = match &jwk.algorithm {
        AlgorithmParameters::OctetKey(_) => {
            return Err("it is a secret, and belongs into `secret_file`");
        }
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => Some(Algorithm::ES256),
            EllipticCurve::P384 => Some(Algorithm::ES384),
            _ => return Ok(None),
        },
        AlgorithmParameters::OctetKeyPair(_) => Some(Algorithm::EdDSA),
        AlgorithmParameters::RSA(_) => None,
        _ => return Ok(None),
    };
    if !is_for_signatures {
        return Ok(None);
    }
    let said = match jwk.common.key_algorithm {
        None => None,
        Some(algorithm) => match Algorithm::try_from(algorithm) {
            Ok(algorithm) => Some(algorithm),
            Err(_) => return Ok(None),
        },
    };
    let key = DecodingKey::from_jwk(jwk).map_err(|_| "its numbers are not base64url")?;
    if key.family() == AlgorithmFamily::Hmac
        || said.is_some_and(|said| said.family() != key.family() || only.unwrap_or(said) != said)
    {
        return Err("its `alg` does not go with its kind (`kty`, `crv`)");
    }
    Ok(Some(Key {
        id: jwk.common.key_id.as_deref().map(Into::into),
        only: said.or(only),
        key,
    }))
}
