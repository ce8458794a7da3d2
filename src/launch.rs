//! From an environment and an entry to a command line for the interpreter, and the exec of it.
//!
//! Python is started on a line of code (`-c`): a script file costs a millisecond more, `-m` (runpy) four. Without
//! `site` (`-S`) it saves as much again and keeps the interpreter's own packages out; the little that programs
//! expect of `site` (`exit`, `quit`, `help`, `.pth` files where there are any) the code does itself. PYTHONPATH is
//! not touched: the environment is put on `sys.path` directly, so children of the app inherit nothing of ours.

use std::convert::Infallible;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::os::fd::IntoRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::config::{Entry, Python};
use crate::error::Error;
use crate::host::{Assignment, Host, c_string};
use crate::probation::MARK;

/// Where the entry code leaves the reason when it hands a start back to the launcher.
pub const IMPORT_ERROR: &str = "EVERFRESH_IMPORT_ERROR";

/// Prefix of the variables that carry a hidden variable's value past the interpreter's start.
const HIDDEN: &str = "EVERFRESH_HIDDEN_";

/// All of a command line but what differs between two starts: the name, the user's arguments, the user's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Number of the generation.
    pub generation: u64,
    /// The interpreter's executable.
    pub interpreter: PathBuf,
    /// Its arguments, up to where the user's begin.
    pub arguments: Vec<OsString>,
    /// Changes to the user's environment.
    pub variables: Vec<Variable>,
}

/// A change to the environment of the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// Set it.
    Set(OsString, OsString),
    /// Keep it from the interpreter's start; the entry code puts it back for the app and its children.
    Hide(OsString),
    /// Take it out.
    Remove(OsString),
}

impl Variable {
    fn name(&self) -> &OsStr {
        match self {
            Self::Set(name, _) | Self::Hide(name) | Self::Remove(name) => name,
        }
    }
}

/// How an app is entered once its console script is looked up.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Import the module and call the attribute.
    Function {
        /// Module to import.
        module: String,
        /// Attribute to call, perhaps dotted.
        attribute: String,
    },
    /// Run a module as `python -m` does.
    Module(String),
    /// Run a file as `python FILE` does.
    Script(#[serde(with = "crate::fs::path_bytes")] PathBuf),
}

impl Target {
    /// The target of an entry that needs no look-up; `None` for a console script.
    pub fn of(entry: &Entry) -> Option<Self> {
        Some(match entry {
            Entry::Function { module, attribute } => {
                Self::Function { module: module.clone(), attribute: attribute.clone() }
            }
            Entry::Module(module) => Self::Module(module.clone()),
            Entry::Script(path) => Self::Script(path.clone()),
            Entry::ConsoleScript(_) => return None,
        })
    }
}

/// What a generation is started with, beside its environment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Recipe {
    /// What is run.
    pub target: Target,
    /// `[python] flags`
    pub flags: Vec<String>,
    /// `[python] isolated`
    pub isolated: bool,
    /// `[python] inherit`
    pub inherit: bool,
    /// Whether the environment has `.pth` files, which only `site` understands.
    pub pth: bool,
}

impl Recipe {
    /// The recipe of a configuration for an environment.
    pub fn new(target: Target, python: &Python, pth: bool) -> Self {
        let Python { flags, isolated, inherit, .. } = python;
        Self { target, flags: flags.clone(), isolated: *isolated, inherit: *inherit, pth }
    }

    /// The launch of a generation that lies in `site`, by `interpreter`.
    pub fn launch(&self, generation: u64, interpreter: &Path, site: &Path) -> Launch {
        let mut variables = vec![
            Variable::Set("EVERFRESH_GENERATION".into(), generation.to_string().into()),
            Variable::Remove("EVERFRESH_UPDATED_FROM".into()),
            Variable::Hide("PYTHONHOME".into()),
        ];
        if !self.inherit {
            variables.push(Variable::Hide("PYTHONPATH".into()));
        }
        let mut arguments = self.interpreter_arguments();
        arguments.extend(["-c".into(), self.code(site)]);
        Launch { generation, interpreter: interpreter.to_owned(), arguments, variables }
    }

    /// The options that the interpreter is started with: `-S` alone where nothing of the system's may show, else `-s`.
    pub fn interpreter_arguments(&self) -> Vec<OsString> {
        let own = if self.isolated { "-S" } else { "-s" };
        [own.into()].into_iter().chain(self.flags.iter().map(OsString::from)).collect()
    }

    /// The entry code. Its first argument is the name the launcher was called by.
    fn code(&self, site: &Path) -> OsString {
        let mut code = String::from("import sys,posix\ndel sys.argv[0]\n");
        code += &self.prepare(site);
        let _ = match &self.target {
            Target::Function { module, attribute } => {
                let import = import_code(module, attribute);
                write!(code, "try:\n{import}{HAND_BACK}sys.exit(main())\n")
            }
            Target::Module(module) => write!(code, "{}", run_as_main(&module_code(module), true)),
            Target::Script(path) => write!(code, "{}", run_as_main(&script_code(path), false)),
        };
        code.into()
    }

    /// Code for all kinds of target: the path, `site`'s leftovers, hidden variables.
    pub fn prepare(&self, site: &Path) -> String {
        let site = literal(site.as_os_str());
        let mut code = format!("S={site}\nif sys.path[:1]==['']:sys.path[0]=S\nelse:sys.path.insert(0,S)\n");
        if self.isolated {
            code += "import builtins,_sitebuiltins as b\n\
                     builtins.exit=b.Quitter('exit','Ctrl-D (i.e. EOF)');builtins.quit=b.Quitter('quit','Ctrl-D (i.e. EOF)');builtins.help=b._Helper()\n\
                     del builtins,b\n";
        }
        if self.pth {
            code += "import site;site.addsitedir(S);del site\n";
        }
        let length = HIDDEN.len();
        let _ = write!(
            code,
            "H=[k for k in posix.environ if k[:{length}]==b'{HIDDEN}']\n\
             if H:\n import os\n for k in H:os.environb[k[{length}:]]=os.environb.pop(k)\n del os,k\n\
             B=b'{IMPORT_ERROR}' in posix.environ\n\
             if B:\n import os\n del os.environ['{IMPORT_ERROR}'],os\n\
             {PREPARED}",
        );
        code
    }
}

/// The end of what is prepared, on a line of its own.
const PREPARED: &str = "del S,H,posix\n";

impl Launch {
    /// Makes the entry code rename the mark (`probation.rs`) when the interpreter ends by itself.
    pub fn say_goodbye(&mut self) {
        let Some(code) = self.arguments.last_mut() else { return };
        let mut text = std::mem::take(code).into_vec();
        if let Some(at) = text.windows(PREPARED.len()).position(|part| part == PREPARED.as_bytes()) {
            text.splice(at..at, goodbye().into_bytes());
        }
        *code = OsString::from_vec(text);
    }
}

fn goodbye() -> String {
    format!(
        "import os,atexit\n\
         def M(o=os,p=os.getpid(),m=os.environ.pop('{MARK}')):\n \
         if o.getpid()==p:\n  \
         try:o.rename(m,m+'-passed')\n  \
         except OSError:pass\n\
         atexit.register(M)\n\
         del os,atexit,M\n"
    )
}

/// Code that makes `main` the function to call.
fn import_code(module: &str, attribute: &str) -> String {
    match attribute.split_once('.') {
        None => format!(" from {module} import {attribute} as main\n"),
        Some((first, rest)) => format!(" from {module} import {first} as main\n main=main.{rest}\n"),
    }
}

/// What happens when the import fails: back to the launcher, which knows older generations. Where the launcher has
/// none it starts us again with the variable set, and the traceback comes out as Python writes it.
const HAND_BACK: &str = "except Exception as e:\n \
     import os\n \
     if B:raise\n \
     os.environ['EVERFRESH_IMPORT_ERROR']=str(os.getpid())+' '+type(e).__name__+': '+str(e)\n \
     sys.stdout.flush()\n \
     os.execv(os.environ['EVERFRESH_LAUNCHER'],sys.argv)\n";

/// Code that finds the module's own code and gives `__main__` the attributes that `python -m` gives it.
fn module_code(module: &str) -> String {
    let parent = module.rsplit_once('.').map_or("", |(parent, _)| parent);
    let mut code =
        String::from(" from _frozen_importlib_external import PathFinder\n find=PathFinder.find_spec\n");
    if parent.is_empty() {
        let _ = writeln!(code, " spec=find('{module}')");
    } else {
        let _ =
            writeln!(code, " __import__('{parent}');spec=find('{module}',sys.modules['{parent}'].__path__)");
    }
    let _ = write!(
        code,
        " if spec and spec.submodule_search_locations is not None:\n  \
           __import__('{module}');spec=find('{module}.__main__',sys.modules['{module}'].__path__)\n \
         if spec is None:raise ModuleNotFoundError('No module named {module}, or none that can be run')\n \
         code=spec.loader.get_code(spec.name)\n \
         names=dict(__spec__=spec,__package__=spec.parent,__loader__=spec.loader,__file__=spec.origin,__cached__=spec.cached)\n"
    );
    code
}

/// Code that reads a script and puts its directory where `python FILE` puts it: before everything else.
fn script_code(path: &Path) -> String {
    let directory = literal(path.parent().unwrap_or(Path::new("/")).as_os_str());
    let path = literal(path.as_os_str());
    format!(
        " sys.path.insert(0,{directory})\n \
          with open({path},'rb') as f:code=compile(f.read(),{path},'exec')\n \
          names=dict(__file__={path},__cached__=None)\n"
    )
}

/// Runs `find` (which sets `code` and `names`) in a function, then the code in a `__main__` that shows none of ours.
fn run_as_main(find: &str, may_hand_back: bool) -> String {
    let indent = |text: &str| text.lines().flat_map(|line| [" ", line, "\n"]).collect::<String>();
    let found =
        if may_hand_back { format!(" try:\n{}{}", indent(find), indent(HAND_BACK)) } else { find.to_owned() };
    format!(
        "def _(B=B):\n import sys\n{found} globals().update(names)\n return code\ndel sys,B\nexec(globals().pop('_')())\n"
    )
}

/// A Python expression for a path: a plain literal where it is plain, else its bytes decoded as Python decodes paths.
fn literal(text: &OsStr) -> String {
    let bytes = text.as_bytes();
    let plain = bytes.iter().all(|b| (b' '..=b'~').contains(b) && !matches!(b, b'\'' | b'\\'));
    if plain {
        return format!("'{}'", String::from_utf8_lossy(bytes));
    }
    let escaped: Vec<String> = bytes.iter().map(|b| format!("\\x{b:02x}")).collect();
    let escaped = escaped.concat();
    format!("b'{escaped}'.decode(sys.getfilesystemencoding(),'surrogateescape')")
}

/// Code that does what the entry does up to the point where the app would begin: the default smoke test.
pub fn import_check(recipe: &Recipe, site: &Path) -> OsString {
    let find = match &recipe.target {
        Target::Function { module, attribute } => {
            let complaint = format!("raise TypeError('{module}:{attribute} cannot be called')");
            import_code(module, attribute) + " if not callable(main):" + &complaint + "\n"
        }
        Target::Module(module) => module_code(module),
        Target::Script(path) => script_code(path),
    };
    format!("import sys,posix\n{}def _():\n import sys\n{find}_()\n", recipe.prepare(site)).into()
}

/// Becomes the app. The environment's lock stays open: it is released when the app ends, however it ends.
///
/// # Errors
/// Only when the interpreter cannot be executed.
pub fn exec(launch: &Launch, in_use: Option<File>, host: &Host) -> Result<Infallible, Error> {
    if let Some(file) = in_use {
        let _ = keep_across_exec(file).into_raw_fd();
    }
    let program = c_string(launch.interpreter.as_os_str().as_bytes().to_vec());
    let shown = host.shown_path();
    let arguments: Vec<CString> = [launch.interpreter.as_os_str()]
        .into_iter()
        .chain(arguments(launch, &shown, host))
        .map(|argument| c_string(argument.as_bytes().to_vec()))
        .collect();
    let own = own_variables(launch, host);
    let environment: Vec<&CStr> = environment(&own, launch, host).map(Assignment::as_c_str).collect();
    let Err(errno) = nix::unistd::execve(&program, &arguments, &environment);
    Err(Error::Interpreter { path: launch.interpreter.clone(), source: errno.into() })
}

/// The interpreter's arguments: ours, the app's own path as it is shown, the user's.
pub fn arguments<'l>(
    launch: &'l Launch,
    shown: &'l OsStr,
    host: &'l Host,
) -> impl Iterator<Item = &'l OsStr> {
    let own = launch.arguments.iter().map(OsString::as_os_str);
    own.chain([shown]).chain(host.args.iter().map(OsString::as_os_str))
}

/// The app's environment.
pub fn variables(launch: &Launch, host: &Host) -> Vec<Assignment> {
    let own = own_variables(launch, host);
    environment(&own, launch, host).cloned().collect()
}

/// What the app's environment has that the user's has not.
fn own_variables(launch: &Launch, host: &Host) -> Vec<Assignment> {
    let launcher = Assignment::new("EVERFRESH_LAUNCHER", &host.exe);
    let changes = launch.variables.iter().filter_map(|variable| match variable {
        Variable::Set(name, value) => Some(Assignment::new(name, value)),
        Variable::Remove(_) => None,
        Variable::Hide(name) => {
            let mut hidden = OsString::from(HIDDEN);
            hidden.push(name);
            Some(Assignment::new(hidden, host.env.get(name)?))
        }
    });
    [launcher].into_iter().chain(changes).collect()
}

/// The app's environment: the user's but for what is changed, then our own.
fn environment<'e>(
    own: &'e [Assignment],
    launch: &'e Launch,
    host: &'e Host,
) -> impl Iterator<Item = &'e Assignment> {
    let changed: Vec<&OsStr> =
        launch.variables.iter().map(Variable::name).chain(own.iter().map(Assignment::name)).collect();
    host.env.iter().filter(move |variable| !changed.contains(&variable.name())).chain(own)
}

/// The file, open in what this process starts and becomes, too.
pub fn keep_across_exec(file: File) -> File {
    // Without this flag change a lock would end with the launcher; a failure only costs that protection.
    let _ = nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()));
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_s_environment_goes_on_but_for_what_is_changed() {
        let variables = vec![
            Variable::Set("A".into(), "ours".into()),
            Variable::Remove("B".into()),
            Variable::Hide("PYTHONHOME".into()),
            Variable::Hide("PYTHONPATH".into()),
            Variable::Set("B".into(), "again".into()),
        ];
        let launch = Launch { generation: 1, interpreter: "/py".into(), arguments: vec![], variables };
        let mut host = Host::from_process().unwrap();
        host.exe = "/app".into();
        host.env = [("A", "user's"), ("B", "user's"), ("C", "c"), ("PYTHONHOME", "/h"), ("D", "")]
            .into_iter()
            .collect();
        let own = own_variables(&launch, &host);
        let found: Vec<&CStr> = environment(&own, &launch, &host).map(Assignment::as_c_str).collect();
        let wanted = [
            c"C=c",
            c"D=",
            c"EVERFRESH_LAUNCHER=/app",
            c"A=ours",
            c"EVERFRESH_HIDDEN_PYTHONHOME=/h",
            c"B=again",
        ];
        assert_eq!(found, wanted);
    }
}
