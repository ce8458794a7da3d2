//! All that a source, an archive, a clock, a disk or a person may do wrong, one test for each, named after it: one clear
//! error or the active generation, nothing half-made, and the next good update works. What needs more room than a line
//! has its body in the module of its subject.

use std::path::Path;
use std::process::Command;

use everfresh::trust::hashes::sha256_hex;
use sha2::Digest as _;

use super::{bad_index, config_errors, crash_safety, damage, s3_trouble, scarcity, start_storm, starts};
use crate::support::archives::{Member, file, zip};
use crate::support::authority::Authority;
use crate::support::distribution::Distribution;
use crate::support::response::base64_url;
use crate::support::{App, Index, RecordFlaw, Response, Site, Wheel, eventually};

// launcher.toml

const GOOD: &str = "[app]\nname = \"myapp\"\nrequirements = [\"myapp\"]\nentry = \"myapp:main\"\n";

/// The app says this, and makes nothing.
#[track_caller]
fn config_is_refused(config: &str, message: &str, hint: &str) {
    let app = App::new().config(config);
    let expected = format!("myapp: error: [DIR]/app/launcher.toml{message}\nhint: {hint}\n");
    app.run::<&str>(&[]).fails(125, &expected);
    assert_eq!(app.cached(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn config_with_unknown_key() {
    let config = format!("{GOOD}[update]\nintervall = \"1d\"\n");
    config_is_refused(&config, ":6: unknown key 'intervall' in [update]", "did you mean 'interval'?");
}

#[test]
fn config_with_wrong_type() {
    let message = ":6: [update] interval must be a duration in quotes, not a whole number";
    config_is_refused(&format!("{GOOD}[update]\ninterval = 5\n"), message, "for example: interval = \"30s\"");
}

#[test]
fn config_with_no_entry() {
    let config = GOOD.replace("entry = \"myapp:main\"\n", "");
    config_is_refused(&config, ":1: [app] entry is missing", "for example: entry = \"myapp.cli:main\"");
}

#[test]
fn no_interpreter() {
    config_errors::an_interpreter_that_is_not_there_is_127();
}

// An index

#[test]
fn index_that_is_down() {
    bad_index::does_no_harm("is down");
}

#[test]
fn index_that_is_slow() {
    bad_index::a_first_run_from_a_silent_index_ends_with_its_timeout();
    bad_index::an_installed_app_behind_a_silent_index_says_that_its_check_is_not_finished();
}

#[test]
fn index_endless() {
    bad_index::does_no_harm("never ends its page");
}

#[test]
fn index_lying_about_size() {
    bad_index::does_no_harm("tells too small a size");
    bad_index::does_no_harm("tells too large a size");
}

#[test]
fn index_lying_about_hash() {
    bad_index::does_no_harm("tells another hash");
}

#[test]
fn redirecting_in_circles() {
    bad_index::does_no_harm("redirects in a circle");
}

/// nginx has the certificate, and sends whoever asks to a page without one.
#[test]
fn redirecting_to_http() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(Wheel::app("1.1"));
    let certificate = Authority::new(&app.root().join("authority")).for_loopback();
    let site = Site::new(&app.root().join("site"), "myapp", [Wheel::app("1.1")]);
    let redirect = format!("location /simple/ {{ return 302 {}; }}", index.server().url("/simple/myapp/"));
    let server = site.by_nginx(&app.root(), Some(&certificate), &redirect);
    let url = server.url("/simple/").replace("http:", "https:");
    let ca = app.root().join("authority/root.pem");
    index.server().forget();
    let app = app.without_sources().source(url).network("ca", ca.to_str().unwrap());
    let expected = "myapp: error: cannot fetch https://127.0.0.1:[PORT]/simple/myapp/: redirected from https to http\n\
                    hint: check the source's address in launcher.toml\n";
    app.run(&["self", "update"]).fails(125, expected);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    assert_eq!(index.server().requests(), []);
}

#[test]
fn html_for_json() {
    bad_index::does_no_harm("sends an HTML error page for JSON");
}

#[test]
fn not_found_for_one_project() {
    bad_index::a_dependency_that_no_source_has_is_named_with_who_wants_it();
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(Wheel::app("1.1").requires("dep"));
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn a_million_versions() {
    let line = |number: usize| format!("<a href=/f/myapp-{number}-py3-none-any.whl>a</a>\n");
    let page: String = (0..1_000_000).map(line).collect();
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("timeout", "20s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.server().everything(Response::html(page));
    let message = "myapp: error: cannot fetch http://127.0.0.1:[PORT]/simple/myapp/: larger than 25165824 bytes\n\
                   hint: check the source's address in launcher.toml\n";
    App::of(&index).run::<&str>(&[]).fails(125, message);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
}

#[test]
fn deep_json() {
    bad_index::does_no_harm("sends deep JSON");
}

#[test]
fn bad_utf8() {
    bad_index::does_no_harm("sends bytes that are no UTF-8");
}

// Archives

const ASK: &str = "the file is damaged or unsafe: ask whoever publishes it";

/// `myapp` 1.1 as such a file: a first run says why not, and leaves nothing of it; what is installed goes on, and is
/// updated as soon as there is something better.
#[track_caller]
fn is_refused(file: Distribution, flaw: &str) {
    let index = Index::with([file.clone()]);
    let first = App::of(&index);
    let expected = format!("myapp: error: {} is refused: {flaw}\nhint: {ASK}\n", file.filename);
    first.run::<&str>(&[]).fails(125, &expected);
    assert_eq!(made(&first), Vec::<String>::new());

    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("timeout", "20s");
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    let before = made(&app);
    index.add(file);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    assert_eq!(made(&app), before);
    let in_json = serde_json::to_string(flaw).unwrap();
    app.run(&["self", "log"]).status(0).stdout_has(in_json.trim_matches('"'));
    index.add(Wheel::app("1.2"));
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.2\n");
    app.run::<&str>(&[]).prints("myapp 1.2\n");
}

/// What is in the store and among the environments, with what is half-made.
fn made(app: &App) -> Vec<String> {
    let mut made = vec![];
    for place in ["store", "envs"] {
        let Ok(entries) = std::fs::read_dir(app.cache().join("everfresh").join(place)) else { continue };
        made.extend(entries.map(|entry| format!("{place}/{}", entry.unwrap().file_name().display())));
    }
    made.sort();
    made
}

/// A wheel of `myapp` 1.1 with these members besides its own; RECORD has them all.
fn wheel(more: &[Member]) -> Vec<u8> {
    let info = |name: &str| format!("myapp-1.1.dist-info/{name}");
    let mut members = vec![
        file("myapp.py", b"def main():\n    print('myapp 1.1')\n"),
        file(&info("METADATA"), b"Metadata-Version: 2.1\nName: myapp\nVersion: 1.1\n"),
        file(&info("WHEEL"), b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
    ];
    members.extend_from_slice(more);
    let line = |member: &Member| {
        let name = String::from_utf8_lossy(&member.name);
        format!("{name},sha256={},{}\n", base64_url(&sha2::Sha256::digest(&member.data)), member.data.len())
    };
    let record = members.iter().map(line).collect::<String>() + &info("RECORD,,\n");
    members.push(file(&info("RECORD"), record.as_bytes()));
    zip(&members)
}

fn distribution(bytes: Vec<u8>) -> Distribution {
    Distribution { bytes, ..Wheel::app("1.1").distribution() }
}

#[track_caller]
fn member_is_refused(member: Member, flaw: &str) {
    is_refused(distribution(wheel(&[member])), flaw);
}

fn changed(change: impl FnOnce(&mut Member)) -> Member {
    file("odd.py", b"some data").with(change)
}

#[test]
fn archive_with_absolute_path() {
    member_is_refused(file("/odd.py", b""), "member '/odd.py': its path is absolute");
}

#[test]
fn archive_with_parent_path() {
    member_is_refused(file("../../odd.py", b""), "member '../../odd.py': its path has a '.' or '..' part");
}

#[test]
fn archive_with_links() {
    let link = changed(|member| member.mode = 0o120_777);
    member_is_refused(link, "member 'odd.py': it is a link or a special file");
}

#[test]
fn archive_with_duplicate_names() {
    member_is_refused(file("myapp.py", b"x = 1\n"), "member 'myapp.py': it is there twice");
}

#[test]
fn archive_with_case_colliding_names() {
    member_is_refused(file("MyApp.py", b""), "member 'MyApp.py': another path differs only in case");
}

#[test]
fn archive_with_backslashes() {
    member_is_refused(file("a\\odd.py", b""), "member 'a\\odd.py': its path has a backslash");
}

#[test]
fn archive_with_nul() {
    member_is_refused(file("odd.py\0", b""), "member 'odd.py\\0': its path has a control character");
}

#[test]
fn archive_with_wrong_crc() {
    let wrong = changed(|member| {
        member.local.push((14, vec![0; 4]));
        member.central.push((16, vec![0; 4]));
    });
    member_is_refused(wrong, "member 'odd.py': its CRC is wrong");
}

#[test]
fn archive_with_truncation() {
    let mut bytes = wheel(&[]);
    bytes.truncate(bytes.len() - 30);
    is_refused(distribution(bytes), "no ZIP archive: it has no end of central directory record");
}

#[test]
fn archive_with_trailing_bytes() {
    let bytes = [&wheel(&[])[..], b"x"].concat();
    is_refused(distribution(bytes), "bytes follow the end of central directory record");
}

#[test]
fn archive_with_prepended_bytes() {
    let bytes = [b"#!/bin/sh\n", &wheel(&[])[..]].concat();
    is_refused(distribution(bytes), "its central directory is not where its end record says");
}

#[test]
fn archive_with_header_mismatch() {
    let other = changed(|member| member.local.push((30, b"O".to_vec())));
    member_is_refused(other, "member 'odd.py': its local header has another name");
}

#[test]
fn archive_with_encryption() {
    member_is_refused(changed(|member| member.flags = 1), "member 'odd.py': it is encrypted");
}

#[test]
fn archive_with_bomb() {
    let bomb = file("odd.py", &vec![0; 16 << 20]);
    member_is_refused(bomb, "more than 100 bytes out of each byte of the archive");
}

#[test]
fn missing_record() {
    let file = Wheel::app("1.1").corrupt_record(RecordFlaw::Missing).distribution();
    is_refused(file, "there is no RECORD");
}

#[test]
fn wrong_record() {
    for (flaw, said) in [
        (RecordFlaw::WrongHash, "RECORD: 'myapp/__init__.py': its hash is another"),
        (RecordFlaw::Forgets, "RECORD: 'myapp/__init__.py': it is not listed"),
        (RecordFlaw::Invents, "RECORD: 'invented.py': it is listed but not there"),
    ] {
        is_refused(Wheel::app("1.1").corrupt_record(flaw).distribution(), said);
    }
}

/// METADATA that the index serves beside the file are right; those inside are not.
fn with_metadata(inside: &str) -> Distribution {
    let metadata = Wheel::app("1.1").distribution().metadata;
    Distribution { metadata, ..Wheel::app("1.1").metadata(inside).distribution() }
}

#[test]
fn missing_metadata() {
    let bytes = zip(&[file("myapp-1.1.dist-info/WHEEL", b"Wheel-Version: 1.0\n")]);
    is_refused(distribution(bytes), "there is no METADATA");
}

#[test]
fn wrong_metadata() {
    is_refused(with_metadata("Summary: nothing\n"), "METADATA: it does not have exactly one Name");
}

#[test]
fn name_not_that_of_the_file_name() {
    let said = "METADATA says other 1.1, the file name says myapp 1.1";
    is_refused(with_metadata("Metadata-Version: 2.1\nName: other\nVersion: 1.1\n"), said);
}

#[test]
fn version_not_that_of_the_file_name() {
    let said = "METADATA says myapp 6.6, the file name says myapp 1.1";
    is_refused(with_metadata("Metadata-Version: 2.1\nName: myapp\nVersion: 6.6\n"), said);
}

// Credentials

#[test]
fn wrong_credentials() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.add(Wheel::app("1.1")).server().everything(Response::ok("").only_for("me", "right"));
    let app = app.without_sources().source(index.url().replace("http://", "http://me:wrong@"));
    let expected = "myapp: error: cannot fetch http://127.0.0.1:[PORT]/simple/myapp/: the server answers 401 \
                    Unauthorized\nhint: check the credentials: of the source in launcher.toml, in its URL, or in \
                    ~/.netrc\n";
    app.run(&["self", "update"]).fails(125, expected);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    index.server().heal();
    app.run(&["self", "update"]).prints("myapp 1.0 → 1.1\n");
}

#[test]
fn expired_credentials() {
    s3_trouble::a_session_that_has_expired_is_told();
}

// The clock

/// A library that sets the clock for whoever is started with it.
fn clock(app: &App) -> std::path::PathBuf {
    let library = app.root().join("clock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/clock.c");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(made.unwrap().success());
    library
}

/// An app that checks once a day goes on through such a time, with an update there and one when it is over.
fn goes_on_at(seconds: &str) {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index).update("interval", "1d").update("timeout", "20s");
    let library = clock(&app);
    let then = || app.start::<&str>(&[]).env("LD_PRELOAD", &library).env("CLOCK", seconds).run();
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    app.settle();
    index.add(Wheel::app("1.1"));
    then().prints("myapp 1.1\n");
    app.settle();
    index.add(Wheel::app("1.2"));
    // Checked on that very day already.
    then().prints("myapp 1.1\n");
    app.run::<&str>(&[]).prints("myapp 1.2\n");
    app.settle();
    app.run::<&str>(&[]).prints("myapp 1.2\n");
}

#[test]
fn clock_in_1970() {
    goes_on_at("60");
}

#[test]
fn clock_in_2100() {
    goes_on_at("4102444800");
}

// The cache

#[test]
fn cache_read_only() {
    scarcity::on_a_disk_that_became_read_only_what_is_installed_starts();
}

#[test]
fn cache_full() {
    scarcity::on_a_disk_that_is_full_what_is_installed_starts();
}

#[test]
fn cache_owned_by_someone_else() {
    start_storm::a_user_who_may_not_look_into_the_cache_gets_one_of_their_own();
}

#[test]
fn cache_deleted_while_running() {
    let waiting = "import os, time\ndef main():\n    home = os.environ['HOME']\n    open(home + '/started', 'w').close()\n    \
                   while not os.path.exists(home + '/go'): time.sleep(0.01)\n    print('done')\n";
    let index = Index::with([Wheel::new("myapp", "1.0").file("myapp.py", waiting)]);
    let app = App::of(&index);
    let home = app.root().join("home");
    let running = app.start::<&str>(&[]).spawn();
    eventually("the app has started", || home.join("started").exists());
    app.settle();
    std::fs::remove_dir_all(app.cache()).unwrap();
    std::fs::write(home.join("go"), "").unwrap();
    running.wait().prints("done\n");
    app.run::<&str>(&[]).prints("done\n");
}

#[test]
fn cache_half_written_by_a_crash() {
    damage::what_a_crash_left_half_written_is_swept();
}

// Many at once

#[test]
fn two_starts_at_once() {
    starts::first_runs_at_once_share_one_download(2);
}

#[test]
fn ten_starts_at_once() {
    starts::first_runs_at_once_share_one_download(10);
}

#[test]
fn a_hundred_starts_at_once() {
    start_storm::a_hundred_cold_starts_do_one_download_of_each_file();
}

#[test]
#[cfg(target_arch = "x86_64")]
fn sigkill_at_any_instant() {
    crash_safety::an_update_may_be_killed_at_any_instant();
}

/// The builders say what the index says.
#[test]
fn an_honest_file_of_the_same_making_is_taken() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let honest = distribution(wheel(&[]));
    assert_eq!(honest.sha256(), sha256_hex(&honest.bytes));
    index.add(honest);
    app.run::<&str>(&[]).prints("myapp 1.1\n");
}
