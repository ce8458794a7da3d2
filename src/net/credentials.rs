//! Who may see which user name and password: from the URLs the user gave, else from `.netrc`; for one origin only.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use url::Url;

use super::error::Fault;
use super::netrc::Netrc;
use super::{Sign, Unsigned};
use crate::fs;
use crate::host::Env;

/// A user name and password for HTTP's Basic scheme (RFC 7617).
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

impl Login {
    /// The userinfo of a URL, percent-decoded.
    fn of_url(url: &Url) -> Option<Self> {
        let given = !url.username().is_empty() || url.password().is_some();
        given.then(|| Self {
            user: percent_decode(url.username()),
            password: percent_decode(url.password().unwrap_or_default()),
        })
    }

    /// The value of an `Authorization` or `Proxy-Authorization` header.
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", base64(format!("{}:{}", self.user, self.password).as_bytes()))
    }
}

/// How a request shows who asks.
#[derive(Clone)]
pub(super) enum Authorization {
    /// Not at all: neither a signature nor what `.netrc` has for the host.
    Nobody,
    /// A user name and password (RFC 7617).
    Basic(Login),
    /// A token (RFC 6750).
    Bearer(String),
    /// A signature over each request.
    Signed(Arc<dyn Sign>),
}

impl Authorization {
    /// Whether it is said of what lies below an address, and of nothing beside it: a folder in a bucket.
    fn stays_below(&self) -> bool {
        matches!(self, Self::Signed(_) | Self::Nobody)
    }

    /// The headers that this adds to a request.
    pub(super) fn headers(&self, request: &Unsigned<'_>) -> Result<Vec<(&'static str, String)>, Fault> {
        match self {
            Self::Nobody => Ok(Vec::new()),
            Self::Basic(login) => Ok(vec![("authorization", login.basic())]),
            Self::Bearer(token) => Ok(vec![("authorization", format!("Bearer {token}"))]),
            Self::Signed(signer) => signer.sign(request),
        }
    }
}

/// What is known of credentials in this process.
pub(super) struct Credentials {
    /// By the address they were given for. The first word on an address stands, so that a page cannot replace what
    /// the user configured.
    known: Mutex<Vec<(Url, Authorization)>>,
    netrc_path: Option<PathBuf>,
    netrc: OnceLock<Netrc>,
}

impl Credentials {
    /// Nothing is read before it is needed.
    pub(super) fn new(env: &Env) -> Self {
        let at_home = || env.non_empty("HOME").map(|home| PathBuf::from(home).join(".netrc"));
        Self {
            known: Mutex::default(),
            netrc_path: env.non_empty("NETRC").map(PathBuf::from).or_else(at_home),
            netrc: OnceLock::new(),
        }
    }

    /// Takes note of the user name and password in a URL: they hold for all of its origin, unless there are some for
    /// any part of it already.
    pub(super) fn learn(&self, url: &Url) {
        if let Some(login) = Login::of_url(url).filter(|_| !self.is_known_at(url)) {
            let mut base = url.clone();
            base.set_path("/");
            self.log_in(&base, &login.user, url.password().map(|_| login.password.as_str()));
        }
    }

    fn is_known_at(&self, url: &Url) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|(base, shown)| base.origin() == url.origin() && !shown.stays_below())
    }

    /// Takes note of a user's name; without a password it is the one that `.netrc` has for that name, else empty.
    pub(super) fn log_in(&self, base: &Url, user: &str, password: Option<&str>) {
        let of_netrc = || self.netrc().password(base.host_str()?, user);
        let password = password.map(str::to_owned).or_else(of_netrc).unwrap_or_default();
        self.add(base, Authorization::Basic(Login { user: user.to_owned(), password }));
    }

    /// Takes note of how requests below `base` show who asks.
    pub(super) fn add(&self, base: &Url, authorization: Authorization) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.iter().any(|(url, _)| url.origin() == base.origin() && url.path() == base.path()) {
            known.push((base.clone(), authorization));
        }
    }

    /// How a request to that URL shows who asks: as said of the address that has most of its path, of equal ones the
    /// first. So a password for one part of an origin serves for its other parts too, since indexes link to files
    /// beside them, and of two users' indexes on one server each has its own. A signature, or that there is
    /// to be none, stays below its address.
    pub(super) fn of(&self, url: &Url) -> Authorization {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let nearness = |base: &Url| (parts_in_common(url, base), is_below(url.path(), base.path()));
        let fit = known.iter().filter(|(base, authorization)| {
            base.origin() == url.origin() && (nearness(base).1 || !authorization.stays_below())
        });
        // Of equally near ones `max_by_key` takes the last.
        if let Some((_, authorization)) = fit.rev().max_by_key(|(base, _)| nearness(base)) {
            return authorization.clone();
        }
        drop(known);
        let login = url.host_str().and_then(|host| self.netrc().login(host));
        login.map_or(Authorization::Nobody, Authorization::Basic)
    }

    fn netrc(&self) -> &Netrc {
        self.netrc.get_or_init(|| {
            let bytes = self.netrc_path.as_ref().and_then(|path| fs::read(path, fs::SMALL_FILE).ok());
            Netrc::parse(&String::from_utf8_lossy(&bytes.unwrap_or_default()))
        })
    }
}

/// How many parts of their paths, from the beginning on, two URLs share.
fn parts_in_common(one: &Url, other: &Url) -> usize {
    let pairs = one.path().split('/').zip(other.path().split('/'));
    pairs.take_while(|(one, other)| one == other).count()
}

/// Whether a path is that of a base, or below it.
fn is_below(path: &str, base: &str) -> bool {
    path.strip_prefix(base.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Undoes percent-encoding; what is no valid escape stays, bytes that are no UTF-8 become replacement characters.
pub fn percent_decode(text: &str) -> String {
    let decoded = percent_decode_bytes(text);
    String::from_utf8(decoded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Undoes percent-encoding; what is no valid escape stays.
pub fn percent_decode_bytes(text: &str) -> Vec<u8> {
    let hex = |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            decoded.push(high << 4 | low);
            at += 3;
        } else {
            decoded.push(byte);
            at += 1;
        }
    }
    decoded
}

/// Base64 with padding (RFC 4648, 4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, &b| group << 8 | u32::from(b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (group >> (18 - 6 * place)) & 63;
            let letter = ALPHABET.get(index as usize).filter(|_| place <= chunk.len());
            text.push(letter.map_or('=', |&b| char::from(b)));
        }
    }
    text
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use crate::net::Method;

    fn credentials() -> Credentials {
        Credentials::new(&Env::default())
    }

    fn sent(credentials: &Credentials, url: &str) -> Option<String> {
        let url = Url::parse(url).unwrap();
        let headers = credentials
            .of(&url)
            .headers(&Unsigned { method: Method::Get, url: &url, headers: &[], body: b"" })
            .unwrap();
        headers.into_iter().next().map(|(_, value)| value)
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in cases {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn credentials_hold_for_their_origin_only() {
        let credentials = credentials();
        credentials.learn(&Url::parse("https://aladdin:open%20sesame@host/simple/").unwrap());
        assert_eq!(
            sent(&credentials, "https://host/files/x"),
            Some("Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==".into())
        );
        for other in ["http://host/", "https://host:8443/", "https://other/", "https://sub.host/"] {
            assert_eq!(sent(&credentials, other), None, "{other}");
        }
    }

    #[test]
    fn a_page_cannot_replace_what_the_user_gave() {
        let credentials = credentials();
        credentials.learn(&Url::parse("https://a:1@host/").unwrap());
        credentials.learn(&Url::parse("https://b:2@host/").unwrap());
        assert_eq!(sent(&credentials, "https://host/"), Some("Basic YTox".into()));
        let credentials = self::credentials();
        credentials.add(&Url::parse("https://host/simple/").unwrap(), Authorization::Bearer("mine".into()));
        credentials.learn(&Url::parse("https://b:2@host/files/x").unwrap());
        assert_eq!(sent(&credentials, "https://host/files/x"), Some("Bearer mine".into()));
    }

    #[test]
    fn the_nearest_address_above_counts_and_a_signature_stays_below_its_own() {
        struct Signer;
        impl Sign for Signer {
            fn sign(&self, _: &Unsigned<'_>) -> Result<Vec<(&'static str, String)>, Fault> {
                Ok(vec![("authorization", "signed".to_owned())])
            }
        }
        let url = |text: &str| Url::parse(text).unwrap();
        let credentials = credentials();
        credentials.add(&url("https://host/bucket/"), Authorization::Signed(Arc::new(Signer)));
        assert_eq!(sent(&credentials, "https://host/bucket/key"), Some("signed".into()));
        assert_eq!(sent(&credentials, "https://host/buckets/key"), None);
        credentials.add(&url("https://host/a/"), Authorization::Bearer("one".into()));
        credentials.add(&url("https://host/a/b"), Authorization::Bearer("two".into()));
        for (path, header) in [
            ("/a/x", "Bearer one"),
            ("/a/b", "Bearer two"),
            ("/a/b/x", "Bearer two"),
            ("/files/x", "Bearer one"),
            ("/bucket/", "signed"),
        ] {
            assert_eq!(sent(&credentials, &format!("https://host{path}")), Some(header.into()), "{path}");
        }
    }

    #[test]
    fn a_folder_for_nobody_is_shown_neither_the_login_nor_the_signature_around_it() {
        let url = |text: &str| Url::parse(text).unwrap();
        let credentials = credentials();
        credentials.add(&url("https://host/simple/"), Authorization::Bearer("one".into()));
        credentials.add(&url("https://host/bucket/public/"), Authorization::Nobody);
        for (path, header) in [("/bucket/public/key", None), ("/bucket/publicity", Some("Bearer one"))] {
            assert_eq!(
                sent(&credentials, &format!("https://host{path}")),
                header.map(str::to_owned),
                "{path}"
            );
        }
        let credentials = self::credentials();
        credentials.add(&url("https://host/bucket/public/"), Authorization::Nobody);
        credentials.learn(&url("https://a:1@host/simple/"));
        assert_eq!(sent(&credentials, "https://host/simple/x/"), Some("Basic YTox".into()));
    }

    #[test]
    fn two_users_of_one_server_have_each_their_own_also_for_the_files_beside_their_indexes() {
        let url = |text: &str| Url::parse(text).unwrap();
        for turned in [false, true] {
            let credentials = credentials();
            let mut indexes = ["alice", "bob"];
            if turned {
                indexes.reverse();
            }
            for user in indexes {
                let base = url(&format!("https://host/{user}/dev/+simple/"));
                credentials.add(&base, Authorization::Bearer(user.to_owned()));
            }
            for (path, user) in [
                ("/alice/dev/+simple/x/", "alice"),
                ("/bob/dev/+simple/x/", "bob"),
                ("/alice/dev/+f/1/x.whl", "alice"),
                ("/bob/dev/+f/1/x.whl", "bob"),
                ("/bob/prod/+f/1/x.whl", "bob"),
                ("/bobby/", indexes[0]),
                ("/", indexes[0]),
            ] {
                let sent = sent(&credentials, &format!("https://host{path}"));
                assert_eq!(sent, Some(format!("Bearer {user}")), "{path}");
            }
        }
    }

    #[test]
    fn a_name_without_a_password_has_the_one_that_netrc_has_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("n");
        std::fs::write(&path, "machine host login a password 1\nmachine host login b password 2").unwrap();
        let env: Env = [("NETRC", &path)].into_iter().collect();
        let url = Url::parse("http://host/x/").unwrap();
        for (user, password, expected) in
            [("a", None, "a:1"), ("b", None, "b:2"), ("c", None, "c:"), ("b", Some("3"), "b:3")]
        {
            let credentials = Credentials::new(&env);
            credentials.log_in(&url, user, password);
            let expected = format!("Basic {}", base64(expected.as_bytes()));
            assert_eq!(sent(&credentials, "http://host/x/y"), Some(expected));
        }
        let credentials = Credentials::new(&env);
        credentials.learn(&Url::parse("http://b@host/x/").unwrap());
        assert_eq!(sent(&credentials, "http://host/"), Some("Basic Yjoy".into()));
    }

    #[test]
    fn netrc_is_found_by_its_variable_and_an_unreadable_one_counts_as_empty() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("n");
        std::fs::write(&path, "machine host login a password 1").unwrap();
        let env: Env = [("NETRC", &path)].into_iter().collect();
        assert_eq!(sent(&Credentials::new(&env), "http://host:8080/"), Some("Basic YTox".into()));
        let env: Env = [("NETRC", directory.path())].into_iter().collect();
        assert_eq!(sent(&Credentials::new(&env), "http://host/"), None);
    }

    #[test]
    fn percent_decoding_leaves_what_is_no_escape() {
        for (text, decoded) in
            [("a%2Bb%2b", "a+b+"), ("100%", "100%"), ("%zz%4", "%zz%4"), ("%C3%A4%ff", "ä\u{fffd}")]
        {
            assert_eq!(percent_decode(text), decoded);
        }
    }
}
