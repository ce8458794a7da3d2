//! What a profile says: a key, a program that prints one, or a role and who assumes it.

use super::files::{Files, Profile};
use super::sts::{Role, SessionName};
use super::{Aws, AwsError, Credentials, Place, ProfileFault};
use crate::net::Net;
use crate::time::Deadline;

/// More profiles than this in a chain are not followed.
const LONGEST_CHAIN: usize = 8;

/// What is the same for a whole chain of profiles.
pub(super) struct Inquiry<'a> {
    pub(super) files: &'a Files,
    /// The region of the Security Token Service.
    pub(super) region: &'a str,
    pub(super) net: &'a Net,
    pub(super) deadline: Deadline,
}

impl Aws {
    /// The credentials that a profile leads to; `None` where it says nothing of credentials.
    pub(super) fn of_profile(
        &self,
        profile: &Profile<'_>,
        inquiry: &Inquiry<'_>,
    ) -> Result<Option<Credentials>, AwsError> {
        self.follow(profile, inquiry, &mut Vec::new())
    }

    fn follow(
        &self,
        profile: &Profile<'_>,
        inquiry: &Inquiry<'_>,
        seen: &mut Vec<String>,
    ) -> Result<Option<Credentials>, AwsError> {
        let fault = |fault| AwsError::Profile { name: profile.name.clone(), fault };
        let place = || Place::Profile(profile.name.clone());
        // A source that has a key is the end of the chain, also where it is the profile that asks.
        if !seen.is_empty()
            && let Some(credentials) = key_pair(profile)?
        {
            return Ok(Some(credentials));
        }
        if seen.contains(&profile.name) {
            return Err(fault(ProfileFault::Loop));
        }
        if seen.len() == LONGEST_CHAIN {
            return Err(fault(ProfileFault::TooLong));
        }
        seen.push(profile.name.clone());
        if let Some(arn) = profile.get("role_arn") {
            return self.of_role(profile, arn, inquiry, seen).map(Some);
        }
        if let Some(credentials) = key_pair(profile)? {
            return Ok(Some(credentials));
        }
        if let Some(line) = profile.get("credential_process") {
            let credentials = self.of_process(&profile.name, line, inquiry.deadline)?;
            return credentials.unless_over(place(), self.now()).map(Some);
        }
        let sign_on = ["sso_session", "sso_start_url", "login_session"];
        if sign_on.iter().any(|key| profile.get(key).is_some()) {
            return Err(fault(ProfileFault::SignOn));
        }
        Ok(None)
    }

    fn of_role(
        &self,
        profile: &Profile<'_>,
        arn: &str,
        inquiry: &Inquiry<'_>,
        seen: &mut Vec<String>,
    ) -> Result<Credentials, AwsError> {
        let fault = |fault| AwsError::Profile { name: profile.name.clone(), fault };
        let seconds = profile.get("duration_seconds").map(str::parse::<u32>).transpose();
        let role = Role {
            arn,
            session: profile.get("role_session_name").map_or(SessionName::Ours, SessionName::Given),
            external_id: profile.get("external_id"),
            seconds: seconds.map_err(|_| fault(ProfileFault::Duration))?,
            service: self.token_service(Some(profile), inquiry.region)?,
        };
        if let Some(file) = profile.get("web_identity_token_file") {
            return self.of_web_identity(&role, file.as_ref(), inquiry);
        }
        if profile.get("mfa_serial").is_some() {
            return Err(fault(ProfileFault::Mfa));
        }
        let source = match (profile.get("source_profile"), profile.get("credential_source")) {
            (None, None) => return Err(fault(ProfileFault::NoSource)),
            (Some(_), Some(_)) => return Err(fault(ProfileFault::TwoSources)),
            (Some(name), None) => {
                let source = inquiry.files.required(name)?;
                let found = self.follow(&source, inquiry, seen)?;
                let empty = || AwsError::Empty {
                    place: Place::Profile(name.to_owned()),
                    profile: profile.name.clone(),
                };
                found.ok_or_else(empty)?
            }
            (None, Some(word)) => self.of_named_source(profile, word, inquiry)?,
        };
        self.assume(&role, &source, inquiry)
    }

    /// `credential_source`.
    fn of_named_source(
        &self,
        profile: &Profile<'_>,
        word: &str,
        inquiry: &Inquiry<'_>,
    ) -> Result<Credentials, AwsError> {
        let (place, found) = match word {
            "Environment" => (Place::Environment, self.of_environment()?),
            "Ec2InstanceMetadata" => (Place::Metadata, self.of_metadata(inquiry, true)?),
            "EcsContainer" => (Place::Container, self.of_container(inquiry)?),
            _ => {
                let name = profile.name.clone();
                return Err(AwsError::Profile { name, fault: ProfileFault::UnknownSource });
            }
        };
        found.ok_or_else(|| AwsError::Empty { place, profile: profile.name.clone() })
    }
}

/// The key that stands in the files themselves.
fn key_pair(profile: &Profile<'_>) -> Result<Option<Credentials>, AwsError> {
    let place = || Place::Profile(profile.name.clone());
    let (id, secret) = ("aws_access_key_id", "aws_secret_access_key");
    let half = |has, lacks| Err(AwsError::Half { place: place(), has, lacks });
    match (profile.get(id), profile.get(secret)) {
        (None, None) => Ok(None),
        (Some(_), None) => half(id, secret),
        (None, Some(_)) => half(secret, id),
        (Some(id), Some(secret)) => {
            let token = profile.get("aws_session_token").or_else(|| profile.get("aws_security_token"));
            Credentials::new(id, secret, token)
                .map(Some)
                .map_err(|reason| AwsError::Answer { place: place(), reason: reason.to_owned() })
        }
    }
}
