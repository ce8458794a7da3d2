//! A mistake in `launcher.toml` is one message that names file, line and key, and one hint.

use crate::support::{App, Index, Wheel};

const GOOD: &str = "[app]\nname = \"myapp\"\nrequirements = [\"myapp\"]\nentry = \"myapp:main\"\n";

#[test]
fn each_mistake_is_named_with_its_line_and_a_hint() {
    let cases = [
        (
            "[update]\nintervall = \"1d\"\n",
            "launcher.toml:6: unknown key 'intervall' in [update]",
            "did you mean 'interval'?",
        ),
        (
            "[update]\ninterval = 5\n",
            "launcher.toml:6: [update] interval must be a duration in quotes, not a whole number",
            "for example: interval = \"30s\"",
        ),
        (
            "[update]\nmode = \"never\"\n",
            "launcher.toml:6: [update] mode cannot be 'never'",
            "it takes \"launch\" or \"background\" or \"manual\"",
        ),
        (
            "module = \"myapp\"\n",
            "launcher.toml:1: [app] has entry and module, of which only one can hold",
            "keep entry, say, and remove the rest",
        ),
    ];
    for (addition, message, hint) in cases {
        let app = App::new().config(&format!("{GOOD}{addition}"));
        let expected = format!("myapp: error: [DIR]/app/{message}\nhint: {hint}\n");
        app.run::<&str>(&[]).fails(125, &expected);
    }
}

/// Whoever writes such a key relies on it: on a login that would not be shown, on an endpoint that would not be asked.
#[test]
fn a_key_that_its_kind_of_source_does_not_heed_is_refused() {
    let of_pages = "\"index\" and \"links\"";
    let cases = [
        ("url = \"s3://b/p\"", "username = \"me\"", "s3", of_pages),
        ("url = \"s3://b/p\"", "password_env = \"P\"", "s3", of_pages),
        ("url = \" packages\"", "token_env = \"T\"", "directory", of_pages),
        ("url = \"https://h/\"", "endpoint = \"https://e\"", "index", "\"s3\""),
        ("type = \"index\"", "region = \"eu-west-1\"", "index", "\"s3\""),
        ("url = \"https://h/\"\ntype = \"links\"", "profile = \"p\"", "links", "\"s3\""),
        ("url = \"file:///p\"", "credentials = \"none\"", "directory", "\"s3\""),
        ("url = \"https://h/\"", "vcs = true", "index", "\"links\""),
        ("url = \"https://h/pylock.toml\"", "endpoint = \"https://e\"", "release", "\"s3\""),
        ("url = \"s3://b/pylock.toml\"", "username = \"me\"", "release", of_pages),
        ("url = \"https://h/x\"\ntype = \"release\"", "vcs = true", "release", "\"links\""),
        ("url = \"pylock.toml\"", "token_env = \"T\"", "release", of_pages),
        (
            "type = \"index\"\ncredentials = \"default\"\nvcs = false",
            "profile = \"default\"",
            "index",
            "\"s3\"",
        ),
    ];
    for (source, misfit, kind, fits) in cases {
        let line = 6 + source.lines().count();
        let key = misfit.split(' ').next().unwrap();
        let app = App::new().config(&format!("{GOOD}[[source]]\n{source}\n{misfit}\n"));
        let expected = format!(
            "myapp: error: [DIR]/app/launcher.toml:{line}: [source] {key} is not for a source of type \"{kind}\"\n\
             hint: {key} is for {fits}; the type is told by type, else by the address\n"
        );
        app.run::<&str>(&[]).fails(125, &expected);
    }
}

#[test]
fn a_token_beside_a_password_is_named_with_the_key_that_is_there() {
    for key in ["username", "password_env"] {
        let source = format!("[[source]]\ntype = \"index\"\ntoken_env = \"T\"\n{key} = \"x\"\n");
        let said = format!(
            "[DIR]/app/launcher.toml:5: [source] has token_env and {key}, of which only one can hold\n"
        );
        App::new().config(&format!("{GOOD}{source}")).run::<&str>(&[]).status(125).stderr_has(&said);
    }
}

#[test]
fn a_missing_config_is_named() {
    let app = App::new().config(GOOD);
    let start = app.start::<&str>(&[]);
    std::fs::remove_file(app.folder().join("launcher.toml")).unwrap();
    let outcome = start.run();
    outcome.status(125).stdout("").stderr_has("myapp: error: ").stderr_has("[DIR]/app/launcher.toml");
}

#[test]
fn a_requirement_that_is_none_is_named_with_its_line() {
    let app = App::new().config(&GOOD.replace("\"myapp\"]", "\"myapp\",\n\"dep ==\"]"));
    let outcome = app.run::<&str>(&[]);
    outcome.status(125).stdout("").stderr_has("myapp: error: [DIR]/app/launcher.toml:4: ");
}

#[test]
fn an_app_goes_on_with_its_last_good_config_never() {
    // A packager who makes a mistake must see it at once, not when the cache is gone.
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let app = app.config("[app]\nname = 1\n");
    app.run::<&str>(&[]).status(125).stdout("").stderr_has("[DIR]/app/launcher.toml:2: [app] name ");
}

pub(super) fn an_interpreter_that_is_not_there_is_127() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).env("PATH", "/nowhere");
    app.run::<&str>(&[]).status(127).stdout("").stderr_has("myapp: error: ").stderr_has("\nhint: ");
}
