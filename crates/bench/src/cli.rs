//! The command line: `run` for people, the hidden roles for `run` itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

#[derive(Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    #[command(flatten)]
    pub(crate) run: RunOptions,
}

#[derive(Subcommand)]
pub(crate) enum Role {
    /// Start everything, measure, print the table (default)
    Run(RunOptions),
    /// Count deliveries
    #[command(hide = true)]
    Receiver(ReceiverOptions),
    /// Sign and forward without storing
    #[command(hide = true)]
    Forwarder(ForwarderOptions),
    /// Publish events
    #[command(hide = true)]
    Load(LoadOptions),
}

#[derive(Args, Clone)]
pub(crate) struct RunOptions {
    /// What to measure, comma separated; by default everything but `tenants`, `ingest` and `many`
    #[arg(long, value_delimiter = ',')]
    pub(crate) scenario: Vec<ScenarioName>,
    /// The gateway's binary
    #[arg(long, default_value = "target/release/stentor")]
    pub(crate) gateway: PathBuf,
    /// Store URL; by default a fresh SQLite file for each start
    #[arg(long)]
    pub(crate) database: Option<String>,
    /// How often forwarder and gateway take turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repetitions: u32,
    /// Events of a closed-loop measurement with one webhook
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) events: u64,
    /// Connections of the load generator in closed-loop measurements
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) connections: u64,
    /// Length of an open-loop measurement, in seconds
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// Webhooks that never answer in scenario `hanging`
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(2..))]
    pub(crate) hanging: u64,
    /// Tenants in scenario `tenants`
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..))]
    pub(crate) tenants: u64,
    /// Pending deliveries in scenario `backlog`
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) backlog: u64,
    /// Credentials in scenario `ingest`
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..))]
    pub(crate) credentials: u64,
    /// Webhooks of the tenant in scenario `many`
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..=999_999_999))]
    pub(crate) webhooks: u64,
    /// In `one` and `fanout`: webhooks with a filter that matches, a plan with a quota and limits that do not bind
    #[arg(long)]
    pub(crate) with_everything: bool,
    /// Only `one` and `fanout`, few events, one turn each
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measure the forwarder alone; needs no gateway
    #[arg(long)]
    pub(crate) baseline_only: bool,
    /// Exit 1 if a figure is short of its hold
    #[arg(long)]
    pub(crate) strict: bool,
    /// Directory of the JSON report and of the databases
    #[arg(long, default_value = "target/bench")]
    pub(crate) out: PathBuf,
    /// File name of the JSON report, without `.json`
    #[arg(long)]
    pub(crate) name: Option<String>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ScenarioName {
    /// Deliveries a second, one webhook
    One,
    /// Deliveries a second, ten webhooks
    Fanout,
    /// Publish to receiver, at 50/s and at half of the maximum
    Latency,
    /// A healthy webhook beside hanging ones
    Hanging,
    /// Resident memory, idle and under full load
    Rss,
    /// Spawn to first answer
    Start,
    /// Many tenants against one
    Tenants,
    /// Received with username and password against published with a token
    Ingest,
    /// A tenant of many webhooks of which one matches
    Many,
    /// Restart with a backlog to first delivery
    Backlog,
}

#[derive(Args, Clone)]
pub(crate) struct ReceiverOptions {
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Take requests and never answer
    #[arg(long, conflicts_with = "endless")]
    pub(crate) hang: bool,
    /// Answer with a body that never ends
    #[arg(long)]
    pub(crate) endless: bool,
}

#[derive(Args, Clone)]
pub(crate) struct ForwarderOptions {
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Receiver URLs; each event goes to all
    #[arg(long, required = true, value_delimiter = ',')]
    pub(crate) targets: Vec<String>,
    /// Forwards in flight before publishing waits
    #[arg(long, default_value_t = 512)]
    pub(crate) in_flight_max: usize,
}

#[derive(Args, Clone)]
pub(crate) struct LoadOptions {
    /// Address of the subject
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// File of `Authorization` values, one a line, used in turn (not an argument: arguments are visible to all)
    #[arg(long)]
    pub(crate) tokens: PathBuf,
    #[arg(long, default_value = "/v1/events")]
    pub(crate) path: String,
    #[arg(long, default_value = "bench.event")]
    pub(crate) event_type: String,
    #[arg(long)]
    pub(crate) events: u64,
    #[arg(long, default_value_t = 256)]
    pub(crate) connections: u64,
    /// Events a second; without it each connection publishes as fast as it is answered
    #[arg(long)]
    pub(crate) rate: Option<f64>,
}
