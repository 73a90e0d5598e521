//! The socket under a link: plain or by TLS, either never waiting once it is open.

use std::io;
use std::io::IoSlice;
use std::io::Read;
use std::io::Write;
use std::task::Context;
use std::task::Poll;

use tokio::net::TcpStream;
use tokio_rustls::rustls::ClientConnection;
use tokio_rustls::rustls::ProtocolVersion;
use tokio_rustls::rustls::pki_types::ServerName;

use super::Cause;
use super::tls;
use crate::topic::Endpoint;
use crate::trust::Trust;

/// Bytes that TLS takes before they are written: as much as a socket mostly takes, so that a batch
/// goes by few calls.
const TLS_BYTES_MAX: usize = 256 * 1024;

/// A connected socket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Socket {
    /// Connects; by TLS where there is something to trust.
    pub(super) async fn open(endpoint: &Endpoint, trust: Option<&Trust>) -> Result<Self, Cause> {
        let host = endpoint.bare_host();
        let stream = TcpStream::connect((host, endpoint.port)).await?;
        stream.set_nodelay(true)?;
        let Some(trust) = trust else { return Ok(Self { stream, tls: None }) };
        let connector = tls::connector(trust)?;
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|error| Cause::wrong(error, "write HOST as DNS has it"))?;
        let shaken = connector.connect(name, stream).await.map_err(tls::handshake_ended)?;
        let (stream, mut tls) = shaken.into_inner();
        tls.set_buffer_limit(Some(TLS_BYTES_MAX));
        Ok(Self { stream, tls: Some(Box::new(tls)) })
    }

    /// Returns what stands between us and the wire.
    pub(super) fn protocol(&self) -> String {
        let version = self.tls.as_ref().and_then(|tls| tls.protocol_version());
        match version {
            None => "plain".to_owned(),
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
            Some(version) => format!("{version:?}"),
        }
    }

    /// Writes as much as is taken; 0: nothing for now.
    pub(super) fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.flush()? {
            return Ok(0);
        }
        let Some(tls) = &mut self.tls else {
            return not_yet(self.stream.try_write_vectored(slices)).map(Option::unwrap_or_default);
        };
        let taken = tls.writer().write_vectored(slices)?;
        self.flush()?;
        Ok(taken)
    }

    /// Writes what TLS has taken; returns whether that is all written.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else { return Ok(true) };
        while tls.wants_write() {
            if not_yet(tls.write_tls(&mut Direct(&self.stream)))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns whether TLS holds what is not written yet.
    pub(super) fn holds_unwritten(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Reads what has arrived; `None`: nothing yet. 0: there will be no more.
    pub(super) fn read(&mut self, room: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(tls) = &mut self.tls else { return not_yet(self.stream.try_read(room)) };
        loop {
            if let Some(bytes) = not_yet(tls.reader().read(room))? {
                return Ok(Some(bytes));
            }
            match not_yet(tls.read_tls(&mut Direct(&self.stream)))? {
                None => return Ok(None),
                Some(0) => return Ok(Some(0)),
                Some(_) => tls.process_new_packets().map_err(io::Error::other)?,
            };
        }
    }

    /// Waits until there may be something to read.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.stream.readable().await
    }

    /// Waits until something may be written.
    pub(super) async fn writable(&self) -> io::Result<()> {
        self.stream.writable().await
    }

    /// Polls for bytes to read, and where `is_full` for room to write.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>, is_full: bool) -> Poll<()> {
        let is_full = is_full || self.holds_unwritten();
        let is_readable = self.stream.poll_read_ready(cx).is_ready();
        let is_writable = is_full && self.stream.poll_write_ready(cx).is_ready();
        if is_readable || is_writable { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Tells "not yet" from a failure.
fn not_yet<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// The socket as TLS reads and writes it, without waiting.
struct Direct<'a>(&'a TcpStream);

impl Read for Direct<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(room)
    }
}

impl Write for Direct<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
