//! An answer in a sentence.

use stentor_core::filter::{ClauseReport, Reason};
use stentor_core::route::RouteStep;
use stentor_core::webhook::WebhookStatus;
use stentor_engine::explain::WebhookExplained;

/// Clauses that are named.
const NAMED_MAX: usize = 3;

/// Why the event goes to the webhook or does not.
pub(super) fn of(explained: &WebhookExplained) -> String {
    let Some(webhook) = &explained.webhook else {
        return "The webhook was not there when the event came.".into();
    };
    if explained.withheld {
        return "Operational events go to webhooks that ask for them by name or prefix, not by *, and never to the one that \
                they are about."
            .into();
    }
    let taken = explained.routes.iter().find(|(_, step)| *step == RouteStep::Taken);
    if explained.chosen.pattern.is_none() && taken.is_none() {
        let tried = if explained.routes.is_empty() { "" } else { ", and no route sends it" };
        return format!(
            "The webhook does not take events of the type {}{tried}.",
            explained.event.content.event_type
        );
    }
    if let Some(filter) = explained.chosen.filter.as_ref().filter(|filter| !filter.passed) {
        return refusal(&filter.clauses);
    }
    let by = match (&explained.chosen.pattern, taken) {
        (Some(pattern), _) => format!("its event type {pattern}"),
        (None, Some((route, _))) => {
            format!("the route {}", route.config.name.as_deref().unwrap_or("without a name"))
        }
        (None, None) => String::new(),
    };
    let held = match webhook.status {
        WebhookStatus::Active => "",
        _ => " It is held while the webhook is not active.",
    };
    format!("The event goes to the webhook by {by}.{held}")
}

fn refusal(clauses: &[ClauseReport]) -> String {
    let failing: Vec<_> = clauses.iter().filter(|clause| !clause.passed).collect();
    let named: Vec<_> = failing.iter().take(NAMED_MAX).map(|clause| told(clause)).collect();
    let more = failing.len().saturating_sub(NAMED_MAX);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("The filter refuses the event: {}{rest}.", named.join(", "))
}

fn told(clause: &ClauseReport) -> String {
    let why = match clause.reason {
        Some(Reason::Missing) => "nothing is there",
        Some(Reason::Type) => "what is there is of another type",
        Some(Reason::Infinite) => "the number is too large to be compared",
        Some(Reason::TooLong) => "the text is too long for a regular expression",
        Some(Reason::Present) => "something is there",
        Some(Reason::Inside) => "decided by the clauses inside",
        Some(Reason::Value) | None => "the value is another one",
    };
    format!("{} ({why})", clause.pointer)
}
