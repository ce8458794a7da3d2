//! What a run did, compared exactly; a difference is shown whole.

use std::io::{Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::net::within;

/// No run in these tests takes longer.
const LONGEST: Duration = Duration::from_secs(60);
/// How long after its end a run's output may stay open, held by what it started.
const LINGER: Duration = Duration::from_secs(5);

/// Progress shows itself after this time.
const PATIENCE: Duration = Duration::from_millis(500);
/// What progress tells of.
const STEPS: [&str; 5] = [
    "building ",
    "looking for packages",
    "fetching packages",
    "installing",
    "waiting for another update of it",
];
/// What takes a line of progress away on a terminal.
const ERASE: &str = "\r\x1b[K";

/// Texts that differ from run to run, and what stands for them.
#[derive(Debug, Clone, Default)]
pub struct Redactions(pub Vec<(String, String)>);

impl Redactions {
    pub fn apply(&self, text: &str) -> String {
        let known = self.0.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        ports_hidden(&known)
    }
}

/// Whether a text is what the pattern says; `…` stands for anything.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Local ports are chosen by the system: `127.0.0.1:40123` becomes `127.0.0.1:[PORT]`.
pub fn ports_hidden(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |hidden, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        hidden + "127.0.0.1:[PORT]" + rest
    })
}

/// Numbers before a unit of time: `0.31 s` and `12ms` become `[TIME]`.
pub fn times_hidden(text: &str) -> String {
    let mut hidden = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
        let (digits, after) = number.split_at(end);
        hidden.push_str(before);
        let unit = ["ms", "µs", "s"].into_iter().find(|unit| {
            let tail = after.trim_start_matches(' ').strip_prefix(unit);
            tail.is_some_and(|tail| !tail.starts_with(|c: char| c.is_alphanumeric()))
        });
        hidden.push_str(if unit.is_some() { "[TIME]" } else { digits });
        rest = unit.and_then(|unit| after.trim_start_matches(' ').strip_prefix(unit)).unwrap_or(after);
    }
    hidden + rest
}

/// A process that was started and is not yet waited for.
pub struct Running {
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    started: Instant,
    shown: String,
    redactions: Redactions,
}

impl Running {
    /// Starts it; `input` is its whole standard input.
    pub fn start(mut command: Command, input: Vec<u8>, redactions: Redactions) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let shown = redactions.apply(&show(&command));
        let started = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let mut stdin = child.stdin.take().unwrap();
        thread::spawn(move || {
            // A program need not read all of its input.
            let _ = stdin.write_all(&input);
        });
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        Self { child, stdout, stderr, started, shown, redactions }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL to this process alone; what it started lives on.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end and for the end of its output.
    #[track_caller]
    pub fn wait(mut self) -> Outcome {
        let mut status = None;
        within(LONGEST, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let elapsed = self.started.elapsed();
        if status.is_none() {
            let _ = self.child.kill();
        }
        let output = |pipe: &Receiver<Vec<u8>>, name: &str| {
            let bytes = pipe.recv_timeout(LINGER);
            bytes.unwrap_or_else(|_| panic!("{}: something still holds its {name} open", self.shown))
        };
        let (stdout, stderr) = (output(&self.stdout, "stdout"), output(&self.stderr, "stderr"));
        let Some(status) = status else {
            let stderr = String::from_utf8_lossy(&stderr);
            panic!("{}: did not end within {LONGEST:?}; stderr:\n{stderr}", self.shown)
        };
        let text = |bytes: &[u8]| self.redactions.apply(&String::from_utf8_lossy(bytes));
        Outcome { out: text(&stdout), err: text(&stderr), raw: stdout, status, elapsed, shown: self.shown }
    }
}

pub(super) fn collect(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// A run that has ended. Each check that does not hold prints all there is to know.
#[must_use = "an outcome that nobody looks at proves nothing"]
#[derive(Debug)]
pub struct Outcome {
    out: String,
    err: String,
    raw: Vec<u8>,
    status: ExitStatus,
    elapsed: Duration,
    shown: String,
}

impl Outcome {
    /// It ended well, printed exactly this, and said nothing else.
    #[track_caller]
    pub fn prints(&self, stdout: &str) -> &Self {
        self.status(0).stdout(stdout).stderr("")
    }

    /// It ended with that status, printed nothing, and said exactly this on standard error.
    #[track_caller]
    pub fn fails(&self, status: i32, stderr: &str) -> &Self {
        self.stderr(stderr).stdout("").status(status)
    }

    /// The exit status; 128 and the number for a signal, as shells have it.
    #[track_caller]
    pub fn status(&self, expected: i32) -> &Self {
        use std::os::unix::process::ExitStatusExt as _;
        let found = self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or_default());
        assert!(found == expected, "{}: status {found}, not {expected}\n{}", self.shown, self.all());
        self
    }

    /// The signal that ended it, where one did.
    pub fn signal(&self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt as _;
        self.status.signal()
    }

    /// Standard output, exactly.
    #[track_caller]
    pub fn stdout(&self, expected: &str) -> &Self {
        self.same("stdout", &self.out, expected);
        self
    }

    /// Standard output, line by line; `…` in a line stands for what differs from run to run.
    #[track_caller]
    pub fn stdout_fits(&self, expected: &str) -> &Self {
        let patterns: Vec<&str> = expected.lines().collect();
        let lines: Vec<&str> = self.out.lines().collect();
        let same = lines.len() == patterns.len()
            && patterns.iter().zip(&lines).all(|(pattern, line)| fits(pattern, line));
        let difference = difference(expected, &self.out);
        assert!(same, "{}: stdout does not fit\n{difference}\n{}", self.shown, self.all());
        self
    }

    /// Standard error (or the terminal), exactly; of a run that took its time, without the progress that it may show.
    #[track_caller]
    pub fn stderr(&self, expected: &str) -> &Self {
        self.same("stderr", &self.err_without_progress(), expected);
        self
    }

    /// Standard error (or the terminal), exactly, with the progress that is shown.
    #[track_caller]
    pub fn stderr_with_progress(&self, expected: &str) -> &Self {
        self.same("stderr", &self.err, expected);
        self
    }

    /// Progress is promised to be invisible in the first half second only, and a busy machine makes any run longer.
    pub fn err_without_progress(&self) -> String {
        if self.elapsed < PATIENCE {
            return self.err.clone();
        }
        let is_step = |text: &str| {
            let words = text.split_once(": ").map_or("", |(_, words)| words);
            STEPS.into_iter().any(|step| words.starts_with(step))
        };
        let drawn = self.err.split(ERASE).filter(|piece| !is_step(piece) || piece.ends_with('\n'));
        let drawn: String = drawn.collect();
        drawn.split_inclusive('\n').filter(|line| !is_step(line)).collect()
    }

    /// Standard error, exactly but for the times in it.
    #[track_caller]
    pub fn stderr_without_times(&self, expected: &str) -> &Self {
        self.same("stderr", &times_hidden(&self.err), expected);
        self
    }

    /// Standard error has this somewhere: for messages whose other words are another program's.
    #[track_caller]
    pub fn stderr_has(&self, part: &str) -> &Self {
        assert!(self.err.contains(part), "{}: '{part}' is not on stderr\n{}", self.shown, self.all());
        self
    }

    /// Standard output has this somewhere.
    #[track_caller]
    pub fn stdout_has(&self, part: &str) -> &Self {
        assert!(self.out.contains(part), "{}: '{part}' is not on stdout\n{}", self.shown, self.all());
        self
    }

    /// It was over within that time: for deadlines, generously.
    #[track_caller]
    pub fn within(&self, time: Duration) -> &Self {
        assert!(self.elapsed <= time, "{}: took {:?}, not {time:?}", self.shown, self.elapsed);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.raw)
            .unwrap_or_else(|error| panic!("{}: no JSON: {error}\n{}", self.shown, self.all()))
    }

    /// Standard output's bytes, nothing redacted.
    pub fn bytes(&self) -> &[u8] {
        &self.raw
    }

    /// Standard error, redacted.
    pub fn err(&self) -> &str {
        &self.err
    }

    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    #[track_caller]
    fn same(&self, name: &str, found: &str, expected: &str) {
        let difference = difference(expected, found);
        assert!(found == expected, "{}: {name} differs\n{difference}\n{}", self.shown, self.all());
    }

    fn all(&self) -> String {
        let Self { status, elapsed, out, err, .. } = self;
        format!("{status}, after {elapsed:?}\n── stdout ──\n{out}── stderr ──\n{err}──")
    }
}

/// Line by line: `-` is missing, `+` is too much; control characters visible.
fn difference(expected: &str, found: &str) -> String {
    let (expected, found): (Vec<_>, Vec<_>) =
        (expected.split_inclusive('\n').collect(), found.split_inclusive('\n').collect());
    let same_start = expected.iter().zip(&found).take_while(|(left, right)| left == right).count();
    let rest = expected.len().min(found.len()) - same_start;
    let ends = expected.iter().rev().zip(found.iter().rev()).take(rest);
    let same_end = ends.take_while(|(left, right)| left == right).count();
    let marked = |sign: &'static str, lines: &[&str]| -> Vec<String> {
        lines.iter().map(|line| format!("{sign} {}", line.escape_debug())).collect()
    };
    let mut lines = marked(" ", &expected[..same_start]);
    lines.extend(marked("-", &expected[same_start..expected.len() - same_end]));
    lines.extend(marked("+", &found[same_start..found.len() - same_end]));
    lines.extend(marked(" ", &expected[expected.len() - same_end..]));
    lines.join("\n")
}
