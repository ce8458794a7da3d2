//! Wheels (PEP 427, "binary distribution format"): checked as the format says and laid out as
//! `pip install --target` does.

use super::archive::identity;
use super::archive::input::Input;
use super::archive::limits::Limits;
use super::archive::path::MemberPath;
use super::archive::refusal::Refusal;
use super::archive::tree::Tree;
use super::archive::zip::Zip;
use super::archive::zip_entry::Entry;
use super::entry_points::EntryPoints;
use super::filename::DistributionName;
use super::record::{Line, Record};

/// What follows a wheel's name and version where its scripts are.
const SCRIPTS: &str = ".data/scripts/";

/// An open wheel whose `.dist-info` is its own.
pub struct Wheel<'a> {
    zip: Zip<Input<'a>>,
    stem: String,
    limits: Limits,
}

/// What a laid out wheel is.
#[derive(Debug)]
pub struct LaidOut {
    /// Its `.dist-info`.
    pub dist_info: String,
    /// Its entry points.
    pub entry_points: EntryPoints,
    /// `Root-Is-Purelib`.
    pub root_is_purelib: bool,
}

impl<'a> Wheel<'a> {
    /// Finds the one `.dist-info`, whose name must be that of the file.
    pub fn open(reader: Input<'a>, name: &DistributionName, limits: &Limits) -> Result<Self, Refusal> {
        let zip = Zip::open(reader, limits)?;
        let mut stems: Vec<&str> = zip
            .entries()
            .iter()
            .filter_map(|entry| entry.path.split_first().0.strip_suffix(".dist-info"))
            .collect();
        stems.dedup();
        stems.sort_unstable();
        stems.dedup();
        let stem = match stems[..] {
            [] => return Err(Refusal::Missing(".dist-info directory")),
            [stem] => stem.to_owned(),
            _ => return Err(Refusal::Container("it has more than one .dist-info directory")),
        };
        let (project, version) = stem.rsplit_once('-').unwrap_or((&stem, ""));
        identity::check("its .dist-info directory", project, version, name)?;
        Ok(Self { zip, stem, limits: *limits })
    }

    /// `METADATA`, checked to be this distribution's.
    pub fn metadata(&mut self, name: &DistributionName) -> Result<Vec<u8>, Refusal> {
        let metadata = self.dist_info_file("METADATA")?.ok_or(Refusal::Missing("METADATA"))?;
        identity::check_metadata("METADATA", &metadata, name)?;
        Ok(metadata)
    }

    /// Unpacks it into `tree`.
    pub fn lay_out(mut self, name: &DistributionName, tree: &mut Tree) -> Result<LaidOut, Refusal> {
        let wheel = self.dist_info_file("WHEEL")?.ok_or(Refusal::Missing("WHEEL"))?;
        let root_is_purelib = read_wheel_file(&wheel)?;
        self.metadata(name)?;
        let entry_points = self.dist_info_file("entry_points.txt")?.unwrap_or_default();
        // The list is compared before anything is written.
        for (index, line) in self.recorded()?.into_iter().enumerate() {
            self.place(index, name, &line, tree)?;
        }
        Ok(LaidOut {
            dist_info: format!("{}.dist-info", self.stem),
            entry_points: EntryPoints::parse(&entry_points),
            root_is_purelib,
        })
    }

    /// Puts one member where it belongs, compared with its line in `RECORD`.
    fn place(
        &mut self,
        index: usize,
        name: &DistributionName,
        line: &Line,
        tree: &mut Tree,
    ) -> Result<(), Refusal> {
        let Some(entry) = self.zip.entries().get(index).cloned() else { return Ok(()) };
        if entry.directory {
            return self.zip.copy(index, &mut |_| Ok(()));
        }
        let target = self.target(&entry, name)?;
        let mut hasher = line.hasher();
        let is_script =
            entry.path.as_str().strip_prefix(&self.stem).is_some_and(|rest| rest.starts_with(SCRIPTS));
        let mut file = tree.file(&target, entry.executable || is_script)?;
        self.zip.copy(index, &mut |bytes| {
            hasher.update(bytes);
            file.write(bytes)
        })?;
        tree.bytes += entry.size;
        line.check(entry.path.as_str(), &hasher.finish(), entry.size)
    }

    /// What `RECORD` says of each member.
    fn recorded(&mut self) -> Result<Vec<Line>, Refusal> {
        let record = self.dist_info_file("RECORD")?.ok_or(Refusal::Missing("RECORD"))?;
        let mut record = Record::parse(&record, self.zip.entries().len())?;
        let line = |entry: &Entry| {
            if entry.directory { Ok(Line::default()) } else { self.recorded_of(entry, &mut record) }
        };
        let lines = self.zip.entries().iter().map(line).collect::<Result<_, _>>()?;
        match record.first_left() {
            Some(path) => Err(Refusal::record(path, "it is listed but not there")),
            None => Ok(lines),
        }
    }

    /// The line of a file: with a digest, but for `RECORD` and its signatures, which may have no line at all.
    fn recorded_of(&self, entry: &Entry, record: &mut Record) -> Result<Line, Refusal> {
        let path = entry.path.as_str();
        let line = record.remove(path);
        let exempt = ["RECORD", "RECORD.jws", "RECORD.p7s"]
            .iter()
            .any(|file| path.strip_prefix(&self.stem) == Some(&format!(".dist-info/{file}")));
        match line {
            Some(line) if exempt || line.has_digest() => Ok(line),
            None if exempt => Ok(Line::default()),
            Some(_) => Err(Refusal::record(path, "it is listed without a hash")),
            None => Err(Refusal::record(path, "it is not listed")),
        }
    }

    /// Where a file goes: the schemes of the `.data` directory become places in the one library directory.
    fn target(&self, entry: &Entry, name: &DistributionName) -> Result<MemberPath, Refusal> {
        let (first, rest) = entry.path.split_first();
        let target = match (first.strip_suffix(".data"), rest) {
            (Some(stem), Some(rest)) if stem == self.stem => {
                let (scheme, inner) = rest
                    .split_once('/')
                    .ok_or_else(|| entry.refuse("it is in no scheme of the .data directory"))?;
                let place = match scheme {
                    "purelib" | "platlib" | "data" => String::new(),
                    "scripts" => "bin/".to_owned(),
                    "headers" => format!("include/{}/", name.project),
                    _ => return Err(entry.refuse("it is in an unknown scheme of the .data directory")),
                };
                MemberPath::parse(&format!("{place}{inner}"), &self.limits)?
            }
            (Some(_), Some(_)) => return Err(entry.refuse("it is in another distribution's .data directory")),
            _ => return Ok(entry.path.clone()),
        };
        if target.split_first().0.to_lowercase().ends_with(".dist-info") {
            return Err(entry.refuse("it would change what is installed"));
        }
        Ok(target)
    }

    /// A file of the `.dist-info` directory, where it is there.
    fn dist_info_file(&mut self, file: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let path = format!("{}.dist-info/{file}", self.stem);
        let found =
            self.zip.entries().iter().position(|entry| !entry.directory && entry.path.as_str() == path);
        let most = if file == "RECORD" { self.limits.directory } else { self.limits.small };
        found.map(|index| self.zip.read(index, most)).transpose()
    }
}

/// Reads `WHEEL`: refuses another major version of the format, returns `Root-Is-Purelib`.
fn read_wheel_file(bytes: &[u8]) -> Result<bool, Refusal> {
    let flaw = |flaw| Refusal::Malformed { file: "WHEEL", flaw };
    let text = std::str::from_utf8(bytes).map_err(|_| flaw("it is not UTF-8"))?;
    let version =
        identity::only_value(text, "wheel-version").ok_or_else(|| flaw("it has no Wheel-Version"))?;
    let parts: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    match parts.as_deref() {
        Some([1, ..]) => {}
        Some([_, _, ..]) => return Err(flaw("its Wheel-Version is not 1")),
        _ => return Err(flaw("its Wheel-Version is malformed")),
    }
    let purelib = identity::only_value(text, "root-is-purelib");
    Ok(purelib.is_some_and(|value| value.eq_ignore_ascii_case("true")))
}
