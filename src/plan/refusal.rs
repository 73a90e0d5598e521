//! Why a plan cannot be carried out, though every value of it could be read.

use super::Settings;
use super::Transport;
use crate::units::Shard;

/// A plan that cannot be carried out, though every value of it could be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// Something has to be said for a run to go on.
    #[error("--resume needs {flag}: {why}")]
    ResumeNeeds {
        /// The flag.
        flag: &'static str,
        /// What for.
        why: &'static str,
    },
    /// A pod without a URL would load itself and nobody would notice.
    #[error(
        "there is no service URL, and the embedded broker is not used inside Kubernetes: \
         set PULSAR_URL or --service-url, such as \
         pulsar://pulsar-proxy.pulsar.svc.cluster.local:6650"
    )]
    ServiceUrlMissing,
    /// There is no cluster to check, or to read from.
    #[error(
        "check, verify and search need a cluster: set PULSAR_URL or --service-url, such as \
         pulsar://HOST:6650"
    )]
    NothingToCheck,
    /// Some shard would have no source.
    #[error("--shard {shard} leaves a shard without a source: raise --sources above {sources}")]
    ShardEmpty {
        /// The shard asked for.
        shard: Shard,
        /// How many sources there are.
        sources: u64,
    },
    /// More lanes than streams: some lane would have nothing to send.
    #[error("--lanes {lanes} is more than --num-producers {streams}: raise that or lower this")]
    LaneIdle {
        /// Lanes asked for.
        lanes: u32,
        /// Streams asked for.
        streams: u32,
    },
    /// A flag that was given and could change nothing.
    #[error("{flag} has no effect: {why}")]
    NoEffect {
        /// The flag.
        flag: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// Not even one probe fits in.
    #[error(
        "--time-limit {limit} leaves no time for a probe, which takes {needed}: --warmup, \
         --probe-duration and a second for the last receipts; raise it or lower these"
    )]
    NoTime {
        /// What was said.
        limit: String,
        /// What a probe takes.
        needed: String,
    },
    /// Two flags that say the same thing differently.
    #[error("{one} and {other} both {both}: leave one of them away")]
    Contradiction {
        /// One flag.
        one: &'static str,
        /// The other one.
        other: &'static str,
        /// What both say.
        both: &'static str,
    },
    /// Too many of something.
    #[error("{flag} {value} is more than {max}")]
    TooMany {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: u32,
        /// What is accepted.
        max: u32,
    },
}

/// Refuses credentials that nobody asks for, and what the `client` transport would leave out.
pub(super) fn check_target(settings: &Settings) -> Result<(), PlanError> {
    let no_effect = |flag, why| Err(PlanError::NoEffect { flag, why });
    let is_client = settings.batching.transport == Transport::Client;
    for (flag, is_given) in [
        ("--send-timeout", settings.send_timeout.is_some()),
        ("--keep-alive-interval", settings.keep_alive.is_some()),
    ] {
        if is_given && is_client {
            return no_effect(flag, "--transport client has times of its own; take the framed one");
        }
    }
    let Some(url) = &settings.service_url else {
        return match settings.credentials {
            None => Ok(()),
            Some(_) => no_effect(
                "--auth-plugin",
                "the embedded broker asks nobody who they are; give a --service-url",
            ),
        };
    };
    let is_proof = settings.credentials.as_ref().is_some_and(|known| known.certificate().is_some());
    if is_proof && !url.is_tls() {
        let why = "a certificate is shown by TLS alone; write pulsar+ssl:// in the service URL";
        return no_effect("--auth-plugin tls", why);
    }
    if !is_client {
        return Ok(());
    }
    if url.is_tls() && settings.trust.certificate.is_some() {
        let why = "--transport client cannot show a certificate; take the framed one";
        return no_effect("--tls-cert-file", why);
    }
    if settings.listener_name.is_some() {
        let why = "--transport client cannot ask for a listener; take the framed one";
        return no_effect("--listener-name", why);
    }
    Ok(())
}

/// Refuses to resume what would not be the same run.
pub(super) fn check_resume(settings: &Settings) -> Result<(), PlanError> {
    if settings.resume.is_none() {
        return Ok(());
    }
    let no_effect = |why| Err(PlanError::NoEffect { flag: "--resume", why });
    if settings.service_url.is_none() {
        return no_effect("the embedded broker begins with this run; give a --service-url");
    }
    if settings.batching.transport == Transport::Client {
        return no_effect("--transport client has no sequence ids of its own; take the framed one");
    }
    if settings.producer_name.is_none() {
        let why = "it is by its name that the broker knows where the earlier run stopped";
        return Err(PlanError::ResumeNeeds { flag: "--producer-name", why });
    }
    if settings.streams.is_none() {
        let why = "their number has to be that of the earlier run, and follows from the CPUs else";
        return Err(PlanError::ResumeNeeds { flag: "--num-producers", why });
    }
    Ok(())
}
