//! The grammar of markers.

use std::fmt;
use std::str::FromStr;

use super::{Comparison, Marker, Node, Operand, Operator, Variable};
use crate::package::cursor::{Cursor, shown};

/// How deep parentheses may be nested: far more than anybody writes, and no danger to the stack.
const DEEPEST: usize = 200;

/// A text that is no marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidMarker {
    /// The whole text.
    pub marker: String,
    /// Where reading stopped, in bytes.
    pub offset: usize,
    /// What should have come there.
    pub expected: &'static str,
}

impl fmt::Display for InvalidMarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { marker, offset, expected } = self;
        write!(f, "invalid marker '{}': expected {expected} at position {}", shown(marker), offset + 1)
    }
}

impl std::error::Error for InvalidMarker {}

impl FromStr for Marker {
    type Err = InvalidMarker;

    fn from_str(text: &str) -> Result<Self, InvalidMarker> {
        let mut cursor = Cursor::new(text);
        let end = |node, at_end| if at_end { Ok(node) } else { Err("'and', 'or' or the end") };
        let parsed = disjunction(&mut cursor, 0).and_then(|node| end(node, cursor.is_at_end()));
        match parsed {
            Ok(Node::Group(node)) => Ok(Self(*node)),
            Ok(node) => Ok(Self(node)),
            Err(expected) => {
                Err(InvalidMarker { marker: text.to_owned(), offset: cursor.offset(), expected })
            }
        }
    }
}

type Parsed<T> = Result<T, &'static str>;

fn disjunction(cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Node> {
    list(cursor, depth, "or", Node::Or, |cursor, depth| list(cursor, depth, "and", Node::And, atom))
}

/// One or more of what `item` reads with `word` between them.
fn list(
    cursor: &mut Cursor<'_>,
    depth: usize,
    word: &str,
    join: fn(Vec<Node>) -> Node,
    item: fn(&mut Cursor<'_>, usize) -> Parsed<Node>,
) -> Parsed<Node> {
    let first = item(cursor, depth)?;
    if !cursor.eat_word(word) {
        return Ok(first);
    }
    let mut items = vec![first, item(cursor, depth)?];
    while cursor.eat_word(word) {
        items.push(item(cursor, depth)?);
    }
    Ok(join(items))
}

fn atom(cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Node> {
    cursor.skip_blanks();
    let node = if cursor.eat("(") {
        if depth == DEEPEST {
            return Err("fewer parentheses");
        }
        let node = disjunction(cursor, depth + 1)?;
        if !cursor.eat(")") {
            return Err("')'");
        }
        // Parentheses around one comparison, or twice around the same, say nothing.
        match node {
            Node::Or(_) | Node::And(_) => Node::Group(Box::new(node)),
            Node::Group(_) | Node::Comparison(_) => node,
        }
    } else {
        Node::Comparison(comparison(cursor)?)
    };
    cursor.skip_blanks();
    Ok(node)
}

fn comparison(cursor: &mut Cursor<'_>) -> Parsed<Comparison> {
    let left = operand(cursor)?;
    cursor.skip_blanks();
    let operator = operator(cursor)?;
    cursor.skip_blanks();
    let right = operand(cursor)?;
    let mut comparison = Comparison { left, operator, right };
    comparison.normalize_extras();
    Ok(comparison)
}

impl Comparison {
    /// PEP 685: names of extras are compared normalized.
    fn normalize_extras(&mut self) {
        use Variable::{DependencyGroups, Extra, Extras};
        match (&mut self.left, &mut self.right) {
            (Operand::Variable(Extra), Operand::Literal(text))
            | (Operand::Literal(text), Operand::Variable(Extra | Extras | DependencyGroups)) => {
                *text = normalize_extra(text);
            }
            _ => {}
        }
    }
}

/// Normalizes what may be no name at all: an empty text stays one, so that `extra == ''` can be asked.
pub(super) fn normalize_extra(text: &str) -> String {
    let mut normalized = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        let c = if matches!(c, '_' | '.') { '-' } else { c };
        if c != '-' || !normalized.ends_with('-') {
            normalized.push(c);
        }
    }
    normalized
}

fn operator(cursor: &mut Cursor<'_>) -> Parsed<Operator> {
    if cursor.eat_word("in") {
        return Ok(Operator::In);
    }
    if cursor.eat_word("not") {
        return if cursor.skip_blanks() && cursor.eat_word("in") {
            Ok(Operator::NotIn)
        } else {
            Err("'in' after 'not'")
        };
    }
    let operator = Operator::SIGNS.into_iter().find(|operator| cursor.eat(operator.as_str()));
    operator.ok_or("one of <=, <, !=, ==, >=, >, ~=, ===, in, not in")
}

fn operand(cursor: &mut Cursor<'_>) -> Parsed<Operand> {
    let spelling = Variable::SPELLINGS.iter().find(|(spelling, _)| cursor.eat_word(spelling));
    if let Some((_, variable)) = spelling {
        return Ok(Operand::Variable(*variable));
    }
    let quote = if cursor.eat("'") {
        '\''
    } else if cursor.eat("\"") {
        '"'
    } else {
        return Err("a variable or a quoted string");
    };
    let text = cursor.take_while(|c| c != quote);
    if !cursor.eat(quote.encode_utf8(&mut [0; 4])) {
        return Err("the end of the quoted string");
    }
    unescape(text).map(Operand::Literal).ok_or("a quoted string that Python can read before this")
}

/// What Python reads a string literal's inside as: `packaging` evaluates it as one.
fn unescape(text: &str) -> Option<String> {
    if text.contains(['\n', '\r', '\0']) {
        return None;
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            result.push(c);
            continue;
        }
        let escaped = rest.next()?;
        match escaped {
            '\\' | '\'' | '"' => result.push(escaped),
            'a' => result.push('\x07'),
            'b' => result.push('\x08'),
            'f' => result.push('\x0c'),
            'n' => result.push('\n'),
            'r' => result.push('\r'),
            't' => result.push('\t'),
            'v' => result.push('\x0b'),
            'x' => result.push(hexadecimal(&mut rest, 2)?),
            'u' => result.push(hexadecimal(&mut rest, 4)?),
            'U' => result.push(hexadecimal(&mut rest, 8)?),
            '0'..='7' => {
                let more = rest.as_str().chars().take(2).take_while(|c| c.is_digit(8)).count();
                let octal = std::iter::once(escaped).chain(rest.by_ref().take(more));
                result.push(char::from_u32(octal.filter_map(|c| c.to_digit(8)).fold(0, |n, d| n * 8 + d))?);
            }
            // A character by its name would need the tables of Unicode.
            'N' => return None,
            other => result.extend(['\\', other]),
        }
    }
    Some(result)
}

fn hexadecimal(rest: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let mut code = 0u32;
    for _ in 0..digits {
        code = code.checked_mul(16)?.checked_add(rest.next()?.to_digit(16)?)?;
    }
    char::from_u32(code)
}

/// The literal that is read as this text again.
pub(super) fn quote(text: &str) -> String {
    let quote = if text.contains('"') && !text.contains('\'') { '\'' } else { '"' };
    let mut literal = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\0' => literal.push_str("\\x00"),
            c if c == quote => literal.push_str("\\x22"),
            c => literal.push(c),
        }
    }
    literal.push(quote);
    literal
}
