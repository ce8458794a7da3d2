//! AWS credentials come from the usual places, in the documented order; what is wrong with a place is said in a line.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::aws::{Surroundings, boto3, handed_out, moment};
use crate::support::{App, Index, Wheel};

const STATIC: &str = "aws_access_key_id = ";

fn keys(id: &str) -> String {
    format!("{STATIC}{id}\naws_secret_access_key = sesame\n")
}

#[test]
fn the_first_place_that_has_a_key_counts() {
    // From the last place that counts to the first.
    let user = Surroundings::new();
    assert_eq!(user.key(), "-");
    let user =
        user.config(&format!("[default]\ncredential_process = /bin/echo '{}'\n", handed_out("PROCESS", 900)));
    assert_eq!(user.key(), "PROCESS");
    let user = user.credentials_file(&format!("[default]\n{}[x]\n{}", keys("FILE"), keys("PROFILE")));
    assert_eq!(user.key(), "FILE");
    let user = user.env("AWS_DEFAULT_PROFILE", "x");
    assert_eq!(user.key(), "PROFILE");
    let user = user.env("AWS_PROFILE", "default");
    assert_eq!(user.key(), "FILE");
    let user = user.envs(&["AWS_ACCESS_KEY=OLDER", "AWS_SECRET_KEY=s", "AWS_SECURITY_TOKEN=t"]);
    assert_eq!(user.key(), "OLDER");
    let user = user
        .file("keys", "\u{feff}AWSAccessKeyId = OLDFILE\r\nAWSSecretKey=s=\r\n")
        .env("AWS_CREDENTIAL_FILE", "HOME/keys");
    assert_eq!(user.key(), "OLDFILE");
    let user = user.envs(&["AWS_ACCESS_KEY_ID=VARIABLE", "AWS_SECRET_ACCESS_KEY=s"]);
    assert_eq!(user.key(), "VARIABLE");
    assert_eq!(user.clone().profile("x").key(), "PROFILE");
    assert_eq!(user.wish(|wish| wish.anonymous = true).key(), "-");
}

#[test]
fn a_token_goes_with_its_key() {
    for (assignments, token) in [
        (&["AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_SESSION_TOKEN=t"][..], Some("t")),
        (&["AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s"], None),
        (&["AWS_ACCESS_KEY=a", "AWS_SECRET_KEY=s", "AWS_SECURITY_TOKEN=t"], Some("t")),
        (&["AWS_ACCESS_KEY=a", "AWS_SECRET_KEY=s", "AWS_SESSION_TOKEN=other"], None),
    ] {
        let found = Surroundings::new().envs(assignments).ask().unwrap().unwrap();
        assert_eq!(found.session_token.as_deref(), token, "{assignments:?}");
        assert_eq!((found.access_key_id.as_str(), found.secret_access_key.as_str()), ("a", "s"));
    }
}

#[test]
fn odd_characters_of_a_secret_are_kept() {
    for secret in ["a/b+c==", "with space", "quote\"'", "ümlaut", "#hash", "a#b;c", "a=b"] {
        let user =
            Surroundings::new().envs(&["AWS_ACCESS_KEY_ID=a", &format!("AWS_SECRET_ACCESS_KEY={secret}")]);
        assert_eq!(user.ask().unwrap().unwrap().secret_access_key, secret);
        let text = format!("[default]\r\naws_access_key_id=a\r\naws_secret_access_key = {secret}\r\n");
        let user = Surroundings::new().credentials_file(&text);
        assert_eq!(user.ask().unwrap().unwrap().secret_access_key, secret);
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "one table of all that can be wrong")]
fn what_is_wrong_is_said_in_a_line_with_a_hint() {
    let mend = "mend that profile in ~/.aws/config";
    let file = "mend the file: sections in brackets, and name = value";
    let content = "check what is in that file, and the variable that names it";
    let sign_in =
        "sign in and use its result: credential_process = aws configure export-credentials --profile NAME";
    let by_hand = "run the command by hand: it has to print one JSON object with Version 1";
    for (assignments, config, message, hint) in [
        (
            &["AWS_ACCESS_KEY_ID=a"][..],
            "",
            "the environment: AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not",
            "set both, or neither",
        ),
        (
            &["AWS_SECRET_KEY=a"],
            "",
            "the environment: AWS_SECRET_KEY is set and AWS_ACCESS_KEY is not",
            "set both, or neither",
        ),
        (
            &["AWS_ACCESS_KEY_ID=a key", "AWS_SECRET_ACCESS_KEY=s"],
            "",
            "no credentials from the environment: an access key id with characters that no key has",
            "copy the key once more, as it was handed out",
        ),
        (&["AWS_CREDENTIAL_FILE=HOME/none"], "", "HOME/none: there is no AWSAccessKeyId", content),
        (
            &[
                "AWS_ACCESS_KEY_ID=a",
                "AWS_SECRET_ACCESS_KEY=s",
                "AWS_CREDENTIAL_EXPIRATION=1970-01-02T00:00:00Z",
            ],
            "",
            "the credentials from the environment expired at 1970-01-02T00:00:00Z, and it is NOW",
            "renew the credentials, or set this machine's clock",
        ),
        (
            &["AWS_PROFILE=nobody"],
            "[profile x]\n",
            "there is no profile nobody in HOME/.aws/credentials or HOME/.aws/config",
            "check profile in launcher.toml, and AWS_PROFILE",
        ),
        (&[], "[default]\nbroken\n", "HOME/.aws/config:2: no name = value", file),
        (&[], "x = 1\n", "HOME/.aws/config:1: a line before the first section", file),
        (&[], "[default\n", "HOME/.aws/config:1: the bracket is not closed", file),
        (
            &[],
            "[default]\naws_access_key_id = a\n",
            "the profile default: aws_access_key_id is set and aws_secret_access_key is not",
            "set both, or neither",
        ),
        (
            &[],
            "[default]\nrole_arn = r\n",
            "the profile default has a role_arn, but neither source_profile nor credential_source",
            mend,
        ),
        (
            &[],
            "[default]\nrole_arn = r\nsource_profile = a\ncredential_source = Environment\n",
            "the profile default has both source_profile and credential_source",
            mend,
        ),
        (
            &[],
            "[default]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = default\n",
            "the profile default has itself as a source",
            mend,
        ),
        (
            &[],
            "[default]\nrole_arn = r\ncredential_source = Ether\n",
            "the profile default has a credential_source that is not known",
            "there are Environment, Ec2InstanceMetadata and EcsContainer",
        ),
        (
            &[],
            "[default]\nrole_arn = r\ncredential_source = Environment\n",
            "the profile default wants credentials from the environment, and there are none",
            "check credential_source in that profile",
        ),
        (
            &[],
            "[default]\nrole_arn = r\nsource_profile = b\nduration_seconds = long\n",
            "the profile default has a duration_seconds that is no number of seconds",
            mend,
        ),
        (
            &["AWS_REGION=evil.example/"],
            "[default]\nrole_arn = r\nsource_profile = b\n",
            "the profile default has a region that cannot be one",
            mend,
        ),
        (
            &[],
            "[default]\nrole_arn = r\nsource_profile = b\nendpoint_url = nowhere\n",
            "the profile default has an endpoint_url that cannot be one",
            mend,
        ),
        (
            &[],
            "[default]\nrole_arn = r\nsource_profile = b\nmfa_serial = m\n",
            "the profile default needs a second factor (mfa_serial), for which nobody is asked",
            sign_in,
        ),
        (
            &[],
            "[default]\nsso_session = s\n",
            "the profile default needs a sign-on at a browser, for which nobody is asked",
            sign_in,
        ),
        (
            &[],
            "[default]\ncredential_process = '/bin/echo\n",
            "the profile default has a credential_process that cannot be read",
            "quote words with spaces by double quotes",
        ),
        (
            &[],
            "[default]\ncredential_process = /nowhere/tool --secret sesame\n",
            "the credential_process of the profile default cannot run /nowhere/tool: No such file or directory",
            by_hand,
        ),
        (
            &[],
            "[default]\ncredential_process = /bin/sh -c 'echo first >&2; echo sign in first >&2; exit 3'\n",
            "the credential_process of the profile default fails: sign in first",
            by_hand,
        ),
        (
            &[],
            "[default]\ncredential_process = /bin/false\n",
            "the credential_process of the profile default fails: exit status: 1",
            by_hand,
        ),
        (
            &[],
            "[default]\ncredential_process = /bin/echo sesame\n",
            "the credential_process of the profile default does not print credentials: no JSON",
            by_hand,
        ),
        (
            &[],
            "[default]\ncredential_process = /bin/echo '{\"Version\": 2}'\n",
            "the credential_process of the profile default does not print credentials: no \"Version\": 1",
            by_hand,
        ),
        (
            &["AWS_WEB_IDENTITY_TOKEN_FILE=HOME/token"],
            "",
            "the environment: AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not",
            "set both, or neither",
        ),
        (
            &["AWS_WEB_IDENTITY_TOKEN_FILE=HOME/token", "AWS_ROLE_ARN=r"],
            "",
            "HOME/token: there is no web identity token",
            content,
        ),
        (
            &["AWS_CONTAINER_CREDENTIALS_FULL_URI=http://example.com/"],
            "",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of this machine's own",
            "check that variable, or take it out of the environment",
        ),
        (
            &["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=@example.com/"],
            "",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a slash",
            "check that variable, or take it out of the environment",
        ),
        (
            &["AWS_EC2_METADATA_DISABLED=no", "AWS_EC2_METADATA_SERVICE_ENDPOINT=nowhere"],
            "",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT is not an address",
            "check that variable, or take it out of the environment",
        ),
    ] {
        let user = Surroundings::new().envs(assignments).config(config);
        let home = format!("{}/", user.home().display());
        let now = moment(0);
        let said = user.key().replace(&home, "HOME/").replace(now.get(..14).unwrap(), "NOW ");
        let said = said.lines().map(|line| {
            line.split("NOW ").next().unwrap().to_owned() + if line.contains("NOW ") { "NOW" } else { "" }
        });
        assert_eq!(
            said.collect::<Vec<_>>(),
            [message.to_owned(), format!("hint: {hint}")],
            "{assignments:?} {config}"
        );
    }
}

#[test]
fn a_profile_that_the_source_names_is_the_only_place() {
    let user = Surroundings::new()
        .envs(&["AWS_ACCESS_KEY_ID=VARIABLE", "AWS_SECRET_ACCESS_KEY=s"])
        .config("[profile empty]\nregion = x\n");
    let home = user.home().display().to_string();
    assert_eq!(
        user.clone().profile("lost").key(),
        format!(
            "there is no profile lost in {home}/.aws/credentials or {home}/.aws/config\n\
             hint: check profile in launcher.toml, and AWS_PROFILE"
        )
    );
    let said = user.profile("empty").key();
    assert!(said.starts_with("there are no credentials in the profile empty\n"), "{said}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let user = Surroundings::new().file(".aws/credentials/x", "");
    let home = user.home().display().to_string();
    assert_eq!(
        user.key(),
        format!(
            "cannot read {home}/.aws/credentials: Is a directory\nhint: check who owns it and its permissions"
        )
    );
    let user = Surroundings::new().file(".aws/config", b"[default]\nregion = a\nname = \xff\n");
    let home = user.home().display().to_string();
    assert_eq!(user.key().lines().next(), Some(&*format!("{home}/.aws/config:3: not UTF-8")));
    // What everybody may read needs no file.
    assert_eq!(user.wish(|wish| wish.anonymous = true).service(), Ok(everfresh::aws::Service::default()));
}

#[test]
fn a_long_chain_of_profiles_ends_in_an_error_and_not_in_the_stack() {
    let links: String =
        (0..10_000).map(|n| format!("[profile p{n}]\nrole_arn = r\nsource_profile = p{}\n", n + 1)).collect();
    let said = Surroundings::new().config(&links).profile("p0").key();
    assert_eq!(said.lines().next(), Some("the profile p8 has too long a chain of sources"));
}

#[test]
fn a_program_that_hangs_is_ended_at_the_deadline() {
    let user = Surroundings::new().config("[default]\ncredential_process = /bin/sleep 600\n");
    let begun = Instant::now();
    let said = user.process().ask_within(Duration::from_secs(1)).unwrap_err().to_string();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(said.starts_with("the credential_process of the profile default does not end within "), "{said}");
}

#[test]
fn a_program_gets_words_and_no_shell() {
    let user = Surroundings::new().file(
        "my tools/print key",
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$HOME/seen\"\ncat \"$HOME/answer\"\n",
    );
    let tool = user.home().join("my tools/print key");
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let line = format!("credential_process = \"{}\" --for \"two words\" $HOME *\n", tool.display());
    let user = user.file("answer", handed_out("PRINTED", 900)).config(&format!("[default]\n{line}"));
    assert_eq!(user.key(), "PRINTED");
    assert_eq!(std::fs::read_to_string(user.home().join("seen")).unwrap(), "--for\ntwo words\n$HOME\n*\n");
}

#[test]
fn regions_and_endpoints_come_from_the_source_the_environment_and_the_profile() {
    let profile = "[default]\nregion = file\nendpoint_url = http://all\nservices = mine\n\
                   [services mine]\ns3 =\n  endpoint_url = http://s3\n[profile x]\nregion = x\nendpoint_url = http://x\n\
                   ignore_configured_endpoint_urls = true\n[profile y]\nendpoint_url = http://y\n";
    for (assignments, config, region, endpoint) in [
        (&[][..], "", None, None),
        (&[], profile, Some("file"), Some("http://s3")),
        (&["AWS_PROFILE=x"], profile, Some("x"), None),
        (&["AWS_PROFILE=y"], profile, None, Some("http://y")),
        (&["EC2_REGION=EU"], profile, Some("eu-west-1"), Some("http://s3")),
        (&["EC2_REGION=eu-west-2"], "", Some("eu-west-2"), None),
        (&["EC2_REGION=EU", "AWS_DEFAULT_REGION=two"], "", Some("two"), None),
        (&["AWS_REGION=one", "AWS_DEFAULT_REGION=two"], profile, Some("one"), Some("http://s3")),
        (&["AWS_ENDPOINT_URL=http://e"], profile, Some("file"), Some("http://e")),
        (&["AWS_ENDPOINT_URL=http://e", "AWS_ENDPOINT_URL_S3=http://e3"], "", None, Some("http://e3")),
        (&["AWS_ENDPOINT_URL_STS=http://sts"], "", None, None),
        (
            &["AWS_ENDPOINT_URL=http://e", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=TRUE"],
            profile,
            Some("file"),
            None,
        ),
    ] {
        let user = Surroundings::new().envs(assignments).config(config);
        let service = user.service().unwrap();
        assert_eq!(
            (service.region.as_deref(), service.endpoint.as_deref()),
            (region, endpoint),
            "{assignments:?}"
        );
        let said = user.wish(|wish| (wish.region, wish.endpoint) = (Some("r".into()), Some("u".into())));
        let service = said.service().unwrap();
        assert_eq!((service.region.as_deref(), service.endpoint.as_deref()), (Some("r"), Some("u")));
    }
}

/// boto3 decides which key is used; whatever it decides is the promise.
#[test]
fn boto3_finds_the_same_key_in_the_same_surroundings() {
    let process = |id| format!("credential_process = /bin/echo '{}'\n", handed_out(id, 3600));
    let both = ["AWS_ACCESS_KEY_ID=VARIABLE", "AWS_SECRET_ACCESS_KEY=s"];
    let named = |name: &str| format!("AWS_PROFILE={name}");
    let user = Surroundings::new;
    let cases = [
        ("nothing", user(), "-"),
        ("variables", user().envs(&both).credentials_file(&format!("[default]\n{}", keys("FILE"))), "VARIABLE"),
        ("credentials", user().credentials_file(&format!("[default]\n{}", keys("FILE"))), "FILE"),
        ("config", user().config(&format!("[default]\n{}", keys("CONFIG"))), "CONFIG"),
        ("[profile default]", user().config(&format!("[profile default]\n{}", keys("CONFIG"))), "CONFIG"),
        (
            "both files",
            user().config(&format!("[default]\n{}", keys("CONFIG"))).credentials_file(&format!("[default]\n{}", keys("FILE"))),
            "FILE",
        ),
        ("a profile", user().envs(&[&named("x")]).config(&format!("[profile x]\n{}", keys("X"))), "X"),
        ("a quoted profile", user().envs(&[&named("x y")]).config(&format!("[profile \"x y\"]\n{}", keys("X"))), "X"),
        ("a bare section of config", user().envs(&[&named("x")]).config(&format!("[x]\n{}", keys("X"))), "ProfileNotFound"),
        ("no such profile", user().envs(&[&named("x")]), "ProfileNotFound"),
        ("a profile and variables", user().envs(&both).profile("x").credentials_file(&format!("[x]\n{}", keys("X"))), "X"),
        (
            "other files",
            user()
                .file("c", format!("[default]\n{}", keys("OTHER")))
                .env("AWS_SHARED_CREDENTIALS_FILE", "~/c")
                .credentials_file(&format!("[default]\n{}", keys("FILE"))),
            "OTHER",
        ),
        ("capitals and CRLF", user().credentials_file("[default]\r\nAWS_ACCESS_KEY_ID=CAPS\r\nAws_Secret_Access_Key = s\r\n"), "CAPS"),
        ("comments", user().credentials_file(&format!("# a\n[default]\n; b\n  # c\n{}", keys("FILE"))), "FILE"),
        ("indented", user().credentials_file("[default]\n  aws_access_key_id = A\n  aws_secret_access_key = s\n"), "A"),
        ("nested", user().config(&format!("[default]\ns3 =\n  addressing_style = path\n{}", keys("N"))), "N"),
        ("a program", user().config(&format!("[default]\n{}", process("PROGRAM"))), "PROGRAM"),
        (
            "a program and a key",
            user().config(&format!("[default]\n{}", process("PROGRAM"))).credentials_file(&format!("[default]\n{}", keys("FILE"))),
            "FILE",
        ),
        ("half a key", user().credentials_file("[default]\naws_access_key_id = A\n"), "PartialCredentialsError"),
        ("half the variables", user().envs(&["AWS_ACCESS_KEY_ID=A"]), "PartialCredentialsError"),
        ("a role without source", user().config("[default]\nrole_arn = arn:aws:iam::1:role/x\n"), "PartialCredentialsError"),
        (
            "a loop",
            user().config("[default]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = default\n"),
            "InfiniteLoopConfigError",
        ),
        ("a region only", user().envs(&[&named("x")]).config("[profile x]\nregion = eu-west-1\n"), "-"),
        ("broken", user().config("[default]\nbroken\n"), "ConfigParseError"),
    ];
    let surroundings: Vec<Surroundings> =
        cases.iter().map(|(_, surroundings, _)| surroundings.clone()).collect();
    let theirs = boto3(&surroundings);
    assert_eq!(theirs.len(), cases.len());
    for ((what, surroundings, expected), theirs) in cases.iter().zip(theirs) {
        assert_eq!(&theirs, expected, "boto3: {what}");
        match surroundings.ask() {
            Ok(found) => assert_eq!(found.map_or("-".into(), |found| found.access_key_id), theirs, "{what}"),
            Err(error) => {
                assert!(expected.ends_with("Error") || expected.ends_with("NotFound"), "{what}: {error}");
            }
        }
    }
}

/// An app that was installed from an index and is now fed from a bucket, by a user with these surroundings.
fn fed_from_a_bucket(user: &Surroundings) -> App {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let app = app.without_sources().source("s3://bucket/folder").source_key("endpoint", "http://127.0.0.1:1");
    user.variables().iter().fold(app, |app, (name, value)| app.env(name, value))
}

#[test]
fn whatever_is_wrong_with_the_credentials_the_active_generation_starts() {
    let fails = "[default]\ncredential_process = /bin/sh -c 'echo sesame; exit 1'\n";
    let user = Surroundings::new;
    for (user, message, hint) in [
        (user().config("[default]\nsesame\n"), "config:2: no name = value", "mend the file"),
        (user().env("AWS_PROFILE", "lost"), "there is no profile lost in ", "check profile in"),
        (user().config(fails), "fails: exit status: 1", "run the command by hand"),
        (user().env("AWS_SECRET_ACCESS_KEY", "sesame"), "AWS_ACCESS_KEY_ID is not", "set both"),
    ] {
        let app = fed_from_a_bucket(&user);
        app.run::<&str>(&[]).prints("myapp 1.0\n");
        let outcome = app.start(&["self", "update"]).env("EVERFRESH_LOG", "debug").run();
        assert!(outcome.err().contains(message) && outcome.err().contains(hint), "{outcome:?}");
        let outcome = app.run(&["self", "update"]);
        outcome.status(125).stdout("");
        assert_eq!(outcome.err().lines().count(), 2, "{outcome:?}");
        let info = app.run(&["self", "info", "--json"]);
        for printed in [format!("{outcome:?}"), format!("{info:?}")] {
            assert!(!printed.contains("sesame"), "{printed}");
        }
        for file in app.cached() {
            let bytes = std::fs::read(app.cache().join(&file)).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("sesame"), "{}", file.display());
        }
    }
}

#[test]
fn temporary_credentials_lie_in_the_cache_for_this_user_only_until_it_is_cleaned() {
    let answer = handed_out("ASIAKEPT", 3600);
    let user = Surroundings::new()
        .config(&format!("[default]\nregion = us-east-1\ncredential_process = /bin/echo '{answer}'\n"));
    let app = fed_from_a_bucket(&user);
    let outcome = app.start(&["self", "update"]).env("EVERFRESH_LOG", "debug").run();
    assert!(!outcome.err().contains("ASIAKEPT"), "{outcome:?}");
    let holding = || {
        let files = app.cached().into_iter().map(|file| app.cache().join(file));
        let holds =
            |file: &PathBuf| String::from_utf8_lossy(&std::fs::read(file).unwrap()).contains("ASIAKEPT");
        files.filter(holds).collect::<Vec<_>>()
    };
    let [file] = holding().try_into().unwrap();
    assert_eq!(crate::support::aws::mode(&file), 0o600);
    app.run(&["self", "clean"]).status(0);
    assert_eq!(holding(), Vec::<PathBuf>::new());
}

/// What signs is what the URL names.
#[test]
fn a_url_is_signed_by_whom_the_surroundings_name() {
    let both = ["AWS_ACCESS_KEY_ID=AKIDVARIABLE", "AWS_SECRET_ACCESS_KEY=s", "AWS_REGION=eu-west-2"];
    let program = format!(
        "[default]\ncredential_process = /bin/echo '{}'\nregion = eu-west-3\n",
        handed_out("ASIAPROGRAM", 3600)
    );
    for (user, key, region) in [
        (Surroundings::new().envs(&both), "AKIDVARIABLE", "eu-west-2"),
        (Surroundings::new().config(&program), "ASIAPROGRAM", "eu-west-3"),
    ] {
        let app = user.variables().iter().fold(App::new(), |app, (name, value)| app.env(name, value));
        let request = serde_json::json!({"op": "s3.presign", "endpoint": "http://127.0.0.1:1", "bucket": "bucket", "key": "k", "expires": 60});
        let outcome = app.start_tool(&["rpc"]).stdin(format!("{request}\n")).run();
        let answer: serde_json::Value = serde_json::from_slice(outcome.bytes()).unwrap();
        let url = answer["url"].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert!(
            url.contains(&format!("X-Amz-Credential={key}%2F"))
                && url.contains(&format!("%2F{region}%2Fs3%2F")),
            "{url}"
        );
    }
}

/// The test starts itself as another process, whose whole output can be looked at.
#[test]
fn nothing_secret_is_printed_or_written_where_others_read() {
    const CHILD: &str = "EVERFRESH_TEST_ASKS";
    if let Some(cache) = std::env::var_os(CHILD) {
        let host = everfresh::host::Host::from_process().unwrap();
        everfresh::log::configure(&host);
        let aws = everfresh::aws::Aws::new(&host, Some(cache.into()));
        let net = everfresh::net::Net::new(&everfresh::net::Settings::default(), &host.env, "test");
        let found = aws.credentials(
            &everfresh::config::AwsConfig::default(),
            &net,
            everfresh::time::Deadline::after(Duration::from_secs(5)),
        );
        match &found {
            Ok(Some(_)) => println!("found {found:?} {aws:?}"),
            other => println!("failed {other:?}"),
        }
        if let Err(error) = &found {
            println!("error: {error}\nhint: {}", error.hint());
        }
        return;
    }
    let expired = handed_out("ASIA", -60);
    let fails = "[default]\ncredential_process = /bin/sh -c 'echo sesame; echo no key >&2; exit 1'\n";
    let half = "[default]\naws_secret_access_key = sesame\n";
    for (config, outcome) in [
        (format!("[default]\ncredential_process = /bin/echo '{}'\n", handed_out("ASIA", 3600)), "found "),
        (format!("[default]\ncredential_process = /bin/echo '{expired}'\n"), "expired at"),
        (fails.to_owned(), "fails: no key"),
        (half.to_owned(), "aws_secret_access_key is set and aws_access_key_id is not"),
        ("[default]\nsesame\n".to_owned(), "config:2: no name = value"),
    ] {
        let user = Surroundings::new().config(&config);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args([
            "--exact",
            "promises::credentials::nothing_secret_is_printed_or_written_where_others_read",
        ]);
        child.args(["--nocapture"]).env_clear().env("HOME", user.home()).env(CHILD, user.cache());
        child.env("AWS_EC2_METADATA_DISABLED", "true").env("EVERFRESH_LOG", "debug");
        let output = child.output().unwrap();
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(printed.contains(outcome), "{printed}");
        for secret in ["sesame", "token-ASIA"] {
            assert!(!printed.contains(secret), "{printed}");
        }
        let kept = user.kept();
        assert_eq!(kept.len(), usize::from(outcome == "found "));
        for file in kept {
            assert_eq!(crate::support::aws::mode(&file), 0o600);
            assert!(!file.to_string_lossy().contains("ASIA"));
        }
    }
}
