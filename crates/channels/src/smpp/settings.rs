//! What an operator may set about a message centre.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rusmpp::pdus::BindTransceiver;
use rusmpp::values::InterfaceVersion;
use rustls_pki_types::ServerName;
use serde::Deserialize;
use spica_settings::{FilePath, Secret, Span};
use toml::Table;

use super::address::Address;
use super::encryption;
use super::link::{Centre, Link};
use super::session::Limits;
use super::{Smpp, Style};
use crate::error::SettingError;
use crate::paths::Paths;
use crate::settings::{Context, read, required, secret};

/// Shortest and longest silence after which the centre is asked whether it is there.
const ENQUIRE: [Span; 2] = [Span::from_secs(1), Span::from_mins(10)];
/// Most messages without an answer.
const WINDOW: u16 = 100;
/// Most parts of a message.
const PARTS: u8 = 10;
/// The longest that a centre can be told to try.
const VALIDITY: Span = Span::from_days(30);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    host: String,
    #[serde(default = "usual_port")]
    port: u16,
    #[serde(default)]
    tls: bool,
    ca: Option<FilePath>,
    system_id: String,
    password: Option<Secret>,
    password_file: Option<FilePath>,
    #[serde(default)]
    system_type: String,
    #[serde(default)]
    from: String,
    #[serde(default = "usual_window")]
    window: u16,
    #[serde(default = "usual_enquire")]
    enquire: Span,
    #[serde(default = "usual_parts")]
    parts: u8,
    #[serde(default = "usual_receipts")]
    receipts: bool,
    #[serde(default = "usual_receipt_wait")]
    receipt_wait: Span,
    validity: Option<Span>,
}

const fn usual_port() -> u16 {
    2775
}

const fn usual_window() -> u16 {
    10
}

const fn usual_enquire() -> Span {
    Span::from_secs(30)
}

const fn usual_parts() -> u8 {
    4
}

const fn usual_receipts() -> bool {
    true
}

const fn usual_receipt_wait() -> Span {
    Span::from_secs(2)
}

/// Makes a channel of its table.
pub(crate) fn open(table: Table, context: &Context<'_>) -> Result<Smpp, SettingError> {
    let settings: Settings = read(table)?;
    check(&settings, context)?;
    let bind = bind(&settings, context)?;
    let from = Address::of_sender(&settings.from);
    let from = from.map_err(|reason| SettingError::new("from", reason))?;
    let limits = Limits {
        enquire: settings.enquire.as_duration(),
        answer: context.common.timeout,
        window: usize::from(settings.window),
    };
    let centre = Centre {
        tls: connector(&settings, context)?,
        host: settings.host,
        port: settings.port,
        bind,
        limits,
    };
    Ok(Smpp {
        link: Arc::new(Link::new(centre)),
        paths: Arc::new(Paths::new(context.name)),
        clock: Arc::clone(context.clock),
        style: Style {
            from,
            parts: settings.parts,
            receipts: settings.receipts,
            receipt_wait: settings.receipt_wait.as_duration(),
            validity: settings
                .validity
                .map_or_else(String::new, |span| relative(span.as_duration())),
        },
    })
}

fn check(settings: &Settings, context: &Context<'_>) -> Result<(), SettingError> {
    let bad = |key: &str, reason: String| Err(SettingError::new(key, reason));
    let timeout = context.common.timeout;
    let [least, most] = ENQUIRE;
    if settings.host.is_empty() {
        return bad(
            "host",
            "is empty; allowed is the name or address of the centre".to_owned(),
        );
    }
    if settings.enquire < least || settings.enquire > most {
        let enquire = settings.enquire;
        return bad(
            "enquire",
            format!("{enquire} is not allowed; allowed is {least} to {most}"),
        );
    }
    if !(1..=WINDOW).contains(&settings.window) {
        return bad(
            "window",
            format!(
                "{} is not allowed; allowed is 1 to {WINDOW}",
                settings.window
            ),
        );
    }
    if !(1..=PARTS).contains(&settings.parts) {
        return bad(
            "parts",
            format!("{} is not allowed; allowed is 1 to {PARTS}", settings.parts),
        );
    }
    if settings.receipt_wait.as_duration() >= timeout {
        let wait = settings.receipt_wait;
        return bad(
            "receipt_wait",
            format!("{wait} is not less than `timeout`, {timeout:?}"),
        );
    }
    match settings.validity {
        Some(validity) if validity < Span::from_mins(1) || validity > VALIDITY => bad(
            "validity",
            format!("{validity} is not allowed; allowed is 1min to {VALIDITY}"),
        ),
        _ => Ok(()),
    }
}

fn bind(settings: &Settings, context: &Context<'_>) -> Result<BindTransceiver, SettingError> {
    let file = settings.password_file.as_ref();
    let password = secret("password", settings.password.clone(), file, context.base)?;
    let password = required("password", password)?;
    Ok(BindTransceiver::builder()
        .system_id(octets("system_id", &settings.system_id, 15)?)
        .password(octets("password", password.expose(), 8)?)
        .system_type(octets("system_type", &settings.system_type, 12)?)
        .interface_version(InterfaceVersion::Smpp3_4)
        .build())
}

/// A field of a PDU; the error does not say what is in it.
fn octets<T: FromStr>(key: &str, text: &str, most: usize) -> Result<T, SettingError> {
    let reason = format!("allowed are at most {most} characters of ASCII, by the standard");
    let fits = text.len() <= most && text.bytes().all(|byte| (1..0x80).contains(&byte));
    let octets = if fits { text.parse().ok() } else { None };
    octets.ok_or_else(|| SettingError::new(key, reason))
}

fn connector(
    settings: &Settings,
    context: &Context<'_>,
) -> Result<Option<(tokio_rustls::TlsConnector, ServerName<'static>)>, SettingError> {
    if !settings.tls {
        return match settings.ca {
            None => Ok(None),
            Some(_) => Err(SettingError::new("ca", "is of no use without tls = true")),
        };
    }
    let bad = |_| SettingError::new("host", "is no name that a certificate could have");
    let name = ServerName::try_from(settings.host.clone()).map_err(bad)?;
    let client = encryption::client(settings.ca.as_ref(), context.base)?;
    Ok(Some((client.into(), name)))
}

/// A time from now, as SMPP writes it: `YYMMDDhhmmsstnnR` with `000R` at the end.
fn relative(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (hours, minutes) = (of_day / 3_600, of_day / 60 % 60);
    format!("0000{days:02}{hours:02}{minutes:02}{:02}000R", of_day % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::tests::{opened, refused};

    const LEAST: &str = "host = \"smsc.example.org\"\nsystem_id = \"hub\"\npassword = \"secret\"\n";

    #[test]
    fn a_host_and_a_login_are_enough() {
        assert!(opened("smpp", LEAST).is_ok());
        let more = "port = 3550\ntls = true\nsystem_type = \"SMPP\"\nfrom = \"Spica\"\nwindow = 100\n\
                    enquire = \"1s\"\nparts = 10\nreceipts = false\nreceipt_wait = \"0s\"\n\
                    validity = \"1h\"";
        assert!(opened("smpp", &format!("{LEAST}{more}")).is_ok());
    }

    #[test]
    fn mistakes_are_named() {
        for (more, key, said) in [
            ("window = 0", "window", "1 to 100"),
            ("window = 101", "window", "1 to 100"),
            ("parts = 11", "parts", "1 to 10"),
            ("enquire = \"11min\"", "enquire", "1s to 10min"),
            (
                "receipt_wait = \"10s\"",
                "receipt_wait",
                "less than `timeout`",
            ),
            ("validity = \"31d\"", "validity", "1min to 30d"),
            ("from = \"a name too long\"", "from", "at most 11"),
            (
                "system_type = \"thirteenchars\"",
                "system_type",
                "at most 12",
            ),
            ("ca = \"x\"", "ca", "tls = true"),
            ("tls = true\nca = \"none\"", "ca", "cannot read"),
            ("password_file = \"x\"", "password_file", "only one"),
            ("server = \"x\"", "server", "unknown field"),
        ] {
            refused("smpp", &format!("{LEAST}{more}"), key, said);
        }
        let login = "host = \"h\"\nsystem_id = \"hub\"\n";
        refused("smpp", login, "password", "password_file");
        refused(
            "smpp",
            &format!("{login}password = \"ninechars\""),
            "password",
            "at most 8",
        );
        refused(
            "smpp",
            "host = \"h\"\npassword = \"x\"",
            "system_id",
            "missing",
        );
        refused(
            "smpp",
            &LEAST.replace("smsc.example.org", ""),
            "host",
            "is empty",
        );
    }

    #[test]
    fn a_validity_is_written_as_the_standard_wants() {
        assert_eq!(relative(Duration::from_secs(3_600)), "000000010000000R");
        let days = Duration::from_secs(3 * 86_400 + 4 * 3_600 + 5 * 60 + 6);
        assert_eq!(relative(days), "000003040506000R");
    }
}
