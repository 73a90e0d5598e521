//! What proves to brokers who is there: read anew each time, or asked of an issuer by a thread that
//! has the next token before the last one ends, so that a broker that asks again is answered at
//! once.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::Receiver;
use crossbeam_channel::RecvTimeoutError;
use crossbeam_channel::Sender;
use crossbeam_channel::unbounded;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::Cause;
use super::issuer;
use crate::clock;
use crate::clock::Moment;
use crate::credentials::Credentials;
use crate::credentials::OAuth2;

/// The pause before an issuer that gave no token is asked again for the next one.
const PAUSE_NS: u64 = 10_000_000_000;

/// What proves who we are.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    credentials: Option<Credentials>,
    tokens: Option<Tokens>,
}

impl From<Option<Credentials>> for Proof {
    fn from(credentials: Option<Credentials>) -> Self {
        let tokens = match &credentials {
            Some(Credentials::OAuth2(from)) => Some(Tokens::of(from.clone())),
            _ => None,
        };
        Self { credentials, tokens }
    }
}

impl Proof {
    /// Returns the method's name in the protocol.
    pub(super) fn method(&self) -> Option<&'static str> {
        self.credentials.as_ref().map(Credentials::method)
    }

    /// Returns what a user calls the credentials.
    pub(super) fn plugin(&self) -> Option<&'static str> {
        self.credentials.as_ref().map(Credentials::plugin)
    }

    /// Returns the host that gives tokens, if they are asked for.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.tokens.as_ref().map(|tokens| &*tokens.issuer)
    }

    /// Returns what a greeting has to have in it.
    pub(super) async fn secret(&self) -> Result<Option<Vec<u8>>, Cause> {
        match &self.tokens {
            Some(tokens) => tokens.fresh().await.map(Some),
            None => self.at_hand().map_err(|error| Cause::unreadable(&error)),
        }
    }

    /// Returns what can be said without waiting: of tokens that are asked for the newest.
    pub(super) fn at_hand(&self) -> io::Result<Option<Vec<u8>>> {
        match &self.tokens {
            Some(tokens) => Ok(tokens.newest.lock().clone()),
            None => self.credentials.as_ref().map(Credentials::secret).transpose(),
        }
    }
}

/// Whoever wants a token waits for it here.
type Reply = oneshot::Sender<Result<Vec<u8>, Cause>>;

/// The tokens of an issuer. Its thread ends with the last clone.
#[derive(Clone)]
struct Tokens {
    issuer: Arc<str>,
    newest: Arc<Mutex<Option<Vec<u8>>>>,
    ask: Sender<Reply>,
}

impl Tokens {
    fn of(from: OAuth2) -> Self {
        let (ask, asked) = unbounded();
        let (issuer, newest) = (issuer::host(&from).into(), Arc::default());
        let keeper = Keeper { from, newest: Arc::clone(&newest), good_until: None, next: None };
        thread::spawn(move || keeper.keep(&asked));
        Self { issuer, newest, ask }
    }

    async fn fresh(&self) -> Result<Vec<u8>, Cause> {
        let (reply, token) = oneshot::channel();
        let gone = "the thread that asks for tokens has ended";
        self.ask.send(reply).map_err(|_| Cause::trouble(gone))?;
        token.await.map_err(|_| Cause::trouble(gone))?
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tokens of {}", self.issuer)
    }
}

/// What the thread knows.
struct Keeper {
    from: OAuth2,
    newest: Arc<Mutex<Option<Vec<u8>>>>,
    /// Until when the newest is given to others: nine tenths of its life, as the Java client does.
    good_until: Option<Moment>,
    /// When the issuer is asked without being asked to.
    next: Option<Moment>,
}

impl Keeper {
    fn keep(mut self, asked: &Receiver<Reply>) {
        loop {
            let reply = match self.next {
                Some(next) => asked.recv_deadline(next.instant()),
                None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match reply {
                Ok(reply) => drop(reply.send(self.fresh())),
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(cause) = self.fetch() {
                        log::warn!("no new token yet: {cause}; {}", cause.hint());
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn fresh(&mut self) -> Result<Vec<u8>, Cause> {
        let newest = self.newest.lock().clone();
        match newest.filter(|_| self.good_until.is_some_and(|until| clock::now() < until)) {
            Some(newest) => Ok(newest),
            None => self.fetch(),
        }
    }

    fn fetch(&mut self) -> Result<Vec<u8>, Cause> {
        let fetched = issuer::fetch(&self.from);
        let now = clock::now();
        let token = match fetched {
            Ok(token) => token,
            Err(cause) => {
                self.next = self.next.map(|_| now.plus_ns(PAUSE_NS));
                return Err(cause);
            }
        };
        let good = |life: Duration| u64::try_from(life.as_nanos() / 10 * 9).unwrap_or(u64::MAX);
        self.good_until = token.life.map(|life| now.plus_ns(good(life)));
        self.next = self.good_until;
        let secret = token.secret.into_bytes();
        *self.newest.lock() = Some(secret.clone());
        Ok(secret)
    }
}
