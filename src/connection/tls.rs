//! TLS: what rustls is told of whom to trust and what to show.

use std::io;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::AlertDescription;
use tokio_rustls::rustls::CertificateError;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::DigitallySignedStruct;
use tokio_rustls::rustls::Error;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::client::danger::ServerCertVerified;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::pki_types::pem;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::Cause;
use crate::trust::ClientCertificate;
use crate::trust::Trust;

const FILE: &str = "it has to be PEM: -----BEGIN …";
const NOT_TLS: &str = "is this the broker's TLS port (usually 6651)? a plain one takes pulsar://";
const AUTHORITY: &str = "name the file of the authority that signed it with --trust-cert-file";
const HOST_NAME: &str =
    "connect by a name that it is made out to, or give --tls-enable-hostname-verification false";
const OWN: &str =
    "the broker asks for a certificate that it trusts: --tls-cert-file and --tls-key-file";
const PERHAPS_OWN: &str =
    "Pulsar does so with a client certificate that it does not trust: is ours one that it does?";

/// Reads the files and returns what makes connections.
///
/// # Errors
/// Names the file that cannot be read.
pub(super) fn connector(trust: &Trust) -> Result<TlsConnector, Cause> {
    let inner = Arc::new(ring::default_provider());
    let web = match &trust.authorities_file {
        _ if trust.is_anyone_trusted => None,
        None => Some(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }),
        Some(file) => Some(authorities(file)?),
    };
    let web = web.map(|roots| {
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&inner)).build()
    });
    let web = web.transpose().map_err(|error| Cause::wrong(error, AUTHORITY))?;
    let is_host_name_checked = trust.is_host_name_checked;
    let schemes = inner.signature_verification_algorithms;
    let verifier = Verifier { web, is_host_name_checked, schemes };
    let builder = ClientConfig::builder_with_provider(inner)
        .with_safe_default_protocol_versions()
        .map_err(|error| Cause::wrong(error, NOT_TLS))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let config = match &trust.certificate {
        None => builder.with_no_client_auth(),
        Some(ClientCertificate { certificate_file, key_file }) => {
            let chain = certificates(certificate_file)?;
            let key =
                PrivateKeyDer::from_pem_file(key_file).map_err(unreadable("key", key_file))?;
            let fits = builder.with_client_auth_cert(chain, key);
            fits.map_err(|error| {
                let reason = format!("{certificate_file} and {key_file}: {error}");
                Cause::wrong(reason, "give a certificate and its own key")
            })?
        }
    };
    Ok(Arc::new(config).into())
}

fn authorities(file: &str) -> Result<RootCertStore, Cause> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        let added = roots.add(certificate);
        added.map_err(|error| Cause::wrong(format!("a certificate in {file}: {error}"), FILE))?;
    }
    Ok(roots)
}

pub(super) fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, Cause> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(unreadable("certificates", file))?;
    if read.is_empty() {
        return Err(Cause::wrong(format!("there is no certificate in {file}"), FILE));
    }
    Ok(read)
}

fn unreadable(what: &str, file: &str) -> impl Fn(pem::Error) -> Cause {
    move |error| Cause::wrong(format!("the {what} in {file} cannot be read: {error}"), FILE)
}

/// Checks a broker's certificate as far as the user wants it checked.
#[derive(Debug)]
struct Verifier {
    /// `None`: anyone is trusted.
    web: Option<Arc<WebPkiServerVerifier>>,
    is_host_name_checked: bool,
    schemes: tokio_rustls::rustls::crypto::WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(web) = &self.web else { return Ok(ServerCertVerified::assertion()) };
        let verified =
            web.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is looked at after all else has been found right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.is_host_name_checked => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let schemes = &self.schemes;
        tokio_rustls::rustls::crypto::verify_tls12_signature(message, certificate, signed, schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let schemes = &self.schemes;
        tokio_rustls::rustls::crypto::verify_tls13_signature(message, certificate, signed, schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.supported_schemes()
    }
}

/// Returns rustls's error, where that is what stopped the reading or writing.
pub(super) fn within(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// Says what a failure to read or write by TLS is about; `None`: TLS is not to blame.
pub(super) fn cause(error: &io::Error) -> Option<Cause> {
    let error = within(error)?;
    let (reason, hint) = match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            ("the broker's certificate is from an authority that is not trusted".into(), AUTHORITY)
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => ("the broker's certificate is made out to another host".into(), HOST_NAME),
        Error::InvalidCertificate(error) => {
            (format!("the broker's certificate is not good: {error}"), AUTHORITY)
        }
        Error::AlertReceived(
            alert @ (AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied),
        ) => (format!("the broker does not accept our certificate ({alert:?})"), OWN),
        Error::AlertReceived(alert @ AlertDescription::InternalError) => {
            (format!("the broker broke off the TLS handshake ({alert:?})"), PERHAPS_OWN)
        }
        Error::InvalidMessage(_) => ("what answers does not speak TLS".into(), NOT_TLS),
        other => (other.to_string(), NOT_TLS),
    };
    Some(Cause::wrong(reason, hint))
}

/// Says what ended a handshake that TLS itself did not refuse.
pub(super) fn handshake_ended(error: io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Cause::Trouble {
            reason: "the connection was closed in the middle of the TLS handshake".to_owned(),
            hint: NOT_TLS,
        },
        _ => error.into(),
    }
}
