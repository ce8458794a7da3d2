//! `everfresh authorize`: addresses that serve whoever has them, for some time, without credentials.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};
use url::Url;

use super::expiry;
use super::fault::Fault;
use super::receive::bucket_name;
use super::remote::{BUCKET, CREDENTIALS, EXCHANGE, PREFIX, REPOSITORY, Remote, Way, operand};
use super::wanted::{DEV, INPUT, Wanted, Wishes};
use crate::fs;
use crate::host::Host;
use crate::net::show_url;
use crate::packager::arguments::{Arguments, Operands, Opt};
use crate::packager::commands::{Command, JSON};
use crate::packager::failure::Failure;
use crate::packager::publish::settings::{ENDPOINT, PROFILE, REGION};
use crate::packager::question::invalid;
use crate::source::s3::{Bucket, Lifetime};
use crate::time::{Deadline, Timestamp};

const EXPIRES: Opt =
    Opt::taking("expires", "TIME", "how long: 18s, 12mins, 3hr, 2days; 10 minutes else").short('e');
const OUTPUT: Opt = Opt::taking("output", "FILE", "write a list for download and install").short('o');
const QUIET: Opt = Opt::flag("quiet", "all addresses on one line, nothing else").short('q');
const LIST: Opt = Opt::flag("list", "the same").short('l');

const NAME: &str = "authorize";

pub(in super::super) const COMMAND: Command = Command {
    name: NAME,
    summary: "make addresses that serve packages without credentials for some time",
    operands: Operands { shown: "[NAME[:VERSIONS]|s3://BUCKET/KEY]…", least: 0, most: usize::MAX },
    options: &[
        EXPIRES,
        OUTPUT,
        QUIET,
        LIST,
        INPUT,
        DEV,
        REPOSITORY,
        BUCKET,
        PREFIX,
        PROFILE,
        CREDENTIALS,
        ENDPOINT,
        REGION,
        JSON,
    ],
    text: "Without operands those of pipper.json. Whoever has such an address has the file: hand it on as you\n\
           would a password. It serves for 7 days at most, and never longer than the credentials that sign it.",
    examples: &[
        "everfresh authorize -e 3hr -o packages.json myapp dep:1.2.*",
        "everfresh authorize -q s3://my-bucket/myapp/stable/pylock.toml",
    ],
    run,
};

/// An address, and what it is for.
struct Authorized {
    name: String,
    url: Url,
    lifetime: Lifetime,
}

fn run(host: &Host, arguments: &Arguments, output: &mut dyn Write) -> Result<(), Failure> {
    let time = arguments.value(EXPIRES).map(|text| {
        let text = operand(NAME, text)?;
        expiry::parse(text).map_err(|error| Failure::from(invalid(NAME, error)))
    });
    let time = time.transpose()?.unwrap_or(expiry::USUAL);
    let wishes = Wishes::of(arguments, NAME)?;
    let mut way = Some(Way::of(host, arguments, NAME)?);
    let mut remote: Option<Remote> = None;
    let mut authorized = Vec::new();
    for wanted in &wishes.wanted {
        authorized.push(match wanted {
            Wanted::Address(address) => {
                let reason = format!("'{}' is an address already", show_url(&address.url));
                return Err(invalid(NAME, reason).into());
            }
            Wanted::Package(package) => {
                if let Some(way) = way.take() {
                    remote = Some(way.open()?);
                }
                let Some(remote) = &mut remote else { return Err(Fault::NoBucket.into()) };
                let offer = remote.find(package)?;
                signed(&remote.bucket, offer.name, &offer.key, time)?
            }
            Wanted::Object(bucket, key) => {
                let own = Way::of(host, arguments, NAME)?;
                let mut open = own.bucket(&bucket_name(bucket, NAME)?)?;
                let found = open.look_up(key, &own.net, Deadline::after(EXCHANGE)).map_err(Fault::S3)?;
                if found.is_none() {
                    let at = format!("s3://{bucket}/");
                    return Err(Fault::NoPackage { wanted: key.clone(), at, there: Vec::new() }.into());
                }
                signed(&open, format!("s3://{bucket}/{key}"), key, time)?
            }
        });
    }
    let end = host.now().plus(time);
    warn(&authorized, end);
    report(arguments, &authorized, end, output)
}

fn signed(bucket: &Bucket, name: String, key: &str, time: std::time::Duration) -> Result<Authorized, Fault> {
    let (url, lifetime) = bucket.authorize(key, time)?.ok_or(Fault::NobodySigns)?;
    Ok(Authorized { name, url, lifetime })
}

/// Credentials that end earlier take their addresses with them.
fn warn(authorized: &[Authorized], end: Timestamp) {
    let words = authorized.iter().find_map(|authorized| match authorized.lifetime {
        Lifetime::Until(earlier) if earlier < end => {
            Some(format!("the credentials end at {earlier}, and what they authorize with them"))
        }
        Lifetime::Temporary => {
            Some("the credentials are temporary: what they authorize ends with them".to_owned())
        }
        _ => None,
    });
    if let Some(words) = words {
        let _ = writeln!(io::stderr(), "everfresh: warning: {words}");
    }
}

fn report(
    arguments: &Arguments,
    authorized: &[Authorized],
    end: Timestamp,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let urls: Vec<&str> = authorized.iter().map(|authorized| authorized.url.as_str()).collect();
    let place = arguments.value(OUTPUT).map(Path::new).map(fs::absolute).transpose()?;
    if let Some(place) = &place {
        // Who reads it has the packages.
        fs::write_atomic_mode(place, json!({ "dependencies": urls }).to_string().as_bytes(), 0o600)?;
    }
    if arguments.has(JSON) {
        let all = authorized.iter().map(|authorized| {
            let end = match authorized.lifetime {
                Lifetime::Until(earlier) => earlier.min(end),
                _ => end,
            };
            json!({"name": authorized.name, "url": authorized.url.as_str(), "until": end.to_string()})
        });
        return Ok(writeln!(output, "{}", json!({ "authorized": all.collect::<Vec<Value>>() }))?);
    }
    if arguments.has(QUIET) || arguments.has(LIST) {
        return Ok(writeln!(output, "{}", urls.join(" "))?);
    }
    for authorized in authorized {
        writeln!(output, "[AUTHORIZED]: {} -> {}", authorized.name, authorized.url)?;
    }
    if let Some(place) = place {
        writeln!(output, "[SAVED]: {}", place.display())?;
    }
    Ok(())
}
