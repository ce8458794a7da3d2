//! Names of members, as paths that stay where they are put and that mean the same on every file system.

use std::collections::HashMap;
use std::fmt;

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

    /// The directories above, the outermost first.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(at, _)| self.0.get(..at))
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

/// All paths of one tree: no two may be one file, also where upper and lower case are the same.
#[derive(Debug, Default)]
pub struct PathSet {
    /// By folded path; the spelling where it differs from that.
    taken: HashMap<Box<str>, (Kind, Option<Box<str>>)>,
}

impl PathSet {
    /// Adds a file.
    pub fn add_file(&mut self, path: &MemberPath) -> Result<(), Refusal> {
        self.add_ancestors(path)?;
        self.add(path.as_str(), path, Kind::File)
    }

    /// Adds a directory.
    pub fn add_directory(&mut self, path: &MemberPath) -> Result<(), Refusal> {
        self.add_ancestors(path)?;
        self.add(path.as_str(), path, Kind::Directory)
    }

    fn add_ancestors(&mut self, path: &MemberPath) -> Result<(), Refusal> {
        path.ancestors().try_for_each(|directory| self.add(directory, path, Kind::Implied))
    }

    fn add(&mut self, text: &str, of: &MemberPath, kind: Kind) -> Result<(), Refusal> {
        let folded = text.to_lowercase();
        let spelling = (folded != text).then(|| text.into());
        let Some((known, known_spelling)) = self.taken.get_mut(folded.as_str()) else {
            self.taken.insert(folded.into(), (kind, spelling));
            return Ok(());
        };
        let same_spelling = *known_spelling == spelling;
        let flaw = match (*known, kind) {
            _ if !same_spelling => "another path differs only in case",
            (Kind::Directory | Kind::Implied, Kind::Implied) => return Ok(()),
            (Kind::Implied, Kind::Directory) => {
                *known = kind;
                return Ok(());
            }
            (Kind::File, Kind::File) | (Kind::Directory, Kind::Directory) => "it is there twice",
            _ => "it is a file and a directory",
        };
        Err(Refusal::member(of.as_str(), flaw))
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
        assert_eq!(path("a/b/c").ancestors().collect::<Vec<_>>(), ["a", "a/b"]);
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
