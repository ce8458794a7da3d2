//! Downloads over connections that break, from nginx, Python's `http.server` and `rclone serve s3`, which differ in
//! what they make of `Range` and `If-Range`.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use everfresh::host::Env;
use everfresh::net::{Download, DownloadError, Net, Settings};
use everfresh::time::Deadline;
use url::Url;

use crate::support::daemon::{Daemon, tool};
use crate::support::{App, Index, Site, Wheel};

/// A way to a server of 127.0.0.1 whose first connections break after so many bytes of answers; later ones hold.
fn breaking(to: u16, after: impl Into<Vec<usize>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut limits = after.into().into_iter();
    thread::spawn(move || {
        for client in listener.incoming() {
            let limit = limits.next().unwrap_or(usize::MAX);
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", to))) else { return };
            let (ask, hear) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || carry(ask, hear, usize::MAX));
            thread::spawn(move || carry(server, client, limit));
        }
    });
    port
}

fn carry(mut from: TcpStream, mut to: TcpStream, mut left: usize) {
    let mut buffer = [0; 4096];
    while left > 0 {
        let most = left.min(buffer.len());
        let Ok(count @ 1..) = from.read(&mut buffer[..most]) else { break };
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
        left -= count;
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// Bytes that are nowhere the same and cannot be compressed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u8::try_from(state >> 56).unwrap()
    };
    (0..length).map(|_| next()).collect()
}

fn fetch(url: &str) -> Result<Vec<u8>, String> {
    let net = Net::new(&Settings::default(), &Env::default(), "test");
    let mut bytes = vec![];
    let url = Url::parse(url).unwrap();
    let download = Download { url: &url, cap: 10 << 20, headers: &[] };
    let result = net.download(&download, Deadline::after(Duration::from_secs(60)), &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    match result {
        Ok(received) => {
            assert_eq!(received.length, bytes.len() as u64);
            Ok(bytes)
        }
        Err(DownloadError::Net(error)) => Err(error.to_string()),
        Err(DownloadError::Sink(error)) => panic!("{error}"),
    }
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn rclone(root: &Path, log: &Path) -> Daemon {
    Daemon::start(log, |port| {
        let mut command = Command::new(tool("rclone"));
        command.args(["serve", "s3", "--addr", &format!("127.0.0.1:{port}")]).arg(root);
        command.env("RCLONE_CONFIG", "/dev/null");
        command
    })
}

/// nginx answers 206 and heeds `If-Range`; rclone answers 200 with the part, and heeds it not; `http.server` knows no
/// ranges and sends it all again.
#[test]
fn a_download_survives_connections_that_break() {
    let place = directory();
    let root = place.path().join("files");
    std::fs::create_dir_all(root.join("bucket")).unwrap();
    let file = noise(300_000);
    std::fs::write(root.join("bucket/file.bin"), &file).unwrap();
    let site = Site::new(&root, "myapp", [Wheel::app("1.0")]);
    let nginx = site.by_nginx(place.path(), None, "");
    let rclone = rclone(&root, &place.path().join("rclone.log"));
    let python = Daemon::start(&place.path().join("python.log"), |port| {
        let words = site.serving_words("127.0.0.1", port);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    });
    for (name, server, after) in [
        ("nginx", &nginx, &[100_000, 50_000, 400, 100_000][..]),
        ("rclone", &rclone, &[100_000, 50_000, 1500, 100_000]),
        ("http.server", &python, &[100_000, 150_000, 250_000]),
    ] {
        let port = breaking(server.port(), after);
        let found = fetch(&format!("http://127.0.0.1:{port}/bucket/file.bin"));
        assert!(found.as_ref() == Ok(&file), "{name}: {:?}", found.map(|bytes| bytes.len()));
    }
}

#[test]
fn a_file_that_was_replaced_meanwhile_is_never_glued_together() {
    let place = directory();
    let root = place.path().join("files");
    std::fs::create_dir_all(root.join("bucket")).unwrap();
    let site = Site::new(&root, "myapp", [Wheel::app("1.0")]);
    let nginx = site.by_nginx(place.path(), None, "");
    let rclone = rclone(&root, &place.path().join("rclone.log"));
    for (name, server) in [("nginx", &nginx), ("rclone", &rclone)] {
        let path = root.join(format!("bucket/{name}.bin"));
        let old = noise(300_000);
        std::fs::write(&path, &old).unwrap();
        let port = breaking(server.port(), [100_000]);
        let net = Net::new(&Settings::default(), &Env::default(), "test");
        let url = Url::parse(&format!("http://127.0.0.1:{port}/bucket/{name}.bin")).unwrap();
        let download = Download { url: &url, cap: 10 << 20, headers: &[] };
        let mut replaced = false;
        let mut taken = vec![];
        let result = net.download(&download, Deadline::after(Duration::from_secs(60)), &mut |piece| {
            taken.extend_from_slice(piece);
            if !std::mem::replace(&mut replaced, true) {
                let other: Vec<u8> = old.iter().rev().copied().collect();
                std::fs::write(path.with_extension("new"), other).unwrap();
                let tomorrow = std::time::SystemTime::now() + Duration::from_secs(86_400);
                let file = std::fs::File::open(path.with_extension("new")).unwrap();
                file.set_modified(tomorrow).unwrap();
                std::fs::rename(path.with_extension("new"), &path).unwrap();
            }
            Ok(())
        });
        let error = result.map(|_| ()).unwrap_err().to_string();
        assert!(error.ends_with(": the file changed while it was fetched"), "{name}: {error}");
        assert!(old.starts_with(&taken), "{name}");
    }
}

#[test]
fn an_update_survives_connections_that_break() {
    let index = Index::with([Wheel::app("1.0")]);
    let app = App::of(&index);
    app.run::<&str>(&[]).prints("myapp 1.0\n");
    let site = Site::new(
        &app.root().join("site"),
        "myapp",
        [Wheel::app("1.1").file("myapp_data/noise.bin", noise(2_000_000))],
    );
    let nginx = site.by_nginx(&app.root(), None, "");
    let port = breaking(nginx.port(), [900_000; 3]);
    let app =
        app.without_sources().source(format!("http://127.0.0.1:{port}/simple/")).update("timeout", "30s");
    app.run::<&str>(&[]).prints("myapp 1.1\n");
    let log = std::fs::read_to_string(app.root().join("nginx/access.log")).unwrap();
    let parts = log.lines().filter(|line| line.contains("/myapp-1.1") && line.contains("\" 206 ")).count();
    assert!(parts >= 2, "{log}");
}
