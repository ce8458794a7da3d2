//! Where a redirect leads (RFC 9110, 15.4), and when it is not followed.

use url::Url;

use super::error::RedirectFault;

/// How many redirects are followed for one request.
pub const MOST_REDIRECTS: usize = 5;

/// The next address: `location` as seen from the last of `trail`, the addresses asked so far. A user name and
/// password in it are dropped: only the user's own URLs and `.netrc` give credentials.
pub(super) fn next(trail: &[Url], location: &str) -> Result<Url, RedirectFault> {
    let here = trail.last().ok_or(RedirectFault::Nowhere)?;
    let mut next = here.join(location.trim()).map_err(|_| RedirectFault::Nowhere)?;
    match (here.scheme(), next.scheme()) {
        ("https", "http") => return Err(RedirectFault::Downgrade),
        (_, "http" | "https") if next.host_str().is_some_and(|host| !host.is_empty()) => {}
        _ => return Err(RedirectFault::Nowhere),
    }
    let _ = next.set_username("");
    let _ = next.set_password(None);
    next.set_fragment(None);
    if trail.contains(&next) {
        return Err(RedirectFault::Circle);
    }
    if trail.len() > MOST_REDIRECTS {
        return Err(RedirectFault::TooMany);
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(from: &str, location: &str) -> Result<String, RedirectFault> {
        next(&[Url::parse(from).unwrap()], location).map(String::from)
    }

    #[test]
    fn redirects_never_lose_encryption_and_lead_somewhere() {
        for (from, location, to) in [
            ("https://a/x/", "../y/", Ok("https://a/y/")),
            ("http://a/x", "https://b/x", Ok("https://b/x")),
            ("https://a/x", "//b/y#z", Ok("https://b/y")),
            ("https://a/x", "https://user:pw@b/y", Ok("https://b/y")),
            ("https://a/x", "http://a/x", Err(RedirectFault::Downgrade)),
            ("https://a/x", "file:///etc/passwd", Err(RedirectFault::Nowhere)),
            ("https://a/x", "https://", Err(RedirectFault::Nowhere)),
            ("https://a/x", "/x", Err(RedirectFault::Circle)),
        ] {
            assert_eq!(follow(from, location), to.map(str::to_owned), "{from} -> {location}");
        }
    }

    #[test]
    fn a_sixth_redirect_is_too_many() {
        let mut trail = vec![Url::parse("http://a/0").unwrap()];
        for n in 1..=MOST_REDIRECTS {
            trail.push(next(&trail, &format!("/{n}")).unwrap());
        }
        assert_eq!(next(&trail, "/again"), Err(RedirectFault::TooMany));
    }
}
