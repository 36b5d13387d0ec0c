//! The one table of settings: their names in the file, as variables and as flags, and how text becomes a value.

use std::fmt::Display;
use std::str::FromStr;

use stentor_core::webhook::SecretText;
use stentor_store::seal::MasterKey;

use super::outbound::allow_rules;
use super::{Config, MasterKeyText};

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident = $key:literal, $variable:literal;)*) => {
        /// A setting that a variable or a flag can give.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Setting {
            $($(#[$doc])* $name,)*
        }

        impl Setting {
            /// Every setting.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in the file.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)* }
            }

            /// Its variable.
            pub const fn variable(self) -> &'static str {
                match self { $(Self::$name => $variable,)* }
            }
        }
    };
}

settings! {
    /// Address of the API.
    Listen = "listen", "STENTOR_LISTEN";
    /// The database.
    Database = "database", "STENTOR_DATABASE";
    /// Plain http and loopback receivers.
    Dev = "dev", "STENTOR_DEV";
    /// The master key. Not in the file and no flag: a process list would show it.
    MasterKey = "master_key", "STENTOR_MASTER_KEY";
    /// File with the master key.
    MasterKeyFile = "master_key_file", "STENTOR_MASTER_KEY_FILE";
    /// The operator's token. No flag: a process list would show it.
    OperatorToken = "operator_token", "STENTOR_OPERATOR_TOKEN";
    /// What is logged.
    LogLevel = "log.level", "STENTOR_LOG";
    /// How a log line looks.
    LogFormat = "log.format", "STENTOR_LOG_FORMAT";
    /// Age at which events go.
    RetentionDays = "retention.days", "STENTOR_RETENTION_DAYS";
    /// Networks that may be dialled.
    OutboundAllow = "outbound.allow", "STENTOR_OUTBOUND_ALLOW";
    /// Plain http.
    OutboundHttp = "outbound.http", "STENTOR_OUTBOUND_HTTP";
    /// Names of private networks.
    OutboundInternalNames = "outbound.internal_names", "STENTOR_OUTBOUND_INTERNAL_NAMES";
    /// Attempts at once.
    OutboundConcurrency = "outbound.concurrency", "STENTOR_OUTBOUND_CONCURRENCY";
    /// The `User-Agent`.
    OutboundUserAgent = "outbound.user_agent", "STENTOR_OUTBOUND_USER_AGENT";
    /// Where attempts leave from.
    OutboundBindAddress = "outbound.bind_address", "STENTOR_OUTBOUND_BIND_ADDRESS";
    /// The addresses that receivers see.
    OutboundEgressIps = "outbound.egress_ips", "STENTOR_OUTBOUND_EGRESS_IPS";
    /// The proxy that attempts go through. No flag: a process list would show its password.
    OutboundProxy = "outbound.proxy", "STENTOR_OUTBOUND_PROXY";
    /// The proxies in front that are believed.
    HttpTrustedProxies = "http.trusted_proxies", "STENTOR_HTTP_TRUSTED_PROXIES";
    /// Connections at once.
    LimitsConnections = "limits.connections", "STENTOR_LIMITS_CONNECTIONS";
    /// Connections of one peer at once.
    LimitsConnectionsPerPeer = "limits.connections_per_peer", "STENTOR_LIMITS_CONNECTIONS_PER_PEER";
    /// Events that may wait.
    LimitsWaitingEvents = "limits.waiting_events", "STENTOR_LIMITS_WAITING_EVENTS";
    /// Events of one tenant that may wait.
    LimitsWaitingEventsPerTenant = "limits.waiting_events_per_tenant", "STENTOR_LIMITS_WAITING_EVENTS_PER_TENANT";
    /// Wrong tokens without consequence.
    LimitsWrongTokens = "limits.wrong_tokens", "STENTOR_LIMITS_WRONG_TOKENS";
    /// Whether everybody may read the metrics.
    MetricsPublic = "metrics.public", "STENTOR_METRICS_PUBLIC";
    /// Time to stop in.
    ShutdownDrainSeconds = "shutdown.drain_seconds", "STENTOR_SHUTDOWN_DRAIN_SECONDS";
    /// Time before stopping.
    ShutdownDelaySeconds = "shutdown.delay_seconds", "STENTOR_SHUTDOWN_DELAY_SECONDS";
}

impl Setting {
    /// Its flag: the name in the file with hyphens.
    pub fn flag(self) -> String {
        format!("--{}", self.key().replace(['.', '_'], "-"))
    }
}

/// Shortest operator token that is accepted, in bytes: one that can be guessed opens everything.
const OPERATOR_TOKEN_BYTES_MIN: usize = 16;

impl Config {
    /// Sets one setting from text. The message of an error does not repeat the text.
    pub(super) fn set(&mut self, setting: Setting, text: &str) -> Result<(), String> {
        match setting {
            Setting::Listen => self.listen = parsed(text, "an address and port such as 127.0.0.1:8080")?,
            Setting::Database => self.database = text.parse()?,
            Setting::Dev => self.dev = parsed(text, "true or false")?,
            Setting::MasterKey => {
                let key = MasterKey::parse(text).map_err(|error| error.to_string())?;
                (self.master_key, self.master_key_file) = (Some(MasterKeyText(key)), None);
            }
            Setting::MasterKeyFile => (self.master_key, self.master_key_file) = (None, Some(text.into())),
            Setting::OperatorToken => self.operator_token = Some(operator_token(text)?),
            Setting::LogLevel => self.log.level = text.parse()?,
            Setting::LogFormat => self.log.format = text.parse()?,
            Setting::RetentionDays => self.retention.days = text.parse()?,
            Setting::OutboundAllow => self.outbound.allow = allow_rules(text)?,
            Setting::OutboundHttp => self.outbound.http = parsed(text, "true or false")?,
            Setting::OutboundInternalNames => self.outbound.internal_names = parsed(text, "true or false")?,
            Setting::OutboundConcurrency => self.outbound.concurrency = text.parse()?,
            Setting::OutboundUserAgent => self.outbound.user_agent = text.parse()?,
            Setting::OutboundBindAddress => self.outbound.bind_address = Some(parsed(text, "an IP address")?),
            Setting::OutboundEgressIps => self.outbound.egress_ips = text.parse()?,
            Setting::OutboundProxy => self.outbound.proxy = Some(text.parse()?),
            Setting::HttpTrustedProxies => self.http.trusted_proxies = text.parse()?,
            Setting::LimitsConnections => self.limits.connections = text.parse()?,
            Setting::LimitsConnectionsPerPeer => self.limits.connections_per_peer = text.parse()?,
            Setting::LimitsWaitingEvents => self.limits.waiting_events = text.parse()?,
            Setting::LimitsWaitingEventsPerTenant => self.limits.waiting_events_per_tenant = text.parse()?,
            Setting::LimitsWrongTokens => self.limits.wrong_tokens = text.parse()?,
            Setting::MetricsPublic => self.metrics.public = parsed(text, "true or false")?,
            Setting::ShutdownDrainSeconds => self.shutdown.drain_seconds = text.parse()?,
            Setting::ShutdownDelaySeconds => self.shutdown.delay_seconds = text.parse()?,
        }
        Ok(())
    }
}

fn parsed<T: FromStr<Err: Display>>(text: &str, expected: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("expected {expected}"))
}

/// What the API can take as a bearer token: visible ASCII without spaces.
fn operator_token(text: &str) -> Result<SecretText, String> {
    let long = (OPERATOR_TOKEN_BYTES_MIN..=512).contains(&text.len());
    if long && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(SecretText::new(text.to_owned()));
    }
    Err(format!("expected {OPERATOR_TOKEN_BYTES_MIN} to 512 visible ASCII characters without spaces"))
}

/// The same for the file.
pub(super) fn operator_token_in_file<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretText>, D::Error> {
    let text = <String as serde::Deserialize>::deserialize(deserializer)?;
    operator_token(&text).map(Some).map_err(serde::de::Error::custom)
}
