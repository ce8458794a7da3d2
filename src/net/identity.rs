//! The certificate that we show where a server asks for one, and its key.

use std::path::{Path, PathBuf};

use rustls::ClientConfig;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::tls_fault::TlsFault;
use crate::fs;

/// `[network] client_cert` and `client_key`, not yet read.
#[derive(Debug, Clone, Default)]
pub(super) struct Identity {
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

impl Identity {
    /// Ends the making of the configuration: with the certificate that servers ask for, where there is one.
    pub(super) fn complete(
        &self,
        builder: rustls::ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, TlsFault> {
        let Some(path) = &self.certificate else {
            return match &self.key {
                None => Ok(builder.with_no_client_auth()),
                Some(key) => Err(unusable(key, "is a key without [network] client_cert")),
            };
        };
        let bytes = read(path)?;
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes)
            .collect::<Result<_, _>>()
            .map_err(|_| unusable(path, "is no PEM file"))?;
        if certificates.is_empty() {
            return Err(unusable(path, "holds no certificate in PEM form"));
        }
        let key_path = self.key.as_deref().unwrap_or(path);
        let key = if self.key.is_some() { key_in(key_path, &read(key_path)?) } else { key_in(path, &bytes) }?;
        builder.with_client_auth_cert(certificates, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => unusable(key_path, "is not the key of the certificate"),
            _ => unusable(key_path, "holds a key or certificate of a kind that cannot be used"),
        })
    }
}

/// The first key: PKCS#8, PKCS#1 (RSA) or SEC1 (EC).
fn key_in(path: &Path, bytes: &[u8]) -> Result<PrivateKeyDer<'static>, TlsFault> {
    let encrypted = [&b"BEGIN ENCRYPTED PRIVATE KEY"[..], b"Proc-Type: 4,ENCRYPTED"];
    if encrypted.iter().any(|mark| bytes.windows(mark.len()).any(|window| window == *mark)) {
        return Err(unusable(path, "holds an encrypted key: it has to be stored without a passphrase"));
    }
    PrivateKeyDer::from_pem_slice(bytes).map_err(|error| match error {
        PemError::NoItemsFound => unusable(path, "holds no private key in PEM form"),
        _ => unusable(path, "is no PEM file"),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsFault> {
    fs::read(path, fs::SMALL_FILE).map_err(|error| TlsFault::Identity(error.to_string()))
}

fn unusable(path: &Path, reason: &str) -> TlsFault {
    TlsFault::Identity(format!("{} {reason}", path.display()))
}
