//! AWS credentials that a service hands out: roles, containers, machines. They are asked for when they are needed, with
//! what proves who asks, within the time given, and kept until they are nearly over.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::aws::{Surroundings, assumed, boto3, handed_out, mode};
use crate::support::server::Request;
use crate::support::{BlackHole, Daemon, RefusedPort, Response, Server, daemon};

const ROLE: &str = "arn:aws:iam::123456789012:role/reader";
const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// The server of moto: it checks signatures and permissions of what asks it once `check` was called, and does not look
/// at web identity tokens.
struct Moto {
    daemon: Daemon,
    _log: tempfile::TempDir,
}

impl Moto {
    fn start() -> Self {
        let log = tempfile::tempdir().unwrap();
        let file = log.path().join("log");
        let daemon = Daemon::start(&file, |port| {
            let mut command = Command::new(daemon::tool("moto_server"));
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            command
        });
        Self { daemon, _log: log }
    }

    fn url(&self) -> String {
        self.daemon.url("")
    }

    /// Makes a user who may assume [`ROLE`] and roles of its path, and has everything checked from now on; gives the
    /// key and its secret.
    fn check(&self) -> (String, String) {
        const SCRIPT: &str = r#"
import sys, json, boto3, urllib.request
options = dict(endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="s")
iam = boto3.client("iam", **options)
iam.create_user(UserName="me")
allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}
iam.put_user_policy(UserName="me", PolicyName="p", PolicyDocument=json.dumps(allowed))
for name in ["reader", "next"]:
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(allowed))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(allowed))
key = iam.create_access_key(UserName="me")["AccessKey"]
urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/moto-api/reset-auth", data=b"0", method="POST", headers={"Content-Type": "text/plain"}))
print(key["AccessKeyId"], key["SecretAccessKey"])
"#;
        let output = Command::new(daemon::tool("python")).args(["-c", SCRIPT, &self.url()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let (id, secret) = text.trim().split_once(' ').unwrap();
        (id.to_owned(), secret.to_owned())
    }
}

fn role_of(source: &str) -> String {
    format!("[default]\nrole_arn = {ROLE}\n{source}\n[profile source]\n{}", key("AKIDSOURCE"))
}

fn key(id: &str) -> String {
    format!("aws_access_key_id = {id}\naws_secret_access_key = sesame\n")
}

fn by_source() -> String {
    role_of("source_profile = source")
}

fn form(request: &Request) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

fn sts(server: &Server, user: Surroundings) -> Surroundings {
    user.env("AWS_ENDPOINT_URL_STS", &server.url("/"))
}

fn sts_hands_out(server: &Server, id: &str, seconds: i64) {
    server.route("/", Response::ok(assumed("AssumeRole", id, seconds)).content_type("text/xml"));
}

/// moto computes the signature itself and compares.
#[test]
fn a_role_is_assumed_with_a_signature_that_moto_checks() {
    let moto = Moto::start();
    let (id, secret) = moto.check();
    let config = |secret: &str, more: &str| {
        format!(
            "[default]\nrole_arn = {ROLE}\nsource_profile = source\nregion = eu-west-1\n{more}\n[profile source]\n\
             aws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
        )
    };
    let user = Surroundings::new().env("AWS_ENDPOINT_URL_STS", &moto.url());
    for more in ["", "external_id = a b&c\nrole_session_name = me@home\nduration_seconds = 1200\n"] {
        let found = user.clone().config(&config(&secret, more)).ask().unwrap().unwrap();
        assert!(found.access_key_id.starts_with("ASIA"), "{}", found.access_key_id);
        assert!(found.session_token.is_some() && found.expires.is_some());
    }
    // The session token of the first role is part of what is signed for the second one.
    let chained = config(&secret, "").replace("[default]", "[profile first]")
        + "[default]\nrole_arn = arn:aws:iam::123456789012:role/next\nsource_profile = first\n";
    let found = Surroundings::new().env("AWS_ENDPOINT_URL_STS", &moto.url()).config(&chained).key();
    assert!(found.starts_with("ASIA"), "{found}");
    let refused =
        |config: &str| Surroundings::new().env("AWS_ENDPOINT_URL_STS", &moto.url()).config(config).key();
    let keys = "hint: check the AWS credentials: the access key and the secret key belong together";
    let said = refused(&config("wrong", ""));
    assert!(
        said.starts_with(&format!("{ROLE} is refused: SignatureDoesNotMatch: The request signature")),
        "{said}"
    );
    assert!(said.ends_with(keys) && said.lines().count() == 2, "{said}");
    let said = refused(&config(&secret, "").replace(&id, "AKIDNOBODY"));
    let token = "The security token included in the request is invalid.";
    assert_eq!(said, format!("{ROLE} is refused: InvalidClientTokenId: {token}\n{keys}"));
}

/// boto3 asks the same services of moto: the same kind of key comes back.
#[test]
fn boto3_gets_the_same_kind_of_key_from_the_same_services() {
    let moto = Moto::start();
    let user = || {
        let user = Surroundings::new()
            .env("AWS_ENDPOINT_URL_STS", &moto.url())
            .env("AWS_DEFAULT_REGION", "us-east-1");
        user.file("token", "header.payload.signature\n")
    };
    let profile_with_token = format!("[default]\nrole_arn = {ROLE}\nweb_identity_token_file = /HOME/token\n");
    let with_token = user();
    let home = with_token.home().display().to_string();
    let with_token = with_token.config(&profile_with_token.replace("/HOME", &home));
    let variables = user().env("AWS_WEB_IDENTITY_TOKEN_FILE", "HOME/token").env("AWS_ROLE_ARN", ROLE);
    let both = variables.clone().env("AWS_ROLE_SESSION_NAME", "me");
    let from_variables = user()
        .envs(&["AWS_ACCESS_KEY_ID=VARIABLE", "AWS_SECRET_ACCESS_KEY=s"])
        .profile("role")
        .config(&format!("[profile role]\nrole_arn = {ROLE}\ncredential_source = Environment\n"));
    let of_machine = user()
        .metadata(&moto.url())
        .config(&format!("[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n"));
    let cases = [
        ("source_profile", user().config(&by_source()), "ASIA"),
        (
            "a program as the source",
            user().config(&role_of(&format!(
                "source_profile = p\n[profile p]\ncredential_process = /bin/echo '{}'",
                handed_out("P", 3600)
            ))),
            "ASIA",
        ),
        (
            "a source with a role of its own that has a key",
            user().config(&format!("{}role_arn = x\nsource_profile = y\n", by_source())),
            "ASIA",
        ),
        (
            "itself as the source",
            user().config(&format!("[default]\nrole_arn = {ROLE}\nsource_profile = default\n{}", key("A"))),
            "ASIA",
        ),
        ("the token file of a profile", with_token, "ASIA"),
        ("the token file of the environment", variables, "ASIA"),
        (
            "the token file of the environment before a key",
            both.credentials_file(&format!("[default]\n{}", key("FILE"))),
            "ASIA",
        ),
        ("credential_source = Environment", from_variables, "ASIA"),
        ("credential_source = Ec2InstanceMetadata", of_machine, "ASIA"),
        ("the machine", user().metadata(&moto.url()), "test-key"),
        (
            "the machine, switched off",
            user().metadata(&moto.url()).env("AWS_EC2_METADATA_DISABLED", "True"),
            "-",
        ),
        (
            "a key before the machine",
            user().metadata(&moto.url()).credentials_file(&format!("[default]\n{}", key("FILE"))),
            "FILE",
        ),
    ];
    let surroundings: Vec<Surroundings> =
        cases.iter().map(|(_, surroundings, _)| surroundings.clone()).collect();
    let theirs = boto3(&surroundings);
    assert_eq!(theirs.len(), cases.len());
    for ((what, surroundings, expected), theirs) in cases.iter().zip(theirs) {
        let ours = surroundings.key();
        assert!(theirs.starts_with(expected), "boto3: {what}: {theirs}");
        assert!(ours.starts_with(expected), "{what}: {ours}");
    }
}

#[test]
fn what_is_asked_of_the_token_service_is_what_the_profile_says() {
    let server = Server::start();
    sts_hands_out(&server, "ASIA", 3600);
    let more = "source_profile = source\nexternal_id = a b\nrole_session_name = me\nduration_seconds = 900";
    let netrc = "default login me password sesame\n";
    let user = sts(&server, Surroundings::new())
        .config(&role_of(more))
        .file(".netrc", netrc)
        .env("AWS_REGION", "eu-west-3");
    assert_eq!(user.key(), "ASIA");
    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(request.method, "POST");
    let expected = [
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "me"),
        ("DurationSeconds", "900"),
        ("ExternalId", "a b"),
    ];
    assert_eq!(form(request), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    // Not what .netrc has for every host.
    let authorization = request.header("authorization").unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDSOURCE/"), "{authorization}");
    assert!(authorization.contains("/eu-west-3/sts/aws4_request"), "{authorization}");
}

#[test]
fn a_web_identity_is_shown_unsigned_and_read_again_each_time() {
    let server = Server::start();
    server.route("/", Response::ok(assumed("AssumeRoleWithWebIdentity", "ASIA", 3600)));
    let user = sts(&server, Surroundings::new())
        .file("token", "first\n")
        .file(".netrc", "default login me password x\n");
    let user = user
        .envs(&["AWS_WEB_IDENTITY_TOKEN_FILE=HOME/token", "AWS_ROLE_SESSION_NAME=me"])
        .env("AWS_ROLE_ARN", ROLE);
    assert_eq!(user.key(), "ASIA");
    std::fs::remove_dir_all(user.cache()).unwrap();
    assert_eq!(user.clone().file("token", "second").key(), "ASIA");
    let requests = server.requests();
    for (request, token) in requests.iter().zip(["first", "second"]) {
        let expected = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", ROLE),
            ("RoleSessionName", "me"),
            ("WebIdentityToken", token),
        ];
        assert_eq!(form(request), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(request.header("authorization"), None);
    }
    assert_eq!(requests.len(), 2);
}

#[test]
fn what_the_token_service_does_wrong_is_said_in_a_line() {
    let error = |code: &str, message: &str| {
        Response::ok(format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        ))
        .with_status(403)
    };
    let who = "check the role, and who is allowed to assume it";
    let clock = "set this machine's clock";
    let address = "check the address of that service in the environment";
    let network = "check the network, and the proxy variables where there is a proxy";
    let expired = assumed("AssumeRole", "ASIA", -60);
    for (response, said, hint) in [
        (
            error("AccessDenied", "User: x is not\n\n   authorized"),
            "ROLE is refused: AccessDenied: User: x is not authorized",
            who,
        ),
        (
            error("ExpiredToken", ""),
            "ROLE is refused: ExpiredToken",
            "log in again: temporary AWS credentials have an end",
        ),
        (
            error("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2"),
            "ROLE is refused: SignatureDoesNotMatch: Signature expired: 1 is now earlier than 2",
            clock,
        ),
        (error("RequestExpired", "x"), "ROLE is refused: RequestExpired: x", clock),
        (Response::status(500), "no credentials from ROLE: URL answers with status 500", address),
        (
            Response::redirect("http://127.0.0.1:1/"),
            "no credentials from ROLE: URL answers with status 302",
            address,
        ),
        (
            Response::html("<html><body>Log in</body></html>"),
            "no credentials from ROLE: an answer without AccessKeyId",
            address,
        ),
        (
            Response::ok("<".repeat(100_000)),
            "no credentials from ROLE: an answer without AccessKeyId",
            address,
        ),
        (
            Response::ok("<a>".repeat(50_000)),
            "no credentials from ROLE: an answer without AccessKeyId",
            address,
        ),
        (
            Response::endless(),
            "no credentials from ROLE: cannot fetch URL: larger than 262144 bytes",
            network,
        ),
        (
            Response::drop_connection(),
            "no credentials from ROLE: cannot fetch URL: the connection ended before an answer",
            network,
        ),
        (
            Response::ok(expired),
            "the credentials from ROLE expired at ",
            "renew the credentials, or set this machine's clock",
        ),
    ] {
        let server = Server::start();
        server.route("/", response);
        let user = sts(&server, Surroundings::new()).config(&by_source());
        let text = user.key().replace(ROLE, "ROLE").replace(&server.url("/"), "URL");
        let (message, rest) = text.split_once('\n').unwrap();
        let message = if said.ends_with(' ') { message.get(..said.len()).unwrap() } else { message };
        assert_eq!((message, rest), (said, &*format!("hint: {hint}")));
    }
}

#[test]
fn a_silent_token_service_costs_the_time_given() {
    let hole = BlackHole::new();
    let user = Surroundings::new().env("AWS_ENDPOINT_URL_STS", &hole.url("/")).config(&by_source());
    let begun = Instant::now();
    let error = user.process().ask_within(Duration::from_millis(500)).unwrap_err().to_string();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(error.ends_with("within the time given"), "{error}");
}

#[test]
fn a_container_shows_its_token_and_asks_without_a_proxy() {
    let (server, refused) = (Server::start(), RefusedPort::new());
    server.route("/v1/keys", Response::ok(handed_out("TASK", 3600)));
    let user = Surroundings::new()
        .env("http_proxy", &refused.url("/"))
        .file(".netrc", "default login me password x\n");
    let user = user.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &server.url("/v1/keys"));
    assert_eq!(user.key(), "TASK");
    let user = user.env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "plain");
    assert_eq!(user.key(), "TASK");
    let user = user.file("token", "from file\n").env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "HOME/token");
    assert_eq!(user.key(), "TASK");
    let shown: Vec<Option<String>> =
        server.requests().iter().map(|request| request.header("authorization").map(str::to_owned)).collect();
    assert_eq!(shown, [None, Some("plain".to_owned()), Some("from file".to_owned())]);
    // Before the machine's own.
    let moto = Server::start();
    assert_eq!(user.clone().metadata(&moto.url("/")).key(), "TASK");
    assert_eq!(moto.requests(), []);
    // Within one line.
    let user = user
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "")
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX: y");
    assert_eq!(
        user.key().lines().next(),
        Some("AWS_CONTAINER_AUTHORIZATION_TOKEN has characters that no header carries")
    );
}

#[test]
fn what_a_container_does_wrong_is_said_in_a_line() {
    let server = Server::start();
    let user = Surroundings::new().env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &server.url("/"));
    for (response, said) in [
        (Response::status(404), "URL answers with status 404"),
        (Response::html("<html>"), "no JSON"),
        (Response::ok("{}"), "no AccessKeyId"),
        (Response::ok("[".repeat(60_000)), "no JSON"),
        (Response::endless(), "cannot fetch URL: larger than 65536 bytes"),
    ] {
        server.route("/", response);
        let text = user.key().replace(&server.url("/"), "URL");
        assert_eq!(
            text.lines().next(),
            Some(&*format!("no credentials from the container's credentials service: {said}"))
        );
    }
    let lost = user.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "HOME/lost").key();
    assert!(lost.contains("/lost: there is no token for the container's credentials service\n"), "{lost}");
}

fn machine() -> Server {
    let server = Server::start();
    server.route(TOKEN, Response::ok("session=="));
    server.route(ROLES, Response::ok("reader\n"));
    server.route(&format!("{ROLES}reader"), Response::ok(handed_out("MACHINE", 3600)));
    server
}

fn asked(server: &Server) -> Vec<(String, String, Option<String>)> {
    let of = |request: Request| {
        let token = request.header("x-aws-ec2-metadata-token").map(str::to_owned);
        (request.method, request.target, token)
    };
    server.requests().into_iter().map(of).collect()
}

#[test]
fn a_machine_is_asked_by_version_2_once_and_without_a_proxy() {
    let (server, refused) = (machine(), RefusedPort::new());
    let user = Surroundings::new().metadata(&server.url("/")).env("http_proxy", &refused.url("/"));
    let process = user.process();
    assert_eq!((process.key(), process.key()), ("MACHINE".to_owned(), "MACHINE".to_owned()));
    let session = Some("session==".to_owned());
    let expected = [
        ("PUT".to_owned(), TOKEN.to_owned(), None),
        ("GET".to_owned(), ROLES.to_owned(), session.clone()),
        ("GET".to_owned(), format!("{ROLES}reader"), session),
    ];
    assert_eq!(asked(&server), expected);
    assert_eq!(server.requests()[0].header("x-aws-ec2-metadata-token-ttl-seconds"), Some("21600"));
}

#[test]
fn version_1_is_asked_only_where_version_2_is_refused() {
    for (status, key, count) in
        [(403, "MACHINE", 3), (404, "MACHINE", 3), (405, "MACHINE", 3), (400, "!", 1), (500, "!", 1)]
    {
        let server = machine();
        server.route(TOKEN, Response::status(status));
        let found = Surroundings::new().metadata(&server.url("/")).key();
        if key == "!" {
            let url = server.url("/");
            assert_eq!(
                found,
                format!(
                    "no credentials from the instance metadata service: {url} answers with status {status}\n\
                     hint: set AWS_EC2_METADATA_DISABLED=true where this is no EC2 instance"
                )
            );
        } else {
            assert_eq!(found, key, "{status}");
        }
        assert_eq!(server.requests().len(), count, "{status}");
        assert!(asked(&server).iter().all(|(_, _, token)| token.is_none()));
    }
    let server = machine();
    server.route(TOKEN, Response::status(403));
    let strict = Surroundings::new().metadata(&server.url("/")).env("AWS_EC2_METADATA_V1_DISABLED", "true");
    assert!(strict.key().contains("answers with status 403"));
}

#[test]
fn what_is_no_metadata_service_is_told_from_one() {
    let (role, place) = (format!("{ROLES}reader"), "no credentials from the instance metadata service: ");
    for (path, response, said) in [
        (TOKEN, Response::html("<html>"), "a session token that is none"),
        (ROLES, Response::html("<html>"), "a list of roles that is none"),
        (ROLES, Response::ok("../../x"), "a list of roles that is none"),
        (ROLES, Response::endless(), "larger than 65536 bytes"),
        (&role, Response::html("<html>"), "no JSON"),
        (&role, Response::ok("{\"Code\": \"Failed\"}"), "no AccessKeyId"),
        (&role, Response::ok(handed_out("OVER", -60)), "expired at"),
        (ROLES, Response::status(404), "-"),
        (ROLES, Response::ok(""), "-"),
    ] {
        let server = machine();
        server.route(path, response);
        let found = Surroundings::new().metadata(&server.url("/")).key();
        let line = found.lines().next().unwrap();
        match said {
            "-" => assert_eq!(line, "-"),
            "expired at" => {
                assert!(line.starts_with("the credentials from the instance metadata service expired at "));
            }
            _ => assert!(line.starts_with(place) && line.ends_with(said), "{line}"),
        }
    }
}

#[test]
fn a_machine_that_is_silent_costs_a_second_once_and_is_none() {
    let hole = BlackHole::new();
    let user = Surroundings::new().metadata(&hole.url("/"));
    let process = user.process();
    let begun = Instant::now();
    assert_eq!(process.key(), "-");
    let first = begun.elapsed();
    assert!(first < Duration::from_secs(4), "{first:?}");
    let begun = Instant::now();
    assert_eq!(process.key(), "-");
    assert!(begun.elapsed() < Duration::from_millis(500));
    // What answers the first question only is as silent.
    let server = machine();
    server.route(ROLES, Response::silent());
    assert_eq!(Surroundings::new().metadata(&server.url("/")).key(), "-");
    // Where the profile wants it, silence is an error.
    let wanted = user
        .config(&format!("[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n"))
        .key();
    assert!(
        wanted.starts_with("no credentials from the instance metadata service: cannot fetch "),
        "{wanted}"
    );
}

#[test]
fn a_machine_is_never_asked_when_that_is_switched_off() {
    let server = machine();
    for value in ["true", "TRUE", "True"] {
        assert_eq!(
            Surroundings::new().metadata(&server.url("/")).env("AWS_EC2_METADATA_DISABLED", value).key(),
            "-"
        );
    }
    assert_eq!(server.requests(), []);
    assert_eq!(
        Surroundings::new().metadata(&server.url("/")).env("AWS_EC2_METADATA_DISABLED", "").key(),
        "MACHINE"
    );
    // And never for what is public.
    server.forget();
    let public = Surroundings::new().metadata(&server.url("/")).wish(|wish| wish.anonymous = true);
    assert_eq!(public.key(), "-");
    assert_eq!(server.requests(), []);
}

fn one_kept(user: &Surroundings) -> PathBuf {
    let kept = user.kept();
    assert_eq!(kept.len(), 1, "{kept:?}");
    kept.into_iter().next().unwrap()
}

#[test]
fn temporary_credentials_are_kept_for_this_user_only() {
    let server = Server::start();
    sts_hands_out(&server, "ASIA", 3600);
    let user = sts(&server, Surroundings::new()).config(&by_source());
    assert_eq!((user.key(), user.key()), ("ASIA".to_owned(), "ASIA".to_owned()));
    assert_eq!(server.count("/"), 1);
    let file = one_kept(&user);
    assert_eq!((mode(&file), mode(&user.cache())), (0o600, 0o700));
    // Other credentials for another role, and for another key.
    sts_hands_out(&server, "OTHER", 3600);
    let other = by_source().replace("reader", "writer");
    assert_eq!(user.clone().config(&other).key(), "OTHER");
    assert_eq!(user.clone().config(&by_source().replace("AKIDSOURCE", "AKIDTHIRD")).key(), "OTHER");
    assert_eq!(user.config(&by_source()).key(), "ASIA");
}

#[test]
fn a_kept_file_that_others_could_have_touched_or_that_is_damaged_is_not_believed() {
    use std::os::unix::fs::PermissionsExt as _;
    type Harm = fn(&std::path::Path);
    let harms: [(&str, Harm); 5] = [
        ("readable by the group", |file| {
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o640)).unwrap();
        }),
        ("writable by others", |file| {
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o602)).unwrap();
        }),
        ("damaged", |file| std::fs::write(file, "{\"AccessKeyId\": \"AS").unwrap()),
        ("from the future", |file| {
            let text = std::fs::read_to_string(file).unwrap();
            std::fs::write(file, text.replace("\"Since\":", "\"Since\":9")).unwrap();
        }),
        ("a link", |file| {
            let elsewhere = file.with_extension("elsewhere");
            std::fs::rename(file, &elsewhere).unwrap();
            std::os::unix::fs::symlink(elsewhere, file).unwrap();
        }),
    ];
    for (what, harm) in harms {
        let server = Server::start();
        sts_hands_out(&server, "ASIA", 3600);
        let user = sts(&server, Surroundings::new()).config(&by_source());
        assert_eq!(user.key(), "ASIA");
        let file = one_kept(&user);
        harm(&file);
        sts_hands_out(&server, "ASIB", 3600);
        assert_eq!(user.key(), "ASIB", "{what}");
        // And is made good.
        assert_eq!(mode(&file), 0o600, "{what}");
        assert_eq!((user.key(), server.count("/")), ("ASIB".to_owned(), 2), "{what}");
    }
}

#[test]
fn what_is_nearly_over_is_asked_for_again_and_serves_while_nothing_answers() {
    // Seconds that are left, and whether they were used again. What has a short life is kept for two thirds of it.
    for (seconds, again) in [(3600, false), (60, false), (0, true)] {
        let server = Server::start();
        sts_hands_out(&server, "ASIA", seconds.max(60));
        let user = sts(&server, Surroundings::new()).config(&by_source());
        let process = user.process();
        assert_eq!(process.key(), "ASIA");
        if again {
            // As though it had been handed out an hour ago.
            let file = one_kept(&user);
            let text = std::fs::read_to_string(&file).unwrap();
            let since = text.split("\"Since\":").nth(1).unwrap().trim_end_matches('}');
            let earlier = (since.parse::<u64>().unwrap() - 3600).to_string();
            std::fs::write(&file, text.replace(since, &earlier)).unwrap();
            server.route("/", Response::status(500));
            assert_eq!(user.key(), "ASIA", "they last a minute yet");
            sts_hands_out(&server, "ASIB", 3600);
            assert_eq!((user.key(), server.count("/")), ("ASIB".to_owned(), 3));
        } else {
            assert_eq!((process.key(), user.key()), ("ASIA".to_owned(), "ASIA".to_owned()));
            assert_eq!(server.count("/"), 1, "{seconds}");
        }
    }
}

#[test]
fn threads_that_ask_at_once_ask_the_service_once() {
    let server = machine();
    let process = Surroundings::new().metadata(&server.url("/")).process();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(process.key(), "MACHINE"));
        }
    });
    assert_eq!(server.count(TOKEN), 1);
}
