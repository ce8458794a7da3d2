//! The places where credentials are looked for, in order.

use std::fmt;

use super::{Aws, Credentials, Service};
use crate::config::AwsConfig;
use crate::net::Net;
use crate::time::Deadline;

/// Why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsError {}

impl fmt::Display for AwsError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for AwsError {}

impl Aws {
    /// Which service is asked, as the source, the environment and the profile say.
    ///
    /// # Errors
    /// When a profile is named that cannot be read.
    pub fn service(&self, wish: &AwsConfig) -> Result<Service, AwsError> {
        let text = |name| self.env.text(name).map(str::to_owned);
        Ok(Service {
            region: wish.region.clone().or_else(|| text("AWS_REGION")).or_else(|| text("AWS_DEFAULT_REGION")),
            endpoint: wish
                .endpoint
                .clone()
                .or_else(|| text("AWS_ENDPOINT_URL_S3"))
                .or_else(|| text("AWS_ENDPOINT_URL")),
        })
    }

    /// Whose credentials sign requests; `None`: nobody's.
    ///
    /// # Errors
    /// When the place that has to have them does not.
    pub fn credentials(
        &self,
        wish: &AwsConfig,
        _net: &Net,
        _deadline: Deadline,
    ) -> Result<Option<Credentials>, AwsError> {
        let text = |name| self.env.text(name).map(str::to_owned);
        if wish.anonymous {
            return Ok(None);
        }
        let pair = text("AWS_ACCESS_KEY_ID").zip(text("AWS_SECRET_ACCESS_KEY"));
        Ok(pair.map(|(access_key_id, secret_access_key)| Credentials {
            access_key_id,
            secret_access_key,
            session_token: text("AWS_SESSION_TOKEN"),
            expires: None,
        }))
    }
}
