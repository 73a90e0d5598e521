//! One connection's socket: reads frames into one buffer, writes what the dialogue has ready.
//!
//! Frames are read where they lie, answers are written together: no task and no copy a message. The
//! buffer never grows beyond one frame of the allowed size and one read.

use std::future;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio::time::Interval;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tokio_util::bytes::Buf as _;
use tokio_util::bytes::BytesMut;

use super::codec::frame_bytes;
use super::dialogue::Dialogue;
use super::dialogue::Goodbye;
use super::door::Door;
use super::door::Passed;
use super::replies;
use super::sink::Sink;

/// How long the producers of a connection that has fallen silent keep their names: the real broker
/// probes it when somebody else wants one, and frees them a few seconds later.
const SILENT_NAMES_KEPT: Duration = Duration::from_secs(1);

/// How long a connection that has fallen silent stays: longer than any client that asks whether the
/// broker is there waits for an answer, and not for ever, as each keeps a descriptor.
const SILENT_KEPT: Duration = Duration::from_mins(2);

/// How much is read at a time.
const READ_BYTES: usize = 256 * 1024;

/// What woke a session.
enum Event {
    Passed(std::io::Result<Passed>),
    Due,
    Rung,
    KeepAlive,
}

/// How what was read becomes frames.
#[derive(Debug)]
pub(super) enum Intake {
    /// Every frame is read whole.
    Whole,
    /// Payloads are let pass.
    Sink(Sink),
}

/// Serves one connection to its end and counts how it ended. The client is asked every `keep_alive`
/// whether it is there.
pub(super) async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    mut dialogue: Dialogue,
    intake: Intake,
    keep_alive: Duration,
) {
    let opened = tokio::time::timeout(keep_alive, Door::open(stream, tls)).await;
    let mut door = match opened.map_err(std::io::Error::from).flatten() {
        Ok(door) => door,
        Err(error) => return log::warn!("embedded broker: a connection did not open: {error}"),
    };
    match converse(&mut door, &mut dialogue, intake, keep_alive).await {
        Ok(()) => log::debug!("embedded broker: the client closed its connection"),
        Err(goodbye) => {
            dialogue.count(&goodbye);
            // A client may leave as it likes; what it did wrong before that is worth a word.
            let left = matches!(goodbye, Goodbye::Socket(_));
            let level = if left { log::Level::Debug } else { log::Level::Warn };
            log::log!(level, "embedded broker: connection closed: {goodbye}");
            leave(door.socket(), dialogue, &goodbye).await;
        }
    }
}

/// Leaves a connection as the goodbye wants it: reset, silent for long, or just closed.
async fn leave(stream: &TcpStream, dialogue: Dialogue, goodbye: &Goodbye) {
    match goodbye {
        Goodbye::Cut => reset(stream),
        Goodbye::HalfOpen => {
            tokio::time::sleep(SILENT_NAMES_KEPT).await;
            drop(dialogue);
            tokio::time::sleep(SILENT_KEPT).await;
        }
        _ => {}
    }
}

/// Sees to it that a connection is reset when it is dropped, as by a broker that was killed.
pub(super) fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        log::debug!("embedded broker: a connection is closed, it cannot be reset: {error}");
    }
}

async fn converse(
    door: &mut Door,
    dialogue: &mut Dialogue,
    mut intake: Intake,
    keep_alive: Duration,
) -> Result<(), Goodbye> {
    let mut inbox = BytesMut::new();
    let mut keep_alive = ticks(keep_alive);
    let mut heard = true;
    loop {
        let now = Instant::now();
        dialogue.do_due(now)?;
        let wanted = match &mut intake {
            Intake::Whole => take_frames(&mut inbox, dialogue, now)?,
            Intake::Sink(sink) => sink.take(&mut inbox, dialogue, now).map(|()| READ_BYTES)?,
        };
        dialogue.deliver();
        let reading = dialogue.listens(now);
        if reading {
            inbox.reserve(wanted);
        }
        match event(door, &mut inbox, dialogue, &mut keep_alive, reading).await {
            Event::Passed(Ok(Passed::In(0))) => return Ok(()),
            Event::Passed(Ok(Passed::In(_))) => heard = true,
            Event::Passed(Ok(Passed::Out)) | Event::Due | Event::Rung => {}
            Event::Passed(Err(error)) => return Err(error.into()),
            // Whoever is not read cannot be heard, but can hear that we are there.
            Event::KeepAlive if !reading => dialogue.outbox.answer(&replies::ping()),
            Event::KeepAlive if !heard => return Err(Goodbye::Silent),
            Event::KeepAlive => {
                heard = false;
                dialogue.outbox.answer(&replies::ping());
            }
        }
    }
}

fn ticks(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Takes every whole frame while there is room for answers; returns how many bytes to read next.
fn take_frames(
    inbox: &mut BytesMut,
    dialogue: &mut Dialogue,
    now: Instant,
) -> Result<usize, Goodbye> {
    while dialogue.listens(now) {
        let Some(bytes) = frame_bytes(inbox)? else {
            break;
        };
        let Some(frame) = inbox.get(..bytes) else {
            return Ok(READ_BYTES.max(bytes - inbox.len()));
        };
        dialogue.take(frame, now)?;
        inbox.advance(bytes);
    }
    Ok(READ_BYTES)
}

/// Waits for the next thing to do.
async fn event(
    door: &mut Door,
    inbox: &mut BytesMut,
    dialogue: &mut Dialogue,
    keep_alive: &mut Interval,
    reading: bool,
) -> Event {
    let due = dialogue.next_due();
    let rung = dialogue.bell.notified();
    let out = &mut dialogue.outbox.ready;
    let passed = future::poll_fn(|cx| door.poll_pass(cx, out, reading.then_some(&mut *inbox)));
    tokio::select! {
        biased;
        _ = keep_alive.tick() => Event::KeepAlive,
        () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
            Event::Due
        }
        passed = passed => Event::Passed(passed),
        () = rung => Event::Rung,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tokio::io::AsyncReadExt as _;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::super::BrokerConfig;
    use super::super::codec::write_command;
    use super::super::topics::Topics;

    const KEEP_ALIVE: Duration = Duration::from_millis(50);

    /// Connects a client to a session.
    async fn client() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = (client.await.unwrap(), listener.accept().await.unwrap());
        let topics = Arc::new(Mutex::new(Topics::new(&BrokerConfig::default())));
        let dialogue = Dialogue::new(topics, 0, String::new(), Instant::now());
        tokio::spawn(serve(accepted.0, None, dialogue, Intake::Whole, KEEP_ALIVE));
        client
    }

    fn bytes(command: &pulsar::message::proto::BaseCommand) -> BytesMut {
        let mut bytes = BytesMut::new();
        write_command(command, &mut bytes);
        bytes
    }

    #[tokio::test]
    async fn a_silent_client_is_asked_once_and_left() {
        let mut client = client().await;
        let connected = Instant::now();
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, bytes(&replies::ping()));
        assert!(connected.elapsed() >= KEEP_ALIVE);
    }

    #[tokio::test]
    async fn a_client_that_answers_is_kept() {
        let mut client = client().await;
        let connect = pulsar::message::proto::BaseCommand {
            r#type: pulsar::message::proto::base_command::Type::Connect as i32,
            connect: Some(pulsar::message::proto::CommandConnect::default()),
            ..Default::default()
        };
        client.write_all(&bytes(&connect)).await.unwrap();
        let mut connected = bytes(&replies::connected(0));
        client.read_exact(&mut connected).await.unwrap();
        let mut asked = bytes(&replies::ping());
        for _ in 0..4 {
            client.read_exact(&mut asked).await.unwrap();
            client.write_all(&bytes(&replies::pong())).await.unwrap();
        }
        assert_eq!(asked, bytes(&replies::ping()));
    }
}
