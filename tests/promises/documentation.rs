//! What is written is true: examples parse, commands run, links lead somewhere.

use std::path::{Path, PathBuf};

use everfresh::config::{Config, KEYS};

use crate::support::{App, Index, Wheel};

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
            if !target.contains("://") {
                assert!(page.parent().unwrap().join(target).exists(), "{target} in {}", page.display());
            }
        }
    }
}

#[test]
fn every_command_of_the_launcher_is_described() {
    let index = Index::with([Wheel::app("1.0")]);
    let help = App::of(&index).run(&["self", "help"]);
    let described = read("docs/commands.md");
    for command in ["update", "info", "rollback", "clean", "log", "run", "help", "--version"] {
        assert!(described.contains(&format!("self {command}")), "{command}");
        help.stdout_has(&format!("self {command}"));
    }
}

#[test]
fn every_key_of_info_is_described() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let info = app.run(&["self", "info", "--json"]).json();
    let described = read("docs/commands.md");
    for key in info.as_object().unwrap().keys() {
        assert!(described.contains(&format!("`{key}`")), "{key}");
    }
}
