//! A position in a text that is being read from left to right: what the grammars of PEP 508 are parsed with.

/// What Python's `\s` and `str.strip` take for white space; Rust does not count the four ASCII separators.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// Whether `c` may go on a word, so that a keyword before it has not ended (`\b` in a regular expression).
fn continues_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The part of a text that is still to be read.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    rest: &'a str,
    length: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text, length: text.len() }
    }

    /// How many bytes have been read.
    pub(crate) fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads `token` where it comes next.
    pub(crate) fn eat(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Reads `word` where it comes next and ends there.
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        match self.rest.strip_prefix(word) {
            Some(rest) if !rest.starts_with(continues_word) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Reads as long as `wanted` says so.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Reads the blanks that PEP 508 allows between tokens; says whether there were any.
    pub(crate) fn skip_blanks(&mut self) -> bool {
        !self.take_while(|c| matches!(c, ' ' | '\t')).is_empty()
    }
}

/// A piece of somebody else's text for a message: escaped, and not longer than a line or two.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 160;
    let mut shown = String::new();
    for c in text.chars().take(LONGEST) {
        match c {
            '\'' | '"' | '\\' => shown.push(c),
            c => shown.extend(c.escape_debug()),
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
