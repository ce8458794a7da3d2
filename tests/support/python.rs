//! Which Python the tests run: the real executable, since a version manager's shim costs two hundred milliseconds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// `EVERFRESH_TEST_PYTHON`, else the interpreter behind `target/test-env`, else the system's, else the first on PATH.
pub fn path() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let named = std::env::var_os("EVERFRESH_TEST_PYTHON").map(PathBuf::from);
        let venv = Some(venv()).filter(|python| python.exists());
        let system = Some(PathBuf::from("/usr/bin/python3")).filter(|python| python.exists());
        let first = named.or(venv).or(system).unwrap_or_else(|| PathBuf::from("python3"));
        let real =
            "import os, sys; print(os.path.realpath(getattr(sys, '_base_executable', sys.executable)))";
        PathBuf::from(run(&first, &["-I", "-c", real]))
    })
}

/// `X.Y` of [`path`].
pub fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| run(path(), &["-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]))
}

/// The Python of the test environment that `scripts/test` makes, with pip, build, packaging and the like.
pub fn venv() -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().unwrap_or(temporary).join("test-env/bin/python")
}

fn run(python: &Path, arguments: &[&str]) -> String {
    let output = Command::new(python).args(arguments).output();
    let output =
        output.unwrap_or_else(|error| panic!("the tests need a Python 3; {}: {error}", python.display()));
    assert!(output.status.success(), "{}: {}", python.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
