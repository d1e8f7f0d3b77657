//! Texts with a form of their own, as the OpenAPI document describes them.

use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// Describes a text by a pattern and its lengths.
fn pattern(about: &str, pattern: &str, (min, max): (usize, usize)) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(about))
        .pattern(Some(pattern))
        .min_length(Some(min))
        .max_length(Some(max))
}

/// Describes a text by the words it may be.
fn words(about: &str, words: &[&str]) -> ObjectBuilder {
    let words = words.iter().map(|word| serde_json::json!(word));
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(about))
        .enum_values(Some(words))
}

/// Describes a time.
fn time() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("RFC 3339 in UTC"))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .pattern(Some(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z$"))
}

macro_rules! texts {
    ($($name:ident as $title:literal = $schema:expr, such as $example:literal;)+) => {$(
        #[doc = concat!("The schema `", $title, "`.")]
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.examples([serde_json::json!($example)]).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $title.into()
            }
        }
    )+

        /// All of them, by name: parameters refer to them.
        pub(crate) fn all() -> Vec<(&'static str, RefOr<Schema>)> {
            vec![$(($title, $name::schema())),+]
        }
    };
}

/// No control characters.
const PLAIN: &str = r"^[^\u0000-\u001f\u007f-\u009f]+$";

texts! {
    TopicText as "Topic" = pattern(
        "Levels separated by /; no +, # or control characters; at most 1,024 bytes of UTF-8",
        r"^[^\u0000-\u001f\u007f-\u009f+#]+$", (1, 1_024),
    ), such as "root/weather/wind";
    FilterText as "TopicFilter" = pattern(
        "A topic in which + stands for one level and a final # for all below", PLAIN, (1, 1_024),
    ), such as "root/devices/+/events/#";
    SerialText as "Serial" = pattern(
        "Visible ASCII without /, + and #", r##"^[!"$-*,-.0-~]{1,10}$"##, (1, 10),
    ), such as "0012345";
    PositionText as "Position" = pattern(
        "Epoch, lane and number", "^[0-9]+/(critical|normal)/[0-9]+$", (10, 48),
    ), such as "1/normal/42";
    CursorText as "Cursor" = pattern("Opaque", "^[A-Za-z0-9_-]+$", (1, 200)),
        such as "MTtjcml0aWNhbDoxLzAsbm9ybWFsOjEvNDI";
    EventIdText as "EventId" = pattern(
        "Lane, epoch and number of each lane",
        "^critical:[0-9]+/[0-9]+,normal:[0-9]+/[0-9]+$", (23, 100),
    ), such as "critical:1/7,normal:1/42";
    KeyText as "IdempotencyKey" = pattern("1 to 255 bytes", PLAIN, (1, 255)), such as "order-66";
    AddressText as "PictureAddress" = pattern(
        "The SHA-256 of the content, after its first two digits", "^[0-9a-f]{2}/[0-9a-f]{64}$", (67, 67),
    ), such as "9f/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    TokenIdText as "TokenId" = pattern("16 hexadecimal digits", "^[0-9a-f]{16}$", (16, 16)),
        such as "9f86d081884c7d65";
    NetText as "Net" = pattern("An address or a net", "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$", (2, 64)),
        such as "192.0.2.0/24";
    DurationText as "Duration" = pattern(
        "A whole number and its unit", "^[0-9]+(ms|s|min|h|d)$", (2, 20),
    ), such as "10min";
    TimeText as "Time" = time(), such as "2027-01-15T08:00:00.000000Z";
    ClassText as "Class" = words("The lane", &["critical", "normal"]), such as "normal";
    KindText as "Kind" = words(
        "Whether the last record of the topic matters, or each one", &["state", "event"],
    ), such as "state";
    OpText as "Op" = words("A value, or a tombstone", &["put", "delete"]), such as "put";
    QualityText as "Quality" = words(
        "How far it can be trusted", &["good", "uncertain", "bad"],
    ), such as "good";
    FormatText as "Format" = words("How history is shown", &["json", "ndjson", "csv", "parquet"]),
        such as "ndjson";
    CaseIdText as "CaseId" = pattern(
        "The epoch in which it was raised, and its number in that", "^[0-9]+-[0-9]+$", (3, 41),
    ), such as "1-17";
    CaseStateText as "CaseState" = words("Where a case stands", &[
        "unacknowledged", "acknowledged", "cleared-unacknowledged", "cleared", "closed", "open", "all",
    ]), such as "unacknowledged";
    SeverityText as "Severity" = words("How bad it is", &["low", "medium", "high", "emergency"]),
        such as "emergency";
    VerbText as "CaseVerb" = words("What to do about a case", &[
        "acknowledge", "confirm", "clear", "close", "assign", "comment",
    ]), such as "acknowledge";
    ConditionVerbText as "ConditionVerb" = words("What to do about a condition", &[
        "shelve", "unshelve", "suppress", "unsuppress", "out-of-service", "in-service",
    ]), such as "shelve";
    HandlerText as "HandlerName" = pattern("Small letters, digits and -", "^[a-z0-9-]+$", (1, 48)),
        such as "history";
    HandlerStateText as "HandlerState" = words("What a handler is at", &[
        "running", "paused", "retrying", "blocked", "restarting", "standby", "ended",
    ]), such as "running";
    OrderText as "Order" = words("Which come first", &["newest", "oldest"]), such as "newest";
    FoundText as "FoundPlace" = pattern("Opaque", "^[0-9]+-[0-9]+$", (3, 41)), such as "17-4711";
    ResolutionText as "Resolution" = words(
        "How long the intervals are", &["1min", "15min", "1h", "1d"],
    ), such as "15min";
    LanguageText as "Language" = words("A language", &["en", "de"]), such as "de";
    ReportFormatText as "ReportFormat" = words("How a report is written", &["text", "csv", "html"]),
        such as "html";
    LetterText as "LetterId" = pattern(
        "Lane and number of the record", "^(critical|normal)-[0-9]+$", (8, 32),
    ), such as "normal-17";
    StateText as "CommandState" = words(
        "Where a command stands", &["queued", "sent", "confirmed", "refused", "expired", "cancelled"],
    ), such as "queued";
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_devices::CommandState;
    use spica_model::{Kind, Lane, Op, Quality};

    fn described<T: PartialSchema>() -> Vec<String> {
        let schema = serde_json::to_value(T::schema()).unwrap();
        let words = schema["enum"].as_array().unwrap();
        words
            .iter()
            .map(|word| word.as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn the_words_described_are_the_words_there_are() {
        let states = spica_cases::CaseState::ALL.map(spica_cases::CaseState::as_str);
        assert_eq!(described::<CaseStateText>()[..states.len()], states);
        assert_eq!(
            described::<SeverityText>(),
            spica_cases::Severity::ALL.map(spica_cases::Severity::as_str)
        );
        assert_eq!(
            described::<HandlerStateText>(),
            spica_handler::State::ALL.map(spica_handler::State::as_str)
        );
        assert_eq!(described::<ClassText>(), Lane::ALL.map(Lane::as_str));
        assert_eq!(
            described::<StateText>(),
            CommandState::ALL.map(CommandState::as_str)
        );
        assert!(
            described::<KindText>()
                .iter()
                .all(|word| word.parse::<Kind>().is_ok())
        );
        assert!(
            described::<OpText>()
                .iter()
                .eq([Op::Put, Op::Delete].map(Op::as_str).iter())
        );
        assert!(
            described::<QualityText>()
                .iter()
                .all(|word| word.parse::<Quality>().is_ok())
        );
    }
}
