//! TLS: what rustls is told of whom to trust and what to show.

use std::fs;
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
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::pki_types::pem;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::server::ParsedCertificate;

use super::Cause;
use crate::trust::ClientCertificate;
use crate::trust::Trust;

const FILE: &str = "it has to be PEM: -----BEGIN …";
const NOT_TLS: &str = "is this the broker's TLS port (usually 6651)? a plain one takes pulsar://";
const AUTHORITY: &str = "name the file of the authority that signed it with --trust-cert-file";
const ITSELF: &str = "name its own file with --trust-cert-file, or have an authority sign another";
const RENEW: &str = "renew it, or set the clock right";
const ANEW: &str = "make it anew as v3, with the host as a subject alternative name";
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
    let verifier = Verifier::new(trust, &inner)?;
    let builder = ClientConfig::builder_with_provider(inner)
        .with_safe_default_protocol_versions()
        .map_err(|error| Cause::wrong(error, NOT_TLS))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let config = match &trust.certificate {
        None => builder.with_no_client_auth(),
        Some(ClientCertificate { certificate_file, key_file }) => {
            let chain = certificates(certificate_file)?;
            let key = private_key(key_file)?;
            let fits = builder.with_client_auth_cert(chain, key);
            fits.map_err(|error| {
                let reason = format!("{certificate_file} and {key_file}: {error}");
                Cause::wrong(reason, "give a certificate and its own key")
            })?
        }
    };
    Ok(Arc::new(config).into())
}

fn private_key(file: &str) -> Result<PrivateKeyDer<'static>, Cause> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| {
        // As PKCS #8 or in the header of the older form.
        if fs::read_to_string(file).is_ok_and(|text| text.contains("ENCRYPTED")) {
            let reason =
                format!("the key in {file} is encrypted, and nobody is here to decrypt it");
            return Cause::wrong(
                reason,
                "give one without a passphrase: openssl pkey -in … -out …",
            );
        }
        unreadable("key", file)(error)
    })
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
    /// What stands in the file of authorities: a broker may show one of these itself.
    trusted: Vec<CertificateDer<'static>>,
    is_host_name_checked: bool,
    schemes: tokio_rustls::rustls::crypto::WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn new(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Self, Cause> {
        let mut roots = RootCertStore::empty();
        let mut trusted = Vec::new();
        match &trust.authorities_file {
            _ if trust.is_anyone_trusted => {}
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(file) => trusted = certificates(file)?,
        }
        for certificate in &trusted {
            roots.add(certificate.clone()).map_err(|error| {
                let file = trust.authorities_file.as_deref().unwrap_or_default();
                Cause::wrong(format!("a certificate in {file}: {error}"), FILE)
            })?;
        }
        let build = || {
            let provider = Arc::clone(provider);
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()
        };
        let web = (!trust.is_anyone_trusted).then(build).transpose();
        Ok(Self {
            web: web.map_err(|error| Cause::wrong(error, AUTHORITY))?,
            trusted,
            is_host_name_checked: trust.is_host_name_checked,
            schemes: provider.signature_verification_algorithms,
        })
    }

    /// Returns whether nothing is wrong with a certificate but that no way of web PKI leads from it
    /// to an authority, and the user trusts the very certificate, as OpenSSL and Java have it.
    fn is_trusted_itself(&self, end_entity: &CertificateDer<'_>, error: &Error) -> bool {
        // The dates have been looked at before either.
        let has_no_way = match error {
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
            Error::InvalidCertificate(error) => is_authority(error),
            _ => false,
        };
        has_no_way && self.trusted.iter().any(|trusted| trusted[..] == end_entity[..])
    }
}

/// Returns whether a certificate is one that is made for signing others, as `openssl req -x509`
/// makes them. It has no name in rustls, nor has the next.
fn is_authority(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity")
}

/// Returns whether a certificate is one of the first version of X.509.
fn is_too_old(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Other(other) if other.to_string() == "UnsupportedCertVersion")
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
        let verified = match verified {
            Err(error) if self.is_trusted_itself(end_entity, &error) => {
                let parsed = ParsedCertificate::try_from(end_entity)?;
                verify_server_name(&parsed, server_name).map(|()| ServerCertVerified::assertion())
            }
            verified => verified,
        };
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
        Error::InvalidCertificate(error) => {
            let (flaw, hint) = flaw(error);
            (format!("the broker's certificate {flaw}"), hint)
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

/// Says what is wrong with a certificate, as it goes on from its name, and what to do about it.
pub(super) fn flaw(error: &CertificateError) -> (String, &'static str) {
    let (flaw, hint) = match error {
        CertificateError::UnknownIssuer => ("is from an authority that is not trusted", AUTHORITY),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ("is made out to another host", HOST_NAME)
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("has expired", RENEW)
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("is not valid yet", RENEW)
        }
        error if is_authority(error) => ("is that of an authority, not of a server", ITSELF),
        error if is_too_old(error) => ("is one of X.509 v1, which has no names of hosts", ANEW),
        error => return (format!("is not good: {error}"), AUTHORITY),
    };
    (flaw.to_owned(), hint)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates");
    const YEAR_S: u64 = 365 * 86_400;

    /// Has a broker's certificate looked at in a year, by one who trusts what is in a file.
    fn verify(shown: &str, trust: &Trust, host: &'static str, year: u64) -> Result<(), String> {
        let verifier = Verifier::new(trust, &Arc::new(ring::default_provider()));
        let verifier = verifier.map_err(|cause| cause.to_string())?;
        let shown = certificates(&format!("{FOLDER}/{shown}")).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * YEAR_S));
        let host = ServerName::try_from(host).unwrap();
        let outcome = verifier.verify_server_cert(&shown[0], &[], &host, &[], now);
        outcome.map(drop).map_err(|error| {
            let cause = cause(&io::Error::other(error)).unwrap();
            format!("{cause}; {}", cause.hint())
        })
    }

    fn trusting(file: &str) -> Trust {
        Trust { authorities_file: Some(format!("{FOLDER}/{file}")), ..Trust::default() }
    }

    #[test]
    fn a_certificate_that_is_trusted_itself_needs_no_authority() {
        let trust = trusting("self-signed.pem");
        for host in ["localhost", "127.0.0.1"] {
            assert_eq!(verify("self-signed.pem", &trust, host, 2040), Ok(()));
        }
        let at = |trust, host, year| verify("self-signed.pem", trust, host, year).unwrap_err();
        assert!(at(&trust, "elsewhere", 2040).contains("made out to another host; connect by"));
        let any_host = Trust { is_host_name_checked: false, ..trust.clone() };
        assert_eq!(verify("self-signed.pem", &any_host, "elsewhere", 2040), Ok(()));
        for trust in [&trust, &any_host] {
            assert!(at(trust, "localhost", 2200).contains("has expired; renew it"));
            assert!(at(trust, "localhost", 2000).contains("is not valid yet; renew it"));
        }
        let said = at(&Trust::default(), "localhost", 2040);
        assert!(said.contains("of an authority, not of a server; name its own file"), "{said}");
    }

    #[test]
    fn a_certificate_of_the_first_version_is_told() {
        for trust in [trusting("v1.pem"), Trust::default()] {
            let said = verify("v1.pem", &trust, "localhost", 2040).unwrap_err();
            assert!(said.contains("one of X.509 v1") && said.contains("as v3"), "{said}");
        }
    }

    #[test]
    fn a_key_that_is_encrypted_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let said = |text: &str| {
            let path = folder.path().join("key.pem");
            fs::write(&path, text).unwrap();
            private_key(path.to_str().unwrap()).unwrap_err().to_string()
        };
        let (head, foot) = ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "ENCRYPTED PRIVATE KEY-----");
        assert!(said(&format!("{head}\nAAAA\n-----END {foot}\n")).contains("is encrypted"));
        let (head, foot) = ("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----");
        let older = format!("{head}\nProc-Type: 4,ENCRYPTED\n\nAAAA\n{foot}\n");
        assert!(said(&older).contains("is encrypted"));
        assert!(said("nothing").contains("cannot be read"));
    }
}
