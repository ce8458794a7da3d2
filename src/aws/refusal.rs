//! Why a service of AWS refuses a request: its code, in words, with what to do about it ("Error responses" of the
//! Amazon S3 API reference, "Common errors" of the STS API reference).

use super::xml;

const KEYS: &str = "check the AWS credentials: the access key and the secret key belong together";
const SESSION: &str = "log in again: temporary AWS credentials have an end";
const ALLOW: &str = "whoever owns the bucket has to allow s3:ListBucket and s3:GetObject";
const ADDRESS: &str = "check the source's address in launcher.toml";
const REGION: &str = "set region in the [[source]] of launcher.toml";

/// Code, words, hint, and whether it is about who asks and not about what is asked for.
const KNOWN: [(&str, &str, &str, bool); 14] = [
    ("InvalidAccessKeyId", "the service does not know the access key", KEYS, true),
    ("SignatureDoesNotMatch", "the secret key is not that of the access key", KEYS, true),
    ("InvalidClientTokenId", "the service does not know the access key", KEYS, true),
    ("ExpiredToken", "the session has expired", SESSION, true),
    ("ExpiredTokenException", "the session has expired", SESSION, true),
    ("TokenRefreshRequired", "the session has expired", SESSION, true),
    ("InvalidToken", "the session token is not valid", SESSION, true),
    ("AccessDenied", "access is denied", ALLOW, false),
    ("AllAccessDisabled", "access is denied", ALLOW, false),
    ("NoSuchBucket", "there is no such bucket", ADDRESS, true),
    ("PermanentRedirect", "the bucket is in another region", REGION, true),
    ("AuthorizationHeaderMalformed", "the bucket is in another region", REGION, true),
    ("IllegalLocationConstraintException", "the bucket is in another region", REGION, true),
    (TOO_SKEWED, "the clock here is not the service's", "set the clock of this machine", true),
];

/// The request is dated too far from the service's own time.
pub const TOO_SKEWED: &str = "RequestTimeTooSkewed";

/// The code in an answer's body: `<Error><Code>` as S3 has it, or inside an `<ErrorResponse>` as STS has it.
pub fn code(body: &[u8]) -> Option<String> {
    let code = xml::find(body, &["Code"]).or_else(|| xml::find(body, &["Error", "Code"]))?;
    let plain =
        (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    plain.then_some(code)
}

/// What a code means, where we know it.
pub fn words(code: &str) -> Option<&'static str> {
    known(code).map(|(_, words, ..)| *words)
}

/// What the reader can do about it.
pub fn hint(code: &str) -> Option<&'static str> {
    known(code).map(|(_, _, hint, _)| *hint)
}

/// Whether another object would be refused as well.
pub fn is_about_the_asker(code: &str) -> bool {
    known(code).is_some_and(|(.., asker)| *asker)
}

fn known(code: &str) -> Option<&'static (&'static str, &'static str, &'static str, bool)> {
    KNOWN.iter().find(|(known, ..)| *known == code)
}
