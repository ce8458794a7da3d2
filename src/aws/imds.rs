//! The instance metadata service of EC2 ("Use the Instance Metadata Service to access instance metadata" in the EC2
//! User Guide): version 2, and version 1 where version 2 is refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::error::{status, unreached};
use super::files::Profile;
use super::profile::Inquiry;
use super::{Aws, AwsError, Credentials, Place};
use crate::fs;
use crate::log;
use crate::net::{Call, Method, NetError, Reply, Way};
use crate::store;
use crate::time::{Deadline, Timestamp};

const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const IPV4: &str = "http://169.254.169.254";
const IPV6: &str = "http://[fd00:ec2::254]";
const ROLES: &str = "latest/meta-data/iam/security-credentials/";
/// The longest answer, in bytes.
const CAP: u64 = 64 << 10;
/// What all requests together may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a machine without the service is not asked again, unless it is restarted.
const FORGET: Duration = Duration::from_secs(24 * 3600);

/// The service as the environment and the profile say.
struct Metadata {
    base: Url,
    /// Whether somebody named it.
    named: bool,
    /// Whether version 1 may be asked.
    old: bool,
}

impl Aws {
    /// Credentials of the machine's role; `None` where it has none, and where there is no such service: a machine
    /// anywhere else is silent. Where the service is `wanted`, that is an error.
    pub(super) fn of_metadata(
        &self,
        inquiry: &Inquiry<'_>,
        wanted: bool,
    ) -> Result<Option<Credentials>, AwsError> {
        if self.is_true("AWS_EC2_METADATA_DISABLED") {
            return Ok(None);
        }
        let service = self.metadata(inquiry.files.profile(self.usual_profile()).as_ref())?;
        let guess = !wanted && !service.named;
        if guess && (is_elsewhere(Path::new("/sys")) || self.was_silent()) {
            log::debug(|| "AWS credentials: this is no EC2 instance".to_owned());
            return Ok(None);
        }
        match service.credentials(inquiry) {
            Err(AwsError::Net { error, .. }) if !wanted && error.is_offline() => {
                log::debug(|| format!("AWS credentials: {error}"));
                if guess {
                    self.note_silence();
                }
                Ok(None)
            }
            Err(error) => Err(error),
            Ok(found) => {
                found.map(|credentials| credentials.unless_over(Place::Metadata, self.now())).transpose()
            }
        }
    }

    /// Whether a variable says so, as the SDKs have it: `true` in any case.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.env.text(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    fn metadata(&self, profile: Option<&Profile<'_>>) -> Result<Metadata, AwsError> {
        let said = |variable: &str, key: &str| {
            let value = self.env.text(variable).or_else(|| profile?.get(key));
            value.map(str::trim).filter(|value| !value.is_empty())
        };
        let mode = said("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
        let usual = match mode {
            Some(mode) if mode.eq_ignore_ascii_case("ipv6") => IPV6,
            _ => IPV4,
        };
        let endpoint = said(ENDPOINT, "ec2_metadata_service_endpoint");
        let base = format!("{}/", endpoint.unwrap_or(usual).trim_end_matches('/'));
        let base = Url::parse(&base).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let forbidden = said("AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled");
        Ok(Metadata {
            base: base.ok_or(AwsError::Setting { name: ENDPOINT, reason: "is not an address" })?,
            named: endpoint.is_some(),
            old: !forbidden.is_some_and(|value| value.eq_ignore_ascii_case("true")),
        })
    }

    fn silence(&self) -> Option<PathBuf> {
        self.cache.as_ref().map(|directory| directory.join("no-metadata"))
    }

    /// Whether it was asked since the machine was started, and was silent.
    fn was_silent(&self) -> bool {
        let noted = self.silence().and_then(|file| fs::read(&file, CAP).ok()).unwrap_or_default();
        let boot = store::this_boot().unwrap_or_default();
        let noted = String::from_utf8_lossy(&noted);
        let Some((at, on)) = noted.split_once(' ') else { return false };
        let since = at.parse().map(Timestamp).unwrap_or_default();
        !boot.is_empty() && on.as_bytes() == boot && since <= self.now() && self.now().since(since) < FORGET
    }

    fn note_silence(&self) {
        let (Some(file), Some(boot)) = (self.silence(), store::this_boot()) else { return };
        if let Some(directory) = file.parent() {
            let _ = fs::create_dir_all(directory);
        }
        let _ = fs::replace(&file, &[format!("{} ", self.now().0).as_bytes(), &boot].concat());
    }
}

impl Metadata {
    fn credentials(&self, inquiry: &Inquiry<'_>) -> Result<Option<Credentials>, AwsError> {
        let deadline = inquiry.deadline.at_most(PATIENCE);
        let ask = |method, path: &str, headers: &[(&str, &str)]| {
            self.ask(inquiry, method, path, headers, deadline).map_err(unreached(Place::Metadata))
        };
        let answer = |reason: &str| AwsError::Answer { place: Place::Metadata, reason: reason.to_owned() };
        let lifetime = ("X-aws-ec2-metadata-token-ttl-seconds", "21600");
        let token = ask(Method::Put, "latest/api/token", &[lifetime])?;
        let token = match token.status {
            200 => Some(word(&token.bytes).ok_or(answer("a session token that is none"))?),
            403..=405 if self.old => None,
            other => return Err(self.refusal(other)),
        };
        let headers = token.as_deref().map(|token| ("X-aws-ec2-metadata-token", token));
        let roles = ask(Method::Get, ROLES, headers.as_slice())?;
        let role = match roles.status {
            200 => first_line(&roles.bytes).ok_or(answer("a list of roles that is none"))?,
            404 => return Ok(None),
            other => return Err(self.refusal(other)),
        };
        if role.is_empty() {
            return Ok(None);
        }
        if !is_role(role) {
            return Err(answer("a list of roles that is none"));
        }
        let reply = ask(Method::Get, &format!("{ROLES}{role}"), headers.as_slice())?;
        if reply.status != 200 {
            return Err(self.refusal(reply.status));
        }
        Credentials::from_json(&reply.bytes).map(Some).map_err(answer)
    }

    fn ask(
        &self,
        inquiry: &Inquiry<'_>,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        deadline: Deadline,
    ) -> Result<Reply, NetError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        let call = Call { method, url: &url, headers, body: &[], cap: CAP };
        inquiry.net.call_plainly(&call, Way::Direct, deadline)
    }

    fn refusal(&self, answered: u16) -> AwsError {
        status(Place::Metadata, &self.base, answered)
    }
}

/// A session token: what a header can carry, and no page.
fn word(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<');
    plain.then(|| text.to_owned())
}

/// The first line that says something; empty where none does, `None` where it is no text.
fn first_line(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default())
}

/// Whether a role can have that name: the characters that IAM allows, and no way out of the path.
fn is_role(name: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    name.chars().all(known) && !name.trim_matches('.').is_empty()
}

/// Whether the firmware says that this is no EC2 instance ("Detect whether a host is an EC2 instance" in the EC2 User
/// Guide). Where it says nothing, it may be one.
fn is_elsewhere(sys: &Path) -> bool {
    let text = |name: &str| {
        let bytes = fs::read(&sys.join(name), CAP).unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim().to_ascii_lowercase()
    };
    let vendor = text("class/dmi/id/sys_vendor");
    let amazon = vendor.contains("amazon") || text("class/dmi/id/bios_version").contains("amazon");
    !vendor.is_empty() && !amazon && !text("hypervisor/uuid").starts_with("ec2")
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::host::{Env, Host};

    #[test]
    fn a_page_is_neither_a_token_nor_a_role() {
        assert_eq!(word(b"AQAE==\n").as_deref(), Some("AQAE=="));
        for page in [&b"<html>"[..], b"", b"a b", b"a\r\nX: y", b"\xff"] {
            assert_eq!(word(page), None);
        }
        assert_eq!(first_line(b"\n first@x\nsecond\n"), Some("first@x"));
        assert_eq!((first_line(b"\n"), first_line(b"\xff")), (Some(""), None));
        assert!(is_role("first@x"));
        for page in ["<html>", "../x", "..", "a/b", "a b", ""] {
            assert!(!is_role(page), "{page}");
        }
    }

    #[test]
    fn silence_is_remembered_for_a_day_of_this_boot() {
        let directory = tempfile::tempdir().unwrap();
        let at = |clock| {
            let host = Host { clock, ..Host::of_env(Env::default()) };
            Aws::new(&host, Some(directory.path().join("aws")))
        };
        let noon = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let hours_later = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_080_000);
        let a_day_later = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_090_000);
        let before = || SystemTime::UNIX_EPOCH + Duration::from_secs(999_999);
        assert!(!at(noon).was_silent());
        at(noon).note_silence();
        assert!(at(noon).was_silent() && at(hours_later).was_silent());
        assert!(!at(a_day_later).was_silent() && !at(before).was_silent());
        let file = at(noon).silence().unwrap();
        for text in [&b"1000000 another-boot"[..], b"", b"1000000", b"x \xff"] {
            fs::write_atomic(&file, text).unwrap();
            assert!(!at(noon).was_silent(), "{text:?}");
        }
    }

    #[test]
    fn the_firmware_tells_where_this_is() {
        for (vendor, version, hypervisor, elsewhere) in [
            (Some("LENOVO\n"), Some("N2"), None, true),
            (Some("Amazon EC2\n"), Some("1.0"), None, false),
            (Some("Xen\n"), Some("4.11.amazon"), None, false),
            (Some("Xen\n"), Some("4.2"), Some("ec2e1916\n"), false),
            (Some("Xen\n"), Some("4.2"), Some("00000000"), true),
            (Some("\n"), None, None, false),
            (None, None, None, false),
        ] {
            let sys = tempfile::tempdir().unwrap();
            let files = [
                ("class/dmi/id/sys_vendor", vendor),
                ("class/dmi/id/bios_version", version),
                ("hypervisor/uuid", hypervisor),
            ];
            for (name, text) in files.into_iter().filter_map(|(name, text)| Some((name, text?))) {
                let file = sys.path().join(name);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write_atomic(&file, text.as_bytes()).unwrap();
            }
            assert_eq!(is_elsewhere(sys.path()), elsewhere, "{vendor:?} {version:?} {hypervisor:?}");
        }
    }
}
