//! Credentials as the places that hand them out write them: one JSON object.

use serde_json::Value;

use super::Credentials;
use crate::time::Timestamp;

impl Credentials {
    /// Credentials whose public parts can be sent.
    ///
    /// # Errors
    /// When a header could not carry the key's name or the token.
    pub(super) fn new(id: &str, secret: &str, token: Option<&str>) -> Result<Self, &'static str> {
        let sendable =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
        if !sendable(id) {
            return Err("an access key id with characters that no key has");
        }
        if secret.is_empty() {
            return Err("an empty secret key");
        }
        let token = token.filter(|token| !token.is_empty());
        if !token.is_none_or(sendable) {
            return Err("a session token with characters that no token has");
        }
        Ok(Self {
            access_key_id: id.to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: token.map(str::to_owned),
            expires: None,
        })
    }

    /// The credentials in what a `credential_process`, a container's service or the metadata service sends.
    ///
    /// # Errors
    /// What is wrong with it, in words that repeat nothing of it.
    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, &'static str> {
        let value: Value = serde_json::from_slice(bytes).map_err(|_| "no JSON")?;
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let id = text("AccessKeyId").ok_or("no AccessKeyId")?;
        let secret = text("SecretAccessKey").ok_or("no SecretAccessKey")?;
        let token = text("SessionToken").or_else(|| text("Token"));
        let expires = match value.get("Expiration") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(Value::String(text)) => {
                Some(Timestamp::parse_rfc3339(text).ok_or("an Expiration that is no moment")?)
            }
            Some(_) => return Err("an Expiration that is no moment"),
        };
        Ok(Self { expires, ..Self::new(id, secret, token)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_from_json() {
        for (text, token, expires) in [
            (r#"{"AccessKeyId":"a","SecretAccessKey":"s é"}"#, None, None),
            (
                r#"{"AccessKeyId":"a","SecretAccessKey":"s é","Token":"t","Expiration":"1970-01-01T00:01:00Z"}"#,
                Some("t"),
                Some(60),
            ),
            (
                r#"{"AccessKeyId":"a","SecretAccessKey":"s é","SessionToken":"u","Token":"t","Expiration":null}"#,
                Some("u"),
                None,
            ),
        ] {
            let read = Credentials::from_json(text.as_bytes()).unwrap();
            assert_eq!((read.access_key_id.as_str(), read.secret_access_key.as_str()), ("a", "s é"));
            assert_eq!((read.session_token.as_deref(), read.expires.map(|at| at.0)), (token, expires));
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_and_not_repeated() {
        let deep = "[".repeat(100_000);
        for (text, reason) in [
            ("<html>", "no JSON"),
            ("", "no JSON"),
            (&*deep, "no JSON"),
            ("[]", "no AccessKeyId"),
            ("{}", "no AccessKeyId"),
            (r#"{"AccessKeyId":1}"#, "no AccessKeyId"),
            (r#"{"AccessKeyId":"a"}"#, "no SecretAccessKey"),
            (r#"{"AccessKeyId":"a","SecretAccessKey":""}"#, "an empty secret key"),
            (
                r#"{"AccessKeyId":"a\r\nX: y","SecretAccessKey":"s"}"#,
                "an access key id with characters that no key has",
            ),
            (
                r#"{"AccessKeyId":"a","SecretAccessKey":"s","Token":"a b"}"#,
                "a session token with characters that no token has",
            ),
            (
                r#"{"AccessKeyId":"a","SecretAccessKey":"s","Expiration":"soon"}"#,
                "an Expiration that is no moment",
            ),
            (
                r#"{"AccessKeyId":"a","SecretAccessKey":"s","Expiration":5}"#,
                "an Expiration that is no moment",
            ),
        ] {
            assert_eq!(
                Credentials::from_json(text.as_bytes()),
                Err(reason),
                "{}",
                &text[..text.len().min(60)]
            );
        }
    }
}
