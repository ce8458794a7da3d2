//! `everfresh rpc`: JSON lines in, JSON lines out, for tools and other people's test suites.

pub mod network;

use std::fmt;

/// Why a request got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It cannot be done, for this reason.
    Failed(String),
    /// We do not do such things.
    Unsupported,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) => f.write_str(reason),
            Self::Unsupported => f.write_str("not supported"),
        }
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// From whatever says what went wrong.
    pub fn because(reason: impl fmt::Display) -> Self {
        Self::Failed(reason.to_string())
    }
}
