//! Environment markers (PEP 508), with the meaning that the `packaging` library gives them.

use std::convert::Infallible;
use std::fmt;

use crate::package::cursor::shown;
use crate::package::name::ExtraName;
use crate::package::version::{Specifier, SpecifierSet};

mod environment;
mod parse;

pub use environment::{MarkerEnvironment, Variable};
pub use parse::InvalidMarker;

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operator {
    ArbitraryEqual,
    Equal,
    Compatible,
    NotEqual,
    LessEqual,
    GreaterEqual,
    Less,
    Greater,
    In,
    NotIn,
}

impl Operator {
    /// All that are signs, longer ones before their beginnings.
    const SIGNS: [Self; 8] = [
        Self::ArbitraryEqual,
        Self::Equal,
        Self::Compatible,
        Self::NotEqual,
        Self::LessEqual,
        Self::GreaterEqual,
        Self::Less,
        Self::Greater,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::ArbitraryEqual => "===",
            Self::Equal => "==",
            Self::Compatible => "~=",
            Self::NotEqual => "!=",
            Self::LessEqual => "<=",
            Self::GreaterEqual => ">=",
            Self::Less => "<",
            Self::Greater => ">",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Operand {
    Variable(Variable),
    Literal(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Comparison {
    left: Operand,
    operator: Operator,
    right: Operand,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Node {
    Or(Vec<Node>),
    And(Vec<Node>),
    /// In parentheses that were written, and are written again.
    Group(Box<Node>),
    Comparison(Comparison),
}

/// A condition on the interpreter, the machine and the wanted extras.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Marker(Node);

/// A comparison that has no meaning, such as `'dog' ~= os_name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndefinedComparison(pub String);

impl fmt::Display for UndefinedComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the comparison {} has no meaning", shown(&self.0))
    }
}

impl std::error::Error for UndefinedComparison {}

impl Marker {
    /// The condition that this extra is wanted.
    pub fn for_extra(extra: &ExtraName) -> Self {
        Self(Node::Comparison(Comparison {
            left: Operand::Variable(Variable::Extra),
            operator: Operator::Equal,
            right: Operand::Literal(extra.as_str().to_owned()),
        }))
    }

    /// Both conditions together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let parts = [self.0, other.0].into_iter().flat_map(|node| match node {
            Node::And(nodes) => nodes,
            Node::Or(_) => vec![Node::Group(Box::new(node))],
            Node::Group(_) | Node::Comparison(_) => vec![node],
        });
        Self(Node::And(parts.collect()))
    }

    /// Whether the condition holds for one of `extras`, or, where none are wanted, without any. A comparison
    /// without a meaning does not hold.
    pub fn evaluate(&self, environment: &MarkerEnvironment, extras: &[ExtraName]) -> bool {
        let holds = |extra: &str| {
            let context = Context { environment, extra, extras, groups: &[] };
            let lenient = |comparison: &Comparison| Ok(comparison.evaluate(&context).unwrap_or(false));
            self.0.evaluate::<Infallible>(&lenient).is_ok_and(|holds| holds)
        };
        if extras.is_empty() { holds("") } else { extras.iter().any(|extra| holds(extra.as_str())) }
    }

    /// Whether the condition holds with this value of `extra`; a comparison without a meaning is an error, even
    /// where the result does not depend on it. `extras` is what the variable `extras` of a lock holds (PEP 751).
    pub fn evaluate_strictly(
        &self,
        environment: &MarkerEnvironment,
        extra: &str,
        extras: &[ExtraName],
    ) -> Result<bool, UndefinedComparison> {
        let extra = parse::normalize_extra(extra);
        let context = Context { environment, extra: &extra, extras, groups: &[] };
        self.0.evaluate(&|comparison| comparison.evaluate(&context))
    }

    /// Whether the condition holds where a lock with it is installed, with these extras and dependency groups (PEP
    /// 751). A comparison without a meaning does not hold.
    pub fn evaluate_in_lock(
        &self,
        environment: &MarkerEnvironment,
        extras: &[ExtraName],
        groups: &[ExtraName],
    ) -> bool {
        let context = Context { environment, extra: "", extras, groups };
        let lenient = |comparison: &Comparison| Ok(comparison.evaluate(&context).unwrap_or(false));
        self.0.evaluate::<Infallible>(&lenient).is_ok_and(|holds| holds)
    }
}

struct Context<'a> {
    environment: &'a MarkerEnvironment,
    extra: &'a str,
    extras: &'a [ExtraName],
    groups: &'a [ExtraName],
}

/// What a variable holds.
enum Value<'a> {
    Text(&'a str),
    Names(&'a [ExtraName]),
}

impl Context<'_> {
    fn value(&self, variable: Variable) -> Value<'_> {
        match variable {
            Variable::Extra => Value::Text(self.extra),
            Variable::Extras => Value::Names(self.extras),
            Variable::DependencyGroups => Value::Names(self.groups),
            _ => Value::Text(self.environment.value(variable)),
        }
    }
}

impl Node {
    /// Evaluates every comparison, also those that no longer matter, so that an error never hides.
    fn evaluate<E>(&self, evaluate: &dyn Fn(&Comparison) -> Result<bool, E>) -> Result<bool, E> {
        match self {
            Self::Or(nodes) => {
                nodes.iter().try_fold(false, |result, node| Ok(node.evaluate(evaluate)? || result))
            }
            Self::And(nodes) => {
                nodes.iter().try_fold(true, |result, node| Ok(node.evaluate(evaluate)? && result))
            }
            Self::Group(node) => node.evaluate(evaluate),
            Self::Comparison(comparison) => evaluate(comparison),
        }
    }
}

impl Comparison {
    fn evaluate(&self, context: &Context<'_>) -> Result<bool, UndefinedComparison> {
        let (variable, left, right) = match (&self.left, &self.right) {
            // Two variables: `packaging` takes the right one for its own name, and so does pip.
            (Operand::Variable(variable), right) => {
                let right = match right {
                    Operand::Literal(text) => text,
                    Operand::Variable(other) => other.name(),
                };
                (*variable, context.value(*variable), Value::Text(right))
            }
            (Operand::Literal(text), Operand::Variable(variable)) => {
                (*variable, Value::Text(text), context.value(*variable))
            }
            (Operand::Literal(_), Operand::Literal(_)) => return Err(self.undefined()),
        };
        match (left, right) {
            (Value::Text(left), Value::Text(right)) => self.compare(variable, left, right),
            (Value::Text(left), Value::Names(names)) => self.is_among(left, names),
            (Value::Names(_), _) => Err(self.undefined()),
        }
    }

    fn compare(&self, variable: Variable, left: &str, right: &str) -> Result<bool, UndefinedComparison> {
        if variable.is_version()
            && let Ok(specifier) = format!("{}{right}", self.operator.as_str()).parse::<Specifier>()
        {
            let specifiers: SpecifierSet = [specifier].into_iter().collect();
            return Ok(specifiers.contains_text(left, Some(true)));
        }
        match self.operator {
            Operator::In => Ok(right.contains(left)),
            Operator::NotIn => Ok(!right.contains(left)),
            Operator::Equal | Operator::LessEqual | Operator::GreaterEqual => Ok(left == right),
            Operator::NotEqual => Ok(left != right),
            Operator::Less | Operator::Greater => Ok(false),
            Operator::Compatible | Operator::ArbitraryEqual => Err(self.undefined()),
        }
    }

    fn is_among(&self, text: &str, names: &[ExtraName]) -> Result<bool, UndefinedComparison> {
        let is_among = names.iter().any(|name| name.as_str() == text);
        match self.operator {
            Operator::In => Ok(is_among),
            Operator::NotIn => Ok(!is_among),
            Operator::Compatible | Operator::ArbitraryEqual => Err(self.undefined()),
            // A text is never a set of texts.
            operator => Ok(operator == Operator::NotEqual),
        }
    }

    fn undefined(&self) -> UndefinedComparison {
        UndefinedComparison(self.to_string())
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(nodes) => join(nodes, " or ", f),
            Self::And(nodes) => join(nodes, " and ", f),
            Self::Group(node) => write!(f, "({node})"),
            Self::Comparison(comparison) => comparison.fmt(f),
        }
    }
}

fn join(nodes: &[Node], word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        write!(f, "{}{node}", if index == 0 { "" } else { word })?;
    }
    Ok(())
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.operator.as_str(), self.right)
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(variable) => f.write_str(variable.name()),
            Self::Literal(text) => f.write_str(&parse::quote(text)),
        }
    }
}

#[cfg(test)]
mod tests;
