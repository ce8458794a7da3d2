//! Source code out of version control, by the system's own `git` and `svn`: never a question to a terminal, no hook
//! of anybody, no other protocol than that of the link, nothing secret in their arguments.

use std::path::Path;
use std::process::Command;

use super::fault::BuildFault;
use super::{OUTPUT, words};
use crate::process::{self, Finished};
use crate::source::vcs::{Checkout, System};
use crate::time::Deadline;

/// What keeps git from asking, from running hooks and from leaving something behind that goes on working.
const GIT: &[&str] = &[
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.askPass=",
    "-c",
    "credential.interactive=false",
    "-c",
    "protocol.ext.allow=never",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "submodule.recurse=false",
];

/// Variables that would make git work in a repository of the user's, as while a hook of it runs.
const ELSEWHERE: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_EXTERNAL_DIFF",
    "GIT_TRACE",
];

/// The revision that a link leads to now: one question, or none where the link names it.
///
/// # Errors
/// When the repository does not answer, or has no such reference.
pub(super) fn revision(checkout: &Checkout, deadline: Deadline) -> Result<String, BuildFault> {
    match (checkout.system(), checkout.reference()) {
        (System::Git, Some(commit)) if is_commit(commit) => Ok(commit.to_owned()),
        (System::Svn, Some(number)) => Ok(number.trim_start_matches('r').to_owned()),
        (System::Git, reference) => advertised(checkout, reference, deadline),
        (System::Svn, None) => {
            let address = format!("{}@HEAD", checkout.address());
            let asked =
                svn(checkout, &["info", "--show-item", "last-changed-revision", &address], None, deadline)?;
            let number = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
            let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            if is_number { Ok(number) } else { Err(BuildFault::NoReference("such directory".to_owned())) }
        }
    }
}

/// Has the source code at that revision in `directory`, which is not there yet; returns the revision that it is.
///
/// # Errors
/// When the repository does not answer, or no longer has it.
pub(super) fn fetch(
    checkout: &Checkout,
    revision: &str,
    directory: &Path,
    deadline: Deadline,
) -> Result<String, BuildFault> {
    match checkout.system() {
        System::Git => clone(checkout, directory, deadline),
        System::Svn => {
            let address = format!("{}@{revision}", checkout.address());
            let arguments = ["export", "--quiet", "--ignore-externals", "--revision", revision, &address];
            svn(checkout, &arguments, Some(directory), deadline)?;
            Ok(revision.to_owned())
        }
    }
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What git looks a name up as: a branch before a tag, as `git clone --branch` does.
fn names(reference: Option<&str>) -> Vec<String> {
    match reference {
        None => vec!["HEAD".to_owned()],
        Some(full) if full.starts_with("refs/") => vec![full.to_owned()],
        Some(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
    }
}

fn advertised(
    checkout: &Checkout,
    reference: Option<&str>,
    deadline: Deadline,
) -> Result<String, BuildFault> {
    let mut names = names(reference);
    // What an annotated tag stands for, which is what a checkout of it has.
    let peeled =
        names.last().filter(|name| name.starts_with("refs/tags/")).map(|name| format!("{name}^{{}}"));
    if let Some(peeled) = peeled {
        names.insert(names.len() - 1, peeled);
    }
    let address = checkout.address();
    let mut arguments = vec!["ls-remote", "--quiet", "--", &address];
    arguments.extend(names.iter().map(String::as_str));
    let asked = git(checkout, None, &arguments, deadline)?;
    let answer = String::from_utf8_lossy(&asked.stdout);
    let lines: Vec<(&str, &str)> = answer.lines().filter_map(|line| line.split_once('\t')).collect();
    let commit = names.iter().find_map(|name| lines.iter().find(|(_, found)| found == name));
    match commit {
        Some((commit, _)) if is_commit(commit) => Ok((*commit).to_owned()),
        _ => Err(BuildFault::NoReference(reference.unwrap_or("HEAD").to_owned())),
    }
}

/// One revision without its past, where the server can give that; else all that leads to it.
fn clone(checkout: &Checkout, directory: &Path, deadline: Deadline) -> Result<String, BuildFault> {
    let address = checkout.address();
    let place = directory.to_string_lossy();
    git(checkout, None, &["init", "--quiet", "--template=", "--", &place], deadline)?;
    let fetch = |options: &[&str], what: &[&str]| {
        let fixed = ["fetch", "--quiet", "--no-recurse-submodules"];
        let arguments: Vec<&str> = fixed
            .into_iter()
            .chain(options.iter().copied())
            .chain(["--", &address])
            .chain(what.iter().copied())
            .collect();
        git(checkout, Some(directory), &arguments, deadline)
    };
    let one = |name: &str| {
        // Servers of plain files know nothing of depth.
        fetch(&["--no-tags", "--depth=1"], &[name]).or_else(|_| fetch(&["--no-tags"], &[name]))
    };
    let wanted = match checkout.reference() {
        Some(commit) if is_commit(commit) => {
            // Some servers give no commit by its name.
            fetch(&["--no-tags", "--depth=1"], &[commit])
                .or_else(|_| fetch(&["--tags"], &["refs/heads/*:refs/remotes/origin/*"]))?;
            commit.to_owned()
        }
        reference => {
            let mut fetched = Err(BuildFault::NoReference(reference.unwrap_or("HEAD").to_owned()));
            for name in names(reference) {
                fetched = one(&name);
                if fetched.is_ok() {
                    break;
                }
            }
            fetched?;
            "FETCH_HEAD".to_owned()
        }
    };
    git(checkout, Some(directory), &["checkout", "--quiet", "--force", "--detach", &wanted, "--"], deadline)?;
    let head = git(checkout, Some(directory), &["rev-parse", "--verify", "HEAD"], deadline)?;
    Ok(String::from_utf8_lossy(&head.stdout).trim().to_owned())
}

fn git(
    checkout: &Checkout,
    directory: Option<&Path>,
    arguments: &[&str],
    deadline: Deadline,
) -> Result<Finished, BuildFault> {
    let mut command = Command::new(System::Git.program());
    if let Some(directory) = directory {
        command.arg("-C").arg(directory);
    }
    command.args(GIT).args(arguments);
    for name in ELSEWHERE {
        command.env_remove(name);
    }
    command.env("GIT_ALLOW_PROTOCOL", checkout.scheme()).env("GIT_TERMINAL_PROMPT", "0");
    command.env("GIT_ASKPASS", "").env("GCM_INTERACTIVE", "never");
    command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
    run(command, System::Git, deadline)
}

fn svn(
    checkout: &Checkout,
    arguments: &[&str],
    directory: Option<&Path>,
    deadline: Deadline,
) -> Result<Finished, BuildFault> {
    let mut command = Command::new(System::Svn.program());
    command.args(arguments).args(directory);
    command.args(["--non-interactive", "--no-auth-cache"]);
    command.env("SVN_SSH", "ssh -q -o BatchMode=yes");
    run(command, checkout.system(), deadline)
}

fn run(mut command: Command, system: System, deadline: Deadline) -> Result<Finished, BuildFault> {
    command.env("LC_ALL", "C").env("SSH_ASKPASS", "");
    match process::run(&mut command, deadline, OUTPUT) {
        Ok(finished) if finished.success() => Ok(finished),
        Ok(finished) if finished.status.is_none() => {
            Err(BuildFault::Unanswered("its time ran out".to_owned()))
        }
        Ok(finished) => Err(BuildFault::Unanswered(words::shorten(&finished.last_words()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(BuildFault::NoProgram(system.program()))
        }
        Err(error) => Err(BuildFault::Unanswered(error.to_string())),
    }
}
