//! Downloads that are lost on the way, against a server that answers what a test says.

use std::time::Duration;

use super::testing::{Act, Server, answer, net};
use super::*;

const FILE: &[u8] = b"0123456789";
const TAG: &str = "ETag: \"1\"";
const TIME: &str = "Last-Modified: Sat, 01 Aug 2026 00:00:00 GMT";

fn fetch(server: &Server, headers: &[(&str, &str)]) -> (Result<u64, Fault>, Vec<u8>) {
    let mut bytes = Vec::new();
    let url = server.at("/file");
    let download = Download { url: &url, cap: 1000, headers };
    let result = net().download(&download, Deadline::after(Duration::from_secs(20)), &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    let result = result.map(|received| received.length).map_err(|error| match error {
        DownloadError::Net(error) => error.fault,
        DownloadError::Sink(error) => panic!("{error}"),
    });
    (result, bytes)
}

/// An answer that announces the whole file and ends after so many bytes.
fn cut(status: &str, headers: &[&str], from: usize, to: usize) -> Act {
    let length = format!("Content-Length: {}", FILE.len() - from);
    answer(status, &[headers, &[length.as_str()]].concat(), &FILE[from..to])
}

fn rest(headers: &[&str], from: usize) -> Act {
    let range = format!("Content-Range: bytes {from}-{}/{}", FILE.len() - 1, FILE.len());
    answer("206 Partial Content", &[headers, &[range.as_str()]].concat(), &FILE[from..])
}

/// The `Range` and `If-Range` headers of each request.
fn asked(server: &Server) -> Vec<(Option<String>, Option<String>)> {
    let header = |head: &str, name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    };
    let heads = server.requests();
    heads.iter().map(|head| (header(head, "range"), header(head, "if-range"))).collect()
}

fn all_of_it() -> (Result<u64, Fault>, Vec<u8>) {
    (Ok(10), FILE.to_vec())
}

#[test]
fn a_lost_download_goes_on_where_it_ended() {
    for (header, validator) in [(TAG, "\"1\""), (TIME, "Sat, 01 Aug 2026 00:00:00 GMT")] {
        let script = vec![cut("200 OK", &[header], 0, 3), rest(&[header], 3)];
        let server = Server::new(script);
        assert_eq!(fetch(&server, &[]), all_of_it(), "{header}");
        let resumed = (Some("bytes=3-".to_owned()), Some(validator.to_owned()));
        assert_eq!(asked(&server), [(None, None), resumed], "{header}");
    }
}

#[test]
fn it_goes_on_again_and_again_as_long_as_that_brings_bytes_and_one_failure_between_is_forgiven() {
    let part = |from: usize, to: usize| {
        let range = format!("Content-Range: bytes {from}-9/10");
        cut("206 Partial Content", &[TAG, &range], from, to)
    };
    let server = Server::new(vec![
        cut("200 OK", &[TAG], 0, 1),
        part(1, 2),
        answer("503 Service Unavailable", &[], b""),
        part(2, 9),
        Act::Send(Vec::new()),
        rest(&[TAG], 9),
    ]);
    assert_eq!(fetch(&server, &[]), all_of_it());

    let never = Server::new(vec![cut("200 OK", &[TAG], 0, 1), Act::Send(Vec::new())]);
    assert_eq!(fetch(&never, &[]), (Err(Fault::Disconnected), b"0".to_vec()));
    assert_eq!(never.requests().len(), 3);
}

#[test]
fn what_cannot_be_recognized_is_not_taken_up_again() {
    for headers in [&[][..], &["ETag: W/\"1\""], &["ETag: W/\"1\"", TIME]] {
        let server = Server::new(vec![cut("200 OK", headers, 0, 3), rest(&[], 3)]);
        assert_eq!(fetch(&server, &[]), (Err(Fault::Truncated), b"012".to_vec()), "{headers:?}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_server_without_ranges_sends_it_all_again_and_what_is_there_is_skipped() {
    let server = Server::new(vec![cut("200 OK", &[TAG], 0, 3), answer("200 OK", &[TAG], FILE)]);
    assert_eq!(fetch(&server, &[]), all_of_it());
}

/// `rclone serve s3` is such a server (see `corporate_networks_downloads`).
#[test]
fn a_part_with_the_status_of_the_whole_is_known_by_its_range() {
    let part = answer("200 OK", &[TAG, "Content-Range: bytes 3-9/10"], &FILE[3..]);
    let server = Server::new(vec![cut("200 OK", &[TAG], 0, 3), part]);
    assert_eq!(fetch(&server, &[]), all_of_it());
}

#[test]
fn bytes_of_another_file_never_follow() {
    let protocol = || Fault::Protocol("another part of the file than was asked for".into());
    let other = "ETag: \"2\"";
    let part = |headers: &[&str]| answer("206 Partial Content", headers, b"6789");
    for (what, second, fault) in [
        ("another file, whole", answer("200 OK", &[other], FILE), Fault::Changed),
        ("a part of another file", rest(&[other], 3), Fault::Changed),
        ("no such part any more", answer("416 Range Not Satisfiable", &[], b""), Fault::Changed),
        ("the caller's condition fails", answer("412 Precondition Failed", &[], b""), Fault::Status(412)),
        ("gone", answer("404 Not Found", &[], b""), Fault::Status(404)),
        ("another part", part(&[TAG, "Content-Range: bytes 6-9/10"]), protocol()),
        ("a part of a longer file", part(&[TAG, "Content-Range: bytes 3-9/11"]), protocol()),
        ("a part that says not which", part(&[TAG]), protocol()),
        ("a part as if it were the whole", answer("200 OK", &[TAG], &FILE[3..]), protocol()),
        ("a whole that cannot be recognized", answer("200 OK", &[], FILE), protocol()),
    ] {
        let server = Server::new(vec![cut("200 OK", &[TAG], 0, 3), second]);
        assert_eq!(fetch(&server, &[]), (Err(fault), b"012".to_vec()), "{what}");
        assert_eq!(server.requests().len(), 2, "{what}");
    }
}

#[test]
fn a_part_longer_than_the_rest_is_refused() {
    let long = answer("206 Partial Content", &[TAG, "Content-Range: bytes 3-9/10"], b"3456789 and more");
    let server = Server::new(vec![cut("200 OK", &[TAG], 0, 3), long]);
    assert_eq!(fetch(&server, &[]), (Err(Fault::TooLarge(7)), b"012".to_vec()));
}

#[test]
fn the_caller_s_headers_are_sent_each_time() {
    let server = Server::new(vec![cut("200 OK", &[TAG], 0, 3), rest(&[TAG], 3)]);
    assert_eq!(fetch(&server, &[("if-match", "\"1\"")]), all_of_it());
    let heads = server.requests();
    assert!(heads.iter().all(|head| head.to_ascii_lowercase().contains("if-match: \"1\"\r\n")), "{heads:?}");
}
