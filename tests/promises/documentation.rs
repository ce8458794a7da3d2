//! What is written is true: examples parse, commands run, links lead somewhere.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use everfresh::config::{Config, KEYS};
use serde_json::Value;

use crate::support::outcome::{Outcome, fits};
use crate::support::{App, Index, Response, Wheel};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    docs.chain(["README.md", "CHANGELOG.md"].map(|name| root().join(name))).collect()
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts.map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("/app")).unwrap_or_else(|error| panic!("{error:?} in\n{text}"))
}

/// The words between backticks, fenced blocks left out.
fn quoted(text: &str) -> Vec<String> {
    let outside = text.split("```").step_by(2).flat_map(str::lines);
    outside.flat_map(|line| line.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The cells of all rows of the tables below a heading, up to the next one.
fn rows<'t>(text: &'t str, heading: &str) -> Vec<Vec<&'t str>> {
    let (_, section) = text.split_once(&format!("{heading}\n")).unwrap_or_else(|| panic!("no '{heading}'"));
    let section = section.lines().take_while(|line| !line.starts_with('#'));
    let rows = section.filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// All of the program's own text, strings that go over several lines put together.
fn sources() -> String {
    let mut waiting = vec![root().join("src")];
    let mut text = String::new();
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let pieces = text.split("\\\n").enumerate();
    pieces.map(|(at, piece)| if at == 0 { piece } else { piece.trim_start() }).collect()
}

/// The example with the comment signs taken from every line that is a key.
fn uncommented(text: &str) -> String {
    let keys: Vec<&str> = KEYS.iter().flat_map(|(_, keys)| keys.iter().copied()).collect();
    let is_key = |line: &str| {
        line.strip_prefix("# ")
            .and_then(|rest| rest.split(" = ").next())
            .is_some_and(|key| keys.contains(&key))
    };
    text.lines()
        .map(|line| if is_key(line) { &line[2..] } else { line })
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[test]
fn the_example_parses_and_states_the_real_defaults() {
    let text = read("launcher.toml.example");
    let example = parse(&text);
    let minimal = parse("[app]\nname = \"myapp\"\nrequirements = []\nentry = \"myapp.cli:main\"\n");
    assert_eq!(example.update, minimal.update);
    assert_eq!(example.verify, minimal.verify);
    assert_eq!(example.hooks, minimal.hooks);
    assert_eq!(example.network, minimal.network);
    assert_eq!(example.app.self_word, minimal.app.self_word);
    assert!(example.sources.iter().all(|source| source.any == minimal.sources[0].any));
    let (stated, real) = (&example.python, &minimal.python);
    assert_eq!(
        (&stated.flags, stated.inherit, stated.isolated, stated.compile),
        (&real.flags, real.inherit, real.isolated, real.compile)
    );
}

#[test]
fn the_example_has_every_key_and_each_can_be_uncommented() {
    let text = uncommented(&read("launcher.toml.example"));
    for (section, keys) in KEYS {
        for key in *keys {
            assert!(text.lines().any(|line| line.starts_with(&format!("{key} = "))), "[{section}] {key}");
        }
    }
    // All of them at once but the three other ways into the app, of which there can be one.
    let others = ["module = ", "script = ", "console-script = "];
    let lines = text.lines().filter(|line| !others.iter().any(|other| line.starts_with(other)));
    parse(&lines.flat_map(|line| [line, "\n"]).collect::<String>());
}

#[test]
fn every_key_is_described_and_its_default_is_the_real_one() {
    let text = read("docs/configuration.md");
    let mut stated = String::new();
    let mut count = 0;
    for (section, keys) in KEYS {
        let head = if *section == "source" { "[[source]]".to_owned() } else { format!("[{section}]") };
        let rows = rows(&text, &format!("## `{head}`"));
        let described: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
        assert_eq!(&described, keys, "{head}");
        let _ = writeln!(stated, "{head}");
        stated += match *section {
            "app" => "name = \"myapp\"\nrequirements = []\nentry = \"myapp:main\"\n",
            "source" => "type = \"index\"\n",
            _ => "",
        };
        for row in rows.iter().filter(|row| row[2].starts_with('`')) {
            let _ = writeln!(stated, "{} = {}", row[0].trim_matches('`'), row[2].trim_matches('`'));
            count += 1;
        }
    }
    // The same lines without the stated defaults: as comments, so that every line keeps its number.
    let needed = ["[", "name =", "requirements =", "entry =", "type ="];
    let is_needed = |line: &str| needed.iter().any(|beginning| line.starts_with(beginning));
    let without = stated.lines().map(|line| if is_needed(line) { line } else { "#" });
    assert_eq!(parse(&stated), parse(&without.flat_map(|line| [line, "\n"]).collect::<String>()));
    assert!(count >= 15, "only {count} defaults are stated");
}

#[test]
fn configurations_in_the_pages_parse() {
    let all = pages().into_iter().flat_map(|page| blocks(&std::fs::read_to_string(page).unwrap(), "toml"));
    let parsed: Vec<Config> = all.map(|block| parse(&block)).collect();
    assert!(parsed.len() >= 3);
}

#[test]
fn every_message_in_troubleshooting_is_one_that_the_program_has() {
    let (text, sources) = (read("docs/troubleshooting.md"), sources());
    let mut seen = 0;
    let mut missing = vec![];
    for row in text.lines().filter(|line| line.starts_with("| `")) {
        for message in quoted(row.trim_start_matches('|').split(" | ").next().unwrap()) {
            for part in message.split('…').map(str::trim).filter(|part| part.len() > 4) {
                seen += 1;
                if !sources.contains(part) {
                    missing.push(format!("'{part}' of '{message}'"));
                }
            }
        }
    }
    assert_eq!(missing, [""; 0], "nowhere in src/");
    assert!(seen > 30, "only {seen} parts of messages");
}

#[test]
fn every_file_that_the_pages_name_is_there() {
    let mut seen = 0;
    for page in pages() {
        for word in quoted(&std::fs::read_to_string(&page).unwrap()) {
            let begins = ["src/", "scripts/", "docs/", "tests/", "benches/"];
            let file = word.split(' ').next().unwrap();
            if begins.iter().any(|begin| file.starts_with(begin)) {
                assert!(root().join(file).exists(), "{file} in {}", page.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "only {seen} files");
}

#[test]
fn every_module_has_its_place_in_the_architecture() {
    let (library, described) = (read("src/lib.rs"), read("docs/architecture.md"));
    let modules: Vec<&str> =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let named: Vec<String> = rows(&described, "## Modules").iter().map(|row| row[0].to_owned()).collect();
    let named: Vec<&str> = named
        .iter()
        .map(|name| name.trim_matches('`').trim_start_matches("src/").trim_end_matches(".rs"))
        .collect();
    assert_eq!(named, modules);
}

#[test]
fn the_tour_of_the_commands_goes_as_it_says() {
    let tour = blocks(&read("docs/commands.md"), "console").pop().unwrap();
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d");
    let mut expected: Vec<&str> = vec![];
    let mut ran: Option<(&str, Outcome)> = None;
    for line in tour.lines().chain(["# The sources offer myapp 0.1"]) {
        let command = line.strip_prefix("$ myapp");
        let offer = line.strip_prefix("# The sources offer myapp ");
        if command.is_none() && offer.is_none() {
            expected.push(line);
            continue;
        }
        if let Some((command, outcome)) = ran.take() {
            let said =
                String::from_utf8_lossy(outcome.bytes()).into_owned() + &outcome.err_without_progress();
            let said: Vec<&str> = said.lines().collect();
            let same = said.len() == expected.len()
                && expected.iter().zip(&said).all(|(line, said)| fits(line, said));
            assert!(same, "$ myapp{command}\nsays\n{}\nnot\n{}", said.join("\n"), expected.join("\n"));
        }
        expected.clear();
        if let Some(version) = offer {
            index.add(Wheel::app(version));
        }
        if let Some(command) = command {
            ran = Some((command, app.run(&command.split_whitespace().collect::<Vec<_>>())));
        }
    }
}

#[test]
fn the_readmes_configurations_parse_and_the_first_one_starts() {
    let snippets = blocks(&read("README.md"), "toml");
    assert!(snippets.len() >= 2);
    for snippet in &snippets {
        parse(snippet);
    }
    let index = Index::with([Wheel::new("myapp", "1.0")
        .file("myapp/__init__.py", "")
        .file("myapp/cli.py", "def main():\n    print('hello')\n")]);
    let config = format!("{}\n[[source]]\nurl = \"{}\"\n", snippets[0], index.url());
    App::of(&index).config(&config).run::<&str>(&[]).prints("hello\n");
}

#[test]
fn the_readmes_commands_are_there_and_can_be_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let commands = blocks(&read("README.md"), "sh");
    assert_eq!(commands, ["scripts/demo\n", "scripts/test\n"]);
    for command in commands {
        let mode = std::fs::metadata(root().join(command.trim())).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{command}");
    }
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for part in text.split("](").skip(1) {
            let target = part.split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            let (file, place) = target.split_once('#').unwrap_or((target, ""));
            let file = page.parent().unwrap().join(file);
            let there =
                std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{target} in {}", page.display()));
            let mut headings = there.lines().filter(|line| line.starts_with('#'));
            let found = place.is_empty() || headings.any(|heading| anchor(heading) == place);
            assert!(found, "{target} in {}", page.display());
        }
    }
}

/// The name by which a heading is linked to.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    words.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[test]
fn every_command_of_the_launcher_is_described() {
    let index = Index::with([Wheel::app("1.0")]);
    let help = App::of(&index).run(&["self", "help"]);
    let described = read("docs/commands.md");
    for command in ["update", "info", "doctor", "rollback", "clean", "log", "run", "help", "--version"] {
        assert!(described.contains(&format!("self {command}")), "{command}");
        help.stdout_has(&format!("self {command}"));
    }
}

#[test]
fn every_command_and_option_of_the_tool_is_described() {
    let described = read("docs/commands.md");
    let app = App::new();
    let overview = String::from_utf8_lossy(app.tool(&["help"]).bytes()).into_owned();
    let commands = overview.lines().filter_map(|line| line.strip_prefix("  ")?.split_once("  "));
    let commands: Vec<&str> = commands.map(|(name, _)| name.trim()).filter(|name| *name != "help").collect();
    assert!(commands.len() >= 5, "{overview}");
    for command in commands {
        let row = rows(&described, "## `everfresh …`").into_iter();
        let mut row = row.filter(|row| row[0].trim_matches('`').starts_with(&format!("everfresh {command}")));
        let row = row.next().unwrap_or_else(|| panic!("{command} is not described")).join(" ");
        let help = String::from_utf8_lossy(app.tool(&["help", command]).bytes()).into_owned();
        let options = help.lines().filter_map(|line| line.strip_prefix("  --"));
        for option in options.filter_map(|line| line.split(' ').next()).filter(|option| *option != "help") {
            assert!(row.contains(&format!("`--{option}`")), "{command} --{option}");
        }
    }
}

#[test]
fn every_exit_status_of_the_launcher_is_in_the_readme() {
    let readme = read("README.md");
    let app = || App::new().requirements(["myapp"]).entry("myapp:main");
    let missing = app().python("path", "no-such-python").run::<&str>(&[]);
    missing.status(127);
    app().config("").run::<&str>(&[]).status(125);
    for status in ["125", "126", "127"] {
        assert!(readme.contains(&format!("| {status} | ")), "{status}");
    }
}

#[test]
fn the_changelog_has_a_place_for_what_comes_next() {
    let text = read("CHANGELOG.md");
    let first = text.lines().find(|line| line.starts_with("## "));
    assert_eq!(first, Some("## [Unreleased]"));
}

/// Names in backticks, such as keys have.
fn keys(cell: &str) -> BTreeSet<String> {
    let words = quoted(cell).into_iter();
    words
        .filter(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
        .collect()
}

/// The keys of an object, or of the objects in a list.
fn keys_of(value: &Value) -> BTreeSet<String> {
    let object = value.as_object().or_else(|| value.get(0)?.as_object());
    object.into_iter().flat_map(|object| object.keys().cloned()).collect()
}

#[test]
fn every_key_of_info_is_described_and_every_described_key_comes() {
    let index = Index::with([Wheel::app("1.0"), Wheel::new("dep", "1.0")]);
    let app = App::of(&index).requirements(["myapp", "dep"]);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    // A version that fails its test, a file that is not what is promised, and an index that is gone.
    index.add(Wheel::new("myapp", "1.1").file("myapp/__init__.py", "import nowhere"));
    app.run(&["self", "update"]).status(125);
    let lie = Wheel::new("dep", "1.1").distribution();
    index.add(lie.clone());
    index.server().route(&format!("/files/{}", lie.filename), Response::ok("no wheel"));
    app.run(&["self", "update"]).status(125);
    index.server().everything(Response::status(500));
    app.run(&["self", "update"]).status(125);
    let info = app.run(&["self", "info", "--json"]).json();
    let described = read("docs/commands.md");
    let rows = rows(&described, "### `self info --json`");
    let named: BTreeSet<String> = rows.iter().flat_map(|row| keys(row[0])).collect();
    assert_eq!(named, keys_of(&info));
    for row in &rows {
        // What identifies a quarantined environment is no key of ours.
        for key in keys(row[0]).into_iter().filter(|key| key != "quarantine") {
            let inner = keys_of(&info[&key]);
            let filled = !info[&key].is_array() || info[&key].get(0).is_some();
            assert!(filled, "nothing in {key} that could be compared: {info:#}");
            let is_nested = info[&key].is_object() || info[&key].is_array();
            if is_nested {
                assert_eq!(keys(row[1]), inner, "{key}");
            }
        }
    }
}

#[test]
fn every_key_of_the_doctors_report_is_described_and_every_described_key_comes() {
    let report = App::new()
        .requirements(["myapp"])
        .entry("myapp:main")
        .source("/nowhere")
        .run(&["self", "doctor", "--json"])
        .json();
    let described = read("docs/commands.md");
    let rows = rows(&described, "### `self doctor`");
    let mut keys_there: BTreeSet<String> = rows.iter().flat_map(|row| keys(row[0])).collect();
    let names: BTreeSet<String> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["name"].as_str().unwrap().to_owned())
        .collect();
    for name in &names {
        assert!(keys_there.remove(name), "{name} is not described");
    }
    assert_eq!(keys_there, BTreeSet::new(), "described, and not in {names:?}");
    let words =
        described.split_once("### `self doctor`").unwrap().1.split("\n### ").next().unwrap().to_owned();
    for key in keys_of(&report).into_iter().chain(keys_of(&report["findings"])) {
        assert!(words.contains(&format!("`{key}`")), "{key} is not described");
    }
}
