//! Who asks at a source: what its keys in `launcher.toml` say, else what stands in its URL. Without either, `.netrc`.

use std::fmt;

use url::Url;

use crate::config::{self, Located};
use crate::host::Env;
use crate::net::{Net, percent_decode};

/// How a source is shown who asks. Not printed: it is a secret.
#[derive(Clone)]
pub(super) enum Login {
    /// As nobody in particular.
    Nobody,
    /// By a user's name and a password; without one `.netrc` may have that name's.
    User { name: String, password: Option<String> },
    /// By a token.
    Token(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

impl Login {
    /// As a source's keys say; what they leave open stands in its URL.
    ///
    /// # Errors
    /// The first variable that is named and not set.
    pub(super) fn new<'a>(
        keys: &'a config::Login,
        url: &Url,
        env: &Env,
    ) -> Result<Self, &'a Located<String>> {
        let secret = |name: &'a Option<Located<String>>| {
            let name = name.as_ref();
            name.map(|name| env.text(&name.value).map(str::to_owned).ok_or(name)).transpose()
        };
        if let Some(token) = secret(&keys.token_env)? {
            return Ok(Self::Token(token));
        }
        let password = secret(&keys.password_env)?;
        let Self::User { name: name_in_url, password: password_in_url } = Self::in_url(url) else {
            let named = keys.username.is_some() || password.is_some();
            let name = keys.username.clone().unwrap_or_default();
            return Ok(if named { Self::User { name, password } } else { Self::Nobody });
        };
        // A password belongs to the name that it stands with.
        let same = keys.username.as_ref().is_none_or(|name| *name == name_in_url);
        let password = password.or(password_in_url.filter(|_| same));
        Ok(Self::User { name: keys.username.clone().unwrap_or(name_in_url), password })
    }

    /// As the URL says.
    pub(super) fn in_url(url: &Url) -> Self {
        if url.username().is_empty() && url.password().is_none() {
            return Self::Nobody;
        }
        Self::User { name: percent_decode(url.username()), password: url.password().map(percent_decode) }
    }

    /// Lets all requests below `base` show it.
    pub(super) fn show(&self, net: &Net, base: &Url) {
        match self {
            Self::Nobody => {}
            Self::User { name, password } => net.log_in(base, name, password.as_deref()),
            Self::Token(token) => net.show_token(base, token),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(keys: [Option<&str>; 3], url: &str) -> String {
        let [username, password_env, token_env] = keys;
        let located = |name: Option<&str>| name.map(|name| Located { value: name.to_owned(), line: 7 });
        let keys = config::Login {
            username: username.map(str::to_owned),
            password_env: located(password_env),
            token_env: located(token_env),
        };
        let env: Env = [("SECRET", "open sesame"), ("EMPTY", "")].into_iter().collect();
        match Login::new(&keys, &Url::parse(url).unwrap(), &env) {
            Ok(Login::Nobody) => "nobody".to_owned(),
            Ok(Login::User { name, password }) => format!("{name} {password:?}"),
            Ok(Login::Token(token)) => format!("token {token}"),
            Err(unset) => format!("{} is not set", unset.value),
        }
    }

    #[test]
    fn the_keys_go_before_the_url_and_each_password_stays_with_its_name() {
        let cases = [
            ([None, None, None], "https://h/", "nobody"),
            ([None, None, None], "https://a%40b:p%20q@h/", "a@b Some(\"p q\")"),
            ([None, None, None], "https://a@h/", "a None"),
            ([None, None, None], "https://:p@h/", " Some(\"p\")"),
            ([Some("me"), None, None], "https://h/", "me None"),
            ([Some("me"), Some("SECRET"), None], "https://h/", "me Some(\"open sesame\")"),
            ([Some("me"), Some("SECRET"), None], "https://a:p@h/", "me Some(\"open sesame\")"),
            ([Some("me"), None, None], "https://a:p@h/", "me None"),
            ([Some("a"), None, None], "https://a:p@h/", "a Some(\"p\")"),
            ([None, Some("SECRET"), None], "https://a@h/", "a Some(\"open sesame\")"),
            ([None, Some("SECRET"), None], "https://a:p@h/", "a Some(\"open sesame\")"),
            ([None, Some("SECRET"), None], "https://h/", " Some(\"open sesame\")"),
            ([None, None, Some("SECRET")], "https://a:p@h/", "token open sesame"),
            ([Some("me"), Some("NONE"), None], "https://a:p@h/", "NONE is not set"),
            ([None, None, Some("EMPTY")], "https://a:p@h/", "EMPTY is not set"),
        ];
        for (keys, url, expected) in cases {
            assert_eq!(login(keys, url), expected, "{keys:?} {url}");
        }
    }

    #[test]
    fn a_login_is_never_printed() {
        let login = Login::User { name: "me".to_owned(), password: Some("secret".to_owned()) };
        assert_eq!(format!("{login:?}"), "Login");
    }
}
