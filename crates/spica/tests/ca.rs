//! `spica ca`, as an operator uses it, and what OpenSSL makes of its files.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn run(program: &str, dir: &Path, args: &[&str]) -> (bool, String) {
    let output = Command::new(program).current_dir(dir).args(args).output();
    let Output {
        status,
        stdout,
        stderr,
    } = output.unwrap();
    let text = [stdout, stderr].concat();
    (status.success(), String::from_utf8(text).unwrap())
}

fn ca(dir: &TempDir, args: &[&str]) -> (bool, String) {
    let args = [&["ca"], args].concat();
    run(env!("CARGO_BIN_EXE_spica"), dir.path(), &args)
}

fn done(dir: &TempDir, args: &[&str]) -> String {
    let (success, text) = ca(dir, args);
    assert!(success, "{args:?}: {text}");
    text
}

/// An authority, and a pair of nodes.
fn pair() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    done(&dir, &["init", "--dir", "ca", "--name", "Test"]);
    for side in ["primary", "backup"] {
        let issue = [
            "issue", "--dir", "ca", "--node", "root/s1", "--side", side, "--out", side,
        ];
        done(
            &dir,
            &[
                &issue[..],
                &["--address", "127.0.0.1", "--address", "s1.example.org"],
            ]
            .concat(),
        );
    }
    dir
}

fn listed(dir: &TempDir) -> Vec<Value> {
    let text = done(dir, &["list", "--dir", "ca", "--json"]);
    let list: Value = serde_json::from_str(&text).unwrap();
    list["issued"].as_array().unwrap().clone()
}

#[test]
fn certificates_are_issued_shown_listed_and_revoked() {
    let dir = pair();
    let shown = done(&dir, &["show", "primary/node.crt"]);
    for expected in ["root/s1 (primary)", "127.0.0.1, s1.example.org", "SHA-256"] {
        assert!(shown.contains(expected), "no {expected} in {shown}");
    }
    let shown = done(&dir, &["show", "--json", "backup/node.crt"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["uri"], "spica://node/root/s1?side=backup");
    assert!(done(&dir, &["show", "backup/ca.crt"]).contains("it is an authority"));

    let entries = listed(&dir);
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1]["serial"], shown["serial"]);
    let serial = entries[0]["serial"].as_str().unwrap();
    done(
        &dir,
        &["revoke", "--dir", "ca", "--serial", &serial.to_uppercase()],
    );
    assert!(done(&dir, &["revoke", "--dir", "ca", "--serial", serial]).contains("before"));
    done(
        &dir,
        &[
            "revoke", "--dir", "ca", "--node", "root/s1", "--side", "backup",
        ],
    );
    let table = done(&dir, &["list", "--dir", "ca"]);
    assert_eq!(table.matches("revoked").count(), 2, "{table}");
}

#[test]
fn what_cannot_be_done_is_said_and_changes_nothing() {
    let dir = pair();
    let refused = |args: &[&str], why: &str| {
        let (success, text) = ca(&dir, args);
        assert!(!success && text.contains(why), "{args:?}: {text}");
    };
    refused(&["init", "--dir", "ca"], "is there already");
    refused(&["list", "--dir", "elsewhere"], "spica ca init");
    refused(&["show", "ca/index.json"], "holds no certificate");
    refused(&["revoke", "--dir", "ca"], "--serial");
    refused(
        &["revoke", "--dir", "ca", "--node", "root/s2"],
        "no certificate that is not revoked",
    );
    refused(
        &["revoke", "--dir", "ca", "--serial", "12"],
        "32 hexadecimal digits",
    );
    let issue = |node, out, more: &[&'static str]| {
        [
            &["issue", "--dir", "ca", "--node", node, "--out", out],
            more,
        ]
        .concat()
    };
    refused(
        &issue("root/s2", "primary", &[]),
        "root/s1 (primary), not of root/s2",
    );
    refused(&issue("root/+", "new", &[]), "wildcards");
    refused(
        &issue("root", "new", &["--side", "left"]),
        "primary or backup",
    );
    refused(
        &issue("root", "new", &["--address", "a b"]),
        "neither a host name",
    );
    refused(&issue("root", "new", &["--days", "9999"]), "not 9999 days");
    assert_eq!(listed(&dir).len(), 2);
}

/// The files of Spica are files of everybody: OpenSSL verifies them, and sees a revocation.
#[test]
fn openssl_agrees() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!(
            "SKIPPED: there is no openssl on this machine, so nobody else has looked at the files"
        );
        return;
    }
    let dir = pair();
    let verify = |node: &str| {
        let leaf = format!("{node}/node.crt");
        let purposes = ["sslclient", "sslserver"].map(|purpose| {
            let args = [
                "verify",
                "-x509_strict",
                "-CAfile",
                "ca/ca.crt",
                "-crl_check",
            ];
            let more = ["-CRLfile", "ca/ca.crl", "-purpose", purpose, &leaf];
            run("openssl", dir.path(), &[&args[..], &more].concat())
        });
        let [(client, text), (server, _)] = purposes;
        assert_eq!(client, server, "{text}");
        (client, text)
    };
    for node in ["primary", "backup"] {
        let (good, text) = verify(node);
        assert!(good, "{text}");
    }
    done(
        &dir,
        &[
            "revoke", "--dir", "ca", "--node", "root/s1", "--side", "backup",
        ],
    );
    assert!(verify("primary").0);
    let (good, text) = verify("backup");
    assert!(!good && text.contains("revoked"), "{text}");
    let (_, text) = run(
        "openssl",
        dir.path(),
        &["x509", "-in", "primary/node.crt", "-noout", "-text"],
    );
    for expected in [
        "URI:spica://node/root/s1?side=primary",
        "IP Address:127.0.0.1",
        "ASN1 OID: prime256v1",
    ] {
        assert!(text.contains(expected), "no {expected} in {text}");
    }
    let (_, fingerprint) = run(
        "openssl",
        dir.path(),
        &[
            "x509",
            "-in",
            "primary/node.crt",
            "-noout",
            "-fingerprint",
            "-sha256",
        ],
    );
    let fingerprint = fingerprint.trim().split_once('=').unwrap().1;
    assert!(done(&dir, &["show", "primary/node.crt"]).contains(fingerprint));
}
