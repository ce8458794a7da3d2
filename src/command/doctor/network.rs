//! What the network is like: each source, the proxies on the way, TLS, and what time it is elsewhere.

use std::thread;
use std::time::{Duration, Instant};

use url::Url;

use super::{Finding, Level, count};
use crate::config::{Config, Mode};
use crate::error::Error;
use crate::host::Host;
use crate::net::{Call, Fault, Method, Net, NetError, Roots, Settings, TlsFault, proxy_for, show_url};
use crate::package::name::ProjectName;
use crate::source::{Address, Found, NoPages};
use crate::time::{Deadline, Timestamp, show_duration};
use crate::update::activate;
use crate::update::catalogue::{Place, Places};
use crate::update::plan::USER_AGENT;

/// How long a source may take, all told.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far this machine's clock may be from a server's, which has to travel here.
const TOLERANCE: Duration = Duration::from_secs(300);

/// 2020-01-01: a clock that shows an earlier day has lost its battery.
const PAST: Timestamp = Timestamp(1_577_836_800);

/// What one source said.
struct Asked {
    name: String,
    /// Where it is asked over HTTP, where that is known.
    url: Option<Url>,
    answer: Result<Option<Found>, Error>,
    took: Duration,
    project: Option<ProjectName>,
    /// What its clock shows, by its `Date` header, and what ours showed then.
    clocks: Option<(Timestamp, Timestamp)>,
}

/// Asks all sources at the same time.
pub(super) fn findings(config: &Config, places: &Places, host: &Host) -> Vec<Finding> {
    let settings = Settings::of(&config.network);
    let net = Net::new(&settings, &host.env, USER_AGENT);
    let main = activate::main_project(config).and_then(|name| name.parse().ok());
    let asked: Vec<Asked> = thread::scope(|scope| {
        let (main, net) = (main.as_ref(), &net);
        let ask = |place| scope.spawn(move || ask(place, main, net, host));
        let threads: Vec<_> = places.0.iter().map(ask).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let somebody_has_it = asked.iter().any(|asked| matches!(asked.answer, Ok(Some(_))));
    let mut findings: Vec<Finding> =
        asked.iter().map(|asked| source(asked, config, somebody_has_it)).collect();
    findings.push(proxy(&asked, host));
    findings.push(tls(&asked, host, &settings));
    let told = asked.iter().find_map(|asked| Some((asked.url.as_ref()?.host_str()?, asked.clocks?)));
    findings.push(clock(host.now(), told));
    findings
}

fn ask(place: &Place, main: Option<&ProjectName>, net: &Net, host: &Host) -> Asked {
    let deadline = Deadline::after(PATIENCE);
    let may_have = |name: &&ProjectName| place.projects.as_ref().is_none_or(|all| all.contains(*name));
    let project = main.filter(may_have).or_else(|| place.projects.as_ref()?.first());
    place.log_in(net);
    let started = Instant::now();
    let answer = match project {
        Some(project) => place.address.project(project, net, &NoPages, deadline).map_err(Error::from),
        None => Ok(None),
    };
    let took = started.elapsed();
    let url = match &place.address {
        Address::Index(url) | Address::Links(url) => Some(url.clone()),
        Address::S3(folder) => folder.url(),
        Address::Release(_) => place.address.web().cloned(),
        Address::Directory(_) => None,
    };
    let clocks = url.as_ref().and_then(|url| {
        // Any answer has the server's time in it, a refusal too.
        let call = Call { method: Method::Head, url, headers: &[], body: &[], cap: 1 << 16 };
        let reply = net.call(&call, deadline).ok()?;
        Some((Timestamp::parse_http_date(reply.headers.get("date")?)?, host.now()))
    });
    Asked { name: shown(&place.address), url, answer, took, project: project.cloned(), clocks }
}

fn shown(address: &Address) -> String {
    match address {
        Address::Index(url) | Address::Links(url) => show_url(url),
        Address::S3(folder) => folder.to_string(),
        Address::Release(release) => release.to_string(),
        Address::Directory(path) => path.display().to_string(),
    }
}

/// Whether a source answers, how fast, and what it has of the app.
fn source(asked: &Asked, config: &Config, somebody_has_it: bool) -> Finding {
    const NAME: &str = "source";
    let update = &config.update;
    let project = asked.project.as_ref().map_or("the app", ProjectName::as_str);
    let answers = format!("{} answers in {} ms", asked.name, asked.took.as_millis());
    let found = match &asked.answer {
        Ok(Some(found)) => found,
        Ok(None) if somebody_has_it => {
            return Finding::ok(NAME, format!("{answers} and does not have {project}"));
        }
        Ok(None) => {
            let text = format!("{answers} and does not have {project}, as no other source does");
            return Finding::warning(NAME, text, "check the sources and the requirements in launcher.toml");
        }
        Err(error) => return failed(NAME, &asked.name, error),
    };
    let versions = found.files.iter().filter(|file| file.yanked.is_none()).map(|file| &file.name.version);
    let text = match versions.max() {
        Some(newest) => {
            format!("{answers}: {project} {newest} is the newest of {}", count(found.files.len(), "file"))
        }
        None => format!("{answers} and has no file of {project} that can be used"),
    };
    if asked.took > update.timeout && update.mode == Mode::Launch {
        let text = format!("{text}; a start waits {} at most", show_duration(update.timeout));
        return Finding::warning(NAME, text, "raise [update] timeout, or say mode = \"background\"");
    }
    Finding::ok(NAME, text)
}

/// The failure, with the source's address where its own words do not name it.
fn failed(name: &'static str, source: &str, error: &Error) -> Finding {
    let finding = Finding::error(name, error);
    if finding.text.contains(source) {
        return finding;
    }
    Finding { text: format!("{source}: {}", finding.text), ..finding }
}

/// Which sources are reached through which proxy.
fn proxy(asked: &[Asked], host: &Host) -> Finding {
    const NAME: &str = "proxy";
    let mut ways: Vec<String> = Vec::new();
    let mut ignored = false;
    for url in asked.iter().filter_map(|asked| asked.url.as_ref()) {
        let server = url.host_str().unwrap_or_default();
        let way = match proxy_for(&host.env, url) {
            Some((variable, proxy)) => format!("{server} through {proxy} ({variable})"),
            None => format!("{server} directly"),
        };
        ignored |= url.scheme() == "http" && proxy_for(&host.env, url).is_none();
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    if ways.is_empty() {
        return Finding::ok(NAME, "no source is asked over the network".to_owned());
    }
    let text = ways.join(", ");
    if ignored && host.env.text("HTTP_PROXY").is_some() && host.env.text("http_proxy").is_none() {
        let text = format!("{text}; HTTP_PROXY is not read, because web servers set it for their visitors");
        return Finding::warning(NAME, text, "set http_proxy instead");
    }
    Finding::ok(NAME, text)
}

/// Whom we believe, and whether hand-shakes succeed.
fn tls(asked: &[Asked], host: &Host, settings: &Settings) -> Finding {
    const NAME: &str = "tls";
    let secure: Vec<&Asked> =
        asked.iter().filter(|asked| asked.url.as_ref().is_some_and(|url| url.scheme() == "https")).collect();
    if secure.is_empty() {
        return Finding::ok(NAME, "no source is asked over https".to_owned());
    }
    let broken = |text: String, fault: &TlsFault| Finding {
        level: Level::Error,
        ..Finding::warning(NAME, text, fault.hint())
    };
    let roots = match Roots::of(&host.env, settings) {
        Ok(roots) => roots,
        Err(fault) => return broken(fault.to_string(), &fault),
    };
    let extra = if settings.ca.is_some() { " and [network] ca" } else { "" };
    let trusts = format!("the bundled roots and {} of {}{extra} are trusted", roots.count, roots.origin);
    let failed = secure.iter().find_map(|asked| match &asked.answer {
        Err(Error::Net(NetError { fault: Fault::Tls(fault), .. })) => Some((&asked.name, fault)),
        _ => None,
    });
    if let Some((name, fault)) = failed {
        return broken(format!("no secure connection to {name}: {fault}; {trusts}"), fault);
    }
    if roots.named && roots.count == 0 {
        let text = format!("{} has no certificate that can be used; {trusts}", roots.origin);
        return Finding::warning(NAME, text, "name a PEM file with the roots of your network, or unset it");
    }
    Finding::ok(NAME, trusts)
}

/// Whether the clock is right, as far as a server told its own: the server's name, its time, and ours then.
pub(super) fn clock(now: Timestamp, told: Option<(&str, (Timestamp, Timestamp))>) -> Finding {
    const NAME: &str = "clock";
    const HINT: &str = "set the clock: certificates and the freshness of checks depend on it";
    if now < PAST {
        let text = format!("it shows {now}");
        return Finding { level: Level::Error, ..Finding::warning(NAME, text, HINT) };
    }
    let Some((server, (theirs, ours))) = told else {
        return Finding::ok(NAME, format!("it shows {now}; no source told the time"));
    };
    let (ahead, behind) = (ours.since(theirs), theirs.since(ours));
    let difference = ahead.max(behind);
    if difference <= TOLERANCE {
        return Finding::ok(NAME, format!("it agrees with that of {server}"));
    }
    let direction = if ahead > behind { "ahead of" } else { "behind" };
    Finding::warning(NAME, format!("it is {} {direction} that of {server}", show_duration(difference)), HINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_wrong_when_it_is_far_from_a_servers_or_from_this_age() {
        let now = Timestamp(1_800_000_000);
        for (ours, theirs, level, text) in [
            (now, Some(now), Level::Ok, "it agrees with that of server"),
            (now, Some(Timestamp(now.0 - 300)), Level::Ok, "it agrees with that of server"),
            (now, Some(Timestamp(now.0 - 301)), Level::Warning, "it is 5 min ahead of that of server"),
            (now, Some(Timestamp(now.0 + 86_400)), Level::Warning, "it is 24 h behind that of server"),
            (now, None, Level::Ok, "it shows 2027-01-15T08:00:00Z; no source told the time"),
            (Timestamp(100), None, Level::Error, "it shows 1970-01-01T00:01:40Z"),
            (Timestamp(100), Some(now), Level::Error, "it shows 1970-01-01T00:01:40Z"),
        ] {
            let found = clock(ours, theirs.map(|theirs| ("server", (theirs, ours))));
            assert_eq!(
                (found.level, found.text.as_str(), found.hint.is_some()),
                (level, text, level != Level::Ok)
            );
        }
    }
}
