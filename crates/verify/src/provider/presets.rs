//! The records of known providers: a table of the same JSON that users write.

use std::sync::LazyLock;

use super::scheme::Scheme;

mod business;
mod code;
mod commerce;
mod messaging;
mod open;
mod platform;

/// How a preset was confirmed. `docs/verification.md` says it for each in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// By the provider's own library, documentation or sample.
    A,
    /// By documentation of others, or several independent implementations that agree.
    B,
    /// Not confirmed; from general knowledge.
    C,
}

/// The scheme of one provider.
#[derive(Debug)]
pub struct Preset {
    /// Its name in configuration: lower-case words with hyphens.
    pub name: &'static str,
    /// How people call the provider.
    pub title: &'static str,
    /// Where the provider describes its webhooks: a URL, or the page of this repository for Stentor's own profiles.
    pub documentation: &'static str,
    /// What the provider calls the secret that [`Scheme::key`] takes.
    pub secret: &'static str,
    /// How it was confirmed.
    pub evidence: Evidence,
    /// How it signs.
    pub scheme: Scheme,
}

/// A row of the tables.
struct Row {
    name: &'static str,
    title: &'static str,
    documentation: &'static str,
    secret: &'static str,
    evidence: Evidence,
    scheme: &'static str,
}

static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    let families = [open::ROWS, code::ROWS, commerce::ROWS, messaging::ROWS, business::ROWS, platform::ROWS];
    let mut presets: Vec<Preset> = families.into_iter().flatten().map(Row::preset).collect();
    presets.sort_by_key(|preset| preset.name);
    presets
});

impl Row {
    fn preset(&self) -> Preset {
        let Self { name, title, documentation, secret, evidence, scheme } = *self;
        // A test reads each row.
        let scheme = serde_json::from_str(scheme).unwrap_or_else(|error| panic!("preset {name}: {error}"));
        Preset { name, title, documentation, secret, evidence, scheme }
    }
}

/// All presets, sorted by name.
#[must_use]
pub fn presets() -> &'static [Preset] {
    &PRESETS
}

/// The preset with this name.
///
/// ```
/// use stentor_verify::provider::preset;
///
/// assert_eq!(preset("stripe").expect("a preset").title, "Stripe");
/// assert!(preset("stripes").is_none());
/// ```
#[must_use]
pub fn preset(name: &str) -> Option<&'static Preset> {
    let presets = presets();
    presets.binary_search_by_key(&name, |preset| preset.name).ok().map(|index| &presets[index])
}

#[cfg(test)]
mod tests;
