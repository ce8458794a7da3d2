//! The launcher: a copy of this executable lies beside a `launcher.toml` under the app's name.

use std::process::ExitCode;

use everfresh::host::Host;

fn main() -> ExitCode {
    let host = match Host::from_process() {
        Ok(host) => host,
        Err(error) => {
            eprintln!("everfresh: error: cannot tell where this program lies: {error}");
            eprintln!("hint: mount /proc");
            return ExitCode::from(125);
        }
    };
    let name = host.called();
    match everfresh::run::run(host) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("{name}: error: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(error.status())
        }
    }
}
