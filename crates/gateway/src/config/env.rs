//! `STENTOR_*` variables. One that means nothing is refused: a slip in `STENTOR_OPERATOR_TOKEN` must not pass unnoticed.

use std::path::PathBuf;

use super::{Config, ConfigError, Setting};

const PREFIX: &str = "STENTOR_";
/// Names the file.
const CONFIG_FILE: &str = "STENTOR_CONFIG";
/// What other commands read.
const CLIENT: [&str; 4] = ["STENTOR_URL", "STENTOR_TOKEN", "STENTOR_TENANT", "STENTOR_LISTEN_SECRET"];
/// Kubernetes sets these by itself when a service is called `stentor`.
const SERVICE_LINKS: [&str; 3] = ["STENTOR_SERVICE_", "STENTOR_PORT_", "STENTOR_PORT"];

/// The file that the environment names.
pub(super) fn config_file(variables: &[(String, String)]) -> Option<PathBuf> {
    variables.iter().find(|(name, _)| name == CONFIG_FILE).map(|(_, value)| value.into())
}

/// Applies what the environment says.
pub(super) fn apply(config: &mut Config, variables: &[(String, String)]) -> Result<(), ConfigError> {
    let given = |setting: Setting| variables.iter().any(|(name, _)| name == setting.variable());
    if given(Setting::MasterKey) && given(Setting::MasterKeyFile) {
        let message = "STENTOR_MASTER_KEY_FILE is set too; give one of them".into();
        return Err(ConfigError::Variable { name: Setting::MasterKey.variable().into(), message });
    }
    for (name, value) in variables.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        match Setting::ALL.iter().find(|setting| setting.variable() == name) {
            Some(setting) => config
                .set(*setting, value)
                .map_err(|message| ConfigError::Variable { name: name.clone(), message })?,
            None if is_ours(name) || is_service_link(name) => {}
            None => return Err(ConfigError::UnknownVariable { name: name.clone(), known: known() }),
        }
    }
    Ok(())
}

fn is_ours(name: &str) -> bool {
    name == CONFIG_FILE || CLIENT.contains(&name)
}

fn is_service_link(name: &str) -> bool {
    SERVICE_LINKS.iter().any(|link| if link.ends_with('_') { name.starts_with(link) } else { name == *link })
}

fn known() -> String {
    let names = Setting::ALL.iter().map(|setting| setting.variable()).chain([CONFIG_FILE]).chain(CLIENT);
    names.map(|name| name.trim_start_matches(PREFIX)).collect::<Vec<_>>().join(", ")
}
