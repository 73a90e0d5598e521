//! Tries a step again until it succeeds, is refused, or the time is over.

use pulsar::proto::ServerError;
use tokio_util::sync::CancellationToken;

use super::Cause;
use super::ConnectError;
use super::Step;
use super::Taken;
use crate::clock;
use crate::clock::Moment;
use crate::units;

/// The longest that the first pause between two attempts may be; each next one may be twice as
/// long.
const BACKOFF_NS_MIN: u64 = 50_000_000;

/// The longest pause between two attempts.
const BACKOFF_NS_MAX: u64 = 500_000_000;

/// The last attempt, begun when the time is over, still waits so long for its answer.
const ANSWER_NS_MIN: u64 = 200_000_000;

/// The same of a broker that has answered before: only that the name is taken.
const NEXT_ANSWER_NS_MIN: u64 = 2_000_000_000;

/// What came out of a step, and how long it took.
pub(super) struct Outcome<T> {
    pub(super) outcome: T,
    took_ns: u64,
}

impl<T> Outcome<T> {
    pub(super) fn taken(&self, step: Step, detail: impl FnOnce(&T) -> String) -> Taken {
        Taken { step, detail: detail(&self.outcome), took_ns: Some(self.took_ns) }
    }
}

/// How long steps are tried.
#[derive(Clone, Debug)]
pub(super) struct Attempts {
    pub(super) interrupt: CancellationToken,
    /// Until when the cluster may take to answer.
    pub(super) deadline: Moment,
    /// Until when a producer's name may be taken: a pod that was started again meets its own ghost
    /// for as long as the broker does not see that it is dead.
    pub(super) name_deadline: Moment,
}

impl Attempts {
    /// Takes a step at `address`.
    pub(super) async fn take<T>(
        &self,
        step: Step,
        address: &str,
        attempt: impl AsyncFnMut() -> Result<T, Cause>,
    ) -> Result<Outcome<T>, ConnectError> {
        tokio::select! {
            outcome = self.keep_trying(step, address, attempt) => outcome,
            () = self.interrupt.cancelled() => Err(ConnectError::Interrupted { step }),
        }
    }

    async fn keep_trying<T>(
        &self,
        step: Step,
        address: &str,
        mut attempt: impl AsyncFnMut() -> Result<T, Cause>,
    ) -> Result<Outcome<T>, ConnectError> {
        let began = clock::now();
        let (mut backoff_ns, mut jitter) = (BACKOFF_NS_MIN, fastrand::Rng::new());
        let (mut deadline, mut answer_ns) = (self.deadline, ANSWER_NS_MIN);
        loop {
            let answer_by = deadline.max(clock::now().plus_ns(answer_ns));
            let answer = tokio::time::timeout_at(answer_by.instant().into(), attempt()).await;
            let cause = match answer {
                Ok(Ok(outcome)) => {
                    return Ok(Outcome { outcome, took_ns: clock::now().ns_since(began) });
                }
                Ok(Err(cause)) => cause,
                Err(_) => Cause::silence(step),
            };
            let is_taken = cause.kind() == Some(ServerError::ProducerBusy);
            (deadline, answer_ns) = if is_taken {
                (self.name_deadline, NEXT_ANSWER_NS_MIN)
            } else {
                (self.deadline, ANSWER_NS_MIN)
            };
            let now = clock::now();
            if !cause.is_passing() || now >= deadline {
                return Err(error(step, address, cause, began));
            }
            if backoff_ns == BACKOFF_NS_MIN {
                let left = units::duration_text(deadline.ns_since(now));
                log::warn!("cannot {} yet: {cause}; trying for another {left}", step.what());
            }
            let next = deadline.min(now.plus_ns(pause_ns(backoff_ns, &mut jitter)));
            tokio::time::sleep_until(next.instant().into()).await;
            backoff_ns = (backoff_ns * 2).min(BACKOFF_NS_MAX);
        }
    }
}

/// Returns a pause of at least half of this, so that many that began at the same moment do not go
/// on at the same.
fn pause_ns(backoff_ns: u64, jitter: &mut fastrand::Rng) -> u64 {
    jitter.u64(backoff_ns / 2..=backoff_ns)
}

/// Says in one line why a step could not be taken.
pub(super) fn error(step: Step, address: &str, cause: Cause, began: Moment) -> ConnectError {
    let (address, hint) = (address.to_owned(), cause.hint());
    match cause {
        Cause::Refused { kind, words } => {
            ConnectError::Refused { step, address, kind: kind.as_str_name(), words, hint }
        }
        Cause::Wrong { reason, hint } => ConnectError::Wrong { step, address, reason, hint },
        Cause::Trouble { reason, .. } => {
            let tried_ns = clock::now().ns_since(began);
            ConnectError::Unreachable { step, address, reason, tried_ns, hint }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Takes a step of which each attempt is answered after 400 ms: that the name is taken, and
    /// from the third on what `then` says.
    async fn take(then: impl Fn() -> Result<(), Cause>) -> Result<Outcome<()>, ConnectError> {
        let began = clock::now();
        let attempts = Attempts {
            interrupt: CancellationToken::new(),
            deadline: began.plus_ns(500_000_000),
            name_deadline: began.plus_ns(1_500_000_000),
        };
        let mut asked = 0;
        let attempt = async || {
            tokio::time::sleep(Duration::from_millis(400)).await;
            asked += 1;
            if asked > 2 { then() } else { Err(taken()) }
        };
        attempts.take(Step::CreateProducer, "here", attempt).await
    }

    fn taken() -> Cause {
        Cause::refused(ServerError::ProducerBusy.into(), "taken".to_owned())
    }

    #[tokio::test]
    async fn a_slow_broker_has_as_long_for_a_taken_name_as_a_fast_one() {
        assert!(take(|| Ok(())).await.is_ok());
        let refused = take(|| Err(taken())).await.err().unwrap().to_string();
        assert!(refused.contains("taken (ProducerBusy)"), "{refused}");
    }

    #[test]
    fn fifty_that_begin_at_the_same_moment_do_not_go_on_at_the_same() {
        for backoff_ns in [BACKOFF_NS_MIN, BACKOFF_NS_MAX] {
            let pause = |pod| pause_ns(backoff_ns, &mut fastrand::Rng::with_seed(pod));
            let mut pauses: Vec<u64> = (0..50).map(pause).collect();
            pauses.sort_unstable();
            assert!(pauses[0] >= backoff_ns / 2 && pauses[49] <= 500_000_000, "{pauses:?}");
            assert!(pauses[49] - pauses[0] > backoff_ns / 3, "{pauses:?}");
            pauses.dedup();
            assert_eq!(pauses.len(), 50);
        }
    }
}
