//! `entry_points.txt`: groups of named objects, as `importlib.metadata` reads them.

use std::collections::BTreeMap;

/// The longest text that is read, in bytes; what comes behind it does not count.
const LONGEST: usize = 1 << 20;

/// One object: `module:attr [extras]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPoint {
    /// The module to import.
    pub module: String,
    /// The object in it, by its dotted path; the module itself where there is none.
    pub attr: Option<String>,
    /// What the object needs installed beside its distribution.
    pub extras: Vec<String>,
}

impl EntryPoint {
    /// Reads `module:attr [extras]`. What is none gives nothing, as there is nothing that could be called.
    pub fn parse(text: &str) -> Option<Self> {
        let (object, extras) = match text.split_once('[') {
            Some((object, extras)) => (object, extras.trim_end().strip_suffix(']')?),
            None => (text, ""),
        };
        let (module, attr) = match object.split_once(':') {
            Some((module, attr)) => (module, Some(attr.trim())),
            None => (object, None),
        };
        let module = module.trim();
        if !is_dotted(module) || !attr.is_none_or(is_dotted) {
            return None;
        }
        let extras = extras.split(',').map(str::trim).filter(|extra| !extra.is_empty());
        Some(Self {
            module: module.to_owned(),
            attr: attr.map(str::to_owned),
            extras: extras.map(str::to_owned).collect(),
        })
    }
}

/// Whether this is a path of Python names joined by dots.
fn is_dotted(path: &str) -> bool {
    path.split('.').all(|name| {
        name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}

/// A distribution's entry points: by group, then by name. The first of equal names counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryPoints(BTreeMap<String, BTreeMap<String, EntryPoint>>);

impl EntryPoints {
    /// Reads the file. Lines that say nothing are passed over, as `importlib.metadata` does.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes.get(..LONGEST).unwrap_or(bytes));
        let mut points = Self::default();
        let mut group = None;
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                group = Some(name);
            } else if let (Some(group), Some((name, value))) = (group, line.split_once('='))
                && !line.starts_with('#')
            {
                points.insert(group, name.trim(), value);
            }
        }
        points
    }

    /// Adds `name = value` to a group, where the value is an entry point, the name is new, and both names are such
    /// that the file can have them: a name from elsewhere must not become another line of it.
    pub fn insert(&mut self, group: &str, name: &str, value: &str) {
        let writable = !group.contains(char::is_control)
            && !name.contains(|c: char| c == '=' || c.is_control())
            && !name.starts_with(['[', '#'])
            && name.trim() == name;
        if let Some(point) = EntryPoint::parse(value).filter(|_| writable) {
            self.0.entry(group.to_owned()).or_default().entry(name.to_owned()).or_insert(point);
        }
    }

    /// The entry points of a group, by name.
    pub fn group(&self, group: &str) -> impl Iterator<Item = (&str, &EntryPoint)> {
        self.0.get(group).into_iter().flatten().map(|(name, point)| (name.as_str(), point))
    }

    /// The command of that name.
    pub fn console_script(&self, name: &str) -> Option<&EntryPoint> {
        self.0.get("console_scripts")?.get(name)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The file's text again.
    pub fn to_ini(&self) -> String {
        let mut text = String::new();
        for (group, points) in &self.0 {
            text.push_str(&format_group(group, points));
        }
        text
    }
}

fn format_group(group: &str, points: &BTreeMap<String, EntryPoint>) -> String {
    let lines = points.iter().map(|(name, EntryPoint { module, attr, extras })| {
        let attr = attr.as_ref().map(|attr| format!(":{attr}")).unwrap_or_default();
        let extras = if extras.is_empty() { String::new() } else { format!(" [{}]", extras.join(",")) };
        format!("{name} = {module}{attr}{extras}\n")
    });
    format!("[{group}]\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_elsewhere_never_becomes_another_line_of_the_file() {
        for name in ["a\nb", "a\r", "a = b", "[a", "#a", " a", "a\u{85}"] {
            let mut points = EntryPoints::default();
            points.insert("console_scripts", name, "myapp:main");
            assert!(points.is_empty(), "{name:?}");
        }
        let mut points = EntryPoints::default();
        points.insert("a]\n[b", "c", "myapp:main");
        assert!(points.is_empty());
    }

    fn point(module: &str, attr: Option<&str>, extras: &[&str]) -> EntryPoint {
        EntryPoint {
            module: module.to_owned(),
            attr: attr.map(str::to_owned),
            extras: extras.iter().map(|&extra| extra.to_owned()).collect(),
        }
    }

    #[test]
    fn an_entry_point_is_a_module_and_perhaps_an_object_in_it() {
        for (text, expected) in [
            ("a.b:main", point("a.b", Some("main"), &[])),
            (" a : b.c  [x, y] ", point("a", Some("b.c"), &["x", "y"])),
            ("a", point("a", None, &[])),
            ("a[x]", point("a", None, &["x"])),
            ("ä:ö", point("ä", Some("ö"), &[])),
        ] {
            assert_eq!(EntryPoint::parse(text), Some(expected), "{text}");
        }
        for text in ["", ":main", "a:", "a:b:c", "a b:c", "a:b [x", "../a:b", "a..b:c", "1a:b", "a:b(); x"] {
            assert_eq!(EntryPoint::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_file_is_read_as_importlib_metadata_reads_it() {
        let text = b"before = any:group\n# comment\n[console_scripts]\r\n  tool=a:main\r\ntool = b:second\n\
            #off = a:off\nnothing\nbroken = a b\n\n[x.plugins]\n one : two = p:q [e]\n[empty]\n";
        let points = EntryPoints::parse(text);
        assert_eq!(points.console_script("tool"), Some(&point("a", Some("main"), &[])));
        assert_eq!(points.console_script("one : two"), None);
        assert_eq!(points.group("console_scripts").count(), 1);
        assert_eq!(
            points.group("x.plugins").collect::<Vec<_>>(),
            [("one : two", &point("p", Some("q"), &["e"]))]
        );
        assert_eq!(points.to_ini(), "[console_scripts]\ntool = a:main\n[x.plugins]\none : two = p:q [e]\n");
        assert_eq!(EntryPoints::parse(points.to_ini().as_bytes()), points);
    }
}
