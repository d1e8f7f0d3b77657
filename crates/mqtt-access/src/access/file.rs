//! From the text of an access file to what it says, or to everything that is wrong with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use serde::Deserialize;
use toml::Spanned;

use super::issuers::{self, IssuerTable};
use super::report::Report;
use super::{Access, FILE_BYTES, ReadFile, User};
use crate::acl::Grant;
use crate::problem::Problem;
use crate::role::{Action, Decide, Effect, Role, Rule};

/// Most users.
const USERS: usize = 100_000;
/// Most roles.
const ROLES: usize = 1_000;
/// Most rules of a role.
const RULES: usize = 200;
/// Most filters of a rule, client identifiers or certificates of a user, and roles of one.
pub(super) const LIST: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    anonymous: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    roles: BTreeMap<String, Spanned<RoleTable>>,
    #[serde(default)]
    users: BTreeMap<String, Spanned<UserTable>>,
    #[serde(default)]
    jwt: BTreeMap<String, Spanned<IssuerTable>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleTable {
    #[serde(default)]
    decide: Decide,
    rules: Vec<Spanned<RuleTable>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    allow: Option<Vec<Action>>,
    deny: Option<Vec<Action>>,
    filters: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserTable {
    password: Option<Spanned<String>>,
    scram: Option<Spanned<String>>,
    #[serde(default)]
    certificates: Vec<Spanned<String>>,
    roles: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    client_ids: Vec<Spanned<String>>,
    serial: Option<Spanned<String>>,
}

pub(super) fn parse(text: &str, files: ReadFile<'_>) -> Result<Access, Vec<Problem>> {
    if text.len() > FILE_BYTES {
        let reason = format!("an access file has at most {FILE_BYTES} bytes");
        return Err(vec![Problem::at(text, 0, reason)]);
    }
    let file: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        vec![Problem::at(text, at, error.message())]
    })?;
    let mut report = Report {
        text,
        problems: Vec::new(),
    };
    let mut access = read(&file, &mut report);
    access.issuers = issuers::read(&file.jwt, &access.roles, files, &mut report);
    let Report { mut problems, .. } = report;
    if problems.is_empty() {
        return Ok(access);
    }
    problems.sort();
    Err(problems)
}

fn read(file: &File, report: &mut Report<'_>) -> Access {
    let mut access = Access::default();
    report.limit(0..0, "roles", (file.roles.len(), ROLES));
    report.limit(0..0, "users", (file.users.len(), USERS));
    for (name, table) in &file.roles {
        let role = role(name, table, report);
        access.roles.insert(Arc::clone(&role.name), Arc::new(role));
    }
    let mut grants = Grants::default();
    if let Some(roles) = &file.anonymous {
        access.anonymous = grants.get(roles, &access.roles, report);
    }
    for (name, table) in &file.users {
        let grant = grants.get(&table.get_ref().roles, &access.roles, report);
        let user = user(name, table, grant.unwrap_or_default(), report);
        for certificate in &table.get_ref().certificates {
            certify(name, certificate, &mut access, report);
        }
        access.users.insert(name.as_str().into(), user);
    }
    access
}

fn role(name: &str, table: &Spanned<RoleTable>, report: &mut Report<'_>) -> Role {
    let at = table.span();
    report.name(at.clone(), "the name of a role", name);
    if Role::BUILT_IN.contains(&name) {
        let reason = format_args!("the role {name} is built in: choose another name");
        report.add(at.clone(), reason);
    }
    let table = table.get_ref();
    report.limit(at, "rules", (table.rules.len(), RULES));
    Role {
        name: name.into(),
        decide: table.decide,
        rules: table.rules.iter().map(|it| rule(it, report)).collect(),
    }
}

fn rule(table: &Spanned<RuleTable>, report: &mut Report<'_>) -> Rule {
    let at = table.span();
    let table = table.get_ref();
    let (effect, actions) = match (&table.allow, &table.deny) {
        (Some(actions), None) => (Effect::Allow, actions.as_slice()),
        (None, Some(actions)) => (Effect::Deny, actions.as_slice()),
        _ => {
            report.add(at.clone(), "a rule has either `allow` or `deny`");
            (Effect::Deny, [].as_slice())
        }
    };
    if actions.is_empty() && (table.allow.is_some() != table.deny.is_some()) {
        let allowed = "this rule is about nothing; allowed are \"publish\" and \"subscribe\"";
        report.add(at.clone(), allowed);
    }
    if table.filters.is_empty() {
        report.add(at.clone(), "this rule has no filter, and is about nothing");
    }
    report.limit(at, "filters", (table.filters.len(), LIST));
    let filters = table.filters.iter();
    Rule {
        effect,
        publish: actions.contains(&Action::Publish),
        subscribe: actions.contains(&Action::Subscribe),
        filters: filters.filter_map(|it| report.parsed(it)).collect(),
    }
}

fn user(name: &str, table: &Spanned<UserTable>, grant: Grant, report: &mut Report<'_>) -> User {
    let at = table.span();
    report.name(at.clone(), "the name of a user", name);
    let table = table.get_ref();
    if table.password.is_none() && table.scram.is_none() && table.certificates.is_empty() {
        let reason = "this user could never connect: give one of `password`, `scram` and \
                      `certificates`";
        report.add(at.clone(), reason);
    }
    report.limit(at.clone(), "client_ids", (table.client_ids.len(), LIST));
    report.limit(at, "certificates", (table.certificates.len(), LIST));
    for client in &table.client_ids {
        let text = client.get_ref();
        let begin = text.strip_suffix('*').unwrap_or(text);
        if begin.contains('*') || text.is_empty() {
            let allowed = "allowed is a client identifier, or how it begins and a * at the end";
            report.add(client.span(), allowed);
        }
    }
    if let Some(serial) = &table.serial {
        report.name(serial.span(), "a serial number", serial.get_ref());
        if serial.get_ref().contains(['+', '#', '/']) {
            report.add(serial.span(), "a serial number has none of + # /");
        }
    }
    User {
        name: name.into(),
        grant,
        password: table.password.as_ref().and_then(|it| report.parsed(it)),
        scram: table.scram.as_ref().and_then(|it| report.parsed(it)),
        serial: table.serial.as_ref().map(|it| it.get_ref().as_str().into()),
        client_ids: table
            .client_ids
            .iter()
            .map(|it| it.get_ref().as_str().into())
            .collect(),
    }
}

/// Notes a certificate of a user.
fn certify(user: &str, item: &Spanned<String>, access: &mut Access, report: &mut Report<'_>) {
    let text = item.get_ref();
    let is_hash = |hex: &str| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    let key = match text.split_once(':') {
        Some(("cn", name)) if !name.is_empty() => text.clone(),
        Some(("sha256", hex)) if is_hash(hex) => text.to_ascii_lowercase(),
        _ => {
            let allowed = "allowed is \"cn:<common name>\" or \"sha256:<64 hexadecimal digits>\"";
            report.add(item.span(), allowed);
            return;
        }
    };
    let before = access.certificates.insert(key.as_str().into(), user.into());
    if let Some(other) = before {
        let reason = format_args!("this certificate is that of the user {other:?} already");
        report.add(item.span(), reason);
    }
}

/// Grants by the names of their roles: users with the same roles share one.
#[derive(Default)]
struct Grants(HashMap<Vec<String>, Grant>);

impl Grants {
    fn get(
        &mut self,
        names: &Spanned<Vec<Spanned<String>>>,
        roles: &BTreeMap<Arc<str>, Arc<Role>>,
        report: &mut Report<'_>,
    ) -> Option<Grant> {
        let (at, names) = (names.span(), names.get_ref());
        report.limit(at.clone(), "roles", (names.len(), LIST));
        if names.is_empty() {
            report.add(at, "without a role nothing is allowed: name at least one");
            return None;
        }
        let found = names.iter().filter_map(|it| known_role(it, roles, report));
        let found: Vec<Arc<Role>> = found.collect();
        let key = found.iter().map(|role| role.name.to_string()).collect();
        let grant = self.0.entry(key).or_insert_with(|| Grant::new(found));
        Some(grant.clone())
    }
}

/// The role of a name; complains if there is none.
pub(super) fn known_role(
    item: &Spanned<String>,
    roles: &BTreeMap<Arc<str>, Arc<Role>>,
    report: &mut Report<'_>,
) -> Option<Arc<Role>> {
    let found = roles.get(item.get_ref().as_str()).map(Arc::clone);
    if found.is_none() {
        let known: Vec<&str> = roles.keys().take(30).map(|name| &**name).collect();
        let (name, known) = (item.get_ref(), known.join(", "));
        let reason = format_args!("there is no role {name:?}; there are: {known}");
        report.add(item.span(), reason);
    }
    found
}
