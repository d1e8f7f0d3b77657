//! Those whose JSON Web Tokens are taken, as the access file writes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde::Deserialize;
use spica_settings::Span;
use toml::Spanned;

use super::ReadFile;
use super::file::{LIST, known_role};
use super::report::Report;
use crate::jwt::{Claims, Issuer, Key, read_keys, read_secret};
use crate::role::Role;

/// Most issuers.
const ISSUERS: usize = 100;
/// Most files with keys of an issuer: those in PEM have no name, and are tried one after the other.
const FILES: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IssuerTable {
    issuer: Spanned<String>,
    audience: Spanned<Vec<Spanned<String>>>,
    algorithms: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    keys: Vec<Spanned<String>>,
    secret_file: Option<Spanned<String>>,
    #[serde(default = "leeway")]
    leeway: Span,
    #[serde(default)]
    roles: Vec<Spanned<String>>,
    user_claim: Option<Spanned<String>>,
    roles_claim: Option<Spanned<String>>,
    serial_claim: Option<Spanned<String>>,
    client_ids_claim: Option<Spanned<String>>,
}

const fn leeway() -> Span {
    Span::from_secs(30)
}

pub(super) fn read(
    tables: &BTreeMap<String, Spanned<IssuerTable>>,
    roles: &BTreeMap<Arc<str>, Arc<Role>>,
    files: ReadFile<'_>,
    report: &mut Report<'_>,
) -> Vec<Issuer> {
    report.limit(0..0, "issuers", (tables.len(), ISSUERS));
    let mut issuers: Vec<Issuer> = Vec::new();
    for (name, table) in tables {
        let issuer = issuer(name, table, roles, files, report);
        if issuers.iter().any(|other| other.issuer == issuer.issuer) {
            let at = table.get_ref().issuer.span();
            report.add(
                at,
                "this issuer has another table already: nobody could tell whose keys count",
            );
        }
        issuers.push(issuer);
    }
    issuers
}

fn issuer(
    name: &str,
    table: &Spanned<IssuerTable>,
    roles: &BTreeMap<Arc<str>, Arc<Role>>,
    files: ReadFile<'_>,
    report: &mut Report<'_>,
) -> Issuer {
    let at = table.span();
    report.name(at.clone(), "the name of an issuer's table", name);
    let table = table.get_ref();
    if table.roles.is_empty() && table.roles_claim.is_none() {
        let reason = "its holders could do nothing: give `roles` for all of them, or `roles_claim` \
                      that says which claim names theirs";
        report.add(at, reason);
    }
    report.name(table.issuer.span(), "an issuer", table.issuer.get_ref());
    let audience = table.audience.get_ref();
    if audience.is_empty() || audience.len() > LIST {
        let reason = "without an audience a token for somebody else would open this door: name 1 \
                      to 100";
        report.add(table.audience.span(), reason);
    }
    let algorithms = algorithms(table, report);
    let found = table.roles.iter();
    Issuer {
        name: name.into(),
        issuer: table.issuer.get_ref().as_str().into(),
        audience: audience.iter().map(|it| it.get_ref().clone()).collect(),
        keys: keys(table, &algorithms, files, report),
        algorithms,
        leeway: table.leeway.as_duration(),
        roles: found
            .filter_map(|it| known_role(it, roles, report))
            .collect(),
        claims: Claims {
            user: claim(table.user_claim.as_ref(), report).unwrap_or_else(|| "sub".into()),
            roles: claim(table.roles_claim.as_ref(), report),
            serial: claim(table.serial_claim.as_ref(), report),
            client_ids: claim(table.client_ids_claim.as_ref(), report),
        },
    }
}

fn claim(item: Option<&Spanned<String>>, report: &mut Report<'_>) -> Option<Box<str>> {
    let item = item?;
    report.name(item.span(), "a claim", item.get_ref());
    Some(item.get_ref().as_str().into())
}

/// The algorithms, which are of one kind with the keys: secrets, or public keys.
fn algorithms(table: &IssuerTable, report: &mut Report<'_>) -> Vec<Algorithm> {
    let mut found = Vec::new();
    for item in table.algorithms.get_ref() {
        let Ok(algorithm) = item.get_ref().parse::<Algorithm>() else {
            let allowed = "allowed are HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, \
                           PS512, ES256, ES384 and EdDSA";
            report.add(item.span(), allowed);
            continue;
        };
        let is_secret = algorithm.family() == AlgorithmFamily::Hmac;
        if is_secret != table.secret_file.is_some() {
            let reason = if is_secret {
                "HS… signs with a secret: name its file in `secret_file`, and no `keys`"
            } else {
                "with a `secret_file` only HS256, HS384 and HS512 are allowed; others have `keys`"
            };
            report.add(item.span(), reason);
        }
        found.push(algorithm);
    }
    if table.algorithms.get_ref().is_empty() {
        let reason = "name the algorithms that this issuer signs with, such as [\"ES256\"]";
        report.add(table.algorithms.span(), reason);
    }
    found
}

/// What is in the files with keys.
fn keys(
    table: &IssuerTable,
    algorithms: &[Algorithm],
    files: ReadFile<'_>,
    report: &mut Report<'_>,
) -> Vec<Key> {
    if table.keys.is_empty() == table.secret_file.is_none() {
        let at = table.issuer.span();
        report.add(at, "this issuer has either `keys` or a `secret_file`");
    }
    if table.keys.len() > FILES {
        let reason = format_args!(
            "here are {} files; at most {FILES} are allowed",
            table.keys.len()
        );
        report.add(table.issuer.span(), reason);
        return Vec::new();
    }
    let mut all = Vec::new();
    for item in table.keys.iter().chain(&table.secret_file) {
        let is_secret = table.secret_file.as_ref() == Some(item);
        let read = files(item.get_ref()).and_then(|bytes| {
            let read = if is_secret {
                read_secret(&bytes, algorithms).map(|key| vec![key])
            } else {
                read_keys(&bytes)
            };
            read.map_err(|error| error.to_string())
        });
        match read {
            Ok(keys) => all.extend(keys),
            Err(error) => report.add(item.span(), format_args!("{}: {error}", item.get_ref())),
        }
    }
    for (item, algorithm) in table.algorithms.get_ref().iter().zip(algorithms) {
        if !all.is_empty() && !all.iter().any(|key| key.fits(*algorithm)) {
            report.add(item.span(), "none of the keys is for this algorithm");
        }
    }
    all
}
