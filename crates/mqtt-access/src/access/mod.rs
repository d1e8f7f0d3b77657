//! The access file, read and checked: users, roles, and who may do what.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use spica_model::Timestamp;

use crate::acl::Grant;
use crate::jwt::{Bearer, Issuer, JwtError, verify};
use crate::password::PasswordHash;
use crate::problem::Problem;
use crate::role::Role;
use crate::scram::Credential;

mod file;
mod issuers;
mod report;
mod user;

pub use user::User;

/// Longest access file, in bytes.
pub const FILE_BYTES: usize = 16 << 20;

/// Gives the bytes of a file that the access file names: a relative path counts from the access file.
/// An error is what is wrong with it.
pub type ReadFile<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<u8>, String>;

/// The access file as it is used: every name in it leads somewhere.
///
/// ```toml
/// anonymous = ["guest"]            # roles of who shows nothing; without it they are not let in
///
/// [roles.guest]
/// rules = [{ allow = ["subscribe"], filters = ["public/#"] }]
///
/// [roles.sensor]
/// decide = "in-order"              # or "deny-wins", which is the default
/// rules = [
///     { deny = ["publish", "subscribe"], filters = ["plant/+/secret/#"] },
///     { allow = ["publish"], filters = ["plant/%u/#"] },
/// ]
///
/// [users.pump7]
/// password = "$argon2id$v=19$m=19456,t=2,p=1$…"
/// scram = "SCRAM-SHA-256$16384:…"
/// certificates = ["cn:pump7.example.org", "sha256:…"]
/// roles = ["sensor", "reader"]
/// client_ids = ["pump7", "pump7-*"]
/// serial = "0012345"               # what %s stands for
///
/// [jwt.plant]                      # whose JSON Web Tokens are passwords
/// issuer = "https://id.example.org"
/// audience = ["spica"]
/// algorithms = ["ES256"]
/// keys = ["plant.jwks.json"]
/// roles = ["reader"]
/// ```
#[derive(Debug, Clone)]
pub struct Access {
    roles: BTreeMap<Arc<str>, Arc<Role>>,
    users: HashMap<Box<str>, User>,
    /// Names of users by what stands in `certificates`.
    certificates: HashMap<Box<str>, Box<str>>,
    anonymous: Option<Grant>,
    issuers: Vec<Issuer>,
}

impl Default for Access {
    /// What counts without a file: the built-in roles, no users, nobody without a name.
    fn default() -> Self {
        let roles = Role::built_in().into_iter();
        Self {
            roles: roles
                .map(|role| (Arc::clone(&role.name), Arc::new(role)))
                .collect(),
            users: HashMap::new(),
            certificates: HashMap::new(),
            anonymous: None,
            issuers: Vec::new(),
        }
    }
}

impl Access {
    /// Reads an access file.
    ///
    /// # Errors
    /// What is wrong with it: while it is not TOML or has keys or values that there are not, the first
    /// such place; otherwise everything, in the order of the file, at most 100 problems.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let nothing = |_: &str| Err("no other file can be read here".to_owned());
        Self::parse_with(text, &mut { nothing })
    }

    /// The same of a file that names others: those with keys.
    ///
    /// # Errors
    /// As [`Access::parse`]; also what is wrong with those, where they are named.
    pub fn parse_with(text: &str, files: ReadFile<'_>) -> Result<Self, Vec<Problem>> {
        file::parse(text, files)
    }

    /// The user of a name.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// The user of a client certificate that was verified: by its fingerprint (the SHA-256 of its
    /// bytes), or else by the common name of its subject.
    #[must_use]
    pub fn user_of_certificate(
        &self,
        sha256: &[u8; 32],
        common_name: Option<&str>,
    ) -> Option<&User> {
        let hex: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let by_hash = self.certificates.get(format!("sha256:{hex}").as_str());
        let by_name = || {
            let name = common_name?;
            self.certificates.get(format!("cn:{name}").as_str())
        };
        self.user(by_hash.or_else(by_name)?)
    }

    /// Whether there is anybody whose JSON Web Tokens are taken.
    #[must_use]
    pub fn has_issuers(&self) -> bool {
        !self.issuers.is_empty()
    }

    /// Who a [token](crate::jwt_in) says its holder is, if it is to be believed at the time `now`.
    ///
    /// # Errors
    /// Why it is not.
    pub fn bearer(&self, token: &str, now: Timestamp) -> Result<Bearer, JwtError> {
        verify(&self.issuers, token, now)
    }

    /// What the holder of a token may do. None if its issuer is not there any more.
    #[must_use]
    pub fn user_of_bearer(&self, bearer: &Bearer) -> Option<User> {
        let mut issuers = self.issuers.iter();
        let issuer = issuers.find(|issuer| issuer.name == bearer.issuer)?;
        let given = bearer.roles.iter().filter_map(|role| self.named(role));
        Some(User {
            name: bearer.name.clone(),
            grant: Grant::new(issuer.roles.iter().chain(given).map(Arc::clone)),
            password: None,
            scram: None,
            serial: bearer.serial.clone(),
            client_ids: bearer.client_ids.clone(),
        })
    }

    /// What who shows no name and no certificate may do. `None`: they are not let in.
    #[must_use]
    pub const fn anonymous(&self) -> Option<&Grant> {
        self.anonymous.as_ref()
    }

    /// What a role allows by itself; for the role of a token, say. `None` if there is none of that
    /// name.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<Grant> {
        Some(Grant::new([Arc::clone(self.roles.get(name)?)]))
    }

    /// The role of a name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Role>> {
        self.roles.get(name)
    }

    /// The names of all roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(|name| &**name)
    }

    /// How many users there are.
    #[must_use]
    pub fn users(&self) -> usize {
        self.users.len()
    }
}

#[cfg(test)]
mod tests;
