//! Where in an unpacked sdist the importable files are, driven by what is there.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use super::archive::limits::Limits;
use super::archive::refusal::Refusal;
use super::filename::DistributionName;
use super::name::ProjectName;
use crate::fs;

/// Directories that hold packages, where there is one.
const ROOTS: [&str; 2] = ["src", "lib"];

/// Directories and modules beside a package that are not part of it (setuptools' automatic discovery skips the same).
const NOT_IMPORTED: &[&str] = &[
    "benchmark",
    "benchmarks",
    "build",
    "ci",
    "conftest",
    "debian",
    "dist",
    "doc",
    "docs",
    "documentation",
    "dodo",
    "example",
    "examples",
    "fabfile",
    "htmlcov",
    "manpages",
    "news",
    "newsfragments",
    "noxfile",
    "pavement",
    "scripts",
    "setup",
    "site_scons",
    "tasks",
    "test",
    "tests",
    "tools",
    "toxfile",
    "versioneer",
];

/// Sources that need a compiler.
const NATIVE: &[&str] = &["asm", "c", "cc", "cpp", "cu", "cxx", "f", "f90", "f95", "pyx", "rs"];

/// What an sdist's directory holds for us.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Packages and modules, to be put in the library directory.
    pub(crate) importable: Vec<PathBuf>,
    /// setuptools' metadata.
    pub(crate) egg_info: Option<PathBuf>,
}

impl Layout {
    /// Looks through the sdist's one directory.
    pub(crate) fn find(top: &Path, name: &DistributionName, limits: &Limits) -> Result<Self, Refusal> {
        if let Some(native) = find_native(top)? {
            let path = native.strip_prefix(top).unwrap_or(&native);
            return Err(Refusal::NeedsBuild(format!("{} has to be compiled", path.display())));
        }
        let roots: Vec<PathBuf> = ROOTS
            .iter()
            .map(|root| top.join(root))
            .chain([top.to_owned()])
            .filter(|r| fs::is_dir(r))
            .collect();
        let egg_info = find_egg_info(&roots, name)?;
        let told = match &egg_info {
            Some(egg_info) => fs::read_if_there(&egg_info.join("top_level.txt"), limits.small)?,
            None => None,
        };
        let told = String::from_utf8_lossy(&told.unwrap_or_default()).into_owned();
        let names: Vec<&str> = told.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let importable = if names.is_empty() { discover(&roots, name)? } else { locate(&names, &roots)? };
        if importable.is_empty() {
            return Err(Refusal::NeedsBuild("no package or module is where one would expect it".into()));
        }
        Ok(Self { importable, egg_info })
    }
}

/// Whether a directory name is that of this project's setuptools metadata.
pub(crate) fn is_egg_info(directory: &str, name: &DistributionName) -> bool {
    directory
        .strip_suffix(".egg-info")
        .and_then(|stem| ProjectName::from_str(stem).ok())
        .is_some_and(|project| project == name.project)
}

fn find_egg_info(roots: &[PathBuf], name: &DistributionName) -> Result<Option<PathBuf>, Refusal> {
    for root in roots {
        let found = fs::list(root)?.into_iter().find(|path| is_egg_info(&file_name(path), name));
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The packages and modules of the given names.
fn locate(names: &[&str], roots: &[PathBuf]) -> Result<Vec<PathBuf>, Refusal> {
    let find = |name: &&str| {
        let candidates = roots.iter().flat_map(|root| [root.join(name), root.join(format!("{name}.py"))]);
        let found =
            if is_identifier(name) { candidates.into_iter().find(|path| fs::exists(path)) } else { None };
        found.ok_or_else(|| Refusal::NeedsBuild(format!("'{}' is not there yet", name.escape_debug())))
    };
    names.iter().map(find).collect()
}

/// All packages and modules of the first root that has any; those named after the project alone where there are such.
fn discover(roots: &[PathBuf], name: &DistributionName) -> Result<Vec<PathBuf>, Refusal> {
    for root in roots {
        let all: Vec<PathBuf> =
            fs::list(root)?.into_iter().filter(|path| is_importable(path, name)).collect();
        let own: Vec<PathBuf> = all.iter().filter(|path| is_named_after(path, name)).cloned().collect();
        if !all.is_empty() {
            return Ok(if own.is_empty() { all } else { own });
        }
    }
    Ok(Vec::new())
}

fn is_importable(path: &Path, name: &DistributionName) -> bool {
    let own = is_named_after(path, name);
    let file_name = file_name(path);
    let is_package = fs::is_dir(path) && (own || fs::exists(&path.join("__init__.py")));
    let module = if is_package { Some(file_name.as_str()) } else { file_name.strip_suffix(".py") };
    module.is_some_and(|module| is_identifier(module) && (own || !NOT_IMPORTED.contains(&module)))
}

/// Whether a package or module has the project's name, or is the namespace that the name begins with.
fn is_named_after(path: &Path, name: &DistributionName) -> bool {
    let own = file_name(path).trim_end_matches(".py").to_lowercase();
    let project = name.project.as_str();
    own == project.replace('-', "_") || fs::is_dir(path) && project.split('-').next() == Some(&own)
}

/// The first source that needs a compiler and has no Python file of the same name beside it to do without.
fn find_native(directory: &Path) -> Result<Option<PathBuf>, Refusal> {
    for path in fs::list(directory)? {
        let file_name = file_name(&path);
        if fs::is_dir(&path) {
            let found = if NOT_IMPORTED.contains(&file_name.as_str()) { None } else { find_native(&path)? };
            if found.is_some() {
                return Ok(found);
            }
            continue;
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_native = NATIVE.contains(&ending) && !fs::exists(&path.with_extension("py"));
        if is_native || file_name == "Cargo.toml" {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}
