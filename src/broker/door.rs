//! What a connection comes through: bare TCP, or TLS over it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::server::TlsStream;
use tokio_util::bytes::BytesMut;
use tokio_util::io::poll_read_buf;
use tokio_util::io::poll_write_buf;

use crate::trust::ClientCertificate;

/// One connection as bytes go over it.
#[derive(Debug)]
pub(super) enum Door {
    /// As they are.
    Bare(TcpStream),
    /// By TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// What has gone over a connection.
#[derive(Debug)]
pub(super) enum Passed {
    /// So many bytes in; 0: there will be no more.
    In(usize),
    /// Some bytes out.
    Out,
}

/// Reads a certificate and its key.
///
/// # Errors
/// When they cannot be read or do not belong together.
pub(super) fn acceptor(files: &ClientCertificate) -> io::Result<TlsAcceptor> {
    let ClientCertificate { certificate_file, key_file } = files;
    let unreadable = |file: &str, error: &dyn std::fmt::Display| {
        io::Error::other(format!("{file} cannot be used: {error}; it has to be PEM"))
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate_file)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(certificate_file, &error))?;
    let key =
        PrivateKeyDer::from_pem_file(key_file).map_err(|error| unreadable(key_file, &error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| unreadable(certificate_file, &error))?;
    Ok(Arc::new(config).into())
}

impl Door {
    /// Lets a connection in; by TLS where there is something to show.
    pub(super) async fn open(stream: TcpStream, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(match tls {
            None => Self::Bare(stream),
            Some(tls) => Self::Tls(tls.accept(stream).await?.into()),
        })
    }

    /// Returns the socket under it.
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Bare(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    /// Writes of `out` what is taken, first, so that answers never wait for requests, and reads
    /// into `inbox`, if there is one.
    pub(super) fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut BytesMut,
        inbox: Option<&mut BytesMut>,
    ) -> Poll<io::Result<Passed>> {
        match self {
            Self::Bare(stream) => poll_pass(Pin::new(stream), cx, out, inbox),
            Self::Tls(stream) => poll_pass(Pin::new(stream.as_mut()), cx, out, inbox),
        }
    }
}

fn poll_pass<S: AsyncRead + AsyncWrite>(
    mut stream: Pin<&mut S>,
    cx: &mut Context<'_>,
    out: &mut BytesMut,
    inbox: Option<&mut BytesMut>,
) -> Poll<io::Result<Passed>> {
    if !out.is_empty()
        && let Poll::Ready(written) = poll_write_buf(stream.as_mut(), cx, out)
    {
        return Poll::Ready(written.map(|_| Passed::Out));
    }
    // What TLS has taken may not be on the wire yet.
    if let Poll::Ready(Err(error)) = stream.as_mut().poll_flush(cx) {
        return Poll::Ready(Err(error));
    }
    match inbox {
        Some(inbox) => poll_read_buf(stream, cx, inbox).map_ok(Passed::In),
        None => Poll::Pending,
    }
}
