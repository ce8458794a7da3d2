//! Promises about the network, against a small server that lies in every way a server can.
#![allow(clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use super::testing::{Act, Server, answer, net, net_with};
use super::*;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn request(url: &Url) -> Get<'_> {
    Get { url, accept: "text/html", validators: None, range: None, cap: 1000 }
}

fn fetch(server: &Server, path: &str) -> Result<Answer, NetError> {
    net().get(&request(&server.at(path)), soon())
}

fn fault(server: &Server, path: &str) -> Fault {
    fetch(server, path).unwrap_err().fault
}

fn body(answer: Result<Answer, NetError>) -> Body {
    match answer.unwrap() {
        Answer::Body(body) => body,
        other => panic!("{other:?}"),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn download(server: &Server, path: &str, cap: u64) -> (Result<u64, Fault>, Vec<u8>) {
    let mut bytes = Vec::new();
    let url = server.at(path);
    let result = net().download(&Download { url: &url, cap, headers: &[] }, soon(), &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    let result = result.map(|received| received.length).map_err(|error| match error {
        DownloadError::Net(error) => error.fault,
        DownloadError::Sink(error) => panic!("{error}"),
    });
    (result, bytes)
}

#[test]
fn a_page_comes_with_its_type_and_validators() {
    let headers = [
        "Content-Type: text/html; charset=utf-8",
        "ETag: \"1\"",
        "Last-Modified: Sat, 01 Aug 2026 00:00:00 GMT",
    ];
    let server = Server::new(vec![answer("200 OK", &headers, b"<a>")]);
    let expected = Body {
        bytes: b"<a>".to_vec(),
        content_type: "text/html; charset=utf-8".into(),
        validators: Validators {
            etag: Some("\"1\"".into()),
            last_modified: Some("Sat, 01 Aug 2026 00:00:00 GMT".into()),
        },
        url: server.at("/p/"),
        partial: None,
    };
    assert_eq!(fetch(&server, "/p/"), Ok(Answer::Body(expected)));
    let head = &server.requests()[0].to_ascii_lowercase();
    for line in
        ["get /p/ http/1.1", "accept: text/html", "accept-encoding: gzip", "user-agent: everfresh-test"]
    {
        assert!(head.contains(&format!("{line}\r\n")), "{line} in {head}");
    }
}

#[test]
fn validators_are_sent_back_and_nothing_new_is_understood() {
    let server = Server::new(vec![answer("304 Not Modified", &["ETag: \"1\""], b"")]);
    let validators = Validators { etag: Some("\"1\"".into()), last_modified: Some("bad\nvalue".into()) };
    let url = server.at("/");
    let get = Get { validators: Some(&validators), ..request(&url) };
    assert_eq!(net().get(&get, soon()), Ok(Answer::NotModified));
    let head = server.requests()[0].to_ascii_lowercase();
    assert!(head.contains("if-none-match: \"1\"\r\n") && !head.contains("if-modified-since"), "{head}");
}

#[test]
fn not_modified_without_having_asked_is_refused() {
    let server = Server::new(vec![answer("304 Not Modified", &[], b"")]);
    assert_eq!(fault(&server, "/"), Fault::Status(304));
}

#[test]
fn missing_pages_are_no_errors_and_refusals_are() {
    for (status, expected) in [
        ("404 Not Found", Ok(Answer::Missing)),
        ("410 Gone", Ok(Answer::Missing)),
        ("401 Unauthorized", Err(Fault::Status(401))),
        ("403 Forbidden", Err(Fault::Status(403))),
        ("204 No Content", Err(Fault::Status(204))),
        ("206 Partial Content", Err(Fault::Status(206))),
    ] {
        let server = Server::new(vec![answer(status, &[], b"")]);
        assert_eq!(fetch(&server, "/").map_err(|error| error.fault), expected, "{status}");
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[test]
fn one_server_error_or_lost_connection_is_forgiven_and_two_are_not() {
    let good = || answer("200 OK", &[], b"x");
    let bad = [
        answer("500 Internal Server Error", &[], b""),
        answer("503 Service Unavailable", &["Retry-After: 0"], b""),
        answer("429 Too Many Requests", &[], b""),
        answer("200 OK", &["Content-Length: 5"], b"cut"),
        Act::Send(Vec::new()),
    ];
    for (at, act) in bad.into_iter().enumerate() {
        let server = Server::new(vec![act.clone(), good()]);
        assert_eq!(body(fetch(&server, "/")).bytes, b"x", "case {at}");
        let server = Server::new(vec![act.clone(), act, good()]);
        assert!(fetch(&server, "/").unwrap_err().is_transient(), "case {at}");
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn a_server_that_asks_for_a_long_pause_is_not_asked_again() {
    let server = Server::new(vec![answer("503 Service Unavailable", &["Retry-After: 120"], b"")]);
    assert_eq!(fault(&server, "/"), Fault::Status(503));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_deadline_bounds_every_phase() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    for (sent, phase) in [
        (&b""[..], Phase::Answer),
        (b"HTTP/1.1 200 OK\r\nContent-Le", Phase::Answer),
        (head, Phase::Body),
        (&[head, &b"begun"[..]].concat(), Phase::Body),
    ] {
        let server = Server::new(vec![Act::Stall(sent.to_vec())]);
        let start = Instant::now();
        let url = server.at("/");
        let error = net().get(&request(&url), Deadline::after(Duration::from_millis(80))).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(error.fault, Fault::Timeout(phase));
        assert_eq!(server.requests().len(), 1);
    }
    let server = Server::new(vec![Act::Stall(Vec::new())]);
    let error = net().get(&request(&server.at("/")), Deadline::after(Duration::ZERO)).unwrap_err();
    assert_eq!(error.fault, Fault::Timeout(Phase::Connect));
    assert!(server.requests().is_empty());
}

#[test]
fn a_refused_connection_is_told_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://user:secret@{}/", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = net().get(&request(&url), soon()).unwrap_err();
    assert_eq!(error.fault, Fault::Connect("connection refused".into()));
    assert!(error.is_offline() && !error.to_string().contains("secret"), "{error}");
}

#[test]
fn redirects_are_followed_to_their_end_and_circles_are_not() {
    let server = Server::answering(|head| match head.split(' ').nth(1).unwrap() {
        "/a" => answer("301 Moved Permanently", &["Location: /b"], b"moved"),
        "/b" => answer("302 Found", &["Location: c#fragment"], b""),
        "/c" => answer("200 OK", &[], b"end"),
        "/circle" => answer("302 Found", &["Location: /circle2"], b""),
        "/circle2" => answer("302 Found", &["Location: /circle"], b""),
        "/file" => answer("302 Found", &["Location: file:///etc/passwd"], b""),
        "/none" => answer("302 Found", &[], b""),
        path => {
            let next: u32 = path[1..].parse().unwrap();
            answer("302 Found", &[&format!("Location: /{}", next + 1)], b"")
        }
    });
    let found = body(fetch(&server, "/a"));
    assert_eq!((found.bytes, found.url), (b"end".to_vec(), server.at("/c")));
    for (path, expected) in [
        ("/circle", RedirectFault::Circle),
        ("/file", RedirectFault::Nowhere),
        ("/none", RedirectFault::Circle),
        ("/1", RedirectFault::TooMany),
    ] {
        assert_eq!(fault(&server, path), Fault::Redirect(expected), "{path}");
    }
}

#[test]
fn credentials_reach_their_own_server_only() {
    let other = Server::new(vec![answer("200 OK", &[], b"other")]);
    let to = format!("Location: {}", other.at("/x"));
    let server = Server::new(vec![answer("302 Found", &[&to], b""), answer("200 OK", &[], b"own")]);
    let mut url = server.at("/");
    url.set_username("anna").unwrap();
    url.set_password(Some("p%40ss")).unwrap();
    let net = net();
    assert_eq!(body(net.get(&request(&url), soon())).bytes, b"other");
    assert!(!other.requests()[0].to_ascii_lowercase().contains("authorization"));
    // A file linked without them, on the same server.
    assert_eq!(body(net.get(&request(&server.at("/file")), soon())).bytes, b"own");
    for head in server.requests() {
        assert!(head.contains("Basic YW5uYTpwQHNz\r\n"), "{head}");
        assert!(!head.contains("anna"), "{head}");
    }
}

#[test]
fn caps_hold_for_announced_streamed_and_unpacked_bytes() {
    let bomb = gzip(&vec![b'a'; 10_000_000]);
    assert!(bomb.len() < 20_000);
    let chunked =
        b"7d0\r\n".iter().copied().chain([b'a'; 2000]).chain(*b"\r\n0\r\n\r\n").collect::<Vec<u8>>();
    for act in [
        answer("200 OK", &["Content-Length: 5000"], b"short"),
        answer("200 OK", &["Transfer-Encoding: chunked"], &chunked),
        answer("200 OK", &["Content-Encoding: gzip", "Transfer-Encoding: identity"], &bomb),
    ] {
        assert_eq!(fault(&Server::new(vec![act]), "/"), Fault::TooLarge(1000));
    }
}

#[test]
fn packed_pages_are_unpacked_and_damaged_ones_refused() {
    let packed = gzip(b"hello");
    for coding in ["gzip", "x-gzip"] {
        let server = Server::new(vec![answer("200 OK", &[&format!("Content-Encoding: {coding}")], &packed)]);
        assert_eq!(body(fetch(&server, "/")).bytes, b"hello");
    }
    let server =
        Server::new(vec![answer("200 OK", &["Content-Encoding: gzip"], &packed[..packed.len() - 9])]);
    assert_eq!(fault(&server, "/"), Fault::Truncated);
    for (headers, bytes) in
        [("Content-Encoding: gzip", &b"no gzip at all"[..]), ("Content-Encoding: br", b"x")]
    {
        let server = Server::new(vec![answer("200 OK", &[headers], bytes)]);
        assert!(matches!(fault(&server, "/"), Fault::Protocol(_)), "{headers}");
    }
}

#[test]
fn files_come_as_they_are_whole_or_not_at_all() {
    let packed = gzip(b"hello");
    let server = Server::new(vec![answer("200 OK", &["Content-Encoding: gzip"], &packed)]);
    assert_eq!(download(&server, "/", 1000), (Ok(packed.len() as u64), packed));
    assert!(server.requests()[0].to_ascii_lowercase().contains("accept-encoding: identity\r\n"));

    let server = Server::new(vec![answer("200 OK", &["Content-Length: 9"], b"cut")]);
    assert_eq!(download(&server, "/", 1000), (Err(Fault::Truncated), b"cut".to_vec()));
    assert_eq!(server.requests().len(), 1, "bytes already handed on cannot be taken back");

    let server = Server::new(vec![answer("200 OK", &["Content-Length: 3"], b"and more")]);
    assert_eq!(download(&server, "/", 1000), (Ok(3), b"and".to_vec()));

    for (status, fault) in
        [("404 Not Found", Fault::Status(404)), ("206 Partial Content", Fault::Status(206))]
    {
        let server = Server::new(vec![answer(status, &[], b"x")]);
        assert_eq!(download(&server, "/", 1000), (Err(fault), Vec::new()));
    }
    let server = Server::new(vec![answer("200 OK", &[], &[0; 2000])]);
    assert_eq!(download(&server, "/", 1000), (Err(Fault::TooLarge(1000)), Vec::new()));
}

#[test]
fn a_sink_that_fails_ends_the_download_with_its_own_error() {
    let server = Server::new(vec![answer("200 OK", &[], b"x")]);
    let url = server.at("/");
    let result = net().download(&Download { url: &url, cap: 10, headers: &[] }, soon(), &mut |_| {
        crate::fs::read(std::path::Path::new("/proc/self/no such file"), 1).map(|_| ())
    });
    assert!(matches!(result, Err(DownloadError::Sink(error)) if error.is_not_found()));
}

#[test]
fn parts_of_files_are_taken_when_they_are_the_parts_announced() {
    let part = |range: &str, bytes: &[u8]| {
        let server =
            Server::new(vec![answer("206 Partial Content", &[&format!("Content-Range: {range}")], bytes)]);
        let url = server.at("/");
        let get = Get { range: Some(Range::Last(4)), ..request(&url) };
        let answer = net().get(&get, soon());
        assert!(server.requests()[0].to_ascii_lowercase().contains("range: bytes=-4\r\n"));
        answer
    };
    let found = body(part("bytes 6-9/10", b"tail"));
    assert_eq!(
        (found.bytes, found.partial),
        (b"tail".to_vec(), Some(Partial { start: 6, end: 10, total: 10 }))
    );
    for (range, bytes) in [("bytes 6-9/10", &b"tai"[..]), ("nonsense", b"tail")] {
        assert!(matches!(part(range, bytes).unwrap_err().fault, Fault::Protocol(_)), "{range}");
    }
}

#[test]
fn plain_requests_name_their_whole_address_to_a_proxy() {
    let proxy = Server::new(vec![answer("200 OK", &[], b"through the proxy")]);
    let address =
        format!("http://u%20ser:pw@{}", &proxy.url[url::Position::BeforeHost..url::Position::AfterPort]);
    let net = net_with(&[("http_proxy", &address), ("no_proxy", "direct.test")]);
    let url = Url::parse("http://index.test:81/simple/?x=1").unwrap();
    assert_eq!(body(net.get(&request(&url), soon())).bytes, b"through the proxy");
    let head = &proxy.requests()[0];
    assert!(head.starts_with("GET http://index.test:81/simple/?x=1 HTTP/1.1\r\n"), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains("host: index.test:81\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: basic dsbzzxi6chc=\r\n"), "{head}");
}

#[test]
fn secure_requests_ask_the_proxy_for_a_tunnel_and_hosts_can_be_excepted() {
    let proxy = Server::new(vec![answer("403 Forbidden", &[], b"")]);
    let direct = Server::new(vec![answer("200 OK", &[], b"direct")]);
    let net = net_with(&[("ALL_PROXY", proxy.url.as_str()), ("NO_PROXY", "127.0.0.1")]);
    let secure = Url::parse("https://index.test/").unwrap();
    assert!(matches!(net.get(&request(&secure), soon()).unwrap_err().fault, Fault::Proxy { .. }));
    assert!(proxy.requests()[0].starts_with("CONNECT index.test:443 HTTP/1.1\r\n"));
    assert_eq!(body(net.get(&request(&direct.at("/")), soon())).bytes, b"direct");
}

#[test]
fn a_proxy_address_that_is_none_fails_the_request_without_showing_it() {
    let net = net_with(&[("https_proxy", "gopher://user:secret@x")]);
    let url = Url::parse("https://index.test/").unwrap();
    let error = net.get(&request(&url), soon()).unwrap_err();
    assert!(matches!(error.fault, Fault::Proxy { .. }) && !error.to_string().contains("secret"), "{error}");
}

/// What one https request meets at a server that sends these bytes at once, and how often it was tried.
fn speak_tls_to(greeting: &'static [u8]) -> (Fault, usize) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
    let (sender, tries) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            use std::io::{Read, Write};
            let mut stream = stream.unwrap();
            assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
            stream.write_all(greeting).unwrap();
            sender.send(()).unwrap();
        }
    });
    let error = net().get(&request(&url), soon()).unwrap_err();
    (error.fault, tries.try_iter().count())
}

#[test]
fn a_lost_tls_handshake_is_tried_again_and_a_wrong_one_is_not() {
    assert_eq!(speak_tls_to(b""), (Fault::Disconnected, 2));
    let (fault, tries) = speak_tls_to(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert!(fault == Fault::Tls(TlsFault::NotTls), "{fault}");
    assert_eq!(tries, 1);
}

#[test]
fn addresses_of_other_kinds_are_never_opened() {
    for url in ["file:///etc/passwd", "ftp://host/x", "data:text/html,x"] {
        let url = Url::parse(url).unwrap();
        assert!(matches!(net().get(&request(&url), soon()).unwrap_err().fault, Fault::Protocol(_)));
    }
}
