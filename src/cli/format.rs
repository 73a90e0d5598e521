//! How a result is printed: one flag of every subcommand that ends with one.

use clap::Args;
use clap::ValueEnum;
use serde::Serialize;

use super::Failure;
use super::failed;
use super::print;

#[derive(Debug, Args)]
pub(super) struct FormatArgs {
    /// How the result is printed.
    #[arg(
        long,
        value_name = "FORMAT",
        env = "PRODUCER_LOAD_OUTPUT_FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    output_format: FormatArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatArg {
    /// For a person.
    Text,
    /// One line of JSON.
    Json,
}

impl FormatArgs {
    /// Prints a result as it was asked for.
    pub(super) fn print<T: Serialize>(
        &self,
        result: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        print(&match self.output_format {
            FormatArg::Text => text(result),
            FormatArg::Json => serde_json::to_string(result).map_err(failed)? + "\n",
        })
    }
}
