//! Inputs out of a fixed seed: mostly well-formed, in every spelling; some with a character too many, too few or
//! wrong.
#![allow(clippy::format_push_string, reason = "a grammar reads best as one piece appended to another")]

use serde_json::{Value, json};

/// What is put where it does not belong.
const ODD: &str = "aAbcdev01279.-_+!*=<>~,;@()[]'\" \t\n\u{a0}\u{1d}é/#:\0";

pub struct Generator(u64);

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    pub fn maybe(&mut self) -> Option<bool> {
        [None, Some(true), Some(false)][self.below(3)]
    }

    /// One time in four with one to three characters changed.
    fn broken(&mut self, text: String) -> String {
        if !self.one_in(4) {
            return text;
        }
        let odd: Vec<char> = ODD.chars().collect();
        let mut letters: Vec<char> = text.chars().collect();
        for _ in 0..=self.below(2) {
            let at = self.below(letters.len() + 1);
            let letter = odd[self.below(odd.len())];
            match self.below(3) {
                0 => letters.insert(at, letter),
                1 if at < letters.len() => letters[at] = letter,
                _ if at < letters.len() => drop(letters.remove(at)),
                _ => {}
            }
        }
        letters.into_iter().collect()
    }

    fn number(&mut self) -> String {
        let number = [0_u64, 0, 1, 1, 2, 3, 9, 10, 2026, 20_260_131_235_959][self.below(10)];
        if self.one_in(12) { format!("0{number}") } else { number.to_string() }
    }

    fn separator(&mut self) -> &'static str {
        self.pick(&["", "", ".", "-", "_"])
    }

    /// A version in any spelling.
    fn version(&mut self) -> String {
        let mut text = self.pick(&["", "", "", "", "", "", "v", "V"]).to_owned();
        if self.one_in(8) {
            text += &format!("{}!", self.below(3));
        }
        let numbers = 1 + self.below(5);
        let release: Vec<String> = (0..numbers).map(|_| self.number()).collect();
        text += &release.join(".");
        text += &self.suffixes();
        if self.one_in(6) {
            text += &self.local();
        }
        text
    }

    fn suffixes(&mut self) -> String {
        let mut text = String::new();
        let pres = ["a", "b", "c", "rc", "alpha", "beta", "pre", "preview", "RC", "Alpha"];
        for (rarity, words) in [(4, &pres[..]), (5, &["post", "rev", "r", "POST"]), (5, &["dev", "DEV"])] {
            if self.one_in(rarity) {
                let (before, word, after) = (self.separator(), self.pick(words), self.separator());
                let number = if self.one_in(4) { String::new() } else { self.number() };
                text += &format!("{before}{word}{after}{number}");
            }
        }
        if text.is_empty() && self.one_in(12) {
            text = format!("-{}", self.number());
        }
        text
    }

    fn local(&mut self) -> String {
        let parts = 1 + self.below(3);
        let parts: Vec<&str> =
            (0..parts).map(|_| self.pick(&["1", "02", "abc", "Ubuntu", "5a", "0"])).collect();
        let separator = self.pick(&[".", "-", "_"]);
        format!("+{}", parts.join(separator))
    }

    /// One of few versions that lie so close together that every rule of PEP 440 decides something.
    pub fn near_version(&mut self) -> String {
        let release = self.pick(&["1", "1.0", "1.0.0", "1.1", "1.0.1", "1!1.0", "0", "2", "1.10", "1.1.0.0"]);
        let pre = self.pick(&["", "", "", "a1", "rc1", "b0", "a2"]);
        let post = self.pick(&["", "", "", ".post0", ".post1"]);
        let dev = self.pick(&["", "", "", ".dev0", ".dev1"]);
        let local = self.pick(&["", "", "", "", "+a", "+1", "+a.1"]);
        let odd = self.below(60);
        match odd {
            0 => "nonsense".to_owned(),
            1 => "1.0 ".to_owned(),
            _ => format!("{release}{pre}{post}{dev}{local}"),
        }
    }

    pub fn broken_version(&mut self) -> String {
        let version = self.version();
        let (before, after) = (self.pick(&["", "", " ", "\t"]), self.pick(&["", "", " \n", "\u{a0}"]));
        self.broken(format!("{before}{version}{after}"))
    }

    fn specifier(&mut self, version: String) -> String {
        let operator = self.pick(&["==", "==", "!=", ">=", "<=", ">", "<", "~=", "==="]);
        let star = matches!(operator, "==" | "!=") && self.one_in(3);
        let version =
            if star { format!("{}.*", self.pick(&["1", "1.0", "1!1.0", "1.1.0"])) } else { version };
        let space = self.pick(&["", "", " "]);
        // `packaging` takes a local label with `==` and `!=` only; most versions should be accepted.
        let public = version.split('+').next().unwrap().to_owned();
        let keep = matches!(operator, "==" | "!=" | "===") || self.one_in(20);
        format!("{operator}{space}{}", if keep { version } else { public })
    }

    pub fn specifiers(&mut self) -> String {
        let count = self.pick(&["0", "1", "1", "1", "1", "2", "2", "3"]).parse().unwrap();
        let specifiers: Vec<String> = (0..count)
            .map(|_| {
                let version = self.near_version();
                self.specifier(version)
            })
            .collect();
        specifiers.join(self.pick(&[",", ", ", " , "]))
    }

    pub fn broken_specifiers(&mut self) -> String {
        let version = self.version();
        let text = if self.one_in(2) { self.specifiers() } else { self.specifier(version) };
        self.broken(text)
    }

    fn name(&mut self) -> String {
        self.pick(&["a", "A1", "name", "Some.Package", "some__package", "x-y_z.w", "a--b", "2to3"]).to_owned()
    }

    pub fn broken_name(&mut self) -> String {
        let name = self.name();
        self.broken(name)
    }

    pub fn requirement(&mut self) -> String {
        let mut text = format!("{}{}", self.pick(&["", "", " "]), self.name());
        if self.one_in(3) {
            let count = self.below(4);
            let extras: Vec<String> = (0..count).map(|_| self.name()).collect();
            text += &format!("{}[{}]", self.pick(&["", " "]), extras.join(self.pick(&[",", " , "])));
        }
        let mut gap = self.pick(&["", " "]);
        match self.below(4) {
            0 => {}
            1 => {
                text += &format!(" @ {}", self.pick(&["https://a/b.whl#sha256=0", "file:///a;b", "x"]));
                gap = " ";
            }
            2 => text += &format!("({})", self.specifiers_without_text()),
            _ => text += &format!("{}{}", self.pick(&["", " "]), self.specifiers_without_text()),
        }
        if self.one_in(3) {
            text += &format!("{gap};{}{}", self.pick(&["", " "]), self.marker(1));
        }
        self.broken(text)
    }

    /// `packaging` ends an `===` at a blank only, commas or not, and so differs from PEP 508.
    fn specifiers_without_text(&mut self) -> String {
        loop {
            let specifiers = self.specifiers();
            if !specifiers.contains("===") {
                return specifiers;
            }
        }
    }

    pub fn broken_marker(&mut self) -> String {
        let marker = self.marker(2);
        self.broken(marker)
    }

    pub fn marker(&mut self, depth: usize) -> String {
        let count = 1 + self.below(3) * self.below(2);
        let mut text = String::new();
        for index in 0..count {
            if index > 0 {
                text += self.pick(&[" and ", " or ", "\tor ", " and  "]);
            }
            if depth > 0 && self.one_in(4) {
                text += &format!("({})", self.marker(depth - 1));
            } else {
                text += &self.comparison();
            }
        }
        text
    }

    fn comparison(&mut self) -> String {
        const VARIABLES: [&str; 18] = [
            "os_name",
            "os.name",
            "sys_platform",
            "sys.platform",
            "platform_machine",
            "platform_python_implementation",
            "python_implementation",
            "platform_release",
            "platform_system",
            "platform_version",
            "python_version",
            "python_version",
            "python_full_version",
            "python_full_version",
            "implementation_name",
            "implementation_version",
            "extra",
            "extras",
        ];
        let operators = ["==", "==", "!=", ">=", "<=", ">", "<", "~=", "===", "in", "not in", "not  in"];
        let variable = self.pick(&VARIABLES);
        let words = matches!(variable, "extra" | "extras");
        // Comparisons without a meaning are errors; most should have one.
        let operator = match variable {
            "extras" if !self.one_in(8) => self.pick(&["in", "not in"]),
            _ if words || !variable.contains("version") => {
                self.pick(&["==", "==", "!=", "in", "not in", ">=", "<"])
            }
            _ => self.pick(&operators),
        };
        let values: &[&str] = if words {
            &["a", "Fancy_Extra", "fancy.extra", "", "A"]
        } else if variable.contains("version") || variable == "platform_release" {
            &[
                "3.9",
                "3.11",
                "3.11.7",
                "3.11.*",
                "3",
                "3.12.0b1",
                "6.1.0",
                "6.1.0-13-amd64",
                "3.8 3.11",
                "=3",
                "2.7",
            ]
        } else {
            &[
                "posix",
                "nt",
                "linux",
                "win32",
                "Linux",
                "x86_64",
                "CPython",
                "cpython",
                "linux darwin",
                "",
                "it's",
            ]
        };
        let value = self.pick(values);
        let quote = if value.contains('\'') || self.one_in(2) { '"' } else { '\'' };
        let value = format!("{quote}{value}{quote}");
        let reversed = variable == "extras" || self.one_in(4);
        match self.below(60) {
            0 => format!("{variable} {operator} {}", self.pick(&VARIABLES)),
            1 => format!("{value} {operator} {value}"),
            _ if reversed => format!("{value} {operator} {variable}"),
            2 => format!("{variable}{operator}{value}"),
            _ => format!("{variable} {operator} {value}"),
        }
    }

    pub fn environment(&mut self) -> Value {
        let python = self.pick(&["3.9", "3.11", "3.12", "2.7", ""]);
        let micro = self.pick(&[".0", ".7", ".0b1", ".7+"]);
        let (os, sys, system) =
            [("posix", "linux", "Linux"), ("nt", "win32", "Windows"), ("posix", "darwin", "Darwin")]
                [self.below(3)];
        let implementation = self.pick(&["CPython", "PyPy"]);
        json!({
            "os_name": os,
            "sys_platform": sys,
            "platform_machine": self.pick(&["x86_64", "arm64", ""]),
            "platform_python_implementation": implementation,
            "platform_release": self.pick(&["6.1.0-13-amd64", "6.1.0", "22.5.0", ""]),
            "platform_system": system,
            "platform_version": "#1 SMP 3.11",
            "python_version": python,
            "python_full_version": format!("{python}{micro}"),
            "implementation_name": implementation.to_lowercase(),
            "implementation_version": format!("{python}.1"),
            "extra": self.pick(&["", "a", "fancy-extra", "Fancy.Extra"]),
            "extras": if self.one_in(2) { json!([]) } else { json!(["A", "fancy-extra"]) },
        })
    }

    pub fn wheel(&mut self) -> String {
        let name = self.pick(&["a", "Some_Package", "some.package", "a__b", "x1", "_a", "é"]);
        let version = if self.one_in(2) { self.near_version() } else { self.version() };
        let version = version.replace('-', "_");
        let build = self.pick(&["", "", "", "-1", "-01abc", "-b1"]);
        let python = self.pick(&["py3", "py2.py3", "cp311", "CP311", "py3.", "3py"]);
        let abi = self.pick(&["none", "abi3", "cp311", "cp311.abi3", "none.none"]);
        let platform = self.pick(&["any", "linux_x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64", ""]);
        let extension = self.pick(&[".whl", ".whl", ".whl", ".whl", ".whl", ".WHL", ".zip"]);
        self.broken_filename(format!("{name}-{version}{build}-{python}-{abi}-{platform}{extension}"))
    }

    pub fn sdist(&mut self) -> String {
        let name = self.pick(&["a", "Some_Package", "some-package", "a__b", "a-1.0", ""]);
        let version = if self.one_in(2) { self.near_version() } else { self.version() };
        let extension = self.pick(&[".tar.gz", ".tar.gz", ".zip", ".zip", ".tgz", ".tar.bz2", ""]);
        self.broken_filename(format!("{name}-{version}{extension}"))
    }

    /// What could leave its directory, or is no text, we refuse and `packaging` does not look at.
    fn broken_filename(&mut self, filename: String) -> String {
        self.broken(filename).replace(['/', '\0', '\n', '\t', '\u{1d}'], "")
    }
}
