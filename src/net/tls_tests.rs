//! Whom we believe, against a server with a certificate of its own authority (both are in `testdata/`, valid for a
//! hundred years; the authority's key was thrown away).
#![allow(clippy::disallowed_methods)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;

/// A server that answers every request over TLS with `secure`, on connections that stay open.
fn server() -> Url {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("testdata/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).is_ok_and(|count| count > 0) {
                    let body = format!("connection {number}");
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
                }
            });
        }
    });
    url
}

fn authority() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/net/testdata/authority.pem")
}

fn get(net: &Net, url: &Url) -> Result<String, Fault> {
    let get = Get { url, accept: "*/*", validators: None, range: None, cap: 100 };
    match net.get(&get, Deadline::after(Duration::from_secs(20))) {
        Ok(Answer::Body(body)) => Ok(String::from_utf8(body.bytes).unwrap()),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.fault),
    }
}

#[test]
fn an_authority_from_the_configuration_or_the_environment_is_believed() {
    let url = server();
    let configured =
        Net::new(&Settings { ca: Some(authority()), ..Settings::default() }, &Env::default(), "test");
    assert_eq!(get(&configured, &url), Ok("connection 0".into()));
    assert_eq!(get(&configured, &url), Ok("connection 0".into()), "the connection is used again");
    let variables: Env = [("SSL_CERT_FILE", authority())].into_iter().collect();
    let net = Net::new(&Settings::default(), &variables, "test");
    assert_eq!(get(&net, &url), Ok("connection 1".into()));
}

#[test]
fn an_unknown_authority_is_refused_without_a_second_try() {
    let url = server();
    let stranger = Net::new(&Settings::default(), &Env::default(), "test");
    assert_eq!(get(&stranger, &url), Err(Fault::Tls(TlsFault::UnknownIssuer)));
    let configured =
        Net::new(&Settings { ca: Some(authority()), ..Settings::default() }, &Env::default(), "test");
    assert_eq!(get(&configured, &url), Ok("connection 1".into()));
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let mut url = server();
    url.set_host(Some("localhost")).unwrap();
    let configured =
        Net::new(&Settings { ca: Some(authority()), ..Settings::default() }, &Env::default(), "test");
    assert_eq!(get(&configured, &url), Err(Fault::Tls(TlsFault::OtherHost)));
}
