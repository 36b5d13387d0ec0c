//! `stentor serve`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::CliError;
use crate::app::lifecycle;
use crate::config::{Config, DEFAULT_FILE, Setting, Sources};
use crate::logging;

/// Run the gateway
///
/// Settings come from flags, then STENTOR_* variables, then the file stentor.toml, then defaults. --print-config explains
/// each of them.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// File with settings; stentor.toml in the working directory when there is one [env: STENTOR_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print a commented file with all settings at their defaults, and end
    #[arg(long)]
    print_config: bool,
    /// Address of the API [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Where everything is kept [default: sqlite:stentor.db]
    #[arg(long, value_name = "sqlite:PATH|postgres://…")]
    database: Option<String>,
    /// Allow plain http and receivers on loopback; for development
    #[arg(long)]
    dev: bool,
    /// File with the master key [default: stentor.key beside the database]
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<String>,
    /// error, warn, info, debug, trace or off, also by target [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// pretty or json [default: pretty]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Age at which events go [default: 30]
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<String>,
    /// Private network, address or port that may be dialled; can be repeated
    #[arg(long, value_name = "NETWORK[:PORT]")]
    outbound_allow: Vec<String>,
    /// Allow plain http
    #[arg(long)]
    outbound_http: bool,
    /// Allow names that only resolve in a private network
    #[arg(long)]
    outbound_internal_names: bool,
    /// Attempts at once [default: 512]
    #[arg(long, value_name = "ATTEMPTS")]
    outbound_concurrency: Option<String>,
    /// User-Agent of attempts
    #[arg(long, value_name = "TEXT")]
    outbound_user_agent: Option<String>,
    /// Local address that attempts leave from
    #[arg(long, value_name = "ADDRESS")]
    outbound_bind_address: Option<String>,
    /// Address or network that receivers see, shown to tenants; can be repeated
    #[arg(long, value_name = "ADDRESS")]
    outbound_egress_ips: Vec<String>,
    /// Connections to the API at once [default: 10000]
    #[arg(long, value_name = "CONNECTIONS")]
    limits_connections: Option<String>,
    /// Connections of one address at once [default: 4096]
    #[arg(long, value_name = "CONNECTIONS")]
    limits_connections_per_peer: Option<String>,
    /// Events that may wait to be stored [default: 16384]
    #[arg(long, value_name = "EVENTS")]
    limits_waiting_events: Option<String>,
    /// Events of one tenant that may wait to be stored [default: 4096]
    #[arg(long, value_name = "EVENTS")]
    limits_waiting_events_per_tenant: Option<String>,
    /// Wrong tokens of one address without consequence [default: 10]
    #[arg(long, value_name = "TOKENS")]
    limits_wrong_tokens: Option<String>,
    /// Proxies in front of this server whose X-Forwarded-For and -Proto are believed, separated by commas
    #[arg(long, value_name = "NETWORKS", value_delimiter = ',')]
    http_trusted_proxies: Vec<String>,
    /// Let everybody read /metrics
    #[arg(long)]
    metrics_public: bool,
    /// Time for requests and attempts in flight when stopping [default: 30]
    #[arg(long, value_name = "SECONDS")]
    shutdown_drain_seconds: Option<String>,
    /// Time for load balancers to notice before stopping [default: 0]
    #[arg(long, value_name = "SECONDS")]
    shutdown_delay_seconds: Option<String>,
}

impl ServeArgs {
    fn flags(&self) -> Vec<(Setting, String)> {
        let on = |flag: bool| flag.then(|| "true".to_owned());
        let listed = |values: &[String]| (!values.is_empty()).then(|| values.join(","));
        let flags = [
            (Setting::Listen, self.listen.clone()),
            (Setting::Database, self.database.clone()),
            (Setting::Dev, on(self.dev)),
            (Setting::MasterKeyFile, self.master_key_file.clone()),
            (Setting::LogLevel, self.log_level.clone()),
            (Setting::LogFormat, self.log_format.clone()),
            (Setting::RetentionDays, self.retention_days.clone()),
            (Setting::OutboundAllow, listed(&self.outbound_allow)),
            (Setting::OutboundHttp, on(self.outbound_http)),
            (Setting::OutboundInternalNames, on(self.outbound_internal_names)),
            (Setting::OutboundConcurrency, self.outbound_concurrency.clone()),
            (Setting::OutboundUserAgent, self.outbound_user_agent.clone()),
            (Setting::OutboundBindAddress, self.outbound_bind_address.clone()),
            (Setting::OutboundEgressIps, listed(&self.outbound_egress_ips)),
            (Setting::LimitsConnections, self.limits_connections.clone()),
            (Setting::LimitsConnectionsPerPeer, self.limits_connections_per_peer.clone()),
            (Setting::LimitsWaitingEvents, self.limits_waiting_events.clone()),
            (Setting::LimitsWaitingEventsPerTenant, self.limits_waiting_events_per_tenant.clone()),
            (Setting::LimitsWrongTokens, self.limits_wrong_tokens.clone()),
            (Setting::HttpTrustedProxies, listed(&self.http_trusted_proxies)),
            (Setting::MetricsPublic, on(self.metrics_public)),
            (Setting::ShutdownDrainSeconds, self.shutdown_drain_seconds.clone()),
            (Setting::ShutdownDelaySeconds, self.shutdown_delay_seconds.clone()),
        ];
        flags.into_iter().filter_map(|(setting, text)| text.map(|text| (setting, text))).collect()
    }
}

/// Reads the configuration from where this process was started.
pub(super) fn load_config(file: Option<PathBuf>, flags: Vec<(Setting, String)>) -> Result<Config, CliError> {
    let mut variables = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with("STENTOR_")) else { continue };
        let value = value.into_string().map_err(|_| CliError::Usage(format!("{name} is not UTF-8")))?;
        variables.push((name.to_owned(), value));
    }
    // An empty folder is the working directory.
    Ok(Config::load(&Sources { file, folder: PathBuf::new(), variables, flags })?)
}

/// Runs until a signal.
pub(super) fn run(args: &ServeArgs) -> Result<ExitCode, CliError> {
    if args.print_config {
        anstream::stdout().write_all(DEFAULT_FILE.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = load_config(args.config.clone(), args.flags())?;
    logging::start(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(lifecycle::run(&config));
    // After an orderly stop nothing is left; after a second signal nothing is waited for.
    runtime.shutdown_background();
    Ok(ended?)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        args: ServeArgs,
    }

    /// The keys are not flags: a process list would show them.
    #[test]
    fn every_setting_but_the_secret_ones_is_a_flag() {
        let command = Alone::command();
        let flags: Vec<String> = command
            .get_arguments()
            .filter_map(|arg| arg.get_long())
            .map(|long| format!("--{long}"))
            .collect();
        for setting in Setting::ALL {
            let secret =
                matches!(setting, Setting::MasterKey | Setting::OperatorToken | Setting::OutboundProxy);
            assert_eq!(flags.contains(&setting.flag()), !secret, "{}", setting.flag());
        }
    }

    #[test]
    fn each_flag_reaches_its_setting() {
        let command = Alone::command();
        for setting in Setting::ALL {
            let flag = setting.flag();
            let Some(arg) = command.get_arguments().find(|arg| arg.get_long() == flag.strip_prefix("--"))
            else {
                continue;
            };
            let words = ["x", &flag, "7"];
            let words = if arg.get_action().takes_values() { &words[..] } else { &words[..2] };
            let given = Alone::try_parse_from(words).expect("parses").args.flags();
            assert_eq!(given.iter().map(|(setting, _)| *setting).collect::<Vec<_>>(), [*setting]);
        }
    }
}
