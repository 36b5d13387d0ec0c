//! `stentor sample`.

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use anyhow::Context;

use super::client::Connection;
use super::{CliError, input, output};

/// Print a sample of an event type's data: the declared one, or one made from its schema
#[derive(Debug, Args)]
pub(super) struct SampleArgs {
    #[arg(value_parser = input::event_type, value_name = "TYPE")]
    name: String,
    #[command(flatten)]
    connection: Connection,
}

/// The part that people want.
#[derive(Deserialize)]
struct Sample<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Prints the data byte for byte; with `--json` the whole answer.
pub(super) async fn run(SampleArgs { name, connection }: SampleArgs) -> Result<(), CliError> {
    let answer = connection.get(&format!("/v1/event-types/{name}/sample"), &[]).await?;
    if connection.json() {
        return output::raw(&answer.body);
    }
    let sample: Sample<'_> =
        serde_json::from_slice(&answer.body).context("the gateway answered other than a sample")?;
    output::raw(&sample.data.get().to_owned().into())
}
