//! A server for tests: one canned answer for each connection's request, as the test writes it, bytes and all.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use url::Url;

use super::{Net, Settings};
use crate::host::Env;

/// What to do with one request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Send these bytes, then close.
    Send(Vec<u8>),
    /// Send these bytes, then say nothing until the client goes away.
    Stall(Vec<u8>),
}

/// A server on 127.0.0.1 that answers its requests by a script, in order; the last act is repeated.
pub(crate) struct Server {
    pub(crate) url: Url,
    requests: Receiver<String>,
}

impl Server {
    pub(crate) fn new(script: Vec<Act>) -> Self {
        let mut acts = script.into_iter();
        let mut last = Act::Stall(Vec::new());
        Self::answering(move |_| {
            last = acts.next().unwrap_or_else(|| last.clone());
            last.clone()
        })
    }

    /// A server whose answer depends on the request's head.
    pub(crate) fn answering(mut answer: impl FnMut(&str) -> Act + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let head = read_head(&mut stream);
                let act = answer(&head);
                if sender.send(head).is_err() {
                    return;
                }
                match act {
                    Act::Send(bytes) => {
                        let _ = stream.write_all(&bytes);
                        let _ = stream.shutdown(Shutdown::Write);
                        let _ = stream.read(&mut [0; 1024]);
                    }
                    Act::Stall(bytes) => {
                        let _ = stream.write_all(&bytes);
                        thread::spawn(move || stream.read_to_end(&mut Vec::new()));
                    }
                }
            }
        });
        Self { url, requests }
    }

    pub(crate) fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    /// The heads of the requests that came so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// An answer with its length; `headers` are lines.
pub(crate) fn answer(status: &str, headers: &[&str], body: &[u8]) -> Act {
    let mut lines: Vec<String> = headers.iter().map(|line| format!("{line}\r\n")).collect();
    if !headers.iter().any(|line| line.starts_with("Content-Length") || line.starts_with("Transfer-")) {
        lines.push(format!("Content-Length: {}\r\n", body.len()));
    }
    let mut bytes = format!("HTTP/1.1 {status}\r\n{}Connection: close\r\n\r\n", lines.concat()).into_bytes();
    bytes.extend_from_slice(body);
    Act::Send(bytes)
}

/// A way to the network with nothing in its environment.
pub(crate) fn net() -> Net {
    net_with(&[])
}

pub(crate) fn net_with(variables: &[(&str, &str)]) -> Net {
    Net::new(&Settings::default(), &variables.iter().copied().collect::<Env>(), "everfresh-test")
}
