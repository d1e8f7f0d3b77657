//! From the text of an access file to what it says, or to everything that is wrong with it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use hashbrown::HashMap;
use serde::Deserialize;
use toml::Spanned;

use super::{Access, FILE_BYTES, User};
use crate::acl::Grant;
use crate::problem::Problem;
use crate::role::{Action, Decide, Effect, Role, Rule};

/// Most problems that are listed.
const PROBLEMS: usize = 100;
/// Most users.
const USERS: usize = 100_000;
/// Most roles.
const ROLES: usize = 1_000;
/// Most rules of a role.
const RULES: usize = 200;
/// Most filters of a rule, client identifiers or certificates of a user, and roles of one.
const LIST: usize = 100;
/// Longest name, in bytes.
const NAME_BYTES: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    anonymous: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    roles: BTreeMap<String, Spanned<RoleTable>>,
    #[serde(default)]
    users: BTreeMap<String, Spanned<UserTable>>,
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

/// What is wrong so far.
struct Report<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl Report<'_> {
    fn add(&mut self, at: Range<usize>, reason: impl Display) {
        if self.problems.len() < PROBLEMS {
            let problem = Problem::at(self.text, at.start, reason.to_string());
            self.problems.push(problem);
        }
    }

    /// What a text says.
    fn parsed<T: FromStr<Err: Display>>(&mut self, item: &Spanned<String>) -> Option<T> {
        let parsed = item.get_ref().parse();
        parsed.map_err(|error| self.add(item.span(), error)).ok()
    }

    /// Complains of a list that is too long.
    fn limit(&mut self, at: Range<usize>, what: &str, (length, most): (usize, usize)) {
        if length > most {
            let found = format_args!("here are {length} {what}; at most {most} are allowed");
            self.add(at, found);
        }
    }

    /// Complains of a name that is none.
    fn name(&mut self, at: Range<usize>, what: &str, name: &str) {
        if name.is_empty() || name.len() > NAME_BYTES || name.contains(char::is_control) {
            let form = format_args!("{what} has 1 to {NAME_BYTES} bytes on one line");
            self.add(at, form);
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Access, Vec<Problem>> {
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
    let access = read(&file, &mut report);
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
        let mut found = Vec::new();
        for item in names {
            match roles.get(item.get_ref().as_str()) {
                Some(role) => found.push(Arc::clone(role)),
                None => {
                    let known: Vec<&str> = roles.keys().take(30).map(|name| &**name).collect();
                    let known = known.join(", ");
                    let name = item.get_ref();
                    let reason = format_args!("there is no role {name:?}; there are: {known}");
                    report.add(item.span(), reason);
                }
            }
        }
        let key = found.iter().map(|role| role.name.to_string()).collect();
        let grant = self.0.entry(key).or_insert_with(|| Grant::new(found));
        Some(grant.clone())
    }
}
