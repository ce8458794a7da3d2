//! `everfresh rpc`: one JSON object a line in, one a line out, in order. Each operation runs the same code that the
//! launcher and the packager's commands run.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::host::Env;
use crate::net::{Net, Settings};

mod archives;
mod network;
mod pure;
mod resolve;

/// What is asked: `op`, and what that operation takes.
pub type Request = Map<String, Value>;

/// What is answered, besides `ok`.
pub type Answer = Map<String, Value>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// What was given is wrong, or what was tried failed.
    Error(String),
    /// There is no set of versions that meets all requirements; the explanation.
    Unsatisfiable(String),
    /// We do not do that.
    Unsupported,
}

impl Refused {
    /// From whatever says what went wrong.
    pub(crate) fn because(reason: impl fmt::Display) -> Self {
        Self::Error(reason.to_string())
    }
}

/// What operations that reach beyond their request stand on.
#[derive(Debug)]
pub struct Context {
    net: Net,
    /// Beside it is room for what a request needs on disk.
    scratch: PathBuf,
}

impl Context {
    /// With the network as this environment says.
    pub fn new(env: &Env) -> Self {
        let temporary = env.non_empty("TMPDIR").map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            net: Net::new(&Settings::default(), env, crate::update::plan::USER_AGENT),
            scratch: temporary.unwrap_or_else(|| PathBuf::from("/tmp")).join("everfresh"),
        }
    }
}

type Operation = fn(&Context, &Request) -> Result<Answer, Refused>;

/// All that can be asked.
const OPERATIONS: &[(&str, Operation)] = &[
    ("version.parse", |_, request| pure::version_parse(request)),
    ("version.cmp", |_, request| pure::version_cmp(request)),
    ("specifier.parse", |_, request| pure::specifier_parse(request)),
    ("specifier.contains", |_, request| pure::specifier_contains(request)),
    ("specifier.filter", |_, request| pure::specifier_filter(request)),
    ("requirement.parse", |_, request| pure::requirement_parse(request)),
    ("marker.parse", |_, request| pure::marker_parse(request)),
    ("marker.evaluate", |_, request| pure::marker_evaluate(request)),
    ("wheel.parse", |_, request| pure::wheel_parse(request)),
    ("sdist.parse", |_, request| pure::sdist_parse(request)),
    ("name.normalize", |_, request| pure::name_normalize(request)),
    ("index", |context, request| network::index(&context.net, request)),
    ("download", |context, request| network::download(&context.net, request)),
    ("unpack", |_, request| archives::unpack(request)),
    ("install", |_, request| archives::install(request)),
    ("resolve", resolve::resolve),
];

/// The longest line that is read, in bytes.
const LONGEST_LINE: u64 = 16 << 20;

/// Answers every line of `input` until it ends.
///
/// # Errors
/// Only when `input` cannot be read or `output` cannot be written.
pub fn serve(context: &Context, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let result = if line.len() as u64 > LONGEST_LINE && !line.ends_with(b"\n") {
            input.skip_until(b'\n')?;
            Err(Refused::Error(format!("the line is longer than {LONGEST_LINE} bytes")))
        } else {
            answer(context, &line)
        };
        let mut text = Value::Object(finish(result)).to_string();
        text.push('\n');
        output.write_all(text.as_bytes())?;
        output.flush()?;
    }
}

fn answer(context: &Context, line: &[u8]) -> Result<Answer, Refused> {
    let request: Request =
        serde_json::from_slice(line).map_err(|error| Refused::Error(format!("not a request: {error}")))?;
    let asked = text(&request, "op")?;
    let operation = OPERATIONS.iter().find(|(name, _)| *name == asked);
    operation.map_or(Err(Refused::Unsupported), |(_, operation)| operation(context, &request))
}

fn finish(result: Result<Answer, Refused>) -> Answer {
    let refused = |key: &str, error: Option<String>| {
        let mut answer = Answer::from_iter([("ok".to_owned(), Value::Bool(false))]);
        if !key.is_empty() {
            answer.insert(key.to_owned(), Value::Bool(true));
        }
        answer.extend(error.map(|error| ("error".to_owned(), Value::String(error))));
        answer
    };
    match result {
        Ok(mut answer) => {
            answer.insert("ok".to_owned(), Value::Bool(true));
            answer
        }
        Err(Refused::Error(error)) => refused("", Some(error)),
        Err(Refused::Unsatisfiable(explanation)) => refused("unsatisfiable", Some(explanation)),
        Err(Refused::Unsupported) => refused("unsupported", None),
    }
}

/// A text that the request must have.
pub(crate) fn text<'a>(request: &'a Request, key: &str) -> Result<&'a str, Refused> {
    optional_text(request, key)?.ok_or_else(|| wrong(key, "a text"))
}

/// A text that the request may have; null is as good as nothing.
pub(crate) fn optional_text<'a>(request: &'a Request, key: &str) -> Result<Option<&'a str>, Refused> {
    match request.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(key, "a text")),
    }
}

/// A truth that the request may have; null is as good as nothing.
pub(crate) fn optional_bool(request: &Request, key: &str) -> Result<Option<bool>, Refused> {
    match request.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(truth)) => Ok(Some(*truth)),
        Some(_) => Err(wrong(key, "true, false or null")),
    }
}

/// A list of texts; without one it is empty.
pub(crate) fn texts<'a>(request: &'a Request, key: &str) -> Result<Vec<&'a str>, Refused> {
    match request.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => {
            values.iter().map(|value| value.as_str().ok_or_else(|| wrong(key, "a list of texts"))).collect()
        }
        Some(_) => Err(wrong(key, "a list of texts")),
    }
}

fn wrong(key: &str, expected: &str) -> Refused {
    Refused::Error(format!("'{key}' must be {expected}"))
}

#[cfg(test)]
mod tests;
