//! What keeps us from a secure connection, as data.

use std::fmt;

use rustls::{AlertDescription as Alert, CertificateError as Certificate, InvalidMessage};

/// Why there is no secure connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsFault {
    /// The server's certificate leads to no root that is believed here: self-signed, or of a private authority.
    UnknownIssuer,
    /// The server's certificate has run out, or the clock is fast.
    Expired,
    /// The server's certificate begins later, or the clock is slow.
    NotValidYet,
    /// The server's certificate names other hosts.
    OtherHost,
    /// The server's certificate is an authority's own.
    AuthorityItself,
    /// `[network] ca` cannot be used.
    Roots(String),
    /// `[network] client_cert` or `client_key` cannot be used.
    Identity(String),
    /// The server asks for a certificate of ours, and there is none.
    IdentityWanted,
    /// The server does not want the certificate that we showed.
    IdentityRefused(&'static str),
    /// The other side does not speak TLS.
    NotTls,
    /// Whatever else.
    Other(String),
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownIssuer => "the certificate's issuer is not known here",
            Self::Expired => "the certificate has expired, or the clock is wrong",
            Self::NotValidYet => "the certificate is not valid yet, or the clock is wrong",
            Self::OtherHost => "the certificate is for another host",
            Self::AuthorityItself => "the certificate is an authority's own, not a server's",
            Self::Roots(reason) | Self::Identity(reason) | Self::Other(reason) => reason,
            Self::IdentityWanted => "the server asks for a client certificate",
            Self::IdentityRefused(reason) => {
                return write!(f, "the server refuses our client certificate: {reason}");
            }
            Self::NotTls => "the server does not speak TLS at this port",
        })
    }
}

impl std::error::Error for TlsFault {}

impl TlsFault {
    /// What can be done about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownIssuer | Self::AuthorityItself | Self::Roots(_) | Self::Other(_) => {
                "name the root certificate of your network with [network] ca or SSL_CERT_FILE"
            }
            Self::Expired | Self::NotValidYet => {
                "check the clock of this machine; if it is right, ask whoever runs the server"
            }
            Self::OtherHost => "check the source's address, or ask whoever runs the server",
            Self::Identity(_) | Self::IdentityWanted | Self::IdentityRefused(_) => {
                "check [network] client_cert and client_key"
            }
            Self::NotTls => "check the port, or whether the address begins with http://",
        }
    }
}

impl From<&rustls::Error> for TlsFault {
    fn from(error: &rustls::Error) -> Self {
        use rustls::Error as E;
        match error {
            E::InvalidCertificate(certificate) => of_certificate(certificate),
            E::AlertReceived(alert) => of_alert(*alert),
            E::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            other => Self::Other(other.to_string()),
        }
    }
}

fn of_certificate(error: &Certificate) -> TlsFault {
    match error {
        Certificate::UnknownIssuer => TlsFault::UnknownIssuer,
        Certificate::Expired | Certificate::ExpiredContext { .. } => TlsFault::Expired,
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => TlsFault::NotValidYet,
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => TlsFault::OtherHost,
        // The verifier has a name for this one that rustls does not repeat.
        Certificate::Other(other) if other.0.to_string() == "CaUsedAsEndEntity" => TlsFault::AuthorityItself,
        other => TlsFault::Other(rustls::Error::from(other.clone()).to_string()),
    }
}

/// The alerts by which servers speak of our certificate (RFC 8446, 6.2).
fn of_alert(alert: Alert) -> TlsFault {
    TlsFault::IdentityRefused(match alert {
        Alert::CertificateRequired => return TlsFault::IdentityWanted,
        Alert::BadCertificate => "it is damaged",
        Alert::UnsupportedCertificate => "it is of an unsupported kind",
        Alert::CertificateRevoked => "it is revoked",
        Alert::CertificateExpired => "it has expired",
        Alert::CertificateUnknown | Alert::AccessDenied => "it is not accepted",
        Alert::UnknownCA => "its issuer is not known there",
        other => return TlsFault::Other(rustls::Error::AlertReceived(other).to_string()),
    })
}
