//! The head of a file in the form of an e-mail (RFC 822), as Python's `email` reads it: names without regard to
//! letter case, long values folded over several lines, everything behind the first empty line ignored.

/// The fields in their order: names in lower case, values without white space around them.
#[derive(Debug)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    /// Reads the head. The first line that is no field ends it, as an empty one does.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match (line, fields.last_mut()) {
                ([], _) => break,
                ([b' ' | b'\t', ..], Some((_, value))) => value.extend_from_slice(line),
                _ => match field(line) {
                    Some(field) => fields.push(field),
                    None => break,
                },
            }
        }
        // Some old files hold names of authors in other encodings; what matters is ASCII.
        let text = |value: Vec<u8>| String::from_utf8_lossy(&value).trim().to_owned();
        Self(fields.into_iter().map(|(name, value)| (name, text(value))).collect())
    }

    /// The value of the first field of that name, which must be in lower case.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The values of all fields of that name, which must be in lower case.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

fn field(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    let name = std::str::from_utf8(name).ok().filter(|_| is_name)?;
    Some((name.to_ascii_lowercase(), value.get(1..)?.to_vec()))
}
