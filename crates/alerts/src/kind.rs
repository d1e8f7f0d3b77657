//! What the plan file must know of the kinds of channels.

/// The addresses of a kind of channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressForm {
    /// One mail address: `anna@example.org`.
    Email,
    /// A phone number in E.164: `+41791234567`.
    Phone,
    /// An account of 3 to 16 hexadecimal digits; may be left out.
    Account,
    /// Anything of 1 to 500 bytes without control characters; may be left out.
    Any,
}

/// Which text a kind of channel sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// The template `body`: lines.
    Full,
    /// The template `sms`: few characters.
    Short,
}

/// A kind of channel, as the part that runs channels describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelKind {
    /// What stands behind `kind` in the file.
    pub name: &'static str,
    /// What its addresses look like.
    pub address: AddressForm,
    /// Which text it sends.
    pub form: Form,
    /// Whether its receivers keep alarms of their own and must hear that a condition has cleared,
    /// unless the plan says otherwise.
    pub restores: bool,
}

const fn kind(name: &'static str, address: AddressForm, form: Form) -> ChannelKind {
    ChannelKind {
        name,
        address,
        form,
        restores: false,
    }
}

impl ChannelKind {
    /// The kinds that Spica has.
    pub const ALL: [Self; 5] = [
        kind("webhook", AddressForm::Any, Form::Full),
        kind("email", AddressForm::Email, Form::Full),
        kind("sms-http", AddressForm::Phone, Form::Short),
        kind("smpp", AddressForm::Phone, Form::Short),
        Self {
            restores: true,
            ..kind("dc09", AddressForm::Account, Form::Full)
        },
    ];
}

impl AddressForm {
    /// Whether a channel can be used without naming an address.
    #[must_use]
    pub const fn may_be_empty(self) -> bool {
        matches!(self, Self::Account | Self::Any)
    }

    /// Checks an address that may be empty where that is allowed.
    ///
    /// # Errors
    /// What is allowed.
    pub fn check_or_empty(self, address: &str) -> Result<(), &'static str> {
        if address.is_empty() && self.may_be_empty() {
            return Ok(());
        }
        self.check(address)
    }

    /// Checks an address that is not empty.
    ///
    /// # Errors
    /// What is allowed.
    pub fn check(self, address: &str) -> Result<(), &'static str> {
        let plain = |text: &str| !text.chars().any(|c| c.is_control() || c.is_whitespace());
        let is_mail = || {
            let parts = address.rsplit_once('@');
            let is_good = |(user, host): (&str, &str)| {
                !user.is_empty() && !user.contains('@') && !host.is_empty() && plain(address)
            };
            address.len() <= 254 && parts.is_some_and(is_good)
        };
        let is_phone = || {
            let digits = address.strip_prefix('+').unwrap_or_default();
            let all_digits = digits.bytes().all(|b| b.is_ascii_digit());
            (7..=15).contains(&digits.len()) && all_digits && !digits.starts_with('0')
        };
        let is_account = || {
            let all_hex = address.bytes().all(|b| b.is_ascii_hexdigit());
            (3..=16).contains(&address.len()) && all_hex
        };
        let is_any = || (1..=500).contains(&address.len()) && !address.contains(char::is_control);
        match self {
            Self::Email if !is_mail() => Err("one mail address such as \"anna@example.org\""),
            Self::Phone if !is_phone() => Err(
                "a phone number in E.164: + and 7 to 15 digits with the country's code first, such \
                 as \"+41791234567\"",
            ),
            Self::Account if !is_account() => {
                Err("an account of 3 to 16 hexadecimal digits, such as \"1234\"")
            }
            Self::Any if !is_any() => Err("1 to 500 bytes without control characters"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_their_channel_can_use() {
        for (form, good, bad) in [
            (
                AddressForm::Email,
                vec!["a@b", "anna.meier+x@example.org"],
                vec!["", "anna", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nBcc:x@y"],
            ),
            (
                AddressForm::Phone,
                vec!["+41791234567", "+1234567", "+123456789012345"],
                vec![
                    "",
                    "0791234567",
                    "+41 79",
                    "+0123456789",
                    "+123456",
                    "+1234567890123456",
                ],
            ),
            (
                AddressForm::Account,
                vec!["123", "ABCDEF0123456789"],
                vec!["12", "xyz", "01234567890123456"],
            ),
            (AddressForm::Any, vec!["x", "a b"], vec!["", "a\nb"]),
        ] {
            for address in good {
                assert_eq!(form.check(address), Ok(()), "{form:?} {address}");
            }
            for address in bad {
                assert!(form.check(address).is_err(), "{form:?} {address}");
            }
        }
    }
}
