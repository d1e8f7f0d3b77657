//! Why a frame cannot be read.

use crate::{About, RefusalCode};

/// Why a frame cannot be read. It has all that a `refused` frame says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FrameError {
    /// What it is about, as far as that could be read.
    pub about: About,
    /// Which sort of mistake it is.
    pub code: RefusalCode,
    /// For people: which key, and what is wrong with it.
    pub detail: String,
}

/// What is wrong within a frame, before it is known what the frame is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) code: RefusalCode,
    pub(crate) detail: String,
}

impl Wrong {
    pub(crate) fn new(detail: impl Into<String>) -> Self {
        Self {
            code: RefusalCode::BadFrame,
            detail: detail.into(),
        }
    }

    /// The value of `key` is not what it must be.
    pub(crate) fn value(key: &str, expected: &str) -> Self {
        Self::new(format!("`{key}` must be {expected}"))
    }

    pub(crate) fn coded(self, code: RefusalCode) -> Self {
        Self { code, ..self }
    }

    pub(crate) fn about(self, about: About) -> FrameError {
        FrameError {
            about,
            code: self.code,
            detail: self.detail,
        }
    }
}
