//! The places where credentials are looked for, in order.

use std::path::PathBuf;
use std::sync::PoisonError;

use super::cache::Found;
use super::files::{self, Files, Profile};
use super::profile::Inquiry;
use super::sts::{Role, SessionName};
use super::{Aws, AwsError, Credentials, Place, Service};
use crate::config::AwsConfig;
use crate::log;
use crate::net::Net;
use crate::time::{Deadline, Timestamp};

/// Where the Security Token Service is asked when nothing names a region.
const REGION: &str = "us-east-1";

impl Aws {
    /// Which service is asked, as the source, the environment and the profile say.
    ///
    /// # Errors
    /// When a profile is named that is not there, or when the shared files cannot be read and requests are signed.
    pub fn service(&self, wish: &AwsConfig) -> Result<Service, AwsError> {
        let files = match self.files() {
            // Nothing of them is needed for what everybody may read.
            Err(_) if wish.anonymous && wish.profile.is_none() => Files::default(),
            files => files?,
        };
        let profile = self.chosen_profile(&files, wish)?;
        let profile = profile.as_ref();
        Ok(Service {
            region: wish.region.clone().or_else(|| self.region(profile)),
            endpoint: wish.endpoint.clone().or_else(|| self.endpoint("AWS_ENDPOINT_URL_S3", "s3", profile)),
        })
    }

    /// Whose credentials sign requests; `None`: nobody's. What was found is remembered until it is nearly over.
    ///
    /// # Errors
    /// When the place that has to have them does not.
    pub fn credentials(
        &self,
        wish: &AwsConfig,
        net: &Net,
        deadline: Deadline,
    ) -> Result<Option<Credentials>, AwsError> {
        if wish.anonymous {
            return Ok(None);
        }
        // Held until there is an answer: threads that ask at once ask the services once.
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        let lasts = |found: &Found| found.credentials.as_ref().is_none_or(|known| known.last(found.at, now));
        memory.retain(lasts);
        if let Some(found) = memory.iter().find(|found| found.profile == wish.profile) {
            return Ok(found.credentials.clone());
        }
        let credentials = self.look(wish, net, deadline)?;
        memory.push(Found { profile: wish.profile.clone(), credentials: credentials.clone(), at: now });
        Ok(credentials)
    }

    fn look(&self, wish: &AwsConfig, net: &Net, deadline: Deadline) -> Result<Option<Credentials>, AwsError> {
        if wish.profile.is_none()
            && let Some(found) = self.of_variables()?
        {
            return Ok(Some(found));
        }
        let files = self.files()?;
        let profile = self.chosen_profile(&files, wish)?;
        let region = self.region(profile.as_ref()).or_else(|| wish.region.clone());
        let inquiry = Inquiry { files: &files, region: region.as_deref().unwrap_or(REGION), net, deadline };
        if let (Some(name), Some(profile)) = (&wish.profile, &profile) {
            let empty = || AwsError::Bare { profile: name.clone() };
            return self.of_profile(profile, &inquiry)?.ok_or_else(empty).map(Some);
        }
        if let Some(found) = self.of_web_identity_variables(profile.as_ref(), &inquiry)? {
            return Ok(Some(found));
        }
        let found = profile.map(|profile| self.of_profile(&profile, &inquiry)).transpose()?.flatten();
        if found.is_some() {
            return Ok(found);
        }
        match self.of_container(&inquiry)? {
            Some(found) => Ok(Some(found)),
            None => self.of_metadata(&inquiry, false),
        }
    }

    /// The profile that the source or the environment names, which has to be there; else the default one, if it is.
    fn chosen_profile<'f>(
        &self,
        files: &'f Files,
        wish: &AwsConfig,
    ) -> Result<Option<Profile<'f>>, AwsError> {
        let named = wish.profile.as_deref().unwrap_or_else(|| self.usual_profile());
        if wish.profile.is_none() && (named == "default" || wish.anonymous) {
            return Ok(files.profile(named));
        }
        files.required(named).map(Some)
    }

    /// A key in variables: those of all AWS tools, then those of transmute.
    fn of_variables(&self) -> Result<Option<Credentials>, AwsError> {
        let places = [Self::of_environment, Self::of_credential_file, Self::of_older_variables];
        for place in places {
            if let Some(found) = place(self)? {
                log::debug(|| "AWS credentials from the environment".to_owned());
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// `AWS_ACCESS_KEY_ID` and its companions. `AWS_CREDENTIAL_EXPIRATION` is what `aws configure
    /// export-credentials` adds.
    pub(super) fn of_environment(&self) -> Result<Option<Credentials>, AwsError> {
        let found = self.pair(
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
            &["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"],
        )?;
        let expires = self.env.text("AWS_CREDENTIAL_EXPIRATION").and_then(Timestamp::parse_rfc3339);
        let over =
            |found: Credentials| Credentials { expires, ..found }.unless_over(Place::Environment, self.now());
        found.map(over).transpose()
    }

    fn of_older_variables(&self) -> Result<Option<Credentials>, AwsError> {
        self.pair(["AWS_ACCESS_KEY", "AWS_SECRET_KEY"], &["AWS_SECURITY_TOKEN"])
    }

    fn pair(
        &self,
        [id, secret]: [&'static str; 2],
        tokens: &[&str],
    ) -> Result<Option<Credentials>, AwsError> {
        let half = |has, lacks| Err(AwsError::Half { place: Place::Environment, has, lacks });
        match (self.env.text(id), self.env.text(secret)) {
            (None, None) => Ok(None),
            (Some(_), None) => half(id, secret),
            (None, Some(_)) => half(secret, id),
            (Some(id), Some(secret)) => {
                let token = tokens.iter().find_map(|name| self.env.text(name));
                Credentials::new(id, secret, token).map(Some).map_err(|reason| AwsError::Answer {
                    place: Place::Environment,
                    reason: reason.to_owned(),
                })
            }
        }
    }

    /// The file that `AWS_CREDENTIAL_FILE` names, with its lines `AWSAccessKeyId=` and `AWSSecretKey=`.
    fn of_credential_file(&self) -> Result<Option<Credentials>, AwsError> {
        let Some(path) = self.env.non_empty("AWS_CREDENTIAL_FILE") else { return Ok(None) };
        let path: PathBuf = self.at_home(path);
        let text = files::text(&path)?.unwrap_or_default();
        let line = |name| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            let found = lines.find(|(key, _)| key.trim().trim_start_matches('\u{feff}') == name);
            let value = found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty());
            value.ok_or_else(|| AwsError::Lacking { file: path.clone(), what: name })
        };
        let found = Credentials::new(line("AWSAccessKeyId")?, line("AWSSecretKey")?, None);
        found.map(Some).map_err(|reason| AwsError::Answer {
            place: Place::CredentialFile(path.clone()),
            reason: reason.to_owned(),
        })
    }

    fn of_web_identity_variables(
        &self,
        profile: Option<&Profile<'_>>,
        inquiry: &Inquiry<'_>,
    ) -> Result<Option<Credentials>, AwsError> {
        let (file, arn) = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN");
        // A role without a token is what some environments set for other tools: that is no web identity.
        let Some(path) = self.env.non_empty(file) else { return Ok(None) };
        let half = || AwsError::Half { place: Place::Environment, has: file, lacks: arn };
        let role = Role {
            arn: self.env.text(arn).ok_or_else(half)?,
            session: self.env.text("AWS_ROLE_SESSION_NAME").map_or(SessionName::Ours, SessionName::Given),
            external_id: None,
            seconds: None,
            service: self.token_service(profile, inquiry.region)?,
        };
        self.of_web_identity(&role, path, inquiry).map(Some)
    }

    fn region(&self, profile: Option<&Profile<'_>>) -> Option<String> {
        let text = |name| self.env.text(name);
        let older = || text("EC2_REGION").map(|region| if region == "EU" { "eu-west-1" } else { region });
        let said = text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")).or_else(older);
        said.or_else(|| profile?.get("region")).map(|region| region.trim().to_owned())
    }

    /// The base address of a service: its own variable, the one for all, the profile.
    pub(super) fn endpoint(
        &self,
        variable: &str,
        service: &str,
        profile: Option<&Profile<'_>>,
    ) -> Option<String> {
        let ignored = |profile: &Profile<'_>| {
            let value = profile.get("ignore_configured_endpoint_urls");
            value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        if self.is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") || profile.is_some_and(ignored) {
            return None;
        }
        let said = self.env.text(variable).or_else(|| self.env.text("AWS_ENDPOINT_URL"));
        said.or_else(|| profile?.endpoint(service)).map(str::to_owned)
    }
}
