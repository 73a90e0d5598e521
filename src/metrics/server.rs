//! The HTTP side: three paths, answered by a thread of its own.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::Full;
use hyper::Method;
use hyper::Request;
use hyper::Response;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use prometheus_client::encoding::prometheus_text;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::clock::Moment;

use super::Board;

/// Connections that are served at a time: kubelet and a few scrapers.
const CONNECTIONS_MAX: usize = 16;

/// How long a request may take to arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to rest where the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(100);

const PLAIN: &str = "text/plain; charset=utf-8";

/// What is said of other paths.
const PATHS: &str = "/metrics, /livez, /readyz\n";

/// Metrics that cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("--metrics-addr {address}: {source}")]
pub struct ServerError {
    address: SocketAddr,
    source: io::Error,
}

/// A server that serves while it lives.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(
        address: SocketAddr,
        board: Arc<Board>,
        now: fn() -> Moment,
    ) -> Result<Self, ServerError> {
        let refused = |source| ServerError { address, source };
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let serving = move || {
            let served = runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                tokio::select! {
                    () = accept(listener, board, now) => {}
                    () = stopped.cancelled() => {}
                }
                Ok::<(), io::Error>(())
            });
            if let Err(error) = served {
                log::error!("metrics are not served: {error}");
            }
        };
        let named = thread::Builder::new().name("metrics".to_owned());
        let thread = Some(named.spawn(serving).map_err(refused)?);
        log::info!("metrics at http://{address}/metrics");
        Ok(Self { address, stop, thread })
    }

    /// Returns where it serves.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        // A panic of this thread must not fail a run.
        self.thread.take().map(JoinHandle::join);
    }
}

async fn accept(listener: tokio::net::TcpListener, board: Arc<Board>, now: fn() -> Moment) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // One too many is closed: better than to wait unseen behind others.
        if let Ok(permit) = Arc::clone(&room).try_acquire_owned() {
            let board = Arc::clone(&board);
            tokio::spawn(async move {
                serve(stream, &board, now).await;
                drop(permit);
            });
        }
    }
}

/// Serves one connection to its end.
async fn serve(stream: TcpStream, board: &Board, now: fn() -> Moment) {
    let service = service_fn(|request: Request<Incoming>| async move {
        Ok::<_, Infallible>(answer(request.method(), request.uri().path(), board, now()))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        log::debug!("a request for metrics failed: {error}");
    }
}

fn answer(method: &Method, path: &str, board: &Board, now: Moment) -> Response<Full<Bytes>> {
    let health = |state: Result<(), String>| match state {
        Ok(()) => (StatusCode::OK, PLAIN, "ok\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, PLAIN, reason + "\n"),
    };
    let (status, kind, text) = match path {
        _ if !matches!(*method, Method::GET | Method::HEAD) => {
            (StatusCode::METHOD_NOT_ALLOWED, PLAIN, "GET\n".to_owned())
        }
        "/metrics" => (StatusCode::OK, prometheus_text::CONTENT_TYPE, board.text(now)),
        "/livez" => health(board.is_live(now)),
        "/readyz" => health(board.is_ready(now)),
        _ => (StatusCode::NOT_FOUND, PLAIN, PATHS.to_owned()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}
