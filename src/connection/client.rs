//! Producers of the `client` transport, by the `pulsar` crate's client.

use std::time::Duration;

use pulsar::ConnectionRetryOptions;
use pulsar::OperationRetryOptions;
use pulsar::Producer;
use pulsar::ProducerOptions;
use pulsar::Pulsar;
use pulsar::TokioExecutor;

use super::Cause;
use super::ConnectError;
use super::Session;
use super::Step;
use super::Taken;
use super::Target;
use crate::topic::Endpoint;

/// The longest wait for one answer, so that a port that accepts and says nothing is told apart.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the `pulsar` crate goes on resending a batch before it gives up on it.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

impl Session {
    /// Connects the crate's client.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub async fn client(&self) -> Result<Pulsar<TokioExecutor>, ConnectError> {
        let door = self.look_ups.door(&self.target);
        let open = async || open(&self.target, door).await;
        Ok(self.attempts.take(Step::Connect, &door.to_string(), open).await?.outcome)
    }

    /// Creates a producer of the crate's of this name on a partition, which registers the schema.
    ///
    /// `batch_records` is one more than a batch may have, so that a batch ends where it is flushed.
    ///
    /// # Errors
    /// As [`super::connect`].
    pub async fn create_producer(
        &self,
        client: &Pulsar<TokioExecutor>,
        name: &str,
        (topic, partition): (usize, u32),
        batch_records: u32,
    ) -> Result<(Producer<TokioExecutor>, Taken), ConnectError> {
        let topic = self.partition(topic, partition);
        let options = ProducerOptions {
            schema: Some(self.schema()),
            batch_size: Some(batch_records),
            block_queue_if_full: true,
            ..ProducerOptions::default()
        };
        let create = async || {
            let builder = client.producer().with_topic(&topic).with_name(name);
            builder.with_options(options.clone()).build().await.map_err(Cause::from)
        };
        let address = self.look_ups.door(&self.target).to_string();
        let producer = self.attempts.take(Step::CreateProducer, &address, create).await?;
        let taken = producer.taken(Step::CreateProducer, |_| format!("{name} on {topic}"));
        Ok((producer.outcome, taken))
    }
}

async fn open(target: &Target, door: &Endpoint) -> Result<Pulsar<TokioExecutor>, Cause> {
    let mut client = Pulsar::builder(target.service_url.of(door), TokioExecutor)
        .with_connection_retry_options(ConnectionRetryOptions {
            max_retries: 0,
            connection_timeout: ANSWER_TIMEOUT,
            ..ConnectionRetryOptions::default()
        })
        .with_operation_retry_options(OperationRetryOptions {
            operation_timeout: OPERATION_TIMEOUT,
            max_retries: Some(0),
            ..OperationRetryOptions::default()
        })
        .with_allow_insecure_connection(target.trust.is_anyone_trusted)
        .with_tls_hostname_verification_enabled(target.trust.is_host_name_checked);
    if let Some(file) = &target.trust.authorities_file {
        client = client.with_certificate_chain_file(file)?;
    }
    if let (Some(name), Some(data)) = (target.proof.method(), target.proof.secret().await?) {
        client = client.with_auth(pulsar::Authentication { name: name.to_owned(), data });
    }
    Ok(client.build().await?)
}
