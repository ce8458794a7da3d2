//! The credentials service of a container (ECS, EKS Pod Identity): "Container credential provider" in the AWS SDKs and
//! Tools Reference Guide.

use std::net::IpAddr;
use std::time::Duration;

use url::{Host, Url};

use super::error::{status, unreached};
use super::profile::Inquiry;
use super::{Aws, AwsError, Credentials, Place, files};
use crate::net::{Call, Method, Way};

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Where ECS answers.
const ECS: &str = "http://169.254.170.2";
/// The longest answer, in bytes.
const CAP: u64 = 64 << 10;
/// What answers on the same machine answers in this time.
const PATIENCE: Duration = Duration::from_secs(5);

impl Aws {
    /// Credentials of the container that this runs in; `None` where it runs in none.
    pub(super) fn of_container(&self, inquiry: &Inquiry<'_>) -> Result<Option<Credentials>, AwsError> {
        let Some(url) = self.container_url()? else { return Ok(None) };
        let authorization = self.container_token()?;
        let headers = authorization.as_deref().map(|token| ("Authorization", token));
        let call = Call { method: Method::Get, url: &url, headers: headers.as_slice(), body: &[], cap: CAP };
        let deadline = inquiry.deadline.at_most(PATIENCE);
        let reply =
            inquiry.net.call_plainly(&call, Way::Direct, deadline).map_err(unreached(Place::Container))?;
        if reply.status != 200 {
            return Err(status(Place::Container, &url, reply.status));
        }
        let credentials = Credentials::from_json(&reply.bytes)
            .map_err(|reason| AwsError::Answer { place: Place::Container, reason: reason.to_owned() })?;
        credentials.unless_over(Place::Container, self.now()).map(Some)
    }

    fn container_url(&self) -> Result<Option<Url>, AwsError> {
        let setting = |name, reason| AwsError::Setting { name, reason };
        if let Some(path) = self.env.text(RELATIVE) {
            let path = path.strip_prefix('/').ok_or(setting(RELATIVE, "does not begin with a slash"))?;
            let url = Url::parse(&format!("{ECS}/{path}"));
            return url.map(Some).map_err(|_| setting(RELATIVE, "is not a path"));
        }
        let Some(text) = self.env.text(FULL) else { return Ok(None) };
        let url = Url::parse(text).map_err(|_| setting(FULL, "is not an address"))?;
        if !is_trustworthy(&url) {
            return Err(setting(FULL, "is neither https nor an address of this machine's own"));
        }
        Ok(Some(url))
    }

    /// The file is read each time: what is in it changes.
    fn container_token(&self) -> Result<Option<String>, AwsError> {
        let (name, token) = match self.env.text(TOKEN_FILE) {
            Some(path) => {
                let path = self.at_home(path.as_ref());
                let text = files::text(&path)?;
                let what = "token for the container's credentials service";
                let lacking = AwsError::Lacking { file: path, what };
                (TOKEN_FILE, Some(text.map(|text| text.trim().to_owned()).ok_or(lacking)?))
            }
            None => (TOKEN, self.env.text(TOKEN).map(str::to_owned)),
        };
        match token {
            Some(token) if !token.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {
                Err(AwsError::Setting { name, reason: "has characters that no header carries" })
            }
            token => Ok(token),
        }
    }
}

/// Whether a token may be sent there: over TLS, to this machine itself, or to the link-local addresses of ECS and EKS.
fn is_trustworthy(url: &Url) -> bool {
    let (ecs, eks) = ([169, 254, 170, 2], [169, 254, 170, 23]);
    let address: Option<IpAddr> = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain(_)) | None => None,
    };
    let near = match address {
        Some(IpAddr::V4(address)) => address.is_loopback() || [ecs, eks].contains(&address.octets()),
        Some(IpAddr::V6(address)) => {
            address.is_loopback() || address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23]
        }
        None => url.host_str() == Some("localhost"),
    };
    url.scheme() == "https" || (url.scheme() == "http" && near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_over_tls_or_stays_near() {
        for (url, trusted) in [
            ("https://example.com/x", true),
            ("http://example.com/x", false),
            ("http://localhost:80/x", true),
            ("http://localhost.example.com/x", false),
            ("http://127.9.9.9/x", true),
            ("http://[::1]:1/x", true),
            ("http://169.254.170.2/x", true),
            ("http://169.254.170.23/x", true),
            ("http://[fd00:ec2::23]/x", true),
            ("http://169.254.169.254/x", false),
            ("http://[::ffff:127.0.0.1]/x", false),
            ("http://10.0.0.1/x", false),
            ("ftp://127.0.0.1/x", false),
        ] {
            assert_eq!(is_trustworthy(&Url::parse(url).unwrap()), trusted, "{url}");
        }
    }
}
