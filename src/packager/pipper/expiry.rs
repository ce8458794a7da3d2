//! How long an authorization lasts, as pipper has it typed: `12mins`, `130m`, `3hr`, `18s`.

use std::fmt;
use std::time::Duration;

/// Where nothing is said.
pub(super) const USUAL: Duration = Duration::from_secs(600);

/// "Authenticating Requests: Using Query Parameters" of the Amazon S3 API reference: `X-Amz-Expires`.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// A text that is no such time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InvalidExpiry {
    /// It is no number and unit.
    Form(String),
    /// No time at all.
    Nothing,
    /// More than any service accepts.
    TooLong,
}

impl fmt::Display for InvalidExpiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(text) => {
                write!(f, "'{}' is no time: expected 18s, 12mins, 3hr or 2days", text.escape_debug())
            }
            Self::Nothing => f.write_str("an address that expires at once serves nobody"),
            Self::TooLong => {
                f.write_str("no service serves a signed address for more than 7 days (Signature Version 4)")
            }
        }
    }
}

/// A whole number and a unit, of which the first letter counts.
///
/// # Errors
/// When it is none, or a time that no service accepts.
pub(super) fn parse(text: &str) -> Result<Duration, InvalidExpiry> {
    let form = || InvalidExpiry::Form(text.to_owned());
    let typed = text.trim();
    let unit = typed.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = typed.get(..typed.len() - unit.len()).unwrap_or_default();
    let unit = unit.trim_start();
    if number.is_empty() || !unit.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Err(form());
    }
    let seconds = match unit.bytes().next().map(|b| b.to_ascii_lowercase()) {
        Some(b's') => 1,
        Some(b'm') if !unit.to_ascii_lowercase().starts_with("mo") => 60,
        Some(b'h') => 3600,
        Some(b'd') => 24 * 3600,
        _ => return Err(form()),
    };
    // A number beyond all numbers is a time beyond all times.
    let number = number.parse::<u64>().unwrap_or(u64::MAX);
    match Duration::from_secs(number.saturating_mul(seconds)) {
        Duration::ZERO => Err(InvalidExpiry::Nothing),
        time if time > LONGEST => Err(InvalidExpiry::TooLong),
        time => Ok(time),
    }
}
