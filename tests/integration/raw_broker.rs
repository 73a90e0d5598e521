//! A broker that says exactly what a test wants said, in frames of the `pulsar` crate's making.

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;

use prost::Message as _;
use pulsar::message::proto::BaseCommand;
use pulsar::message::proto::CommandConnected;
use pulsar::message::proto::base_command::Type;

/// Listens until the tests end. What its script answers nothing to it leaves unanswered.
pub(crate) struct RawBroker {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<BaseCommand>>>,
}

impl RawBroker {
    /// Starts; with each command the script is given the broker's own URL.
    pub(crate) fn start<A: IntoIterator<Item = BaseCommand>>(
        script: impl Fn(&BaseCommand, &str) -> A + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("pulsar://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (all, own, script) = (Arc::clone(&heard), url.clone(), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (heard, own, script) = (Arc::clone(&all), own.clone(), Arc::clone(&script));
                let script = move |command: &BaseCommand| script(command, &own);
                thread::spawn(move || serve(stream.unwrap(), &script, &heard));
            }
        });
        Self { url, heard }
    }

    /// Returns what it heard, over all connections.
    pub(crate) fn heard(&self) -> Vec<BaseCommand> {
        self.heard.lock().unwrap().clone()
    }
}

/// Serves a connection until the other side hangs up.
fn serve<A: IntoIterator<Item = BaseCommand>>(
    mut stream: TcpStream,
    script: &impl Fn(&BaseCommand) -> A,
    heard: &Mutex<Vec<BaseCommand>>,
) {
    let mut sizes = [0; 8];
    while stream.read_exact(&mut sizes).is_ok() {
        let [total, size] =
            [0, 4].map(|at| u32::from_be_bytes(*sizes[at..].first_chunk().unwrap()));
        let mut frame = vec![0; total as usize - 4];
        if stream.read_exact(&mut frame).is_err() {
            return;
        }
        // What stands behind a SEND's command is not looked at.
        let command = BaseCommand::decode(&frame[..size as usize]).unwrap();
        heard.lock().unwrap().push(command.clone());
        for answer in script(&command) {
            let size = u32::try_from(answer.encoded_len()).unwrap();
            let frame = [&(size + 4).to_be_bytes()[..], &size.to_be_bytes()].concat();
            if stream.write_all(&[frame, answer.encode_to_vec()].concat()).is_err() {
                return;
            }
        }
    }
}

/// Closes the connection over which a script was asked: its thread ends, and with it the socket.
pub(crate) fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("hung up"))
}

/// Returns a command of this type without anything in it.
pub(crate) fn of_type(kind: Type) -> BaseCommand {
    BaseCommand { r#type: kind.into(), ..BaseCommand::default() }
}

/// Greets whoever connects.
pub(crate) fn connected() -> BaseCommand {
    BaseCommand { connected: Some(CommandConnected::default()), ..of_type(Type::Connected) }
}
