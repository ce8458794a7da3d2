//! `everfresh repository`: named repositories, so that a bucket, a prefix and a key need not be typed again.

use std::io::Write;

use serde_json::{Value, json};

use super::fault::Fault;
use super::remote::{BUCKET, CREDENTIALS, PREFIX, REPOSITORY, keys, text};
use super::repositories::{Repositories, Repository, Shelf};
use crate::host::Host;
use crate::packager::arguments::{Arguments, Operands, Opt, Usage};
use crate::packager::commands::{Command, JSON};
use crate::packager::failure::Failure;
use crate::packager::publish::settings::{ENDPOINT, PROFILE, REGION};
use crate::packager::question::{invalid, utf8};

const DEFAULT: Opt = Opt::flag("default", "the one that counts where none is named").short('d');

const NAME: &str = "repository";

pub(in super::super) const COMMAND: Command = Command {
    name: NAME,
    summary: "keep buckets, prefixes and keys under names of their own",
    operands: Operands { shown: "add|modify|remove|list|exists [NAME]", least: 1, most: 2 },
    options: &[BUCKET, PREFIX, PROFILE, CREDENTIALS, ENDPOINT, REGION, DEFAULT, REPOSITORY, JSON],
    text: "They are kept in everfresh/repositories.json of your configuration, for you alone to read; where\n\
           there is none, pipper's own file counts, which is never written. With --repository a new one\n\
           begins as a copy. A key is never shown. Better than a key is the name of an AWS profile.",
    examples: &[
        "everfresh repository add team --bucket my-bucket --profile work --default",
        "everfresh repository list --json",
    ],
    run,
};

fn run(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let mut words = arguments.operands.iter().map(|word| utf8(NAME, word));
    let action = words.next().transpose()?.unwrap_or_default();
    let name = words.next().transpose()?;
    let shelf = Shelf::of(host)?;
    match (action, name) {
        ("list", None) => list(&shelf.load()?, arguments, output),
        ("list", Some(name)) => Err(Usage::TooMany { command: NAME, operand: name.to_owned() }.into()),
        ("add" | "modify" | "remove" | "exists", None) => {
            Err(invalid(NAME, format!("repository {action} needs a NAME")).into())
        }
        ("exists", Some(name)) => exists(&shelf.load()?, name, arguments, output),
        ("add" | "modify" | "remove", Some(name)) => {
            shelf.change(|all| change(all, action, name, arguments))?;
            Ok(writeln!(output, "{name} {}", done(action))?)
        }
        (other, _) => {
            let reason =
                format!("repository does not {}: add, modify, remove, list or exists", other.escape_debug());
            Err(invalid(NAME, reason).into())
        }
    }
}

fn done(action: &str) -> &'static str {
    match action {
        "add" => "is added",
        "modify" => "is changed",
        _ => "is removed",
    }
}

fn change(all: &mut Repositories, action: &str, name: &str, arguments: &Arguments) -> Result<(), Failure> {
    let is_name = !name.is_empty() && !name.chars().any(char::is_control);
    match action {
        "add" if !is_name => return Err(invalid(NAME, "a repository needs a name of one line").into()),
        "add" if all.named.contains_key(name) => return Err(Fault::RepositoryThere(name.to_owned()).into()),
        "add" => {}
        _ => drop(all.existing(name)?),
    }
    if action == "remove" {
        all.named.remove(name);
        all.default.take_if(|default| default == name);
        return Ok(());
    }
    let copied = text(arguments, REPOSITORY).map(|from| all.existing(&from).cloned()).transpose()?;
    let before = copied.or_else(|| all.named.get(name).cloned()).unwrap_or_default();
    let after = Repository {
        bucket: text(arguments, BUCKET).or(before.bucket),
        prefix: text(arguments, PREFIX).or(before.prefix),
        profile: text(arguments, PROFILE).or(before.profile),
        keys: keys(arguments, NAME)?.or(before.keys),
        endpoint: text(arguments, ENDPOINT).or(before.endpoint),
        region: text(arguments, REGION).or(before.region),
    };
    if after.bucket.is_none() {
        return Err(invalid(NAME, format!("repository {action} needs a --bucket")).into());
    }
    all.named.insert(name.to_owned(), after);
    if arguments.has(DEFAULT) {
        all.default = Some(name.to_owned());
    }
    Ok(())
}

fn exists(
    all: &Repositories,
    name: &str,
    arguments: &Arguments,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let found = all.existing(name);
    match &found {
        _ if arguments.has(JSON) => writeln!(output, "{}", json!({"name": name, "exists": found.is_ok()}))?,
        Ok(_) => writeln!(output, "{name} exists")?,
        Err(_) => {}
    }
    output.flush()?;
    found.map(drop).map_err(Failure::from)
}

fn list(all: &Repositories, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let is_default = |name: &String| all.default.as_ref() == Some(name);
    if arguments.has(JSON) {
        let shown = |(name, repository): (&String, &Repository)| report(name, repository, is_default(name));
        let shown: Vec<Value> = all.named.iter().map(shown).collect();
        return Ok(writeln!(output, "{}", json!({ "repositories": shown }))?);
    }
    for (name, repository) in &all.named {
        let bucket = repository.bucket.as_deref().unwrap_or("-");
        let prefix = repository.prefix.as_deref().unwrap_or(super::remote::USUAL_PREFIX);
        let who = match (&repository.profile, &repository.keys) {
            (Some(profile), _) => format!("  profile {profile}"),
            (None, Some(keys)) => format!("  key {}", keys.id),
            (None, None) => String::new(),
        };
        let default = if is_default(name) { "  (default)" } else { "" };
        writeln!(output, "{name}  s3://{bucket}/{prefix}{who}{default}")?;
    }
    Ok(())
}

/// All but what is secret.
fn report(name: &str, repository: &Repository, default: bool) -> Value {
    json!({
        "name": name,
        "bucket": repository.bucket,
        "prefix": repository.prefix,
        "profile": repository.profile,
        "access_key_id": repository.keys.as_ref().map(|keys| &keys.id),
        "endpoint": repository.endpoint,
        "region": repository.region,
        "default": default,
    })
}
