//! The steps that the `pulsar` crate's client takes: resolve, connect, look up.

use std::time::Duration;

use pulsar::ConnectionRetryOptions;
use pulsar::OperationRetryOptions;
use pulsar::Pulsar;
use pulsar::TokioExecutor;

use super::Cause;
use super::Target;
use crate::topic::Topic;

/// The longest wait for one answer, so that a port that accepts and says nothing is told apart.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the `pulsar` crate goes on resending a batch before it gives up on it.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn resolve(address: &str) -> Result<Vec<String>, Cause> {
    let found = tokio::net::lookup_host(address).await;
    let found = found.map_err(|error| Cause::unresolved(&error))?;
    Ok(found.map(|address| address.to_string()).collect())
}

pub(super) async fn open(target: &Target) -> Result<Pulsar<TokioExecutor>, Cause> {
    let client = Pulsar::builder(target.service_url.as_str(), TokioExecutor)
        .with_connection_retry_options(ConnectionRetryOptions {
            max_retries: 0,
            connection_timeout: ANSWER_TIMEOUT,
            ..ConnectionRetryOptions::default()
        })
        .with_operation_retry_options(OperationRetryOptions {
            operation_timeout: OPERATION_TIMEOUT,
            max_retries: Some(0),
            ..OperationRetryOptions::default()
        });
    let client = match &target.credentials {
        None => client,
        Some(credentials) => {
            let data = credentials.secret().map_err(|error| Cause::unreadable(&error))?;
            let name = credentials.method().to_owned();
            client.with_auth(pulsar::Authentication { name, data })
        }
    };
    client.build().await.map_err(Cause::from)
}

pub(super) async fn look_up(
    client: &Pulsar<TokioExecutor>,
    topic: &Topic,
) -> Result<(u32, String), Cause> {
    let partitions = client.lookup_partitioned_topic_number(topic.as_str()).await?;
    let broker = client.lookup_topic(topic.partition(0, partitions)).await?;
    Ok((partitions, broker.broker_url))
}
