//! What is around every page: the rail, the reader's choices, the clock.

use stentor_core::tenant::Tenant;
use stentor_core::time::Time;

use super::{assets, write};

/// A place in the rail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Events,
    Webhooks,
    Sources,
    DeadLetters,
    Routes,
    EventTypes,
    Conversations,
    Tokens,
    Settings,
    Tenants,
}

/// One entry of the rail.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) path: &'static str,
    pub(super) icon: &'static str,
    place: Place,
}

const fn entry(place: Place, name: &'static str, path: &'static str, icon: &'static str) -> Entry {
    Entry { name, path, icon, place }
}

static WATCH: [Entry; 5] = [
    entry(Place::Overview, "Overview", "/", "overview"),
    entry(Place::Events, "Events", "/events", "events"),
    entry(Place::Webhooks, "Webhooks", "/webhooks", "webhooks"),
    entry(Place::Sources, "Sources", "/sources", "sources"),
    entry(Place::DeadLetters, "Dead letters", "/dead-letters", "dead"),
];

static DECLARE: [Entry; 3] = [
    entry(Place::Routes, "Routes", "/routes", "routes"),
    entry(Place::EventTypes, "Event types", "/event-types", "types"),
    entry(Place::Conversations, "Conversations", "/conversations", "conversations"),
];
static SETTINGS: Entry = entry(Place::Settings, "Settings", "/settings", "settings");
static TOKENS: Entry = entry(Place::Tokens, "Tokens", "/tokens", "tokens");
static TENANTS: Entry = entry(Place::Tenants, "Tenants", "/tenants", "tenants");

/// How pages look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    pub(super) const COOKIE: &str = "stentor-theme";

    /// The one with that word; the system's for anything else.
    pub(super) fn of(word: Option<&str>) -> Self {
        match word {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// What the switch changes to.
    pub(super) const fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }
}

/// What templates know beside their own page.
pub(super) struct Shell {
    pub(super) title: String,
    pub(super) here: Place,
    pub(super) csrf: String,
    pub(super) theme: Theme,
    pub(super) tenant: Tenant,
    pub(super) tenants: Vec<Tenant>,
    pub(super) is_operator: bool,
    pub(super) can_manage: bool,
    pub(super) now: Time,
    /// What was done just before.
    pub(super) notice: Option<&'static str>,
}

impl Shell {
    /// The same, saying what was done just before.
    #[must_use]
    pub(super) fn noting(self, notice: Option<&'static str>) -> Self {
        Self { notice, ..self }
    }

    pub(super) fn style(&self) -> String {
        assets::STYLE.path()
    }

    pub(super) fn script(&self) -> String {
        assets::SCRIPT.path()
    }

    pub(super) fn icon(&self) -> String {
        assets::ICON.path()
    }

    /// The groups of the rail, without what this reader may not see.
    pub(super) fn groups(&self) -> [Vec<&'static Entry>; 3] {
        let own = [(self.can_manage, &TOKENS), (true, &SETTINGS), (self.is_operator, &TENANTS)];
        let own = own.into_iter().filter_map(|(may, entry)| may.then_some(entry)).collect();
        [WATCH.iter().collect(), DECLARE.iter().collect(), own]
    }

    pub(super) fn is_here(&self, entry: &Entry) -> bool {
        entry.place == self.here
    }

    /// How long ago, or how far ahead, in few words.
    pub(super) fn ago(&self, time: &Time) -> String {
        write::relative(*time, self.now)
    }

    /// Exactly, for people.
    pub(super) fn exact(&self, time: &Time) -> String {
        write::exact(*time)
    }
}
