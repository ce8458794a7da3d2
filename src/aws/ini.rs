//! The form of the shared configuration and credentials files, as "Format of the shared config and credentials files"
//! in the AWS SDKs and Tools Reference Guide has it. What it leaves open is decided as botocore does.

/// A file's sections in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ini {
    sections: Vec<Section>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Section {
    /// What stands in the brackets, with single spaces and without quotes.
    name: String,
    /// Keys in lower case; a nested one is `outer.inner`.
    values: Vec<(String, String)>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) reason: &'static str,
}

/// The key that an indented line belongs to.
struct Open {
    key: String,
    indent: usize,
}

impl Ini {
    /// Reads a file's text.
    pub(super) fn parse(text: &str) -> Result<Self, Flaw> {
        let mut ini = Self::default();
        let mut open: Option<Open> = None;
        for (number, raw) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let flaw = |reason| Flaw { line: number + 1, reason };
            let line = raw.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let indent = raw.len() - raw.trim_start().len();
            if let Some(rest) = line.strip_prefix('[') {
                open = None;
                let (name, _) = rest.split_once(']').ok_or(flaw("the bracket is not closed"))?;
                ini.sections.push(Section { name: section_name(name), values: Vec::new() });
                continue;
            }
            let section = ini.sections.last_mut().ok_or(flaw("a line before the first section"))?;
            match &open {
                Some(open) if indent > open.indent => {
                    section.continued(&open.key, line).map_err(flaw)?;
                }
                _ => {
                    let (key, value) = pair(line).ok_or(flaw("no name = value"))?;
                    section.values.push((key.clone(), value));
                    open = Some(Open { key, indent });
                }
            }
        }
        Ok(ini)
    }

    /// Whether there is such a section.
    pub(super) fn has(&self, section: &str) -> bool {
        self.sections.iter().any(|candidate| candidate.name == section)
    }

    /// The value of a key; the last one counts, and an empty one is none.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<&str> {
        let sections = self.sections.iter().rev().filter(|candidate| candidate.name == section);
        let mut values = sections.flat_map(|section| section.values.iter().rev());
        values
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

impl Section {
    /// An indented line: a value below a key that has none of its own, else more of that key's value.
    fn continued(&mut self, key: &str, line: &str) -> Result<(), &'static str> {
        match self.values.iter_mut().rev().find(|(name, _)| name == key) {
            Some((_, value)) if !value.is_empty() => {
                value.push('\n');
                value.push_str(line);
            }
            _ => {
                let (inner, value) = pair(line).ok_or("no name = value")?;
                self.values.push((format!("{key}.{inner}"), value));
            }
        }
        Ok(())
    }
}

/// `name = value`, the name in lower case, the value without the comment behind it.
fn pair(line: &str) -> Option<(String, String)> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim().to_ascii_lowercase();
    (!key.is_empty()).then(|| (key, uncommented(value).to_owned()))
}

/// A comment behind a value begins after white space; the value itself may begin with its sign.
fn uncommented(value: &str) -> &str {
    let value = value.trim();
    let mut after_space = value.char_indices().zip(value.chars().skip(1));
    let comment = after_space.find(|((_, before), mark)| before.is_whitespace() && matches!(mark, '#' | ';'));
    let end = comment.map_or(value.len(), |((at, _), _)| at);
    value.get(..end).unwrap_or_default().trim_end()
}

fn section_name(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace(['"', '\''], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_the_sdks_read_them() {
        let text = "\u{feff}# first\r\n[default]\r\nAWS_Access_Key_ID = AKID # mine\r\n  \r\nregion=eu-west-1\r\n\
                    [ profile  \"two words\" ] ; why\nrole_arn\t=\tarn:a=b#c\n s3 = ignored\n\
                    [services x]\ns3 =\n  endpoint_url = http://h:1/ \n  # none\n  Other = 1\nsts =\n  endpoint_url=u\n\
                    [default]\nregion = eu-west-2\n   more\nempty =\n";
        let ini = Ini::parse(text).unwrap();
        for (section, key, value) in [
            ("default", "aws_access_key_id", Some("AKID")),
            ("default", "region", Some("eu-west-2\nmore")),
            ("default", "empty", None),
            ("default", "nothing", None),
            ("profile two words", "role_arn", Some("arn:a=b#c\ns3 = ignored")),
            ("services x", "s3.endpoint_url", Some("http://h:1/")),
            ("services x", "s3.other", Some("1")),
            ("services x", "sts.endpoint_url", Some("u")),
            ("nowhere", "region", None),
        ] {
            assert_eq!(ini.get(section, key), value, "{section} {key}");
        }
        assert!(ini.has("default") && !ini.has("Default"));
    }

    #[test]
    fn a_section_that_is_indented_as_a_whole_is_one() {
        let ini = Ini::parse("[a]\n  x = 1\n  y = 2\n    z = 3\n").unwrap();
        assert_eq!((ini.get("a", "x"), ini.get("a", "y")), (Some("1"), Some("2\nz = 3")));
    }

    #[test]
    fn a_line_that_cannot_be_meant_is_named() {
        for (text, line, reason) in [
            ("x = 1", 1, "a line before the first section"),
            ("\n[a\nx = 1", 2, "the bracket is not closed"),
            ("[a]\n\n# c\nx", 4, "no name = value"),
            ("[a]\n= 1", 2, "no name = value"),
            ("[a]\ns3 =\n  x", 3, "no name = value"),
        ] {
            assert_eq!(Ini::parse(text), Err(Flaw { line, reason }), "{text:?}");
        }
    }

    #[test]
    fn a_comment_begins_after_white_space() {
        for (value, kept) in
            [(" a#b ", "a#b"), (" a #b", "a"), ("a\t;b", "a"), ("#", "#"), (" # a", "# a"), ("é #", "é")]
        {
            assert_eq!(uncommented(value), kept, "{value:?}");
        }
    }
}
