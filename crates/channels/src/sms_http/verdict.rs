//! What a gateway's answer with a 2xx means: many say there that they have not taken the message.

use regex::Regex;
use reqwest::Response;
use spica_alerts::Outcome;

use crate::{answer, http};

/// How an answer is judged.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// An answer must contain this.
    pub(super) success_contains: Option<String>,
    /// And match this.
    pub(super) success_matches: Option<Regex>,
    /// An answer that matches this will never be another one.
    pub(super) refused_matches: Option<Regex>,
}

impl Verdict {
    /// Reads as much of the answer as it needs.
    pub(super) async fn of(&self, response: Response) -> Outcome {
        let status = response.status();
        if !self.wants_body() {
            return answer::delivered(&status.to_string());
        }
        match http::body(response).await {
            Ok(body) => self.judge(&body),
            Err(error) => http::failed(error),
        }
    }

    const fn wants_body(&self) -> bool {
        let success = self.success_contains.is_some() || self.success_matches.is_some();
        success || self.refused_matches.is_some()
    }

    fn judge(&self, body: &str) -> Outcome {
        if self
            .refused_matches
            .as_ref()
            .is_some_and(|refused| refused.is_match(body))
        {
            return answer::refused(body);
        }
        let contains = self
            .success_contains
            .as_ref()
            .is_none_or(|text| body.contains(text.as_str()));
        let matches = self
            .success_matches
            .as_ref()
            .is_none_or(|regex| regex.is_match(body));
        if contains && matches {
            return answer::delivered(if body.trim().is_empty() {
                "taken"
            } else {
                body
            });
        }
        // It may be an overload as well as a wrong number; once too often is the better mistake.
        answer::retry(&format!("the gateway did not take it: {body}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_judged_by_their_text() {
        let verdict = Verdict {
            success_contains: Some("OK".to_owned()),
            success_matches: Some(Regex::new("id=[0-9]+").unwrap()),
            refused_matches: Some(Regex::new("(?i)invalid number").unwrap()),
        };
        for (body, said) in [
            ("OK id=17", "delivered"),
            ("OK", "retry"),
            ("id=17", "retry"),
            ("", "retry"),
            ("ERR Invalid Number id=17 OK", "refused"),
        ] {
            assert_eq!(verdict.judge(body).as_str(), said, "{body}");
        }
        assert!(verdict.wants_body());
        assert!(!Verdict::default().wants_body());
        assert_eq!(Verdict::default().judge("").as_str(), "delivered");
    }
}
