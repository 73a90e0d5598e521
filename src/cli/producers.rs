//! The flags that say which producers there are and where their records go.

use clap::Args;
use clap::ValueEnum;

use crate::plan::Resume;
use crate::routing::KeyHash;
use crate::routing::Mode;

/// Characters in a producer name at most.
const NAME_CHARACTERS_MAX: usize = 128;

#[derive(Debug, Args)]
#[command(next_help_heading = "Producers")]
pub(super) struct ProducerArgs {
    /// What producer names start with. Default: host name and start, so that replicas never
    /// collide.
    #[arg(
        long, value_name = "NAME", env = "PRODUCER_LOAD_PRODUCER_NAME", value_parser = parse_name
    )]
    pub(super) producer_name: Option<String>,
    /// Go on where an earlier run of this plan under this name stopped, as the broker remembers it
    /// where deduplication is on; or-start: producers that it does not know begin anew.
    #[arg(
        long, value_name = "HOW", env = "PRODUCER_LOAD_RESUME", num_args = 0..=1,
        require_equals = true, default_missing_value = "strict"
    )]
    pub(super) resume: Option<ResumeArg>,
    /// Producers to create on each topic. Default: one a lane.
    #[arg(
        short, long, value_name = "COUNT", env = "PRODUCER_LOAD_NUM_PRODUCERS",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(super) num_producers: Option<u32>,
    /// Topics to write, each with its producers; of more than one the names end in -0, -1 and so
    /// on.
    #[arg(
        long, visible_alias = "num-topic", value_name = "COUNT",
        env = "PRODUCER_LOAD_NUM_TOPICS", default_value = "1",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(super) num_topics: u32,
    /// Which partition a record goes to: key (by its key where it has one, else in turn),
    /// round-robin (in turn, by whole batches), single (one a producer).
    #[arg(long, value_name = "MODE", env = "PRODUCER_LOAD_ROUTING", default_value = "key")]
    pub(super) routing: Mode,
    /// How a key becomes a partition: java (`JavaStringHash`, every client's default) or murmur3
    /// (`Murmur3_32Hash`).
    #[arg(long, value_name = "HASH", env = "PRODUCER_LOAD_KEY_HASH")]
    pub(super) key_hash: Option<KeyHash>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ResumeArg {
    Strict,
    OrStart,
}

impl From<ResumeArg> for Resume {
    fn from(resume: ResumeArg) -> Self {
        match resume {
            ResumeArg::Strict => Self::Strict,
            ResumeArg::OrStart => Self::OrStart,
        }
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    match text.len() {
        0 => Err("it is empty".to_owned()),
        n if n > NAME_CHARACTERS_MAX => Err(format!("at most {NAME_CHARACTERS_MAX} characters")),
        _ if text.chars().all(allowed) => Ok(text.to_owned()),
        _ => Err("use letters, digits and - _ . :".to_owned()),
    }
}
