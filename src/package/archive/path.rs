//! Names of members, as paths that stay where they are put and that mean the same on every file system.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};

use super::limits::Limits;
use super::refusal::Refusal;

/// The longest name of one file or directory that file systems take, in bytes.
const LONGEST_COMPONENT: usize = 255;

/// A relative path of plain names joined by `/`: never empty, never leading out of its directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberPath(String);

impl MemberPath {
    /// Reads a member's name without the `/` that ends a directory's.
    pub fn parse(name: &str, limits: &Limits) -> Result<Self, Refusal> {
        let flaw = |flaw| Err(Refusal::member(name, flaw));
        if name.is_empty() {
            return flaw("its name is empty");
        }
        if name.len() > limits.path {
            return flaw("its path is too long");
        }
        if name.starts_with('/') {
            return flaw("its path is absolute");
        }
        if name.contains('\\') {
            return flaw("its path has a backslash");
        }
        if name.chars().any(char::is_control) {
            return flaw("its path has a control character");
        }
        if matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) {
            return flaw("its path has a drive letter");
        }
        if name.split('/').count() > limits.depth {
            return flaw("its path is too deep");
        }
        for component in name.split('/') {
            match component {
                "" => return flaw("its path has an empty part"),
                "." | ".." => return flaw("its path has a '.' or '..' part"),
                long if long.len() > LONGEST_COMPONENT => return flaw("a part of its path is too long"),
                _ => {}
            }
        }
        Ok(Self(name.to_owned()))
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first part, and what follows it.
    pub fn split_first(&self) -> (&str, Option<&str>) {
        match self.0.split_once('/') {
            Some((first, rest)) => (first, Some(rest)),
            None => (&self.0, None),
        }
    }
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    /// A directory that has a member of its own.
    Directory,
    /// A directory that a deeper path implies.
    Implied,
}

/// The most files and directories of one tree, so that deep paths cost no more memory than many.
const MOST: u64 = 200_000;

/// All paths of one tree: no two may be one file, also where upper and lower case are the same.
///
/// Kept as hashes under keys of this process, which nobody outside can aim at: two of the most paths that may be have
/// the same one with a probability of one in a billion, and then an archive is refused.
#[derive(Debug, Default)]
pub struct PathSet {
    /// By the path's hash where case does not count; the hash of its spelling.
    taken: HashMap<u64, (Kind, u64)>,
    folded: RandomState,
    spelled: RandomState,
}

impl PathSet {
    /// Adds a file.
    pub fn add_file(&mut self, path: &MemberPath) -> Result<(), Refusal> {
        self.add(path, Kind::File)
    }

    /// Adds a directory.
    pub fn add_directory(&mut self, path: &MemberPath) -> Result<(), Refusal> {
        self.add(path, Kind::Directory)
    }

    /// Adds a path and the directories above it, the outermost first.
    fn add(&mut self, path: &MemberPath, kind: Kind) -> Result<(), Refusal> {
        let text = path.as_str();
        let lower = text.to_lowercase();
        let (mut folded, mut spelled) = (self.folded.build_hasher(), self.spelled.build_hasher());
        let mut parts = lower.split('/').zip(text.split('/')).peekable();
        while let Some((lower, part)) = parts.next() {
            for (hasher, part) in [(&mut folded, lower), (&mut spelled, part)] {
                hasher.write(part.as_bytes());
                hasher.write_u8(b'/');
            }
            let kind = if parts.peek().is_some() { Kind::Implied } else { kind };
            self.add_one(folded.finish(), spelled.finish(), kind)
                .map_err(|flaw| Refusal::member(text, flaw))?;
        }
        Limits::at_most(self.taken.len() as u64, MOST, "files and directories")
    }

    fn add_one(&mut self, folded: u64, spelled: u64, kind: Kind) -> Result<(), &'static str> {
        let Some((known, known_spelling)) = self.taken.get_mut(&folded) else {
            self.taken.insert(folded, (kind, spelled));
            return Ok(());
        };
        match (*known, kind) {
            _ if *known_spelling != spelled => Err("another path differs only in case"),
            (Kind::Directory | Kind::Implied, Kind::Implied) => Ok(()),
            (Kind::Implied, Kind::Directory) => {
                *known = kind;
                Ok(())
            }
            (Kind::File, Kind::File) | (Kind::Directory, Kind::Directory) => Err("it is there twice"),
            _ => Err("it is a file and a directory"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> MemberPath {
        MemberPath::parse(name, &Limits::default()).unwrap()
    }

    #[test]
    fn a_path_stays_where_it_is_put() {
        let (long, deep) = ("a".repeat(256), "a/".repeat(64) + "a");
        let longest = "abc/".repeat(256) + "a";
        for (name, flaw) in [
            ("", "its name is empty"),
            ("/etc/passwd", "its path is absolute"),
            ("//server/share", "its path is absolute"),
            ("..", "its path has a '.' or '..' part"),
            ("a/../b", "its path has a '.' or '..' part"),
            ("./a", "its path has a '.' or '..' part"),
            ("a//b", "its path has an empty part"),
            ("a/", "its path has an empty part"),
            ("a\\..\\b", "its path has a backslash"),
            ("a\0.py", "its path has a control character"),
            ("a\n", "its path has a control character"),
            ("a\u{85}", "its path has a control character"),
            ("C:/x", "its path has a drive letter"),
            ("c:x", "its path has a drive letter"),
            (&long, "a part of its path is too long"),
            (&deep, "its path is too deep"),
            (&longest, "its path is too long"),
        ] {
            let refusal = MemberPath::parse(name, &Limits::default()).unwrap_err();
            assert!(
                matches!(refusal, Refusal::Member { flaw: found, .. } if found == flaw),
                "{name}: {refusal}"
            );
        }
        for name in ["a", "a/b.py", "..a/b..", "ä/ß", "a b", ".hidden/...", &"a".repeat(255)] {
            assert_eq!(path(name).as_str(), name);
        }
    }

    #[test]
    fn no_two_paths_are_one_file() {
        let refused = |paths: &[&str]| {
            let mut set = PathSet::default();
            let mut add = |text: &&str| match text.strip_suffix('/') {
                Some(directory) => set.add_directory(&path(directory)),
                None => set.add_file(&path(text)),
            };
            match paths.iter().try_for_each(&mut add) {
                Ok(()) => None,
                Err(Refusal::Member { flaw, .. }) => Some(flaw),
                Err(other) => panic!("{other}"),
            }
        };
        for (paths, flaw) in [
            (["a", "a"], "it is there twice"),
            (["a/", "a/"], "it is there twice"),
            (["a", "A"], "another path differs only in case"),
            (["Ä", "ä"], "another path differs only in case"),
            (["a/b", "A/c"], "another path differs only in case"),
            (["a", "a/b"], "it is a file and a directory"),
            (["a/b", "a"], "it is a file and a directory"),
            (["a/", "a"], "it is a file and a directory"),
            (["a", "a/"], "it is a file and a directory"),
            (["A", "a/b"], "another path differs only in case"),
        ] {
            assert_eq!(refused(&paths), Some(flaw), "{paths:?}");
        }
        for paths in [["a/", "a/b"], ["a/b", "a/"], ["a/b", "a/c"], ["A/b", "A/c"]] {
            assert_eq!(refused(&paths), None, "{paths:?}");
        }
    }
}
