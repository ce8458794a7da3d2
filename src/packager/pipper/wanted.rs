//! What is asked for: packages as `name` or `name:constraint`, addresses, and the lists of a `pipper.json`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::fault::Fault;
use super::remote::operand;
use crate::fs;
use crate::package::address::FileAddress;
use crate::package::requirement::Requirement;
use crate::packager::arguments::{Arguments, Opt, Usage};
use crate::packager::failure::Failure;
use crate::packager::question::invalid;

pub(super) const INPUT: Opt = Opt::taking("input", "FILE", "what this pipper.json lists").short('i');
pub(super) const DEV: Opt =
    Opt::flag("dev", "its dev_dependencies, not its dependencies").also(&["devel", "development"]);

/// The file that counts where nothing is named.
const USUAL: &str = "pipper.json";

/// A package of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// As it was typed.
    pub(super) text: String,
    /// Its name as it was typed: that of a folder.
    pub(super) name: String,
    pub(super) requirement: Requirement,
}

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    Package(Package),
    /// A file at an address.
    Address(FileAddress),
    /// An object: bucket and key.
    Object(String, String),
}

/// All that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Wishes {
    pub(super) wanted: Vec<Wanted>,
    /// What comes from package indexes.
    pub(super) pypi: Vec<Requirement>,
    /// How many packages conda would have to bring.
    pub(super) conda: usize,
}

impl Wishes {
    /// The operands; without any what `--input` lists, else the `pipper.json` here.
    ///
    /// # Errors
    /// When there is nothing, or something of it cannot be meant.
    pub(super) fn of(arguments: &Arguments, command: &'static str) -> Result<Self, Failure> {
        if !arguments.operands.is_empty() {
            let read = |text| wanted(operand(command, text)?, command);
            let wanted = arguments.operands.iter().map(|text| read(text)).collect::<Result<_, Failure>>()?;
            return Ok(Self { wanted, ..Self::default() });
        }
        let file = PathBuf::from(arguments.value(INPUT).unwrap_or(USUAL.as_ref()));
        let bytes = fs::read_if_there(&file, fs::SMALL_FILE)?;
        if bytes.is_none() && arguments.has(INPUT) {
            // Says what cannot be opened.
            fs::open(&file)?;
        }
        let nothing = || invalid(command, format!("{command} needs a NAME, or a {USUAL} with dependencies"));
        let wishes = Self::read(&file, &bytes.ok_or_else(nothing)?, arguments.has(DEV), command)?;
        if wishes.wanted.is_empty() && wishes.pypi.is_empty() { Err(nothing().into()) } else { Ok(wishes) }
    }

    fn read(file: &Path, bytes: &[u8], dev: bool, command: &'static str) -> Result<Self, Failure> {
        let fault = |reason: String| Fault::Settings { file: file.to_owned(), reason };
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| fault(format!("line {}: not valid JSON", error.line().max(1))))?;
        let list = |key: &'static str| match value.get(key) {
            None | Some(Value::Null) => Ok(&[][..]),
            Some(Value::Array(items)) => Ok(items.as_slice()),
            Some(_) => Err(fault(format!("{key} is no list"))),
        };
        let texts = |key| {
            let text = |item: &Value| {
                item.as_str().map(str::to_owned).ok_or_else(|| fault(format!("{key} has what is no text")))
            };
            list(key)?.iter().map(text).collect::<Result<Vec<_>, _>>()
        };
        let key = if dev { "dev_dependencies" } else { "dependencies" };
        let named = |text: &String| {
            wanted(text, command).map_err(|failure| match failure {
                Failure::Usage(usage) => fault(usage.to_string()).into(),
                failure => failure,
            })
        };
        let index =
            |text: &String| Requirement::parse_lenient(text).map_err(|error| fault(error.to_string()).into());
        Ok(Self {
            wanted: texts(key)?.iter().map(named).collect::<Result<_, Failure>>()?,
            pypi: texts("pypi")?.iter().map(index).collect::<Result<_, Failure>>()?,
            conda: list("conda")?.len(),
        })
    }
}

fn wanted(text: &str, command: &'static str) -> Result<Wanted, Failure> {
    let text = text.trim();
    if let Some(place) = text.strip_prefix("s3://") {
        let object = place.split_once('/').filter(|(_, key)| !key.is_empty());
        let (bucket, key) = object.ok_or_else(|| {
            invalid(command, format!("'{}' is no object: expected s3://bucket/key", text.escape_debug()))
        })?;
        return Ok(Wanted::Object(bucket.to_owned(), key.to_owned()));
    }
    if text.contains("://") {
        let address = FileAddress::parse(text, None);
        return Ok(Wanted::Address(address.map_err(|error| invalid(command, error))?));
    }
    let requirement = Requirement::parse_lenient(text).map_err(Usage::Requirement)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name = text.chars().take_while(|c| is_name(*c)).collect();
    Ok(Wanted::Package(Package { text: text.to_owned(), name, requirement }))
}
