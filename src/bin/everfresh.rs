//! The packager's tool.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use everfresh::host::Host;
use everfresh::packager;
use everfresh::packager::failure::Failure;

fn main() -> ExitCode {
    let mut output = BufWriter::new(io::stdout().lock());
    let done = match Host::from_process() {
        Ok(host) => packager::run(&host, &mut output),
        Err(error) => Err(Failure::NoHost(error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => end(&failure),
    }
}

/// Says what failed. When nobody can hear even that, the status says it.
fn end(failure: &Failure) -> ExitCode {
    if failure.is_broken_pipe() {
        return ExitCode::SUCCESS;
    }
    let mut words = io::stderr().lock();
    let _ = writeln!(words, "everfresh: error: {failure}");
    if let Some(hint) = failure.hint() {
        let _ = writeln!(words, "hint: {hint}");
    }
    ExitCode::from(failure.status())
}
