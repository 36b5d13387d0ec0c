//! The command line: one file per command. `serve` runs the gateway; `listen`, `backup` and `openapi` work by themselves;
//! the others call the API of a running gateway and hold no rule of their own.
//!
//! Exit codes: 0 done, 1 failed or refused, 2 called wrongly.

use std::future::Future;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod backup;
mod broadcast;
mod client;
mod conversations;
mod credentials;
mod deliveries;
mod diagnose;
mod error;
mod event_types;
mod events;
mod explain;
mod input;
mod inspect;
mod listen;
mod openapi;
mod output;
mod routes;
mod sample;
mod send;
mod serve;
mod sources;
mod support;
mod tail;
mod tenants;
mod tokens;
mod webhooks;

pub use error::CliError;

/// Self-hosted webhook gateway: durable, signed, retried delivery.
#[derive(Debug, Parser)]
#[command(name = "stentor", version, propagate_version = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::ServeArgs>),
    #[command(flatten)]
    Short(Box<ShortCommand>),
    /// Print the OpenAPI document of the API.
    Openapi,
}

/// Commands that need one thread.
#[derive(Debug, Subcommand)]
enum ShortCommand {
    Send(send::SendArgs),
    Listen(listen::ListenArgs),
    Tail(tail::TailArgs),
    Inspect(inspect::InspectArgs),
    Webhooks(webhooks::WebhooksArgs),
    Routes(routes::RoutesArgs),
    Events(events::EventsArgs),
    Deliveries(deliveries::DeliveriesArgs),
    Diagnose(diagnose::DiagnoseArgs),
    Support(support::SupportArgs),
    EventTypes(event_types::EventTypesArgs),
    Sample(sample::SampleArgs),
    Conversations(conversations::ConversationsArgs),
    Sources(sources::SourcesArgs),
    Credentials(credentials::CredentialsArgs),
    Tokens(tokens::TokensArgs),
    Tenants(tenants::TenantsArgs),
    Broadcast(broadcast::BroadcastArgs),
    Backup(backup::BackupArgs),
}

/// Reads the arguments, runs the command, and says what went wrong.
pub fn run() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Short(command) => block_on(short(*command)).map(|()| ExitCode::SUCCESS),
        Command::Openapi => openapi::run().map(|()| ExitCode::SUCCESS),
    };
    ended.unwrap_or_else(|error| error.report())
}

async fn short(command: ShortCommand) -> Result<(), CliError> {
    match command {
        ShortCommand::Send(args) => send::run(args).await,
        ShortCommand::Listen(args) => listen::run(args).await,
        ShortCommand::Tail(args) => tail::run(args).await,
        ShortCommand::Inspect(args) => inspect::run(args).await,
        ShortCommand::Webhooks(args) => webhooks::run(args).await,
        ShortCommand::Routes(args) => routes::run(args).await,
        ShortCommand::Events(args) => events::run(args).await,
        ShortCommand::Deliveries(args) => deliveries::run(args).await,
        ShortCommand::Diagnose(args) => diagnose::run(args).await,
        ShortCommand::Support(args) => support::run(args).await,
        ShortCommand::EventTypes(args) => event_types::run(args).await,
        ShortCommand::Sample(args) => sample::run(args).await,
        ShortCommand::Conversations(args) => conversations::run(args).await,
        ShortCommand::Sources(args) => sources::run(args).await,
        ShortCommand::Credentials(args) => credentials::run(args).await,
        ShortCommand::Tokens(args) => tokens::run(args).await,
        ShortCommand::Tenants(args) => tenants::run(args).await,
        ShortCommand::Broadcast(args) => broadcast::run(args).await,
        ShortCommand::Backup(args) => backup::run(args).await,
    }
}

fn block_on<F: Future<Output = Result<(), CliError>>>(future: F) -> Result<(), CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

#[cfg(test)]
mod tests;
