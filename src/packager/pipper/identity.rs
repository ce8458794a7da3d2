//! Who asks for packages: one of many places may say it, in pipper's order.

use std::fmt;

use super::repositories::Repository;
use crate::aws::{Aws, AwsError, Place};
use crate::config::AwsConfig;
use crate::error::Error;
use crate::host::{Env, Host};
use crate::source::s3::S3Error;

/// A key, as it is typed. Neither shown nor logged.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// A token of one character (`0`) is none, as pipper has it.
    pub(super) fn new(id: String, secret: String, token: Option<String>) -> Self {
        Self { id, secret, token: token.filter(|token| token.len() > 1) }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// Whoever has that key.
    Keys(Keys),
    /// Whom a profile of the shared AWS files says.
    Profile(String),
    /// Whom the usual places say.
    Usual,
}

/// What may say who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claims<'a> {
    /// `--credentials`
    pub(super) keys: Option<&'a Keys>,
    /// `--repository`
    pub(super) named: Option<&'a Repository>,
    /// `--profile`
    pub(super) profile: Option<&'a str>,
    /// The default repository.
    pub(super) usual: Option<&'a Repository>,
}

impl Identity {
    /// The first that says anything: the key of the command line; profile, then key, of the repository that it names; its
    /// profile; `PIPPER_AWS_*`; `AWS_*`; profile, then key, of the default repository; else the usual places.
    ///
    /// # Errors
    /// When a variable has one half of a key.
    pub(super) fn of(claims: &Claims<'_>, env: &Env) -> Result<Self, Error> {
        let of_profile = |repository: Option<&Repository>| repository?.profile.clone().map(Self::Profile);
        let of_keys = |repository: Option<&Repository>| repository?.keys.clone().map(Self::Keys);
        let said = claims.keys.cloned().map(Self::Keys);
        let said = said.or_else(|| of_profile(claims.named)).or_else(|| of_keys(claims.named));
        let said = said.or_else(|| claims.profile.map(|name| Self::Profile(name.to_owned())));
        if let Some(said) = said {
            return Ok(said);
        }
        if let Some(keys) = pippers_variables(env)? {
            return Ok(Self::Keys(keys));
        }
        let in_variables = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        if in_variables.iter().all(|name| env.text(name).is_some()) {
            return Ok(Self::Usual);
        }
        let usual = of_profile(claims.usual).or_else(|| of_keys(claims.usual));
        Ok(usual.unwrap_or(Self::Usual))
    }

    /// The surroundings in which that one asks.
    pub(super) fn asks(self, host: &Host, wish: &mut AwsConfig) -> Aws {
        let mut host = host.clone();
        match self {
            Self::Usual => {}
            Self::Profile(name) => wish.profile = Some(name),
            Self::Keys(keys) => {
                for stale in ["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION"] {
                    host.env.remove(stale);
                }
                host.env.set("AWS_ACCESS_KEY_ID", keys.id);
                host.env.set("AWS_SECRET_ACCESS_KEY", keys.secret);
                if let Some(token) = keys.token {
                    host.env.set("AWS_SESSION_TOKEN", token);
                }
            }
        }
        Aws::new(&host, None)
    }
}

fn pippers_variables(env: &Env) -> Result<Option<Keys>, Error> {
    let (id, secret) = ("PIPPER_AWS_ACCESS_KEY_ID", "PIPPER_AWS_SECRET_ACCESS_KEY");
    let half =
        |has, lacks| Err(Error::S3(S3Error::Aws(AwsError::Half { place: Place::Environment, has, lacks })));
    match (env.text(id), env.text(secret)) {
        (None, None) => Ok(None),
        (Some(_), None) => half(id, secret),
        (None, Some(_)) => half(secret, id),
        (Some(id), Some(secret)) => {
            let token = env.text("PIPPER_AWS_SESSION_TOKEN").map(str::to_owned);
            Ok(Some(Keys::new(id.to_owned(), secret.to_owned(), token)))
        }
    }
}
