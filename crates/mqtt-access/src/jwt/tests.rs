//! Which tokens are taken, and which are not.

use std::sync::LazyLock;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};
use spica_model::Timestamp;

use super::*;
use crate::{Access, User};

const NOW: u32 = 1_800_000_000;
const SECRET: &[u8] = b"thirty-two bytes or more of chance";

/// Somebody who signs: a key, and what others see of it.
struct Signer {
    algorithm: Algorithm,
    private: EncodingKey,
    public: String,
    /// The bytes of the public key.
    raw: Vec<u8>,
}

impl Signer {
    fn new(algorithm: Algorithm) -> Self {
        let pair = match algorithm {
            Algorithm::ES256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            Algorithm::EdDSA => KeyPair::generate_for(&PKCS_ED25519),
            _ => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        };
        let pair = pair.unwrap();
        let pem = pair.serialize_pem();
        let private = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem.as_bytes()),
            _ => EncodingKey::from_rsa_pem(pem.as_bytes()),
        };
        Self {
            algorithm,
            private: private.unwrap(),
            public: pair.public_key_pem(),
            raw: pair.public_key_raw().to_vec(),
        }
    }

    fn sign(&self, claims: &Value, kid: Option<&str>) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = kid.map(str::to_owned);
        encode(&header, claims, &self.private).unwrap()
    }

    fn secret(secret: &[u8]) -> Self {
        Self {
            algorithm: Algorithm::HS256,
            private: EncodingKey::from_secret(secret),
            public: String::new(),
            raw: Vec::new(),
        }
    }

    fn jwk(&self, kid: Option<&str>) -> Jwk {
        let mut jwk = if self.algorithm == Algorithm::EdDSA {
            let x = URL_SAFE_NO_PAD.encode(&self.raw);
            let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
            serde_json::from_value(jwk).unwrap()
        } else {
            Jwk::from_encoding_key(&self.private, self.algorithm).unwrap()
        };
        jwk.common.key_id = kid.map(str::to_owned);
        jwk
    }
}

static EC: LazyLock<Signer> = LazyLock::new(|| Signer::new(Algorithm::ES256));
static OTHER_EC: LazyLock<Signer> = LazyLock::new(|| Signer::new(Algorithm::ES256));
static ED: LazyLock<Signer> = LazyLock::new(|| Signer::new(Algorithm::EdDSA));
static RSA: LazyLock<Signer> = LazyLock::new(|| Signer::new(Algorithm::RS256));
static HMAC: LazyLock<Signer> = LazyLock::new(|| Signer::secret(SECRET));

fn set(keys: Vec<Jwk>) -> String {
    serde_json::to_string(&JwkSet { keys }).unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example.org",
        "aud": ["other", "spica"],
        "sub": "pump7",
        "exp": NOW + 60,
        "roles": ["reader", "unknown"],
        "device": { "serial": "0012345" },
        "ids": "pump7 pump7-*",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn read(text: &str, files: &[(&str, &[u8])]) -> Result<Access, Vec<crate::Problem>> {
    Access::parse_with(text, &mut |name| {
        let found = files.iter().find(|(known, _)| *known == name);
        let found = found.map(|(_, bytes)| bytes.to_vec());
        found.ok_or_else(|| "no such file".to_owned())
    })
}

/// One issuer, with algorithms and the content of its one file.
fn access(algorithms: &str, file: &str) -> Access {
    let place = if algorithms.contains("HS") {
        "secret_file = \"f\""
    } else {
        "keys = [\"f\"]"
    };
    let text = format!(
        r#"[jwt.plant]
issuer = "https://id.example.org"
audience = ["spica"]
algorithms = [{algorithms}]
{place}
roles = ["device"]
roles_claim = "roles"
serial_claim = "/device/serial"
client_ids_claim = "ids"
"#
    );
    read(&text, &[("f", file.as_bytes())]).unwrap()
}

fn at(access: &Access, token: &str, secs: u32) -> Result<User, JwtError> {
    assert!(jwt_in(token), "{token}");
    let bearer = access.bearer(token, Timestamp::from_secs(secs))?;
    Ok(access.user_of_bearer(&bearer).unwrap())
}

fn jwt_in(text: &str) -> bool {
    token(text.as_bytes()).is_some()
}

fn is_refused(access: &Access, token: &str, why: &JwtError) {
    assert_eq!(at(access, token, NOW).as_ref(), Err(why), "{token}");
}

#[test]
fn a_token_says_who_its_holder_is_and_what_they_may_do() {
    for (algorithms, signer, file) in [
        ("\"ES256\"", &EC, EC.public.clone()),
        ("\"EdDSA\"", &ED, ED.public.clone()),
        ("\"RS256\"", &RSA, RSA.public.clone()),
        (
            "\"HS256\"",
            &HMAC,
            String::from_utf8(SECRET.to_vec()).unwrap(),
        ),
        ("\"ES256\"", &EC, set(vec![EC.jwk(None)])),
        (
            "\"EdDSA\", \"RS256\"",
            &RSA,
            set(vec![RSA.jwk(None), ED.jwk(None)]),
        ),
    ] {
        let access = access(algorithms, &file);
        let user = at(&access, &signer.sign(&claims(), None), NOW).unwrap();
        assert_eq!(
            (&*user.name, user.serial.as_deref()),
            ("pump7", Some("0012345"))
        );
        let roles = user.grant.roles().iter().map(|role| &*role.name);
        assert_eq!(
            roles.collect::<Vec<_>>(),
            ["device", "reader"],
            "{algorithms}"
        );
        assert!(user.may_be("pump7-2") && !user.may_be("pump8"));
        assert!(user.password.is_none() && user.scram.is_none());
    }
}

#[test]
fn a_token_holds_from_its_beginning_to_its_end_give_or_take_the_leeway() {
    let access = access("\"HS256\"", std::str::from_utf8(SECRET).unwrap());
    let token = HMAC.sign(&with("nbf", json!(NOW)), None);
    for (secs, want) in [
        (NOW - 31, Err(JwtError::NotYet)),
        (NOW - 30, Ok(())),
        (NOW + 89, Ok(())),
        (NOW + 90, Err(JwtError::Expired)),
    ] {
        assert_eq!(at(&access, &token, secs).map(drop), want, "{secs}");
    }
    let bearer = access.bearer(&token, Timestamp::from_secs(NOW)).unwrap();
    assert_eq!(bearer.until, Timestamp::from_secs(NOW + 90));
    for (exp, want) in [
        (json!(f64::from(NOW) + 0.5), Ok(())),
        (json!(u64::MAX), Ok(())),
        (json!(0), Err(JwtError::Expired)),
        (json!(-1), Err(JwtError::NoEnd)),
        (json!("1900000000"), Err(JwtError::NoEnd)),
        (Value::Null, Err(JwtError::NoEnd)),
    ] {
        let token = HMAC.sign(&with("exp", exp.clone()), None);
        assert_eq!(at(&access, &token, NOW).map(drop), want, "{exp}");
    }
    is_refused(&access, &HMAC.sign(&without("exp"), None), &JwtError::NoEnd);
    let token = HMAC.sign(&with("nbf", json!("soon")), None);
    is_refused(&access, &token, &JwtError::NotYet);
}

#[test]
fn a_token_for_somebody_else_or_of_somebody_else_is_refused() {
    let access = access("\"HS256\"", std::str::from_utf8(SECRET).unwrap());
    for (claims, why) in [
        (with("aud", json!("elsewhere")), JwtError::Audience),
        (with("aud", json!(["a", "b"])), JwtError::Audience),
        (with("aud", json!(7)), JwtError::Audience),
        (without("aud"), JwtError::Audience),
        (
            with("iss", json!("https://id.example.com")),
            JwtError::Issuer,
        ),
        (
            with("iss", json!(["https://id.example.org"])),
            JwtError::Issuer,
        ),
        (without("iss"), JwtError::Issuer),
    ] {
        is_refused(&access, &HMAC.sign(&claims, None), &why);
    }
    assert!(at(&access, &HMAC.sign(&with("aud", json!("spica")), None), NOW).is_ok());
}

#[test]
fn a_token_without_a_signature_is_no_token() {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let secret = std::str::from_utf8(SECRET).unwrap();
    for (access, own) in [
        (access("\"HS256\"", secret), "HS256"),
        (access("\"ES256\"", &EC.public), "ES256"),
    ] {
        for algorithm in ["none", "None", "NONE", "", "HS257"] {
            for signature in ["", "AAAA"] {
                let header = part(&json!({ "alg": algorithm, "typ": "JWT" }));
                let token = format!("{header}.{}.{signature}", part(&claims()));
                is_refused(&access, &token, &JwtError::Algorithm);
            }
        }
        let token = format!("{}.{}.", part(&json!({ "alg": own })), part(&claims()));
        is_refused(&access, &token, &JwtError::Signature);
    }
}

#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    // The oldest trick: what everybody knows of the issuer, used as the secret of HS256.
    for (public, algorithms) in [
        (&RSA.public, "\"RS256\""),
        (&EC.public, "\"ES256\""),
        (&ED.public, "\"EdDSA\""),
    ] {
        let access = access(algorithms, public);
        for secret in [public.as_str(), public.trim_end()] {
            let forger = Signer::secret(secret.as_bytes());
            is_refused(&access, &forger.sign(&claims(), None), &JwtError::Algorithm);
        }
    }
    // Another kind of key than the file allows, though there is one of that kind.
    let both = set(vec![EC.jwk(Some("e")), RSA.jwk(Some("r"))]);
    let access = access("\"ES256\"", &both);
    is_refused(
        &access,
        &RSA.sign(&claims(), Some("r")),
        &JwtError::Algorithm,
    );
    is_refused(&access, &EC.sign(&claims(), Some("r")), &JwtError::Key);
    // And a secret that the file allows beside public keys is a mistake of the file.
    let text = "[jwt.a]\nissuer = \"i\"\naudience = [\"a\"]\nroles = [\"reader\"]\n\
                algorithms = [\"RS256\", \"HS256\"]\nkeys = [\"f\"]\n";
    let problems = read(text, &[("f", RSA.public.as_bytes())]).unwrap_err();
    assert!(
        problems[0].to_string().starts_with("line 5, column 24: HS"),
        "{problems:?}"
    );
}

#[test]
fn of_several_keys_the_one_that_the_token_names_counts() {
    let access = access(
        "\"ES256\"",
        &set(vec![EC.jwk(Some("a")), OTHER_EC.jwk(Some("b"))]),
    );
    assert!(at(&access, &EC.sign(&claims(), Some("a")), NOW).is_ok());
    assert!(at(&access, &OTHER_EC.sign(&claims(), Some("b")), NOW).is_ok());
    is_refused(
        &access,
        &EC.sign(&claims(), Some("b")),
        &JwtError::Signature,
    );
    is_refused(&access, &EC.sign(&claims(), Some("c")), &JwtError::Key);
    is_refused(&access, &EC.sign(&claims(), None), &JwtError::NoKey);
}

#[test]
fn one_key_needs_no_name_and_keys_of_files_are_tried() {
    let one = access("\"ES256\"", &set(vec![EC.jwk(Some("a"))]));
    assert!(at(&one, &EC.sign(&claims(), None), NOW).is_ok());
    is_refused(&one, &OTHER_EC.sign(&claims(), None), &JwtError::Signature);
    let text = "[jwt.a]\nissuer = \"https://id.example.org\"\naudience = [\"spica\"]\n\
                roles = [\"reader\"]\nalgorithms = [\"ES256\"]\nkeys = [\"new\", \"old\"]\n";
    let files = [
        ("new", EC.public.as_bytes()),
        ("old", OTHER_EC.public.as_bytes()),
    ];
    let both = read(text, &files).unwrap();
    for signer in [&EC, &OTHER_EC] {
        assert!(at(&both, &signer.sign(&claims(), None), NOW).is_ok());
        assert!(at(&both, &signer.sign(&claims(), Some("any")), NOW).is_ok());
    }
}

#[test]
fn what_was_changed_is_refused() {
    let access = access("\"ES256\"", &EC.public);
    let right = EC.sign(&claims(), None);
    assert!(at(&access, &right, NOW).is_ok());
    let parts: Vec<&str> = right.split('.').collect();
    let richer = URL_SAFE_NO_PAD.encode(with("roles", json!("admin")).to_string());
    let token = format!("{}.{richer}.{}", parts[0], parts[2]);
    is_refused(&access, &token, &JwtError::Signature);
    let other = OTHER_EC.sign(&claims(), None);
    is_refused(&access, &other, &JwtError::Signature);
    let header = json!({ "alg": "ES256", "crit": ["b64"], "b64": false });
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let token = format!("{header}.{}.{}", parts[1], parts[2]);
    is_refused(&access, &token, &JwtError::Critical);
    let long = EC.sign(&with("x", json!("x".repeat(TOKEN_BYTES))), None);
    is_refused(&access, &long, &JwtError::Form);
}

#[test]
fn a_claim_that_cannot_be_used_is_refused() {
    let access = access("\"HS256\"", std::str::from_utf8(SECRET).unwrap());
    let claim = |name: &str| JwtError::Claim(name.into());
    for (claims, why) in [
        (without("sub"), claim("sub")),
        (with("sub", json!("")), claim("sub")),
        (with("sub", json!(7)), claim("sub")),
        (with("sub", json!("a\nb")), claim("sub")),
        (with("sub", json!("token:admin")), claim("sub")),
        (with("sub", json!("device:77")), claim("sub")),
        (with("roles", json!({ "a": 1 })), claim("roles")),
        (with("roles", json!([1])), claim("roles")),
        (
            with("device", json!({ "serial": 7 })),
            claim("/device/serial"),
        ),
        (without("ids"), claim("ids")),
        (with("ids", json!([])), claim("ids")),
        (with("ids", json!("")), claim("ids")),
        (with("ids", json!(vec!["a"; 101])), claim("ids")),
    ] {
        is_refused(&access, &HMAC.sign(&claims, None), &why);
    }
    let user = at(&access, &HMAC.sign(&without("roles"), None), NOW).unwrap();
    assert_eq!(user.grant.roles().len(), 1);
    let user = at(&access, &HMAC.sign(&without("device"), None), NOW).unwrap();
    assert_eq!(user.serial, None);
}

#[test]
fn a_bearer_is_nobody_once_its_issuer_is_gone() {
    let before = access("\"HS256\"", std::str::from_utf8(SECRET).unwrap());
    let token = HMAC.sign(&claims(), None);
    let bearer = before.bearer(&token, Timestamp::from_secs(NOW)).unwrap();
    assert_eq!(Access::default().user_of_bearer(&bearer), None);
    assert!(!Access::default().has_issuers() && before.has_issuers());
}

#[test]
fn a_password_is_a_token_by_its_looks() {
    let right = HMAC.sign(&claims(), None);
    assert!(jwt_in(&right));
    let no_algorithm = format!("{}.e30.", URL_SAFE_NO_PAD.encode("{}"));
    for password in [
        "",
        "a.b.c",
        "pencil",
        "..",
        &format!("{right}.x"),
        &no_algorithm,
        "é.é.é",
    ] {
        assert!(!jwt_in(password), "{password}");
    }
    assert!(token(&[0xff, b'.', b'.']).is_none());
}

#[test]
fn what_is_wrong_with_an_issuer_is_said_with_its_place() {
    let private = KeyPair::generate().unwrap().serialize_pem();
    let oct = json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] }).to_string();
    let enc = json!({ "keys": [{ "kty": "RSA", "use": "enc", "n": "AQ", "e": "AQAB" }] });
    let enc = enc.to_string();
    let files: [(&str, &[u8]); 6] = [
        ("ec", EC.public.as_bytes()),
        ("private", private.as_bytes()),
        ("oct", oct.as_bytes()),
        ("enc", enc.as_bytes()),
        ("text", b"hello"),
        ("short", b"too short\n"),
    ];
    let right = "[jwt.a]\nissuer = \"i\"\naudience = [\"s\"]\nalgorithms = [\"ES256\"]\n\
                 keys = [\"ec\"]\nroles = [\"reader\"]\n";
    assert!(read(right, &files).is_ok());
    for (from, to, want) in [
        ("\"ec\"", "\"gone\"", "line 5, column 9: gone: no such file"),
        (
            "\"ec\"",
            "\"private\"",
            "line 5, column 9: private: this is a private key",
        ),
        (
            "\"ec\"",
            "\"oct\"",
            "line 5, column 9: oct: key 1 cannot be used: it is a secret",
        ),
        (
            "\"ec\"",
            "\"enc\"",
            "line 5, column 9: enc: there is no key in it",
        ),
        (
            "\"ec\"",
            "\"text\"",
            "line 5, column 9: text: this is neither a JWK set",
        ),
        (
            "ES256",
            "RS256",
            "line 4, column 15: none of the keys is for this algorithm",
        ),
        ("ES256", "none", "line 4, column 15: allowed are HS256"),
        (
            "[\"ES256\"]",
            "[]",
            "line 4, column 14: name the algorithms",
        ),
        ("[\"s\"]", "[]", "line 3, column 12: without an audience"),
        (
            "\"reader\"",
            "\"king\"",
            "line 6, column 10: there is no role \"king\"",
        ),
        (
            "roles = [\"reader\"]",
            "",
            "line 1, column 1: its holders could do nothing",
        ),
        (
            "keys = [\"ec\"]",
            "",
            "line 2, column 10: this issuer has either",
        ),
    ] {
        let problems = read(&right.replace(from, to), &files).unwrap_err();
        assert!(problems[0].to_string().starts_with(want), "{problems:?}");
    }
    let hs = right
        .replace("ES256", "HS256")
        .replace("keys = [\"ec\"]", "secret_file = \"short\"");
    let problems = read(&hs, &files).unwrap_err();
    let want = "line 5, column 15: short: the secret has 9 bytes; HS256 needs at least 32";
    assert_eq!(problems[0].to_string(), want);
    let twice = format!("{right}{}", right.replace("jwt.a", "jwt.b"));
    let problems = read(&twice, &files).unwrap_err();
    assert!(
        problems[0].to_string().contains("another table already"),
        "{problems:?}"
    );
}
