//! TLS: whom we believe, and the step of ureq's connector chain that wraps a connection.
//!
//! ureq's own step takes certificates *or* the bundled trust anchors; we want the system's roots, the bundled ones
//! and the user's together, loaded at the first https connection and not before.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use super::Settings;
use super::connect::left;
use super::identity::Identity;
use super::tls_fault::TlsFault;
use crate::fs;
use crate::host::Env;

/// The roots that are trusted beside the bundled ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roots {
    /// Where they come from.
    pub origin: &'static str,
    /// Whether the user named that place.
    pub named: bool,
    /// How many can be used, those of `[network] ca` too.
    pub count: usize,
}

impl Roots {
    /// Those of this environment and these settings.
    pub fn of(env: &Env, settings: &Settings) -> Result<Self, TlsFault> {
        let tls = Tls::new(env, settings);
        let count = tls.roots()?.len() - webpki_roots::TLS_SERVER_ROOTS.len();
        let (origin, named) = match (&tls.file, tls.directories.is_empty()) {
            (Some(_), _) => ("SSL_CERT_FILE", true),
            (None, false) => ("SSL_CERT_DIR", true),
            (None, true) => ("the system", false),
        };
        Ok(Self { origin, named, count })
    }
}

/// Where roots come from, and, once something needed them, the client configuration made from them.
pub(super) struct Tls {
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR`: instead of the system's own places, as OpenSSL has it.
    file: Option<PathBuf>,
    directories: Vec<PathBuf>,
    /// `[network] ca`.
    extra: Option<PathBuf>,
    /// What we show where a server asks.
    identity: Identity,
    config: OnceLock<Result<Arc<ClientConfig>, TlsFault>>,
}

impl Tls {
    /// Nothing is read yet.
    pub(super) fn new(env: &Env, settings: &Settings) -> Self {
        let directories = env.text("SSL_CERT_DIR").unwrap_or_default().split(':');
        Self {
            file: env.non_empty("SSL_CERT_FILE").map(PathBuf::from),
            directories: directories.filter(|part| !part.is_empty()).map(PathBuf::from).collect(),
            extra: settings.ca.clone(),
            identity: Identity {
                certificate: settings.client_cert.clone(),
                key: settings.client_key.clone(),
            },
            config: OnceLock::new(),
        }
    }

    fn config(&self) -> Result<Arc<ClientConfig>, TlsFault> {
        self.config.get_or_init(|| self.load().map(Arc::new)).clone()
    }

    fn load(&self) -> Result<ClientConfig, TlsFault> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsFault::Roots(error.to_string()))?;
        self.identity.complete(builder.with_root_certificates(self.roots()?))
    }

    /// All roots. What the system or its variables offer and cannot be read is passed over: the bundled roots
    /// remain. The file that the configuration names must be readable, or its author would search for long.
    fn roots(&self) -> Result<RootCertStore, TlsFault> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(self.system());
        if let Some(path) = &self.extra {
            let (added, _) = roots.add_parsable_certificates(read_pem(path)?);
            if added == 0 {
                return Err(TlsFault::Roots(format!(
                    "{} holds no certificate that can be used",
                    path.display()
                )));
            }
        }
        Ok(roots)
    }

    fn system(&self) -> Vec<CertificateDer<'static>> {
        use rustls_native_certs::{load_certs_from_paths, load_native_certs};
        if self.file.is_none() && self.directories.is_empty() {
            return load_native_certs().certs;
        }
        let mut certificates = load_certs_from_paths(self.file.as_deref(), None).certs;
        for directory in &self.directories {
            certificates.extend(load_certs_from_paths(None, Some(directory)).certs);
        }
        certificates
    }
}

fn read_pem(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let bytes = fs::read(path, fs::SMALL_FILE).map_err(|error| TlsFault::Roots(error.to_string()))?;
    CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsFault::Roots(format!("{}: {error}", path.display())))
}

/// The step of the chain: wraps the connection of the steps before where the URL asks for it.
#[derive(Clone)]
pub(super) struct TlsConnector(pub(super) Arc<Tls>);

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let config = self.0.config().map_err(|error| Error::Other(Box::new(error)))?;
        let host = details.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::Tls("the host's name is none that a certificate can hold"))?;
        let mut connection = ClientConnection::new(config, name)?;
        let mut socket = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        socket.set_timeout(left(details));
        connection.complete_io(&mut socket).map_err(reason)?;
        let buffers =
            LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        let stream = StreamOwned { conn: connection, sock: socket };
        Ok(Some(Either::B(TlsTransport { buffers, stream })))
    }
}

/// rustls wraps its own errors in I/O errors while it does the hand-shake.
fn reason(error: io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(tls) => Error::Rustls(tls.clone()),
        None => Error::from(error),
    }
}

/// A connection inside TLS.
pub(super) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl TlsTransport {
    /// A server that refuses our certificate closes the connection after the alert that says so (RFC 8446, 4.4.2.4
    /// lets it do that after the hand-shake): what we write may meet the end before we have read why.
    fn last_word(&mut self) -> Option<Error> {
        let error = self.stream.read(&mut [0]).err().map(reason)?;
        matches!(error, Error::Rustls(_)).then_some(error)
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output).map_err(|error| self.last_word().unwrap_or_else(|| reason(error)))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf()).map_err(reason)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsTransport")
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn roots(variables: &[(&str, &Path)], extra: Option<&Path>) -> Result<usize, String> {
        let env: Env = variables.iter().map(|(name, path)| (*name, path.as_os_str())).collect();
        let settings = Settings { ca: extra.map(Path::to_owned), ..Settings::default() };
        let roots = Tls::new(&env, &settings).roots();
        roots.map(|roots| roots.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_unreadable_or_empty_certificate_file_leaves_the_bundled_roots() {
        let directory = tempfile::tempdir().unwrap();
        let empty = directory.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let bundled = webpki_roots::TLS_SERVER_ROOTS.len();
        for file in [&empty, &directory.path().join("missing.pem"), directory.path()] {
            assert_eq!(roots(&[("SSL_CERT_FILE", file)], None), Ok(bundled));
        }
        assert_eq!(roots(&[("SSL_CERT_DIR", directory.path())], None), Ok(bundled));
    }

    #[test]
    fn a_configured_file_without_certificates_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        let message = roots(&[("SSL_CERT_FILE", &path)], Some(&path)).unwrap_err();
        assert!(message.contains("ca.pem"), "{message}");
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        let message = roots(&[("SSL_CERT_FILE", &path)], Some(&path)).unwrap_err();
        assert_eq!(message, format!("{} holds no certificate that can be used", path.display()));
    }
}
