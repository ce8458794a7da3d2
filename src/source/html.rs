//! The few things of an HTML page that concern us, found by a tokenizer that takes anything.

use html5gum::Tokenizer;
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};

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

/// Tells of every element in the order of the page. Scripts, comments and the like are not looked into.
pub(super) fn scan(page: &[u8], tell: &mut dyn FnMut(Element)) {
    let mut tag = Tag::default();
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: html5gum::Span<()>| -> Option<()> {
        match event {
            CallbackEvent::OpenStartTag { name } => tag.open(name),
            CallbackEvent::AttributeName { name } => tag.attribute(name),
            CallbackEvent::AttributeValue { value } => tag.value(value),
            CallbackEvent::CloseStartTag { .. } => tag.close().into_iter().for_each(&mut *tell),
            _ => {}
        }
        None
    });
    emitter.naively_switch_states(true);
    // Reading from memory cannot fail, and there are no tokens to keep.
    Tokenizer::new_with_emitter(page, emitter).for_each(drop);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Anchor,
    Base,
    Meta,
}

/// The start tag being read.
#[derive(Default)]
struct Tag {
    kind: Option<Kind>,
    attributes: Vec<(&'static str, String)>,
    /// Whether a value belongs to the last of `attributes`, or to one that does not matter.
    wanted: bool,
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

impl Tag {
    fn open(&mut self, name: &[u8]) {
        self.kind = match name {
            b"a" => Some(Kind::Anchor),
            b"base" => Some(Kind::Base),
            b"meta" => Some(Kind::Meta),
            _ => None,
        };
        self.attributes.clear();
        self.wanted = false;
    }

    fn attribute(&mut self, name: &[u8]) {
        let known = ATTRIBUTES.into_iter().find(|known| known.as_bytes() == name);
        // The first of two equal attributes counts (HTML, 13.2.5.33).
        let new =
            known.filter(|known| self.kind.is_some() && !self.attributes.iter().any(|(n, _)| n == known));
        self.wanted = new.is_some();
        self.attributes.extend(new.map(|name| (name, String::new())));
    }

    fn value(&mut self, value: &[u8]) {
        if let Some((_, text)) = self.attributes.last_mut().filter(|_| self.wanted) {
            *text = String::from_utf8_lossy(value).into_owned();
        }
        self.wanted = false;
    }

    fn close(&mut self) -> Option<Element> {
        match self.kind.take()? {
            Kind::Base => self.take("href").map(Element::Base),
            Kind::Meta => {
                let ours = self
                    .take("name")
                    .is_some_and(|name| name.eq_ignore_ascii_case("pypi:repository-version"));
                self.take("content").filter(|_| ours).map(Element::Version)
            }
            Kind::Anchor => Some(Element::Anchor(Anchor {
                href: self.take("href")?,
                requires_python: self.take("data-requires-python"),
                yanked: self.take("data-yanked"),
                core_metadata: self.take("data-core-metadata"),
                dist_info_metadata: self.take("data-dist-info-metadata"),
            })),
        }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.attributes.iter().position(|(known, _)| *known == name)?;
        Some(self.attributes.swap_remove(at).1)
    }
}
