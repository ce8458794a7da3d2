//! The few things of an HTML page that concern us. The tags are found as HTML's tokenizer finds them (13.2.5), so that
//! a link in a comment or a script is none; what no index page needs is left out: other names of characters than the
//! five of XML, the old reading of `&#128;` to `&#159;`, and scripts that hide scripts in a comment.

use super::listing::LONGEST_TEXT;

/// Something of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Element {
    /// `<base href>`
    Base(String),
    /// `<meta name="pypi:repository-version" content>` (PEP 629).
    Version(String),
    /// `<a href>`
    Anchor(Anchor),
}

/// A link with the attributes that PEP 503, 592, 658 and 714 give a meaning; entities are decoded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Anchor {
    pub(super) href: String,
    pub(super) requires_python: Option<String>,
    pub(super) yanked: Option<String>,
    pub(super) core_metadata: Option<String>,
    pub(super) dist_info_metadata: Option<String>,
}

/// Elements whose content is text, whatever it looks like. `noscript` is none of them for who runs no scripts.
const TEXT: [&str; 7] = ["script", "style", "textarea", "title", "xmp", "iframe", "noembed"];

/// Tells of every element in the order of the page, in time proportional to its length. A tag that the page ends in
/// the middle of is none.
pub(super) fn scan(page: &[u8], tell: &mut dyn FnMut(Element)) {
    let mut scanner = Scanner(page);
    while scanner.element(tell).is_some() {}
}

/// The rest of a page. Every step is `None` where the page ends before it does.
struct Scanner<'a>(&'a [u8]);

impl<'a> Scanner<'a> {
    /// Goes past the next tag.
    fn element(&mut self, tell: &mut dyn FnMut(Element)) -> Option<()> {
        let name = self.start_tag()?;
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let kinds = [("a", Kind::Anchor), ("base", Kind::Base), ("meta", Kind::Meta)];
        let Some((_, kind)) = kinds.into_iter().find(|(known, _)| is(known)) else {
            self.attributes(&mut |_, _| {})?;
            if is("plaintext") {
                return None;
            }
            return if TEXT.into_iter().any(is) { self.text_of(name) } else { Some(()) };
        };
        let mut values = Values::default();
        self.attributes(&mut |name, value| values.add(name, value))?;
        values.element(kind).into_iter().for_each(tell);
        Some(())
    }

    /// Goes behind the name of the next start tag, past text, comments, declarations and end tags.
    fn start_tag(&mut self) -> Option<&'a [u8]> {
        loop {
            self.past(b'<')?;
            match self.0 {
                [b'!', b'-', b'-', ..] => self.comment()?,
                [b'/', first, ..] if first.is_ascii_alphabetic() => {
                    self.take(1);
                    self.until(ends_name);
                    self.attributes(&mut |_, _| {})?;
                }
                // A declaration, or a "bogus comment".
                [b'!' | b'?', ..] | [b'/', _, ..] => self.past(b'>')?,
                [first, ..] if first.is_ascii_alphabetic() => return Some(self.until(ends_name)),
                _ => {}
            }
        }
    }

    /// Goes past a comment, from its exclamation mark on. The dashes that begin it may end it: `<!-->`.
    fn comment(&mut self) -> Option<()> {
        let mut end = 0;
        loop {
            end += self.0.get(end..)?.iter().position(|byte| *byte == b'>')? + 1;
            let before = |from| self.0.get(from..end).unwrap_or_default();
            if before(1).ends_with(b"-->") || before(3).ends_with(b"--!>") {
                self.take(end);
                return Some(());
            }
        }
    }

    /// Goes past the end tag of an element that has only text.
    fn text_of(&mut self, name: &[u8]) -> Option<()> {
        loop {
            self.past(b'<')?;
            let Some(rest) = self.0.strip_prefix(b"/") else { continue };
            let same = rest.get(..name.len()).is_some_and(|other| other.eq_ignore_ascii_case(name));
            if same && rest.get(name.len()).copied().is_none_or(ends_name) {
                self.take(1 + name.len());
                return self.attributes(&mut |_, _| {});
            }
        }
    }

    /// Tells of the attributes up to the end of a tag, values as they are written, and goes past that.
    fn attributes(&mut self, tell: &mut dyn FnMut(&'a [u8], &'a [u8])) -> Option<()> {
        loop {
            self.until(|byte| !is_space(byte) && byte != b'/');
            if *self.0.first()? == b'>' {
                self.take(1);
                return Some(());
            }
            // An equals sign in the first place belongs to the name.
            let length = self.0.iter().skip(1).position(|byte| ends_name(*byte) || *byte == b'=')? + 1;
            let name = self.take(length);
            self.until(|byte| !is_space(byte));
            let value = if *self.0.first()? == b'=' { self.value()? } else { b"" };
            tell(name, value);
        }
    }

    /// Goes past an equals sign and what stands behind it.
    fn value(&mut self) -> Option<&'a [u8]> {
        self.take(1);
        self.until(|byte| !is_space(byte));
        let quote = *self.0.first()?;
        if !matches!(quote, b'"' | b'\'') {
            return Some(self.until(|byte| is_space(byte) || byte == b'>'));
        }
        self.take(1);
        let value = self.until(|byte| byte == quote);
        self.past(quote)?;
        Some(value)
    }

    /// Goes behind the next such byte.
    fn past(&mut self, byte: u8) -> Option<()> {
        let at = self.0.iter().position(|other| *other == byte)?;
        self.take(at + 1);
        Some(())
    }

    /// Goes to the first byte that is such a one, or to the end.
    fn until(&mut self, is_end: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| is_end(*byte)).unwrap_or(self.0.len());
        self.take(end)
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(length).unwrap_or((self.0, b""));
        self.0 = rest;
        taken
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

fn ends_name(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'/' | b'>')
}

#[derive(Clone, Copy)]
enum Kind {
    Anchor,
    Base,
    Meta,
}

const ATTRIBUTES: [&str; 7] = [
    "href",
    "name",
    "content",
    "data-requires-python",
    "data-yanked",
    "data-core-metadata",
    "data-dist-info-metadata",
];

/// The values of those attributes that a tag has.
#[derive(Default)]
struct Values<'a>([Option<&'a [u8]>; ATTRIBUTES.len()]);

impl<'a> Values<'a> {
    fn add(&mut self, name: &[u8], value: &'a [u8]) {
        let known = ATTRIBUTES.into_iter().zip(&mut self.0);
        for (_, slot) in known.filter(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)) {
            // The first of two equal attributes counts (HTML, 13.2.5.33).
            slot.get_or_insert(value);
        }
    }

    fn element(self, kind: Kind) -> Option<Element> {
        if self.0.iter().flatten().any(|value| value.len() > LONGEST_TEXT) {
            // One of a file that does not count; a link to nowhere is one.
            return matches!(kind, Kind::Anchor).then(|| Element::Anchor(Anchor::default()));
        }
        let [href, name, content, requires_python, yanked, core_metadata, dist_info_metadata] =
            self.0.map(|value| value.map(decode));
        match kind {
            Kind::Base => href.map(Element::Base),
            Kind::Meta => {
                let ours = name.is_some_and(|name| name.eq_ignore_ascii_case("pypi:repository-version"));
                content.filter(|_| ours).map(Element::Version)
            }
            Kind::Anchor => Some(Element::Anchor(Anchor {
                href: href?,
                requires_python,
                yanked,
                core_metadata,
                dist_info_metadata,
            })),
        }
    }
}

/// The text that an attribute's value stands for.
fn decode(value: &[u8]) -> String {
    let mut text = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'&' => match character(behind) {
                Some((character, behind)) => {
                    text.extend(character.encode_utf8(&mut [0; 4]).bytes());
                    rest = behind;
                }
                None => text.push(b'&'),
            },
            // Lines end in one way (HTML, 13.2.3.5), and NUL is no character of a page.
            b'\r' => {
                rest = behind.strip_prefix(b"\n").unwrap_or(behind);
                text.push(b'\n');
            }
            b'\0' => text.extend("\u{fffd}".bytes()),
            byte => text.push(*byte),
        }
    }
    String::from_utf8(text).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The character that is meant behind an `&`, and what follows it.
fn character(text: &[u8]) -> Option<(char, &[u8])> {
    const NAMES: [(&str, &str, char); 5] = [
        ("amp", "AMP", '&'),
        ("lt", "LT", '<'),
        ("gt", "GT", '>'),
        ("quot", "QUOT", '"'),
        ("apos", "", '\''),
    ];
    if let Some(number) = text.strip_prefix(b"#") {
        return numbered(number);
    }
    NAMES.into_iter().find_map(|(name, upper, character)| {
        let old = !upper.is_empty();
        let behind = text
            .strip_prefix(name.as_bytes())
            .or_else(|| text.strip_prefix(upper.as_bytes()).filter(|_| old))?;
        match behind.split_first() {
            Some((b';', behind)) => Some((character, behind)),
            // Old pages leave the semicolon out; but `?a=1&lt=2` is an address.
            Some((next, _)) if *next == b'=' || next.is_ascii_alphanumeric() => None,
            _ => old.then_some((character, behind)),
        }
    })
}

/// `38;` or `x26;`, with or without the semicolon.
fn numbered(text: &[u8]) -> Option<(char, &[u8])> {
    let hexadecimal = text.strip_prefix(b"x").or_else(|| text.strip_prefix(b"X"));
    let (digits, radix) = hexadecimal.map_or((text, 10), |digits| (digits, 16));
    let length = digits.iter().take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let (digits, behind) = digits.split_at_checked(length).filter(|_| length > 0)?;
    let number = digits.iter().filter_map(|byte| char::from(*byte).to_digit(radix));
    let number = number.fold(0_u32, |number, digit| number.saturating_mul(radix).saturating_add(digit));
    let character = char::from_u32(number).filter(|character| *character != '\0');
    Some((character.unwrap_or(char::REPLACEMENT_CHARACTER), behind.strip_prefix(b";").unwrap_or(behind)))
}
