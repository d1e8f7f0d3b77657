//! What an operator may set about e-mail.

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use serde::Deserialize;
use spica_settings::{FilePath, Secret};
use toml::Table;

use super::Email;
use crate::error::SettingError;
use crate::settings::{Context, read, required, secret};
use crate::tls::ca_pem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    host: String,
    port: Option<u16>,
    #[serde(default)]
    tls: Encryption,
    ca: Option<FilePath>,
    user: Option<String>,
    password: Option<Secret>,
    password_file: Option<FilePath>,
    from: String,
    reply_to: Option<String>,
    hello: Option<String>,
}

/// How a connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encryption {
    /// It becomes so by `STARTTLS`, or there is none.
    #[default]
    Starttls,
    /// From the beginning.
    Tls,
    /// Not at all.
    None,
}

impl Encryption {
    const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// Makes a channel of its table.
pub(crate) fn open(table: Table, context: &Context<'_>) -> Result<Email, SettingError> {
    let settings: Settings = read(table)?;
    let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:[]_".contains(c);
    if settings.host.is_empty() || !settings.host.chars().all(is_host) {
        let reason = "allowed is the name or address of a mail server, without a port";
        return Err(SettingError::new("host", reason));
    }
    let mut server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
        .port(settings.port.unwrap_or(settings.tls.port()))
        .timeout(Some(context.common.timeout))
        .tls(tls(&settings, context)?);
    if let Some(credentials) = credentials(&settings, context)? {
        server = server.credentials(credentials);
    }
    if let Some(hello) = &settings.hello {
        let is_name = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
        if hello.is_empty() || hello.len() > 253 || !hello.chars().all(is_name) {
            let reason = "allowed is the name of this machine, such as hub.example.org";
            return Err(SettingError::new("hello", reason));
        }
        server = server.hello_name(ClientId::Domain(hello.clone()));
    }
    let reply_to = settings.reply_to.as_deref();
    Ok(Email {
        server: server.build(),
        from: mailbox("from", &settings.from)?,
        reply_to: reply_to.map(|text| mailbox("reply_to", text)).transpose()?,
    })
}

fn tls(settings: &Settings, context: &Context<'_>) -> Result<Tls, SettingError> {
    let pem = ca_pem(settings.ca.as_ref(), context.base)?;
    if settings.tls == Encryption::None {
        return match pem {
            None => Ok(Tls::None),
            Some(_) => Err(SettingError::new("ca", "is of no use with tls = \"none\"")),
        };
    }
    let bad = |error| SettingError::new("ca", crate::answer::with_causes(&error));
    let mut parameters = TlsParameters::builder(settings.host.clone());
    if let Some(pem) = pem {
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(bad)?;
        parameters = parameters
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificate);
    }
    let parameters = parameters.build().map_err(bad)?;
    Ok(match settings.tls {
        Encryption::Tls => Tls::Wrapper(parameters),
        _ => Tls::Required(parameters),
    })
}

/// Who logs in. A password goes over an open line to this machine only.
fn credentials(
    settings: &Settings,
    context: &Context<'_>,
) -> Result<Option<Credentials>, SettingError> {
    let file = settings.password_file.as_ref();
    let password = secret("password", settings.password.clone(), file, context.base)?;
    let Some(user) = settings.user.clone() else {
        return match password {
            None => Ok(None),
            Some(_) => Err(SettingError::new("user", "is missing beside `password`")),
        };
    };
    let is_here = ["localhost", "127.0.0.1", "::1", "[::1]"].contains(&settings.host.as_str());
    if settings.tls == Encryption::None && !is_here {
        let reason = "a password is not sent over an open line; set tls to \"starttls\" or \"tls\"";
        return Err(SettingError::new("tls", reason));
    }
    let password = required("password", password)?;
    Ok(Some(Credentials::new(user, password.expose().to_owned())))
}

fn mailbox(key: &str, text: &str) -> Result<Mailbox, SettingError> {
    let allowed = "allowed is an address such as \"Spica <alarm@example.org>\"";
    if text.contains(char::is_control) {
        return Err(SettingError::new(
            key,
            format!("it has control characters; {allowed}"),
        ));
    }
    let bad = |error| SettingError::new(key, format!("{error}; {allowed}"));
    text.parse().map_err(bad)
}

#[cfg(test)]
mod tests {
    use crate::open::tests::{opened, refused};

    const LEAST: &str = "host = \"mail.example.org\"\nfrom = \"alarm@example.org\"\n";

    #[test]
    fn a_host_and_a_sender_are_enough() {
        let channel = opened("email", LEAST).unwrap();
        assert_eq!((channel.name(), channel.kind()), ("sample", "email"));
        let whole = "tls = \"tls\"\nport = 4650\nuser = \"u\"\npassword = \"p\"\n\
                     reply_to = \"Desk <desk@example.org>\"\nhello = \"hub.example.org\"";
        assert!(opened("email", &format!("{LEAST}{whole}")).is_ok());
        let here = "host = \"localhost\"\nfrom = \"a@b.c\"\ntls = \"none\"\nuser = \"u\"\npassword = \"p\"";
        assert!(opened("email", here).is_ok());
    }

    #[test]
    fn mistakes_are_named() {
        for (more, key, said) in [
            ("tls = \"ssl\"", "tls", "starttls"),
            ("port = 70000", "port", "u16"),
            ("user = \"u\"", "password", "password_file"),
            ("password = \"p\"", "user", "missing"),
            (
                "tls = \"none\"\nuser = \"u\"\npassword = \"p\"",
                "tls",
                "open line",
            ),
            ("reply_to = \"nobody\"", "reply_to", "alarm@example.org"),
            ("hello = \"a b\"", "hello", "hub.example.org"),
            ("ca = \"none\"", "ca", "cannot read"),
            ("to = \"x\"", "to", "unknown field"),
        ] {
            refused("email", &format!("{LEAST}{more}"), key, said);
        }
        refused("email", "host = \"h\"", "from", "missing");
        refused(
            "email",
            "host = \"\"\nfrom = \"a@b.c\"",
            "host",
            "name or address",
        );
        refused(
            "email",
            "host = \"h\"\nfrom = \"a\"",
            "from",
            "alarm@example.org",
        );
    }
}
