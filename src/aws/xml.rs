//! The XML that AWS services answer with: elements and text, read once from front to back. Attributes, comments and
//! processing instructions are skipped; document types, which could define entities, are refused.

use std::fmt;

/// The deepest nesting that is read; answers of services have five levels.
const DEEPEST: usize = 32;
/// The longest text of one element, in bytes; keys have at most 1024, tokens some thousand.
const LONGEST_TEXT: usize = 64 << 10;

/// Why an answer cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XmlError {
    /// It ends in the middle.
    Truncated,
    /// It is not what XML 1.0 allows.
    Malformed,
    /// It has a document type.
    Doctype,
    /// It is nested too deeply, or an element has too much text.
    TooLarge,
}

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "it ends in the middle",
            Self::Malformed => "it is no XML",
            Self::Doctype => "it has a document type",
            Self::TooLarge => "it is nested too deeply or has too long a text",
        })
    }
}

impl std::error::Error for XmlError {}

/// Something of a document, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'r> {
    /// An element begins; the last of the path is its name.
    Start(&'r [&'r str]),
    /// An element ends; its own text, that of elements inside left out.
    End(&'r [&'r str], &'r str),
}

/// Tells of every element in order. Names lose their namespace's prefix.
///
/// # Errors
/// When it is damaged; what came before has been told by then.
pub fn read(document: &[u8], tell: &mut dyn FnMut(Event<'_>)) -> Result<(), XmlError> {
    let text = std::str::from_utf8(document).map_err(|_| XmlError::Malformed)?;
    let mut reader =
        Reader { rest: text.trim_start_matches('\u{feff}'), path: Vec::new(), texts: Vec::new() };
    let mut begun = false;
    loop {
        reader.text()?;
        if reader.rest.is_empty() {
            return if begun && reader.path.is_empty() { Ok(()) } else { Err(XmlError::Truncated) };
        }
        begun |= reader.markup(begun, tell)?;
    }
}

/// The text of the first element at that path below the document's element, trimmed; `None` where there is none, or
/// the document is damaged before it.
pub fn find(document: &[u8], path: &[&str]) -> Option<String> {
    let mut found = None;
    let _ = read(document, &mut |event| {
        if let Event::End([_, below @ ..], text) = event
            && found.is_none()
            && below == path
        {
            found = Some(text.trim().to_owned());
        }
    });
    found
}

struct Reader<'d> {
    rest: &'d str,
    path: Vec<&'d str>,
    /// The text so far of each element of `path`.
    texts: Vec<String>,
}

impl<'d> Reader<'d> {
    /// What stands before `end`; goes on behind it.
    fn until(&mut self, end: &str) -> Result<&'d str, XmlError> {
        let (before, rest) = self.rest.split_once(end).ok_or(XmlError::Truncated)?;
        self.rest = rest;
        Ok(before)
    }

    /// Takes the text up to the next markup.
    fn text(&mut self) -> Result<(), XmlError> {
        let (text, rest) = self.rest.split_at(self.rest.find('<').unwrap_or(self.rest.len()));
        self.rest = rest;
        match self.texts.last_mut() {
            Some(own) => unescape(text, own),
            None if text.trim().is_empty() => Ok(()),
            None => Err(XmlError::Malformed),
        }
    }

    /// Takes one piece of markup; whether it was an element's.
    fn markup(&mut self, begun: bool, tell: &mut dyn FnMut(Event<'_>)) -> Result<bool, XmlError> {
        if self.skip("<?") {
            self.until("?>")?;
        } else if self.skip("<!--") {
            self.until("-->")?;
        } else if self.skip("<![CDATA[") {
            let text = self.until("]]>")?;
            push(self.texts.last_mut().ok_or(XmlError::Malformed)?, text)?;
        } else if self.skip("<!") {
            return Err(if "DOCTYPE".starts_with(self.rest) || self.rest.starts_with("DOCTYPE") {
                XmlError::Doctype
            } else {
                XmlError::Malformed
            });
        } else if self.skip("</") {
            let name = local(self.until(">")?.trim_end())?;
            self.end(name, tell)?;
        } else {
            self.skip("<");
            if begun && self.path.is_empty() {
                return Err(XmlError::Malformed);
            }
            self.start(tell)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn skip(&mut self, start: &str) -> bool {
        let rest = self.rest.strip_prefix(start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn start(&mut self, tell: &mut dyn FnMut(Event<'_>)) -> Result<(), XmlError> {
        let inside = self.tag()?;
        let (inside, empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let name = inside.split(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default();
        let name = local(name)?;
        if self.path.len() >= DEEPEST {
            return Err(XmlError::TooLarge);
        }
        self.path.push(name);
        self.texts.push(String::new());
        tell(Event::Start(&self.path));
        if empty { self.end(name, tell) } else { Ok(()) }
    }

    /// The inside of a start tag, up to a `>` that is in no attribute's value.
    fn tag(&mut self) -> Result<&'d str, XmlError> {
        let mut quote = None;
        let end = self.rest.find(|c: char| {
            match (quote, c) {
                (None, '>') => return true,
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if c == open => quote = None,
                _ => {}
            }
            false
        });
        let (tag, rest) = self.rest.split_at(end.ok_or(XmlError::Truncated)?);
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(tag)
    }

    fn end(&mut self, name: &str, tell: &mut dyn FnMut(Event<'_>)) -> Result<(), XmlError> {
        if self.path.last() != Some(&name) {
            return Err(XmlError::Malformed);
        }
        let text = self.texts.pop().unwrap_or_default();
        tell(Event::End(&self.path, &text));
        self.path.pop();
        Ok(())
    }
}

/// A name without the prefix of its namespace.
fn local(name: &str) -> Result<&str, XmlError> {
    let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
    let good = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if local.is_empty() || !local.chars().all(good) { Err(XmlError::Malformed) } else { Ok(local) }
}

fn push(own: &mut String, text: &str) -> Result<(), XmlError> {
    if own.len() + text.len() > LONGEST_TEXT {
        return Err(XmlError::TooLarge);
    }
    own.push_str(text);
    Ok(())
}

/// Adds text with its references resolved (XML 1.0, 4.1 and 4.6).
fn unescape(text: &str, own: &mut String) -> Result<(), XmlError> {
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once('&') {
        push(own, before)?;
        let (name, behind) = reference.split_once(';').ok_or(XmlError::Malformed)?;
        let character = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            name => number(name).ok_or(XmlError::Malformed)?,
        };
        push(own, character.encode_utf8(&mut [0; 4]))?;
        rest = behind;
    }
    push(own, rest)
}

/// `#10` or `#xA`.
fn number(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let (digits, radix) = digits.strip_prefix('x').map_or((digits, 10), |hex| (hex, 16));
    let plain = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    plain.then(|| u32::from_str_radix(digits, radix).ok()).flatten().and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths and texts of all elements, as they end.
    fn told(document: &str) -> Result<Vec<String>, XmlError> {
        let mut told = Vec::new();
        read(document.as_bytes(), &mut |event| {
            if let Event::End(path, text) = event {
                told.push(format!("{}={text}", path.join("/")));
            }
        })?;
        Ok(told)
    }

    #[test]
    fn elements_end_with_their_own_text() {
        for (document, expected) in [
            ("<a/>", &["a="][..]),
            ("<?xml version='1.0'?>\n<a x='1>2' y=\"/\"><b>1</b><b>2</b></a>\n", &["a/b=1", "a/b=2", "a="]),
            ("\u{feff}<a><!-- <b> --><b />x<![CDATA[<&y>]]></a>", &["a/b=", "a=x<&y>"]),
            (
                "<s:a xmlns:s='u'><s:b>&lt;&gt;&amp;&quot;&apos;&#233;&#xe9;</s:b ></s:a>",
                &["a/b=<>&\"'éé", "a="],
            ),
        ] {
            assert_eq!(
                told(document),
                Ok(expected.iter().map(|&text| text.to_owned()).collect()),
                "{document}"
            );
        }
    }

    #[test]
    fn every_beginning_of_a_document_is_an_error() {
        let whole = "<?xml version=\"1.0\"?><!-- x --><a b='c'><d>1&amp;2</d><e/><![CDATA[f]]></a>";
        assert!(told(whole).is_ok());
        for end in 0..whole.len() {
            assert!(told(&whole[..end]).is_err(), "{}", &whole[..end]);
        }
        assert_eq!(told("<a><b>1</b>"), Err(XmlError::Truncated));
    }

    #[test]
    fn what_no_service_sends_is_refused() {
        let deep = "<a>".repeat(1 << 20);
        let long = format!("<a>{}</a>", "x".repeat(LONGEST_TEXT + 1));
        for (document, expected) in [
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", XmlError::Doctype),
            ("<a>&b;</a>", XmlError::Malformed),
            ("<a>&#xD800;</a>", XmlError::Malformed),
            ("<a>&#+1;</a>", XmlError::Malformed),
            ("<a></b>", XmlError::Malformed),
            ("<a/><b/>", XmlError::Malformed),
            ("</a>", XmlError::Malformed),
            ("text", XmlError::Malformed),
            ("", XmlError::Truncated),
            (&deep, XmlError::TooLarge),
            (&long, XmlError::TooLarge),
        ] {
            assert_eq!(told(document), Err(expected), "{}", &document[..document.len().min(60)]);
        }
        assert_eq!(read(b"<a>\xff</a>", &mut |_| {}), Err(XmlError::Malformed));
    }

    #[test]
    fn one_text_is_found_by_its_path() {
        let document = b"<Error><Code> Denied\n</Code><Inner><Code>2</Code></Inner></Error>";
        assert_eq!(find(document, &["Code"]), Some("Denied".to_owned()));
        assert_eq!(find(document, &["Inner", "Code"]), Some("2".to_owned()));
        assert_eq!(find(document, &["None"]), None);
        assert_eq!(find(&document[..20], &["Code"]), None);
    }
}
