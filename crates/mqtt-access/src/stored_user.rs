//! Users that are kept as records, beside those of the access file.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::{Access, User};
use crate::acl::Grant;
use crate::password::{Cost, PasswordError, PasswordHash, RANDOM_BYTES};
use crate::scram::{Credential, CredentialError, DEFAULT_ITERATIONS};

/// Where such users are, below the node.
pub const USERS: &str = "system/mqtt-users";
/// Most of them.
pub const STORED_USERS: usize = 10_000;
/// Longest name, in bytes.
const NAME_BYTES: usize = 64;
/// Most roles, and most client identifiers.
const LIST: usize = 20;
/// Longest client identifier, in bytes.
const CLIENT_ID_BYTES: usize = 256;
/// Shortest and longest password, in bytes.
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 8..=256;

/// The payload of a user's record, `<node>/system/mqtt-users/<name>`: JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredUser {
    /// The roles: built in, or of the access file. What is not known gives nothing.
    pub roles: Vec<String>,
    /// [`PasswordHash::reveal`].
    pub password: String,
    /// [`Credential::reveal`]: the same password for SCRAM-SHA-256.
    pub scram: String,
    /// The serial number of a device, if the user is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The client identifiers that the user may connect with, also as `begin*`; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client_ids: Vec<String>,
    /// When it was made (RFC 3339).
    pub created: String,
}

impl std::fmt::Debug for StoredUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredUser")
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// Why there can be no such user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoredUserError {
    /// The name.
    #[error("name: 1 to {NAME_BYTES} of A-Z a-z 0-9 . _ @ -")]
    Name,
    /// The password.
    #[error("password: {} to {} bytes", PASSWORD_BYTES.start(), PASSWORD_BYTES.end())]
    Password,
    /// The roles.
    #[error("roles: 1 to {LIST} names of roles; {0}")]
    Roles(String),
    /// The client identifiers.
    #[error(
        "client_ids: at most {LIST}, each 1 to {CLIENT_ID_BYTES} bytes, with a * at the end or nowhere"
    )]
    ClientIds,
    /// The serial.
    #[error("serial: 1 to 10 visible ASCII characters without + # and /")]
    Serial,
    /// It cannot be hashed.
    #[error(transparent)]
    Hash(#[from] PasswordError),
    /// It cannot be hashed for SCRAM.
    #[error(transparent)]
    Scram(#[from] CredentialError),
}

/// Whether a user may be called so.
///
/// # Errors
/// What is allowed.
pub fn check_user_name(name: &str) -> Result<(), StoredUserError> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
    let is_short = (1..=NAME_BYTES).contains(&name.len());
    if is_short && name.bytes().all(is_fine) {
        return Ok(());
    }
    Err(StoredUserError::Name)
}

/// Checks what is not hashed of a user.
///
/// # Errors
/// What is wrong, and what is allowed.
pub fn check_user(
    roles: &[String],
    serial: Option<&str>,
    client_ids: &[String],
    known: impl Fn(&str) -> bool,
) -> Result<(), StoredUserError> {
    if !(1..=LIST).contains(&roles.len()) {
        return Err(StoredUserError::Roles(
            "without one nothing is allowed".into(),
        ));
    }
    if let Some(role) = roles.iter().find(|role| !known(role)) {
        return Err(StoredUserError::Roles(format!("there is no role {role:?}")));
    }
    let is_serial = |serial: &str| {
        (1..=10).contains(&serial.len())
            && serial
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"+#/".contains(&b))
    };
    if serial.is_some_and(|serial| !is_serial(serial)) {
        return Err(StoredUserError::Serial);
    }
    let is_client = |id: &String| {
        let begin = id.strip_suffix('*').unwrap_or(id);
        (1..=CLIENT_ID_BYTES).contains(&id.len()) && !begin.contains('*')
    };
    if client_ids.len() > LIST || !client_ids.iter().all(is_client) {
        return Err(StoredUserError::ClientIds);
    }
    Ok(())
}

/// What is kept of a password: its hash, and what SCRAM-SHA-256 needs. Takes some tens of
/// milliseconds, so not on a thread that others wait for. The salts are random, and two.
///
/// # Errors
/// If the password is too short or too long.
pub fn hash_password(
    password: &str,
    salts: [&[u8; 16]; 2],
) -> Result<(String, String), StoredUserError> {
    if !PASSWORD_BYTES.contains(&password.len()) {
        return Err(StoredUserError::Password);
    }
    let hash = PasswordHash::new(password.as_bytes(), salts[0], Cost::default())?;
    let scram = Credential::new(password, salts[1], DEFAULT_ITERATIONS)?;
    Ok((hash.reveal(), scram.reveal()))
}

/// A password that was made here, and what is kept of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Generated {
    /// The password. Nobody can be told it again.
    pub text: String,
    /// [`PasswordHash::reveal`].
    pub password: String,
    /// [`Credential::reveal`].
    pub scram: String,
}

impl std::fmt::Debug for Generated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Generated(…)")
    }
}

/// Makes a password of random bytes. A check of it costs a microsecond: [`PasswordHash::of_random`].
///
/// # Errors
/// None that a password of this length could have.
pub fn generate_password(
    random: &[u8; RANDOM_BYTES],
    salts: [&[u8; 16]; 2],
) -> Result<Generated, StoredUserError> {
    let (text, hash) = PasswordHash::of_random(random, salts[0]);
    let scram = Credential::new(&text, salts[1], DEFAULT_ITERATIONS)?;
    Ok(Generated {
        text,
        password: hash.reveal(),
        scram: scram.reveal(),
    })
}

impl StoredUser {
    /// The user with what its roles allow by `access`.
    #[must_use]
    pub fn user(&self, name: &str, access: &Access) -> User {
        let roles = self.roles.iter().filter_map(|role| access.named(role));
        User {
            name: name.into(),
            grant: Grant::new(roles.map(Arc::clone)),
            password: self.password.parse().ok(),
            scram: self.scram.parse().ok(),
            serial: self.serial.as_deref().map(Into::into),
            client_ids: self
                .client_ids
                .iter()
                .map(|id| id.as_str().into())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Who};
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn a_stored_user_is_as_good_as_one_of_the_file() {
        let (password, scram) = hash_password("long enough", [&[1; 16], &[2; 16]]).unwrap();
        let stored = StoredUser {
            roles: vec!["device".into(), "gone".into()],
            password,
            scram,
            serial: Some("77".into()),
            client_ids: vec!["pump-*".into()],
            created: String::new(),
        };
        assert!(!format!("{stored:?}").contains("argon2id"));
        let user = stored.user("pump", &Access::default());
        assert!(user.password.as_ref().unwrap().is(b"long enough"));
        assert!(user.scram.is_some());
        assert!(user.may_be("pump-1") && !user.may_be("other"));
        let who = Who {
            client: "pump-1",
            user: Some("pump"),
            serial: user.serial.as_deref(),
            source: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let check = |topic| user.grant.check(&who, Action::Publish, topic).is_ok();
        assert!(check("devices/77/data/x") && !check("devices/78/data/x"));
    }

    #[test]
    fn a_generated_password_is_kept_as_others_are() {
        let generated = generate_password(&[9; RANDOM_BYTES], [&[1; 16], &[2; 16]]).unwrap();
        assert!(PASSWORD_BYTES.contains(&generated.text.len()));
        assert!(!format!("{generated:?}").contains(&generated.text));
        let hash: PasswordHash = generated.password.parse().unwrap();
        assert!(hash.is(generated.text.as_bytes()) && hash.cost().is_none());
        assert!(generated.scram.parse::<Credential>().is_ok());
    }

    #[test]
    fn what_cannot_be_a_user_is_refused_with_what_is_allowed() {
        for (name, may) in [
            ("a", true),
            ("pump.7_x@y-z", true),
            ("", false),
            ("a/b", false),
            ("a+", false),
            ("ä", false),
            (&"x".repeat(64), true),
            (&"x".repeat(65), false),
        ] {
            assert_eq!(check_user_name(name).is_ok(), may, "{name}");
        }
        let salts = [&[1; 16], &[2; 16]];
        for bad in ["short", &"x".repeat(257)] {
            assert_eq!(hash_password(bad, salts), Err(StoredUserError::Password));
        }
        let check = |roles: &[&str], serial, ids: &[&str]| {
            let own = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
            check_user(&own(roles), serial, &own(ids), |role| role == "reader")
        };
        assert_eq!(check(&["reader"], Some("77"), &["a", "b*"]), Ok(()));
        assert!(matches!(
            check(&[], None, &[]),
            Err(StoredUserError::Roles(_))
        ));
        assert!(matches!(
            check(&["x"], None, &[]),
            Err(StoredUserError::Roles(_))
        ));
        assert_eq!(
            check(&["reader"], Some("7/7"), &[]),
            Err(StoredUserError::Serial)
        );
        for bad in [["*a"].as_slice(), &[""], &["a"; 21]] {
            assert_eq!(
                check(&["reader"], None, bad),
                Err(StoredUserError::ClientIds)
            );
        }
    }
}
