//! Roles of the Security Token Service ("AWS Security Token Service API Reference": `AssumeRole`,
//! `AssumeRoleWithWebIdentity`).

use std::ffi::OsStr;

use url::{Url, form_urlencoded};

use super::error::{one_line, status, unreached};
use super::files::{self, Profile};
use super::profile::Inquiry;
use super::sigv4::{PathRule, Request, Signing};
use super::{Aws, AwsError, Credentials, Place, ProfileFault, xml};
use crate::net::{Call, Method, Way};
use crate::time::Timestamp;

/// The longest answer, in bytes.
const CAP: u64 = 256 << 10;
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// A role to be assumed.
pub(super) struct Role<'a> {
    pub(super) arn: &'a str,
    pub(super) session: SessionName<'a>,
    pub(super) external_id: Option<&'a str>,
    /// How long it is wanted.
    pub(super) seconds: Option<u32>,
    pub(super) service: TokenService,
}

/// The name that shows up in the account's records.
#[derive(Clone, Copy)]
pub(super) enum SessionName<'a> {
    Given(&'a str),
    /// Nobody gave one.
    Ours,
}

/// Where roles are handed out.
pub(super) struct TokenService {
    url: Url,
    region: String,
}

impl Aws {
    /// The service of a region, or the one that the environment or the profile names.
    pub(super) fn token_service(
        &self,
        profile: Option<&Profile<'_>>,
        region: &str,
    ) -> Result<TokenService, AwsError> {
        let fault = |fault| AwsError::Profile {
            name: profile.map_or_else(|| self.usual_profile().to_owned(), |profile| profile.name.clone()),
            fault,
        };
        let label = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if region.is_empty() || !region.chars().all(label) {
            return Err(fault(ProfileFault::Region));
        }
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let named = self.endpoint("AWS_ENDPOINT_URL_STS", "sts", profile);
        let url = named.unwrap_or_else(|| format!("https://sts.{region}.{domain}/"));
        let url = Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        Ok(TokenService { url: url.ok_or(fault(ProfileFault::Endpoint))?, region: region.to_owned() })
    }

    /// A role for whoever holds `source`.
    pub(super) fn assume(
        &self,
        role: &Role<'_>,
        source: &Credentials,
        inquiry: &Inquiry<'_>,
    ) -> Result<Credentials, AwsError> {
        let origin = role.origin(&["assume", &source.access_key_id]);
        let origin: Vec<&str> = origin.iter().map(String::as_str).collect();
        self.kept_or(role.place(), &origin, &mut || {
            let mut form = self.form("AssumeRole", role);
            if let Some(id) = role.external_id {
                form.append_pair("ExternalId", id);
            }
            self.ask(role, &form.finish(), Some(source), inquiry)
        })
    }

    /// A role for whoever shows a token that an identity provider wrote into a file, which is read each time.
    pub(super) fn of_web_identity(
        &self,
        role: &Role<'_>,
        file: &OsStr,
        inquiry: &Inquiry<'_>,
    ) -> Result<Credentials, AwsError> {
        let path = self.at_home(file);
        let shown = path.display().to_string();
        let origin = role.origin(&["web identity", &shown]);
        let origin: Vec<&str> = origin.iter().map(String::as_str).collect();
        self.kept_or(role.place(), &origin, &mut || {
            let text = files::text(&path)?.unwrap_or_default();
            let token = text.trim();
            if token.is_empty() {
                return Err(AwsError::Lacking { file: path.clone(), what: "web identity token" });
            }
            let mut form = self.form("AssumeRoleWithWebIdentity", role);
            form.append_pair("WebIdentityToken", token);
            self.ask(role, &form.finish(), None, inquiry)
        })
    }

    fn form(&self, action: &str, role: &Role<'_>) -> form_urlencoded::Serializer<'static, String> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action)
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", role.arn);
        match role.session {
            SessionName::Given(name) => form.append_pair("RoleSessionName", name),
            SessionName::Ours => form.append_pair("RoleSessionName", &format!("everfresh-{}", self.now().0)),
        };
        if let Some(seconds) = role.seconds {
            form.append_pair("DurationSeconds", &seconds.to_string());
        }
        form
    }

    fn ask(
        &self,
        role: &Role<'_>,
        form: &str,
        source: Option<&Credentials>,
        inquiry: &Inquiry<'_>,
    ) -> Result<Credentials, AwsError> {
        let TokenService { url, region } = &role.service;
        let host = authority(url);
        let mut headers = vec![("Content-Type", FORM.to_owned())];
        if let Some(credentials) = source {
            let signing = Signing {
                credentials,
                region,
                service: "sts",
                at: self.now(),
                path: PathRule::Normalized,
                content: false,
                token: true,
            };
            let signed = signing.in_headers(&Request {
                method: Method::Post.name(),
                path: url.path(),
                query: "",
                headers: &[("Content-Type", FORM), ("Host", &host)],
                body: Some(form.as_bytes()),
            });
            headers.extend(signed.headers);
        }
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let call = Call { method: Method::Post, url, headers: &headers, body: form.as_bytes(), cap: CAP };
        let sent = inquiry.net.call_plainly(&call, Way::Usual, inquiry.deadline);
        let reply = sent.map_err(unreached(role.place()))?;
        if reply.status == 200 {
            return handed_out(&reply.bytes)
                .map_err(|reason| AwsError::Answer { place: role.place(), reason: reason.to_owned() });
        }
        Err(refusal(role, url, reply.status, &reply.bytes))
    }
}

impl Role<'_> {
    fn place(&self) -> Place {
        Place::Role(self.arn.to_owned())
    }

    /// All that decides which credentials are handed out.
    fn origin(&self, how: &[&str]) -> Vec<String> {
        let session = match self.session {
            SessionName::Given(name) => name,
            SessionName::Ours => "",
        };
        let seconds = self.seconds.unwrap_or_default().to_string();
        let parts =
            [self.arn, session, self.external_id.unwrap_or_default(), &seconds, self.service.url.as_str()];
        how.iter().chain(&parts).map(|&part| part.to_owned()).collect()
    }
}

/// Host and port as the `Host` header has them.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The credentials in an answer to either action.
fn handed_out(bytes: &[u8]) -> Result<Credentials, &'static str> {
    let find = |name| {
        ["AssumeRole", "AssumeRoleWithWebIdentity"]
            .iter()
            .find_map(|action| xml::find(bytes, &[&format!("{action}Result"), "Credentials", name]))
    };
    let id = find("AccessKeyId").ok_or("an answer without AccessKeyId")?;
    let secret = find("SecretAccessKey").ok_or("an answer without SecretAccessKey")?;
    let token = find("SessionToken").ok_or("an answer without SessionToken")?;
    let end = find("Expiration").and_then(|text| Timestamp::parse_rfc3339(&text));
    let found = Credentials::new(&id, &secret, Some(&token))?;
    Ok(Credentials { expires: Some(end.ok_or("an answer without Expiration")?), ..found })
}

fn refusal(role: &Role<'_>, url: &Url, answered: u16, bytes: &[u8]) -> AwsError {
    // `Errors` is what EC2 and moto wrap it in.
    let find =
        |name| xml::find(bytes, &["Error", name]).or_else(|| xml::find(bytes, &["Errors", "Error", name]));
    let find = |name| find(name).map(|text| one_line(&text)).filter(|text| !text.is_empty());
    match find("Code") {
        Some(code) => AwsError::Refused {
            role: role.arn.to_owned(),
            code,
            message: find("Message").unwrap_or_default(),
        },
        None => status(role.place(), url, answered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_from_the_answer_of_either_action() {
        for action in ["AssumeRole", "AssumeRoleWithWebIdentity"] {
            let text = format!(
                "<{action}Response xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><{action}Result><Credentials>\
                 <AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s/+=</SecretAccessKey>\
                 <SessionToken>t</SessionToken><Expiration>1970-01-01T00:01:00Z</Expiration>\
                 </Credentials></{action}Result></{action}Response>"
            );
            let found = handed_out(text.as_bytes()).unwrap();
            assert_eq!((found.access_key_id.as_str(), found.secret_access_key.as_str()), ("ASIA", "s/+="));
            assert_eq!((found.session_token.as_deref(), found.expires), (Some("t"), Some(Timestamp(60))));
            let without = |name: &str| handed_out(text.replace(name, "X").as_bytes());
            assert_eq!(without("AccessKeyId"), Err("an answer without AccessKeyId"));
            assert_eq!(without("SessionToken"), Err("an answer without SessionToken"));
            assert_eq!(without("Expiration"), Err("an answer without Expiration"));
            assert_eq!(without("1970-"), Err("an answer without Expiration"));
        }
        for page in [&b"<html>"[..], b"", b"\xff\xff", b"<AssumeRoleResponse>"] {
            assert_eq!(handed_out(page), Err("an answer without AccessKeyId"));
        }
    }
}
