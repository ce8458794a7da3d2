//! The `.netrc` file, as ftp, curl and Python's `netrc` module read it.

use super::credentials::Login;

/// The logins in their order; the first that fits a host counts.
#[derive(Default)]
pub(super) struct Netrc {
    machines: Vec<(String, Login)>,
    default: Option<Login>,
}

impl Netrc {
    /// Reads what can be read; words that mean nothing are passed over.
    pub(super) fn parse(text: &str) -> Self {
        let mut netrc = Self::default();
        let mut words = Words(text);
        // Which entry the words belong to: a named machine, or (`None`) the default.
        let mut entry: Option<(Option<String>, Login)> = None;
        while let Some(word) = words.next() {
            match word.as_str() {
                "machine" => {
                    netrc.add(entry.take());
                    entry = words.next().map(|host| (Some(host), Login::empty()));
                }
                "default" => {
                    netrc.add(entry.take());
                    entry = Some((None, Login::empty()));
                }
                "login" | "user" => {
                    let user = words.next().unwrap_or_default();
                    if let Some((_, login)) = &mut entry {
                        login.user = user;
                    }
                }
                "password" => {
                    let password = words.next().unwrap_or_default();
                    if let Some((_, login)) = &mut entry {
                        login.password = password;
                    }
                }
                "account" => drop(words.next()),
                "macdef" => words.skip_macro(),
                _ => {}
            }
        }
        netrc.add(entry);
        netrc
    }

    fn add(&mut self, entry: Option<(Option<String>, Login)>) {
        match entry {
            Some((Some(host), login)) => self.machines.push((host, login)),
            Some((None, login)) => self.default = Some(login),
            None => {}
        }
    }

    /// The login for that host.
    pub(super) fn login(&self, host: &str) -> Option<Login> {
        let named = self.machines.iter().find(|(name, _)| name.eq_ignore_ascii_case(host));
        named.map(|(_, login)| login).or(self.default.as_ref()).cloned()
    }

    /// That user's password for that host.
    pub(super) fn password(&self, host: &str, user: &str) -> Option<String> {
        let named = self.machines.iter().filter(|(name, _)| name.eq_ignore_ascii_case(host));
        let mut logins = named.map(|(_, login)| login).chain(&self.default);
        logins.find(|login| login.user == user).map(|login| login.password.clone())
    }
}

/// User name and password that the text of a `.netrc` has for a host. Public for the fuzzer alone.
#[doc(hidden)]
pub fn netrc_login(text: &str, host: &str) -> Option<(String, String)> {
    Netrc::parse(text).login(host).map(|login| (login.user, login.password))
}

impl Login {
    fn empty() -> Self {
        Self { user: String::new(), password: String::new() }
    }
}

/// The words still to come: parted by white space, perhaps quoted, without comments.
struct Words<'a>(&'a str);

impl Words<'_> {
    fn next(&mut self) -> Option<String> {
        self.0 = self.0.trim_start();
        while self.0.starts_with('#') {
            self.0 = self.0.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        }
        let quoted = self.0.starts_with('"');
        let mut word = String::new();
        let mut escaped = false;
        for (at, c) in self.0.char_indices().skip(usize::from(quoted)) {
            let ends = if quoted { c == '"' } else { c.is_whitespace() };
            if ends && !escaped {
                self.0 = self.0.get(at + c.len_utf8()..).unwrap_or_default();
                return Some(word);
            }
            // A backslash means itself outside quotes, as in Windows domain logins.
            escaped = quoted && c == '\\' && !escaped;
            if !escaped {
                word.push(c);
            }
        }
        let came = quoted || !word.is_empty();
        self.0 = "";
        came.then_some(word)
    }

    /// A macro lasts until the next empty line.
    fn skip_macro(&mut self) {
        while let Some((line, rest)) = self.0.split_once('\n') {
            self.0 = rest;
            if line.trim().is_empty() {
                return;
            }
        }
        self.0 = "";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(netrc: &str, host: &str) -> Option<(String, String)> {
        Netrc::parse(netrc).login(host).map(|login| (login.user, login.password))
    }

    fn pair(user: &str, password: &str) -> (String, String) {
        (user.to_owned(), password.to_owned())
    }

    #[test]
    fn machines_default_macros_and_quotes_are_understood() {
        let netrc = "# machine no login x password y\n\
            machine a.org login anna password p#1\n\
            macdef init\n machine fake login no password no\n\n\
            machine b.org\n\tlogin \"b c\"\n\tpassword \"q\\\"\\\\ \"\n\
            machine a.org login late password late\n\
            default login any password thing\n";
        assert_eq!(login(netrc, "A.org"), Some(pair("anna", "p#1")));
        assert_eq!(login(netrc, "b.org"), Some(pair("b c", "q\"\\ ")));
        assert_eq!(login(netrc, "fake"), Some(pair("any", "thing")));
    }

    #[test]
    fn of_several_users_of_a_host_each_has_a_password() {
        let netrc = Netrc::parse(
            "machine h login a password 1 machine h login b password 2 machine o login c password 3 \
             default login d password 4",
        );
        let password = |user| netrc.password("H", user);
        assert_eq!(["a", "b", "d"].map(password), ["1", "2", "4"].map(|text| Some(text.to_owned())));
        assert_eq!(password("c"), None);
    }

    #[test]
    fn broken_files_give_what_they_hold_and_end() {
        assert_eq!(login("machine", "a"), None);
        assert_eq!(login("machine a login", "a"), Some(pair("", "")));
        assert_eq!(login("login x machine a password \"open", "a"), Some(pair("", "open")));
        assert_eq!(login("macdef x", "a"), None);
        assert_eq!(login(&"\"".repeat(100_001), "a"), None);
        assert_eq!(login(&"#\n".repeat(100_000), "a"), None);
    }
}
