//! Which items somebody wants to see.

use std::collections::HashSet;

use stentor_core::event::EventPattern;
use stentor_core::id::{SourceId, WebhookId};

use super::item::{EventFacts, Fact, Item, Kind};

/// What is to be shown. Everything set must hold; an item that has nothing of what is asked about is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these kinds; all when there is none.
    pub kinds: HashSet<Kind>,
    /// About events of this type, or below this prefix.
    pub event_type: Option<EventPattern>,
    /// About events with exactly this subject.
    pub subject: Option<String>,
    /// About this source, or events that came in through it.
    pub source: Option<SourceId>,
    /// About this webhook, its deliveries, or events that go to it.
    pub webhook: Option<WebhookId>,
}

impl Selection {
    /// Whether items of this kind are wanted at all.
    pub fn wants(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether the item can be wanted, going by all but its event: that may have to be looked up.
    pub(super) fn may_take(&self, item: &Item) -> bool {
        let webhook = |asked: WebhookId| match &item.fact {
            Fact::Accepted { webhooks, .. } => webhooks.contains(&asked),
            Fact::Started(started) => started.webhook == asked,
            Fact::Ended(ended) => ended.webhook == asked,
            Fact::Finished(finished) => finished.webhook == asked,
            Fact::Disabled { webhook, .. } => *webhook == asked,
            Fact::Request(_) => false,
        };
        self.wants(item.fact.kind()) && self.webhook.is_none_or(webhook)
    }

    /// Whether the item is wanted, once what can be known of its event is.
    pub(super) fn takes(&self, item: &Item) -> bool {
        if let Fact::Request(reception) = &item.fact {
            let of_source = self.source.is_none_or(|source| reception.source == Some(source));
            return self.may_take(item) && of_source && self.event_type.is_none() && self.subject.is_none();
        }
        self.may_take(item) && self.takes_event(item.event())
    }

    fn takes_event(&self, event: Option<&EventFacts>) -> bool {
        let Some(event) = event else {
            return self.event_type.is_none() && self.subject.is_none() && self.source.is_none();
        };
        self.event_type.as_ref().is_none_or(|pattern| pattern.matches(event.event_type.as_str()))
            && self.subject.as_deref().is_none_or(|subject| event.subject.as_deref() == Some(subject))
            && self.source.is_none_or(|source| event.source == Some(source))
    }
}
