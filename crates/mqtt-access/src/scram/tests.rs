//! The exchange of RFC 7677, and what must not pass.

use super::*;

const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                     p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

fn credential() -> Credential {
    let salt = message::decode(SALT).unwrap();
    Credential::new("pencil", &salt, 4_096).unwrap()
}

fn begin(first: &str) -> (Server, String) {
    let first = ClientFirst::parse(first.as_bytes()).unwrap();
    Server::begin(first, credential(), SERVER_NONCE).unwrap()
}

#[test]
fn the_exchange_of_rfc_7677_is_this_one() {
    let (mut client, first) = Client::begin("user", NONCE).unwrap();
    assert_eq!(first, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let (server, challenge) = begin(&first);
    let want = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    assert_eq!(challenge, want);
    let proof = client.prove(challenge.as_bytes(), "pencil").unwrap();
    assert_eq!(proof, FINAL);
    let accepted = server.finish(proof.as_bytes()).unwrap();
    assert_eq!(accepted.user, "user");
    let want = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    assert_eq!(accepted.message, want);
    assert_eq!(client.finish(accepted.message.as_bytes()), Ok(()));
}

#[test]
fn names_with_commas_and_equals_signs_arrive() {
    let name = "a,b=c=2C";
    let (mut client, first) = Client::begin(name, NONCE).unwrap();
    assert!(first.contains("n=a=2Cb=3Dc=3D2C,"), "{first}");
    let (server, challenge) = begin(&first);
    let proof = client.prove(challenge.as_bytes(), "pencil").unwrap();
    assert_eq!(server.finish(proof.as_bytes()).unwrap().user, name);
}

#[test]
fn another_password_or_an_unknown_user_is_denied_alike() {
    let (mut client, first) = Client::begin("user", NONCE).unwrap();
    let (server, challenge) = begin(&first);
    let proof = client.prove(challenge.as_bytes(), "Pencil").unwrap();
    assert_eq!(server.finish(proof.as_bytes()), Err(ScramError::Denied));

    let decoy = Credential::decoy("nobody", &[7; 32]);
    assert_eq!(decoy, Credential::decoy("nobody", &[7; 32]));
    assert_ne!(decoy.salt, Credential::decoy("other", &[7; 32]).salt);
    let (mut client, first) = Client::begin("nobody", NONCE).unwrap();
    let first = ClientFirst::parse(first.as_bytes()).unwrap();
    let (server, challenge) = Server::begin(first, decoy, SERVER_NONCE).unwrap();
    let proof = client.prove(challenge.as_bytes(), "pencil").unwrap();
    assert_eq!(server.finish(proof.as_bytes()), Err(ScramError::Denied));
}

#[test]
fn first_messages_that_are_none_are_refused() {
    for (message, want) in [
        ("", ScramError::Form("it does not begin with n, y or p")),
        (
            "x,,n=u,r=n",
            ScramError::Form("it does not begin with n, y or p"),
        ),
        ("p=tls-exporter,,n=u,r=n", ScramError::ChannelBinding),
        ("n,,", ScramError::Form("it has no user name")),
        ("n", ScramError::Form("it has no user name")),
        ("n,,n=,r=n", ScramError::Form("it has no user name")),
        ("n,,m=x,n=u,r=n", ScramError::Extension),
        ("n,,n=u", ScramError::Form("it has no nonce")),
        ("n,,n=u,r=", ScramError::Form("it has no nonce")),
        (
            "n,,n=u,r=a b",
            ScramError::Form("its nonce is not printable"),
        ),
        (
            "n,,n=u=,r=n",
            ScramError::Form("the user name has a stray equals sign"),
        ),
        (
            "n,,n=u=2c,r=n",
            ScramError::Form("the user name has a stray equals sign"),
        ),
        ("n,a=other,n=u,r=n", ScramError::Identity),
        (
            "n,b=u,n=u,r=n",
            ScramError::Form("its second part is no identity"),
        ),
        ("n,,n=u\0,r=n", ScramError::Form("it has a NUL")),
    ] {
        assert_eq!(
            ClientFirst::parse(message.as_bytes()),
            Err(want),
            "{message:?}"
        );
    }
    let too_long = format!("n,,n=u,r={}", "n".repeat(MESSAGE_BYTES));
    let refused = ClientFirst::parse(too_long.as_bytes());
    assert_eq!(refused, Err(ScramError::Form("it is too long")));
    let refused = ClientFirst::parse(b"n,,n=\xff,r=n");
    assert_eq!(refused, Err(ScramError::Form("it is not UTF-8")));
    for fine in ["n,a=u,n=u,r=n", "y,,n=u,r=n", "n,,n=u,r=n,x=later"] {
        assert!(ClientFirst::parse(fine.as_bytes()).is_ok(), "{fine}");
    }
}

#[test]
fn a_proof_counts_for_its_own_exchange_only() {
    let first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    assert!(begin(first).0.finish(FINAL.as_bytes()).is_ok());
    for (right, wrong) in [
        ("c=biws", "c=eSws"),
        ("c=biws", "c=!"),
        ("r=rOpr", "r=xOpr"),
        ("p=dHzb", "p=eHzb"),
        ("p=dHzb", "p=AAAA"),
        (",p=", ",q="),
        ("p=dHzbZapW", "p="),
        (",p=", ",x=1,p="),
    ] {
        let message = FINAL.replacen(right, wrong, 1);
        let refused = begin(first).0.finish(message.as_bytes());
        assert!(refused.is_err(), "{message}");
    }
    let other = ClientFirst::parse(first.as_bytes()).unwrap();
    let (server, _) = Server::begin(other, credential(), "another-nonce-of-this-server").unwrap();
    assert!(server.finish(FINAL.as_bytes()).is_err());
    let yes = begin("y,,n=user,r=rOprNGfwEbeRWgbNEkqO").0;
    assert!(
        yes.finish(FINAL.as_bytes()).is_err(),
        "the header was another one"
    );
    let short = ClientFirst::parse(first.as_bytes()).unwrap();
    assert!(Server::begin(short, credential(), "short").is_err());
}

#[test]
fn a_client_trusts_no_server_that_does_not_know_the_password() {
    let (mut client, _) = Client::begin("user", NONCE).unwrap();
    assert_eq!(client.finish(b"v="), Err(ClientError::Impostor));
    for challenge in [
        "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
        "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4294967295",
        "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=4096",
        "r=rOprNGfwEbeRWgbNEkqOx,i=4096",
        "m=x,r=rOprNGfwEbeRWgbNEkqOx",
    ] {
        assert!(
            client.prove(challenge.as_bytes(), "pencil").is_err(),
            "{challenge}"
        );
    }
    let (_, challenge) = begin("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    client.prove(challenge.as_bytes(), "pencil").unwrap();
    let wrong = b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    assert_eq!(client.finish(wrong), Err(ClientError::Impostor));
    assert_eq!(client.finish(b"e=invalid-proof"), Err(ClientError::Refused));
}

#[test]
fn credentials_read_back_and_hide_themselves() {
    let credential = credential();
    let text = credential.reveal();
    assert_eq!(text.parse(), Ok(credential.clone()));
    assert!(
        text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"),
        "{text}"
    );
    assert_eq!(format!("{credential:?}"), "Credential(…)");
    for (right, wrong, want) in [
        ("SCRAM-SHA-256", "SCRAM-SHA-1", CredentialError::Form),
        ("$4096:", "$+4096:", CredentialError::Form),
        ("$4096:", "$1:", CredentialError::Iterations),
        ("$4096:", "$9999999:", CredentialError::Iterations),
        ("W22ZaJ0SNY7soEsUEjb6gQ==", "W22Z", CredentialError::Salt),
        (":W22ZaJ0SNY7soEsUEjb6gQ==$", "$", CredentialError::Form),
    ] {
        let read = text.replacen(right, wrong, 1).parse::<Credential>();
        assert_eq!(read, Err(want), "{wrong}");
    }
    let refused = Credential::new("x", &[0; 16], 4_095);
    assert_eq!(refused, Err(CredentialError::Iterations));
}
