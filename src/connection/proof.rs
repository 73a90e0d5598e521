//! What proves to brokers who is there: read anew each time, or asked of an issuer by a thread that
//! has the next token before the last one ends, so that a broker that asks again is answered at
//! once.

use std::fmt;
use std::io;
use std::mem;
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

/// What a token's life may be shorter by than the issuer says: both it and when the token ends are
/// in whole seconds.
const ROUNDED_OFF: Duration = Duration::from_secs(1);

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
            Some(tokens) => Ok(tokens.newest.lock().secret.clone()),
            None => self.credentials.as_ref().map(Credentials::secret).transpose(),
        }
    }

    /// Notes that a broker took what was shown.
    pub(super) fn taken(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.newest.lock().was_taken = true;
        }
    }

    /// Notes that a broker refused what it was shown; returns whether there will be something else
    /// to show: a token that brokers took so far may be withdrawn, or have ended by their clock.
    pub(super) fn refused(&self, shown: Option<&[u8]>) -> bool {
        let Some(tokens) = &self.tokens else { return false };
        let mut newest = tokens.newest.lock();
        newest.secret.as_deref() != shown || mem::take(&mut *newest).was_taken
    }
}

/// Whoever wants a token waits for it here.
type Reply = oneshot::Sender<Result<Vec<u8>, Cause>>;

/// The newest token.
#[derive(Default)]
struct Newest {
    /// `None`: there is none yet, or none any more.
    secret: Option<Vec<u8>>,
    /// Whether a broker took it.
    was_taken: bool,
}

/// The tokens of an issuer. Its thread ends with the last clone.
#[derive(Clone)]
struct Tokens {
    issuer: Arc<str>,
    newest: Arc<Mutex<Newest>>,
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
    newest: Arc<Mutex<Newest>>,
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
        let newest = self.newest.lock().secret.clone();
        match newest.filter(|_| self.good_until.is_some_and(|until| clock::now() < until)) {
            Some(newest) => Ok(newest),
            None => self.fetch(),
        }
    }

    fn fetch(&mut self) -> Result<Vec<u8>, Cause> {
        // A token's life begins before its answer is here.
        let asked = clock::now();
        let token = match issuer::fetch(&self.from) {
            Ok(token) => token,
            Err(cause) => {
                self.next = self.next.map(|_| clock::now().plus_ns(PAUSE_NS));
                return Err(cause);
            }
        };
        let good = |life: Duration| {
            let sure = life.saturating_sub(ROUNDED_OFF).max(life / 2);
            u64::try_from(sure.as_nanos() / 10 * 9).unwrap_or(u64::MAX)
        };
        self.good_until = token.life.map(|life| asked.plus_ns(good(life)));
        self.next = self.good_until;
        let secret = token.secret.into_bytes();
        *self.newest.lock() = Newest { secret: Some(secret.clone()), was_taken: false };
        Ok(secret)
    }
}
