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

/// Puts a program there that is the tests' Python but says that it is that version (`3.12.1`): for what an upgrade
/// does to an app where there is one Python only.
pub fn pretend(place: &Path, version: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    const SAY: &str = "import json, sys
facts = json.loads(sys.stdin.read())
version = sys.argv[2].split('.')
tag = 'cpython-' + ''.join(version[:2])
facts.update(executable=sys.argv[1], version=[int(n) for n in version], cache_tag=tag, soabi=tag)
facts['markers'].update(python_version='.'.join(version[:2]), python_full_version=sys.argv[2])
print(json.dumps(facts))";
    let real = path().display();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n*sysconfig.get_platform*) {real} \"$@\" | {real} -I -S -c \"{SAY}\" \"$0\" {version} ;;\n\
         *) exec {real} \"$@\" ;;\nesac\n"
    );
    // Written beside and renamed, as packages are upgraded.
    let new = place.with_extension("new");
    std::fs::write(&new, script).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(new, place).unwrap();
}
