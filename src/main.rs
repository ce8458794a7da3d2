//! The launcher: a copy of this executable lies beside a `launcher.toml` under the app's name.

use std::io::Write;
use std::process::ExitCode;

use everfresh::host::Host;

fn main() -> ExitCode {
    let host = match Host::from_process() {
        Ok(host) => host,
        Err(error) => {
            complain(
                "everfresh",
                &format!("cannot tell where this program lies: {error}"),
                Some("mount /proc"),
            );
            return ExitCode::from(125);
        }
    };
    let name = host.called();
    match everfresh::run::run(host) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            complain(&name, &error.to_string(), error.hint().as_deref());
            ExitCode::from(error.status())
        }
    }
}

/// One line that says what is wrong and one that says what to do. Whoever closed standard error does not want them.
fn complain(name: &str, error: &str, hint: Option<&str>) {
    let mut words = format!("{name}: error: {error}\n");
    if let Some(hint) = hint {
        words = words + "hint: " + hint + "\n";
    }
    let _ = std::io::stderr().write_all(words.as_bytes());
}
