//! `everfresh rpc`: one JSON object a line in, one a line out, in order. Each operation runs the same code that the
//! launcher and the packager's commands run.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::aws::Aws;
use crate::host::{Env, Host};
use crate::net::{Net, Settings};
use crate::packager::scratch;

use super::arguments::{Arguments, Operands};
use super::commands::Command;
use super::failure::Failure;

mod archives;
mod network;
mod pure;
mod resolve;
mod s3;
mod sigv4;

pub(super) const COMMAND: Command = Command {
    name: "rpc",
    summary: "answer JSON requests, one a line, for editors, support and tests",
    operands: Operands::NONE,
    options: &[],
    text: "Every answer is {\"ok\":true,…} or {\"ok\":false,\"error\":TEXT}, in the order of the requests; an\n\
           unknown operation answers {\"ok\":false,\"unsupported\":true}.",
    examples: &["echo '{\"op\":\"version.parse\",\"version\":\"v1.0-ALPHA\"}' | everfresh rpc"],
    run,
};

fn run(host: &Host, _arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    Ok(serve(&Context::new(&host.env), io::stdin().lock(), output)?)
}

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
#[derive(Debug, Clone)]
pub struct Context {
    net: Arc<Net>,
    /// Whose credentials sign requests to buckets.
    aws: Aws,
    /// Where there is room for what a request needs on disk.
    temporary: PathBuf,
}

impl Context {
    /// With the network as this environment says.
    pub fn new(env: &Env) -> Self {
        Self {
            net: Arc::new(Net::new(&Settings::default(), env, crate::update::plan::USER_AGENT)),
            aws: Aws::new(&Host::of_env(env.clone()), None),
            temporary: scratch::temporary(env),
        }
    }
}

type Operation = fn(&Context, &Request) -> Result<Answer, Refused>;

/// How long an operation may take that neither asks a server nor unpacks.
const THOUGHT: Duration = Duration::from_secs(30);
/// How long it may take to unpack.
const UNPACKING: Duration = Duration::from_secs(10 * 60);
/// How long an index may be asked; the operation has a deadline of its own, a little earlier.
const QUESTION: Duration = Duration::from_secs(2 * 60);
/// How long a resolution may take; the same holds.
const RESOLUTION: Duration = Duration::from_secs(6 * 60);
/// How long a download may take; the same holds.
const DOWNLOAD: Duration = Duration::from_secs(20 * 60);

/// All that can be asked, and how long it may take.
const OPERATIONS: &[(&str, Duration, Operation)] = &[
    ("version.parse", THOUGHT, |_, request| pure::version_parse(request)),
    ("version.cmp", THOUGHT, |_, request| pure::version_cmp(request)),
    ("specifier.parse", THOUGHT, |_, request| pure::specifier_parse(request)),
    ("specifier.contains", THOUGHT, |_, request| pure::specifier_contains(request)),
    ("specifier.filter", THOUGHT, |_, request| pure::specifier_filter(request)),
    ("requirement.parse", THOUGHT, |_, request| pure::requirement_parse(request)),
    ("marker.parse", THOUGHT, |_, request| pure::marker_parse(request)),
    ("marker.evaluate", THOUGHT, |_, request| pure::marker_evaluate(request)),
    ("wheel.parse", THOUGHT, |_, request| pure::wheel_parse(request)),
    ("sdist.parse", THOUGHT, |_, request| pure::sdist_parse(request)),
    ("name.normalize", THOUGHT, |_, request| pure::name_normalize(request)),
    ("index", QUESTION, |context, request| network::index(&context.net, request)),
    ("download", DOWNLOAD, |context, request| network::download(&context.net, request)),
    ("unpack", UNPACKING, |_, request| archives::unpack(request)),
    ("install", UNPACKING, |_, request| archives::install(request)),
    ("resolve", RESOLUTION, resolve::resolve),
    ("sigv4", THOUGHT, |_, request| sigv4::sigv4(request)),
    ("s3.list", QUESTION, s3::list),
    ("s3.get", DOWNLOAD, s3::get),
    ("s3.put", DOWNLOAD, s3::put),
    ("s3.presign", QUESTION, s3::presign),
];

/// The stack of an operation, in bytes: as much as a main thread has.
const STACK: usize = 8 << 20;

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
    let known = OPERATIONS.iter().find(|(name, ..)| *name == asked);
    let Some((_, patience, operation)) = known else { return Err(Refused::Unsupported) };
    let context = context.clone();
    in_time(*patience, move || operation(&context, &request))
}

/// What the work gives, or that it did not in time. It has a thread of its own, which is left to itself when it is
/// late: the next request has its answer all the same.
fn in_time(
    patience: Duration,
    work: impl FnOnce() -> Result<Answer, Refused> + Send + 'static,
) -> Result<Answer, Refused> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let worker = thread::Builder::new().stack_size(STACK).spawn(move || {
        // Nobody listens any more to an answer that is late.
        let _ = sender.send(work());
    });
    worker.map_err(Refused::because)?;
    match receiver.recv_timeout(patience) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => {
            Err(Refused::Error(format!("not done after {} s", patience.as_secs())))
        }
        Err(RecvTimeoutError::Disconnected) => Err(Refused::because("ended without an answer")),
    }
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
