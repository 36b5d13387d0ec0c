//! Configuration: defaults, then the file `stentor.toml`, then `STENTOR_*` variables, then flags; later ones win.
//!
//! Each section is a struct in its own file with its defaults. A value is checked where it is read, so that an error names
//! the line and column, the variable or the flag. Nothing unknown is accepted anywhere. `setting.rs` is the one table of names.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use stentor_core::plan::Plans;
use stentor_core::webhook::SecretText;
use stentor_store::seal::MasterKey;

mod bounded;
mod database;
mod egress;
mod env;
mod error;
mod file;
mod http;
mod limits;
mod log;
mod metrics;
mod outbound;
mod plans;
mod retention;
mod setting;
mod shown;
mod shutdown;
#[cfg(test)]
mod tests;

pub use bounded::Bounded;
pub use database::Database;
pub use egress::{EgressRange, EgressRanges, ProxyUrl};
pub use error::ConfigError;
pub use http::HttpConfig;
pub use limits::LimitsConfig;
pub use log::{LogConfig, LogFilter, LogFormat};
pub use metrics::MetricsConfig;
pub use outbound::{OutboundConfig, UserAgent};
pub use plans::PlanConfig;
pub use retention::RetentionConfig;
pub use setting::Setting;
pub use shutdown::ShutdownConfig;

/// The file that is read when it exists and no other is named.
pub const FILE_NAME: &str = "stentor.toml";
/// The commented file with every setting at its default.
pub const DEFAULT_FILE: &str = include_str!("default.toml");

/// How the process is to run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address of the API; port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub database: Database,
    /// Whether plain http and receivers on loopback are allowed.
    pub dev: bool,
    /// File with the master key; none means `stentor.key` beside the database.
    pub master_key_file: Option<PathBuf>,
    /// The master key itself. Only from the environment, so that it is in no file that is copied around.
    #[serde(skip)]
    pub master_key: Option<MasterKeyText>,
    /// The operator's token; none keeps the one that there is.
    #[serde(deserialize_with = "setting::operator_token_in_file")]
    pub operator_token: Option<SecretText>,
    /// Logs.
    pub log: LogConfig,
    /// What is deleted when.
    pub retention: RetentionConfig,
    /// Requests to receivers.
    pub outbound: OutboundConfig,
    /// How requests reach this server.
    pub http: HttpConfig,
    /// Bounds of what waits and of connections.
    pub limits: LimitsConfig,
    /// Who may read the metrics.
    pub metrics: MetricsConfig,
    /// What tenants may use, by the names of plans. Only in the file.
    pub plans: BTreeMap<String, PlanConfig>,
    /// How the process stops.
    pub shutdown: ShutdownConfig,
}

/// A master key that was given as text.
#[derive(Debug, Clone)]
pub struct MasterKeyText(pub MasterKey);

impl PartialEq for MasterKeyText {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_hex() == other.0.to_hex()
    }
}

impl Eq for MasterKeyText {}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            database: Database::default(),
            dev: false,
            master_key_file: None,
            master_key: None,
            operator_token: None,
            log: LogConfig::default(),
            retention: RetentionConfig::default(),
            outbound: OutboundConfig::default(),
            http: HttpConfig::default(),
            limits: LimitsConfig::default(),
            metrics: MetricsConfig::default(),
            plans: BTreeMap::new(),
            shutdown: ShutdownConfig::default(),
        }
    }
}

/// Where settings come from besides the defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file named by flag or variable. When there is none, `stentor.toml` in `folder` is read if it exists.
    pub file: Option<PathBuf>,
    /// The folder in which `stentor.toml` is looked for.
    pub folder: PathBuf,
    /// Environment variables; those that do not start with `STENTOR_` are passed over.
    pub variables: Vec<(String, String)>,
    /// What the flags say.
    pub flags: Vec<(Setting, String)>,
}

impl Config {
    /// The plans that tenants may have.
    pub fn plans(&self) -> Plans {
        plans::plans(&self.plans)
    }

    /// Reads all sources.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let named = sources.file.clone().or_else(|| env::config_file(&sources.variables));
        let mut config = file::read(named, &sources.folder)?;
        env::apply(&mut config, &sources.variables)?;
        for (setting, text) in &sources.flags {
            config
                .set(*setting, text)
                .map_err(|message| ConfigError::Flag { flag: setting.flag(), message })?;
        }
        Ok(config)
    }
}
