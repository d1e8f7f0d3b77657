//! What an operator may set about a monitoring station.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Deserialize;
use spica_alerts::Message;
use spica_dc09_proto::codes::{CidCode, SiaCode};
use spica_dc09_proto::sender::{Config, Path};
use spica_dc09_proto::{Account, Code, Codes, Key, Layout, Number};
use spica_settings::{FilePath, Secret, Span};
use toml::Table;

use super::Dc09;
use super::event::Style;
use crate::error::SettingError;
use crate::paths::Paths;
use crate::settings::{Context, read, secret};

/// Most customers in the table of accounts.
const CUSTOMERS: usize = 10_000;
/// The highest area that Contact ID can say.
const AREA: u8 = 99;
/// How often an account that supervises nothing is polled.
const SELDOM: Duration = Duration::from_secs(86_400);
/// The condition of a case that tests a channel.
const TEST: &str = "test";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    main: String,
    backup: Option<String>,
    #[serde(default)]
    transport: Transport,
    account: Account,
    #[serde(default)]
    accounts: BTreeMap<String, Account>,
    receiver: Option<Number>,
    line: Option<Number>,
    key: Option<Secret>,
    key_file: Option<FilePath>,
    #[serde(default)]
    layout: Layout,
    #[serde(default)]
    codes: Codes,
    #[serde(default = "usual_area")]
    area: u8,
    #[serde(default = "usual_main_poll")]
    main_poll: Span,
    #[serde(default = "usual_backup_poll")]
    backup_poll: Span,
    #[serde(default = "usual_answer")]
    answer: Span,
    #[serde(default = "usual_switch_after")]
    switch_after: u32,
    #[serde(default = "usual_fail_after")]
    fail_after: u32,
}

/// How the receivers are reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Transport {
    /// A connection for each path.
    #[default]
    Tcp,
    /// A datagram for each message.
    Udp,
}

const fn usual_area() -> u8 {
    1
}

const fn usual_main_poll() -> Span {
    Span::from_secs(85)
}

const fn usual_backup_poll() -> Span {
    Span::from_secs(Config::BACKUP_POLL.as_secs())
}

const fn usual_answer() -> Span {
    Span::from_secs(3)
}

const fn usual_switch_after() -> u32 {
    2
}

const fn usual_fail_after() -> u32 {
    3
}

/// Where the receivers are, and as whom they are spoken to.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) transport: Transport,
    main: String,
    backup: Option<String>,
    accounts: BTreeMap<String, Account>,
    config: Config,
}

impl Setup {
    /// The account of a message: its address, else that of its customer, else the default one; none
    /// if the address is no account.
    pub(super) fn account(&self, message: &Message) -> Option<Account> {
        if !message.address.is_empty() {
            return message.address.parse().ok();
        }
        let customer = message.case.customer.as_ref();
        let account = customer.and_then(|customer| self.accounts.get(customer));
        Some(account.unwrap_or(&self.config.account).clone())
    }

    /// The account that supervises the paths.
    pub(super) const fn default_account(&self) -> &Account {
        &self.config.account
    }

    /// Where a path leads.
    pub(super) fn receiver(&self, path: Path) -> &str {
        match (path, &self.backup) {
            (Path::Backup, Some(backup)) => backup,
            _ => &self.main,
        }
    }

    pub(super) const fn path_names(&self) -> &[&'static str] {
        const BOTH: [&str; 2] = [Path::Main.as_str(), Path::Backup.as_str()];
        match self.backup {
            Some(_) => &BOTH,
            None => &[BOTH[0]],
        }
    }

    /// How an account sends. Only the default one polls as often as is set.
    pub(super) fn config(&self, account: Account) -> Config {
        let mut config = self.config.clone();
        if account != self.config.account {
            config.main_poll = SELDOM;
            config.backup_poll = config.backup_poll.map(|_| SELDOM);
        }
        config.account = account;
        config
    }
}

/// Makes a channel of its table.
pub(crate) fn open(table: Table, context: &Context<'_>) -> Result<Dc09, SettingError> {
    let settings: Settings = read(table)?;
    check(&settings)?;
    let config = config(&settings, context)?;
    let setup = Setup {
        transport: settings.transport,
        main: settings.main,
        backup: settings.backup,
        accounts: settings.accounts,
        config,
    };
    Ok(Dc09 {
        setup: Arc::new(setup),
        style: Style {
            codes: with_test(settings.codes),
            layout: settings.layout,
            area: settings.area,
        },
        paths: Arc::new(Paths::new(context.name)),
        clock: Arc::clone(context.clock),
        lines: Mutex::new(None),
    })
}

fn check(settings: &Settings) -> Result<(), SettingError> {
    receiver("main", &settings.main)?;
    if let Some(backup) = &settings.backup {
        receiver("backup", backup)?;
    }
    if settings.area > AREA {
        let reason = format!("{} is not allowed; allowed is 0 to {AREA}", settings.area);
        return Err(SettingError::new("area", reason));
    }
    if settings.accounts.len() > CUSTOMERS {
        let reason = format!(
            "there are {}; at most {CUSTOMERS} are allowed",
            settings.accounts.len()
        );
        return Err(SettingError::new("accounts", reason));
    }
    settings
        .codes
        .validate()
        .map_err(|error| SettingError::new("codes", error.to_string()))
}

fn config(settings: &Settings, context: &Context<'_>) -> Result<Config, SettingError> {
    let file = settings.key_file.as_ref();
    let key = secret("key", settings.key.clone(), file, context.base)?;
    let key = key.map(|key| Key::parse(&key)).transpose();
    let key = key.map_err(|error| SettingError::new("key", error.to_string()))?;
    let spans = [
        ("main_poll", settings.main_poll),
        ("backup_poll", settings.backup_poll),
        ("answer", settings.answer),
    ];
    let (least, most) = (Span::from_millis(100), Span::from_days(1));
    if let Some((name, span)) = spans
        .into_iter()
        .find(|(_, span)| *span < least || *span > most)
    {
        let reason = format!("{span} is not allowed; allowed is {least} to {most}");
        return Err(SettingError::new(name, reason));
    }
    let counts = [
        ("switch_after", settings.switch_after),
        ("fail_after", settings.fail_after),
    ];
    if let Some((name, count)) = counts
        .into_iter()
        .find(|(_, count)| !(1..=100).contains(count))
    {
        let reason = format!("{count} is not allowed; allowed is 1 to 100");
        return Err(SettingError::new(name, reason));
    }
    let usual = Config::new(settings.account.clone());
    let config = Config {
        receiver: settings.receiver.clone().or(usual.receiver),
        line: settings.line.clone().or(usual.line),
        key,
        main_poll: settings.main_poll.as_duration(),
        backup_poll: settings
            .backup
            .as_ref()
            .map(|_| settings.backup_poll.as_duration()),
        connect_within: settings.answer.as_duration(),
        answer_within: settings.answer.as_duration(),
        switch_after: settings.switch_after,
        fail_after: settings.fail_after,
        ..Config::new(settings.account.clone())
    };
    let bad = |error: spica_dc09_proto::sender::ConfigError| {
        SettingError::new("main_poll", error.to_string())
    };
    config.validate().map_err(bad)?;
    Ok(config)
}

fn receiver(key: &str, text: &str) -> Result<(), SettingError> {
    let parts = text.rsplit_once(':');
    let good =
        parts.filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0));
    match good {
        Some(_) => Ok(()),
        None => {
            let reason = format!(
                "{text:?} is not allowed; allowed is a host and a port, such as arc.example.org:12000"
            );
            Err(SettingError::new(key, reason))
        }
    }
}

/// A test of the channel is told as one (`RX`, 601), unless the customer's table says otherwise:
/// without a code it would be an alarm of unknown kind.
pub(super) fn with_test(mut codes: Codes) -> Codes {
    if let (Some(sia), Some(cid)) = (SiaCode::new(*b"RX"), CidCode::new(*b"601")) {
        let code = Code {
            sia,
            sia_restore: sia,
            cid,
            zone: 0,
        };
        codes.conditions.entry(TEST.to_owned()).or_insert(code);
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::tests::{opened, refused};
    use spica_notify::contract::message;

    const LEAST: &str = "main = \"arc.example.org:12000\"\naccount = \"1234\"\n";

    #[test]
    fn a_receiver_and_an_account_are_enough() {
        assert!(opened("dc09", LEAST).is_ok());
        let more = "backup = \"[2001:db8::1]:12000\"\ntransport = \"udp\"\nreceiver = \"1\"\nline = \"2\"\n\
                    key = \"00112233445566778899aabbccddeeff\"\nlayout = { form = \"contact-id\", occurred = true }\narea = 99\n\
                    main_poll = \"30s\"\nbackup_poll = \"1h\"\nanswer = \"2s\"\nswitch_after = 1\n\
                    fail_after = 1\naccounts = { acme = \"AB01\" }\n[codes.conditions]\n\
                    man-down = { sia = \"QA\", sia_restore = \"QH\", cid = \"101\", zone = 4 }";
        assert!(opened("dc09", &format!("{LEAST}{more}")).is_ok());
    }

    #[test]
    fn mistakes_are_named() {
        for (more, key, said) in [
            ("backup = \"arc\"", "backup", "host and a port"),
            ("backup = \"arc:0\"", "backup", "host and a port"),
            ("transport = \"tls\"", "transport", "`tcp` or `udp`"),
            ("accounts = { acme = \"x\" }", "accounts.acme", "3 to 16"),
            ("key = \"0011\"", "key", "16, 24 or 32"),
            ("key_file = \"none\"", "key_file", "cannot read"),
            ("area = 100", "area", "0 to 99"),
            ("main_poll = \"50ms\"", "main_poll", "100ms to 1d"),
            ("answer = \"2d\"", "answer", "100ms to 1d"),
            ("switch_after = 0", "switch_after", "1 to 100"),
            ("fail_after = 101", "fail_after", "1 to 100"),
            (
                "layout = { form = \"dc05\" }",
                "layout.form",
                "`sia` or `contact-id`",
            ),
        ] {
            refused("dc09", &format!("{LEAST}{more}"), key, said);
        }
        refused("dc09", "account = \"1234\"", "main", "missing");
        refused("dc09", "main = \"h:1\"", "account", "missing");
    }

    #[test]
    fn an_account_is_the_address_or_the_customers_or_the_default() {
        let accounts = BTreeMap::from([("acme".to_owned(), "AB01".parse().unwrap())]);
        let setup = Setup {
            transport: Transport::Tcp,
            main: "h:1".to_owned(),
            backup: None,
            accounts,
            config: Config::new("1234".parse().unwrap()),
        };
        let of = |address: &str, customer: Option<&str>| {
            let mut message = message(1, 1);
            message.address = address.to_owned();
            let mut case = spica_cases::Case::clone(&message.case);
            case.customer = customer.map(str::to_owned);
            message.case = Arc::new(case);
            setup.account(&message).map(|account| account.to_string())
        };
        assert_eq!(of("CAFE", Some("acme")).as_deref(), Some("CAFE"));
        assert_eq!(of("", Some("acme")).as_deref(), Some("AB01"));
        assert_eq!(of("", Some("other")).as_deref(), Some("1234"));
        assert_eq!(of("", None).as_deref(), Some("1234"));
        assert_eq!(of("+4179", None), None);
        assert_eq!(setup.config("AB01".parse().unwrap()).main_poll, SELDOM);
        assert_ne!(setup.config("1234".parse().unwrap()).main_poll, SELDOM);
    }
}
