//! Section `[metrics]`.

use serde::Deserialize;

/// Who may read `/metrics`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Whether everybody may; if not, it takes the operator's token.
    pub public: bool,
}
