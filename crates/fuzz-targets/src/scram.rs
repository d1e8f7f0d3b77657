//! Fuzz target: SCRAM messages, a line each. The first byte says what they are: what a client sends to
//! the server's machine, what a server sends to the client's, or a credential.

use spica_mqtt_access::scram::{Client, ClientFirst, Credential, Server};

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
/// The exchange of RFC 7677, as the server says it.
const CHALLENGE: &[u8] = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                           s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const SIGNATURE: &[u8] = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
/// Iterations that are worth computing here; what asks for more is only read.
const ITERATIONS: usize = 5;

/// Runs the target on one input.
///
/// # Panics
/// If a proof is taken that is none, or a credential does not read back.
pub fn run(data: &[u8]) {
    let Some((what, rest)) = data.split_first() else {
        return;
    };
    let mut lines = rest.splitn(2, |byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let second = lines.next().unwrap_or_default();
    match what {
        b's' => server(first, second),
        b'c' => client(first, second),
        _ => credential(rest),
    }
}

/// Nobody knows the password of a decoy, so no proof is ever right.
fn server(first: &[u8], last: &[u8]) {
    let Ok(first) = ClientFirst::parse(first) else {
        return;
    };
    let credential = Credential::decoy(first.user(), &[7; 32]);
    if let Ok((server, said)) = Server::begin(first, credential, SERVER_NONCE) {
        assert!(said.starts_with("r=") && said.contains(SERVER_NONCE));
        assert!(server.finish(last).is_err(), "a proof for a decoy");
    }
}

/// Whoever does not know the password cannot sign the end.
fn client(first: &[u8], last: &[u8]) {
    let Ok((mut client, _)) = Client::begin("user", NONCE) else {
        return;
    };
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let asked = first.windows(3).position(|three| three == b",i=");
    if asked.is_some_and(|at| digits(&first[at + 3..]) >= ITERATIONS) {
        return;
    }
    if client.prove(first, "pencil").is_ok() && client.finish(last).is_ok() {
        assert_eq!(first, CHALLENGE, "a signature for another exchange");
        assert!(last.starts_with(SIGNATURE), "another signature");
    }
}

fn credential(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    if let Ok(credential) = text.parse::<Credential>() {
        assert_eq!(credential.reveal().parse().as_ref(), Ok(&credential));
    }
}
