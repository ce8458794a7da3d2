//! What goes wrong between us and a bucket.

use std::fmt;

use crate::aws::xml::XmlError;
use crate::aws::{AwsError, refusal};
use crate::net::NetError;

/// A bucket that does not answer as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum S3Error {
    /// The credentials could not be had.
    Aws(AwsError),
    /// The endpoint is no web address.
    Endpoint {
        /// As it was given, without anything secret.
        text: String,
    },
    /// A region that cannot be one.
    Region {
        /// As it was given.
        text: String,
    },
    /// A key that no URL can carry as it is.
    Key {
        /// The key.
        key: String,
    },
    /// The listing cannot be read.
    Listing {
        /// The folder: `s3://bucket/prefix/`.
        at: String,
        /// What is wrong with it.
        fault: ListingFault,
    },
    /// The network.
    Net(NetError),
    /// The service refuses.
    Refused {
        /// What was tried, as a verb that fits behind "cannot".
        action: &'static str,
        /// On what: `s3://bucket/key`.
        at: String,
        /// The HTTP status.
        status: u16,
        /// The service's own code, where it tells one.
        code: Option<String>,
    },
}

/// What is wrong with a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingFault {
    /// It is damaged.
    Xml(XmlError),
    /// It is the XML of something else.
    NoListing,
    /// It goes on without saying where, or comes back to where it was.
    Endless,
    /// It has more entries than any folder of distributions.
    TooMany,
}

impl S3Error {
    /// The HTTP status that the service refused with.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Aws(error) => error.hint(),
            Self::Endpoint { .. } => "an endpoint is a web address: \"https://storage.example.org\"",
            Self::Region { .. } => "a region is a word like \"eu-west-1\"",
            Self::Refused { code: Some(code), .. } if refusal::hint(code).is_some() => {
                refusal::hint(code).unwrap_or_default()
            }
            Self::Refused { status: 500.. | 429, .. } => "the server is in trouble: try again later",
            Self::Refused { status: 400 | 401 | 403, .. } => {
                "check the AWS credentials; without any, requests are unsigned"
            }
            Self::Listing { fault: ListingFault::TooMany, .. } => {
                "give the packages a folder of their own in the bucket"
            }
            Self::Key { .. } | Self::Listing { .. } | Self::Net(_) | Self::Refused { .. } => {
                "check the source's address and endpoint in launcher.toml"
            }
        }
    }
}

impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws(error) => error.fmt(f),
            Self::Endpoint { text } => write!(f, "'{}' is not the address of a service", text.escape_debug()),
            Self::Region { text } => write!(f, "'{}' is not a region", text.escape_debug()),
            Self::Key { key } => write!(f, "no address leads to the key '{}'", key.escape_debug()),
            Self::Listing { at, fault } => write!(f, "cannot list {at}: {fault}"),
            Self::Net(error) => error.fmt(f),
            Self::Refused { action, at, status, code: None } => {
                write!(f, "cannot {action} {at}: the service answers {status}")
            }
            Self::Refused { action, at, status, code: Some(code) } => match refusal::words(code) {
                Some(words) => write!(f, "cannot {action} {at}: {words} ({code})"),
                None => write!(f, "cannot {action} {at}: the service answers {status} {code}"),
            },
        }
    }
}

impl std::error::Error for S3Error {}

impl From<NetError> for S3Error {
    fn from(error: NetError) -> Self {
        Self::Net(error)
    }
}

impl fmt::Display for ListingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xml(error) => write!(f, "the answer is damaged: {error}"),
            Self::NoListing => f.write_str("the answer is not a list of objects"),
            Self::Endless => f.write_str("the list does not end"),
            Self::TooMany => write!(f, "more than {} entries", super::listing::MOST_ENTRIES),
        }
    }
}
